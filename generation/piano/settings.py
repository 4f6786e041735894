"""What piano corpus to make: the configuration, as it is used after options have been checked."""

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sousa.generation.audio import acoustics, asked, fonts, named_acoustics, noise, rooms, soundfonts
from sousa.generation.audio.banks import BankError
from sousa.generation.audio.named_acoustics import CLEAN
from sousa.generation.audio.noise import NoiseFile
from sousa.generation.audio.rooms import Response
from sousa.generation.errors import RunError, UsageError, raise_all
from sousa.generation.piano import Piano, requests, scores
from sousa.generation.piano.options import PianoOptions
from sousa.generation.piano.played import TIERS
from sousa.generation.piano.score import COMPLEXITIES, KEYS
from sousa.generation.storage import file_digest

SIZES = PianoOptions.BY_SIZE


@dataclass(frozen=True)
class PianoRef:
    """A piano as a configuration names it."""

    name: str
    digest: str
    path: str


@dataclass(frozen=True)
class ScoreRef:
    """A score of the user as a configuration names it: its path in the directory, and its digest."""

    name: str
    digest: str


@dataclass(frozen=True)
class Config:
    """What corpus to make.

    Attributes:
        samples: pieces.
        complexity: whose pieces are used, in order; empty where scores are given.
        keys, metres: in which pieces are; empty for those of the level.
        min_notes, max_notes, min_duration_sec, max_duration_sec: of a piece; None without a limit.
        scores: of the user, in place of composed pieces.
        pianos: none without audio; one that is named twice is heard twice as often. Where there are several,
            the last one is heard in test rows only.
        acoustics, rooms, noises: as in rudiments' Config; of several rooms of acoustics, the last one is
            heard in test rows only.
    """

    size: str  # name of the size it came from, or custom
    samples: int
    performances: int
    augmentations: int
    seed: int
    tiers: tuple[str, ...]
    complexity: tuple[str, ...]
    keys: tuple[str, ...]
    metres: tuple[str, ...]
    min_notes: int | None
    max_notes: int | None
    min_duration_sec: float | None
    max_duration_sec: float | None
    sample_rate: int
    channels: int
    audio_format: str
    with_audio: bool
    scores: tuple[ScoreRef, ...] = ()
    score_licence: str | None = None
    pianos: tuple[PianoRef, ...] = ()
    acoustics: tuple[str, ...] = (CLEAN,)
    rooms: tuple[tuple[str, Response], ...] = ()
    noises: tuple[NoiseFile, ...] = ()

    def identity(self) -> dict[str, Any]:
        """What decides the bytes of the corpus, as plain data: all but where pianos are stored."""
        data = {name: value for name, value in vars(self).items() if name != "size"}
        data["corpus"], data["data_version"] = Piano.name, Piano.data_version
        for name in _TUPLES:
            data[name] = list(data[name])
        for name in ("pianos", "scores", "noises"):
            data[name] = [[part.name, part.digest] for part in data[name]]
        data["rooms"] = [[key, response.name, response.digest] for key, response in self.rooms]
        if self.acoustics != (CLEAN,):
            data["acoustics_digest"] = acoustics.digest()
        return data

    @property
    def files(self) -> tuple[str, ...]:
        """What rows are made of beside the package: pianos, scores, rooms and noises of this user."""
        kept = (scores.path_of(score.digest) for score in self.scores)
        responses = (rooms.path_of(response.digest) for _, response in self.rooms)
        noises = (noise.USER.path(file.digest) for file in self.noises)
        return (*(piano.path for piano in self.pianos), *map(str, (*kept, *responses, *noises)))

    @property
    def num_rows(self) -> int:
        """Rows of the dataset."""
        return self.samples * self.performances * self.augmentations


_TUPLES = ("tiers", "complexity", "keys", "metres", "acoustics")


def make_config(size: str = "small", **options: Any) -> Config:
    """The configuration of options by name, see :class:`sousa.generation.piano.options.PianoOptions`.

    Raises: UsageError with every problem.
    """
    return config_of(PianoOptions.read({"size": size, **options}))


