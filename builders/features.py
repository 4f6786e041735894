"""Hugging Face features of every corpus, made from its column declarations.

The declarations (name, type, unit, meaning) stand beside the code that fills the columns, in
``generation/<corpus>/columns.py``; nothing is declared twice.
"""

from sousa.generation.columns import AUDIO


def _feature(kind, sample_rate, stored):
    from datasets import Audio, List, Value  # slow to import, and not needed for tables

    if kind == AUDIO:
        return (
            {"bytes": Value("binary"), "path": Value("string")}
            if stored
            else Audio(sampling_rate=sample_rate)
        )
    if isinstance(kind, (list, tuple)):
        return List({column.name: _feature(column.type, sample_rate, stored) for column in kind})
    return Value(kind)


def features(columns, sample_rate, stored=False):
    """Features of columns.

    Args:
        columns: iterable of :class:`sousa.generation.columns.Column`.
        sample_rate: of audio columns, Hz.
        stored: describe audio as the record it is stored as. Writing through ``Audio`` needs
            torchcodec even for ready-made files; writing the record does not, and readers cast it.

    Returns: ``datasets.Features``.
    """
    from datasets import Features

    return Features({column.name: _feature(column.type, sample_rate, stored) for column in columns})


def table(columns):
    """Columns as Markdown table rows: ``| name | type | unit | meaning |``; records after the rest."""
    head = ["| column | type | unit | meaning |", "| --- | --- | --- | --- |"]
    lines, records = list(head), []
    for column in columns:
        nested = isinstance(column.type, (list, tuple))
        kind = "list of records" if nested else column.type
        lines.append(f"| `{column.name}` | {kind} | {column.unit} | {column.meaning} |")
        if nested:
            records += ["", f"Each of `{column.name}`:", "", *head]
            records += [f"| `{c.name}` | {c.type} | {c.unit} | {c.meaning} |" for c in column.type]
    return "\n".join(lines + records)
