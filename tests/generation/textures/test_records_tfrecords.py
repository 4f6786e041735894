"""TFRecords of textures, read by the ``tfrecord`` package and, for frames and sizes, byte by byte.

TensorFlow itself reads them in ``tests/tensorflow``.
"""

import json
import struct
from itertools import pairwise

import numpy as np
import pytest
from google_crc32c import value as crc32c

from sousa.generation.audio.encode import decode
from sousa.generation.textures import records, settings
from sousa.generation.textures.records.example import example, floats, ints, record, text
from tests.support import texture_rows
from tests.support.texture_rows import axis, config, moving, sound

RANGE = ("synth_units", "synth_minval", "synth_maxval", "user_minval", "user_maxval", "user_nvals")


def write(root, made):
    (found,) = records.write(root, made, texture_rows.tables(made), lambda count: None)
    return root / "records/tfrecords", found


def messages(path):
    """Messages of a TFRecord file; both checksums of each have to be right."""

    def unmasked(data):
        rotated = (struct.unpack("<I", data)[0] - 0xA282EAD8) % (1 << 32)
        return (rotated >> 17 | rotated << 15) % (1 << 32)

    data, at = path.read_bytes(), 0
    while at < len(data):
        (size,) = struct.unpack_from("<Q", data, at)
        assert unmasked(data[at + 8 : at + 12]) == crc32c(data[at : at + 8])
        message = data[at + 12 : at + 12 + size]
        assert unmasked(data[at + 12 + size : at + 16 + size]) == crc32c(message)
        yield message
        at += size + 16
    assert at == len(data)


def parsed(message):
    """Features of an Example, by the protobuf classes of the ``tfrecord`` package."""
    from tfrecord import example_pb2

    one = example_pb2.Example()
    assert one.ParseFromString(message)
    features = {}
    for name, feature in one.features.feature.items():
        kind = feature.WhichOneof("kind")
        features[name] = (kind.removesuffix("_list"), list(getattr(feature, kind).value))
    return features


def every(folder):
    for path in sorted(folder.rglob("*.tfrecord")):
        for message in messages(path):
            yield path, parsed(message)


def test_features_of_any_kind_and_length():
    numbers = [0, 1, 127, 128, -1, -5, 2**31, 2**63 - 1, -(2**63)]
    long_text = "ü" * 300
    found = parsed(
        example([ints("n", numbers), ints("none", []), floats("f", [1.5, -0.0]), floats("no", []),
                 text("long", long_text), text("empty", ""), floats("x" * 200, np.arange(50))])
    )  # fmt: skip
    assert found == {
        "n": ("int64", numbers), "none": ("int64", []), "f": ("float", [1.5, -0.0]), "no": ("float", []),
        "long": ("bytes", [long_text.encode()]), "empty": ("bytes", [b""]),
        "x" * 200: ("float", [float(i) for i in range(50)]),
    }  # fmt: skip


def test_checksum_of_a_frame_is_the_published_one():
    # CRC-32C of "123456789" is 0xE3069283 (RFC 3720 family of checks)
    masked = ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) % (1 << 32)
    framed = record(b"123456789")
    assert framed[:8] == struct.pack("<Q", 9)
    assert framed[-4:] == struct.pack("<I", masked)


def corpus(**other):
    axes = (
        axis("cf", natural=(220.0, 440.0), units="norm", given_min=0.1, given_max=0.2),
        axis("shift", user=(-4.0, 4.0), natural=(-4.0, 4.0), count=2),
    )
    fixed = [settings.Fixed("rate", 5.0, 0.25, "norm", "")]
    return config(sound(axes=axes, moved=[moving()], fixed=fixed), records=["tfrecords"], **other)


