"""Old-style classes with configurations that leave their declared ranges, and what they print on the way."""

import json

import pyarrow.parquet as pq
import pytest

from sousa import main
from sousa.generation.errors import UsageError
from sousa.generation.textures import schema, synth
from sousa.generation.textures.dsgenerator import old_style

# a pattern that makes an object of each event, as published ones do; ours in every line
CLASSES = """
import numpy as np
print("loading the events")

class Model:
    def __init__(self):
        print("making", type(self).__name__)
        self.sr, self.table = 16000, {}
    def add(self, name, low, high, value, doc=""):
        self.table[name] = {"min": low, "max": high, "val": value, "synth_doc": doc}
    def setParam(self, name, value):
        print("set", name, value)
        self.table[name]["val"] = value
    def getParam(self, name, prop="val"):
        print("asked for", prop)
        return self.table[name][prop]
    def getParams(self):
        print("names")
        return list(self.table)

class PopEvents(Model):
    def __init__(self):
        super().__init__()
        self.add("rate_exp", -10, 10, 0, "events a second, as a power of 2")
        self.add("irreg_exp", 0.1, 50, 1, "how uneven")
        self.add("cf", 100, 2000, 440)
    def generate(self, sec):
        print("generating")
        out = np.zeros(int(self.sr * sec))
        step = int(self.sr / 2 ** self.table["rate_exp"]["val"])
        for at in range(0, len(out), step):
            late = int(self.table["irreg_exp"]["val"] * np.random.random() * step / 60)
            event = np.sin(2 * np.pi * self.table["cf"]["val"] * np.arange(80) / self.sr)
            out[at + late : at + late + 80] += self.level() * event[: max(0, len(out) - at - late)]
        return out
    def level(self):
        return 0.5

class MyPop(PopEvents):
    pass

class DripEvents(PopEvents):
    def __init__(self):
        super().__init__()
        self.add("drop_size", 0.1, 1, 0)
    def level(self):
        return self.table["drop_size"]["val"] / 4
"""


def config(name, *params, fixed=(), **changes):
    keys = ("synth_pname", "synth_minval", "synth_maxval", "user_nvals", "synth_units")
    return {
        "soundname": name, "samplerate": 8000, "chunkSecs": 0.5, "soundDuration": 1, "recordFormat": "params",
        "params": [
            {"user_pname": one[0], "user_minval": 0, "user_maxval": 1, "user_doc": ""}
            | dict(zip(keys, one, strict=True))
            for one in params
        ],
        "fixedParams": [{"synth_pname": p, "synth_val": value, "synth_units": u} for p, value, u in fixed],
    } | changes  # fmt: skip


PUBLISHED = [
    config("PopEvents", ("irreg_exp", 0, 1, 3, "natural"), ("cf", 440, 880, 2, "natural"),
           fixed=[("rate_exp", 0.6, "norm")]),
    config("MyPop", ("rate_exp", 2, 4, 2, "natural"), ("cf", 0, 1, 2, "norm"),
           fixed=[("irreg_exp", 0, "natural")]),
    config("DripEvents", ("cf", 50, 4000, 3, "natural"), ("drop_size", 0.25, 3, 2, "natural")),
]  # fmt: skip


@pytest.fixture
def classes(tmp_path, monkeypatch):
    monkeypatch.setattr(synth, "_ADDED", dict(synth.added()))
    path = tmp_path / "Events.py"
    path.write_text(CLASSES)
    return path


def generate(tmp_path, classes, data, *options):
    file = tmp_path / "config.json"
    file.write_text(json.dumps(data))
    arguments = ("--configfile", file, "--synth-file", classes, "-o", tmp_path / "out", "-w", "1", *options)
    return main(["generate", "textures", *map(str, arguments)])


@pytest.mark.parametrize("data", PUBLISHED, ids=lambda data: data["soundname"])
def test_published_configurations_run_with_their_classes(tmp_path, classes, capsys, data):
    assert generate(tmp_path, classes, data) == 0  # and validation passes
    said = capsys.readouterr()
    assert said.err.count("outside the range") == 1
    assert not any(word in said.out for word in ("making", "loading", "names", "asked", "set ", "generating"))
    first, second = (one["user_nvals"] for one in data["params"])
    samples, params = (
        pq.read_table(tmp_path / "out" / "labels" / f"{name}.parquet") for name in ("samples", "params")
    )
    assert len(samples) == 2 * first * second and len(params) >= 3 * len(samples)
    assert all(0 <= norm <= 1 for norm in params["norm"].to_pylist())
    assert main(["verify", str(tmp_path / "out"), "--synth-file", str(classes)]) == 0
    assert "making" not in capsys.readouterr().out


