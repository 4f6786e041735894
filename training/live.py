"""Rows made when they are asked for: a corpus without any file."""

from collections.abc import Sequence

import pyarrow as pa

from sousa.generation.corpus import is_generated
from sousa.generation.errors import UsageError
from sousa.generation.filters import Filter
from sousa.training.rows import BaseRows


class LiveRows(BaseRows):
    """Rows of the Config of a corpus; labels are made at once, and sound for each row that is read.

    They are the same as stored ones. Arguments: :class:`BaseRows`.
    """

    def _tables(self, paths: list[str], tested: list[str], kept: Filter) -> list[pa.Table]:
        self.config, self.corpus = self.source.config, self.known.corpus
        if not is_generated(self.corpus):
            raise UsageError(f"rows of {self.corpus.name} can't be made live; make a dataset, and read that")
        if self.audio and not self.config.with_audio:
            raise UsageError("the configuration has no audio; make it with audio, or give audio=None")
        self.corpus.prepare(self.config)
        names = dict.fromkeys([*(path.partition(".")[0] for path in paths), *self.corpus.address])
        read = list(names | dict.fromkeys(tested))
        if late := [column.name for column in self.known.columns if column.rendered and column.name in read]:
            raise UsageError(
                f"column {late[0]!r} is known when the sound is rendered, which live rows are only when they "
                "are asked for; leave it out, or read a stored dataset"
            )
        groups = (group for shard in self.files for group in self.corpus.addresses(self.config, shard))
        tables = (self.corpus.remake(self.config, group, render=False).select(read) for group in groups)
        return [table.filter(kept.expression).select(list(names)) for table in tables]

    def encoded(self, rows: Sequence[int]) -> list[bytes]:
        """Encoded clips of rows."""
        self.corpus.prepare(self.config)  # this may be another process than the one that opened the rows
        addresses = self.table.select(list(self.corpus.address)).take(list(rows))
        return [clip["bytes"] for clip in self.corpus.remake(self.config, addresses)["audio"].to_pylist()]
