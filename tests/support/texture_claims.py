"""What a parameter of a synthesizer claims to control, measured in the sound it makes.

A :class:`Claim` names a parameter, values of it in order, and a measure. ``check`` renders each value with
several seeds and wants the mean of the measure to grow (or fall) from each value to the next. Measures take
(audio, onsets, rate) and return a number.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from sousa.generation.textures import synth

RATE = 16000


def defaults(one):
    return {p.name: float(p.default) for p in one.parameters}


def rendered(name, seconds=2.0, rate=RATE, seed=0, **params):
    """``(audio, onsets, details)`` of a synthesizer by name, through the check of the protocol."""
    one = synth.get(name)
    unknown = set(params) - {p.name for p in one.parameters}
    assert not unknown, f"{name} has no {unknown}"
    return synth.render(one, defaults(one) | params, round(seconds * rate), rate, np.random.default_rng(seed))


@dataclass(frozen=True)
class Claim:
    """``synth``'s ``parameter`` at ``values``, in order, makes ``measure`` grow (or fall)."""

    synth: str
    parameter: str
    values: tuple
    measure: object
    grows: bool = True
    seconds: float = 4.0
    seeds: int = 4
    others: dict = field(default_factory=dict)

    def __str__(self):
        return f"{self.synth}-{self.parameter}-{self.measure.__name__}"

    def measured(self):
        """Mean of the measure at each value."""
        return np.array([
            np.mean([
                self.measure(
                    *rendered(
                        self.synth, self.seconds, seed=seed, **self.others, **{self.parameter: float(value)}
                    )[:2],
                    RATE,
                )
                for seed in range(self.seeds)
            ])
            for value in self.values
        ])  # fmt: skip


def check(claim):
    found = claim.measured()
    steps = np.diff(found) if claim.grows else -np.diff(found)
    told = ", ".join(f"{value:g}: {one:.4g}" for value, one in zip(claim.values, found, strict=True))
    assert np.isfinite(found).all() and (steps > 0).all(), f"{claim}: {told}"


# measures ----------------------------------------------------------------------------------------------


def event_rate(audio, onsets, rate):
    """Events a second."""
    return len(onsets) / (len(audio) / rate)


def gap_variation(audio, onsets, rate):
    """Deviation of gaps between events, of their mean."""
    gaps = np.diff(onsets)
    return gaps.std() / gaps.mean()


def rms(audio, onsets, rate):
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))


def centroid_hz(audio, onsets, rate):
    """Centre of the power spectrum."""
    power = np.abs(np.fft.rfft(audio)) ** 2
    return float((np.fft.rfftfreq(len(audio), 1.0 / rate) * power).sum() / power.sum())


def bandwidth_hz(audio, onsets, rate):
    """Deviation of the power spectrum about its centre."""
    power = np.abs(np.fft.rfft(audio)) ** 2
    off = np.fft.rfftfreq(len(audio), 1.0 / rate) - centroid_hz(audio, onsets, rate)
    return float(np.sqrt((off**2 * power).sum() / power.sum()))


def sounding_share(audio, onsets, rate):
    """Share of blocks of 1 ms within 40 dB of the loudest."""
    size = rate // 1000
    loud = np.abs(audio[: len(audio) // size * size]).reshape(-1, size).max(axis=1)
    return float((loud > 0.01 * loud.max()).mean())


def _segments(audio, onsets):
    """The sound from each onset to the next; the last one is left out, and very short ones."""
    return [audio[a:b] for a, b in pairwise(onsets) if b - a > 160]


def _octaves(sound, rate):
    return np.log2(centroid_hz(sound, None, rate))


def decay_sec(audio, onsets, rate):
    """Mean time in which 90 % of an event's energy has passed."""
    times = []
    for one in _segments(audio, onsets):
        energy = np.cumsum(np.square(one, dtype=np.float64))
        times.append(np.searchsorted(energy, 0.9 * energy[-1]) / rate)
    return float(np.mean(times))


def peak_variation_db(audio, onsets, rate):
    """Deviation of the events' peaks."""
    return float(np.std([20.0 * np.log10(np.abs(one).max()) for one in _segments(audio, onsets)]))


def pitch_variation(audio, onsets, rate):
    """Deviation of the events' centroids, octaves."""
    return float(np.std([_octaves(one, rate) for one in _segments(audio, onsets)]))


def rise_octaves(audio, onsets, rate):
    """From the first to the second half of an event's energy: how far the centroid rises."""
    rises = []
    for one in _segments(audio, onsets):
        energy = np.cumsum(np.square(one, dtype=np.float64))
        middle, end = np.searchsorted(energy, [0.5 * energy[-1], 0.999 * energy[-1]])
        rises.append(_octaves(one[middle:end], rate) - _octaves(one[:middle], rate))
    return float(np.mean(rises))
