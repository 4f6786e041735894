"""Making a dataset of any corpus: shards first, then what stands beside them.

Everything here can be stopped and started again; what is finished is kept, and the result does not
depend on how often that happened.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sousa.generation import corpora
from sousa.generation.columns import Group, having, split_counts
from sousa.generation.console import silent
from sousa.generation.corpus import Config, Corpus, Say
from sousa.generation.errors import RunError, UsageError
from sousa.generation.manifest import MANIFEST
from sousa.generation.runners import Runner
from sousa.generation.shards import CARD, DATA_DIR, Shard, Store, logged, write_shard
from sousa.generation.storage import LocalStorage
from sousa.generation.tables import write_files, write_tables
from sousa.generation.text import counted

_TRIAL_SEC, _TRIAL_GROUPS = 2.0, 12  # to measure a speed


def make(
    corpus: Corpus, config: Config, storage: LocalStorage, runner: Runner, with_files: bool = False,
    say: Say = print, progress: Any = silent, write_card: Callable | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Make a dataset, or finish one.

    Args:
        corpus, config: what to make.
        storage: where.
        runner: where tasks run.
        with_files: also write loose audio and MIDI files.
        say, progress: as of :class:`sousa.generation.console.Console`.
        write_card: called with (corpus, config, storage, records by name, facts) to write the dataset's card.

    Returns: manifest records of the shards, in order of rows.
    Raises: UsageError when the directory belongs to something else, RunError when it can't be finished.
    """
    shards = corpus.plan(config)
    with Store(storage, config, shards, corpora.package_of(corpus.name)) as store:
        _make_shards(corpus, config, store, runner, shards, say, progress, with_files)
        records = {shard.name: store.records[shard.name] for shard in shards}
        facts = _beside(corpus, config, store, list(records.values()), with_files, say, progress)
        if write_card:
            write_card(corpus, config, store.place, records, facts)
            facts["tables"].append(store.place.record(CARD))
        sizes = reversed(views(corpus, config, shards).items())
        store.finish({name: size for size, names in sizes for name in names}, facts)
    return list(records.values())


def _make_shards(
    corpus: Corpus, config: Config, store: Store, runner: Runner, wanted: Sequence[Any], say: Say,
    progress: Any, with_files: bool = False,
) -> None:  # fmt: skip
    """Make those of a store's shards that are not there; ``wanted``: all that it is to make."""
    storage = store.storage
    todo, problems = store.missing()
    for problem in problems:
        say(f"{problem}: making it again")
    if len(todo) < len(wanted):
        say(f"already there: {len(wanted) - len(todo)} of {counted(len(wanted), 'shard')}")
    _check_space(corpus, config, storage, todo, with_files)
    if todo or not storage.path(MANIFEST).exists():
        store.begin()
    tasks = [(corpus, config, shard, storage) for shard in sorted(todo, key=corpus.order)]
    with progress("making rows", sum(shard.rows for shard in todo)) as done:
        for name, record in runner.run(write_shard, tasks):
            store.record(name, record)
            done(record["rows"])


def make_part(
    corpus: Corpus, config: Config, storage: LocalStorage, runner: Runner, part: range, say: Say = print,
    progress: Any = silent,
) -> list[int]:  # fmt: skip
    """Make some of the shards of a dataset, which :func:`make` finishes when all of them are there.

    Args:
        part: their numbers.
        further arguments: as for :func:`make`.

    Returns: numbers of the shards that nobody has made yet.
    Raises: UsageError for a part that the plan does not have, and as :func:`make`.
    """
    shards = corpus.plan(config)
    require_part(part, len(shards))
    with Store(storage, config, shards, corpora.package_of(corpus.name), part) as store:
        _make_shards(corpus, config, store, runner, part, say, progress)
    records = logged(storage, store.digest)
    return [number for number, shard in enumerate(shards) if shard.name not in records]


def require_part(part: range, num_shards: int) -> None:
    """Raise UsageError for numbers of shards that a plan does not have."""
    if not part or not 0 <= part[0] <= part[-1] < num_shards:
        asked = f"{part[0]}-{part[-1]}" if part else "no shard"
        raise UsageError(
            f"--shards is {asked}; this dataset has {counted(num_shards, 'shard')}, from 0 to "
            f"{num_shards - 1}"
        )


def ranges(numbers: Sequence[int]) -> str:
    """Numbers in rising order as ``0-99, 120``."""
    there = set(numbers)
    starts, ends = ([n for n in numbers if n + step not in there] for step in (-1, 1))
    return ", ".join(f"{a}-{b}" if b > a else str(a) for a, b in zip(starts, ends, strict=True))


def _beside(
    corpus: Corpus, config: Config, store: Store, records: list[dict[str, Any]], with_files: bool, say: Say,
    progress: Any,
) -> dict[str, Any]:  # fmt: skip
    """Write what stands beside the shards; returns facts for the manifest."""
    place, media = store.place, _media(corpus, config)
    loose = dict.fromkeys(media, with_files) | ({} if "audio" in media else {"audio": False})
    with progress("writing label tables", config.num_rows) as done:
        tables = write_tables(place, records, corpus.label_tables(config), loose, done)
    if splits := corpus.splits(config):
        place.write_json("splits.json", splits)
        tables.append(place.record("splits.json"))
    if with_files:
        with progress("writing files", config.num_rows) as done:
            write_files(place, records, media, done)
    there = _files(corpus, place)
    more = corpus.beside(config, place, records, store.facts, progress)
    earlier = {record["file"] for record in store.facts.get("tables", ())}
    written = (_files(corpus, place) - there | earlier & there) - {record["file"] for record in tables}
    tables += [place.record(file) for file in sorted(written)]
    facts = {"loose_files": with_files, "tables": tables}
    if taken := more.keys() & {*facts, *store.names, "preset", "release_format"}:
        raise RunError(f"{corpus.name} states a fact named {min(taken)}, which the manifest uses for its own")
    return facts | more


