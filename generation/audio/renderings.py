"""Which acoustics, rooms and values a rendering of something played has, for every corpus alike.

Conventions
-----------
Rendering 0 is clean where ``clean`` is among the acoustics, whatever else is asked for. The others follow a
permutation of the remaining acoustics, drawn for what is played: none is repeated before all are used. The
permutation is built by adding one name after the other in the order of ``acoustics.toml``, each exchanging
places with a random one before it (the inside-out Fisher-Yates shuffle). A name that is added at the end of
that file takes one rendering in N from the others and leaves all else as it was; no other rule moves fewer
rows.
"""

import json
from typing import Any

from sousa.generation.audio import named_acoustics, rooms
from sousa.generation.audio.acoustics import Record
from sousa.generation.audio.rooms import Response
from sousa.generation.seeds import uniforms

LEVEL_RANGE_DB = 6.0


def acoustics_of(
    seed: int, corpus: str, address: tuple[str | int, ...], heard: tuple[str, ...], augmentation: int
) -> str:
    """Name of the acoustics of a rendering.

    Args:
        corpus: its name, with ``address`` the coordinates of what is played.
        heard: the acoustics that are used, in the order of the table.
        augmentation: number of the rendering.
    """
    others = [name for name in heard if name != named_acoustics.CLEAN]
    if len(others) < len(heard):
        if augmentation == 0 or not others:
            return named_acoustics.CLEAN
        augmentation -= 1
    turn, place = divmod(augmentation, len(others))
    order: list[str] = []
    for name in others:
        draw = uniforms(seed, 1, corpus, "acoustics of", *address, turn, name)[0]
        order.append(name)
        at = int(draw * len(order))
        order[at], order[-1] = name, order[at]
    return order[place]


def level_db(draw: float) -> float:
    """Wanted gain of a rendering: 0 to -LEVEL_RANGE_DB, in tenths of a dB."""
    return -int(draw * (LEVEL_RANGE_DB * 10 + 1)) / 10.0


def responses_for(config: Any, name: str) -> tuple[Response, ...]:
    """The impulse responses that acoustics choose from; ``config.rooms``: those of the user."""
    if name not in rooms.stated():
        return ()
    own, of_all = (tuple(r for key, r in config.rooms if key == wanted) for wanted in (name, ""))
    return own or of_all or rooms.pool(name)


def record_of(text: str | None) -> Record | None:
    """The acoustic record of a stored text, None for clean; see :mod:`sousa.generation.audio.acoustics`."""
    return json.loads(text) if text else None


def told(record: Record | None) -> dict[str, Any]:
    """What columns may tell of a record, the last one being all of it as text; all None for clean."""
    text = json.dumps(record, separators=(",", ":")) if record else None
    record = record or {}
    room, mic = record.get("room"), record.get("microphone") or {}
    return {
        **{name: room and room[name] for name in ("room_type", "rt60_sec", "drr_db", "c50_db")},
        "room_wet_dry": room and round(1.0 / (1.0 + 10.0 ** (room["drr_db"] / 10.0)), 4),
        "room_response": room and room["response"],
        "mic_distance": mic.get("distance_m"),
        "mic_type": mic.get("type"),
        "compression_ratio": (record.get("compressor") or {}).get("ratio"),
        "noise_level_db": (record.get("noise") or {}).get("level_db"),
        "click_level_db": (record.get("click") or {}).get("level_db"),
        "backing_level_db": (record.get("backing") or {}).get("level_db"),
        "bit_depth": record.get("bit_depth"),
        "sample_rate": record.get("sample_rate_hz"),
        "record": text,
    }
