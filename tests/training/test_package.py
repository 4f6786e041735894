"""The installed package trains, in a folder that has nothing to do with a checkout."""

import json
from pathlib import Path

import yaml

from tests.support import wheels
from tests.support.runs import SMALL, merged


def test_the_wheel_makes_rows_and_trains_a_step(tmp_path):
    programs = wheels.install(wheels.build(tmp_path / "built"), tmp_path / "venv")
    folder = tmp_path / "anywhere"
    for name in ("sousa", "training", "generation"):  # a user's own, which must not be taken for ours
        (folder / name).mkdir(parents=True)

    def python(*arguments):
        return wheels.run(programs / "python", *arguments, cwd=folder)

    changes = {"output": "run", "data": {"path": "rows"}, "train": {"max_steps": 1}}
    (folder / "settings.yaml").write_text(yaml.safe_dump(merged(SMALL, changes)))
    place = python("-c", "import sousa.training.train as train; print(train.__file__)").strip()
    assert Path(place).is_relative_to(tmp_path / "venv")
    python("-m", "sousa.training.train", "settings.yaml")
    metrics = json.loads((folder / "run" / "report" / "metrics.json").read_text())
    assert metrics["targets"] and (folder / "run" / "model" / "README.md").exists()
    # what it has trained is evaluated there too
    python("-m", "sousa.training.evaluate", "run", "--data", "rows", "-o", "again", "--resamples", "5")
    again = json.loads((folder / "again" / "metrics.json").read_text())
    assert again["targets"].keys() == metrics["targets"].keys()
