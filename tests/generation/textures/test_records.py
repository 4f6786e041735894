"""Records of textures: what all formats share, and the formats params and nsjson, read by their rules."""

import io
import json
import math
import os
import tracemalloc
import wave

import numpy as np
import pytest
import soundfile

from sousa.generation.audio.encode import decode, encode, pcm_digest
from sousa.generation.errors import RunError, UsageError
from sousa.generation.shards import parquet_writer
from sousa.generation.tables import row_groups
from sousa.generation.textures import corpus, records, schema, settings
from sousa.generation.textures.records import files
from sousa.generation.textures.values import Parameter
from tests.support import texture_rows
from tests.support.texture_rows import axis, config, contents, moving, sound

ALL = settings.RECORDS
RICH = (axis("cf", natural=(220.0, 440.0)), axis("shift", user=(-4.0, 4.0), natural=(-4.0, 4.0), count=2))


def rich(**other):
    """A corpus with parameters of all four roles."""
    own = sound(
        axes=RICH[:2], moved=[moving()], fixed=[settings.Fixed("rate", 5.0, 0.25, "norm", "one to five")]
    )
    return config(own, **other)


def write(root, made, tables=None):
    done = []
    found = records.write(root, made, tables or texture_rows.tables(made), done.append)
    return {one["format"]: one for one in found}, done


def parameter_at(entry, seconds):
    """What a reader of .params files does: straight lines between the points."""
    assert len(entry["times"]) == len(entry["values"]) >= 2
    return np.interp(seconds, entry["times"], entry["values"])


@pytest.mark.parametrize("audio_format", ["flac", "wav"])
def test_every_format_has_every_row_and_its_samples(tmp_path, audio_format):
    made = rich(records=ALL, audio_format=audio_format)
    rows = list(texture_rows.rows(made))
    found, done = write(tmp_path, made)
    assert set(found) == set(ALL)
    assert sum(done) == len(rows) == 12
    for name, record in found.items():
        folder = tmp_path / "records" / name
        assert record["rows"] == 12
        assert record["files"] == len(contents(folder))
        assert record["bytes"] == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    expected = sorted(row["pcm_digest"] for row in rows)
    for name in ("params", "nsjson", "frames", "nsynth"):
        sounds = [path.read_bytes() for path in (tmp_path / "records" / name).rglob("*.wav")]
        assert sorted(files_digest(data) for data in sounds) == expected
        with wave.open(io.BytesIO(sounds[0])) as one:
            assert (one.getnchannels(), one.getsampwidth(), one.getframerate()) == (1, 2, 16000)


def files_digest(data):
    pcm, rate = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
    assert rate == 16000
    return pcm_digest(pcm)


def test_wav_of_flac_is_what_the_encoder_makes_and_stored_wav_is_left_as_it_is(tmp_path):
    made = config()
    write(tmp_path / "flac", made)
    row = next(texture_rows.rows(made))
    pcm, rate = decode(row["audio"]["bytes"])
    file = f"records/params/{row['sample_id']}.wav"
    assert (tmp_path / "flac" / file).read_bytes() == encode(pcm, rate, "wav")

    made = config(audio_format="wav")
    rows = list(texture_rows.rows(made))
    pcm = np.arange(8000, dtype=np.int16)[:, None]
    odd = io.BytesIO()  # another header, which a new encoding would lose
    soundfile.write(odd, pcm, 16000, format="WAVEX", subtype="PCM_16")
    rows[0]["audio"]["bytes"] = odd.getvalue()
    write(tmp_path / "wav", made, texture_rows.tables(made, made=rows))
    assert (tmp_path / "wav" / file).read_bytes() == odd.getvalue()


def test_result_does_not_depend_on_tables_or_earlier_files(tmp_path):
    made = rich(records=ALL, shard_mib=0.1)
    once, _ = write(tmp_path / "a", made)
    other = config(sound("Other"), records=ALL, shard_mib=0.05)
    write(tmp_path / "b", other)
    again, _ = write(tmp_path / "b", made, texture_rows.tables(made, group=1))
    assert again == once
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert not [p for p in (tmp_path / "b").rglob("*") if p.is_dir() and not any(p.iterdir())]


