"""Recordings of the user: any length, rate and number of channels, as one channel at a model's rate."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from sousa.generation.errors import UsageError
from sousa.generation.outside import ANY_BYTES, expanded, is_file, opened

_BLOCK = 1 << 18  # samples read at once
_RATES = (1000, 768_000)
_MOST_CHANNELS = 64
_MOST_SEC = 12 * 3600.0
_LEAST_SEC = 0.05


def read(path: str | Path, rate: int, done: Callable[[float], object] = lambda part: None) -> np.ndarray:
    """A recording at another rate, its channels averaged: float32 (samples,).

    It is in a temporary file that memory maps, so that a long one takes no more memory than a short one.

    Args:
        path: of a file that libsndfile reads, such as WAV, FLAC, OGG, MP3 or AIFF.
        done: is told the seconds that were read since it was told last.

    Raises: UsageError for what can't be read as sound.
    """
    import soxr

    path = Path(expanded(path))
    if not is_file(path):
        raise UsageError(f"{path} is no file; name a recording")
    audio = None
    try:
        with (
            opened(path, ANY_BYTES) as data,
            soundfile.SoundFile(data.fileno(), closefd=False) as file,
            tempfile.TemporaryFile() as kept,
        ):
            seconds = file.frames / file.samplerate if file.samplerate else 0.0
            problem = (
                f"{file.samplerate:,} samples a second" if not _RATES[0] <= file.samplerate <= _RATES[1]
                else f"{file.channels} channels" if file.channels > _MOST_CHANNELS
                else f"{seconds / 3600:.1f} hours" if seconds > _MOST_SEC
                else f"{seconds:.2f} s" if seconds < _LEAST_SEC else ""
            )  # fmt: skip
            if problem:
                raise UsageError(
                    f"{path} has {problem}; give a recording of {_LEAST_SEC:g} s to "
                    f"{_MOST_SEC / 3600:g} hours, of up to {_MOST_CHANNELS} channels, at "
                    f"{_RATES[0]:,} to {_RATES[1]:,} Hz"
                )
            steady = soxr.ResampleStream(file.samplerate, rate, 1, dtype="float32", quality="HQ")
            finite = True
            while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
                part = steady.resample_chunk(block.mean(axis=1))
                finite = finite and bool(np.isfinite(part).all())
                kept.write(part.tobytes())
                done(len(block) / file.samplerate)
            kept.write(steady.resample_chunk(np.zeros(0, np.float32), last=True).tobytes())
            kept.flush()
            if kept.tell():
                audio = np.memmap(kept, np.float32, mode="c")
    except (OSError, soundfile.LibsndfileError) as error:
        reason = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"{path} can't be read as sound ({reason}); give a WAV, FLAC, OGG or MP3 file"
        ) from None
    if audio is None:
        raise UsageError(f"{path} has no sound that can be decoded; export it again")
    if not finite:
        raise UsageError(f"{path} has samples that are no numbers; export it again")
    return audio
