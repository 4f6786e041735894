"""Columns declared once, as data: name, type, unit, meaning, and the role a column plays.

Conventions
-----------
Types are Arrow names (``int32``, ``float64``, ``string``, ``bool``, ``binary``), ``strings`` for a list of
texts, ``audio`` for an encoded file with its path, or a tuple of Columns for a list of records. From one
declaration come the Arrow schema of shards, the Hugging Face features, the builders' ``Features``,
training's targets, filters and breakdowns, and the tables in documents, so they can't disagree.

A *role* says what a column is for, so that generic code asks for roles and never for names. The schema of a
shard carries the roles of its columns as JSON under the metadata key ``sousa``: a dataset can be trained on
and reported without the package that made it.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, fields, replace
from typing import Any, ClassVar

import pyarrow as pa

from sousa.generation.text import code

AUDIO, STRINGS = "audio", "strings"
ACOUSTICS = "preset"  # the condition that a Breakdown states for acoustics; it is stored in shards
SPLITS = ("train", "validation", "test")
# columns that every corpus has; with sound also pcm_digest and audio
COMMON = ("sample_id", "split", "duration_sec", "num_samples", "sample_rate", "data_version")


@dataclass(frozen=True)
class Role:
    """What a column is for; a column has one of the subclasses, or None."""


@dataclass(frozen=True)
class Classes(Role):
    """One of a few names, in their order: a ClassLabel of ``datasets``, a target of training, a breakdown.

    Attributes:
        names: all of them; a row may also be null. A new one goes to the end: numbers of the others stay.
        balance: the card counts rows of each.
        breakdown: reports are broken down by it.
        main: it is what the corpus is about: the ``label`` of the unified schema.
        target: models can be trained to tell it.
        of_group: constant within a group; the report checks that recording conditions do not predict it.
    """

    names: tuple[str, ...]
    balance: bool = False
    breakdown: bool = False
    main: bool = False
    target: bool = True
    of_group: bool = False


@dataclass(frozen=True)
class Score(Role):
    """A number from ``low`` to ``high``, a target of training; null where it does not apply."""

    low: float
    high: float


@dataclass(frozen=True)
class Events(Role):
    """A list of records with a time each; the attributes name fields of the record.

    Attributes:
        onset: where an event begins, in samples.
        offset, pitch, velocity, kind, part: for the unified schema; empty where there is none.
        flags: what models tell of each event: ``(field, value that counts as yes, its name in metrics)``; of
            a tuple of values each counts.
        earlier_flags: those of files that declare no roles, and of models that were trained on them, where
            they are others.
    """

    onset: str = "onset_sample"
    offset: str = ""
    pitch: str = ""
    velocity: str = ""
    kind: str = ""
    part: str = ""
    flags: tuple[tuple[str, Any, str], ...] = ()
    earlier_flags: tuple[tuple[str, Any, str], ...] = ()

    def earlier(self) -> "Events":
        """The role in files that declare none."""
        return replace(self, flags=self.earlier_flags or self.flags)


@dataclass(frozen=True)
class Notes(Events):
    """Events that are notes: with pitch, velocity, and ends.

    Attributes:
        offset: where the sound is stopped, which a pedal may delay.
        key_up: where the key is let go.
        pedal: column of the messages of a sustain pedal, records ``sample, value``, which is down from 64 on;
            empty for none.
    """

    key_up: str = ""
    pedal: str = ""


@dataclass(frozen=True)
class Group(Role):
    """What splits and intervals go by: all rows of a group are in one split. Its noun, in both numbers."""

    singular: str
    plural: str


@dataclass(frozen=True)
class Renditions(Role):
    """What all renditions of one take have in common.

    Attributes:
        condition: column that tells them apart.
        clean: its value for the plain one.
    """

    condition: str
    clean: str


@dataclass(frozen=True)
class Breakdown(Role):
    """Reports are broken down by it; ``band``: width of the bands of a number.

    Attributes:
        condition: what a recording was made under, such as ``drum``; ACOUSTICS for the ``acoustics`` of the
            unified schema; empty for other breakdowns.
        known: the values it can have, for filters; empty for any.
        balance, main: as of Classes.
        shown: False: used in checks, counts and filters, but not shown in reports.
    """

    band: float = 0.0
    condition: str = ""
    known: tuple[str, ...] = ()
    balance: bool = False
    main: bool = False
    shown: bool = True


@dataclass(frozen=True)
class Coordinate(Role):
    """A part of a row's address; all of them together make the row again."""


