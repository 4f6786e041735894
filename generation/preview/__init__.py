"""A page to look at rows of a dataset and to hear them, of any corpus.

``choose`` decides which rows, ``page`` writes them with their sound into one HTML file. Its parts lie beside
it: ``page.html``, ``page.css`` and ``js/``; a corpus may add scripts of its own, which say what a row is
(``0_rows.js``) and draw its labels (``4_labels.js``), and all are put together in order of name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sousa.generation.columns import Column


GENERAL = Path(__file__).parent / "general"


@dataclass(frozen=True)
class Preview:
    """What a corpus says of its page.

    Attributes:
        groups: pairs of title and columns: what is told of a row.
        filters: pairs of text and column of a row, or property of it in ``0_rows.js``.
        labels: function of a row, a dict, giving what the scripts read beside its ``facts``.
        lists: the columns of records that it reads.
        even: columns over whose values the rows that are shown are spread evenly, the first one first.
        scripts: ``.js`` files that say what a row is and draw its labels.
        meta: whatever else they read.
        folded: titles of groups that are closed at first.
        darkest_db: level of the darkest bins of a spectrogram, relative to a full-scale sine.
    """

    groups: tuple[tuple[str, "tuple[Column, ...]"], ...]
    filters: tuple[tuple[str, str], ...]
    labels: Callable[[Mapping[str, Any]], dict[str, Any]]
    lists: tuple[str, ...]
    even: tuple[str, ...]
    scripts: tuple[Path, ...] = (GENERAL / "0_rows.js", GENERAL / "4_labels.js")
    folded: tuple[str, ...] = ()
    darkest_db: float = -12.0
    meta: Mapping[str, Any] = field(default_factory=dict)


def general(columns: "tuple[Column, ...]") -> Preview:
    """The page of a corpus that says nothing of its own: every column, and events as lines."""
    from sousa.generation.columns import Classes, Events, Group, having

    plain = tuple(c for c in columns if not c.nested and c.type not in ("audio", "binary"))
    classes = {c.name: c.role.names for c in having(columns, Classes) if c.name != "split"}
    groups = [c.name for c in having(columns, Group)]
    events = having(columns, Events)[:1]

    def labels(row: Mapping[str, Any]) -> dict[str, Any]:
        records = [record for column in events for record in row[column.name] or ()]
        fields = dict.fromkeys(name for record in records for name in record)
        return {"events": {name: [record[name] for record in records] for name in fields}}

    return Preview(
        (("Row", plain),), tuple((name, name) for name in (*classes, "split")), labels,
        tuple(c.name for c in events), (*classes, *groups),
        meta={
            "onset": events[0].role.onset if events else "", "classes": classes,
            "group": (groups or ["sample_id"])[0],
        },
    )  # fmt: skip
