"""Checks on a dataset as a whole: levels, event rates, onsets, pitches, borders, chance that is not shared.

Conventions: a check that needs more rows or settings than a dataset has is not judged (``passed`` is None)
and says so. Tolerances are of the statistic's own deviation, so that true data fail about once in ten
thousand datasets.
"""

from collections import defaultdict
from itertools import pairwise

import numpy as np

from sousa.generation.textures.validation import expectations
from sousa.generation.validation.findings import Check

DEVIATIONS = 4.5
FEWEST_EVENTS = 20  # promised, to judge a rate
FEWEST_ROWS = 8  # to judge a pitch
FEWEST_PAIRS = 8
SHARED = 0.3  # mean correlation of gaps of neighbouring settings from which chance is shared


def levels(findings):
    """The gain of each long signal is what its policy asks for."""
    chunks, policy = findings.config.chunks, findings.config.level
    if findings.count % chunks:
        return Check("level", False, "rows are missing")
    # (signals, chunks)
    gain, peak, rms = (findings.rows[name].reshape(-1, chunks) for name in ("gain_db", "peak_db", "rms_db"))
    same = (gain == gain[:, :1]).all()
    silent = np.isnan(peak).all(axis=1)
    if policy.policy == "none":
        good = same and (gain == 0).all()
        return Check("level", bool(good), f"policy none: no gain anywhere in {len(gain):,} signals")
    if policy.policy == "peak":
        level = np.fmax.reduce(peak, axis=1)
    else:
        with np.errstate(divide="ignore"):
            level = 10.0 * np.log10(np.nan_to_num(10.0 ** (rms / 10.0)).mean(axis=1))
    away = np.abs(level - policy.target_db)[~silent]
    worst = float(away.max(initial=0.0))
    text = (
        f"policy {policy.policy}: {len(away):,} signals within {worst:.4f} dB of {policy.target_db:g} dB, "
        f"{int(silent.sum())} silent"
    )
    return Check("level", bool(same and worst <= 0.01), text)


def silence(findings):
    """No event is silent, and no sound is silent throughout; rows in which nothing happens may be."""
    silent = np.isnan(findings.rows["peak_db"])
    wrong = [
        f"{sound.name} is silent throughout"
        for sound, rows in by_sound(findings)
        if len(rows) and silent[rows].all() and (findings.rows["num_events"][rows] != 0).any()
    ]
    count, examples = findings.problems.get("event_without_sound", (0, []))
    text = f"{int(silent.sum()):,} of {findings.count:,} rows are silent, {count} of them with events"
    return Check("silence", not (wrong or count), text, wrong + examples)


def clipping(findings):
    """How much is cut off at full scale: counted, not judged."""
    clipped = findings.rows["clipped_samples"]
    count = int((clipped > 0).sum())
    text = f"{int(clipped.sum()):,} samples in {count:,} of {findings.count:,} rows are cut off at full scale"
    return Check("clipping", None if count else True, text if count else "no sample is cut off")


def by_sound(findings):
    """Numbers of the rows of each sound: list of ``(Sound, int64 array)``."""
    names, sounds = np.unique(findings.rows["sound"].astype(str), return_inverse=True)
    rows = np.split(np.argsort(sounds, kind="stable"), np.cumsum(np.bincount(sounds))[:-1])
    rows = dict(zip(names.tolist(), rows, strict=True)) if len(names) else {}
    return [(sound, rows.get(sound.name, np.array([], int))) for sound in findings.config.sounds]


def _rates(findings):
    """Sounds that promise a rate; yields ``(Sound, rows that do, events promised and found in them)``."""
    for sound, rows in by_sound(findings):
        promised, found = findings.rows["promised_events"][rows], findings.rows["num_events"][rows]
        known = np.flatnonzero(~np.isnan(promised) & ~np.isnan(found))
        if len(known):
            yield sound, known, promised[known], found[known]


