"""Measuring one shard of piano beside what any corpus's is measured by.

Conventions: as in :mod:`sousa.generation.validation`. Notes, pedal, beats and chords are compared with each
other and with the MIDI file; the sound is measured in :mod:`.sound`.
"""

import io
from typing import Any

import mido
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation import midi
from sousa.generation.piano import labels
from sousa.generation.piano.pieces import score_of
from sousa.generation.piano.played import KINDS, sounding_ends
from sousa.generation.piano.score import HIGHEST_PITCH, LOWEST_PITCH
from sousa.generation.piano.validation import figures
from sousa.generation.piano.validation.measures import Played, ends_slur
from sousa.generation.piano.validation.sound import check_sound
from sousa.generation.tables import numpy_column
from sousa.generation.validation import Examiner
from sousa.generation.validation.findings import Problems

_FLAT = (
    "sample_id", "num_samples", "sample_rate", "num_notes", "num_bars", "max_polyphony", "pedal_share",
    "skill_tier", "style", "complexity", "tempo_bpm", "piece_index", "performance_index",
    "augmentation_index", "augmentation_preset", "piano_digest", "tuning_cents", "brightness_db", "gain_db",
    "pcm_digest", "aug_record",
)  # fmt: skip
_LISTS = ("notes", "pedal", "beats", "chords", "missed_notes")
Records = dict[str, np.ndarray]


def records_of(group: pa.Table, name: str) -> list[Records]:
    """The records of a column of lists: of each row, dict of arrays."""
    lists = group[name].combine_chunks()
    start = np.concatenate([[0], np.cumsum(pc.list_value_length(lists).to_numpy())])
    flat = lists.flatten()
    columns = {field.name: numpy_column(flat.field(field.name)) for field in flat.type}
    return [{n: v[start[i] : start[i + 1]] for n, v in columns.items()} for i in range(len(group))]


class PianoExaminer(Examiner):
    """Figures of performances, and MIDI and sound of some rows."""

    def __init__(self, task: Any):
        super().__init__(task)
        self.performances: list[dict] = []
        self.media: list[dict] = []
        self.rows: list[dict[str, Any]] = []  # of the group at hand: flat columns and records

    def labels(self, group: pa.Table, first: int, problems: Problems) -> dict[str, Any]:
        flat = {name: group[name].to_pylist() for name in _FLAT if name in group.column_names}
        lists = {name: records_of(group, name) for name in _LISTS}
        self.rows = []
        for i in range(len(group)):
            row = {name: values[i] for name, values in (flat | lists).items()}
            self.rows.append(row)
            _check_notes(row, problems)
            _check_places(row, problems)
            if row["augmentation_index"] == 0:
                about = {name: row[name] for name in ("skill_tier", "style", "complexity")}
                self.performances.append(about | {"figures": figures.measure(self._played(row))})
        return {"notes_not_written": [int((row["notes"]["kind"] != "written").sum()) for row in self.rows]}

    def _played(self, row: dict[str, Any]) -> Played:
        """The performance of a row, with the marks of its score where that can be had."""
        n, rate, beats = row["notes"], row["sample_rate"], row["beats"]
        number = np.nan_to_num(n["note_index"].astype(np.float64), nan=-1.0).astype(np.int64)
        marks: dict[str, Any] = {}
        phrases: tuple[tuple[float, float], ...] = ()
        if self.task.shard is not None:
            config: Any = self.task.config
            score = score_of(config, row["piece_index"])
            source = score.notes[number.clip(0)]
            marks = {name: source[name] for name in ("slur", "articulation", "ornament")}
            marks["last"] = (source["slur"] >= 0) & ends_slur(score)[number.clip(0)]
            phrases = tuple((phrase.onset_beat, phrase.end_beat) for phrase in score.phrases)
        bars = beats["beat"][:-1][beats["position"][:-1] == 0]
        onset, key_up, end = (n[name] / rate for name in ("onset_sample", "key_up_sample", "end_sample"))
        return Played(
            onset, key_up, end,
            n["pitch"].astype(float), n["velocity"].astype(float), (n["hand"] == "left").astype(np.int64),
            n["voice"], np.array([KINDS.index(kind) for kind in n["kind"]]), number,
            n["onset_beat"].astype(float), n["duration_beat"].astype(float), beats["beat"], bars,
            np.column_stack([row["pedal"]["sample"] / rate, row["pedal"]["value"]]), marks, phrases,
        )  # fmt: skip

    def hear(self, group: pa.Table, i: int, number: int, pcm: Any, problems: Problems) -> None:
        row = self.rows[i]
        out = _midi(row, group["midi"][i].as_py(), problems)
        if pcm is not None and self.task.shard is not None:  # else its pianos and rooms may not be here
            config: Any = self.task.config
            out |= check_sound(config, row, pcm, problems)
        self.media.append(out)

    def measured(self) -> dict[str, list]:
        return {"performances": self.performances, "media": self.media}


