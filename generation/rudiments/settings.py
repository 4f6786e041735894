"""What rudiments corpus to make: the configuration, as it is used after options have been checked."""

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

from sousa.generation.audio import (
    accompaniment,
    acoustics,
    asked,
    banks,
    drums,
    fonts,
    held_out,
    named_acoustics,
    noise,
    rooms,
)
from sousa.generation.audio.named_acoustics import CLEAN
from sousa.generation.audio.noise import NoiseFile
from sousa.generation.audio.rooms import Response
from sousa.generation.errors import RunError, raise_all
from sousa.generation.rudiments import Rudiments, definitions, mistakes, players, requests
from sousa.generation.rudiments.options import RudimentsOptions

SIZES = RudimentsOptions.BY_SIZE


@dataclass(frozen=True)
class BankRef:
    """A note bank as a configuration names it."""

    name: str
    digest: str
    path: str


@dataclass(frozen=True)
class Config:
    """What corpus to make.

    Attributes:
        acoustics: of the renderings, in the order of :func:`sousa.generation.audio.named_acoustics.names`;
            without audio only ``clean``, because nothing is heard.
        rooms: a user's impulse responses in place of the shipped ones: ``(acoustics or "", Response)``.
        noises: a user's noise files in place of the stated colours.
    """

    size: str  # name of the size it came from, or custom
    profiles: int
    tempos: int
    augmentations: int
    seed: int
    forms: tuple[str, ...]  # names of rudiments and variants, in order
    tiers: tuple[str, ...]  # whose players are used, in order
    duration_sec: float  # wanted length of playing
    sample_rate: int
    channels: int
    audio_format: str
    with_audio: bool
    mistakes: str = "as_played"  # one of mistakes.LEVELS
    banks: tuple[BankRef, ...] = ()  # the drums, none without audio
    acoustics: tuple[str, ...] = (CLEAN,)
    rooms: tuple[tuple[str, Response], ...] = ()
    noises: tuple[NoiseFile, ...] = ()

    def identity(self) -> dict[str, Any]:
        """What decides the bytes of the corpus, as plain data: all but where banks are stored."""
        data = {name: value for name, value in vars(self).items() if name != "size"}
        data["corpus"], data["data_version"] = Rudiments.name, Rudiments.data_version
        for name in ("forms", "tiers", "acoustics"):
            data[name] = list(data[name])
        data["banks"] = [[bank.name, bank.digest] for bank in self.banks]
        data["rooms"] = [[key, response.name, response.digest] for key, response in self.rooms]
        data["noises"] = [[sound.name, sound.digest] for sound in self.noises]
        if self.with_audio:
            data["sound"] = sound_digest()
        if self.acoustics != (CLEAN,):
            data["acoustics_digest"] = acoustics.digest()
        return data

    @property
    def files(self) -> tuple[str, ...]:
        """What rows are made of beside the package: drums, rooms and noises of this user."""
        responses = (rooms.path_of(response.digest) for _, response in self.rooms)
        noises = (noise.USER.path(file.digest) for file in self.noises)
        return (*(bank.path for bank in self.banks), *map(str, (*responses, *noises)))

    @property
    def num_rows(self) -> int:
        """Rows of the dataset."""
        return self.profiles * self.tempos * self.augmentations * len(self.forms)


def make_config(size: str = "small", **options: Any) -> Config:
    """The configuration of options by name, see :class:`sousa.generation.rudiments.options.RudimentsOptions`.

    Raises: UsageError with every problem.
    """
    return config_of(RudimentsOptions.read({"size": size, **options}))


def config_of(options: RudimentsOptions, say: Any = lambda text: None) -> Config:
    """The configuration that checked options ask for.

    Raises: UsageError with every problem that is left: what would change nothing, or is not there.
    """
    counts = asked.counts_of(options)
    problems: list[str] = []
    forms, heard, pool, noises = requests.parts(options, counts, problems)
    raise_all(problems)
    size = options.size or next(iter(SIZES))
    custom = ("profiles", "tempos", "augmentations", "rudiments", "tiers", "acoustics", "impulse_responses",
              "noise_files")  # fmt: skip
    chosen = any(getattr(options, name) is not None for name in custom)
    if chosen or options.mistakes != mistakes.LEVELS[0]:
        size = "custom"
    tiers = tuple(name for name in players.tiers() if options.tiers is None or name in options.tiers)
    # of those that are shipped no sound is read: what a row needs of it is checked where that is made
    used = [(*banks.stored(path), path) for path in banks.find(banks.SHIPPED_DIR).values()]
    if options.soundfont and options.with_audio:
        used = [(bank.name, bank.digest, bank.path) for bank in fonts.banks_of(options.soundfont, say)]
    refs = tuple(BankRef(name, digest, str(path)) for name, digest, path in sorted(used, key=itemgetter(0)))
    responses = tuple((key, response) for key in sorted(pool) for response in pool[key])
    return Config(
        size, **counts, seed=options.seed, forms=forms, tiers=tiers, duration_sec=float(options.duration_sec),
        sample_rate=options.sample_rate, channels=options.channels, audio_format=options.audio_format,
        with_audio=options.with_audio, mistakes=options.mistakes, banks=refs if options.with_audio else (),
        acoustics=heard, rooms=responses, noises=noises,
    )  # fmt: skip


