"""`evaluate.load("training/metrics/notes")`."""
