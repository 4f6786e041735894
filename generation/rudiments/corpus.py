"""The rudiments corpus: from a configuration to shards, and from coordinates to rows.

Conventions
-----------
A row is addressed by (profile, form, tempo index, augmentation index) under a seed; it is the same
row in every size that contains it. A *shard* is all rows of a few players of one split, for one
block of tempo indices and one augmentation index. Blocks end where sizes end, so a smaller
size's shards are among a larger one's, byte for byte.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache, partial
from itertools import count, groupby, islice, pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from sousa.generation import midi
from sousa.generation.audio import accompaniment, acoustics, banks, drums, encode
from sousa.generation.audio.named_acoustics import CLEAN
from sousa.generation.columns import SPLITS, schema
from sousa.generation.corpus import Estimate
from sousa.generation.rudiments import Rudiments, definitions, players
from sousa.generation.rudiments.assembly import Performances, grid_sample, num_mistakes, play
from sousa.generation.rudiments.columns import SOUND, columns
from sousa.generation.rudiments.labels import (
    beat_lists,
    beats_between,
    measure_lists,
    omission_lists,
    stroke_lists,
)
from sousa.generation.rudiments.renderings import aug_columns, rendering
from sousa.generation.rudiments.score import Take, plan_take
from sousa.generation.rudiments.scores import exercise_scores
from sousa.generation.rudiments.settings import BankRef, Config
from sousa.generation.shards import Shard
from sousa.generation.text import counted

_ADDRESS_SCHEMA = pa.schema(
    [("profile_index", pa.int32()), ("rudiment_slug", pa.string()), ("variant", pa.string()),
     ("tempo_index", pa.int32()), ("augmentation_index", pa.int32())]
)  # fmt: skip
TEMPO_BLOCKS = (3, 5)  # first tempo indices of new blocks; then one block for each five
SINGLE_PROFILES = 10  # the first players have a shard each; later ones share by tens
ROWS_PER_GROUP, MAX_ROWS_PER_GROUP = 120, 180
_FEW_ROWS = 64  # batches of fewer are likely to have drums of those before
GROUP_BYTES = 64_000_000  # of sound before encoding: long rows at high rates come in smaller groups
# Bytes of FLAC a second and channel at 44.1 kHz of clean and of augmented rows, and of labels a row, measured
# on the medium size; an estimate for --dry-run and for the check of free space.
FLAC_BYTES_PER_SEC = {"clean": 31_000, "augmented": 36_000}
LABEL_BYTES_PER_ROW = 3_000
SNARE_NOTE, DRUM_CHANNEL = 38, 9  # of General MIDI
_COUNTED_TAKES = 20_000  # planned for an estimate; larger corpora are scaled up
_MARGIN_SEC = 0.95  # mean lead-in and ring-out
_MAX_OFFSET = 2**31 - 1  # in a column of bytes


def profile_indices(config: Config) -> list[int]:
    """Profile numbers of a configuration: the first ones of the wanted tiers."""
    wanted = {players.tiers().index(name) for name in config.tiers}
    indices = (index for index in count() if players.assignment(index)[0] in wanted)
    return list(islice(indices, config.profiles))


def plan(config: Config) -> list[Shard]:
    """All shards of a configuration, in the order of their rows: list of Shard.

    A shard's key holds ``profiles`` (numbers), ``tempos`` (first, one past the last) and ``augmentation``.
    """
    groups = {}
    for index in profile_indices(config):
        block = index if index < SINGLE_PROFILES else index // 10 * 10
        groups.setdefault((players.assignment(index)[1], block), []).append(index)
    # ranges of tempo indices that share shards
    edges = (0, *TEMPO_BLOCKS, *range(TEMPO_BLOCKS[-1] + 5, config.tempos + 5, 5))
    tempos = [(a, min(b, config.tempos)) for a, b in pairwise(edges) if a < config.tempos]
    return [
        Shard(
            f"{split}/p{block:05d}_t{first}-{end - 1}_a{augmentation}",
            split,
            len(members) * (end - first) * len(config.forms),
            {"profiles": members, "tempos": [first, end], "augmentation": augmentation},
        )
        for augmentation in range(config.augmentations)
        for first, end in tempos
        for (split, block), members in groups.items()
    ]


def addresses(config: Config, shard: Shard) -> Iterator[pa.Table]:
    """Addresses of the rows of a shard, a table for each row group, in order.

    A group holds whole players as far as they fit into it, so that rows added to one player leave the groups
    of the others, and what is stored of them, as they are.
    """
    usual, most = _group_sizes(config)
    augmentation, group = shard.key["augmentation"], []
    forms = [definitions.load()[name] for name in config.forms]
    for profile in shard.key["profiles"]:
        rows = [
            (profile, form.slug, form.variant, tempo, augmentation)
            for form in forms
            for tempo in range(*shard.key["tempos"])
        ]
        if group and len(group) + len(rows) > usual:
            yield _address_table(group)
            group = []
        group += rows
        while len(group) > most:
            yield _address_table(group[:usual])
            group = group[usual:]
    yield _address_table(group)


def _group_sizes(config: Config) -> tuple[int, int]:
    """Rows of a group, usually and at most."""
    sound = (config.duration_sec + 5.0) * config.sample_rate * config.channels * 2 * config.with_audio
    if sound * MAX_ROWS_PER_GROUP <= GROUP_BYTES * 4:  # FLAC of anything usual
        return ROWS_PER_GROUP, MAX_ROWS_PER_GROUP
    rows = max(1, int(GROUP_BYTES / sound))
    return min(rows, ROWS_PER_GROUP), min(rows, MAX_ROWS_PER_GROUP)


def _address_table(rows: list[tuple]) -> pa.Table:
    return pa.table(list(zip(*rows, strict=True)), schema=_ADDRESS_SCHEMA)


def remake(config: Config, rows: pa.Table, render: bool = True) -> pa.Table:
    """Rows of addresses, in their order; see :class:`sousa.generation.corpus.Generated`."""
    profiles, slugs, variants, tempi, augmentations = (rows[name].to_pylist() for name in Rudiments.address)
    forms = [definitions.load()[name] for name in map(definitions.form_name, slugs, variants)]
    # rows of one rendering are made together: they share drums in rooms
    order = np.argsort(augmentations, kind="stable").tolist()
    made = pa.concat_tables(
        make_rows(config, [(profiles[i], forms[i], tempi[i]) for i in places], augmentation, render)
        for augmentation, places in groupby(order, augmentations.__getitem__)
    )
    return made if order == sorted(order) else made.take(np.argsort(order))


def take_of(config: Config, profile: int, form: definitions.Rudiment, tempo: int) -> Take:
    """The take of a player's number, a form and the number of its tempo."""
    person = players.player(config.seed, profile)
    return plan_take(config.seed, person, form, tempo, config.duration_sec, config.mistakes)


