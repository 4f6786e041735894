"""The seam: everything that generic code asks of a corpus.

A corpus is a subclass of :class:`Generated`, where its rows can be made again from their coordinates, or else
of :class:`Corpus`. It joins by a line in :mod:`sousa.generation.corpora`, or from another package by the
entry-point group ``sousa.corpora``::

    [project.entry-points."sousa.corpora"]
    tones = "my_package:Tones"

The least that it has to say::

    class TonesOptions(SeedOptions):  # sousa.generation.options
        SIZES = {"small": 48, "medium": 96}
        pitch_hz: float = option(440.0, "pitch", ge=20, le=8000, unit="Hz")

    class Tones(Generated):
        name, title, data_version = "tones", "Tones", "1.0.0"
        summary = "tones that are switched on and off"
        Options = TonesOptions
        address = ("number",)  # columns that name a row

        def config(self, options, say):
            size = options.size or "small"
            return Config(size, options.SIZES[size], options.seed, options.pitch_hz)

        def restore(self, identity, size, rows_only): ...  # the same Config of Config.identity()
        def resized(self, config, size):  # so that a medium dataset holds the small one
            return replace(config, size=size, num_rows=self.Options.SIZES[size])
        def columns(self, config=None): ...  # COLUMNS, a tuple of sousa.generation.columns.Column
        def plan(self, config): ...  # [Shard("train/000", "train", 48, {"first": 0})]
        def addresses(self, config, shard): ...  # yields tables of the column number
        def remake(self, config, addresses, render=True): ...  # a table with all columns

With that ``sousa generate tones``, ``validate``, ``verify``, ``preview``, ``release``, ``publish``,
``sousa.load``, the unified builder, live streams and training work. Other members have a body and may be left
as they are; ``tests/support/tones_corpus`` is a whole corpus. The object is made without arguments and keeps
no state; heavy imports belong into its methods (see :func:`elsewhere`), because ``sousa --help`` makes one of
each.

Conventions
-----------
Rows are Arrow tables of :meth:`Corpus.schema`. Every corpus has the columns ``sample_id`` (unique),
``split``, ``duration_sec``, ``num_samples``, ``sample_rate`` and ``data_version``; with sound also
``pcm_digest`` (:func:`sousa.generation.audio.encode.pcm_digest`) and ``audio``, whose path is a name with the
ending of its format. Rows that are read may be without sound: both are null then. A column with the role
``Group`` tells what is in one split alone.

A *configuration* decides every byte of a dataset. A *size* is a named number of rows (small, medium, full);
the rows of a smaller one are among those of each larger one. A *shard* is a file of rows of one split.

Versions: each corpus has its own ``data_version``. Major: existing rows change. Minor: rows or columns are
added. Patch: only documents change. Whatever version is stored is read; rows are made again only by the
version that made them.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from sousa.generation.config import Config
from sousa.generation.errors import UsageError
from sousa.generation.text import counted

if TYPE_CHECKING:
    import pyarrow as pa

    from sousa.generation import options as options_
    from sousa.generation.columns import Column
    from sousa.generation.licences import Licensed
    from sousa.generation.plot import Marks
    from sousa.generation.preview import Preview
    from sousa.generation.shards import Shard
    from sousa.generation.storage import LocalStorage
    from sousa.generation.validation import Validation

Say = Callable[[str], None]
AUTHORS = "The SOUSA authors"


@dataclass(frozen=True)
class Estimate:
    """What a configuration will make, about.

    Attributes:
        audio_sec: length of all rows.
        num_bytes: of the dataset on disk.
        about: the rows in words, such as ``1,200 rows (400 takes, 3 renderings each)``.
        files: how many files :meth:`Corpus.beside` writes.
        loose_bytes: of loose files.
    """

    audio_sec: float
    num_bytes: int
    about: str
    files: int = 0
    loose_bytes: int = 0


@dataclass(frozen=True)
class Packaging:
    """What a release and a card say of a dataset.

    Attributes:
        tags: in the words of the Hub, as the next three; what is empty is not stated.
        task_categories: such as ``audio-classification``.
        annotations_creators: such as ``machine-generated``.
        source_datasets: such as ``original``.
        author: for its citation.
        made_of: everything with a licence of its own that is in the rows: a list of
            :func:`sousa.generation.licences.licensed`. One of kind ``corpus`` states that of the rows
            themselves; without it the rows of another package are under the licence of that package.
        texts: what fills the card's template, by name.
        provenance: further plain facts of a release.
    """

    tags: tuple[str, ...] = ()
    task_categories: tuple[str, ...] = ("audio-classification",)
    annotations_creators: tuple[str, ...] = ()
    source_datasets: tuple[str, ...] = ()
    author: str = ""
    made_of: tuple["Licensed", ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)


class Corpus(Protocol):
    """A corpus.

    Attributes:
        name: lower-case letters, digits and ``_``, beginning with a letter.
        title: for cards.
        summary: what it is, as a noun phrase without a full stop: help says ``Make {summary}.``
        data_version: of its rows, ``X.Y.Z``.
        Options: what can be asked for, and its sizes: :class:`sousa.generation.options.Options`.
        examples: pairs of command line, after ``sousa generate NAME``, and what it does.
        commands: commands of its own: dict of name to ``module:function``, as
            :mod:`sousa.generation.commandline` has them, help, and the heading that ``sousa --help`` lists it
            under (see :mod:`sousa.generation.parsers`), which may be left out.
        exports: formats of its own for ``sousa export``: dict of name to ``module:Class``, a
            :class:`sousa.generation.exporting.Format`, and help.
        tasks: what models of training learn by name: dict of task to columns, each with a role that makes it
            a target. The name of such a column is a task of its own.
        sound: what a row is, in the words of a model's card.
        captions_from: columns that :meth:`captions` looks at, none where the corpus has no captions.
        attributed_by: columns that :meth:`attribution` looks at, none where a release needs no such file.
        card: Markdown template of its card, or None for a general one. ``{{NAME}}`` stands for
            ``title``, ``summary``, ``version``, ``rows``, ``hours``, ``load``, ``decoding``, ``views``,
            ``groups``, ``balance``, ``columns``, ``licences``, ``citation``, ``changelog``, and the texts of
            its :class:`Packaging`.
        builder: ``module:Class`` of its ``datasets`` builder, empty for one that is made of these members.
        preload: modules that worker processes share.
        digested: folders that :meth:`beside` writes and whose files the corpus checks itself.
        plugin_flag: its own name for the flag ``--plugin``, by which commands are told files of plug-ins.
    """

    name: str
    title: str
    summary: str
    data_version: str
    Options: "type[options_.Options]"
    examples: tuple[tuple[str, str], ...] = ()
    commands: Mapping[str, tuple[str, ...]] = {}
    exports: Mapping[str, tuple[str, str]] = {}
    tasks: Mapping[str, tuple[str, ...]] = {}
    sound: str = "a recording"
    captions_from: tuple[str, ...] = ()
    attributed_by: tuple[str, ...] = ()
    card: Path | None = None
    builder: str = ""
    preload: tuple[str, ...] = ()
    digested: tuple[str, ...] = ()
    plugin_flag: str = ""

    # --- configurations ---

    @abstractmethod
    def config(self, options: "options_.Options", say: Say) -> Config:
        """The configuration that options ask for; ``options.size`` is None where no size was named.

        Raises: UsageError with every problem. A message calls an option ``options.called(name)``: its flag on
            the command line, its key in Python.
        """

    @abstractmethod
    def restore(self, identity: dict[str, Any], size: str, rows_only: bool) -> Config:
        """The configuration of an identity.

        Args:
            identity: as :meth:`Config.identity` gave it, perhaps of another data version.
            size: name of its size.
            rows_only: rows are read and not made; what only making needs may be missing here.

        Raises: RunError when something is missing; KeyError, TypeError, ValueError or UsageError if
            ``identity`` is not one.
        """

    def resized(self, config: Config, size: str) -> Config | None:
        """The configuration of a size that differs in nothing else, or None.

        A dataset holds the sizes whose shards are all among its own: releases have a config for each.
        """
        return config if config.size == size else None

    def use(self, files: Sequence[str]) -> None:
        """Make plug-ins in files known, which the user named; configurations made from then on carry them."""
        if files:
            raise UsageError(f"{self.name} has no plug-ins in files; leave {', '.join(files)} out")

    def prepare(self, config: Config) -> None:
        """Make a process ready to make rows: the plug-ins that a configuration carries known there too."""

    def answer(self, options: "options_.Options", print_: Say) -> bool:
        """Answer what asks for no dataset, such as a list; returns whether that was all."""
        return False

    # --- rows ---

    @abstractmethod
    def columns(self, config: Config | None = None) -> "tuple[Column, ...]":
        """Columns of the rows, in order.

        Without a configuration, every column that the rows of some configuration have; where it is the
        configuration that names columns, one with ``*`` for its words stands for them, such as ``param_*``.
        """

    def schema(self, config: Config) -> "pa.Schema":
        """Arrow schema of the rows."""
        from sousa.generation.columns import schema

        return schema(self.columns(config), config.sample_rate)

    @abstractmethod
    def plan(self, config: Config) -> "list[Shard]":
        """All shards, in the order of their rows. It depends on the configuration alone.

        Raises: RunError when it needs what is missing here; rows can be read all the same.
        """

    @abstractmethod
    def rows(self, config: Config, shard: "Shard") -> "Iterator[pa.Table]":
        """Rows of a shard as tables, one a row group, in order."""

    def order(self, shard: "Shard") -> Any:
        """What shards are sorted by when they are made, so that neighbours share what is costly."""
        return shard.name

    def estimate(self, config: Config) -> Estimate:
        """What a configuration will make."""
        seconds = 5.0 * config.num_rows
        sound = int(seconds * (config.sample_rate or 44_100) * 2 * config.with_audio)
        about = counted(config.num_rows, "row")
        return Estimate(seconds, sound + 2000 * config.num_rows, about, loose_bytes=sound)

    # --- what stands beside them ---

    def splits(self, config: Config) -> dict[str, Any]:
        """The content of ``splits.json``: dict of split to its groups; empty for no such file.

        Further keys may say more, such as how groups were chosen.
        """
        return {}

    def label_tables(self, config: Config) -> dict[str, tuple[str, ...]]:
        """Tables of labels without sound: dict of name to columns, or to one column of records."""
        columns = [c for c in self.columns(config) if c.name not in ("audio", "midi")]
        flat = tuple(c.name for c in columns if not c.nested)
        return {"samples": flat} | {c.name: (c.name,) for c in columns if c.nested}

    def beside(
        self, config: Config, storage: "LocalStorage", shards: list[dict], earlier: dict, progress: Any
    ) -> dict[str, Any]:
        """Write whatever else stands beside the shards; returns facts for the manifest, plain data.

        Files may have any name that nothing else has; one that begins with a dot stays where it is while the
        dataset is mended. They belong to the dataset, and no release has them. A fact has a name that the
        manifest does not use itself.

        Args:
            storage: where shards and all else lie.
            shards: their records, in order of rows.
            earlier: facts of the manifest of an earlier run over the same rows.
            progress: as of :class:`sousa.generation.console.Console`.
        """
        return {}

    def facts_problem(self, facts: dict[str, Any]) -> str | None:
        """What is wrong with what :meth:`beside` gave, or None; ``facts``: the whole stored manifest."""
        return None

    # --- what is said of them ---

    def captions(self, row: Mapping[str, Any]) -> list[str]:
        """What is heard in a row: sentences that mean the same, the first the one to use; none by default.

        Args:
            row: dict of the columns ``captions_from``; null where a row was made without sound.
        """
        return []

    def validation(self) -> "Validation":
        """Its own checks, beside those that follow from its columns."""
        from sousa.generation.validation import Validation

        return Validation()

    def preview(self, config: Config, columns: "tuple[Column, ...]") -> "Preview":
        """What a page of rows shows; ``columns``: what the files have, perhaps of another data version."""
        from sousa.generation.preview import general

        return general(columns)

    def marks(self, row: Mapping[str, Any]) -> "Marks":
        """What the picture of a row shows beside the events that its columns declare, such as beats.

        Args:
            row: dict of its columns without its sound, as Arrow's ``to_pylist`` gives it; some may be
                missing.
        """
        from sousa.generation.plot import Marks

        return Marks()

    def filters(self) -> Mapping[str, Callable[[str, Any, list[str]], Any]]:
        """Filters of rows that no column's role gives: see :mod:`sousa.generation.filters`."""
        return {}

    def published(self) -> Mapping[str, str]:
        """Builders of published corpora that rows are read from: ``module:Class`` by name of the class."""
        return {}

    def attribution(self, rows: "Iterator[Mapping[str, Any]]") -> Iterator[str]:
        """Lines of Markdown that name who is to be named where the rows of a release are used.

        Args:
            rows: dicts of ``attributed_by``, of all rows in order.
        """
        return iter(())

    def packaging(self, config: Config, facts: Mapping[str, Any]) -> Packaging:
        """What releases and cards say; ``facts``: the dataset's whole manifest.

        Raises: RunError when the facts are not those of this configuration.
        """
        return Packaging()


