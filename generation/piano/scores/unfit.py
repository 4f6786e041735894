"""What makes a file no score."""

import re
from fractions import Fraction

MOST_BEATS = 64  # of a bar
_BEATS, _BEAT_TYPES = (re.compile(rf"<{tag}\b[^>]*>([^<]*)<") for tag in ("beats", "beat-type"))
_TIMES = re.compile(r"<repeat\b[^>]*?\btimes\s*=\s*[\"']([^\"']*)")
UNITS = (1, 2, 4, 8, 16, 32, 64, 128)  # parts of a whole note that a metre may count: what MIDI can state


class UnfitScore(ValueError):
    """What is wrong with the content of a file, and what to do."""


def bar_length(metre: str) -> Fraction:
    """Quarter notes of a bar of a metre such as ``6/8``; raises UnfitScore for one that can't be written."""
    count, unit = metre.split("/")
    if not (count.isdecimal() and 1 <= int(count) <= MOST_BEATS and unit in map(str, UNITS)):
        raise UnfitScore(
            f"its metre is {metre[:40]!r}; give 1 to {MOST_BEATS} beats, of a unit among "
            f"{', '.join(map(str, UNITS))}"
        )
    return Fraction(4 * int(count), int(unit))


def plain_xml(data: bytes) -> str:
    """XML as text, whatever Unicode it is in, without entities of its own, which may grow without end.

    Raises: UnfitScore.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    head = data[:200].lower()
    if encoding == "utf-8-sig" and (b"iso-8859" in head or b"latin1" in head or b"windows-1252" in head):
        encoding = "cp1252"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise UnfitScore("no XML in UTF-8 or UTF-16; export it again") from None
    if "<!ENTITY" in text:
        raise UnfitScore("it declares entities, which are not read; export it again")
    return text


def refuse_numbers(text: str) -> None:
    """Refuse numbers that music21 would take for others, or take minutes for."""
    for count in _BEATS.findall(text):
        beats = [part.strip() for part in count.split("+")]
        if not all(part.isdecimal() and len(part) < 4 for part in beats):
            raise UnfitScore(f"a metre of {count[:40]!r} beats; give a whole number")
        bar_length(f"{sum(map(int, beats))}/4")
    for unit in _BEAT_TYPES.findall(text):
        bar_length(f"4/{unit.strip()}")
    for times in _TIMES.findall(text):
        if not re.fullmatch("0*[1-9][0-9]{0,6}", times.strip()):
            raise UnfitScore(f"a repeat of {times[:40]!r} times; give 1 or more")
