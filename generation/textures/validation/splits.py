"""Checks on the settings of a dataset: how they are divided into splits, and how they cover their space.

Conventions: a share is 0 to 1 along an axis. Tolerances are as in
:mod:`sousa.generation.textures.validation.population`.
"""

import numpy as np

from sousa.generation.columns import SPLITS
from sousa.generation.textures.corpus import FULL_SCALE
from sousa.generation.textures.validation.population import DEVIATIONS
from sousa.generation.textures.values import share_of
from sousa.generation.validation.findings import Check


def _settings(findings):
    """Number of the first row of each setting."""
    return np.unique(findings.rows["setting_id"].astype(str), return_index=True)[1]


def splits(findings):
    """A setting, and what its coordinates draw, is in one split; test data say how they are held out."""
    rows, problems = findings.rows, []
    split = np.array([SPLITS.index(s) if s in SPLITS else -1 for s in rows["split"]])
    draws = np.unique(rows["draws"], return_inverse=True)[1]
    for what, keys in (("draws", draws), ("sounds, sample by sample,", _loud(findings))):
        pairs = np.unique(np.stack([keys, split]), axis=1)
        if many := int((np.unique(pairs[0], return_counts=True)[1] > 1).sum()):
            problems.append(f"{many} {what} are in more than one split")
    held = rows["held_out"] != None  # noqa: E711 - an array of objects
    is_test = rows["split"] == "test"
    if outside := int((held & ~is_test).sum()):
        problems.append(f"{outside} rows outside test are held out")
    if (~held & is_test).any():
        problems.append("test rows that don't say how they are held out")
    problems += _shares(findings)
    counts = {s: len(np.unique(rows["setting_id"][rows["split"] == s].astype(str))) for s in SPLITS}
    text = ", ".join(f"{s} {c:,}" for s, c in counts.items())
    return Check("splits", not problems, f"settings: {text}; none in two", problems)


def _loud(findings):
    """Keys of rows by their samples; rows of no more than a step or two are all of their own."""
    rows = findings.rows
    silent = ~(rows["peak_db"] > 20.0 * np.log10(2.0 / FULL_SCALE))
    keys = np.unique(rows["pcm_digest"], return_inverse=True)[1]
    return np.where(silent, len(keys) + np.arange(len(keys)), keys)


def _shares(findings):
    """Shares of splits against those asked for, among settings that chance divides: list of problems."""
    rows, first, sounds = findings.rows, _settings(findings), len(findings.config.sounds)
    free = first[~np.isin(rows["held_out"][first], ["interpolation", "extrapolation"])]
    problems = []
    for name in ("validation", "test"):
        share, found = getattr(findings.config.splits, name), (rows["split"][free] == name).sum()
        if len(free) >= 3 * sounds and share > 0 and not (rows["split"] == name).any():
            problems.append(f"{name} is empty")
        allowed = DEVIATIONS * np.sqrt(len(free) * share * (1 - share)) + sounds
        if len(free) >= 24 and abs(found - share * len(free)) > allowed:
            problems.append(f"{name} has {found / len(free):.1%} of settings, not {share:.0%}")
    return problems


def coverage(findings):
    """Settings cover their axes evenly: each point of a grid once, drawn ones as evenly as chance does."""
    rows, first = findings.rows, _settings(findings)
    problems, told = [], []
    for sound in findings.config.sounds:
        if sound.method == "list" or not sound.axes:
            continue
        own = first[rows["sound"][first] == sound.name]
        values = [rows[f"param_{axis.name}"][own] for axis in sound.axes]
        if sound.method == "grid":
            points = len(set(zip(*values, strict=True)))
            wanted = int(np.prod([len(set(v)) for v in values]))
            told.append(f"{sound.name} {points:,} of {wanted:,} points")
            if not points == wanted == len(own):
                problems.append(f"{sound.name}: {points:,} points of a grid of {wanted:,}")
            continue
        worst = max(_unevenness(axis, v) for axis, v in zip(sound.axes, values, strict=True))
        told.append(f"{sound.name} {worst:.2f}")
        if worst > 2.2:  # Kolmogorov-Smirnov, about 1 in 10,000
            problems.append(f"{sound.name}: {worst:.2f}, more than chance would")
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
    low, high = axis.ends
    share = share_of(low, high, values, axis.scale) if high > low else np.linspace(0, 1, len(values))
    steps = np.arange(len(share) + 1) / max(len(share), 1)
    away = np.maximum(np.abs(share - steps[:-1]), np.abs(share - steps[1:]))
    return float(away.max(initial=0.0) * np.sqrt(len(share)))
