"""What is found in a recording as files: MIDI, JSON, CSV and MusicXML."""

import csv
import io
import json
import struct
from typing import Any

import numpy as np

from sousa.generation import midi
from sousa.generation.notation import keys
from sousa.training.transcription import TICKS, musicxml
from sousa.training.transcription.sheet import Sheet

_RATE = 1_000_000  # of times in MIDI files: microseconds
_SUSTAIN, _DOWN, _UP = 64, 127, 0
_STAVES = ("upper", "lower")
_COLUMNS = ("onset_sec", "offset_sec", "pitch", "velocity", "quarter", "quarters", "staff", "line")
# what files of ours begin with: MIDI of three tracks, and a division that no other program has
MARKS: dict[str, tuple[bytes, ...]] = {
    "mid": tuple(
        struct.pack(">4sIHHH", b"MThd", 6, 1, 1 + len(_STAVES), midi.TICKS_PER_BEAT >> k) for k in range(7)
    ),
    "json": (b'{\n "duration_sec": ',),
    "csv": (",".join(_COLUMNS).encode(),),
    "musicxml": (b"<software>SOUSA</software>",),
}


def encode(kind: str, sheet: Sheet, notes: np.ndarray, pedal: np.ndarray, duration_sec: float) -> bytes:
    """A file of a kind that MARKS names.

    Args:
        notes: array of NOTE that the score was written from.
        pedal: float64 (n, 2), seconds in which a sustain pedal is down.
        duration_sec: length of the recording.
    """
    if kind == "musicxml":
        return musicxml.encode(sheet)
    if kind == "mid":
        return _midi(sheet, notes, pedal, duration_sec)
    rows = note_rows(sheet, notes)
    if kind == "csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue().encode()
    return (
        json.dumps(summary(sheet, notes, pedal, duration_sec) | {"notes": rows}, indent=1) + "\n"
    ).encode()


def note_rows(sheet: Sheet, notes: np.ndarray) -> list[dict[str, Any]]:
    """A dict of each note: as heard, in seconds, and as written, in quarter notes, or null."""
    written = {int(n["source"]): n for n in sheet.notes}
    rows = []
    for i, note in enumerate(notes):
        place = written.get(i)
        rows.append({
            "onset_sec": round(float(note["onset_sec"]), 6),
            "offset_sec": round(float(note["offset_sec"]), 6),
            "pitch": int(note["pitch"]),
            "velocity": int(note["velocity"]),
            "quarter": None if place is None else round(int(place["onset"]) / TICKS, 6),
            "quarters": None if place is None else round(int(place["length"]) / TICKS, 6),
            "staff": None if place is None else _STAVES[place["staff"]],
            "line": None if place is None else int(place["voice"]),
        })  # fmt: skip
    return rows


def summary(sheet: Sheet, notes: np.ndarray, pedal: np.ndarray, duration_sec: float) -> dict[str, Any]:
    """What is known of a recording but its notes."""
    return {
        "duration_sec": round(duration_sec, 6),
        "count": len(notes),
        "signature": sheet.metre,
        "sharps": sheet.sharps,
        "mode": sheet.mode,
        "called": keys.name(sheet.sharps, sheet.mode),
        "bpm": round(sheet.tempo_bpm, 2),
        "bars": [round(float(t), 6) for t in sheet.seconds(np.array([onset for onset, _ in sheet.bars]))],
        "pulse": [round(float(t), 6) for t in sheet.beats.sec],
        "sustain": [[round(float(t), 6) for t in span] for span in pedal],
    }


def _midi(sheet: Sheet, notes: np.ndarray, pedal: np.ndarray, duration_sec: float) -> bytes:
    """A MIDI file whose times are those that are heard, and whose bars and tempo are those of the score."""
    beat = sheet.beats.beat_ticks
    last = sum(sheet.bars[-1])
    ticks = np.arange(sheet.origin % beat, last + 1, beat)
    heard = np.rint(sheet.seconds(ticks) * _RATE).astype(np.int64)
    ticks, heard = ticks[heard >= 0], heard[heard >= 0]
    onset = np.rint(notes["onset_sec"] * _RATE).astype(np.int64)
    release = np.rint(notes["offset_sec"] * _RATE).astype(np.int64)
    release = np.maximum(_until_again(onset, release, notes["pitch"]), onset + 1)
    staff = np.zeros(len(notes), dtype=np.int64)
    staff[sheet.notes["source"]] = sheet.notes["staff"]
    parts = [
        midi.Part(
            name,
            onset[staff == k],
            release[staff == k],
            notes["pitch"][staff == k],
            notes["velocity"][staff == k],
        )
        for k, name in enumerate(_STAVES)
    ]
    moves = np.rint(pedal * _RATE).astype(np.int64)
    controls = np.array(
        [(t, _SUSTAIN, value) for span in moves for t, value in zip(span, (_DOWN, _UP), strict=True)]
    ).reshape(-1, 3)
    end = max(round(duration_sec * _RATE), int(release.max(initial=0)), int(heard[-1]))
    grid = midi.Grid(
        ticks / TICKS, heard, [(o / TICKS, n / TICKS, sheet.metre) for o, n in sheet.bars],
        sheet.tempo_bpm, sheet.sharps, sheet.mode == keys.MODES[1],
    )  # fmt: skip
    return midi.encode_free(sheet.title, parts, controls.astype(np.int64), grid, end, _RATE)


def _until_again(onset: np.ndarray, release: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Releases no later than where the same key is struck again."""
    out = release.copy()
    order = np.lexsort((onset, pitch))
    same = pitch[order][1:] == pitch[order][:-1]
    first, second = order[:-1][same], order[1:][same]
    out[first] = np.minimum(out[first], onset[second])
    return out