def make_rows(config: Config, coordinates: list[tuple], augmentation: int, render: bool = True) -> pa.Table:
    """Rows of a list of (profile index, form, tempo index), as one Arrow table.

    Args:
        render: False leaves out the sound; every label is the same.
    """
    takes = [take_of(config, *address) for address in coordinates]
    p = play(takes, config.sample_rate)
    renderings = [rendering(config, take, augmentation) if config.with_audio else None for take in takes]
    # scores are the player's; what tape and sample rate do to time is not the player's doing
    arrays: dict[str, Any] = {
        name: pa.array(values, from_pandas=True)  # NaN becomes null
        for name, values in exercise_scores(p, config.sample_rate).items()
    }
    move = partial(_moved, config, p, renderings)
    heard = replace(
        p,
        lead_in_samples=move(np.arange(len(takes)), p.lead_in_samples),
        onset_sample=move(p.take, p.onset_sample),
        intended_sample=np.where(p.intended_sample < 0, -1, move(p.take, np.maximum(p.intended_sample, 0))),
    )
    arrays.update(_take_columns(config, heard, augmentation, renderings))
    arrays["measures"], arrays["num_measures"] = measure_lists(heard, config.sample_rate, move)
    arrays["strokes"] = stroke_lists(heard, config.sample_rate)
    arrays["omissions"] = omission_lists(p, config.sample_rate, move)
    arrays["beats"] = beat_lists(p, config.sample_rate, move)
    # named after the take: renderings that don't move it have the same file
    arrays["midi"] = midi.encode(
        arrays["augmentation_group_id"], [t.tempo_bpm for t in takes], [t.form.metre for t in takes],
        p.lead_in_beats, p.num_samples, p.start, heard.onset_sample, SNARE_NOTE, p.velocity,
        np.where(p.hand == 1, ord("L"), ord("R")), config.sample_rate, DRUM_CHANNEL,
    )  # fmt: skip
    arrays.update(_sound_columns(config, p, arrays["sample_id"], renderings, render))
    wanted = schema(columns(config.with_audio), config.sample_rate)
    return pa.table({field.name: arrays[field.name] for field in wanted}, schema=wanted)


def _moved(config, p, renderings, take, positions):
    """Positions in samples, each of a take of the batch, where they are heard: tape and rates move them."""
    out = np.array(positions, dtype=np.int64)
    for i, sound in enumerate(renderings):
        if sound is not None and acoustics.moves(sound.record):
            rows = take == i
            size = int(p.num_samples[i])
            out[rows] = acoustics.moved(sound.record, out[rows], config.sample_rate, size)
    return out


