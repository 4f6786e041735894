"""Validating a dataset of any corpus, from its files alone.

``examine`` measures one shard, in any process: what follows from its columns' roles, and what the corpus's
own :class:`Examiner` adds. ``checks`` judges the measurements of all of them, with the corpus's own
:meth:`Validation.checks`; ``report`` writes them down as text, JSON and a page with plots.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from sousa.generation.columns import Column
    from sousa.generation.config import Config
    from sousa.generation.shards import Shard
    from sousa.generation.storage import LocalStorage
    from sousa.generation.validation.findings import Check, Findings, Problems


@dataclass(frozen=True)
class Task:
    """What to examine.

    Attributes:
        columns: as the dataset's files have them.
        record: manifest record of the shard.
        shard: as it is planned, None where rows can't be made again.
        every: sound and MIDI of each unit of rows whose number is a multiple of this are read.
        again: how many units are made again with their sound.
        loose: the dataset says that it has audio and MIDI files as well.
    """

    corpus: Any
    config: "Config"
    columns: "tuple[Column, ...]"
    storage: "LocalStorage"
    record: dict[str, Any]
    shard: "Shard | None"
    every: int
    again: int
    loose: bool


class Examiner:
    """A corpus's own measurements of one shard; this one makes none.

    Attributes:
        task: what is examined.
        unit: rows that are heard together or not at all, such as the chunks of one signal.
    """

    unit = 1

    def __init__(self, task: Task):
        self.task = task

    def labels(self, group: "pa.Table", first: int, problems: "Problems") -> dict[str, Any]:
        """Check the labels of a row group; returns arrays or lists to keep, one element a row.

        Args:
            first: number of its first row in the shard.
            problems: counts of what is wrong, to be added to.
        """
        return {}

    def hear(
        self, group: "pa.Table", i: int, number: int, pcm: "np.ndarray | None", problems: "Problems"
    ) -> None:
        """Check MIDI and sound of row ``i`` of the group whose labels were checked last.

        Args:
            number: of the row in the shard.
            pcm: int16 (samples, channels), None where there is none to hear.
        """

    def measured(self) -> dict[str, list]:
        """What else was measured: lists, joined over the shards in order."""
        return {}


class Validation:
    """What a corpus adds to the validation of its datasets; this one adds nothing.

    Attributes:
        Examiner: of its shards.
        media_rows: sound of about this many rows is read.
        again_units: this many units (see :class:`Examiner`) are made again with their sound. ``--all`` does
            so with every row.
        kept: further columns whose values its checks read, as ``findings.rows[name]``.
    """

    Examiner = Examiner
    media_rows = 1200
    again_units = 12
    kept: tuple[str, ...] = ()

    def checks(self, findings: "Findings") -> "list[Check]":
        """Its checks, after the general ones."""
        return []

    def summary(self, findings: "Findings") -> dict[str, Any]:
        """Plain data for the report beside rows, hours and checks."""
        return {}

    def lines(self, report: dict[str, Any]) -> list[str]:
        """Lines of the report as text, after the checks."""
        return []

    def parts(self, report: dict[str, Any], findings: "Findings") -> list[str]:
        """HTML of the report's page, after the checks."""
        return []
