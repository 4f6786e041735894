"""How each rendering of a performance sounds: its piano, tuning, brightness, level and acoustics.

Conventions
-----------
Acoustics are those of :mod:`sousa.generation.audio.renderings`. A room with its microphone and EQ serves a
*session*: the pieces of ROOM_PIECES numbers under the same acoustics. A tuning stays for TUNED_PIECES, and
a piano for the same rendering of PIANO_PIECES; then comes another one, until all have been heard. These are
costly to change. Everything else is the row's own. All of it depends on coordinates alone.

Of several pianos, and of several rooms of the same acoustics, the last one is *held out*: rows of train and
validation never have it, and half of the test rows do, so that reports can tell known from unknown ones.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, TypeVar

from sousa.generation.audio import acoustics, named_acoustics
from sousa.generation.audio.banks import BankError
from sousa.generation.audio.renderings import acoustics_of, level_db, responses_for, told
from sousa.generation.audio.rooms import Response
from sousa.generation.piano.pieces import split_of
from sousa.generation.piano.sampler import pianos
from sousa.generation.piano.settings import Config, PianoRef
from sousa.generation.seeds import uniforms

TUNINGS_CENTS = (-8, 0, 8)
TUNED_PIECES, ROOM_PIECES, PIANO_PIECES = 100, 25, 20
BRIGHTNESS_DB = 6.0  # up and down, in halves of a dB
_Part = TypeVar("_Part")


@dataclass(frozen=True)
class Rendering:
    """What a row is rendered with."""

    acoustics: str
    piano: PianoRef
    cents: int
    brightness_db: float
    gain_db: float  # wanted level
    record: dict[str, Any] | None  # see sousa.generation.audio.acoustics; None for clean


def chosen(parts: Sequence[_Part], held_out: bool, draw: float) -> _Part:
    """One of several pianos or rooms; ``held_out``: whether the row may have the last one."""
    if len(parts) == 1:
        return parts[0]
    if held_out:
        if draw < 0.5:
            return parts[-1]
        draw = 2.0 * draw - 1.0
    return parts[int(draw * (len(parts) - 1))]


def rendering(config: Config, piece: int, performance: int, augmentation: int) -> Rendering:
    """The Rendering with these coordinates."""
    played = (piece, performance)
    name = acoustics_of(config.seed, "piano", played, config.acoustics, augmentation)
    address = (*played, augmentation)
    held_out = split_of(config, piece) == "test"
    which, bright, level = uniforms(config.seed, 3, "piano", "voice", *address)
    piano = config.pianos[_place(config.seed, len(config.pianos), *address)]
    if held_out and which < 0.5:
        piano = config.pianos[-1]
    tuning = uniforms(config.seed, 1, "piano", "tuning", piece // TUNED_PIECES)[0]
    cents = TUNINGS_CENTS[int(tuning * len(TUNINGS_CENTS))]
    brightness_db = int(bright * (4 * BRIGHTNESS_DB + 1)) / 2.0 - BRIGHTNESS_DB
    record = None
    if name != named_acoustics.CLEAN:
        responses = responses_for(config, name)
        linear = _session(config.seed, piece // ROOM_PIECES, name, responses, held_out)

        def draw(value: str) -> float:
            return uniforms(config.seed, 1, "piano", "acoustics", *address, name, value)[0]

        own = acoustics.row_record(named_acoustics.load()[name], draw, config.sample_rate, config.noises)
        record = {**json.loads(linear), **own}
    return Rendering(name, piano, cents, brightness_db, level_db(level), record)


@lru_cache(maxsize=256)
def _place(seed: int, pianos: int, piece: int, performance: int, augmentation: int) -> int:
    """Which of so many pianos is at hand, the last one never if there are others."""
    known = max(pianos - 1, 1)
    turn, place = divmod(piece // PIANO_PIECES, known)
    draws = uniforms(seed, known, "piano", "instrument", performance, augmentation, turn)
    return sorted(range(known), key=draws.__getitem__)[place]


@lru_cache(maxsize=256)
def _session(seed: int, session: int, name: str, responses: tuple[Response, ...], held_out: bool) -> str:
    """The linear stages of a session under these acoustics, as JSON."""

    def draw(value: str) -> float:
        return uniforms(seed, 1, "piano", "session", session, name, held_out, value)[0]

    if responses:
        responses = (chosen(responses, held_out, draw("room")),)
    return json.dumps(acoustics.session_record(named_acoustics.load()[name], draw, responses))


def sound_columns(row: Rendering | None) -> dict[str, Any]:
    """Columns that say how a row sounds; after it was rendered, which measures levels for the record."""
    if row is None:
        return {}
    said = told(row.record)
    return {
        "piano": row.piano.name, "piano_digest": row.piano.digest, "tuning_cents": row.cents,
        "brightness_db": row.brightness_db, **{f"aug_{name}": said[name] for name in _SAID},
    }  # fmt: skip


_SAID = ("room_response", "rt60_sec", "mic_type", "record")


@cache
def load_piano(ref: PianoRef) -> pianos.Piano:
    """The piano a configuration refers to; each process reads it once.

    Raises: BankError when the piano at its path is no longer the one the configuration means.
    """
    piano = pianos.load(ref.path)
    if piano.digest != ref.digest:
        raise BankError(f"piano {ref.name} at {ref.path} has changed; build it again from its font")
    return piano
