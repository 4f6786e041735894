"""The card of a trained model: README.md beside its weights."""

import os
from pathlib import Path
from typing import Any

import yaml

from sousa.generation.corpus import is_generated
from sousa.generation.manifest import read_manifest
from sousa.generation.outside import expanded
from sousa.generation.storage import atomic_file
from sousa.generation.text import block, code
from sousa.training.config import Settings
from sousa.training.models.places import SHIPPED
from sousa.training.roles import Known


def write_card(
    directory: Path, settings: Settings, trainer: Any, known: Known, results: str | None = None
) -> None:
    """Write the model card, without paths of this machine; ``results``: lines on the test split or None."""
    model, data, corpus = trainer.model, settings.data, known.corpus
    tags = list(dict.fromkeys(["audio", "sousa", *([corpus.name] if corpus else []), model.task]))
    head = {"library_name": "sousa", "tags": tags, "pipeline_tag": "audio-classification"}
    begun_as = [settings.decoder.encoder, settings.model.start, settings.model.path]
    if not {name for name in begun_as if name} - SHIPPED.keys():
        head["license"] = "mit"  # weights that began as somebody else's are under theirs
    parameters = sum(p.numel() for p in model.parameters())
    best = trainer.args.load_best_model_at_end and trainer.state.best_model_checkpoint
    which = f"the best of its checkpoints on the {data.validation} split" if best else "as training ended"
    manifest = read_manifest(expanded(data.path)) if data.generate and not data.live else None
    made_by = manifest["config"]["data_version"] if manifest else corpus and corpus.data_version
    version = f" (data version {made_by})" if data.generate else ""
    plain = settings.model_dump()
    plain["output"], plain["data"]["path"] = _last(settings.output), _last(data.path)
    for name, value in (plain["data"]["generate"] or {}).items():
        if isinstance(value, str) and os.path.isabs(value):
            plain["data"]["generate"][name] = _last(value)
    for name in {"path", "start"} & plain["model"].keys():
        plain["model"][name] = _last(plain["model"][name])
    if plain["decoder"].get("encoder"):
        plain["decoder"]["encoder"] = _last(plain["decoder"]["encoder"])
    moving = ", ".join(target.name for target in model.targets if target.kind == "curve")
    lines = [
        "---", yaml.safe_dump(head, sort_keys=False).rstrip(), "---", "",
        f"# SOUSA {model.task} model", "",
        f"Hears {', '.join(model.reported)} of {corpus.sound if corpus else 'a recording'}. "
        f"{parameters:,} parameters, {model.max_sec:g} s of sound at {model.front_end.sampling_rate} Hz at a "
        "time.", "",
        f"Trained for {trainer.state.global_step:,} steps on the {data.train} split of "
        f"{code(plain['data']['path'])}{version}; {which}; seed {settings.seed}.", "",
        *([f"{moving}: frame by frame, a value each {1000 * model.frame_sec:.3g} ms.", ""] if moving else []),
        "```python", "from sousa.training.models.model import Model", "",
        'model = Model.from_pretrained("PATH")  # this directory, or its name on the Hub', "```", "",
    ]  # fmt: skip
    if results:
        notes = f"Intervals are 95 %, by {known.group.role.singular if known.group else 'row'}."
        if corpus and is_generated(corpus):
            notes += " The sounds are synthetic: nothing is known about recordings."
        lines += [f"## {data.test} split", "", block(results), "", notes, ""]
    lines += ["## Settings", "", block(yaml.safe_dump(plain, sort_keys=False).rstrip(), "yaml"), ""]
    with atomic_file(directory / "README.md") as file:
        file.write("\n".join(lines).encode())


def _last(path: str) -> str:
    """A name on the Hub as it is, of a path its last part."""
    local = os.path.isabs(expanded(path)) or os.path.exists(path) or path.count("/") != 1
    return os.path.basename(os.path.normpath(path)) if local else path
