"""The rudiments corpus as a ``datasets`` builder, over stored shards or generating live.

Conventions
-----------
``Rudiments(config_name="small")`` generates the rows it is asked for and needs no disk:
``as_streaming_dataset()`` starts at once. ``Rudiments(config_name="small",
data_dir="output/dataset")`` reads the shards of a dataset that ``sousa generate`` made, whose
settings then apply. Both give the same rows. The configs are the presets, plus ``custom``, which
takes every option of ``sousa generate``, or reads all of a dataset.
"""

from dataclasses import dataclass

import datasets

from sousa.builders.base import CorpusBuilder, CorpusConfig
from sousa.generation import DATA_VERSION
from sousa.generation.audio import noise, rooms
from sousa.generation.audio.commands import fonts_to_banks
from sousa.generation.rudiments import corpus, reopen
from sousa.generation.rudiments.columns import columns


@dataclass
class RudimentsConfig(CorpusConfig):
    """Options of the corpus; None keeps the preset's number. See ``sousa generate --help``."""

    profiles: int | None = None
    tempos: int | None = None
    augmentations: int | None = None
    seed: int = 42
    rudiments: list[str] | None = None
    tiers: list[str] | None = None
    duration_sec: float = 6.0
    sample_rate: int = 44100
    channels: int = 1
    audio_format: str = "flac"
    with_audio: bool = True
    soundfont: str | None = None
    presets: list[str] | None = None
    impulse_responses: str | None = None
    noise_files: str | None = None

    def request(self):
        """Arguments for :func:`sousa.generation.rudiments.corpus.make_config`, without the drums."""
        preset = self.name if self.name in corpus.PRESETS else "small"
        options = self.options()
        for name in _PATHS:
            del options[name]
        options["acoustic_presets"] = options.pop("presets")
        return {"preset": preset, **options}

    def own_sounds(self):
        """The further arguments: what the user's own files hold."""
        given = {}
        if self.soundfont:
            given["bank_list"] = fonts_to_banks(self.soundfont, lambda text: None)
        if self.impulse_responses:
            given["user_rooms"] = rooms.user_pool(self.impulse_responses)
        if self.noise_files:
            given["user_noises"] = noise.user_files(self.noise_files)
        return given


_PATHS = ("soundfont", "impulse_responses", "noise_files")


class Rudiments(CorpusBuilder):
    """40 snare-drum rudiments played by simulated players of four skill tiers.

    Raises: ValueError for options that can't be met, naming all of them; for a ``data_dir`` that
        holds no finished dataset, or one without the preset asked for.
    """

    VERSION = datasets.Version(DATA_VERSION)
    BUILDER_CONFIG_CLASS = RudimentsConfig
    BUILDER_CONFIGS = [
        RudimentsConfig(
            name=name, version=DATA_VERSION, description=f"{p} players, {t} tempi, {a} renderings"
        )
        for name, (p, t, a) in corpus.PRESETS.items()
    ] + [RudimentsConfig(name="custom", version=DATA_VERSION, description="as asked for")]
    DEFAULT_CONFIG_NAME = "small"
    CORPUS, REOPEN = corpus, reopen

    def stored_settings(self, manifest):
        return reopen.config_of(manifest, need_drums=False)

    def new_settings(self, config):
        return corpus.make_config(**config.request(), **config.own_sounds())

    def columns(self):
        return columns(self.settings.with_audio)
