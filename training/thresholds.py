"""Thresholds of notes chosen by what a model says of the validation split.

Conventions: an onset's threshold is that of the best onset F1; that of frames and the weight of ends, chosen
together after it, are those of the best F1 of onset and offset. Every choice is one of a short list, so a
few rows decide it.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import torch

from sousa.training import windows
from sousa.training.metrics import note_metrics
from sousa.training.tasks.notes import NotesTarget

CHOSEN = ("onset_threshold", "frame_threshold", "offset_weight")  # settings of a target
MOST_ROWS = 16
_ONSET = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
_FRAME, _OFFSET = (0.2, 0.3, 0.4, 0.5), (1.0, 2.0, 4.0, 8.0)


def tune(model: Any, rows: Any, device: Any = "cpu", dtype: torch.dtype | None = None) -> None:
    """Set the thresholds of a model's targets of notes; rows: of the validation split, whole clips.

    The first rows are heard, spread over the split; those of a model that has other targets too are not.
    """
    targets = [target for target in model.targets if isinstance(target, NotesTarget)]
    if not targets or not model.in_windows:
        return
    was_training = model.training
    model.eval()
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(MOST_ROWS, len(rows))).astype(int))
    clips: dict[str, list[Any]] = {target.name: [] for target in targets}
    for row in (rows[int(number)] for number in chosen):
        seconds = len(row["audio"]) / row["sampling_rate"]
        out = windows.outputs(model, row["audio"], device=device, dtype=dtype)
        for target in targets:
            clips[target.name].append((out[target.name], seconds, target.truth(row, seconds)))
    model.train(was_training)
    for target in targets:
        vars(target).update(best(target, clips[target.name], model.frame_sec))


def best(
    target: NotesTarget, clips: Sequence[tuple[np.ndarray, float, Any]], frame_sec: float
) -> dict[str, float]:
    """The best thresholds of a target, by name.

    Args:
        clips: of each ``(outputs, seconds, true notes)``.
        frame_sec: time from frame to frame of the outputs.
    """
    chosen = {name: getattr(target, name) for name in CHOSEN}
    truth = [notes for _, _, notes in clips]

    def f1(metric: str, **thresholds: float) -> float:
        trial = type(target)(**{**vars(target), **chosen, **thresholds})
        predicted = [trial.decode(out, frame_sec, seconds).records() for out, seconds, _ in clips]
        scores = note_metrics.match(predicted, truth, brief=True).score(resamples=0)["metrics"]
        return (scores[metric]["value"] or 0.0) if metric in scores else 0.0

    grids = (
        ("onset_f1", [{"onset_threshold": value} for value in _ONSET]),
        (f"onset_offset_{target.offset}_f1",
         [{"frame_threshold": a, "offset_weight": b} for a, b in product(_FRAME, _OFFSET)]),
    )  # fmt: skip
    for metric, grid in grids:
        chosen |= max(grid, key=lambda thresholds: f1(metric, **thresholds))
    return chosen
