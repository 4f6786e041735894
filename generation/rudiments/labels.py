"""Performances as label tables: strokes, bars and rows, in Arrow.

Conventions: the columns are those of :mod:`sousa.generation.rudiments.columns`; missing values are null,
never NaN and never a filler.
"""

import numpy as np
import pyarrow as pa

from sousa.generation.columns import arrow_type
from sousa.generation.rudiments import mistakes
from sousa.generation.rudiments.assembly import BOUNCE, BUZZ, GRACE, STRAY, TAP, grid_sample
from sousa.generation.rudiments.columns import BEAT, MEASURE, OMISSION, STROKE
from sousa.generation.rudiments.score import beat_length, template
from sousa.generation.segments import Segments

_HANDS = np.array(["R", "L"], dtype=object)
_TYPES = np.array(["tap", "accent", "diddle", "grace", "buzz", "bounce", "stray"], dtype=object)


def _strings(codes, names):
    return pa.array(list(names), type=pa.string()).take(pa.array(codes))


def measure_numbers(p):
    """Bars of a batch: ``(of_stroke, count)``, the bar of each stroke and the bars of each take."""
    bar = np.array([float(take.form.bar_beats) for take in p.takes])
    beats = np.array([take.beats for take in p.takes])
    return _bars(p, p), np.ceil(beats / bar - 1e-9).astype(np.int64)


def _bars(p, strokes):
    """Bar of each of the strokes, or omissions, of a batch."""
    bar = np.array([float(take.form.bar_beats) for take in p.takes])
    return np.floor(strokes.beat / bar[strokes.take] + 1e-9).astype(np.int64)


def stroke_lists(p, sample_rate):
    """Strokes of each take: a list array of records, one list a take."""
    ms = 1000.0 / sample_rate
    start = p.start[p.take]
    measure, _ = measure_numbers(p)
    index = np.arange(len(p.take)) - start
    grace, bounce = p.kind == GRACE, p.kind == BOUNCE
    child, stray = grace | bounce, p.kind == STRAY
    kind = np.select(
        [grace, bounce, stray, p.kind == BUZZ, p.accent, p.diddle > 0], [3, 5, 6, 4, 1, 2], default=0
    )
    plans = [template(take.form, take.lead_hand) for take in p.takes]
    first = np.concatenate([[0], np.cumsum([len(plan.beat) for plan in plans])])[:-1][p.take] + p.position
    lead_hand = np.concatenate([plan.lead_hand for plan in plans])[first]
    group = np.concatenate([plan.group for plan in plans])[first]
    names, codes = np.unique([name for plan in plans for name in plan.group_name], return_inverse=True)
    parent = np.where(child, start + p.parent, 0)
    spacing = (p.onset_sample[parent] - p.onset_sample) * ms
    # a drag has two graces under its primary, a flam one
    graces = np.bincount(parent[grace], minlength=len(p.take))[parent]
    bounces = Segments(p.primary, int(p.primary[-1]) + 1).sum(bounce.astype(np.float64))
    velocity, intended = p.velocity.astype(np.int32), p.intended_velocity.astype(np.int32)

    values = {
        "index": index, "measure_index": measure, "cycle": p.cycle, "position": p.position,
        "lead": _strings(lead_hand, _HANDS), "beat": p.beat,
        "beat_group": _strings(codes[first], names), "beat_group_index": group,
        "hand": _strings(p.hand, _HANDS), "written_hand": _hands(p.written_hand),
        "stroke_type": _strings(kind, _TYPES), "mistake": _mistakes(p.mistake),
        "written_index": (p.written, p.written < 0),
        "onset_sample": p.onset_sample, "intended_sample": (p.intended_sample, stray),
        "intended_time_ms": (p.intended_sample * ms, stray), "actual_time_ms": p.onset_sample * ms,
        "timing_error_ms": ((p.onset_sample - p.intended_sample) * ms, stray),
        "intended_velocity": (intended, stray), "actual_velocity": velocity,
        "velocity_error": (velocity - intended, stray),
        "is_grace_note": grace, "is_accent": p.accent, "is_accent_played": p.accent_played,
        "diddle_position": (p.diddle, p.diddle == 0),
        "flam_spacing_ms": (spacing, ~(grace & (graces == 1))),
        "drag_spacing_ms": (spacing, ~(grace & (graces > 1))),
        "parent_stroke_index": (np.where(child, p.parent, 0), ~child),
        "ornament_index": (p.child, ~child),
        "round_robin": p.variant,
        "buzz_count": (bounces[p.primary] + 1, p.kind != BUZZ),
    }  # fmt: skip
    return _records(p.start, STROKE, values)


def omission_lists(p, sample_rate, moved=lambda take, positions: positions):
    """Written strokes of each take that were not played; ``moved`` as in :func:`measure_lists`."""
    o = p.omissions
    kind = np.select([o.kind == GRACE, o.kind == BUZZ, o.accent, o.diddle > 0], [3, 4, 1, 2], default=0)
    intended = moved(o.take, o.intended_sample)
    values = {
        "written_index": o.written, "mistake": _mistakes(o.mistake), "measure_index": _bars(p, o),
        "cycle": o.cycle, "position": o.position, "beat": o.beat, "written_hand": _hands(o.hand),
        "stroke_type": _strings(kind, _TYPES), "intended_sample": intended,
        "intended_time_ms": intended * (1000.0 / sample_rate),
    }  # fmt: skip
    return _records(o.start, OMISSION, values)


