"""What is heard in a row, in sentences: the rudiment, its tempo, how evenly it is played, the drum, the room.

Every word follows from a label: tempo in words from ``tempo_bpm``, evenness from ``timing_consistency``, what
is struck from the name of the bank. Nothing is said of a drum or a room where a row has no sound.
"""

import re
from collections.abc import Mapping
from typing import Any

from sousa.generation.captions.english import in_order, sentence, where_heard, with_article

# quarter notes a minute below which a tempo is called so
TEMPI = ((60, "slow"), (90, "moderate"), (130, "fast"), (float("inf"), "very fast"))
# timing_consistency below which playing is called so
EVENNESS = ((35, "very unevenly"), (50, "unevenly"), (70, "fairly evenly"), (101, "evenly"))
PLAYERS = {
    "beginner": "a beginner", "intermediate": "an intermediate player", "advanced": "an advanced player",
    "professional": "a professional",
}  # fmt: skip
# by a part of the name of a bank
STRUCK = {
    "practice_pad": "a practice pad",
    "marching": "a marching snare drum",
    "brush": "a snare drum with brushes",
    "orchestra": "an orchestral snare drum",
    "": "a snare drum",
}
_PROPER = re.compile(r"\b(lesson|swiss)\b")


def captions(row: Mapping[str, Any]) -> list[str]:
    """See :meth:`sousa.generation.corpus.Corpus.captions`."""
    bpm = row["tempo_bpm"]
    tempo, evenness = word(TEMPI, bpm), row["timing_consistency"]
    evenly = "" if evenness is None else word(EVENNESS, evenness)  # takes of few strokes have no figure
    figure = with_article(rudiment(row["rudiment_name"], row["variant"]))
    player, at = PLAYERS[row["skill_tier"]], f"at {with_article(tempo)} {bpm} BPM"
    time = f"in {row['metre']} time and at {with_article(tempo)} tempo of {bpm} BPM"
    drum = next(text for part, text in STRUCK.items() if part in (row["bank"] or ""))
    room = where_heard(row["augmentation_preset"]) if row["bank"] else ""
    wordings = (
        sentence(figure, at, ", played", evenly, "by", player, "on", drum, room),
        sentence(player, "plays", figure, evenly, at, "on", drum, room),
        sentence(drum, room and f"{room},", "on which", player, "plays", figure, evenly, f"at {bpm} BPM"),
        sentence(time, ",", player, "plays", figure, evenly, "on", drum, room),
    )
    return in_order(row["seed"], row["sample_id"], wordings)


def rudiment(name: str, variant: str | None) -> str:
    """A rudiment as it is called in a sentence: ``drag paradiddle number 2``."""
    name = _PROPER.sub(lambda match: match[0].capitalize(), name.lower()).replace("#", "number ")
    return f"{name} in the variant {variant.replace('_', ' ')}" if variant else name


def word(words: tuple[tuple[float, str], ...], value: float) -> str:
    """The word for a value: that of the first bound above it."""
    return next(text for bound, text in words if value < bound)
