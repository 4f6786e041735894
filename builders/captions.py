"""Captioned rows as a ``datasets`` builder.

``Captions(data_dir="output/captions")`` reads a dataset that ``sousa unify`` made. Published corpora have
builders of their own: see :mod:`sousa.builders.captioned`.
"""

from sousa.builders.base import CorpusBuilder


class Captions(CorpusBuilder):
    """Rows of published corpora with captions, under one schema."""

    NAME = "captions"
