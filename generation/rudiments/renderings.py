"""How each rendering of a take sounds: its drum, level and acoustics.

Conventions
-----------
Rendering 0 of a take is clean where ``clean`` is among the acoustics, whatever else is asked for. The
others follow a permutation of the remaining acoustics, drawn for the take: none is repeated before all are
used. The permutation is built by adding one name after the other in the order of ``acoustics.toml``, each
exchanging places with a random one before it (the inside-out Fisher-Yates shuffle). A name that is added at
the end of that file takes one rendering in N from the others and leaves all else as it was; no other rule
moves fewer rows.

A clean row has its own drum, tuning and level. An augmented row belongs to the *session* of its
player under its acoustics: one drum, tuning, room, microphone and EQ for all of the player's takes
there, as in a recording session; the rest is the row's own. All of it depends on coordinates alone.
"""

import json
from dataclasses import dataclass
from functools import lru_cache

from sousa.generation.audio import acoustics, banks, named_acoustics, rooms
from sousa.generation.rudiments.settings import BankRef
from sousa.generation.seeds import uniforms

LEVEL_RANGE_DB = 6.0


@dataclass(frozen=True)
class Rendering:
    """What a row is rendered with."""

    acoustics: str
    bank: BankRef
    cents: int  # tuning of the drum
    gain_db: float  # wanted level
    record: dict | None  # see sousa.generation.audio.acoustics; None for clean


def acoustics_of(config, take, augmentation):
    """Name of the acoustics of a rendering."""
    others = [name for name in config.acoustics if name != named_acoustics.CLEAN]
    if len(others) < len(config.acoustics):
        if augmentation == 0 or not others:
            return named_acoustics.CLEAN
        augmentation -= 1
    cycle, place = divmod(augmentation, len(others))
    order: list[str] = []
    for name in others:
        draw = uniforms(config.seed, 1, "rudiments", "acoustics of", *_address(take), cycle, name)[0]
        order.append(name)
        at = int(draw * len(order))
        order[at], order[-1] = name, order[at]
    return order[place]


def _address(take):
    return take.player.index, take.form.form, take.tempo_index


def rendering(config, take, augmentation):
    """The Rendering of a take with this index."""
    name = acoustics_of(config, take, augmentation)
    address = (*_address(take), augmentation)
    tuning, level = uniforms(config.seed, 2, "rudiments", "voice", *address)
    gain_db = -int(level * (LEVEL_RANGE_DB * 10 + 1)) / 10.0
    if name == named_acoustics.CLEAN:
        # the clean renderings of a take go through the drums in an order drawn for the take
        draws = uniforms(config.seed, len(config.banks), "rudiments", "drums", *_address(take))
        order = sorted(range(len(config.banks)), key=draws.__getitem__)
        bank = config.banks[order[augmentation % len(order)]]
        return Rendering(name, bank, _cents(tuning), gain_db, None)
    responses = responses_for(config, name)
    bank, cents, linear = _session(config.seed, config.banks, take.player.index, name, responses)

    def draw(value):
        return uniforms(config.seed, 1, "rudiments", "acoustics", *address, name, value)[0]

    own = acoustics.row_record(named_acoustics.load()[name], draw, config.sample_rate, config.noises)
    return Rendering(name, bank, cents, gain_db, {**json.loads(linear), **own})


def _cents(draw):
    return banks.TUNING_STEPS_CENTS[int(draw * len(banks.TUNING_STEPS_CENTS))]


@lru_cache(maxsize=4096)
def _session(seed, refs, player_index, name, responses):
    """``(BankRef, cents, JSON text)``: drum, tuning and linear stages of a player under these acoustics."""

    def draw(value):
        return uniforms(seed, 1, "rudiments", "session", player_index, name, value)[0]

    bank = refs[int(draw("drum") * len(refs))]
    record = acoustics.session_record(named_acoustics.load()[name], draw, responses)
    return bank, _cents(draw("tuning")), json.dumps(record)


def responses_for(config, name):
    """The impulse responses that acoustics choose from in a configuration: tuple of Response."""
    if name not in rooms.stated():
        return ()
    own, of_all = (tuple(r for key, r in config.rooms if key == wanted) for wanted in (name, ""))
    return own or of_all or rooms.pool(name)


def record_of(row):
    """The acoustic record of a stored row, None for clean; see :mod:`sousa.generation.audio.acoustics`."""
    return json.loads(row["aug_record"]) if row["aug_record"] else None


def aug_columns(record, soundfont):
    """The ``aug_*`` columns of a row with this record (None for clean) and soundfont."""
    text = json.dumps(record, separators=(",", ":")) if record else None
    record = record or {}
    room, mic = record.get("room"), record.get("microphone") or {}
    return {
        "aug_soundfont": soundfont,
        **{f"aug_{name}": room and room[name] for name in ("room_type", "rt60_sec", "drr_db", "c50_db")},
        "aug_room_wet_dry": room and round(1.0 / (1.0 + 10.0 ** (room["drr_db"] / 10.0)), 4),
        "aug_room_response": room and room["response"],
        "aug_mic_distance": mic.get("distance_m"),
        "aug_mic_type": mic.get("type"),
        "aug_compression_ratio": (record.get("compressor") or {}).get("ratio"),
        "aug_noise_level_db": (record.get("noise") or {}).get("level_db"),
        "aug_bit_depth": record.get("bit_depth"),
        "aug_sample_rate": record.get("sample_rate_hz"),
        "aug_record": text,
    }