@dataclass(frozen=True)
class Parameters(Role):
    """A list of records ``name, role, natural, norm, unit``: what a synthesizer was given.

    The field ``role`` of a record says what its value does: ``SWEPT``, it differs between rows; ``MOVING``,
    it changes in the course of a row; any other word, it stays the same. Models learn the first two kinds.

    Attributes:
        curves: column of the values that change in time, records ``name, frame, natural, norm``.
        rate_hz: frames of these a second.
        maker: column that names the synthesizer.
    """

    SWEPT: ClassVar[str] = "swept"
    MOVING: ClassVar[str] = "moving"

    curves: str
    rate_hz: float
    maker: str


@dataclass(frozen=True)
class Text(Role):
    """What a row is said to be, in a sentence: what text is matched with sound by.

    Attributes:
        source: column that says who wrote it.
        language: column of its language, in the letters of BCP 47.
        others: column of further texts, records ``text, source, language, start_sec, end_sec``: the part of
            the sound that a text is about, null for all of it; empty for none.
        start, end: columns of the part that the text itself is about, null for all of it.
    """

    source: str
    language: str
    others: str = ""
    start: str = ""
    end: str = ""


def kinds(base: type[Role] = Role) -> list[type[Role]]:
    """Every kind of role."""
    return [kind for child in base.__subclasses__() for kind in (child, *kinds(child))]


_ROLES = {kind.__name__.lower(): kind for kind in kinds()}


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        type: see the module's conventions.
        unit: empty for names and flags.
        rendered: known only when the sound has been made, and null in rows made without.
        alias: another name for it in filters of rows.
    """

    name: str
    type: Any
    unit: str
    meaning: str
    _: KW_ONLY
    role: Any = None
    rendered: bool = False
    alias: str = ""

    @property
    def nested(self) -> bool:
        """Whether it holds a list of records."""
        return isinstance(self.type, tuple)


def split_column(group: str) -> Column:
    """The column ``split`` of every corpus; ``group``: what is in one of them alone."""
    meaning = f"train, validation or test; a {group} is in one of them"
    return Column("split", "string", "", meaning, role=Classes(SPLITS, target=False))


def split_counts(shards: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Rows of each split, SPLITS first and also where there are none; ``shards``: pairs of split and rows."""
    counts = dict.fromkeys(SPLITS, 0)
    for split, rows in shards:
        counts[split] = counts.get(split, 0) + rows
    return counts


def having(columns: Iterable[Column], role: type[Role]) -> list[Column]:
    """The columns with a role."""
    return [column for column in columns if isinstance(column.role, role)]


def arrow_type(kind: Any) -> pa.DataType:
    """Arrow type of a column type."""
    if kind == AUDIO:
        return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    if kind == STRINGS:
        return pa.list_(pa.string())
    if isinstance(kind, tuple):
        return pa.list_(pa.struct([(c.name, arrow_type(c.type)) for c in kind]))
    return getattr(pa, "bool_" if kind == "bool" else kind)()


def schema(columns: Iterable[Column], sample_rate: int | None) -> pa.Schema:
    """Arrow schema of columns, with their features for ``datasets`` and their roles in its metadata."""
    columns = tuple(columns)
    features = {c.name: feature(c, sample_rate, classes=False) for c in columns}
    notes = {"huggingface": {"info": {"features": features}}, "sousa": {"columns": declared(columns)}}
    metadata = {key: json.dumps(value, separators=(",", ":")) for key, value in notes.items()}
    return pa.schema([(c.name, arrow_type(c.type)) for c in columns], metadata=metadata)


def declared(columns: Iterable[Column]) -> list[dict[str, Any]]:
    """What generic readers have to know of columns with a role or an alias, as plain data."""
    return [
        {
            "name": c.name, "type": "" if c.nested else c.type, "unit": c.unit, "alias": c.alias,
            "rendered": c.rendered,
            "role": type(c.role).__name__.lower() if c.role else "", **(asdict(c.role) if c.role else {}),
        }
        for c in columns
        if c.role or c.alias
    ]  # fmt: skip


