"""Velocities of recordings: what names say, what levels say, and how layers share 1 to 127."""

import numpy as np
import pytest

from sousa.generation.audio import velocities
from sousa.generation.audio.velocities import arrange, named


def tops(arrangement):
    """Highest velocity of each layer."""
    layer_of = arrangement.layer_of[1:]
    assert (np.diff(layer_of) >= 0).all() and set(layer_of) == set(range(len(arrangement.order)))
    return [int(np.flatnonzero(layer_of == i).max()) + 1 for i in range(len(arrangement.order))]


@pytest.mark.parametrize(
    "names, expected",
    [
        (["snare_v064", "snare_v127"], [64, 127]),
        (["sn vel 10 a", "sn vel 100 b"], [10, 100]),
        (["Velocity-40", "Velocity-41"], [40, 41]),
        (["snare_pp", "Snare mf 2", "SNARE_FF"], [33, 80, 112]),
        (["SnareSoft1", "SnareMedium1", "SnareHard1"], [40, 80, 115]),
        (["v016", "v032"], [16, 32]),  # three digits: velocities
        (["Snare-12-V01-SABR-6", "Snare-12-V02-SABR-7"], [31.75, 95.25]),
        (["v03", "v01", "v02"], [105.833333, 21.166667, 63.5]),
        (["layer4", "layer9"], [31.75, 95.25]),
        ([f"v{n}" for n in range(1, 51)], list(np.round((np.arange(50) + 0.5) * 2.54, 6))),
    ],
)
def test_names_say_velocities(names, expected):
    assert named(names).tolist() == pytest.approx(expected)
    arranged = arrange(names, [-20.0] * len(names))
    assert arranged.by == "names" and arranged.order == sorted(range(len(names)), key=expected.__getitem__)


@pytest.mark.parametrize(
    "names",
    [
        ["snare 1", "snare 2"],
        ["snare_v1", "snare"],
        ["snare_pp_ff", "snare_p"],
        ["v128", "v10"],
        ["improv1", "improv2"],  # no letter may stand before the v
        ["pushed", "cuff"],
    ],
)
def test_names_that_say_nothing(names):
    with pytest.raises(velocities.UnnamedError):
        arrange(names, [-30.0, -10.0], "names")
    arranged = arrange(names, [-10.0, -30.0])
    assert arranged.by == "levels" and arranged.order == [1, 0]


def test_layers_numbered_from_loud_to_soft_go_by_their_levels():
    names = ["v1", "v2", "v3"]
    arranged = arrange(names, [-10.0, -20.0, -30.0])
    assert arranged.by == "levels" and arranged.order == [2, 1, 0]
    assert arrange(names, [-10.0, -20.0, -30.0], "names").order == [0, 1, 2]
    assert arrange(names, [-10.0, -11.0, -12.0]).by == "names"


def test_levels_give_the_velocities_of_the_usual_curve():
    arranged = arrange(["a", "b", "c"], [-40.0, 0.0, -12.0], "levels")
    assert arranged.order == [0, 2, 1]
    assert tops(arranged) == [38, 95, 127]  # half-way between 12.7, 63.6 and 127


def test_recordings_of_one_level_are_spread_evenly():
    assert tops(arrange(list("abcd"), [-1.0, -2.0, -3.0, -4.0])) == [32, 64, 95, 127]


def test_round_robins_share_the_velocities_of_their_group_in_order_of_level():
    names = ["v064_rr1", "v064_rr2", "v127_rr1", "v127_rr2"]
    arranged = arrange(names, [-20.0, -22.0, -3.0, -5.0])
    assert arranged.order == [1, 0, 3, 2]
    assert tops(arranged) == [48, 96, 111, 127]


def test_ranges_of_a_kit_are_kept():
    ranges = [(0.0, 25.4), (25.4, 101.6), (101.6, 127.0)]
    arranged = arrange(list("abc"), [-30.0, -20.0, -3.0], ranges=ranges)
    assert arranged.by == "ranges" and tops(arranged) == [25, 102, 127]
    nominal = np.array([12.7, 63.5, 114.3])
    played = np.array([-30.0, -20.0, -3.0]) + 20 * np.log10(nominal / 127)  # so Hydrogen plays them
    assert arranged.level_db[[64, 114]] == pytest.approx(played[1:], abs=0.3)


def test_more_recordings_than_velocities():
    arranged = arrange([f"s{i}" for i in range(300)], list(np.linspace(-40, 0, 300)))
    assert tops(arranged) == list(range(1, 128))
    assert arranged.order[0] == 0 and arranged.order[-1] == 299


def test_many_of_one_velocity_leave_one_for_each_other():
    names = ["v001", *[f"v126_{i}" for i in range(60)], "v127"]
    arranged = arrange(names, [-40.0, *np.linspace(-8, -6, 60), -3.0])
    assert tops(arranged)[-2:] == [126, 127] and len(tops(arranged)) == 62


def test_the_curve_follows_measured_levels_unless_files_were_made_equally_loud():
    names = ["v020", "v070", "v120"]
    measured = arrange(names, [-40.0, -14.0, -6.0])
    assert measured.level_db[[20, 70, 120]] == pytest.approx([-40.0, -14.0, -6.0])
    assert (np.diff(measured.level_db[1:]) > 0).all()
    equal = arrange(names, [-6.0, -6.2, -5.9])
    usual = velocities.usual_db(np.arange(128.0))
    assert equal.level_db == pytest.approx(usual - usual[120] - 5.9)
