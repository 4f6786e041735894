"""Points of parameter space: which there are, what they draw, and how they are divided."""

import json
import pickle
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from sousa.generation.errors import UsageError
from sousa.generation.textures import corpus, schema, settings, space
from sousa.generation.textures.values import Curve
from tests.support.texture_ping import Ping, config, own, ping, theirs  # noqa: F401

SWEPT = {"rate": {"min": 0, "max": 4}, "cf": {"min": 200, "max": 3200, "scale": "log"}}
DRAWN = ("sobol", "latin_hypercube", "random")


def sampled(method, count, **changes):
    return config(parameters=SWEPT, enumeration=method, settings=count, **changes)


def grid(count, **changes):
    axes = {name: {**axis, "count": count} for name, axis in SWEPT.items()}
    return config(parameters=axes, **changes)


def test_a_grid_is_the_product_of_its_axes_and_the_last_changes_fastest():
    found = config().settings
    assert len(found) == 25
    assert [one.natural[0] for one in found[:6]] == [0, 0, 0, 0, 0, 1]
    assert [one.natural[1] for one in found[:5]] == pytest.approx([200, 400, 800, 1600, 3200], rel=1e-12)
    assert [one.index for one in found] == list(range(25))
    assert found[0].user == found[0].natural  # without a label


def test_every_parameter_has_a_value_in_the_order_of_the_synthesizer():
    for one in config().settings:
        assert list(one.params) == [p.name for p in Ping.parameters]
        assert one.params["Q"] == 20 and one.params["width"] == 0.5  # fixed, and by default


def test_labels_are_as_evenly_spaced_as_the_shares():
    data = own()
    data["parameters"]["cf"]["label"] = {"name": "height", "min": 0, "max": 1}
    found = config(data).settings
    assert [one.user[1] for one in found[:5]] == [0, 0.25, 0.5, 0.75, 1]
    assert [one.natural[1] for one in found[:3]] == pytest.approx([200, 400, 800], rel=1e-12)


def test_one_value_is_the_minimum_and_ends_may_fall():
    data = theirs(each=({"user_nvals": 1, "synth_minval": 2}, {"synth_minval": 440, "synth_maxval": 220}))
    found = config(data).settings
    assert [(one.user, one.natural) for one in found] == [((0, 220), (2, 440)), ((0, 440), (2, 220))]


def test_values_one_by_one():
    data = own()
    data["parameters"]["rate"] = {"values": [0, 0.5, 3], "label": {"min": 0, "max": 6}}
    found = config(data).settings
    assert [(one.natural[0], one.user[0]) for one in found[::5]] == [(0, 0), (0.5, 1), (3, 6)]


def test_two_grids_share_points_and_all_that_is_drawn_for_them():
    small = {one.natural: one for one in grid(5).settings}
    large = {one.natural: one for one in grid(9).settings}
    assert small.keys() < large.keys()
    for natural, one in small.items():
        assert (one.draws, one.split) == (large[natural].draws, large[natural].split)


def test_neither_labels_nor_order_nor_names_change_draws():
    data = own(name="other", seed=42)
    data["parameters"] = dict(reversed(data["parameters"].items()))
    data["parameters"]["cf"]["label"] = {"name": "x", "min": 1, "max": 2}
    assert {one.draws for one in config(data).settings} == {one.draws for one in config().settings}


def test_draws_are_canonical_text_of_synthesizer_version_and_values():
    found = json.loads(config().settings[7].draws)
    assert found["synth"] == "ping" and found["version"] == "1.2.3"
    assert found["params"] == {"rate": 1.0, "cf": 800.0, "Q": 20.0, "width": 0.5}
    assert config().settings[7].draws == json.dumps(found, sort_keys=True)


@pytest.mark.parametrize("method", ["sobol", "random"])
def test_a_longer_sequence_begins_with_a_shorter_one(method):
    long = sampled(method, 300).settings
    for count in (24, 25, 100):
        assert long[:count] == sampled(method, count).settings
    assert [one.natural for one in sampled(method, 7).settings] == [one.natural for one in long[:7]]


