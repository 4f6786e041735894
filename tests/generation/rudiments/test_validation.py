"""Validation passes true data and fails on each kind of lie."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sousa.generation.audio import encode
from sousa.generation.manifest import read_manifest, sealed
from sousa.generation.reopen import open_dataset
from sousa.generation.runners import LocalRunner
from sousa.generation.shards import parquet_writer
from sousa.generation.storage import file_digest
from sousa.generation.validation.report import examine, validate
from tests.conftest import TINY


def test_small_passes_and_the_report_can_be_read(small):
    root, done = small
    data = json.loads((root / "validation_report.json").read_text())
    assert data["passed"] and data["rows"] == 1200
    page = (root / "validation_report.html").read_text()
    assert page.count("data:image/png;base64,") == 3 and "http" not in page.split("<body")[0].replace(
        "<!doctype html>", ""
    )
    text = (root / "validation_report.txt").read_text()
    for name in ("label = MIDI", "label = audio", "professionals as measured", "tiers in order", "splits"):
        assert name in text
    assert "checks passed" in done.stderr


def test_label_equals_midi_equals_audio(small):
    """Largest error of one sample over all strokes that stand 30 ms clear, and of the others too."""
    checks = {c["name"]: c for c in json.loads((small[0] / "validation_report.json").read_text())["checks"]}
    for name in ("label = MIDI", "label = audio", "label = audio, close strokes", "label = audio, blind"):
        assert checks[name]["passed"] is True
    assert "0 not heard" in checks["label = audio"]["detail"]


def test_professionals_lie_in_the_measured_ranges(small):
    data = json.loads((small[0] / "validation_report.json").read_text())
    figures = {row["figure"]: row for row in data["professionals"]}
    assert len(figures) >= 18
    assert all(row["inside"] for row in figures.values()), [r for r in figures.values() if not r["inside"]]


def test_what_is_kept_of_takes_does_not_grow_with_them(small):
    """Of a shard a record a tier; of all but professionals, figures that are drawn or have a limit."""
    stored = open_dataset(small[0], making=True)
    findings = examine(stored, LocalRunner(1))
    assert len(findings.lists["takes"]) <= 4 * len(stored.records) < findings.count / 2
    for takes in findings.lists["takes"]:
        assert takes["tier"] == "professional" or len(takes) <= 5
    takes = findings.lists["matched"]
    labelled = sum(part["labelled"].total() for part in takes)
    assert len(takes) <= 4 * len(stored.records)
    assert labelled == pq.read_table(small[0] / "labels/samples.parquet")["num_mistakes"].to_numpy().sum()


@pytest.fixture
def copy(tiny, tmp_path):
    root = tmp_path / "d"
    shutil.copytree(tiny, root)
    return root


def rewrite(root, change):
    """Change the rows of the first shard and record its new digest, as a careful liar would."""
    manifest = read_manifest(root)
    record = next(iter(manifest["shards"].values()))
    path = root / record["file"]
    table = pq.read_table(path)
    rows = table.to_pylist()
    for row in rows:
        change(row)
    with parquet_writer(str(path), table.schema) as writer:
        writer.write_table(pa.Table.from_pylist(rows, schema=table.schema))
    record["bytes"], record["sha256"] = path.stat().st_size, file_digest(path)
    (root / "manifest.json").write_text(json.dumps(sealed(manifest)))


def failing(root):
    passed, result = validate(open_dataset(root, making=True), LocalRunner(1))
    failed = [check["name"] for check in result["checks"] if check["passed"] is False]
    assert passed == (not failed)
    return failed


def shift(samples):
    def change(row):
        for s in row["strokes"]:
            s["onset_sample"] += samples
            s["actual_time_ms"] = s["onset_sample"] * 1000 / row["sample_rate"]
            if s["intended_time_ms"] is not None:
                s["timing_error_ms"] = s["actual_time_ms"] - s["intended_time_ms"]

    return change


def each_stroke(**changes):
    def change(row):
        for s in row["strokes"]:
            for name, function in changes.items():
                s[name] = function(s)

    return change


def set_row(**values):
    return lambda row: row.update({k: v(row) if callable(v) else v for k, v in values.items()})


def louder_sound(row):
    pcm, rate = encode.decode(row["audio"]["bytes"])
    row["audio"]["bytes"] = encode.encode((pcm // 2).astype(np.int16), rate, "flac")


def clipped_sound(row):
    pcm, rate = encode.decode(row["audio"]["bytes"])
    pcm = np.clip(pcm.astype(int) * 40, -32768, 32767).astype(np.int16)
    row["audio"]["bytes"] = encode.encode(pcm, rate, "flac")
    row["pcm_digest"] = encode.pcm_digest(pcm)


def exchange_hands(s):
    return "L" if s["hand"] == "R" else "R"


def move_flams_to_test(row):
    return "test" if "flam" in row["sample_id"] else row["split"]


def lengthen_bars(row):
    for bar in row["measures"]:
        bar["stroke_end"] += 1


def omission_of(stroke):
    names = ("written_index", "measure_index", "cycle", "position", "beat", "written_hand", "stroke_type",
             "intended_sample", "intended_time_ms")  # fmt: skip
    return {**{name: stroke[name] for name in names}, "mistake": "omission"}


LIES = {
    "labels two samples late": (shift(2), {"label = MIDI", "label = audio", "label = audio, blind"}),
    "labels one millisecond early": (shift(-44), {"label = MIDI", "label = audio"}),
    "hands exchanged": (each_stroke(hand=exchange_hands), {"written and played", "MIDI readable"}),
    "written hands exchanged": (
        each_stroke(written_hand=lambda s: s["written_hand"] and "LR"["RL".index(s["written_hand"])]),
        {"grid"},
    ),
    "mistakes hidden": (each_stroke(mistake=lambda s: None), {"written and played"}),
    "mistakes invented": (each_stroke(mistake=lambda s: "wrong_hand"), {"written and played"}),
    "omissions invented": (
        lambda row: row["omissions"].append(omission_of(row["strokes"][0])),
        {"written and played"},
    ),
    "beats moved": (lambda row: row["beats"][1].update(onset_sample=7), {"grid"}),
    "a stroke hidden": (lambda row: row["strokes"].pop(), {"written and played", "measures and counts"}),
    "another drum": (set_row(drum_setup="{}"), {"drums heard"}),
    "seen in training": (set_row(unseen_sound="unseen_drum"), {"drums"}),
    "accents gone": (each_stroke(is_accent=lambda s: not s["is_accent"]), {"grid"}),
    "error of the other sign": (
        each_stroke(timing_error_ms=lambda s: 1 - (s["timing_error_ms"] or 0)),
        {"times"},
    ),
    "grid moved": (
        each_stroke(intended_sample=lambda s: s["intended_sample"] and s["intended_sample"] + 30),
        {"grid", "times"},
    ),
    "velocity 0": (each_stroke(actual_velocity=lambda s: 0), {"ranges", "MIDI readable"}),
    "flam width wrong": (
        each_stroke(flam_spacing_ms=lambda s: s["flam_spacing_ms"] and s["flam_spacing_ms"] + 5),
        {"ornaments"},
    ),
    "flam width missing": (each_stroke(flam_spacing_ms=lambda s: None), {"ornaments"}),
    "other sound": (louder_sound, {"audio", "rows made again"}),
    "clipped sound": (clipped_sound, {"drums heard", "rows made again"}),
    "no sound": (lambda row: row["audio"].update(bytes=b"nothing"), {"audio"}),
    "score above 100": (set_row(timing_accuracy=101.0), {"scores"}),
    "an unknown tier": (set_row(skill_tier="expert"), {"classes"}),
    "tempo outside its range": (set_row(tempo_high_bpm=lambda r: r["tempo_bpm"] - 1), {"ranges"}),
    "a player in two splits": (set_row(split=move_flams_to_test), {"no player in two splits"}),
    "the same row twice": (set_row(sample_id="same"), {"rows", "label tables"}),
    "bars that overlap": (lengthen_bars, {"measures and counts"}),
    "labels five samples late": (shift(5), {"label = audio, blind"}),
    "labels a millisecond late": (shift(44), {"label = audio, blind"}),
    "positions wrong": (each_stroke(position=lambda s: s["position"] + 1), {"labels made again"}),
    "groups wrong": (each_stroke(beat_group=lambda s: "x"), {"labels made again"}),
    "written velocities wrong": (each_stroke(intended_velocity=lambda s: 1), {"labels made again"}),
    "a score filled in": (set_row(hand_balance=80.0), {"labels made again"}),
    "another seed": (set_row(seed=41), {"labels made again"}),
    "a trait changed": (set_row(player_fatigue=-1.0), {"labels made again"}),
    "a wide tempo range": (set_row(tempo_low_bpm=1), {"ranges", "labels made again"}),
    "another length": (set_row(duration_sec=1.0), {"labels made again", "lengths"}),
}


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_found(copy, lie):
    change, found = LIES[lie]
    assert failing(copy) == []
    rewrite(copy, change)
    assert found <= set(failing(copy))


def test_damaged_files_are_found(copy):
    path = next((copy / "data").rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-10])
    assert "integrity" in failing(copy)


def test_missing_or_changed_tables_are_found(copy):
    path = copy / "labels" / "strokes.parquet"
    table = pq.read_table(path)
    zeros = pa.array([0] * len(table), table.schema.field("onset_sample").type)
    pq.write_table(
        table.set_column(table.schema.get_field_index("onset_sample"), "onset_sample", zeros), path
    )
    assert "label tables" in failing(copy)
    path.unlink()
    assert "label tables" in failing(copy)


def test_changed_splits_are_found(copy):
    (copy / "splits.json").write_text("{}")
    assert "label tables" in failing(copy)


def test_changed_loose_files_are_found_and_mended(copy, sousa):
    path = next((copy / "audio").iterdir())
    path.write_bytes(b"\0" * path.stat().st_size)
    assert failing(copy) == ["loose files"]
    assert sousa(*TINY, "-o", copy, "--files", "-q").returncode == 0
    assert failing(copy) == []


def test_exit_status_follows_the_checks(copy, sousa):
    assert sousa("validate", copy, "-q").returncode == 0
    rewrite(copy, shift(50))
    done = sousa("validate", copy)
    assert done.returncode == 1 and "FAIL" in done.stdout
    done = sousa("verify", copy, "--all")
    assert done.returncode == 1 and "strokes differ" in done.stderr
