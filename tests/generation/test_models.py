"""Models: whatever is wrong is left out and told in a sentence; what is right stays."""

from itertools import combinations
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from sousa.generation.models import (
    Model,
    Number,
    Text,
    Whole,
    chosen,
    kind_of,
    limits_of,
    named,
    number,
    numbers,
    validated,
)


class Tune(Model):
    REQUIRED = ("title",)
    IGNORED = ("colour",)

    title: Text | None = None
    bars: Annotated[Whole, Field(ge=1, le=64)] = 4
    tempo: Annotated[Number, Field(gt=0)] | Literal["free"] = 60.0
    mode: Annotated[str, chosen("major", "minor")] = "major"
    voices: Annotated[list[str] | None, named("voice", lambda: ["alto", "bass"])] = None
    pedal: bool = False
    colour: Any = None


RIGHT = {"title": "x", "bars": 8.0, "tempo": "free", "mode": " Minor", "voices": "alto", "pedal": True}
READ = {"title": "x", "bars": 8, "tempo": "free", "mode": "minor", "voices": ["alto"], "pedal": True}
WRONG = {
    "title": ("", "title is ''; give some text"),
    "bars": (65, "bars is 65; give a whole number from 1 to 64"),
    "tempo": (-1.5, "tempo is -1.5; give a number above 0, or free"),
    "mode": ("dorian", "mode is 'dorian'; choose from major, minor"),
    "voices": (["alto", "tuba"], "unknown voice 'tuba'; choose from alto, bass"),
    "pedal": ("yes", "pedal is 'yes'; give true or false"),
}


@pytest.mark.parametrize("count", range(len(WRONG) + 1))
def test_each_wrong_value_is_left_out_and_gets_one_sentence(count):
    for wrong in combinations(WRONG, count):
        problems = []
        tune = validated(Tune, RIGHT | {key: WRONG[key][0] for key in wrong}, "", problems)
        assert sorted(problems) == sorted(WRONG[key][1] for key in wrong)
        for key, value in READ.items():
            assert getattr(tune, key) == (Tune.model_fields[key].get_default() if key in wrong else value)
        assert tune.model_fields_set == READ.keys() - set(wrong)


def test_places_and_the_users_words():
    problems = []
    validated(Tune, {"bars": 0, "tilte": 1, "colour": "red"}, "tunes[2]", problems, str.upper)
    assert problems == [
        "tunes[2]: missing key title",
        "tunes[2]: BARS is 0; give a whole number from 1 to 64",
        "tunes[2]: unknown key 'tilte' (did you mean title?); choose from title, bars, tempo, mode, voices, "
        "pedal",
    ]


@pytest.mark.parametrize(
    "data, told", [(None, "null"), (3, "3"), ([], "empty"), ([1], "a list"), ("x", "'x'")]
)
def test_what_is_no_mapping(data, told):
    problems = []
    assert validated(Tune, data, "", problems) is None
    assert problems == [f"the file is {told}; give a mapping of keys to values"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, "1", True, None, [1]])
def test_what_is_no_number(value):
    problems = []
    assert number(value, "x", problems) is None and len(problems) == 1 and problems[0].startswith("x is ")
    assert len(problems[0]) < 150


def test_lists_of_numbers():
    problems = []
    assert numbers([1, 2.5, -3], "x", problems) == [1.0, 2.5, -3.0] and not problems
    assert numbers(7, "x", problems) is None and problems == ["x is 7; give a list"]
    assert numbers([1, "a", None], "x", problems) is None and len(problems) == 3


def test_limits_in_words():
    assert limits_of(Tune, "bars") == "a whole number from 1 to 64"
    assert limits_of(Tune, "tempo") == "a number above 0, or free"
    assert limits_of(Tune, "title") == limits_of(Tune, "pedal") == ""
    kinds = [kind_of(Tune.model_fields[name].annotation) for name in ("title", "bars", "voices", "pedal")]
    assert kinds == [str, int, list, bool]
