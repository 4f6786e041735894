"""Metrics with confidence intervals by group: plain functions, and `evaluate` modules around them."""
