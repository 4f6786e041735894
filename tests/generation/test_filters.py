"""Filters: the rows pandas would keep, of any columns with roles, and every problem told at once."""

import pickle
import random

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from sousa.generation.columns import AUDIO, Breakdown, Classes, Column, Events, Group, Score
from sousa.generation.errors import UsageError
from sousa.generation.filters import Filter, select
from sousa.generation.rudiments import definitions
from sousa.generation.rudiments.columns import columns

SCALARS = [column.name for column in columns() if column.name not in ("strokes", "measures", "midi", "audio")]


def files_of(root):
    """Parquet files of a dataset, in one order."""
    return sorted((root / "data").rglob("*.parquet"))


@pytest.fixture(scope="module")
def table(small):
    """The scalar columns of all rows."""
    return pa.concat_tables(pq.ParquetFile(path).read(columns=SCALARS) for path in files_of(small[0]))


@pytest.fixture(scope="module")
def frame(table):
    """The same for pandas."""
    return table.to_pandas()


CASES = {
    "everything": ({}, lambda f: f.sample_id.notna()),
    "tiers": (
        {"tiers": ["beginner", "advanced"]},
        lambda f: f.skill_tier.isin(["beginner", "advanced"]),
    ),
    "one tier": ({"tiers": "professional"}, lambda f: f.skill_tier == "professional"),
    "rudiments": ({"rudiments": ["flam", "drag:*"]}, lambda f: f.rudiment_slug.isin(["flam", "drag"])),
    "categories": ({"categories": ["roll"]}, lambda f: f.category == "roll"),
    "tempo": ({"tempo_bpm": (80, 120)}, lambda f: f.tempo_bpm.between(80, 120)),
    "tempo from": ({"tempo_bpm": [100, None]}, lambda f: f.tempo_bpm >= 100),
    "score": ({"scores": {"overall_score": (60, None)}}, lambda f: f.overall_score >= 60),
    "score that is often null": (
        {"scores": {"flam_quality": (None, None), "timing_accuracy": (None, 80)}},
        lambda f: f.flam_quality.notna() & (f.timing_accuracy <= 80),
    ),
    "banks": ({"banks": ["fluidr3_gm_power_38"]}, lambda f: f.bank == "fluidr3_gm_power_38"),
    "presets": ({"presets": ["clean"]}, lambda f: f.augmentation_preset == "clean"),
    "players": (
        {"players": ["int000", 3]},
        lambda f: (f.profile_id == "int000") | (f.profile_index == 3),
    ),
    "confidence": ({"tier_confidence": (0.3, 0.9)}, lambda f: f.tier_confidence.between(0.3, 0.9)),
    "several": (
        {"tiers": ["beginner"], "tempo_bpm": (None, 110), "scores": {"overall_score": (20, 45)}},
        lambda f: (f.skill_tier == "beginner") & (f.tempo_bpm <= 110) & f.overall_score.between(20, 45),
    ),
}


def kept(table, where):
    return table.filter(where.expression)["sample_id"].to_pylist()


@pytest.mark.parametrize("name", CASES)
def test_as_pandas(table, frame, name):
    arguments, oracle = CASES[name]
    where, wanted = select(**arguments), frame.sample_id[oracle(frame)].tolist()
    assert wanted and kept(table, where) == wanted
    assert set(where.columns) <= set(SCALARS)
    # the columns that it names are enough
    assert len(table.select(where.columns).filter(where.expression)) == len(wanted)
    # the complement is the rest, nulls among it
    assert kept(table, ~where) == frame.sample_id[~oracle(frame)].tolist()
    assert kept(table, pickle.loads(pickle.dumps(where))) == wanted
    assert kept(table, Filter.parse(arguments)) == wanted


def test_combinations(table, frame):
    draw = random.Random(7)
    single = [(select(**arguments), oracle(frame)) for arguments, oracle in CASES.values()]

    def combined(depth):
        if not depth:
            return draw.choice(single)
        (a, x), (b, y) = combined(depth - 1), combined(depth - 1)
        return draw.choice([(a & b, x & y), (a | b, x | y), (~a, ~x)])

    for _ in range(60):
        where, wanted = combined(3)
        assert table.select(where.columns).num_columns == len(set(where.columns))
        assert kept(table, where) == frame.sample_id[wanted].tolist()


def test_own_expressions(table, frame):
    """Any expression will do; a null it gives is not true, so the complement keeps it."""
    fast_hands = Filter(["flam_quality"], pc.field("flam_quality") > 50)
    assert kept(table, fast_hands) == frame.sample_id[frame.flam_quality > 50].tolist()
    assert kept(table, ~fast_hands) == frame.sample_id[~(frame.flam_quality > 50)].tolist()
    assert kept(table, ~~fast_hands) == kept(table, fast_hands)
    with pytest.raises(TypeError):
        fast_hands & fast_hands.expression


def test_variants():
    variant = next(name for name in definitions.load() if ":" in name)
    slug, _, name = variant.partition(":")
    table = pa.table({"rudiment_slug": [slug, slug, "other", slug], "variant": [None, name, name, "z"]})
    for names, wanted in (([slug], [0, 1, 3]), ([variant], [1]), ([f"{slug}:*"], [0, 1, 3])):
        numbered = table.append_column("n", pa.array(range(4)))
        assert numbered.filter(select(rudiments=names).expression)["n"].to_pylist() == wanted


