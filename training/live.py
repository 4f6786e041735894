"""Rows made when they are asked for: the corpus without any file."""

import pyarrow as pa

from generation.errors import UsageError, one_of
from generation.rudiments import corpus, definitions
from training.columns import columns_of, parquet_paths
from training.filters import Filter
from training.stream import BaseRows


class LiveRows(BaseRows):
    """Rows made when they are asked for; the same as stored ones of the same configuration.

    Args:
        config: what :func:`generation.rudiments.corpus.make_config` gives.
        (the others as in :class:`training.stream.Rows`)
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
        shards = corpus.plan(config)
        splits = list(dict.fromkeys(shard.split for shard in shards))
        if split is not None and split not in splits:
            raise UsageError(f"the configuration has no split {one_of(split, splits)}")
        schema = corpus.corpus_schema(config)
        own = ["sample_id", "profile_index", "tempo_index", "augmentation_index", "rudiment_slug", "variant"]
        names = list(dict.fromkeys(name.partition(".")[0] for name in [*columns, *own]))
        tested = [name.partition(".")[0] for name in where.columns] if where is not None else []
        parquet_paths(schema, [*columns, *tested], "the configuration")
        tables = []
        for shard in shards:
            if split in (None, shard.split):
                for table in corpus.shard_tables(config, shard, render=False):
                    table = table.select(list(dict.fromkeys(names + tested)))
                    tables.append(table.filter(where.expression) if where is not None else table)
        self.table = pa.concat_tables(tables).select(names)
        self.num_rows = self.table.num_rows
        if not self.num_rows:
            raise UsageError("no row of the configuration is left by the filter")
        self.columns = columns_of(self.table)
        self._forms = {form: definitions.load()[form] for form in config.forms}

    def describe(self, row):
        """A row in words, for messages."""
        return f"row {self.columns['sample_id'][row]}"

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
            made = corpus.make_rows(self.config, [at for _, at in members], augmentation)["audio"]
            for (row, _), clip in zip(members, made.to_pylist(), strict=True):
                clips[row] = clip["bytes"]
        return [clips[row] for row in rows]
