"""The strokes of a clip: when each begins, by which hand, whether it is an accent or a grace note.

Conventions
-----------
Frame j covers seconds ``[j, j + 1) * frame_sec`` of the clip as the model hears it. Labels of a clip are
float32 (frames, 5): onset 0 or 1; where in the frame it lies, 0 to 1; hand, 0 right and 1 left; accent;
grace note. The last four count only in frames with an onset. All strokes are onsets: primaries, graces, and
the bounces of press strokes. Of two onsets in one frame the first is kept.

Predicted onsets are frames above ``threshold``, at the place in the frame the model gives, the likeliest
first; one nearer than ``min_gap_sec`` to a likelier one is the same stroke seen from the next frame.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
import torch.nn.functional as F

_FIELDS = ("onset_sample", "hand", "is_accent", "is_grace_note")
STROKE = pa.struct(
    [
        ("onset_sec", pa.float64()),
        ("hand", pa.int8()),
        ("is_accent", pa.bool_()),
        ("is_grace_note", pa.bool_()),
    ]
)


@dataclass
class Strokes:
    """Frame-level target; see the module's conventions."""

    weight: float = 1.0
    positive_weight: float = 3.0  # of frames with an onset: about one in eighteen
    threshold: float = 0.5
    min_gap_sec: float = 0.0055

    name, kind, level, num_outputs = "strokes", "strokes", "frame", 5
    columns = tuple(f"strokes.{field}" for field in _FIELDS)
    first_bias = -2.0  # onsets are rare
    coarsest_sec = 0.0201  # frames that strokes can be told in

    def label(self, row, num_frames, frame_sec):
        out = np.zeros((num_frames, 5), np.float32)
        strokes = row["strokes"]
        place = (strokes["onset_sample"] - row["start_sample"]) / row["file_rate"] / frame_sec
        frame = np.floor(place).astype(np.int64)
        inside = np.flatnonzero((frame >= 0) & (frame < num_frames))[::-1]  # the first is written last
        frame = frame[inside]
        out[frame, 0] = 1.0
        out[frame, 1] = place[inside] - frame
        out[frame, 2] = strokes["hand"][inside] == "L"
        out[frame, 3] = strokes["is_accent"][inside]
        out[frame, 4] = strokes["is_grace_note"][inside]
        return out

    def truth(self, row, max_sec):
        """The strokes of a row as annotated, as far as the model hears it: list of dicts as in ``STROKE``."""
        strokes = row["strokes"]
        times = (strokes["onset_sample"] - row["start_sample"]) / row["file_rate"]
        return [
            {"onset_sec": float(time), "hand": int(hand == "L"), "is_accent": bool(accent),
             "is_grace_note": bool(grace)}
            for time, hand, accent, grace in zip(times, *(strokes[name] for name in _FIELDS[1:]), strict=True)
            if 0 <= time < max_sec
        ]  # fmt: skip

    def loss(self, output, label):
        output, onset = output.float(), label[..., 0]
        weight = torch.tensor(self.positive_weight, device=output.device)
        found = F.binary_cross_entropy_with_logits(output[..., 0], onset, pos_weight=weight)
        at = onset > 0
        if not at.any():
            return 4.0 * found
        place = F.smooth_l1_loss(output[..., 1][at].sigmoid(), label[..., 1][at], beta=0.1)
        kinds = F.binary_cross_entropy_with_logits(output[..., 2:][at], label[..., 2:][at])
        # onsets are sparse: a mean over frames is small beside the others
        return 4.0 * found + place + kinds

    def predictions(self, output, label, lengths, frame_sec, meta=None):
        """Args: lengths: seconds of each clip that are sound, not padding; meta: what is known of rows."""
        output = output.float().cpu().numpy()
        label = label.cpu().numpy()
        return {
            "true_strokes": [_strokes(one, one[:, 0] > 0, frame_sec) for one in label],
            "pred_strokes": [
                self.decode(one, frame_sec, length) for one, length in zip(output, lengths, strict=True)
            ],
        }

    def decode(self, output, frame_sec, length_sec=np.inf):
        """Strokes out of a clip's outputs (frames, 5): list of dicts as in ``STROKE``, in order of time."""
        prob, rest = _sigmoid(output[:, 0]), _sigmoid(output[:, 1:])
        values = np.concatenate([prob[:, None], rest], axis=1)
        time = (np.arange(len(prob)) + rest[:, 0]) * frame_sec
        chosen = np.zeros(len(prob), bool)
        for frame in sorted(np.flatnonzero(prob > self.threshold), key=lambda i: -prob[i]):
            near = slice(max(frame - 1, 0), frame + 2)
            clash = chosen[near] & (np.abs(time[near] - time[frame]) < self.min_gap_sec)
            chosen[frame] = not clash.any() and time[frame] < length_sec
        return _strokes(values, chosen, frame_sec)

    def fields(self):
        return [("true_strokes", pa.list_(STROKE)), ("pred_strokes", pa.list_(STROKE))]

    def about(self):
        return {"name": self.name, "kind": self.kind}


def _sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def _strokes(values, chosen, frame_sec):
    frames = np.flatnonzero(chosen)
    return [
        {"onset_sec": float((frame + place) * frame_sec), "hand": int(hand > 0.5),
         "is_accent": bool(accent > 0.5), "is_grace_note": bool(grace > 0.5)}
        for frame, (place, hand, accent, grace) in zip(frames, values[frames, 1:], strict=True)
    ]  # fmt: skip
