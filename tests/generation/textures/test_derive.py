"""The same corpus with an argument changed: settings, draws and splits stay."""

from dataclasses import replace

import pytest

from sousa.generation.errors import RunError, UsageError
from sousa.generation.textures import requests, synth
from sousa.generation.textures.derive import derive
from sousa.generation.textures.settings import Fixed, Level
from tests.support.texture_ping import Ping, config, own, ping, theirs  # noqa: F401
from tests.support.textures import size

TWO = {
    "sounds": [
        {"synth": "ping", "name": "a", "parameters": {"cf": {"min": 200, "max": 400, "count": 4}}},
        {"synth": "ping", "name": "b.c", "parameters": {"rate": {"min": 2, "max": 3, "count": 4}}},
    ],
    "duration_sec": 4,
}


def same(base, made):
    """Everything that a derived corpus has from its base."""
    assert [(one.draws, one.split, one.held_out, one.natural) for one in base.settings] == [
        (one.draws, one.split, one.held_out, one.natural) for one in made.settings
    ]
    assert made.base == "digest" and made.seed == base.seed


@pytest.mark.parametrize(
    "name, text, field, value",
    [
        ("sample_rate", "44100", "sample_rate", 44100),
        ("level", "none", "level", Level("none", 0)),
        ("level", "rms:-30", "level", Level("rms", -30)),
        ("audio_format", "wav", "audio_format", "wav"),
        ("records", "params, tfrecords", "records", ("params", "tfrecords")),
        ("shard_mib", "8.5", "shard_mib", 8.5),
        ("shard_mib", "single", "shard_mib", None),
        ("layout", "flat", "layout", "flat"),
        ("examples", "3", "examples", 3),
        ("duration_sec", "6", "duration_sec", 6),
        ("chunk_sec", "0.5", "chunk_sec", 0.5),
    ],
)
def test_one_argument_changed(name, text, field, value):
    base = config()
    made = derive(base, {name: text}, "digest")
    same(base, made)
    assert getattr(made, field) == value
    kept = {one: getattr(base, one) for one in vars(base) if one not in (field, "base", "settings", "size")}
    assert {one: getattr(made, one) for one in kept} == kept
    assert made.identity() != base.identity()


def test_a_fixed_parameter_changed():
    base = config()
    made = derive(base, {"Q": "5"}, "digest")
    same(base, made)
    assert {one.params["Q"] for one in made.settings} == {5} and {
        one.params["Q"] for one in base.settings
    } == {20}
    assert made.sounds[0].drawn_as == (("Q", 20),)
    again = derive(made, {"Q": "6", "width": "0.25"}, "digest")
    same(base, again)
    assert again.sounds[0].drawn_as == (("Q", 20), ("width", 0.5)) and again.settings[0].params["Q"] == 6
    back = derive(again, {"Q": "20", "width": "0.5"}, "digest")
    same(base, back)
    assert back.sounds[0].drawn_as == () and back.settings[0].params == base.settings[0].params


def test_a_value_given_in_norm_is_replaced_by_a_natural_one():
    made = derive(config(theirs()), {"width": "0.1"}, "digest")
    assert made.sounds[0].fixed == (Fixed("width", 0.1, 0.1, "natural", ""),)


def test_random_curves_stay():
    data = own()
    data["parameters"]["cf"] = {"curve": "random", "min": 200, "max": 400, "points": 5}
    base = config(data)
    for changes in ({"Q": "3"}, {"sample_rate": "22050"}, {"duration_sec": "8"}):
        made = derive(base, changes, "digest")
        same(base, made)
        assert [one.params["cf"].values for one in made.settings] == [
            one.params["cf"].values for one in base.settings
        ]


def test_parameters_of_several_sounds():
    base = config(TWO)
    made = derive(base, {"a.Q": "3", "b.c.width": "0.1"}, "digest")
    same(base, made)
    assert [one.drawn_as for one in made.sounds] == [(("Q", 40),), (("width", 0.5),)]
    with pytest.raises(UsageError, match=r"Q is a parameter of several sounds; say which: a\.Q, b\.c\.Q"):
        derive(base, {"Q": "3"}, "digest")


