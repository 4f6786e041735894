"""Annotated events out of single files: tables of text, the XML of IDMT-SMT-Drums, and MIDI.

Conventions: each function returns the events of a file, in order of time, or None where it can't be read;
what is wrong is appended to a list of sentences. Times are seconds from the start of the sound, as there.
"""

import io
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sousa.generation.errors import first_line
from sousa.generation.outside import SMALL_BYTES
from sousa.generation.outside import read as read_bytes
from sousa.generation.text import one_line

_MIDI_BYTES = 4 << 20
_ENDLESS = re.compile(rb"[\x80-\xff]{4096}")  # a length that mido would read in quadratic time
_HEADS = {
    "time",
    "times",
    "sec",
    "secs",
    "second",
    "seconds",
    "onset",
    "onsets",
    "onset_sec",
    "start",
    "start_sec",
}


@dataclass(frozen=True)
class Event:
    """An annotated onset: seconds, the label as written, and where that stands (``file:line``)."""

    sec: float
    label: str
    place: str


def read_text(path: Path, problems: list[str], most: int = SMALL_BYTES) -> str | None:
    """The text of a file in UTF-8 of at most so many bytes."""
    try:
        return read_bytes(path, most).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(
            f"{one_line(str(path))} can't be read as text ({one_line(first_line(error))}); save it as UTF-8"
        )
    return None


def _seconds(text: str) -> float | None:
    """A time that a text says, None where it says none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def read_table(path: Path, problems: list[str]) -> list[Event] | None:
    """Lines of seconds and label, in order of time; None where one can't be read."""
    before, events = len(problems), list[Event]()
    text = read_text(path, problems)
    for number, line in enumerate((text or "").split("\n"), 1):
        fields, place = line.split(), f"{one_line(str(path))}:{number}"
        if not fields:
            continue
        sec = _seconds(fields[0])
        if sec is None or len(fields) != 2:
            problems.append(
                f"{place}: {_shown(line)} is not a time in seconds and a label; mend or remove the line"
            )
            continue
        events.append(Event(sec, fields[1], place))
    return None if text is None or len(problems) > before else sorted(events, key=lambda event: event.sec)


def read_own_table(path: Path, problems: list[str]) -> list[Event] | None:
    """Lines of a user's own, which have to be in order of time."""
    before, events = len(problems), list[Event]()
    text = read_text(path, problems)
    for number, line in enumerate((text or "").split("\n"), 1):
        place, line = f"{one_line(str(path))}:{number}", line.strip("\r ")
        # Audacity writes the frequencies of a label in a line that begins with a backslash
        if not line.strip() or line.startswith(("#", "\\")):
            continue
        fields = [field.strip().strip('"') for field in _split(line)]
        sec = _seconds(fields[0])
        if sec is None and not events and fields[0].lower() in _HEADS:
            continue
        if sec is None:
            problems.append(
                f"{place}: {_shown(line)} does not begin with a time in seconds such as 1.25; mend or "
                "remove the line"
            )
            continue
        rest = fields[1:]
        end = _seconds(rest[0]) if rest else None
        # where a label of Audacity ends; a whole number alone is a label, such as that of a MIDI note
        if end is not None and end >= sec and (len(rest) > 1 or "." in rest[0]):
            rest = rest[1:]
        if events and sec < events[-1].sec:
            problems.append(
                f"{place}: {sec:g} s comes after {events[-1].sec:g} s; put the lines in order of time"
            )
        events.append(Event(sec, " ".join(rest).strip(), place))
    return None if text is None or len(problems) > before else events


def _split(line: str) -> list[str]:
    for mark in "\t;,":
        if mark in line:
            return line.split(mark)
    return line.split(maxsplit=1)


def _shown(line: str) -> str:
    return repr(one_line(line.strip())[:60])


def read_xml(path: Path, problems: list[str]) -> list[Event] | None:
    """Events of an annotation of IDMT-SMT-Drums, in order of time."""
    from xml.etree import ElementTree

    place, events, before = one_line(str(path)), list[Event](), len(problems)
    try:
        data = read_bytes(path, SMALL_BYTES)
        plain = data.replace(b"\0", b"")  # in UTF-16 as well
        if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
            raise ValueError("it has a DOCTYPE, which is not read")
        root = ElementTree.fromstring(data)
    except (OSError, ValueError, LookupError, ElementTree.ParseError) as error:
        problems.append(f"{place} can't be read as XML ({one_line(first_line(error))}); replace or remove it")
        return None
    for number, node in enumerate(root.iter("event"), 1):
        time, label = ((node.findtext(name) or "").strip() for name in ("onsetSec", "instrument"))
        sec = _seconds(time)
        if sec is None or not label:
            problems.append(
                f"{place}: event {number} has onsetSec {_shown(time)} and instrument {_shown(label)}; give "
                "seconds and a label"
            )
            continue
        events.append(Event(sec, label, f"{place}: event {number}"))
    return None if len(problems) > before else sorted(events, key=lambda event: event.sec)


def read_midi(path: Path, problems: list[str]) -> list[Event] | None:
    """Notes of a MIDI file, in order of time; labels are their numbers."""
    import mido

    place, now, events = one_line(str(path)), 0.0, list[Event]()
    try:
        data = read_bytes(path, _MIDI_BYTES)
        if _ENDLESS.search(data):
            raise ValueError("a number in it does not end")
        file: Any = mido.MidiFile(file=io.BytesIO(data), clip=True)
        for message in file:
            now += message.time
            if message.type == "note_on" and message.velocity:
                events.append(Event(now, str(message.note), f"{place}: note {len(events) + 1}"))
    except Exception as error:  # of several kinds, by where the file ends
        problems.append(
            f"{place} can't be read as MIDI ({one_line(first_line(error))}); replace or remove it"
        )
        return None
    return events
