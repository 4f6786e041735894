"""The ``datasets`` builder of any corpus: rows of stored shards, or made as they are read.

Conventions
-----------
Without ``data_dir`` a builder makes the rows it is asked for and needs no disk; with one it reads the shards
of a dataset that ``sousa generate`` made, whose settings then apply. Both give the same rows. The configs are
the sizes of the corpus, plus ``custom``; options are those of the corpus, by any of their names. The cache is
addressed by the digest of the settings, which covers the data version, and with ``data_dir`` by the digests
of the shards: changed data is never read from an old cache. Columns of classes hold names in shards and are
``ClassLabel`` to readers.
"""

import inspect
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import field, fields, make_dataclass
from functools import cache
from itertools import chain
from pkgutil import resolve_name
from typing import Any, ClassVar

import datasets

from sousa.builders.audio import AudioBuilder
from sousa.generation import corpora, reopen
from sousa.generation.columns import AUDIO, SPLITS, Column, feature
from sousa.generation.errors import RunError, SousaError, UsageError, first_line, one_of
from sousa.generation.manifest import config_digest
from sousa.generation.outside import expanded
from sousa.generation.storage import LocalStorage
from sousa.generation.tables import row_groups


def features(columns: Iterable[Column], sample_rate: int | None, stored: bool = False) -> datasets.Features:
    """Features of columns.

    Args:
        sample_rate: of audio columns, Hz; None where it varies.
        stored: describe audio as the record it is stored as. Writing through ``Audio`` needs
            torchcodec even for ready-made files; writing the record does not, and readers cast it.
    """
    out = {column.name: feature(column, sample_rate) for column in columns}
    if stored:
        stored_audio = {"bytes": "binary", "path": "string"}
        record = {name: {"dtype": kind, "_type": "Value"} for name, kind in stored_audio.items()}
        out |= {column.name: record for column in columns if column.type == AUDIO}
    return datasets.Features.from_dict(out)


