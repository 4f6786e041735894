"""A piano at a sample rate and tuning: one sound for each key and touch, ready to be added up.

Conventions
-----------
A sound is int16 (samples,) and the linear factor that makes it as loud as its recording; its onset (see
``pianos``) is sample 0. It goes on until its energy has fallen by 60 dB, or for LONGEST_SEC, as if its damper
never came down: past its recording the loop goes on under the key's envelope.

*Touch.* A note struck softly is darker. The only piano at hand with recordings of its own for that,
MuseScore General's, shows by how much: from velocity 10 to 127 its spectral centroid rises by a factor that
falls with pitch (BRIGHTENING), and in between by that factor to the power of 1 - ((127 - v) / 117) ** 2.
Every piano here obeys this law inside each of its layers: a key has sounds in steps of a factor of STEP,
each the recording through two equal one-pole low-pass filters whose corner gives the wanted centroid over
the first half second, or comes nearest from the key's fundamental up: a bass recording with few partials
can't be made that much darker. They keep the loudness of the recording, so that level follows velocity alone.

Sounds are made when first asked for; the process keeps the latest ones, KEPT_BYTES of them at most.
"""

from collections import OrderedDict
from fractions import Fraction
from functools import lru_cache

import numpy as np
from scipy.signal import lfilter, resample_poly

from sousa.generation.piano.sampler.pianos import HIGHEST, KEYS, LOWEST, Piano, onset_of

BRIGHTENING = ((36, 3.9), (48, 2.5), (60, 1.5), (72, 1.06))  # (MIDI pitch, factor), see above
SOFT, LOUD = 10, 127
STEP = 1.25
LONGEST_SEC = 12.0
KEPT_BYTES = 192 << 20
_TAIL_DB, _TAIL_FADE_SEC, _LONGEST_FADE_SEC = -60.0, 0.1, 1.0
_CENTROID_SEC, _LOUDNESS_SEC = 0.5, 0.3
_CORNERS = 2.0 ** (np.arange(100) / 12.0)  # of the fundamental
_SINC_HALF_WIDTH, _LARGEST_FACTOR = 12, 320
_ENVELOPE_STEP, _ENERGY_STEP = 64, 256
_FULL = 32000.0  # largest sample of a sound

Sound = tuple[np.ndarray, float]
_kept: OrderedDict[tuple, Sound] = OrderedDict()


def brightening(pitch: int | np.ndarray, velocity: int | np.ndarray) -> np.ndarray:
    """Spectral centroid at a velocity, as a factor of that at the highest one."""
    points = np.array(BRIGHTENING)
    most = np.interp(pitch, points[:, 0], np.log(points[:, 1]))
    soft = np.clip((LOUD - np.asarray(velocity)) / (LOUD - SOFT), 0.0, 1.0)
    return np.exp(-most * soft**2)


