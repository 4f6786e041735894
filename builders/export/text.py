"""Annotations of events as text: a file a row, a line an event, ``time<TAB>label`` with the time in seconds,
or ``start<TAB>end<TAB>label`` where events have ends.

The label is the pitch of an event as a MIDI note number, or its kind, or the name of the events' column where
events have neither. Rows whose events are not known get no file; a row without events gets an empty one.
"""

from collections.abc import Mapping
from typing import Any

from sousa.generation.columns import Column, Events, having
from sousa.generation.exporting import Format, stem


class Text(Format):
    """``annotations/SPLIT/SAMPLE_ID.txt``."""

    @property
    def events(self) -> Column | None:
        """The column of events."""
        return next(iter(having(self.columns, Events)), None)

    def problem(self) -> str | None:
        """Without events there is nothing to write."""
        return None if self.events else "the rows have no events, which are all that txt holds"

    def reads(self) -> tuple[str, ...]:
        """The events and what is needed for their times and names."""
        return ("sample_id", "split", "sample_rate", *([self.events.name] if self.events else []))

    @property
    def with_ends(self) -> bool:
        """Whether events have ends."""
        return bool(self.events and self.events.role.offset)

    def files(self, row: Mapping[str, Any], number: int) -> dict[str, bytes]:
        """Its annotation."""
        times = timed(row, self.events)
        if times is None:
            return {}
        text = "".join(self._line(row, *timed_event) for timed_event in times)
        return {f"annotations/{row['split']}/{stem(row, number)}.txt": text.encode()}

    def _line(self, row: Mapping[str, Any], time: float, label: str, event: Mapping[str, Any]) -> str:
        role = self.events.role if self.events else Events()
        if (pitch := event.get(role.pitch)) is not None:
            label = f"{pitch:g}"
        last = event.get(role.offset)
        end_sec = time if last is None else last / row["sample_rate"]
        end = f"{end_sec:.9f}\t" if self.with_ends else ""
        return f"{time:.9f}\t{end}{' '.join(label.split())}\n"

    def notes(self) -> tuple[str, ...]:
        """Which rows have no file."""
        return ("rows whose events are not known have no file",)

    def load(self, output: str) -> str:
        """With mir_eval."""
        kind = "intervals" if self.with_ends else "events"
        return f'mir_eval.io.load_labeled_{kind}("{output}/annotations/SPLIT/SAMPLE_ID.txt")'


def timed(row: Mapping[str, Any], column: Column | None) -> list[tuple[float, str, dict[str, Any]]] | None:
    """Events of a row in order of time, ``(seconds, label, event)``; None where they are not known."""
    if column is None or row[column.name] is None:
        return None
    role, rate = column.role, row["sample_rate"]
    events = sorted(row[column.name], key=lambda event: event[role.onset])
    return [(e[role.onset] / rate, str(e.get(role.kind) or column.name), e) for e in events]
