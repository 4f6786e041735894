"""The calls that people import from ``sousa``, and that the command line uses too.

Conventions: ``workers`` is a number of processes, 0 for one a core; a script that asks for several has to do
so under ``if __name__ == "__main__":``. ``runner`` takes their place: see :mod:`sousa.generation.runners`.
``console`` says what goes on, nothing by default. What can't be done is a
:class:`sousa.generation.errors.SousaError`: a UsageError when the request is wrong (``problems`` is a list of
sentences), a RunError when it could not be finished.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sousa.generation import corpora
from sousa.generation.console import SILENT, Console
from sousa.generation.corpus import Config, Corpus
from sousa.generation.errors import RunError, UsageError, collected
from sousa.generation.outside import expanded, refuse_address
from sousa.generation.runners import LocalRunner, Runner, workers_problem
from sousa.generation.storage import LocalStorage, is_address, output_path
from sousa.generation.text import counted

if TYPE_CHECKING:
    from sousa.builders.release.compare import Changes
    from sousa.generation.reopen import Stored

PathLike = str | os.PathLike[str]


def _listed(names: PathLike | Sequence[PathLike], what: str = "plugins") -> Sequence[str]:
    """Names; a single text stands for a list of one. Raises UsageError for others, ``what`` they are."""
    names = [names] if isinstance(names, (str, os.PathLike)) else names
    if isinstance(names, (list, tuple)) and all(isinstance(name, (str, os.PathLike)) for name in names):
        return [*map(os.fspath, names)]
    raise UsageError(f"{what} is {names!r}; give a list of texts")


def _place(output: PathLike) -> str:
    """A directory, or an address such as ``s3://bucket/name``; raises UsageError for what is neither."""
    return os.fspath(output) if is_address(output) else output_path(output)


def storage_of(output: PathLike) -> LocalStorage:
    """Where a dataset is made; raises UsageError for what is no directory and no address."""
    from sousa.generation import remote

    return remote.storage_of(_place(output))


class InvalidDatasetError(RunError):
    """A dataset that was made, and did not pass validation; ``stored`` is the dataset."""

    def __init__(self, text: str, stored: "Stored"):
        super().__init__(text)
        self.stored = stored


def generate(
    corpus: str = corpora.DEFAULT,
    output: PathLike | None = None,
    *,
    workers: int = 1,
    runner: Runner | None = None,
    files: bool = False,
    check: bool = True,
    console: Console = SILENT,
    **options: Any,
) -> "Stored":
    """Make a dataset, or finish one that was begun.

    Args:
        corpus: its name.
        output: directory, or address such as ``s3://bucket/name``; ``output/CORPUS`` by default.
        files: also write each row's audio and MIDI as files.
        check: validate it at the end.
        options: of the corpus by name, such as ``size="medium"``.

    Raises: UsageError for options that can't be met; RunError when it can't be finished; InvalidDatasetError
        when it was made and is not valid.

    Examples:
        >>> stored = sousa.generate("rudiments", "output/flams", profiles=4, tempos=1, rudiments=["flam"])
        >>> stored.manifest["num_rows"]
        4
    """
    kind, problems = corpora.get(corpus), workers_problem(workers)
    with collected(problems):
        output = _place(corpora.place_of(kind.name) if output is None else output)
    chosen = kind.Options.read(options, problems=problems, hint=corpora.whose_option)
    config = kind.config(chosen, console.say)
    return make(kind, config, output, runner or LocalRunner(workers), files, check, console)


def make(
    corpus: Corpus, config: Config, output: PathLike, runner: Runner | None = None, files: bool = False,
    check: bool = False, console: Console = SILENT,
) -> "Stored":  # fmt: skip
    """The dataset of a configuration; arguments as for :func:`generate`, by default one process a core."""
    from sousa.builders.release.card import write_dataset_card
    from sousa.generation import make as making
    from sousa.generation import reopen, seeds
    from sousa.generation.validation import report

    if not seeds.self_check():
        console.say(
            "warning: NumPy draws other numbers here than where published corpora were made: rows will differ"
        )
    storage, runner = storage_of(output), runner or LocalRunner()
    making.make(corpus, config, storage, runner, files, console.say, console.progress, write_dataset_card)
    stored = reopen.open_dataset(storage, making=None)
    if check:
        passed, details = report.validate(stored, runner, console.progress)
        console.say(details["text"])
        storage.publish(*report.FILES)
        if not passed:
            raise InvalidDatasetError(
                f"validation failed; see {storage.where}/validation_report.html", stored
            )
    return stored


