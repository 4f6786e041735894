"""The audio of one long signal, row by row, against its labels.

Conventions: PCM is int16 (samples,); a *step* is 1/32767 of full scale. Errors of onsets are in samples,
found - labelled.

An event is *isolated* when the 10 ms that end 10 ms before its label are silent to a step or two, no other
label is near, and it becomes loud. Its onset is then the first sample that stands out. Sound before the label
is always wrong. After it, an event that swells is not heard at once: the allowed error is 2 samples and a
twentieth of the time in which it reaches half its peak.
"""

import numpy as np

from sousa.generation.textures.corpus import FULL_SCALE

REACH_SEC = 0.010
QUIET = 2  # steps
STANDS_OUT = 600  # steps
LATE, LATE_SHARE = 2, 0.05
_LONGEST_RISE_SEC = 0.25
_BLOCK = 2**20  # samples
NEIGHBOURS = 100  # differences on each side of a border that it is compared with


def check_level(row, pcm, problems):
    """The labelled levels are those of the sound; what was cut off is at full scale."""
    name, clipped, top, full, power = row["sample_id"], row["clipped_samples"], 0, 0, 0.0
    for first in range(0, len(pcm), _BLOCK):
        size = _size(pcm[first : first + _BLOCK])
        top, full = max(top, int(size.max())), full + np.count_nonzero(size >= FULL_SCALE)
        power += np.sum(size.astype(float) ** 2)
    if row["peak_db"] is None or row["rms_db"] is None:
        if row["peak_db"] is not row["rms_db"] or top > 0:
            problems.add("level_differs", f"{name}: labelled silent, peak {top} steps")
        return
    peak, rms = (FULL_SCALE * 10.0 ** (row[n] / 20.0) for n in ("peak_db", "rms_db"))
    if full < clipped or (clipped == 0 and peak > FULL_SCALE + 3):
        problems.add("clipped_samples_differ", f"{name}: {clipped}")
    # labels are of the sound before rounding, and have 3 digits after the point
    if abs(min(peak, FULL_SCALE) - top) > 0.6 + 1e-4 * peak:
        problems.add("level_differs", f"{name}: peak {top} steps, not {peak:.1f}")
    found = np.sqrt(power / len(pcm))
    if clipped == 0 and abs(found - rms) > 0.6 + 2e-4 * rms:
        problems.add("level_differs", f"{name}: RMS {found:.1f} steps, not {rms:.1f}")


def onset_errors(pcm, onset, rate):
    """Onsets of isolated events against their labels (``onset``: int64, in order).

    Returns: ``(errors, allowed)``, float64 arrays, one element an isolated event.
    """
    reach = round(REACH_SEC * rate)
    before = np.diff(onset, prepend=-(10**9))
    after = np.diff(onset, append=len(pcm))
    errors, allowed = [], []
    for i in np.flatnonzero((before > 2 * reach) & (after > reach) & (onset >= 2 * reach)):
        at = int(onset[i])
        quiet = int(_size(pcm[at - 2 * reach : at - reach]).max())
        if quiet > QUIET:
            continue
        heard = _size(pcm[at - reach : at + min(int(after[i]), round(_LONGEST_RISE_SEC * rate))])
        peak = int(heard.max())
        if peak >= STANDS_OUT:
            first, loud = int(np.argmax(heard > quiet + 1)), int(np.argmax(heard >= peak / 2))
            errors.append(first - reach)
            allowed.append(LATE + LATE_SHARE * (loud - first))
    return np.array(errors, float), np.array(allowed, float)


def _size(pcm):
    return np.abs(pcm.astype(np.int32))


def border(before, after):
    """How a border of neighbouring rows, with samples ``before`` and ``after``, compares with both sides.

    Returns: ``(step, largest, anywhere)``: difference across the border, the largest of the 100 on each side,
        and the largest in both rows.
    """
    near = np.concatenate([before[-NEIGHBOURS - 1 :], after[: NEIGHBOURS + 1]]).astype(np.int32)
    steps = np.abs(np.diff(near))
    middle = min(len(before), NEIGHBOURS + 1) - 1
    rows = [row.astype(np.int32) for row in (before, after)]
    anywhere = max(int(np.abs(np.diff(row)).max(initial=0)) for row in rows)
    return int(steps[middle]), int(np.delete(steps, middle).max()), anywhere
