"""What is wrong with a request for a rudiments corpus, beyond the values of single options."""

from contextlib import suppress
from typing import Any

from sousa.generation.audio import asked, fonts
from sousa.generation.errors import RunError, collected
from sousa.generation.rudiments import definitions

MAX_ROWS = 10_000_000


def problems_of(options: Any) -> list[str]:
    """What is wrong with options whose values are right, each for itself."""
    problems: list[str] = []
    with suppress(RunError):  # of this machine, not of the request
        parts(options, counts_of(options), problems)
    return problems


def counts_of(options: Any) -> dict[str, int]:
    usual = options.BY_SIZE.get(options.size or "", next(iter(options.BY_SIZE.values())))
    return {
        name: value if getattr(options, name) is None else getattr(options, name)
        for name, value in usual.items()
    }


def parts(options: Any, counts: dict[str, int], problems: list[str]) -> tuple[Any, ...]:
    """Forms, acoustics, and rooms and noises of the user; what is wrong is added to ``problems``."""
    chosen = definitions.main_forms() if options.rudiments is None else definitions.select(options.rudiments)
    problems += asked.useless(options, counts["augmentations"], ("soundfont",), "take")
    rows = counts["profiles"] * counts["tempos"] * counts["augmentations"] * len(chosen)
    if rows > MAX_ROWS:
        problems.append(f"{rows:,} rows are asked for; at most {MAX_ROWS:,} can be made at once")
    heard = asked.heard(options, counts["augmentations"])
    pool, noises = asked.sounds_of_user(options, heard, problems)
    if options.soundfont and options.with_audio:
        with collected(problems):
            fonts.banks_or_fonts(options.soundfont)
    return tuple(form.form for form in chosen), heard, pool, noises