def _check_notes(row: dict[str, Any], problems: Problems) -> None:
    """Notes and pedal among each other."""
    n, pedal, size = row["notes"], row["pedal"], row["num_samples"]
    onset, key_up, end, pitch = (n[name] for name in ("onset_sample", "key_up_sample", "end_sample", "pitch"))

    def wrong(what: str, mask: Any) -> None:
        if count := int(np.count_nonzero(mask)):
            problems.add(what, row["sample_id"], count)

    wrong("note_count_differs", len(onset) != row["num_notes"])
    wrong("note_without_length", key_up <= onset)
    wrong("ends_before_key_up", (end < key_up) & ~_cut_short(onset, end, pitch))
    wrong("note_after_end", (key_up > size) | (end > size))
    wrong("pitch_not_on_a_piano", (pitch < LOWEST_PITCH) | (pitch > HIGHEST_PITCH))
    wrong("velocity_out_of_range", (n["velocity"] < 1) | (n["velocity"] > 127))
    order = np.lexsort((onset, pitch))
    same = pitch[order][1:] == pitch[order][:-1]
    wrong("struck_while_down", same & (key_up[order][:-1] > onset[order][1:]))
    at, value = pedal["sample"], pedal["value"]
    begins = len(at) > 0 and at[0] == 0
    wrong("pedal_out_of_order", not begins or (np.diff(at) < 0).any() or (at >= size).any())
    wrong("pedal_out_of_range", (value < 0) | (value > 127))
    moves = np.column_stack([at, value]).astype(np.int64)
    wrong("end_differs_from_pedal", sounding_ends(onset, key_up, pitch, moves, size) != end)
    wrong("polyphony_differs", labels.max_polyphony(onset, end) != row["max_polyphony"])
    if begins:
        wrong("pedal_share_differs", abs(labels.pedal_share(moves, size) - row["pedal_share"]) > 1e-4)


