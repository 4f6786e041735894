"""The rudiments corpus: from a configuration to shards, and from coordinates to rows.

Conventions
-----------
A row is addressed by (profile, form, tempo index, augmentation index) under a seed; it is the same
row in every preset that contains it. A *shard* is all rows of a few players of one split, for one
block of tempo indices and one augmentation index. Blocks end where presets end, so a smaller
preset's shards are among a larger one's, byte for byte.
"""

from dataclasses import asdict, dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa

from generation import DATA_VERSION, midi
from generation.audio import banks, encode, mix
from generation.columns import arrow_type, schema
from generation.errors import one_of, raise_all
from generation.rudiments import definitions, players
from generation.rudiments.columns import AUGMENTATION, columns
from generation.rudiments.labels import measure_lists, stroke_lists
from generation.rudiments.performance import play
from generation.rudiments.score import plan_take
from generation.rudiments.scores import exercise_scores
from generation.seeds import uniforms
from generation.shards import Shard

NAME = "rudiments"
# profiles, tempos, augmentations
PRESETS = {"small": (10, 3, 1), "medium": (50, 3, 2), "full": (100, 5, 5)}
TEMPO_BLOCKS = (3, 5)  # first tempo indices of new blocks; then one block for each five
SINGLE_PROFILES = 10  # the first players have a shard each; later ones share by tens
ROWS_PER_GROUP = 120
AUGMENTATION_PRESET = "clean"
LEVEL_RANGE_DB = 6.0
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

    def identity(self):
        """What decides the bytes of the corpus, as plain data: all but where banks are stored."""
        data = asdict(self)
        data["corpus"], data["data_version"] = NAME, DATA_VERSION
        data["banks"] = [[bank["name"], bank["digest"]] for bank in data["banks"]]
        del data["preset"]
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
):  # fmt: skip
    """Check a request and make it a Config.

    Args:
        preset: small, medium or full; explicit numbers override it.
        rudiments: names as :func:`generation.rudiments.definitions.select` takes, or None for all.
        tiers: names, or None for all.
        bank_list: loaded banks to use; the shipped ones by default.
        (the others as in Config)

    Raises: UsageError naming every problem.
    """
    problems = []
    counts = {"profiles": profiles, "tempos": tempos, "augmentations": augmentations}
    if preset not in PRESETS:
        problems.append(f"unknown preset {one_of(preset, PRESETS)}")
    else:
        custom = any(value is not None for value in counts.values()) or rudiments or tiers
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
    for name, chosen in (("rudiments", rudiments), ("tiers", tiers)):
        if chosen is not None and not list(chosen):
            problems.append(f"no {name} are named; name at least one, or give None for all")
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
    )  # fmt: skip


def profile_indices(config):
    """Profile numbers of a configuration: the first ones of the wanted tiers."""
    wanted = {players.tiers().index(name) for name in config.tiers}
    out, index = [], 0
    while len(out) < config.profiles:
        if players.assignment(index)[0] in wanted:
            out.append(index)
        index += 1
    return out


def tempo_blocks(tempos):
    """Ranges of tempo indices that share shards."""
    edges = [0, *TEMPO_BLOCKS]
    while edges[-1] < tempos:
        edges.append(edges[-1] + 5)
    return [(a, min(b, tempos)) for a, b in pairwise(edges) if a < tempos]


def plan(config):
    """All shards of a configuration, in the order of their rows: list of Shard.

    A shard's key holds ``profiles`` (numbers), ``tempos`` (first, one past the last) and
    ``augmentation``.
    """
    groups = {}
    for index in profile_indices(config):
        block = index if index < SINGLE_PROFILES else index // 10 * 10
        groups.setdefault((players.assignment(index)[1], block), []).append(index)
    shards = []
    for augmentation in range(config.augmentations):
        for tempos in tempo_blocks(config.tempos):
            for (split, block), members in groups.items():
                part = f"t{tempos[0]}-{tempos[1] - 1}_a{augmentation}"
                name = f"{split}/p{block:05d}_{part}"
                key = {"profiles": members, "tempos": list(tempos), "augmentation": augmentation}
                rows = len(members) * (tempos[1] - tempos[0]) * len(config.forms)
                shards.append(Shard(name, split, rows, key))
    return shards


def corpus_schema(config):
    """Arrow schema of the shards of a configuration."""
    return schema(columns(config.with_audio), config.sample_rate)


def shard_tables(config, shard):
    """Rows of a shard as Arrow tables of at most ROWS_PER_GROUP rows, in order."""
    forms = [definitions.load()[name] for name in config.forms]
    first, last = shard.key["tempos"]
    coordinates = [
        (profile, form, tempo)
        for profile in shard.key["profiles"]
        for form in forms
        for tempo in range(first, last)
    ]
    for at in range(0, len(coordinates), ROWS_PER_GROUP):
        yield make_rows(config, coordinates[at : at + ROWS_PER_GROUP], shard.key["augmentation"])


def make_rows(config, coordinates, augmentation):
    """Rows of a list of (profile index, form, tempo index), as one Arrow table."""
    takes = [
        plan_take(config.seed, players.player(config.seed, profile), form, tempo, config.duration_sec)
        for profile, form, tempo in coordinates
    ]
    p = play(takes, config.sample_rate)
    arrays = _take_columns(config, p, augmentation)
    for name, values in exercise_scores(p, config.sample_rate).items():
        missing = np.isnan(values)
        arrays[name] = pa.array(np.where(missing, 0.0, values), mask=missing)
    arrays["measures"], arrays["num_measures"] = measure_lists(p, config.sample_rate)
    arrays["strokes"] = stroke_lists(p, config.sample_rate)
    # named after the take: all its renderings have the same file
    arrays["midi"] = midi.encode(
        arrays["augmentation_group_id"], [t.tempo_bpm for t in takes], [t.form.metre for t in takes],
        p.lead_in_beats, p.num_samples, p.start, p.onset_sample, p.velocity, p.hand == 1, config.sample_rate,
    )  # fmt: skip
    arrays.update(_sound_columns(config, p, arrays["sample_id"], augmentation))
    wanted = corpus_schema(config)
    return pa.table([_column(arrays[f.name], f.type) for f in wanted], schema=wanted)


