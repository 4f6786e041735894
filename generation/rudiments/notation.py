"""Compact notation for stickings and rhythms, with a parser and a printer that round-trip.

Conventions
-----------
A *sticking* is one token a primary stroke, separated by spaces::

    lR> L R L      flam on an accented right, then left, right, left
    llR            drag: two soft lefts before a right
    R1 R2 L1 L2    two doubles (digits: first and second stroke of a diddle)
    Rz Lz          two buzz (press) strokes

Lower-case letters before the hand are grace notes of the other hand. Marks after the hand are
``>`` accent, ``1``/``2`` place in a diddle, ``z`` buzz, and are printed in that order.

A *rhythm* is the written length of each primary in quarter-note beats, ``4x1/8 1/2`` for four
thirty-seconds and an eighth; ``r1/2`` is a rest of half a beat.
"""

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby

_TOKEN = re.compile(r"^([lr]*)([LR])([>12z]*)$")
_LENGTH = re.compile(r"^(?:(\d+)x)?(r?)(\d+(?:/\d+)?)$")


class NotationError(ValueError):
    """A sticking or rhythm that can't be read; the text lists every problem in it."""


@dataclass(frozen=True)
class Stroke:
    """One primary stroke of a sticking.

    Attributes:
        hand: ``"R"`` or ``"L"``.
        graces: number of grace notes played before it by the other hand (0 none, 1 flam, 2 drag).
        accent: printed with ``>``.
        diddle: 1 or 2 for the first or second stroke of a double, else 0.
        buzz: a press stroke.
    """

    hand: str
    graces: int = 0
    accent: bool = False
    diddle: int = 0
    buzz: bool = False

    def mirrored(self):
        """The same stroke with the hands exchanged."""
        return replace(self, hand=other_hand(self.hand))


def other_hand(hand):
    """``"L"`` for ``"R"`` and the reverse."""
    return "L" if hand == "R" else "R"


def parse_sticking(text):
    """Read a sticking.

    Returns: tuple of :class:`Stroke`.
    Raises: NotationError naming every token that is wrong, and why.
    """
    strokes, problems = [], []
    for position, token in enumerate(text.split(), start=1):
        where = f"stroke {position} ({token!r})"
        match = _TOKEN.match(token)
        if not match:
            problems.append(f"{where}: write graces (l, r), a hand (L or R), then >, 1, 2 or z")
            continue
        graces, hand, marks = match.groups()
        if len(graces) > 2:
            problems.append(f"{where}: at most two graces (a flam has one, a drag two)")
        if graces and set(graces) != {other_hand(hand).lower()}:
            problems.append(f"{where}: graces are played by the other hand, here {other_hand(hand).lower()}")
        problems += [f"{where}: mark {mark} is given twice" for mark in ">12z" if marks.count(mark) > 1]
        diddle = 1 if "1" in marks else 2 if "2" in marks else 0
        if diddle == 1 and "2" in marks:
            problems.append(f"{where}: a stroke is the first or the second of a diddle, not both")
        if diddle and "z" in marks:
            problems.append(f"{where}: a buzz stroke can't be part of a diddle")
        strokes.append(Stroke(hand, len(graces), ">" in marks, diddle, "z" in marks))
    if not strokes and not problems:
        problems.append("a sticking needs at least one stroke")
    if len(strokes) == len(text.split()):
        problems += _diddle_problems(strokes)
    if problems:
        raise NotationError(f"sticking {text!r}: " + "; ".join(problems))
    return tuple(strokes)


def _diddle_problems(strokes):
    parts = [(None, 0), *((stroke.hand, stroke.diddle) for stroke in strokes), (None, 0)]
    for i, (hand, diddle) in enumerate(parts):
        if diddle == 1 and parts[i + 1] != (hand, 2):
            yield f"stroke {i}: the first of a diddle must be followed by a second of the same hand"
        if diddle == 2 and parts[i - 1] != (hand, 1):
            yield f"stroke {i}: the second of a diddle must follow a first of the same hand"


def format_sticking(strokes):
    """Print strokes in canonical notation; ``parse_sticking`` reads it back to the same strokes."""
    return " ".join(
        f"{other_hand(s.hand).lower() * s.graces}{s.hand}{'>' * s.accent}{s.diddle or ''}{'z' * s.buzz}"
        for s in strokes
    )


def parse_rhythm(text):
    """Read a rhythm.

    Returns: ``(onsets, lengths, total)``: onset and written length of each note and the length of
        the whole, exact fractions of a quarter-note beat.
    Raises: NotationError naming every part that is wrong.
    """
    onsets, lengths, problems, now = [], [], [], Fraction(0)
    for position, token in enumerate(text.split(), start=1):
        match = _LENGTH.match(token)
        if not match or token.endswith("/0") or Fraction(match[3]) == 0 or match[1] == "0":
            problems.append(
                f"part {position} ({token!r}): write a length in beats such as 1/4, 4x1/8 or r1/2"
            )
            continue
        length = Fraction(match[3])
        for _ in range(int(match[1] or 1)):
            if not match[2]:
                onsets.append(now)
                lengths.append(length)
            now += length
    if not onsets and not problems:
        problems.append("a rhythm needs at least one note")
    if onsets and onsets[0] != 0:
        problems.append("a rhythm starts with a note, not a rest")
    if problems:
        raise NotationError(f"rhythm {text!r}: " + "; ".join(problems))
    return tuple(onsets), tuple(lengths), now


def format_rhythm(onsets, lengths, total):
    """Print a rhythm in canonical notation; ``parse_rhythm`` reads it back."""
    parts, now = [], Fraction(0)
    for onset, length in zip(onsets, lengths, strict=True):
        if onset > now:
            parts.append(f"r{onset - now}")
        parts.append(str(length))
        now = onset + length
    if total > now:
        parts.append(f"r{total - now}")
    runs = [(part, len(list(same))) for part, same in groupby(parts)]
    return " ".join(part if count == 1 else f"{count}x{part}" for part, count in runs)
