"""Judging the measurements of a dataset.

Conventions: a :class:`Check` passes, fails or can't be judged, and carries the figures it was judged by. A
check that needs more rows than a dataset has is not judged and says so.
"""

from typing import Any

import numpy as np

from sousa.generation.audio.named_acoustics import CLEAN
from sousa.generation.columns import SPLITS
from sousa.generation.piano.pieces import SPLIT_SHARE
from sousa.generation.piano.score import COMPLEXITIES
from sousa.generation.piano.validation import figures
from sousa.generation.validation.findings import Check, Findings, absence

MAX_ONSET_ERROR = 1.0  # samples
MIN_PERFORMANCES, MIN_FIGURES = 100, 30  # fewer would judge chance
MAX_SPLIT_ERROR = 1.6  # pieces, of each level

# name, problems counted by examine.py that fail it, and what is claimed when there are none
_ROW_CHECKS = (
    ("notes", (
        "note_count_differs", "note_without_length", "ends_before_key_up", "note_after_end",
        "pitch_not_on_a_piano", "velocity_out_of_range",
    ), "onset < key up <= end <= length of the row; pitches 21-108, velocities 1-127"),
    ("keys", ("struck_while_down",), "every key goes up before it is struck again"),
    ("pedal", (
        "pedal_out_of_order", "pedal_out_of_range", "end_differs_from_pedal", "pedal_share_differs",
        "polyphony_differs",
    ), "pedal in order from sample 0; ends of notes, share and polyphony follow from keys and pedal"),
    ("beats", (
        "beats_do_not_rise", "beat_after_end", "beats_are_not_counted", "bar_count_differs",
        "chords_out_of_order",
    ), "beats rise and count through every bar; chords are in order"),
    ("notes of the score", (
        "extra_note_is_written", "written_note_played_twice", "missed_note_is_played",
        "written_note_neither_played_nor_missed", "written_outside_score",
    ), "every written note is played once, or missed; what is not written says so"),
)  # fmt: skip
_MIDI_PROBLEMS = ("midi_unreadable", "midi_notes_differ", "midi_pedal_differs")
_AUDIO_PROBLEMS = (
    "audio_clipped", "piano_unknown", "record_unreadable", "record_differs_from_coordinates",
    "sound_differs_from_record", "sound_before_first_note",
)  # fmt: skip


def run_all(findings: Findings) -> list[Check]:
    """All checks of piano, in the order of the report."""
    return [
        *(absence(findings.problems, *check) for check in _ROW_CHECKS),
        *_media_checks(findings),
        _splits(findings),
        _held_out(findings),
        _acoustics(findings),
        _professionals(findings),
    ]


def _media_checks(findings: Findings) -> list[Check]:
    media, part = findings.lists["media"], findings.part
    claim = f"notes, velocities and pedal read with mido equal the labels ({part})"
    errors = np.array([m["midi_error"] for m in media])
    allowed = np.array([m["midi_allowed"] for m in media])
    worst, slow = (np.nanmax(errors[mask], initial=0.0) for mask in (allowed == 0, allowed != 0))
    text = f"largest error {worst:.0f} samples; {slow:.0f} at slow tempi, where a tick is longer than one"
    out = [
        absence(findings.problems, "MIDI readable", _MIDI_PROBLEMS, claim),
        Check("label = MIDI", not (errors > allowed).any(), text),
    ]
    if not findings.config.with_audio:
        return out
    if not findings.stored.current:
        why = f"pianos of data version {findings.stored.data_version} are not judged by this sousa"
        return [*out, Check("label = audio", None, why)]
    claim = "of a known piano, no clipping, silence before the first note; made again it is the same sound"
    return [
        *out,
        absence(findings.problems, "pianos heard", _AUDIO_PROBLEMS, f"{claim} ({part})"),
        _onsets(media),
    ]


def _onsets(media: list[dict]) -> Check:
    loud, soft = (
        np.array([error for m in media for error in m.get(name, ())], dtype=float)
        for name in ("onset_errors", "soft_errors")
    )
    if not len(loud):
        return Check("label = audio", None, "no note was heard")
    unheard = int(np.isnan(loud).sum())
    worst = float(np.nanmax(np.abs(loud), initial=0.0))
    text = f"{len(loud):,} notes, found by leaving them out: largest error {worst:.0f} samples"
    text += f", {unheard} not heard"
    if len(soft):
        text += f"; {len(soft):,} soft ones, {float(np.nanmax(np.abs(soft), initial=0.0)):.0f} at most"
    return Check("label = audio", worst <= MAX_ONSET_ERROR and not unheard, text)


