"""The export format ``sousa-1``: the layout and the conventions of the earlier system's datasets.

Conventions
-----------
``audio/<rudiment>/<sample_id>.flac`` (or ``.wav``), ``midi/<rudiment>/<sample_id>.mid``, the four tables
``labels/{samples,exercises,measures,strokes}.parquet``, and ``splits.json`` with ``train_profile_ids``,
``val_profile_ids`` and ``test_profile_ids``. Tables may have more columns than there. A row without
augmentation has the preset ``none``. No score is null: one that does not apply has the constant that the
earlier system gave (``FILLS``), and any other the row's ``overall_score``; or all have the number that the
user gave for them.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sousa.generation.audio.named_acoustics import CLEAN
from sousa.generation.columns import SPLITS
from sousa.generation.exporting import Format, Groups, media_files, media_paths
from sousa.generation.rudiments.columns import SCORE_NAMES, TABLES
from sousa.generation.storage import LocalStorage
from sousa.generation.tables import records_of

FILLS = {
    "accent_differentiation": 80.0,
    "accent_accuracy": 100.0,
    "weak_hand_index": 50.0,
    "diddle_quality": 80.0,
}
NO_PRESET, OVERALL, GROUP_ROWS = "none", "overall_score", 1000


class Sousa1(Format):
    """The earlier layout."""

    fills = True

    def reads(self) -> tuple[str, ...]:
        """Sound and its names."""
        return ("sample_id", "rudiment_slug", "split", *self.media)

    def files(self, row: Mapping[str, Any], number: int) -> dict[str, bytes]:
        """Its audio and MIDI."""
        return media_files(row, number, row["rudiment_slug"])

    def finish(self, groups: Groups, storage: LocalStorage) -> list[str]:
        """Write the tables and ``splits.json``."""
        players: dict[str, dict[str, None]] = {split: {} for split in SPLITS}
        there = {column.name for column in self.columns}
        tables = {name: [n for n in names if n in there] for name, names in TABLES.items()}
        # of the audio only the path is read
        sound = ["audio.path" if name == "audio" else name for name in self.media]
        wanted = dict.fromkeys(["split", *sound, *(name for names in tables.values() for name in names)])
        writers: dict[str, pq.ParquetWriter] = {}
        with ExitStack() as held:
            for split, group, numbers in groups(list(wanted)):
                players[split] |= dict.fromkeys(group["profile_id"].to_pylist())
                for name, names in tables.items():
                    part = _part(name, names, group, numbers, self.media).replace_schema_metadata(None)
                    if name not in writers:
                        file = held.enter_context(storage.writing(f"labels/{name}.parquet"))
                        writer = pq.ParquetWriter(file, part.schema, compression="snappy")
                        writers[name] = held.enter_context(writer)
                    writers[name].write_table(part, row_group_size=GROUP_ROWS)
        shorts = {split: split.replace("validation", "val") for split in SPLITS}
        lists = {f"{short}_profile_ids": list(players[split]) for split, short in shorts.items()}
        storage.write_json("splits.json", lists)
        return [*(f"labels/{name}.parquet" for name in writers), "splits.json"]

    def notes(self) -> tuple[str, ...]:
        """What was changed in the rows."""
        fills = ", ".join(f"{name} {value:g}" for name, value in FILLS.items())
        scores = f"scores that do not apply are filled: {fills}, all others with {OVERALL} of the row"
        clean = f"rows without augmentation have the preset {NO_PRESET!r}"
        return (clean, scores) if self.fill is None else (clean,)

    def load(self, output: str) -> str:
        """With pandas."""
        return f'pandas.read_parquet("{output}/labels/samples.parquet")'


def _part(name: str, names: list[str], group: pa.Table, numbers: Any, media: tuple[str, ...]) -> pa.Table:
    """Rows of a label table."""
    if name not in ("samples", "exercises"):
        return records_of(group, names[0])
    if name == "exercises":
        overall = group[OVERALL]
        columns = {n: pc.fill_null(group[n], FILLS.get(n, overall)) for n in names if n in SCORE_NAMES}
        return pa.table(columns).append_column("sample_id", group["sample_id"])
    preset = group["augmentation_preset"]
    part = group.select(names)
    at = names.index("augmentation_preset")
    part = part.set_column(at, names[at], pc.if_else(pc.equal(preset, CLEAN), NO_PRESET, preset))
    rows = group.select(["sample_id", "rudiment_slug", *media]).to_pylist()
    paths = [media_paths(row, n, row["rudiment_slug"]) for row, n in zip(rows, numbers, strict=True)]
    for kind in ("midi", "audio"):
        part = part.append_column(f"{kind}_path", pa.array([p.get(kind) for p in paths], pa.string()))
    return part
