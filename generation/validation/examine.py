"""Measuring one shard of any corpus: everything that later checks need.

Conventions: :func:`examine_shard` is a task for runners; it reads the shard's files only, returns plain
arrays (one element a row unless said), and never raises for bad data: what is wrong is counted under a name
in ``problems``. What is checked of a column follows from its role; a row made again without its sound is
compared with what is stored in every column that does not describe the sound, and a few with it.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation.audio import encode
from sousa.generation.columns import Classes, Column, Events, Group, Score, having
from sousa.generation.corpus import is_generated
from sousa.generation.errors import RunError
from sousa.generation.outside import holds
from sousa.generation.reopen import compare, differing, remade
from sousa.generation.shards import Shard
from sousa.generation.tables import loose_files, numpy_column, row_groups
from sousa.generation.validation import Task
from sousa.generation.validation.findings import Problems, joined


def examine_shard(
    index: int, common: Task, record: dict[str, Any], shard: Shard | None, again: int
) -> tuple[int, dict[str, Any]]:
    """Measure a shard; ``common``: what the tasks of all shards share, completed by the other arguments.

    Returns: its number, and a dict as :func:`sousa.generation.validation.findings.join` takes it.
    """
    task, problems = replace(common, record=record, shard=shard, again=again), Problems()
    out: dict[str, Any] = {"rows": {}, "problems": problems, "heard": 0, "again": 0}
    if wrong := task.storage.damage(task.record):
        problems.add("damaged_shard", wrong)
        return index, out
    task.corpus.prepare(task.config)
    validation = task.corpus.validation()
    examiner, kept, first = validation.Examiner(task), [], 0
    by_role = [c.name for c in task.columns if isinstance(c.role, (Classes, Group, Score))]
    names = dict.fromkeys(["sample_id", "split", "duration_sec", *validation.kept, *by_role])
    remakes = task.shard is not None and is_generated(task.corpus)
    # row groups may be smaller than the tables that a corpus gives
    planned = pa.concat_tables(task.corpus.addresses(task.config, task.shard)) if remakes else None
    units = task.record["rows"] // examiner.unit
    chosen = np.linspace(0, units - 1, min(task.again if remakes else 0, units)).round()
    try:
        for group in row_groups(task.storage.source(task.record["file"])):
            if lost := [c.name for c in task.columns if c.name not in group.column_names]:
                raise RunError(f"{task.record['file']} has no column {lost[0]}")
            unit = (first + np.arange(len(group))) // examiner.unit
            _by_role(task.columns, group, problems)
            if elsewhere := pc.sum(pc.not_equal(group["split"], task.record["split"])).as_py():
                problems.add("split_differs_from_file", task.record["file"], elsewhere)
            if planned is not None:
                _compare_labels(task, group, planned.slice(first, len(group)), problems)
            for number in np.intersect1d(unit, chosen):  # what is made at a time may be long
                lines = np.flatnonzero(unit == number)
                _compare_sound(task, group.slice(lines[0], len(lines)), problems)
                out["again"] += len(lines)
            values = {name: numpy_column(group[name]) for name in names if name in group.column_names}
            kept.append(values | examiner.labels(group, first, problems))
            for i in np.flatnonzero(unit % task.every == 0).tolist():
                examiner.hear(group, i, first + i, _heard(task, group, i, problems), problems)
                out["heard"] += 1
            first += len(group)
            del group  # not beside the next one
    except RunError as error:
        problems.add("damaged_shard", error)
    if first != task.record["rows"]:
        problems.add("rows_missing_or_extra", task.record["file"], abs(first - task.record["rows"]))
    out["rows"] = {name: joined([part[name] for part in kept]) for name in kept[0]} if kept else {}
    return index, out | examiner.measured()


def _by_role(columns: tuple[Column, ...], group: pa.Table, problems: Problems) -> None:
    """What columns with a role promise."""
    every_row = np.arange(len(group))

    def wrong(problem: str, mask: Any, about: str, rows: np.ndarray = every_row) -> None:
        rows = rows[np.asarray(pc.fill_null(mask, False))]
        if len(rows):
            problems.add(problem, f"{group['sample_id'][int(rows[0])]}: {about}", len(rows))

    for column in having(columns, Classes):
        known = pc.is_in(group[column.name], value_set=pa.array(column.role.names, pa.string()))
        wrong("class_unknown", pc.and_not(pc.is_valid(group[column.name]), known), column.name)
    for column in having(columns, Score):
        values = group[column.name]
        outside = pc.or_(pc.less(values, column.role.low), pc.greater(values, column.role.high))
        wrong("score_out_of_range", pc.or_(outside, pc.is_nan(values)), column.name)
    for column in having(columns, Group):
        wrong("group_missing", pc.is_null(group[column.name]), column.name)
    seconds, samples, rate = (numpy_column(group[c]) for c in ("duration_sec", "num_samples", "sample_rate"))
    wrong("length_differs", pa.array(np.abs(seconds * rate - samples) > 1e-6), "duration_sec")
    for column in having(columns, Events):
        lists = group[column.name].combine_chunks()
        onset = numpy_column(lists.flatten().field(column.role.onset))
        row = numpy_column(pc.list_parent_indices(lists))
        late = (np.diff(onset, prepend=onset[:1]) < 0) & (np.diff(row, prepend=-1) == 0)
        bad = (onset < 0) | (onset >= samples[row]) | late
        wrong("event_outside_row_or_out_of_order", pa.array(bad), column.name, row)


def _compare_labels(task: Task, group: pa.Table, addresses: pa.Table, problems: Problems) -> None:
    """Every column that does not describe the sound, against what this configuration makes."""
    if len(addresses) != len(group):
        problems.add("rows_not_in_plan", group["sample_id"][0], len(group))
        return
    again = task.corpus.remake(task.config, addresses, render=False)
    for name in (c.name for c in task.columns if not c.rendered and c.name != "audio"):
        if rows := differing(group[name], again[name]):
            example = f"{group['sample_id'][rows[0]]}: {name}"
            problems.add("labels_differ_from_made_again", example, len(rows))


def _compare_sound(task: Task, rows: pa.Table, problems: Problems) -> None:
    """Rows made again from their own coordinates, with their sound."""
    try:
        lines = compare(rows, remade(task, rows))
    except (RunError, ValueError, KeyError, IndexError, TypeError, OverflowError) as error:
        lines = [f"{rows['sample_id'][0]}: its coordinates can't be used ({error})"]
    for line in lines:
        problems.add("row_differs_from_made_again", line)


def _heard(task: Task, group: pa.Table, i: int, problems: Problems) -> np.ndarray | None:
    """The sound of a row, int16 (samples, channels), checked against its length, rate and digest."""
    if task.loose:
        names = [name for name in ("sample_id", "midi", "audio") if name in group.column_names]
        for file, data in loose_files(group.slice(i, 1).select(names).to_pylist()[0]).items():
            if not holds(task.storage.path(file), data):
                problems.add("loose_file_missing_or_other", file)
    if not task.config.with_audio:
        return None
    name, sound, digest = (group[column][i].as_py() for column in ("sample_id", "audio", "pcm_digest"))
    if sound is None and digest is None and not is_generated(task.corpus):
        return None
    try:
        pcm, rate = encode.decode(sound["bytes"])
    except Exception as error:  # any reader's complaint means the same here
        problems.add("audio_unreadable", f"{name}: {error}")
        return None
    if rate != group["sample_rate"][i].as_py() or len(pcm) != group["num_samples"][i].as_py():
        problems.add("audio_length_or_rate_differs", f"{name}: {len(pcm)} samples at {rate} Hz")
        return None
    if encode.pcm_digest(pcm) != digest:
        problems.add("pcm_digest_differs", name)
    return pcm