def pieces_by_level(findings: Findings) -> dict[str, dict[str, int]]:
    """Number of different pieces of each level in each split."""
    rows = findings.rows
    pieces = {(p, level, split) for p, level, split in
              zip(rows["piece_index"].tolist(), rows["complexity"], rows["split"], strict=True)}  # fmt: skip
    levels = dict.fromkeys(sorted({level for _, level, _ in pieces}))
    return {
        level: {s: sum(at == level and split == s for _, at, split in pieces) for s in SPLITS}
        for level in levels
    }


def _splits(findings: Findings) -> Check:
    """Each level is divided 70/15/15, within a piece or two."""
    worst, texts = 0.0, []
    for level, counts in pieces_by_level(findings).items():
        number = np.array(list(counts.values()))
        worst = max(worst, float(np.abs(number - np.array(SPLIT_SHARE) * number.sum()).max()))
        texts.append(f"{level} {'/'.join(map(str, number))}")
    text = f"pieces {', '.join(texts)}; furthest from 70/15/15 by {worst:.1f} pieces"
    return Check("splits", worst <= MAX_SPLIT_ERROR, text)


def _held_out(findings: Findings) -> Check:
    """The last of several pianos is heard in test rows only."""
    config, rows = findings.config, findings.rows
    if len(config.pianos) < 2:
        text = "made without audio" if not config.with_audio else f"one piano: {config.pianos[0].name}"
        return Check("pianos", True if config.with_audio else None, text)
    last = config.pianos[-1].name
    having = rows["piano"] == last
    astray = int((having & (rows["split"] != "test")).sum())
    known = dict.fromkeys(ref.name for ref in config.pianos)
    names = ", ".join(f"{name} {int((rows['piano'] == name).sum()):,}" for name in known)
    tests = int((rows["split"] == "test").sum())
    text = f"{names} rows; {last} in {int(having.sum()):,} of {tests:,} test rows"
    return Check("pianos", not astray, text + (f", and in {astray} others" if astray else ", and no others"))


def _acoustics(findings: Findings) -> Check:
    """Every performance has its clean row."""
    config, rows = findings.config, findings.rows
    performances, clean = config.num_rows // config.augmentations, rows["augmentation_preset"] == CLEAN
    text = f"{int(clean.sum()):,} clean rows of {performances:,} performances"
    usual = config.augmentations == 1 or not config.with_audio or config.acoustics == (CLEAN,)
    if usual or CLEAN not in config.acoustics:
        return Check("acoustics mix", True, text)
    others, counts = np.unique(rows["augmentation_preset"][~clean].astype(str), return_counts=True)
    text += f"; {len(others)} other acoustics, {counts.min():,} to {counts.max():,} rows each"
    return Check("acoustics mix", int(clean.sum()) == performances, text)


def figures_of(findings: Findings, tier: str) -> list[dict[str, Any]]:
    """Figures of a tier beside those of concert pianists: list of dicts, one a figure."""
    of_tier = [p["figures"] for p in findings.lists["performances"] if p["skill_tier"] == tier]
    out = []
    for name, (_, value, _, count) in figures.summary(of_tier).items():
        reference = figures.REFERENCES[name]
        measured = {"typical": reference.median, "low": reference.low, "high": reference.high}
        inside = reference.holds(value)
        out.append({"figure": name, "value": value, "count": count, **measured, "inside": inside})
    return out


def _professionals(findings: Findings) -> Check:
    """Figures of professionals lie in the ranges of measured pianists."""
    rows = [row for row in figures_of(findings, "professional") if row["low"] is not None]
    number = sum(p["skill_tier"] == "professional" for p in findings.lists["performances"])
    rows = [row for row in rows if row["count"] >= MIN_FIGURES]
    if findings.config.complexity != COMPLEXITIES:
        return Check("professionals as measured", None, "not judged for scores, or levels that were chosen")
    if number < MIN_PERFORMANCES or not rows:
        why = f"{number} professional performances; not judged under {MIN_PERFORMANCES}"
        return Check("professionals as measured", None, why)
    outside = [
        f"{row['figure']} {row['value']:.3g}, not {row['low']:g} to {row['high']:g}"
        for row in rows
        if not row["inside"]
    ]
    text = f"{len(rows) - len(outside)} of {len(rows)} figures inside their ranges"
    return Check("professionals as measured", not outside, text, outside)
