"""Muon: matrices are moved by their whole gradient's directions, all equally far; AdamW for everything else.

Conventions: a matrix is the weight of a linear layer or a convolution, as (outputs, everything else). Those
of layers that give the outputs are left to AdamW, as embeddings and vectors are. Both kinds of group have a
learning rate of their own, and a scheduler scales them alike. A matrix that is large both ways is moved in
blocks of rows, each by its own directions: the cost grows with the square of the shorter side.

Source: K. Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024.
"""

from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

MOMENTUM = 0.95
_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, Conv1D)
_COEFFICIENTS, _ROUNDS = (3.4445, -4.7750, 2.0315), 5
_LARGE, _BLOCK = 512, 256  # a shorter side above which blocks are moved, and rows of each


class Muon(torch.optim.AdamW):
    """The optimiser; groups of parameters with ``muon`` True are matrices.

    Args:
        half: compute the directions in bfloat16.
    """

    def __init__(self, groups: list[dict[str, Any]], half: bool = False, **adamw: Any):
        super().__init__(groups, **adamw)
        self.half = half

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        matrices = [
            (group, weight, weight.grad)
            for group in self.param_groups if group.get("muon")
            for weight in group["params"] if weight.grad is not None
        ]  # fmt: skip
        for _, weight, _ in matrices:
            weight.grad = None  # AdamW passes over it
        loss = super().step(closure)
        for group, weight, gradient in matrices:
            weight.grad = gradient
            state = self.state[weight]
            if not state:
                state.update(momentum=torch.zeros_like(gradient), step=torch.zeros(()))
            state["step"] += 1  # AdamW looks for it in every state that is loaded
            state["momentum"].lerp_(gradient, 1 - MOMENTUM)
            ahead = gradient.lerp(state["momentum"], MOMENTUM).flatten(1)
            weight.mul_(1 - group["lr"] * group["weight_decay"])
            moves = []
            for block in ahead.split(_BLOCK) if min(ahead.shape) > _LARGE else [ahead]:
                rows, columns = block.shape
                moves.append(max(1.0, rows / columns) ** 0.5 * directions(block, self.half))
            weight.sub_(group["lr"] * torch.cat(moves).view_as(weight))
        return loss


def directions(matrix: torch.Tensor, half: bool = False) -> torch.Tensor:
    """A matrix with the same singular vectors and singular values near 1, by a Newton-Schulz iteration."""
    a, b, c = _COEFFICIENTS
    x = matrix.bfloat16() if half else matrix.float()
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(_ROUNDS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return (x.T if tall else x).to(matrix.dtype)


def groups_of(model: nn.Module, muon_lr: float, lr: float, weight_decay: float) -> list[dict[str, Any]]:
    """Groups of a model's parameters, for :class:`Muon`."""
    last = {id(head) for head in model.heads.values()}
    hidden = [
        module
        for name, module in model.named_modules()
        if isinstance(module, _LAYERS) and id(module) not in last and not name.endswith("lm_head")
    ]
    own = {id(module.weight) for module in hidden}
    learnt = [weight for weight in model.parameters() if weight.requires_grad]
    matrices = [weight for weight in learnt if id(weight) in own]
    others = [weight for weight in learnt if weight.dim() > 1 and id(weight) not in own]
    vectors = [weight for weight in learnt if weight.dim() < 2]
    groups = [
        {"params": matrices, "lr": muon_lr, "weight_decay": weight_decay, "muon": True},
        {"params": others, "lr": lr, "weight_decay": weight_decay, "muon": False},
        {"params": vectors, "lr": lr, "weight_decay": 0.0, "muon": False},
    ]
    return [group for group in groups if group["params"]]
