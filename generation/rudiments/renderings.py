"""How each rendering of a take sounds: its drum, level and acoustics.

Conventions
-----------
Acoustics are those of :mod:`sousa.generation.audio.renderings`.

A clean row has its own drum, tuning and level. An augmented row belongs to the *session* of its
player under its acoustics: one drum, tuning, room, microphone and EQ for all of the player's takes
there, as in a recording session; the rest is the row's own. All of it depends on coordinates alone.
"""

import json
from dataclasses import dataclass
from functools import lru_cache

from sousa.generation.audio import acoustics, banks, named_acoustics, renderings
from sousa.generation.audio.renderings import responses_for
from sousa.generation.rudiments.settings import BankRef
from sousa.generation.seeds import uniforms


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
    return renderings.acoustics_of(config.seed, "rudiments", _address(take), config.acoustics, augmentation)


def _address(take):
    return take.player.index, take.form.form, take.tempo_index


def rendering(config, take, augmentation):
    """The Rendering of a take with this index."""
    name = acoustics_of(config, take, augmentation)
    address = (*_address(take), augmentation)
    tuning, level = uniforms(config.seed, 2, "rudiments", "voice", *address)
    gain_db = renderings.level_db(level)
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


def aug_columns(record, soundfont):
    """The ``aug_*`` columns of a row with this record (None for clean) and soundfont."""
    told = {"soundfont": soundfont, **renderings.told(record)}
    return {f"aug_{name}": value for name, value in told.items()}
