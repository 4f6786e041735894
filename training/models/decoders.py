"""Models with a decoder, out of settings: on a new encoder, or on that of a run."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sousa.generation.errors import UsageError
from sousa.training.models.decoder import DecoderConfig
from sousa.training.models.model import Model
from sousa.training.tasks.note_tokens import NoteTokensTarget
from sousa.training.tasks.notes import NotesTarget
from sousa.training.tasks.targets import Target

SUFFIX = "_tokens"  # of the name of what a decoder writes, after that of the column


def with_tokens(targets: Sequence[Target], config: DecoderConfig, weight: float) -> list[Target]:
    """The targets, and after them one more for each that is notes, for a decoder to write."""
    sizes = {name: getattr(config, name) for name in DecoderConfig.model_fields}
    notes = [target for target in targets if isinstance(target, NotesTarget)]
    if not notes:
        raise UsageError("decoder is for targets that are notes, and there are none; leave it out")
    rolls = (vars(replace(target, pedal="")) for target in notes)
    return [*targets, *(NoteTokensTarget(f"{r['name']}{SUFFIX}", r, sizes, weight) for r in rolls)]


def make(
    settings: Any, task: str, targets: Sequence[Target], reported: Sequence[str],
    new_encoder: Callable[[], tuple[Any, Any]], max_sec: float, spec_augment: dict[str, int],
) -> Model:  # fmt: skip
    """A model with a decoder.

    Args:
        settings: a :class:`sousa.training.config.DecoderSettings`.
        new_encoder: gives ``(front end, encoder)`` where the settings name no run.
        further arguments: as of Model, without the targets of the decoder.

    Raises: UsageError for targets without notes, and for a run that tells other targets.
    """
    weight = settings.weight
    if not settings.encoder:
        targets = with_tokens(targets, settings, weight)
        names = [*reported, *(target.name for target in targets if target.level == "tokens")]
        return Model(task, targets, names, *new_encoder(), max_sec, spec_augment)
    base = Model.from_pretrained(settings.encoder)
    known = {target.name: target for target in base.targets}
    if lacking := [target.name for target in targets if target.name not in known]:
        raise UsageError(
            f"decoder.encoder: {settings.encoder} tells {', '.join(known)}, and not {', '.join(lacking)}; "
            "name a run of the same task"
        )
    kept = [known[target.name] for target in targets]
    targets = with_tokens(kept, settings, weight)
    names = [*reported, *(target.name for target in targets if target.level == "tokens")]
    model = Model(task, targets, names, base.front_end, base.encoder, max_sec, spec_augment)
    for target in kept:
        model.heads[target.head].load_state_dict(base.heads[target.head].state_dict())
    if model.pooling is not None:
        model.pooling.load_state_dict(base.pooling.state_dict())
    if settings.freeze_encoder:
        model.freeze_encoder()
    return model.train()