# columns that have the names of attributes of a take, its rudiment and its player
_OF_TAKE = (
    "tempo_bpm", "tempo_low_bpm", "tempo_high_bpm", "num_cycles", "lead_hand", "seed", "tempo_index",
    "mistakes",
)  # fmt: skip
_OF_FORM, _OF_PLAYER = ("variant", "category", "metre"), ("profile_id", "split", "dominant_hand")


def _take_columns(config, p, augmentation, renderings):
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
        **{name: [getattr(take, name) for take in takes] for name in _OF_TAKE},
        **{name: [getattr(take.form, name) for take in takes] for name in _OF_FORM},
        **{f"rudiment_{name}": [getattr(t.form, name) for t in takes] for name in ("slug", "name", "number")},
        **{name: [getattr(person, name) for person in people] for name in _OF_PLAYER},
        "sample_id": [f"{name}_a{augmentation}" for name in group],
        "augmentation_group_id": group,
        "practice_id": [f"{t.player.profile_id}_t{t.tempo_index}" for t in takes],
        "skill_tier": [person.tier_name for person in people],
        "skill_tier_binary": ["skilled" if person.tier >= skilled else "novice" for person in people],
        "duration_sec": p.num_samples / config.sample_rate,
        "num_samples": p.num_samples,
        "sample_rate": [config.sample_rate] * len(takes),
        "lead_in_beats": p.lead_in_beats,
        "lead_in_sample": p.lead_in_samples,
        "num_strokes": np.diff(p.start),
        "num_written": p.num_written,
        "num_omissions": np.diff(p.omissions.start),
        "num_mistakes": num_mistakes(p),
        "dynamic_offset": np.round(p.dynamic, 4),
        "drift_ms": np.round(p.drift_ms, 4),
        "profile_index": [person.index for person in people],
        "augmentation_index": [augmentation] * len(takes),
        "augmentation_preset": [CLEAN if sound is None else sound.acoustics for sound in renderings],
        "data_version": [Rudiments.data_version] * len(takes),
    }
    out.update((f"player_{d.name}", values[:, i]) for i, d in enumerate(players.dimensions()))
    return out


def _sound_columns(config, p, sample_ids, renderings, render):
    """Rendered audio and what it was made with; all null without audio."""
    rows: list[dict[str, Any]] = [{} for _ in renderings]
    files: list[bytes | None] = [None] * len(renderings)
    # drum for drum, so that the sounds of one are kept at a time
    drum_of = {
        i: (sound.bank.digest, sound.setup, drums.linear_of(sound.record))
        for i, sound in enumerate(renderings) if sound is not None
    }  # fmt: skip
    for (_, setup, _), group in groupby(sorted(drum_of, key=drum_of.__getitem__), drum_of.__getitem__):
        numbers = list(group)
        bank, cents = load_bank(renderings[numbers[0]].bank), json.loads(setup)["cents"]
        kept = len(renderings) < _FEW_ROWS
        drum = _drum(config, bank, renderings[numbers[0]], kept) if render else None
        for i in numbers:
            sound = renderings[i]
            row = {
                "soundfont": bank.soundfont, "bank": bank.name, "bank_digest": bank.digest,
                "drum_setup": sound.setup, "unseen_sound": sound.unseen, "bank_tuning_cents": cents,
            }  # fmt: skip
            if drum is not None:
                pcm, row["gain_db"] = _perform(config, p, i, sound, drum)
                files[i], row["pcm_digest"] = encode.encode_and_digest(
                    pcm, config.sample_rate, config.audio_format
                )
            row |= aug_columns(sound.record, bank.soundfont)  # after rendering, which measures levels for it
            rows[i] = row if render else row | {"aug_record": None}
    out: dict[str, Any] = {column.name: [row.get(column.name) for row in rows] for column in SOUND}
    paths = [f"{sample_id}.{config.audio_format}" for sample_id in sample_ids]
    return out | {"audio": _audio_array(files, paths) if drum_of and render else files}


def _drum(config, bank, sound, kept):
    """The voice of a rendering, kept for batches that follow or made for this one."""
    heard_at = config.sample_rate, config.channels
    if kept:
        return drums.voice(bank, json.loads(sound.setup), sound.record, *heard_at)
    return drums.new_voice(bank, sound.setup, drums.linear_of(sound.record), *heard_at)


