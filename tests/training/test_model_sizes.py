"""A saved model whose config.json asks for more than there is: refused before room is made for it."""

import json

import pytest

pytest.importorskip("torch")

from sousa.generation.errors import RunError
from sousa.training import front_ends
from sousa.training.models.compact import Compact, CompactConfig
from sousa.training.models.model import Model, read_settings


@pytest.fixture
def saved(tmp_path):
    front_end = front_ends.build(front_ends.LogMel().model_dump(), None)
    encoder = Compact(CompactConfig(channels=8, wide_channels=8), front_end.num_features)
    Model("none", [], [], front_end, encoder, 1.0).save_pretrained(tmp_path)
    return tmp_path


def _changed(saved, **encoder):
    settings = json.loads((saved / "config.json").read_text())
    settings["encoder"] |= encoder
    (saved / "config.json").write_text(json.dumps(settings))


def test_it_loads_as_it_was_saved(saved):
    assert Model.from_pretrained(saved).max_sec == 1.0


@pytest.mark.parametrize(
    "sizes",
    (
        {"channels": 8192, "wide_channels": 8192, "fine_dilations": [1] * 2000},  # 3 TB
        {"channels": 2**70}, {"channels": -1}, {"channels": "8"}, {"dilations": []}, {"dropout": 1e400},
        {"kind": "pretrained", "config": {"model_type": "hubert", "num_hidden_layers": 10**9}},
        {"kind": "pretrained", "config": []},
    ),
)  # fmt: skip
def test_sizes_that_the_weights_do_not_have_are_refused(saved, sizes):
    _changed(saved, **sizes)
    with pytest.raises(RunError, match=r"config.json can't be used|does not fit the model"):
        Model.from_pretrained(saved)


@pytest.mark.parametrize("text", ("[" * 10_000, '{"a":' * 10_000 + "1" + "}" * 10_000, " " * (2 << 20)))
def test_a_config_that_is_deep_or_large_is_refused(saved, text):
    (saved / "config.json").write_text(text)
    with pytest.raises(RunError, match=r"levels inside one another|of at most"):
        read_settings(saved)
