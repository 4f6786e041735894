"""Timing and touch of single takes, and how professionals compare with measured drummers.

Conventions: times in ms. ``measure`` gives the figures of one take; ``REFERENCES`` are ranges from
recordings (10-90 % of runs, or quartiles), or, marked so, reasoned ranges where no measurement is
published. A tier's figure is the median over its takes, or over all its ornaments.
"""

import numpy as np

# mistakes that move the strokes of a run
DISTURBING = ("hesitation", "tempo_lapse", "collapsed_diddle", "wrong_hand")
RUN_LENGTH = 32  # primaries in a row, as in the recordings the references come from


def measure(row, s):
    """Figures of one take.

    Args:
        row: flat columns.
        s: arrays of the take's strokes.

    Returns: dict with ``tier`` and, where the take has them, figures by name. Graces and diddles with a
        mistake are left out, and a run with one that moves strokes is no run.
    """
    out = {"tier": row["skill_tier"]}
    onset, kind = s["actual_time_ms"], s["stroke_type"]
    # a velocity of 0 is wrong and reported elsewhere; it must not stop the measuring
    velocity = np.maximum(s["actual_velocity"], 1).astype(float)
    wrong = s["mistake"] != None  # noqa: E711, of each stroke
    main = np.flatnonzero((kind != "grace") & (kind != "bounce") & (kind != "stray"))
    target = s["intended_time_ms"][main]
    error, steps = onset[main] - target, np.diff(target)
    if len(main) >= RUN_LENGTH and np.ptp(steps) < 0.1 and not np.isin(s["mistake"][main], DISTURBING).any():
        out["asynchrony_mean_ms"] = float(error.mean())
        for name, values in (("interval", np.diff(onset[main])), ("asynchrony", error)):
            away = values - values.mean()
            out[f"{name}_sd_ms"] = float(values.std(ddof=1))
            out[f"{name}_lag1"] = float((away[1:] * away[:-1]).sum() / (away * away).sum())
    grace = np.flatnonzero((kind == "grace") & ~wrong)
    if len(grace):
        parent = s["parent_stroke_index"][grace].astype(int)
        out["grace_velocity_ratio"] = velocity[grace] / velocity[parent]
        lead = onset[parent] - onset[grace]
        alone = np.bincount(parent, minlength=len(onset))[parent] == 1
        if alone.any():
            out["flam_lead_ms"] = lead[alone]
            if alone.sum() >= 4:
                out["flam_lead_sd_ms"] = float(lead[alone].std(ddof=1))
        if (~alone).any():
            pairs = lead[~alone].reshape(-1, 2)
            out["drag_pair_ms"] = pairs[:, 0] - pairs[:, 1]
            out["drag_last_ms"] = pairs[:, 1]
    second = np.flatnonzero(s["diddle_position"][main] == 2)
    if len(second) > 2 and row["rudiment_slug"] == "double_stroke_open_roll":
        second = second[(second > 0) & (second < len(main) - 1)]
        three = np.stack([main[second - 1], main[second], main[np.minimum(second + 1, len(main) - 1)]])
        # nothing is missing, added or wrong between them
        whole = (np.diff(s["written_index"][three], axis=0) == 1).all(0) & ~wrong[three].any(0)
        first, second, third = three[:, whole]
        if len(second):
            out["diddle_velocity_ratio"] = velocity[second] / velocity[first]
            inside, after = onset[second] - onset[first], onset[third] - onset[second]
            out["diddle_interval_ratio"] = float(after.mean() / inside.mean())
    bounce = np.flatnonzero(kind == "bounce")
    if len(bounce):
        gap = onset[bounce] - onset[bounce - 1]
        number = s["ornament_index"][bounce]
        for i in (1, 2, 3, 4):
            out[f"bounce_{i}_ms"] = gap[number == i]
        out["bounce_smallest_ms"] = float(gap.min())
        out["bounce_velocity_ratio"] = velocity[bounce] / velocity[bounce - 1]
        out["press_contacts"] = s["buzz_count"][kind == "buzz"]
    return out


# name: (low, high, measured value or None, what it is, basis)
REFERENCES = {
    "interval_sd_ms": (8.1, 14.9, 10.6, "SD of inter-onset intervals, isochronous runs", "measured"),
    "interval_lag1": (-0.54, -0.04, -0.29, "lag-1 autocorrelation of intervals", "measured"),
    "asynchrony_mean_ms": (-19.0, -4.0, -8.8, "mean asynchrony to the grid", "measured"),
    "asynchrony_sd_ms": (9.7, 19.5, 14.0, "SD of asynchrony", "measured"),
    "asynchrony_lag1": (0.40, 0.83, 0.67, "lag-1 autocorrelation of asynchrony", "measured"),
    "flam_lead_ms": (19.0, 35.0, 26.0, "grace before its primary in flams", "measured"),
    "flam_lead_sd_ms": (4.0, 8.0, None, "SD of that within a take", "reasoned"),
    "grace_velocity_ratio": (0.35, 0.60, 0.56, "velocity grace / primary", "measured"),
    "drag_pair_ms": (35.0, 60.0, None, "between the graces of a drag", "reasoned"),
    "drag_last_ms": (20.0, 60.0, None, "second grace before its primary in drags", "reasoned"),
    "diddle_velocity_ratio": (0.85, 1.00, 0.87, "velocity second / first of a diddle", "measured"),
    "diddle_interval_ratio": (1.00, 1.15, 1.06, "interval after / inside a diddle", "measured"),
    "bounce_1_ms": (35.0, 50.0, 46.0, "first bounce interval of a press", "measured"),
    "bounce_2_ms": (35.0, 50.0, 38.0, "second bounce interval", "measured"),
    "bounce_3_ms": (35.0, 50.0, 36.0, "third bounce interval", "measured"),
    "bounce_4_ms": (35.0, 50.0, 35.0, "fourth bounce interval", "measured"),
    "bounce_velocity_ratio": (0.56, 0.96, 0.81, "velocity bounce / contact before", "measured"),
    "press_contacts": (3.0, 7.0, None, "contacts of a press", "measured"),
}
SMALLEST_BOUNCE_MS = 20.0
# of every tier, for its histogram or its limit; the others are compared for professionals alone
_OF_EVERY_TIER = ("asynchrony_sd_ms", "interval_sd_ms", "interval_lag1", "bounce_smallest_ms")


def joined(takes):
    """Figures of takes by tier: dicts like those of :func:`measure`, one a tier, whose figures are arrays.

    A shard has hundreds of takes and a dataset a million: figures that no check or plot uses are dropped.
    """
    parts = {}
    for take in takes:
        figures = parts.setdefault(take["tier"], {})
        names = _OF_EVERY_TIER if take["tier"] != "professional" else take.keys() - {"tier"}
        for name in take.keys() & set(names):
            figures.setdefault(name, []).append(np.atleast_1d(take[name]))
    return [
        {"tier": tier, **{name: np.concatenate(values) for name, values in figures.items()}}
        for tier, figures in parts.items()
    ]
