"""A run of ``sousa embed``: what is said, made, and made again when it was interrupted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sousa.generation.columns import SPLITS
from sousa.generation.console import Console
from sousa.generation.errors import RunError
from sousa.generation.runners import Runner
from sousa.generation.storage import LocalStorage
from sousa.generation.text import counted, shell
from sousa.training.embedding.choosing import Chosen
from sousa.training.embedding.elsewhere import Order, embed_shard
from sousa.training.embedding.encoding import embed_sounds, embed_texts
from sousa.training.embedding.inputs import Inputs
from sousa.training.embedding.layout import AUDIO, FAILURES, LOG_FILE, ROWS, Failure, Writer


@dataclass(frozen=True)
class Embedded:
    """What was embedded.

    Attributes:
        root: the directory.
        rows: how many by split.
        failures: how many by encoder.
    """

    root: Path
    rows: dict[str, int]
    failures: dict[str, int]


@dataclass
class Run:
    """What is to be embedded.

    Attributes:
        inputs: the rows.
        chosen: those that are taken.
        towers: encoders with their settings, by name.
        plan: what decides the rows, as plain data.
        shard_rows: rows of a shard.
        limits: shortest and longest sound in seconds, None for any.
        workers: sounds that are read at once.
        retry: rows that failed in an earlier run are tried again.
        elsewhere: a runner with what its machines need; None to embed here.
    """

    inputs: Inputs
    chosen: Chosen
    towers: Mapping[str, tuple[Any, dict[str, Any]]]
    plan: dict[str, Any]
    shard_rows: int
    limits: tuple[float | None, float | None]
    workers: int
    retry: bool = False
    elsewhere: tuple[Runner, Order] | None = None


class Log:
    """What is said while rows are embedded, on the console and in the directory's log."""

    def __init__(self, storage: LocalStorage, console: Console):
        self._storage, self._console = storage, console

    def tell(self, text: str) -> None:
        """Say a line, and keep it with the time."""
        self._console.tell(text)
        self.keep(text)

    def keep(self, text: str) -> None:
        """Keep a line with the time."""
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        self._storage.append(LOG_FILE, "\n".join(f"{now} {line}" for line in text.splitlines()))


def run(work: Run, storage: LocalStorage, console: Console) -> Embedded:
    """Embed; raises as :func:`sousa.training.embedding.command.embed`."""
    log, shards = Log(storage, console), work.chosen.shards(work.shard_rows)
    settings = {name: about for name, (_, about) in work.towers.items()}
    with Writer(storage, work.plan, settings, list(shards), retry=work.retry) as writer:
        writer.begin()
        log.tell(f"{work.inputs.where}, by {', '.join(work.towers)}:")
        for line in composition(work.inputs, work.chosen):
            log.tell(f"  {line}")
        for part in (ROWS, *(f"{about['kind']}/{name}" for name, about in settings.items())):
            _write_part(writer, shards, part, work, console)
        failures = [failure for failure in writer.failures() if failure.encoder in work.towers]
        _refuse_nothing(failures, work)
        names = sorted({work.inputs.names()[row] for rows in work.chosen.rows.values() for row in rows})
        dataset = names[0] if len(names) == 1 else names
        writer.finish({"dataset": dataset, "source": work.inputs.where})
    counts = {split: len(rows) for split, rows in work.chosen.rows.items()}
    log.tell(f"{storage.root}: {', '.join(f'{split} {number:,}' for split, number in counts.items())}")
    for name in work.towers:
        if reasons := _reasons(failures, name):
            log.tell(f"  {name} could not take {reasons}; see {FAILURES}")
    log.tell(f"next: sousa project --data-dir {shell(storage.root)}; what was said here is in its {LOG_FILE}")
    per = {name: sum(failure.encoder == name for failure in failures) for name in work.towers}
    return Embedded(Path(storage.root), counts, per)


