"""What is decided about a piece before its notes: style, key, metre, tempo, phrases, keys they go to.

Conventions: phrases are counted in bars; bars are all of one metre.
"""

from functools import cache
from math import ceil, floor
from typing import NamedTuple

from sousa.generation.piano.composition.rhythm import TICKS, in_ticks
from sousa.generation.piano.composition.tables import Choice, Draw, table, weighted
from sousa.generation.piano.composition.wanted import BEATS_A_MINUTE, LEAST_BARS, Wanted
from sousa.generation.piano.score import KEYS, beat_length

# notes of a quarter note of music, about: what the length of a piece is aimed with
_NOTES = {"simple": 2.4, "medium": 4.0, "complex": 6.5}
_ROOM = 0.08  # of a limit of notes, that a piece is aimed inside it
_ROOM_SEC = 6.0  # shorter pieces have no upbeat
_SIGNED = {(fifths, key.split()[1]): key for key, fifths in KEYS.items()}
# sharps and mode of the keys around one
_RELATED = {
    "major": {"V": (1, "major"), "vi": (0, "minor"), "IV": (-1, "major"), "i": (-3, "minor"),
              "iii": (1, "minor"), "ii": (-1, "minor")},
    "minor": {"III": (0, "major"), "v": (1, "minor"), "iv": (-1, "minor"), "VI": (-1, "major"),
              "I": (3, "major")},
}  # fmt: skip


class PhrasePlan(NamedTuple):
    """A phrase: where it begins and how long it is in bars, and what it does.

    ``key`` is the one it begins in, ``last_key`` the one it ends in.
    """

    first_bar: int
    bars: int
    letter: str
    cadence: str
    key: str
    last_key: str


class Plan(NamedTuple):
    """A piece before its notes."""

    level: str
    style: str
    key: str
    metre: str
    bar_ticks: int
    upbeat: int  # ticks before the first full bar
    tempo_bpm: float
    bars: int
    phrases: tuple[PhrasePlan, ...]


@cache
def _styles(level: str) -> Choice:
    return Choice(weighted(table("form")["styles"][level]))


@cache
def _metres(level: str, style: str, names: tuple[str, ...]) -> Choice:
    metres = table("form")["metres"]
    weights = weighted(metres["popular" if style == "popular" else "written"])
    if level == "simple":
        weights = {name: w * weighted(metres["rare"]).get(name, 1) for name, w in weights.items()}
    return Choice({name: w for name, w in weights.items() if not names or name in names})


@cache
def _keys(level: str, style: str, names: tuple[str, ...]) -> Choice:
    keys = table("form")["keys"]
    minor = keys["minor_share"][style]
    return Choice({
        key: keys[level][fifths + 6] * (minor if key.endswith("minor") else 1 - minor)
        for key, fifths in KEYS.items()
        if not names or key in names
    })  # fmt: skip


@cache
def bar_ticks(metre: str) -> int:
    """Ticks of a bar."""
    return sum(in_ticks(table("form")["bars"][metre]["chords"][0]))


@cache
def chord_ticks(metre: str, chords: int) -> tuple[int, ...]:
    """How the time of a bar is shared by chords; some metres have no room for four."""
    return in_ticks(table("form")["bars"][metre]["chords"][chords - 1])


@cache
def _tempi(style: str) -> Choice:
    return Choice({(low, high): weight for low, high, weight in table("form")["tempi"][style]})


def _length(
    draw: Draw, metre: str, beats: float, upbeat: int, wanted: Wanted, notes_a_quarter: float
) -> tuple[int, float]:
    """``(bars, tempo)`` inside the limits of duration, and about those of notes.

    Args:
        beats: a minute, as the style would have them.
    """
    quarters, before = bar_ticks(metre) / TICKS, upbeat / TICKS
    tempo: float = round(beats * beat_length(metre))
    shortest, longest = wanted.durations()
    span = 60 * quarters  # s of a bar x quarter notes a minute
    slowest, fastest = (beat_length(metre) * beats for beats in BEATS_A_MINUTE)
    extra = before / quarters
    lowest = ceil(shortest * slowest / span - extra - 1e-9)
    highest = floor(longest * fastest / span - extra + 1e-9)
    lowest = max(lowest, LEAST_BARS)
    highest = max(highest, lowest)
    # bars that the usual tempo has time for, and those that hold the number of notes, with some room
    low, high = shortest * tempo / span, longest * tempo / span
    fewest = (wanted.min_notes or 0) / (quarters * notes_a_quarter) * (1 + _ROOM)
    most = (wanted.max_notes or 1_000_000) / (quarters * notes_a_quarter) * (1 - _ROOM)
    if fewest > most:
        fewest = most = (fewest + most) / 2
    if fewest > high or most < low:  # notes decide, and the tempo follows
        low = high = fewest if fewest > high else most
    else:
        low, high = max(low, fewest), min(high, most)
    aim = low + (high - low) * draw()
    for unit in (8, 4, 2, 1):
        bars = round(aim / unit) * unit
        if unit == 8 and (bars < 16 or draw() < 0.5):
            continue
        if max(low, lowest) <= bars <= min(high, highest):
            break
    else:
        bars = min(max(round(aim), lowest), highest)
    least, most_bpm = (bars + extra) * span / longest, (bars + extra) * span / shortest
    tempo = min(max(tempo, ceil(least - 1e-9)), floor(most_bpm + 1e-9))
    if not least - 1e-9 <= tempo <= most_bpm + 1e-9:
        tempo = (least + most_bpm) / 2  # no whole number lies between the limits
    return bars, float(tempo)


