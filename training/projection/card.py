"""The card of a projection: README.md beside its weights."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from sousa.generation.storage import atomic_file
from sousa.generation.text import block, code, counted
from sousa.training.projection.model import SIDES, ProjectionModel
from sousa.training.projection.settings import Settings


def write_card(
    directory: Path, settings: Settings, model: ProjectionModel, embeddings: Any,
    composition: Sequence[tuple[str, int]], results: str | None,
) -> None:  # fmt: skip
    """Write the card, without paths of this machine.

    Args:
        composition: how many texts of the training split come from whom.
        results: lines on the test split, or None.
    """
    # the heads learnt from vectors of these encoders, whose licences say what may be done with them
    encoders = [getattr(model.config, side) for side in SIDES]
    licences = ", ".join(f"{e.get('name')}: {e.get('licence') or 'not stated'}" for e in encoders)
    tags = ["audio", "sousa", "text-to-audio-retrieval"]
    head = {"library_name": "sousa", "tags": tags, "license": "other", "license_name": "see-below"}
    plain = settings.model_dump()
    for name in ("data_dir", "output"):
        plain[name] = os.path.basename(os.path.normpath(plain[name]))
    texts = ", ".join(f"{count:,} by {source}" for source, count in composition)
    parameters = sum(p.numel() for p in model.parameters())
    lines = [
        "---", yaml.safe_dump(head, sort_keys=False).rstrip(), "---", "",
        "# Text and sound in one space", "",
        f"Heads over frozen vectors of sound ({code(encoders[0].get('name'))}) and of text "
        f"({code(encoders[1].get('name'))}), {counted(parameters, 'parameter')}, into {model.config.dim} "
        "dimensions. The weights of the encoders are not in here.", "",
        f"Licences of the encoders: {code(licences)}. Trained on {texts} of {code(plain['data_dir'])}; what "
        "may be done with the model also hangs on the licences of those sounds and texts.", "",
        "```bash", 'sousa search "calm piano" --data EMBEDDINGS --model PATH', "```", "",
    ]  # fmt: skip
    if results:
        lines += [f"## {settings.test} split", "", block(results), "", "Intervals are 95 %, by sound.", ""]
    lines += ["## Settings", "", block(yaml.safe_dump(plain, sort_keys=False).rstrip(), "yaml"), ""]
    with atomic_file(directory / "README.md") as file:
        file.write("\n".join(lines).encode())
