"""Drums as their players have them: a recorded drum tuned, damped, coloured, with wires, struck by two hands.

Conventions
-----------
A *set-up* is plain data and says everything that is done to a bank: with it, :func:`voice` makes the same
sounds again. Values are drawn once, rounded, and used as they stand. All of it is modelled: ranges are below.

``cents``          tuning of the head: played faster or slower (:func:`sousa.generation.audio.banks.resample`)
``damping_db_sec`` what is taken from the level each second after ``HOLD_MS``, in dB; negative: it rings on
``tilt_db``        brighter or darker: so much at 10 kHz, the opposite at 100 Hz
``mode``           one mode of the head and shell, stronger or weaker: a peak of an octave or less
``wires``          rattle of the snare wires, layered over each stroke: high-passed noise that rises and
                   dies away in steps, as loose wires do; None for the recording alone
``hands``          right and left: ``tilt`` and ``comb`` of a filter of two taps beside the direct sound
                   (struck nearer to the rim, a head gives less of its lowest mode and more of the others),
                   ``level_db`` and, for two channels, ``pan_db``

Nothing has a delay: filters are of minimum phase, wires begin with the stroke, and like every bank's, a sound
begins at its onset (:mod:`sousa.generation.audio.voices`).
"""

import json
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from sousa.generation.audio import acoustics, banks, microphones, noise, voices
from sousa.generation.audio.banks import Bank
from sousa.generation.audio.voices import Touch, Voice, WetVoice
from sousa.generation.seeds import stream, within

Draw = Callable[[str], float]
Setup = dict[str, Any]

# part of the identity of rows: to be raised when the code below changes what it makes
SETUP_VERSION = 1
CENTS, TILT_DB, DAMPING_DB_SEC = (-240, 240), (-5.0, 5.0), (-6.0, 90.0)
MODE_HZ, MODE_DB, MODE_OCTAVES = (150.0, 900.0), (-8.0, 8.0), (0.3, 1.0)
WIRES_SHARE, WIRES_DB, WIRES_MS = 0.65, (-34.0, -13.0), (25.0, 110.0)
HOLD_MS = 4.0
_WIRES_RISE_MS, _STEP_MS, _STEP_DB = 5.0, (6.0, 22.0), 4.0
# of the hand that strikes nearer to the middle, and of the one that strikes nearer to the rim
_MIDDLE = {"tilt": (0.05, 0.40), "comb": (-0.05, 0.10), "level_db": (-0.4, 0.6)}
_RIM = {"tilt": (-0.34, -0.08), "comb": (-0.32, -0.10), "level_db": (-1.6, 0.0)}
RIM_IS_WEAKER = 0.88  # share of players whose weaker hand is the one at the rim
_COMB_SAMPLES, _PAN_DB = (18, 64), (0.3, 2.0)


def setup(draw: Draw, hands: list[dict[str, Any]]) -> Setup:
    """A set-up of a drum.

    Args:
        draw: function of a name giving a uniform number in [0, 1), always the same.
        hands: of the player, see :func:`hands_of`.
    """
    wires = None
    if draw("wires") < WIRES_SHARE:
        wires = {
            "level_db": within(draw, "wires level", WIRES_DB, 1),
            "decay_ms": within(draw, "wires decay", WIRES_MS, 1),
            "pattern": int(draw("wires pattern") * 2**20),
        }
    low, high = MODE_HZ
    return {
        "cents": round(within(draw, "cents", CENTS, 2)),
        "damping_db_sec": within(draw, "damping", DAMPING_DB_SEC, 1) if draw("damped") < 0.6 else 0.0,
        "tilt_db": within(draw, "tilt", TILT_DB, 2),
        "mode": {
            "hz": round(low * (high / low) ** draw("mode"), 0),
            "gain_db": within(draw, "mode gain", MODE_DB, 1),
            "width_octaves": within(draw, "mode width", MODE_OCTAVES, 2),
        },
        "wires": wires,
        "hands": hands,
    }


def hands_of(draw: Draw, weaker: int) -> list[dict[str, Any]]:
    """How the two hands of a player sound, the right one first.

    Args:
        draw: as in :func:`setup`, but the player's.
        weaker: 0 right, 1 left: the hand that strikes nearer to the rim in most players.
    """
    at_rim = weaker if draw("rim") < RIM_IS_WEAKER else 1 - weaker
    out = []
    for hand, side in ((0, 1.0), (1, -1.0)):
        spans = _RIM if hand == at_rim else _MIDDLE
        values: dict[str, Any] = {
            name: within(draw, f"{hand} {name}", span, 2) for name, span in spans.items()
        }
        first, last = _COMB_SAMPLES
        values["comb_samples"] = first + int(draw(f"{hand} comb samples") * (last - first + 1))
        values["pan_db"] = round(side * within(draw, "pan", _PAN_DB, 2), 2)
        out.append(values)
    return out


def variant_of(variant: np.ndarray, hand: np.ndarray) -> np.ndarray:
    """Number of the sound of each stroke in a voice of :func:`voice`.

    Args:
        variant: int array, below :data:`sousa.generation.audio.voices.VARIANTS`.
        hand: int array, 0 right, 1 left.
    """
    return variant + voices.VARIANTS * hand


def linear_of(record: dict[str, Any] | None) -> str:
    """What of an acoustic record a drum is heard through, as JSON text; null of None.

    Args:
        record: see :mod:`sousa.generation.audio.acoustics`.
    """
    return json.dumps(
        record and {name: record[name] for name in ("room", "microphone", "eq")}, sort_keys=True
    )


