"""Melodies: motifs of rhythm and contour, laid over harmonies.

Conventions
-----------
A bar of material is ``(rhythm, moves)``: a move is the steps of the scale into a note. :func:`lay` turns
moves into notes: on strong beats, and where it leaps, a melody goes to the nearest note of the chord; any
other note is reached and left by step.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from sousa.generation.piano.composition.chords import Harmony
from sousa.generation.piano.composition.rhythm import Rhythm, bar
from sousa.generation.piano.composition.tables import Choice, Draw, table, weighted

Material = tuple[Rhythm, tuple[int, ...]]


class Slot(NamedTuple):
    """A harmony in time: ticks, and the pitch of its bass."""

    start: int
    end: int
    chord: Harmony
    bass: int


class Tone(NamedTuple):
    """A note to lay: its time in ticks, move, slot, and what is asked of it."""

    start: int
    duration: int
    move: int
    slot: int
    strong: bool
    goals: tuple[int, ...]  # letters, where it is a goal


class Laid(NamedTuple):
    """A note of a line."""

    start: int
    duration: int
    pitch: int
    fifths: int
    place: int
    slot: int


_TURNS = (0, 1, -1, 2, -2, 3, -3)  # where a note is looked for around a place, nearest first
_LEADING = (24, 12, 16)  # ticks of notes between phrases
_PLAIN = {"leaning": 0.0, "chromatic": 0.0, "bent": 0.25, "filled": 0.5}


@cache
def _moves(level: str) -> Choice:
    return Choice({int(move): weight for move, weight in weighted(table("melody")["moves"][level]).items()})


@cache
def _figures(level: str, notes: int) -> Choice:
    weights = weighted(table("melody")["figures"][str(notes)][level])
    return Choice({tuple(map(int, text.split(","))): weight for text, weight in weights.items()})


@cache
def _schemes(bars: int) -> Choice:
    return Choice(weighted(table("melody")["schemes"][str(bars)]))


def contour(draw: Draw, level: str, rhythm: Rhythm) -> tuple[int, ...]:
    """Moves into the notes of a bar."""
    moves, out, i = _moves(level), [], 0
    while i < len(rhythm):
        count = rhythm[i][3]
        i += count
        out.append(moves.draw(draw))
        left = count - 1
        if left == 1:
            out.append(moves.draw(draw))
        elif left == 2:
            out += _figures(level, 3).draw(draw)
        elif left > 2:
            figure = _figures(level, 4).draw(draw)
            out += figure
            left -= 3
            while left > 0:  # the figure goes on
                if draw() < 0.35:
                    figure = _figures(level, 4).draw(draw)
                lead = 1 if sum(figure) > 0 else -1
                out += (lead, *figure)[:left]
                left -= 4
    return tuple(out)


class Motifs:
    """The material of a piece: what phrases and their bars share."""

    def __init__(self, draw: Draw, level: str, style: str, metre: str, least: int):
        self._draw, self._level = draw, level
        self._rhythm = (level, style, metre, least)
        self.shares = {name: by[level] for name, by in table("melody")["shares"].items()}
        self._pool: list[Material] = []
        self._phrases: dict[str, list[Material]] = {}

    def share(self, name: str) -> bool:
        """Whether something of a share happens."""
        return self._draw() < self.shares[name]

    def _new(self) -> Material:
        if self._pool and self.share("again"):
            rhythm, moves = self._pool[int(self._draw() * len(self._pool))]
            if self.share("inverted"):
                moves = tuple(-move for move in moves)
            return rhythm, moves
        rhythm = bar(self._draw, *self._rhythm)
        material = rhythm, contour(self._draw, self._level, rhythm)
        self._pool.append(material)
        return material

    def lead(self, ticks: int) -> list[tuple[int, int, int]]:
        """``(offset, duration, move)`` of notes that lead on from the last note of a phrase."""
        level, _, _, least = self._rhythm
        values = [value for value in _LEADING if value >= least and ticks % value == 0 and value < ticks]
        if not values:
            return [(0, ticks, 1 if self._draw() < 0.5 else -1)]
        value = values[int(self._draw() * min(len(values), 2 if level == "complex" else 1))]
        way = 1 if self._draw() < 0.5 else -1
        return [(at, value, way if self._draw() < 0.85 else -way) for at in range(0, ticks, value)]

    def phrase(self, letter: str, bars: int) -> list[Material]:
        """Material of the bars before a phrase's last one."""
        known = self._phrases.get(letter, [])
        out = known[:bars]
        while len(out) < bars:
            count = min(3, bars - len(out))
            local: dict[str, Material] = {}
            for name in _schemes(count).draw(self._draw):
                if name not in local:
                    local[name] = self._new()
                out.append(local[name])
            if len(out) < bars:
                out.append(self._new())
        if len(out) > len(known):
            self._phrases[letter] = out
        return out


