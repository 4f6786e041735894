"""Sample-exact mixing: every note of a performance added at its sample.

Conventions
-----------
Nothing here has a delay: a note whose onset is sample *n* is heard at sample *n*, and no sample
before it is touched. Sums are float32 in order of onset and quantised once to 16 bits, so every
machine gets the same samples.
"""

import math

import numpy as np

PEAK_LIMIT = 0.98
_FADE_SEC = 0.01


_SCRATCH = {}


def _scratch(name, channels, length):
    """A float32 array to work in, kept between calls: fresh large arrays cost more than the sums."""
    if _SCRATCH.get(name) is None or _SCRATCH[name].size < channels * length:
        _SCRATCH[name] = np.empty(channels * length, dtype=np.float32)
    return _SCRATCH[name][: channels * length].reshape(channels, length)


def linear_gain(gain_db):
    """Linear factor of a gain in dB, rounded so that every machine gets the same."""
    return round(10.0 ** (gain_db / 20.0), 7)


def render(articulation, onset_sample, velocity, num_samples, gain_db, sample_rate):
    """Mix one performance.

    Args:
        articulation: from :func:`generation.audio.banks.voiced`; layers (channels, samples).
        onset_sample: int array, ascending.
        velocity: int array, 1-127.
        num_samples: length of the result; notes that go on are faded out over its last 10 ms.
        gain_db: wanted gain over the bank's own level.

    Returns: ``(pcm, gain_db)``: int16 (samples, channels), and the gain really used: lower than
        asked where the sum would come within 0.2 dB of full scale.
    """
    channels = articulation.layers[0].shape[0]
    longest = max(layer.shape[1] for layer in articulation.layers)
    out = _scratch("mix", channels, num_samples + longest)
    out[:] = 0.0
    note = _scratch("note", channels, longest)
    layers, gains = articulation.layers, articulation.gain[velocity]
    layer_of = articulation.layer_of[velocity].tolist()
    for at, which, gain in zip(onset_sample.tolist(), layer_of, gains, strict=True):
        layer = layers[which]
        size = layer.shape[1]
        part = note[:, :size]
        np.multiply(layer, gain, out=part)
        out[:, at : at + size] += part
    out = out[:, :num_samples]
    fade = min(int(_FADE_SEC * sample_rate), num_samples)
    out[:, num_samples - fade :] *= np.arange(fade, 0, -1, dtype=np.float32) / np.float32(fade + 1)
    peak = float(max(out.max(), -out.min()))
    if peak * linear_gain(gain_db) > PEAK_LIMIT:
        gain_db = math.floor(2000.0 * math.log10(PEAK_LIMIT / peak)) / 100.0
    out *= np.float32(linear_gain(gain_db) * 32767.0)
    return np.rint(out, out=out).astype(np.int16).T, gain_db
