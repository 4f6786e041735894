"""Rows of the textures corpus: a function of their coordinates alone, whole, and where labels say."""

import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest

from sousa.generation import make, reopen
from sousa.generation.audio.encode import decode
from sousa.generation.manifest import read_manifest
from sousa.generation.textures import Textures, corpus, schema, synth
from sousa.generation.textures.values import Parameter
from tests.conftest import ROOT
from tests.support import textures

GRID = {
    "synth": "pop", "seed": 3, "sample_rate": 16000, "duration_sec": 2.0, "chunk_sec": 0.5, "level": "none",
    "parameters": {
        "rate_exp": {"min": 1, "max": 5, "count": 5}, "irreg_exp": 0.5,
        "cf": {"min": 220, "max": 880, "count": 2}, "Q": 20,
    },
}  # fmt: skip


def config_of(**changes):
    return schema.parse({**GRID, **changes}, "test")[0]


def rows_of(config, position, example=0):
    return plain(config, corpus.make_rows(config, position, example))


def plain(config, rows):
    return corpus.table(config, list(rows)).to_pylist()


def pcm_of(row):
    return decode(row["audio"]["bytes"])[0][:, 0]


def digests(root):
    """Digest of every row of a dataset, by its name."""
    found = {}
    for record in read_manifest(root)["shards"].values():
        table = pq.read_table(f"{root}/{record['file']}", columns=["sample_id", "pcm_digest"])
        found.update(zip(*table.to_pydict().values(), strict=True))
    return found


def at(config, **natural):
    """Position of the setting with these values."""
    for position, setting in enumerate(config.settings):
        if all(setting.params[name] == value for name, value in natural.items()):
            return position
    raise AssertionError(f"no setting {natural}")


def test_points_shared_by_two_grids_are_the_same_bytes():
    fine = dict(GRID["parameters"], rate_exp={"min": 1, "max": 5, "count": 9})
    coarse, fine = config_of(), config_of(parameters=fine)
    for rate in (1.0, 2.0, 3.0, 5.0):
        one, two = (rows_of(c, at(c, rate_exp=rate, cf=880.0)) for c in (coarse, fine))
        assert [r["pcm_digest"] for r in one] == [r["pcm_digest"] for r in two]
        assert [r["split"] for r in one] == [r["split"] for r in two]


def test_labels_of_the_user_change_no_sound():
    label = {"min": 1, "max": 5, "count": 5, "label": {"name": "busy", "min": 0, "max": 10}}
    other = config_of(parameters=dict(GRID["parameters"], rate_exp=label))
    one, two = rows_of(config_of(), 4)[0], rows_of(other, 4)[0]
    assert one["pcm_digest"] == two["pcm_digest"]
    assert [p["user"] for p in two["params"] if p["name"] == "rate_exp"] == [5.0]
    assert [p["user"] for p in one["params"] if p["name"] == "rate_exp"] == [3.0]


def test_settings_do_not_share_jitter_nor_do_examples():
    """The earlier system drew one jitter for all files: a correlation of 1."""
    parameters = {"rate_exp": 5, "irreg_exp": 0.3, "cf": {"min": 300, "max": 500, "count": 6}}
    config = config_of(parameters=parameters, duration_sec=8, chunk_sec=8, examples=2)
    residuals = []
    for position in range(len(config.settings)):
        for example in range(2):
            onsets = np.array([e["onset_sample"] for e in rows_of(config, position, example)[0]["events"]])
            residuals.append(np.diff(onsets)[:200])
    size = min(map(len, residuals))
    correlation = np.corrcoef([one[:size] for one in residuals]) - np.eye(len(residuals))
    assert size > 150
    assert np.abs(correlation).max() < 0.35  # 66 pairs of 200 gaps: chance stays below 0.3


@pytest.mark.parametrize(
    "rate, duration, chunk, rows, size",
    [
        (44100, 4, 2, 2, 88200),
        (16000, 2.5, 0.5, 5, 8000),
        (22050, 1.0, 0.3, 3, 6615),
        (96000, 0.3, 0.1, 3, 9600),
    ],
)
def test_every_chunk_has_its_length_at_any_rate(rate, duration, chunk, rows, size):
    config = config_of(sample_rate=rate, duration_sec=duration, chunk_sec=chunk)
    made = rows_of(config, 0)
    assert len(made) == rows
    for index, row in enumerate(made):
        assert len(pcm_of(row)) == row["num_samples"] == size
        assert row["start_sample"] == index * size
        assert row["duration_sec"] == size / rate


