"""Exports read back by other people's readers: jams, mir_eval, pandas and datasets, for every corpus."""

import hashlib
import json
import math
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import datasets
import jams
import mir_eval
import pandas
import pyarrow.parquet as pq
import pytest

import sousa
from sousa.builders.export import FORMATS
from sousa.builders.export import make as exporting
from sousa.generation.errors import RunError, UsageError
from tests.conftest import ROOT, run_sousa
from tests.support import textures
from tests.support.releases import release

datasets.disable_progress_bars()
CONFIG = "tests/data/texture_configs/mixed.yaml"


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Rows of which some have events that are not known."""
    return textures.made(tmp_path_factory.mktemp("sounds") / "dataset", ROOT / CONFIG)


@pytest.fixture
def tone_rows(tones, tmp_path):
    """A dataset of a corpus of another package, 48 rows in three splits."""
    sousa.generate("tones", tmp_path / "tones", check=False)
    return tmp_path / "tones"


def rows_of(root):
    """Rows of a dataset by name, in order."""
    shards = json.loads((root / "manifest.json").read_text())["shards"].values()
    return {row["sample_id"]: row for s in shards for row in pq.read_table(root / s["file"]).to_pylist()}


@pytest.fixture(params=["tiny", "sounds", "tone_rows"])
def root(request):
    return request.getfixturevalue(request.param)


def events_of(row):
    return next((row[name] for name in ("strokes", "pulses", "events") if name in row), None)


def test_csv_holds_every_scalar_and_the_files(root, tmp_path):
    made = sousa.export(root, tmp_path / "out", "csv")
    rows, table = rows_of(root), pandas.read_csv(tmp_path / "out" / "index.csv")
    assert list(table["sample_id"]) == list(rows) and made["rows"] == len(rows)
    first = next(iter(rows.values()))
    scalars = [name for name in table.columns if name in first]
    lists = {name for name, value in first.items() if isinstance(value, (list, dict, bytes))}
    assert not {*scalars} & lists and len(scalars) >= len(first) - len(lists) - 1  # events may be null
    for line in table.to_dict("records"):
        row = rows[line["sample_id"]]
        assert (tmp_path / "out" / line["audio_path"]).read_bytes() == row["audio"]["bytes"]
        assert "midi" not in row or (tmp_path / "out" / line["midi_path"]).read_bytes() == row["midi"]
        content = {"audio": row["audio"]["bytes"], "midi": row.get("midi")}
        sums = {kind: hashlib.md5(data).hexdigest() for kind, data in content.items() if data}
        assert sums == {kind: line[f"{kind}_md5"] for kind in sums}
        for name in scalars:
            same = line[name] == row[name] or (row[name] is None and math.isnan(line[name]))
            assert same or str(line[name]) == str(row[name]), name
    done = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=tmp_path / "out")
    assert done.returncode == 0


def test_csv_has_a_table_of_each_column_of_records(root, tmp_path):
    sousa.export(root, tmp_path / "out", "csv")
    rows = rows_of(root)
    nested = [
        name for name in next(iter(rows.values())) if any(isinstance(r[name], list) for r in rows.values())
    ]
    assert nested and events_of(next(iter(rows.values()))) is not None
    for name in nested:
        records = [(key, record) for key, row in rows.items() for record in row[name] or ()]
        if not records or not isinstance(records[0][1], dict):
            continue
        table = pandas.read_csv(tmp_path / "out" / f"{name}.csv", keep_default_na=False, dtype=str)
        assert list(table["sample_id"]) == [key for key, _ in records]
        for field in records[0][1]:
            values = [record[field] for _, record in records]
            texts = ["" if v is None else str(v).lower() if isinstance(v, bool) else str(v) for v in values]
            assert list(table[field]) == texts, (name, field)
            if f"{field.removesuffix('_sample')}_sec" in table and field.endswith("_sample"):
                rates = [rows[key]["sample_rate"] for key, _ in records]
                seconds = [float(text) for text in table[f"{field.removesuffix('_sample')}_sec"]]
                assert seconds == pytest.approx([v / r for v, r in zip(values, rates, strict=True)], abs=1e-8)


def test_csv_says_what_its_columns_are(root, tmp_path):
    sousa.export(root, tmp_path / "out", "csv")
    about = pandas.read_csv(tmp_path / "out" / "columns.csv", keep_default_na=False)
    stated = about[about["table"] == "index.csv"].set_index("column")
    table = pandas.read_csv(tmp_path / "out" / "index.csv")
    media = [f"{kind}_{what}" for kind in ("audio", "midi") for what in ("path", "md5")]
    assert list(stated.index) == [name for name in table.columns if name not in media]
    assert stated.loc["duration_sec", "unit"] == "s"
    events = next(name for name in ("strokes.csv", "pulses.csv", "events.csv") if name in set(about["table"]))
    own = about[about["table"] == events].set_index("column")
    assert own.loc["onset_sample", "unit"] == "samples" and all(own["meaning"] != "")


def test_notes_are_intervals_with_pitches_for_mir_eval(tmp_path):
    sousa.generate(
        "piano", tmp_path / "data", samples=2, complexity=["simple"], max_duration_sec=6, check=False
    )
    sousa.export(tmp_path / "data", tmp_path / "out", "txt")
    for name, row in rows_of(tmp_path / "data").items():
        path = tmp_path / "out" / "annotations" / row["split"] / f"{name}.txt"
        intervals, labels = mir_eval.io.load_labeled_intervals(str(path))
        notes, rate = sorted(row["notes"], key=lambda note: note["onset_sample"]), row["sample_rate"]
        stated = [(note["onset_sample"], note["end_sample"], str(note["pitch"])) for note in notes]
        assert [
            (round(a * rate), round(b * rate), pitch) for (a, b), pitch in zip(intervals, labels, strict=True)
        ] == stated


def test_json_holds_everything_but_bytes(root, tmp_path):
    sousa.export(root, tmp_path / "out", "json")

    def refuse(word):
        raise AssertionError(word)

    lines = (tmp_path / "out" / "rows.jsonl").read_text().splitlines()
    read = [json.loads(line, parse_constant=refuse) for line in lines]
    media = ("audio", "midi")
    assert read == [{k: v for k, v in row.items() if k not in media} for row in rows_of(root).values()]


def test_text_is_read_by_mir_eval(root, tmp_path):
    sousa.export(root, tmp_path / "out", "txt")
    for name, row in rows_of(root).items():
        path = tmp_path / "out" / "annotations" / row["split"] / f"{name}.txt"
        assert path.exists() == (events_of(row) is not None)
        if not events_of(row):
            continue
        times, labels = mir_eval.io.load_labeled_events(str(path))
        assert [round(t * row["sample_rate"]) for t in times] == [e["onset_sample"] for e in events_of(row)]
        assert labels == [e.get("stroke_type") or e.get("kind") or labels[0] for e in events_of(row)]
        assert "pulses" not in row or set(labels) == {"pulses"}


def test_jams_are_valid_by_the_strict_schema(root, tmp_path):
    sousa.export(root, tmp_path / "out", "jams")
    for name, row in rows_of(root).items():
        path = tmp_path / "out" / "jams" / row["split"] / f"{name}.jams"
        read = jams.load(str(path), validate=True, strict=True)
        onsets = [o.time for found in read.search(namespace="onset") for o in found.data]
        events = events_of(row) or []
        assert [round(time * row["sample_rate"]) for time in onsets] == [e["onset_sample"] for e in events]
        assert read.file_metadata.duration == row["duration_sec"]
        assert read.sandbox["sample_id"] == name
        tags = {a.data[0].value for a in read.search(namespace="tag_open") if a.data}
        assert {row[name] for name in ("skill_tier", "wave") if name in row} <= tags
        tempos = [a.data[0].value for a in read.search(namespace="tempo")]
        assert tempos == ([row["tempo_bpm"]] if "tempo_bpm" in row else [])


def test_audiofolder_is_loaded_with_splits_and_labels(root, tmp_path, monkeypatch):
    # all that datasets wants torch for here is to encode arrays, and these are files
    encoded = lambda self, path: {"path": path, "bytes": None}  # noqa: E731
    monkeypatch.setattr(datasets.Audio, "encode_example", encoded)
    out, cache = tmp_path / "out", tmp_path / "hf"
    sousa.export(root, out, "audiofolder")
    loaded = datasets.load_dataset("audiofolder", data_dir=str(out), cache_dir=str(cache))
    rows = rows_of(root)
    counts = Counter(row["split"] for row in rows.values())
    assert {split: len(part) for split, part in loaded.items()} == counts
    for part in loaded.values():
        for row in part.cast_column("audio", datasets.Audio(decode=False)):
            stored, audio = rows[row["sample_id"]], row.pop("audio")
            assert Path(audio["path"]).read_bytes() == stored["audio"]["bytes"]
            assert row == {name: stored[name] for name in row}


def test_sousa_1_is_the_earlier_layout(tiny, tmp_path):
    made = sousa.export(tiny, tmp_path / "out", "sousa-1")
    assert any("preset" in note for note in made["notes"])
    labels, rows = tmp_path / "out" / "labels", rows_of(tiny)
    samples = pandas.read_parquet(labels / "samples.parquet")
    clean = samples["augmentation_preset"].isna() | (samples["augmentation_preset"] == "none")
    assert clean.sum() == sum(row["augmentation_preset"] == "clean" for row in rows.values()) > 0
    for line in samples.to_dict("records"):
        assert line["audio_path"].startswith(f"audio/{line['rudiment_slug']}/")
        assert all((tmp_path / "out" / line[f"{kind}_path"]).exists() for kind in ("audio", "midi"))
    scores = pandas.read_parquet(labels / "exercises.parquet").set_index("sample_id")
    assert not scores.isna().any().any()
    filled = {name for row in rows.values() for name in scores if row[name] is None}
    assert filled
    constants = {"accent_differentiation": 80, "accent_accuracy": 100, "diddle_quality": 80}
    constants["weak_hand_index"] = 50
    for name, row in rows.items():
        for score, value in scores.loc[name].items():
            rule = constants.get(score, row["overall_score"])
            assert value == (rule if row[score] is None else row[score])
    strokes = pandas.read_parquet(labels / "strokes.parquet")
    assert len(strokes) == sum(len(row["strokes"]) for row in rows.values())
    splits = json.loads((tmp_path / "out" / "splits.json").read_text())
    assert set(splits) == {f"{name}_profile_ids" for name in ("train", "val", "test")}
    for row in rows.values():
        assert row["profile_id"] in splits[f"{row['split'].replace('validation', 'val')}_profile_ids"]


def test_a_release_gives_what_its_dataset_gives(tiny, tmp_path):
    made = release(tiny, tmp_path / "v1")
    for name, where in (("a", tiny), ("b", made)):
        sousa.export(where, tmp_path / name, "json", split="train", where={"rudiment_slug": ["flam"]})
    a, b = ((tmp_path / name / "rows.jsonl").read_text().splitlines() for name in "ab")
    assert a and sorted(a) == sorted(b)
    assert all(json.loads(line)["rudiment_slug"] == "flam" for line in a)


@pytest.mark.parametrize("to", [*FORMATS, "sousa-1"])
def test_a_killed_export_goes_on_to_the_same_files(tiny, tmp_path, monkeypatch, to):
    whole, again = tmp_path / "whole", tmp_path / "again"
    sousa.export(tiny, whole, to)
    real, writes, limits = exporting.LocalStorage.writing, [], [10**6, 30, 11, 3]

    def killed(self, file):
        writes.append(file)
        if len(writes) > limits[-1]:
            raise KeyboardInterrupt
        return real(self, file)

    monkeypatch.setattr(exporting.LocalStorage, "writing", killed)
    with pytest.raises(KeyboardInterrupt):
        sousa.export(tiny, again, to)
    for _ in range(len(limits) - 1):
        writes.clear()
        limits.pop()
        with suppress(KeyboardInterrupt):
            made = sousa.export(tiny, again, to)

    def files(root):
        return {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}

    assert files(whole) == files(again)
    writes.clear()
    assert sousa.export(tiny, again, to) == made and not writes
    (again / "SHA256SUMS").write_text("")
    with pytest.raises(RunError, match="SHA256SUMS was changed; delete it and export again"):
        sousa.export(tiny, again, to)


KILLED = """
import os, signal, sys, sousa
from sousa.generation.storage import LocalStorage
real, left = LocalStorage.writing, int(sys.argv[3])
def writing(self, file):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, file)
LocalStorage.writing = writing
sousa.export(sys.argv[1], sys.argv[2], "csv")
"""


def test_a_process_that_is_killed_leaves_what_the_next_one_goes_on_with(tiny, tmp_path):
    for writes in (10, 17, 10**6):
        command = [sys.executable, "-c", KILLED, str(tiny), str(tmp_path / "out"), str(writes)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        whole = (tmp_path / "out" / "export.json").exists()
        assert (done.returncode, whole) in ((-9, False), (0, True)), done.stderr
    sousa.export(tiny, tmp_path / "at once", "csv")
    for name in ("index.csv", "SHA256SUMS", "export.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "at once" / name).read_bytes()


def test_a_finished_export_is_checked_file_by_file(tiny, tmp_path):
    sousa.export(tiny, tmp_path / "out", "csv")
    path = next((tmp_path / "out" / "audio").rglob("*.flac"))
    path.write_bytes(b"x")
    with pytest.raises(RunError, match=f"{path.name} was changed"):
        sousa.export(tiny, tmp_path / "out", "csv")


def test_what_cannot_be_done_is_said_and_nothing_is_touched(tiny, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("kept")
    with pytest.raises(UsageError, match="holds other files; choose an empty or new directory"):
        sousa.export(tiny, tmp_path / "mine", "csv")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["a.txt"]
    with pytest.raises(UsageError, match=r"'cvs' \(did you mean csv\?\)[^$]*unknown split 'tset'"):
        sousa.export(tiny, tmp_path / "out", "cvs", split="tset")
    with pytest.raises(UsageError, match="is inside"):
        sousa.export(tiny, tiny / "out", "csv")
    with pytest.raises(UsageError, match="no row passes"):
        sousa.export(tiny, tmp_path / "none", "csv", where={"tempo_bpm": [1, 2]})
    sousa.export(tiny, tmp_path / "one", "txt")
    with pytest.raises(UsageError, match="holds another export"):
        sousa.export(tiny, tmp_path / "one", "csv")
    damaged = tmp_path / "damaged"
    shutil.copytree(tiny, damaged)
    shard = next((damaged / "data").rglob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    with pytest.raises(RunError, match="does not match its digest"):
        sousa.export(damaged, tmp_path / "two", "json")


def test_the_command(tiny, tmp_path):
    arguments = ("--to", "csv", "-o", tmp_path / "out", "-w", 1, "--where", "rudiment_slug=flam")
    done = run_sousa("export", tiny, *arguments)
    assert done.returncode == 0, done.stderr
    assert "3 rows" in done.stdout and f'pandas.read_csv("{tmp_path}/out/index.csv")' in done.stdout
    again = run_sousa("export", tiny, *arguments)
    assert again.returncode == 0 and "is finished already: all 12 files are unchanged" in again.stderr
