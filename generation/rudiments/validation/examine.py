"""Measuring one shard of rudiments beside what any corpus's is measured by.

Conventions: as in :mod:`sousa.generation.validation`. Times, grids, ornaments, bars and MIDI are compared
with the rudiment's definition and with each other; the sound is measured in :mod:`.sound`.
"""

import io
from itertools import compress
from typing import Any

import mido
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation import midi
from sousa.generation.rudiments import definitions
from sousa.generation.rudiments.columns import AUGMENTATION
from sousa.generation.rudiments.validation import figures, matching, written
from sousa.generation.rudiments.validation.sound import check_sound
from sousa.generation.tables import numpy_column
from sousa.generation.validation import Examiner
from sousa.generation.validation.findings import Problems

FLAT = (
    "sample_id", "rudiment_slug", "variant", "skill_tier", "tempo_bpm", "tempo_low_bpm", "tempo_high_bpm",
    "num_samples", "sample_rate", "lead_in_beats", "num_cycles", "num_strokes", "num_written",
    "num_omissions", "num_mistakes", "mistakes", "num_measures", "lead_hand", "profile_index",
    "augmentation_index", "tempo_index", "augmentation_preset", "bank", "bank_digest",
    "bank_tuning_cents", "drum_setup", "unseen_sound", "gain_db", "pcm_digest", *(column.name for column
    in AUGMENTATION),
)  # fmt: skip


class RudimentsExaminer(Examiner):
    """Takes' figures, and MIDI and sound of some rows."""

    def __init__(self, task: Any):
        super().__init__(task)
        self.takes: list[dict] = []
        self.media: list[dict] = []
        self.matched: list[dict] = []
        self.rows: list[tuple[dict, dict]] = []  # of the group at hand: flat columns, arrays of strokes

    def labels(self, group: pa.Table, first: int, problems: Problems) -> dict[str, Any]:
        flat = {name: group[name].to_pylist() for name in FLAT if name in group.column_names}
        lists = group["strokes"].combine_chunks()
        start = _starts(lists)
        columns = _fields(lists)
        omissions, ends = None, np.zeros(len(group) + 1, int)
        if "omissions" in group.column_names:
            missing = group["omissions"].combine_chunks()
            omissions, ends = _fields(missing), _starts(missing)
        _check_bars(flat, group["measures"].combine_chunks(), problems)
        self.rows = []
        for i in range(len(group)):
            row = {name: values[i] for name, values in flat.items()}
            strokes = {name: values[start[i] : start[i + 1]] for name, values in columns.items()}
            if omissions is None:  # before data version 5 everything was played as it is written
                strokes, left_out = written.as_written(strokes)
            else:
                left_out = {name: values[ends[i] : ends[i + 1]] for name, values in omissions.items()}
            self.rows.append((row, strokes))
            if "beats" in group.column_names:
                written.check_beats(row, group["beats"][i].as_py(), problems)
            if not _check_row(row, strokes, problems):
                continue
            written.check(row, strokes, left_out, problems)
            self.matched.append(matching.compare(row, strokes, left_out))
            if row["augmentation_index"] == 0:
                self.takes.append(figures.measure(row, strokes))
        velocities = [strokes["actual_velocity"] for _, strokes in self.rows]
        return {"strokes_at_rails": [int(((v <= 1) | (v >= 127)).sum()) for v in velocities]}

    def hear(self, group: pa.Table, i: int, number: int, pcm: Any, problems: Problems) -> None:
        row, strokes = self.rows[i]
        out = {
            "midi_error": _midi_error(row, strokes, group["midi"][i].as_py(), problems),
            "midi_allowed": midi.max_error_samples(row["tempo_bpm"], row["sample_rate"]),
        }
        if pcm is not None and self.task.shard is not None:  # else its drums and rooms may not be here
            out |= check_sound(self.task.config, row, strokes, pcm, problems)
        self.media.append(out)

    def measured(self) -> dict[str, list]:
        takes, matched = figures.joined(self.takes), matching.summed(self.matched)
        return {"takes": takes, "media": self.media, "matched": matched}


def _check_bars(flat, measures, problems):
    size = pc.list_value_length(measures).to_numpy()
    start = np.concatenate([[0], np.cumsum(size)])
    bars = measures.flatten()
    first, end = numpy_column(bars.field("stroke_start")), numpy_column(bars.field("stroke_end"))
    for i, name in enumerate(flat["sample_id"]):
        rows = slice(start[i], start[i + 1])
        edges = np.concatenate([first[rows], end[rows][-1:]])
        whole = len(edges) and edges[0] == 0 and edges[-1] == flat["num_strokes"][i]
        if not whole or (end[rows][:-1] != first[rows][1:]).any() or size[i] != flat["num_measures"][i]:
            problems.add("bars_do_not_cover_strokes", name)


