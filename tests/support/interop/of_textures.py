"""Readers of textures in other people's formats, and their synthesizers."""

import json
import math

import numpy as np
from made import reader


def sounds(made):
    """Every row of textures: name, samples (int16 array), events."""
    import io

    import pyarrow.parquet as pq
    import soundfile

    files = sorted((made.textures / "data").rglob("*.parquet"))
    assert files, "no textures were made"
    for file in files:
        for row in pq.read_table(file).to_pylist():
            pcm, _ = soundfile.read(io.BytesIO(row["audio"]["bytes"]), dtype="int16")
            yield row["sample_id"], pcm, row["events"]


def same_records(made, files):
    from tfrecord.reader import tfrecord_loader

    wanted = {name: (pcm, events) for name, pcm, events in sounds(made)}
    found = {bytes(r["sample_id"]).decode(): r for file in files for r in tfrecord_loader(str(file), None)}
    assert found.keys() == wanted.keys(), (len(found), len(wanted))
    for name, (pcm, events) in wanted.items():
        assert np.array_equal(found[name]["audio"], pcm / np.float32(32768)), name
        onsets = found[name].get("onset_sample", np.array([]))
        assert onsets.tolist() == [event["onset_sample"] for event in events or []], name
    return f"{len(found)} records of {len(files)} files"


@reader("tfrecord: records in folders by split")
def tfrecords(made):
    return same_records(made, sorted((made.textures / "records" / "tfrecords").glob("*/*.tfrecord")))


@reader("tfrecord: a flat glob (--layout flat)")
def flat(made):
    assert made.flat.is_dir(), (made.place / "flat.txt").read_text()
    return same_records(made, sorted((made.flat / "records" / "tfrecords").glob("*.tfrecord")))


@reader("DSGenerator's readers: params and nsjson")
def dsgenerator_records(made):
    folder = made.textures / "records"
    names, parameters = sorted(p.stem for p in (folder / "params").glob("*.params")), 0
    entries = json.loads((folder / "nsjson" / "nsjson.json").read_text())
    assert names == sorted(entries) == sorted(name for name, _, _ in sounds(made))
    for name in names:
        told = json.loads((folder / "params" / f"{name}.params").read_text())
        assert (folder / "params" / told["meta"]["filename"]).is_file(), name
        for key, value in told.items():
            if key != "meta":
                assert len(value["times"]) == len(value["values"]) >= 2, (name, key)
                assert all(map(math.isfinite, value["values"])), (name, key)
                parameters += 1
    return f"{len(names)} files, {parameters} parameters"


@reader("NSynth's keys: examples.json")
def nsynth(made):
    text, number = str, int
    keys = {
        "note": number, "note_str": text, "instrument": number, "instrument_str": text, "pitch": number,
        "velocity": number, "sample_rate": number, "qualities": list, "qualities_str": list,
        "instrument_family": number, "instrument_family_str": text, "instrument_source": number,
        "instrument_source_str": text,
    }  # fmt: skip
    count = 0
    for file in sorted((made.textures / "records" / "nsynth").glob("nsynth-*/examples.json")):
        for name, entry in json.loads(file.read_text()).items():
            assert {key: type(value) for key, value in entry.items()} == keys, name
            assert (file.parent / "audio" / f"{name}.wav").is_file()
            count += 1
    assert count == sum(1 for _ in sounds(made))
    return f"{count} notes"


@reader("old-style class: values outside its declared range")
def old_style(made):
    done = json.loads((made.place / "old_style.json").read_text())
    assert done["status"] == 0, done["stderr"].strip().splitlines()[-1]
    assert "made by" not in done["stdout"] and "made by" not in done["stderr"], "its prints reach the user"
    return "runs, quietly"
