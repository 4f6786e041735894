"""Validation of textures passes true data and fails on each kind of lie."""

import json
import shutil
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sousa.generation import reopen
from sousa.generation.audio import encode
from sousa.generation.errors import RunError
from sousa.generation.manifest import read_manifest, sealed
from sousa.generation.shards import parquet_writer
from sousa.generation.storage import file_digest
from sousa.generation.textures import Textures, synth
from sousa.generation.textures.validation import TexturesValidation, expectations, population, sound
from tests.conftest import ROOT, run_sousa
from tests.support import textures
from tests.support.textures import examined, failing

MIXED = ROOT / "tests" / "data" / "texture_configs" / "mixed.yaml"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """56 rows of four sounds with records and loose files, and the finished process that validated them."""
    root = textures.made(tmp_path_factory.mktemp("mixed") / "dataset", MIXED, files=True)
    done = run_sousa("validate", root, "-w", 1)
    assert done.returncode == 0, done.stdout + done.stderr
    return root, done


@pytest.fixture
def copy(made, tmp_path):
    root = tmp_path / "d"
    shutil.copytree(made[0], root)
    return root


def rewrite(root, change):
    """Change the rows of every shard and record the new digests, as a careful liar would.

    Args:
        change: function of all rows of a shard, in order.
    """
    manifest = read_manifest(root)
    for record in manifest["shards"].values():
        path = root / record["file"]
        table = pq.read_table(path)
        rows = table.to_pylist()
        change(rows)
        with parquet_writer(str(path), table.schema) as writer:
            writer.write_table(pa.Table.from_pylist(rows, schema=table.schema))
        record["bytes"], record["sha256"] = path.stat().st_size, file_digest(path)
    (root / "manifest.json").write_text(json.dumps(sealed(manifest)))


def test_true_data_pass_and_the_report_can_be_read(made):
    root, done = made
    data = json.loads((root / "validation_report.json").read_text())
    assert data["passed"] and (data["rows"], data["settings"]) == (56, 28)
    judged = {c["name"] for c in data["checks"] if c["passed"]}
    assert judged >= {
        "labels made again", "rows made again", "label = audio", "event rate", "pitch", "borders", "splits",
        "coverage", "records",
    }  # fmt: skip
    assert data["sounds"]["pops"]["events_per_sec"] == pytest.approx(7.5, rel=0.2)
    assert data["sounds"]["gale"]["events_per_sec"] is None
    page = (root / "validation_report.html").read_text()
    assert page.count("data:image/png;base64,") == 3 and "http" not in page
    assert "checks passed" in done.stdout and "checks passed" in (root / "validation_report.txt").read_text()


def test_a_part_of_the_rows_is_heard_and_all_are_judged(made, monkeypatch):
    monkeypatch.setattr(TexturesValidation, "media_rows", 20)
    findings, checks = examined(made[0])
    assert 8 <= findings.heard < 56 == findings.count and all(c.passed is not False for c in checks)
    assert len(findings.lists["media"]) == findings.heard
    assert 16 <= findings.again <= 2 * TexturesValidation.again_units
    findings, _ = examined(made[0], all_media=True)
    assert findings.heard == findings.again == len(findings.lists["media"]) == 56


# --- lies ---


def each(change, where=lambda row: True):
    """A change of each row for which ``where`` holds."""

    def all_of_them(rows):
        for row in rows:
            if where(row):
                change(row)

    return all_of_them


def column(where=lambda row: True, **values):
    return each(lambda row: row.update({k: v(row) if callable(v) else v for k, v in values.items()}), where)


def of(sound_name):
    return lambda row: row["sound"] == sound_name


def param(name, where=lambda row: True, **values):
    """Changes fields of a parameter."""

    def change(row):
        for one in row["params"]:
            if one["name"] == name:
                one.update({k: v(one) if callable(v) else v for k, v in values.items()})

    return each(change, where)


def event_times(function):
    """Changes onsets: function of the list of them."""

    def change(row):
        if row["events"]:
            times = function([e["onset_sample"] for e in row["events"]])
            row["events"] = [{"onset_sample": t, "kind": None, "velocity": None} for t in times]
            row["num_events"] = len(times)

    return each(change)


def sounding(function, tell=True, rate=None):
    """Changes samples; with ``tell`` digest and levels as well."""

    def change(row):
        pcm, own = encode.decode(row["audio"]["bytes"])
        pcm = np.clip(function(row, pcm.astype(int)), -32767, 32767).astype(np.int16)
        row["audio"]["bytes"] = encode.encode(pcm, rate or own, "flac")
        if tell:
            row["pcm_digest"] = encode.pcm_digest(pcm)
            size = np.abs(pcm / 32767)
            row["peak_db"] = round(20 * np.log10(size.max()), 3) if size.any() else None
            row["rms_db"] = round(10 * np.log10((size**2).mean()), 3) if size.any() else None

    return each(change)


