"""The notes of a recording, as a model hears them.

A long recording is heard in sections that overlap, and each section in the windows of
:mod:`sousa.training.windows`, so that memory does not grow with it.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sousa.generation.errors import UsageError
from sousa.training import windows
from sousa.training.transcription import notes_of

_SECTION_SEC, _OVERLAP_SEC = 300.0, 12.0


def target_of(model: Any) -> Any:
    """The target that tells notes, one that a decoder writes before one of rolls.

    Raises: UsageError for a model that tells none.
    """
    kinds = {target.kind: target for target in model.reported_targets}
    target = kinds.get("note_tokens") or kinds.get("notes")
    if target is None:
        raise UsageError(
            f"the model tells {', '.join(model.reported)}, no notes; name one that was trained on notes"
        )
    return target


def hear(
    model: Any, audio: np.ndarray, done: Callable[[float], object] = lambda part: None, **options: Any
) -> tuple[np.ndarray, np.ndarray]:
    """``(notes, pedal)`` of a recording: array of NOTE, and seconds between which a pedal is down, (n, 2).

    Args:
        audio: float32 (samples,) at the model's rate.
        done: is told the seconds that were heard since it was told last.
        options: batch_size, device and dtype, as :func:`sousa.training.windows.run` takes them.
    """
    target, rate = target_of(model), model.front_end.sampling_rate
    section, overlap = round(_SECTION_SEC * rate), round(_OVERLAP_SEC * rate)
    notes, spans = [], []
    for start in range(0, max(len(audio), 1), section):
        first, end = max(start - overlap, 0), start + section
        part = audio[first : end + overlap]
        heard = windows.outputs(model, part, **options)
        seconds, shift = len(part) / rate, first / rate
        own = (start / rate, end / rate if end < len(audio) else math.inf)
        clock = () if target.level == "tokens" else (model.frame_sec,)
        records = target.decode(heard[target.name], *clock, seconds)
        table = _table(records)
        table[:, :2] += shift
        notes.append(table[(table[:, 0] >= own[0]) & (table[:, 0] < own[1])])
        spans.append(_pedal(model, heard, seconds) + shift)
        spans[-1] = np.clip(spans[-1], own[0], min(own[1], len(audio) / rate))
        done(min(section, len(audio) - start) / rate)
    columns = np.concatenate(notes)
    return notes_of(*columns.T), _united(np.concatenate(spans))


def _table(notes: Any) -> np.ndarray:
    """Notes of a target as columns: float64 (n, 4)."""
    records = notes if isinstance(notes, list) else notes.records()
    names = ("onset_sec", "offset_sec", "pitch", "velocity")
    return np.array([[note[name] for name in names] for note in records], dtype=np.float64).reshape(-1, 4)


def _pedal(model: Any, heard: dict[str, np.ndarray], seconds: float) -> np.ndarray:
    rolls = next((target for target in model.targets if target.kind == "notes" and target.pedal), None)
    if rolls is None or rolls.name not in heard:
        return np.zeros((0, 2))
    return rolls.decode_pedal(heard[rolls.name], model.frame_sec, seconds)


def _united(spans: np.ndarray) -> np.ndarray:
    """Spans in order, without those of no length; those that touch, where sections meet, are one."""
    out: list[list[float]] = []
    for begin, end in sorted(spans[spans[:, 1] > spans[:, 0]].tolist()):
        if out and begin <= out[-1][1] + 1e-6:
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([begin, end])
    return np.array(out).reshape(-1, 2)
