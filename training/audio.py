"""Encoded clips to arrays: decoding, cropping, resampling.

Conventions: audio is float32, shape (samples,), one channel, full scale 1.0; several channels are
averaged. A crop is cut before resampling, at whole samples of the file's own rate, so labels move by
whole samples; what lies outside the crop is not decoded.
"""

import io

import numpy as np
import soundfile

from sousa.generation.outside import SAMPLES


def decode(
    data: bytes, sample_rate: int | None = None, crop_sec: float | None = None, place: float = 0.0,
    pad: bool = False, speed: float = 1.0,
) -> tuple[np.ndarray, int, int, float]:  # fmt: skip
    """Decode a clip, or a part of it.

    Args:
        data: an encoded file (FLAC, WAV, OGG, MP3: whatever libsndfile reads), bytes.
        sample_rate: Hz to resample to, None for the file's own.
        crop_sec: length of the part, None for all; shorter clips are given whole, or padded with zeros.
        place: where the part begins: 0 at the start, 1 so that it ends at the end, in between linearly.
        speed: how many times as fast, and as high, the file is played.

    Returns: ``(audio, rate, start_sample, file_rate)``: float32 (samples,), its rate in Hz, first sample
        of the part and rate in the file, times speed.
    Raises: soundfile.LibsndfileError (a RuntimeError) when it can't be decoded.
    """
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        file_rate, size, start = file.samplerate, file.frames, 0
        if size * file.channels > SAMPLES and crop_sec is None:
            raise RuntimeError(f"its head names {size:,} samples of {file.channels} channels")
        if crop_sec is not None and round(crop_sec * file_rate * speed) < size:
            size = round(crop_sec * file_rate * speed)
            start = round(place * (file.frames - size))
            file.seek(start)
        audio = file.read(size, dtype="float32")
    if len(audio) != size:
        raise RuntimeError(f"it has {start + len(audio)} samples in place of {start + size}")
    if audio.ndim == 2:
        audio = audio.mean(axis=1)
    rate = sample_rate or file_rate
    if speed != 1.0:
        file_rate *= speed
    audio = resample(audio, file_rate, rate)
    if pad and crop_sec is not None:
        audio = np.pad(audio, (0, max(round(crop_sec * rate) - len(audio), 0)))
    return audio, rate, start, file_rate


def resample(audio: np.ndarray, rate: float, new_rate: float) -> np.ndarray:
    """Audio at another rate, sample 0 in place: float32 (ceil(samples * new_rate / rate),) or one less."""
    if rate == new_rate:
        return audio
    import soxr

    # flat to 0.91 of the lower Nyquist frequency, delay 0
    return soxr.resample(audio, rate, new_rate, quality="HQ")