@pytest.mark.parametrize("method", DRAWN)
def test_drawn_points_cover_their_ranges_and_follow_the_seed(method):
    found = np.array([one.natural for one in sampled(method, 256).settings])
    share = np.column_stack([found[:, 0] / 4, np.log(found[:, 1] / 200) / np.log(16)])
    assert ((share >= 0) & (share < 1)).all() and len(np.unique(share, axis=0)) == 256
    filled = [len(set((share[:, i] * 16).astype(int))) for i in (0, 1)]
    assert filled == [16, 16]
    assert np.abs(share.mean(axis=0) - 0.5).max() < 0.07
    assert abs(np.corrcoef(share.T)[0, 1]) < 0.2
    other = [one.natural for one in sampled(method, 256, seed=43).settings]
    assert not {tuple(row) for row in found.tolist()} & set(other)


def test_sobol_points_fill_every_box_of_equal_size():
    found = np.array([one.natural for one in sampled("sobol", 64).settings])
    share = np.column_stack([found[:, 0] / 4, np.log(found[:, 1] / 200) / np.log(16)])
    for cells in ((8, 8), (64, 1), (1, 64), (16, 4)):  # a net: each of 64 boxes holds one point
        held = Counter(map(tuple, (share * cells).astype(int)))
        assert set(held.values()) == {1}, cells


def test_a_latin_hypercube_has_one_point_in_every_slice():
    found = np.array([one.natural[0] for one in sampled("latin_hypercube", 50).settings])
    assert sorted((found / 4 * 50).astype(int)) == list(range(50))


