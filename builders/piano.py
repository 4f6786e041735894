"""The piano corpus as a ``datasets`` builder, over stored shards or generating live.

``Piano(config_name="small")`` makes the rows it is asked for and needs no disk: ``as_streaming_dataset()``
starts at once. ``Piano(config_name="small", data_dir="output/piano")`` reads the shards of a dataset that
``sousa generate piano`` made. Both give the same rows. The config ``custom`` takes every option of ``sousa
generate piano``, such as ``samples=100, complexity=["medium"]``, or reads all of a dataset.
"""

from sousa.builders.base import CorpusBuilder


class Piano(CorpusBuilder):
    """Piano pieces of three levels, performed by simulated players of three skill tiers."""

    NAME = "piano"
