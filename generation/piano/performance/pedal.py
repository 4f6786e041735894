"""The curve of the sustain pedal.

The piece is cut where the bass or the harmony changes. In each part the pedal is used or not, as the style
has it; where it was down already it is changed: it comes up around the attack and goes down after it. Its
travel takes time (20 to 100 in 140 ms, back in 100 ms), so quick changes don't reach the bottom, and many
strokes don't reach the top: much of the time it is somewhere between.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from sousa.generation.piano.performance.draws import distinct, quantiles
from sousa.generation.piano.performance.players import Player
from sousa.generation.piano.performance.pulse import Pulse
from sousa.generation.piano.played import PEDAL_DOWN
from sousa.generation.piano.score import LEFT, Chord, Score

PRESS_RATE, LIFT_RATE = 80 / 0.139, 80 / 0.100  # of controller 64 a second
QUICKER, SLOWER = 1.5, 0.8  # in changes, and otherwise
PEAKS = (68.0, 76.0, 93.0, 127.0, 127.0, 127.0, 127.0)
FLOORS = (0.0, 0.0, 0.0, 0.0, 25.0, 40.0, 52.0)
SAGS = (0.0, 0.0, 0.02, 0.06, 0.15, 0.28, 0.40)  # of the peak, while the pedal is held
STEP_SEC = 0.02  # between messages while it moves


@dataclass(frozen=True)
class Habit:
    """How a style pedals.

    Attributes:
        share: of parts in which it is used.
        longest: seconds; longer parts are cut at the beats.
        release_ms: mean time of a change's release after the attack.
        press_ms: mean time of pressing it again after the attack.
        lifts: share of strokes that end before the next part.
        held: share of its part that such a stroke lasts: least and most.
    """

    share: float
    longest: float
    release_ms: float
    press_ms: float
    lifts: float
    held: tuple[float, float]


# popular: reasoned, as there are no measured performances of it
HABITS = {
    "baroque": Habit(0.14, 0.9, -20.0, 190.0, 0.70, (0.25, 0.65)),
    "classical": Habit(0.60, 1.0, -30.0, 190.0, 0.50, (0.30, 0.75)),
    "romantic": Habit(0.97, 1.1, 13.0, 145.0, 0.14, (0.45, 0.85)),
    "popular": Habit(0.80, 1.2, 0.0, 180.0, 0.35, (0.40, 0.85)),
}


def changes(score: Score, pulse: Pulse, longest: float) -> np.ndarray:
    """Places in the score at which the pedal may be changed: changes of harmony, or of the bass."""
    notes = score.notes
    bars = np.array([bar.onset_beat for bar in score.bars])
    chords = [c.onset_beat for i, c in enumerate(score.chords) if not i or _changed(score.chords[i - 1], c)]
    attacks = notes["onset_beat"][notes["hand"] == LEFT]
    attacks = attacks[distinct(attacks)[0]]
    if not chords:
        # the lowest note of each bar's halves
        chords = attacks[np.abs(attacks - np.rint(attacks)) < 1e-6]
    wanted = np.unique(np.concatenate([bars, chords]))
    wanted = wanted[wanted < notes["onset_beat"].max() + 1e-6]
    # long parts are cut where the left hand strikes a beat
    beats = attacks[np.isin(attacks, pulse.beats)]
    gaps = np.diff(pulse.at(wanted), append=np.inf)
    for i in np.flatnonzero(gaps[:-1] > longest).tolist():
        inside = beats[(beats > wanted[i] + 1e-6) & (beats < wanted[i + 1] - 1e-6)]
        wanted = np.append(wanted, inside)
    wanted = np.unique(wanted)
    seconds = pulse.at(wanted)
    kept, last = [], -np.inf
    for k, at in enumerate(seconds.tolist()):
        if at - last > 0.32:
            kept.append(k)
            last = at
    return wanted[kept]


def _changed(before: Chord, after: Chord) -> bool:
    return (before.root, before.quality, before.bass) != (after.root, after.quality, after.bass)


def strokes(
    score: Score, player: Player, pulse: Pulse, onset: np.ndarray, last_sec: float, rng: Generator
) -> tuple[np.ndarray, np.ndarray]:
    """When the pedal crosses PEDAL_DOWN on its way down, and on its way up; both rising, seconds.

    Args:
        onset: seconds of the written notes.
        last_sec: when the last key may go up.
    """
    habit = HABITS[score.style]
    if player.pedalling < 0.4:
        return np.zeros(0), np.zeros(0)
    places = changes(score, pulse, habit.longest if player.tier == "professional" else 2.5)
    attack = pulse.at(places)
    # the attack of the lowest note that is struck there
    notes = score.notes
    order = np.lexsort((notes["pitch"], notes["onset_beat"]))
    at, _ = distinct(notes["onset_beat"])
    struck = notes["onset_beat"][at]
    where = np.searchsorted(struck, places).clip(max=len(struck) - 1)
    attack = np.where(struck[where] == places, onset[order[at[where]]], attack)
    attack = np.maximum.accumulate(attack)
    count = len(attack)
    until = np.append(attack[1:], max(last_sec + 0.15, attack[-1] + 0.4))
    length = until - attack
    z = rng.standard_normal((5, count))
    draw = rng.random((4, count))
    lag = player.pedal_lag_ms
    share = min(habit.share * player.pedalling, 0.99)
    used = _runs(draw[0], share)
    missed = draw[1] < player.pedal_miss  # held through the change
    press = attack + (np.maximum(habit.press_ms + lag + 45.0 * z[0], 60.0) / 1000.0).clip(max=0.6 * length)
    release = until + (habit.release_ms + lag + 60.0 * z[1]).clip(-160.0, 260.0) / 1000.0
    lifted = (draw[2] < habit.lifts) | np.append(~used[1:], True) & (draw[2] < 0.7)
    least, most = habit.held
    release = np.where(lifted, attack + (least + (most - least) * draw[3]) * length + 0.15, release)
    # the last one is held to the end
    release[-1] = max(last_sec + float(rng.uniform(0.05, 0.4)), release[-1])
    # no release after the next press, and none that is missed
    release = np.minimum(release, np.append(press[1:] - 0.055 - 0.05 * draw[1][1:], np.inf))
    through = missed & np.append(used[1:], False) & ~lifted
    begins = used & ~np.append([False], (through & used)[:-1])
    ends = used & ~through
    down, up = press[begins], release[ends]
    size = min(len(down), len(up))
    down, up = down[:size], up[:size]
    long_enough = up - down > 0.10
    return down[long_enough], up[long_enough]


def _runs(uniform: np.ndarray, share: float) -> np.ndarray:
    """True in this share of places, in runs."""
    out, state = [], None
    for value in uniform.tolist():
        if state is None:
            state = value < share
        elif state:
            state = value < share + 0.35 * (1.0 - share)
        else:
            state = value < share * 0.65
        out.append(state)
    return np.array(out, dtype=bool)


def curve(down: np.ndarray, up: np.ndarray, end_sec: float, rng: Generator) -> np.ndarray:
    """Messages of the pedal: float64 (n, 2), seconds and whole values; the first one is at 0.

    Args:
        down, up: as from :func:`strokes`.
    """
    count = len(down)
    if not count:
        return np.zeros((1, 2))
    z = rng.standard_normal((5, count))
    room = down[1:] - up[:-1]
    # changes are quicker than other strokes
    quick = np.where(room < 0.35, QUICKER, SLOWER)
    rate_down = PRESS_RATE * np.exp(0.35 * z[0]).clip(0.5, 2.0) * np.append(SLOWER, quick)
    rate_up = LIFT_RATE * np.exp(0.35 * z[1]).clip(0.5, 2.0) * np.append(quick, SLOWER)
    deepest = PEDAL_DOWN - 1 - room / (1.0 / rate_down[1:] + 1.0 / rate_up[:-1])
    floor = np.minimum(np.maximum(quantiles(z[2, 1:], FLOORS), deepest), 60.0)
    before, after = np.append(0.0, floor), np.append(floor, 0.0)
    width = up - down
    highest = PEDAL_DOWN + width / (1.0 / rate_down + 1.0 / rate_up)
    peak = np.minimum(quantiles(z[3], PEAKS), np.maximum(highest, 66.0)).clip(66.0, 127.0)
    sag = np.maximum(peak * (1.0 - quantiles(z[4], SAGS)), 66.0)
    knots = np.column_stack([
        down - (PEDAL_DOWN - before) / rate_down, down, down + (peak - PEDAL_DOWN) / rate_down,
        up - (sag - PEDAL_DOWN) / rate_up, up, up + (PEDAL_DOWN - after) / rate_up,
    ]).ravel()  # fmt: skip
    high = np.full(count, float(PEDAL_DOWN))
    values = np.column_stack([before, high, peak, sag, high - 0.6, after]).ravel()
    knots = np.maximum.accumulate(knots.clip(0.0))
    times = np.arange(0.0, end_sec, STEP_SEC)
    messages = np.rint(np.interp(times, knots, values))
    moved = np.concatenate([[True], np.diff(messages) != 0])
    return np.column_stack([times[moved], messages[moved]])


def is_down(down: np.ndarray, up: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Whether the pedal is down at these times."""
    if not len(down):
        return np.zeros(len(seconds), dtype=bool)
    k = np.searchsorted(down, seconds, side="right") - 1
    return (k >= 0) & (seconds < up[k.clip(0)])
