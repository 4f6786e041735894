"""Labels of rows: crops and rates move them exactly, and every level agrees with the records."""

import io
from fractions import Fraction

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from sousa.generation.errors import UsageError
from sousa.generation.rudiments import hierarchy
from sousa.generation.rudiments.hierarchy import COLUMNS, HANDS, NO_TARGET, STROKE_FEATURES, Labels
from sousa.training.columns import at, columns_of, parquet_paths

VIEWS = {
    "whole": {},
    "16 kHz": {"sample_rate": 16000},
    "22.05 kHz": {"sample_rate": 22050},
    "48 kHz crop": {"sample_rate": 48000, "crop_sec": 1.3, "place": 0.5},
    "crop": {"crop_sec": 2.0, "place": 0.37},
    "padded": {"sample_rate": 16000, "crop_sec": 30, "pad": True},
    "no audio": {"audio": False},
}


def read(root, split, columns=COLUMNS, audio=True, every=1, **view):
    """Rows as training has them, without torch: a list of dicts."""
    out = []
    for path in sorted((root / "data" / split).glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            own = parquet_paths(file.schema_arrow, columns, str(path))
            table = file.read(columns=[*own, *(["audio.bytes"] if audio else [])])
        values = columns_of(table.select([n for n in table.column_names if n != "audio"]))
        clips = table["audio"].to_pylist() if audio else [None] * len(table)
        rows = ({name: at(column, i) for name, column in values.items()} for i in range(len(table)))
        out += [
            row | (heard_of(clip["bytes"], **view) if audio else {})
            for row, clip in zip(rows, clips, strict=True)
        ]
    return out[::every]


def heard_of(data, sample_rate=None, crop_sec=None, place=0.0, pad=False):
    """A part of a clip, at another rate: what a row says of its sound."""
    audio, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    start = 0
    if crop_sec is not None and round(crop_sec * rate) < len(audio):
        start = round(place * (len(audio) - round(crop_sec * rate)))
        audio = audio[start : start + round(crop_sec * rate)]
    if sample_rate is not None:
        at = np.arange(-(-len(audio) * sample_rate // rate)) * rate / sample_rate
        audio = np.interp(at, np.arange(len(audio)), audio).astype(np.float32)
    if pad:
        audio = np.pad(audio, (0, max(0, round(crop_sec * (sample_rate or rate)) - len(audio))))
    return {"audio": audio, "sampling_rate": sample_rate or rate, "start_sample": start, "file_rate": rate}


@pytest.fixture(params=VIEWS)
def rows(request, small):
    return read(small[0], "test", every=7, **VIEWS[request.param])


def heard(row):
    """Oracle: (record number, exact time in seconds) of the strokes inside, one by one."""
    rate, begin = row.get("file_rate", row["sample_rate"]), row.get("start_sample", 0)
    length = (
        Fraction(len(row["audio"]), row["sampling_rate"])
        if "audio" in row
        else Fraction(row["num_samples"], row["sample_rate"])
    )
    times = [Fraction(int(at) - begin, rate) for at in row["strokes"]["onset_sample"]]
    inside = [(i, time) for i, time in enumerate(times) if 0 <= time < length]
    return sorted(inside, key=lambda pair: pair[1]), length


def test_strokes(rows):
    for row in rows:
        labels, (inside, length) = Labels(row), heard(row)
        assert labels.duration_sec == pytest.approx(float(length))
        strokes = labels.strokes
        assert strokes["index"].tolist() == [i for i, _ in inside]
        assert strokes["time_sec"] == pytest.approx([float(time) for _, time in inside], abs=1e-12)
        assert strokes["sample"].tolist() == [int(time * labels.rate) for _, time in inside]
        for hop in (0.01, 256 / 16000, 128 / 22050, 512 / 48000, 1 / 44100):
            exact = Fraction(hop).limit_denominator(10**6)
            assert labels.frames(hop).tolist() == [time // exact for _, time in inside]
            assert labels.num_frames(hop) == -(-length // exact)
        # the hop in whole samples gives the same frames
        assert (strokes["sample"] // 100 == labels.frames(100 / labels.rate)).all()
        for name in ("hand", "onset_sample", "is_accent", "timing_error_ms"):
            wanted = row["strokes"][name][[i for i, _ in inside]]
            assert ((strokes[name] == wanted) | (strokes["stroke_type"] == "stray")).all()


def test_samples_are_onsets(small):
    """At the file's own rate the sample is the label, and the sound begins there."""
    rows = read(small[0], "validation")
    row = rows[len(rows) // 2]
    strokes = Labels(row).strokes
    assert (strokes["sample"] == row["strokes"]["onset_sample"]).all()
    assert np.abs(row["audio"][: strokes["sample"][0]]).max() < 1e-3 < np.abs(row["audio"]).max()


def test_frame_targets(rows):
    for row in rows:
        targets, (inside, length) = hierarchy.frame_targets(row), heard(row)
        size = -(-length // Fraction(1, 100))
        wanted = {name: np.zeros(size, np.float32) for name in ("onset", "accent", "grace")}
        hand, loudest = np.full(size, NO_TARGET), np.zeros(size)
        strokes = row["strokes"]
        for i, time in inside:
            frame = time // Fraction(1, 100)
            wanted["onset"][frame] = 1
            wanted["accent"][frame] = max(wanted["accent"][frame], strokes["is_accent_played"][i])
            wanted["grace"][frame] = max(wanted["grace"][frame], strokes["is_grace_note"][i])
            if strokes["actual_velocity"][i] > loudest[frame]:
                loudest[frame], hand[frame] = strokes["actual_velocity"][i], HANDS.index(strokes["hand"][i])
        for name, values in wanted.items():
            assert targets[name].dtype == np.float32 and (targets[name] == values).all()
        assert targets["hand"].dtype == np.int64 and (targets["hand"] == hand).all()
        assert ((targets["hand"] == NO_TARGET) == (targets["onset"] == 0)).all()


def test_edges_of_frames():
    """An onset on an edge is in the later frame; one at the end of the audio is outside."""
    at = np.array([0, 440, 441, 3 * 441 - 1, 3 * 441, 29 * 441, 13230 - 1, 13230])
    row = {
        "audio": np.zeros(13230, np.float32), "sampling_rate": 44100, "file_rate": 44100, "start_sample": 0,
        "strokes": {"onset_sample": at},
    }  # fmt: skip
    assert Labels(row).frames().tolist() == [0, 0, 1, 2, 3, 29, 29]
    assert Labels(row).num_frames() == 30
    row["start_sample"] = 441
    assert Labels(row).frames().tolist() == [0, 1, 2, 28, 28, 29]
    row.update(audio=np.zeros(4800, np.float32), sampling_rate=16000)  # 0.3 s of another rate
    assert Labels(row).frames().tolist() == [0, 1, 2, 28, 28, 29]


def test_bars(rows):
    for row in rows:
        labels, (inside, length) = Labels(row), heard(row)
        bars, begin = labels.measures, row.get("start_sample", 0)
        rate = row.get("file_rate", row["sample_rate"])
        starts = [Fraction(int(at) - begin, rate) for at in row["measures"]["start_sample"]]
        assert set(bars["index"]) <= set(row["measures"]["index"]) and (np.diff(bars["index"]) == 1).all()
        for place, index in enumerate(bars["index"]):
            assert bars["start_sec"][place] == pytest.approx(float(starts[index]), abs=1e-12)
            assert bars["sample"][place] == starts[index] * labels.rate // 1
            assert labels.measure_frames()[place] == starts[index] // Fraction(1, 100)
            records = range(row["measures"]["stroke_start"][index], row["measures"]["stroke_end"][index])
            known = [i for i, _ in inside if i in records]
            assert sorted(labels.of_measure(index)["index"]) == known
            assert bars["is_whole"][place] == (len(known) == len(records))
        for index, start in enumerate(starts):
            if 0 <= start < length:
                assert index in bars["index"]


def test_summaries_of_whole_bars_are_the_stored_ones(rows):
    compared = 0
    for row in rows:
        made, stored = hierarchy.measure_summaries(row), row["measures"]
        assert (made["num_right"] + made["num_left"] == made["num_strokes"]).all()
        for place, index in enumerate(made["index"]):
            if made["is_whole"][place]:
                compared += 1
                assert (
                    made["num_strokes"][place] == stored["stroke_end"][index] - stored["stroke_start"][index]
                )
                for name in ("velocity_mean", "timing_mean_error_ms", "timing_std_ms"):
                    assert made[name][place] == pytest.approx(stored[name][index], abs=2e-6, nan_ok=True)
    assert compared


def test_features(rows):
    for row in rows:
        features, mask = hierarchy.stroke_features(row, 200)
        strokes = Labels(row).strokes
        assert features.dtype == np.float32 and features.shape == (200, len(STROKE_FEATURES))
        count = len(strokes["sample"])
        assert mask.tolist() == [True] * count + [False] * (200 - count) and not features[count:].any()
        named = dict(zip(STROKE_FEATURES, features[:count].T, strict=True))
        assert named["time_sec"] == pytest.approx(strokes["time_sec"], abs=1e-5)
        if count:
            assert np.cumsum(named["interval_sec"]) == pytest.approx(
                strokes["time_sec"] - strokes["time_sec"][0], abs=1e-4
            )
        assert (np.rint(named["velocity"] * 127) == strokes["actual_velocity"]).all()
        assert [HANDS[int(hand)] for hand in named["hand"]] == strokes["hand"].tolist()
        for name, flag in (
            ("accent", strokes["is_accent_played"]), ("grace", strokes["is_grace_note"]),
            ("diddle", np.isin(strokes["diddle_position"], (1, 2))),
            ("buzz", strokes["stroke_type"] == "buzz"), ("bounce", strokes["stroke_type"] == "bounce"),
        ):  # fmt: skip
            assert (named[name] == flag).all(), name
        assert np.isfinite(features).all()
        # primaries and their written beats: the phase is where the grid has them
        main = strokes["stroke_type"] == "tap"
        written = (strokes["time_sec"] - strokes["timing_error_ms"] / 1000)[main]
        bars = Labels(row).measures
        if main.any() and np.isin(strokes["measure_index"], bars["index"]).all():
            length = (bars["end_sec"] - bars["start_sec"])[0]
            start = bars["start_sec"][strokes["measure_index"][main] - bars["index"][0]]
            shift = strokes["timing_error_ms"][main] / 1000
            assert named["measure_phase"][main] == pytest.approx((written + shift - start) / length, abs=1e-3)


def test_few_and_many(small):
    rows = read(small[0], "test", audio=False)
    batch = [rows[i] for i in (0, 30, 60)]
    whole = [hierarchy.stroke_features(row)[0] for row in batch]
    features, mask = hierarchy.pad_strokes(batch)
    assert features.shape == (3, max(map(len, whole)), len(STROKE_FEATURES))
    for one, padded, used in zip(whole, features, mask, strict=True):
        assert (padded[used] == one).all() and used.sum() == len(one)
    cut, mask = hierarchy.pad_strokes(batch, 5)
    assert cut.shape == (3, 5, len(STROKE_FEATURES)) and mask.all() and (cut[1] == whole[1][:5]).all()


def test_silence(small):
    """A crop before the first stroke has frames and no events."""
    row = read(small[0], "test", crop_sec=0.2, sample_rate=16000)[0]
    assert row["strokes"]["onset_sample"][0] > 0.2 * 44100
    targets = hierarchy.frame_targets(row)
    assert len(targets["onset"]) == 20 and not targets["onset"].any() and (targets["hand"] == -100).all()
    features, mask = hierarchy.stroke_features(row, 4)
    assert not features.any() and not mask.any()
    assert hierarchy.stroke_features(row)[0].shape == (0, len(STROKE_FEATURES))
    assert len(hierarchy.measure_summaries(row)["index"]) == 0
    assert hierarchy.pad_strokes([])[0].shape == (0, 0, len(STROKE_FEATURES))


def test_missing_columns(small):
    row = read(small[0], "test", ("strokes.hand", "strokes.onset_sample", "num_samples"))[0]
    assert len(Labels(row).strokes["sample"])  # enough for that
    for function, name in (
        (hierarchy.frame_targets, "strokes.is_accent"),
        (hierarchy.stroke_features, "measures"),
    ):
        with pytest.raises(UsageError, match=f"the row has no {name}; open the rows with columns="):
            function(row)
    with pytest.raises(UsageError, match="a hop of 0 s"):
        Labels(row).frames(0)


def test_picture(small, tmp_path):
    whole = read(small[0], "test", (*COLUMNS, "sample_id"), crop_sec=3, sample_rate=16000)[40]
    for number, row in enumerate((whole, read(small[0], "test", crop_sec=0.1)[0])):
        path = tmp_path / f"{number}.png"
        hierarchy.visualise(row, path)
        from matplotlib.image import imread

        picture = imread(path)
        assert picture.shape[0] > 300 and picture.std() > 0.01
    hierarchy.visualise(whole, path)  # its own it may replace
    for name, said in (("notes.txt", "unknown kind of picture"), ("x.pdf", "not made by this command")):
        (tmp_path / name).write_bytes(b"dear")
        with pytest.raises(UsageError, match=said):
            hierarchy.visualise(whole, tmp_path / name)
        assert (tmp_path / name).read_bytes() == b"dear"
    (tmp_path / "theirs.png").write_bytes(imread.__doc__.encode())
    (tmp_path / "link.png").symlink_to(path)
    for name in ("theirs.png", "link.png"):
        with pytest.raises(UsageError, match="not made by this command"):
            hierarchy.visualise(whole, tmp_path / name)
    hierarchy.visualise(whole, tmp_path / "x.svg")
    hierarchy.visualise(whole, tmp_path / "x.svg")
    with pytest.raises(UsageError, match="no audio"):
        hierarchy.visualise(read(small[0], "test", audio=False)[0], tmp_path / "x.png")
