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

import hashlib
import json
import math
import os
import tomllib
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import soundfile

from sousa.generation.audio import encode
from sousa.generation.audio.banks import BANK_RATE, cache_dir, resample
from sousa.generation.errors import RunError, UsageError, raise_all
from sousa.generation.storage import atomic_file

SHIPPED_DIR = Path(__file__).parent / "room_data"
DIRECT_SEC, EARLY_SEC = 0.0025, 0.050
MAX_RESPONSE_SEC = 6.0
_RATES = (8000, 384_000)  # of a user's file
_SEARCHED_SEC = 60.0  # of a user's file
_ONSET_DB, _TAIL_DB = -20.0, -70.0
_ONCE_MORE = "run 'sousa generate --impulse-responses DIR --dry-run' once with the directory it came from"
SUFFIXES = (".wav", ".flac", ".aif", ".aiff", ".ogg")


@dataclass(frozen=True)
class Response:
    """One impulse response.

    Attributes:
        name: unique in its pool. digest: SHA-256 of its 16-bit samples.
        about: what it was made from and measures, plain data: ``room_type``, ``distance_m`` (None
            when not known), ``rt60_sec``, ``drr_db``, ``c50_db``, and more.
    """

    name: str
    digest: str
    about: dict = field(compare=False)


@lru_cache(maxsize=64)
def _read(path, digest):
    try:
        samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise RunError(f"impulse response {path} can't be read ({error}); {_ONCE_MORE}") from None
    if rate != BANK_RATE or digest_of(samples[:, 0]) != digest:
        raise RunError(f"impulse response {path} has changed; {_ONCE_MORE}")
    return samples[:, 0].astype(np.float32) / 32768.0


def digest_of(samples):
    """SHA-256 of int16 samples, hexadecimal."""
    return hashlib.sha256(np.ascontiguousarray(samples, dtype="<i2").tobytes()).hexdigest()


@cache
def stated():
    """The table of rooms: what each preset's responses may measure; dict of preset to dict."""
    with open(Path(__file__).with_name("rooms.toml"), "rb") as file:
        return tomllib.load(file)


@cache
def pool(preset):
    """The shipped responses of a preset: tuple of Response, empty for one without a room."""
    place = SHIPPED_DIR / preset
    if not (place / "pool.json").exists():
        return ()
    entries = json.loads((place / "pool.json").read_text(encoding="utf-8"))
    return tuple(Response(e.pop("name"), e.pop("digest"), e) for e in entries)


def measure(response, rate=BANK_RATE):
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

    def over_rest(seconds):
        size = int(seconds * rate)
        rest = left[size] if size < len(left) else 0.0
        return round(min(10.0 * math.log10((left[0] - rest) / rest), 90.0), 2) if rest > 0 else 90.0

    return {"rt60_sec": rt60, "drr_db": over_rest(DIRECT_SEC), "c50_db": over_rest(EARLY_SEC)}


def prepared(response):
    """Cut a response where its tail has died away, scale it, and make it 16-bit.

    Args:
        response: float array (samples,), sample 0 the direct sound.

    Returns: int16 (samples,).
    """
    response = np.asarray(response, dtype=np.float64)[: int(MAX_RESPONSE_SEC * BANK_RATE)]
    left = np.cumsum(response[::-1] ** 2)[::-1]
    end = int(np.argmax(left < left[0] * 10 ** (_TAIL_DB / 10))) or len(response)
    response = response[:end].copy()
    fade = min(256, len(response))
    response[-fade:] *= np.linspace(1.0, 0.0, fade)
    return np.rint(response / np.abs(response).max() * 32000.0).astype(np.int16)


def user_pool(directory):
    """A user's responses: dict of preset (or ``""`` for all others) to tuple of Response.

    Sound files in the directory itself are for every preset with a room; those in a folder named
    after a preset are for that preset. They are cut at the direct sound, resampled, measured, and
    kept under their digest in the user's cache, so that a dataset can be verified later.

    Raises: UsageError naming every problem.
    """
    directory = Path(os.path.expanduser(directory))
    if not directory.is_dir():
        raise UsageError(f"--impulse-responses {directory} is no directory; name one with sound files")
    problems, out = [], {}
    places = [directory, *(place for place in sorted(directory.iterdir()) if place.is_dir())]
    for place in places:
        key = "" if place == directory else place.name
        files = sorted(p for p in place.iterdir() if p.suffix.lower() in SUFFIXES)
        if key and files and key not in stated():
            problems.append(f"{place}: no preset with a room has this name; they are {', '.join(stated())}")
            continue
        for path in files:
            try:
                out.setdefault(key, []).append(_adopt(path, directory))
            except UsageError as error:
                problems.append(str(error))
    raise_all(problems)
    if not out:
        raise UsageError(f"no sound file ({', '.join(SUFFIXES)}) in {directory} or its preset folders")
    return {key: tuple(responses) for key, responses in out.items()}


def _adopt(path, root):
    """One file of a user as a Response in the cache."""
    samples, rate = read_mono(path, _SEARCHED_SEC)
    peak = np.abs(samples).max(initial=0.0)
    if not np.isfinite(samples).all() or peak < 1e-4:
        raise UsageError(f"{path} is silent or broken; give an impulse response")
    # what comes first within 20 dB of the largest sample is the direct sound
    samples = samples[int(np.argmax(np.abs(samples) >= peak * 10 ** (_ONSET_DB / 20))) :]
    samples = samples[: int(MAX_RESPONSE_SEC * rate)]
    samples = prepared(at_rate(samples, rate, BANK_RATE))
    digest = digest_of(samples)
    # written again each time, so that a damaged copy is mended
    with atomic_file(_place(digest)) as file:
        file.write(encode.encode(samples, BANK_RATE, "flac"))
    _read.cache_clear()
    return kept(str(path.relative_to(root)), digest)


def at_rate(response, rate, new_rate):
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


def _place(digest):
    return cache_dir().parent / "rooms" / f"{digest}.flac"


def kept(name, digest):
    """A user's response in the cache, measured: Response.

    Raises: RunError when it is not on this machine.
    """
    about = {"room_type": "user", "distance_m": None, **measure(sound(digest))}
    return Response(name, digest, about)


def read_mono(path, seconds):
    """The beginning of a sound file as ``(samples, rate)``: its first channel, float64 (samples,).

    Raises: UsageError when it can't be used.
    """
    if not path.is_file():
        raise UsageError(f"{path} is no regular file; remove it")
    try:
        path.name.encode()  # names go into JSON and columns
    except UnicodeEncodeError:
        raise UsageError(f"the name of {os.fsencode(path)!r} is no UTF-8; rename the file") from None
    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            if not _RATES[0] <= rate <= _RATES[1]:
                raise UsageError(f"{path} has {rate} samples a second; give {_RATES[0]} to {_RATES[1]}")
            samples = file.read(int(seconds * rate), dtype="float64", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise UsageError(f"{path} can't be read as sound ({error}); replace or remove it") from None
    return samples[:, 0], rate


@cache
def _shipped_paths():
    return {
        one.digest: str(SHIPPED_DIR / preset / one.about["file"])
        for preset in stated()
        for one in pool(preset)
    }


def sound(digest):
    """The samples of a response, shipped or a user's: float32 (samples,).

    Raises: RunError when it is not on this machine, or no longer what it was.
    """
    path = _shipped_paths().get(digest) or str(_place(digest))
    if not os.path.exists(path):
        raise RunError(f"impulse response {digest[:12]} is not on this machine; {_ONCE_MORE}")
    return _read(path, digest)
