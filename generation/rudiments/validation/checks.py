"""Judging the measurements of a dataset.

Conventions: a :class:`Check` passes, fails or can't be judged, and carries the figures it was judged
by. Exit status follows the checks that were judged.
"""

from contextlib import suppress

import numpy as np
import pyarrow as pa

from sousa.generation.audio.named_acoustics import CLEAN
from sousa.generation.parquet import parquet_file
from sousa.generation.rudiments.validation import mistakes, population
from sousa.generation.validation.findings import Check, Findings, absence

MAX_ONSET_ERROR = 1.0  # samples
MAX_RAILS = 0.005  # share of strokes at velocity 1 or 127


def run_all(findings: Findings) -> list[Check]:
    """All checks of rudiments, in the order of the report."""
    return [
        _label_tables(findings),
        *(absence(findings.problems, *check) for check in _ROW_CHECKS),
        _rails(findings),
        *_media_checks(findings),
        *mistakes.checks(findings),
        population.professionals(findings),
        population.no_pile_up(findings),
        population.tier_order(findings),
        population.player_not_rudiment(findings),
        population.splits(findings),
        population.tier_mix(findings),
        population.drums(findings),
        population.acoustics_mix(findings),
    ]


def _label_tables(findings: Findings) -> Check:
    """The tables of exercises, bars and strokes have as many records as the shards."""
    strokes, bars = int(findings.rows["num_strokes"].sum()), int(findings.rows["num_measures"].sum())
    wanted = {"exercises": findings.count, "measures": bars, "strokes": strokes}
    if "num_omissions" in findings.rows:
        wanted["omissions"] = int(findings.rows["num_omissions"].sum())
    paths = {name: findings.stored.storage.path(f"labels/{name}.parquet") for name in wanted}
    found = dict.fromkeys(wanted, 0)
    for name, path in paths.items():
        with suppress(OSError, pa.ArrowException), parquet_file(path) as file:  # that it is damaged is said
            found[name] = file.metadata.num_rows
    text = ", ".join(f"{name} {found[name]:,} of {wanted[name]:,}" for name in wanted)
    return Check("records of tables", found == wanted, text)


# name, problems counted by examine.py that fail it, and what is claimed when there are none
_ROW_CHECKS = (
    ("times", (
        "negative_time", "strokes_out_of_order", "stroke_after_end", "times_differ_from_samples",
        "timing_error_is_not_actual_minus_intended",
    ), "every time is >= 0, in order, inside the audio, and equal to its sample"),
    ("written and played", (
        "written_strokes_not_accounted_for", "stray_flag_differs", "counts_of_mistakes_differ",
        "mistake_differs",
    ), "every written stroke is played or listed as left out, once; what differs from what is written is "
       "labelled as a mistake"),
    ("grid", (
        "grid_differs_from_definition", "beats_differ_from_grid", "beat_differs_from_definition",
        "hand_differs_from_definition", "accent_differs_from_definition", "lead_differs_from_definition",
        "diddle_differs_from_definition", "graces_differ_from_definition", "place_differs_from_definition",
    ), "every written stroke stands where its rudiment's definition puts it (within 1 sample), with its "
       "hand, accent, diddle and graces"),
    ("ornaments", (
        "parent_missing_or_odd", "grace_after_or_bounce_before_parent", "spacing_differs",
        "grace_flag_differs",
    ), "graces come before and bounces after their own primary"),
    ("measures and counts", ("bars_do_not_cover_strokes", "stroke_count_differs"),
     "bars cover the strokes without gap or overlap"),
    ("ranges", (
        "velocity_out_of_range", "velocity_error_is_not_actual_minus_intended", "tempo_out_of_range",
    ), "velocities 1-127, tempi in range"),
)  # fmt: skip
_MIDI_PROBLEMS = ("midi_unreadable", "midi_tempo_differs", "midi_notes_differ")
_AUDIO_PROBLEMS = (
    "bank_unknown", "record_unreadable", "columns_differ_from_record", "record_differs_from_coordinates",
    "audio_clipped", "sound_before_first_stroke",
)  # fmt: skip
_ACOUSTIC_PROBLEMS = ("sound_differs_from_record", "noise_level_differs")


def _rails(findings):
    """Velocities are rarely at the ends of their range, so loudness is not cut off."""
    at_rails = int(findings.rows["strokes_at_rails"].sum())
    share = at_rails / max(int(findings.rows["num_strokes"].sum()), 1)
    return Check("velocity rails", share <= MAX_RAILS, f"{share:.3%} of strokes at velocity 1 or 127")


def _media_checks(findings):
    media, config, part = findings.lists["media"], findings.config, findings.part
    claim = f"notes, velocities and hands read with mido equal the labels ({part})"
    out = [absence(findings.problems, "MIDI readable", _MIDI_PROBLEMS, claim), _midi_check(media)]
    if not config.with_audio:
        return out
    if not findings.stored.current:
        version = findings.stored.data_version
        why = f"drums and acoustics of data version {version} are not judged by this sousa"
        return [*out, Check("label = audio", None, why)]
    claim = "of a known drum, set up as its player has it, no clipping, silence before the first stroke"
    out.append(absence(findings.problems, "drums heard", _AUDIO_PROBLEMS, f"{claim} ({part})"))
    if config.acoustics != (CLEAN,):
        claim = (
            "each row, made again from what it says of its drum and acoustics, is the same sound, with the "
            f"labelled noise before the first stroke ({part})"
        )
        out.append(absence(findings.problems, "acoustics", _ACOUSTIC_PROBLEMS, claim))
    heard = [m for m in media if "acoustics" in m]
    if not heard:
        return [*out, Check("label = audio", False, "no audio could be read")]
    for name, clean, kind, which in _ONSET_CHECKS:
        if rows := [m for m in heard if (m["acoustics"] == CLEAN) == clean]:
            out.append(_onset_check(name, rows, kind, which))
    return out


# name, whether of clean rows, kind of stroke as sound.py measures it, and that kind in words
_ONSET_CHECKS = (
    ("label = audio", True, "clear", "at least 30 ms after the one before"),
    ("label = audio, close strokes", True, "near", "closer than that"),
    ("label = audio, blind", True, "blind", "after near silence, found from the audio alone"),
    ("label = audio, augmented", False, "left_out", "of augmented rows, found by leaving them out"),
)


def _midi_check(media):
    errors = np.array([m["midi_error"] for m in media])
    allowed = np.array([m["midi_allowed"] for m in media])
    worst, slow = (np.nanmax(errors[mask], initial=0.0) for mask in (allowed == 0, allowed != 0))
    text = f"largest error {worst:.0f} samples; {slow:.0f} at slow tempi, where a tick is longer than one"
    return Check("label = MIDI", not (errors > allowed).any(), text)


def _onset_check(name, heard, kind, which):
    """Onset errors of one kind of stroke; blind ones are only counted where they can be told."""
    heard = [m for m in heard if f"{kind}_count" in m]
    count, unheard = (sum(m[f"{kind}_{what}"] for m in heard) for what in ("count", "unheard"))
    if not count:
        return Check(name, None, f"no strokes {which}")
    worst = max(m[f"{kind}_error"] for m in heard)
    text = f"{count:,} strokes {which}: largest error {worst:.0f} samples, {unheard} not heard"
    return Check(name, worst <= MAX_ONSET_ERROR and unheard == 0, text)
