"""Checks on a dataset as a whole: event rates, pitches, splits, coverage, and chance that is not shared.

Conventions: a check that needs more rows or settings than a dataset has is not judged (``passed`` is None)
and says so. Tolerances are of the statistic's own deviation, so that true data fail about once in ten
thousand datasets.
"""

from collections import defaultdict
from itertools import pairwise

import numpy as np

from generation.textures import synth
from generation.textures.corpus import FULL_SCALE, SPLITS
from generation.textures.validation import expectations
from generation.validation.findings import Check

DEVIATIONS = 4.5
FEWEST_EVENTS = 20  # promised, to judge a rate
FEWEST_ROWS = 8  # to judge a pitch
# of normal errors with the deviation 1, about one in 10,000 medians of n sizes is above 1 + 9 / n
_FEW_ROWS = 9
FEWEST_PAIRS = 8
SHARED = 0.3  # mean correlation of gaps of neighbouring settings from which chance is shared


def _whole_signals(findings, config):
    """The rows as (signals, chunks) numbers, or None when rows are missing."""
    count = findings.count
    return np.arange(count).reshape(-1, config.chunks) if count % config.chunks == 0 else None


# --- level ---


def levels(findings, config):
    """The gain of each long signal is what its policy asks for."""
    rows, policy = findings.rows, config.level
    order = _whole_signals(findings, config)
    if order is None:
        return Check("level", False, "rows are missing")
    gain = rows["gain_db"][order]
    same = (gain == gain[:, :1]).all()
    silent = np.isnan(rows["peak_db"][order]).all(axis=1)
    if policy.policy == "none":
        good = same and (gain == 0).all()
        return Check("level", bool(good), f"policy none: no gain anywhere in {len(order):,} signals")
    if policy.policy == "peak":
        found = np.fmax.reduce(rows["peak_db"][order], axis=1)
    else:
        power = np.nan_to_num(10.0 ** (rows["rms_db"][order] / 10.0))
        with np.errstate(divide="ignore"):
            found = 10.0 * np.log10(power.mean(axis=1))
    away = np.abs(found - policy.target_db)[~silent]
    worst = float(away.max(initial=0.0))
    text = (
        f"policy {policy.policy}: {len(away):,} signals within {worst:.4f} dB of {policy.target_db:g} dB, "
        f"{int(silent.sum())} silent"
    )
    return Check("level", bool(same and worst <= 0.01), text)


def clipping(findings):
    """How much is cut off at full scale: counted, not judged."""
    clipped = findings.rows["clipped_samples"]
    count = int((clipped > 0).sum())
    text = f"{int(clipped.sum()):,} samples in {count:,} of {findings.count:,} rows are cut off at full scale"
    return Check("clipping", None if count else True, text if count else "no sample is cut off")


# --- events ---


def by_sound(findings, config):
    """Masks of rows: list of ``(Sound, its synthesizer, mask)``."""
    return [(one, synth.get(one.synth), findings.rows["sound"] == one.name) for one in config.sounds]


def rate_table(findings, config):
    """Events found beside events promised, a dict for each sound that promises a rate."""
    out = []
    for one, made_by, mask in by_sound(findings, config):
        rows = {name: findings.rows[name][mask] for name in ("promised_events", "num_events")}
        if expectations.rate_parameter(made_by) is None or not mask.any():
            continue
        known = ~np.isnan(rows["promised_events"]) & ~np.isnan(rows["num_events"])
        promised, found = rows["promised_events"][known], rows["num_events"][known]
        if not len(promised):
            continue
        signal = np.flatnonzero(known) // config.chunks
        own = np.bincount(signal, promised)
        spread = expectations.RATE_SPREAD.get(one.synth, 0.0) * np.sqrt((own**2).sum())
        total = float(promised.sum())
        out.append({
            "sound": one.name, "rows": len(promised), "promised": total, "found": int(found.sum()),
            "deviation": float(np.hypot(np.sqrt(total), spread)),
        })  # fmt: skip
    return out