def one_octave_up(one):
    return 2 * one["natural"]


def double_pitch(rows):
    declared = {p.name: p for p in synth.get("pop").parameters}["cf"]
    param("cf", of("pops"), natural=one_octave_up)(rows)
    param("cf", of("pops"), norm=lambda one: float(declared.norm(one["natural"])))(rows)
    column(of("pops"), param_cf=lambda row: 2 * row["param_cf"])(rows)


def jump(row, pcm):
    """A step at the beginning of the second chunk, and a smooth way back."""
    return pcm + (4000 * np.exp(-np.arange(len(pcm)) / 4000)[:, None] * (row["chunk_index"] == 1)).astype(int)


def first_events(rows):
    """All rows of pops have the onsets of the shard's first one with some."""
    own = [row for row in rows if row["sound"] == "pops" and row["num_events"] >= 5]
    for row in own:
        row["events"], row["num_events"] = own[0]["events"], own[0]["num_events"]


def exchange_rows(rows):
    if len(rows) > 2:
        rows[0], rows[2] = rows[2], rows[0]


def leave_out_a_frame(row):
    row["curves"] = row["curves"][1:]


def raise_curve(row):
    for frame in row["curves"]:
        frame["natural"] += 1e4


def late_curve(row):
    for before, frame in zip(row["curves"], row["curves"][1:], strict=False):
        before["natural"], before["norm"] = frame["natural"], frame["norm"]


def a_little_louder(row, pcm):
    pcm[100] += 1
    return pcm


def take_from(path):
    """All rows' sound becomes that of one row, labels of the sound and all."""

    def change(rows):
        for row in rows:
            if row["sound"] == "fm":
                row.update({n: path[n] for n in ("audio", "pcm_digest", "peak_db", "rms_db")})

    return change