def test_yaml():
    text = "{tiers: beginner, tempo_bpm: [null, 120], scores: {overall_score: [60, null]}}"
    same = select(tiers=["beginner"], tempo_bpm=(None, 120), scores={"overall_score": (60, None)})
    assert Filter.parse(text).expression.equals(same.expression)
    assert Filter.parse(None).columns == Filter.parse({}).columns == Filter.parse("").columns == []
    assert Filter.parse(same) is same


BAD = {
    "tiers: unknown 'begginer' (did you mean beginner?)": {"tiers": ["begginer"]},
    "unknown rudiment 'flamm' (did you mean flam?)": {"rudiments": ["flamm"]},
    "unknown variant of flam": {"rudiments": ["flam:backwards"]},
    "categories: unknown 'rolls'": {"categories": "rolls"},
    "presets: unknown 'gymn' (did you mean gym?)": {"presets": ["gymn"]},
    "unknown score 'overal_score' (did you mean overall_score?)": {"scores": {"overal_score": [0, 1]}},
    "unknown player 'xyz001'": {"players": ["xyz001"]},
    "unknown player -1": {"players": [-1]},
    "unknown player True": {"players": True},
    "tempo_bpm from 120 to 60": {"tempo_bpm": [120, 60]},
    "tempo_bpm is 120; give two numbers": {"tempo_bpm": 120},
    "tempo_bpm is [nan, 2]": {"tempo_bpm": [float("nan"), 2]},
    "tempo_bpm is ['60', 80]": {"tempo_bpm": ["60", 80]},
    "tier_confidence from 60 to None keeps no row; its values are 0 to 1": {"tier_confidence": [60, None]},
    "overall_score from 101 to None keeps no row": {"scores": {"overall_score": [101, None]}},
    "scores is ['overall_score']": {"scores": ["overall_score"]},
    "tiers is empty": {"tiers": []},
    "banks has 3": {"banks": [3]},
    "unknown filter 'tier' (did you mean tiers?)": {"tier": ["beginner"]},
}


@pytest.mark.parametrize("text", BAD)
def test_bad(text):
    with pytest.raises(UsageError) as caught:
        Filter.parse(BAD[text])
    assert text in str(caught.value) and "problems" not in str(caught.value)


def test_all_problems_at_once():
    with pytest.raises(UsageError) as caught:
        Filter.parse({"tiers": ["a", "b"], "tempo_bpm": [2, 1], "scores": {"x": [0, 1]}, "colour": "red"})
    for text in ("5 problems", "'a'", "'b'", "tempo_bpm", "'x'", "'colour'"):
        assert text in str(caught.value)
    for data in ("[1, 2]", "tiers: [", 7):
        with pytest.raises(UsageError, match=r"[a-z]+: \[[a-z]+\]"):
            Filter.parse(data)


# a corpus of pets: whatever columns there are, filters follow from their roles
PETS = (
    Column("animal", "string", "", "kind", role=Classes(("cat", "dog")), alias="animals"),
    Column("litter", "int32", "", "who was born together", role=Group("litter", "litters")),
    Column("owner", "string", "", "whose it is", role=Group("owner", "owners")),
    Column("fur", "string", "", "its colour", role=Breakdown(known=("red", "grey"))),
    Column("home", "string", "", "where it lives", role=Breakdown()),
    Column("age", "float64", "years", "since birth", role=Breakdown(band=5)),
    Column("cuteness", "float64", "0-10", "as judged", role=Score(0, 10)),
    Column("param_*", "float64", "", "whatever was measured", role=Breakdown()),
    Column("meals", (Column("onset_sample", "int64", "samples", "when"),), "", "in order", role=Events()),
    Column("note", "string", "", "no role, so no filter"),
    Column("audio", AUDIO, "", "its voice"),
)


def test_filters_follow_from_roles():
    known = {
        "animal", "animals", "owner", "fur", "home", "age", "cuteness", "param_tail", "scores"
    }  # fmt: skip
    right = {"age": [1, 2], "cuteness": [1, 2], "param_tail": [1, 2], "scores": {"cuteness": [1, 2]}}
    for name in known:
        value = right.get(name, {"animal": "cat", "animals": "cat", "fur": "red"}.get(name, "x"))
        where = Filter.parse({name: value}, PETS)
        column = {"animals": "animal", "scores": "cuteness"}.get(name, name)
        assert where.columns == [column]
    for name in ("litter", "meals", "note", "audio", "tiers"):
        with pytest.raises(UsageError, match=f"unknown filter '{name}'.*animal.*param_NAME"):
            Filter.parse({name: "x"}, PETS)
    for wrong in ({"animal": "cow"}, {"fur": "blue"}, {"age": [-2, -1]}, {"cuteness": [11, 12]}, {"home": 1}):
        with pytest.raises(UsageError):
            Filter.parse(wrong, PETS)


def test_stock_datasets(small, frame, tmp_path):
    """The expression is what ``filters=`` of the Parquet loader takes."""
    import datasets

    where = select(tiers=["beginner"], scores={"flam_quality": (50, None)}, tempo_bpm=(60, 140))
    beginner = (
        (frame.skill_tier == "beginner") & (frame.flam_quality >= 50) & frame.tempo_bpm.between(60, 140)
    )
    for kind, wanted in ((where, beginner), (~where, ~beginner)):
        loaded = datasets.load_dataset(
            "parquet", data_files=list(map(str, files_of(small[0]))), split="train",
            columns=["sample_id", *kind.columns], filters=kind.expression, cache_dir=str(tmp_path),
        )  # fmt: skip
        assert loaded["sample_id"] == frame.sample_id[wanted].tolist()
