"""Options: one declaration, the same values wherever they are written, and every problem in its words."""

import argparse
import re
from typing import Literal

import pytest

from sousa.generation import corpora
from sousa.generation.errors import UsageError
from sousa.generation.models import Number, Text, Whole
from sousa.generation.options import SeedOptions, add_arguments, from_arguments, option, option_table


class Choir(SeedOptions):
    SIZES = {"small": 10, "large": 1000}
    BY_SIZE = {"small": {"singers": 4}, "large": {"singers": 40}}

    singers: Whole | None = option(None, "how many sing", flags=("--singers", "-n"), ge=1, le=99)
    length_sec: Number = option(5.0, "length of a row", gt=0, le=60, unit="s")
    voices: list[Text] | None = option(None, "which voices")
    form: Literal["song", "canon"] = option("song", "what they sing")
    with_audio: bool = option(True, "labels alone", switches={"--no-audio": False, "--audio": True})


# as flags, and as values by name
ASKED = {
    "-n 7": {"singers": 7},
    "--singers 7.0": {"singers": 7},
    "--length 2.5 --form canon": {"length_sec": 2.5, "form": "canon"},
    "--voices alto,, bass ,": {"voices": ["alto", "bass"]},
    "--no-audio --seed 3": {"with_audio": False, "seed": 3},
    "--no-audio --audio": {"with_audio": True},
    "--size large": {"size": "large"},
    "--preset small": {"size": "small"},
    "": {},
}


def parse(text):
    """Values by name of a command line; a flag's value is what follows it, blanks and all."""
    parser = argparse.ArgumentParser()
    add_arguments(parser, Choir)
    words = re.split(" (?=-)", text) if text else []
    return from_arguments(Choir, parser.parse_args([part for word in words for part in word.split(" ", 1)]))


@pytest.mark.parametrize("text", ASKED)
def test_flags_and_names_mean_the_same(text):
    written = Choir.read(parse(text), "command")
    assert written.plain() == ASKED[text]
    for surface in ("python", "yaml"):
        again = Choir.read(ASKED[text], surface)
        assert again.model_dump() == written.model_dump() and again.plain() == ASKED[text]


@pytest.mark.parametrize("name", ["preset", "length", "n"])
def test_any_name_of_a_flag_is_a_key(name):
    value = {"preset": "large", "length": 3.0, "n": 2}[name]
    assert Choir.read({name: value}).plain() == {Choir.names()[name]: value}
    assert "no_audio" not in Choir.names()  # a switch stands for a value, so it is no name of one


def test_none_is_not_given():
    assert Choir.read(dict.fromkeys(Choir.model_fields)).plain() == {}


WRONG = {
    "singers": (0, "0; give a whole number from 1 to 99"),
    "length_sec": ("long", "'long'; give a number above 0, up to 60 s"),
    "form": ("opera", "'opera'; choose from song, canon"),
    "voices": (3, "3; give a list"),
    "with_audio": ("yes", "'yes'; give true or false"),
    "seed": (-1, "-1; give a whole number from 0 to 2^63 - 1"),
}
CALLED = {
    "python": dict(zip(WRONG, WRONG, strict=True)),
    "yaml": {name: f"data.generate: {name}" for name in WRONG},
    "command": {
        "singers": "--singers", "length_sec": "--length", "form": "--form", "voices": "--voices",
        "with_audio": "--no-audio", "seed": "--seed",
    },
}  # fmt: skip


@pytest.mark.parametrize("surface", CALLED)
def test_everything_wrong_is_said_at_once_in_the_words_of_its_place(surface):
    values = {name: value for name, (value, _) in WRONG.items()}
    with pytest.raises(UsageError) as caught:
        Choir.read({**values, "size": "huge", "lenght": 1}, surface, ["something else"])
    problems = caught.value.problems
    assert len(problems) == len(WRONG) + 3 and "something else" in problems
    for name, (_, sentence) in WRONG.items():
        assert f"{CALLED[surface][name]} is {sentence}" in problems
    assert any("unknown size 'huge'" in problem and "small, large" in problem for problem in problems)
    assert any("unknown key 'lenght' (did you mean length" in problem for problem in problems)


def test_an_option_knows_what_it_is_called():
    assert Choir.read({}, "command").called("length_sec") == "--length"
    assert Choir.read({}).called("length_sec") == "length_sec"


def test_help_and_documents_say_all_of_it():
    parser = argparse.ArgumentParser(prog="x")
    add_arguments(parser, Choir)
    texts = (" ".join(parser.format_help().split()), option_table(Choir))
    for part in ("small (10 rows), large (1,000 rows) (default: small)", "which voices", "what they sing",
                 "from 1 to 99", "default by size: 4, 40", "above 0, up to 60 s; default: 5.0"):  # fmt: skip
        assert all(part in text for text in texts), part
    for name in Choir.model_fields:
        assert f"| `{name}` |" in texts[1]
    assert "`--no-audio`, `--audio`" in texts[1]


def test_two_spellings_of_one_option_are_refused():
    with pytest.raises(UsageError, match="preset and size are one option; leave one of them out"):
        Choir.read({"size": "small", "preset": "large"})


def test_a_switch_of_the_command_says_what_to_write_elsewhere():
    with pytest.raises(UsageError, match="unknown key 'no_audio'; write with_audio: False"):
        Choir.read({"no_audio": True})


TOGETHER = {
    "rudiments": {"tempos": 0, "augmentations": 1, "acoustics": ["clean", "gym"]},
    "piano": {"samples": 0, "scores": "no scores", "min_notes": 50, "max_notes": 10},
}


@pytest.mark.parametrize("name", TOGETHER)
def test_all_that_is_wrong_with_a_request_is_said_at_once(name, tmp_path):
    kind, options = corpora.get(name), TOGETHER[name]
    missing = {key: str(tmp_path / key) for key in ("impulse_responses", "noise_files", "soundfont")}
    with pytest.raises(UsageError) as error:
        kind.Options.read(options | missing)
    said = "\n".join(error.value.problems)
    for word in [*list(options)[:1], *missing, *(set(options) - {"max_notes", "acoustics", "scores"})]:
        assert word in said, (word, said)
    assert ("rows only" in said) == (name == "rudiments")
    if name == "piano":
        assert "no directory of scores" in said and "above max_notes" in said
    # the same, where every value is right for itself
    right = {key: value for key, value in options.items() if value != 0}
    with pytest.raises(UsageError) as again:
        kind.config(kind.Options.read(right | missing), print)
    assert sorted(again.value.problems) == sorted(error.value.problems[1:])


def test_a_value_that_is_left_out_makes_no_other_one_wrong(tmp_path):
    kind = corpora.get("piano").Options
    for options in (
        {"augmentations": 0, "acoustics": ["clean", "gym"]},
        {"complexity": ["hard"], "min_notes": 6000, "max_duration_sec": 500},
        {"scores": 7, "score_licence": "MIT"},
    ):
        with pytest.raises(UsageError) as error:
            kind.read(options)
        assert len(error.value.problems) == 1
