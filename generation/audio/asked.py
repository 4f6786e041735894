"""What is asked for of sound, the same in every corpus: acoustics, and rooms and noises of the user.

Conventions: ``options`` are those of a corpus with the fields ``acoustics``, ``augmentations``,
``impulse_responses``, ``noise_files``, ``size`` and ``with_audio``, and with the counts of each size as
``BY_SIZE``.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from sousa.generation.audio import named_acoustics, noise, rooms
from sousa.generation.audio.named_acoustics import CLEAN
from sousa.generation.audio.noise import NoiseFile
from sousa.generation.audio.rooms import Response
from sousa.generation.errors import RunError, collected

MAX_ROWS = 10_000_000
_PATHS = ("impulse_responses", "noise_files")


def counts_of(options: Any) -> dict[str, int]:
    """How many of each thing are made: what is asked for, else what the size says."""
    usual = options.BY_SIZE.get(options.size or "", next(iter(options.BY_SIZE.values())))
    return {
        name: value if getattr(options, name) is None else getattr(options, name)
        for name, value in usual.items()
    }


def problems_of(options: Any, parts: Callable[[Any, dict[str, int], list[str]], Any]) -> list[str]:
    """What is wrong with options whose values are right, each for itself.

    Args:
        parts: of the corpus; called with options, their counts, and the list to which it adds problems.
    """
    problems: list[str] = []
    with suppress(RunError):  # of this machine, not of the request
        parts(options, counts_of(options), problems)
    return problems


def too_many(rows: int) -> list[str]:
    """A sentence on more rows than can be made at once, in a list; an empty one for fewer."""
    return [f"{rows:,} rows are asked for; at most {MAX_ROWS:,} can be made at once"] * (rows > MAX_ROWS)


def heard(options: Any, augmentations: int) -> tuple[str, ...]:
    """Names of the acoustics of a configuration, in the order of the table."""
    names = tuple(n for n in named_acoustics.names() if options.acoustics is None or n in options.acoustics)
    # with one rendering and clean among the acoustics, that one is clean; without audio nothing is heard
    return (CLEAN,) if not options.with_audio or (augmentations == 1 and names[0] == CLEAN) else names


def useless(options: Any, augmentations: int, sources: Sequence[str], noun: str) -> list[str]:
    """What is asked for and would change nothing, or names nothing: list of sentences.

    Args:
        sources: options that name what is played, such as ``soundfont``.
        noun: what has renderings.
    """
    texts = [name for name in (*sources, *_PATHS) if getattr(options, name) == ""]
    problems = [f"{options.called(n)} is empty; name a file or directory, or leave it out" for n in texts]
    wanted = [name for name in named_acoustics.names() if name in (options.acoustics or ())]
    if not options.with_audio:
        idle = [name for name in (*sources, *_PATHS, "acoustics") if getattr(options, name)]
        problems += [f"{options.called(name)} has no use without audio; leave it out" for name in idle]
    elif augmentations == 1 < len(wanted) and wanted[0] == CLEAN and options.sure("augmentations"):
        problems.append(
            f"{options.called('acoustics')} {','.join(wanted)} with one rendering of each {noun} makes clean "
            f"rows only; give {options.called('augmentations')} {len(wanted)} for each once, or leave clean "
            "out"
        )
    return problems


Pool = dict[str, tuple[Response, ...]]


def sounds_of_user(
    options: Any, used: tuple[str, ...], problems: list[str]
) -> tuple[Pool, tuple[NoiseFile, ...]]:
    """``(responses by acoustics, noises)`` of the user.

    Args:
        used: names of acoustics, see :func:`heard`.
        problems: what is wrong with these sounds, or would use none of them, is added to it.
    """
    pool: Pool = {}
    noises: tuple[NoiseFile, ...] = ()
    if options.with_audio and options.impulse_responses:
        with collected(problems):
            pool = rooms.user_pool(options.impulse_responses)
    if options.with_audio and options.noise_files:
        with collected(problems):
            noises = noise.user_files(options.noise_files)
    if options.sure("acoustics", "augmentations"):
        problems += _idle(options, used, pool, noises)
    return pool, noises


def _idle(options: Any, used: tuple[str, ...], pool: Pool, noises: tuple[NoiseFile, ...]) -> list[str]:
    """Rooms and noises of the user that no row would use: list of sentences."""
    ways = f"choose other {options.called('acoustics')}, or give {options.called('augmentations')} 2 or more"
    problems = []
    if pool and not (pool.get("") and set(used) & set(rooms.stated())):
        names = [name for name in pool if name not in used]
        if used == (CLEAN,) or names:
            problems.append(
                f"{options.called('impulse_responses')} has no use for {', '.join(names) or 'clean rows'}: "
                f"no such row is made; {ways}"
            )
    if noises and not any(named_acoustics.load()[name].noise for name in used):
        problems.append(f"{options.called('noise_files')} has no use: {', '.join(used)} has no noise; {ways}")
    return problems
