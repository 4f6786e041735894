"""Parameters as targets: labels are the corpus's own values, ranges are found, nulls teach nothing."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import torch
import yaml

from sousa.generation.columns import Column, Parameters
from sousa.generation.errors import UsageError
from sousa.generation.textures import synth
from sousa.training import corpora
from sousa.training.config import Data
from sousa.training.filters import select
from sousa.training.front_ends import LogMel
from sousa.training.live import LiveRows
from sousa.training.models.compact import Compact, CompactConfig
from sousa.training.models.model import Model
from sousa.training.stream import Rows, open_rows
from sousa.training.tasks import make_targets, varying
from sousa.training.tasks.parameters import CurveTarget, ParameterTarget

SPACE = {
    "sounds": [
        {"name": "low", "synth": "pop", "parameters": {
            "rate_exp": {"min": 2, "max": 4}, "cf": {"min": 200, "max": 1000, "scale": "log"}, "Q": 30}},
        {"name": "moving", "synth": "fm", "parameters": {
            "carrier_hz": {"min": 300, "max": 900, "scale": "log"},
            "index": {"curve": "random", "min": 0.5, "max": 8, "points": 4}}},
        {"name": "still", "synth": "fm", "parameters": {
            "carrier_hz": {"min": 300, "max": 900, "scale": "log"}, "index": 3}},
    ],
    "enumeration": "sobol", "settings": 30, "sample_rate": 16000, "duration_sec": 0.8, "chunk_sec": 0.4,
    "splits": {"validation": 0.2, "test": 0.1, "interpolation": {"carrier_hz": [500, 650]},
               "extrapolation": {"cf": [800, 1000]}},
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A dataset of two synthesizers, one of which moves."""
    place = tmp_path_factory.mktemp("textures")
    (place / "space.yaml").write_text(yaml.safe_dump(SPACE))
    generate = {"corpus": "textures", "configfile": str(place / "space.yaml")}
    return Data(path=str(place / "data"), generate=generate), corpora.prepared_source(
        Data(path=str(place / "data"), generate=generate)
    )


@pytest.fixture(scope="module")
def targets(data):
    return varying.choose(*rows_to_learn(data[1]))


def rows_to_learn(source):
    """Rows with parameters, and the column of these."""
    column = source.known.parameters
    return open_rows(source, "train", columns=varying.columns(column), audio=None), column


def test_the_role_has_the_words_for_what_varies():
    """Another role's words, of a corpus that has nothing in common with the synthesizers here."""

    class Chosen(Parameters):
        SWEPT, MOVING = "chosen", "drawn"

    column = Column("settings", "", "", "", role=Chosen("paths", 50.0, "device"))
    names = {"size": "chosen", "shape": "drawn", "colour": "swept"}
    settings = [
        [{"name": name, "role": role, "natural": x, "norm": x, "unit": ""} for name, role in names.items()]
        for x in (0.1, 0.2, 0.9)
    ]
    paths = [[{"name": "shape", "natural": x, "norm": x} for x in (0.3, 0.5)]] * 3
    table = pa.table({"device": ["box"] * 3, "settings": settings, "paths": paths})
    kinds = {name: type(t) for name, t in varying.parameters(SimpleNamespace(table=table), column).items()}
    assert kinds == {"size": ParameterTarget, "shape": CurveTarget}


def test_targets_are_what_varies_and_ranges_are_those_declared(data, targets):
    assert list(targets) == ["rate_exp", "cf", "carrier_hz", "index"]
    assert [type(one) for one in targets.values()] == [ParameterTarget] * 3 + [CurveTarget]
    for name, one in targets.items():
        (of, told), = one.makers.items()  # fmt: skip
        declared = {p.name: p for p in synth.get(of).parameters}[name]
        assert (told["low"], told["high"]) == pytest.approx((declared.minimum, declared.maximum), rel=1e-5)
        assert (told["scale"], told["unit"]) == (declared.scale, declared.unit)
    table = Rows(data[1], "train", columns=["param_cf"], audio=None).table["param_cf"].drop_null().to_numpy()
    cf = {p.name: p for p in synth.get("pop").parameters}["cf"]
    assert targets["cf"].centre == pytest.approx(cf.norm(table).mean(), abs=1e-6)
    assert targets["cf"].spread == pytest.approx(cf.norm(table).std(), abs=1e-6)