class Voicing:
    """A piano at a rate and tuning.

    Attributes:
        sound_of: int array (KEYS, 128), number of the sound of each key from LOWEST and velocity.
        gain: float64 array of the same shape, its linear gain.
        release_db_sec: (KEYS,), the fall of each key once it is damped.
    """

    def __init__(self, piano: Piano, rate: int, cents: int):
        self.piano, self.rate, self.cents = piano, rate, cents
        pitch, velocity = np.arange(LOWEST, HIGHEST + 1)[:, None], np.arange(128)[None, :]
        darker = np.log(brightening(pitch, velocity))
        self.sound_of = np.zeros((KEYS, 128), dtype=np.int64)
        gain_db = np.zeros((KEYS, 128))
        self._touches: list[tuple[int, int]] = []  # sampled layer, steps darker
        first = 0
        for number, layer in enumerate(piano.layers):
            span = slice(first, layer.highest + 1)
            steps = np.rint((darker[:, [layer.highest]] - darker[:, span]) / np.log(STEP)).astype(int)
            self.sound_of[:, span] = steps + len(self._touches)
            self._touches += [(number, step) for step in range(int(steps.max()) + 1)]
            gain_db[:, span] = layer.keys["gain_db"][:, None]
            first = layer.highest + 1
        law = (velocity / LOUD) ** 2
        self.gain = np.round(10.0 ** ((gain_db + piano.gain_db) / 20.0) * law, 9)
        self.release_db_sec = piano.layers[-1].keys["release_db_sec"]

    def sound(self, key: int, number: int) -> Sound:
        """A sound, and its factor; see the module's conventions.

        Args:
            key: from 0, which is LOWEST.
            number: as ``sound_of`` has it.
        """
        name = (self.piano.digest, self.rate, self.cents, key, *self._touches[number])
        if name in _kept:
            _kept.move_to_end(name)
            return _kept[name]
        layer, steps = self._touches[number]
        if steps:
            plain, factor = self.sound(key, number - steps)
            sound = _darker(plain * factor, key + LOWEST, STEP**steps, self.rate)
        else:
            sound = self._plain(layer, key)
        peak = round(float(np.abs(sound).max()), 9)
        _kept[name] = np.rint(sound * (_FULL / peak)).astype(np.int16), peak / _FULL
        while sum(samples.nbytes for samples, _ in _kept.values()) > KEPT_BYTES:
            _kept.popitem(last=False)
        return _kept[name]

    def _plain(self, layer: int, key: int) -> np.ndarray:
        """A key as its recording has it."""
        row = self.piano.layers[layer].keys[key]
        recording = self.piano.recordings[row["recording"]]
        ratio = recording.rate / self.rate * 2.0 ** ((row["cents"] + self.cents) / 1200.0)
        sound, longest = recording.samples / 32768.0, int(LONGEST_SEC * self.rate * ratio)
        if recording.loop_start is not None:
            loop = sound[recording.loop_start :]
            sound = np.concatenate([sound, np.tile(loop, max(longest - len(sound), 0) // len(loop) + 1)])
        sound = resampled(sound[:longest], ratio)
        sound = sound[onset_of(sound, self.rate) :]
        grid = np.arange(0, len(sound) + _ENVELOPE_STEP, _ENVELOPE_STEP)
        fall_db = row["decay_db_sec"] * np.maximum(grid / self.rate - row["hold_sec"], 0.0)
        sound *= np.interp(np.arange(len(sound)), grid, np.round(10.0 ** (-fall_db / 20.0), 8))
        return _ended(sound, self.rate)


@lru_cache(maxsize=8)
def voicing(piano: Piano, rate: int, cents: int) -> Voicing:
    """The voicing of a piano; each process makes one once."""
    return Voicing(piano, rate, cents)


@lru_cache(maxsize=256)
def _taps(up: int, down: int) -> np.ndarray:
    """A Hann-windowed sinc for a change of rate by up / down."""
    half = _SINC_HALF_WIDTH * max(up, down)
    x = np.arange(-half, half + 1)
    taps = np.sinc(x / max(up, down)) * (0.5 + 0.5 * np.cos(np.pi * x / half)) / max(up, down)
    return np.round(taps, 12)


def resampled(sound: np.ndarray, ratio: float) -> np.ndarray:
    """A sound played faster by ``ratio``, to 0.02 cents: float64 (samples,), sample 0 staying where it is."""
    factor = Fraction(round(ratio, 9)).limit_denominator(_LARGEST_FACTOR)
    up, down = factor.denominator, factor.numerator
    return resample_poly(sound, up, down, window=_taps(up, down))


def _ended(sound: np.ndarray, rate: int) -> np.ndarray:
    """A sound ended where it has died away, with a fade."""
    energy = np.add.reduceat(sound**2, np.arange(0, len(sound), _ENERGY_STEP))
    left = np.cumsum(energy[::-1])[::-1]
    gone = left < left[0] * 10.0 ** (_TAIL_DB / 10.0)
    end = int(np.argmax(gone)) * _ENERGY_STEP if gone.any() else len(sound)
    sound = sound[:end].copy()
    fade = min(int((_TAIL_FADE_SEC if gone.any() else _LONGEST_FADE_SEC) * rate), end)
    sound[end - fade :] *= np.linspace(1.0, 0.0, fade)
    return sound


def _darker(sound: np.ndarray, pitch: int, factor: float, rate: int) -> np.ndarray:
    """A sound whose spectral centroid is lower by a factor, as loud as before."""
    start = sound[: int(_CENTROID_SEC * rate)]
    power = np.abs(np.fft.rfft(start)) ** 2
    hz = np.fft.rfftfreq(len(start), 1.0 / rate)
    corners_hz = 440.0 * 2.0 ** ((pitch - 69) / 12.0) * _CORNERS
    pole = np.round(np.exp(-2.0 * np.pi * corners_hz / rate), 9)
    cosine = np.cos(2.0 * np.pi * hz / rate)
    # amplitude of one pole: (1 - p) / |1 - p exp(-iw)|; two of them, as power
    passed = power * ((1.0 - pole) ** 2 / (1.0 + pole**2 - 2.0 * np.outer(cosine, pole))).T ** 2
    centroid = (passed * hz).sum(axis=1) / passed.sum(axis=1)
    wanted = (power * hz).sum() / power.sum() / factor
    p = float(pole[np.argmin(np.abs(np.log(centroid / wanted)))])
    out = lfilter([(1.0 - p) ** 2], [1.0, -2.0 * p, p * p], sound)
    out = out[onset_of(out, rate) :]
    size = int(_LOUDNESS_SEC * rate)
    loud = np.sqrt((sound[:size] ** 2).sum() / (out[:size] ** 2).sum())
    return out * round(float(loud), 6)