def config_of(options: PianoOptions, say: Any = lambda text: None) -> Config:
    """The configuration that checked options ask for.

    Raises: UsageError with every problem that is left: what would change nothing, or is not there.
    """
    counts = asked.counts_of(options)
    problems: list[str] = []
    entries, heard, pool, noises = requests.parts(options, counts, problems)
    raise_all(problems)
    scores = tuple(ScoreRef(*entry) for entry in entries)
    size = options.size or next(iter(SIZES))
    custom = ("samples", "performances", "augmentations", "tiers", *requests.PIECE_OPTIONS, "scores",
              "pianos", "soundfont", "acoustics", "impulse_responses", "noise_files")  # fmt: skip
    if any(getattr(options, name) is not None for name in custom):
        size = "custom"
    limits = ("min_duration_sec", "max_duration_sec")
    spans: Any = {name: getattr(options, name) for name in limits}
    spans = {name: value and float(value) for name, value in spans.items()}
    return Config(
        size, **counts, seed=options.seed, tiers=_in_order(TIERS, options.tiers),
        complexity=() if scores else _in_order(COMPLEXITIES, options.complexity),
        keys=tuple(name for name in KEYS if name in (options.keys or ())),
        metres=tuple(sorted(options.metres or ())), min_notes=options.min_notes,
        max_notes=options.max_notes, **spans,
        sample_rate=options.sample_rate, channels=options.channels, audio_format=options.audio_format,
        with_audio=options.with_audio, scores=scores, score_licence=options.score_licence,
        pianos=_pianos(options, say) if options.with_audio else (), acoustics=heard,
        rooms=tuple((key, response) for key in sorted(pool) for response in pool[key]), noises=noises,
    )  # fmt: skip


def _in_order(names: tuple[str, ...], wanted: list[str] | None) -> tuple[str, ...]:
    return tuple(name for name in names if wanted is None or name in wanted)


def _pianos(options: PianoOptions, say: Any) -> tuple[PianoRef, ...]:
    from sousa.generation.piano.sampler import modelled, pianos

    if options.soundfont:
        loaded = [pianos.load(path) for path in _of_fonts(options.soundfont, say)]
        used = sorted(loaded, key=lambda piano: piano.name)
    elif options.pianos:
        used = [
            pianos.load(_of_fonts(name, say)[0]) if name in fonts.catalogue() else modelled.by_name(name, say)
            for name in options.pianos
        ]
    else:
        used = [pianos.shipped()]
    return tuple(PianoRef(piano.name, piano.digest, str(piano.path)) for piano in used)


def _of_fonts(path: str, say: Any) -> list[Path]:
    """The pianos of a font, or of those of a directory, built where this user has none yet."""
    from sousa.generation.piano.sampler import cutting, pianos

    out = []
    for font in soundfonts.find_fonts(fonts.resolve(path)):
        mark = f"_{file_digest(font)[:8]}_"  # in the name of its piano
        known = next((place for name, place in pianos.available().items() if mark in name), None)
        if known is None:
            say(f"building a piano from {font}")
            known = cutting.build(font, progress=say, licence_id=fonts.spdx_of(font))
        out.append(known)
    return list(dict.fromkeys(out))


def resized(config: Config, size: str) -> Config | None:
    """The configuration of a size that differs in nothing else; None for one that is no size's."""
    from sousa.generation.piano.sampler import pianos

    chosen = (config.keys, config.metres, config.scores, config.rooms, config.noises, config.min_notes,
              config.max_notes, config.min_duration_sec, config.max_duration_sec)  # fmt: skip
    everything = config.complexity == COMPLEXITIES and config.tiers == TIERS
    usual = named_acoustics.names() if config.with_audio and config.augmentations > 1 else (CLEAN,)
    pianos_ = [pianos.shipped().digest] if config.with_audio else []
    if any(chosen) or not everything or config.acoustics != usual:
        return None
    if [ref.digest for ref in config.pianos] != pianos_:
        return None
    counts: Any = SIZES[size]
    heard = named_acoustics.names() if config.with_audio and counts["augmentations"] > 1 else (CLEAN,)
    return replace(config, size=size, acoustics=heard, **counts)


