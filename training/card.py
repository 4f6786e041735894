"""The card of a trained model: README.md beside its weights."""

import os

import yaml

from sousa.generation import DATA_VERSION
from sousa.generation.storage import atomic_file
from sousa.training.tasks import FROM_DATA

# what is heard, tags, whose rows are alike
_WORDS = {
    "strokes": ("a snare-drum recording", ("drums",), "player"),
    "parameters": ("a synthesized sound texture", ("synthesis", "sound-textures"), "parameter setting"),
}


def write_card(directory, settings, trainer, results=None):
    """Write the model card; paths of this machine are not in it, only their last part.

    Args:
        directory: of the saved model; settings: of the run; trainer: after training.
        results: lines of text about the test split, or None when it was not evaluated.
    """
    model, data = trainer.model, settings.data
    heard, tags, groups = _WORDS["parameters" if settings.task in FROM_DATA else "strokes"]
    head = {"library_name": "sousa", "tags": ["audio", *tags, "sousa", settings.task],
            "pipeline_tag": "audio-classification"}  # fmt: skip
    if settings.model.get("kind", "compact") == "compact":
        head["license"] = "mit"  # weights that began as somebody else's are under theirs
    parameters = sum(p.numel() for p in model.parameters())
    best = trainer.args.load_best_model_at_end and trainer.state.best_model_checkpoint
    which = f"the best of its checkpoints on the {data.validation} split" if best else "as training ended"
    made = f" (data version {DATA_VERSION})" if data.generate else ""
    plain = settings.plain()
    plain["output"], plain["data"]["path"] = _last(settings.output), _last(data.path)
    if os.path.isabs((data.generate or {}).get("configfile") or ""):
        plain["data"]["generate"]["configfile"] = _last(plain["data"]["generate"]["configfile"])
    if "path" in plain["model"]:
        plain["model"]["path"] = _last(plain["model"]["path"])
    lines = [
        "---", yaml.safe_dump(head, sort_keys=False).rstrip(), "---", "",
        f"# SOUSA {settings.task} model", "",
        f"Hears {', '.join(model.reported)} of {heard}. {parameters:,} parameters, "
        f"{model.max_sec:g} s of sound at {model.front_end.sampling_rate} Hz at a time.", "",
        f"Trained for {trainer.state.global_step:,} steps on the {data.train} split of "
        f"`{plain['data']['path']}`{made}; {which}; seed {settings.seed}.", "",
        *_frames(model),
        "```python", "from sousa.training.models.model import Model", "",
        'model = Model.from_pretrained("PATH")  # this directory, or its name on the Hub', "```", "",
    ]  # fmt: skip
    if results:
        told = (
            f"Intervals are 95 %, by {groups}. The sounds are synthetic: nothing is known about recordings."
        )
        lines += [f"## {data.test} split", "", "```", *results.splitlines(), "```", "", told, ""]
    lines += ["## Settings", "", "```yaml", yaml.safe_dump(plain, sort_keys=False).rstrip(), "```", ""]
    with atomic_file(directory / "README.md") as file:
        file.write("\n".join(lines).encode())


def _frames(model):
    """A sentence about parameters that move, where there are some."""
    moving = [target.name for target in model.targets if target.kind == "curve"]
    told = (
        f"{', '.join(moving)}: frame by frame, a value each {1000 * model.frame_sec:.3g} ms."
        if moving
        else ""
    )
    return [told, ""] if told else []


def _last(path):
    """A name on the Hub as it is, of a path its last part."""
    there = os.path.isabs(os.path.expanduser(path)) or os.path.exists(path) or path.count("/") != 1
    return os.path.basename(os.path.normpath(path)) if there else path
