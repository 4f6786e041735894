"""Manifests: both formats are read, and whatever else is refused in a sentence that names the place."""

import copy
import json

import pytest

from sousa.generation.errors import RunError, UsageError
from sousa.generation.manifest import (
    LOG,
    MANIFEST,
    UNFINISHED,
    complete_manifest,
    config_digest,
    manifest_path,
    read_manifest,
    short,
)

SHARD = {
    "file": "data/train/a_0-1.parquet",
    "split": "train",
    "rows": 3,
    "bytes": 9,
    "sha256": "ab",
    "view": "small",
}
WHOLE = {
    "format_version": 2, "config": {"corpus": "x", "seed": 1}, "config_digest": "d", "complete": True,
    "num_shards": 1, "num_rows": 3, "size": "small", "tables": [{"file": "f", "bytes": 1, "sha256": ""}],
    "shards": {"train/a_0-1": SHARD}, "facts": ["anything", {"else": None}],
}  # fmt: skip


def write(root, manifest, name=MANIFEST):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))


def test_what_is_written_is_read_facts_and_all(tmp_path):
    assert read_manifest(tmp_path) is None
    write(tmp_path, WHOLE)
    assert read_manifest(tmp_path) == complete_manifest(tmp_path) == WHOLE


@pytest.mark.parametrize("preset, size", [({"preset": "medium"}, "medium"), ({}, "custom")])
def test_the_first_format_said_preset(tmp_path, preset, size):
    first = {key: value for key, value in WHOLE.items() if key != "size"} | {"format_version": 1, **preset}
    write(tmp_path, first)
    manifest = read_manifest(tmp_path)
    assert manifest["size"] == size and "preset" not in manifest


KEYS = [(key,) for key in WHOLE if key != "facts"]
KEYS += [("shards", "train/a_0-1", key) for key in SHARD if key != "view"]
KEYS += [("tables", 0, key) for key in ("file", "bytes", "sha256")]


@pytest.mark.parametrize("keys", KEYS, ids=lambda keys: ".".join(map(str, keys)))
@pytest.mark.parametrize("value", [None, 1.5, [[]]], ids=str)
def test_every_place_is_checked(tmp_path, keys, value):
    broken = copy.deepcopy(WHOLE)
    place = broken
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    write(tmp_path, broken)
    with pytest.raises(RunError, match=rf"manifest\.json is not a manifest \({keys[0]}.*generate again"):
        read_manifest(tmp_path)


OUTSIDE = ("data/x.parquet", "/data/train/x.parquet", "data/train/../x.parquet", "data/train/x.parquet\n",
           "data/../../x.parquet", "data/train/x.txt")  # fmt: skip


@pytest.mark.parametrize("file", OUTSIDE)
def test_a_shard_lies_inside_the_dataset(tmp_path, file):
    write(tmp_path, WHOLE | {"shards": {"train/x": SHARD | {"file": file}}})
    with pytest.raises(RunError, match="is not a manifest"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "3", "null", '{"format_version": 2}', "\udc00"])
def test_what_is_no_manifest_is_said_in_one_line(tmp_path, text):
    (tmp_path / MANIFEST).write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(RunError) as caught:
        read_manifest(tmp_path)
    assert str(tmp_path / MANIFEST) in str(caught.value) and len(str(caught.value)) < 500


def test_an_unfinished_dataset_is_one_and_is_not_read(tmp_path):
    with pytest.raises(RunError, match=r"no dataset in .*sousa generate"):
        complete_manifest(tmp_path)
    write(tmp_path, WHOLE | {"complete": False, "shards": {}, "num_shards": 5}, f"{UNFINISHED}/{MANIFEST}")
    (tmp_path / LOG).write_text('["a", {}]\n["b", {}]\n["c"')
    assert manifest_path(tmp_path) == tmp_path / UNFINISHED / MANIFEST
    with pytest.raises(RunError, match="2 of 5 shards"):
        complete_manifest(tmp_path)
    write(tmp_path, WHOLE)
    assert complete_manifest(tmp_path) == WHOLE  # what is there counts, whatever is being made beside it


def test_what_is_something_else(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        read_manifest(tmp_path / "file")
    write(tmp_path, {"release_format": 1})
    with pytest.raises(UsageError, match="is a release"):
        read_manifest(tmp_path)


def test_a_digest_is_of_what_is_said_not_of_its_order():
    identity = {"corpus": "x", "b": [1, 2], "a": {"d": 1.5, "c": None}}
    backwards = {key: identity[key] for key in reversed(identity)}
    assert (
        config_digest(identity) == config_digest(backwards) == config_digest(json.loads(json.dumps(identity)))
    )
    for other in ({"b": [2, 1]}, {"a": {"d": 1.5}}, {"e": None}):
        assert config_digest(identity | other) != config_digest(identity)
    assert config_digest(identity, 1) != config_digest(identity, 2)


def test_values_are_shortened():
    assert (
        short({"a": 1}) == '{"a": 1}' and len(short("x" * 1000)) == 80 and short("x" * 1000).endswith("...")
    )
