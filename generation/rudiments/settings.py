"""What rudiments corpus to make: the configuration, checked."""

from dataclasses import dataclass, field

from sousa.generation import DATA_VERSION
from sousa.generation.audio import acoustics, banks, encode
from sousa.generation.audio.noise import NoiseFile
from sousa.generation.audio.presets import CLEAN
from sousa.generation.audio.presets import load as load_presets
from sousa.generation.audio.presets import names as preset_names
from sousa.generation.audio.rooms import Response, stated
from sousa.generation.errors import one_of, raise_all
from sousa.generation.rudiments import definitions, players

NAME = "rudiments"
# profiles, tempos, augmentations
PRESETS = {"small": (10, 3, 1), "medium": (50, 3, 2), "full": (100, 5, 5)}
MAX_ROWS = 10_000_000


@dataclass(frozen=True)
class BankRef:
    """A note bank as a configuration names it."""

    name: str
    digest: str
    path: str


@dataclass(frozen=True)
class Config:
    """What corpus to make. Built by :func:`make_config`, which checks it.

    Attributes:
        preset: name it came from, or ``custom``.
        profiles, tempos, augmentations: how many of each.
        seed: corpus seed, >= 0.
        forms: names of rudiments and variants, in order.
        tiers: tiers whose players are used, in order; all four by default.
        duration_sec: wanted length of playing.
        sample_rate: Hz; channels: 1 or 2; audio_format: flac or wav.
        with_audio: whether sound is rendered.
        banks: the drums, or empty without audio.
        presets: acoustics of the renderings, in the order of :func:`sousa.generation.audio.presets.names`;
            without audio only ``clean``, because nothing is heard.
        rooms: a user's impulse responses in place of the shipped ones: ``(preset or "", Response)``.
        noises: a user's noise files in place of the presets' colours.
    """

    preset: str
    profiles: int
    tempos: int
    augmentations: int
    seed: int
    forms: tuple[str, ...]
    tiers: tuple[str, ...]
    duration_sec: float
    sample_rate: int
    channels: int
    audio_format: str
    with_audio: bool
    banks: tuple[BankRef, ...] = field(default=())
    presets: tuple[str, ...] = (CLEAN,)
    rooms: tuple[tuple[str, Response], ...] = field(default=())
    noises: tuple[NoiseFile, ...] = field(default=())

    def identity(self):
        """What decides the bytes of the corpus, as plain data: all but where banks are stored."""
        data = {name: value for name, value in vars(self).items() if name != "preset"}
        data["corpus"], data["data_version"] = NAME, DATA_VERSION
        for name in ("forms", "tiers", "presets"):
            data[name] = list(data[name])
        data["banks"] = [[bank.name, bank.digest] for bank in self.banks]
        data["rooms"] = [[preset, one.name, one.digest] for preset, one in self.rooms]
        data["noises"] = [[one.name, one.digest] for one in self.noises]
        if self.presets != (CLEAN,):
            data["acoustics"] = acoustics.digest()
        return data

    @property
    def num_rows(self):
        return self.profiles * self.tempos * self.augmentations * len(self.forms)


def _is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def default_forms():
    """Names of the main forms of all rudiments."""
    return tuple(form.form for form in definitions.main_forms())


