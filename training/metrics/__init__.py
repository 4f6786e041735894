"""Metrics with confidence intervals by player: plain functions, and `evaluate` modules around them."""
