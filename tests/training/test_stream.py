"""Rows by byte ranges: the same as stock readers give, from any Parquet, in any order, resumed anywhere."""

import io
import itertools
import json
import shutil
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from sousa.generation import environment
from sousa.generation.errors import RunError, UsageError
from sousa.generation.manifest import sealed
from sousa.generation.rudiments.settings import make_config
from sousa.training.dataset import SKILL_TIER_TO_ID
from sousa.training.live import LiveRows
from sousa.training.stream import Loader, Rows, open_rows
from tests.support.releases import release

datasets.disable_progress_bars()


def stock(path, split):
    """The rows of stock ``datasets``, with encoded audio."""
    part = datasets.load_dataset(str(path), split=split)
    return part.cast_column("audio", datasets.Audio(decode=False))


def as_sets(batches):
    return [sorted(batch["sample_id"]) for batch in batches]


def test_rows_are_those_of_datasets_and_soundfile(small):
    columns = ["skill_tier", "overall_score", "flam_quality", "strokes", "tempo_bpm"]
    rows = Rows(small[0], "validation", columns=columns)
    expected = stock(small[0], "validation")
    assert len(rows) == len(expected)
    for i in (0, 7, len(rows) - 1, -1):
        row, other = rows[i], expected[i % len(rows)]
        audio, rate = soundfile.read(io.BytesIO(other["audio"]["bytes"]), dtype="float32")
        assert np.array_equal(row["audio"], audio) and row["sampling_rate"] == rate == row["file_rate"]
        assert row["start_sample"] == 0 and row["audio"].dtype == np.float32
        for name in ("overall_score", "flam_quality", "tempo_bpm", "sample_id"):
            assert row[name] == other[name]
        # stock datasets give numbers of classes, which are ours
        assert SKILL_TIER_TO_ID[row["skill_tier"]] == other["skill_tier"]
        for field in ("onset_sample", "hand", "is_accent", "actual_velocity"):
            assert row["strokes"][field].tolist() == [stroke[field] for stroke in other["strokes"]]
        spacing = [s["flam_spacing_ms"] for s in other["strokes"]]
        assert np.array_equal(row["strokes"]["flam_spacing_ms"], np.array(spacing, float), equal_nan=True)
    assert "measures" not in row and rows.table.column_names == [*columns, "sample_id"]


def test_one_field_of_records_is_read_alone(small):
    rows = Rows(small[0], "test", columns=["strokes.onset_sample", "strokes.hand"])
    assert set(rows[0]["strokes"]) == {"onset_sample", "hand"}
    whole = Rows(small[0], "test", columns=["strokes"])
    assert rows[3]["strokes"]["hand"].tolist() == whole[3]["strokes"]["hand"].tolist()


def test_a_release_a_directory_a_file_and_live_rows_are_the_same(tiny, tmp_path):
    made = release(tiny, tmp_path / "r")
    config = make_config(
        profiles=3, tempos=1, augmentations=1, rudiments=["flam", "five_stroke_roll", "multiple_bounce_roll"]
    )
    columns = ["rudiment_slug", "midi", "strokes.onset_sample"]
    views = [Rows(tiny, columns=columns), Rows(made, columns=columns), open_rows(config, columns=columns)]
    assert isinstance(views[2], LiveRows)
    for split in ("train", "validation"):
        parts = [open_rows(source, split, columns=columns) for source in (tiny, made, config)]
        assert len({tuple(part.table["sample_id"].to_pylist()) for part in parts}) == 1
    by_name = [{row["sample_id"]: row for row in view} for view in views]
    assert len(by_name[0]) == 9
    for name, a in by_name[0].items():
        for other in (by_name[1][name], by_name[2][name]):
            assert np.array_equal(a["audio"], other["audio"]) and a["midi"] == other["midi"]
            assert np.array_equal(a["strokes"]["onset_sample"], other["strokes"]["onset_sample"])
    file = sorted(Path(tiny).glob("data/train/*.parquet"))[0]
    one = Rows(file)
    assert len(one) == pq.read_metadata(file).num_rows


def tones(count=6, rate=8000):
    """Encoded clips of different length and form."""
    clips = []
    for i in range(count):
        out = io.BytesIO()
        wave = 0.5 * np.sin(np.arange(rate + 100 * i) * (0.1 + 0.05 * i))
        shape = np.stack([wave, -wave / 2], axis=1) if i % 2 else wave
        soundfile.write(out, shape, rate, format=("FLAC", "WAV", "OGG")[i % 3])
        clips.append(out.getvalue())
    return clips