@pytest.mark.parametrize("after", [0, 1, 7, 30, 67])
def test_interrupted_run_is_finished_by_the_next(tmp_path, monkeypatch, after):
    made = rich(records=ALL, shard_mib=0.1)
    whole, _ = write(tmp_path / "whole", made)
    replace, left = os.replace, [after]

    def killed(source, target):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", killed)
        # nothing is tidied by a process that is gone
        patch.setattr(files.Folder, "abandon", lambda folder: None)
        patch.setattr(files.os, "unlink", lambda path: None)
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path / "cut", made)
    assert [name for name in contents(tmp_path / "cut") if name.endswith(".tmp")]
    again, _ = write(tmp_path / "cut", made)
    assert again == whole
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_failed_run_leaves_no_temporary_file(tmp_path):
    made = rich(records=ALL, shard_mib=0.1)

    def breaking():
        yield from texture_rows.tables(made)[:1]
        raise RunError("the disk is gone")

    with pytest.raises(RunError, match="disk is gone"):
        write(tmp_path, made, breaking())
    assert not [name for name in contents(tmp_path) if name.endswith(".tmp")]


def test_files_that_are_there_are_not_written_again_nor_synced(tmp_path, monkeypatch):
    made = config(records=["params"])
    monkeypatch.setattr(os, "fsync", lambda handle: pytest.fail("thousands of small files are not synced"))
    write(tmp_path, made)
    places = sorted((tmp_path / "records/params").iterdir())
    before = [path.stat().st_ino for path in places]
    places[2].write_bytes(b"x" * places[2].stat().st_size)
    write(tmp_path, made)
    after = [path.stat().st_ino for path in places]
    assert [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b] == [2]


