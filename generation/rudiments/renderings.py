"""How each rendering of a take sounds: its drum, its player's hands, level and acoustics.

Conventions
-----------
Acoustics are those of :mod:`sousa.generation.audio.renderings`; set-ups of drums those of
:mod:`sousa.generation.audio.drums`.

A player has ``OWN_DRUMS`` drums: recorded drums, each set up differently for every player, and
two hands that strike alike on all of them. A practice, which is all takes of one tempo index, is played on
one of them: a clean row is heard on that drum. An augmented row belongs to the *session* of its player
under its acoustics: one of the drums, a room, microphone and EQ for all of the player's takes there, as in
a recording session; the rest is the row's own, a metronome or a backing track among it.

Some drums and rooms are held out by name (:mod:`sousa.generation.audio.held_out`): of the players of the test
split, two of three drums and half of the rooms are of these, and they are heard nowhere else. All of it
depends on coordinates alone.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sousa.generation.audio import accompaniment, acoustics, drums, held_out, named_acoustics, renderings
from sousa.generation.audio.renderings import responses_for
from sousa.generation.rudiments.columns import UNSEEN
from sousa.generation.rudiments.settings import BankRef
from sousa.generation.seeds import uniforms

OWN_DRUMS = 3
TEST = "test"


@dataclass(frozen=True)
class Rendering:
    """What a row is rendered with."""

    acoustics: str
    bank: BankRef
    setup: str  # JSON text, see sousa.generation.audio.drums
    gain_db: float  # wanted level
    record: dict | None  # see sousa.generation.audio.acoustics; None for clean
    unseen: str  # one of UNSEEN: what no row for training has


def acoustics_of(config, take, augmentation):
    """Name of the acoustics of a rendering."""
    return renderings.acoustics_of(config.seed, "rudiments", _address(take), config.acoustics, augmentation)


def _address(take):
    return take.player.index, take.form.form, take.tempo_index


def rendering(config, take, augmentation):
    """The Rendering of a take with this index."""
    name = acoustics_of(config, take, augmentation)
    address = (*_address(take), augmentation)
    gain_db = renderings.level_db(uniforms(config.seed, 1, "rudiments", "voice", *address)[0])
    person = take.player
    if name == named_acoustics.CLEAN:
        # further clean renderings of a take go through the player's other drums
        number = (take.tempo_index + augmentation) % OWN_DRUMS
        bank, setup, out = _own_drum(config.seed, config.banks, person, number)
        return Rendering(name, bank, setup, gain_db, None, UNSEEN[int(out)])
    responses = responses_for(config, name)
    bank, setup, out, linear = _session(config.seed, config.banks, person, name, responses)

    def draw(value):
        return uniforms(config.seed, 1, "rudiments", "acoustics", *address, name, value)[0]

    own = acoustics.row_record(named_acoustics.load()[name], draw, config.sample_rate, config.noises)
    record = {**json.loads(linear), **own, **accompaniment.drawn(draw)}
    return Rendering(name, bank, setup, gain_db, record, out)


@lru_cache(maxsize=4096)
def _own_drum(seed, refs, person, number):
    """``(BankRef, JSON text, whether it is held out)`` of a player's own drum."""
    usual, kept = held_out.parted("banks", refs)
    # a shuffled cycle through all drums, so that small corpora use as many as possible
    at = person.index * OWN_DRUMS + number
    from_kept = bool(kept) and person.split == TEST and number > 0
    refs = kept if from_kept else usual
    shuffled = uniforms(seed, len(refs), "rudiments", "drums", str(from_kept), at // len(refs))
    order = sorted(range(len(refs)), key=shuffled.__getitem__)
    setup = _setup(seed, person, number)
    return refs[order[at % len(refs)]], setup, from_kept


@lru_cache(maxsize=4096)
def _session(seed, refs, person, name, responses):
    """``(BankRef, JSON text, what is held out, JSON text)``: drum and linear stages of a player there."""

    def draw(value):
        return uniforms(seed, 1, "rudiments", "session", person.index, name, value)[0]

    usual, kept = held_out.parted("responses", responses)
    room_kept = bool(kept) and person.split == TEST and draw("room held out") < 0.5
    record = acoustics.session_record(named_acoustics.load()[name], draw, kept if room_kept else usual)
    bank, setup, drum_kept = _own_drum(seed, refs, person, int(draw("drum") * OWN_DRUMS))
    return bank, setup, UNSEEN[drum_kept + 2 * room_kept], json.dumps(record)


def _setup(seed, person, number):
    def draw(value):
        return uniforms(seed, 1, "rudiments", "set-up", person.index, number, value)[0]

    return json.dumps(drums.setup(draw, hands(seed, person)), separators=(",", ":"))


@lru_cache(maxsize=1024)
def hands(seed: int, person: Any) -> list[dict[str, Any]]:
    """How a player's hands sound, see :func:`sousa.generation.audio.drums.hands_of`."""

    def draw(value):
        return uniforms(seed, 1, "rudiments", "hands", person.index, value)[0]

    return drums.hands_of(draw, int(person.dominant_hand == "right"))


def aug_columns(record, soundfont):
    """The ``aug_*`` columns of a row with this record (None for clean) and soundfont."""
    told = {"soundfont": soundfont, **renderings.told(record)}
    return {f"aug_{name}": value for name, value in told.items()}
