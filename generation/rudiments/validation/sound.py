"""The audio of one row against its labels.

Conventions: errors are in samples, found - labelled. What is wrong is counted in ``problems``; what
is measured comes back as a dict. A clean row is measured by peeling and blind (see
:mod:`sousa.generation.rudiments.validation.onsets`). An augmented row is made again from what the row
itself says (drum, tuning, level, ``aug_record``) and must be the same sound; then some of its strokes
are left out of the mix together with all later ones, and the first sample that differs from the
stored sound is where the stroke is heard. That works through every stage, because each is causal.
"""

import json

import numpy as np

from sousa.generation.audio import accompaniment, acoustics, drums, encode
from sousa.generation.audio.mix import linear_gain, peak_of
from sousa.generation.audio.named_acoustics import CLEAN
from sousa.generation.audio.renderings import record_of
from sousa.generation.rudiments import corpus, definitions
from sousa.generation.rudiments.assembly import play
from sousa.generation.rudiments.renderings import aug_columns, rendering
from sousa.generation.rudiments.validation.onsets import WINDOW_SEC, blind_errors, peeled_errors

CLEAR_MS = 30.0
STROKES_LEFT_OUT = 2
NOISE_TOLERANCE_DB = 3.0  # of a short piece of coloured noise
_LEAST_NOISE_SEC = 0.3


def check_sound(config, row, s, pcm, problems):
    """Measure the sound of a row.

    Args:
        row: its flat columns.
        s: its strokes, dict of arrays.
        pcm: int16 (samples, channels).

    Returns: dict of counts and errors, empty when the record of the sound can't be read.
    """
    name, rate = row["sample_id"], row["sample_rate"]
    if peak_of(pcm) >= 32767:
        problems.add("audio_clipped", name)
    ref = next((b for b in config.banks if b.digest == row["bank_digest"]), None)
    if ref is None:
        problems.add("bank_unknown", name)
        return {}
    try:
        record = record_of(row["aug_record"])
        bank = corpus.load_bank(ref)
        drum = drums.voice(bank, json.loads(row["drum_setup"]), record, rate, pcm.shape[1])
    except (ValueError, TypeError, KeyError) as error:
        problems.add("record_unreadable", f"{name}: {error}")
        return {}
    _check_columns(config, row, record, bank.soundfont, problems)
    gap_ms = np.diff(s["onset_sample"], prepend=-(10**9)) * 1000.0 / rate
    if record is None:
        out = _clean(row, s, gap_ms, pcm, drum, problems)
    else:
        out = _augmented(config, row, s, gap_ms, pcm, drum, record, problems)
    if out:
        blind = blind_errors(pcm, s["onset_sample"], rate)
        out |= _errors("blind", blind[~np.isnan(blind)])
    return {"acoustics": row["augmentation_preset"], **out}


def _check_columns(config, row, record, soundfont, problems):
    """The ``aug_*`` columns say what the record says, and the record what its coordinates give."""
    said = {"augmentation_preset": (record or {}).get("preset", CLEAN), **aug_columns(record, soundfont)}
    for column, value in said.items():
        if row[column] != value:
            problems.add("columns_differ_from_record", f"{row['sample_id']}: {column}")
    given = rendering(config, _take(config, row), row["augmentation_index"])
    drum = (row["bank_digest"], row["drum_setup"], row["unseen_sound"], row["bank_tuning_cents"])
    wanted = (given.bank.digest, given.setup, given.unseen, json.loads(given.setup)["cents"])
    if acoustics.drawn(record) != given.record or drum != wanted:
        problems.add("record_differs_from_coordinates", row["sample_id"])


def _take(config, row):
    form = definitions.load()[definitions.form_name(row["rudiment_slug"], row["variant"])]
    return corpus.take_of(config, row["profile_index"], form, row["tempo_index"])


def _clean(row, s, gap_ms, pcm, drum, problems):
    onset = s["onset_sample"]
    which = drums.variant_of(s["round_robin"], s["hand"] == "L")
    errors = peeled_errors(pcm, drum, onset, s["actual_velocity"], which, row["gain_db"])
    if np.abs(pcm[: max(int(onset[0]) - 1, 0)].astype(np.int32)).max(initial=0) > 1:
        problems.add("sound_before_first_stroke", row["sample_id"])
    clear = gap_ms >= CLEAR_MS
    return _errors("clear", errors[clear]) | _errors("near", errors[~clear])