def test_damage_is_found(tmp_path):
    made = rich(records=ALL, shard_mib=0.1)
    found, _ = write(tmp_path, made)
    for name, record in found.items():
        assert records.damage(tmp_path, record) is None
        folder = tmp_path / "records" / name
        path = max((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        assert "does not match its digest" in records.damage(tmp_path, record)
        path.write_bytes(whole[:-1])
        assert f"instead of {record['bytes']}" in records.damage(tmp_path, record)
        path.write_bytes(whole)
        path.rename(path.with_name("renamed"))
        assert "does not match its digest" in records.damage(tmp_path, record)
        (path.with_name("renamed")).unlink()
        assert f"{record['files'] - 1} files instead of {record['files']}" in records.damage(tmp_path, record)
    assert "missing" in records.damage(tmp_path / "elsewhere", found["params"])
    assert "unknown format" in records.damage(tmp_path, found["params"] | {"format": "../data"})


def test_memory_does_not_grow_with_rows(tmp_path):
    streamed = [name for name in ALL if name != "nsjson"]  # which sorts its entries

    def peak(settings_count):
        made = config(sound(axes=[axis(count=settings_count)]), records=streamed, shard_mib=0.2)
        tables = texture_rows.tables(made, group=10)
        tracemalloc.start()
        write(tmp_path / str(settings_count), made, iter(tables))
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(10)  # whatever is imported or cached once
    small, large = peak(20), peak(160)  # 280 rows more, 16 kB of sound each
    assert large - small < 280 * 1000


def test_rows_come_from_shards_as_well(tmp_path):
    made = rich(records=ALL)
    tables = texture_rows.tables(made, group=5)
    with parquet_writer(tmp_path / "shard.parquet", tables[0].schema) as writer:
        for table in tables:
            writer.write_table(table)
    stored = row_groups(tmp_path / "shard.parquet", list(records.COLUMNS))
    nothing = tables[0].slice(0, 0)
    assert (
        write(tmp_path / "a", made, (t for t in (nothing, *stored, nothing)))[0]
        == write(tmp_path / "b", made)[0]
    )


def test_nothing_asked_for_reads_nothing(tmp_path):
    def tables():
        pytest.fail("read for nothing")
        yield

    assert records.write(tmp_path, config(records=[]), tables(), lambda count: None) == []


@pytest.mark.parametrize("name", ["a/b", "../up", ".hidden", "", "new\nline", "x" * 250])
def test_names_that_are_no_file_names_are_refused(tmp_path, name):
    made = config()
    rows = list(texture_rows.rows(made))
    rows[0]["sample_id"] = name
    with pytest.raises(RunError, match="can't be written to a file of that name"):
        write(tmp_path, made, texture_rows.tables(made, made=rows))


def test_two_rows_of_one_name_are_refused(tmp_path):
    made = config(records=["nsjson"])
    rows = list(texture_rows.rows(made))
    rows[1]["sample_id"] = rows[0]["sample_id"]
    with pytest.raises(RunError, match="two rows have one name"):
        write(tmp_path, made, texture_rows.tables(made, made=rows))


def test_what_a_format_cannot_hold_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    odd = (Parameter("meta", 0, 1, 0, "", ""), Parameter("audio", 0, 1, 0, "", ""))
    odd += (Parameter("wide", -1e300, 1e300, 0, "", ""),)
    monkeypatch.setattr(texture_rows.Hum, "parameters", odd)
    made = config(sound("hum", axes=[], kind="test_hum"), records=ALL, shard_mib=0.0)
    with pytest.raises(UsageError) as caught:
        records.write(tmp_path, made, None, None)
    for part in (
        "named meta",
        "range of wide is too large",
        "two features named audio",
        "shard_mib is 0",
        "frames records need a swept",
    ):
        assert part in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_params_by_its_rules(tmp_path):
    made = rich()
    write(tmp_path, made)
    folder = tmp_path / "records/params"
    stems = {path.stem for path in folder.glob("*.params")}
    assert stems == {path.stem for path in folder.glob("*.wav")}
    assert len(stems) == 12
    for row in texture_rows.rows(made):
        content = json.loads((folder / f"{row['sample_id']}.params").read_text(encoding="utf-8"))
        meta = content.pop("meta")
        assert meta["filename"] == f"{row['sample_id']}.wav"
        assert [meta[key] for key in ("sample_id", "setting_id", "split", "seed", "held_out")] == [
            row[key] for key in ("sample_id", "setting_id", "split", "seed", "held_out")
        ]
        assert (meta["synth"], meta["synth_version"]) == ("test_ping", "1.2.0")
        assert meta["start_sec"] == row["start_sample"] / 16000
        onsets = [event["onset_sample"] / 16000 for event in row["events"]]
        assert meta["onsets"] == pytest.approx(onsets)
        assert (meta["cf_user_doc"], meta["cf_synth_doc"]) == ("about cf", "pitch of each")
        assert (meta["rate_user_doc"], meta["rate_synth_doc"]) == ("one to five", "how many a second")
        assert meta["irregularity_synth_doc"] == "how uneven"

        params = {param["name"]: param for param in row["params"]}
        assert list(content) == list(params) == ["cf", "rate", "irregularity", "shift"]
        for name, entry in content.items():
            assert entry["times"][0] == 0.0
            assert entry["times"][-1] == 0.5
            assert np.all(np.diff(entry["times"]) > 0)
            assert entry["minval"] < entry["maxval"]
            assert min(entry["values"]) >= entry["minval"]
            assert max(entry["values"]) <= entry["maxval"]
            if name != "irregularity":
                label = params[name]["user"] if params[name]["role"] == "swept" else params[name]["natural"]
                assert parameter_at(entry, [0.0, 0.123, 0.5]) == pytest.approx([label] * 3)

        rest = {name: [entry[key] for key in list(entry)[2:]] for name, entry in content.items()}
        assert list(content["cf"])[2:] == [
            "units", "nvals", "minval", "maxval", "origMinval", "origUnits", "origMaxval",
        ]  # fmt: skip
        # labels of cf are 0 to 1, which is not in Hz; those of shift are semitones
        assert rest["cf"] == [None, 3, 0.0, 1.0, 220.0, "Hz", 440.0]
        assert rest["shift"] == ["st", 2, -4.0, 4.0, -4.0, "st", 4.0]
        assert rest["rate"] == ["events/s", 1, 0.1, 50, 0.1, "events/s", 50]
        assert rest["irregularity"] == [None, 0, 0.2, 0.8, 0.2, None, 0.8]


def test_params_without_labels_of_their_own_are_natural_on_any_scale(tmp_path):
    swept = {"cf": {"min": 200, "max": 1800, "count": 3, "scale": "log"}}
    made = schema.parse({"synth": "pop", "sample_rate": 8000, "duration_sec": 0.1, "parameters": swept,
                         "records": ["params"]}, "test")[0]  # fmt: skip
    groups = [table for shard in corpus.plan(made) for table in corpus.rows(made, shard)]
    records.write(tmp_path, made, groups, lambda count: None)
    told = [json.loads(path.read_text())["cf"] for path in sorted(tmp_path.rglob("*.params"))]
    assert sorted(one["values"][0] for one in told) == pytest.approx([200, 600, 1800])
    assert {one["units"] for one in told} == {"Hz"}


def test_params_curves_are_the_curve_between_frames_too(tmp_path):
    made = rich(duration_sec=2.01, chunk_sec=1.005)  # the last frame is not a whole one
    write(tmp_path, made)
    line = texture_rows.curve(made.sounds[0].moving[0], made.duration_sec)
    seconds = np.linspace(0, 1.005, 2011)
    for row in texture_rows.rows(made):
        text = (tmp_path / "records/params" / f"{row['sample_id']}.params").read_text(encoding="utf-8")
        drawn = parameter_at(json.loads(text)["irregularity"], seconds)
        expected = line.at(seconds + row["start_sample"] / 16000)
        # between two frames with a bend of the curve the line cuts the corner; elsewhere it is exact
        steepest = np.abs(np.diff(line.values) / np.diff(line.times)).max()
        assert np.abs(drawn - expected).max() < steepest / 75
        bends = np.array(line.times) - row["start_sample"] / 16000
        straight = np.abs(seconds[:, None] - bends).min(axis=1) > 1 / 75
        assert straight.mean() > 0.8
        assert drawn[straight] == pytest.approx(expected[straight], abs=1e-9)
        assert drawn[0] == pytest.approx(expected[0], abs=1e-9)
        assert drawn[-1] == pytest.approx(expected[-1], abs=1e-9)


def test_nsjson_has_every_row_under_the_known_keys(tmp_path):
    made = rich(records=["nsjson"])
    write(tmp_path, made)
    text = (tmp_path / "records/nsjson/nsjson.json").read_text(encoding="utf-8")
    found = json.loads(text)
    rows = {row["sample_id"]: row for row in texture_rows.rows(made)}
    assert len(rows) == 12
    assert list(found) == sorted(rows)
    assert text == json.dumps(found, indent=4, sort_keys=True) + "\n"
    for name, entry in found.items():
        row = rows[name]
        assert (tmp_path / "records/nsjson" / f"{name}.wav").is_file()
        cf, shift = row["params"][0], row["params"][3]
        assert entry == {
            "sound_name": "Ping_0001", "samplerate": 16000, "sound_source": "Ping_0001",
            "sound_source_int": 1, "sound_source_str": "Generated",
            "cf_norm": cf["user"], "cf_user": cf["user"], "cf_natural": cf["natural"],
            "cf_normalized": math.log(cf["natural"] / 20) / math.log(1000),
            "shift_norm": shift["user"], "shift_user": shift["user"], "shift_natural": shift["natural"],
            "shift_normalized": (shift["natural"] + 10) / 20,
            "midi_num": {220.0: 57, 330.0: 64, 440.0: 69}[cf["natural"]],
        }  # fmt: skip


def test_nsjson_without_cf_has_no_midi_number(tmp_path):
    made = config(sound("hum", axes=[axis("depth", natural=(0.0, 4.0))], kind="test_hum"), records=["nsjson"])
    write(tmp_path, made)
    found = json.loads((tmp_path / "records/nsjson/nsjson.json").read_text(encoding="utf-8"))
    assert len(found) == 6
    assert all("midi_num" not in entry for entry in found.values())
