"""``params``: a WAV file and a JSON text beside it for each row, as paramManager reads them.

Conventions: ``<sample_id>.wav`` and ``<sample_id>.params``, side by side. The text has ``meta`` and, by the
name of the synthesizer's parameter, one entry for every parameter, in its order::

    times, values   at least two each, seconds and value; readers draw straight lines between them
    units           of the values; null where they are labels without a unit, or the parameter has none
    nvals           values of a sweep; 0: continuous; 1: fixed
    minval, maxval  of the values in the corpus (of fixed ones: that the synthesizer takes)
    origMinval, origMaxval, origUnits   the same, natural

Values of swept parameters are the labels of the configuration, as DSGenerator has them: ``minval`` to
``maxval`` lies over ``origMinval`` to ``origMaxval``. All others are natural. Moving parameters have a value
in the middle of each frame of 1/75 s, and two at the ends of the row, where the first and last lines are
drawn on; between frames a curve on a log scale is straight here and not there.

``meta`` has the name of the WAV file (DSGenerator's first generation has its own name there, so that
readers found no audio), who the row is, ``onsets`` in seconds (null where there are no events),
``<parameter>_synth_doc`` and, of what the configuration names, ``<parameter>_user_doc``.
"""

from functools import lru_cache

import numpy as np

from sousa.generation.textures.records.files import Format, member, stem
from sousa.generation.textures.settings import FRAME_RATE_HZ

META = ("sample_id", "setting_id", "split", "held_out", "sound", "synth", "synth_version", "seed",
        "sample_rate")  # fmt: skip


class Params(Format):
    def __init__(self, folder, config, labels):
        super().__init__(folder, config, labels)
        self.docs = {
            sound: {f"{name}_user_doc": p.user_doc for name, p in own.items() if p.role in ("swept", "fixed")}
            | {f"{name}_synth_doc": p.meaning for name, p in own.items()}
            for sound, own in labels.items()
        }

    @staticmethod
    def problems(config, labels):
        for sound, own in labels.items():
            if "meta" in own:
                yield f"{sound}: params records can't hold a parameter named meta; leave out records params"

    def add(self, row, pcm):
        name = stem(row)
        self.folder.put(f"{name}.wav", row["wav"])
        onsets = row["onsets"]
        meta = {"filename": f"{name}.wav"} | {key: row[key] for key in META}
        meta["start_sec"] = row["start_sample"] / row["sample_rate"]
        meta["onsets"] = None if onsets is None else (onsets / row["sample_rate"]).tolist()
        members = [member("meta", meta | self.docs[row["sound"]])]
        for param in row["params"]:
            label = self.labels[row["sound"]][param["name"]]
            if label.role == "moving":
                line = _line(row["curves"][label.name][0], row["duration_sec"], *label.ends)
                members.append(member(label.name, _entry(label, *line)))
            else:
                value = param["user"] if label.role == "swept" else param["natural"]
                members.append(_constant(label, value, row["duration_sec"]))
        text = ",\n".join(members)
        self.folder.put(f"{name}.params", f"{{\n{text}\n}}".encode())


@lru_cache(maxsize=4096)  # a value comes back in many settings, and in every chunk
def _constant(label, value, duration_sec):
    return member(label.name, _entry(label, [0.0, duration_sec], [value, value]))


def _entry(label, times, values):
    return {
        "times": times, "values": values, "units": (label.unit or None) if label.is_natural else None,
        "nvals": label.count, "minval": label.user_min, "maxval": label.user_max,
        "origMinval": label.minimum, "origUnits": label.unit or None, "origMaxval": label.maximum,
    }  # fmt: skip


def _line(values, duration_sec, low, high):
    """Points of a curve known in the middle of frames: lists of times and values, from 0 to the end."""
    centres = (np.arange(len(values)) + 0.5) / FRAME_RATE_HZ
    centres = centres[centres < duration_sec]  # of the last frame, the row may have less than half
    values = values[: len(centres)]
    ends = values[[0, -1]]
    if len(values) > 1:  # on past the outermost ones, but not out of what curves cover
        slope = (np.diff(values) / np.diff(centres))[[0, -1]]
        ends = ends + slope * ([0.0, duration_sec] - centres[[0, -1]])
        ends = np.clip(ends, low, high)
    return [0.0, *centres.tolist(), duration_sec], [float(ends[0]), *values.tolist(), float(ends[1])]
