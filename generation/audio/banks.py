"""Note banks: every sound of one drum, cut and measured, ready to be added up.

Conventions
-----------
A bank is a directory with ``bank.json`` and one 16-bit stereo FLAC a velocity layer. It has
*articulations* (``centre``; ``side_stick`` where the font has one), each with *layers*: a recording
valid for a range of velocities. Sample 0 of a layer is the onset: the first sample within 20 dB of
the note's peak, so a note added at sample *n* is heard at *n*. ``gain`` holds the linear factor of
each velocity 0-127 (0 for velocity 0) over the layer's recording; it rises strictly with velocity.

The *digest* is the SHA-256 of the decoded samples and the gains: two banks with one digest sound
the same, whatever built or compressed them.
"""

import hashlib
import json
import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from soundfile import LibsndfileError

from sousa.generation import environment
from sousa.generation.audio import encode
from sousa.generation.errors import RunError, UsageError, one_of
from sousa.generation.outside import is_file, read_json
from sousa.generation.text import one_line

BANK_FORMAT = 1
SHIPPED_DIR = Path(__file__).parent / "bank_data"
BANK_RATE = 44100
TUNING_STEPS_CENTS = (-50, 0, 50)
_SINC_HALF_WIDTH, _SINC_PHASES = 12, 4096
_RESAMPLE_BLOCK = 8192  # samples; fits the cache of a processor
_ABOUT = ("name", "digest", "soundfont", "preset", "licence", "licence_id", "source")


class BankError(RunError):
    """A bank that can't be read; the text names it and says what to do."""


@dataclass(frozen=True)
class Articulation:
    """One way to strike the drum."""

    layers: list  # of float32 arrays (samples, channels), peak near 1
    layer_of: np.ndarray  # (128,), index of the layer each velocity plays
    gain: np.ndarray  # (128,) float64, linear gain of each velocity over its layer


@dataclass(frozen=True, eq=False)
class Bank:
    """One drum."""

    name: str  # unique among the banks in use
    digest: str  # SHA-256 of its samples and gains, hexadecimal
    soundfont: str  # name of the font it was cut from
    preset: str  # name of the kit in it
    licence: str  # of the font, as its makers state it
    licence_id: str | None  # its SPDX identifier where the person who built the bank gave one
    source: dict  # everything else about where it came from
    articulations: dict[str, Articulation]
    path: Path  # directory it was read from

    def about(self) -> dict[str, Any]:
        """Where the drum comes from, as plain data for manifests and documents."""
        return {name: getattr(self, name) for name in _ABOUT}


def cache_dir() -> Path:
    """Where this user's own banks are kept; raises as :func:`sousa.generation.environment.cache`."""
    return environment.cache() / "banks"


def bank_digest(articulations: Mapping[str, Articulation]) -> str:
    """Digest of decoded samples and gains; ``articulations`` as in Bank, samples int16."""
    sha = hashlib.sha256()
    for name, part in sorted(articulations.items()):
        table = [name, np.asarray(part.layer_of).tolist(), [f"{gain:.9e}" for gain in part.gain]]
        sha.update(json.dumps(table).encode())
        for layer in part.layers:
            sha.update(np.ascontiguousarray(layer, dtype="<i2").tobytes())
    return sha.hexdigest()


def _others_in(path: Path, table: str) -> list[str]:
    """What lies in a bank's directory and is not of the bank; all of it where there is none."""
    if not (path / table).is_file():
        return os.listdir(path) if path.is_dir() else [path.name]
    return [name for name in os.listdir(path) if name != table and not name.endswith(".flac")]


@contextmanager
def replacing(path: Path, kind: str = "bank") -> Iterator[Path]:
    """A new directory for the files of a bank, which takes the place of ``path`` when it is complete.

    Args:
        kind: what it holds, which is also the name of its table, ``bank.json``.

    Raises: RunError when it can't be written, or another thing lies at ``path``.
    """
    if path.exists() and (others := _others_in(path, f"{kind}.json")):
        raise RunError(
            f"{path} holds {one_line(others[0])}, which is of no {kind}; remove it or choose another "
            "directory"
        )
    work = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        work.mkdir(parents=True)
        yield work
        shutil.rmtree(path, ignore_errors=True)
        work.rename(path)
    except (OSError, LibsndfileError) as error:
        shutil.rmtree(work, ignore_errors=True)
        raise RunError(f"can't write {kind} {path}: {getattr(error, 'strerror', None) or error}") from None


def save(directory: str | Path, name: str, articulations: Mapping[str, Articulation], **about: Any) -> Path:
    """Write a bank, replacing one of the same name only when it is complete.

    Args:
        directory: parent directory.
        articulations: by name, with int16 layers.
        about: soundfont, preset, licence, licence_id, source.
    """
    path = Path(directory) / name
    with replacing(path) as work:
        table = {}
        for part_name, part in articulations.items():
            files = [f"{part_name}_{i}.flac" for i in range(len(part.layers))]
            for file, layer in zip(files, part.layers, strict=True):
                soundfile.write(work / file, layer, BANK_RATE, subtype="PCM_16")
            gain = [float(f"{g:.9e}") for g in part.gain]
            table[part_name] = {"files": files, "layer_of": part.layer_of.tolist(), "gain": gain}
        meta = {
            "format": BANK_FORMAT, "name": name, "sample_rate": BANK_RATE, **about,
            "digest": bank_digest(articulations), "articulations": table,
        }  # fmt: skip
        (work / "bank.json").write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
    return path


_DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, LibsndfileError)
BUILD_AGAIN = "delete the directory and build it again"