def event_rates(findings, config):
    """The number of events of each sound is what its rates promise, as far as chance allows."""
    table = rate_table(findings, config)
    judged = [row for row in table if row["promised"] >= FEWEST_EVENTS]
    if not judged:
        return Check("event rate", None, "no sound promises enough events to judge its rate")
    wrong = [r for r in judged if abs(r["found"] - r["promised"]) > DEVIATIONS * r["deviation"]]
    shares = ", ".join(f"{r['sound']} {r['found'] / r['promised'] - 1:+.2%}" for r in judged)
    examples = [
        f"{r['sound']}: {r['found']:,} events, {r['promised']:,.1f} +- {r['deviation']:.1f} promised"
        for r in wrong
    ]
    return Check("event rate", not wrong, f"events found against promised: {shares}", examples)


def rates_follow(findings, config):
    """Inside each sound, rows that promise more events have more: quarters of the rows by their rate."""
    wrong, judged = [], 0
    for one, _, mask in by_sound(findings, config):
        promised, found = findings.rows["promised_events"][mask], findings.rows["num_events"][mask]
        known = ~np.isnan(promised) & ~np.isnan(found)
        promised, found = promised[known], found[known]
        if len(promised) < 4 or np.ptp(promised) == 0:
            continue
        spread = expectations.RATE_SPREAD.get(one.synth, 0.0)
        for part in np.array_split(np.argsort(promised, kind="stable"), 4):
            want, have = promised[part].sum(), found[part].sum()
            if want < FEWEST_EVENTS:
                continue
            judged += 1
            # rows of one signal share its rate: as if all of a signal were in one part
            own = spread * np.sqrt(config.chunks * (promised[part] ** 2).sum())
            if abs(have - want) > DEVIATIONS * np.hypot(np.sqrt(want), own):
                wrong.append(f"{one.name}: {have:,.0f} events where {want:,.1f} are promised")
    if not judged:
        return Check("event rate by setting", None, "no sound has enough events at different rates")
    text = f"{judged - len(wrong)} of {judged} quarters of sounds, by rate, have the events promised"
    return Check("event rate by setting", not wrong, text, wrong[:5])


def onsets(findings):
    """Isolated events are heard where they are labelled."""
    heard = [m for m in findings.media if "errors" in m and len(m["errors"])]
    if not heard:
        return Check("label = audio", None, "no event begins after silence")
    errors, allowed = (np.concatenate([m[name] for m in heard]) for name in ("errors", "allowed"))
    early, late = errors < 0, errors > allowed
    exact = int((errors == 0).sum())
    text = (
        f"{len(errors):,} events after silence: {exact:,} heard at the labelled sample, "
        f"{int(((errors > 0) & ~late).sum()):,} as late as they swell, {int(early.sum())} early, "
        f"{int(late.sum())} too late"
    )
    # a click of one step, or a soft event under a loud one, is no evidence
    return Check("label = audio", bool((early | late).mean() <= 0.01), text)


def shared_chance(findings):
    """No two signals have the same irregular onsets, and gaps of neighbouring settings don't go together."""
    rows = findings.rows
    known = np.flatnonzero(rows["onsets"])
    order = known[np.lexsort((rows["draws"][known], rows["onsets"][known]))]
    same = rows["onsets"][order][1:] == rows["onsets"][order][:-1]
    # sounds may have a setting in common, drawn by the same coordinates
    keys = np.stack([rows[n][order] for n in ("draws", "example_index", "chunk_index")], axis=1)
    other = (keys[1:] != keys[:-1]).any(axis=1)
    twins = np.flatnonzero(same & other)
    names = rows["sample_id"][order]
    examples = [f"{names[i]} and {names[i + 1]}: the same onsets" for i in twins[:3]]
    text = f"{len(known):,} rows with irregular onsets, {len(twins)} of them like another's"
    if not len(known):
        return Check("chance not shared", None, "no row has irregular onsets")
    found = correlations(findings)
    if len(found) >= FEWEST_PAIRS:
        mean = float(np.mean(found))
        text += f"; mean correlation of gaps of {len(found):,} pairs of neighbours {mean:+.3f}"
        return Check("chance not shared", not len(twins) and mean <= SHARED, text, examples)
    return Check("chance not shared", not len(twins), text, examples)