def merge(
    directories: PathLike | Sequence[PathLike],
    output: PathLike | None = None,
    *,
    plugins: Sequence[str] = (),
    files: bool = False,
    check: bool = True,
    workers: int = 1,
    runner: Runner | None = None,
    console: Console = SILENT,
) -> "Stored":
    """Finish a dataset whose shards were made by several runs, each with ``--shards`` of its own.

    Args:
        directories: where they are.
        output: directory of the whole; the one that is named by default.
        plugins: files of plug-ins that the dataset was begun with.
        files: also write each row's audio and MIDI as files.
        check: validate it at the end.

    Raises: UsageError for parts of different datasets; RunError when shards are missing or damaged.

    Examples:
        >>> stored = sousa.merge("output/flams", check=False)
        >>> stored.manifest["complete"]
        True
    """
    from sousa.generation import merging

    runner = runner or LocalRunner(workers)
    places = [expanded(place) for place in _listed(directories, "directories")]
    target = merging.place_of(places, output if output is None else output_path(output))
    corpus, config = merging.gather(places, LocalStorage(target), _listed(plugins), console.progress)
    return make(corpus, config, target, runner, files, check, console)


def validate(
    directory: PathLike,
    *,
    everything: bool = False,
    plugins: Sequence[str] = (),
    workers: int = 1,
    runner: Runner | None = None,
    console: Console = SILENT,
) -> dict[str, Any]:
    """Check a finished dataset and write its report.

    Args:
        everything: read MIDI and audio of every row, and make every row again.
        plugins: files of plug-ins that the dataset was made with.

    Returns: the report, plain data with ``passed`` and ``checks``.

    Examples:
        >>> sousa.validate("output/flams")["passed"]
        True
    """
    from sousa.generation import reopen
    from sousa.generation.validation import report

    stored = reopen.open_dataset(expanded(directory), making=None, plugins=_listed(plugins))
    return report.validate(stored, runner or LocalRunner(workers), console.progress, everything)[1]


def verify(
    directory: PathLike,
    *,
    rows: int = 20,
    everything: bool = False,
    seed: int | None = None,
    plugins: Sequence[str] = (),
    console: Console = SILENT,
) -> int:
    """Make rows of a dataset again and compare them, or check the files of a release.

    Args:
        rows: how many, chosen at random.
        everything: all of them.
        seed: choose the same rows each time.

    Returns: how many rows were compared and are the same, or how many files of a release are unchanged.
    Raises: RunError naming what differs.

    Examples:
        >>> sousa.verify("output/flams", rows=2)
        2
    """
    from sousa.builders.release import check, opened
    from sousa.generation import reopen

    root = expanded(directory)
    if opened.is_release(root):
        release = opened.read(root)
        check.require(release, console.progress)
        return len(release.manifest["files"])
    stored = reopen.open_dataset(root, making=True, plugins=_listed(plugins))
    compared, differences = reopen.verify(stored, rows, everything, seed, console.progress)
    if differences:
        for line in differences[:20]:
            console.warn(line)
        raise RunError(
            f"{counted(len(differences), 'difference')}; damaged shards are made again by the 'sousa "
            f"generate' command that made {root}"
        )
    return compared


def preview(
    directory: PathLike,
    output: PathLike | None = None,
    *,
    rows: int = 48,
    where: Mapping[str, Any] | None = None,
    seed: int = 42,
    plugins: Sequence[str] = (),
    console: Console = SILENT,
) -> tuple[Path, int, int]:
    """Make a page to look at rows of a dataset and hear them.

    Args:
        output: file to write (default: ``preview.html`` in the dataset).
        rows: how many, evenly chosen.
        where: filters by name, as in :mod:`sousa.generation.filters`.
        seed: another seed chooses other rows.

    Returns: its path, the rows on it, its size in bytes.

    Examples:
        >>> path, rows, size = sousa.preview("output/flams", rows=4)
        >>> path.name, rows
        ('preview.html', 4)
    """
    from sousa.generation import reopen
    from sousa.generation.preview import page

    stored = reopen.open_dataset(expanded(directory), plugins=_listed(plugins))
    target = None if output is None else output_path(output)
    return page.write(stored, target, rows, where, seed, console.progress)


