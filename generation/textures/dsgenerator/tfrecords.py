"""``tfrecords``: TFRecord files of ``tf.train.Example``, with the audio in them.

Conventions: ``<split>/shard<k>.tfrecord``, each of at most ``shard_mib`` MiB as it lies on the disk, unless a
single record is larger; or, without ``shard_mib``, ``<split>/<sample_id>.tfrecord``, one row each. Every row
is there once, in order. With the layout ``flat`` all files are in one folder, as DSGenerator has them, under
the same names without ``<split>/``; shards are counted over all splits, each has rows of one, and
``<split>.txt`` lists the files of a split, a name a line. ``index.json`` says what features there are, of
what type and length (null: not the same in all rows, or not there), which sounds have them where not all do,
and how many rows and files each split has.

All features can be read as ragged ones; ``onset_sample`` is of another length in every row, so no fixed
length found in one row fits it. With TensorFlow, in either layout::

    import json
    from pathlib import Path

    import tensorflow as tf

    folder = Path("output/textures/records/tfrecords")
    types = {"float": tf.float32, "int64": tf.int64, "bytes": tf.string}
    index = json.loads((folder / "index.json").read_text())
    spec = {name: tf.io.RaggedFeature(types[of["type"]]) for name, of in index["features"].items()}
    files = sorted(map(str, folder.rglob("*.tfrecord")))
    rows = tf.data.TFRecordDataset(files).map(lambda record: tf.io.parse_single_example(record, spec))

Each value is then a 1-D tensor, empty where the row has no such feature.

Features of a row::

    audio               float32, the 16-bit samples / 32768, mono
    pfname              <sample_id>.params, as DSGenerator names rows
    soundDuration       beginning and end of the row in it, seconds: 0 and its length
    segmentNum          number of the chunk in its long signal
    sample_rate         Hz
    sample_id, setting_id, split, sound, synth, synth_version    texts
    held_out            text: random, interpolation or extrapolation; of test rows only
    seed, example_index numbers
    onset_sample        of events, any number of them; not there where the synthesizer has no events

and of each parameter, by the synthesizer's name for it::

    <p>                 label of a swept parameter, natural value of a fixed one
    <p>_natural, <p>_norm   natural value; 0-1 over the declared range
    <p>_curve           in place of those three, of moving parameters: natural value of each frame
    <p>_synth_units     norm or natural: of the two below
    <p>_synth_minval, <p>_synth_maxval  range as the configuration gave it; of fixed ones, the declared range
    <p>_user_minval, <p>_user_maxval    range of the labels; of others, natural
    <p>_user_nvals      values of a sweep; 0: continuous; 1: fixed

``frame_rate_hz`` is there where a parameter moves. Texts are UTF-8 bytes, whole numbers int64, all others
float32. (DSGenerator's ranges are all infinite, its ``nvals`` 1, and its shards larger than asked for and
short of rows.)
"""

import json

import numpy as np

from sousa.generation.textures.records.example import example, floats, ints, record, text
from sousa.generation.textures.records.files import Format, stem
from sousa.generation.textures.settings import FRAME_RATE_HZ

TEXTS = ("sample_id", "setting_id", "split", "sound", "synth", "synth_version")
MIB = 1 << 20
_FULL_SCALE = np.float32(1 / 32768)


