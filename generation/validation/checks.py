"""Judging the measurements of a dataset of any corpus.

Conventions: a :class:`sousa.generation.validation.findings.Check` passes, fails or can't be judged, and
carries the figures it was judged by. Exit status follows the checks that were judged.
"""

from typing import Any

import pyarrow.parquet as pq

from sousa.generation.columns import SPLITS, Classes, Events, Group, Score, having
from sousa.generation.corpus import is_generated
from sousa.generation.text import counted
from sousa.generation.validation.findings import Check, Findings, absence

# role of columns, or None for any dataset; name of the check, the problem that fails it, what holds else
_BY_ROLE: tuple[Any, ...] = (
    (None, "lengths", ["length_differs"], "lengths in samples and seconds agree"),
    (None, "splits", ["split_differs_from_file"], "every row is of the split that its file is of"),
    (Classes, "classes", ["class_unknown"], "every class is one of those declared"),
    (Score, "scores", ["score_out_of_range"], "every score is in its range, or null"),
    (Events, "events in row", ["event_outside_row_or_out_of_order"],
     "events are in order and inside their row"),
)  # fmt: skip
_AUDIO = ("audio_unreadable", "audio_length_or_rate_differs", "pcm_digest_differs")


def run_all(findings: Findings) -> list[Check]:
    """All checks, in the order of the report: general ones, then those of the corpus."""
    stored, problems = findings.stored, findings.problems
    whole = absence(problems, "integrity", ["damaged_shard"], "every shard is as it was written")
    if not findings.rows:
        return [whole]
    out = [whole, _count(findings), _label_tables(findings), *_made_again(findings)]
    for role, *check in _BY_ROLE:
        if role is None or having(stored.columns, role):
            out.append(absence(problems, *check))
    out += [_groups(findings, column) for column in having(stored.columns, Group)]
    if findings.config.with_audio:
        claim = f"decodes to the labelled length, rate and digest ({findings.part})"
        out.append(absence(problems, "audio", _AUDIO, claim))
    else:
        out.append(Check("audio", None, "made without audio"))
    if stored.manifest.get("loose_files"):
        claim = f"each is there and equal to its row ({findings.part})"
        out.append(absence(problems, "loose files", ["loose_file_missing_or_other"], claim))
    return [*out, *stored.corpus.validation().checks(findings)]


def _count(findings: Findings) -> Check:
    """There are as many rows as planned, each with a name of its own."""
    ids, wanted = findings.rows["sample_id"], findings.stored.manifest["num_rows"]
    unique = len(set(ids))
    good = len(ids) == unique == wanted and "rows_missing_or_extra" not in findings.problems
    return Check(
        "rows", good, f"{counted(len(ids), 'row')}, {counted(unique, 'different id')}, {wanted:,} planned"
    )


def _label_tables(findings: Findings) -> Check:
    """The plain tables, and the other files the manifest knows: unchanged, and one to one with rows."""
    storage, listed = findings.stored.storage, findings.stored.manifest.get("tables", [])
    wrong = [problem for record in listed if (problem := storage.damage(record))]
    if wrong or not listed:
        return Check("label tables", False, "; ".join(wrong) or "the manifest does not know them")
    path = storage.path("labels/samples.parquet")
    ids = pq.read_table(path, columns=["sample_id"])["sample_id"].to_pylist()
    same = ids == list(findings.rows["sample_id"])
    return Check("label tables", same, f"unchanged, {counted(len(ids), 'row')} one to one with the shards")


def _made_again(findings: Findings) -> list[Check]:
    stored = findings.stored
    if not is_generated(stored.corpus):
        return []
    if not stored.current:
        why = f"not judged: only the sousa of data version {stored.data_version} makes these rows again"
        return [Check("labels made again", None, why)]
    return [
        absence(
            findings.problems, "labels made again", ["rows_not_in_plan", "labels_differ_from_made_again"],
            "every label, made again from its coordinates, is the same",
        ),
        absence(
            findings.problems, "rows made again", ["row_differs_from_made_again"],
            f"{counted(findings.again, 'row')} made again from coordinates, with the same labels and sound",
        ),
    ]  # fmt: skip


def _groups(findings: Findings, column: Any) -> Check:
    """No group has rows in two splits."""
    name, role = f"no {column.role.singular} in two splits", column.role
    owners, splits = findings.rows[column.name], findings.rows["split"]
    pairs = {(owner, split) for owner, split in zip(owners, splits, strict=True)}
    torn = len(pairs) - len(set(owners))
    counts = ", ".join(f"{s} {sum(split == s for _, split in pairs):,}" for s in SPLITS)
    if "group_missing" in findings.problems:
        return absence(findings.problems, name, ["group_missing"], "")
    text = f"{role.plural}: {counts}"
    return Check(name, not torn, text + (f"; {torn} in more than one split" if torn else ""))