def test_chunks_are_the_long_signal_cut_and_nothing_else():
    """Joined again they are the signal, so that there is no click that is not the signal's own."""
    config = config_of(level={"policy": "peak", "target_db": -1})
    whole = config_of(chunk_sec=2.0, level={"policy": "peak", "target_db": -1})
    parts = np.concatenate([pcm_of(row) for row in rows_of(config, 7)])
    long = rows_of(whole, 7)[0]
    assert np.array_equal(parts, pcm_of(long))
    starts = [(row["start_sample"], row["events"]) for row in rows_of(config, 7)]
    joined = [start + event["onset_sample"] for start, events in starts for event in events]
    assert joined == [event["onset_sample"] for event in long["events"]]


def test_onsets_are_where_the_sound_begins():
    """Pops far apart: the first sample that is not 0 after silence is at the label."""
    config = config_of(
        parameters={"rate_exp": 1, "irreg_exp": 0, "cf": 1500, "Q": 5}, duration_sec=8, chunk_sec=2
    )
    found = 0
    for row in rows_of(config, 0):
        sound = pcm_of(row).astype(int)
        for event in row["events"]:
            onset = event["onset_sample"]
            if onset > 200 and not sound[onset - 200 : onset].any():
                # noise through a narrow filter begins at any height: up to two of its samples round to 0
                assert sound[onset : onset + 3].any()
                found += 1
    assert found > 8


@pytest.mark.parametrize("policy, target", [("peak", -3.0), ("rms", -25.0)])
def test_levels_are_what_the_policy_says(policy, target):
    config = config_of(level={"policy": policy, "target_db": target})
    bare = config_of()
    for position in (0, 5, 9):
        made = rows_of(config, position)
        sound = np.concatenate([pcm_of(row) for row in made]) / 32767
        size = np.abs(sound).max() if policy == "peak" else np.sqrt(np.mean(sound**2))
        assert 20 * np.log10(size) == pytest.approx(target, abs=0.02)
        gains = {row["gain_db"] for row in made}
        assert len(gains) == 1  # one gain for all chunks
        own = np.concatenate([pcm_of(row) for row in rows_of(bare, position)]) / 32767
        assert np.abs(own * 10 ** (gains.pop() / 20) - sound).max() < 3e-4


def test_clipping_is_counted():
    parameters = {"rate_exp": 8, "irreg_exp": 1, "cf": 440, "Q": 40}
    row = rows_of(config_of(parameters=parameters), 0)[0]
    top = np.abs(pcm_of(row).astype(int)) == 32767
    assert row["clipped_samples"] > 100
    assert row["peak_db"] > 0
    assert top.sum() >= row["clipped_samples"]
    calm = rows_of(config_of(parameters=parameters, level="peak"), 0)
    assert sum(row["clipped_samples"] for row in calm) == 0


def test_curves_are_labelled_frame_by_frame():
    parameters = {"rate_exp": {"curve": [[0, 0], [2, 6]]}, "irreg_exp": 0.2, "cf": {"values": [300, 600]}}
    config = config_of(parameters=parameters)
    made = rows_of(config, 1)
    values = [c["natural"] for row in made for c in row["curves"]]
    times = [(k + 0.5) / 75 + row["start_sample"] / 16000 for row in made for k in range(38)]
    assert len(values) == 4 * 38  # a frame that begins in the row counts: 37.5 of them
    assert np.allclose(values, np.array(times) * 3, atol=1e-6)
    counts = [row["num_events"] for row in made]
    assert counts[3] > 4 * counts[0]
    moving = [p for p in made[0]["params"] if p["name"] == "rate_exp"]
    assert (moving[0]["role"], moving[0]["natural"], moving[0]["norm"]) == ("moving", None, None)


