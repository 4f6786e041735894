"""Parameters of synthesizers as targets: what a sound was made with, told from the sound.

Conventions: labels are normalised values, 0 to 1 over the range that a synthesizer declares for the
parameter, on its scale. A parameter is learnt of the synthesizers for which it is swept or moves in the
training rows; rows of all others have no label. Where it moves in some of the rows it is told frame by frame,
and is the same in all frames of rows in which it stands still.

A head says how many ``spread`` a value lies above ``centre``, standard deviation and mean of the training
labels; what comes of it is cut to 0-1. Frame j of a model covers seconds ``[j, j + 1) * frame_sec`` of the
clip as it is heard, its label is the value in the middle; frames whose middle is after the end have none.

Columns of predictions: ``true_<name>`` and ``pred_<name>``, normalised, and ``true_natural_<name>`` and
``pred_natural_<name>`` in the synthesizer's own unit; lists of them, one a frame, for parameters that move.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import torch
import torch.nn.functional as F

from sousa.training import labels
from sousa.training.tasks.targets import Columns, Row, Target

_STEEP = 0.5  # spreads: smaller errors count squared, larger ones by their size
_DIGITS = 6  # of natural values: labels are float32


@dataclass
class ParameterTarget(Target):
    """A parameter with one value a clip.

    Args:
        name: of the parameter.
        column: of the parameters' records.
        maker: column that names the synthesizer.
        curves: column of the values that move.
        rate_hz: their frames a second.
        weight: of its loss.
        centre, spread: see the module's conventions.
        makers: dict of synthesizer to ``{"low", "high", "scale", "unit"}``, the declared range in natural
            values; low, high and scale are None where they are not known.
    """

    name: str
    column: str
    maker: str
    curves: str
    rate_hz: float
    weight: float = 1.0
    centre: float = 0.5
    spread: float = 0.25
    makers: dict[str, dict[str, Any]] = field(default_factory=dict)

    kind, reported = "parameter", ("low", "high", "unit", "maker", "makers")
    predicted = dict.fromkeys(("true", "pred", "true_natural", "pred_natural"), pa.float64())
    low, high = 0.0, 1.0

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.maker, f"{self.column}.name", f"{self.column}.norm")

    @property
    def head(self) -> str:
        # any text may name a parameter, and not any text a layer
        return f"param_{self.name.replace('.', '-')}"

    @property
    def unit(self) -> str | None:
        """Unit of natural values; None where synthesizers have different ones, or a range is not known."""
        units = {bounds["unit"] if bounds["low"] is not None else None for bounds in self.makers.values()}
        return units.pop() if len(units) == 1 else None

    def constant(self, row: Row) -> float:
        """The normalised value of a row, NaN where it has none."""
        at = np.flatnonzero(row[self.column]["name"] == self.name) if row[self.maker] in self.makers else ()
        return row[self.column]["norm"][at[0]] if len(at) else np.nan

    def label(self, row: Row, num_frames: int | None, frame_sec: float | None) -> Any:
        return np.float32(self.constant(row))

    def loss(self, output: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        known = ~label.isnan()
        if not known.any():
            return output.sum() * 0.0
        wanted = (label[known] - self.centre) / self.spread
        return F.smooth_l1_loss(output.float()[..., 0][known], wanted, beta=_STEEP)

    def natural(self, norm: Any, maker: str) -> np.ndarray:
        """Natural values of normalised ones, float64; NaN where the range is not known."""
        known = self.makers.get(maker)
        if known is None or known["low"] is None:
            return np.full(np.shape(norm), np.nan)
        values = labels.natural(np.atleast_1d(norm), known["low"], known["high"], known["scale"])
        return np.array([float(f"{v:.{_DIGITS}g}") for v in values])

    def predictions(self, output, label, lengths, frame_sec, meta=None) -> Columns:
        guess = np.clip(self.centre + self.spread * output.float()[..., 0].cpu().numpy(), 0.0, 1.0)
        out = {}
        for side, values in (("true", label.cpu().numpy()), ("pred", guess)):
            # float32 numbers as float64 with the digits that float32 has
            clips = self._heard(np.round(values.astype(np.float64), 7), lengths, frame_sec)
            natural = [self.natural(*clip) for clip in zip(clips, meta[self.maker], strict=True)]
            out[f"{side}_{self.name}"] = [self._plain(clip) for clip in clips]
            out[f"{side}_natural_{self.name}"] = [self._plain(clip) for clip in natural]
        return out

    def _heard(self, values: np.ndarray, lengths: list[float] | None, frame_sec: float | None) -> Any:
        """Values of each clip, as far as there is sound."""
        return values

    def _plain(self, value: Any) -> Any:
        value = float(np.atleast_1d(value)[0])
        return None if np.isnan(value) else value


class CurveTarget(ParameterTarget):
    """A parameter that moves in some of the rows, told frame by frame."""

    kind, level = "curve", "frame"
    predicted = dict.fromkeys(ParameterTarget.predicted, pa.list_(pa.float64()))
    first_bias, coarsest_sec = 0.0, 0.1

    @property
    def columns(self) -> tuple[str, ...]:
        return (*super().columns, *(f"{self.curves}.{name}" for name in ("name", "frame", "norm")))

    def label(self, row: Row, num_frames: int | None, frame_sec: float | None) -> Any:
        middles = (np.arange(num_frames) + 0.5) * frame_sec
        curves = row[self.curves]
        at = np.flatnonzero(curves["name"] == self.name) if row[self.maker] in self.makers else ()
        if len(at):
            times = (curves["frame"][at] + 0.5) / self.rate_hz
            begin = row["start_sample"] / row["file_rate"]
            out = np.interp(begin + middles, times, curves["norm"][at])
        else:
            out = np.full(num_frames, self.constant(row))
        out[middles >= len(row["audio"]) / row["sampling_rate"]] = np.nan
        return out.astype(np.float32)

    def _heard(self, values: np.ndarray, lengths: list[float] | None, frame_sec: float | None) -> Any:
        middles = (np.arange(values.shape[1]) + 0.5) * frame_sec
        return [clip[:end] for clip, end in zip(values, np.searchsorted(middles, lengths), strict=True)]

    def _plain(self, value: Any) -> Any:
        """A clip's frames as a list with None for NaN; None where there is no label at all."""
        return None if np.isnan(value).all() else pa.array(value, from_pandas=True).to_pylist()