def new_voice(bank: Bank, setup_text: str, linear_text: str, rate: int, channels: int) -> Voice:
    """The voice of a drum.

    Args:
        setup_text: its set-up, JSON text.
        linear_text: what it is heard through, see :func:`linear_of`.
    """
    linear = json.loads(linear_text)
    dry, taps = _own_drum(bank, setup_text, rate, channels)
    if linear is not None:
        taps = microphones.convolve(taps, acoustics.response(linear, rate))
    return WetVoice(dry, taps, [_touch(hand, channels) for hand in dry.how["hands"]])


_kept_voice = lru_cache(maxsize=12)(new_voice)  # those of a player in all acoustics


def voice(bank: Bank, setup_of: Setup, record: dict[str, Any] | None, rate: int, channels: int) -> Voice:
    """The voice of a drum with this set-up, heard through the linear part of a record, or alone.

    It is kept with its sounds for the next row that is heard so.
    """
    return _kept_voice(bank, json.dumps(setup_of, sort_keys=True), linear_of(record), rate, channels)


@lru_cache(maxsize=8)  # players have few drums, and hear them in many rooms
def _own_drum(bank: Bank, setup_text: str, rate: int, channels: int) -> "tuple[_OwnDrum, np.ndarray]":
    """A drum before its colour, and that as a filter."""
    how = json.loads(setup_text)
    part = banks.voiced(bank, rate, how["cents"], channels, "centre")
    return _OwnDrum(part, rate, how), microphones.minimum_phase(_colour(how, rate))


def _touch(hand: dict[str, Any], channels: int) -> Touch:
    """How a hand strikes."""
    taps = ((0, 1.0), (1, hand["tilt"]), (hand["comb_samples"], hand["comb"]))
    sides = (-0.5, 0.5) if channels == 2 else (0.0,)
    gains = (10.0 ** ((hand["level_db"] + hand["pan_db"] * side) / 20.0) for side in sides)
    return Touch(taps, tuple(round(gain, 6) for gain in gains))


def _colour(how: Setup, rate: int) -> np.ndarray:
    """Amplitude of tilt and mode over :func:`sousa.generation.audio.microphones.frequencies_hz`."""
    f = np.maximum(microphones.frequencies_hz(rate), 10.0)
    level_db = how["tilt_db"] * microphones.tilt(f)
    mode = how["mode"]
    away = np.log2(f / mode["hz"]) / mode["width_octaves"]
    level_db += mode["gain_db"] * np.exp(-2.0 * away * away)
    return 10.0 ** (level_db / 20.0)


class _OwnDrum(Voice):
    """A bank's drum with its damping and wires; its layers are made when they are first asked for."""

    def __init__(self, part: banks.Articulation, rate: int, how: Setup):
        super().__init__(part.layers, part.layer_of, part.gain, rate)
        self.how = how
        self._own: dict[int, np.ndarray] = {}
        wires = how["wires"]
        if wires:  # they may go on when the recording has ended
            self.longest = max(self.longest, self._wires_size(wires))

    def _wires_size(self, wires: dict[str, Any]) -> int:
        return int(wires["decay_ms"] * 5.0 / 1000.0 * self.rate)

    def layer(self, number: int) -> np.ndarray:
        if number not in self._own:
            self._own[number] = self._made(number)
        return self._own[number]

    @cached_property
    def _fall(self) -> np.ndarray:
        """Factor of the damping at each sample after the onset."""
        age = np.arange(max(layer.shape[1] for layer in self._layers)) / self.rate - HOLD_MS / 1000.0
        fall = 10.0 ** (-self.how["damping_db_sec"] * np.maximum(age, 0.0) / 20.0)
        return np.round(fall, 7).astype(np.float32)

    def _made(self, number: int) -> np.ndarray:
        sound, wires = self._layers[number], self.how["wires"]
        if self.how["damping_db_sec"]:
            sound = sound * self._fall[: sound.shape[1]]
        if not wires:
            return sound
        size = self._wires_size(wires)
        rattle = _rattle(wires, number, size, self.rate)
        level = float(np.abs(self._layers[number]).max()) * 10.0 ** (wires["level_db"] / 20.0)
        out = np.zeros((sound.shape[0], max(sound.shape[1], size)), np.float32)
        out[:, : sound.shape[1]] = sound
        out[:, :size] += rattle * np.float32(round(level, 7))
        return out


def _rattle(wires: dict[str, Any], layer: int, size: int, rate: int) -> np.ndarray:
    """Noise of the wires after a stroke, float32 (size,); about 1 where it is loudest."""
    rng = stream(wires["pattern"], "wires", layer)
    age_ms, envelope = _rise_and_decay(wires["decay_ms"], size, rate)
    steps = np.cumsum(rng.uniform(*_STEP_MS, 64))
    level = 10.0 ** (rng.uniform(-_STEP_DB, _STEP_DB, 64) / 20.0)
    envelope = envelope * level[np.minimum(np.searchsorted(steps, age_ms), 63)]
    envelope = np.round(envelope, 7).astype(np.float32)
    hiss = noise.table("tape_hiss", rate)
    at = int(rng.integers(0, len(hiss)))
    return noise.piece(hiss, at, 1, size)[0] * envelope * np.float32(0.4)


@lru_cache(maxsize=4)  # of all layers of a drum
def _rise_and_decay(decay_ms: float, size: int, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """``(age_ms, envelope)`` of wires without their steps, float64 (size,)."""
    age_ms = np.arange(size) * (1000.0 / rate)
    return age_ms, (1.0 - np.exp(-age_ms / _WIRES_RISE_MS)) * np.exp(-age_ms / decay_ms)