def test_scipy_is_not_needed_for_a_grid():
    code = (
        "import sys\nfrom sousa.generation.textures import schema\n"
        "c, _ = schema.read('tests/data/texture_configs/readme.json')\nassert len(c.settings) == 125\n"
        "print('scipy.stats' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_listed_points():
    data = own(
        enumeration="list", parameters={"Q": 3}, points=[{"cf": 200, "rate": 1}, {"rate": 2, "cf": 100}]
    )
    found = config(data).settings
    assert [(one.params["cf"], one.params["rate"], one.params["Q"]) for one in found] == [
        (200, 1, 3),
        (100, 2, 3),
    ]


# --- curves ---


def moving(**curve):
    data = own()
    data["parameters"]["cf"] = curve
    return config(data)


def test_points_of_a_curve_are_kept():
    found = moving(curve=[[0, 100], [1, 400]], scale="log").settings[0].params["cf"]
    assert found == Curve((0.0, 1.0), (100.0, 400.0), "log")
    assert found.at(np.array([0.5, 3.0])) == pytest.approx([200, 400])


def test_a_sine_goes_between_its_ends_beginning_halfway_up():
    found = moving(curve="sine", min=100, max=300, cycles=2).settings[3].params["cf"]
    t = np.linspace(0, 4, 1001)
    assert np.abs(found.at(t) - (200 + 100 * np.sin(2 * np.pi * 2 * t / 4))).max() < 0.0013 * 100
    assert (found.low, found.high, found.times[-1]) == (100, 300, 4)


def test_random_curves_differ_by_setting_and_are_drawn_by_its_own_values():
    one = moving(curve="random", min=100, max=300, points=6)
    curves = [setting.params["cf"] for setting in one.settings]
    assert len(set(curves)) == len(curves) == 5
    for curve in curves:
        assert 100 <= curve.low < curve.high <= 300
        assert curve.times == pytest.approx([0, 0.8, 1.6, 2.4, 3.2, 4])
    finer = own(
        parameters={**own()["parameters"], "cf": one_random(), "rate": {"min": 0, "max": 4, "count": 9}}
    )
    finer = {setting.draws: setting.params["cf"] for setting in config(finer).settings}
    assert all(finer[setting.draws] == setting.params["cf"] for setting in one.settings)
    other = config(own(parameters={**own()["parameters"], "cf": one_random()}, seed=43))
    assert not {setting.params["cf"] for setting in other.settings} & set(curves)


def one_random():
    return {"curve": "random", "min": 100, "max": 300, "points": 6}


def test_a_curve_is_named_by_what_is_said_of_it_whatever_the_length_of_signals():
    short, long = (
        config(own(parameters={**own()["parameters"], "cf": one_random()}, duration_sec=length)).settings
        for length in (4, 8)
    )
    for a, b in zip(short, long, strict=True):
        assert a.draws == b.draws and a.params["cf"].values == b.params["cf"].values
        assert b.params["cf"].times[-1] == 8


# --- splits ---


def shares(config):
    count = Counter(one.split for one in config.settings)
    return {name: count[name] / len(config.settings) for name in ("train", "validation", "test")}


def test_random_splits_have_their_shares():
    found = shares(grid(60, splits={"validation": 0.2, "test": 0.1}))
    sd = (0.2 * 0.8 / 3600) ** 0.5
    assert abs(found["validation"] - 0.2) < 4 * sd and abs(found["test"] - 0.1) < 4 * sd
    assert {one.held_out for one in grid(20).settings if one.split == "test"} == {"random"}
    assert {one.held_out for one in grid(20).settings if one.split != "test"} == {None}


def test_a_share_of_zero_is_empty():
    found = shares(grid(20, splits={"validation": 0, "test": 0}))
    assert found == {"train": 1, "validation": 0, "test": 0}


@pytest.mark.parametrize("count", [3, 4, 8, 24])
def test_small_corpora_have_every_split_whatever_the_seed(count):
    for seed in range(25):
        for method in ("random", "latin_hypercube"):
            found = Counter(one.split for one in sampled(method, count, seed=seed).settings)
            assert set(found) == {"train", "validation", "test"} and found["train"] >= 1


def test_of_one_or_two_settings_all_are_train():
    assert {one.split for one in sampled("random", 2).settings} == {"train"}
    assert {one.split for seed in range(20) for one in sampled("random", 1, seed=seed).settings} == {"train"}


@pytest.mark.parametrize("method", ["sobol", "random"])
def test_splits_of_a_prefix_stay_when_there_are_more(method):
    for seed in range(30):
        small, large = sampled(method, 24, seed=seed).settings, sampled(method, 50, seed=seed).settings
        assert small == large[:24]


def test_a_region_held_out_is_test_data_whatever_else_is_said():
    splits = {"extrapolation": {"cf": [1600, 3200]}, "interpolation": {"cf": [300, 1700], "rate": [0.5, 3.5]}}
    made = grid(9, splits=splits)
    for one in made.settings:
        rate, cf = one.natural
        if cf >= 1600:
            assert (one.split, one.held_out) == ("test", "extrapolation")
        elif 300 <= cf <= 1700 and 0.5 <= rate <= 3.5:
            assert (one.split, one.held_out) == ("test", "interpolation")
        else:
            assert one.held_out in (None, "random")


def test_a_share_of_inner_settings_is_held_out_and_none_at_an_end():
    made = grid(20, splits={"interpolation": 0.3, "test": 0, "validation": 0})
    held = [one for one in made.settings if one.held_out == "interpolation"]
    assert all(0 < one.natural[0] < 4 and 200 < one.natural[1] < 3200 for one in held)
    assert abs(len(held) / 18**2 - 0.3) < 4 * (0.3 * 0.7 / 18**2) ** 0.5


def test_a_box_divides_only_sounds_that_sweep_its_parameters():
    one = {"synth": "ping", "parameters": {"cf": {"min": 200, "max": 3200, "count": 5}}}
    two = {"synth": "ping", "name": "b", "parameters": {"rate": {"min": 0, "max": 4, "count": 5}, "cf": 2000}}
    made = config(
        {"sounds": [one, two], "duration_sec": 1, "splits": {"extrapolation": {"cf": [1000, 4000]}}}
    )
    held = [setting.sound for setting in made.settings if setting.held_out == "extrapolation"]
    assert held == [0, 0, 0]
    assert [one.index for one in made.settings if one.sound == 1] == [0, 1, 2, 3, 4]


def test_a_config_survives_its_identity():
    made = schema.read("tests/data/texture_configs/every_key.yaml")[0]
    again = settings.from_identity(json.loads(json.dumps(made.identity())), made.size)
    made = replace(made, records=(), shard_mib=again.shard_mib, layout=again.layout)  # they are no part of it
    assert again == made and again.settings == made.settings


def test_count_makes_nothing():
    for made in (grid(7), sampled("sobol", 31), schema.read("tests/data/texture_configs/every_key.yaml")[0]):
        assert sum(space.count(one) for one in made.sounds) == len(made.settings)


def test_rows_look_for_no_settings_by_value_and_workers_get_none(monkeypatch):
    """Comparing a list of a hundred thousand points for each of its rows would take most of the time."""
    made = config(parameters={"rate": {"min": 1, "max": 4, "count": 6}}, duration_sec=0.1, chunk_sec=0.1)
    size = len(pickle.dumps(made))
    list(corpus.make_rows(made, 0, 0))
    assert len(pickle.dumps(made)) == size
    monkeypatch.setattr(settings.Config, "__hash__", None)
    rows = [row for position in range(1, 6) for row in corpus.make_rows(made, position, 0)]
    assert len({row["setting_id"] for row in rows}) == 5


@pytest.mark.parametrize(
    "scale, onto",
    [("linear", lambda v: v), ("log", np.log), ("sqrt", np.sqrt), ("mel", lambda v: np.log10(1 + v / 700))],
)
def test_points_are_even_on_their_scale(scale, onto):
    from sousa.generation.textures.values import Curve, share_of

    cf = {"min": 200, "max": 2000, "count": 7, "scale": scale}
    config, _ = schema.parse({"synth": "pop", "parameters": {"cf": cf}, "duration_sec": 1}, "test")
    found = np.array([setting.params["cf"] for setting in config.settings])
    assert (found[0], found[-1]) == (200.0, 2000.0)
    assert np.diff(onto(found)) == pytest.approx(np.full(6, np.diff(onto(found)).mean()), rel=1e-9)
    assert share_of(200, 2000, found, scale) == pytest.approx(np.arange(7) / 6)
    middle = Curve((0.0, 1.0), (200.0, 2000.0), scale).at([0.5])[0]
    assert middle == pytest.approx(found[3])


def test_a_scale_that_a_value_is_not_on_is_refused():
    for scale, low in (("log", 0), ("sqrt", -1)):
        rate = {"min": low, "max": 4, "count": 3, "scale": scale}
        with pytest.raises(UsageError, match=f"scale {scale} needs values"):
            schema.parse({"synth": "pop", "parameters": {"rate_exp": rate}, "duration_sec": 1}, "test")


def test_counts_are_whole_numbers_in_every_setting():
    parameters = {
        "cylinders": {"min": 1, "max": 9, "label": {"min": 0, "max": 1}},
        "cf": {"min": 60, "max": 400},
    }
    data = {"synth": "pistons", "parameters": parameters, "enumeration": "sobol", "settings": 40}
    config, _ = schema.parse({**data, "duration_sec": 1}, "test")
    found = [setting.params["cylinders"] for setting in config.settings]
    assert set(found) <= {float(n) for n in range(1, 10)} and len(set(found)) > 5
    assert [s.user[0] for s in config.settings] == pytest.approx([(n - 1) / 8 for n in found])
    with pytest.raises(UsageError, match=r"cylinders is 2.5; cylinders takes whole numbers"):
        schema.parse({"synth": "pistons", "parameters": {"cylinders": 2.5}, "duration_sec": 1}, "test")
