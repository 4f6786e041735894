"""What differs between releases, which version that asks for, and the changelog."""

import hashlib
import json
import random
import shutil
import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sousa.builders.release import compare, opened, versions
from sousa.builders.release.digests import leaf_types, row_digests
from sousa.builders.release.layout import INDEX_SCHEMA
from sousa.generation.errors import UsageError
from sousa.generation.manifest import sealed
from tests.conftest import TINY
from tests.support.releases import altered, faster, louder, release, resounded, with_column, with_other_card


@pytest.fixture(scope="module")
def first(tiny, tmp_path_factory):
    return release(tiny, tmp_path_factory.mktemp("first") / "v1")


def changes(old, new, **options):
    return compare.compare(opened.read(old), opened.read(new), **options)


@pytest.mark.parametrize(
    "change, level, line, label",
    [
        (faster, "major", "1 row with other labels", {"tempo_bpm": 1}),
        (louder, "major", "1 row with other labels", {"strokes.actual_velocity": 1}),
        (resounded, "major", "1 row with other audio", {}),
    ],
)
def test_changed_rows_ask_for_a_major_version(tiny, first, tmp_path, change, level, line, label):
    second = release(altered(tiny, tmp_path / "d", change), tmp_path / "v2", "2.0.0", previous=str(first))
    found = changes(first, second, details=True)
    assert (found.level, found.labels) == (level, label) and any(line in text for text in found.lines())
    assert found.reason == found.lines()[0]
    log = json.loads((second / "manifest.json").read_text())["changelog"]
    assert [entry["version"] for entry in log] == ["1.0.0", "2.0.0"] and any(
        line in t for t in log[1]["lines"]
    )
    card = (second / "README.md").read_text()
    assert card.index("### 2.0.0") < card.index("### 1.0.0") and line in card


def test_added_rows_ask_for_a_minor_version(tiny, first, tmp_path, sousa):
    arguments = [*TINY]
    arguments[arguments.index("-p") + 1] = 5
    sousa(*arguments, "-o", tmp_path / "d", "-q", "--skip-validation")
    second = release(tmp_path / "d", tmp_path / "v2", "1.1.0", previous=str(first), notes=["More players."])
    found = changes(first, second, details=True)
    assert found.level == "minor" and sum(found.rows_added.values()) == 6 and not found.labels
    entry = json.loads((second / "manifest.json").read_text())["changelog"][-1]["lines"]
    assert entry[0] == "More players." and entry[1].startswith("6 rows added (")
    backwards = changes(second, first)
    assert backwards.level == "major" and sum(backwards.rows_removed.values()) == 6


def test_an_added_column_is_minor_and_a_removed_one_major(tiny, first, tmp_path):
    def wider(table):
        at = table.num_columns - 2
        return table.add_column(at, pa.field("loudness_lufs", pa.float64()), pa.array([0.5] * len(table)))

    second = release(altered(tiny, tmp_path / "d", wider, 3), tmp_path / "v2", "1.1.0", previous=str(first))
    found = changes(first, second, details=True)
    assert found.level == "minor" and found.columns_added == ("loudness_lufs",) and not found.labels_changed
    assert changes(second, first).columns_removed == ("loudness_lufs",)
    assert changes(second, first).level == "major"

    # a column is added and a label changed: the change is seen through the other columns
    both = altered(tiny, tmp_path / "d3", lambda table: wider(faster(table)), 1)

    def widened(table):
        return table if "loudness_lufs" in table.column_names else wider(table)

    rest = altered(both, tmp_path / "d4", widened, 3)
    third = release(rest, tmp_path / "v3", "2.0.0", previous=str(first))
    found = changes(first, third, details=True)
    assert (
        found.level == "major"
        and sum(found.labels_changed.values()) == 1
        and found.labels == {"tempo_bpm": 1}
    )


def test_the_card_alone_is_a_patch(tiny, first, tmp_path, monkeypatch):
    with_other_card(tmp_path, monkeypatch)
    second = release(tiny, tmp_path / "v2", "1.0.1", previous=str(first))
    found = changes(first, second)
    assert found.level == "patch" and found.lines() == ["another card"]