@pytest.mark.parametrize(
    "crop", [{}, {"crop_sec": 0.15, "crop": "random"}, {"crop_sec": 0.15, "crop": "centre"}]
)
def test_labels_are_the_values_of_the_corpus(data, targets, crop):
    """Read back from the configuration itself: the Curve of the setting, at the time of the frame."""
    config = corpora.config(data[0].generate)
    settings = {(config.sounds[s.sound].name, s.index): s for s in config.settings}
    columns = ["sound", "setting_index", "chunk_index", *(c for t in targets.values() for c in t.columns)]
    rows, moved = Rows(data[1], "train", columns=list(dict.fromkeys(columns)), sample_rate=8000, **crop), 0
    frame_sec, num_frames = 0.02, 24
    for number in range(0, len(rows), 3):
        row = rows[(1, number)]
        setting = settings[row["sound"], row["setting_index"]]
        for name, target in targets.items():
            label = target.label(row, num_frames, frame_sec)
            if name not in setting.params:
                assert np.isnan(label).all()
                continue
            declared = {p.name: p for p in synth.get(row["synth"]).parameters}[name]
            if target.kind == "parameter":
                assert label == pytest.approx(declared.norm(setting.params[name]), abs=1e-6)
                continue
            length = len(row["audio"]) / row["sampling_rate"]
            middles = (np.arange(num_frames) + 0.5) * frame_sec
            heard = middles < length
            assert np.isnan(label[~heard]).all() and heard.any()
            value = setting.params[name]
            if row["sound"] == "moving":
                begin = row["chunk_index"] * config.chunk_sec + row["start_sample"] / row["file_rate"]
                inner = heard & (middles < 0.38)  # labels end with the row: the last half frame is held
                wanted = declared.norm(value.at(begin + middles))[inner]
                assert label[inner] == pytest.approx(wanted, abs=0.02) and np.ptp(wanted) > 0
                moved += 1
            else:
                assert label[heard] == pytest.approx(declared.norm(value), abs=1e-6)
    assert moved > 3


def test_predictions_come_back_in_natural_units(targets):
    row = {"synth": "pop", "params": {"name": np.array(["cf"], object), "norm": np.array([0.25])}}
    target = targets["cf"]
    label = torch.tensor([target.label(row, None, None), float("nan")])
    perfect = ((label[:1] - target.centre) / target.spread)[:, None]
    out = target.predictions(torch.cat([perfect, perfect + 1e6]), label, None, None, {"synth": ["pop", "fm"]})
    cf = {p.name: p for p in synth.get("pop").parameters}["cf"]
    assert out["true_cf"] == [0.25, None] and out["pred_cf"] == pytest.approx([0.25, 1.0])
    assert out["true_natural_cf"] == [pytest.approx(cf.natural(0.25)), None]
    assert out["pred_natural_cf"] == [pytest.approx(cf.natural(0.25), rel=1e-4), None]  # fm has no cf
    curve = targets["index"]
    label = torch.tensor([[0.5, 0.25, float("nan")], [float("nan")] * 3])
    out = curve.predictions(torch.zeros(2, 3, 1), label, [0.04, 0.06], 0.02, {"synth": ["fm", "pop"]})
    assert out["true_index"] == [[0.5, 0.25], None] and len(out["pred_index"][1]) == 3
    assert out["true_natural_index"] == [[10.0, 5.0], None]
    assert out["pred_index"][0] == pytest.approx([targets["index"].centre] * 2, abs=1e-6)


def test_nulls_have_no_loss_and_no_gradient(targets):
    for target, shape in ((targets["cf"], (3,)), (targets["index"], (3, 4))):
        output = torch.zeros(*shape, 1, requires_grad=True)
        label = torch.full(shape, float("nan"))
        assert target.loss(output, label) == 0
        label[1] = 0.9
        target.loss(output, label).backward()
        assert output.grad[[0, 2]].abs().sum() == 0 and output.grad[1].abs().min() > 0


def test_a_model_keeps_its_ranges_and_the_names_of_layers(targets, tmp_path):
    odd = ParameterTarget(
        "type", "params", "synth", "curves", 75.0, centre=0.1, spread=0.2
    )  # a name no layer can have
    front_end = LogMel(sampling_rate=16000, n_mels=16, f_max_hz=8000.0)
    sizes = CompactConfig(channels=8, wide_channels=8, fine_dilations=(1,), dilations=(1,))
    encoder = Compact(sizes, front_end.num_features)
    chosen = [targets["cf"], targets["index"], odd]
    model = Model("texture", chosen, [t.name for t in chosen], front_end, encoder, 0.4).eval()
    model.save_pretrained(tmp_path)
    again = Model.from_pretrained(tmp_path)
    assert [vars(t) for t in again.targets] == [vars(t) for t in chosen]
    assert [type(t) for t in again.targets] == [type(t) for t in chosen]
    x = torch.randn(2, model.front_end.num_frames(6400), 16)
    for name, value in model(x).items():
        assert torch.equal(value, again(x)[name])
    assert model(x)["index"].shape == (2, model.num_frames, 1) and model(x)["cf"].shape == (2, 1)


def test_ranges_need_three_values_on_a_line():
    norm = np.array([0.1, 0.2, 0.7, np.nan])
    linear, log = -10 + 20 * norm, 100 * 20**norm
    assert varying.declared_range(linear, norm) == {"low": -10.0, "high": 10.0, "scale": "linear"}
    assert varying.declared_range(log, norm) == {"low": 100.0, "high": 2000.0, "scale": "log"}
    unknown = {"low": None, "high": None, "scale": None}
    assert varying.declared_range(linear[:2], norm[:2]) == unknown
    assert varying.declared_range(np.sin(9 * norm), norm) == unknown