def test_the_same_bytes_for_any_workers_and_after_a_kill(tmp_path, sousa):
    """One worker, two workers, and killed again and again."""
    file = tmp_path / "space.json"
    parameters = {"rate_exp": {"min": 0, "max": 5, "count": 12}, "cf": {"min": 200, "max": 900, "count": 12}}
    text = schema_text({**GRID, "parameters": parameters, "records": ["params", "tfrecords"]})
    file.write_text(text)
    manifests = {}
    for workers in (1, 2):
        place = ("-o", tmp_path / f"w{workers}", "-w", workers)
        done = sousa("generate", "textures", "--configfile", file, *place, "-q", "--skip-validation")
        assert done.returncode == 0, done.stderr
        manifests[workers] = facts(tmp_path / f"w{workers}")
    assert manifests[1] == manifests[2]
    root = tmp_path / "killed"
    command = [sys.executable, str(ROOT / "sousa.py"), "generate", "textures", "--configfile", str(file)]
    command += ["-o", str(root), "-w", "2", "-q", "--skip-validation"]
    # killed while shards are made, while tables are written, and while records are
    for sign in ("data/*/*.parquet", "data/*/*000024*", "labels/*", "records/params/*.wav"):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while process.poll() is None and not any((root / ".unfinished").glob(sign)):
            time.sleep(0.002)
        assert process.poll() is None, f"done before {sign} was there"
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not read_manifest(root)["complete"]
        assert {path.name for path in root.iterdir()} == {".unfinished"}
    assert subprocess.run(command).returncode == 0
    assert facts(root) == manifests[1]
    assert len(digests(root)) == 144 * 4


def schema_text(data):
    import json

    return json.dumps(data)


def facts(root):
    """What a manifest says of the bytes of a dataset."""
    manifest = read_manifest(root)
    shards = {name: record["sha256"] for name, record in manifest["shards"].items()}
    return shards, manifest["tables"], manifest["records"]


def test_a_row_can_be_made_again_from_its_coordinates(tmp_path):
    stored = reopen.open_dataset(textures.made(tmp_path / "d", GRID), making=True)
    assert reopen.verify(stored, everything=True) == (40, [])
    (table,) = reopen.rows_at(stored.storage, stored.records[:1], range(5))
    order = [3, 0, 3, 4]
    rows, labels = (reopen.remade(stored, table.take(order), render) for render in (True, False))
    assert rows.to_pylist() == table.take(order).to_pylist()
    rendered = {column.name for column in stored.columns if column.rendered} | {"audio"}
    for name in rows.column_names:
        assert labels[name].null_count == 4 if name in rendered else labels[name].equals(rows[name]), name


def test_rows_do_not_depend_on_the_order_they_are_made_in():
    config = schema.read(ROOT / "tests" / "data" / "texture_configs" / "mixed.yaml")[0]
    asked = range(0, len(config.settings), 3)
    forth = {position: rows_of(config, position) for position in asked}
    back = {position: rows_of(config, position) for position in reversed(asked)}
    assert forth == back
    assert plain(config, corpus.make_rows(config, asked[-1], 0, [1])) == [forth[asked[-1]][1]]


def test_sizes_are_nested():
    small, medium = textures.size("small"), textures.size("medium")
    inside = {s.name: (s.split, s.rows) for s in corpus.plan(medium)}
    assert all(inside[s.name] == (s.split, s.rows) for s in corpus.plan(small))
    assert {s.split for s in corpus.plan(small)} == set(corpus.SPLITS)
    kind = Textures()
    assert make.views(kind, medium, kind.plan(medium)).keys() == {"small", "medium"}
    seeded = [textures.size(size, seed=3, audio_format="wav") for size in ("small", "medium")]
    assert kind.resized(seeded[1], "small") == seeded[0] != small
    assert kind.resized(textures.size("medium", level="rms"), "small") is None
    numbers = [(s.sound, s.index, s.draws, s.split) for s in small.settings]
    assert set(numbers) <= {(s.sound, s.index, s.draws, s.split) for s in medium.settings}
    assert (small.num_rows, medium.num_rows) == (528, 5280)


class Tiny:
    """Loud beyond measure, with a parameter in farads."""

    name, version, about = "tiny", "1.0.0", "A sine."
    parameters = (Parameter("capacity", 1e-12, 1e-9, 1e-10, "F", "", "log", varying=True),)

    def render(self, params, samples, rate, rng):
        return (1e10 * np.sin(np.arange(samples) * 0.1)).astype(np.float32), None


def test_values_and_gains_of_any_size_keep_their_digits(monkeypatch):
    monkeypatch.setitem(synth._ADDED, "tiny", Tiny())
    curve = {"capacity": {"curve": [[0, 2e-12], [2, 3e-10]], "scale": "log"}}
    row = rows_of(config_of(synth="tiny", parameters=curve, level="peak:-6"), 0)[1]
    times = 0.5 + (np.arange(38) + 0.5) / 75
    wanted = 2e-12 * 150 ** (times / 2)
    assert [one["natural"] for one in row["curves"]] == pytest.approx(wanted, rel=1e-8)
    assert row["peak_db"] == pytest.approx(-6, abs=0.02)
    assert 20 * np.log10(np.abs(pcm_of(row)).max() / 32767) == pytest.approx(-6, abs=0.02)