def _cut_short(onset: np.ndarray, end: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Notes that end where their key is struck again."""
    struck = set(zip(pitch.tolist(), onset.tolist(), strict=True))
    return np.array([pair in struck for pair in zip(pitch.tolist(), end.tolist(), strict=True)], dtype=bool)


def _check_places(row: dict[str, Any], problems: Problems) -> None:
    """Notes, beats and chords against the score."""
    n, beats, chords = row["notes"], row["beats"], row["chords"]

    def wrong(what: str, mask: Any) -> None:
        if count := int(np.count_nonzero(mask)):
            problems.add(what, row["sample_id"], count)

    wrong("beats_do_not_rise", (np.diff(beats["onset_sample"]) <= 0) | (np.diff(beats["beat"]) <= 0))
    wrong("beat_after_end", (beats["onset_sample"] < 0) | (beats["onset_sample"] >= row["num_samples"]))
    follows = (np.diff(beats["bar"]) == 0) & (np.diff(beats["position"]) == 1)
    new = (np.diff(beats["bar"]) >= 1) & (beats["position"][1:] == 0)
    wrong("beats_are_not_counted", ~(follows | new))
    wrong("bar_count_differs", beats["bar"][-1] != row["num_bars"] or beats["position"][-1] != 0)
    wrong("chords_out_of_order", np.diff(chords["onset_beat"]) < 0)
    wrong("chords_out_of_order", np.diff(chords["onset_sample"]) < 0)
    number = n["note_index"].astype(np.float64)  # NaN where it is null
    played, kind = number[~np.isnan(number)], n["kind"]
    wrong("extra_note_is_written", (kind == "extra") != np.isnan(number))
    alone = played[np.isin(kind[~np.isnan(number)], ("written", "wrong"))]
    wrong("written_note_played_twice", len(np.unique(alone)) != len(alone))
    missed = row["missed_notes"]["note_index"]
    wrong("missed_note_is_played", np.isin(missed, played))
    everything = np.union1d(played, missed)
    wrong("written_note_neither_played_nor_missed",
          len(everything) and not (len(everything) == everything[-1] + 1 and everything[0] == 0))  # fmt: skip
    place = n["onset_beat"][~np.isnan(number)]
    low, high = beats["beat"][0], beats["beat"][-1]
    wrong("written_outside_score", (place < min(low, 0.0) - 1e-6) | (place > high + 1e-6))


def _midi(row: dict[str, Any], data: bytes, problems: Problems) -> dict[str, Any]:
    """The MIDI file against notes and pedal: ``midi_error`` and ``midi_allowed``, in samples."""
    n, rate = row["notes"], row["sample_rate"]
    try:
        file = mido.MidiFile(file=io.BytesIO(data))
        found, pedal, slowest = _read(file, rate)
    except Exception as error:  # any reader's complaint means the same here
        problems.add("midi_unreadable", f"{row['sample_id']}: {error}")
        return {"midi_error": np.nan, "midi_allowed": 0}
    names = ("pitch", "onset_sample", "key_up_sample", "velocity")
    wanted = np.array(sorted(zip(*(n[name].tolist() for name in names), strict=True)), dtype=np.int64)
    wanted = wanted.reshape(-1, 4)  # of a row without notes too
    if len(found) != len(wanted) or (len(wanted) and (found[:, [0, 3]] != wanted[:, [0, 3]]).any()):
        problems.add("midi_notes_differ", row["sample_id"])
        return {"midi_error": np.nan, "midi_allowed": 0}
    moves = np.column_stack([row["pedal"]["sample"], row["pedal"]["value"]])
    if pedal.shape != moves.shape or (pedal[:, 1] != moves[:, 1]).any():
        problems.add("midi_pedal_differs", row["sample_id"])
        return {"midi_error": np.nan, "midi_allowed": 0}
    off = np.abs(found[:, 1:3] - wanted[:, 1:3]).max(initial=0)
    off = max(off, np.abs(pedal[:, 0] - moves[:, 0]).max(initial=0))
    allowed = midi.max_error_samples(60e6 / slowest, rate, file.ticks_per_beat)
    return {"midi_error": float(off), "midi_allowed": allowed}


def _read(file: mido.MidiFile, rate: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Notes ``(pitch, onset, key up, velocity)``, pedal ``(sample, value)``, and the slowest tempo."""
    notes, sounding, pedal, at, slowest = [], {}, [], 0.0, 1
    for message in file:
        at += message.time
        sample = int(np.rint(at * rate))
        if message.type == "set_tempo":
            slowest = max(slowest, message.tempo)
        elif message.type == "note_on" and message.velocity:
            sounding[message.note] = (sample, message.velocity)
        elif message.type in ("note_off", "note_on"):
            onset, velocity = sounding.pop(message.note)
            notes.append((message.note, onset, sample, velocity))
        elif message.type == "control_change" and message.control == 64:
            pedal.append((sample, message.value))
    if sounding:
        raise ValueError("a note has no end")
    # each track has the pedal, one after the other at one time
    moves = np.array(pedal, dtype=np.int64).reshape(-1, 2)[:: max(len(file.tracks) - 1, 1)]
    return np.array(sorted(notes), dtype=np.int64).reshape(-1, 4), moves, slowest
