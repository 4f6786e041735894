"""Where onsets are in their beats: a hidden Markov model of metrical places and tempo, solved by Viterbi.

What begins is at one of a few places of a beat, and goes from one to the next as it usually does in music;
time goes by as the places and the tempo say, but for deviations; the tempo changes slowly. After M. Hamanaka
et al., "A learning-based quantization: unsupervised estimation of the model parameters", ICMC 2003, and
E. Nakamura, K. Yoshii and S. Sagayama, "Rhythm transcription of polyphonic piano music based on
merged-output HMM", IEEE/ACM TASLP 25 (2017). How likely an onset is at a beat, from what is played there,
comes with it.
"""

from typing import NamedTuple

import numpy as np

BEAT = 24  # parts of a beat that places are counted in
_USUAL_BPM, _OCTAVES, _PRIOR = 84.0, 0.55, 2.27  # of a pulse: middle, spread in octaves, weight by the second
_GIVEN_OCTAVES = 0.12  # spread of a tempo that is given
_FASTEST_BPM, _SLOWEST_BPM, _STEP = 230.0, 32.0, 0.04  # tempi, each so much slower than the one before
_BAND = 5  # steps of tempo from one onset to the next, at most
_WANDER = 0.09  # of the logarithm of the tempo, by the root of seconds
_KNEE = 2.0  # of _WANDER; larger changes cost in proportion to their size
_JITTER_SEC, _STRETCH = 0.018, 0.06  # deviations of an onset, and of a time as a share of it
_ODDS, _PLACES = 1.28, 0.7  # weights of what is played at an onset, and of the tables below
_AT_BEATS = 0.44  # of onsets
_AGAIN, _UPBEAT = -3.4, -3.0  # logs: an onset at the place of the one before; the first one off the beat
_THIRDS, _THIRDS_EACH = -2.0, -0.02  # log of beats of three parts, and of each onset in them
_LONGEST, _FURTHER = 8, 0.5  # beats from one onset to the next; how much rarer each more of them is


class _Division(NamedTuple):
    """Places of a beat, and how many of a thousand onsets at each go on to each place of the same beat.

    The last but one column is the next beat, at the places that ``entry`` counts; the last a later beat.
    """

    places: tuple[int, ...]
    following: tuple[str, ...]
    entry: str


# counted in 180 composed pieces and 19 scores of music21's corpus (chorales, quartets, piano pieces)
_DIVISIONS = {
    False: _Division((0, 3, 4, 6, 8, 9, 12, 15, 16, 18, 20, 21), (
        "0 13 9 128 38 1 431 0 3 9 0 0 335 31",
        "0 0 90 559 17 36 57 121 20 16 16 16 45 8",
        "0 0 0 265 516 27 34 23 23 23 23 23 30 12",
        "0 0 0 0 32 63 701 2 2 30 2 2 158 8",
        "0 0 0 0 0 29 405 6 409 6 91 6 46 3",
        "0 0 0 0 0 0 745 42 21 21 21 110 30 10",
        "0 0 0 0 0 0 0 23 42 281 1 3 649 1",
        "0 0 0 0 0 0 0 0 91 710 25 39 126 8",
        "0 0 0 0 0 0 0 0 0 160 164 6 667 3",
        "0 0 0 0 0 0 0 0 0 0 26 82 891 1",
        "0 0 0 0 0 0 0 0 0 0 0 104 860 37",
        "0 0 0 0 0 0 0 0 0 0 0 0 981 19",
    ), "927 3 1 33 7 2 12 1 1 7 2 3"),
    True: _Division((0, 4, 8, 12, 16, 20), (
        "0 192 693 1 57 1 33 25",
        "0 0 978 13 3 3 3 1",
        "0 0 0 195 698 2 100 6",
        "0 0 0 0 989 7 3 1",
        "0 0 0 0 0 302 696 2",
        "0 0 0 0 0 0 999 1",
    ), "981 4 7 1 7 1"),
}  # fmt: skip


class _Ways(NamedTuple):
    """Ways from place to place, in order of where they lead: numbers of places, parts of a beat, logs."""

    source: np.ndarray
    target: np.ndarray
    parts: np.ndarray
    log: np.ndarray


def _ways(division: _Division) -> _Ways:
    places, last = division.places, len(division.places)
    following = np.array([line.split() for line in division.following], dtype=np.float64) / 1000
    entry = np.array(division.entry.split(), dtype=np.float64) / 1000
    rows = []
    for i, place in enumerate(places):
        rows.append((i, i, 0, np.exp(_AGAIN / _PLACES)))
        rows += [(i, j, places[j] - place, following[i, j]) for j in range(i + 1, last)]
        rows += [(i, j, BEAT - place + places[j], following[i, last] * entry[j]) for j in range(last)]
        rows += [
            (i, 0, BEAT * k - place, following[i, last + 1] * _FURTHER ** (k - 1))
            for k in range(2, _LONGEST + 1)
        ]
    source, target, parts, share = (np.array(part) for part in zip(*sorted(rows, key=_where), strict=True))
    return _Ways(source, target, parts, _PLACES * np.log(share + 1e-4))