def lay(
    tones: Sequence[Tone],
    slots: Sequence[Slot],
    place: int,
    span: tuple[int, int, int, int],
    draw: Draw,
    shares: Mapping[str, float] = _PLAIN,
) -> list[Laid]:
    """A line over harmonies.

    Args:
        place: where it comes from.
        span: lowest and highest place, and those beyond which it mostly turns back.
        shares: of ``melody.toml``: bent, filled, leaning and chromatic.
    """
    lowest, highest, low, high = span
    places: list[int] = []
    bound = False  # the note before is not of its chord: a step has to follow
    slot, pitch, head, bass = -1, -1, -1, -1
    count = len(tones)
    for i, (_, duration, move, number, strong, goals) in enumerate(tones):
        is_tone, pitches = slots[number].chord.is_tone, slots[number].chord.pitches
        if ((place > high and move > 0) or (place < low and move < 0)) and draw() < 0.6:
            move = -move
        if not lowest <= place + move <= highest:
            move = -move
        want, sign = place + move, 1 if move > 0 else -1
        old_bass, bass = bass, slots[number].bass
        # against the bass, at a change of harmony: intervals that are not to come again
        closed: Collection[int] = ()
        if number != slot and slot >= 0 and bass != old_bass:
            closed = {(pitch - old_bass) % 12, (head - old_bass) % 12} & {0, 7}
        if goals:
            near = (place + sign, place - sign, place) if bound else ()
            goal = next((p for p in near if p % 7 in goals), None)
            want = _nearest(goals, want, sign, lowest, highest) if goal is None else goal
        elif bound:
            near = (place + sign, place - sign, place)
            want = next((p for p in near if is_tone[p % 7]), want if -1 <= move <= 1 else place + sign)
        else:
            # a note may lie outside the chord where a step leads to it, and another one on
            after = tones[i + 1] if i + 1 < count else None
            free = after is not None and not after.goals and -1 <= move <= 1
            if free and after and not -1 <= after.move <= 1:
                free = draw() < shares["bent"]
            if strong:
                can_lean = free and duration < 96 and is_tone[(place + move - 1) % 7]
                free = can_lean and draw() < shares["leaning"]
            if not free and not is_tone[want % 7]:
                if -1 <= move <= 1 and is_tone[(place - sign) % 7] and draw() < 0.5:
                    want = place - sign  # a step the other way
                else:
                    want = _snap(is_tone, want, sign, lowest, highest)
                    if want == place and move:
                        want = _snap(is_tone, place - 2 * sign, -sign, lowest, highest)
        if closed and is_tone[want % 7]:
            open_places = (
                other
                for other in (want + turn * sign for turn in _TURNS)
                if (other % 7 in goals if goals else is_tone[other % 7])
                and lowest <= other <= highest
                and (12 * (other // 7) + pitches[other % 7] - bass) % 12 not in closed
            )
            want = next(open_places, want)
        bound = not is_tone[want % 7]
        place = want
        pitch = 12 * (place // 7) + pitches[place % 7]
        if number != slot:
            slot, head = number, pitch
        places.append(place)
    _pass_through(draw, tones, places, shares["filled"])
    out = []
    for (start, duration, _, number, _, _), place in zip(tones, places, strict=True):
        chord = slots[number].chord
        pitch = 12 * (place // 7) + chord.pitches[place % 7]
        out.append(Laid(start, duration, pitch, chord.spellings[place % 7], place, number))
    return _alter(draw, tones, out, shares["chromatic"]) if shares["chromatic"] else out


def _pass_through(draw: Draw, tones: Sequence[Tone], places: list[int], share: float) -> None:
    """A share of weak notes between two that lie a third apart fills it."""
    for i in range(1, len(places) - 1):
        before, after = places[i - 1], places[i + 1]
        if abs(after - before) == 2 and not (tones[i].strong or tones[i].goals) and tones[i].duration <= 48:
            middle = (before + after) // 2
            if places[i] != middle and draw() < share:
                places[i] = middle


def _alter(draw: Draw, tones: Sequence[Tone], laid: list[Laid], share: float) -> list[Laid]:
    """Semitones in place of whole tones: lower neighbours, and the second of a note struck twice."""
    for i in range(1, len(laid) - 1):
        here = laid[i]
        if tones[i].strong or tones[i].goals or here.duration > 48:
            continue
        before, after = laid[i - 1], laid[i + 1]
        to_next = after.pitch - here.pitch
        turn = 0
        if before.place == here.place and before.pitch == here.pitch and abs(to_next) == 2:
            turn = 1 if to_next > 0 else -1
        elif before.place == after.place == here.place + 1 and to_next == 2 and before.pitch == after.pitch:
            turn = 1
        fifths = here.fifths + 7 * turn
        if turn and abs(after.place - here.place) == 1 and -9 <= fifths <= 13 and draw() < share:
            laid[i] = here._replace(pitch=here.pitch + turn, fifths=fifths)
    return laid


def _snap(is_tone: tuple[bool, ...], want: int, sign: int, lowest: int, highest: int) -> int:
    """The place of the chord nearest to one; the way a melody goes, where two are as near."""
    for turn in _TURNS:
        other = want + turn * sign
        if is_tone[other % 7] and lowest <= other <= highest:
            return other
    return want


def _nearest(letters: tuple[int, ...], want: int, sign: int, lowest: int, highest: int) -> int:
    for distance in range(7):
        for place in (want + sign * distance, want - sign * distance):
            if place % 7 in letters and lowest <= place <= highest:
                return place
    return want
