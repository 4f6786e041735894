"""Rows in the forms that loaders give them, as one form to draw.

Conventions: a row is a dict of columns, as ``datasets``, ``sousa.load``, a torch dataset of
:mod:`sousa.training.stream` and Arrow's ``to_pylist`` give it. Records are a list of dicts or a dict of lists
or arrays. Sound is an encoded file, a path, an array with its rate, or torchcodec's decoder.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sousa.generation.errors import RunError, first_line


@dataclass(frozen=True)
class Sound:
    """A decoded sound.

    Attributes:
        samples: float (samples,), one channel.
        rate: Hz.
        start_sec: where in the row it begins; later than 0 for a crop.
    """

    samples: np.ndarray
    rate: float
    start_sec: float = 0.0

    @property
    def end_sec(self) -> float:
        """Where it ends, in seconds of the row."""
        return self.start_sec + len(self.samples) / self.rate


def sound_of(row: Mapping[str, Any]) -> Sound | None:
    """The sound of a row, None where it has none; raises RunError when it can't be decoded."""
    audio = row.get("audio")
    if audio is None:
        return None
    if hasattr(audio, "get_all_samples"):  # torchcodec
        decoded = audio.get_all_samples()
        return Sound(_mono(decoded.data.numpy()), decoded.sample_rate)
    if isinstance(audio, Mapping):
        if audio.get("array") is not None:
            return Sound(_mono(np.asarray(audio["array"])), float(audio["sampling_rate"]))
        data = audio.get("bytes")
        if data is None and audio.get("path") and Path(audio["path"]).is_file():
            data = Path(audio["path"]).read_bytes()
        return None if data is None else _decoded(data)
    if isinstance(audio, (bytes, bytearray)):
        return _decoded(bytes(audio))
    start = row.get("start_sample", 0) / row.get("file_rate", 1)
    return Sound(_mono(np.asarray(audio)), float(row["sampling_rate"]), start)


def _decoded(data: bytes) -> Sound:
    from sousa.generation.audio import encode

    try:
        samples, rate = encode.read(io.BytesIO(data), "float32")
    except RuntimeError as error:  # soundfile's
        raise RunError(f"the sound of the row can't be decoded: {first_line(error)}") from None
    return Sound(_mono(samples.T), rate)


def _mono(samples: np.ndarray) -> np.ndarray:
    """One channel of (samples,) or (channels, samples)."""
    return samples if samples.ndim == 1 else samples.mean(axis=0)


def label_rate(row: Mapping[str, Any], sound: Sound | None) -> float:
    """Samples a second of the labels of a row: they stay when the sound is resampled."""
    rate = row.get("file_rate") or row.get("sample_rate") or (sound.rate if sound else 1)
    return float(rate)


def records(value: Any) -> list[dict[str, Any]]:
    """Records of a column as a list of dicts; none for null."""
    if isinstance(value, Mapping):
        columns = {name: np.asarray(values, object).tolist() for name, values in value.items()}
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return [] if value is None else [dict(record) for record in value]


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without its sound; its columns of records are lists of dicts."""

    def of(value: Any) -> Any:
        first = value[0] if isinstance(value, (list, tuple)) and value else value
        return records(value) if isinstance(first, Mapping) else value

    return {name: of(value) for name, value in row.items() if name != "audio"}
