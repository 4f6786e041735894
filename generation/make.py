"""Making a dataset of any corpus: shards first, then what stands beside them.

Everything here can be stopped and started again; what is finished is kept, and the result does not
depend on how often that happened.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from sousa.generation.corpus import Config, Corpus, Say
from sousa.generation.errors import RunError
from sousa.generation.manifest import MANIFEST
from sousa.generation.runners import Runner
from sousa.generation.shards import Shard, Store, write_shard
from sousa.generation.storage import LocalStorage
from sousa.generation.tables import write_files, write_tables

MARGIN_SEC = 2.0  # of work, to measure a speed
GROUPS = 12  # row groups made for it, at most


def silent(title: str, total: int | None, **look: Any) -> Any:
    """Stands in for a progress bar: gives a context manager whose value takes numbers and does nothing."""
    return nullcontext(lambda done=1: None)


def make(
    corpus: Corpus, config: Config, storage: LocalStorage, runner: Runner, with_files: bool = False,
    say: Say = print, progress: Any = silent, write_card: Callable | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Make a dataset, or finish one.

    Args:
        corpus, config: what to make; storage: where; runner: where tasks run.
        with_files: also write loose audio and MIDI files.
        say: takes a line of text.
        progress: ``progress(title, total)`` gives a context manager whose value is called with the
            number of rows done.
        write_card: called with (corpus, config, storage, records by name, facts) to write the dataset's card.

    Returns: manifest records of the shards, in order of rows.
    Raises: UsageError when the directory belongs to something else, RunError when it can't be finished.
    """
    shards = corpus.plan(config)
    with Store(storage, config, shards) as store:
        todo, problems = store.missing()
        for problem in problems:
            say(f"{problem}: making it again")
        if len(todo) < len(shards):
            say(f"{len(shards) - len(todo)} of {len(shards)} shards are already there")
        _check_space(corpus, config, storage, shards, todo, with_files)
        if todo or not storage.path(MANIFEST).exists():
            store.begin()
        tasks = [(corpus, config, shard, storage) for shard in sorted(todo, key=corpus.order)]
        by_name = {shard.name: shard for shard in shards}
        with progress("making rows", sum(shard.rows for shard in todo)) as done:
            for name, entry in runner.run(write_shard, tasks):
                store.record(name, entry)
                done(by_name[name].rows)
        place = LocalStorage(str(storage.path(store.base)))
        records = {shard.name: store.records[shard.name] for shard in shards}
        facts = _beside(corpus, config, place, list(records.values()), store.facts, with_files, say, progress)
        if write_card:
            write_card(corpus, config, place, records, facts)
        store.finish(smallest_views(corpus, config, shards), facts)
    return list(records.values())


def _beside(
    corpus: Corpus, config: Config, place: LocalStorage, records: list[dict[str, Any]],
    earlier: dict[str, Any], with_files: bool, say: Say, progress: Any,
) -> dict[str, Any]:  # fmt: skip
    """Write what stands beside the shards; returns facts for the manifest."""
    say("writing label tables")
    kinds = {"midi": lambda name: f"midi/{name}.mid", "audio": None}
    if config.with_audio:
        kinds["audio"] = lambda name: f"audio/{name}.{config.audio_format}"
    there = [name for name in kinds if name in {c.name for c in corpus.columns(config)} or name == "audio"]
    loose = {f"{name}_path": kinds[name] if with_files else None for name in there}
    tables = write_tables(place, records, corpus.label_tables(config), loose)
    if splits := corpus.splits(config):
        place.write_json("splits.json", splits)
        tables.append(place.record("splits.json"))
    if with_files:
        with progress("writing files", config.num_rows) as done:
            wanted = [name for name in there if kinds[name]]
            write_files(place, records, wanted, done)
    more = corpus.beside(config, place, records, earlier, progress)
    return {"loose_files": with_files, "tables": tables, **more}


def _check_space(
    corpus: Corpus, config: Config, storage: LocalStorage, shards: list[Shard], todo: list[Shard],
    with_files: bool,
) -> None:  # fmt: skip
    """Refuse to start what can't fit."""
    share = sum(shard.rows for shard in todo) / max(sum(shard.rows for shard in shards), 1)
    what, free = corpus.estimate(config), storage.free_bytes()
    wanted = (what.num_bytes + what.loose_bytes * with_files) * share
    if wanted > free:
        raise RunError(
            f"about {wanted / 1e6:,.1f} MB are needed but only {free / 1e6:,.1f} MB are free at "
            f"{storage.root}; free some, choose another directory with -o, or ask for less"
        )


def views(corpus: Corpus, config: Config, shards: list[Shard]) -> dict[str, list[str]]:
    """Sizes that are whole inside a configuration: dict of name to shard names, the smallest first.

    The last one is everything, called ``custom`` where no size is that.
    """
    own, out = {shard.name: (shard.split, shard.rows) for shard in shards}, {}
    for size in corpus.Options.SIZES:
        smaller = corpus.resized(config, size)
        if smaller is not None and smaller.num_rows <= config.num_rows:
            planned = {shard.name: (shard.split, shard.rows) for shard in corpus.plan(smaller)}
            if planned.items() <= own.items():
                out[size] = list(planned)
    if not any(len(names) == len(own) for names in out.values()):
        out["custom"] = list(own)
    return dict(sorted(out.items(), key=lambda item: len(item[1])))


def smallest_views(corpus: Corpus, config: Config, shards: list[Shard]) -> dict[str, str]:
    """Of each shard the smallest size that it belongs to."""
    return {name: view for view, names in reversed(views(corpus, config, shards).items()) for name in names}


def trial_speed(corpus: Corpus, config: Config) -> float:
    """Seconds of work a row on this machine, by making a few row groups, spread over the shards."""
    corpus.prepare(config)
    shards = corpus.plan(config)
    seconds, rows = 0.0, 0
    for i, shard in enumerate([shards[0], *shards[:: max(1, len(shards) // GROUPS)]]):
        begin = time.perf_counter()
        table = next(iter(corpus.rows(config, shard)))
        if i:  # the first loads instruments and libraries
            seconds, rows = seconds + time.perf_counter() - begin, rows + len(table)
        if seconds > MARGIN_SEC:
            break
    return seconds / max(rows, 1)


def num_files(corpus: Corpus, config: Config, with_files: bool) -> int:
    """About how many files a dataset will have."""
    beside = len(corpus.label_tables(config)) + bool(corpus.splits(config)) + 2  # manifest and card
    loose = {"audio", "midi"} & {column.name for column in corpus.columns(config)} if with_files else ()
    return len(corpus.plan(config)) + beside + corpus.estimate(config).files + config.num_rows * len(loose)


def estimate_text(corpus: Corpus, config: Config, runner: Runner, with_files: bool) -> str:
    """What would be made, for ``--dry-run``."""
    what, shards = corpus.estimate(config), len(corpus.plan(config))
    used = min(runner.at_once, shards)
    minutes = trial_speed(corpus, config) * config.num_rows / used / 60
    kind = "of audio" if config.with_audio else "of music, without audio"
    size = (what.num_bytes + what.loose_bytes * with_files) / 1e6
    return (
        f"{what.about} in {shards:,} shards, {num_files(corpus, config, with_files):,} files\n"
        f"{what.audio_sec / 3600:.2f} hours {kind}, about {size:,.0f} MB, about {max(minutes, 0.1):.1f} "
        f"minutes with {used} workers"
    )
