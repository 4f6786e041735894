"""Impulse responses of rooms: measured, stored with digests, loaded, or a user's own.

Conventions
-----------
A response is float32 (samples,) at 44.1 kHz. Sample 0 is the arrival of the direct sound, nothing
comes before it, and its largest value is near 1. The polar pattern of the microphone is already in
it; its frequency response is not.

Measures, all from the response itself (ISO 3382-1):

* ``rt60_sec``: time for 60 dB of decay, from the slope of Schroeder's backward integral between
  -5 and -25 dB (T20);
* ``drr_db``: energy of the direct sound (the first 2.5 ms) over that of the rest;
* ``c50_db``: clarity, the energy of the first 50 ms over that of the rest.
"""

import json
import math
import tomllib
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from sousa.generation.audio.banks import BANK_RATE, resample
from sousa.generation.audio.user_sounds import UserSounds, read_mono
from sousa.generation.errors import UsageError

SHIPPED_DIR = Path(__file__).parent / "room_data"
DIRECT_SEC, EARLY_SEC = 0.0025, 0.050
MAX_RESPONSE_SEC = 6.0
_SEARCHED_SEC = 60.0  # of a user's file
_ONSET_DB, _TAIL_DB = -20.0, -70.0
_USER = UserSounds("impulse response", "--impulse-responses", "rooms")


@dataclass(frozen=True)
class Response:
    """One impulse response.

    ``about`` says what it was made from and measures: ``room_type``, ``distance_m`` (None when not known),
    ``rt60_sec``, ``drr_db``, ``c50_db``, and more.
    """

    name: str  # unique in its pool
    digest: str  # SHA-256 of its 16-bit samples
    about: dict[str, Any] = field(compare=False)


@cache
def stated() -> dict[str, dict[str, Any]]:
    """The table of rooms: what the responses of acoustics may measure; dict of their name to dict."""
    return tomllib.loads(Path(__file__).with_name("rooms.toml").read_text(encoding="utf-8"))


@cache
def pool(name: str) -> tuple[Response, ...]:
    """The shipped responses of acoustics: tuple of Response, empty for those without a room."""
    table = SHIPPED_DIR / name / "pool.json"
    entries = json.loads(table.read_text(encoding="utf-8")) if table.exists() else ()
    return tuple(Response(entry.pop("name"), entry.pop("digest"), entry) for entry in entries)


def measure(response: np.ndarray, rate: int = BANK_RATE) -> dict[str, float | None]:
    """Measure a response.

    Args:
        response: float array (samples,), sample 0 the direct sound.

    Returns: dict of ``rt60_sec``, ``drr_db``, ``c50_db``, rounded; ``rt60_sec`` is None when the
        response does not decay by 25 dB.
    """
    energy = np.asarray(response, dtype=np.float64) ** 2
    left = np.cumsum(energy[::-1])[::-1]
    curve = 10.0 * np.log10(left / left[0] + 1e-30)
    begin, end = int(np.argmax(curve <= -5.0)), int(np.argmax(curve <= -25.0))
    rt60 = None
    if end > begin + 1:
        slope = np.polyfit(np.arange(begin, end) / rate, curve[begin:end], 1)[0]
        rt60 = round(float(-60.0 / slope), 3) if slope < 0 else None

    def over_rest(seconds: float) -> float:
        size = int(seconds * rate)
        rest = left[size] if size < len(left) else 0.0
        return round(min(10.0 * math.log10((left[0] - rest) / rest), 90.0), 2) if rest > 0 else 90.0

    return {"rt60_sec": rt60, "drr_db": over_rest(DIRECT_SEC), "c50_db": over_rest(EARLY_SEC)}


def prepared(response: np.ndarray) -> np.ndarray:
    """A response, float (samples,), cut where its tail has died away, and scaled: int16 (samples,)."""
    response = np.asarray(response, dtype=np.float64)[: int(MAX_RESPONSE_SEC * BANK_RATE)]
    left = np.cumsum(response[::-1] ** 2)[::-1]
    end = int(np.argmax(left < left[0] * 10 ** (_TAIL_DB / 10))) or len(response)
    response = response[:end].copy()
    fade = min(256, len(response))
    response[-fade:] *= np.linspace(1.0, 0.0, fade)
    return np.rint(response / np.abs(response).max() * 32000.0).astype(np.int16)


def user_pool(directory: str | Path) -> dict[str, tuple[Response, ...]]:
    """A user's responses: dict of acoustics (or ``""`` for all others) to tuple of Response.

    Sound files in the directory itself are for all acoustics with a room; those in a folder named
    after acoustics are for these. They are cut at the direct sound, resampled and measured.

    Raises: UsageError naming every problem.
    """
    pool: dict[str, list[Response]] = {}
    for path, digest in _USER.keep(directory, _prepared_file, list(stated())):
        pool.setdefault(path.parent.name, []).append(kept(str(path), digest))
    return {key: tuple(responses) for key, responses in pool.items()}


def _prepared_file(path: Path) -> np.ndarray:
    samples, rate = read_mono(path, _SEARCHED_SEC)
    peak = np.abs(samples).max(initial=0.0)
    if not np.isfinite(samples).all() or peak < 1e-4:
        raise UsageError(f"{path} is silent or broken; give an impulse response")
    # what comes first within 20 dB of the largest sample is the direct sound
    samples = samples[int(np.argmax(np.abs(samples) >= peak * 10 ** (_ONSET_DB / 20))) :]
    return prepared(at_rate(samples[: int(MAX_RESPONSE_SEC * rate)], rate, BANK_RATE))


def at_rate(response: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """A response at another rate: float32 (samples,).

    The direct sound stays one sample of the same size, so that it is as loud, beside the reflections,
    as it was; the reflections are resampled.
    """
    response = np.asarray(response, dtype=np.float32)
    if rate == new_rate:
        return response
    ratio = round(rate / new_rate, 9)
    late = response.copy()
    late[0] = 0.0
    late = resample([late[None, :]], ratio)[0][0] * np.float32(ratio)
    late[0] = response[0]
    return late


def path_of(digest: str) -> Path:
    """Where a user's response is kept."""
    return _USER.path(digest)


def kept(name: str, digest: str) -> Response:
    """A user's response in the cache, measured: Response.

    Raises: RunError when it is not on this machine.
    """
    return Response(name, digest, {"room_type": "user", "distance_m": None, **measure(sound(digest))})


@cache
def _shipped_paths() -> dict[str, Path]:
    return {r.digest: SHIPPED_DIR / name / r.about["file"] for name in stated() for r in pool(name)}


@lru_cache(maxsize=16)
def sound(digest: str) -> np.ndarray:
    """The samples of a response, shipped or a user's: float32 (samples,).

    Raises: RunError when it is not on this machine, or no longer what it was.
    """
    return _USER.samples(digest, _shipped_paths().get(digest)).astype(np.float32) / 32768.0
