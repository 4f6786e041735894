"""The contrastive loss, over the batches of all processes together.

Conventions: each text is to be found among all sounds of the step by its sound, and each sound by its text. A
sound and a text belong together when the text is about that part of the sound, or says the same as a text
that is. Where the sound is the same and the part another, nothing is known: such pairs count neither way.

The loss of a line is the cross entropy between the softmax of its scores and equal shares of all that belongs
to it. It is the mean over the lines of all processes, in both directions: that of one process with the whole
batch, and so are its gradients.

Source: A. van den Oord et al., Representation Learning with Contrastive Predictive Coding, 2018; P. Khosla et
al., Supervised Contrastive Learning, 2020 (several that belong, L_out); A. Radford et al., Learning
Transferable Visual Models From Natural Language Supervision, 2021 (both directions, learnt temperature).
"""

from typing import Any

import torch
import torch.distributed as dist


class _Gathered(torch.autograd.Function):
    """The lines of all processes, in order of rank, with gradients for those of this one."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, sizes: list[int]) -> torch.Tensor:
        ctx.sizes, most = sizes, max(sizes)
        padded = values.new_zeros(most, *values.shape[1:])
        padded[: len(values)] = values
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:  # type: ignore[override]
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        first = sum(ctx.sizes[: dist.get_rank()])
        return total[first : first + ctx.sizes[dist.get_rank()]], None


def contrastive(
    audio: torch.Tensor, text: torch.Tensor, scale: torch.Tensor, sounds: torch.Tensor, parts: torch.Tensor,
    words: torch.Tensor,
) -> torch.Tensor:  # fmt: skip
    """The loss of the pairs of this process.

    Args:
        audio, text: unit vectors (pairs, size).
        scale: that cosines are multiplied by, the inverse of the temperature.
        sounds, parts, words: int64 (pairs,): numbers of the sound, of its part, and of what the text says.

    Returns: a number whose mean over processes is the loss.
    """
    own, processes = [sounds, parts, words], 1
    everything = [audio, text, *own]
    if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        processes = dist.get_world_size()
        count = torch.tensor([len(audio)], device=audio.device)
        counts = [torch.empty_like(count) for _ in range(processes)]
        dist.all_gather(counts, count)
        sizes = [int(size) for size in torch.cat(counts)]
        everything = [_Gathered.apply(values, sizes) for values in everything]
    all_audio, all_text, *all_numbers = everything
    same = [mine[:, None] == theirs for mine, theirs in zip(own, all_numbers, strict=True)]
    belongs = same[1] | same[2]
    unknown = same[0] & ~belongs
    # in half precision large scores would be told apart too coarsely
    with torch.autocast(audio.device.type, enabled=False):
        losses = [
            _entropy(scale * text.float() @ all_audio.float().T, belongs, unknown),
            _entropy(scale * audio.float() @ all_text.float().T, belongs, unknown),
        ]
    return sum(losses) / 2 * processes / len(all_audio)


def _entropy(scores: torch.Tensor, belongs: torch.Tensor, unknown: torch.Tensor) -> torch.Tensor:
    """The sum over lines."""
    scores = scores.float().masked_fill(unknown, float("-inf")).log_softmax(1)
    return -(scores.masked_fill(~belongs, 0).sum(1) / belongs.sum(1)).sum()
