"""`evaluate.load("training/metrics/classification")`."""
