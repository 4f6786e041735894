"""The audio of one row against its labels.

Conventions: errors are in samples, found - labelled. A row is made again from what it says itself (piano,
tuning, brightness, level, ``aug_record``) and must be the same sound; then some of its notes are left out of
the mix together with all later ones, and the first sample that differs from the stored sound is where the
note is heard. That works through every stage, because each is causal. A very soft note may change its first
samples by a step of 16 bits or less: such notes are counted apart. Nor can a note change samples that are
clipped before and after it begins: those are not counted.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from sousa.generation.audio import acoustics, encode
from sousa.generation.audio.renderings import record_of
from sousa.generation.piano.pieces import performance_of
from sousa.generation.piano.played import Performance
from sousa.generation.piano.renderings import load_piano, rendering
from sousa.generation.piano.sampler import render
from sousa.generation.piano.settings import Config
from sousa.generation.validation.findings import Problems

LEFT_OUT = 2  # notes of a row
LOUD = 35  # velocity from which a note has to be found to the sample
REACH_SEC = 0.01


def check_sound(config: Config, row: dict[str, Any], pcm: np.ndarray, problems: Problems) -> dict[str, Any]:
    """Measure the sound of a row.

    Args:
        row: its flat columns and records.
        pcm: int16 (samples, channels).

    Returns: dict of counts and errors, empty when the row can't be made again.
    """
    name = row["sample_id"]
    if np.abs(pcm.astype(np.int32)).max(initial=0) >= 32767:
        problems.add("audio_clipped", name)
    ref = next((p for p in config.pianos if p.digest == row["piano_digest"]), None)
    if ref is None:
        problems.add("piano_unknown", name)
        return {}
    try:
        record = record_of(row["aug_record"])
        given = rendering(config, row["piece_index"], row["performance_index"], row["augmentation_index"])
        _, played = performance_of(config, row["piece_index"], row["performance_index"])
    except (ValueError, TypeError, KeyError, IndexError) as error:
        problems.add("record_unreadable", f"{name}: {error}")
        return {}
    if acoustics.drawn(record) != given.record or given.piano.digest != ref.digest:
        problems.add("record_differs_from_coordinates", name)

    def sounded(performance: Performance) -> np.ndarray:
        return render(
            load_piano(ref), performance, cents=row["tuning_cents"], brightness_db=row["brightness_db"],
            record=record_of(row["aug_record"]), channels=pcm.shape[1], gain_db=row["gain_db"],
        )[0]  # fmt: skip

    if len(played.notes) != row["num_notes"] or encode.pcm_digest(sounded(played)) != row["pcm_digest"]:
        problems.add("sound_differs_from_record", name)
        return {}
    silent = record is None or not (record["noise"] or record["hum"])
    onset = row["notes"]["onset_sample"]
    if silent and len(onset) and np.abs(pcm[: int(onset[0])].astype(np.int32)).max(initial=0) > 1:
        problems.add("sound_before_first_note", name)
    velocity = row["notes"]["velocity"]
    some = np.unique(np.linspace(0, len(onset) - 1, min(LEFT_OUT, len(onset))).astype(int))
    peak = np.abs(pcm.astype(np.int32)).max(initial=0) if record and record["clip"] else None
    errors = np.array(
        [_error(sounded, played, onset, i, pcm, row["sample_rate"], peak) for i in some], dtype=float
    )
    return {
        "acoustics": row["augmentation_preset"],
        "onset_errors": errors[velocity[some] >= LOUD].tolist(),
        "soft_errors": errors[velocity[some] < LOUD].tolist(),
    }


def _error(
    sounded: Any, played: Performance, onset: np.ndarray, i: int, pcm: np.ndarray, rate: int, peak: int | None
) -> float:
    """Onset error of a note, NaN where nothing is heard within REACH_SEC; ``peak``: of clipped sound."""
    same = played.notes["onset_sample"] < played.notes["onset_sample"][i]
    before = sounded(replace(played, notes=played.notes[same]))
    reach = int(REACH_SEC * rate)
    begin, end = max(int(onset[i]) - reach, 0), int(onset[i]) + reach
    # transforms of a room round by the whole block: another sum there may change a step, and no more
    stored = pcm[begin:end].astype(np.int32)
    differs = (np.abs(stored - before[begin:end]) > 1).any(axis=1)
    if not differs.any():
        return np.nan
    label, heard = int(onset[i]) - begin, int(np.argmax(differs))
    hidden = 0 if peak is None else int((np.abs(stored[label:heard]) == peak).all(axis=1).sum())
    return float(heard - label - hidden)
