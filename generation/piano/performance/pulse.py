"""When each beat comes.

The logarithm of a beat's length is the sum of

* the written tempo and the player's ratio to it;
* the curve of the piece: a slow wandering, a local variation, the arc of each phrase and the final
  ritardando, drawn from the coordinates of the piece and scaled by its style;
* the player's own curve, smaller and less smooth;
* of lower tiers, noise, and slowing where there is more to play.

Stops put a wait before a beat; some are followed by a repeat of the beats before.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from sousa.generation.piano.performance.draws import ar1
from sousa.generation.piano.performance.players import Player
from sousa.generation.piano.score import LEFT, RIGHT, Score, beat_length

# style: standard deviations of the log beat length, slow and local, and size of the phrase arcs
CURVES = {
    "baroque": (0.024, 0.026, 0.4),
    "classical": (0.070, 0.070, 1.0),
    "romantic": (0.125, 0.120, 2.6),
    "popular": (0.026, 0.030, 0.5),
}
# log of beat lengths, over tenths of a phrase
ARC = np.log1p(np.array([0.03, 0.0, 0.0, 0.0, 0.0, 0.01, -0.01, 0.0, 0.01, 0.02, 0.07]))
RITARD = (1.05, 1.12, 1.25)  # of the beats before the last one, which is drawn
LOCAL_PHI, OWN_PHI = 0.45, 0.85  # what is heard of them is less, as onsets scatter
BEFORE = 0.02  # quarter notes before a wait that still belong to the time before it


@dataclass(frozen=True)
class Repeat:
    """Beats from ``start`` to ``end`` are played again, ``shift`` seconds later than the first time."""

    start: float
    end: float
    shift: float


@dataclass(frozen=True, eq=False)
class Pulse:
    """Time in seconds of places in the score; ``beats`` are rising knots."""

    beats: np.ndarray
    seconds: np.ndarray
    repeats: tuple[Repeat, ...] = ()

    def at(self, beat: np.ndarray) -> np.ndarray:
        """Seconds of places in quarter notes."""
        return np.interp(beat, self.beats, self.seconds)


def counted_beats(score: Score) -> np.ndarray:
    """The beats of a score as they are counted, in quarter notes, and its end; rising.

    Those of a first bar that is not full are counted from its end.
    """
    out: list[float] = []
    for i, bar in enumerate(score.bars):
        step = beat_length(bar.metre)
        count = max(int(np.ceil(bar.length_beat / step - 1e-9)), 1)
        if i == 0 and bar.length_beat / step % 1 > 1e-9:
            end = bar.onset_beat + bar.length_beat
            out += [end - step * k for k in range(count - 1, 0, -1)]
        else:
            out += [bar.onset_beat + step * k for k in range(count)]
    # a piece that is shorter than a beat has one all the same
    return np.array([*(out or [score.bars[0].onset_beat]), score.end_beat])


def written(score: Score, beats: np.ndarray) -> Pulse:
    """The pulse that the score asks for, with the counted beats among its knots."""
    knots = np.unique(np.concatenate([[0.0], beats, [at for at, _ in score.tempi]]))
    marks = np.array([0.0, *(at for at, _ in score.tempi)])
    tempi = np.array([score.tempo_bpm, *(bpm for _, bpm in score.tempi)])
    quarter = 60.0 / tempi[np.searchsorted(marks, knots[:-1], side="right") - 1]
    return Pulse(knots, np.concatenate([[0.0], np.cumsum(np.diff(knots) * quarter)]))


def pulse(score: Score, player: Player, beats: np.ndarray, of_piece: Generator, own: Generator) -> Pulse:
    """The pulse of a performance.

    Args:
        beats: as from :func:`counted_beats`.
        of_piece: stream that all who play the piece share.
        own: stream of this performance.
    """
    plain = written(score, beats)
    knots, length = plain.beats, np.diff(plain.seconds)
    count = len(length)
    common = _curve(score, knots, of_piece)
    slow, local, _ = CURVES[score.style]
    size = player.individuality * float(np.hypot(slow, local))
    noise = own.standard_normal((2, count))
    shape = player.rubato * common + size * ar1(noise[0], OWN_PHI) + player.beat_noise * noise[1]
    if player.effort:
        shape += player.effort * _crowding(score, knots)
    shape += _ritardando(score, knots, of_piece) * min(1.0, player.rubato)
    length = length * np.exp(shape) / player.tempo_ratio
    wait, repeats = _stops(score, player, knots, length, own)
    if not wait.any():
        return Pulse(knots, np.concatenate([[0.0], np.cumsum(length)]))
    before = np.concatenate([[0.0], np.cumsum(length)]) + np.concatenate([[0.0], np.cumsum(wait)[:-1]])
    places = np.column_stack([knots - BEFORE, knots]).ravel()[1:]
    times = np.column_stack([before, before + wait]).ravel()[1:]
    # without a wait the place just before a knot lies on the line to it
    drop = np.concatenate([[False], np.column_stack([wait[1:] == 0, np.zeros(count, bool)]).ravel()])
    return Pulse(places[~drop], times[~drop], repeats)


def _curve(score: Score, knots: np.ndarray, rng: Generator) -> np.ndarray:
    """Log of beat lengths over the written ones, without the final ritardando, for the whole piece."""
    slow, local, arc = CURVES[score.style]
    noise = rng.standard_normal((2, len(knots) - 1))
    curve = slow * ar1(noise[0], 0.88) + local * ar1(noise[1], LOCAL_PHI)
    for phrase, z in zip(score.phrases, rng.standard_normal(len(score.phrases)), strict=True):
        first, last = np.searchsorted(knots, (phrase.onset_beat - 1e-6, phrase.end_beat - 1e-6))
        last = min(last, len(curve))
        if last - first > 2:
            place = np.linspace(0.0, 10.0, last - first)
            curve[first:last] += arc * (1.0 + 0.5 * z) * np.interp(place, np.arange(11), ARC)
    return curve - np.median(curve)


def _ritardando(score: Score, knots: np.ndarray, rng: Generator) -> np.ndarray:
    """Log of the last beat lengths: those that end with the last attack, and what is held after it."""
    final = np.exp(rng.normal(np.log(1.72), 0.36))
    out = np.zeros(len(knots) - 1)
    last = int(np.searchsorted(knots, score.notes["onset_beat"].max() + 1e-6)) - 1  # knot of the attack
    weights = np.log([*RITARD, final])[-max(last, 0) :][: max(last, 0)]
    if last > 4:
        out[last - len(weights) : last] = weights
        out[last:] = np.log(final) * 0.8
    return out


def _crowding(score: Score, knots: np.ndarray) -> np.ndarray:
    """Log of the notes of each beat over the median beat's, to base 2, smoothed over three."""
    notes = np.histogram(score.notes["onset_beat"], knots)[0] + 0.5
    log = np.log2(notes / np.median(notes)).clip(-2.0, 2.0)
    padded = np.concatenate([log[:1], log, log[-1:]])
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3.0