class CorpusBuilder(AudioBuilder):
    """A corpus. A subclass says which.

    Attributes:
        settings: the corpus's configuration that is made or read.
        columns: declarations of its columns.

    Raises: ValueError for options that can't be met, naming all of them; for a ``data_dir`` that
        holds no finished dataset, or one without the size asked for.
    """

    NAME: ClassVar[str]  # of the corpus
    _root: str | None  # of stored shards

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        corpus = cls.corpus = corpora.get(cls.NAME)
        cls.OPTIONS = names = [name for name in corpus.Options.known() if name != "size"]
        kind = make_dataclass(
            f"{cls.__name__}Config", [(name, Any, field(default=None)) for name in names],
            bases=(datasets.BuilderConfig,),
        )  # fmt: skip
        # where other processes find it
        kind.__module__, kind.__qualname__ = cls.__module__, f"{cls.__qualname__}.BUILDER_CONFIG_CLASS"
        kind.__doc__ = f"Options of {corpus.title}; None keeps the default."
        sizes = corpus.Options.SIZES
        about = {size: f"{rows:,} rows" for size, rows in sizes.items()} | {"custom": "as asked for"}
        cls.VERSION, cls.BUILDER_CONFIG_CLASS = datasets.Version(corpus.data_version), kind
        cls.BUILDER_CONFIGS = [
            kind(name=name, version=cls.VERSION, description=text) for name, text in about.items()
        ]
        cls.DEFAULT_CONFIG_NAME = next(iter(about))

    def __init__(self, *arguments: Any, **options: Any):
        names = self.corpus.Options.names()
        options = {names.get(name, name): value for name, value in options.items()}
        size = options.pop("size", None)
        if size is not None and options.setdefault("config_name", size) != size:
            raise ValueError(f"size is {size!r} and config_name {options['config_name']!r}; leave one out")
        if options.get("data_dir") and not arguments:
            options.setdefault("config_name", self._held(options["data_dir"]))
        known = [f.name for f in fields(self.BUILDER_CONFIG_CLASS)]
        for name in options.keys() - inspect.signature(datasets.DatasetBuilder.__init__).parameters.keys():
            if name not in known:
                raise ValueError(f"unknown option {one_of(name, known, corpora.whose_option(name))}")
        super().__init__(*arguments, **{"dataset_name": self.NAME, **options})

    def _held(self, root: str) -> str | None:
        """The config that is read where none is named: the default one, or else all that a dataset holds."""
        with suppress(SousaError):
            views = list(reopen.open_dataset(expanded(root)).views)
            return None if self.DEFAULT_CONFIG_NAME in views else views[-1]
        return None

    def _open(self, config: Any) -> list[str]:
        given = {name: getattr(config, name) for name in self.OPTIONS if getattr(config, name) is not None}
        if config.data_dir:
            if given:
                raise UsageError(
                    f"{', '.join(sorted(given))}: no choice for stored rows; leave out data_dir or these"
                )
            stored = reopen.open_dataset(expanded(config.data_dir))
            views = {**stored.views}
            views.setdefault("custom", list(stored.manifest["shards"]))
            if config.name not in views:
                raise UsageError(
                    f"{config.data_dir} does not hold size {config.name}; it has {', '.join(views)}, to be "
                    "given as config_name"
                )
            if stored.corpus.name != self.NAME:
                raise UsageError(f"{config.data_dir} holds {stored.corpus.name}, not {self.NAME}")
            config.version = datasets.Version(stored.data_version)
            self.settings, self.columns, self._root = stored.config, stored.columns, stored.storage.root
            self._shards = [stored.manifest["shards"][name] for name in views[config.name]]
            marks = [stored.manifest["config_digest"], *(record["sha256"] for record in self._shards)]
        else:
            usual = config.name in ("custom", self.DEFAULT_CONFIG_NAME)
            options = self.corpus.Options.read({"size": None if usual else config.name, **given})
            self.settings = self.corpus.config(options, lambda text: None)
            self.columns, self._root = self.corpus.columns(self.settings), None
            self._shards = self.corpus.plan(self.settings)
            marks = [config_digest(self.settings.identity())]
        for name in self.OPTIONS:
            setattr(config, name, getattr(self.settings, name, getattr(config, name)))
        return [*marks, json.dumps(self._features(stored=True).to_dict())]

    def _features(self, stored: bool) -> datasets.Features:
        return features(self.columns, self.settings.sample_rate, stored)

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        by_split: dict[str, list] = {split: [] for split in SPLITS}
        for shard in self._shards:
            by_split.setdefault(shard["split"] if self._root else shard.split, []).append(shard)
        return [datasets.SplitGenerator(name, {"shards": parts}) for name, parts in by_split.items() if parts]

    def _generate_examples(self, shards: Iterable[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        for table in chain.from_iterable(map(self._tables, shards)):
            for row in table.to_pylist():
                yield row["sample_id"], row

    def _tables(self, shard: Any) -> Iterator[Any]:
        if not self._root:
            self.corpus.prepare(self.settings)
            return self.corpus.rows(self.settings, shard)
        if problem := LocalStorage(self._root).damage(shard):
            raise ValueError(f"{problem}; run the 'sousa generate' command that made it again")
        return row_groups(os.path.join(self._root, shard["file"]))


def class_name(corpus: str) -> str:
    """Name of the builder of a corpus."""
    return "".join(part.capitalize() for part in corpus.split("_"))


@cache
def builder(name: str) -> type[CorpusBuilder]:
    """The builder of a corpus: its own, or one made of what the registry knows.

    Raises: UsageError when there is no such corpus; RunError when its package can't be loaded.
    """
    corpus = corpora.get(name)
    if corpus.builder:
        try:
            return resolve_name(corpus.builder)
        except (ImportError, AttributeError, ValueError) as error:
            raise RunError(f"the builder of corpus {name} can't be loaded: {first_line(error)}") from None
    place = {"__module__": "sousa.builders", "__doc__": f"{corpus.title}: {corpus.summary}."}
    return type(class_name(name), (CorpusBuilder,), {"NAME": name, **place})
