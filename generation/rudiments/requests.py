"""What is wrong with a request for a rudiments corpus, beyond the values of single options."""

from typing import Any

from sousa.generation.audio import asked, fonts
from sousa.generation.errors import collected
from sousa.generation.rudiments import definitions


def parts(options: Any, counts: dict[str, int], problems: list[str]) -> tuple[Any, ...]:
    """Forms, acoustics, and rooms and noises of the user; what is wrong is added to ``problems``."""
    chosen = definitions.main_forms() if options.rudiments is None else definitions.select(options.rudiments)
    problems += asked.useless(options, counts["augmentations"], ("soundfont",), "take")
    problems += asked.too_many(counts["profiles"] * counts["tempos"] * counts["augmentations"] * len(chosen))
    heard = asked.heard(options, counts["augmentations"])
    pool, noises = asked.sounds_of_user(options, heard, problems)
    if options.soundfont and options.with_audio:
        with collected(problems):
            fonts.banks_or_fonts(options.soundfont)
    return tuple(form.form for form in chosen), heard, pool, noises