def test_the_note_names_parameters_values_and_ranges(tmp_path, classes, capsys):
    assert generate(tmp_path, classes, PUBLISHED[2], "--dry-run") == 0
    assert capsys.readouterr().err == (
        "note: outside the range that the old-style class declares: DripEvents.cf 50 and 4000 "
        "(declared 100 to 2000), DripEvents.drop_size 3 (declared 0.1 to 1); the values are used, and the "
        "range in the dataset has them\n"
    )
    many = config("PopEvents", ("cf", 99, 98, 2, "natural"), ("rate_exp", 2, 11, 2, "natural"))
    assert generate(tmp_path, classes, many, "--dry-run") == 0
    assert "PopEvents.cf 98 and 99 (declared 100 to 2000)" in capsys.readouterr().err


def test_dry_run_prints_nothing_of_the_class(tmp_path, classes, capsys):
    assert generate(tmp_path, classes, PUBLISHED[0], "--dry-run") == 0
    out = capsys.readouterr().out
    assert "6 settings" in out and "making" not in out and "loading" not in out
    assert main(["generate", "textures", "--list", "--synth-file", str(classes)]) == 0
    out = capsys.readouterr().out
    assert "irreg_exp: 0.1 to 50, 1: how uneven" in out and "making" not in out and "names" not in out


def test_norm_units_keep_the_declared_range(classes):
    old_style.use([classes])
    data = config("DripEvents", ("drop_size", 0, 1, 3, "norm"), ("cf", 50, 100, 2, "natural"))
    made, _ = schema.parse(data, "f")
    assert made.sounds[0].axes[0].ends == (0.1, 1)  # though the class begins at 0
    # what rows call norm is over all values in use, the class's own default too
    ranges = {p.name: (p.minimum, p.maximum) for p in made.parameters["dripevents"]}
    assert ranges == {"rate_exp": (-10, 10), "irreg_exp": (0.1, 50), "cf": (50, 2000), "drop_size": (0, 1)}
    with pytest.raises(UsageError, match="synth_maxval is 2; normalised values go from 0 to 1"):
        schema.parse(config("PopEvents", ("cf", 0, 2, 3, "norm"), ("rate_exp", 0, 1, 2, "natural")), "f")


def test_sounds_of_one_class_share_a_range(classes):
    """Training works a range out of natural and normalised values of all rows of a synthesizer."""
    old_style.use([classes])
    sounds = [
        {"name": name, "synth": "PopEvents", "parameters": {"cf": {"min": low, "max": high, "count": 2}}}
        for name, low, high in (("low", 20, 90), ("high", 3000, 3500))
    ]
    made, _ = schema.parse({"sample_rate": 8000, "duration_sec": 1, "sounds": sounds}, "f")
    (cf,) = (p for p in made.parameters["popevents"] if p.name == "cf")
    assert (cf.minimum, cf.maximum) == (20, 3500)


def test_a_derived_corpus_may_leave_the_range_too(tmp_path, classes, capsys):
    assert generate(tmp_path, classes, PUBLISHED[1], "-q") == 0
    capsys.readouterr()
    again = ("--synth-file", classes, "-o", tmp_path / "again", "-w", "1")
    for value, status in (("60", 0), ("nan", 2), ("inf", 2)):
        change = ("--derive", tmp_path / "out", "--set", f"irreg_exp={value}", "--dry-run")
        assert main(["generate", "textures", *map(str, change + again)]) == status, value
    assert "MyPop.irreg_exp 60 (declared 0.1 to 50)" in capsys.readouterr().err
    change = ("--derive", tmp_path / "out", "--set", "irreg_exp=60")
    assert main(["generate", "textures", *map(str, change + again)]) == 0


def test_classes_of_the_new_protocol_keep_their_ranges(classes):
    old_style.use([classes])
    data = config("PopPatternSynth", ("irreg_exp", 0, 1, 3, "natural"), ("cf", 1, 880, 2, "natural"))
    with pytest.raises(UsageError, match="synth_minval is 1; cf of pop goes from"):
        schema.parse(data, "f")
