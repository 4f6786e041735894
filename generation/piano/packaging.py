"""What releases and cards say of a piano dataset."""

from collections.abc import Mapping
from typing import Any

from sousa.generation.audio import named_acoustics
from sousa.generation.corpus import AUTHORS, Packaging
from sousa.generation.errors import RunError
from sousa.generation.licences import Licensed, known, licensed
from sousa.generation.piano.settings import Config

_TAGS = (
    "audio", "music", "piano", "synthetic", "midi", "music-transcription", "automatic-music-transcription"
)  # fmt: skip
_KEYS = {"name", "soundfont", "licence", "licence_id"}
_SCORES = "{} scores of the user, named in the rows"
_RENDERED = """Every performance has `clean` among its renderings unless it was left out; the others are
augmented. What was done to a row is in `aug_record` (JSON). No stage delays the sound; tape and sample-rate
reduction move it by known amounts, and the labels of those rows are moved along.
"""


def packaging(config: Config, facts: Mapping[str, Any]) -> Packaging:
    """See :meth:`sousa.generation.corpus.Corpus.packaging`; ``facts["pianos"]`` says what the pianos are."""
    pianos: Any = facts.get("pianos")
    try:
        stated: Any = sorted(piano["digest"] for piano in pianos if piano.keys() >= _KEYS)
    except (TypeError, KeyError, AttributeError):
        stated = None
    if stated != sorted({piano.digest for piano in config.pianos}):
        # their licences are what decides whether rows may be passed on
        raise RunError("manifest.json was changed by hand: its pianos are not those of its settings")
    return Packaging(
        tags=_TAGS,
        task_categories=("audio-classification",),
        annotations_creators=("machine-generated",),
        source_datasets=("original",),
        author=AUTHORS,
        made_of=tuple(_made_of(config, pianos)),
        texts=_texts(config, pianos),
        provenance={"pianos": pianos, "acoustic_presets": list(config.acoustics)},
    )


def _made_of(config: Config, pianos: list) -> list[Licensed]:
    fonts = sorted({(p["soundfont"], p["licence"], p["licence_id"]) for p in pianos}, key=str)
    parts = [licensed("soundfont", *font) for font in fonts]
    unstated = "not stated: a user's own file"
    if config.scores:
        licence = config.score_licence
        identifier = licence if licence in known() else None
        parts.append(licensed("score", _SCORES.format(config.samples), licence or unstated, identifier))
    responses = sorted({response.name for _, response in config.rooms})
    parts += [licensed("impulse response", name, unstated) for name in responses]
    return parts + [licensed("noise", sound.name, unstated) for sound in config.noises]


def _texts(config: Config, pianos: list) -> dict[str, str]:
    channels = "mono" if config.channels == 1 else "stereo"
    audio = f"{config.sample_rate} Hz, {channels}, 16-bit {config.audio_format.upper()}"
    presets = named_acoustics.load()
    heard = "\n".join(f"- `{name}`: {presets[name].about}" for name in config.acoustics if name in presets)
    if config.acoustics != (named_acoustics.CLEAN,):
        heard = f"{_RENDERED}\n{heard}"
    names = ", ".join(f"`{piano['name']}`" for piano in pianos)
    if len(pianos) > 1:
        names += f". The last one, `{config.pianos[-1].name}`, is heard in test rows only"
    return {
        "pieces": f"{config.samples:,}",
        "written": "scores of the user" if config.scores else f"composed: {', '.join(config.complexity)}",
        "tiers": ", ".join(config.tiers),
        "performances": str(config.performances),
        "seed": str(config.seed),
        "audio": audio if config.with_audio else "none: labels and MIDI only",
        "pianos": names or "none",
        "acoustics": heard if config.with_audio else "No sound.",
    }
