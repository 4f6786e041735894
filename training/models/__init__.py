"""Encoders, and the model that puts heads on them."""
