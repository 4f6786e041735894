"""Rows made when they are asked for: a corpus without any file."""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from sousa.generation.corpus import Config, is_generated
from sousa.generation.errors import UsageError, one_of
from sousa.training import filters, roles
from sousa.training.columns import parquet_paths
from sousa.training.rows import BaseRows, Transform


class LiveRows(BaseRows):
    """Rows made when they are asked for; the same as stored ones of the same configuration.

    Labels are made at once, and sound for each row that is read.

    Args:
        config: of a corpus that makes its rows, as :func:`sousa.training.corpora.config` gives.
        (the others as in :class:`sousa.training.stream.Rows`)
    """

    def __init__(
        self, config: Config, split: str | None = None, *, columns: str | Iterable[str] = (),
        where: Any = None, sample_rate: int | None = None, crop_sec: float | None = None, crop: str = "start",
        pad: bool = False, transform: Transform | None = None, seed: int = 0, audio: str | None = "audio",
    ):  # fmt: skip
        super().__init__(sample_rate, crop_sec, crop, pad, transform, seed)
        self.config, self.split, self.with_audio = config, split, audio is not None
        self.known, self.corpus = roles.of(config), roles.corpus_of(config)
        if not is_generated(self.corpus):
            raise UsageError(f"rows of {self.corpus.name} can't be made live; make a dataset, and read that")
        if self.with_audio and not config.with_audio:
            raise UsageError("the configuration has no audio; make it with audio, or give audio=None")
        self.corpus.prepare(config)
        shards = self.corpus.plan(config)
        splits = list(dict.fromkeys(shard.split for shard in shards))
        if split is not None and split not in splits:
            raise UsageError(f"the configuration has no split {one_of(split, splits)}")
        wanted = [columns] if isinstance(columns, str) else list(columns)
        where = filters.parse(where, self.known)
        tested = [name.partition(".")[0] for name in where.columns] if where is not None else []
        parquet_paths(self.corpus.schema(config), [*wanted, *tested], "the configuration")
        names = [name.partition(".")[0] for name in [*wanted, "sample_id", *self.corpus.address]]
        late = [c.name for c in self.known.columns if c.rendered and c.name in {*names, *tested}]
        if late:
            raise UsageError(
                f"column {late[0]!r} is known when the sound is rendered, which live rows are only when they "
                "are asked for; leave it out, or read a stored dataset"
            )
        names = list(dict.fromkeys(names))
        tables = []
        for shard in shards:
            if split in (None, shard.split):
                for addresses in self.corpus.addresses(config, shard):
                    made = self.corpus.remake(config, addresses, render=False)
                    made = made.select(list(dict.fromkeys(names + tested)))
                    tables.append(made.filter(where.expression) if where is not None else made)
        table = pa.concat_tables(tables).select(names)
        self._fill(table, len(table))
        if not self.num_rows:
            raise UsageError("no row of the configuration is left by the filter")

    def describe(self, row: int) -> str:
        """A row in words, for messages."""
        return f"row {self.columns['sample_id'][row]}"

    def encoded(self, rows: Sequence[int]) -> list[bytes]:
        """Encoded clips of rows."""
        self.corpus.prepare(self.config)  # this may be another process than the one that opened the rows
        addresses = self.table.select(list(self.corpus.address)).take(list(rows))
        made = self.corpus.remake(self.config, addresses)
        return [clip["bytes"] for clip in made["audio"].to_pylist()]
