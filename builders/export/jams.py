"""JAMS files (0.3), a row each.

Events become ``onset``, and ``note_midi`` where they have a pitch; their kinds, and each class of the row,
become ``tag_open``; ``tempo_bpm`` becomes ``tempo``. All scalar labels are in the sandbox of the file.
"""

import json
from collections.abc import Mapping
from typing import Any

from sousa.builders.export.text import timed
from sousa.generation.columns import Classes, Column, Events, having
from sousa.generation.exporting import Format, stem
from sousa.generation.text import finite

JAMS_VERSION = "0.3.5"
_TEMPO = "tempo_bpm"


class Jams(Format):
    """``jams/SPLIT/SAMPLE_ID.jams``."""

    @property
    def events(self) -> Column | None:
        """The column of events."""
        return next(iter(having(self.columns, Events)), None)

    def reads(self) -> tuple[str, ...]:
        """Scalars and events."""
        return (*(column.name for column in self.scalars), *([self.events.name] if self.events else []))

    def files(self, row: Mapping[str, Any], number: int) -> dict[str, bytes]:
        """Its JAMS file."""
        labels = {column.name: row[column.name] for column in self.scalars}
        content = {
            "annotations": [*self._of_events(row), *self._of_row(row)],
            "file_metadata": {
                "title": row["sample_id"], "artist": "", "release": row["data_version"],
                "duration": row["duration_sec"], "identifiers": {"sample_id": row["sample_id"]},
                "jams_version": JAMS_VERSION,
            },
            "sandbox": labels,
        }  # fmt: skip
        text = json.dumps(finite(content), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return {f"jams/{row['split']}/{stem(row, number)}.jams": text.encode()}

    def _of_events(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        column = self.events
        if column is None or (events := timed(row, column)) is None:
            return []
        role, rate, out = column.role, row["sample_rate"], []
        out.append(self._annotation("onset", row, column, [(time, 0.0, None) for time, _, _ in events]))
        if role.pitch:
            notes = [(time, _length(event, role, time, rate), event[role.pitch]) for time, _, event in events]
            heard = [note for note in notes if note[2] is not None]
            out.append(self._annotation("note_midi", row, column, heard))
        if role.kind:
            kinds = [(time, 0.0, label) for time, label, _ in events]
            out.append(self._annotation("tag_open", row, column, kinds))
        return out

    def _of_row(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        whole, out = row["duration_sec"], []
        for column in having(self.columns, Classes):
            if row[column.name] is not None:
                out.append(self._annotation("tag_open", row, column, [(0.0, whole, row[column.name])]))
        for column in self.scalars:
            if column.name == _TEMPO and row[_TEMPO] is not None:
                out.append(self._annotation("tempo", row, column, [(0.0, whole, row[_TEMPO])], 1.0))
        return out

    def _annotation(
        self, namespace: str, row: Mapping[str, Any], column: Column, values: list[Any], sure: Any = None
    ) -> dict[str, Any]:
        return {
            "namespace": namespace, "time": 0.0, "duration": row["duration_sec"],
            "data": [{"time": t, "duration": d, "value": v, "confidence": sure} for t, d, v in values],
            "annotation_metadata": {
                "curator": {"name": "", "email": ""}, "annotator": {}, "version": row["data_version"],
                "corpus": self.title, "annotation_tools": "sousa", "annotation_rules": column.meaning,
                "validation": "", "data_source": "program",
            },
            "sandbox": {"column": column.name},
        }  # fmt: skip

    def load(self, output: str) -> str:
        """With jams."""
        return f'jams.load("{output}/jams/SPLIT/SAMPLE_ID.jams")'


def _length(event: Mapping[str, Any], role: Events, time: float, rate: int) -> float:
    """Seconds that a note lasts; 0 where that is not known."""
    end = event.get(role.offset)
    return 0.0 if end is None else max(end / rate - time, 0.0)
