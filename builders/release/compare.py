"""What differs between two releases, row by row, through their row indexes.

Only where columns were added are rows digested again (the new ones, over the old columns), and only
for details are labels read: of changed rows, from files that hold some.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sousa.builders.release.digests import row_digests
from sousa.builders.release.layout import DATA_FILE
from sousa.builders.release.opened import Release

_SHOWN = 12
NOTED, CARD = "a note in the changelog", "another card"


@dataclass(frozen=True)
class Changes:
    """What differs between an old and a new release; false when nothing does.

    Attributes:
        rows_added, rows_removed: of the dataset, by split.
        audio_changed, labels_changed: rows in both whose sound or labels differ, by split.
        moved: rows in both that went to another split.
        columns_added, columns_removed, columns_retyped: names; fields of records as ``events.kind``.
        configs_added, configs_removed: names.
        left: dict of config to number of rows that it had and has not.
        other: lines about the rest: card, licences, storage.
        labels: dict of column to number of rows in which it differs, when asked for.
    """

    rows_added: dict[str, int] = field(default_factory=dict)
    rows_removed: dict[str, int] = field(default_factory=dict)
    audio_changed: dict[str, int] = field(default_factory=dict)
    labels_changed: dict[str, int] = field(default_factory=dict)
    moved: int = 0
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()
    columns_retyped: tuple[str, ...] = ()
    configs_added: tuple[str, ...] = ()
    configs_removed: tuple[str, ...] = ()
    left: dict[str, int] = field(default_factory=dict)
    other: tuple[str, ...] = ()
    labels: dict[str, int] | None = None

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
            *([f"{self.moved:,} rows went to another split"] if self.moved else []),
            *_counted(self.rows_removed, "removed"),
            *_named("columns removed", self.columns_removed),
            *_named("columns of another type", self.columns_retyped),
            *_named("configs removed", self.configs_removed),
            *[f"{rows:,} rows are no longer in config {name}" for name, rows in self.left.items() if rows],
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
            parts = [f"{name} in {rows:,} rows" for name, rows in self.labels.items()]
            lines.append(f"labels that differ: {'; '.join(parts)}")
        return lines


def _counted(rows: Mapping[str, int], what: str) -> list[str]:
    total = sum(rows.values())
    parts = ", ".join(f"{split} {count:,}" for split, count in sorted(rows.items()))
    return [f"{total:,} rows {what} ({parts})"] if total else []


def _named(what: str, names: Sequence[str]) -> list[str]:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return [f"{what}: {', '.join(names[:_SHOWN])}{more}"] if names else []


def compare(
    old: Release, new: Release, details: bool = False, progress: Callable[[int], Any] = lambda done: None
) -> Changes:
    """Compare two releases.

    Args:
        details: also count, column by column, how many rows have other labels.
        progress: called with numbers of rows read.
    """
    same = _same_files(old.manifest, new.manifest)
    a, b = old.index(without=same), new.index(without=same)
    leaves_a, leaves_b = old.manifest["columns"], new.manifest["columns"]
    common = {name: kind for name, kind in leaves_a.items() if leaves_b.get(name) == kind}
    place = pc.index_in(b["sample_id"], value_set=a["sample_id"].combine_chunks())
    both = pc.is_valid(place)
    in_b = np.flatnonzero(both.to_numpy())
    in_a = pc.filter(place, both).to_numpy()
    gone = pc.invert(pc.is_in(a["sample_id"], value_set=b["sample_id"].combine_chunks()))
    left, right = a.take(in_a), b.take(in_b)
    audio = _differ(left, right, "audio_digest")
    if common == leaves_a == leaves_b:
        labels = _differ(left, right, "labels_digest")
    else:
        labels = _differ_in(old, new, left, right, common, progress)
    moved = pc.not_equal(left["split"], right["split"]).to_numpy()
    return Changes(
        rows_added=_by_split(b.filter(pc.invert(both))),
        rows_removed=_by_split(a.filter(gone)),
        audio_changed=_by_split(right.filter(pa.array(audio))),
        labels_changed=_by_split(right.filter(pa.array(labels & ~moved))),
        moved=int(moved.sum()),
        columns_added=tuple(name for name in leaves_b if name not in leaves_a),
        columns_removed=tuple(name for name in leaves_a if name not in leaves_b),
        columns_retyped=tuple(n for n in leaves_a if n in leaves_b and leaves_a[n] != leaves_b[n]),
        configs_added=tuple(name for name in new.manifest["views"] if name not in old.manifest["views"]),
        configs_removed=tuple(name for name in old.manifest["views"] if name not in new.manifest["views"]),
        left=_left(old, new, a, b, same),
        other=_other(old.manifest, new.manifest),
        labels=_details(old, new, left, right, labels, common, progress) if details else None,
    )


def _differ(left, right, column):
    """Which rows of two aligned tables differ in a column that may be null: bool array."""
    same = pc.fill_null(pc.equal(left[column], right[column]), False)
    neither = pc.and_(pc.is_null(left[column]), pc.is_null(right[column]))
    return ~pc.or_(same, neither).to_numpy().astype(bool)


def _by_split(table):
    return dict(Counter(table["split"].to_pylist()))


def _same_files(old, new):
    """Data files that both have with the same bytes: their rows need no comparing."""
    return [
        file
        for file, fact in old["files"].items()
        if DATA_FILE.match(file) and new["files"].get(file, {}).get("sha256") == fact["sha256"]
    ]


def _left(old, new, a, b, same):
    """Rows that a config had and has not, of configs in both."""
    out = {}
    for name, view in old.manifest["views"].items():
        after = new.manifest["views"].get(name)
        if after and view["columns"] is None:
            had = a.filter(pc.is_in(a["view"], value_set=pa.array(view["folders"])))["sample_id"]
            has = b.filter(pc.is_in(b["view"], value_set=pa.array(after["folders"])))["sample_id"]
            kept = pc.sum(pc.is_in(had, value_set=has.combine_chunks())).as_py() or 0
            # rows that are gone altogether are counted as removed
            known = pc.sum(pc.is_in(had, value_set=b["sample_id"].combine_chunks())).as_py() or 0
            out[name] = known - kept
            for file in same:
                folder = DATA_FILE.match(file)["view"]
                if folder in view["folders"] and folder not in after["folders"]:
                    out[name] += old.manifest["files"][file]["rows"]
    return out


def _other(old, new):
    lines = []
    if old["made_of"] != new["made_of"]:
        lines.append("other licences or sources")
    if old.get("provenance") != new.get("provenance"):
        lines.append("other facts about how it was made")
    files_a = {file: fact["sha256"] for file, fact in old["files"].items() if DATA_FILE.match(file)}
    files_b = {file: fact["sha256"] for file, fact in new["files"].items() if DATA_FILE.match(file)}
    changed = [file for file in files_a if file in files_b and files_a[file] != files_b[file]]
    if changed:
        lines.append(f"{len(changed):,} data files with other bytes")
    elif set(files_a) - set(files_b):
        lines.append("rows lie in other files")
    if old["card_text"] != new["card_text"]:
        lines.append(CARD)
    if new["notes"] and new["version"] != old["version"]:
        lines.append(NOTED)
    return tuple(lines)


def read_rows(
    release: Release, wanted: pa.Table, columns: Sequence[str]
) -> Iterator[tuple[np.ndarray, pa.Table]]:
    """Rows of a release in the order of a piece of its index, a file at a time.

    Args:
        wanted: rows of the index; columns: to read.

    Yields: ``(positions in wanted, Arrow table)``.
    """
    names = pc.dictionary_encode(wanted["file"].cast(pa.string())).combine_chunks()
    rows, codes = wanted["row"].to_numpy(), names.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    edges = np.searchsorted(codes[order], np.arange(len(names.dictionary) + 1))
    for file, low, high in zip(names.dictionary.to_pylist(), edges[:-1], edges[1:], strict=True):
        at = order[low:high]
        with release.open(file) as handle, pq.ParquetFile(handle) as parquet:
            table = parquet.read(columns=columns)
        yield at, table.take(pa.array(rows[at]))


def _columns(leaves):
    return list(dict.fromkeys(leaf.split(".")[0] for leaf in leaves))


def _differ_in(old, new, left, right, common, progress):
    """Which rows differ in the columns both releases have: bool array."""
    leaves_a = {name: kind for name, kind in common.items() if name != old.manifest.get("digest_column")}
    if set(common) == set(old.manifest["columns"]):
        before = left["labels_digest"].to_pylist()
    else:
        before = _digests(old, left, leaves_a, progress)
    after = _digests(new, right, leaves_a, progress)
    return np.array([x != y for x, y in zip(before, after, strict=True)], dtype=bool)


def _digests(release, wanted, leaves, progress):
    out = [None] * len(wanted)
    for at, table in read_rows(release, wanted, _columns(leaves)):
        for position, digest in zip(at, row_digests(table, leaves), strict=True):
            out[position] = digest
        progress(len(at))
    return out


def _details(old, new, left, right, labels, common, progress):
    """How many rows differ in each column that both have, of the rows whose labels differ."""
    counts = Counter()
    digest_column = new.manifest.get("digest_column")
    leaves = [name for name in common if name != digest_column]
    left, right = left.filter(pa.array(labels)), right.filter(pa.array(labels))
    for at, table in read_rows(new, right, _columns(leaves)):
        before = pa.concat_tables(
            [part.append_column("at", pa.array(at[inner])) for inner, part in
             read_rows(old, left.take(pa.array(at)), _columns(leaves))]
        ).sort_by("at")  # fmt: skip
        for name in leaves:
            leaf = {name: common[name]}
            pairs = zip(row_digests(before, leaf), row_digests(table, leaf), strict=True)
            counts[name] += sum(x != y for x, y in pairs)
        progress(len(at))
    return {name: rows for name, rows in counts.most_common() if rows}
