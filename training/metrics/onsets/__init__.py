"""`evaluate.load("training/metrics/onsets")`."""
