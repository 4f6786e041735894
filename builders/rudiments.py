"""The rudiments corpus as a ``datasets`` builder, over stored shards or generating live.

``Rudiments(config_name="small")`` makes the rows it is asked for and needs no disk:
``as_streaming_dataset()`` starts at once. ``Rudiments(config_name="small", data_dir="output/rudiments")``
reads the shards of a dataset that ``sousa generate`` made. Both give the same rows. The config ``custom``
takes every option of ``sousa generate``, such as ``profiles=20, rudiments=["flam"]``, or reads all of a
dataset.
"""

from sousa.builders.base import CorpusBuilder


class Rudiments(CorpusBuilder):
    """40 snare-drum rudiments played by simulated players of four skill tiers."""

    NAME = "rudiments"