def rate_table(findings):
    """Events found beside events promised, a dict for each sound that promises a rate."""
    table = []
    for sound, known, promised, found in _rates(findings):
        by_signal = np.bincount(known // findings.config.chunks, promised)
        spread = expectations.RATE_SPREAD.get(sound.synth, 0.0) * np.sqrt((by_signal**2).sum())
        total = float(promised.sum())
        table.append({
            "sound": sound.name, "rows": len(promised), "promised": total, "found": int(found.sum()),
            "deviation": float(np.hypot(np.sqrt(total), spread)),
        })  # fmt: skip
    return table


def event_rates(findings):
    """The number of events of each sound is what its rates promise, as far as chance allows."""
    table = rate_table(findings)
    judged = [row for row in table if row["promised"] >= FEWEST_EVENTS]
    if not judged:
        return Check("event rate", None, "no sound promises enough events to judge its rate")
    shares = ", ".join(f"{r['sound']} {r['found'] / r['promised'] - 1:+.2%}" for r in judged)
    wrong = [
        f"{r['sound']}: {r['found']:,} events, {r['promised']:,.1f} +- {r['deviation']:.1f} promised"
        for r in judged
        if abs(r["found"] - r["promised"]) > DEVIATIONS * r["deviation"]
    ]
    return Check("event rate", not wrong, f"events found against promised: {shares}", wrong)


def rates_follow(findings):
    """Inside each sound, rows that promise more events have more: quarters of the rows by their rate."""
    wrong, judged = [], 0
    for sound, _, promised, found in _rates(findings):
        if len(promised) < 4 or np.ptp(promised) == 0:
            continue
        spread = expectations.RATE_SPREAD.get(sound.synth, 0.0)
        for part in np.array_split(np.argsort(promised, kind="stable"), 4):
            want, have = promised[part].sum(), found[part].sum()
            if want < FEWEST_EVENTS:
                continue
            judged += 1
            # rows of one signal share its rate: as if all of a signal were in one part
            more = spread * np.sqrt(findings.config.chunks * (promised[part] ** 2).sum())
            if abs(have - want) > DEVIATIONS * np.hypot(np.sqrt(want), more):
                wrong.append(f"{sound.name}: {have:,.0f} events where {want:,.1f} are promised")
    if not judged:
        return Check("event rate by setting", None, "no sound has enough events at different rates")
    text = f"{judged - len(wrong)} of {judged} quarters of sounds, by rate, have the events promised"
    return Check("event rate by setting", not wrong, text, wrong[:5])


def onsets(findings):
    """Isolated events are heard where they are labelled."""
    heard = [m for m in findings.lists["media"] if "errors" in m and len(m["errors"])]
    if not heard:
        return Check("label = audio", None, "no event begins after silence")
    errors, allowed = (np.concatenate([m[name] for m in heard]) for name in ("errors", "allowed"))
    early, late = errors < 0, errors > allowed
    text = (
        f"{len(errors):,} events after silence: {(errors == 0).sum():,} heard at the labelled sample, "
        f"{((errors > 0) & ~late).sum():,} as late as they swell, {early.sum()} early, {late.sum()} too late"
    )
    # a click of one step, or a soft event under a loud one, is no evidence
    return Check("label = audio", bool((early | late).mean() <= 0.01), text)


def shared_chance(findings):
    """No two signals have the same irregular onsets, and gaps of neighbouring settings don't go together."""
    rows = findings.rows
    known = np.flatnonzero(rows["onsets"])
    if not len(known):
        return Check("chance not shared", None, "no row has irregular onsets")
    order = known[np.lexsort((rows["draws"][known], rows["onsets"][known]))]
    same = rows["onsets"][order][1:] == rows["onsets"][order][:-1]
    # sounds may have a setting in common, drawn by the same coordinates
    keys = np.stack([rows[n][order] for n in ("draws", "example_index", "chunk_index")], axis=1)
    other = (keys[1:] != keys[:-1]).any(axis=1)
    twins = np.flatnonzero(same & other)
    names = rows["sample_id"][order]
    examples = [f"{names[i]} and {names[i + 1]}: the same onsets" for i in twins[:3]]
    text = f"{len(known):,} rows with irregular onsets, {len(twins)} of them like another's"
    correlations, mean = _correlations(findings), 0.0
    if len(correlations) >= FEWEST_PAIRS:
        mean = float(np.mean(correlations))
        text += f"; mean correlation of gaps of {len(correlations):,} pairs of neighbours {mean:+.3f}"
    return Check("chance not shared", not len(twins) and mean <= SHARED, text, examples)


def _correlations(findings):
    """Correlations of the gaps of events of neighbouring signals of a sound, of those whose rate stays."""
    out = []
    for (sound, setting, gaps), (next_sound, other, more) in pairwise(findings.lists["trains"]):
        count = min(len(gaps), len(more))
        a, b = gaps[:count], more[:count]
        if sound == next_sound and setting != other and np.ptp(a) > 2 and np.ptp(b) > 2:
            out.append(float(np.corrcoef(a, b)[0, 1]))
    return out


def pitch_table(findings):
    """Median pitch error of each sound, semitones: dict of sound to ``(median, median of size, rows)``."""
    errors = defaultdict(list)
    for heard in findings.lists["media"]:
        if heard["centre"] is not None:
            errors[heard["sound"]].append(heard["centre"])
    return {s: (float(np.median(e)), float(np.median(np.abs(e))), len(e)) for s, e in errors.items()}


def pitches(findings):
    """The spectrum is where the parameters of centre frequency put it."""
    of = {sound.name: sound.synth for sound in findings.config.sounds}
    judged = {s: v for s, v in pitch_table(findings).items() if v[2] >= FEWEST_ROWS}
    if not judged:
        return Check("pitch", None, f"no sound has {FEWEST_ROWS} rows whose pitch its still parameters tell")
    wrong = []
    for name, (error, size, count) in judged.items():
        allowed, deviation = expectations.CENTRES[of[name]][-2:]
        # the median of n sizes of normal errors has the deviation 0.8 / root n
        if size > allowed + DEVIATIONS * 0.8 * deviation / np.sqrt(count):
            wrong.append(f"{name}: {error:+.2f} semitones over {count} rows")
    sizes = ", ".join(f"{name} {size:.2f}" for name, (_, size, _) in judged.items())
    text = f"median distance from the labelled centre frequency, semitones: {sizes}"
    return Check("pitch", not wrong, text, wrong)


def borders(findings):
    """Steps across borders of chunks are like the steps beside them, or like jumps elsewhere in the sound."""
    if not findings.lists["borders"]:
        return Check("borders", None, "no two neighbouring chunks were read")
    names, *steps = zip(*findings.lists["borders"], strict=True)
    step, largest, anywhere = np.array(steps, float)
    jumps = step > 4 * largest + 200
    own = jumps & (step <= 1.5 * anywhere)  # a wave that jumps by itself may do so at a border
    above = (step > largest) & ~own
    # of 201 steps any may be the largest
    expected = len(step) / 201.0
    most = expected + DEVIATIONS * np.sqrt(expected) + 2
    clicks = jumps & ~own
    text = (
        f"{len(step):,} borders: the step across is the largest of 201 at {int(above.sum())} "
        f"({expected:.1f} expected), over four times the others at {int(clicks.sum())}"
    )
    if own.any():
        text += f", {int(own.sum())} jump as elsewhere in their rows"
    good = above.sum() <= most and clicks.sum() <= 1 + 0.002 * len(step)
    return Check("borders", bool(good), text, [names[i] for i in np.flatnonzero(clicks)[:3]])