def _write_part(writer: Writer, shards: dict[str, list[int]], part: str, work: Run, console: Console) -> None:
    """Write the shards that a part lacks."""
    if not (missing := writer.missing(part)):
        return
    kind, _, name = part.partition("/")
    rows = [row for shard in missing for row in shards[shard]]
    total, look = len(rows), {"unit": " rows"}
    if kind == AUDIO:
        seconds = float(work.inputs.seconds()[rows].sum())
        total, look = round(seconds) if seconds == seconds else None, {"unit": " s", "unit_scale": True}
    with console.progress(part, total, **look) as done:
        if work.elsewhere is None or kind == ROWS:
            for shard in missing:
                writer.write(part, shard, *_shard(kind, name, shard, shards[shard], work, done))
            return
        runner, order = work.elsewhere
        tasks = [(order, name, shard, tuple(shards[shard])) for shard in missing]
        for shard, table, failures, amount in runner.run(embed_shard, tasks):
            writer.write(part, shard, table, failures)
            done(amount)


def _shard(
    kind: str, name: str, shard: str, rows: Sequence[int], work: Run, done: Any
) -> tuple[pa.Table, list[Failure]]:
    """A shard of a part, and failures."""
    if kind == ROWS:
        done(len(rows))
        return rows_table(work.inputs, rows, shard.rpartition("-")[0]), []
    tower = work.towers[name][0]
    if kind == AUDIO:
        return embed_sounds(tower, name, work.inputs, rows, work.workers, work.limits, done)
    return embed_texts(tower, name, work.inputs, rows, done)


def _refuse_nothing(failures: list[Failure], work: Run) -> None:
    """Raise RunError when an encoder could take no row at all."""
    total = sum(map(len, work.chosen.rows.values()))
    for name, number in Counter(failure.encoder for failure in failures).items():
        if number == total:
            first = next(failure for failure in failures if failure.encoder == name)
            raise RunError(
                f"{name} could take none of {counted(total, 'row')}; the first, {first.sample_id}: "
                f"{first.reason}; mend that, then run the same command with --retry"
            )


def _reasons(failures: list[Failure], name: str) -> str:
    """How many rows an encoder could not take, and why; empty for none."""
    reasons = Counter(f.reason.partition(":")[0] for f in failures if f.encoder == name)
    shown = ", ".join(f"{reason} {number:,}" for reason, number in reasons.most_common())
    return f"{counted(reasons.total(), 'row')} ({shown})" if reasons else ""


def rows_table(inputs: Inputs, rows: Sequence[int], split: str) -> pa.Table:
    """The columns of rows, with the split that they are in."""
    table = inputs.table.take(rows)
    place = table.column_names.index("split")
    values = pa.array([split] * len(rows), table.schema.field("split").type)
    return table.set_column(place, table.schema.field("split"), values)


def composition(inputs: Inputs, chosen: Chosen) -> list[str]:
    """Lines that say what is embedded: rows and length by split and by corpus, and who wrote the texts."""
    names, seconds = inputs.names(), inputs.seconds()
    lines = []
    for split, rows in chosen.rows.items():
        parts = Counter(names[row] for row in rows).most_common()
        shown = ", ".join(f"{name} {number:,}" for name, number in parts)
        minutes = np.nansum(seconds[rows]) / 60
        length = f"{minutes / 60:,.1f} h" if minutes >= 60 else f"{minutes:.1f} min"
        lines.append(f"{split}: {counted(len(rows), 'row')}, {length}: {shown}")
    if absent := [split for split in SPLITS if split not in chosen.rows]:
        lines.append(f"there are no rows of {' and '.join(absent)}")
    if chosen.assigned:
        lines.append(f"{counted(chosen.assigned, 'row')} had no split and got one by group, 80/10/10")
    if chosen.left_out:
        lines.append(f"left out: {chosen.reasons}")
    if inputs.text is not None:
        every = [row for rows in chosen.rows.values() for row in rows]
        writers = Counter(entry["source"] or "unknown" for entry in inputs.texts(every))
        shown = ", ".join(f"{name} {number:,}" for name, number in writers.most_common())
        lines.append(f"{counted(writers.total(), 'text')}: {shown or 'none'}")
    return lines
