"""Finished datasets of any corpus and version, opened again, and their rows verified."""

import os
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation import corpora
from sousa.generation.columns import Column, fitted, split_counts
from sousa.generation.console import silent
from sousa.generation.corpus import Config, Corpus, is_generated
from sousa.generation.errors import RunError, UsageError, first_line, not_a_seed, not_whole, raise_all
from sousa.generation.make import views
from sousa.generation.manifest import KNOWN_FORMATS, complete_manifest, config_digest
from sousa.generation.parquet import parquet_schema
from sousa.generation.shards import Shard, other_version
from sousa.generation.storage import LocalStorage
from sousa.generation.tables import groups_of, groups_with
from sousa.generation.text import counted

_BY_HAND = "manifest.json was changed by hand: "
_OTHER_PLAN = (
    "manifest.json does not list the shards of its own settings; run the 'sousa generate' command that made "
    "the dataset again"
)


@dataclass(frozen=True)
class Stored:
    """A finished dataset.

    Attributes:
        storage: where it lies.
        manifest: as read.
        corpus, config: what it is of.
        current: whether its rows are those that the corpus makes now.
    """

    storage: LocalStorage
    manifest: dict[str, Any]
    corpus: Corpus
    config: Config
    current: bool

    def __repr__(self) -> str:
        facts = [f"{self.corpus.name} {self.data_version}", f"size {self.config.size}"]
        facts += [counted(self.manifest["num_rows"], "row")]
        with suppress(RunError):  # files may be damaged
            facts += [f"{seconds_of(self.storage, self.records) / 3600:.2f} h"]
        rate = self.config.sample_rate
        sound = f"{rate:,} Hz" if rate else "sample rates of their own"
        facts += [sound if self.config.with_audio else "no audio"]
        counts = split_counts((record["split"], record["rows"]) for record in self.records)
        splits = ", ".join(f"{split} {rows:,}" for split, rows in counts.items() if rows)
        return f"dataset in {self.storage.where}\n  {', '.join(facts)}\n  splits: {splits}"

    @property
    def data_version(self) -> str:
        """Of the rows."""
        return self.manifest["config"]["data_version"]

    @property
    def records(self) -> list[dict[str, Any]]:
        """Records of the shards, in order of rows."""
        return list(self.manifest["shards"].values())

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Declarations of the columns that its files have; as they are now where no file can be read."""
        columns = self.corpus.columns(self.config)
        for record in self.records:
            with suppress(OSError, pa.ArrowException):
                path = self.storage.path(record["file"])
                if os.path.getsize(path) == record["bytes"]:  # otherwise it may be of something else
                    return fitted(columns, parquet_schema(path))
        return columns

    @cached_property
    def planned(self) -> list[Shard] | None:
        """Its shards as planned; None where rows are only read and what the plan needs is missing."""
        try:
            return self.corpus.plan(self.config)
        except RunError:
            return None

    @cached_property
    def views(self) -> dict[str, list[str]]:
        """Sizes that are whole inside it: dict of name to shard names; each contains the ones before it."""
        shards = self.manifest["shards"]
        if all("view" in record for record in shards.values()):
            order = [*self.corpus.Options.SIZES, "custom"]
            there = {record["view"] for record in shards.values()}
            names = sorted(there, key=lambda view: order.index(view) if view in order else len(order))
            return {
                view: [name for name, record in shards.items() if record["view"] in names[: i + 1]]
                for i, view in enumerate(names)
            }
        if self.planned is None or {shard.name for shard in self.planned} != shards.keys():
            return {"custom": list(shards)}
        return views(self.corpus, self.config, self.planned)


def open_dataset(
    root: str | Path | LocalStorage, *, making: bool | None = False, plugins: Sequence[str] = ()
) -> Stored:
    """A finished dataset.

    Args:
        root: its directory, or its storage.
        making: its rows are to be made again, so it has to be of the version that is made here, and what
            making needs has to be here; None: they are where the corpus and its version allow it.
        plugins: files of plug-ins that the user named.

    Raises: UsageError or RunError when there is none, it is not finished, or can't be used.
    """
    storage = root if isinstance(root, LocalStorage) else LocalStorage(str(root))
    root = storage.root
    manifest = complete_manifest(root)
    corpus, config, making = restored(root, manifest, plugins, making)
    current = manifest["config"].get("data_version") == corpus.data_version
    with _usable():
        problem = corpus.facts_problem(manifest)
        stored = Stored(storage, manifest, corpus, config, current)
        if problem:
            raise RunError(f"{_BY_HAND}{problem}")
        if current:
            _require_plan(stored)
    if making:
        corpus.prepare(config)
    return stored


def restored(
    root: str | Path, manifest: dict[str, Any], plugins: Sequence[str] = (), making: bool | None = False
) -> tuple[Corpus, Config, bool]:
    """Corpus and configuration of a manifest, and whether its rows can be made again.

    Args:
        root: the dataset's directory, finished or not.
        further arguments: as for :func:`open_dataset`.

    Raises: UsageError or RunError when they can't be used.
    """
    identity = manifest["config"]
    if config_digest(identity, manifest["format_version"]) != manifest["config_digest"]:
        raise RunError(f"{_BY_HAND}its settings do not match their digest")
    try:
        corpus = corpora.get(str(identity.get("corpus")))
    except UsageError as error:
        package = manifest.get("package", "sousa")
        hint = f"; install {package} {manifest['package_version']}" if package != "sousa" else ""
        raise RunError(f"{root}: {error}{hint}") from None
    current = identity.get("data_version") == corpus.data_version
    if making is None:
        making = current and is_generated(corpus)
    if making and not is_generated(corpus):
        raise UsageError(f"rows of {corpus.name} are read, not made; check them with 'sousa validate'")
    if making and not current:
        raise RunError(
            f"the rows of {root} are of data version {identity.get('data_version')}, and this sousa makes "
            f"{corpus.data_version}; {other_version(manifest)}"
        )
    corpus.use(plugins)
    with _usable():
        return corpus, corpus.restore(dict(identity), manifest["size"], rows_only=not making), making


@contextmanager
def _usable() -> Iterator[None]:
    """Explain why the settings of a dataset can't be used."""
    try:
        yield
    except UsageError as error:
        raise RunError(f"this dataset can't be used here: {error}") from None
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, MemoryError) as error:
        what = first_line(error) or type(error).__name__
        raise RunError(f"{_BY_HAND}its settings can't be used ({what})") from None


