"""The formats frames and nsynth, read by their rules."""

import csv
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import soundfile

from sousa.generation.errors import UsageError
from sousa.generation.textures import records, settings
from tests.support import texture_rows
from tests.support.texture_rows import axis, config, contents, moving, sound


def write(root, made, tables=None):
    records.write(root, made, tables or texture_rows.tables(made), lambda count: None)
    return root / "records" / made.records[0]


def moved(**other):
    axes = (axis("cf", natural=(220.0, 440.0)), axis("shift", natural=(4.0, -4.0), count=2))
    fixed = [settings.Fixed("rate", 5.0, 5.0, "natural", "")]
    return config(sound(axes=axes, moved=[moving()], fixed=fixed), records=["frames"], **other)


def test_frames_say_what_is_in_their_tables(tmp_path):
    folder = write(tmp_path, moved())
    assert json.loads((folder / "parameters.json").read_text()) == {
        "parameter_1": {"name": "cf", "type": "continuous", "unit": "Hz", "min": 220.0, "max": 440.0},
        "parameter_2": {"name": "irregularity", "type": "continuous", "unit": "", "min": 0.2, "max": 0.8},
        "parameter_3": {"name": "shift", "type": "continuous", "unit": "st", "min": -4.0, "max": 4.0},
    }


# 1.005 s: 75.375 frames; 0.44 s: 33 exactly; 44 100 Hz: 0.5 s is 37.5 frames
@pytest.mark.parametrize(
    ("chunk_sec", "rate", "frames"), [(1.005, 16000, 76), (0.44, 16000, 33), (0.5, 44100, 38)]
)
def test_frames_have_a_line_for_each_frame(tmp_path, chunk_sec, rate, frames):
    made = moved(duration_sec=2 * chunk_sec, chunk_sec=chunk_sec, sample_rate=rate)
    folder = write(tmp_path, made)
    about = json.loads((folder / "parameters.json").read_text()).values()
    line = texture_rows.curve(made.sounds[0].moving[0], made.duration_sec)
    rows = list(texture_rows.rows(made))
    stems = {str(p.relative_to(folder).with_suffix("")) for p in folder.rglob("*.wav")}
    assert stems == {f"{row['split']}/{row['sample_id']}" for row in rows}
    for row in rows:
        place = folder / row["split"] / row["sample_id"]
        table = pd.read_csv(f"{place}.csv")
        assert list(table) == [one["name"] for one in about]
        assert len(table) == frames
        # what a codec of 320 samples a frame at 24 kHz has of it
        samples = soundfile.info(f"{place}.wav").frames
        assert len(table) == int(np.ceil(round(samples * 24000 / rate) / 320))
        natural = {param["name"]: param["natural"] for param in row["params"]}
        assert (table["cf"] == natural["cf"]).all()
        assert (table["shift"] == natural["shift"]).all()
        centres = row["start_sample"] / rate + (np.arange(frames) + 0.5) / 75
        assert table["irregularity"].to_numpy() == pytest.approx(line.at(centres), abs=1e-12)
        for one in about:
            assert table[one["name"]].between(one["min"] - 1e-9, one["max"] + 1e-9).all()


def test_frames_of_several_sounds_have_a_folder_each(tmp_path):
    hum = sound("hum", axes=[axis("depth", natural=(0.0, 4.0))], kind="test_hum")
    folder = write(tmp_path, config(sound(), hum, records=["frames"]))
    assert sorted(path.name for path in folder.iterdir()) == ["Ping_0001", "hum"]
    for name, parameter in (("Ping_0001", "cf"), ("hum", "depth")):
        about = json.loads((folder / name / "parameters.json").read_text())
        assert [one["name"] for one in about.values()] == [parameter]
        tables = sorted((folder / name).rglob("*.csv"))
        assert len(tables) == 6
        for table in tables:
            with open(table, newline="") as file:
                assert next(csv.reader(file)) == [parameter]


def test_frames_refuse_a_sound_without_labels_and_names_that_are_no_folder(tmp_path):
    still = sound("still", axes=[])
    with pytest.raises(UsageError, match="still: frames records need a swept or moving parameter"):
        write(tmp_path, config(still, records=["frames"]))
    with pytest.raises(UsageError, match="none can be named so"):
        write(tmp_path, config(sound(), sound("../up"), records=["frames"]))
    assert not list(tmp_path.iterdir())


# names and types of NSynth's examples.json, https://magenta.tensorflow.org/datasets/nsynth
NSYNTH = {
    "note": int, "note_str": str, "instrument": int, "instrument_str": str, "pitch": int, "velocity": int,
    "sample_rate": int, "qualities": list, "qualities_str": list, "instrument_family": int,
    "instrument_family_str": str, "instrument_source": int, "instrument_source_str": str,
}  # fmt: skip


