"""What is to be played: a take's tempo and length, and its rudiment unrolled onto the grid.

Conventions
-----------
A *take* is one performance: (seed, profile, form, tempo index). Everything here is decided before
anybody plays. Hands are 0 for right and 1 for left; ``beat`` counts quarter notes from the first
beat of the figure, ``slot_beats`` is the time since the primary stroke before, in the figure
repeated for ever, so it is also defined for the very first stroke.
"""

import math
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from sousa.generation.rudiments.definitions import Rudiment
from sousa.generation.rudiments.notation import other_hand
from sousa.generation.rudiments.players import Player, dimension_index
from sousa.generation.seeds import stream, uniforms

_GOLDEN = (math.sqrt(5) - 1) / 2
# Right-handed people mostly lead with the right, and practise the other lead too.
DOMINANT_LEAD_SHARE = 0.8


@dataclass(frozen=True)
class Take:
    """One performance to be given: its coordinates, and what follows from them."""

    seed: int
    player: Player
    form: Rudiment
    tempo_index: int
    tempo_bpm: int  # quarter notes a minute, within the part of the rudiment's range
    tempo_low_bpm: int  # in which this player is at home
    tempo_high_bpm: int
    lead_hand: str  # R or L
    num_cycles: int  # whole cycles played
    mistakes: str = "as_played"  # how many are made: one of mistakes.LEVELS

    @property
    def beats(self):
        """Length of the playing in beats."""
        return float(self.form.cycle_beats) * self.num_cycles


def beat_length(metre: str) -> float:
    """Length of a beat of this metre in quarter notes: three eighths in compound time, 0.5 in 3/8."""
    upper, _, lower = metre.partition("/")
    compound = int(lower) == 8 and int(upper) > 3 and int(upper) % 3 == 0
    return (3 if compound else 1) * 4.0 / int(lower)


@dataclass(frozen=True)
class Template:
    """The primaries of one cycle of a form, as arrays of one element a primary: float64, int8 or bool."""

    cycle_beats: float
    beat: np.ndarray
    slot_beats: np.ndarray
    hand: np.ndarray
    graces: np.ndarray
    diddle: np.ndarray
    accent: np.ndarray
    buzz: np.ndarray
    lead_hand: np.ndarray
    group: np.ndarray
    group_name: tuple[str, ...]


@cache
def template(form, lead_hand):
    """Template of a form led by this hand."""
    cycle = form.cycle(lead_hand)
    strokes = [stroke for _, stroke, _, _ in cycle]
    leads = 2 if form.alternates else 1
    group_of = [i for i, (_, count) in enumerate(form.groups) for _ in range(count)]
    return Template(
        cycle_beats=float(form.cycle_beats),
        beat=np.array([float(onset) for onset, *_ in cycle]),
        slot_beats=np.array([float(slot) for slot in form.slots] * leads),
        hand=np.array([s.hand == "L" for s in strokes], np.int8),
        graces=np.array([s.graces for s in strokes], np.int8),
        diddle=np.array([s.diddle for s in strokes], np.int8),
        accent=np.array([s.accent for s in strokes]),
        buzz=np.array([s.buzz for s in strokes]),
        lead_hand=np.array([hand == "L" for *_, hand in cycle], np.int8),
        group=np.array([i + lead * len(form.groups) for lead in range(leads) for i in group_of], np.int8),
        group_name=tuple(form.groups[i][0] for i in group_of) * leads,
    )


@lru_cache(maxsize=4096)
def habits(seed, profile, form_name, num_positions):
    """What a player brings to a rudiment at every tempo.

    Returns: ``(tempo_phase, placement)``: where in [0, 1) the first tempo is drawn, and a
        standard-normal recurring placement for each stroke of the cycle, summing to zero.
    """
    rng = stream(seed, "rudiments", "habits", profile, form_name)
    phase = rng.random()
    placement = rng.standard_normal(num_positions)
    if num_positions > 1:
        placement = placement - placement.sum() / num_positions
    return phase, placement


def tempo_range(form, player):
    """Tempi, in whole BPM, at which this player plays this form: ``(low, high)``."""
    comfort = player.values[dimension_index()["tempo_comfort"]]
    tempo = form.tempo
    low = math.ceil((tempo.min + tempo.typical_low) / 2)
    high = math.floor(tempo.typical_low + comfort * (tempo.max - tempo.typical_low))
    return low, max(low, high)


def plan_take(seed, player, form, tempo_index, duration_sec, mistakes="as_played"):
    """Decide tempo, leading hand and length of a take.

    Args:
        duration_sec: wanted length of playing; the nearest whole number of cycles is played.
        mistakes: one of :data:`sousa.generation.rudiments.mistakes.LEVELS`.

    Tempi of one (player, form) step through the range by the golden ratio, so any number of them
    is spread over it and the first ones stay when more are added.
    """
    low, high = tempo_range(form, player)
    phase, _ = habits(seed, player.index, form.form, len(template(form, "R").beat))
    position = (phase + tempo_index * _GOLDEN) % 1.0
    tempo_bpm = low + min(int(position * (high - low + 1)), high - low)
    (draw,) = uniforms(seed, 1, "rudiments", "plan", player.index, form.form, tempo_index)
    dominant = "R" if player.dominant_hand == "right" else "L"
    lead_hand = dominant if draw < DOMINANT_LEAD_SHARE else other_hand(dominant)
    cycle_sec = float(form.cycle_beats) * 60.0 / tempo_bpm
    num_cycles = max(1, round(duration_sec / cycle_sec))
    return Take(seed, player, form, tempo_index, tempo_bpm, low, high, lead_hand, num_cycles, mistakes)
