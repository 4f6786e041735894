"""Which pieces there are, in which split each is, and what is written and played.

Conventions
-----------
Composed pieces are numbered for all time: each third one is simple, medium or complex. A configuration uses
the first ones of the levels it wants, so a piece keeps its number, its split and its players whatever else is
made. Pieces of the user are numbered in the order of their files.
"""

from functools import lru_cache
from itertools import count, islice

from sousa.generation.columns import SPLITS
from sousa.generation.piano.played import Performance
from sousa.generation.piano.score import COMPLEXITIES, Score
from sousa.generation.piano.settings import Config

# 14 of 20 train, 3 validation and 3 test, spread so that every beginning is near these shares
SPLIT_SHARE = (0.70, 0.15, 0.15)  # of SPLITS
_SPLITS = tuple(SPLITS[int(digit)] for digit in "00102000100200010200")
_FIRST = (0, 8, 4)  # where the levels begin in it: the first three pieces are of all splits
_KEPT = 8  # scores and performances: renderings of one performance follow each other


def level_of(index: int) -> str:
    """Complexity of a composed piece."""
    return COMPLEXITIES[index % len(COMPLEXITIES)]


def piece_indices(config: Config) -> list[int]:
    """Numbers of the pieces of a configuration."""
    if config.scores:
        return list(range(config.samples))
    return list(islice((index for index in count() if level_of(index) in config.complexity), config.samples))


def split_of(config: Config, index: int) -> str:
    """Split of a piece, the same for every seed."""
    if config.scores:
        return _SPLITS[index % len(_SPLITS)]
    of_level, level = divmod(index, len(COMPLEXITIES))
    return _SPLITS[(of_level + _FIRST[level]) % len(_SPLITS)]


def piece_id(config: Config, index: int) -> str:
    """Readable name of a piece, such as ``medium00012``."""
    return f"{'score' if config.scores else level_of(index)}{index:05}"


@lru_cache(maxsize=_KEPT)
def score_of(config: Config, index: int) -> Score:
    """What is written."""
    if config.scores:
        from sousa.generation.piano.scores import kept

        return kept(config.scores[index].digest)
    from sousa.generation.piano.composition import Wanted, compose

    wanted = Wanted(
        level_of(index), config.keys, config.metres, config.min_notes, config.max_notes,
        config.min_duration_sec, config.max_duration_sec,
    )  # fmt: skip
    return compose(config.seed, index, wanted)


@lru_cache(maxsize=_KEPT)
def performance_of(config: Config, index: int, performance: int) -> tuple[str, Performance]:
    """``(tier, Performance)``: what one player makes of a piece."""
    from sousa.generation.piano.performance import perform, player

    who = player(config.seed, index, performance, config.tiers)
    score = score_of(config, index)
    return who.tier, perform(score, who, config.seed, index, performance, config.sample_rate)