def test_nothing_new_is_no_release(tiny, first, tmp_path):
    with pytest.raises(UsageError, match=r"nothing differs from version 1\.0\.0"):
        release(tiny, tmp_path / "v2", "1.0.1", previous=str(first))


@pytest.mark.parametrize("version", ["1.0.1", "1.1.0", "3.0.0", "2.0.1"])
def test_a_version_that_does_not_follow_the_rule_is_refused(tiny, first, tmp_path, version):
    changed = altered(tiny, tmp_path / "d", louder)
    with pytest.raises(UsageError, match=rf"version {version} can't follow 1.0.0: .*major.*--version 2.0.0"):
        release(changed, tmp_path / "v2", version, previous=str(first))
    with pytest.raises(UsageError, match=r"is not after 1\.0\.0"):
        release(changed, tmp_path / "v3", "0.9.0", previous=str(first))


def test_sousa_diff_says_it_in_words(tiny, first, tmp_path, sousa):
    second = release(altered(tiny, tmp_path / "d", louder), tmp_path / "v2", "2.0.0", previous=str(first))
    done = sousa("diff", first, second)
    assert done.returncode == 0, done.stderr
    for said in ("version 1.0.0  ->", "1 row with other labels", "strokes.actual_velocity in 1 row",
                 "a major change, as the version says"):  # fmt: skip
        assert said in done.stdout
    assert "nothing differs" in sousa("diff", first, first).stdout
    assert "a major change: the version after 2.0.0 would be 3.0.0" in sousa("diff", second, first).stdout
    for wrong, said in (([first], "1 arguments"), ([tiny, first], "is a dataset, not a release")):
        refused = sousa("diff", *wrong)
        assert refused.returncode == 2 and said in refused.stderr


def test_versions_are_read_as_they_are_written():
    assert versions.parse("10.20.30") == (10, 20, 30) and versions.of_tag("v1.2.3") == (1, 2, 3)
    assert [versions.following("1.2.3", level) for level in ("major", "minor", "patch")] == [
        "2.0.0",
        "1.3.0",
        "1.2.4",
    ]
    assert versions.of_tag("stable") is None and versions.of_tag("1.2.3") is None
    for wrong in ("1", "1.0", "v1.0.0", "01.0.0", "1.0.0-rc1", "1.0.0\n", ""):
        with pytest.raises(UsageError):
            versions.parse(wrong)


def a_table(rng, rows=40):
    """Random rows of every kind of column, nulls included."""

    def some(values):
        return [None if rng.random() < 0.2 else value for value in values]

    numbers = [rng.randrange(-(2**40), 2**40) for _ in range(rows)]
    record = pa.struct([("a", pa.int32()), ("b", pa.string())])
    lists = [
        [{"a": rng.choice([1, 2, None]), "b": rng.choice(["x", "", None])} for _ in range(length)]
        for length in rng.choices(range(4), k=rows)
    ]
    return pa.table(
        {
            "i": pa.array(some(numbers), pa.int64()),
            "f": pa.array(some([rng.random() for _ in range(rows)]), pa.float64()),
            "s": pa.array(some([rng.choice("abc") for _ in range(rows)]), pa.string()),
            "b": pa.array(some([rng.randbytes(3) for _ in range(rows)]), pa.binary()),
            "t": pa.array(some([rng.random() < 0.5 for _ in range(rows)]), pa.bool_()),
            "l": pa.array(some(lists), pa.list_(record)),
        }
    )


def test_row_digests_are_of_values_alone():
    rng = random.Random(1)
    table = a_table(rng)
    leaves = leaf_types(table.schema)
    digests = row_digests(table, leaves)
    cut = pa.concat_tables([table.slice(0, 7), table.slice(7, 20), table.slice(27)])
    assert row_digests(cut, leaves) == digests
    assert row_digests(table.select(table.column_names[::-1]), leaves) == digests
    order = np.random.default_rng(0).permutation(len(table))
    assert row_digests(table.take(order), leaves) == [digests[i] for i in order]
    assert row_digests(table.slice(9, 5), leaves) == digests[9:14]
    wider = table.append_column("new", pa.array([1] * len(table)))
    assert row_digests(wider, leaves) == digests and row_digests(wider, leaf_types(wider.schema)) != digests


