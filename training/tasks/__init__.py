"""What a model learns to tell: :mod:`training.tasks.targets`, and lists of them by name."""

from generation.errors import UsageError, one_of
from training import labels
from training.tasks.strokes import Strokes
from training.tasks.targets import ClassTarget, ScoreTarget

TASKS = {
    "rudiment": ["rudiment_slug"],
    "tier": ["skill_tier"],
    "score": ["overall_score"],
    "multitask": ["rudiment_slug", "skill_tier", "overall_score", "timing_accuracy", "velocity_control",
                  "flam_quality", "diddle_quality", "strokes"],
    "strokes": ["strokes"],
}  # fmt: skip


def make_target(name, weight=1.0, class_weights=None):
    """A target by its name: a class, a score, or strokes."""
    if name == "strokes":
        return Strokes(weight=weight)
    if name in labels.CLASSES:
        return ClassTarget(name, weight=weight, class_weights=class_weights)
    return ScoreTarget(name, weight=weight)


def make_targets(task, targets=None, weights=None, auxiliary=None):
    """The targets of a task.

    Args:
        task: one of TASKS; targets: names in place of the task's own.
        weights: of losses, by name; auxiliary: further targets with the weights of their losses, which help
            to learn and are not reported as results.

    Returns: list of targets.
    Raises: UsageError naming all that is wrong.
    """
    if task not in TASKS:
        raise UsageError(f"unknown task {one_of(task, TASKS)}")
    targets = [targets] if isinstance(targets, str) else targets
    names, weights, auxiliary = list(targets or TASKS[task]), weights or {}, auxiliary or {}
    known = ["strokes", *labels.CLASSES, *labels.SCORE_RANGES]
    wrong = [
        f"unknown target {one_of(n, known)}" for n in dict.fromkeys([*names, *auxiliary]) if n not in known
    ]
    wrong += [f"weight of {name}, which is no target of {task}" for name in weights if name not in names]
    wrong += [f"{name} is a target already, so it can't be auxiliary" for name in auxiliary if name in names]
    wrong += [f"{name} is named twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    if wrong:
        raise UsageError("; ".join(wrong))
    out = [make_target(name, float(weights.get(name, 1.0))) for name in names]
    return out + [make_target(name, float(weight)) for name, weight in auxiliary.items()]
