"""Parameters of synthesizers as targets: what a sound was made with, told from the sound.

Conventions
-----------
Labels are normalised values, 0 to 1 over the range that a synthesizer declares for the parameter, on its
scale. A parameter is learnt of the synthesizers for which it is swept or moves in the training rows; rows of
all others have no label. Where it moves in some of the rows it is told frame by frame, and is the same in
all frames of rows in which it stands still.

A head says how many ``spread`` a value lies above ``centre``, standard deviation and mean of the training
labels; what comes of it is cut to 0-1. Frame j of a model covers seconds ``[j, j + 1) * frame_sec`` of the
clip as it is heard, its label is the value in the middle; frames whose middle is after the end have none.

Columns of predictions: ``true_<name>`` and ``pred_<name>``, normalised, and ``true_natural_<name>`` and
``pred_natural_<name>`` in the synthesizer's own unit; lists of them, one a frame, for parameters that move.
"""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import torch.nn.functional as F

from sousa.generation.textures.settings import FRAME_RATE_HZ
from sousa.generation.textures.values import between

_STEEP = 0.5  # spreads: smaller errors count squared, larger ones by their size
_DIGITS = 6  # of natural values: labels are float32


@dataclass
class ParameterTarget:
    """A parameter with one value a clip.

    Args:
        name: of the parameter; weight: of its loss.
        centre, spread: see the module's conventions.
        synths: dict of synthesizer to ``{"low", "high", "scale", "unit"}``, the declared range in natural
            values; low, high and scale are None where they are not known.
    """

    name: str
    weight: float = 1.0
    centre: float = 0.5
    spread: float = 0.25
    synths: dict = field(default_factory=dict)

    kind, level, num_outputs = "parameter", "clip", 1
    columns = ("synth", "params.name", "params.norm")

    @property
    def head(self):
        """Name of its layer: any text may name a parameter, and not any text a layer."""
        return f"param_{self.name.replace('.', '-')}"

    @property
    def unit(self):
        """Unit of natural values; None where synthesizers have different ones, or a range is not known."""
        units = {one["unit"] for one in self.synths.values()}
        known = all(one["low"] is not None for one in self.synths.values())
        return units.pop() if len(units) == 1 and known else None

    def constant(self, row):
        """The normalised value of a row, NaN where it has none."""
        if row["synth"] not in self.synths:
            return np.nan
        at = np.flatnonzero(row["params"]["name"] == self.name)
        return row["params"]["norm"][at[0]] if len(at) else np.nan

    def label(self, row, num_frames, frame_sec):
        return np.float32(self.constant(row))

    def loss(self, output, label):
        known = ~label.isnan()
        if not known.any():
            return output.sum() * 0.0
        wanted = (label[known] - self.centre) / self.spread
        return F.smooth_l1_loss(output.float()[..., 0][known], wanted, beta=_STEEP)

    def _norm(self, output):
        return np.clip(self.centre + self.spread * output.float()[..., 0].cpu().numpy(), 0.0, 1.0)

    def natural(self, norm, synth):
        """Natural values of normalised ones: float64 array, or None where the range is not known."""
        known = self.synths.get(synth)
        if known is None or known["low"] is None:
            return None
        values = between(known["low"], known["high"], np.asarray(norm, np.float64), known["scale"])
        return np.array([float(f"{v:.{_DIGITS}g}") for v in np.atleast_1d(values)])

    def predictions(self, output, label, lengths, frame_sec, meta):
        columns = {"true": _rounded(label), "pred": _rounded(self._norm(output))}
        out = {}
        for side, values in columns.items():
            natural = [self.natural(v, s) for v, s in zip(values, meta["synth"], strict=True)]
            out[f"{side}_{self.name}"] = [None if np.isnan(value) else float(value) for value in values]
            out[f"{side}_natural_{self.name}"] = [
                None if one is None or np.isnan(one[0]) else float(one[0]) for one in natural
            ]
        return out

    def fields(self):
        kind = pa.float64() if self.level == "clip" else pa.list_(pa.float64())
        return [(f"{part}_{self.name}", kind) for part in ("true", "pred", "true_natural", "pred_natural")]

    def about(self):
        return {"name": self.name, "kind": self.kind, "low": 0.0, "high": 1.0, "unit": self.unit,
                "synths": self.synths}  # fmt: skip


class CurveTarget(ParameterTarget):
    """A parameter that moves in some of the rows, told frame by frame."""

    kind, level = "curve", "frame"
    columns = (*ParameterTarget.columns, "curves.name", "curves.frame", "curves.norm")
    first_bias, coarsest_sec = 0.0, 0.1

    def label(self, row, num_frames, frame_sec):
        middles = (np.arange(num_frames) + 0.5) * frame_sec
        curves = row["curves"]
        at = np.flatnonzero(curves["name"] == self.name) if row["synth"] in self.synths else ()
        if len(at):
            times = (curves["frame"][at] + 0.5) / FRAME_RATE_HZ
            begin = row["start_sample"] / row["file_rate"]
            out = np.interp(begin + middles, times, curves["norm"][at])
        else:
            out = np.full(num_frames, self.constant(row))
        out[middles >= len(row["audio"]) / row["sampling_rate"]] = np.nan
        return out.astype(np.float32)

    def predictions(self, output, label, lengths, frame_sec, meta):
        columns = {"true": _rounded(label), "pred": _rounded(self._norm(output))}
        middles = (np.arange(output.shape[1]) + 0.5) * frame_sec
        counts = [int(np.searchsorted(middles, length)) for length in lengths]
        out = {}
        for side, clips in columns.items():
            clips = [clip[:count] for clip, count in zip(clips, counts, strict=True)]
            natural = [self.natural(clip, s) for clip, s in zip(clips, meta["synth"], strict=True)]
            out[f"{side}_{self.name}"] = [_list(clip) for clip in clips]
            out[f"{side}_natural_{self.name}"] = [None if one is None else _list(one) for one in natural]
        return out


def _rounded(values):
    """float32 numbers as float64 with the digits that float32 has."""
    values = values.cpu().numpy() if hasattr(values, "cpu") else values
    return np.round(values.astype(np.float64), 7)


def _list(values):
    """A clip's frames as a list with None for NaN; None where there is no label at all."""
    missing = np.isnan(values)
    if missing.all():
        return None
    return [None if gone else float(value) for value, gone in zip(values, missing, strict=True)]
