"""Sampled pianos: their format, building them from soundfonts, and playing performances on them."""

from sousa.generation.piano.sampler.modelled import by_name
from sousa.generation.piano.sampler.pianos import DEFAULT, Piano, available, load, shipped
from sousa.generation.piano.sampler.rendering import render

__all__ = ["DEFAULT", "Piano", "available", "by_name", "load", "render", "shipped"]
