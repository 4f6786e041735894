"""What the README says of streams and training runs as it is written."""

import re

import evaluate
import torch

from sousa.training import config
from tests.conftest import ROOT

TEXT = (ROOT / "README.md").read_text().partition("## Streams and training")[2].partition("\n## ")[0]


def test_the_python_of_the_section_runs(small, tmp_path, monkeypatch):
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "dataset").symlink_to(small[0])
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) == 2
    names = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert names["state"]["consumed_rows"] == 16 and names["batch"]["waveforms"].shape == (16, 80000)
    assert 0 < len(names["rows"]) < 840  # of all training rows
    assert isinstance(next(iter(names["balanced"]))["labels"], torch.Tensor)


def test_files_and_keys_it_names_are_there():
    for path in re.findall(r"training/[\w./]*\w\.(?:py|yaml)", TEXT):
        assert (ROOT / path).exists(), path
    for name in ("classification", "scores", "onsets"):
        assert evaluate.load(str(ROOT / "training" / "metrics" / name)).name == name
    known = config.known_keys()
    for key in ("data.path", "resume", "train.push_to_hub", "train.hub_model_id", "train.learning_rate"):
        assert key in known and key.partition(".")[2] in TEXT
