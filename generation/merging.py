"""Putting together what several runs have made of one dataset, each some of its shards.

The parts may lie in one directory, which the runs shared, or in several, on disks of their own.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sousa.generation import corpora
from sousa.generation.console import silent
from sousa.generation.corpus import Config, Corpus
from sousa.generation.errors import RunError, UsageError
from sousa.generation.make import ranges
from sousa.generation.manifest import UNFINISHED, read_manifest
from sousa.generation.reopen import restored
from sousa.generation.shards import Shard, Store, logged
from sousa.generation.storage import LocalStorage, copied
from sousa.generation.text import counted, shell


def place_of(places: Sequence[str], output: str | None) -> str:
    """The directory that parts are merged into; raises UsageError where it is not said."""
    if output is None and len({Path(place).resolve() for place in places}) > 1:
        raise UsageError("several directories are to be merged; name the one for the whole with --output")
    return places[0] if output is None else output


def gather(
    places: Sequence[str], storage: LocalStorage, plugins: Sequence[str] = (), progress: Any = silent
) -> tuple[Corpus, Config]:
    """Bring all shards of a dataset into one directory, where it can be finished.

    Args:
        places: directories with parts of it; that of ``storage`` may be among them.
        storage: where it will be. What is there already is kept.
        plugins: files of plug-ins that it was begun with.
        progress: as of :class:`sousa.generation.console.Console`.

    Returns: the corpus and the configuration.
    Raises: UsageError for parts of different datasets; RunError when shards are missing or damaged.
    """
    manifests = _manifests(places)
    corpus, config, _ = restored(places[0], manifests[places[0]], plugins, making=None)
    if len(places) == 1 and manifests[places[0]]["complete"] and _same(places[0], storage.root):
        return corpus, config
    shards = corpus.plan(config)
    with Store(storage, config, shards, corpora.package_of(corpus.name)) as store:
        store.missing()  # it looks at what is there
        store.begin()
        with progress("gathering rows", config.num_rows) as done:
            done(sum(record["rows"] for record in store.records.values()))
            for place, manifest in manifests.items():
                _take(place, manifest, store, shards, done)
        missing = [number for number, shard in enumerate(shards) if shard.name not in store.records]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        raise RunError(
            f"{counted(len(missing), 'shard')} of {len(shards):,} {are} missing or damaged "
            f"({ranges(missing)}); make them with the same 'sousa generate' command and --shards, then merge "
            f"into {shell(storage.root)} again"
        )
    return corpus, config


def _manifests(places: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Manifests of directories with parts of one dataset, finished or not."""
    out: dict[str, dict[str, Any]] = {}
    for place in places:
        manifest = read_manifest(place)
        if manifest is None:
            raise UsageError(f"{place} holds no part of a dataset; name one that 'sousa generate' used")
        out[place] = manifest
        if manifest["config_digest"] != out[places[0]]["config_digest"]:
            raise UsageError(
                f"{place} and {places[0]} hold parts of different datasets (made with other settings or "
                "versions); merge those of one"
            )
    return out


def _same(one: str, other: str) -> bool:
    return Path(one).resolve() == Path(other).resolve()


def _take(place: str, manifest: dict[str, Any], store: Store, shards: Sequence[Shard], done: Any) -> None:
    """Copy the shards that a directory has, whole, and a store lacks."""
    if _same(place, store.storage.root):
        return  # the store has what is whole of it
    root = LocalStorage(place)
    records, lies = logged(root, manifest["config_digest"]), root.inside(UNFINISHED)
    if manifest["complete"]:
        records, lies = manifest["shards"], root
    target = store.storage.inside(UNFINISHED)
    wanted = {(shard.name, shard.file, shard.rows) for shard in shards}
    for name, record in records.items():
        if name in store.records or (name, record["file"], record["rows"]) not in wanted:
            continue
        if lies.damage(record):
            continue  # another place may have it
        copied(lies.path(record["file"]), target.path(record["file"]))
        store.record(name, {key: value for key, value in record.items() if key != "view"})
        done(record["rows"])