def restore(identity: dict[str, Any], size: str, rows_only: bool) -> Config:
    """The Config of an identity, with this machine's copies of its pianos, scores, rooms and noises.

    Raises: RunError when something is needed and not here.
    """
    from sousa.generation.piano.composition import metres

    data = {name: value for name, value in identity.items() if name not in ("corpus", "data_version")}
    checked = ("samples", "performances", "augmentations", "seed", "sample_rate", "channels", "tiers",
               "audio_format", "with_audio", "min_notes", "max_notes", "min_duration_sec",
               "max_duration_sec")  # fmt: skip
    PianoOptions.read({name: data[name] for name in checked})
    # options have other names for these too, and configurations have not
    for name, known in (("complexity", COMPLEXITIES), ("keys", tuple(KEYS)), ("metres", metres())):
        if not set(data[name]) <= set(known):
            raise ValueError(f"{name} are {data[name]}")
    if not (data["complexity"] or data["scores"]):
        raise ValueError("there are neither levels nor scores")
    if data["scores"] and len(data["scores"]) != data["samples"]:
        raise ValueError(f"samples is {data['samples']}, of {len(data['scores'])} scores")
    if bool(data["pianos"]) != data["with_audio"]:
        raise ValueError(f"there are {len(data['pianos'])} pianos, and with_audio is {data['with_audio']}")
    if not data["acoustics"] or not all(isinstance(name, str) for name in data["acoustics"]):
        raise ValueError(f"acoustics are {data['acoustics']}")
    if not rows_only and not set(data["acoustics"]) <= set(named_acoustics.names()):
        raise ValueError(f"acoustics are {data['acoustics']}")
    parts = [*data["rooms"], *data["noises"], *data["pianos"], *data["scores"]]
    if not all(re.fullmatch("[0-9a-f]{64}", digest) for *_, digest in parts):
        raise ValueError("a digest is no digest")
    made_with = data.pop("acoustics_digest", None)
    if not rows_only and made_with not in (None, acoustics.digest()):
        raise RunError("this dataset was made with other acoustics or rooms; use the sousa that made it")
    for name in _TUPLES:
        data[name] = tuple(data[name])
    data["scores"] = tuple(ScoreRef(name, digest) for name, digest in data["scores"])
    data["pianos"] = _kept_pianos(data["pianos"], rows_only)
    data["rooms"] = tuple(
        (key, Response(name, digest, {}) if rows_only else rooms.kept(name, digest))
        for key, name, digest in data["rooms"]
    )
    data["noises"] = tuple(NoiseFile(name, digest) for name, digest in data["noises"])
    if not rows_only:
        gone = [sound.name for sound in data["noises"] if not noise.USER.path(sound.digest).exists()]
        if gone:
            raise RunError(f"noises not on this machine: {', '.join(gone)}; {noise.USER.again}")
        _require_scores(data["scores"])
    return Config(size=size, **data)


def _require_scores(refs: tuple[ScoreRef, ...]) -> None:
    if refs:
        from sousa.generation.piano import scores

        gone = [ref.name for ref in refs if not scores.path_of(ref.digest).exists()]
        if gone:
            raise RunError(f"scores not on this machine: {', '.join(gone[:5])}; {scores.AGAIN}")


def _kept_pianos(stored: list, rows_only: bool) -> tuple[PianoRef, ...]:
    """The pianos of an identity; where rows are only read, those that are not here have no path."""
    from sousa.generation.piano.sampler import modelled, pianos

    here = {}
    for name, _ in [] if rows_only else stored:
        modelled.built(name)
    for path in pianos.available().values():
        with suppress(BankError, UsageError):
            here[pianos.stored_digest(path)] = path
    refs = tuple(PianoRef(name, digest, str(here.get(digest, ""))) for name, digest in stored)
    missing = [ref.name for ref in refs if not ref.path]
    if missing and not rows_only:
        raise RunError(
            f"pianos not on this machine: {', '.join(missing)}; build them with 'sousa pianos build FONT'"
        )
    return refs
