"""Rows made when they are asked for: a corpus without any file."""

import pyarrow as pa

from sousa.generation.errors import UsageError, one_of
from sousa.generation.rudiments import corpus as rudiments
from sousa.generation.rudiments import definitions
from sousa.generation.textures import corpus as textures
from sousa.training.columns import columns_of, parquet_paths
from sousa.training.filters import Filter
from sousa.training.stream import BaseRows


class LiveRows(BaseRows):
    """Rows made when they are asked for; the same as stored ones of the same configuration.

    Corpora differ in what a subclass says: ``corpus``, their module; ``own``, columns that tell one row from
    another; ``_label_tables`` of a shard; and ``encoded``.

    Args:
        config: the Config of a corpus, as :func:`sousa.training.corpora.config` gives.
        (the others as in :class:`sousa.training.stream.Rows`)
    """

    def __init__(
        self, config, split=None, *, columns=(), where=None, sample_rate=None, crop_sec=None, crop="start",
        pad=False, transform=None, seed=0, audio="audio",
    ):  # fmt: skip
        super().__init__(sample_rate, crop_sec, crop, pad, transform, seed)
        columns = [columns] if isinstance(columns, str) else columns
        where = Filter.parse(where) if where is not None else None
        self.config, self.split, self.with_audio = config, split, audio is not None
        if self.with_audio and not config.with_audio:
            raise UsageError("the configuration has no audio; make it with audio, or give audio=None")
        shards = self.corpus.plan(config)
        splits = list(dict.fromkeys(shard.split for shard in shards))
        if split is not None and split not in splits:
            raise UsageError(f"the configuration has no split {one_of(split, splits)}")
        schema = self.corpus.corpus_schema(config)
        names = list(dict.fromkeys(name.partition(".")[0] for name in [*columns, "sample_id", *self.own]))
        tested = [name.partition(".")[0] for name in where.columns] if where is not None else []
        parquet_paths(schema, [*columns, *tested], "the configuration")
        self._check_columns([*names, *tested])
        fields = pa.schema([schema.field(name) for name in dict.fromkeys(names + tested)])
        tables = []
        for shard in shards:
            if split in (None, shard.split):
                for table in self._label_tables(shard, fields):
                    tables.append(table.filter(where.expression) if where is not None else table)
        self.table = pa.concat_tables(tables).select(names)
        self.num_rows = self.table.num_rows
        if not self.num_rows:
            raise UsageError("no row of the configuration is left by the filter")
        self.columns = columns_of(self.table)

    def _check_columns(self, names):
        """Refuse columns that can't be had without rendering."""

    def describe(self, row):
        """A row in words, for messages."""
        return f"row {self.columns['sample_id'][row]}"


class LiveRudiments(LiveRows):
    """Live rows of the rudiments corpus."""

    corpus = rudiments
    own = ("profile_index", "tempo_index", "augmentation_index", "rudiment_slug", "variant")

    def __init__(self, config, *arguments, **options):
        super().__init__(config, *arguments, **options)
        self._forms = {form: definitions.load()[form] for form in config.forms}

    def _label_tables(self, shard, fields):
        for table in rudiments.shard_tables(self.config, shard, render=False):
            yield table.select(fields.names)

    def encoded(self, rows):
        """Encoded clips of rows: list of bytes."""
        wanted = {}
        for row in rows:
            slug, variant, profile, tempo, augmentation = (
                self.columns[name][row]
                for name in ("rudiment_slug", "variant", "profile_index", "tempo_index", "augmentation_index")
            )
            form = self._forms[f"{slug}:{variant}" if variant else slug]
            wanted.setdefault(augmentation, []).append((row, (profile, form, tempo)))
        clips = {}
        for augmentation, members in wanted.items():
            made = rudiments.make_rows(self.config, [at for _, at in members], augmentation)["audio"]
            for (row, _), clip in zip(members, made.to_pylist(), strict=True):
                clips[row] = clip["bytes"]
        return [clips[row] for row in rows]


class LiveTextures(LiveRows):
    """Live rows of the textures corpus. Each renders its whole long signal, of which it is a chunk."""

    corpus = textures
    own = ("sound", "setting_index", "example_index", "chunk_index")

    def __init__(self, config, *arguments, **options):
        sounds = [sound.name for sound in config.sounds]
        self._positions = {(sounds[s.sound], s.index): i for i, s in enumerate(config.settings)}
        super().__init__(config, *arguments, **options)

    def _check_columns(self, names):
        if late := [name for name in names if name in textures.RENDERED]:
            raise UsageError(
                f"column {late[0]!r} is known when the sound is rendered, which live rows are only when they "
                "are asked for; leave it out, or read a stored dataset"
            )

    def _label_tables(self, shard, fields):
        for position in shard.key["settings"]:
            for example in range(self.config.examples):
                rows = textures.label_rows(self.config, position, example)
                yield pa.Table.from_pylist(list(rows), fields)

    def encoded(self, rows):
        """Encoded clips of rows: list of bytes."""
        wanted = {}
        for row in rows:
            sound, index, example, chunk = (self.columns[name][row] for name in self.own)
            wanted.setdefault((self._positions[sound, index], example), {})[chunk] = None
        for (position, example), chunks in wanted.items():
            only = next(iter(chunks)) if len(chunks) == 1 else None
            for made in textures.make_rows(self.config, position, example, only):
                chunks[made["chunk_index"]] = made["audio"]["bytes"]
        out = []
        for row in rows:
            sound, index, example, chunk = (self.columns[name][row] for name in self.own)
            out.append(wanted[self._positions[sound, index], example][chunk])
        return out


KINDS = {"rudiments": LiveRudiments, "textures": LiveTextures}