@pytest.mark.parametrize("shard_mib", [None, 0.1])
def test_content(tmp_path, shard_mib):
    made = corpus(shard_mib=shard_mib, seed=-5)
    folder, _ = write(tmp_path, made)
    rows = {row["sample_id"].encode(): row for row in texture_rows.rows(made)}
    index = json.loads((folder / "index.json").read_text())["features"]
    seen = []
    for path, found in every(folder):
        value = {name: values[0] if len(values) == 1 else values for name, (_, values) in found.items()}
        row = rows[value["sample_id"]]
        seen.append(value["sample_id"])
        assert path.parent.name == row["split"] == value["split"].decode()
        pcm = decode(row["audio"]["bytes"])[0][:, 0]
        assert np.array_equal(np.array(value["audio"], np.float32), pcm / np.float32(32768))
        assert value["pfname"].decode() == f"{row['sample_id']}.params"
        assert value["soundDuration"] == [0.0, 0.5]
        assert (value["segmentNum"], value["example_index"]) == (row["chunk_index"], row["example_index"])
        assert (value["sample_rate"], value["seed"]) == (16000, -5)
        for name in ("setting_id", "sound", "synth", "synth_version"):
            assert value[name].decode() == row[name]
        assert value.get("held_out") == (row["held_out"] and row["held_out"].encode())
        assert found["onset_sample"] == ("int64", [event["onset_sample"] for event in row["events"]])
        assert value["frame_rate_hz"] == 75
        for param in row["params"]:
            name = param["name"]
            if param["role"] == "moving":
                assert value[f"{name}_curve"] == pytest.approx([c["natural"] for c in row["curves"]])
                assert not {name, f"{name}_natural", f"{name}_norm"} & set(found)
                continue
            label = param["user"] if param["role"] == "swept" else param["natural"]
            assert value[name] == pytest.approx(label)
            assert value[f"{name}_natural"] == pytest.approx(param["natural"])
            assert value[f"{name}_norm"] == pytest.approx(param["norm"])
        about = {
            name: [value[f"{name}_{key}"] for key in RANGE]
            for name in ("cf", "shift", "rate", "irregularity")
        }
        assert about["cf"] == [b"norm", pytest.approx(0.1), pytest.approx(0.2), 0.0, 1.0, 3]
        assert about["shift"] == [b"natural", -4.0, 4.0, -4.0, 4.0, 2]
        assert about["rate"] == [b"norm", 0.0, 1.0, pytest.approx(0.1), 50.0, 1]
        assert about["irregularity"] == [
            b"natural", pytest.approx(0.2), pytest.approx(0.8), pytest.approx(0.2), pytest.approx(0.8), 0,
        ]  # fmt: skip

        # the index says this of them, and nothing else
        optional = {name for name, one in index.items() if one["length"] is None}
        assert set(found) - optional == set(index) - optional
        for name, (kind, values) in found.items():
            assert index[name]["type"] == kind
            assert index[name]["length"] in (None, len(values))
    assert sorted(seen) == sorted(rows)
    if shard_mib is None:
        files = {str(path.relative_to(folder)) for path in folder.rglob("*.tfrecord")}
        assert files == {f"{row['split']}/{row['sample_id']}.tfrecord" for row in rows.values()}


@pytest.mark.parametrize("shard_mib", [None, 0.1])
def test_flat_files_are_those_of_the_splits_in_one_folder(tmp_path, shard_mib):
    divided, _ = write(tmp_path / "a", corpus(shard_mib=shard_mib))
    made = corpus(shard_mib=shard_mib, layout="flat")
    flat, found = write(tmp_path / "b", made)
    index = json.loads((flat / "index.json").read_text())["splits"]
    files = sorted(flat.glob("*.tfrecord"))
    assert found["files"] == len(list(flat.iterdir())) == len(files) + 4  # the index and three lists
    listed = {split: (flat / f"{split}.txt").read_text().splitlines() for split in index}
    assert sorted(name for names in listed.values() for name in names) == [path.name for path in files]
    for split, names in listed.items():
        rows = [message for name in names for message in messages(flat / name)]
        own = [row["sample_id"] for row in texture_rows.rows(made) if row["split"] == split]
        assert [parsed(row)["sample_id"][1][0].decode() for row in rows] == own
        if shard_mib is None:
            assert names == [f"{name}.tfrecord" for name in own]
            assert rows == [next(messages(divided / split / name)) for name in names]
        else:
            assert rows == [
                m for i in range(len(names)) for m in messages(divided / split / f"shard{i}.tfrecord")
            ]
            assert names == [shard["file"] for shard in index[split]["shards"]]
    if shard_mib:
        assert [f"shard{i}.tfrecord" for i in range(len(files))] == sorted(p.name for p in files)