def release(
    directory: PathLike,
    output: PathLike,
    version: str,
    *,
    previous: str | None = None,
    repo: str | None = None,
    notes: Sequence[str] = (),
    plugins: Sequence[str] = (),
    link: bool = False,
    workers: int = 1,
    runner: Runner | None = None,
    token: str | None = None,
    console: Console = SILENT,
) -> dict[str, Any]:
    """Make a finished dataset a versioned release.

    Args:
        output: directory of the release.
        version: ``X.Y.Z``.
        previous: the release before: a directory, or ``org/name[@revision]`` on the Hub; None for a first
            one.
        repo: where it will be published, for the card.
        notes: lines for the changelog.
        link: make its data files hard links to the dataset's: they take no space, but a change to one
            changes the other too.

    Returns: its manifest, plain data.

    Examples:
        >>> manifest = sousa.release("output/flams", "output/v1", "1.0.0", repo="org/flams")
        >>> manifest["version"]
        '1.0.0'
    """
    from sousa.builders.release import make as releasing

    return releasing.make(
        expanded(directory), output_path(output), version, previous, repo,
        _listed(notes, "notes"), runner or LocalRunner(workers), console.say, console.progress, token,
        _listed(plugins), link,
    )  # fmt: skip


def export(
    directory: PathLike,
    output: PathLike,
    to: str,
    *,
    split: str | None = None,
    where: Mapping[str, Any] | None = None,
    fill_null: int | None = None,
    plugins: Sequence[str] = (),
    workers: int = 1,
    runner: Runner | None = None,
    console: Console = SILENT,
) -> dict[str, Any]:
    """Lay the rows of a finished dataset or release out as files for other tools.

    Args:
        directory: of the dataset or release.
        output: directory, empty or new; or one with the same export unfinished.
        to: ``csv``, ``json``, ``jams``, ``txt``, ``audiofolder``, or a format of the corpus.
        split: train, validation or test; None for all.
        where: filters by name, as in :mod:`sousa.generation.filters`.
        fill_null: whole number in place of null in columns of one number a row, for readers that refuse null,
            such as scikit-learn; with ``csv``, ``json``, ``audiofolder`` and formats that can fill.
        plugins: files of plug-ins that the dataset was made with.

    Returns: what its ``export.json`` says, and ``load``, a line of Python that loads it.

    Examples:
        >>> done = sousa.export("output/flams", "output/csv", to="csv")
        >>> done["load"]
        'pandas.read_csv("output/csv/index.csv")'
    """
    from sousa.builders.export import make as exporting

    return exporting.make(
        expanded(directory), output_path(output), to, split, where, runner or LocalRunner(workers),
        console.say, console.progress, _listed(plugins), fill_null,
    )  # fmt: skip


def publish(
    directory: PathLike,
    repo: str,
    *,
    private: bool = False,
    branch: str = "main",
    create_pr: bool = False,
    redistribute: Sequence[str] = (),
    token: str | None = None,
    console: Console = SILENT,
) -> dict[str, Any]:
    """Publish a release on the Hub: one commit, then a tag.

    Args:
        directory: of the release.
        repo: ``org/name``, made if there is none.
        private: make a new repository private.
        branch: to publish to; the version's tag is set on main only.
        create_pr: open a pull request in place of changing the branch.
        redistribute: sources that you may pass on though their licences don't say so.

    Returns: dict of ``files`` and their ``bytes``, ``commit``, ``tag`` and ``pull_request``.

    Examples:
        >>> sousa.publish("output/v1", "org/flams")["tag"]  # doctest: +SKIP
        'v1.0.0'
    """
    from sousa.builders.hub import publish as hub

    sources = _listed(redistribute)
    refuse_address(directory)
    return hub.publish(Path(expanded(directory)), repo, private, branch, create_pr, sources, token, console)


def diff(old: str, new: str, *, console: Console = SILENT) -> "Changes":
    """What differs between two releases, row by row.

    Args:
        old, new: directories, or ``org/name[@revision]`` on the Hub.

    Returns: what differs; its ``lines()`` say it in words.

    Examples:
        >>> sousa.diff("output/v1", "output/v1").lines()
        []
    """
    from sousa.builders.hub import remote
    from sousa.builders.release import opened
    from sousa.builders.release.compare import compare

    first, second = opened.find(old), opened.find(new)
    both = f"{first.where} and {second.where}"
    with remote.hub_errors(both, "comparing"), console.progress("comparing", None) as done:
        return compare(first, second, details=True, progress=done)