class TFRecords(Format):
    reads = "pcm"

    def __init__(self, folder, config, labels):
        super().__init__(folder, config, labels)
        self.limit = None if config.shard_mib is None else config.shard_mib * MIB
        self.same = {sound: list(_same_in_all_rows(own)) for sound, own in labels.items()}
        self.splits, self.streams, self.lists = {}, {}, {}

    @staticmethod
    def problems(config, labels):
        if config.shard_mib is not None and not config.shard_mib > 0:
            yield f"shard_mib is {config.shard_mib:g}; give a size above 0, or none for one file a row"
        for sound, own in labels.items():
            names = [name for name, _, _ in _features(config, own)]
            for name in sorted({name for name in names if names.count(name) > 1}):
                yield (
                    f"{sound}: tfrecords records would have two features named {name}, because of the name "
                    "of a parameter; leave out records tfrecords"
                )
            for label in own.values():
                ends = (label.given_min, label.given_max, label.user_min, label.user_max)
                if np.abs(ends).max() > np.finfo(np.float32).max:
                    yield f"{sound}: the range of {label.name} is too large for tfrecords, which have float32"

    def add(self, row, pcm):
        data = record(example(self._row(row, pcm)))
        name = row["split"]
        split = self.splits.setdefault(name, {"rows": 0, "files": 0, "bytes": 0, "shards": []})
        split["rows"] += 1
        split["bytes"] += len(data)
        if self.limit is None:
            self.folder.put(self._file(name, stem(row)), data)
            split["files"] += 1
            return
        if name not in self.streams or self.streams[name].bytes + len(data) > self.limit:
            self._end_shard(name)
            flat = self.config.layout == "flat"
            number = sum(s["files"] for s in self.splits.values()) if flat else split["files"]
            file = self._file(name, f"shard{number}")
            self.streams[name] = self.folder.stream(file)
            split["shards"].append({"file": file, "rows": 0})
            split["files"] += 1
        self.streams[name].write(data)
        split["shards"][-1]["rows"] += 1

    def close(self):
        for name in self.splits:
            self._end_shard(name)
        for listed in self.lists.values():
            listed.close()
        index = {
            "format": "tf.train.Example in TFRecord files, not compressed",
            "shard_mib": self.config.shard_mib,
            "features": self._index(),
            "splits": self.splits,
        }
        self.folder.put("index.json", (json.dumps(index, indent=1, ensure_ascii=False) + "\n").encode())

    def _file(self, split, name):
        """The file of a split's row or shard, where that lies."""
        file = f"{name}.tfrecord"
        if self.config.layout == "splits":
            return f"{split}/{file}"
        if split not in self.lists:
            self.lists[split] = self.folder.stream(f"{split}.txt")
        self.lists[split].write(f"{file}\n".encode())
        return file

    def _end_shard(self, split):
        if stream := self.streams.pop(split, None):
            stream.close()
            self.splits[split]["shards"][-1]["bytes"] = stream.bytes

    def _row(self, row, pcm):
        yield floats("audio", pcm * _FULL_SCALE)
        yield text("pfname", f"{stem(row)}.params")
        yield floats("soundDuration", (0.0, row["duration_sec"]))
        yield ints("segmentNum", (row["chunk_index"],))
        for name in ("sample_rate", "seed", "example_index"):
            yield ints(name, (row[name],))
        for name in (*TEXTS, "held_out"):
            if row[name] is not None:
                yield text(name, row[name])
        if row["onsets"] is not None:
            yield ints("onset_sample", row["onsets"])
        for param in row["params"]:
            name, role = param["name"], param["role"]
            if role == "moving":
                yield floats(f"{name}_curve", row["curves"][name][0])
                continue
            yield floats(name, (param["user"] if role == "swept" else param["natural"],))
            yield floats(f"{name}_natural", (param["natural"],))
            yield floats(f"{name}_norm", (param["norm"],))
        yield from self.same[row["sound"]]

    def _index(self):
        index = {}
        for sound, labels in self.labels.items():
            for name, kind, length in _features(self.config, labels):
                index.setdefault(name, {"type": kind, "length": length, "sounds": []})["sounds"].append(sound)
        for entry in index.values():
            if len(entry["sounds"]) == len(self.labels):
                del entry["sounds"]
        return index


def _same_in_all_rows(labels):
    for label in labels.values():
        yield text(f"{label.name}_synth_units", label.units)
        yield floats(f"{label.name}_synth_minval", (label.given_min,))
        yield floats(f"{label.name}_synth_maxval", (label.given_max,))
        yield floats(f"{label.name}_user_minval", (label.user_min,))
        yield floats(f"{label.name}_user_maxval", (label.user_max,))
        yield ints(f"{label.name}_user_nvals", (label.count,))
    if any(label.role == "moving" for label in labels.values()):
        yield floats("frame_rate_hz", (FRAME_RATE_HZ,))


def _features(config, labels):
    """Name, type and length of every feature of a sound."""
    yield "audio", "float", config.chunk_samples
    yield "pfname", "bytes", 1
    yield "soundDuration", "float", 2
    yield from ((name, "int64", 1) for name in ("segmentNum", "sample_rate", "seed", "example_index"))
    yield from ((name, "bytes", 1) for name in TEXTS)
    yield from (("held_out", "bytes", None), ("onset_sample", "int64", None))
    for name, label in labels.items():
        if label.role == "moving":
            yield f"{name}_curve", "float", None
        else:
            yield from ((f"{name}{end}", "float", 1) for end in ("", "_natural", "_norm"))
        yield f"{name}_synth_units", "bytes", 1
        for end in ("_synth_minval", "_synth_maxval", "_user_minval", "_user_maxval"):
            yield f"{name}{end}", "float", 1
        yield f"{name}_user_nvals", "int64", 1
    if any(label.role == "moving" for label in labels.values()):
        yield "frame_rate_hz", "float", 1