def _require_plan(stored: Stored) -> None:
    """Raise RunError unless the manifest lists exactly the planned shards."""
    if config_digest(stored.config.identity()) != stored.manifest["config_digest"] and (
        stored.manifest["format_version"] == KNOWN_FORMATS[-1]
    ):
        raise RunError(f"{_BY_HAND}its settings do not match their digest")
    # before a plan that may be of any length
    if stored.manifest["num_rows"] != stored.config.num_rows:
        raise RunError(_OTHER_PLAN)
    if stored.planned is None:
        return
    planned = [(s.name, s.file, s.split, s.rows) for s in stored.planned]
    listed = [(n, r["file"], r["split"], r["rows"]) for n, r in stored.manifest["shards"].items()]
    if sorted(planned) != sorted(listed):
        raise RunError(_OTHER_PLAN)


def verify(
    stored: Stored, count: int = 20, everything: bool = False, seed: int | None = None, progress: Any = silent
) -> tuple[int, list[str]]:
    """Make rows again and compare them with the stored ones, after checking every shard's digest.

    Args:
        stored: opened for making.
        count: rows to make again.
        everything: all of them.
        seed: of their choice, by default a new one.

    Returns: ``(rows compared, list of differences)``; a difference is one line of text.
    Raises: UsageError for a count below 1, and a seed that is none.
    """
    problems = [] if everything else not_whole("rows", count, "1 or more", 1)
    raise_all(problems + ([] if seed is None else not_a_seed(seed)))
    total = sum(record["rows"] for record in stored.records)
    wanted: Any = range(total)
    if not everything:
        wanted = sorted(random.Random(seed and int(seed)).sample(wanted, min(count, total)))
    with progress("verifying", len(wanted)) as done:
        differences = [text for record in stored.records if (text := stored.storage.damage(record))]
        if differences:
            return 0, differences
        for stored_rows in rows_at(stored.storage, stored.records, wanted):
            differences += compare(stored_rows, remade(stored, stored_rows))
            done(len(stored_rows))
    return len(wanted), differences


def remade(stored: Any, rows: pa.Table, render: bool = True) -> pa.Table:
    """Stored rows made again; ``stored``: anything with a corpus and a config."""
    return stored.corpus.remake(stored.config, rows.select(list(stored.corpus.address)), render)


def rows_at(
    storage: LocalStorage, shards: Sequence[Mapping[str, Any]], numbers: Iterable[int], columns: Any = None
) -> Any:
    """Rows by number, ascending and counted over all shards, as tables with some columns or all."""
    wanted, end = np.fromiter(numbers, np.int64), 0
    for record in shards:
        first, end = end, end + record["rows"]
        here = wanted[slice(*np.searchsorted(wanted, [first, end]))] - first
        if not len(here):
            continue
        for begin, group in groups_with(storage.source(record["file"]), here, columns):
            inside = here[slice(*np.searchsorted(here, [begin, begin + len(group)]))] - begin
            if len(inside) and inside[-1] - inside[0] + 1 == len(inside):  # which copies nothing
                yield group.slice(inside[0], len(inside))
            elif len(inside):
                yield group.take(inside)
            del group  # not beside the next one


def differing(stored: pa.ChunkedArray, again: pa.ChunkedArray) -> list[int]:
    """Numbers of the elements in which two columns differ."""
    if stored.combine_chunks().equals(again.combine_chunks()):
        return []
    pairs = zip(stored.to_pylist(), again.to_pylist(), strict=True)
    return [i for i, (before, now) in enumerate(pairs) if before != now] or [0]  # of other types


def compare(stored: pa.Table, again: pa.Table) -> list[str]:
    """What differs between stored rows and the same made again: a line of text for each row that does."""
    from sousa.generation.audio import encode

    wrong: dict[int, list[str]] = {}
    for name in again.column_names:
        for i in differing(stored[name], again[name]) if name != "audio" else ():
            wrong.setdefault(i, []).append(name)
    if "audio" in again.column_names:
        # FLAC bytes may differ between library versions; the samples may not
        for i, audio in enumerate(stored["audio"]):
            try:
                digest = encode.pcm_digest(encode.decode(audio["bytes"].as_py())[0])
            except Exception:  # any reader's complaint means the same here
                digest = None
            if digest != again["pcm_digest"][i].as_py():
                wrong.setdefault(i, []).append("audio")
    return [f"{stored['sample_id'][i]}: {', '.join(names)} differ" for i, names in sorted(wrong.items())]


def seconds_of(storage: LocalStorage, shards: Sequence[Mapping[str, Any]]) -> float:
    """Total length of the rows of shards, in seconds."""
    groups = groups_of(storage, shards, ["duration_sec"])
    return sum(pc.sum(group["duration_sec"]).as_py() or 0 for group in groups)
