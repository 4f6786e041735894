"""Pianos: sampled recordings with loops, and the tables that say how each key uses them.

Conventions
-----------
A piano is a directory with ``piano.json`` and one 16-bit mono FLAC a recording. Sample 0 of a recording is
its onset: the first sample within 34 dB of (2 per cent of) the peak of its first 100 ms. It ends where its
loop ends; without a loop (``loop_start`` None) it ends in silence.

A piano has *layers*, softest first: recordings for velocities up to the layer's ``highest``. In each, every
key from LOWEST to HIGHEST has a row of KEY: its recording, how many cents that is played higher or lower,
its gain, the envelope that takes over where the recording has become a loop (after ``hold_sec`` the sound
falls by ``decay_db_sec``), and the fall once its damper lies on the string, ``release_db_sec``.

Loudness follows velocity by 40 log10(v / 127) dB, which is what General MIDI fonts do.

The *digest* is the SHA-256 of the decoded samples and the tables.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from sousa.generation import environment
from sousa.generation.audio import banks, encode
from sousa.generation.audio.banks import BankError
from sousa.generation.errors import UsageError, one_of
from sousa.generation.outside import is_file, read_json
from sousa.generation.piano.score import HIGHEST_PITCH as HIGHEST
from sousa.generation.piano.score import LOWEST_PITCH as LOWEST

PIANO_FORMAT = 1
SHIPPED_DIR = Path(__file__).parent / "piano_data"
DEFAULT = "fluidr3_gm_yamaha_grand_piano"
KEYS = HIGHEST - LOWEST + 1
KEY = np.dtype(
    [
        ("recording", "i4"),
        ("cents", "f8"),
        ("gain_db", "f8"),
        ("hold_sec", "f8"),
        ("decay_db_sec", "f8"),
        ("release_db_sec", "f8"),
    ]
)
KEY_FIELDS = tuple(KEY.names or ())
ONSET = 0.02  # of the peak
PEAK_SEC = 0.1  # in which the peak is looked for
_KIND, _TABLE = "piano", "piano.json"
_ABOUT = ("name", "digest", "soundfont", "preset", "licence", "licence_id", "source")


class PianoError(BankError):
    """A piano that can't be read; the text names it and says what to do."""


@dataclass(frozen=True)
class Recording:
    """One key of an instrument, as it was recorded.

    Attributes:
        samples: int16 (samples,), see the module's conventions.
    """

    samples: np.ndarray
    rate: int
    loop_start: int | None


@dataclass(frozen=True)
class Layer:
    """Recordings of one strength of touch; ``keys``: array of KEY, from LOWEST to HIGHEST."""

    highest: int
    keys: np.ndarray


@dataclass(frozen=True, eq=False)
class Piano:
    """One piano.

    Attributes:
        gain_db: of all its sounds.
        others: as those of a Bank.
    """

    name: str
    digest: str
    soundfont: str
    preset: str
    licence: str
    licence_id: str | None
    source: dict[str, Any]
    gain_db: float
    recordings: tuple[Recording, ...]
    layers: tuple[Layer, ...]
    path: Path

    def about(self) -> dict[str, Any]:
        """Where the piano comes from, as plain data for manifests and documents."""
        return {name: getattr(self, name) for name in _ABOUT}


def onset_of(sound: np.ndarray, rate: int) -> int:
    """The sample of the onset of a single note, float (samples,): see the module's conventions."""
    level = np.abs(sound)
    return int(np.argmax(level >= ONSET * level[: int(PEAK_SEC * rate)].max()))


def cache_dir() -> Path:
    """Where this user's own pianos are kept; raises as :func:`sousa.generation.environment.cache`."""
    return environment.cache() / "pianos"


def _tables(recordings: Sequence[Recording], layers: Sequence[Layer], gain_db: float) -> dict[str, Any]:
    """All but samples, as plain data with rounded values."""
    return {
        "gain_db": round(gain_db, 3),
        "recordings": [{"rate": r.rate, "loop_start": r.loop_start} for r in recordings],
        "layers": [
            {
                "highest": layer.highest,
                "keys": {name: [round(v, 4) for v in layer.keys[name].tolist()] for name in KEY_FIELDS},
            }
            for layer in layers
        ],
    }


def piano_digest(recordings: Sequence[Recording], layers: Sequence[Layer], gain_db: float) -> str:
    """Digest of decoded samples and tables."""
    sha = hashlib.sha256(json.dumps(_tables(recordings, layers, gain_db), sort_keys=True).encode())
    for recording in recordings:
        sha.update(np.ascontiguousarray(recording.samples, dtype="<i2").tobytes())
    return sha.hexdigest()


