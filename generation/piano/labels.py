"""What rows tell of performances: flat columns, lists of records, and MIDI.

Conventions: a :class:`Heard` is a performance as a rendering has it: where tape or sample-rate reduction move
the sound, every time in it is moved. Lists are Arrow arrays of the records of several rows, in order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from sousa.generation import midi
from sousa.generation.audio import acoustics
from sousa.generation.audio.acoustics import Record
from sousa.generation.columns import arrow_type
from sousa.generation.piano import columns
from sousa.generation.piano.played import KINDS, PEDAL_DOWN, Performance, sounding_ends
from sousa.generation.piano.score import KEYS, LEFT, RIGHT, Score, beat_length, spelt

_HANDS = ("right", "left")  # RIGHT, LEFT
_PARTS = ((RIGHT, "Right hand"), (LEFT, "Left hand"))
_SUSTAIN = 64  # the controller


@dataclass(frozen=True, eq=False)
class Heard:
    """A performance of a score, as it is heard in a row."""

    score: Score
    performance: Performance


def heard(score: Score, performance: Performance, record: Record | None) -> Heard:
    """A performance with its times where ``record`` moves them."""
    if not acoustics.moves(record):
        return Heard(score, performance)
    size = performance.num_samples

    def moved(samples: np.ndarray) -> np.ndarray:
        return np.minimum(acoustics.moved(record, samples, performance.sample_rate, size), size - 1)

    notes, pedal = performance.notes.copy(), performance.pedal.copy()
    notes["onset_sample"] = moved(notes["onset_sample"])
    key_up = np.maximum(moved(notes["key_up_sample"]), notes["onset_sample"] + 1)
    # rounding must not let two notes of a key meet
    order = np.lexsort((notes["onset_sample"], notes["pitch"]))
    again = notes["pitch"][order][1:] == notes["pitch"][order][:-1]
    first, onset = order[:-1][again], notes["onset_sample"][order[1:][again]]
    key_up[first] = np.minimum(key_up[first], onset - 1)
    notes["key_up_sample"] = key_up
    pedal[1:, 0] = moved(pedal[1:, 0])
    notes["end_sample"] = sounding_ends(notes["onset_sample"], key_up, notes["pitch"], pedal, size)
    beats = moved(performance.beat_samples)
    return Heard(score, replace(performance, notes=notes, pedal=pedal, beat_samples=beats))


# --- flat columns ---


def facts(row: Heard) -> dict[str, Any]:
    """Columns that a score and its performance decide."""
    score, p = row.score, row.performance
    quarters = np.diff(p.beats) / np.diff(p.beat_samples)
    return {
        "title": score.title,
        "complexity": score.complexity,
        "style": score.style,
        "key": score.keys[0][1],
        "metre": score.bars[0].metre,
        "tempo_bpm": round(float(score.tempo_bpm), 3),
        "performed_tempo_bpm": round(float(np.median(quarters)) * 60.0 * p.sample_rate, 3),
        "duration_sec": p.num_samples / p.sample_rate,
        "num_samples": p.num_samples,
        "num_notes": len(p.notes),
        "num_bars": len(score.bars),
        "max_polyphony": max_polyphony(p.notes["onset_sample"], p.notes["end_sample"]),
        "pedal_share": pedal_share(p.pedal, p.num_samples),
        "score_source": score.source,
    }


def max_polyphony(onset: np.ndarray, end: np.ndarray) -> int:
    """Most notes that sound at once; one that ends where another begins does not sound with it."""
    begun = np.arange(1, len(onset) + 1)
    ended = np.searchsorted(np.sort(end), onset, side="right")
    return int((begun - ended).max(initial=0))


def pedal_share(pedal: np.ndarray, num_samples: int) -> float:
    """Share of the time in which the pedal is down; ``pedal``: as in Performance."""
    length = np.diff(np.append(pedal[:, 0], num_samples))
    return round(float(length[pedal[:, 1] >= PEDAL_DOWN].sum()) / num_samples, 4)


# --- lists ---


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0)


def _lists(column: Any, sizes: Sequence[int], fields: dict[str, Any]) -> pa.ListArray:
    """A column of lists of records; ``fields``: arrays over all records, ``(values, mask)`` with nulls."""
    arrays = []
    for field in column.type:
        values = fields[field.name]
        if not isinstance(values, pa.Array):
            values, mask = values if isinstance(values, tuple) else (values, None)
            values = pa.array(values, arrow_type(field.type), mask=mask)
        arrays.append(values)
    records = pa.StructArray.from_arrays(arrays, [field.name for field in column.type])
    starts = pa.array(np.concatenate([[0], np.cumsum(np.asarray(sizes, dtype=np.int64))]), pa.int32())
    return pa.ListArray.from_arrays(starts, records)


def _words(names: Sequence[str], which: np.ndarray) -> pa.Array:
    return pa.array(names, pa.string()).take(pa.array(which, pa.int32()))


_LOWEST_SPELLING, _HIGHEST_SPELLING = -29, 33  # F with four flats to B with four sharps


@cache
def _note_names() -> pa.Array:
    """Names of all spellings and octaves."""
    out = []
    for fifths in range(_LOWEST_SPELLING, _HIGHEST_SPELLING + 1):
        letter, alteration = spelt(fifths)
        sign = "#" * alteration + "b" * -alteration
        out += [f"{letter}{sign}{octave}" for octave in range(-1, 10)]
    return pa.array(out, pa.string())


def note_name(pitch: np.ndarray, fifths: np.ndarray) -> pa.Array:
    """Names of notes, such as ``F#4``: the octave is that of the letter, so B# 3 is the key of C4."""
    alteration = (np.asarray(fifths, dtype=np.int64) + 1) // 7
    octave = (np.asarray(pitch, dtype=np.int64) - alteration) // 12  # of -1 is 0
    return _note_names().take(pa.array((fifths.astype(np.int64) - _LOWEST_SPELLING) * 11 + octave))


