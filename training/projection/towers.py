"""The encoders that a model was trained over, loaded again."""

from typing import Any

from sousa.generation.errors import RunError, UsageError
from sousa.training.embedding import encoders
from sousa.training.embedding.layout import TEXT, decisive


def tower_of(
    kind: str, settings: dict[str, Any], where: str | None, device: Any, batch_size: int = 32
) -> Any:
    """An encoder, which has to be the one of the settings.

    Args:
        kind: audio or text.
        settings: as an embeddings directory has them, with ``name``.
        where: of its weights, where they are not in their usual place.

    Raises: UsageError when it is not there, RunError when it is another one.
    """
    there, flag = dict(settings), f"--{kind}-weights"
    name = str(there.pop("name", ""))
    known = encoders.TEXTS if kind == TEXT else encoders.SOUNDS
    asked = name.removesuffix("-text") if kind == TEXT and name.endswith("-text") else name
    model, revision = str(there.get("model")), there.get("revision")
    if where is None and "/" in model and (asked not in known or model != known[asked].where or revision):
        where = f"{model}@{revision}" if revision else model
    try:
        [encoder] = encoders.asked_for(kind, [f"{asked}={where}" if where else asked])
    except UsageError as error:
        raise UsageError(f"{error}; say where its weights are with {flag} PATH") from None
    tower, now = encoders.load(encoder, device, batch_size)
    if decisive(now) != decisive(there):
        raise RunError(
            f"the weights of {name} are others than those that this model was trained over; name them with "
            f"{flag} PATH"
        )
    return tower