def test_row_digests_see_every_value():
    rng = random.Random(2)
    table = a_table(rng)
    leaves = leaf_types(table.schema)
    digests = row_digests(table, leaves)
    other = {"i": 5, "f": 0.25, "s": "other", "b": b"other", "t": 0, "l": [{"a": 7, "b": "y"}]}
    for name, value in other.items():
        for row in (0, 17):
            values = table[name].to_pylist()
            values[row] = (not values[row]) if name == "t" else value
            changed = row_digests(with_column(table, name, values), leaves)
            assert [i for i in range(len(table)) if changed[i] != digests[i]] == [row], (name, row)
    empty = with_column(table, "l", [[] if row is None else row for row in table["l"].to_pylist()])
    nulls = [i for i, row in enumerate(table["l"].to_pylist()) if row is None]
    assert [i for i in range(len(table)) if row_digests(empty, leaves)[i] != digests[i]] == nulls


def reference(row, leaves):
    """The digest of a row as its definition says, value by value."""

    def value(v):
        if v is None:
            return bytes(9)
        if isinstance(v, (str, bytes)):
            return b"\1" + hashlib.sha256(v.encode() if isinstance(v, str) else v).digest()[:8]
        return b"\1" + struct.pack("<d" if isinstance(v, float) else "<q", v)

    out, lists = b"", []
    for leaf in leaves:
        name, _, child = leaf.partition(".")
        if not child:
            out += value(row[name])
        elif name not in lists:
            lists.append(name)
            children = [other.partition(".")[2] for other in leaves if other.startswith(f"{name}.")]
            records = b"".join(value(record[c]) for record in row[name] or () for c in children)
            whole = hashlib.sha256(records).digest()[:8]
            out += bytes(9) if row[name] is None else b"\1" + whole
    head = "\n".join(f"{name} {kind}" for name, kind in leaves.items()).encode()
    return hashlib.sha256(head + out).digest()[:16]


def test_row_digests_are_what_their_definition_says():
    """Published releases hold them: other digests would make every row look changed."""
    table = a_table(random.Random(3))
    leaves = leaf_types(table.schema)
    assert row_digests(table, leaves) == [reference(row, leaves) for row in table.to_pylist()]
    table = pa.table({"a": [1, None], "b": ["x", "yz"], "l": [[{"p": 1.5, "q": True}], []]})
    assert [digest.hex() for digest in row_digests(table, leaf_types(table.schema))] == [
        "e9889fcbcb493d27503b137ed8f6888e",
        "199962808bd0073af9f5a816ea11c8bf",
    ]


def test_a_moved_row_and_a_lost_config_are_breaking(tiny, first, tmp_path):
    other = release(tiny, tmp_path / "v2")
    index = opened.read(other).index()
    splits = index["split"].to_pylist()
    splits[0] = "test" if splits[0] != "test" else "train"
    changed = with_column(index.cast(INDEX_SCHEMA), "split", splits)
    pq.write_table(changed, other / "_row_index.pq")
    manifest = json.loads((other / "manifest.json").read_text())
    del manifest["views"]["labels"]
    manifest["files"][index["file"][0].as_py()]["sha256"] = "0" * 64
    (other / "manifest.json").write_text(json.dumps(sealed(manifest)))
    found = changes(first, other)
    assert found.moved == 1 and found.configs_removed == ("labels",) and found.level == "major"


def test_make_refuses_a_release_of_another_corpus(tiny, first, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(first, other)
    manifest = json.loads((other / "manifest.json").read_text())
    (other / "manifest.json").write_text(json.dumps(sealed(manifest | {"corpus": "piano"})))
    with pytest.raises(UsageError, match="is a release of piano, not of rudiments"):
        release(tiny, tmp_path / "r", "1.1.0", previous=str(other))
