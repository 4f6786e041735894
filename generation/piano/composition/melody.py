"""Melodies: motifs of rhythm and contour, laid over harmonies.

Conventions
-----------
A bar of material is ``(rhythm, moves)``: a move is the steps of the scale into a note. :func:`lay` turns moves
into notes: on strong beats, and where it leaps, a melody goes to the nearest note of the chord; any other note
is reached and left by step.
"""

from collections.abc import Sequence
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
        self._shares = {name: by[level] for name, by in table("melody")["shares"].items()}
        self.leaning = self._shares["leaning"]
        self._pool: list[Material] = []
        self._phrases: dict[str, list[Material]] = {}

    def share(self, name: str) -> bool:
        """Whether something of a share happens."""
        return self._draw() < self._shares[name]

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

    def phrase(self, letter: str, bars: int) -> list[Material]:
        """Material of the bars before a phrase's last one."""
        known = self._phrases.get(letter)
        if known is None:
            known = self._phrases[letter] = []
            first: list[Material] = []
        else:
            first = known
        out = list(first[:bars])
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
    leaning: float = 0.0,
) -> list[Laid]:
    """A line over harmonies.

    Args:
        place: where it comes from.
        span: lowest and highest place, and those beyond which it mostly turns back.
        leaning: share of strong notes that may lie outside the chord, a step above one.
    """
    lowest, highest, low, high = span
    out: list[Laid] = []
    bound = False  # the note before is not of its chord: a step has to follow
    slot, pitch, bass = -1, -1, -1
    count = len(tones)
    for i, (start, duration, move, number, strong, goals) in enumerate(tones):
        chord = slots[number].chord
        is_tone, pitches = chord.is_tone, chord.pitches
        if (place > high and move > 0) or (place < low and move < 0):
            if draw() < 0.6:
                move = -move
        want = place + move
        if want > highest or want < lowest:
            move = -move
            want = place + move
        sign = 1 if move > 0 else -1
        new_slot = number != slot
        old_bass, bass = bass, slots[number].bass
        if goals:
            near = (place + sign, place - sign, place) if bound else ()
            want = next((p for p in near if p % 7 in goals), None)
            if want is None:
                want = _nearest(goals, place + move, sign, lowest, highest)
            bound = False
        elif bound:
            near = (place + sign, place - sign, place)
            want = next((p for p in near if is_tone[p % 7]), place + sign)
            bound = not is_tone[want % 7]
        else:
            after = tones[i + 1] if i + 1 < count else None
            steps = -1 <= move <= 1
            free = steps and after is not None and -1 <= after.move <= 1 and not after.goals
            if strong and leaning and draw() < leaning and after is not None and duration < 96:
                free, want = True, place + (move or 1)
                if not is_tone[(want - 1) % 7]:
                    free = False
            elif strong:
                free = False
            if not free and not is_tone[want % 7]:
                want = _snap(is_tone, want, sign, lowest, highest)
                if want == place and move:
                    other = _snap(is_tone, place + 2 * sign, sign, lowest, highest)
                    if abs(other - place) < 4 and draw() < 0.7:
                        want = other
            if new_slot and pitch >= 0 and is_tone[want % 7]:
                # no fifths or octaves in parallel with the bass
                for turn in (0, sign, -sign, 2 * sign, -2 * sign, 3 * sign):
                    other = want + turn
                    if not is_tone[other % 7] or not lowest <= other <= highest:
                        continue
                    gap = (12 * (other // 7) + pitches[other % 7] - bass) % 12
                    if gap not in (0, 7) or (pitch - old_bass) % 12 != gap or bass == old_bass:
                        want = other
                        break
            bound = not is_tone[want % 7]
        place, slot = want, number
        pitch = 12 * (place // 7) + pitches[place % 7]
        out.append(Laid(start, duration, pitch, chord.spellings[place % 7], place, number))
    return out


def _snap(is_tone: tuple[bool, ...], want: int, sign: int, lowest: int, highest: int) -> int:
    """The place of the chord nearest to one; the way a melody goes, where two are as near."""
    for turn in (0, sign, -sign, 2 * sign, -2 * sign, 3 * sign, -3 * sign):
        if is_tone[(want + turn) % 7] and lowest <= want + turn <= highest:
            return want + turn
    return want


def _nearest(letters: tuple[int, ...], want: int, sign: int, lowest: int, highest: int) -> int:
    for distance in range(7):
        for place in (want + sign * distance, want - sign * distance):
            if place % 7 in letters and lowest <= place <= highest:
                return place
    return want
