"""Where strokes are really heard: onsets found in decoded audio.

Conventions
-----------
Errors are in samples, found - labelled. Two measurements:

* *peeled*: the strokes before are taken away (rendered alone from the bank), and the onset is the
  first sample of what is left that stands out of 16-bit quantisation. Works under ringing tails,
  for every stroke.
* *blind*: uses the audio alone. The onset is the first sample that reaches a twentieth of the coming
  10 ms' peak; only for strokes before which the drum is quiet enough to say.
"""

import numpy as np

from generation.audio.mix import linear_gain

WINDOW_SEC = 0.010
NOTICEABLE = 0.75  # quantisation steps; rounding alone leaves at most half a step
QUIET = 0.02  # of the coming peak, for a blind measurement
ONSET_SHARE = 0.05


def peeled_errors(pcm, articulation, onset_sample, velocity, gain_db, sample_rate):
    """Peeled onset error of each stroke; NaN where nothing is heard within 10 ms of the label.

    Args:
        pcm: int16 (samples, channels).
        articulation: the drum as :func:`generation.audio.banks.voiced` gives it.
        onset_sample, velocity: labels, in order of time.
        gain_db: of the row.
    """
    sound = pcm[:, 0].astype(np.float32)
    longest = max(layer.shape[1] for layer in articulation.layers)
    known = np.zeros(len(sound) + longest, dtype=np.float32)
    scale = np.float32(linear_gain(gain_db) * 32767.0)
    reach = int(WINDOW_SEC * sample_rate)
    errors = np.full(len(onset_sample), np.nan)
    for i, (at, loud) in enumerate(zip(onset_sample.tolist(), velocity.tolist(), strict=True)):
        begin, end = max(at - reach, 0), min(at + reach, len(sound))
        # a stroke that comes sooner than the reach is not this one
        if i + 1 < len(onset_sample):
            end = min(end, int(onset_sample[i + 1]))
        if i:
            begin = max(begin, int(onset_sample[i - 1]) + 1)
        left = np.abs(sound[begin:end] - known[begin:end]) > NOTICEABLE
        if left.any():
            errors[i] = begin + int(np.argmax(left)) - at
        layer = articulation.layers[articulation.layer_of[loud]][0]
        known[at : at + len(layer)] += layer * (articulation.gain[loud] * scale)
    return errors


def blind_errors(pcm, onset_sample, sample_rate):
    """Blind onset error of each stroke; NaN where the sound before is not quiet enough to tell."""
    sound = np.abs(pcm.mean(axis=1))
    reach = int(WINDOW_SEC * sample_rate)
    errors = np.full(len(onset_sample), np.nan)
    for i, at in enumerate(onset_sample.tolist()):
        if i + 1 < len(onset_sample) and onset_sample[i + 1] < at + 2 * reach:
            continue
        peak = sound[at : at + reach].max(initial=0.0)
        quiet = sound[max(at - reach, 0) : max(at - 2, 0)].max(initial=0.0)
        if quiet < QUIET * peak:
            begin = max(at - reach, 0)
            errors[i] = begin + int(np.argmax(sound[begin : at + reach] >= ONSET_SHARE * peak)) - at
    return errors
