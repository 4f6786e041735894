"""What a model learns to tell: targets out of roles of columns, and of what corpora list as tasks.

A task is the name of a list of columns, or of one. A column of classes, a score, a list of events or of notes
is a target by itself. A column of parameters stands for every parameter in it that varies, which is known
when the data has been read: :mod:`sousa.training.tasks.varying`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sousa.generation import corpora
from sousa.generation.columns import Classes, Column, Events, Notes, Parameters, Score
from sousa.generation.errors import UsageError, one_of, raise_all
from sousa.training.roles import Known
from sousa.training.tasks.events import EventsTarget
from sousa.training.tasks.note_tokens import NoteTokensTarget
from sousa.training.tasks.notes import NotesTarget
from sousa.training.tasks.parameters import CurveTarget, ParameterTarget
from sousa.training.tasks.targets import ClassTarget, ScoreTarget, Target

_TARGETS = (
    ClassTarget, ScoreTarget, EventsTarget, NotesTarget, NoteTokensTarget, ParameterTarget, CurveTarget,
)  # fmt: skip
KINDS = {kind.kind: kind for kind in _TARGETS}


def column_target(column: Column) -> Target:
    """The target of a column of classes, a score, events or notes."""
    role = column.role
    if isinstance(role, Classes):
        return ClassTarget(column.name, list(role.names))
    if isinstance(role, Score):
        return ScoreTarget(column.name, role.low, role.high)
    assert isinstance(role, Events)
    if isinstance(role, Notes):
        fields = {"end": role.offset, "pitch": role.pitch, "velocity": role.velocity}
        return NotesTarget(column.name, role.onset, **fields, key_up=role.key_up, pedal=role.pedal)
    return EventsTarget(column.name, role.onset, [list(flag) for flag in role.flags], role.velocity)


def default_task(known: Known) -> str:
    """The first task, meant where none is named; a UsageError when there is none."""
    return next(iter(_tasks(known)))


def _tasks(known: Known) -> Mapping[str, tuple[str, ...]]:
    if known.tasks:
        return known.tasks
    raise UsageError("the data has no column that a model can learn: no classes, score, events or parameters")


def names_of(known: Known, task: str, targets: Iterable[str] | str | None = None) -> list[str]:
    """Names of the targets of a task, or those given in their place; a column of parameters is one of them.

    Raises: UsageError for a task that these rows don't have.
    """
    tasks = _tasks(known)
    if task not in tasks:
        if known.corpus and (columns := known.corpus.tasks.get(task)):
            lacking = [name for name in columns if name not in known.targets]
            raise UsageError(f"task {task} needs {', '.join(lacking)}, which this data lacks; name targets")
        if others := ", ".join(corpus.name for corpus in corpora.every() if task in corpus.tasks):
            data = f"is {known.corpus.name}" if known.corpus else "is none of them"
            raise UsageError(f"task {task} learns from {others}, and the data {data}; change one of them")
        raise UsageError(f"unknown task {one_of(task, tasks)}")
    return [targets] if isinstance(targets, str) else list(targets or tasks[task])


def in_data(known: Known, names: Iterable[str]) -> list[str]:
    """Which of these names only the data tells: the column of parameters, and names of parameters."""
    return [name for name in names if known.parameters and name not in known.targets]


def make_targets(
    known: Known, task: str, targets: Iterable[str] | str | None = None,
    weights: Mapping[str, float] | None = None, auxiliary: Mapping[str, float] | None = None,
    varying: Mapping[str, ParameterTarget] | None = None,
) -> list[Target]:  # fmt: skip
    """The targets of a task.

    Args:
        known: columns of the data.
        targets: names in place of the task's own.
        weights: of losses, by name.
        auxiliary: of further targets, which help to learn and are no results.
        varying: parameters that vary, as :func:`sousa.training.tasks.varying.choose` gives. Without it
            parameters are left out, and their names are not checked.

    Raises: UsageError naming all that is wrong.
    """
    weights, auxiliary = weights or {}, auxiliary or {}
    there = {name: column_target(column) for name, column in known.targets.items()} | dict(varying or {})
    places = names_of(known, task, targets)
    column = known.parameters.name if known.parameters else None
    unread = varying is None and column in places
    varied = [name for name in varying or () if name not in auxiliary]
    names = [name for place in places for name in (varied if place == column else [place])]
    wrong = []
    if varying is not None or not known.parameters:
        unknown = dict.fromkeys(name for name in [*names, *auxiliary] if name not in there)
        wrong += [f"unknown target {one_of(name, known.targets)}" for name in unknown]
    if not unread:
        wrong += [f"weight of {name}, which is no target of {task}" for name in weights if name not in names]
    wrong += [f"{name} is a target already, so it can't be auxiliary" for name in auxiliary if name in names]
    wrong += [f"{name} is named twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    if not names and not unread:
        wrong.append(f"all parameters are auxiliary, so nothing of {task} would be reported; leave one out")
    raise_all(wrong)
    weighted = {name: weights.get(name, 1.0) for name in names} | dict(auxiliary)
    return [replace(there[name], weight=float(w)) for name, w in weighted.items() if name in there]


def restored(settings: Mapping[str, Any]) -> Target:
    """A target from what a saved model says of it; a KeyError or TypeError for what is none."""
    return KINDS[settings["kind"]](**{name: value for name, value in settings.items() if name != "kind"})


def upgraded(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a target of the first format of saved models, which left the rest to the corpora."""
    kind, name = settings["kind"], settings.get("name")
    out = {**settings, "kind": kind if kind in KINDS else EventsTarget.kind}
    role = {"class": Classes, "score": Score, "events": Events}.get(out["kind"], Parameters)
    columns = (c for corpus in corpora.usable() for c in corpus.columns() if isinstance(c.role, role))
    column = next(c for c in columns if c.name == name or role in (Events, Parameters))
    if role is not Parameters:
        if isinstance(column.role, Events):
            column = replace(column, role=column.role.earlier())
        return {**vars(column_target(column)), **out}
    out["makers"] = out.pop("synths")
    role = column.role
    return {"column": column.name, "maker": role.maker, "curves": role.curves, "rate_hz": role.rate_hz, **out}
