"""What the builders of generated corpora have in common: rows of stored shards, or made as they are read.

Conventions
-----------
Without ``data_dir`` a builder makes the rows it is asked for and needs no disk; with one it reads the shards
of a dataset that ``sousa generate`` made, whose settings then apply. Both give the same rows. The cache is
addressed by the digest of the settings, which covers the data version, and with ``data_dir`` by the digests
of the shards: changed data is never read from an old cache.
"""

import hashlib
from dataclasses import fields
from pathlib import Path

import datasets

from sousa.builders.audio import ReadableAudio
from sousa.builders.features import features
from sousa.builders.release.layout import SPLITS
from sousa.generation.errors import SousaError
from sousa.generation.manifest import complete_manifest, config_digest
from sousa.generation.storage import damage
from sousa.generation.tables import row_groups


class CorpusConfig(datasets.BuilderConfig):
    """Options of a corpus, beside those that every builder of ``datasets`` has."""

    def options(self):
        """The options of the corpus, by name."""
        own = {field.name for field in fields(type(self))} - {f.name for f in fields(datasets.BuilderConfig)}
        return {name: getattr(self, name) for name in sorted(own)}


class CorpusBuilder(ReadableAudio, datasets.GeneratorBasedBuilder):
    """A generated corpus. A subclass says what its settings are and how its rows are made.

    Raises: ValueError for options that can't be met, naming all of them; for a ``data_dir`` that
        holds no finished dataset, or one without the preset asked for.
    """

    # encoded audio is large: rows are written out in batches of this many
    DEFAULT_WRITER_BATCH_SIZE = 100
    CORPUS = None  # the corpus's module: plan(settings), shard_tables(settings, shard)
    REOPEN = None  # its module that reads datasets back: records_of(manifest, settings), views(settings)

    def stored_settings(self, manifest):
        """The settings of a finished dataset."""
        raise NotImplementedError

    def new_settings(self, config):
        """The settings that a builder's configuration asks for."""
        raise NotImplementedError

    def columns(self):
        """Declarations of the columns of :attr:`settings`."""
        raise NotImplementedError

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
            defaults = type(config)().options()
            given = [name for name, value in config.options().items() if value != defaults[name]]
            if given:
                raise SousaError(
                    f"{', '.join(given)}: no choice for stored rows; leave out data_dir or these"
                )
            manifest = complete_manifest(config.data_dir)
            self.settings = self.stored_settings(manifest)
            for name in defaults.keys() & vars(self.settings).keys():
                setattr(config, name, getattr(self.settings, name))
            views = self.REOPEN.views(self.settings)
            views.setdefault("custom", list(manifest["shards"]))
            if config.name not in views:
                raise SousaError(
                    f"{config.data_dir} does not hold preset {config.name}; it has "
                    f"{', '.join(views)}, to be given as config_name"
                )
            self.REOPEN.records_of(manifest, self.settings)
            self._records = {name: manifest["shards"][name] for name in views[config.name]}
            for record in self._records.values():
                sha.update(record["sha256"].encode())
        else:
            self.settings = self.new_settings(config)
            self._records = None
        sha.update(config_digest(self.settings.identity()).encode())
        self.hash = sha.hexdigest()[:16]

    def _info(self):
        return datasets.DatasetInfo(
            description=self.__class__.__doc__.splitlines()[0],
            features=self._features(stored=True),
        )

    def _features(self, stored):
        return features(self.columns(), self.settings.sample_rate, stored)

    def _split_generators(self, dl_manager):
        planned = self.CORPUS.plan(self.settings)
        by_split = {}
        for shard in planned:
            if self._records is None or shard.name in self._records:
                by_split.setdefault(shard.split, []).append(shard)
        return [
            datasets.SplitGenerator(name=name, gen_kwargs={"shards": by_split[name]})
            for name in SPLITS
            if name in by_split
        ]

    def _generate_examples(self, shards):
        for shard in shards:
            if self._records is None:
                groups = self.CORPUS.shard_tables(self.settings, shard)
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