def _phrase_bars(draw: Draw, bars: int, metre: str) -> list[int]:
    unit = 8 if bars >= 16 and draw() < (0.5 if metre in ("2/4", "3/8") else 0.3) else 4
    if bars < 2 * unit:
        unit = 4
    out = [unit] * (bars // unit) or [bars]
    left = bars - sum(out)
    if left >= 4:
        out += [4]
        left -= 4
    if left == 1 or (left and len(out) > 1 and draw() < 0.4) or left == 3:
        out[-1] += left
    elif left:
        out.append(left)
    return out


@cache
def _forms(phrases: int) -> Choice:
    return Choice(weighted(table("form")["forms"][str(phrases)]))


def _letters(draw: Draw, phrases: int) -> str:
    out, shift = "", 0
    while len(out) < phrases:
        part = _forms(min(phrases - len(out), 4 if phrases > 6 else 6)).draw(draw)
        out += "".join(chr(ord(letter) + shift) for letter in part)
        shift = (shift + 2) % 6
    return out


@cache
def _cadences(name: str) -> Choice:
    return Choice(weighted(table("form")["cadences"][name]))


@cache
def _neighbours(key: str) -> Choice:
    fifths, mode = KEYS[key], key.split()[1]
    weights = weighted(table("form")["modulations"][mode])
    around = {degree: _SIGNED.get((fifths + _RELATED[mode][degree][0], _RELATED[mode][degree][1]))
              for degree in weights}  # fmt: skip
    return Choice({around[degree]: weight for degree, weight in weights.items() if around[degree]})


def _keys_of_phrases(draw: Draw, level: str, key: str, phrases: int) -> list[tuple[str, str]]:
    """``(first key, last key)`` of each phrase; the last one ends at home."""
    out = [(key, key)] * phrases
    share = table("form")["modulations"]["share"][level]
    if phrases < (2 if level == "complex" else 3) or draw() >= share:
        return out
    at = 0
    while at < phrases - 1:
        other = _neighbours(key).draw(draw)
        first = min(at + (1 if phrases > 2 else 0) + int(draw() * 2), phrases - 2)
        if first < at:
            break
        last = min(first + int(draw() * 1.7), phrases - 2)
        for i in range(first, last + 1):
            out[i] = (other, other)
        if draw() < 0.55 or first == 0:
            out[first] = (key, other)  # it leaves on the way
        at = last + 2
        if level == "medium" or draw() < 0.4:
            break
    return out


def plan(draw: Draw, wanted: Wanted, notes_a_quarter: float | None = None) -> Plan:
    """What a piece is to be.

    Args:
        notes_a_quarter: notes of a quarter note of its music, if they are known.
    """
    level = wanted.complexity
    style = _styles(level).draw(draw)
    metres = _metres(level, style, wanted.fitting_metres())
    metre = metres.draw(draw)
    key = _keys(level, style, wanted.keys).draw(draw)
    low, high = _tempi(style).draw(draw)
    tempi = table("form")["tempi"]
    beats = (low + (high - low) * draw()) * tempi["metres"].get(metre, 1) * tempi["levels"][level]
    # a piece that has room for no more than its bars begins with one
    upbeat = round(beat_length(metre) * TICKS) if draw() < table("form")["upbeats"][level] else 0
    if wanted.durations()[1] < _ROOM_SEC:
        upbeat = 0
    bars, tempo = _length(draw, metre, beats, upbeat, wanted, notes_a_quarter or _NOTES[level])
    lengths = _phrase_bars(draw, bars, metre)
    letters = _letters(draw, len(lengths))
    phrases, at = [], 0
    keys_of = _keys_of_phrases(draw, level, key, len(lengths))
    for i, (count, keys) in enumerate(zip(lengths, keys_of, strict=True)):
        if i == len(lengths) - 1 or keys[0] != keys[1]:
            cadence = "PAC"
        else:
            cadence = _cadences("antecedent" if letters[i] in letters[i + 1 :] else "inner").draw(draw)
        phrases.append(PhrasePlan(at, count, letters[i], cadence, *keys))
        at += count
    return Plan(level, style, key, metre, bar_ticks(metre), upbeat, tempo, bars, tuple(phrases))


def title(piece: Plan) -> str:
    """A name such as ``Minuet in G major``."""
    beats = piece.tempo_bpm / beat_length(piece.metre)
    word = next(
        word
        for metres, most, word in table("form")["titles"][piece.style]
        if beats <= most and (not metres or piece.metre in metres.split())
    )
    return f"{word} in {piece.key}"