def entries(folder, name="examples.json"):
    return {path.parent.name: json.loads(path.read_text("utf-8")) for path in folder.glob(f"*/{name}")}


def test_nsynth_has_its_keys_types_and_places(tmp_path):
    hum = sound("Hum, deep", axes=[axis("depth", natural=(0.0, 4.0), count=5)], kind="test_hum")
    made = config(sound(axes=[axis(count=5)]), hum, records=["nsynth"], examples=2)
    folder = write(tmp_path, made)
    found = entries(folder)
    rows = {row["sample_id"]: row for row in texture_rows.rows(made)}
    assert set(found) == {"nsynth-train", "nsynth-valid", "nsynth-test"}
    assert sum(map(len, found.values())) == len(rows) == 40
    every = {}
    for split, own in found.items():
        assert {path.stem for path in (folder / split / "audio").iterdir()} == set(own)
        for name, entry in own.items():
            assert {key: type(value) for key, value in entry.items()} == NSYNTH
            assert entry["note_str"] == name
            family, source, instrument = entry["instrument_str"].rsplit("_", 2)
            assert (family, source) == (entry["instrument_family_str"], "synthetic")
            assert int(instrument) == entry["instrument"]
            head, pitch, velocity, _ = name.split("-")
            assert (head, int(pitch), int(velocity)) == (
                entry["instrument_str"], entry["pitch"], entry["velocity"],
            )  # fmt: skip
            assert 0 <= entry["pitch"] <= 127
            assert entry["qualities"] == [0] * 10
            assert (entry["instrument_source"], entry["instrument_source_str"]) == (2, "synthetic")
            every[name] = split, entry
    assert sorted(entry["note"] for _, entry in every.values()) == list(range(40))

    # an instrument is a setting, in one split; params.json says which row a note is
    own = {name: one for part in entries(folder, "params.json").values() for name, one in part.items()}
    assert own.keys() == every.keys()
    for key in ("instrument", "setting_id"):
        places = {}
        for name, (split, entry) in every.items():
            places.setdefault(entry.get(key) or own[name].get(key), set()).add(split)
        assert all(len(one) == 1 for one in places.values())
    pairs = {(entry["instrument"], own[name]["setting_id"]) for name, (_, entry) in every.items()}
    assert [len(set(one)) for one in zip(*pairs, strict=True)] == [len(pairs)] * 2 == [10] * 2
    families = {"Ping_0001": "ping_0001", "Hum, deep": "hum_deep"}
    for name, (split, entry) in every.items():
        row = rows[own[name]["sample_id"]]
        assert split.startswith(f"nsynth-{row['split'][:5]}")
        assert entry["instrument_family_str"] == families[row["sound"]]
        assert own[name]["params"]["cf" if row["synth"] == "test_ping" else "depth"]["role"] == "swept"
        events = row["events"]
        assert own[name]["onset_sample"] == (None if events is None else [e["onset_sample"] for e in events])


def test_nsynth_pitch_is_the_frequency_where_there_is_one_that_stays(tmp_path):
    def pitches(made, name):
        found = entries(write(tmp_path / name, made))
        return sorted({entry["pitch"] for own in found.values() for entry in own.values()})

    octaves = sound(axes=[axis("cf", natural=(220.0, 440.0), count=2)])
    assert pitches(config(octaves, records=["nsynth"]), "octaves") == [57, 69]
    swept = sound(axes=[axis("shift", natural=(-1.0, 1.0))], moved=[moving("cf", 200.0, 400.0)])
    assert pitches(config(swept, records=["nsynth"]), "moving") == [0]
    high = sound(axes=[axis("cf", natural=(440.0, 19000.0), count=2)])
    assert pitches(config(high, records=["nsynth"]), "high") == [0, 69]
    hum = sound("hum", axes=[axis("depth", natural=(0.0, 4.0))], kind="test_hum")
    assert pitches(config(hum, records=["nsynth"]), "hum") == [0]


def test_nsynth_names_of_single_notes_are_exactly_nsynths(tmp_path):
    made = config(records=["nsynth"], duration_sec=0.5)
    names = [name for own in entries(write(tmp_path, made)).values() for name in own]
    assert sorted(names) == [
        "ping_0001_synthetic_000-055-000",
        "ping_0001_synthetic_001-071-000",
        "ping_0001_synthetic_002-079-000",
    ]


def test_nsynth_curves_are_in_params(tmp_path):
    made = replace(moved(), records=("nsynth",))
    folder = write(tmp_path, made)
    expected = {row["sample_id"]: [c["natural"] for c in row["curves"]] for row in texture_rows.rows(made)}
    found = [one for part in entries(folder, "params.json").values() for one in part.values()]
    assert {one["sample_id"]: one["curves"]["irregularity"] for one in found} == expected
    assert len(contents(folder)) == 12 + 2 * len(entries(folder))
