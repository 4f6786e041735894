"""The pages that need torch run as they are printed, and what they name is there."""

import re

import evaluate
import pytest
import yaml

from sousa.training import config
from tests.conftest import ROOT
from tests.support import pages
from tests.support.pages import DOCS, PAGES


def runs(block):
    """Whether a block is run, here and nowhere else."""
    return block.training and not block.reason and block.kind in ("sh", "python")


RUN = [page for page in PAGES if any(map(runs, pages.blocks(page)))]


@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(DOCS)))
def test_blocks_run_as_printed(page, small, tmp_path):
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "rudiments").symlink_to(small[0])
    done = pages.run(page, tmp_path, training=True, chosen=lambda block: block.training)
    assert "Traceback" not in done.stderr


def test_files_and_keys_they_name_are_there():
    text = "".join(page.read_text() for page in RUN)
    for path in re.findall(r"training/[\w./]*\w\.(?:py|yaml)", text):
        assert (ROOT / path).exists(), path
    for name in ("classification", "scores", "onsets"):
        assert evaluate.load(str(ROOT / "training" / "metrics" / name)).name == name
    known = config.known_keys()
    for key in ("data.path", "resume", "train.push_to_hub", "train.hub_model_id", "train.learning_rate"):
        assert key in known and key.partition(".")[2] in text


def test_configurations_in_the_text_are_ones_that_can_be_run():
    blocks = [block for block in pages.blocks(DOCS / "how-to" / "train.md") if block.kind == "yaml"]
    assert blocks
    for block in blocks:
        config.checked(yaml.safe_load(block.text))
