"""PCM to files in memory, and back.

Conventions: PCM is int16, (samples, channels). FLAC is 16-bit at libsndfile's default level: higher
levels cost twice the time for one per cent. Digests are of the PCM, little-endian and interleaved,
because FLAC bytes may differ between library versions while the sound does not.
"""

import hashlib
import io

import numpy as np
import soundfile

FORMATS = ("flac", "wav")


def encode(pcm, sample_rate, audio_format):
    """A FLAC or WAV file as bytes."""
    buffer = io.BytesIO()
    soundfile.write(buffer, pcm, sample_rate, format=audio_format.upper(), subtype="PCM_16")
    return buffer.getvalue()


def decode(data):
    """``(pcm, sample_rate)`` of a file in memory; PCM int16 (samples, channels)."""
    pcm, rate = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
    return pcm, rate


def pcm_digest(pcm):
    """SHA-256 of the samples, hexadecimal."""
    return hashlib.sha256(np.ascontiguousarray(pcm, dtype="<i2")).hexdigest()
