"""PCM to files in memory, and back.

Conventions: PCM is int16, (samples, channels). FLAC is 16-bit at level 3 of 8: the highest takes
twice the time for two per cent less. Digests are of the PCM, little-endian and interleaved, because
FLAC bytes may differ between library versions while the sound does not. They are MD5, the signature
that every FLAC file carries of its samples, so ``metaflac --show-md5sum`` shows the same one.
"""

import hashlib
import io
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from sousa.generation.outside import SAMPLES, opened

FORMATS = ("flac", "wav")
_FLAC_LEVEL = 3 / 8
_BLOCK = 1 << 18  # samples
# "fLaC", a block header of 4 bytes, then STREAMINFO, which ends with the MD5 of the samples
_FLAC_MD5 = slice(26, 42)


def encode(pcm: np.ndarray, sample_rate: int, audio_format: str) -> bytes:
    """A FLAC or WAV file as bytes."""
    buffer, level = io.BytesIO(), _FLAC_LEVEL if audio_format == "flac" else None
    soundfile.write(buffer, pcm, sample_rate, "PCM_16", format=audio_format, compression_level=level)
    return buffer.getvalue()


def encode_and_digest(pcm: np.ndarray, sample_rate: int, audio_format: str) -> tuple[bytes, str]:
    """``(file, digest)``: the encoded bytes and :func:`pcm_digest` of what is in them."""
    data = encode(pcm, sample_rate, audio_format)
    # the encoder has already digested the samples: no need to do it again
    return data, data[_FLAC_MD5].hex() if audio_format == "flac" else pcm_digest(pcm)


def decode(data: bytes) -> tuple[np.ndarray, int]:
    """``(pcm, sample_rate)`` of a file in memory; PCM int16 (samples, channels)."""
    return read(io.BytesIO(data))


class TooLong(soundfile.LibsndfileError):
    """A sound whose head names more samples than there can be."""

    def __init__(self, text: str):
        super().__init__(0)
        self._text = text

    @property
    def error_string(self) -> str:
        return self._text


def read(file: BinaryIO | int, dtype: str = "int16") -> tuple[np.ndarray, int]:
    """``(samples, rate)`` of an open file or its number: (samples, channels); raises LibsndfileError.

    Room is made for as many samples as its head names before one is decoded.
    """
    with soundfile.SoundFile(file, closefd=False) as sound:
        _refuse_too_long(sound)
        return sound.read(dtype=dtype, always_2d=True), sound.samplerate


def _refuse_too_long(sound: soundfile.SoundFile) -> None:
    if sound.frames * sound.channels > SAMPLES:
        raise TooLong(f"{sound.frames:,} samples of {sound.channels} channels, of {SAMPLES:,} at most")


def described(data: bytes) -> tuple[int, int, str]:
    """``(samples, rate, digest)`` of a file in memory, the digest as of :func:`pcm_digest`.

    It is decoded in blocks, so that a long sound takes no more memory than its file; but for MP3, of which
    single samples differ by 1 where blocks end elsewhere. Raises: LibsndfileError.
    """
    digest, samples = hashlib.md5(usedforsecurity=False), 0
    with soundfile.SoundFile(io.BytesIO(data)) as sound:
        _refuse_too_long(sound)
        block = -1 if sound.format == "MP3" else _BLOCK
        while len(pcm := sound.read(block, "int16", always_2d=True)):
            digest.update(np.ascontiguousarray(pcm, "<i2").data)
            samples += len(pcm)
        return samples, sound.samplerate, digest.hexdigest()


def read_file(path: str | Path) -> tuple[np.ndarray, int]:
    """The same for a path; raises OSError too."""
    with opened(path) as file:
        return read(file.fileno())


def pcm_digest(pcm: np.ndarray) -> str:
    """MD5 of the samples, hexadecimal."""
    return hashlib.md5(np.ascontiguousarray(pcm, dtype="<i2").data, usedforsecurity=False).hexdigest()
