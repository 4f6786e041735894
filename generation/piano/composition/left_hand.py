"""Left hands: patterns over harmonies.

Conventions: a note in the making is a list, see :mod:`.notes`; time is in ticks.
"""

from functools import cache, lru_cache
from typing import NamedTuple

from sousa.generation.piano.composition.chords import Harmony, letter, stack, window, within
from sousa.generation.piano.composition.form import bar_ticks
from sousa.generation.piano.composition.melody import Laid, Slot, Tone, lay
from sousa.generation.piano.composition.notes import PITCH, Note, note
from sousa.generation.piano.composition.rhythm import TICKS
from sousa.generation.piano.composition.tables import Choice, Draw, table, weighted
from sousa.generation.piano.score import COMPLEXITIES, HIGHEST_PITCH, LEFT

_FAMILIES = {"3/4": "triple", "6/8": "compound", "9/8": "compound", "12/8": "compound", "3/8": "compound"}
_WINDOW = 52  # lowest pitch of the tones w x y z


class Pattern(NamedTuple):
    """A pattern: words of one step each as ``(offset, duration, letters)``, for both voices."""

    name: str
    step: int
    length: int
    upper: tuple[tuple[int, int, str], ...]
    under: tuple[tuple[int, int, str], ...]
    line: bool
    bass: tuple[int, int]


def _words(text: str, step: int) -> tuple[tuple[int, int, str], ...]:
    out: list[tuple[int, int, str]] = []
    for i, word in enumerate(text.split()):
        if word == "-":
            offset, duration, letters = out[-1]
            out[-1] = (offset, duration + step, letters)
        elif word != ".":
            out.append((i * step, step, word))
    return tuple(out)


@cache
def _all() -> tuple[tuple[Pattern, list[float], dict[str, float], list[str]], ...]:
    """Patterns with their weights by level and by style, and the kinds of metres they are for."""
    out = []
    for entry in table("left_hand")["pattern"]:
        step, cell = round(entry["step"] * TICKS), entry.get("cell", "")
        pattern = Pattern(
            entry["name"], step, step * len(cell.split()), _words(cell, step or 1),
            _words(entry.get("under", ""), step), entry.get("line", False), tuple(entry["bass"]),
        )  # fmt: skip
        out.append((pattern, entry["levels"], weighted(entry["styles"]), entry["metres"]))
    return tuple(out)


@cache
def patterns(level: str, style: str, metre: str, least: int) -> Choice:
    """Patterns of a level and style whose notes have at least so many ticks."""
    column, family, bar = COMPLEXITIES.index(level), _FAMILIES.get(metre, "duple"), bar_ticks(metre)
    return Choice({
        pattern: by_level[column] * by_style[style]
        for pattern, by_level, by_style, families in _all()
        if family in families and (not pattern.step or (pattern.step >= least and not bar % pattern.step))
    })  # fmt: skip


def bass_of(chord: Harmony, before: int, low: int, high: int) -> int:
    """Pitch of a bass, within an octave or a little more: the nearest to the one before."""
    pitch = low + (within(chord.bass) - low) % 12
    return pitch + 12 if pitch + 12 <= high and abs(pitch + 12 - before) < abs(pitch - before) else pitch


@lru_cache(maxsize=32768)
def _tones(chord: Harmony, bass: int, word: str) -> tuple[tuple[int, int], ...]:
    """``(pitch, fifths)`` of a word of a pattern, lowest first."""
    size = len(chord.tones)
    up = stack(chord, bass)
    out: list[tuple[int, int]] = []
    for sign in word:
        if sign.isdigit():
            # a pattern is written for triads: the octave is the fourth tone of one
            out.append(up[int(sign)])
        elif sign == "A":
            out += up[:size]
        elif sign == "T":
            out.append(up[size - 1])
        elif sign == "O":
            out += [(bass - 12, chord.bass), (bass, chord.bass)]
        elif sign == "L":
            out.append((bass - 12 if bass >= 36 else bass, chord.bass))
        else:
            around = window(chord, _WINDOW)
            if "wxyz".index(sign) < len(around):
                out.append(around["wxyz".index(sign)])
    return tuple(sorted(set(out)))


def accompany(pattern: Pattern, slots: list[Slot], melody: list[Laid]) -> list[Note]:
    """Notes of a pattern over harmonies, none of which goes beyond a bar; they keep below the melody."""
    ceilings = [HIGHEST_PITCH] * len(slots)
    for laid in melody:
        if laid.slot < len(slots):
            ceilings[laid.slot] = min(ceilings[laid.slot], laid.pitch)
    out: list[Note] = []
    for slot, ceiling in zip(slots, ceilings, strict=True):
        notes = _over(pattern, slot)
        for n in notes:
            if n[PITCH] >= ceiling and n[PITCH] - 12 >= slot.bass:
                n[PITCH] -= 12
        out += notes
    return out


def _over(pattern: Pattern, slot: Slot) -> list[Note]:
    """Notes of a pattern over one harmony."""
    out: list[Note] = []
    voices = ((1, pattern.upper), (2, pattern.under))
    start, end, chord, bass = slot
    for voice, words in voices:
        if not words:
            continue
        if not pattern.step:
            for _, _, letters in words:
                out += [
                    note(start, end - start, pitch, fifths, LEFT, voice)
                    for pitch, fifths in _tones(chord, bass, letters)
                ]
            continue
        for base in range(start, end, pattern.length):
            for offset, duration, letters in words:
                at = base + offset
                if at >= end:
                    break
                duration = min(duration, end - at)
                for pitch, fifths in _tones(chord, bass, letters):
                    out.append(note(at, duration, pitch, fifths, LEFT, voice))
    return out


def line(draw: Draw, pattern: Pattern, slots: list[Slot]) -> list[Note]:
    """A line from bass to bass, by steps where it can."""
    tones: list[Tone] = []
    step = pattern.step
    for i, (start, end, chord, bass) in enumerate(slots):
        following = slots[i + 1] if i + 1 < len(slots) else None
        place = _place(chord, bass)
        goal = _place(following.chord, following.bass) if following else place
        count = max((end - start) // step, 1)
        way = goal - place
        # as many steps as lead to the next bass, or a turn that comes back to it
        lead = 1 if way > 0 or (way == 0 and draw() < 0.5) else -1
        turn = (count - abs(way)) // 2 if abs(way) < count else 0
        for n in range(count):
            length = step if n < count - 1 else end - start - step * (count - 1)
            move = 0 if n == 0 else (-lead if n <= turn else lead)
            goals = (letter(chord.bass),) if n == 0 else ()
            tones.append(Tone(start + n * step, length, move, i, n * step % TICKS == 0 and step < 24, goals))
    first = _place(slots[0].chord, slots[0].bass)
    low, high = pattern.bass[0] * 7 // 12 - 3, pattern.bass[1] * 7 // 12 + 3
    laid = lay(tones, slots, first, (low, high, low + 2, high - 2), draw)
    return [note(n.start, n.duration, n.pitch, n.fifths, LEFT, 1) for n in laid]


def _place(chord: Harmony, pitch: int) -> int:
    name = letter(chord.bass)
    return 7 * ((pitch - chord.pitches[name]) // 12) + name