def _where(row: tuple[int, int, int, float]) -> int:
    return row[1]


def places(
    sec: np.ndarray, odds: np.ndarray, tempo_bpm: float | None = None, thirds: bool | None = None
) -> tuple[np.ndarray, bool]:
    """``(places, thirds)``: int64 (n,) in parts of a beat, rising or the same, and how beats divide.

    Args:
        sec: float64 (n,), onsets, rising; at least one.
        odds: float64 (n,), logits of being at a beat by what is played.
        tempo_bpm: of the pulse, about, if it is known.
        thirds: whether beats divide in three, if it is known.
    """
    usual, spread = (_USUAL_BPM, _OCTAVES) if tempo_bpm is None else (tempo_bpm, _GIVEN_OCTAVES)
    periods = np.exp(np.arange(np.log(60 / _FASTEST_BPM), np.log(60 / _SLOWEST_BPM), _STEP))
    prior = -0.5 * (np.log2(60 / periods / usual) / spread) ** 2
    solved = {
        kind: _Model(sec, odds, periods, prior, _DIVISIONS[kind])
        for kind in ((False, True) if thirds is None else (thirds,))
    }
    best = max(
        solved, key=lambda kind: solved[kind].score[-1].max() + kind * (_THIRDS + _THIRDS_EACH * len(sec))
    )
    return solved[best].best(), best


class _Model:
    """Scores of every place and tempo at every onset.

    Attributes:
        score: float32 (n, places, periods), of the best way that ends there.
    """

    def __init__(
        self, sec: np.ndarray, odds: np.ndarray, periods: np.ndarray, prior: np.ndarray, division: _Division
    ) -> None:
        self.waits, self.periods, self.division = np.diff(sec), periods, division
        self.ways = _ways(division)
        lengths, self.length = np.unique(self.ways.parts, return_inverse=True)
        self.expected = lengths[:, None] / BEAT * periods
        self.variance = 2 * _JITTER_SEC**2 + np.square(_STRETCH * self.expected)
        chance = 1 / (1 + np.exp(-odds))
        emitted = np.zeros((len(sec), len(division.places), 1))
        emitted[:] = _ODDS * np.log((1.001 - chance) / (1 - _AT_BEATS))[:, None, None]
        emitted[:, 0] = _ODDS * np.log((chance + 0.001) / _AT_BEATS)[:, None]
        first = np.flatnonzero(np.diff(self.ways.target, prepend=-1))
        now = np.where(np.arange(len(division.places)) > 0, _UPBEAT, 0.0)[:, None] + prior + emitted[0]
        self.score = np.zeros((len(sec), *now.shape), dtype=np.float32)
        self.score[0] = now
        for i, wait in enumerate(self.waits):
            ways = self._tempo_changed(now, wait).max(0)[self.ways.source] + self.ways.log[:, None]
            ways += self._timing(wait)[self.length]
            now = np.maximum.reduceat(ways, first, axis=0) + emitted[i + 1] + _PRIOR * min(wait, 1.0) * prior
            self.score[i + 1] = now

    def _timing(self, wait: float) -> np.ndarray:
        """Log density of a time between onsets: (lengths, periods)."""
        return -0.5 * (np.square(wait - self.expected) / self.variance + np.log(self.variance))

    def _tempo_changed(self, score: np.ndarray, wait: float) -> np.ndarray:
        """Scores by the change that leads to each period: (changes, places, periods)."""
        steps = np.arange(-_BAND, _BAND + 1)
        size = np.abs(steps * _STEP) / (_WANDER * np.sqrt(np.clip(wait, 0.05, 1.5)))
        cost = np.where(size < _KNEE, size * size / 2, _KNEE * (size - _KNEE / 2))
        wide = np.pad(score, ((0, 0), (_BAND, _BAND)), constant_values=-1e9)
        shifted = np.lib.stride_tricks.sliding_window_view(wide, score.shape[1], axis=1)
        return shifted.transpose(1, 0, 2) - cost[:, None, None]

    def best(self) -> np.ndarray:
        """Places of onsets on the best way."""
        place, period = np.unravel_index(int(self.score[-1].argmax()), self.score[-1].shape)
        parts = np.zeros(len(self.score), dtype=np.int64)
        for i in range(len(self.waits) - 1, -1, -1):
            wait = self.waits[i]
            changed = self._tempo_changed(self.score[i], wait)[:, :, period]
            ways = np.flatnonzero(self.ways.target == place)
            scores = changed.max(0)[self.ways.source[ways]] + self.ways.log[ways]
            scores += self._timing(wait)[self.length[ways], period]
            way = ways[int(scores.argmax())]
            parts[i + 1] = self.ways.parts[way]
            if parts[i + 1] > (_LONGEST - 1) * BEAT:  # a silence, of as many beats as it takes
                parts[i + 1] += BEAT * max(round(wait / self.periods[period] - parts[i + 1] / BEAT), 0)
            place = self.ways.source[way]
            period += int(changed[:, place].argmax()) - _BAND
        return self.division.places[place] + np.cumsum(parts)
