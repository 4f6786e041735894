"""Names of rows: those of DSGenerator, unique, and safe on every file system."""

import re
from itertools import product

import pytest

from sousa.generation.textures import corpus, names, schema
from sousa.generation.textures.options import TexturesOptions
from tests.support.texture_ping import config, own, ping, theirs  # noqa: F401
from tests.support.textures import size


def sample_ids(config):
    """Names of all rows, in order."""
    signals = product(range(len(config.settings)), range(config.examples))
    return [row["sample_id"] for signal in signals for row in corpus.label_rows(config, *signal)]


def rows(config):
    """Names of all rows, after what holds of all of them."""
    found = sample_ids(config)
    assert len(found) == config.num_rows == len({one.casefold() for one in found})
    for one in found:
        assert not re.search(r'[/\\:*?"<>|\x00-\x1f\x7f]', one) and not one.startswith(".")
        assert len(one.encode()) <= 200 and one == one.strip()
    stems = names.setting_ids(config)
    per = config.rows_per_setting
    assert all(
        found[i].startswith(stems[i // per] + "--") or found[i] == stems[i // per] for i in range(len(found))
    )
    return found


def test_the_documents_example():
    found = rows(schema.read("tests/data/texture_configs/seed.json")[0])
    first = "PopPatternSynth--rate_exp-00.50--Q-40.00--Irregularity-00.00--center frequency-220.00"
    assert found[:2] == [f"{first}--v-000", f"{first}--v-001"]
    assert (
        "PopPatternSynth--rate_exp-00.50--Q-40.00--Irregularity-00.33--center frequency-440.00--v-001"
        in found
    )
    assert len(found) == 16


def test_the_later_generation():
    made = schema.read("tests/data/texture_configs/later.json")[0]
    assert rows(made)[1] == "Pop--Irregularity-00.00--center frequency-220.00--c-01"
    one = config(theirs(chunkSecs="absent", numChunks=1))
    assert rows(one)[0] == "PingPatternSynth--Rate-00.00--pitch-220.00"
    many = config(theirs(chunkSecs="absent", numChunks=2, examples=100))
    assert rows(many)[-1] == "PingPatternSynth--Rate-01.00--pitch-440.00--c-01--x-99"


def test_examples_of_the_earlier_one():
    made, _ = schema.parse(theirs(), "f", TexturesOptions(examples=2))
    ends = ["--x-00--v-000", "--x-00--v-001", "--x-01--v-000", "--x-01--v-001"]
    assert [one.removeprefix(names.setting_ids(made)[0]) for one in rows(made)[:4]] == ends


def test_labels_get_as_many_decimals_as_they_need():
    made = config(theirs(each=({"user_nvals": 300},)))
    found = rows(made)
    assert len(found) == 1200 and len(names.setting_ids(made)) == 600
    assert "--Rate-00.003--pitch-220.00--" in found[4]
    # the other axis keeps its own, and a large label is not padded
    fine = rows(config(theirs(each=({}, {"user_minval": 1e-6, "user_maxval": 2e-6}))))
    assert "--pitch-00.000001--" in fine[0] and "--pitch-00.000002--" in fine[2]


def test_labels_too_small_for_decimals():
    found = rows(config(theirs(each=({}, {"user_minval": 1e-30, "user_maxval": 3e-30}))))
    assert "--pitch-1e-30--" in found[0]


def test_labels_that_are_all_the_same_are_told_apart_by_index():
    found = rows(config(theirs(each=({"user_minval": 1, "user_maxval": 1},))))
    assert "--s-00002--v-000" in found[4]


def test_negative_labels():
    found = rows(config(theirs(each=({"user_minval": -1, "user_maxval": 1},))))
    assert "--Rate--1.00--" in found[0]


def test_names_for_points_that_are_no_grid():
    made = size("small")
    assert rows(made)[1] == "pop--s-00000--x-00--c-01"
    assert "wind--s-00023--x-00--c-00" in sample_ids(made)


@pytest.mark.parametrize(
    "given, made",
    [
        ("a/b\\c:d*e?f\"g<h>i|j", "a_b_c_d_e_f_g_h_i_j"),
        ("tab\tline\nnull\0", "tab_line_null_"),
        ("..hidden", "_hidden"),
        ("../../etc", "__.._etc"),
        ("center frequency", "center frequency"),
        ("ends. ", "ends"),
        ("...", "_"),
        ("CON", "_CON"),
        ("com1", "_com1"),
        ("console", "console"),
        ("é", "é"),
        ("e\u0301", "é"),
        ("\ud800", "_"),
        ("zero\u200bwidth\ufeff", "zero_width_"),
    ],
)  # fmt: skip
def test_unsafe_names(given, made):
    assert names.safe(given) == made


def test_names_made_safe_stay_unique():
    one = {"synth": "ping", "parameters": {"rate": {"min": 0, "max": 4, "count": 3}}}
    two = {"synth": "ping", "parameters": {"rate": {"min": 5, "max": 6, "count": 2}}}
    for first, second in (("a/b", "a:b"), ("Ping", "pING"), ("x", "x ")):
        same = {"rate": {**two["parameters"]["rate"], "label": {"min": 0, "max": 2}}}
        sounds = [{**one, "name": first}, {**two, "name": second, "parameters": same}]
        rows(config({"sounds": sounds, "duration_sec": 2, "chunk_sec": 1}))
        sounds[0]["enumeration"] = "random"
        sounds[0]["settings"] = 4
        sounds[0]["parameters"] = {"rate": {"min": 0, "max": 4}}
        rows(config({"sounds": sounds, "duration_sec": 2, "chunk_sec": 1}))


def test_long_names_are_cut_and_numbered():
    for letter in ("a", "ü", "鼓"):
        found = rows(config(theirs(each=({"user_pname": letter * 190}, {"user_pname": letter * 90}))))
        assert "--s-00003--v-001" in found[7] and max(len(one.encode()) for one in found) > 190
    found = rows(
        config(own(name="n" * 300, enumeration="list", parameters={}, points=[{"cf": 200}, {"cf": 300}]))
    )
    assert found[0].startswith("n" * 150)
