"""What differs between two releases, row by row, through their row indexes.

Only where columns were added are rows digested again (the new ones, over the old columns), and only
for details are labels read: of changed rows, from files that hold some.
"""

import operator
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sousa.builders.release import layout
from sousa.builders.release.digests import DIGEST_BYTES, label_leaves, row_digests
from sousa.builders.release.opened import Release
from sousa.generation.parquet import NO_BUFFER_THREADS, NO_THREADS, parquet_file
from sousa.generation.text import counted

_SHOWN = 12
NOTED, CARD = "a note in the changelog", "another card"


@dataclass(frozen=True)
class Changes:
    """What differs between an old and a new release; false when nothing does."""

    # numbers of rows by split; rows are changed when both releases have them with other sound or labels
    rows_added: dict[str, int] = field(default_factory=dict)
    rows_removed: dict[str, int] = field(default_factory=dict)
    audio_changed: dict[str, int] = field(default_factory=dict)
    labels_changed: dict[str, int] = field(default_factory=dict)
    moved: int = 0  # rows that went to another split
    columns_added: tuple[str, ...] = ()  # fields of records as events.kind
    columns_removed: tuple[str, ...] = ()
    columns_retyped: tuple[str, ...] = ()
    configs_added: tuple[str, ...] = ()
    configs_removed: tuple[str, ...] = ()
    left: dict[str, int] = field(default_factory=dict)  # config to number of rows that it had and has not
    other: tuple[str, ...] = ()  # lines about the rest: card, licences, storage
    labels: dict[str, int] | None = None  # column to number of rows in which it differs, when asked for

    def __repr__(self) -> str:
        lines = [f"  {line}" for line in self.lines()]
        return "\n".join([f"a {self.level} change", *lines]) if lines else "nothing differs"

    def __bool__(self) -> bool:
        return bool(self.lines())

    @property
    def level(self) -> str:
        """The version step this asks for; see :mod:`sousa.builders.release.versions`."""
        return "major" if self._breaking() else "minor" if self._additions() else "patch"

    @property
    def reason(self) -> str:
        """The change that decides the level, in words."""
        return (self._breaking() or self._additions() or [*self.other, "nothing differs"])[0]

    def _breaking(self) -> list[str]:
        return [
            *_counted(self.audio_changed, "with other audio"),
            *_counted(self.labels_changed, "with other labels"),
            *([f"{counted(self.moved, 'row')} went to another split"] if self.moved else []),
            *_counted(self.rows_removed, "removed"),
            *_named("columns removed", self.columns_removed),
            *_named("columns of another type", self.columns_retyped),
            *_named("configs removed", self.configs_removed),
            *[f"{counted(rows, 'row')} left config {name}" for name, rows in self.left.items() if rows],
        ]

    def _additions(self) -> list[str]:
        return [
            *_counted(self.rows_added, "added"),
            *_named("columns added", self.columns_added),
            *_named("configs added", self.configs_added),
        ]

    def lines(self) -> list[str]:
        """Everything that differs, a list of lines."""
        rows = [*self._breaking(), *self._additions()]
        # what is counted on a card changes with the rows: no news then
        lines = rows + [line for line in self.other if not rows or line != CARD]
        if self.labels:
            parts = [f"{name} in {counted(rows, 'row')}" for name, rows in self.labels.items()]
            lines.append(f"labels that differ: {'; '.join(parts)}")
        return lines


def _counted(rows: Mapping[str, int], what: str) -> list[str]:
    total = sum(rows.values())
    parts = ", ".join(f"{split} {count:,}" for split, count in sorted(rows.items()))
    return [f"{counted(total, 'row')} {what} ({parts})"] if total else []


def _named(what: str, names: Sequence[str]) -> list[str]:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return [f"{what}: {', '.join(names[:_SHOWN])}{more}"] if names else []