def stored_columns(arrow_schema: pa.Schema) -> tuple[Column, ...] | None:
    """The columns with roles that a file declares, without meanings and records' fields; None for no such."""
    columns = []
    try:
        for entry in json.loads((arrow_schema.metadata or {})[b"sousa"])["columns"]:
            kind = _ROLES.get(entry.get("role", ""))
            values = {f.name: _frozen(entry[f.name]) for f in fields(kind) if f.name in entry} if kind else {}
            texts = {key: str(entry.get(key, "")) for key in ("name", "type", "unit", "alias")}
            rendered = bool(entry.get("rendered"))
            columns.append(Column(**texts, meaning="", role=kind and kind(**values), rendered=rendered))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return tuple(columns)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def fitted(columns: Iterable[Column], arrow_schema: pa.Schema) -> tuple[Column, ...]:
    """Declarations of the columns that a file has, with their types there, and the roles if it states any.

    Args:
        columns: as they are declared now, which may be later than the file.
    """
    now = {column.name: column for column in columns}
    out = tuple(_fitted(now.get(field.name), field) for field in arrow_schema)
    if (stored := stored_columns(arrow_schema)) is None:
        return out
    roles = {c.name: {"role": c.role, "alias": c.alias} for c in stored}
    return tuple(replace(c, **roles.get(c.name, {"role": None, "alias": ""})) for c in out)


def _fitted(column: Column | None, stored: pa.Field) -> Column:
    column = column or Column(stored.name, "", "", "of an earlier data version")
    if column.type and arrow_type(column.type) == stored.type:
        return column
    if stored.type == arrow_type(STRINGS):
        return replace(column, type=STRINGS)
    if pa.types.is_list(stored.type):
        inner = {c.name: c for c in column.type} if column.nested else {}
        return replace(column, type=tuple(_fitted(inner.get(f.name), f) for f in stored.type.value_type))
    names = {pa.bool_(): "bool", pa.float64(): "float64", arrow_type(AUDIO): AUDIO}
    return replace(column, type=names.get(stored.type, str(stored.type)))


def leaves(arrow_schema: pa.Schema) -> list[tuple[str, pa.DataType]]:
    """Parquet paths of all leaf columns, with their types."""

    def walk(path: str, kind: pa.DataType) -> Any:
        if pa.types.is_struct(kind):
            for part in kind:
                yield from walk(f"{path}.{part.name}", part.type)
        elif pa.types.is_list(kind):
            yield from walk(f"{path}.list.element", kind.value_type)
        else:
            yield path, kind

    return [leaf for column in arrow_schema for leaf in walk(column.name, column.type)]


def feature(column: Column, sample_rate: int | None, classes: bool = True) -> Any:
    """Feature of a column as ``datasets`` writes it, in the form that every version since 2.14 reads.

    Without ``classes`` they are strings, as in a Parquet file; ``datasets`` casts them by the card.
    """
    if column.type == AUDIO:
        return {"sampling_rate": sample_rate, "_type": "Audio"}
    if column.nested:  # not "List": versions before 4 don't know that
        return [{c.name: feature(c, sample_rate, classes) for c in column.type}]
    if column.type == STRINGS:
        return [{"dtype": "string", "_type": "Value"}]
    if classes and isinstance(column.role, Classes):
        return {"names": list(column.role.names), "_type": "ClassLabel"}
    return {"dtype": column.type, "_type": "Value"}


def feature_yaml(columns: Iterable[Column], sample_rate: int | None) -> list[dict[str, Any]]:
    """Features of columns as a card's ``dataset_info`` has them."""
    return [{"name": column.name, **_yaml(column, sample_rate)} for column in columns]


def _yaml(column: Column, sample_rate: int | None) -> dict[str, Any]:
    if column.type == AUDIO:
        return {"dtype": {"audio": {"sampling_rate": sample_rate}} if sample_rate else "audio"}
    if column.nested:
        return {"list": feature_yaml(column.type, sample_rate)}
    if column.type == STRINGS:
        return {"list": "string"}
    if isinstance(column.role, Classes):
        return {"dtype": {"class_label": {"names": {str(i): n for i, n in enumerate(column.role.names)}}}}
    return {"dtype": column.type}


# --- documents ---


def markdown(head: Sequence[Any], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; ``head``: titles of its columns."""
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in (head, ["---"] * len(head), *rows))


def table(columns: Iterable[Column]) -> str:
    """Columns as Markdown table rows: ``| name | type | unit | meaning |``; records after the rest."""
    rows, records = [], []
    for column in columns:
        kind = "list of records" if column.nested else column.type
        unit, meaning = (part.replace("|", "\\|") for part in (column.unit, column.meaning))
        rows.append((code(column.name), kind, unit, meaning))
        if column.nested:
            records += ["", f"Each of {code(column.name)}:", "", table(column.type)]
    return "\n".join([markdown(("column", "type", "unit", "meaning"), rows), *records])
