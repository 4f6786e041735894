"""`evaluate.load("training/metrics/retrieval")`."""