@contextmanager
def reading(path: str | Path, kind: str = "bank") -> Iterator[None]:
    """Turn whatever reading a damaged bank can raise into a BankError."""
    try:
        yield
    except _DAMAGE as error:
        raise BankError(f"{kind} {path} can't be read ({one_line(str(error))}); {BUILD_AGAIN}") from None


def load(path: str | Path) -> Bank:
    """Read a bank and check it against its digest.

    Raises: BankError when it is missing, unreadable or not what it was.
    """
    path, parts = Path(path), {}
    with reading(path):
        meta = {"licence_id": None, **read_json(path / "bank.json")}
        for name, table in meta["articulations"].items():
            files = [path / file for file in table["files"]]
            layers = [encode.read_file(file)[0] for file in files]
            parts[name] = Articulation(layers, np.array(table["layer_of"]), np.array(table["gain"]))
        same = bank_digest(parts) == meta["digest"]
        about = {name: meta[name] for name in _ABOUT}
    if not same:
        raise BankError(f"bank {path} does not match its digest; {BUILD_AGAIN}")
    for part in parts.values():
        part.layers[:] = [layer.astype(np.float32) / 32768.0 for layer in part.layers]
    return Bank(**about, articulations=parts, path=path)


def stored(path: str | Path) -> tuple[str, str]:
    """``(name, digest)`` that a bank says it has, without reading its sound.

    Raises: BankError when there is none.
    """
    with reading(path):
        meta = read_json(Path(path) / "bank.json")
        return meta["name"], meta["digest"]


def find(directory: str | Path, table: str = "bank.json") -> dict[str, Path]:
    """Paths of the banks in a directory, by name."""
    directory = Path(directory)
    if not os.access(directory, os.R_OK | os.X_OK):
        return {}
    return {path.parent.name: path.parent for path in sorted(directory.glob(f"[!.]*/{table}"))}


def available() -> dict[str, Path]:
    """Paths of all banks by name: shipped ones, and those built by this user."""
    own: dict[str, Path] = {}
    with suppress(environment.NoCacheError):
        own = find(cache_dir())
    return {**find(SHIPPED_DIR), **own}


def by_name(name: str) -> Bank:
    """Load a bank by its name, or from a directory."""
    banks = available()
    path = banks.get(name, Path(name))
    if not is_file(path / "bank.json"):
        raise UsageError(f"unknown bank {one_of(name, banks)}")
    return load(path)


@lru_cache(maxsize=64)
def shipped() -> tuple[Bank, ...]:
    """The banks every installation has, loaded, in order of name."""
    return tuple(load(path) for path in find(SHIPPED_DIR).values())


@lru_cache(maxsize=4)
def _sinc_table(cutoff: float) -> tuple[np.ndarray, int]:
    """Weights (phases, taps) of a Hann-windowed sinc, and the number of taps before the centre."""
    half = math.ceil(_SINC_HALF_WIDTH / cutoff)
    x = np.arange(-half + 1, half + 1) - np.arange(_SINC_PHASES)[:, None] / _SINC_PHASES
    window = 0.5 + 0.5 * np.cos(np.pi * np.clip(x / half, -1.0, 1.0))
    # rounded, so that the last bit of a machine's cosine can't reach the samples
    return np.round(cutoff * np.sinc(cutoff * x) * window, 7).astype(np.float32), half - 1


def resample(layers: list[np.ndarray], ratio: float) -> list[np.ndarray]:
    """Play layers (channels, samples) faster by ``ratio``, keeping sample 0 the onset.

    Plain products and sums in a fixed order, so every machine gets the same samples. What a
    band-limited sound would ring before its onset is left out: nothing comes before sample 0.
    """
    if ratio == 1.0:
        return layers
    table, before = _sinc_table(min(1.0, round(1.0 / ratio, 9)))
    channels, longest = layers[0].shape[0], max(layer.shape[1] for layer in layers)
    taps = table.shape[1]
    stacked = np.zeros((len(layers), channels, longest + 2 * taps), dtype=np.float32)
    for i, layer in enumerate(layers):
        stacked[i, :, before : before + layer.shape[1]] = layer
    position = np.arange(int((longest - 1) / ratio) + 1) * ratio
    base = np.floor(position).astype(np.int64)
    phase = ((position - base) * _SINC_PHASES).astype(np.int64)
    out = np.zeros((len(layers), channels, len(base)), dtype=np.float32)
    for begin in range(0, len(base), _RESAMPLE_BLOCK):
        block = slice(begin, begin + _RESAMPLE_BLOCK)
        weights, total = np.ascontiguousarray(table[phase[block]].T), out[:, :, block]
        for tap in range(taps):
            part = stacked.take(base[block] + tap, axis=2, mode="clip")
            part *= weights[tap]
            total += part
    sizes = [int((layer.shape[1] - 1) / ratio) + 1 for layer in layers]
    return [np.ascontiguousarray(sound[:, :size]) for sound, size in zip(out, sizes, strict=True)]


@lru_cache(maxsize=4)
def voiced(bank: Bank, rate: int, cents: int, channels: int, name: str) -> Articulation:
    """The articulation of this name at a rate, tuning and channel count.

    Returns: Articulation with float32 layers (channels, samples).
    """
    ratio = round((BANK_RATE / rate) * 2.0 ** (cents / 1200.0), 9)
    part = bank.articulations[name]
    layers = [layer.T if channels == 2 else layer.mean(axis=1)[None, :] for layer in part.layers]
    layers = resample([np.ascontiguousarray(layer) for layer in layers], ratio)
    return Articulation(layers, part.layer_of, part.gain.astype(np.float32))
