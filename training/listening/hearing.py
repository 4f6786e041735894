"""What a model hears in a recording: strokes, and for each class and score what the windows say together.

Conventions: a recording is heard in overlapping windows as long as the clips that the model learnt from; the
last one ends where the recording ends. Of frames those count that lie further inside their window. Windows
with few strokes say little about the whole, so what they say is weighted by their strokes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy.special import log_softmax, softmax

from sousa.generation.errors import UsageError
from sousa.generation.rudiments.listening.heard import Heard

STROKES, BOUNCE = "strokes", "bounce"
_FLAGS = {"left": "hand", "accent": "accent", "grace": "grace", "bounce": BOUNCE}
_OVERLAP_SEC, _BATCH = 2.0, 8
_BANDS, _AT_ONCE = 24, 1000  # of colours at most, and strokes
FAINT = 0.05  # probability of an onset from which it may be one, where a stroke is expected
_AFTER_SEC = 0.025  # after an onset, for the sound of a stroke


@dataclass(frozen=True)
class Hearing:
    """What a model hears.

    Attributes:
        heard: the strokes, those among them that may be none.
        sureness: float64 (strokes,), probability of each onset.
        classes: dict of target to probabilities, in the order of its classes; empty without strokes.
        scores: dict of target to its value.
        duration_sec: of the recording.
    """

    heard: Heard
    sureness: np.ndarray
    classes: dict[str, np.ndarray]
    scores: dict[str, float]
    duration_sec: float

    def select(self, which: np.ndarray) -> "Hearing":
        """The same with some of the strokes."""
        return replace(self, heard=self.heard.select(which), sureness=self.sureness[which])


def strokes_of(model: Any) -> Any:
    """The target that tells strokes; UsageError for a model that tells none, or too little of them."""
    target = next((t for t in model.targets if t.kind == "events" and t.name == STROKES), None)
    known = [name for *_, name in target.flags] if target else []
    missing = [name for name in ("hand", "accent", "grace") if name not in known]
    if target is None or missing or not target.velocity:
        lacks = ", ".join(missing) or ("velocity" if target else STROKES)
        raise UsageError(
            f"the model does not tell {lacks}; name one that was trained by training/configs/listen.yaml, or "
            "leave --model out"
        )
    return target


def hear(model: Any, audio: np.ndarray, done: Callable[[float], object] = lambda part: None) -> Hearing:
    """Hear a recording.

    Args:
        audio: float32 (samples,) at the rate of the model's front end.
        done: is told the seconds that were heard since it was told last.
    """
    target, rate = strokes_of(model), model.front_end.sampling_rate
    seconds = len(audio) / rate
    starts = _starts(model, len(audio))
    frame = round(model.frame_sec * rate)
    whole = np.full((len(audio) // frame + 2, target.num_outputs), -20.0, np.float32)
    outs: dict[str, list[np.ndarray]] = {}
    on_clips = [t for t in model.targets if t.level == "clip"]
    heard_before = 0
    for first in range(0, len(starts), _BATCH):
        batch = starts[first : first + _BATCH]
        clips = [np.asarray(audio[start : start + model.num_samples], np.float32) for start in batch]
        shares = torch.tensor([len(clip) / model.num_samples for clip in clips])
        padded = [np.pad(clip, (0, model.num_samples - len(clip))) for clip in clips]
        values = torch.stack([model.front_end(clip) for clip in padded])
        with torch.inference_mode():
            out = {name: part.float().cpu().numpy() for name, part in model(values, shares).items()}
        for number, start in enumerate(batch, first):
            begin, end = _own(starts, number, model.num_samples, frame)
            part = out[target.name][number - first][begin - start // frame : end - start // frame]
            whole[begin : begin + len(part)] = part[: max(len(whole) - begin, 0)]
        for t in on_clips:
            outs.setdefault(t.name, []).extend(out[t.name])
        end = len(audio) if batch[-1] == starts[-1] else batch[-1] + model.num_samples
        done((end - heard_before) / rate)
        heard_before = end
    times, values = target.pick(whole, model.frame_sec, seconds, FAINT)
    heard = replace(_heard(target, times, values), colour=_colours(audio, times, rate))
    sure = times[values[:, 0] >= target.threshold]
    weights = _weights(sure, starts, model.num_samples, rate)
    classes, scores = _together(on_clips, outs, weights)
    return Hearing(heard, values[:, 0], classes, scores, seconds)


def _starts(model: Any, samples: int) -> list[int]:
    """First samples of the windows, at whole frames."""
    rate, frame = model.front_end.sampling_rate, round(model.frame_sec * model.front_end.sampling_rate)
    overlap = round(min(_OVERLAP_SEC, model.max_sec / 3) * rate)
    step = max((model.num_samples - overlap) // frame, 1) * frame
    last = max(samples - model.num_samples, 0) // frame * frame
    return [*range(0, last, step), last]


def _own(starts: list[int], number: int, samples: int, frame: int) -> tuple[int, int]:
    """First frame of the recording that a window tells, and one past the last: half of each overlap."""
    start = starts[number]
    begin = 0 if number == 0 else (starts[number - 1] + samples + start) // 2
    end = start + samples if number == len(starts) - 1 else (start + samples + starts[number + 1]) // 2
    return begin // frame, end // frame


def _heard(target: Any, times: np.ndarray, values: np.ndarray) -> Heard:
    places = {name: place for place, (*_, name) in enumerate(target.flags, 2)}
    none = np.zeros(len(times))
    flags = {name: values[:, places[flag]] if flag in places else none for name, flag in _FLAGS.items()}
    return Heard(times * 1000.0, np.clip(127.0 * values[:, -1], 1.0, 127.0), **flags)


def _weights(times: np.ndarray, starts: list[int], samples: int, rate: int) -> np.ndarray:
    """Strokes in each window."""
    first = np.searchsorted(times, np.array(starts) / rate)
    return np.searchsorted(times, (np.array(starts) + samples) / rate) - first


def _together(on_clips: list[Any], outs: dict[str, list[np.ndarray]], weights: np.ndarray) -> tuple[Any, Any]:
    """What the windows say of the whole: dicts of target to probabilities, and to values."""
    classes, scores = {}, {}
    if weights.sum() == 0:
        return classes, scores
    share = weights / weights.sum()
    for t in on_clips:
        values = np.stack(outs[t.name]).astype(np.float64)
        if t.kind == "class":
            classes[t.name] = softmax(share @ log_softmax(values, axis=1))
        elif t.kind == "score":
            scores[t.name] = float(t.low + (t.high - t.low) * np.clip(share @ values[:, 0] + 0.5, 0.0, 1.0))
    return classes, scores


def _colours(audio: np.ndarray, times: np.ndarray, rate: int) -> np.ndarray:
    """Levels of bands just after each onset, dB, less their mean: float32 (strokes, bands)."""
    size = round(_AFTER_SEC * rate)
    edges = np.unique(np.geomspace(2, size // 2, _BANDS + 1).astype(int))
    out = np.zeros((len(times), len(edges) - 1), np.float32)
    starts = np.minimum(np.rint(times * rate).astype(int), max(len(audio) - size, 0))
    for first in range(0, len(starts), _AT_ONCE):
        parts = [np.asarray(audio[s : s + size]) for s in starts[first : first + _AT_ONCE]]
        clips = np.stack([np.pad(part, (0, size - len(part))) for part in parts])
        power = np.abs(np.fft.rfft(clips * np.hanning(size), axis=1)) ** 2
        levels = 10 * np.log10(np.add.reduceat(power, edges[:-1], axis=1) + 1e-9)
        out[first : first + len(parts)] = levels - levels.mean(1, keepdims=True)
    return out
