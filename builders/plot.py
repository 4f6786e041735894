"""``sousa.plot`` and the command ``sousa plot``: a row as a picture."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sousa.builders.api import PathLike
from sousa.generation import corpora
from sousa.generation.columns import Column, having
from sousa.generation.console import Console
from sousa.generation.corpus import Corpus
from sousa.generation.errors import RunError, UsageError, first_line, one_of, raise_all
from sousa.generation.outside import expanded
from sousa.generation.plot import Marks
from sousa.generation.storage import atomic_file, output_path, refuse_others_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
_MARK = "sousa plot"  # in a picture's file, by which it is known to be ours
_DPI = 120
_EXAMPLES = """examples:
  sousa plot DATASET -o row.png
      the first row
  sousa plot DATASET --row 12 --start 1 --end 2.5 -o part.svg
      a second and a half of another one
  sousa plot output/v1.0.0 --row SAMPLE_ID -o row.pdf
      a row of a release by its sample_id"""


def plot(
    row: Mapping[str, Any], ax: "Axes | None" = None, *, start_sec: float = 0.0,
    end_sec: float | None = None, corpus: str | None = None,
) -> "Axes":  # fmt: skip
    """Draw a row: its sound and its labelled events.

    Args:
        row: one row as ``sousa.load``, ``datasets`` or :func:`sousa.training.stream.open_rows` gives it.
            Columns that are missing are not drawn.
        ax: matplotlib axes to draw on; None makes a figure with pyplot.
        start_sec, end_sec: the part to show, in seconds; None for the end of the row.
        corpus: name of the corpus that the row is of; None finds it by the names of the columns.

    Returns: the axes; save the picture with ``ax.figure.savefig("picture.png")``.
    Raises: UsageError for what is no row, has nothing to draw, or a part that is none; RunError when its
        sound can't be decoded.

    Examples:
        >>> axes = sousa.plot(sousa.load("output/flams", split="train")[0])
        >>> axes.get_xlabel()
        'time (s)'
    """
    if not isinstance(row, Mapping):
        raise UsageError(f"a row is {type(row).__name__}; give a dict, such as dataset[0]")
    kind, columns = _declared(frozenset(row), corpus)
    _require_something(row, columns, start_sec, end_sec)
    if ax is None:
        from matplotlib import pyplot

        ax = pyplot.figure(figsize=_size(row, columns), layout="constrained").subplots()
    _draw(ax, row, kind, columns, start_sec, end_sec)
    return ax


def picture(
    directory: PathLike, output: PathLike, row: str | int = 0, *, start_sec: float = 0.0,
    end_sec: float | None = None, plugins: Sequence[str] = (),
) -> tuple[Path, str]:  # fmt: skip
    """Draw a row of a finished dataset or release into a file.

    Args:
        directory: of the dataset or release.
        output: file to write, with the ending of one of FORMATS.
        row: its number, from 0, or its ``sample_id``.
        start_sec, end_sec: as for :func:`plot`.
        plugins: files of plug-ins that the dataset was made with.

    Returns: the file, and the row's ``sample_id``.
    Raises: UsageError for a row or format that is not there; RunError when the dataset can't be read.
    """
    from matplotlib.figure import Figure

    from sousa.builders.export.source import open_source

    path = Path(output_path(output))
    if (ending := path.suffix.lower().removeprefix(".")) not in FORMATS:
        raise UsageError(f"the picture {path} has an unknown ending {one_of(ending, FORMATS)}")
    refuse_others_file(path, _MARK.encode())
    source = open_source(expanded(directory), plugins)
    values = _row(source, row)
    _require_something(values, source.columns, start_sec, end_sec)
    figure = Figure(figsize=_size(values, source.columns), layout="constrained", dpi=_DPI)
    _draw(figure.subplots(), values, source.corpus, source.columns, start_sec, end_sec)
    _save(figure, path, ending)
    return path, values["sample_id"]


@cache
def _declared(names: frozenset[str], corpus: str | None) -> tuple[Corpus | None, tuple[Column, ...]]:
    """The corpus that rows with these columns are most likely of, and its columns that they have."""
    kinds: Iterable[Corpus] = corpora.usable() if corpus is None else [corpora.get(corpus)]
    candidates: list[tuple[Corpus | None, tuple[Column, ...]]] = [(kind, kind.columns()) for kind in kinds]
    if corpus is None and {"dataset", "labels", "events"} <= names:  # rows of all corpora in one schema
        from sousa.builders import unified

        candidates.append((None, unified.COLUMNS))
    fitting = [(kind, tuple(c for c in columns if c.name in names)) for kind, columns in candidates]
    return max(fitting, key=lambda pair: len(pair[1]), default=(None, ()))


def _require_something(
    row: Mapping[str, Any], columns: Sequence[Column], start_sec: float, end_sec: float | None
) -> None:
    """Raise UsageError where there is nothing to draw."""
    from sousa.generation.columns import Events

    problems = []
    if start_sec < 0 or (end_sec is not None and end_sec <= start_sec):
        problems.append(f"the part from {start_sec} to {end_sec} s is none; give 0 <= start_sec < end_sec")
    if row.get("audio") is None and all(row.get(c.name) is None for c in having(columns, Events)):
        problems.append("the row has neither sound nor events; load it with its columns audio and events")
    raise_all(problems)


def _size(row: Mapping[str, Any], columns: Sequence[Column]) -> tuple[float, float]:
    """Width and height of a row's figure, in inches."""
    from sousa.generation.plot import draw

    return draw.WIDTH, draw.ROLL_HEIGHT if draw.has_pitch(row, columns) else draw.HEIGHT