def correlations(findings):
    """Correlation of the gaps of events, for neighbouring signals of a sound: list of floats.

    Sounds whose rate moves have a trend in common and are left out.
    """
    out = []
    for (sound, setting, gaps), (next_sound, other, more) in pairwise(findings.trains):
        if sound == next_sound and setting != other:
            count = min(len(gaps), len(more))
            a, b = gaps[:count], more[:count]
            if np.ptp(a) > 2 and np.ptp(b) > 2:
                out.append(float(np.corrcoef(a, b)[0, 1]))
    return out


# --- sound ---


def pitch_table(findings):
    """Median pitch error of each sound, semitones: dict of sound to ``(median, median of size, rows)``."""
    errors = defaultdict(list)
    for one in findings.media:
        if one["centre"] is not None:
            errors[one["sound"]].append(one["centre"])
    return {s: (float(np.median(e)), float(np.median(np.abs(e))), len(e)) for s, e in errors.items()}


def pitches(findings, config):
    """The spectrum is where the parameters of centre frequency put it."""
    of = {one.name: one.synth for one in config.sounds}
    judged = {s: v for s, v in pitch_table(findings).items() if v[2] >= FEWEST_ROWS}
    if not judged:
        return Check("pitch", None, f"no sound with a centre frequency has {FEWEST_ROWS} rows to judge it by")
    wrong = [
        s for s, (_, size, rows) in judged.items()
        if size > expectations.CENTRES[of[s]][3] * (1.0 + _FEW_ROWS / rows)
    ]  # fmt: skip
    text = ", ".join(f"{s} {size:.2f}" for s, (_, size, _) in judged.items())
    examples = [f"{s}: {judged[s][0]:+.2f} semitones over {judged[s][2]} rows" for s in wrong]
    return Check(
        "pitch", not wrong, f"median distance from the labelled centre frequency, semitones: {text}", examples
    )


def borders(findings):
    """Steps across borders of chunks are like the steps beside them."""
    if not findings.borders:
        return Check("borders", None, "no two neighbouring chunks were read")
    names = [name for name, *_ in findings.borders]
    step, largest = np.array([one[1:] for one in findings.borders], float).T
    above = step > largest
    # of 201 steps any may be the largest
    expected = len(step) / 201.0
    most = expected + DEVIATIONS * np.sqrt(expected) + 2
    clicks = step > 4 * largest + 200
    text = (
        f"{len(step):,} borders: the step across is the largest of 201 at {int(above.sum())} "
        f"({expected:.1f} expected), over four times the others at {int(clicks.sum())}"
    )
    good = above.sum() <= most and clicks.sum() <= 1 + 0.002 * len(step)
    return Check("borders", bool(good), text, [names[i] for i in np.flatnonzero(clicks)[:3]])


# --- settings ---


def _settings(findings):
    """Number of the first row of each setting."""
    return np.unique(findings.rows["setting_id"].astype(str), return_index=True)[1]


def splits(findings, config):
    """A setting, and what its coordinates draw, is in one split; test data say how they are held out."""
    rows, problems = findings.rows, []
    split = np.array([SPLITS.index(s) if s in SPLITS else -1 for s in rows["split"]])
    for what, keys in (
        ("settings", np.unique(rows["setting_id"].astype(str), return_inverse=True)[1]),
        ("draws", np.unique(rows["draws"], return_inverse=True)[1]),
        ("sounds, sample by sample,", _loud(findings)),
    ):
        many = _in_several(keys, split)
        if many:
            problems.append(f"{many} {what} are in more than one split")
    held = rows["held_out"] != None  # noqa: E711 - an array of objects
    if (held & (rows["split"] != "test")).any():
        problems.append(f"{int((held & (rows['split'] != 'test')).sum())} rows outside test are held out")
    if (~held & (rows["split"] == "test")).any():
        problems.append("test rows that don't say how they are held out")
    problems += _shares(findings, config)
    counts = {s: len(np.unique(rows["setting_id"][rows["split"] == s].astype(str))) for s in SPLITS}
    text = ", ".join(f"{s} {c:,}" for s, c in counts.items())
    return Check("splits", not problems, f"settings: {text}; none in two", problems)


