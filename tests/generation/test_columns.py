"""Columns: one declaration, and everything made of it agrees with the library whose form it has."""

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from sousa.generation import columns
from sousa.generation.columns import AUDIO, Breakdown, Classes, Column, Events, Group, Renditions, Score

HIT = (
    Column("onset_sample", "int64", "samples", "when"),
    Column("hard", "bool", "", "whether"),
    Column("by", "string", "", "who"),
)
COLUMNS = (
    Column("sample_id", "string", "", "unique name"),
    Column("kind", "string", "", "what it is", role=Classes(("tap", "roll"), main=True), alias="kinds"),
    Column("level", "float64", "dB", "how loud", role=Score(-60, 0), rendered=True),
    Column("take", "string", "", "of which take", role=Renditions("room", "dry")),
    Column("room", "string", "", "where", role=Breakdown(known=("dry", "hall"), condition="room")),
    Column("player", "int32", "", "who", role=Group("player", "players")),
    Column("hits", HIT, "", "in order", role=Events(flags=(("by", "me", "mine"), ("hard", True, "hard")))),
    Column("midi", "binary", "", "a file"),
    Column("audio", AUDIO, "", "its sound"),
)
ROW = {
    "sample_id": "a", "kind": "roll", "level": -3.0, "take": "t", "room": "dry", "player": 7,
    "hits": [{"onset_sample": 3, "hard": True, "by": "me"}], "midi": b"m",
    "audio": {"bytes": b"w", "path": "a.wav"},
}  # fmt: skip


def test_roles_and_aliases_survive_a_file(tmp_path):
    table = pa.Table.from_pylist([ROW], columns.schema(COLUMNS, 8000))
    pq.write_table(table, tmp_path / "x.parquet")
    schema = pq.read_schema(tmp_path / "x.parquet")
    stored = {column.name: column for column in columns.stored_columns(schema)}
    assert stored.keys() == {column.name for column in COLUMNS if column.role or column.alias}
    for column in COLUMNS:
        if kept := stored.get(column.name):
            for name in ("role", "alias", "rendered", "unit"):
                assert getattr(kept, name) == getattr(column, name)
    assert columns.fitted(COLUMNS, schema) == COLUMNS
    assert pq.read_table(tmp_path / "x.parquet").to_pylist() == [ROW]


def test_every_role_has_its_own_word():
    words = [columns.declared([Column("x", "string", "", "", role=kind)])[0]["role"] for kind in ROLES]
    assert len(set(words)) == len(columns.kinds()) == len(ROLES) and all(words)


ROLES = (
    Classes(("a",)), Score(0, 1), Events(), columns.Notes(), Group("one", "many"), Renditions("a", "b"),
    Breakdown(), columns.Coordinate(), columns.Parameters("curves", 75, "maker"),
    columns.Text("who", "tongue", "others"),
)  # fmt: skip


@pytest.mark.parametrize(
    "metadata", [None, {}, {b"sousa": b"["}, {b"sousa": b"{}"}, {b"sousa": b'{"columns": [3]}'}]
)
def test_files_that_state_no_roles_have_those_of_now(metadata):
    schema = columns.schema(COLUMNS, 8000).with_metadata(metadata)
    assert columns.stored_columns(schema) is None
    assert columns.fitted(COLUMNS, schema) == COLUMNS


def test_what_a_file_has_is_what_counts():
    """Columns of another version keep their types, and roles that a file states win over those of now."""
    gone = Column("force", "float32", "", "gone since")
    kind = Column("kind", "string", "", "", role=Classes(("tap",)))
    earlier = (
        Column("old", "float32", "", "gone since"),
        kind,
        Column("hits", (HIT[0], gone), "", "in order"),
    )
    old, kind, hits = columns.fitted(COLUMNS, columns.schema(earlier, 8000))
    assert (old.name, old.type, old.role, old.meaning) == ("old", "float", None, "of an earlier data version")
    assert kind.role == Classes(("tap",)) and kind.meaning == "what it is" and not kind.alias
    assert hits.role is None and [field.name for field in hits.type] == ["onset_sample", "force"]
    assert hits.type[0] == HIT[0]


def test_leaves_are_the_paths_of_a_parquet_file(tmp_path):
    schema = columns.schema(COLUMNS, 8000)
    pq.write_table(pa.Table.from_pylist([ROW], schema), tmp_path / "x.parquet")
    names = [column.path for column in pq.ParquetFile(tmp_path / "x.parquet").schema]
    assert [path for path, _ in columns.leaves(schema)] == names


def test_features_are_those_of_datasets():
    schema = columns.schema(COLUMNS, 8000)
    features = datasets.Features.from_arrow_schema(schema)
    assert features["audio"] == datasets.Audio(8000) and features["kind"] == datasets.Value("string")
    assert list(features) == schema.names
    card = {"features": yaml.safe_load(yaml.safe_dump(columns.feature_yaml(COLUMNS, 8000)))}
    named = datasets.DatasetInfo._from_yaml_dict(card).features
    assert named["kind"] == datasets.ClassLabel(names=["tap", "roll"])
    assert {name: kind for name, kind in named.items() if name != "kind"} == {
        name: kind for name, kind in features.items() if name != "kind"
    }
    made = {column.name: columns.feature(column, 8000) for column in COLUMNS}
    assert datasets.Features.from_dict(made) == named


def test_documents_have_every_column_and_field():
    text = columns.table(COLUMNS)
    for column in (*COLUMNS, *HIT):
        assert f"| `{column.name}` | " in text and column.meaning in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert widths == {5} and "Each of `hits`:" in text