def _draw(
    axes: "Axes", row: Mapping[str, Any], corpus: Corpus | None, columns: Sequence[Column],
    start_sec: float, end_sec: float | None,
) -> None:  # fmt: skip
    from sousa.generation.plot import draw
    from sousa.generation.plot.rows import plain
    from sousa.generation.text import drawing

    marks = corpus.marks(plain(row)) if corpus else Marks()
    with drawing():
        draw.draw(axes, row, columns, marks, start_sec, end_sec)


def _row(source: Any, row: str | int) -> dict[str, Any]:
    """A row of a source by number or by name."""
    from sousa.generation.reopen import rows_at
    from sousa.generation.tables import groups_of

    total = sum(shard["rows"] for shard in source.shards)
    number = int(row) if isinstance(row, int) or row.isdecimal() else -1
    if isinstance(row, str) and number < 0:
        names = (g["sample_id"] for g in groups_of(source.storage, source.shards, ["sample_id"]))
        ids = [name for group in names for name in group.to_pylist()]
        if row not in ids:
            some = f"such as {ids[0]}, or a number from 0 to {total - 1}"
            raise UsageError(f"{source.storage.root} has no row {row!r}; give a sample_id, {some}")
        number = ids.index(row)
    if not 0 <= number < total:
        raise UsageError(f"{source.storage.root} has no row {row}; give 0 to {total - 1}, or a sample_id")
    return next(rows_at(source.storage, source.shards, [number])).to_pylist()[0]


def _save(figure: "Figure", path: Path, ending: str) -> None:
    from sousa.generation.text import drawing

    metadata = {"Software" if ending == "png" else "Creator": _MARK}
    try:
        with atomic_file(path) as file, drawing():
            figure.savefig(file, format=ending, metadata=metadata)
    except (ValueError, MemoryError) as error:
        raise RunError(f"{path} can't be drawn: {first_line(error)}") from None


def command(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa plot DIRECTORY --row ID -o PICTURE``."""
    from sousa.builders.commands import plugins
    from sousa.generation.commandline import quiet

    parser.epilog = _EXAMPLES
    add = parser.add_argument
    add("directory", help="a finished dataset or release")
    about = "its sample_id, or its number from 0 (default: %(default)s)"
    add("--row", default="0", metavar="ID|NUMBER", help=about)
    add("--output", "-o", required=True, metavar="FILE", help=f"picture: .{', .'.join(FORMATS)}")
    part = "of the part to show, in seconds"
    add("--start", dest="start_sec", type=float, default=0.0, metavar="SEC", help=f"start {part}")
    add("--end", dest="end_sec", type=float, metavar="SEC", help=f"end {part}")
    quiet(parser)
    plugins(parser)
    return _command


def _command(arguments: argparse.Namespace, console: Console) -> None:
    from sousa.builders.commands import call

    path, name = call(picture, arguments, console)
    console.tell(f"{path}: {name}")
