"""Classes, scores and their numbers: what models are trained to tell.

Conventions
-----------
Tiers and rudiments have the same ids everywhere, whatever a split or a filter leaves of them: tiers from
0, the least skilled; rudiments from 0 in the order of their PAS numbers. A score is scaled to 0-1 by its
own range: most are 0-100, ``groove_feel_proxy`` and ``tier_confidence`` are 0-1 already.
"""

from sousa.generation.errors import UsageError, one_of
from sousa.generation.rudiments import definitions, players
from sousa.generation.rudiments.columns import SCORES

SKILL_TIER_LABELS = list(players.tiers())
SKILL_TIER_TO_ID = {name: i for i, name in enumerate(SKILL_TIER_LABELS)}
ID_TO_SKILL_TIER = dict(enumerate(SKILL_TIER_LABELS))
SKILL_TIER_BINARY_LABELS = ["novice", "skilled"]
RUDIMENT_LABELS = list(dict.fromkeys(form.slug for form in definitions.main_forms()))
RUDIMENT_TO_ID = {name: i for i, name in enumerate(RUDIMENT_LABELS)}
ID_TO_RUDIMENT = dict(enumerate(RUDIMENT_LABELS))
CATEGORY_LABELS = list(dict.fromkeys(form.category for form in definitions.main_forms()))

CLASSES = {
    "skill_tier": SKILL_TIER_LABELS,
    "skill_tier_binary": SKILL_TIER_BINARY_LABELS,
    "rudiment_slug": RUDIMENT_LABELS,
    "category": CATEGORY_LABELS,
}
SCORE_RANGES = {column.name: tuple(float(end) for end in column.unit.split("-")) for column in SCORES}


def check_targets(names):
    """The targets, when each is a class or a score.

    Raises: UsageError naming each that is not.
    """
    known = [*CLASSES, *SCORE_RANGES]
    wrong = [f"unknown target {one_of(name, known)}" for name in names if name not in known]
    if wrong or not names:
        raise UsageError("; ".join(wrong) or f"no target is named; choose from {', '.join(known)}")
    return list(names)


def class_id(target, name):
    """Number of a class, None for null.

    Raises: UsageError when the target has no such class.
    """
    if name is None:
        return None
    try:
        return CLASSES[target].index(name)
    except ValueError:
        raise UsageError(f"{target} is {one_of(name, CLASSES[target])}") from None


def scaled(score, value):
    """A score on 0-1; ``unscaled`` is its inverse. Arrays too."""
    low, high = SCORE_RANGES[score]
    return (value - low) / (high - low)


def unscaled(score, value):
    """A score on its own range."""
    low, high = SCORE_RANGES[score]
    return value * (high - low) + low
