"""Where strokes are really heard: onsets found in decoded audio.

Conventions
-----------
Errors are in samples, found - labelled. Two measurements:

* *peeled*: the strokes before are taken away (rendered alone from the bank), and the onset is the
  first sample of what is left that stands out of 16-bit quantisation. Works under ringing tails,
  for every stroke.
* *blind*: uses the audio alone. The onset is the first sample that reaches a twentieth of the
  peak; only for strokes before which the drum is quiet enough to say.
"""

import numpy as np

from sousa.generation.audio.mix import linear_gain

WINDOW_SEC = 0.010
NOTICEABLE = 0.75  # quantisation steps; rounding alone leaves at most half a step
QUIET = 0.02  # of the coming peak, for a blind measurement
ONSET_SHARE = 0.05


def peeled_errors(pcm, drum, onset_sample, velocity, variant, gain_db):
    """Peeled onset error of each stroke; NaN where nothing is heard within 10 ms of the label.

    Args:
        pcm: int16 (samples, channels).
        drum: its :class:`sousa.generation.audio.voices.Voice`.
        onset_sample, velocity, variant: labels, in order of time.
        gain_db: of the row.
    """
    sound = pcm[:, 0].astype(np.float32)
    known = np.zeros(len(sound) + drum.longest, dtype=np.float32)
    scale = np.float32(linear_gain(gain_db) * 32767.0)
    reach = int(WINDOW_SEC * drum.rate)
    errors = np.full(len(onset_sample), np.nan)
    strokes = zip(onset_sample.tolist(), velocity.tolist(), variant.tolist(), strict=True)
    for i, (at, loud, which) in enumerate(strokes):
        begin, end = max(at - reach, 0), min(at + reach, len(sound))
        # a stroke that comes sooner than the reach is not this one
        if i + 1 < len(onset_sample):
            end = min(end, int(onset_sample[i + 1]))
        if i:
            begin = max(begin, int(onset_sample[i - 1]) + 1)
        left = np.abs(sound[begin:end] - known[begin:end]) > NOTICEABLE
        if left.any():
            errors[i] = begin + int(np.argmax(left)) - at
        note = drum.sound(int(drum.layer_of[loud]), which)[0]
        known[at : at + len(note)] += note * (drum.gain[loud] * scale)
    return errors


def blind_errors(pcm, onset_sample, sample_rate):
    """Blind onset error of each stroke; NaN where the sound around the label does not tell.

    The search goes 10 ms to both sides of the label, so a label that is early or late by less is
    seen. The 20 ms before that must be quiet, and no other labelled stroke may be near.
    """
    reach = int(WINDOW_SEC * sample_rate)
    before = np.diff(onset_sample, prepend=-(10**9))
    after = np.diff(onset_sample, append=10**15)
    errors = np.full(len(onset_sample), np.nan)
    for i in np.flatnonzero((before >= 4 * reach) & (after >= 3 * reach)):
        at = int(onset_sample[i])
        begin = max(at - reach, 0)
        first = max(begin - 2 * reach, 0)
        near = np.abs(pcm[first : at + 2 * reach].mean(axis=1))
        quiet, sound = near[: begin - first], near[begin - first :]
        peak = sound.max(initial=0.0)
        if peak > 0 and quiet.max(initial=0.0) < QUIET * peak:
            errors[i] = begin + int(np.argmax(sound >= ONSET_SHARE * peak)) - at
    return errors
