"""Training and evaluation over streams: accelerate and the transformers Trainer."""
