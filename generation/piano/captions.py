"""What is heard in a row, in sentences: key, metre, tempo, mood, level, player, pedal, tone, room.

Every word follows from a label: tempo from the median of what is played, in beats as they are counted, mood
from mode and tempo, pedal from the share of time in which it is down. Nothing is said of tone or room where
a row has no sound.
"""

from collections.abc import Mapping
from typing import Any

from sousa.generation.captions.english import in_order, sentence, where_heard, with_article
from sousa.generation.piano.score import beat_length

# beats a minute below which a tempo is called so
TEMPI = ((60, "slow"), (90, "moderately paced"), (130, "fast"), (float("inf"), "very fast"))
MOODS = {
    ("major", "slow"): ("calm", "gentle"),
    ("major", "moderately paced"): ("bright", "friendly"),
    ("major", "fast"): ("cheerful", "lively"),
    ("minor", "slow"): ("sad", "melancholic"),
    ("minor", "moderately paced"): ("dark", "pensive"),
    ("minor", "fast"): ("restless", "dramatic"),
}
LEVELS = {"simple": "simple", "medium": "moderately difficult", "complex": "complex"}
PLAYERS = {
    "beginner": "a beginner", "intermediate": "an intermediate player", "professional": "a professional"
}  # fmt: skip
# pedal_share up to which the pedal is used so
PEDAL = (
    (0.0, "without pedal"), (0.25, "with little pedal"), (0.6, "with some pedal"), (1.0, "with much pedal")
)  # fmt: skip
TONE_DB = 3.0  # brightness_db from which on the tone is called bright, or below minus that mellow
_ACCIDENTALS = {"#": " sharp", "b": " flat"}


def captions(row: Mapping[str, Any]) -> list[str]:
    """See :meth:`sousa.generation.corpus.Corpus.captions`."""
    key, beats = key_name(row["key"]), row["performed_tempo_bpm"] / beat_length(row["metre"])
    tempo = next(word for bound, word in TEMPI if beats < bound)
    paced, time = f"{tempo} at about {round(beats)} beats a minute", f"{row['metre']} time"
    mood, other = MOODS[row["key"].split()[1], tempo.removeprefix("very ")]
    player = PLAYERS[row["skill_tier"]]
    pedal = next(words for bound, words in PEDAL if row["pedal_share"] <= bound)
    sounds = row["piano"] is not None
    room = where_heard(row["augmentation_preset"]) if sounds else ""
    tone = row["brightness_db"] if sounds else 0.0
    sound = f"{'bright ' * (tone >= TONE_DB)}{'mellow ' * (tone <= -TONE_DB)}piano"
    piece = f"{LEVELS.get(row['complexity'], '')} {row['style']} piece".strip()
    moody = with_article(f"{mood} piano piece in {key}")
    wordings = (
        sentence(moody, "and", time, ",", paced, ", played by", player, pedal, room),
        sentence(player, "plays", with_article(f"{tempo}, {other} piano piece in {key}"), pedal, room),
        sentence(tempo, row["style"], "piano music in", key, room, ",", mood, "and", pedal),
        sentence("this", piece, "for", sound, "is in", key, "and", time, ",", tempo, "and", other),
        sentence(with_article(piece), ",", paced, ", on", with_article(sound), room, ",", pedal),
    )
    return in_order(row["seed"], row["sample_id"], wordings)


def key_name(key: str) -> str:
    """A key in words: ``B flat minor`` for ``Bb minor``."""
    tonic, mode = key.split()
    return f"{tonic[0]}{_ACCIDENTALS.get(tonic[1:], '')} {mode}"