def compare(old: Release, new: Release, details: bool = False, progress: Any = lambda done: None) -> Changes:
    """Compare two releases.

    Args:
        details: also count, column by column, how many rows have other labels.
        progress: called with numbers of rows read.
    """
    files, new_files = layout.data_files(old.manifest), layout.data_files(new.manifest)
    # rows of a file that both have with the same bytes need no comparing
    same = {f: entry for f, entry in files.items() if new_files.get(f, {}).get("sha256") == entry["sha256"]}
    before, after = old.index(without=same), new.index(without=same)
    place = pc.index_in(after["sample_id"], value_set=before["sample_id"].combine_chunks())
    both = pc.is_valid(place)
    gone = pc.invert(pc.is_in(before["sample_id"], value_set=after["sample_id"].combine_chunks()))
    left, right = before.take(place.filter(both)), after.filter(both)

    leaves, new_leaves = old.manifest["columns"], new.manifest["columns"]
    said, new_said = (label_leaves(r.manifest["columns"], r.manifest["digest_column"]) for r in (old, new))
    common = dict(sorted(said.items() & new_said.items()))
    relabelled = _differ(_digests(old, left, common, progress), _digests(new, right, common, progress))
    resounded = _differ(left["audio_digest"], right["audio_digest"])
    moved = pc.not_equal(left["split"], right["split"])
    labels = None
    if details:
        labels = _details(old, new, left.filter(relabelled), right.filter(relabelled), common, progress)
    views, new_views = old.manifest["views"], new.manifest["views"]
    return Changes(
        rows_added=_by_split(after.filter(pc.invert(both))),
        rows_removed=_by_split(before.filter(gone)),
        audio_changed=_by_split(right.filter(resounded)),
        labels_changed=_by_split(right.filter(pc.and_not(relabelled, moved))),
        moved=pc.sum(moved).as_py() or 0,
        columns_added=tuple(name for name in new_leaves if name not in leaves),
        columns_removed=tuple(name for name in leaves if name not in new_leaves),
        columns_retyped=tuple(name for name, kind in leaves.items() if new_leaves.get(name, kind) != kind),
        configs_added=tuple(name for name in new_views if name not in views),
        configs_removed=tuple(name for name in views if name not in new_views),
        left={
            name: _left(view["folders"], new_views[name]["folders"], left, right, same)
            for name, view in views.items()
            if name in new_views and view["columns"] is None
        },
        other=_other(old.manifest, new.manifest),
        labels=labels,
    )


def _differ(before: Any, after: Any) -> Any:
    """Which digests of two aligned columns differ, null from null not: Arrow array of bool."""
    return pc.not_equal(*(pc.fill_null(digests, bytes(DIGEST_BYTES)) for digests in (before, after)))


def _by_split(table: pa.Table) -> dict[str, int]:
    return dict(Counter(table["split"].to_pylist()))


def _left(
    folders: list[str], new_folders: list[str], left: pa.Table, right: pa.Table, same: Mapping[str, Any]
) -> int:
    """How many rows a config had and has not, of aligned rows and of the files that these leave out."""
    had = pc.is_in(left["view"], value_set=pa.array(folders))
    has = pc.is_in(right["view"], value_set=pa.array(new_folders))
    lost = set(folders) - set(new_folders)
    unchanged = sum(entry["rows"] for entry in same.values() if entry["view"] in lost)
    return unchanged + (pc.sum(pc.and_not(had, has)).as_py() or 0)


def _other(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    files, new_files = layout.data_files(old), layout.data_files(new)
    changed = [f for f in files if f in new_files and files[f]["sha256"] != new_files[f]["sha256"]]
    differences = {
        f"data version {new['data_version']}": old["data_version"] != new["data_version"],
        "other licences or sources": old["made_of"] != new["made_of"],
        "other facts about how it was made": old["provenance"] != new["provenance"],
        f"{len(changed):,} data files with other bytes": changed,
        "rows lie in other files": not changed and files.keys() - new_files.keys(),
        CARD: old["card_text"] != new["card_text"],
        NOTED: new["notes"] and new["version"] != old["version"],
    }
    return tuple(line for line, differs in differences.items() if differs)


def _read(release: Release, rows: pa.Table, leaves: Iterable[str]) -> Iterator[tuple[np.ndarray, pa.Table]]:
    """Labels of rows of an index, a file at a time: ``(positions in rows, Arrow table)``."""
    columns = list(dict.fromkeys(leaf.split(".")[0] for leaf in leaves))
    files = rows["file"].cast(pa.string()).combine_chunks().dictionary_encode()
    codes, numbers = files.indices.to_numpy(), rows["row"].to_numpy()
    places = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    for at, file in zip(places, files.dictionary.to_pylist(), strict=False):  # without files there is a place
        with release.open(file) as handle, parquet_file(handle, **NO_BUFFER_THREADS) as parquet:
            table = parquet.read(columns=columns, **NO_THREADS)
        yield at, table.take(numbers[at])


def _digests(release: Release, rows: pa.Table, leaves: Mapping[str, str], progress: Any) -> Any:
    """Digests of some labels of rows of an index: an Arrow array."""
    if leaves == label_leaves(release.manifest["columns"], release.manifest["digest_column"]):
        return rows["labels_digest"]
    digests: list[bytes] = [b""] * len(rows)
    for at, table in _read(release, rows, leaves):
        for position, digest in zip(at, row_digests(table, leaves), strict=True):
            digests[position] = digest
        progress(len(at))
    return pa.array(digests, pa.binary(DIGEST_BYTES))


def _details(
    old: Release, new: Release, left: pa.Table, right: pa.Table, leaves: Mapping[str, str], progress: Any
) -> dict[str, int]:
    """In how many of aligned rows each leaf differs, the most first."""
    counts: Counter[str] = Counter()
    for at, table in _read(new, right, leaves):
        places, parts = zip(*_read(old, left.take(at), leaves), strict=True)
        before = pa.concat_tables(parts).take(np.argsort(np.concatenate(places)))
        for name, kind in leaves.items():
            leaf = {name: kind}
            counts[name] += sum(map(operator.ne, row_digests(before, leaf), row_digests(table, leaf)))
        progress(len(at))
    return {name: rows for name, rows in counts.most_common() if rows}
