"""TFRecords of textures, read by TensorFlow itself, which checks every checksum."""

import json
import textwrap

import numpy as np
import pytest
import tensorflow as tf

from sousa.generation.audio.encode import decode
from sousa.generation.textures import records, settings
from sousa.generation.textures.dsgenerator import tfrecords
from sousa.generation.textures.records.example import example, floats, ints, record, text
from tests.support import texture_rows
from tests.support.texture_rows import axis, config, moving, sound

KINDS = {"float": tf.float32, "int64": tf.int64, "bytes": tf.string}
RANGES = ("synth_minval", "synth_maxval", "user_minval", "user_maxval")


def corpus(**other):
    axes = (axis("cf", count=10), axis("shift", user=(-4.0, 4.0), natural=(-4.0, 4.0), count=10))
    fixed = [settings.Fixed("rate", 5.0, 0.25, "norm", "")]
    own = {"records": ["tfrecords"], "shard_mib": 2, "duration_sec": 4.0, "chunk_sec": 2.0}
    return config(sound(axes=axes, moved=[moving()], fixed=fixed), **own | other)


def written(root, made):
    records.write(root, made, texture_rows.tables(made), lambda count: None)
    return root / "records/tfrecords"


def read(folder, split):
    """Every record of a split, parsed as the index says; one dict of arrays each."""
    index = json.loads((folder / "index.json").read_text())
    features = {
        name: tf.io.VarLenFeature(KINDS[one["type"]])
        if one["length"] is None
        else tf.io.FixedLenFeature([one["length"]], KINDS[one["type"]])
        for name, one in index["features"].items()
    }
    files = [str(folder / one["file"]) for one in index["splits"][split]["shards"]]
    for parsed in tf.data.TFRecordDataset(files).map(lambda m: tf.io.parse_single_example(m, features)):
        yield {
            name: (tf.sparse.to_dense(v) if isinstance(v, tf.SparseTensor) else v).numpy()
            for name, v in parsed.items()
        }


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """Ten by ten settings of two rows, in shards of 2 MiB: (folder, rows)."""
    made = corpus(seed=-5)
    return written(tmp_path_factory.mktemp("grid"), made), list(texture_rows.rows(made))


def test_every_record_is_read_and_says_what_its_row_says(grid):
    folder, rows = grid
    assert max(path.stat().st_size for path in folder.rglob("*.tfrecord")) <= 2 * 1024 * 1024
    count = 0
    for split in ("train", "validation", "test"):
        own = [row for row in rows if row["split"] == split]
        for found, row in zip(read(folder, split), own, strict=True):
            count += 1
            assert found["sample_id"].item().decode() == row["sample_id"]
            pcm = decode(row["audio"]["bytes"])[0][:, 0]
            assert np.array_equal(np.round(found["audio"] * 32768).astype(np.int16), pcm)
            assert found["audio"].dtype == np.float32
            assert found["seed"].item() == -5
            assert found["onset_sample"].tolist() == [event["onset_sample"] for event in row["events"]]
            assert found["held_out"].tolist() == ([b"random"] if split == "test" else [])
            params = {param["name"]: param for param in row["params"]}
            assert found["cf"].item() == pytest.approx(params["cf"]["user"], abs=1e-6)
            assert found["cf_natural"].item() == pytest.approx(params["cf"]["natural"], rel=1e-6)
            assert found["shift_user_nvals"].item() == 10
            assert found["rate_synth_units"].item() == b"norm"
            curve = [one["natural"] for one in row["curves"]]
            assert found["irregularity_curve"] == pytest.approx(curve, rel=1e-6)
            for name in params:
                ends = [found[f"{name}_{end}"].item() for end in RANGES]
                assert np.isfinite(ends).all()
                assert ends[0] < ends[1]
                assert ends[2] < ends[3]
    assert count == len(rows) == 200


@pytest.mark.parametrize("layout", ["splits", "flat"])
def test_the_documented_reader_reads_every_feature_of_every_row(tmp_path, layout):
    swept = sound("Swept", axes=[axis("cf", count=4)], moved=[moving()])
    made = config(swept, sound("Still", axes=[axis("shift", count=3)]), records=["tfrecords"], layout=layout)
    folder = written(tmp_path, made)
    code = tfrecords.__doc__.partition("in either layout::")[2].partition("Each value")[0]
    names = {}
    exec(textwrap.dedent(code).replace("output/textures", str(tmp_path)), names)
    wanted, found = {row["sample_id"]: row for row in texture_rows.rows(made)}, {}
    for row in names["rows"]:
        found[row["sample_id"].numpy().item().decode()] = {name: v.numpy() for name, v in row.items()}
    assert found.keys() == wanted.keys() and len({len(row["onset_sample"]) for row in found.values()}) > 1
    index = json.loads((folder / "index.json").read_text())["features"]
    for name, row in found.items():
        assert row.keys() == index.keys()
        assert row["onset_sample"].tolist() == [event["onset_sample"] for event in wanted[name]["events"]]
        for feature, about in index.items():
            has = wanted[name]["sound"] in about.get("sounds", ["Swept", "Still"])
            length = about["length"] if has else 0
            assert length is None or len(row[feature]) == length, feature


def test_one_file_a_row_is_read_too(tmp_path):
    made = corpus(shard_mib=None, chunk_sec=0.1, duration_sec=0.1)
    folder = written(tmp_path, made)
    for row in texture_rows.rows(made):
        place = folder / row["split"] / f"{row['sample_id']}.tfrecord"
        (message,) = tf.data.TFRecordDataset([str(place)])
        found = tf.train.Example.FromString(message.numpy()).features.feature
        assert found["pfname"].bytes_list.value[0].decode() == f"{row['sample_id']}.params"
        assert len(found["audio"].float_list.value) == 1600


def test_messages_are_what_tensorflow_would_have_made():
    numbers, values = [0, -1, -5, 2**63 - 1, -(2**63)], [1.5, -0.0, 3e38]
    ours = example([ints("n", numbers), floats("f", values), text("t", "ü"), ints("no", []), text("e", "")])
    kinds = tf.train
    theirs = kinds.Example(features=kinds.Features(feature={
        "n": kinds.Feature(int64_list=kinds.Int64List(value=numbers)),
        "f": kinds.Feature(float_list=kinds.FloatList(value=values)),
        "t": kinds.Feature(bytes_list=kinds.BytesList(value=["ü".encode()])),
        "no": kinds.Feature(int64_list=kinds.Int64List()),
        "e": kinds.Feature(bytes_list=kinds.BytesList(value=[b""])),
    }))  # fmt: skip
    assert kinds.Example.FromString(ours) == theirs  # the order of a map is nobody's business


def test_one_changed_byte_anywhere_is_found(tmp_path):
    path = tmp_path / "one.tfrecord"
    whole = record(example([ints("n", [-5]), floats("audio", np.arange(20)), text("t", "word")]))
    path.write_bytes(whole)
    assert len(list(tf.data.TFRecordDataset([str(path)]))) == 1
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        with pytest.raises(tf.errors.DataLossError):
            list(tf.data.TFRecordDataset([str(path)]))


def test_a_changed_byte_of_a_shard_is_found(grid, tmp_path):
    folder, _ = grid
    whole = (folder / "test/shard0.tfrecord").read_bytes()
    for at in np.random.default_rng(0).integers(len(whole), size=20):
        path = tmp_path / "shard.tfrecord"
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x01]) + whole[at + 1 :])
        with pytest.raises(tf.errors.DataLossError):
            list(tf.data.TFRecordDataset([str(path)]))