def resized(config: Config, size: str) -> Config | None:
    """The configuration of a size that differs in nothing else; None for one that is no size's."""
    everything = tuple(form.form for form in definitions.main_forms())
    everyone = config.forms == everything and len(config.tiers) == len(players.tiers())
    usual = named_acoustics.names() if config.with_audio and config.augmentations > 1 else (CLEAN,)
    everyone = everyone and config.mistakes == mistakes.LEVELS[0]
    if not everyone or config.acoustics != usual or config.rooms or config.noises:
        return None
    return replace(config, size=size, **SIZES[size])


def sound_digest() -> str:
    """SHA-256 of what decides sounds beside banks and acoustics: set-ups, accompaniment, held-out names."""
    held = {kind: sorted(names) for kind, names in held_out.names().items()}
    parts = [drums.SETUP_VERSION, accompaniment.VERSION, held]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def restore(identity: dict[str, Any], size: str, rows_only: bool) -> Config:
    """The Config of an identity, with this machine's copies of its drums, rooms and noises.

    Raises: RunError when something is needed and not here.
    """
    data = {name: value for name, value in identity.items() if name not in ("corpus", "data_version")}
    if "presets" in data:  # before data version 3
        data["acoustics_digest"], data["acoustics"] = data.pop("acoustics", None), data.pop("presets")
    data.setdefault("mistakes", "none")  # before data version 5 only accents were missed
    values = ("profiles", "tempos", "augmentations", "seed", "duration_sec", "sample_rate", "channels",
              "audio_format", "with_audio", "mistakes")  # fmt: skip
    RudimentsOptions.read({name: data[name] for name in values})
    if not data["forms"] or not set(data["tiers"]) & set(players.tiers()):
        raise ValueError(f"forms are {data['forms']}, tiers {data['tiers']}")
    digests = [digest for *_, digest in (*data["rooms"], *data["noises"])]
    known = rows_only or set(data["acoustics"]) <= set(named_acoustics.names())
    if not known or not data["acoustics"] or not all(isinstance(name, str) for name in data["acoustics"]):
        raise ValueError(f"acoustics are {data['acoustics']}")
    if not all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests):
        raise ValueError("a digest is no digest")
    if not rows_only and data.get("sound", sound_digest()) != sound_digest():
        raise RunError("this dataset was made with other set-ups of drums; use the sousa that made it")
    data.pop("sound", None)
    made_with = data.pop("acoustics_digest", None)
    if not rows_only and made_with not in (None, acoustics.digest()):
        raise RunError("this dataset was made with other acoustics or rooms; use the sousa that made it")
    for name in ("forms", "tiers", "acoustics"):
        data[name] = tuple(data[name])
    data["banks"] = _banks(data["banks"], rows_only)
    data["rooms"] = tuple(
        (key, Response(name, digest, {}) if rows_only else rooms.kept(name, digest))
        for key, name, digest in data["rooms"]
    )
    gone = [name for name, digest in data["noises"] if not rows_only and not noise.USER.path(digest).exists()]
    if gone:
        raise RunError(f"noises not on this machine: {', '.join(gone)}; {noise.USER.again}")
    data["noises"] = tuple(NoiseFile(name, digest) for name, digest in data["noises"])
    unknown = [name for name in data["forms"] if name not in definitions.load()]
    if unknown and not rows_only:
        raise RunError(f"rudiments not on this machine: {', '.join(unknown)}; add their definition files")
    return Config(size=size, **data)


def _banks(stored: list, rows_only: bool) -> tuple[BankRef, ...]:
    """The drums of an identity; where rows are only read, those that are not here have no path."""
    here = {}
    for path in banks.available().values():
        with suppress(banks.BankError):
            here[banks.stored(path)[1]] = path
    refs = tuple(BankRef(name, digest, str(here.get(digest, ""))) for name, digest in stored)
    missing = [ref.name for ref in refs if not ref.path]
    if missing and not rows_only:
        raise RunError(
            f"drums not on this machine: {', '.join(missing)}; build them with 'sousa banks build FONT'"
        )
    return refs