def note_lists(rows: Sequence[Heard]) -> pa.ListArray:
    """The column ``notes``."""
    notes = _joined([row.performance.notes for row in rows])
    written = _joined([row.score.notes[np.maximum(row.performance.notes["note"], 0)] for row in rows])
    absent = notes["note"] < 0
    # an ornament's or wrong note's pitch is not the written one, whose name would mislead
    unnamed = absent | (notes["pitch"] != written["pitch"])
    name = note_name(written["pitch"], written["fifths"])
    fields = {name: notes[name] for name in ("onset_sample", "key_up_sample", "end_sample", "velocity")}
    return _lists(_column("notes"), [len(row.performance.notes) for row in rows], fields | {
        "pitch": notes["pitch"], "voice": notes["voice"],
        "hand": _words(_HANDS, notes["hand"]),
        "kind": _words(KINDS, notes["kind"]),
        "note_index": (notes["note"], absent),
        "onset_beat": (written["onset_beat"], absent),
        "duration_beat": (written["duration_beat"], absent),
        "name": pa.compute.if_else(pa.array(unnamed), pa.scalar(None, pa.string()), name),
    })  # fmt: skip


def pedal_lists(rows: Sequence[Heard]) -> pa.ListArray:
    """The column ``pedal``."""
    moves = _joined([row.performance.pedal for row in rows]).reshape(-1, 2)
    sizes = [len(row.performance.pedal) for row in rows]
    return _lists(_column("pedal"), sizes, {"sample": moves[:, 0], "value": moves[:, 1]})


def beat_lists(rows: Sequence[Heard]) -> pa.ListArray:
    """The column ``beats``."""
    places = [_bars(row.score, row.performance.beats) for row in rows]
    return _lists(_column("beats"), [len(row.performance.beats) for row in rows], {
        "onset_sample": _joined([row.performance.beat_samples for row in rows]),
        "beat": _joined([row.performance.beats for row in rows]),
        "bar": _joined([bar for bar, _ in places]),
        "position": _joined([position for _, position in places]),
    })  # fmt: skip


def _bars(score: Score, beats: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``(bar, position)`` of beats; the end belongs to the bar that would follow."""
    onset = np.array([*(bar.onset_beat for bar in score.bars), score.end_beat])
    step = np.array([*(beat_length(bar.metre) for bar in score.bars), 1.0])
    bar = np.searchsorted(onset, beats + 1e-6, side="right") - 1
    # beats of a first bar that is not full are counted from its end
    first = score.bars[0]
    count, unit = (int(part) for part in first.metre.split("/"))
    missing = np.zeros(len(onset))
    missing[0] = max(4.0 * count / unit - first.length_beat, 0.0)
    return bar, np.rint((beats - onset[bar] + missing[bar]) / step[bar]).astype(np.int64)


def chord_lists(rows: Sequence[Heard]) -> pa.ListArray:
    """The column ``chords``."""
    chords = [chord for row in rows for chord in row.score.chords]
    onset = [
        np.rint(np.interp([c.onset_beat for c in row.score.chords], p.beats, p.beat_samples))
        for row, p in ((row, row.performance) for row in rows)
    ]
    fields = {name: [getattr(c, name) for c in chords]
              for name in ("onset_beat", "duration_beat", "numeral", "root", "bass", "quality")}  # fmt: skip
    return _lists(_column("chords"), [len(row.score.chords) for row in rows], fields | {
        "onset_sample": _joined(onset).astype(np.int64), "local_key": [c.key for c in chords],
    })  # fmt: skip


def missed_lists(rows: Sequence[Heard]) -> pa.ListArray:
    """The column ``missed_notes``."""
    notes = _joined([row.score.notes[row.performance.missed] for row in rows])
    return _lists(_column("missed_notes"), [len(row.performance.missed) for row in rows], {
        "note_index": _joined([row.performance.missed for row in rows]).astype(np.int64),
        "onset_beat": notes["onset_beat"], "pitch": notes["pitch"],
    })  # fmt: skip


@cache
def _column(name: str) -> Any:
    return next(column for column in columns.NESTED if column.name == name)


# --- MIDI ---


def midi_file(row: Heard, name: str) -> bytes:
    """The Standard MIDI file of a performance, under this name."""
    score, p = row.score, row.performance
    parts = []
    for hand, title in _PARTS:
        of = p.notes[p.notes["hand"] == hand]
        parts.append(midi.Part(title, of["onset_sample"], of["key_up_sample"], of["pitch"], of["velocity"]))
    controls = np.column_stack([p.pedal[:, 0], np.full(len(p.pedal), _SUSTAIN), p.pedal[:, 1]])
    key = score.keys[0][1]
    grid = midi.Grid(
        p.beats, p.beat_samples, [(bar.onset_beat, bar.length_beat, bar.metre) for bar in score.bars],
        score.tempo_bpm, KEYS[key], key.endswith("minor"),
    )  # fmt: skip
    return midi.encode_free(name, parts, controls, grid, p.num_samples, p.sample_rate)
