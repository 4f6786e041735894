"""The 40 rudiments against the cross-checked truth table, and the loader against bad files."""

import json
from fractions import Fraction

import pytest

from sousa.generation.errors import UsageError
from sousa.generation.rudiments import definitions
from sousa.generation.rudiments.definitions import DEFINITIONS_DIR, DefinitionError, load, main_forms, select
from sousa.generation.rudiments.notation import format_sticking
from tests.conftest import ROOT

TRUTH = json.loads((ROOT / "tests" / "data" / "rudiments_truth.json").read_text())


def _expanded(form):
    """One cycle in the layout of the truth table, graces before their primary."""
    out = []
    for onset, stroke, _, _ in form.cycle("R"):
        parent = len(out) + stroke.graces
        grace_hand = "L" if stroke.hand == "R" else "R"
        out += [(onset, grace_hand, "grace", False, 0, parent)] * stroke.graces
        kind = "buzz" if stroke.buzz else "primary"
        out.append((onset, stroke.hand, kind, stroke.accent, stroke.diddle, None))
    return out


@pytest.mark.parametrize("truth", TRUTH, ids=[t["slug"] for t in TRUTH])
def test_rudiment_equals_truth(truth):
    form = load()[truth["slug"]]
    told = [
        (Fraction(s["beat"]), s["hand"], s["kind"], s["accent"], s["diddle"], s["parent"])
        for s in truth["strokes"]
    ]
    assert _expanded(form) == told
    assert format_sticking(form.strokes) == truth["sticking"]
    assert (form.number, form.name, form.family) == (truth["number"], truth["name"], truth["family"])
    assert form.cycle_beats == Fraction(truth["beats"])
    assert form.lead_beats == Fraction(truth["lead_beats"])
    assert form.alternates == truth["alternates"]
    assert [getattr(form.tempo, n) for n in ("min", "typical_low", "typical_high", "max")] == list(
        truth["tempo_bpm"].values()
    )
    lengths = [Fraction(s["value"]) for s in truth["strokes"] if s["kind"] != "grace"]
    assert list(form.lengths) == lengths[: len(form.lengths)]


@pytest.mark.parametrize(
    "truth, variant",
    [(t, v) for t in TRUTH for v in t["variants"]],
    ids=lambda x: x.get("slug") or x.get("name"),
)
def test_variant_equals_truth(truth, variant):
    form = load()[f"{truth['slug']}:{variant['name']}"]
    assert list(form.onsets) == [Fraction(onset) for onset in variant["onsets"]]
    assert form.lead_beats == Fraction(variant["lead_beats"])
    assert format_sticking(form.strokes) == variant.get("sticking", truth["sticking"])


def test_there_are_forty_and_every_family_has_its_count():
    forms = main_forms()
    assert [form.number for form in forms] == list(range(1, 41))
    counts = {c: sum(form.category == c for form in forms) for c in definitions.CATEGORIES}
    assert counts == {"roll": 15, "diddle": 4, "flam": 11, "drag": 10}


# written by hand from the drum book: hands of each lead in turn, onsets of a lead, length of a lead
BY_HAND = {
    "five_stroke_roll": (["RRLLR", "LLRRL"], "0 1/8 1/4 3/8 1/2", "1"),
    "seven_stroke_roll": (["RRLLRRL", "RRLLRRL"], "0 1/8 1/4 3/8 1/2 5/8 3/4", "1"),
    "single_stroke_four": (["RLRL", "RLRL"], "0 1/6 1/3 1/2", "1"),
    "single_stroke_seven": (["RLRLRLR", "LRLRLRL"], "0 1/6 1/3 1/2 2/3 5/6 1", "2"),
    "single_paradiddle": (["RLRR", "LRLL"], "0 1/4 1/2 3/4", "1"),
    "paradiddle_diddle": (["RLRRLL", "RLRRLL"], "0 1/4 1/2 3/4 1 5/4", "3/2"),
    "flamacue": (["RLRLR", "LRLRL"], "0 1/4 1/2 3/4 1", "2"),
    "flam_accent": (["RLR", "LRL"], "0 1/3 2/3", "1"),
    "lesson_25": (["RLR", "RLR"], "0 1/4 1/2", "1"),
    "single_ratamacue": (["RLRL", "LRLR"], "0 1/6 1/3 1/2", "1"),
}


@pytest.mark.parametrize("slug", BY_HAND)
def test_three_cycles_by_hand(slug):
    """First stroke on the beat, leads alternate where they should, releases are held."""
    leads, onsets, lead_beats = BY_HAND[slug]
    onsets, lead_beats = [Fraction(o) for o in onsets.split()], Fraction(lead_beats)
    form = load()[slug]
    played = [
        (onset + number * form.cycle_beats, stroke.hand)
        for number in range(3)
        for onset, stroke, *_ in form.cycle()
    ]
    turns = 6 if form.alternates else 3
    wanted = [
        (turn * lead_beats + onset, hand)
        for turn in range(turns)
        for onset, hand in zip(onsets, leads[turn % 2], strict=True)
    ]
    assert played == wanted
    assert played[0][0] == 0


def test_left_lead_is_the_mirror_image():
    for form in load().values():
        right, left = form.cycle("R"), form.cycle("L")
        if form.strokes[0].hand == "R":
            assert [stroke.mirrored() for _, stroke, *_ in right] == [stroke for _, stroke, *_ in left]
        assert left[0][3] == "L" and right[0][3] == "R"


def test_density_stays_playable_at_the_fastest_tempo():
    for form in load().values():
        densest = 1000 / min(float(slot) * 60000 / form.tempo.max for slot in form.slots)
        doubles = any(stroke.diddle for stroke in form.strokes)
        assert densest <= (19.4 if doubles else 15.0), form.form


def test_adding_a_rudiment_is_adding_a_file(tmp_path):
    source = next(DEFINITIONS_DIR.glob("*_flam.toml")).read_text()
    (tmp_path / "41_house_flam.toml").write_text(source.replace("number = 20", "number = 41"))
    assert list(load(tmp_path)) == ["house_flam", "house_flam:eighths"]


def test_all_problems_of_all_files_are_named(tmp_path):
    good = next(DEFINITIONS_DIR.glob("*_flam.toml")).read_text()
    (tmp_path / "1_a.toml").write_text(good.replace('sticking = "lR"', 'sticking = "rR"'))
    (tmp_path / "2_b.toml").write_text(good.replace('metre = "2/4"', 'metre = "two"'))
    (tmp_path / "3_c.toml").write_text("number = ")
    (tmp_path / "4_d.toml").write_text(good.replace("max = 200", "max = 4000"))
    (tmp_path / "oddname.toml").write_text(good)
    (tmp_path / "5_e.toml").write_text(good + '\ncolour = "red"\n')
    with pytest.raises(DefinitionError) as error:
        load(tmp_path)
    for part in ("1_a.toml", "2_b.toml", "3_c.toml", "4_d.toml", "oddname.toml", "5_e.toml"):
        assert part in str(error.value)


def test_selection_by_name():
    assert [f.form for f in select(["flam", "single_stroke_roll"])] == ["single_stroke_roll", "flam"]
    assert [f.form for f in select(["flam:*"])] == ["flam", "flam:eighths"]
    with pytest.raises(UsageError) as error:
        select(["flamm", "flam:nosuch", "drag:x"])
    assert "did you mean flam?" in str(error.value)
    assert "nosuch" in str(error.value) and "it has none" in str(error.value)
