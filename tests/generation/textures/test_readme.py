"""What the README says of textures is so."""

import re

import yaml

from benchmarks.readme import synth_table
from sousa.generation.columns import table
from sousa.generation.textures import Textures, schema
from tests.conftest import ROOT

TEXT = (ROOT / "README.md").read_text()


def test_the_configuration_shown_is_one():
    shown = next(block for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.S) if "parameters:" in block)
    config, notices = schema.parse(yaml.safe_load(shown), "README")
    assert (len(config.settings), config.rows_per_setting, notices) == (5 * 7 * 3, 5, [])
    held_out = {setting.held_out for setting in config.settings}
    assert {None, "interpolation", "extrapolation"} <= held_out
    assert set(config.records) == {"params", "tfrecords"}


def test_synthesizers_and_columns_are_as_they_are():
    assert synth_table() in TEXT
    assert table(Textures().columns()) in TEXT