def _fields(lists):
    """Fields of the records of a list array, all rows in one: dict of arrays."""
    records = lists.flatten()
    return {f.name: numpy_column(records.field(f.name)) for f in records.type}


def _starts(lists):
    """Where the records of each row begin, and the end of the last."""
    return np.concatenate([[0], np.cumsum(pc.list_value_length(lists).to_numpy())])


def _check_row(row, s, problems):
    """Whether strokes refer to strokes that are there, so that more can be measured."""
    name, ms = row["sample_id"], 1000.0 / row["sample_rate"]

    def wrong(what, mask):
        if count := int(np.count_nonzero(mask)):
            problems.add(what, name, count)

    onset, intended = s["onset_sample"], s["intended_sample"]
    wrong("stroke_count_differs", len(onset) != row["num_strokes"])
    wrong("negative_time", (onset < 0) | (intended < 0))
    wrong("strokes_out_of_order", np.diff(onset) <= 0)
    wrong("stroke_after_end", onset >= row["num_samples"])
    wrong("velocity_out_of_range", (s["actual_velocity"] < 1) | (s["actual_velocity"] > 127))
    wrong("times_differ_from_samples", np.abs(s["actual_time_ms"] - onset * ms) > 1e-6)
    wrong("times_differ_from_samples", np.abs(s["intended_time_ms"] - intended * ms) > 1e-6)
    error = s["actual_time_ms"] - s["intended_time_ms"]
    wrong("timing_error_is_not_actual_minus_intended", np.abs(s["timing_error_ms"] - error) > 1e-6)
    loud = s["actual_velocity"] - s["intended_velocity"]
    meant = s["stroke_type"] != "stray"
    wrong("velocity_error_is_not_actual_minus_intended", (s["velocity_error"] != loud)[meant])
    limits = definitions.load()[definitions.form_name(row["rudiment_slug"], row["variant"])].tempo
    low, high = row["tempo_low_bpm"], row["tempo_high_bpm"]
    wrong("tempo_out_of_range", not limits.min <= low <= row["tempo_bpm"] <= high <= limits.max)

    kind, parent = s["stroke_type"], s["parent_stroke_index"]
    grace, bounce = kind == "grace", kind == "bounce"
    child = grace | bounce
    parent = np.asarray(parent, float)
    if (parent >= len(onset)).any():
        wrong("parent_missing_or_odd", parent >= len(onset))
        return False
    wrong("parent_missing_or_odd", np.isnan(parent) == child)
    if child.any() and not np.isnan(parent[child]).any():
        own = onset[parent[child].astype(int)]
        misplaced = np.where(grace[child], onset[child] >= own, onset[child] <= own)
        wrong("grace_after_or_bounce_before_parent", misplaced)
        spacing = (own - onset[child])[grace[child]] * ms
        stored = s["flam_spacing_ms"][grace]
        if "drag_spacing_ms" in s:  # before data version 3 the other column held those of drags too
            drags, parents = s["drag_spacing_ms"][grace], parent[grace].astype(int)
            of_drag = np.bincount(parents)[parents] > 1
            wrong("spacing_differs", np.isnan(drags) == of_drag)
            stored = np.where(of_drag, drags, stored)
        wrong("spacing_differs", ~(np.abs(stored - spacing) <= 1e-6))
    wrong("grace_flag_differs", s["is_grace_note"] != grace)
    return True


def _midi_error(row, s, data, problems):
    """Largest difference between notes read with mido and labelled samples, in samples."""
    name = row["sample_id"]
    try:
        file = mido.MidiFile(file=io.BytesIO(data))
    except Exception as error:
        problems.add("midi_unreadable", f"{name}: {error}")
        return np.nan
    tempo = next((m.tempo for m in file.tracks[0] if m.type == "set_tempo"), None)
    if tempo != round(60e6 / row["tempo_bpm"]):
        problems.add("midi_tempo_differs", name)
        return np.nan
    ticks = np.cumsum([message.time for message in file.tracks[-1]])
    struck = [message.type == "note_on" and message.velocity > 0 for message in file.tracks[-1]]
    velocities = [message.velocity for message in compress(file.tracks[-1], struck)]
    hands = [message.text for message in file.tracks[-1] if message.type == "lyrics"]
    if velocities != list(s["actual_velocity"]) or hands != list(s["hand"]):
        problems.add("midi_notes_differ", name)
        return np.nan
    seconds = ticks[struck] * (tempo / 1e6 / file.ticks_per_beat)
    return float(np.abs(np.rint(seconds * row["sample_rate"]) - s["onset_sample"]).max())