def make_config(
    preset="small", profiles=None, tempos=None, augmentations=None, seed=42, rudiments=None, tiers=None,
    duration_sec=6.0, sample_rate=44100, channels=1, audio_format="flac", with_audio=True, bank_list=None,
    acoustic_presets=None, user_rooms=None, user_noises=(),
):  # fmt: skip
    """Check a request and make it a Config.

    Args:
        preset: small, medium or full; explicit numbers override it.
        rudiments: names as :func:`sousa.generation.rudiments.definitions.select` takes, or None for all.
        tiers: names, or None for all.
        bank_list: loaded banks to use; the shipped ones by default.
        acoustic_presets: names from :func:`sousa.generation.audio.presets.names`, or None for all.
        user_rooms: what :func:`sousa.generation.audio.rooms.user_pool` gives, or None.
        user_noises: what :func:`sousa.generation.audio.noise.user_files` gives.
        (the others as in Config)

    Raises: UsageError naming every problem.
    """
    problems = []
    rudiments, tiers, acoustic_presets = (
        [given] if isinstance(given, str) else given for given in (rudiments, tiers, acoustic_presets)
    )
    counts = {"profiles": profiles, "tempos": tempos, "augmentations": augmentations}
    if preset not in PRESETS:
        problems.append(f"unknown preset {one_of(preset, PRESETS)}")
    else:
        custom = any(value is not None for value in counts.values()) or rudiments or tiers
        custom = custom or acoustic_presets is not None or user_rooms or user_noises
        for name, value in zip(counts, PRESETS[preset], strict=True):
            counts[name] = value if counts[name] is None else counts[name]
        preset = "custom" if custom else preset
    limits = {"profiles": 100_000, "tempos": 100, "augmentations": 100}
    for name, value in counts.items():
        if value is not None and not (_is_whole(value) and 1 <= value <= limits[name]):
            problems.append(f"--{name} is {value}; give a whole number from 1 to {limits[name]}")
    if not _is_whole(seed) or not 0 <= seed < 2**63:
        problems.append(f"--seed is {seed}; give a whole number from 0 to 2^63 - 1")
    if not 1.0 <= duration_sec <= 60.0:
        problems.append(f"--duration is {duration_sec:g} s; give 1 to 60")
    if not 8000 <= sample_rate <= 96000:
        problems.append(f"--sample-rate is {sample_rate}; give 8000 to 96000 Hz")
    if channels not in (1, 2):
        problems.append(f"{channels} channels; give 1 or 2")
    if audio_format not in encode.FORMATS:
        problems.append(f"unknown --audio-format {one_of(audio_format, encode.FORMATS)}")
    forms = default_forms()
    if rudiments is not None:
        try:
            forms = tuple(form.form for form in definitions.select(rudiments))
        except definitions.UsageError as error:
            problems.append(str(error))
    unknown = [name for name in tiers or () if name not in players.tiers()]
    problems += [f"unknown tier {one_of(name, players.tiers())}" for name in unknown]
    unknown = [name for name in acoustic_presets or () if name not in preset_names()]
    problems += [f"unknown acoustic preset {one_of(name, preset_names())}" for name in unknown]
    for name, chosen in (("rudiments", rudiments), ("tiers", tiers), ("presets", acoustic_presets)):
        if chosen is not None and not list(chosen):
            problems.append(f"no {name} are named; name at least one, or give None for all")
    heard = tuple(name for name in preset_names() if acoustic_presets is None or name in acoustic_presets)
    lone = not problems and counts["augmentations"] == 1 < len(heard)
    if lone and acoustic_presets is not None and heard[0] == CLEAN:
        problems.append(
            f"--presets {','.join(heard)} with one rendering of each take makes clean rows only; give "
            f"--augmentations {len(heard)} for each preset once, or leave clean out"
        )
    if not problems:
        problems += _useless(
            heard, counts["augmentations"], acoustic_presets, user_rooms, user_noises, with_audio
        )
    if not problems:
        rows = counts["profiles"] * counts["tempos"] * counts["augmentations"] * len(forms)
        if rows > MAX_ROWS:
            problems.append(f"{rows:,} rows are asked for; at most {MAX_ROWS:,} can be made at once")
    raise_all(problems)
    chosen = tuple(name for name in players.tiers() if tiers is None or name in tiers)
    used = banks.shipped() if bank_list is None else bank_list
    refs = tuple(BankRef(b.name, b.digest, str(b.path)) for b in sorted(used, key=lambda b: b.name))
    return Config(
        preset, counts["profiles"], counts["tempos"], counts["augmentations"], seed, forms, chosen,
        float(duration_sec), sample_rate, channels, audio_format, with_audio, refs if with_audio else (),
        *_acoustics(heard, counts["augmentations"], user_rooms, user_noises, with_audio),
    )  # fmt: skip


def _useless(heard, augmentations, acoustic_presets, user_rooms, user_noises, with_audio):
    """What is asked for and would change nothing."""
    given = {"--presets": acoustic_presets, "--impulse-responses": user_rooms, "--noise-files": user_noises}
    if not with_audio:
        return [f"{name} has no use without audio; leave it out" for name, value in given.items() if value]
    used, _, _ = _acoustics(heard, augmentations, user_rooms, user_noises, with_audio)
    problems = []
    if user_rooms and not (user_rooms.get("") and set(used) & set(stated())):
        idle = [name for name in user_rooms if name not in used]
        if used == (CLEAN,) or idle:
            problems.append(
                f"--impulse-responses has no use for {', '.join(idle) or 'clean rows'}: no such row is made; "
                "choose other --presets, or give --augmentations 2 or more"
            )
    if user_noises and not any(load_presets()[name].noise for name in used):
        problems.append(
            f"--noise-files has no use: {', '.join(used)} has no noise; choose other --presets, or give "
            "--augmentations 2 or more"
        )
    return problems


def default_presets(with_audio, augmentations):
    """The acoustic presets of a corpus for which none are named."""
    return preset_names() if with_audio and augmentations > 1 else (CLEAN,)


def _acoustics(heard, augmentations, user_rooms, user_noises, with_audio):
    """Presets, rooms and noises that can come up: with one rendering and clean among them, only clean."""
    if not with_audio or (augmentations == 1 and heard[0] == CLEAN):
        return (CLEAN,), (), ()
    responses = tuple((key, one) for key, pool in sorted((user_rooms or {}).items()) for one in pool)
    return heard, responses, tuple(user_noises)
