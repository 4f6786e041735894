"""What was found in a recording as files: JSON, CSV, MIDI and JAMS."""

import csv
import io
import json
import struct
from fractions import Fraction
from typing import Any

import numpy as np

from sousa.generation import midi
from sousa.generation.rudiments.corpus import SNARE_NOTE
from sousa.generation.rudiments.score import beat_length
from sousa.training.listening import describing
from sousa.training.listening.listener import Listening

_RATE = 1_000_000  # of times in MIDI files: microseconds
_NOTE_SEC = 0.05
_COLUMNS = (
    "onset_sec", "onset_probability", "velocity", "hand", "hand_probability", "is_accent", "is_grace_note",
    "is_bounce", "beat", "intended_sec", "timing_error_ms", "mistake",
)  # fmt: skip
# what files of ours begin with: MIDI of two tracks, and a division that no other program has
MARKS: dict[str, tuple[bytes, ...]] = {
    "json": (b'{\n "format_version": ',),
    "csv": (",".join(_COLUMNS).encode(),),
    "mid": tuple(struct.pack(">4sIHHH", b"MThd", 6, 1, 2, midi.TICKS_PER_BEAT >> k) for k in range(7)),
    "jams": (b'"annotation_tools": "sousa listen"',),
}


def encode(kind: str, listening: Listening) -> bytes:
    """A file of a kind that MARKS names."""
    return {"json": _json, "csv": _csv, "mid": _midi, "jams": _jams}[kind](listening)


def _json(listening: Listening) -> bytes:
    return (json.dumps(describing.data_of(listening), indent=1, allow_nan=False) + "\n").encode()


def _csv(listening: Listening) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(describing.strokes(listening))
    return text.getvalue().encode()


def _midi(listening: Listening) -> bytes:
    """Strokes at the times they are heard, on a grid of the tempo; without a rudiment at 120 a minute."""
    heard, judged = listening.hearing.heard, listening.judged
    onset = np.rint(heard.time_ms * 1000.0).astype(np.int64)
    release = onset + round(_NOTE_SEC * _RATE)
    release[:-1] = np.maximum(np.minimum(release[:-1], onset[1:]), onset[:-1] + 1)
    end = round(listening.hearing.duration_sec * _RATE)
    beat_us, first, bar, metre = 500_000.0, 0.0, 4.0, "4/4"
    if judged is not None:
        form = judged.fit.form
        beat_us, bar, metre = judged.fit.beat_ms * 1000.0, float(form.bar_beats), form.metre
        first = judged.fit.first_ms * 1000.0
        first -= np.floor(first / (bar * beat_us)) * bar * beat_us  # the first bar line after the beginning
    count = max(int(np.ceil((end - first) / beat_us)), 1) + 1
    beats = np.arange(count, dtype=np.float64)
    bars = [(start, bar, metre) for start in np.arange(0.0, float(count), bar).tolist()]
    grid = midi.Grid(beats, np.rint(first + beats * beat_us).astype(np.int64), bars, 60e6 / beat_us)
    pitch = np.full(len(onset), SNARE_NOTE)
    part = midi.Part("snare drum", onset, release, pitch, np.rint(heard.velocity).astype(np.int64))
    controls = np.zeros((0, 3), np.int64)
    last = max(end, int(release.max(initial=0)))
    return midi.encode_free(listening.name, [part], controls, grid, last, _RATE, channel=9)


def _jams(listening: Listening) -> bytes:
    """Onsets, beats, tempo and the rudiment, as https://jams.readthedocs.io has them."""
    data = describing.data_of(listening)
    seconds = data["duration_sec"]

    def annotation(namespace: str, values: list[tuple[float, float, Any, Any]], rules: str) -> dict[str, Any]:
        return {
            "annotation_metadata": {
                "annotation_tools": "sousa listen", "annotation_rules": rules, "data_source": "program",
                "curator": {"name": "", "email": ""}, "annotator": {}, "version": "", "corpus": "",
                "validation": "",
            },
            "namespace": namespace, "time": 0.0, "duration": seconds, "sandbox": {},
            "data": [{"time": t, "duration": d, "value": v, "confidence": c} for t, d, v, c in values],
        }  # fmt: skip

    onsets = [(s["onset_sec"], 0.0, s["velocity"], s["onset_probability"]) for s in data["strokes"]]
    out = [annotation("onset", onsets, "strokes of the snare drum; values are MIDI velocities")]
    if data["rudiment"]:
        beat = beat_length(data["metre"])  # in quarter notes
        step, first = 60.0 * beat / data["tempo_bpm"], data["first_beat_sec"]
        in_bar = round(4.0 * float(Fraction(data["metre"])) / beat)
        numbers = range(int(np.ceil(-first / step - 1e-9)), int(np.ceil((seconds - first) / step)))
        beats = [(round(first + k * step, 6), 0.0, k % in_bar + 1, None) for k in numbers]
        sure = 1.0 if data["tempo_was_given"] else None
        out += [
            annotation("beat", beats, "beats of the grid; values are their places in the bar"),
            annotation("tempo", [(0.0, seconds, data["tempo_bpm"], sure)], "quarter notes a minute"),
            annotation(
                "tag_open",
                [(0.0, seconds, c["slug"], c["probability"]) for c in data["rudiment"]["candidates"]],
                "rudiments that may be played",
            ),
        ]
    body = {
        "annotations": out, "sandbox": {},
        "file_metadata": {
            "title": listening.name, "artist": "", "release": "", "duration": seconds, "identifiers": {},
            "jams_version": "0.3.4",
        },
    }  # fmt: skip
    return json.dumps(body).encode()