def _stops(
    score: Score, player: Player, knots: np.ndarray, length: np.ndarray, rng: Generator
) -> tuple[np.ndarray, tuple[Repeat, ...]]:
    """Seconds of waiting before each knot, and the repeats after some of the stops."""
    wait = np.zeros(len(knots))
    if not player.stops_per_bar:
        return wait, ()
    count = int(rng.poisson(player.stops_per_bar * len(score.bars)))
    weight = 0.3 + 0.9 * np.isin(knots, [bar.onset_beat for bar in score.bars]) + _leaps(score, knots)
    weight[:3] = weight[-2:] = 0.0  # nobody stops before having begun
    if not weight.any():
        return wait, ()
    chosen: list[int] = []
    for k in rng.choice(len(knots), size=count, p=weight / weight.sum()).tolist():
        if all(abs(k - other) > 3 for other in chosen):
            chosen.append(k)
    repeats = []
    for k in sorted(chosen):
        pause = float(length[k - 1] * rng.uniform(0.3, 1.0))
        back = int(rng.integers(1, 3))
        if rng.random() < player.repeat_share:
            again = float(length[k - back : k].sum())
            repeats.append(Repeat(float(knots[k - back]), float(knots[k]), again + pause))
            pause += again
        wait[k] = pause
    return wait, tuple(repeats)


def _leaps(score: Score, knots: np.ndarray) -> np.ndarray:
    """One at each knot with an attack that is further than a ninth from the one before in its hand."""
    out = np.zeros(len(knots))
    for hand in (RIGHT, LEFT):
        notes = score.notes[score.notes["hand"] == hand]
        far = np.abs(np.diff(notes["pitch"].astype(int))) > 14
        far &= np.diff(notes["onset_beat"]) > 0
        out[np.isin(knots, notes["onset_beat"][1:][far])] = 1.0
    return out
