"""Clips of any length, heard in overlapping windows.

Conventions: a window is as long as the clips that a model was trained on. Of each only the middle is kept: a
margin of up to a second at both ends is heard for what it says of the middle. The first window begins a
margin before the clip, in silence, so every moment of it lies in the middle of one window. Windows begin at
whole frames: frame k of what they give together is at ``model.first_sec + k * model.frame_sec``, as in each
of them.
"""

import math
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

MARGIN_SEC = 1.0


def _sizes(model: Any) -> tuple[int, int, int]:
    """Samples of a frame, frames of a margin, frames that are kept of a window."""
    margin = round(min(MARGIN_SEC, model.max_sec / 8) / model.frame_sec)
    frame = round(model.frame_sec * model.front_end.sampling_rate)
    return frame, margin, model.num_frames - 2 * margin


def split(model: Any, audio: np.ndarray) -> torch.Tensor:
    """What the model's front end makes of the windows of a clip: float32 [windows, ...].

    Args:
        audio: float32 (samples,) at the front end's ``sampling_rate``.
    """
    frame, margin, kept = _sizes(model)
    count, before = max(math.ceil(len(audio) / (kept * frame)), 1), margin * frame
    after = max((count - 1) * kept * frame + model.num_samples - before - len(audio), 0)
    padded = np.pad(np.asarray(audio, np.float32), (before, after))
    starts = (number * kept * frame for number in range(count))
    return torch.stack([model.front_end(padded[start : start + model.num_samples]) for start in starts])


def join(model: Any, outputs: torch.Tensor, samples: int) -> torch.Tensor:
    """Outputs of windows as those of a clip of so many samples, (frames, outputs)."""
    frame, margin, kept = _sizes(model)
    return outputs[:, margin : margin + kept].flatten(0, 1)[: math.ceil(samples / frame) + 1]


def run(
    model: Any, windows: torch.Tensor, batch_size: int = 16, device: Any = "cpu",
    dtype: torch.dtype | None = None,
) -> dict[str, torch.Tensor]:  # fmt: skip
    """Outputs of a model for windows, a few at a time: dict of target to (windows, frames, outputs).

    Of targets that a decoder writes it is what that hears.
    """
    parts: list[dict[str, torch.Tensor]] = []
    half = torch.autocast(torch.device(device).type, dtype) if dtype else nullcontext()
    with torch.inference_mode(), half:
        for some in windows.split(batch_size):
            out = model(some.to(device), write=False)
            parts.append({name: values.float().cpu() for name, values in out.items()})
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def write(
    model: Any, clips: Sequence[dict[str, torch.Tensor]], seconds: float, device: Any = "cpu",
    dtype: torch.dtype | None = None,
) -> list[dict[str, torch.Tensor]]:  # fmt: skip
    """The outputs of clips, each (frames, outputs), with tokens in place of what decoders hear.

    Args:
        seconds: of the longest clip.
    """
    out = [dict(clip) for clip in clips]
    half = torch.autocast(torch.device(device).type, dtype) if dtype else nullcontext()
    with torch.inference_mode(), half:
        for target in model.written:
            states, logits = ([clip[name] for clip in clips] for name in (target.name, target.rolls.name))
            lengths = torch.tensor([len(clip) for clip in states], device=device)
            heard = pad_sequence(states, batch_first=True).to(device)
            rolls = pad_sequence(logits, batch_first=True, padding_value=-math.inf).to(device)
            ids = model.write(target, heard, rolls, seconds, lengths=lengths).cpu()
            for clip, segments in zip(out, ids, strict=True):
                clip[target.name] = segments
    return out


def outputs(model: Any, audio: np.ndarray, **options: Any) -> dict[str, np.ndarray]:
    """Outputs of a model for a whole clip: dict of target to logits, float32 (frames, outputs).

    Of targets that a decoder writes it is their tokens, int64 (segments, tokens).

    Args:
        audio: float32 (samples,) at the front end's ``sampling_rate``.
        options: batch_size, device and dtype, as :func:`run` takes them.
    """
    out = run(model, split(model, audio), **options)
    clip = {name: join(model, values, len(audio)) for name, values in out.items()}
    options.pop("batch_size", None)
    (clip,) = write(model, [clip], len(audio) / model.front_end.sampling_rate, **options)
    return {name: values.numpy() for name, values in clip.items()}