class Generated(Corpus, Protocol):
    """A corpus whose rows are functions of their coordinates.

    Attributes:
        address: columns with the role ``Coordinate`` that together name a row.
    """

    address: tuple[str, ...]

    @abstractmethod
    def addresses(self, config: Config, shard: "Shard") -> "Iterator[pa.Table]":
        """Addresses of the rows of a shard: a table of ``address`` for each row group."""

    def rows(self, config: Config, shard: "Shard") -> "Iterator[pa.Table]":
        """Rows of a shard, made from their addresses."""
        for addresses in self.addresses(config, shard):
            yield self.remake(config, addresses)

    @abstractmethod
    def remake(self, config: Config, addresses: "pa.Table", render: bool = True) -> "pa.Table":
        """Make the rows of addresses again, in their order.

        Without ``render``, what is ``rendered`` is null; every other value is the same, and takes no time.
        """


class _Elsewhere:
    def __init__(self, place: str):
        self.place = place

    def __get__(self, corpus: Any, kind: type) -> Any:
        return self if corpus is None else resolve_name(self.place)


def elsewhere(place: str) -> Any:
    """A member of a corpus, a function or class named ``module:name`` that is imported when it is used."""
    return _Elsewhere(place)


def is_generated(corpus: Corpus) -> TypeGuard[Generated]:
    """Whether a corpus can make its rows again."""
    return Generated in type(corpus).__mro__
