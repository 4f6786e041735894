"""The textures corpus as a ``datasets`` builder, over stored shards or generating live.

``Textures(config_name="small")`` makes the rows it is asked for: ``as_streaming_dataset()`` starts at once.
``Textures(configfile="space.yaml")`` makes those of a configuration file, and
``Textures(config_name="small", data_dir="output/textures")`` reads the shards of a dataset.
"""

from sousa.builders.base import CorpusBuilder


class Textures(CorpusBuilder):
    """Sound textures of synthesizers' parameter spaces, labelled with every parameter and event."""

    NAME = "textures"
