"""What a model learns to tell: :mod:`sousa.training.tasks.targets`, and lists of them by name.

The targets of ``texture`` are the parameters of the synthesizers that made the data, so their names are known
when the data has been read: :mod:`sousa.training.tasks.found`.
"""

from copy import copy

from sousa.generation.errors import UsageError, one_of
from sousa.training import labels
from sousa.training.tasks.parameters import CurveTarget, ParameterTarget
from sousa.training.tasks.strokes import Strokes
from sousa.training.tasks.targets import ClassTarget, ScoreTarget

TASKS = {
    "rudiment": ["rudiment_slug"],
    "tier": ["skill_tier"],
    "score": ["overall_score"],
    "multitask": ["rudiment_slug", "skill_tier", "overall_score", "timing_accuracy", "velocity_control",
                  "flam_quality", "diddle_quality", "strokes"],
    "strokes": ["strokes"],
    "texture": [],
}  # fmt: skip
FROM_DATA = ("texture",)
_PARAMETERS = {kind.kind: kind for kind in (ParameterTarget, CurveTarget)}


def make_target(name, weight=1.0, class_weights=None, kind=None):
    """A target by its name: a class, a score, or strokes; with ``kind`` parameter or curve, a parameter."""
    if kind in _PARAMETERS:
        return _PARAMETERS[kind](name, weight=weight)
    if name == "strokes":
        return Strokes(weight=weight)
    if name in labels.CLASSES:
        return ClassTarget(name, weight=weight, class_weights=class_weights)
    return ScoreTarget(name, weight=weight)


def make_targets(task, targets=None, weights=None, auxiliary=None, found=None):
    """The targets of a task.

    Args:
        task: one of TASKS; targets: names in place of the task's own.
        weights: of losses, by name; auxiliary: further targets with the weights of their losses, which help
            to learn and are not reported as results.
        found: for tasks in FROM_DATA: dict of name to target, as :func:`sousa.training.tasks.found.choose`
            gives. Without it only what can be checked before the data is read is checked.

    Returns: list of targets; empty for a task in FROM_DATA without ``found``.
    Raises: UsageError naming all that is wrong.
    """
    if task not in TASKS:
        raise UsageError(f"unknown task {one_of(task, TASKS)}")
    targets = [targets] if isinstance(targets, str) else targets
    weights, auxiliary = weights or {}, auxiliary or {}
    names = list(targets or TASKS[task])
    if task in FROM_DATA and not targets:
        names = [name for name in found or () if name not in auxiliary]
    wrong = []
    if task not in FROM_DATA:
        known = ["strokes", *labels.CLASSES, *labels.SCORE_RANGES]
        wrong = [
            f"unknown target {one_of(n, known)}"
            for n in dict.fromkeys([*names, *auxiliary])
            if n not in known
        ]
    if names:
        wrong += [f"weight of {name}, which is no target of {task}" for name in weights if name not in names]
    wrong += [f"{name} is a target already, so it can't be auxiliary" for name in auxiliary if name in names]
    wrong += [f"{name} is named twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    if found is not None and not names:
        wrong.append(f"all parameters are auxiliary, so nothing of {task} would be reported; leave one out")
    if wrong:
        raise UsageError("; ".join(wrong))
    weighted = {name: float(weights.get(name, 1.0)) for name in names}
    weighted.update((name, float(weight)) for name, weight in auxiliary.items())
    if task not in FROM_DATA:
        return [make_target(name, weight) for name, weight in weighted.items()]
    out = []
    for name, weight in weighted.items() if found is not None else ():
        out.append(copy(found[name]))
        out[-1].weight = weight
    return out