@pytest.mark.parametrize("how", ["datasets", "snappy", "dictionary", "plain binary", "large", "v2"])
def test_any_audio_parquet_is_read(how, tmp_path):
    shutil.rmtree(environment.cache() / "unpacked", ignore_errors=True)  # of tests before
    clips = tones()
    path = tmp_path / "data" / "train-00000-of-00001.parquet"
    path.parent.mkdir()
    values = [{"bytes": clip, "path": f"{i}.flac"} for i, clip in enumerate(clips)]
    if how == "datasets":
        made = datasets.Dataset.from_dict(
            {"audio": values, "label": list("abcdef")},
            datasets.Features({"audio": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")},
                               "label": datasets.Value("string")}),
        )  # fmt: skip
        made.cast_column("audio", datasets.Audio(decode=False)).to_parquet(path)
    else:
        kind = pa.binary() if how != "large" else pa.large_binary()
        audio = pa.array(clips, kind) if how in ("plain binary", "large") else pa.array(values)
        pq.write_table(
            pa.table({"audio": audio, "label": list("abcdef")}), path, row_group_size=2,
            compression="snappy" if how == "snappy" else "none", use_dictionary=how == "dictionary",
            data_page_version="2.0" if how == "v2" else "1.0",
        )  # fmt: skip
    for source in (tmp_path, path):
        rows = Rows(source, "train", columns=["label"])
        assert [row["label"] for row in rows] == list("abcdef")
        for i in (5, 0, 3):
            expected = soundfile.read(io.BytesIO(clips[i]), dtype="float32", always_2d=True)[0].mean(axis=1)
            assert np.allclose(rows[i]["audio"], expected, atol=1e-6) and rows[i]["file_rate"] == 8000
    unpacked = list((environment.cache() / "unpacked").glob("*.parquet"))
    assert bool(unpacked) == (how in ("snappy", "dictionary"))
    shutil.rmtree(environment.cache() / "unpacked", ignore_errors=True)


def test_clips_stored_as_paths_are_read_beside_the_dataset_and_nowhere_else(tmp_path, caplog):
    clips = tones(2)
    (tmp_path / "a.flac").write_bytes(clips[0])
    outside = tmp_path.parent / "x.flac"
    outside.write_bytes(clips[0])
    values = [{"bytes": None, "path": "a.flac"}, {"bytes": clips[1], "path": "b"},
              {"bytes": None, "path": str(outside)}, {"bytes": None, "path": None}]  # fmt: skip
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pq.write_table(pa.table({"audio": pa.array(values, kind)}), tmp_path / "x.parquet", compression="none")
    rows = Rows(tmp_path / "x.parquet")
    assert "1 row without audio left out" in caplog.text and len(rows) == 3
    assert len(rows[0]["audio"]) == 8000 and len(rows[1]["audio"]) == 8100
    with pytest.raises(RunError, match="outside its dataset"):
        rows[2]


def test_crops_and_rates(small):
    whole, half = Rows(small[0], "test"), Rows(small[0], "test", crop_sec=2.0, crop="random", seed=5)
    starts = {}
    for epoch, i in itertools.product((0, 1), range(4)):
        row = half[(epoch, i)]
        start = starts[epoch, i] = row["start_sample"]
        assert np.array_equal(row["audio"], whole[i]["audio"][start : start + 88200])
        assert np.array_equal(half[(epoch, i)]["audio"], row["audio"])
    assert len(set(starts.values())) == 8
    assert Rows(small[0], "test", crop_sec=2.0)[0]["start_sample"] == 0
    slow = Rows(small[0], "test", sample_rate=16000)[0]
    assert slow["sampling_rate"] == 16000 and slow["file_rate"] == 44100
    assert abs(len(slow["audio"]) - len(whole[0]["audio"]) * 16000 / 44100) <= 1
    # a stroke is where it was: the envelope rises at the same time
    rise = [np.flatnonzero(np.abs(a) > 0.3 * np.abs(a).max())[0] / rate
            for a, rate in ((whole[0]["audio"], 44100), (slow["audio"], 16000))]  # fmt: skip
    assert abs(rise[0] - rise[1]) < 0.002
    padded = Rows(small[0], "test", crop_sec=30.0, pad=True)[0]["audio"]
    assert len(padded) == 30 * 44100 and not padded[-44100:].any()


def test_transforms_are_functions_of_seed_epoch_and_row(small):
    def noisy(audio, rate, rng):
        return audio + rng.standard_normal(len(audio), np.float32)

    rows = Rows(small[0], "test", transform=noisy, seed=3)
    again = Rows(small[0], "test", transform=noisy, seed=3)
    assert np.array_equal(rows[(2, 5)]["audio"], again[(2, 5)]["audio"])
    assert not np.array_equal(rows[(2, 5)]["audio"], rows[(3, 5)]["audio"])


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
@pytest.mark.parametrize("taken", [0, 1, 23])
def test_a_resumed_loader_gives_every_row_once_with_any_workers_and_two_ranks(small, workers, taken):
    rows = Rows(small[0], "validation", crop_sec=0.1)
    seen, plain = [], []
    for rank in range(2):
        options = {"seed": 4, "rank": rank, "world_size": 2}
        plain.append(as_sets(Loader(rows, 4, **options)))
        loader = Loader(rows, 4, num_workers=workers, **options)
        first = as_sets(itertools.islice(loader, taken))
        state = loader.state_dict()
        assert state["consumed_rows"] == taken * 8
        resumed = Loader(rows, 4, num_workers=workers, **options)
        resumed.load_state_dict(state)
        rest = as_sets(resumed)
        assert first + rest == plain[rank]
        seen += [name for batch in first + rest for name in batch]
        # the next epoch follows, whole and in another order
        following = as_sets(resumed)
        assert len(following) == len(plain[rank]) and following != plain[rank]
    assert sorted(seen) == sorted(rows.table["sample_id"].to_pylist())
    assert len(plain[0]) == len(plain[1])


