"""Pianos that nobody has built: each number is another one, drawn and computed.

Conventions: partial n of a string of fundamental f lies at n f sqrt(1 + B n^2). Its level is what the hammer
gives it: none where it strikes a node, less from a corner frequency on, and what the soundboard of this piano
makes of its frequency. It dies away twice, first fast, then slowly, the faster the higher it is; of two
strings that are not quite in tune one hears beats. Before it there is a knock. Every figure is drawn around
that of real pianos, so no two are alike, and none is a good one: they are for ears that shall not depend on
one instrument.

Sources: J. Rauhala, H.-M. Lehtonen, V. Valimaki, Fast automatic inharmonicity estimation algorithm, JASA
2007, for B; N. H. Fletcher and T. D. Rossing, The Physics of Musical Instruments, 1998, for the rest.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np

from sousa.generation import seeds
from sousa.generation.console import SILENT
from sousa.generation.corpus import Say
from sousa.generation.piano.sampler import pianos
from sousa.generation.piano.sampler.cutting import loudness
from sousa.generation.piano.sampler.pianos import HIGHEST, KEY, LOWEST, Layer, Piano, Recording

NAME = re.compile(r"modelled_([1-9]\d{0,3})")
_RATE, _LONGEST_SEC, _APART = 32000, 6.0, 4  # of a recording, and keys from one to the next
_TOP_HZ, _MOST_PARTIALS, _SILENT_DB = 14_000.0, 60, -75.0
_FADE_SEC, _PEAK = 0.05, 0.5
_BLOCK = 512  # samples that are computed together
_BOARD_HZ = np.geomspace(40.0, 16_000.0, 18)  # at which the soundboard's levels are drawn
_LICENCE = "CC0-1.0"
_COMPUTED = 2  # in which way, counted up when the same number gives other samples


def number_of(name: str) -> int | None:
    """The number in the name of a modelled piano; None for other names."""
    match = NAME.fullmatch(name)
    return int(match[1]) if match else None


def by_name(name: str, progress: Say = SILENT.say) -> Piano:
    """Load a piano by its name, or from a directory; a modelled one is built where this user has none yet."""
    built(name, progress)
    return pianos.by_name(name)


def built(name: str, progress: Say = SILENT.say) -> None:
    """Build a piano whose name is that of a modelled one, where there is none like it yet; say so first."""
    number = number_of(name)
    place = pianos.available().get(name)
    if number and (place is None or pianos.stored_source(place) != _source(number)):
        progress(f"computing the piano {name}, once for this user")
        build(number)


def _source(number: int) -> dict[str, Any]:
    return {"modelled": number, "computed": _COMPUTED}


def build(number: int, directory: str | Path | None = None, progress: Say = SILENT.say) -> Path:
    """Compute a piano, and store it.

    Args:
        number: which, from 1 on.
        directory: where to put it; by default the user's cache.
        progress: called with a line of text.
    """
    rng = seeds.stream(number, "piano", "modelled")
    voice = _drawn(rng)
    roots = [*range(LOWEST, HIGHEST, _APART), HIGHEST]
    recordings = [_record(voice, root, rng) for root in roots]
    keys = np.zeros(HIGHEST - LOWEST + 1, dtype=KEY)
    for row, key in zip(keys, range(LOWEST, HIGHEST + 1), strict=True):
        nearest = int(np.argmin([abs(key - root) for root in roots]))
        row["recording"] = nearest
        row["cents"] = 100 * (key - roots[nearest]) + round(float(rng.normal(0.0, voice["mistuned"])), 2)
        row["gain_db"] = round(float(rng.normal(0.0, voice["uneven"])), 2)
        row["release_db_sec"] = voice["release"] * 2.0 ** ((key - 60) / 36)
        row["decay_db_sec"] = _fall(voice, key)
    layer = Layer(127, keys)
    name = f"modelled_{number}"
    about = {
        "soundfont": "computed", "preset": f"modelled piano {number}", "licence": _LICENCE,
        "licence_id": _LICENCE, "source": _source(number),
    }  # fmt: skip
    place = directory or pianos.cache_dir()
    out = pianos.save(place, name, recordings, [layer], loudness(recordings, layer), **about)
    progress(f"{name}: {len(recordings)} recordings")
    return out


def _drawn(rng: np.random.Generator) -> dict[str, Any]:
    """What one piano is like."""
    return {
        "stiff": float(np.exp(rng.normal(0.0, 0.35))),  # of B
        "tilt": float(rng.uniform(1.0, 7.0)),  # dB an octave of partials
        "corner": float(rng.uniform(1.5, 5.0)),  # kHz, from which the hammer gives less
        "soft": float(rng.uniform(4.0, 14.0)),  # dB an octave above it
        "struck": float(rng.uniform(0.09, 0.16)),  # of the string
        "board": np.cumsum(rng.normal(0.0, 1.6, len(_BOARD_HZ))),
        "fall": float(np.exp(rng.normal(0.0, 0.35))),  # how fast sounds die away
        "falls": float(rng.uniform(0.15, 0.7)),  # the more so the higher a partial is
        "rest_db": float(rng.uniform(-22.0, -8.0)),  # of what dies away slowly
        "slow": float(rng.uniform(0.15, 0.45)),
        "beats": float(rng.uniform(0.2, 1.6)),  # cents between two strings
        "rise": float(rng.uniform(0.0008, 0.004)),
        "knock_db": float(rng.uniform(-45.0, -22.0)),
        "knock_hz": float(rng.uniform(150.0, 1200.0)),
        "mistuned": float(rng.uniform(0.5, 4.0)),  # cents
        "uneven": float(rng.uniform(0.3, 1.5)),  # dB
        "release": float(np.exp(rng.uniform(np.log(60.0), np.log(300.0)))),  # dB/s at middle C
    }


def _fall(voice: dict[str, Any], key: int) -> float:
    """How fast the fundamental of a key dies away at first, dB/s."""
    return voice["fall"] * 5.0 * 2.0 ** ((key - LOWEST) / 26)


def _record(voice: dict[str, Any], key: int, rng: np.random.Generator) -> Recording:
    """A key, as it sounds when it is held."""
    hz = 440.0 * 2.0 ** ((key - 69) / 12)
    place = key - LOWEST + 1
    stiffness = voice["stiff"] * (np.exp(0.0926 * place - 13.64) + np.exp(-0.0847 * place - 5.82))
    count = int(min(_TOP_HZ / hz, _MOST_PARTIALS))
    n = np.arange(1, count + 1)
    partial_hz = n * hz * np.sqrt(1.0 + stiffness * n**2)
    n, partial_hz = n[partial_hz < _TOP_HZ], partial_hz[partial_hz < _TOP_HZ]
    level = -voice["tilt"] * np.log2(n) + 20.0 * np.log10(np.abs(np.sin(np.pi * n * voice["struck"])) + 0.05)
    level -= voice["soft"] * np.maximum(np.log2(partial_hz / (1000.0 * voice["corner"])), 0.0)
    level += np.interp(np.log(partial_hz), np.log(_BOARD_HZ), voice["board"])
    level += rng.normal(0.0, 2.0, len(n))
    # the soundboard gives little of what is far below it
    level -= 12.0 * np.maximum(np.log2(90.0 / partial_hz), 0.0)
    fall = _fall(voice, key) * (1.0 + voice["falls"] * (partial_hz - hz) / 1000.0)
    level -= level.max()
    size = int(_RATE * min(_LONGEST_SEC, -_SILENT_DB / (voice["slow"] * fall[0]) + 0.2))
    apart = voice["beats"] * rng.uniform(0.5, 1.5, len(n)) * (key > 32)
    phases = rng.uniform(0.0, 2.0 * np.pi, len(n))  # of both strings, which one hammer strikes
    heard = level > _SILENT_DB
    fall, partial_hz, level = fall[heard], partial_hz[heard], level[heard]
    slow = voice["slow"] * fall
    # until nothing is left of a partial
    ends = np.minimum((_RATE * (level - _SILENT_DB) / slow).astype(int) + 1, size)
    upper = partial_hz * 2.0 ** (apart[heard] / 1200.0)
    start = 10.0 ** (level / 20.0) * np.exp(1j * phases[heard])
    rest = 10.0 ** (voice["rest_db"] / 20.0)
    hertz = np.stack([partial_hz, partial_hz, upper, upper])
    dying = np.stack([fall, slow, fall, slow])
    starts = np.stack([start, rest * start, 0.7 * start, 0.7 * rest * start])
    sound = _waves(hertz.ravel(), dying.ravel(), starts.ravel(), np.tile(ends, 4), size)
    rise = int(voice["rise"] * _RATE)
    sound[:rise] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    sound += _knock(voice, sound, rng)
    fade = int(_FADE_SEC * _RATE)
    sound[-fade:] *= np.linspace(1.0, 0.0, fade)
    sound *= _PEAK / np.abs(sound).max()
    first = pianos.onset_of(sound, _RATE)
    return Recording(np.rint(32767.0 * sound[first:]).astype(np.int16), _RATE, None)


def _waves(
    hertz: np.ndarray, dying: np.ndarray, starts: np.ndarray, ends: np.ndarray, size: int
) -> np.ndarray:
    """The sum of sine waves that die away.

    With one complex number z a wave, its sample i * _BLOCK + j is Im(start z^(i * _BLOCK) z^j): a product of
    matrices gives all of them.

    Args:
        hertz: of each wave.
        dying: how fast, dB/s.
        starts: its first sample is the imaginary part.
        ends: its number of samples.
        size: of the sum, in samples.
    Returns: float64, (size,).
    """
    steps = (2j * np.pi * hertz - np.log(10.0) / 20.0 * dying) / _RATE
    blocks = np.arange(-(-size // _BLOCK))
    within = np.exp(np.outer(steps, np.arange(_BLOCK)))
    begins = np.exp(np.outer(blocks * _BLOCK, steps)) * starts
    whole = blocks[:, None] < ends // _BLOCK
    kept = np.where(whole, begins, 0.0)
    sound = kept.real @ within.imag + kept.imag @ within.real
    # the last block of a wave is no whole one
    for wave in np.flatnonzero(ends % _BLOCK):
        block, left = divmod(int(ends[wave]), _BLOCK)
        sound[block, :left] += (begins[block, wave] * within[wave, :left]).imag
    return sound.ravel()[:size]


def _knock(voice: dict[str, Any], sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The noise of key and hammer, as loud beside the first tenth of a second as this piano has it."""
    from scipy.signal import lfilter

    noise, pole = rng.standard_normal(len(sound)), 2.0 * np.pi * voice["knock_hz"] / _RATE
    radius = 0.97
    noise = lfilter([1.0], [1.0, -2.0 * radius * np.cos(pole), radius**2], noise)
    noise *= np.exp(-np.arange(len(sound)) / (0.025 * _RATE))
    loud = np.sqrt((sound[: _RATE // 10] ** 2).mean())
    return noise * (loud * 10.0 ** (voice["knock_db"] / 20.0) / np.sqrt((noise[: _RATE // 10] ** 2).mean()))
