"""Where a model that a user names lies, and where it computes."""

from pathlib import Path
from typing import Any

from sousa.generation.errors import UsageError
from sousa.generation.outside import expanded, is_file


def place_of(model: str) -> str:
    """The best model of a run, or of the run in a pipeline's directory, or a place as it is named."""
    root = Path(expanded(model))
    kept = (root / "model", root / "run" / "model")
    return next((str(best) for best in kept if is_file(best / "config.json")), model)


def device_of(name: str | None, torch: Any) -> Any:
    """A device of torch by its name, None for the best there is; UsageError when it can't be used."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"--device is {name!r}, which can't be used here ({reason}); give cpu or cuda"
        ) from None
    return device