def test_a_state_of_another_stream_is_refused(small):
    rows = Rows(small[0], "test")
    state = Loader(rows, 4, seed=1).state_dict()
    with pytest.raises(UsageError, match=r"seed 1, here 2"):
        Loader(rows, 4, seed=2).load_state_dict(state)
    with pytest.raises(UsageError, match=r"num_rows 120, here 5"):
        Loader(rows.select(range(5)), 4, seed=1).load_state_dict(state)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_clip_is_one_sentence_that_names_it(tiny, tmp_path, workers):
    file = sorted(Path(tiny).glob("data/train/*.parquet"))[0]
    copy = tmp_path / "damaged.parquet"
    data = bytearray(file.read_bytes())
    from sousa.builders.row_index import byte_ranges

    offsets, lengths = byte_ranges(file)
    data[offsets[1] + 4 : offsets[1] + lengths[1]] = bytes(int(lengths[1]) - 4)
    copy.write_bytes(data)
    rows = Rows(copy)
    assert len(rows[0]["audio"])
    with pytest.raises(RunError, match=r"^row 1 \(\w+\) of .*damaged.parquet can't be decoded: [^\n]+$"):
        list(Loader(rows, 3, shuffle=False, num_workers=workers))


@pytest.mark.parametrize(("options", "sentence"), [
    ({"split": "trian"}, "has no split 'trian' (did you mean train?)"),
    ({"columns": ["skil_tier"]}, "has no column 'skil_tier' (did you mean skill_tier?)"),
    ({"columns": ["strokes.hands"]}, "strokes has no field 'hands' (did you mean hand?)"),
    ({"columns": ["midi.x"]}, "midi has no fields"),
    ({"audio": "midi_"}, "has no audio column 'midi_' (did you mean midi?)"),
    ({"audio": "tempo_bpm"}, "column 'tempo_bpm' is int64, not encoded audio"),
    ({"crop": "rand"}, "unknown crop 'rand'"), ({"crop_sec": 0}, "crop of 0 s"),
    ({"sample_rate": 4}, "sample rate 4"), ({"name": "huge"}, "has no config 'huge'"),
    ({"revision": "v1"}, "has no revisions"),
])  # fmt: skip
def test_what_is_not_there_is_said(tiny, options, sentence):
    with pytest.raises(UsageError) as caught:
        Rows(tiny, **options)
    assert sentence in str(caught.value)


def test_directories_that_are_no_dataset_are_refused(tmp_path, tiny):
    with pytest.raises(UsageError, match="neither a directory or Parquet file"):
        Rows(tmp_path / "nothing")
    with pytest.raises(RunError, match="no dataset in"):
        Rows(tmp_path)
    unfinished = shutil.copytree(tiny, tmp_path / "u")
    manifest = unfinished / "manifest.json"
    manifest.write_text(json.dumps(sealed(json.loads(manifest.read_text()) | {"complete": False})))
    with pytest.raises(RunError, match="unfinished"):
        Rows(unfinished)


def test_files_that_differ_are_named(tmp_path):
    clips = [{"bytes": clip, "path": None} for clip in tones(2)]
    for name, columns in (("a", {"label": ["x", "y"]}), ("b", {})):
        place = tmp_path / "data"
        place.mkdir(exist_ok=True)
        pq.write_table(
            pa.table({"audio": clips, **columns}), place / f"train-{name}.parquet", compression="none"
        )
    with pytest.raises(RunError, match=r"train-b.parquet has no column 'label'"):
        Rows(tmp_path, "train", columns=["label"])


def test_a_dataset_that_lost_a_file_is_refused(tiny, tmp_path):
    copy = shutil.copytree(tiny, tmp_path / "d")
    sorted(copy.glob("data/train/*.parquet"))[0].unlink()
    with pytest.raises(RunError, match="lacks data/train"):
        Rows(copy)


def test_select_keeps_rows_and_their_sound_together(small):
    rows = Rows(small[0], "test", columns=["tempo_bpm"])
    some = rows.select([7, 3, 3])
    assert [row["sample_id"] for row in some] == [rows[i]["sample_id"] for i in (7, 3, 3)]
    assert np.array_equal(some[1]["audio"], rows[3]["audio"]) and len(rows) == 120
