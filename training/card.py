"""The card of a trained model: README.md beside its weights."""

import yaml

from generation import DATA_VERSION


def write_card(directory, settings, trainer, results=None):
    """Write the model card.

    Args:
        directory: of the saved model; settings: of the run; trainer: after training.
        results: lines of text about the test split, or None when it was not evaluated.
    """
    model, data = trainer.model, settings.data
    head = {"library_name": "sousa", "license": "mit", "tags": ["audio", "drums", "sousa", settings.task],
            "pipeline_tag": "audio-classification"}  # fmt: skip
    parameters = sum(p.numel() for p in model.parameters())
    lines = [
        "---", yaml.safe_dump(head, sort_keys=False).rstrip(), "---", "",
        f"# SOUSA {settings.task} model", "",
        f"Hears {', '.join(model.reported)} of a snare-drum recording. {parameters:,} parameters, "
        f"{model.max_sec:g} s of sound at {model.front_end.sampling_rate} Hz at a time.", "",
        f"Trained for {trainer.state.global_step:,} steps on the {data.train} split of `{data.path}` (data "
        f"version {DATA_VERSION}), the best of its checkpoints on the {data.validation} split; seed "
        f"{settings.seed}.", "",
        "```python", "from training.models.model import Model", "",
        'model = Model.from_pretrained("PATH")  # this directory, or its name on the Hub', "```", "",
    ]  # fmt: skip
    if results:
        told = "Intervals are 95 %, by player. The sounds are synthetic: nothing is known about recordings."
        lines += [f"## {data.test} split", "", "```", *results.splitlines(), "```", "", told]
        lines.append("")
    lines += [
        "## Settings",
        "",
        "```yaml",
        yaml.safe_dump(settings.plain(), sort_keys=False).rstrip(),
        "```",
        "",
    ]
    (directory / "README.md").write_text("\n".join(lines), encoding="utf-8")
