"""Exports: datasets and releases laid out for other tools. ``make`` does it; each format is a small file."""

from sousa.generation import corpora

_HERE = "sousa.builders.export"
# name: where it is, and what it gives; corpora have more
FORMATS = {
    "csv": (f"{_HERE}.table:Csv", "index.csv, a line a row, beside audio and MIDI files"),
    "json": (f"{_HERE}.table:JsonLines", "rows.jsonl, a line of JSON a row with all labels"),
    "jams": (f"{_HERE}.jams:Jams", "a JAMS file a row"),
    "txt": (f"{_HERE}.text:Text", "a text file a row, 'seconds<TAB>label' for each event"),
    "audiofolder": (f"{_HERE}.audiofolder:AudioFolder", "an AudioFolder of Hugging Face datasets"),
}


def every() -> dict[str, tuple[str, str]]:
    """All formats, those of corpora after the others."""
    out = dict(FORMATS)
    for corpus in corpora.every():
        out |= {name: entry for name, entry in corpus.exports.items() if name not in out}
    return out