def _files(corpus: Corpus, place: LocalStorage) -> set[str]:
    """Files beside the shards, but for the card and those that the corpus digests itself."""
    names = set(place.entries()) - {DATA_DIR, CARD, *corpus.digested}
    tops = [place.path(name) for name in names if not name.startswith(".")]
    paths = [path for top in tops for path in (top.rglob("*") if top.is_dir() else [top]) if path.is_file()]
    return {path.relative_to(place.root).as_posix() for path in paths}


def _media(corpus: Corpus, config: Config) -> list[str]:
    """Columns that can also be written as files."""
    return [column.name for column in corpus.columns(config) if column.name in ("midi", "audio")]


def _check_space(
    corpus: Corpus, config: Config, storage: LocalStorage, todo: list[Shard], with_files: bool
) -> None:
    share = sum(shard.rows for shard in todo) / max(config.num_rows, 1)
    what, free = corpus.estimate(config), storage.free_bytes()
    wanted = (what.num_bytes + what.loose_bytes * with_files) * share
    if wanted > free:
        raise RunError(
            f"about {wanted / 1e6:,.1f} MB are needed but only {free / 1e6:,.1f} MB are free at "
            f"{storage.where}; free some, choose another directory, or ask for less"
        )


def views(corpus: Corpus, config: Config, shards: list[Shard]) -> dict[str, list[str]]:
    """Sizes that are whole inside a configuration: dict of name to shard names, the smallest first.

    The last one is everything, called ``custom`` where no size is that.
    """
    out = {}
    whole = {(shard.name, shard.split, shard.rows) for shard in shards}
    for size in corpus.Options.SIZES:
        smaller = corpus.resized(config, size)
        if smaller is not None and smaller.num_rows <= config.num_rows:
            planned = corpus.plan(smaller)
            if whole.issuperset((shard.name, shard.split, shard.rows) for shard in planned):
                out[size] = [shard.name for shard in planned]
    if not any(len(names) == len(shards) for names in out.values()):
        out["custom"] = [shard.name for shard in shards]
    return dict(sorted(out.items(), key=lambda item: len(item[1])))


def trial_speed(corpus: Corpus, config: Config) -> float:
    """Seconds of work a row on this machine, by making a few row groups, spread over the shards."""
    corpus.prepare(config)
    shards = corpus.plan(config)
    seconds, rows = 0.0, 0
    for i, shard in enumerate([shards[0], *shards[:: max(1, len(shards) // _TRIAL_GROUPS)]]):
        begin = time.perf_counter()
        table = next(iter(corpus.rows(config, shard)))
        if i:  # the first loads instruments and libraries
            seconds, rows = seconds + time.perf_counter() - begin, rows + len(table)
        if seconds > _TRIAL_SEC:
            break
    return seconds / max(rows, 1)


def num_files(corpus: Corpus, config: Config, with_files: bool) -> int:
    """About how many files a dataset will have."""
    beside = len(corpus.label_tables(config)) + bool(corpus.splits(config)) + 2  # manifest and card
    loose = config.num_rows * len(_media(corpus, config)) * with_files
    return len(corpus.plan(config)) + beside + corpus.estimate(config).files + loose


def require_place(corpus: Corpus, config: Config, storage: LocalStorage) -> None:
    """Raise UsageError where a dataset can't be made because the directory belongs to something else."""
    storage.look()
    Store(storage, config, corpus.plan(config)).require_own()


def splits_text(corpus: Corpus, shards: Iterable[tuple[str, int]]) -> str:
    """How many rows each split has, and which have none; ``shards``: pairs of split and rows."""
    counts = split_counts(shards)
    text = "splits: " + ", ".join(f"{split} {rows:,}" for split, rows in counts.items())
    empty = [split for split, rows in counts.items() if not rows]
    verb = "is" if len(empty) == 1 else "are"
    groups = next((column.role.plural for column in having(corpus.columns(), Group)), "groups")
    return f"{text}; {' and '.join(empty)} {verb} empty, as there are too few {groups}" if empty else text


def estimate_text(corpus: Corpus, config: Config, runner: Runner, with_files: bool) -> str:
    """What would be made, for ``--dry-run``."""
    what, plan = corpus.estimate(config), corpus.plan(config)
    shards = len(plan)
    used, files = min(runner.at_once, shards), num_files(corpus, config, with_files)
    minutes = trial_speed(corpus, config) * config.num_rows / used / 60
    kind = "of audio" if config.with_audio else "without audio"
    size = (what.num_bytes + what.loose_bytes * with_files) / 1e6
    return (
        f"{what.about} in {counted(shards, 'shard')}, {counted(files, 'file')}\n"
        f"{splits_text(corpus, ((shard.split, shard.rows) for shard in plan))}\n"
        f"{what.audio_sec / 3600:.2f} hours {kind}, about {size:,.0f} MB, about {max(minutes, 0.1):.1f} "
        f"minutes with {counted(used, 'worker')}"
    )
