"""What a dataset of piano gives to others: commands over it, its export in folders, releases, builders."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import mido
import pytest
import soundfile

from sousa.builders import Piano as Builder
from sousa.builders import unified
from sousa.generation.errors import RunError
from sousa.generation.manifest import read_manifest
from sousa.generation.piano import packaging
from sousa.generation.piano.settings import make_config
from sousa.generation.reopen import open_dataset
from tests.conftest import ROOT, run_sousa
from tests.generation.piano.conftest import TINY


@pytest.fixture(scope="module")
def rows(tiny_piano):
    """Its rows by name."""
    import pyarrow.parquet as pq

    files = sorted((tiny_piano / "data").rglob("*.parquet"))
    return {row["sample_id"]: row for file in files for row in pq.ParquetFile(file).read().to_pylist()}


def test_loose_files_are_those_of_the_rows(tiny_piano, rows):
    assert len(rows) == 12
    for name, row in rows.items():
        assert (tiny_piano / "audio" / f"{name}.flac").read_bytes() == row["audio"]["bytes"]
        assert (tiny_piano / "midi" / f"{name}.mid").read_bytes() == row["midi"]
    splits = json.loads((tiny_piano / "splits.json").read_text())
    assert {row["piece_id"] for row in rows.values()} == {
        piece for split in ("train", "validation", "test") for piece in splits[split]
    }


def test_it_is_valid_and_verified(tiny_piano):
    for command in ("validate", "verify"):
        done = run_sousa(command, tiny_piano)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "label = MIDI" in (tiny_piano / "validation_report.txt").read_text()


def test_any_number_of_workers_and_a_killed_run_make_the_same_files(tiny_piano, tmp_path):
    command = [sys.executable, str(ROOT / "sousa.py"), *map(str, TINY[:-1]), "2", "-q", "--files"]
    command += ["-o", str(tmp_path / "d")]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           start_new_session=True)  # fmt: skip
    while run.poll() is None and not list(tmp_path.rglob("*.parquet")):
        time.sleep(0.02)
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for path in tiny_piano.rglob("*"):
        if path.is_file() and not path.name.startswith(("validation_report", "manifest")):
            assert (tmp_path / "d" / path.relative_to(tiny_piano)).read_bytes() == path.read_bytes(), path


def test_the_export_in_folders_reads_back(tiny_piano, rows, tmp_path):
    out = tmp_path / "sheets"
    done = run_sousa("export", tiny_piano, "--to", "sound2sheet", "-o", out)
    assert done.returncode == 0, done.stderr
    seen = {}
    for split in ("train", "val", "test"):
        for entry in json.loads((out / f"{split}_manifest.json").read_text()):
            assert set(entry) == {"id", "midi_path", "audio_path", "complexity", "tempo", "time_signature",
                                  "key_signature", "num_measures", "duration", "split"}  # fmt: skip
            assert entry["split"] == split and entry["audio_path"].startswith(f"{split}/audio/{split}_")
            row = seen[entry["id"]] = rows[entry["id"]]
            assert row["split"].startswith(split)
            sound, rate = soundfile.read(out / entry["audio_path"], dtype="int16")
            assert rate == 16000 and len(sound) == row["num_samples"]
            assert entry["duration"] == pytest.approx(len(sound) / rate)
            midi = mido.MidiFile(out / entry["midi_path"])
            assert sum(m.type == "note_on" for track in midi.tracks for m in track) == row["num_notes"]
            own = ("complexity", "tempo_bpm", "metre", "key", "num_bars")
            theirs = ("complexity", "tempo", "time_signature", "key_signature", "num_measures")
            assert [entry[name] for name in theirs] == [row[name] for name in own]
    assert seen == rows
    files = [path for path in out.rglob("*") if path.suffix in (".flac", ".mid")]
    assert len(files) == 24


def test_a_release_is_read_by_the_builder_and_the_unified_one(tiny_piano, rows, tmp_path):
    done = run_sousa("release", tiny_piano, "-o", tmp_path / "release", "--version", "1.0.0")
    assert done.returncode == 0, done.stderr
    card = (tmp_path / "release" / "README.md").read_text()
    assert "{{title" not in card and "key_up_sample" in card and "fluidr3_gm" in card
    stored = Builder(config_name="custom", data_dir=str(tiny_piano)).as_streaming_dataset()
    names = [row["sample_id"] for split in stored.values() for row in split]
    assert sorted(names) == sorted(rows)
    live = Builder(config_name="custom", samples=6, augmentations=2, max_duration_sec=6)
    for split, part in live.as_streaming_dataset().items():
        for row in part:
            stored_row = rows[row["sample_id"]]
            assert row["audio"]["bytes"] == stored_row["audio"]["bytes"] and row["midi"] == stored_row["midi"]
            assert row["notes"] == stored_row["notes"] and stored_row["split"] == split


def test_notes_become_events_of_the_unified_schema(rows):
    row = next(iter(rows.values()))
    shared = unified.unify("piano", row)
    note = row["notes"][0]
    assert shared["label"] == row["complexity"] and shared["group_id"] == f"piano/{row['piece_id']}"
    assert shared["acoustics"] == row["augmentation_preset"] and shared["tempo_bpm"] == row["tempo_bpm"]
    assert shared["events"][0] == {
        "onset_sample": note["onset_sample"], "offset_sample": note["end_sample"], "pitch": note["pitch"],
        "velocity": note["velocity"], "kind": note["kind"], "part": note["hand"],
    }  # fmt: skip


def test_licences_of_pianos_and_scores_are_stated(tiny_piano, score_files):
    stored = open_dataset(tiny_piano)
    parts = packaging.packaging(stored.config, read_manifest(tiny_piano)).made_of
    assert [(part.kind, part.licence_id, part.free) for part in parts] == [("soundfont", "MIT", True)]
    with pytest.raises(RunError, match="its pianos are not those of its settings"):
        packaging.packaging(stored.config, {"pianos": []})
    for licence, free in (("CC0-1.0", True), ("LicenseRef-Own", False), (None, False)):
        config = make_config(scores=str(score_files), score_licence=licence, with_audio=False)
        (score,) = packaging.packaging(config, {"pianos": []}).made_of
        assert (score.kind, score.free) == ("score", free)


def test_a_dataset_of_scores_is_made_again_without_the_files(score_files, tmp_path):
    copy = shutil.copytree(score_files, tmp_path / "mine")
    done = run_sousa("generate", "piano", "--scores", copy, "--no-audio", "-o", tmp_path / "d", "-q")
    assert done.returncode == 0, done.stderr
    shutil.rmtree(copy)
    done = run_sousa("verify", tmp_path / "d")
    assert done.returncode == 0, done.stderr
    stored = Builder(config_name="custom", data_dir=str(tmp_path / "d")).as_streaming_dataset()
    row = next(iter(stored["train"]))
    assert len(mido.MidiFile(file=io.BytesIO(row["midi"])).tracks) == 3