def _loud(findings):
    """Keys of rows by their samples; rows of no more than a step or two are all of their own."""
    rows = findings.rows
    silent = ~(rows["peak_db"] > 20.0 * np.log10(2.0 / FULL_SCALE))
    keys = np.unique(rows["pcm_digest"], return_inverse=True)[1]
    return np.where(silent, len(keys) + np.arange(len(keys)), keys)


def _in_several(keys, split):
    """How many keys have rows in more than one split."""
    pairs = np.unique(np.stack([keys, split]), axis=1)
    return int((np.unique(pairs[0], return_counts=True)[1] > 1).sum())


def _shares(findings, config):
    """Shares of splits against those asked for, among settings that chance divides: list of problems."""
    rows, first = findings.rows, _settings(findings)
    free = first[~np.isin(rows["held_out"][first], ["interpolation", "extrapolation"])]
    problems = []
    if len(free) >= 3 * len(config.sounds):
        for name in ("validation", "test"):
            if getattr(config.splits, name) > 0 and not (rows["split"] == name).any():
                problems.append(f"{name} is empty")
    if len(free) >= 24:
        for name in ("validation", "test"):
            share, found = getattr(config.splits, name), (rows["split"][free] == name).sum()
            allowed = DEVIATIONS * np.sqrt(len(free) * share * (1 - share)) + len(config.sounds)
            if abs(found - share * len(free)) > allowed:
                problems.append(f"{name} has {found / len(free):.1%} of settings, not {share:.0%}")
    return problems


def coverage(findings, config):
    """Settings cover their axes evenly: each point of a grid once, drawn ones as evenly as chance does."""
    rows, first = findings.rows, _settings(findings)
    problems, told = [], []
    for one in config.sounds:
        own = first[rows["sound"][first] == one.name]
        if one.method == "list" or not one.axes:
            continue
        values = [rows[f"param_{axis.name}"][own] for axis in one.axes]
        if one.method == "grid":
            points = len(set(zip(*values, strict=True)))
            wanted = int(np.prod([len(set(v)) for v in values]))
            told.append(f"{one.name} {points:,} of {wanted:,} points")
            if not points == wanted == len(own):
                problems.append(f"{one.name}: {points:,} points of a grid of {wanted:,}")
            continue
        worst = max(_unevenness(axis, v) for axis, v in zip(one.axes, values, strict=True))
        told.append(f"{one.name} {worst:.2f}")
        if worst > 2.2:  # Kolmogorov-Smirnov, about 1 in 10,000
            problems.append(f"{one.name}: {worst:.2f}, more than chance would")
    text = f"points of grids, or departure from even times the root of the number: {', '.join(told)}"
    return Check("coverage", not problems if told else None, text if told else "nothing is swept", problems)


def _unevenness(axis, values):
    """Largest departure of the values' distribution over their axis from even, times root of their number."""
    values = np.sort(values[~np.isnan(values)])
    if axis.values is not None:
        known = sorted(set(axis.values))
        counts = np.array([(np.abs(values - v) <= 1e-9 * max(1, abs(v))).sum() for v in known])
        away = np.abs(np.cumsum(counts) / max(len(values), 1) - np.arange(1, len(known) + 1) / len(known))
        return float(away.max() * np.sqrt(len(values)))
    low, high = sorted((axis.minimum, axis.maximum))
    if axis.scale == "log":
        low, high, values = np.log(low), np.log(high), np.log(values)
    share = (values - low) / (high - low) if high > low else np.linspace(0, 1, len(values))
    steps = np.arange(len(share) + 1) / max(len(share), 1)
    away = np.maximum(np.abs(share - steps[:-1]), np.abs(share - steps[1:]))
    return float(away.max(initial=0.0) * np.sqrt(len(share)))