LIES = {
    "the same id": (column(sample_id="same"), {"rows", "label tables", "labels made again"}),
    "no setting": (column(setting_id=None), {"nulls", "labels made again", "no setting in two splits"}),
    "no draws": (column(draws="none"), {"labels made again"}),
    "no natural value": (param("Q", natural=None), {"nulls", "parameters"}),
    "outside the range": (param("irreg_exp", natural=-0.5), {"parameters", "labels made again"}),
    "normalised otherwise": (param("cf", norm=lambda o: o["norm"] and 0.9 * o["norm"]), {"parameters"}),
    "no user value": (param("rate_exp", user=None), {"parameters", "labels made again"}),
    "other user value": (param("rate_exp", user=3.5), {"labels made again"}),
    "column of a parameter": (column(of("pops"), param_cf=500.0), {"parameters", "coverage"}),
    "a setting in two splits": (
        column(lambda r: r["chunk_index"] == 1, split="test"), {"splits", "no setting in two splits"},
    ),
    "held out in training": (column(lambda r: r["split"] == "train", held_out="random"), {"splits"}),
    "test not held out": (column(held_out=None), {"splits"}),
    "an unknown way to hold out": (column(of("fm"), held_out="perhaps"), {"classes", "labels made again"}),
    "all in training": (column(split="train", held_out=None), {"splits", "labels made again"}),
    "rows exchanged": (exchange_rows, {"labels made again", "label tables"}),
    "other chunk": (column(chunk_index=0), {"coordinates"}),
    "other start": (column(start_sample=lambda r: r["start_sample"] + 1), {"coordinates"}),
    "other length": (column(num_samples=lambda r: r["num_samples"] - 1), {"coordinates", "lengths", "audio"}),
    "other duration": (column(duration_sec=1.5), {"lengths", "labels made again"}),
    "one event more": (column(of("pops"), num_events=lambda r: r["num_events"] + 1), {"events"}),
    "event outside": (event_times(lambda t: [*t, 16000]), {"events in row"}),
    "events backwards": (event_times(lambda t: t[::-1]), {"events in row"}),
    "no events": (column(of("pops"), events=None), {"events"}),
    "frame missing": (each(leave_out_a_frame), {"curves"}),
    "curve out of range": (each(raise_curve), {"parameters", "labels made again"}),
    "curve a frame late": (each(late_curve), {"labels made again"}),
    "unreadable": (column(audio={"bytes": b"nothing", "path": "x.flac"}), {"audio"}),
    "half as loud": (sounding(lambda row, pcm: pcm // 2, tell=False), {"audio"}),
    "half as loud and told": (sounding(lambda row, pcm: pcm // 2), {"level", "rows made again"}),
    "shorter": (sounding(lambda row, pcm: pcm[:-1]), {"audio"}),
    "other rate": (sounding(lambda row, pcm: pcm, rate=22050), {"audio"}),
    "silence": (sounding(lambda row, pcm: 0 * pcm), {"silence", "rows made again"}),
    "silent pops": (sounding(lambda row, pcm: pcm * (row["sound"] != "pops")), {"silence"}),
    "a silent sound": (sounding(lambda row, pcm: pcm * (row["sound"] != "gale")), {"silence"}),
    "one step in one sample": (sounding(a_little_louder), {"rows made again"}),
    "clipping told": (column(clipped_samples=7), {"levels"}),
    "gain told": (column(lambda r: r["chunk_index"] == 1, gain_db=3.0), {"level", "rows made again"}),
    "peak told": (column(peak_db=lambda r: r["peak_db"] and r["peak_db"] + 0.1), {"levels", "level"}),
    "two samples late": (event_times(lambda t: [min(x + 2, 15999) for x in t]), {"label = audio"}),
    "two milliseconds early": (event_times(lambda t: [max(x - 32, 0) for x in t]), {"label = audio"}),
    "every other event": (event_times(lambda t: t[::2]), {"event rate", "event rate by setting"}),
    "the same jitter": (first_events, {"chance not shared"}),
    "an octave up": (double_pitch, {"pitch", "labels made again"}),
    "clicks at borders": (sounding(jump), {"borders"}),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_found(copy, lie):
    change, found = LIES[lie]
    rewrite(copy, change)
    assert found <= failing(copy)


def test_the_same_sound_in_two_splits_is_found(copy):
    one = pq.read_table(next((copy / "data" / "train").glob("*fm*"))).to_pylist()[0]
    rewrite(copy, take_from(one))
    assert {"splits", "rows made again"} <= failing(copy)


def test_damaged_and_missing_files_are_found(copy):
    assert failing(copy) == set()
    next((copy / "records" / "params").rglob("*.params")).write_text("{}")
    assert failing(copy) == {"records"}
    path = next((copy / "audio").iterdir())
    path.write_bytes(b"\0" * path.stat().st_size)
    assert failing(copy, all_media=True) == {"records", "loose files"}
    (copy / "splits.json").write_text("{}")
    assert failing(copy) >= {"label tables"}
    path = next((copy / "data").rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-10])
    assert failing(copy) >= {"integrity"}
    for path in (copy / "data").rglob("*.parquet"):
        path.unlink()
    assert failing(copy) == {"integrity"}


def test_exit_status_follows_the_checks(copy):
    assert run_sousa("validate", copy, "-q").returncode == 0
    rewrite(copy, event_times(lambda t: [max(x - 32, 0) for x in t]))
    done = run_sousa("validate", copy)
    assert done.returncode == 1 and "FAIL  label = audio" in done.stdout
    assert json.loads((copy / "validation_report.json").read_text())["passed"] is False


def test_rows_of_another_version_are_judged_by_what_they_say(copy, monkeypatch):
    monkeypatch.setattr(Textures, "data_version", "9.0.0")
    with pytest.raises(
        RunError,
        match=r"of data version 3\.0\.0, and this sousa makes 9\.0\.0; use the version that made it, sousa",
    ):
        reopen.open_dataset(copy, making=True)
    passed = {check.name: check.passed for check in examined(copy, making=False)[1]}
    assert passed["labels made again"] is None and False not in passed.values()
    rewrite(copy, event_times(lambda t: [max(x - 32, 0) for x in t]))
    passed = {check.name: check.passed for check in examined(copy, making=False)[1]}
    assert [name for name in passed if passed[name] is False] == ["label = audio"]


@pytest.mark.parametrize("level", ["none", "rms:-25"])
def test_other_level_policies(tmp_path, level):
    root = tmp_path / "d"
    textures.made(root, MIXED, level=level, records=["nsjson"])
    assert failing(root) == set()
    rewrite(root, column(gain_db=1.0, rms_db=lambda r: r["rms_db"] and r["rms_db"] + 0.5))
    assert "level" in failing(root)


# --- measures ---


def test_onsets_are_measured_to_the_sample():
    rate, pcm = 16000, np.zeros(16000, np.int16)
    tone = (20000 * np.exp(-np.arange(800) / 80) * np.cos(np.arange(800))).astype(np.int16)
    for at in (2000, 6000, 10000):
        pcm[at : at + 800] = tone
    for moved, error in ((0, 0), (1, -1), (-5, 5), (-100, 100)):
        errors, allowed = sound.onset_errors(pcm, np.array([2000, 6000, 10000]) + moved, rate)
        assert errors.tolist() == [error] * 3 and (allowed < 3).all()
    # a slow swell is heard late, and may be; one that nothing comes before is not judged
    swell = np.clip(np.arange(3200) / 3200 * 20000 * np.sin(np.arange(3200) / 9), -32767, 32767)
    pcm[2000:5200] = swell.astype(np.int16)
    errors, allowed = sound.onset_errors(pcm, np.array([2000, 10000, 10100]), rate)
    assert len(errors) == 1 and 0 < errors[0] < allowed[0] < 0.1 * 3200
    # noise before the label: no evidence
    pcm[1700:1990] = 50
    assert len(sound.onset_errors(pcm, np.array([2000]), rate)[0]) == 0


def test_steps_at_borders_are_measured():
    wave = (5000 * np.sin(np.arange(4000) / 20)).astype(np.int16)
    step, largest, anywhere = sound.border(wave[:2000], wave[2000:])
    assert step <= largest <= anywhere <= 251
    step, largest, anywhere = sound.border(wave[:2000], wave[2000:] + 3000)
    assert step > 2500 and largest <= anywhere <= 251
    assert sound.border(wave[:30], wave[30:60])[0] == abs(int(wave[30]) - int(wave[29]))


def test_a_wave_that_jumps_by_itself_may_jump_at_borders():
    square = np.where(np.arange(16000) // 500 % 2, 3000, -3000).astype(np.int16)
    cut = range(0, 16000, 4000)
    rows = [square[at : at + 4000] for at in cut]
    steps = [(f"row{i}", *sound.border(rows[i], rows[i + 1])) for i in range(3)] * 20
    check = population.borders(SimpleNamespace(lists={"borders": steps}))
    assert check.passed and "60 jump as elsewhere in their rows" in check.detail
    smooth = [np.sin(np.arange(4000) / 300) * 3000 for _ in cut]  # each begins anew: a fault of the cutting
    steps = [(f"row{i}", *sound.border(a, b)) for i, (a, b) in enumerate(pairwise(smooth))] * 20
    assert population.borders(SimpleNamespace(lists={"borders": steps})).passed is False


def test_pitch_is_measured():
    rate, seconds = 16000, np.arange(16000) / 16000
    tone = (10000 * np.sin(2 * np.pi * 466.16 * seconds)).astype(np.int16)
    pop = {"cf": 440.0, "Q": 20.0}
    assert expectations.centre_error("pop", pop, tone, rate) == pytest.approx(1.0, abs=0.02)
    assert expectations.centre_error("drip", {"cf": 440.0, "sweep": 100.0}, tone, rate) == 0
    assert expectations.centre_error("pop", {"cf": 440.0}, tone, rate) is None  # its Q moves
    assert expectations.centre_error("wind", {"strength": 0.5}, tone, rate) is None


def test_jitter_that_is_shared_between_settings_is_found():
    """As where every setting is made with the same draws: the same deviations at other rates."""
    rng = np.random.default_rng(3)
    own, shared = [], rng.standard_normal(20)
    for together in (False, True):
        trains = []
        for i in range(12):
            draws = shared if together else rng.standard_normal(20)
            times = (np.arange(20) + 0.2 * draws) * 16000 / (2 + i)
            trains.append(("pops", f"s{i}", np.diff(times)))
        rows = {
            "onsets": np.arange(1, 13), "draws": np.arange(12), "example_index": np.zeros(12),
            "chunk_index": np.zeros(12), "sample_id": np.array([f"s{i}" for i in range(12)], object),
        }  # fmt: skip
        own.append(population.shared_chance(SimpleNamespace(lists={"trains": trains}, rows=rows)))
    assert [check.passed for check in own] == [True, False]


def test_rates_of_quarters_are_judged_when_the_whole_is_right():
    config = SimpleNamespace(chunks=1, sounds=[SimpleNamespace(name="pops", synth="pop")])
    promised = np.repeat([2.0, 4.0, 8.0, 16.0], 50)

    def judged(found):
        rows = {"sound": np.array(["pops"] * 200, object), "promised_events": promised, "num_events": found}
        findings = SimpleNamespace(rows=rows, config=config)
        return population.event_rates(findings).passed, population.rates_follow(findings).passed

    assert judged(promised) == (True, True)
    assert judged(np.full(200, promised.mean())) == (True, False)
    assert judged(1.2 * promised) == (False, False)
