"""What is wrong with a request for a piano corpus, beyond the values of single options."""

import re
from typing import Any

from sousa.generation.audio import asked, fonts, soundfonts
from sousa.generation.errors import collected
from sousa.generation.piano.score import COMPLEXITIES
from sousa.generation.text import counted

PIECE_OPTIONS = (
    "complexity", "keys", "metres", "min_notes", "max_notes", "min_duration_sec", "max_duration_sec"
)  # fmt: skip


def parts(options: Any, counts: dict[str, int], problems: list[str]) -> tuple[Any, ...]:
    """Scores as ``(name, digest)``, acoustics, and rooms and noises of the user; scores decide the number of
    samples.

    Args:
        problems: what is wrong is added to it.
    """
    problems += _problems(options, counts)
    scores: tuple[Any, ...] = ()
    if options.scores:
        from sousa.generation.piano.scores import read_scores

        with collected(problems):
            scores = tuple(read_scores(options.scores))
        if options.samples and options.samples > len(scores) > 0:
            number, more = counted(len(scores), "score"), options.called("performances")
            problems.append(
                f"{options.called('samples')} is {options.samples}, and {options.scores} has {number}; "
                f"leave it out for all of them, or give more {more}"
            )
        scores = scores[: options.samples]
        counts["samples"] = len(scores)
    problems += asked.too_many(counts["samples"] * counts["performances"] * counts["augmentations"])
    heard = asked.heard(options, counts["augmentations"])
    pool, noises = asked.sounds_of_user(options, heard, problems)
    if options.soundfont and options.with_audio:
        with collected(problems):
            soundfonts.find_fonts(fonts.resolve(options.soundfont))
    return scores, heard, pool, noises


def _unmet(options: Any) -> list[str]:
    """Wishes that pieces can't meet."""
    from sousa.generation.piano.composition import Wanted
    from sousa.generation.piano.composition import problems as of_pieces

    limits = [getattr(options, name) for name in PIECE_OPTIONS[3:]]
    out = []
    for level in options.complexity or COMPLEXITIES:
        out += of_pieces(Wanted(level, tuple(options.keys or ()), tuple(options.metres or ()), *limits))
    words = re.compile(r"\b(" + "|".join(PIECE_OPTIONS[3:]) + r")\b")
    return [words.sub(lambda name: options.called(name[0]), text) for text in dict.fromkeys(out)]


def _problems(options: Any, counts: dict[str, int]) -> list[str]:
    """What contradicts itself, would change nothing, or names nothing."""
    problems = asked.useless(options, counts["augmentations"], ("pianos", "soundfont"), "performance")
    if options.pianos and options.soundfont:
        both = f"{options.called('pianos')} and {options.called('soundfont')}"
        problems.append(f"{both} are both given; leave one out, or build the font's first: 'sousa pianos'")
    if options.pianos and len(set(options.pianos)) > 1 and options.pianos[-1] in options.pianos[:-1]:
        problems.append(
            f"{options.called('pianos')} names {options.pianos[-1]!r} last, which is kept for test rows, and "
            "before; name it once"
        )
    if options.sure(*PIECE_OPTIONS):
        problems += _unmet(options)
    if options.scores == "":
        problems.append(f"{options.called('scores')} is empty; name a directory, or leave it out")
    elif options.scores:
        idle = [options.called(name) for name in PIECE_OPTIONS if getattr(options, name) is not None]
        problems += [f"{name} has no use for scores of your own; leave it out" for name in idle]
    elif options.score_licence is not None and options.sure("scores"):
        problems.append(
            f"{options.called('score_licence')} has no use without {options.called('scores')}; leave it out"
        )
    return problems
