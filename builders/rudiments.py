"""The rudiments corpus as a ``datasets`` builder, over stored shards or generating live.

Conventions
-----------
``Rudiments(config_name="small")`` generates the rows it is asked for and needs no disk:
``as_streaming_dataset()`` starts at once. ``Rudiments(config_name="small",
data_dir="output/dataset")`` reads the shards of a dataset that ``sousa generate`` made, whose
settings then apply. Both give the same rows. The configs are the presets, plus ``custom``, which
takes every option of ``sousa generate``, or reads all of a dataset.

The cache is addressed by the digest of the configuration, which covers the data version and the
drums, and with ``data_dir`` by the digests of the shards: changed data is never read from an old
cache.
"""

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path

import datasets

from builders.audio import ReadableAudio
from builders.features import features
from generation import DATA_VERSION
from generation.audio import noise, rooms
from generation.audio.commands import fonts_to_banks
from generation.errors import SousaError
from generation.rudiments import corpus, players, reopen
from generation.rudiments.columns import columns
from generation.shards import config_digest, damage
from generation.tables import complete_manifest, row_groups


@dataclass
class RudimentsConfig(datasets.BuilderConfig):
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

    def options(self):
        """The options of the corpus, by name."""
        own = {field.name for field in fields(RudimentsConfig)} - {
            f.name for f in fields(datasets.BuilderConfig)
        }
        return {name: getattr(self, name) for name in sorted(own)}

    def request(self):
        """Arguments for :func:`generation.rudiments.corpus.make_config`, without the drums."""
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


_DEFAULTS = RudimentsConfig().options()
_PATHS = ("soundfont", "impulse_responses", "noise_files")


class Rudiments(ReadableAudio, datasets.GeneratorBasedBuilder):
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
    # encoded audio is large: rows are written out in batches of this many
    DEFAULT_WRITER_BATCH_SIZE = 100

    def _create_builder_config(self, *args, **kwargs):
        config, config_id = super()._create_builder_config(*args, **kwargs)
        try:
            self._open(config)
        except SousaError as error:
            raise ValueError(str(error)) from None
        return config, config_id

    def _open(self, config):
        """Settle what is made or read, and address the cache by it."""
        sha = hashlib.sha256()
        if config.data_dir:
            given = [name for name, value in config.options().items() if value != _DEFAULTS[name]]
            if given:
                raise SousaError(
                    f"{', '.join(given)}: no choice for stored rows; leave out data_dir or these"
                )
            manifest = complete_manifest(config.data_dir)
            self.settings = reopen.config_of(manifest, need_drums=False)
            for name in _DEFAULTS.keys() & vars(self.settings).keys():
                setattr(config, name, getattr(self.settings, name))
            views = reopen.views(self.settings)
            views.setdefault("custom", list(manifest["shards"]))
            if config.name not in views:
                raise SousaError(
                    f"{config.data_dir} does not hold preset {config.name}; it has {', '.join(views)}"
                )
            reopen.records_of(manifest, self.settings)
            self._records = {name: manifest["shards"][name] for name in views[config.name]}
            for record in self._records.values():
                sha.update(record["sha256"].encode())
        else:
            self.settings = corpus.make_config(**config.request(), **config.own_sounds())
            self._records = None
        sha.update(config_digest(self.settings.identity()).encode())
        self.hash = sha.hexdigest()[:16]

    def _info(self):
        return datasets.DatasetInfo(
            description=self.__class__.__doc__.splitlines()[0],
            features=self._features(stored=True),
        )

    def _features(self, stored):
        return features(columns(self.settings.with_audio), self.settings.sample_rate, stored)

    def _split_generators(self, dl_manager):
        shards = [s for s in corpus.plan(self.settings) if self._records is None or s.name in self._records]
        by_split = {}
        for shard in shards:
            by_split.setdefault(shard.split, []).append(shard)
        return [
            datasets.SplitGenerator(name=name, gen_kwargs={"shards": by_split[name]})
            for name in players.SPLITS
            if name in by_split
        ]

    def _generate_examples(self, shards):
        for shard in shards:
            if self._records is None:
                groups = corpus.shard_tables(self.settings, shard)
            else:
                record = self._records[shard.name]
                problem = damage(self.config.data_dir, record)
                if problem:
                    raise ValueError(f"{problem}; run the 'sousa generate' command that made it again")
                groups = row_groups(Path(self.config.data_dir) / record["file"])
            for group in groups:
                for row in group.to_pylist():
                    yield row["sample_id"], row

    def audio_feature(self):
        """What the audio column is to readers, None without audio."""
        return self._features(stored=False)["audio"] if self.settings.with_audio else None
