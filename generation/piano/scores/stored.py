"""Scores as bytes, the same for the same score."""

import json
from dataclasses import fields

import numpy as np

from sousa.generation.piano.score import NOTE, Bar, Chord, Dynamic, Phrase, Score

FIELDS = tuple(NOTE.names or ())
_RECORDS = {"bars": Bar, "chords": Chord, "phrases": Phrase, "dynamics": Dynamic}


def encode(score: Score) -> bytes:
    """A score as JSON in UTF-8."""
    data = {field.name: getattr(score, field.name) for field in fields(score)}
    data["notes"] = {name: score.notes[name].tolist() for name in FIELDS}
    for name in _RECORDS:
        data[name] = [list(vars(record).values()) for record in data[name]]
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


def decode(data: bytes) -> Score:
    """The score of :func:`encode`."""
    values = json.loads(data)
    columns = values["notes"]
    notes = np.zeros(len(columns["pitch"]), dtype=NOTE)
    for name in FIELDS:
        notes[name] = columns[name]
    values["notes"] = notes
    for name, kind in _RECORDS.items():
        values[name] = tuple(kind(*record) for record in values[name])
    for name in ("keys", "tempi"):
        values[name] = tuple(map(tuple, values[name]))
    return Score(**values)
