"""A model whose training goes on from one that has learnt already."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from sousa.training.models.model import Model
from sousa.training.tasks.targets import Target


def begun_with(
    place: str, task: str, targets: Sequence[Target], reported: Sequence[str], max_sec: float,
    spec_augment: dict[str, Any],
) -> Model:  # fmt: skip
    """A model with the front end, the network and the weights of another.

    Heads of targets that the other does not tell, or tells otherwise, begin anew.

    Args:
        place: as :meth:`sousa.training.models.model.Model.from_pretrained` takes it.
        further arguments: as of Model.

    Raises: UsageError where there is no such model.
    """
    base = Model.from_pretrained(place)
    model = Model(task, targets, reported, base.front_end, base.encoder, max_sec, spec_augment)
    _take(model.pooling, base.pooling)
    heads = dict(base.heads.items())
    for name, head in model.heads.items():
        _take(head, heads.get(name))
    return model.train()


def _take(part: nn.Module | None, other: nn.Module | None) -> None:
    """Give a part the weights of another of the same shapes."""
    if part is None or other is None:
        return
    state = other.state_dict()
    if {name: v.shape for name, v in state.items()} == {n: v.shape for n, v in part.state_dict().items()}:
        part.load_state_dict(state)
