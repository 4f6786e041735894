"""The events of a clip: when each begins, and what the flags of the column's role tell of it.

Conventions: frame j covers seconds ``[j, j + 1) * frame_sec`` of the clip as the model hears it. Labels of a
clip are float32 (frames, 2 + flags): onset 0 or 1; where in the frame it lies, 0 to 1; each flag 0 or 1; and
where the role has velocities, one more: velocity / 127, NaN where it is null. All but the first count only in
frames with an onset. Every record is an onset; of two in one frame the first is kept.

Predicted onsets are frames above ``threshold``, at the place in the frame the model gives, the likeliest
first; one nearer than ``min_gap_sec`` to a likelier one is the same event seen from the next frame.

Columns of predictions are lists of structs: ``onset_sec`` and a field for each flag, of its own name: true or
false, or 1 for the value that counts as yes and 0 for others; and ``velocity``, 0 to 127, where there is one.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import torch
import torch.nn.functional as F

from sousa.training.tasks.targets import Columns, Fields, Row, Target

Events = list[dict[str, Any]]
_LOUDEST = 127.0  # velocity


@dataclass
class EventsTarget(Target):
    """Frame-level target; see the module's conventions.

    Args:
        name: of the column.
        onset: field with the sample at which an event begins.
        flags: a list ``[field, value that counts as yes, name in metrics]`` for each; of a list of values
            each counts.
        velocity: field with the loudness of an event, 0 to 127; empty for none.
        positive_weight: of frames with an onset: about one in eighteen.
    """

    name: str
    onset: str = "onset_sample"
    flags: list[list[Any]] = field(default_factory=list)
    velocity: str = ""
    weight: float = 1.0
    positive_weight: float = 3.0
    threshold: float = 0.5
    min_gap_sec: float = 0.0055

    kind, level, reported = "events", "frame", ("flags",)
    first_bias = -2.0  # onsets are rare
    coarsest_sec = 0.0201  # frames that onsets can be told in

    @property
    def num_outputs(self) -> int:
        return 2 + len(self.flags) + bool(self.velocity)

    @property
    def columns(self) -> tuple[str, ...]:
        fields = (self.onset, *(flag[0] for flag in self.flags), *([self.velocity] * bool(self.velocity)))
        return tuple(dict.fromkeys(f"{self.name}.{name}" for name in fields))

    def label(self, row: Row, num_frames: int | None, frame_sec: float | None) -> Any:
        out = np.zeros((num_frames, self.num_outputs), np.float32)
        events = row[self.name]
        place = (events[self.onset] - row["start_sample"]) / row["file_rate"] / frame_sec
        frame = np.floor(place).astype(np.int64)
        inside = np.flatnonzero((frame >= 0) & (frame < num_frames))[::-1]  # the first is written last
        frame = frame[inside]
        out[frame, 0] = 1.0
        out[frame, 1] = place[inside] - frame
        for i, (name, yes, _) in enumerate(self.flags, 2):
            out[frame, i] = _is(events[name][inside], yes)
        if self.velocity:
            out[frame, -1] = events[self.velocity][inside].astype(np.float32) / _LOUDEST
        return out

    def truth(self, row: Row, max_sec: float) -> Events:
        """The events of a row as annotated, as far as the model hears it, in the form of predictions."""
        events = row[self.name]
        times = (events[self.onset] - row["start_sample"]) / row["file_rate"]
        flags = np.array([_is(events[name], yes) for name, yes, _ in self.flags], bool)
        heard = (times >= 0) & (times < max_sec)
        velocity = events[self.velocity].astype(np.float64)[heard] if self.velocity else None
        return self._records(times[heard], flags.reshape(len(self.flags), len(times)).T[heard], velocity)

    def loss(self, output: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        output, onset = output.float(), label[..., 0]
        weight = torch.tensor(self.positive_weight, device=output.device)
        loss = F.binary_cross_entropy_with_logits(output[..., 0], onset, pos_weight=weight)
        # onsets are sparse: a mean over frames is small beside the others
        loss, at = 4.0 * loss, onset > 0
        if not at.any():
            return loss
        output, label = output[at], label[at]
        loss = loss + F.smooth_l1_loss(output[:, 1].sigmoid(), label[:, 1], beta=0.1)
        end = 2 + len(self.flags)
        if self.flags:
            loss = loss + F.binary_cross_entropy_with_logits(output[:, 2:end], label[:, 2:end])
        if self.velocity and (known := ~label[:, end].isnan()).any():
            # squares of velocities, about 0.03, are brought near the other losses
            loss = loss + 10.0 * F.mse_loss(output[known, end].sigmoid(), label[known, end])
        return loss

    def predictions(self, output, label, lengths, frame_sec, meta=None) -> Columns:
        output, label = output.float().cpu().numpy(), label.cpu().numpy()
        true = [self._events(clip, clip[:, 0] > 0, frame_sec) for clip in label]
        pred = [self.decode(clip, frame_sec, sec) for clip, sec in zip(output, lengths, strict=True)]
        return {f"true_{self.name}": true, f"pred_{self.name}": pred}

    def decode(self, output: np.ndarray, frame_sec: float, length_sec: float = np.inf) -> Events:
        """Events out of a clip's outputs (frames, outputs), in order of time."""
        values = _sigmoid(output)
        return self._events(values, self._chosen(values, frame_sec, length_sec), frame_sec)

    def pick(
        self, output: np.ndarray, frame_sec: float, length_sec: float = np.inf, threshold: float | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Events out of a clip's outputs with all that is told of them.

        Args:
            threshold: in place of the target's own.

        Returns: ``(times, values)``: float64 (events,), seconds, in order; float64 (events, outputs), 0 to 1:
            probability of the onset, its place in the frame, probability of each flag, and velocity / 127.
        """
        values = _sigmoid(output)
        frames = np.flatnonzero(self._chosen(values, frame_sec, length_sec, threshold))
        return (frames + values[frames, 1]) * frame_sec, values[frames].astype(np.float64)

    def _chosen(
        self, values: np.ndarray, frame_sec: float, length_sec: float, threshold: float | None = None
    ) -> np.ndarray:
        """bool (frames,): the likeliest, none too near to a likelier one."""
        prob = values[:, 0]
        time = (np.arange(len(prob)) + values[:, 1]) * frame_sec
        chosen = np.zeros(len(prob), bool)
        least = self.threshold if threshold is None else threshold
        for frame in sorted(np.flatnonzero(prob > least), key=lambda i: -prob[i]):
            near = slice(max(frame - 1, 0), frame + 2)
            clash = chosen[near] & (np.abs(time[near] - time[frame]) < self.min_gap_sec)
            chosen[frame] = not clash.any() and time[frame] < length_sec
        return chosen

    def _events(self, values: np.ndarray, chosen: np.ndarray, frame_sec: float) -> Events:
        frames = np.flatnonzero(chosen)
        velocity = _LOUDEST * values[frames, -1].astype(np.float64) if self.velocity else None
        times, flags = (frames + values[frames, 1]) * frame_sec, values[frames, 2 : 2 + len(self.flags)]
        return self._records(times, flags > 0.5, velocity)

    def _records(self, times: np.ndarray, flags: np.ndarray, velocity: np.ndarray | None = None) -> Events:
        """Structs of the fields of :meth:`fields`."""
        kinds = [bool if isinstance(yes, bool) else int for _, yes, _ in self.flags]
        columns = [times, *(flags[:, i].astype(kind) for i, kind in enumerate(kinds))]
        names = ("onset_sec", *(name for name, *_ in self.flags))
        if velocity is not None:
            columns, names = [*columns, velocity], (*names, "velocity")
        records = zip(*(column.tolist() for column in columns), strict=True)
        return [dict(zip(names, values, strict=True)) for values in records]

    def fields(self) -> Fields:
        kinds = [(name, pa.bool_() if isinstance(yes, bool) else pa.int8()) for name, yes, _ in self.flags]
        loudness = [("velocity", pa.float64())] * bool(self.velocity)
        events = pa.list_(pa.struct([("onset_sec", pa.float64()), *kinds, *loudness]))
        return [(f"true_{self.name}", events), (f"pred_{self.name}", events)]


def _sigmoid(output: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-output))


def _is(values: np.ndarray, yes: Any) -> np.ndarray:
    """Which values count as yes."""
    return np.isin(values, yes) if isinstance(yes, (list, tuple)) else values == yes