def _column(values, kind):
    return values if isinstance(values, pa.Array) else pa.array(values, type=kind)


def _take_columns(config, p, augmentation):
    """Columns that describe the takes themselves."""
    takes = p.takes
    people = [take.player for take in takes]
    group = [
        f"{t.player.profile_id}_{t.form.form.replace(':', '_')}_{t.tempo_bpm}bpm_t{t.tempo_index}"
        for t in takes
    ]
    values = np.array([person.values for person in people])
    skilled = len(players.tiers()) // 2
    out = {
        "sample_id": [f"{name}_a{augmentation}" for name in group],
        "augmentation_group_id": group,
        "profile_id": [person.profile_id for person in people],
        "rudiment_slug": [t.form.slug for t in takes],
        "rudiment_name": [t.form.name for t in takes],
        "rudiment_number": [t.form.number for t in takes],
        "variant": [t.form.variant for t in takes],
        "category": [t.form.category for t in takes],
        "split": [person.split for person in people],
        "skill_tier": [person.tier_name for person in people],
        "skill_tier_binary": ["skilled" if person.tier >= skilled else "novice" for person in people],
        "tempo_bpm": [t.tempo_bpm for t in takes],
        "tempo_low_bpm": [t.tempo_low_bpm for t in takes],
        "tempo_high_bpm": [t.tempo_high_bpm for t in takes],
        "metre": [t.form.metre for t in takes],
        "duration_sec": p.num_samples / config.sample_rate,
        "num_samples": p.num_samples,
        "sample_rate": [config.sample_rate] * len(takes),
        "lead_in_beats": p.lead_in_beats,
        "lead_in_sample": p.lead_in_samples,
        "num_cycles": [t.num_cycles for t in takes],
        "num_strokes": np.diff(p.start),
        "dominant_hand": [person.dominant_hand for person in people],
        "lead_hand": [t.lead_hand for t in takes],
        "dynamic_offset": np.round(p.dynamic, 4),
        "drift_ms": np.round(p.drift_ms, 4),
        "seed": [config.seed] * len(takes),
        "profile_index": [person.index for person in people],
        "tempo_index": [t.tempo_index for t in takes],
        "augmentation_index": [augmentation] * len(takes),
        "augmentation_preset": [AUGMENTATION_PRESET] * len(takes),
        "data_version": [DATA_VERSION] * len(takes),
    }
    out.update((f"player_{d.name}", values[:, i]) for i, d in enumerate(players.dimensions()))
    return out


def voice(config, take, augmentation):
    """Drum, tuning and level of a rendering: ``(BankRef, cents, gain_db)``.

    The renderings of one take go through the drums in an order drawn for the take, so they differ.
    """
    address = (take.player.index, take.form.form, take.tempo_index)
    draws = uniforms(config.seed, len(config.banks), "rudiments", "drums", *address)
    order = sorted(range(len(draws)), key=draws.__getitem__)
    bank = config.banks[order[augmentation % len(order)]]
    tuning, level = uniforms(config.seed, 2, "rudiments", "voice", *address, augmentation)
    cents = banks.TUNING_STEPS_CENTS[int(tuning * len(banks.TUNING_STEPS_CENTS))]
    return bank, cents, -int(level * (LEVEL_RANGE_DB * 10 + 1)) / 10.0


def _sound_columns(config, p, sample_ids, augmentation):
    """Rendered audio and what it was made with; all null without audio."""
    names = ("soundfont", "bank", "bank_digest", "bank_tuning_cents", "gain_db", "pcm_digest", "audio")
    out = {name: [] for name in names}
    # the acoustic chain comes later: until then a row has no room, microphone or effects
    out.update((column.name, pa.nulls(len(p.takes), arrow_type(column.type))) for column in AUGMENTATION)
    for i, take in enumerate(p.takes):
        if not config.with_audio:
            for name in names:
                out[name].append(None)
            continue
        ref, cents, gain_db = voice(config, take, augmentation)
        bank = load_bank(ref)
        sound = banks.voiced(bank, config.sample_rate, cents, config.channels)["centre"]
        rows = slice(p.start[i], p.start[i + 1])
        pcm, gain_db = mix.render(
            sound, p.onset_sample[rows], p.velocity[rows], int(p.num_samples[i]), gain_db, config.sample_rate
        )
        data, digest = encode.encode_and_digest(pcm, config.sample_rate, config.audio_format)
        values = (bank.soundfont, bank.name, bank.digest, cents, gain_db, digest,
                  {"bytes": data, "path": f"{sample_ids[i]}.{config.audio_format}"})  # fmt: skip
        for name, value in zip(names, values, strict=True):
            out[name].append(value)
    out["aug_soundfont"] = out["soundfont"]
    return out


_BANKS = {}


def load_bank(ref):
    """The bank a configuration refers to; each process reads it once.

    Raises: BankError when the bank at its path is no longer the one the configuration means.
    """
    if ref.digest not in _BANKS:
        bank = banks.load(ref.path)
        if bank.digest != ref.digest:
            raise banks.BankError(f"bank {ref.name} at {ref.path} has changed; build it again from its font")
        _BANKS[ref.digest] = bank
    return _BANKS[ref.digest]
