"""Training that goes on from a model which has learnt already."""

import pytest
import torch
import yaml
from safetensors.torch import load_file

from sousa.training import config, train
from sousa.training.models.model import Model
from tests.support import tone_notes
from tests.training.test_train_decoder import ROLLS, assert_resumed_alike, run


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A dataset, and a run on it."""
    place = tmp_path_factory.mktemp("start")
    tone_notes.write(place / "data", counts=(6, 2, 2), seconds=5.0)
    assert run(place, "first") == 0
    return place


def further(place, name, *arguments, **changes):
    """A run that starts from the first one."""
    model = {"start": str(place / "first"), **changes}
    return run(place, name, *arguments, leave_out=("front_end",), model=model)


def test_it_begins_with_the_weights_of_the_other(place):
    assert further(place, "same", "--train.learning_rate", "1e-12", "--train.weight_decay", "0") == 0
    before, after = (load_file(place / name / "model" / "model.safetensors") for name in ("first", "same"))
    assert before.keys() == after.keys()
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, atol=1e-8, rtol=0)
    assert further(place, "learnt") == 0
    after = load_file(place / "learnt" / "model" / "model.safetensors")
    assert any(not torch.equal(after[name], value) for name, value in before.items())
    again = Model.from_pretrained(place / "learnt")
    assert again.front_end == Model.from_pretrained(place / "first").front_end
    card = (place / "learnt" / "model" / "README.md").read_text()
    assert str(place) not in card and "license" not in yaml.safe_load(card.split("---")[1])


def test_what_the_other_does_not_tell_begins_anew(place):
    """Without a pedal there is an output less, so the head is another; the network is the other's."""
    path = place / "wider.yaml"
    settings = {key: value for key, value in ROLLS.items() if key not in ("front_end", "model")}
    settings["data"] = {**ROLLS["data"], "path": str(place / "data")}
    settings["model"] = {"start": "notes"}
    path.write_text(yaml.safe_dump(settings))
    model, other = train.make_model(config.read(path)), Model.from_pretrained("notes")
    assert model.training and model.front_end == other.front_end
    for name, value in other.encoder.state_dict().items():
        assert torch.equal(model.encoder.state_dict()[name], value)
    assert {target.name for target in model.targets} != {target.name for target in other.targets}


def test_a_run_that_is_resumed_ends_with_the_same_weights(place):
    assert_resumed_alike(place, further)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"kind": "cnn"}, "model.kind is that of model.start; leave one of them out"),
        ({"start": "no/where/at/all"}, "no/where/at/all"),
    ],
)
def test_what_does_not_fit_is_said(place, capsys, changes, said):
    assert further(place, "wrong", **changes) == 2
    assert said in capsys.readouterr().err
    assert not (place / "wrong").exists()


def test_all_that_belongs_to_the_other_is_named_together(place, capsys):
    decoder = {"tokenizer": "quadruples", "layers": 1, "width": 16, "heads": 2, "max_tokens": 82}
    assert run(place, "wrong", model={"start": str(place / "first")}, decoder=decoder) == 2
    said = capsys.readouterr().err
    assert "front_end is that of model.start" in said and "model.start has no decoder" in said
