"""Where a model that a user names lies, and where it computes."""

from pathlib import Path
from typing import Any

from sousa.generation.errors import UsageError
from sousa.generation.outside import expanded, is_directory, is_file

# of training/configs/notes.yaml and listen.yaml, in half precision
SHIPPED = {
    "notes": Path(__file__).parents[1] / "transcription" / "notes",
    "listen": Path(__file__).parents[1] / "listening" / "listen",
}


def place_of(model: str | Path) -> Path:
    """Where a model lies: a pipeline's directory, a run or a model here, or one that is shipped, by its name.

    Returns: its directory; what was named, where there is nothing, for the Hub may have it.
    """
    root = Path(expanded(model))
    if not is_directory(root) and str(model) in SHIPPED:
        return SHIPPED[str(model)]
    kept = (root / "model", root / "run" / "model")
    return next((best for best in kept if is_file(best / "config.json")), root)


def computes_bf16() -> bool:
    """Whether bfloat16 is computed by a GPU, or by instructions of this processor.

    On a processor without them (AVX2 alone) it takes many times as long as float32.
    """
    import torch

    return torch.cuda.is_available() or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


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
