"""Encoded clips to arrays: decoding, cropping, resampling.

Conventions: audio is float32, shape (samples,), one channel, full scale 1.0; several channels are
averaged. A crop is cut before resampling, at whole samples of the file's own rate, so labels move by
whole samples; what lies outside the crop is not decoded.
"""

import io

import numpy as np
import soundfile

_QUALITY = "HQ"  # of soxr: flat to 0.91 of the lower Nyquist frequency, delay 0


def decode(
    data: bytes,
    sample_rate: int | None = None,
    crop_sec: float | None = None,
    place: float = 0.0,
    pad: bool = False,
) -> tuple[np.ndarray, int, int, int]:
    """Decode a clip, or a part of it.

    Args:
        data: an encoded file (FLAC, WAV, OGG, MP3: whatever libsndfile reads), bytes.
        sample_rate: Hz to resample to, None for the file's own.
        crop_sec: length of the part, None for all; shorter clips are given whole.
        place: where the part begins: 0 at the start, 1 so that it ends at the end, in between linearly.
        pad: fill shorter clips with zeros to ``crop_sec``.

    Returns: ``(audio, rate, start_sample, file_rate)``: float32 (samples,), its rate in Hz, first sample
        of the part and rate in the file.
    Raises: soundfile.LibsndfileError (a RuntimeError) when it can't be decoded.
    """
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        own, wanted, start = file.samplerate, file.frames, 0
        if crop_sec is not None and round(crop_sec * own) < wanted:
            wanted = round(crop_sec * own)
            start = round(place * (file.frames - wanted))
            file.seek(start)
        audio = file.read(wanted, dtype="float32")
    if len(audio) != wanted:
        raise RuntimeError(f"it has {start + len(audio)} samples in place of {start + wanted}")
    if audio.ndim == 2:
        audio = audio.mean(axis=1)
    rate = sample_rate or own
    audio = resample(audio, own, rate)
    if pad and crop_sec is not None and len(audio) < round(crop_sec * rate):
        audio = np.pad(audio, (0, round(crop_sec * rate) - len(audio)))
    return audio, rate, start, own


def resample(audio: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """Audio at another rate; sample 0 stays where it is.

    Args:
        audio: float32 (samples,).

    Returns: float32 (ceil(samples * new_rate / rate),) or one less.
    """
    if rate == new_rate:
        return audio
    import soxr

    return soxr.resample(audio, rate, new_rate, quality=_QUALITY)