def _perform(config, p, i, sound, drum):
    """``(pcm, gain_db)`` of a row of a batch."""
    span = slice(p.start[i], p.start[i + 1])
    strokes = (p.onset_sample[span], p.velocity[span], drums.variant_of(p.variant[span], p.hand[span]))
    beats = beats_of(p, i, config) if accompaniment.heard(sound.record) else None
    return acoustics.perform(sound.record, drum, strokes, int(p.num_samples[i]), sound.gain_db, beats)


def _audio_array(files: list[bytes | None], paths: list[str]) -> pa.Array:
    """The audio column of encoded files, which leave their list; of 2 GiB or more, as Arrow makes it."""
    offsets = np.cumsum([0, *map(len, files)])
    if offsets[-1] > _MAX_OFFSET:
        return pa.array([{"bytes": data, "path": path} for data, path in zip(files, paths, strict=True)])
    content = np.empty(offsets[-1], np.uint8)
    for i, (begin, end) in enumerate(
        pairwise(offsets)
    ):  # one at a time, so that none is there twice for long
        content[begin:end] = np.frombuffer(files[i], np.uint8)
        files[i] = None
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(content)]
    cells = pa.Array.from_buffers(pa.binary(), len(paths), buffers)
    return pa.StructArray.from_arrays([cells, pa.array(paths)], ["bytes", "path"])


def beats_of(p: Performances, number: int, config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Where a metronome sounds in a take of a batch: samples of the beats, and which begin a bar.

    It counts in, and goes on to the end of the row.
    """
    beat_ms = 60000.0 / p.takes[number].tempo_bpm
    lead_in, size = int(p.lead_in_beats[number]), int(p.num_samples[number])
    beats = size * 1000.0 / config.sample_rate / beat_ms
    at, first = beats_between(p.takes[number], -lead_in, beats - lead_in)
    positions = grid_sample(lead_in, at, beat_ms, config.sample_rate)
    inside = positions < size
    return positions[inside], first[inside]


@lru_cache(maxsize=8)  # each player has three
def load_bank(ref: BankRef) -> banks.Bank:
    """The bank a configuration refers to.

    Raises: BankError when the bank at its path is no longer the one the configuration means.
    """
    bank = banks.load(ref.path)
    if bank.digest != ref.digest:
        raise banks.BankError(f"bank {ref.name} at {ref.path} has changed; build it again from its font")
    return bank


def estimate(config: Config) -> Estimate:
    """What a configuration will make; hours are counted from the plan."""
    forms = [definitions.load()[name] for name in config.forms]
    seconds, people = 0.0, profile_indices(config)
    # players are interleaved by tier, so the first ones stand for all
    sampled = people[: max(1, _COUNTED_TAKES // (len(forms) * config.tempos))]
    for index in sampled:
        for form in forms:
            for tempo in range(config.tempos):
                take = take_of(config, index, form, tempo)
                seconds += take.beats * 60.0 / take.tempo_bpm + _MARGIN_SEC
    takes = config.num_rows // config.augmentations
    seconds *= config.augmentations * len(people) / len(sampled)
    rate = 2 * config.sample_rate * config.channels
    if config.audio_format == "flac":
        # one rendering of each take is clean if that is among several acoustics
        clean = (CLEAN in config.acoustics) / (config.augmentations if config.acoustics[1:] else 1)
        rate = FLAC_BYTES_PER_SEC["clean"] * clean + FLAC_BYTES_PER_SEC["augmented"] * (1.0 - clean)
        rate = rate * config.sample_rate / 44100 * config.channels
    sound = int(seconds * rate * config.with_audio)
    num_bytes = sound + config.num_rows * LABEL_BYTES_PER_ROW
    loose_bytes = sound + config.num_rows * 4096  # a MIDI file fills a block of the disk
    renderings = counted(config.augmentations, "rendering")
    about = f"{counted(config.num_rows, 'row')} ({counted(takes, 'take')}, {renderings} each)"
    return Estimate(seconds, num_bytes, about, loose_bytes=loose_bytes)


def splits(config: Config) -> dict[str, Any]:
    """The players of each split, also under the keys of the earlier layout, and how many of each tier."""
    people = [players.player(config.seed, index) for index in profile_indices(config)]
    lists: dict[str, Any] = {split: [p.profile_id for p in people if p.split == split] for split in SPLITS}
    lists |= {f"{split.replace('validation', 'val')}_profile_ids": lists[split] for split in SPLITS}
    lists["players_by_tier"] = {
        split: {t: sum(p.split == split and p.tier_name == t for p in people) for t in players.tiers()}
        for split in SPLITS
    }
    return lists


def beside(config: Config, storage: Any, shards: Any, earlier: Any, progress: Any) -> dict[str, Any]:
    """What the drums are, for the manifest: releases go by their licences."""
    return {"drums": [load_bank(ref).about() for ref in config.banks]}