def beats_between(take, first, last):
    """Beats of a take from one time to another, in quarter notes from the first beat of the figure.

    A beat is the lower number of the metre, or in compound time (6/8, 9/8, 12/8) three of it.

    Returns: ``(times, which begin a bar)``, float64 and bool arrays.
    """
    unit = beat_length(take.form.metre)
    at = np.arange(np.ceil(first / unit), np.floor(last / unit + 1e-9) + 1) * unit
    return at, np.abs(at % float(take.form.bar_beats)) < 1e-9


def beat_lists(p, sample_rate, moved=lambda take, positions: positions):
    """Beats of each take, from its first to where its playing ends; ``moved`` as in :func:`measure_lists`."""
    parts = [beats_between(take, 0.0, take.beats - 1e-6) for take in p.takes]
    take = np.repeat(np.arange(len(parts)), [len(at) for at, _ in parts])
    beat, first = (np.concatenate(column) for column in zip(*parts, strict=True))
    beat_ms = np.array([60000.0 / t.tempo_bpm for t in p.takes])[take]
    onset = grid_sample(p.lead_in_beats[take], beat, beat_ms, sample_rate)
    # a take may end before its last beat
    inside = onset < p.num_samples[take]
    start = np.concatenate([[0], np.cumsum(np.bincount(take[inside], minlength=len(parts)))])
    onset = moved(take[inside], onset[inside])
    values = {"onset_sample": onset, "beat": beat[inside], "is_downbeat": first[inside]}
    return _records(start, BEAT, values)


def _hands(hand):
    """Hands by their numbers; null for -1."""
    return pa.array(["R", "L", None], type=pa.string()).take(pa.array(np.where(hand < 0, 2, hand)))


def _mistakes(kinds):
    return pa.array([None, *mistakes.KINDS[1:]], type=pa.string()).take(pa.array(kinds))


def _records(offsets, columns, values):
    """A list array of records; a value is an array, where NaN is null, or (array, missing)."""
    arrays, fields = [], [pa.field(column.name, arrow_type(column.type)) for column in columns]
    for field in fields:
        value, missing = values[field.name], None
        if isinstance(value, tuple):
            value, missing = value
        if isinstance(value, np.ndarray):
            kind = field.type.to_pandas_dtype()
            value = pa.array(value.astype(kind, copy=False), type=field.type, mask=missing, from_pandas=True)
        arrays.append(value)
    return pa.ListArray.from_arrays(
        pa.array(offsets, type=pa.int32()), pa.StructArray.from_arrays(arrays, fields=fields)
    )


def measure_lists(p, sample_rate, moved=lambda take, positions: positions):
    """Bars of each take: ``(list array of records, bars a take)``.

    Args:
        moved: function of (takes, samples on the grid) giving where the rendering has them.
    """
    of_stroke, per_take = measure_numbers(p)
    first = np.concatenate([[0], np.cumsum(per_take)])
    total = int(first[-1])
    take = np.repeat(np.arange(len(p.takes)), per_take)
    index = np.arange(total) - first[take]
    owner = first[p.take] + of_stroke
    size = np.bincount(owner, minlength=total)
    end = np.cumsum(size)
    main = np.flatnonzero((p.kind == TAP) | (p.kind == BUZZ))
    ms = 1000.0 / sample_rate
    error = (p.onset_sample - p.intended_sample)[main] * ms
    velocity = p.velocity[main].astype(np.float64)
    bars = Segments(owner[main], total)
    hands = Segments(owner[main] * 2 + p.hand[main], total * 2)
    loud = hands.mean(velocity).reshape(total, 2)
    late = hands.mean(error).reshape(total, 2)
    mean, spread = bars.mean(velocity), bars.std(velocity)

    bar_beats = np.array([float(t.form.bar_beats) for t in p.takes])[take]
    beats = np.array([t.beats for t in p.takes])[take]
    beat_ms = np.array([60000.0 / t.tempo_bpm for t in p.takes])[take]
    begin = grid_sample(p.lead_in_beats[take], index * bar_beats, beat_ms, sample_rate)
    floats = {
        "timing_mean_error_ms": bars.mean(error), "timing_std_ms": bars.std(error),
        "timing_max_error_ms": bars.max(np.abs(error)), "velocity_mean": mean, "velocity_std": spread,
        "velocity_consistency": 1.0 - spread / mean, "lr_velocity_ratio": loud[:, 1] / loud[:, 0],
        "lr_timing_diff_ms": late[:, 1] - late[:, 0],
    }  # fmt: skip
    values = {
        "index": index, "stroke_start": end - size - p.start[take], "stroke_end": end - p.start[take],
        "start_sample": moved(take, begin),
        "is_complete": (index + 1) * bar_beats <= beats + 1e-9,
    }  # fmt: skip
    values |= {name: np.round(array, 6) for name, array in floats.items()}
    return _records(first, MEASURE, values), per_take
