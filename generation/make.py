"""Making a dataset of any corpus: shards first, then what stands beside them.

Everything here can be stopped and started again; what is finished is kept, and the result does not
depend on how often that happened.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sousa.generation import runners
from sousa.generation.errors import RunError
from sousa.generation.shards import Store, write_shard


@dataclass(frozen=True)
class Job:
    """What a corpus says of a dataset of its own.

    Attributes:
        config: its configuration, with ``identity()``, ``preset`` and ``num_rows``.
        shards: the plan, in order of rows.
        schema: Arrow schema of the shards.
        tables: module-level function of (config, shard) giving Arrow tables, one a row group.
        order: function of a shard: what to sort by, so that neighbours share what is expensive to make.
        num_bytes: how much the finished dataset takes on disk, about.
        finish: function of the records, in order of rows, that writes what stands beside the shards;
            returns facts for the manifest.
    """

    config: object
    shards: list
    schema: object
    tables: Callable
    order: Callable
    num_bytes: int
    finish: Callable


def make(job, root, workers, say, progress):
    """Make a dataset, or finish one.

    Args:
        job: what to make; root: dataset directory; workers: processes, 0 is one a core.
        say: takes a line of text.
        progress: ``progress(title, total)`` gives a context manager whose value is called with the
            number of rows done.

    Returns: manifest records of the shards, in order of rows.
    Raises: UsageError when ``root`` belongs to something else, RunError when it can't be finished.
    """
    shards = job.shards
    with Store(root, job.config, shards) as store:
        todo, problems = store.missing()
        for problem in problems:
            say(f"{problem}: making it again")
        if len(todo) < len(shards):
            say(f"{len(shards) - len(todo)} of {len(shards)} shards are already there")
        _check_space(root, job, todo)
        store.write(complete=False)
        tasks = [(job.tables, job.schema, job.config, one, str(root)) for one in sorted(todo, key=job.order)]
        by_name = {shard.name: shard for shard in shards}
        with progress("making rows", sum(shard.rows for shard in todo)) as done:
            for name, entry in runners.run(write_shard, tasks, workers):
                store.record(name, entry)
                done(by_name[name].rows)
        records = [store.records[shard.name] for shard in shards]
        store.write(complete=True, **job.finish(records))
    return records


def _check_space(root, job, todo):
    """Refuse to start what can't fit."""
    share = sum(shard.rows for shard in todo) / max(sum(shard.rows for shard in job.shards), 1)
    wanted = job.num_bytes * share
    free = shutil.disk_usage(Path(root)).free
    if wanted > free:
        raise RunError(
            f"about {wanted / 1e6:,.1f} MB are needed but only {free / 1e6:,.1f} MB are free at {root}; "
            "free some, choose another directory with -o, or ask for less"
        )
