"""What can be asked for of a piano corpus."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from sousa.generation.audio import fonts, named_acoustics
from sousa.generation.licences import identifier
from sousa.generation.models import Number, ProblemsError, Whole, named
from sousa.generation.options import FORMAT, SIZE, SOUND, SeedOptions, option
from sousa.generation.piano.composition.wanted import LONGEST_SEC, MOST_NOTES
from sousa.generation.piano.played import TIERS
from sousa.generation.piano.score import COMPLEXITIES, KEYS, tonic_of

_PLAYED = "what is played"
LEVELS = dict(zip(TIERS, COMPLEXITIES, strict=False)) | {"advanced": "complex"}
_NAME = re.compile(r"([A-Ga-g])(##?|bb?|♯|♭)?[ _-]?(.*)")
_MODES = {"": ""} | dict.fromkeys(("major", "maj", "M"), "major")
_MODES |= dict.fromkeys(("minor", "min", "m"), "minor")
_BY_TONIC = {(tonic_of(key), key.split()[1]): key for key in KEYS}


def key_named(text: str) -> str:
    """The key of a name such as ``C``, ``F#m``, ``Bb major`` or ``a minor``; a small letter alone is minor.

    Raises: ValueError.
    """
    name = _NAME.fullmatch(text.strip())
    rest = name[3].strip() if name else ""
    mode = _MODES.get(rest, _MODES.get(rest.lower()))
    if name is None or mode is None:
        raise ValueError(f"{text!r} is no key; give a name such as C, F#m or Bb major")
    mode = mode or ("minor" if name[1].islower() else "major")
    alteration = sum({"#": 1, "♯": 1, "b": -1, "♭": -1}[sign] for sign in name[2] or "")
    pitch = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[name[1].upper()] + alteration
    return _BY_TONIC[pitch % 12, mode]


def _keys(value: Any) -> Any:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)):
        return value
    problems, keys = [], []
    for name in names:
        try:
            keys.append(key_named(str(name)))
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise ProblemsError(*problems)
    return list(dict.fromkeys(keys))


def _levels(value: Any) -> Any:
    names = [value] if isinstance(value, str) else value
    if isinstance(names, (list, tuple)):
        return [LEVELS.get(name, name) if isinstance(name, str) else name for name in names]
    return value


def _metres() -> tuple[str, ...]:
    from sousa.generation.piano.composition import metres

    return metres()


class _Pianos(list[str]):
    """Names of pianos that are here, and of those that are made when they are asked for."""

    def __contains__(self, name: object) -> bool:
        from sousa.generation.piano.sampler import modelled

        computed = isinstance(name, str) and bool(modelled.number_of(name))
        return computed or super().__contains__(name) or name in fonts.catalogue()


def _known_pianos() -> list[str]:
    from sousa.generation.piano.sampler import pianos

    return _Pianos(pianos.available())


Names = Annotated[list[str], Field(min_length=1)]


class PianoOptions(SeedOptions):
    """Options of the corpus; numbers of pieces, performances and renderings not given are of the size."""

    SIZES: ClassVar[Mapping[str, int]] = {"small": 200, "medium": 4_000, "full": 40_000}
    BY_SIZE: ClassVar[Mapping[str, Mapping[str, int]]] = {
        "small": {"samples": 200, "performances": 1, "augmentations": 1},
        "medium": {"samples": 2_000, "performances": 1, "augmentations": 2},
        "full": {"samples": 10_000, "performances": 2, "augmentations": 2},
    }

    samples: Whole | None = option(None, "pieces", flags=("--samples", "-n"), ge=1, le=1_000_000, group=SIZE)
    performances: Whole | None = option(
        None, "performances of each piece, by players of their own", flags=("--performances", "-p"),
        ge=1, le=100, group=SIZE,
    )  # fmt: skip
    augmentations: Whole | None = option(
        None, "renderings of each performance", flags=("--augmentations", "-a"), ge=1, le=100, group=SIZE
    )
    tiers: Annotated[Names | None, named("tier", TIERS)] = option(
        None, "only players of these skill tiers, separated by commas (default: all)", group=_PLAYED
    )
    complexity: Annotated[Names | None, named("complexity", COMPLEXITIES), BeforeValidator(_levels)] = option(
        None,
        "only pieces of these levels, separated by commas: simple, medium, complex, also called beginner, "
        "intermediate, advanced (default: all)",
        group=_PLAYED,
    )
    keys: Annotated[Names | None, BeforeValidator(_keys)] = option(
        None, "only these keys, such as C,F#m,Bb major (default: those of the level)", metavar="KEYS",
        flags=("--key-signatures", "--keys"), group=_PLAYED,
    )  # fmt: skip
    metres: Annotated[Names | None, named("metre", _metres)] = option(
        None, "only these metres, such as 3/4,6/8 (default: those of the level)", metavar="METRES",
        flags=("--time-signatures", "--metres"), group=_PLAYED,
    )  # fmt: skip
    min_notes: Whole | None = option(None, "fewest notes of a piece", ge=1, le=MOST_NOTES, group=_PLAYED)
    max_notes: Whole | None = option(None, "most notes of a piece", ge=4, le=MOST_NOTES, group=_PLAYED)
    min_duration_sec: Number | None = option(
        None, "shortest piece, as written", metavar="SEC", ge=1, le=LONGEST_SEC, unit="s", group=_PLAYED
    )
    max_duration_sec: Number | None = option(
        None, "longest piece, as written", metavar="SEC", ge=2, le=LONGEST_SEC, unit="s", group=_PLAYED
    )
    scores: str | None = option(
        None, "perform your own pieces: a directory of MusicXML and MIDI files", metavar="DIR", group=_PLAYED
    )
    score_licence: Annotated[str, AfterValidator(identifier)] | None = option(
        None, "SPDX identifier of the licence of these files, such as CC0-1.0", metavar="SPDX", group=_PLAYED
    )
    pianos: Annotated[Names | None, named("piano", _known_pianos)] = option(
        None,
        "pianos to play, separated by commas: names of 'sousa pianos list', keys of 'sousa soundfonts list', "
        "or computed ones (modelled_1, modelled_2 and so on); the last of several plays test rows only "
        "(default: the shipped grand)",
        group=SOUND,
    )  # fmt: skip
    soundfont: str | None = option(
        None, "the grand piano of this .sf2/.sf3 file", metavar="PATH", group=SOUND
    )
    acoustics: Annotated[Names | None, named("acoustics", named_acoustics.names)] = option(
        None, "acoustics of the renderings, separated by commas; see 'sousa acoustics' (default: all)",
        flags=("--acoustics", "--presets", "--acoustic-presets"), group=SOUND,
    )  # fmt: skip
    impulse_responses: str | None = option(
        None, "use these rooms: sound files, or folders named after acoustics", metavar="DIR", group=SOUND
    )
    noise_files: str | None = option(
        None, "use these noises in place of generated ones", metavar="DIR", group=SOUND
    )
    with_audio: bool = option(
        True, "whether to make audio, or labels and MIDI only", group=FORMAT, switch="labels and MIDI only",
        switches={"--with-audio": True, "--no-audio": False},
    )  # fmt: skip
    sample_rate: Whole = option(
        16000, "sample rate", metavar="HZ", group=FORMAT, ge=8000, le=96000, unit="Hz"
    )
    channels: Literal[1, 2] = option(
        1, "1 or 2 channels", switches={"--stereo": 2}, switch="two channels", group=FORMAT
    )
    audio_format: Literal["flac", "wav"] = option("flac", "flac or wav", group=FORMAT)

    def further_problems(self) -> list[str]:
        """What contradicts itself, would change nothing, or is not there."""
        from sousa.generation.audio import asked
        from sousa.generation.piano import requests

        return asked.problems_of(self, requests.parts)