def _errors(kind, errors):
    """Count, number not heard (NaN), largest size, and number within a sample."""
    heard = np.abs(errors[~np.isnan(errors)])
    return {
        f"{kind}_count": len(errors),
        f"{kind}_unheard": len(errors) - len(heard),
        f"{kind}_error": float(heard.max(initial=0.0)),
        f"{kind}_within": int((heard <= 1.0).sum()),
    }


def _augmented(config, row, s, gap_ms, pcm, drum, record, problems):
    onset, (played, beats) = s["onset_sample"], played_strokes(config, row)
    again = None
    if len(played[0]) == len(onset):
        again, _ = acoustics.perform(record, drum, played, row["num_samples"], row["gain_db"], beats)
    if again is None or encode.pcm_digest(again) != row["pcm_digest"]:
        problems.add("sound_differs_from_record", row["sample_id"])
        return {}
    clear = np.flatnonzero((gap_ms >= CLEAR_MS) & _above_rounding(record, drum, played, row["gain_db"]))
    some = clear[np.linspace(0, len(clear) - 1, min(STROKES_LEFT_OUT, len(clear))).astype(int)]
    _check_noise(row, pcm, onset, record, problems)
    errors = left_out_errors(record, drum, played, onset, some, pcm, row["gain_db"], beats)
    return _errors("left_out", errors)


def _above_rounding(record, drum, played, gain_db):
    """Which strokes begin with a sample that the row's reduced bit depth does not round away."""
    _, velocity, variant = played
    if not record["bit_depth"]:
        return np.ones(len(velocity), bool)
    layers = drum.layer_of[velocity].tolist()
    first = [np.abs(drum.sound(*which)[:, 0]).max() for which in zip(layers, variant.tolist(), strict=True)]
    step = 2.0 ** (1 - record["bit_depth"])
    return np.array(first) * drum.gain[velocity] * linear_gain(gain_db) >= step


def left_out_errors(record, drum, played, onset, which, pcm, gain_db, beats=None):
    """Onset errors of strokes of an augmented row, each found by leaving it and all later ones out.

    Args:
        record, gain_db, beats: of the row.
        played: strokes as :func:`sousa.generation.audio.acoustics.perform` takes them.
        onset: labels of all strokes.
        which: numbers of those to measure.
        pcm: the stored sound, int16 (samples, channels).

    Returns: float64 array, NaN where nothing is heard within 10 ms of the label.
    """
    reach, errors = int(WINDOW_SEC * drum.rate), []
    for i in which:
        rest = tuple(part[:i] for part in played)
        before, _ = acoustics.perform(record, drum, rest, len(pcm), gain_db, beats)
        end = onset[i] + reach if i + 1 == len(onset) else min(onset[i] + reach, onset[i + 1])
        begin = max(onset[i] - reach, 0)
        differs = (pcm[begin:end] != before[begin:end]).any(axis=1)
        errors.append(begin + int(np.argmax(differs)) - onset[i] if differs.any() else np.nan)
    return np.array(errors, dtype=float)


def played_strokes(config, row):
    """``(strokes, beats)`` as they were played, before tape and sample rate moved them."""
    p = play([_take(config, row)], row["sample_rate"])
    strokes = p.onset_sample, p.velocity, drums.variant_of(p.variant, p.hand)
    return strokes, corpus.beats_of(p, 0, config)


def _check_noise(row, pcm, onset, record, problems):
    """Before the first stroke there is the labelled noise, or nothing; accompaniment is not judged."""
    if accompaniment.heard(record):
        return
    quiet = pcm[: max(int(onset[0]) - 1, 0)].astype(np.float64) / 32767.0
    levels = [record[name]["rms_db_before_gain"] for name in ("noise", "hum") if record[name]]
    if not levels:
        if np.abs(quiet).max(initial=0.0) > 1.5 / 32767.0:
            problems.add("sound_before_first_stroke", row["sample_id"])
        return
    wanted = 10 * np.log10(sum(10 ** (level / 10) for level in levels)) + row["gain_db"]
    found = 10 * np.log10((quiet**2).mean() + 1e-12)
    # what rounding does to a sound near its steps is not judged
    steps_db = -20 * np.log10(2.0) * ((record["bit_depth"] or 16) - 1)
    long_enough = len(quiet) >= _LEAST_NOISE_SEC * row["sample_rate"]
    if long_enough and wanted > steps_db + 6 and abs(found - wanted) > NOISE_TOLERANCE_DB:
        problems.add("noise_level_differs", f"{row['sample_id']}: {found:.1f} dB, not {wanted:.1f}")
