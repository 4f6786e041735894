"""How each rendering of a take sounds: its drum, level and acoustics.

Conventions
-----------
Rendering 0 of a take is clean where ``clean`` is among the acoustics, whatever else is asked for. The
others follow a permutation of the remaining acoustics, drawn for the take: none is repeated before all are
used. The permutation is built by adding one name after the other in the order of ``presets.toml``, each
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

from sousa.generation.audio import acoustics, banks, presets, rooms
from sousa.generation.rudiments.settings import BankRef
from sousa.generation.seeds import uniforms

LEVEL_RANGE_DB = 6.0


@dataclass(frozen=True)
class Rendering:
    """What a row is rendered with.

    Attributes:
        acoustics: their name.
        bank: the drum. cents: its tuning. gain_db: wanted level.
        record: acoustics (see :mod:`sousa.generation.audio.acoustics`), None for clean.
    """

    acoustics: str
    bank: BankRef
    cents: int
    gain_db: float
    record: dict | None


def _shuffled(items, draws):
    return [items[i] for i in sorted(range(len(items)), key=draws.__getitem__)]


def acoustics_of(config, take, augmentation):
    """Name of the acoustics of a rendering."""
    others = [name for name in config.acoustics if name != presets.CLEAN]
    if len(others) < len(config.acoustics):
        if augmentation == 0 or not others:
            return presets.CLEAN
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
    preset = acoustics_of(config, take, augmentation)
    address = (*_address(take), augmentation)
    tuning, level = uniforms(config.seed, 2, "rudiments", "voice", *address)
    gain_db = -int(level * (LEVEL_RANGE_DB * 10 + 1)) / 10.0
    if preset == presets.CLEAN:
        # the clean renderings of a take go through the drums in an order drawn for the take
        draws = uniforms(config.seed, len(config.banks), "rudiments", "drums", *_address(take))
        order = _shuffled(config.banks, draws)
        return Rendering(preset, order[augmentation % len(order)], _cents(tuning), gain_db, None)
    bank, cents, linear = _session(config, take.player.index, preset)

    def draw(name):
        return uniforms(config.seed, 1, "rudiments", "acoustics", *address, preset, name)[0]

    own = acoustics.row_record(presets.load()[preset], draw, config.sample_rate, config.noises)
    return Rendering(preset, bank, cents, gain_db, {**json.loads(linear), **own})


def _cents(draw):
    return banks.TUNING_STEPS_CENTS[int(draw * len(banks.TUNING_STEPS_CENTS))]


def _session(config, player_index, preset):
    """``(BankRef, cents, JSON text)``: drum, tuning and linear acoustics of a player under a preset."""
    return _drawn_session(config.seed, config.banks, player_index, preset, responses_for(config, preset))


# responses hold dicts: they are looked up by digest, so that sessions can be remembered
@lru_cache(maxsize=4096)
def _drawn_session(seed, refs, player_index, preset, responses):
    def draw(name):
        return uniforms(seed, 1, "rudiments", "session", player_index, preset, name)[0]

    bank = refs[int(draw("drum") * len(refs))]
    record = acoustics.session_record(presets.load()[preset], draw, responses)
    return bank, _cents(draw("tuning")), json.dumps(record)


def responses_for(config, preset):
    """The impulse responses a preset chooses from in a configuration: tuple of Response."""
    if preset not in rooms.stated():
        return ()
    own = tuple(one for key, one in config.rooms if key == preset)
    everywhere = tuple(one for key, one in config.rooms if key == "")
    return own or everywhere or rooms.pool(preset)


def record_of(row):
    """The acoustic record of a stored row, None for clean; see :mod:`sousa.generation.audio.acoustics`."""
    return json.loads(row["aug_record"]) if row["aug_record"] else None


def aug_columns(record, soundfont):
    """The ``aug_*`` columns of a row with this record (None for clean) and soundfont."""
    text = json.dumps(record, separators=(",", ":")) if record else None
    record = record or {}
    room, mic = record.get("room"), record.get("microphone")
    compressor, noise = record.get("compressor"), record.get("noise")
    return {
        "aug_soundfont": soundfont,
        "aug_room_type": room and room["room_type"],
        "aug_room_wet_dry": room and round(1.0 / (1.0 + 10.0 ** (room["drr_db"] / 10.0)), 4),
        "aug_room_response": room and room["response"],
        "aug_rt60_sec": room and room["rt60_sec"],
        "aug_drr_db": room and room["drr_db"],
        "aug_c50_db": room and room["c50_db"],
        "aug_mic_distance": mic and mic["distance_m"],
        "aug_mic_type": mic and mic["type"],
        "aug_compression_ratio": compressor and compressor["ratio"],
        "aug_noise_level_db": noise and noise["level_db"],
        "aug_bit_depth": record.get("bit_depth"),
        "aug_sample_rate": record.get("sample_rate_hz"),
        "aug_record": text,
    }
