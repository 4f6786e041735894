"""What releases and cards say of a rudiments dataset."""

from collections.abc import Mapping
from typing import Any

from sousa.generation.audio import held_out, named_acoustics
from sousa.generation.audio.renderings import responses_for
from sousa.generation.corpus import AUTHORS, Packaging
from sousa.generation.errors import RunError
from sousa.generation.licences import Licensed, licensed
from sousa.generation.rudiments import corpus, players
from sousa.generation.rudiments.settings import Config

_TAGS = (
    "audio", "music", "drums", "snare-drum", "rudiments", "synthetic", "midi", "music-transcription"
)  # fmt: skip
_KEYS = {"soundfont", "licence", "licence_id"}
_RENDERED = """Every take has `clean` among its renderings unless it was left out; the others are augmented.
What was done to a row is in its `aug_*` columns, all of it in `aug_record` (JSON). No stage delays the
sound; tape and sample-rate reduction move it by known amounts, and the labels of those rows are moved along.
"""
_MISTAKES = {
    "as_played": "Mistakes are modelled too: strokes are left out, added, displaced or played by the other "
    "hand. Each is labelled, and written strokes that were not played are listed with their time.",
    "few": "Mistakes are modelled too, about a third as many as players of a tier make. Each is labelled.",
    "none": "Nobody makes labelled mistakes.",
}  # fmt: skip


def packaging(config: Config, facts: Mapping[str, Any]) -> Packaging:
    """See :meth:`sousa.generation.corpus.Corpus.packaging`; ``facts["drums"]`` says what the drums are."""
    drums = facts.get("drums")
    try:
        known = sorted(drum["digest"] for drum in drums if drum.keys() >= _KEYS)
    except (TypeError, KeyError, AttributeError):
        known = None
    if known != sorted(bank.digest for bank in config.banks):
        # their licences are what decides whether rows may be passed on
        raise RunError("manifest.json was changed by hand: its drums are not those of its settings")
    tasks = ("audio-classification", *(["tabular-regression"] if config.with_audio else []))
    return Packaging(
        tags=_TAGS,
        task_categories=tasks,
        annotations_creators=("machine-generated",),
        source_datasets=("original",),
        author=AUTHORS,
        made_of=tuple(_made_of(config, drums)),
        texts=_texts(config, "sound" in facts.get("config", {})),
        provenance={"drums": drums, "acoustic_presets": list(config.acoustics)},
    )


def _made_of(config: Config, drums: list) -> list[Licensed]:
    fonts = sorted({(d["soundfont"], d["licence"], d["licence_id"]) for d in drums}, key=str)
    parts = [licensed("soundfont", *font) for font in fonts]
    unstated = "not stated: a user's own file"
    responses = sorted({response.name for _, response in config.rooms})
    parts += [licensed("impulse response", name, unstated) for name in responses]
    return parts + [licensed("noise", sound.name, unstated) for sound in config.noises]


def _held_out(config: Config) -> str:
    """A sentence on what is heard in the test split alone, empty where nothing is."""
    kinds = []
    if held_out.parted("banks", config.banks)[1]:
        kinds.append("drums")
    used = [response for name in config.acoustics for response in responses_for(config, name)]
    if held_out.parted("responses", used)[1]:
        kinds.append("rooms")
    if not kinds:
        return ""
    what = " and ".join(kinds)
    return f"Some {what} are heard in the test split alone; the column `unseen_sound` says where."


def _texts(config: Config, keeps_apart: bool) -> dict[str, str]:
    channels = "mono" if config.channels == 1 else "stereo"
    audio = f"{config.sample_rate} Hz, {channels}, 16-bit {config.audio_format.upper()}"
    known = named_acoustics.load()
    heard = "\n".join(f"- `{name}`: {known[name].about}" for name in config.acoustics if name in known)
    if config.acoustics != (named_acoustics.CLEAN,):
        heard = f"{_RENDERED}\n{heard}"
    playing = {players.assignment(index)[0] for index in corpus.profile_indices(config)}
    return {
        "tiers": ", ".join(name for i, name in enumerate(players.tiers()) if i in playing),
        "players": f"{config.profiles:,}",
        "forms": str(len(config.forms)),
        "seed": str(config.seed),
        "mistakes": _MISTAKES[config.mistakes],
        "held_out": _held_out(config) if keeps_apart else "",  # since data version 5
        "audio": audio if config.with_audio else "none: labels and MIDI only",
        "made": "audio and MIDI are" if config.with_audio else "MIDI is",
        "acoustics": heard if config.with_audio else "No sound.",
    }
