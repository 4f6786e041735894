"""`evaluate.load("training/metrics/scores")`."""
