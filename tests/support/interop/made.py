"""What the readers share: what was made for them, and the table that they are in.

Conventions: a reader is a function of :class:`Made` that is marked with :func:`reader`; what it returns is
shown in the table, and an exception makes its row red.
"""

from functools import cached_property
from pathlib import Path

READERS = {}


def reader(name):
    """Put a function into the table under the name of what it tries."""

    def keep(function):
        READERS[name] = function
        return function

    return keep


class Made:
    """What was made: a folder with ``rudiments``, ``release``, ``textures``, ``flat`` and exports."""

    def __init__(self, place):
        self.place = Path(place)

    def __getattr__(self, name):
        return self.place / name

    @cached_property
    def rows(self):
        """Rows of rudiments as they are stored, by name: read file by file, as any Parquet reader can."""
        import pyarrow.parquet as pq

        files = sorted((self.rudiments / "data").rglob("*.parquet"))
        return {row["sample_id"]: row for file in files for row in pq.read_table(file).to_pylist()}

    @cached_property
    def some(self):
        """One row of each rudiment and the rest of every tenth, for readers that take long."""
        names = sorted(self.rows, key=lambda name: self.rows[name]["rudiment_slug"])
        return {name: self.rows[name] for name in names[::6]}

    @property
    def num_strokes(self):
        return sum(row["num_strokes"] for row in self.rows.values())

    def midi_file(self, name):
        return str(self.rudiments / "midi" / f"{name}.mid")
