"""What can be asked for of a rudiments corpus."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from sousa.generation.audio import named_acoustics
from sousa.generation.errors import UsageError
from sousa.generation.models import Number, ProblemsError, Whole, named
from sousa.generation.options import FORMAT, SIZE, SOUND, SeedOptions, option

_PLAYED = "what is played"


def _rudiments(value: object) -> object:
    from sousa.generation.rudiments import definitions

    names = [value] if isinstance(value, str) else value
    if isinstance(names, (list, tuple)):
        try:
            definitions.select([str(name) for name in names])
        except UsageError as error:
            raise ProblemsError(*error.problems) from None
        return list(names)
    return value


def _tiers() -> tuple[str, ...]:
    from sousa.generation.rudiments import players

    return players.tiers()


Names = Annotated[list[str], Field(min_length=1)]


class RudimentsOptions(SeedOptions):
    """Options of the corpus; players, tempi and renderings that are not given are those of the size."""

    SIZES: ClassVar[Mapping[str, int]] = {"small": 1_200, "medium": 12_000, "full": 100_000}
    BY_SIZE: ClassVar[Mapping[str, Mapping[str, int]]] = {
        "small": {"profiles": 10, "tempos": 3, "augmentations": 1},
        "medium": {"profiles": 50, "tempos": 3, "augmentations": 2},
        "full": {"profiles": 100, "tempos": 5, "augmentations": 5},
    }

    profiles: Whole | None = option(None, "players", flags=("--profiles", "-p"), ge=1, le=100_000, group=SIZE)
    tempos: Whole | None = option(
        None, "tempi for each player and rudiment", flags=("--tempos", "-t"), ge=1, le=100, group=SIZE
    )
    augmentations: Whole | None = option(
        None, "renderings of each take", flags=("--augmentations", "-a"), ge=1, le=100, group=SIZE
    )
    rudiments: Annotated[Names | None, BeforeValidator(_rudiments)] = option(
        None, "only these: slug, slug:variant or slug:*, separated by commas (default: all main forms)",
        group=_PLAYED,
    )  # fmt: skip
    tiers: Annotated[Names | None, named("tier", _tiers)] = option(
        None, "only players of these skill tiers, separated by commas (default: all)", group=_PLAYED
    )
    duration_sec: Number = option(
        6.0, "length of playing in seconds", metavar="SEC", ge=1, le=60, unit="s", group=_PLAYED
    )
    mistakes: Literal["as_played", "few", "none"] = option(
        "as_played", "how many mistakes players make: as_played (as their tier does), few or none",
        group=_PLAYED,
    )  # fmt: skip
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
    soundfont: str | None = option(
        None,
        "snares of this .sf2/.sf3, of a KEY of 'sousa soundfonts list', or of a directory of fonts or of "
        "recordings; or BANKS by name",
        metavar="PATH", group=SOUND,
    )  # fmt: skip
    sample_rate: Whole = option(
        44100, "sample rate", metavar="HZ", group=FORMAT, ge=8000, le=96000, unit="Hz"
    )
    channels: Literal[1, 2] = option(
        1, "1 or 2 channels", switches={"--stereo": 2}, switch="two channels", group=FORMAT
    )
    audio_format: Literal["flac", "wav"] = option("flac", "flac or wav", group=FORMAT)

    def further_problems(self) -> list[str]:
        """What contradicts itself, would change nothing, or is not there."""
        from sousa.generation.audio import asked
        from sousa.generation.rudiments import requests

        return asked.problems_of(self, requests.parts)