def save(
    directory: str | Path,
    name: str,
    recordings: Sequence[Recording],
    layers: Sequence[Layer],
    gain_db: float,
    **about: Any,
) -> Path:
    """Write a piano, replacing one of the same name only when it is complete.

    Args:
        directory: parent directory.
        about: soundfont, preset, licence, licence_id, source.
    """
    path = Path(directory) / name
    tables = _tables(recordings, layers, gain_db)
    with banks.replacing(path, _KIND) as work:
        for i, (recording, row) in enumerate(zip(recordings, tables["recordings"], strict=True)):
            row["file"] = f"{i:02}.flac"
            soundfile.write(
                work / row["file"], recording.samples, recording.rate, "PCM_16", compression_level=1.0
            )
        digest = piano_digest(recordings, layers, gain_db)
        meta = {"format": PIANO_FORMAT, "name": name, **about, "digest": digest, **tables}
        (work / _TABLE).write_text(_compact(meta), encoding="utf-8")
    return path


def _compact(meta: dict[str, Any]) -> str:
    """JSON with a line for each entry and table of a layer."""
    parts = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in meta.items()]
    return "{\n" + ",\n".join(parts).replace('], "', '],\n  "') + "\n}\n"


def load(path: str | Path) -> Piano:
    """Read a piano and check it against its digest.

    Raises: PianoError when it is missing, unreadable or not what it was.
    """
    path = Path(path)
    try:
        with banks.reading(path, _KIND):
            meta = read_json(path / _TABLE)
            recordings = tuple(_recording(path, entry) for entry in meta["recordings"])
            layers = tuple(_layer(entry, len(recordings)) for entry in meta["layers"])
            if [layer.highest for layer in layers][-1] != 127:
                raise ValueError("no layer for velocity 127")
            same = piano_digest(recordings, layers, meta["gain_db"]) == meta["digest"]
            about = {name: meta[name] for name in (*_ABOUT, "gain_db")}
    except BankError as error:
        raise PianoError(str(error)) from None
    if not same:
        raise PianoError(f"piano {path} does not match its digest; {banks.BUILD_AGAIN}")
    return Piano(**about, recordings=recordings, layers=layers, path=path)


def _recording(path: Path, entry: dict[str, Any]) -> Recording:
    if Path(entry["file"]).name != entry["file"]:
        raise ValueError(f"{entry['file']} is not in it")
    samples, rate = encode.read_file(path / entry["file"])
    start = entry["loop_start"]
    if samples.shape[1] != 1 or rate != entry["rate"] or not (start is None or 0 <= start < len(samples)):
        raise ValueError(f"{entry['file']} is not the recording that {_TABLE} describes")
    return Recording(np.ascontiguousarray(samples[:, 0]), rate, start)


def _layer(entry: dict[str, Any], recordings: int) -> Layer:
    keys = np.zeros(KEYS, dtype=KEY)
    for name in KEY_FIELDS:
        keys[name] = entry["keys"][name]
    if not ((keys["recording"] >= 0) & (keys["recording"] < recordings)).all():
        raise ValueError("a key has no recording")
    return Layer(entry["highest"], keys)


def stored_digest(path: str | Path) -> str:
    """The digest a piano states, without reading its samples; raises PianoError when there is none."""
    try:
        with banks.reading(path, _KIND):
            return read_json(Path(path) / _TABLE)["digest"]
    except BankError as error:
        raise PianoError(str(error)) from None


def stored_source(path: str | Path) -> Any:
    """What a piano says it is made from; None for one that can't be read."""
    try:
        with banks.reading(path, _KIND):
            return read_json(Path(path) / _TABLE)["source"]
    except BankError:
        return None


def available() -> dict[str, Path]:
    """Paths of all pianos by name: the shipped one, and those built by this user."""
    own: dict[str, Path] = {}
    with suppress(environment.NoCacheError):
        own = banks.find(cache_dir(), _TABLE)
    return {**banks.find(SHIPPED_DIR, _TABLE), **own}


@cache
def shipped() -> Piano:
    """The piano that every installation has, loaded."""
    return load(SHIPPED_DIR / DEFAULT)


def by_name(name: str) -> Piano:
    """Load a piano by its name, or from a directory."""
    known = available()
    path = known.get(name, Path(name))
    if not is_file(path / _TABLE):
        raise UsageError(f"unknown piano {one_of(name, known)}")
    return shipped() if path == SHIPPED_DIR / DEFAULT else load(path)
