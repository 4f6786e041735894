"""The notes of a clip: when each begins and ends, its pitch and velocity, and where a pedal is down.

Conventions: rolls and their clock are those of :mod:`sousa.training.tasks.note_rolls`. Labels of a clip are
float32 (frames, 4 * KEYS + pedal): onset, offset, frame and velocity side by side, then the share of each
frame in which the pedal is down, where the column's role names a pedal. A head's outputs are laid out alike,
each a logit.

Columns of predictions are lists of structs ``onset_sec, offset_sec, pitch, velocity``; true ones also have
``key_up_sec``, where their key is let go, and ``offset_sec`` is where the sound is stopped. Predicted offsets
follow the convention of the target. Of a pedal there are further columns, lists of ``onset_sec, offset_sec``.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import torch
import torch.nn.functional as F

from sousa.generation.models import Model, Number, chosen
from sousa.generation.options import option
from sousa.training.tasks import note_rolls
from sousa.training.tasks.note_rolls import KEYS, LOWEST, NoteList
from sousa.training.tasks.targets import Columns, Fields, Row, Target

SOUND, KEY = CONVENTIONS = ("sound", "key")
_DOWN = 64  # of a pedal: values from here on
_STEEP = 8.0  # velocities, 0 to 1, are told to about an eighth


class NoteSettings(Model):
    """What the user may choose of a target of notes."""

    offset: Annotated[str, chosen(*CONVENTIONS)] = option(
        SOUND, "where notes end: sound, when stopped, which a pedal may delay, or key, when it is let go"
    )
    spread_sec: Number = option(0.05, "half the width of triangles around onsets and ends", ge=0.01, le=0.5)
    velocity_weight: Number = option(1.0, "of the loss of velocities", ge=0, le=1000)
    tune: bool = option(
        True, "choose the thresholds by the validation split when training ends, unless one is set"
    )
    onset_threshold: Number = option(0.2, "least probability of an onset", gt=0, lt=1)
    frame_threshold: Number = option(0.4, "probability from which a frame speaks for a note", gt=0, lt=1)
    offset_weight: Number = option(2.0, "how much peaks of ends count beside frames", ge=0, le=100)
    min_gap_sec: Number = option(0.04, "least time between two onsets of a key", ge=0, le=1)


@dataclass
class NotesTarget(Target):
    """Frame-level target; see the module's conventions.

    Args:
        name: of the column.
        onset, end, pitch, velocity, key_up: fields of its records; key_up may be empty.
        pedal: column of the pedal's messages, or empty.
        first_sec: time of frame 0; the model sets it to that of its own frames.
        further arguments: those of :class:`NoteSettings`.
    """

    name: str
    onset: str
    end: str
    pitch: str
    velocity: str
    key_up: str = ""
    pedal: str = ""
    weight: float = 1.0
    first_sec: float = 0.0
    offset: str = SOUND
    spread_sec: float = 0.05
    velocity_weight: float = 1.0
    onset_threshold: float = 0.2
    frame_threshold: float = 0.4
    offset_weight: float = 2.0
    min_gap_sec: float = 0.04

    kind, level, reported = "notes", "frame", ("offset", "pedal")
    coarsest_sec = 0.0401  # frames in which times can be told

    @property
    def num_outputs(self) -> int:
        return 4 * KEYS + bool(self.pedal)

    @property
    def first_bias(self) -> list[float]:
        """Of the outputs: notes are rare, velocities are not low."""
        return [-4.0] * (3 * KEYS) + [0.0] * KEYS + [-1.0] * bool(self.pedal)

    @property
    def columns(self) -> tuple[str, ...]:
        fields = (self.onset, self.end, self.pitch, self.velocity, self.key_up)
        pedal = [f"{self.pedal}.{name}" for name in ("sample", "value")] if self.pedal else []
        return (*(f"{self.name}.{field}" for field in fields if field), *pedal)

    def label(self, row: Row, num_frames: int | None, frame_sec: float | None) -> Any:
        rows, place = row[self.name], self._places(row, frame_sec)
        begin, end = place(rows[self.onset]), place(rows[self.key_up if self.offset == KEY else self.end])
        key = rows[self.pitch] - LOWEST
        # notes of other keys have no place in the roll; those far outside the clip leave nothing in it
        near = np.flatnonzero((key >= 0) & (key < KEYS) & (end > -10) & (begin < num_frames + 10))
        begin, end, key, spread = begin[near], end[near], key[near], self.spread_sec / frame_sec
        out = np.zeros((num_frames, self.num_outputs), np.float32)
        onset, offset, frame, velocity = (out[:, i * KEYS : (i + 1) * KEYS] for i in range(4))
        onset[:] = note_rolls.peaks_roll(begin, key, num_frames, spread)
        offset[:] = note_rolls.peaks_roll(end, key, num_frames, spread)
        frame[:] = note_rolls.sounding_roll(begin, end, key, num_frames)
        velocity[:] = note_rolls.velocity_roll(begin, key, rows[self.velocity][near], onset, spread)
        if self.pedal:
            # where each frame begins and ends, in the time in which the pedal is down so far
            edges, down = np.arange(num_frames + 1) - 0.5, self._down(row, frame_sec)
            share = np.clip(edges[:, None] - down[:, 0], 0, down[:, 1] - down[:, 0]).sum(1)
            out[:, -1] = np.clip(np.diff(share), 0.0, 1.0)
        return out

    def _places(self, row: Row, frame_sec: float) -> Any:
        """A function from samples of the file to frames with their fraction."""
        start, rate = row["start_sample"], row["file_rate"]
        return lambda samples: ((samples - start) / rate - self.first_sec) / frame_sec

    def _down(self, row: Row, frame_sec: float, end: float = 1e9) -> np.ndarray:
        """Where the pedal is down, in frames: float64 [intervals, 2]; a pedal that stays down, to ``end``."""
        messages = row[self.pedal]
        down = np.concatenate([[False], messages["value"] >= _DOWN, [False]])
        edges = np.flatnonzero(down[1:] != down[:-1])
        places = np.append(self._places(row, frame_sec)(messages["sample"]), end)
        return places[edges].reshape(-1, 2)

    def truth(self, row: Row, max_sec: float) -> list[dict[str, Any]]:
        """The notes of a row as annotated that begin in the clip, in the form of predictions."""
        rows, (start, rate) = row[self.name], (row["start_sample"], row["file_rate"])
        names = {"onset_sec": self.onset, "offset_sec": self.end, "key_up_sec": self.key_up}
        times = {name: (rows[field] - start) / rate for name, field in names.items() if field}
        heard = np.flatnonzero((times["onset_sec"] >= 0) & (times["onset_sec"] < max_sec))
        values = {name: value[heard].tolist() for name, value in times.items()}
        values |= {name: rows[getattr(self, name)][heard].tolist() for name in ("pitch", "velocity")}
        return [dict(zip(values, note, strict=True)) for note in zip(*values.values(), strict=True)]

    def exact(self) -> dict[str, Any]:
        pedal = {self.pedal: self.true_pedal} if self.pedal else {}
        return {self.name: self.truth, **pedal}

    def true_pedal(self, row: Row, max_sec: float) -> list[dict[str, float]]:
        """Where the pedal is down in a row, as annotated, in the form of predictions."""
        down = np.clip(self._down(row, 1.0, np.inf) + self.first_sec, 0.0, max_sec)
        return spans(down[down[:, 1] > down[:, 0]])

    def loss(self, output: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        output, events = output.float(), 3 * KEYS
        # summed over keys: of one frame few have a note
        loss = F.binary_cross_entropy_with_logits(output[..., :events], label[..., :events]) * events
        onset, velocity = label[..., :KEYS], slice(events, events + KEYS)
        at = onset > 0
        if self.velocity_weight and at.any():
            error = _STEEP * (output[..., velocity][at].sigmoid() - label[..., velocity][at])
            error = F.smooth_l1_loss(error, torch.zeros_like(error), reduction="none")
            loss = loss + self.velocity_weight * (error * onset[at]).sum() / onset[at].sum()
        if self.pedal:
            loss = loss + F.binary_cross_entropy_with_logits(output[..., -1], label[..., -1])
        return loss

    def predictions(self, output, label, lengths, frame_sec, meta=None) -> Columns:
        values = output.float().cpu().numpy()
        out: Columns = {f"pred_{self.name}": [], f"pred_{self.pedal}": []}
        for clip, length in zip(values, lengths, strict=True):
            out[f"pred_{self.name}"].append(self.decode(clip, frame_sec, length).records())
            out[f"pred_{self.pedal}"].append(spans(self.decode_pedal(clip, frame_sec, length)))
        return {name: column for name, column in out.items() if name != "pred_"}

    def decode(self, output: np.ndarray, frame_sec: float, length_sec: float = np.inf) -> NoteList:
        """Notes out of a clip's outputs, logits (frames, outputs)."""
        values = probabilities(output[:, : 4 * KEYS])
        rolls = (values[:, i * KEYS : (i + 1) * KEYS] for i in range(4))
        options = ("onset_threshold", "frame_threshold", "offset_weight", "min_gap_sec", "first_sec")
        settings = {name: getattr(self, name) for name in options}
        return note_rolls.decode(*rolls, frame_sec=frame_sec, length_sec=length_sec, **settings)

    def decode_pedal(self, output: np.ndarray, frame_sec: float, length_sec: float = np.inf) -> np.ndarray:
        """Where the pedal is down, out of a clip's outputs: seconds, float64 [intervals, 2]."""
        if not self.pedal:
            return np.zeros((0, 2))
        times = note_rolls.intervals(probabilities(output[:, -1]), frame_sec, self.first_sec)
        times = np.minimum(times, length_sec)
        return times[times[:, 1] > times[:, 0]]

    def fields(self) -> Fields:
        times, numbers = ["onset_sec", "offset_sec"], [("pitch", pa.int32()), ("velocity", pa.int32())]
        extra = ["key_up_sec"] if self.key_up else []
        out = []
        for side, names in (("true", [*times, *extra]), ("pred", times)):
            note = pa.struct([*((name, pa.float64()) for name in names), *numbers])
            out.append((f"{side}_{self.name}", pa.list_(note)))
        span = pa.list_(pa.struct([(name, pa.float64()) for name in times]))
        return out + [(f"{side}_{self.pedal}", span) for side in ("true", "pred") if self.pedal]


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Logits as probabilities, float32."""
    return (1.0 / (1.0 + np.exp(-np.asarray(logits, np.float32)))).astype(np.float32)


def spans(times: np.ndarray) -> list[dict[str, float]]:
    """Rows of begin and end as records."""
    return [{"onset_sec": begin, "offset_sec": end} for begin, end in times.tolist()]
