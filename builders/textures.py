"""The textures corpus as a ``datasets`` builder, over stored shards or generating live.

Conventions
-----------
``Textures(config_name="small")`` generates the rows it is asked for: ``as_streaming_dataset()`` starts at
once. ``Textures(configfile="space.yaml")`` makes those of a configuration file, and
``Textures(config_name="small", data_dir="output/textures")`` reads the shards of a dataset. The configs are
the presets, plus ``custom``, which takes a file, or reads all of a dataset.
"""

from dataclasses import dataclass

import datasets

from sousa.builders.base import CorpusBuilder, CorpusConfig
from sousa.generation import DATA_VERSION
from sousa.generation.errors import UsageError
from sousa.generation.textures import corpus, reopen, schema
from sousa.generation.textures.columns import columns


@dataclass
class TexturesConfig(CorpusConfig):
    """Options of the corpus; None keeps the file's or preset's value. See ``sousa generate --help``."""

    configfile: str | None = None
    seed: int | None = None
    sample_rate: int | None = None
    audio_format: str | None = None
    duration_sec: float | None = None
    chunk_sec: float | None = None
    examples: int | None = None
    level: str | None = None


class Textures(CorpusBuilder):
    """Sound textures of synthesizers' parameter spaces, labelled with every parameter and event.

    Raises: ValueError for options that can't be met, naming all of them; for a ``data_dir`` that
        holds no finished dataset, or one without the preset asked for.
    """

    VERSION = datasets.Version(DATA_VERSION)
    BUILDER_CONFIG_CLASS = TexturesConfig
    BUILDER_CONFIGS = [
        TexturesConfig(name=name, version=DATA_VERSION, description=f"the {name} preset")
        for name in schema.PRESETS
    ] + [TexturesConfig(name="custom", version=DATA_VERSION, description="of a configuration file")]
    DEFAULT_CONFIG_NAME = "small"
    CORPUS, REOPEN = corpus, reopen

    def stored_settings(self, manifest):
        return reopen.config_of(manifest)

    def new_settings(self, config):
        options = config.options()
        file = options.pop("configfile")
        if file is None:
            preset = config.name if config.name in schema.PRESETS else "small"
            return schema.preset(preset, **options)
        if config.name in schema.PRESETS and config.name != self.DEFAULT_CONFIG_NAME:
            raise UsageError(f"configfile says what to make, so {config.name} has no use; leave one out")
        return schema.read(file, **options)[0]

    def columns(self):
        return columns(corpus.swept(self.settings))