CASES = {
    "unknown": ({"names": ["cff"]}, "unknown target 'cff' (did you mean cf?)"),
    "still": ({"names": ["Q"]}, "Q has one value in all rows to learn from"),
    "auxiliary": ({"auxiliary": ["Z"]}, "unknown target 'Z'"),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_targets_are_refused(data, case):
    options, sentence = CASES[case]
    with pytest.raises(UsageError) as error:
        varying.choose(*rows_to_learn(data[1]), **options)
    assert sentence in str(error.value)


def test_targets_are_chosen_by_name_with_their_weights(data, targets):
    known = data[1].known
    made = make_targets(known, "texture", ["index", "cf"], {"cf": 2}, {"rate_exp": 0.3}, targets)
    assert [(t.name, t.weight) for t in made] == [("index", 1.0), ("cf", 2.0), ("rate_exp", 0.3)]
    assert [t.name for t in make_targets(known, "texture", varying=targets)] == list(targets)
    assert make_targets(known, "texture", ["anything"]) == []  # before the data is read
    with pytest.raises(UsageError, match="cf is named twice"):
        make_targets(known, "texture", ["cf", "cf"])


def test_rows_are_filtered_by_the_columns_of_textures(data):
    source = data[1]
    held = Rows(
        source, "test", columns=["held_out", "param_cf"], where={"held_out": "extrapolation"}, audio=None
    )
    assert set(held.table["held_out"].to_pylist()) == {"extrapolation"}
    assert min(held.table["param_cf"].to_pylist()) >= 800
    some = Rows(source, "train", columns=["synth", "param_cf"], where={"param_cf": [300, 500]}, audio=None)
    values = some.table["param_cf"].to_pylist()
    assert values and all(300 <= v <= 500 for v in values) and set(some.table["synth"].to_pylist()) == {"pop"}
    assert set(
        Rows(source, "train", columns=["sound"], where={"sound": ["still"]}).table["sound"].to_pylist()
    ) == {"still"}
    both = select(synth="pop", param_cf=(300, 500))
    assert (
        Rows(source, "train", columns=["param_cf"], where=both, audio=None).table["param_cf"].to_pylist()
        == values
    )
    for where, sentence in (
        ({"held_out": "interpolate"}, "did you mean interpolation"),
        ({"param_cf": 3}, "give two numbers"),
        ({"param_zz": [1, 2]}, "unknown filter 'param_zz' .did you mean param_cf"),
        ({"sinth": "pop"}, "did you mean synth"),
    ):
        with pytest.raises(UsageError, match=sentence):
            Rows(source, "train", where=where, audio=None)


def test_live_rows_are_the_stored_ones(data):
    columns = ["setting_id", "param_cf", "params.norm", "curves.norm"]
    where = {"param_carrier_hz": [300, 600]}
    config = corpora.config(data[0].generate)
    stored, live = (open_rows(s, "train", columns=columns, where=where) for s in (data[1], config))
    assert isinstance(live, LiveRows)
    by_name = {row["sample_id"]: row for row in stored}
    assert sorted(by_name) == sorted(live.table["sample_id"].to_pylist())
    for row in live.__getitems__([7, 0, 1, 5]):
        other = by_name[row["sample_id"]]
        assert np.array_equal(row["audio"], other["audio"]) and row["setting_id"] == other["setting_id"]
        assert np.array_equal(row["curves"]["norm"], other["curves"]["norm"])
    with pytest.raises(UsageError, match="'events' is known when the sound is rendered"):
        open_rows(config, "train", columns=["events"])


GENERATE = {
    "corpus": ({"corpus": "texture", "preset": "small"}, "unknown corpus 'texture' (did you mean textures?)"),
    "both": (
        {"corpus": "textures", "size": "small", "configfile": "x"},
        "configfile and data.generate: size each say what to make",
    ),
    "typo": ({"corpus": "textures", "preset": "small", "profiles": 3}, "unknown key 'profiles'"),
    "no file": ({"corpus": "textures", "configfile": "nowhere.yaml"}, "nowhere.yaml"),
    "other corpus": ({"configfile": "x.yaml"}, "it is an option of textures"),
    "kind": ({"corpus": "textures", "configfile": 3}, "configfile is 3"),
}


@pytest.mark.parametrize("case", GENERATE)
def test_wrong_corpora_are_refused(case):
    options, sentence = GENERATE[case]
    with pytest.raises(UsageError) as error:
        corpora.config(options)
    assert sentence in str(error.value)


def test_shipped_files_are_found_from_anywhere_and_own_ones_are_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shipped = {"corpus": "textures", "configfile": "training/configs/spaces/pop.yaml"}
    assert corpora.config(shipped).sounds[0].synth == "pop"
    assert corpora.with_absolute_paths(shipped) == shipped
    (tmp_path / "own.yaml").write_text("")
    own = {"corpus": "textures", "configfile": "own.yaml"}
    assert corpora.with_absolute_paths(own)["configfile"] == str(tmp_path / "own.yaml")
    assert (
        corpora.config({"corpus": "textures", "preset": "small", "duration": 2, "seed": 3}).duration_sec == 2
    )