@pytest.mark.parametrize(
    "changes, said",
    [
        ({}, "nothing is to be changed"),
        ({"seed": "3"}, "seed can't be changed: another seed draws everything anew"),
        ({"cf": "300"}, "cf can't be changed: it is swept"),
        ({"Qq": "3"}, r"unknown name 'Qq' \(did you mean Q\?\)"),
        ({"Q": "51"}, "Q is 51; give a number from 0.1 to 50"),
        ({"Q": "loud"}, "Q is loud; give a number"),
        ({"Q": "nan"}, "Q is nan; give a number"),
        ({"Q": ""}, "give a number"),
        ({"sample_rate": "fast"}, "sample_rate is 'fast'; give a whole number"),
        ({"sample_rate": "1000"}, "sample_rate is 1000; give a whole number from 8000 to 96000 Hz"),
        ({"chunk_sec": "5"}, "chunk_sec is 5, longer than the signal"),
        ({"duration_sec": "1"}, r"chunk_sec is 2, longer than the signal \(duration_sec 1 s\)"),
        ({"level": "loud"}, "level: policy is 'loud'"),
        ({"records": "param"}, r"records: unknown format 'param' \(did you mean params\?\)"),
        ({"audio_format": "mp3"}, "audio_format is 'mp3'; choose from flac, wav"),
        ({"shard_mib": "0"}, "shard_mib is 0; give a number above 0, up to 10240 MiB, or single"),
        ({"examples": "0"}, "examples is 0; give a whole number of 1 or more"),
        ({"examples": "1e9"}, "at most 10,000,000"),
        ({"ping.cf": "300"}, "ping.cf can't be changed: it is swept"),
    ],
)
def test_what_is_refused(changes, said):
    with pytest.raises(UsageError, match=said):
        derive(config(), changes, "digest")


def test_frequencies_have_to_fit_a_lower_rate():
    base = config()  # up to 3200 Hz at 16000
    derive(base, {"sample_rate": "8000"}, "digest")
    high = own()
    high["parameters"]["cf"]["max"] = 6400
    with pytest.raises(
        UsageError, match="cf of ping is 6400 Hz; it has to be below half the sample rate, 4000 Hz"
    ):
        derive(config(high), {"sample_rate": "8000"}, "digest")
    fixed = own()
    fixed["parameters"]["cf"] = 300
    with pytest.raises(UsageError, match="cf of ping is 9000 Hz"):
        derive(config(fixed), {"cf": "9000"}, "digest")


def test_curves_have_to_fit_a_shorter_signal():
    data = own()
    data["parameters"]["cf"] = {"curve": [[0, 200], [3.5, 400]]}
    with pytest.raises(
        UsageError, match=r"the curve of ping\.cf has a point at 3\.5 s, and the signal would end"
    ):
        derive(config(data), {"duration_sec": "3"}, "digest")
    with pytest.raises(UsageError, match="cf can't be changed: it moves in time"):
        derive(config(data), {"cf": "300"}, "digest")


def test_all_problems_are_told_at_once():
    with pytest.raises(UsageError) as caught:
        derive(config(), {"seed": "1", "Q": "99", "sample_rate": "x", "level": "y", "zzz": "1"}, "digest")
    assert str(caught.value).startswith("5 problems:")


def test_another_version_of_the_synthesizer_is_refused(monkeypatch):
    base = config()

    class Later(Ping):
        version = "2.0.0"

    monkeypatch.setitem(synth._ADDED, "ping", Later())
    identity = base.identity()  # what a base is read from before anything is derived from it
    with pytest.raises(RunError, match=r"made with ping 1\.2\.3, here is 2\.0\.0; install that version"):
        requests.restore(identity, "custom", rows_only=False)
    assert requests.restore(identity, "custom", rows_only=True) == replace(base, records=(), shard_mib=64)


def test_a_size_derived_is_custom():
    made = derive(size("small"), {"sample_rate": "22050"}, "digest")
    assert made.size == "custom"
    same(size("small"), made)