def test_another_layout_takes_the_place_of_the_one_before(tmp_path):
    for layout in ("splits", "flat", "splits"):
        made = corpus(shard_mib=0.1, layout=layout)
        folder, found = write(tmp_path / "a", made)
        fresh, once = write(tmp_path / layout, made)
        assert found == once and records.damage(tmp_path / "a", found) is None
        assert {p.relative_to(folder) for p in folder.rglob("*")} == {
            p.relative_to(fresh) for p in fresh.rglob("*")
        }


def test_the_other_reader_reads_files(tmp_path):
    from tfrecord.reader import tfrecord_loader

    made = corpus(shard_mib=1)
    folder, _ = write(tmp_path, made)
    rows = [row for row in texture_rows.rows(made) if row["split"] == "train"]
    found = list(tfrecord_loader(str(folder / "train/shard0.tfrecord"), None))
    assert [bytes(one["sample_id"]).decode() for one in found] == [row["sample_id"] for row in rows]
    for one, row in zip(found, rows, strict=True):
        assert np.array_equal(one["audio"], decode(row["audio"]["bytes"])[0][:, 0] / np.float32(32768))


def test_shards_are_no_larger_than_asked_for_and_short_of_nothing(tmp_path):
    axes = [axis("cf", count=10), axis("shift", natural=(-4.0, 4.0), count=10)]
    made = config(sound(axes=axes), records=["tfrecords"], shard_mib=2, duration_sec=4.0, chunk_sec=2.0)
    folder, record = write(tmp_path, made)
    shards = sorted(folder.rglob("*.tfrecord"), key=lambda path: (len(path.name), path.name))
    assert record["rows"] == 200
    assert max(path.stat().st_size for path in shards) <= 2 * 1024 * 1024
    names = {"train": [], "validation": [], "test": []}
    for path in shards:
        for message in messages(path):
            names[path.parent.name].append(parsed(message)["sample_id"][1][0].decode())
    rows = list(texture_rows.rows(made))
    assert names == {name: [row["sample_id"] for row in rows if row["split"] == name] for name in names}
    # no shard could have taken the first row of the next
    index = json.loads((folder / "index.json").read_text())
    for name, split in index["splits"].items():
        own = [folder / one["file"] for one in split["shards"]]
        assert [path.name for path in own] == [f"shard{k}.tfrecord" for k in range(len(own))]
        for path, after in pairwise(own):
            assert path.stat().st_size + len(next(messages(after))) + 16 > 2 * 1024 * 1024
        assert [one["bytes"] for one in split["shards"]] == [path.stat().st_size for path in own]
        assert sum(one["rows"] for one in split["shards"]) == split["rows"] == len(names[name])
        assert (split["files"], split["bytes"]) == (len(own), sum(path.stat().st_size for path in own))


def test_a_record_larger_than_a_shard_has_one_of_its_own(tmp_path):
    made = corpus(shard_mib=0.001)
    folder, _ = write(tmp_path, made)
    shards = list(folder.rglob("*.tfrecord"))
    assert len(shards) == 12
    assert all(len(list(messages(path))) == 1 for path in shards)


def test_index_says_which_sound_has_a_feature(tmp_path):
    hum = sound("hum", axes=[axis("depth", natural=(0.0, 4.0))], kind="test_hum")
    folder, _ = write(tmp_path, config(sound(), hum, records=["tfrecords"], shard_mib=1))
    index = json.loads((folder / "index.json").read_text())["features"]
    assert index["depth"] == {"type": "float", "length": 1, "sounds": ["hum"]}
    assert index["audio"] == {"type": "float", "length": 8000}
    for _, found in every(folder):
        hums = found["sound"][1] == [b"hum"]
        assert ("depth" in found) == hums
        assert ("onset_sample" in found) != hums
