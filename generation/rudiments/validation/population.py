"""Checks on a dataset as a whole: its players, their scores, and how they are divided.

Conventions: a check that needs more players than a dataset has is not judged (``passed`` is None)
and says so: a mean of two people's scores is no evidence.
"""

from collections import Counter
from itertools import pairwise

import numpy as np

from sousa.generation.audio import held_out
from sousa.generation.audio.named_acoustics import CLEAN
from sousa.generation.columns import SPLITS
from sousa.generation.rudiments import players, settings
from sousa.generation.rudiments.columns import SCORE_NAMES, SCORE_TOP, UNSEEN
from sousa.generation.rudiments.renderings import OWN_DRUMS
from sousa.generation.rudiments.scores import SKILL_SCORES
from sousa.generation.rudiments.validation import figures
from sousa.generation.validation.findings import Check

MIN_PLAYERS_A_TIER = 7
MIN_SCORES_A_TIER = 50
MAX_PILE_UP = 0.05


def professional_table(takes):
    """Professional figures beside their references: list of dicts, one a figure.

    Args:
        takes: figures of each shard, joined by tier (:func:`figures.joined`).
    """
    takes = [take for take in takes if take["tier"] == "professional"]
    out = []
    for name, (low, high, typical, what, basis) in figures.REFERENCES.items():
        values = np.concatenate([[], *(take[name] for take in takes if name in take)])
        value, count = float(np.median(values)) if len(values) else None, len(values)
        inside = None if value is None else bool(low <= value <= high)
        out.append({"figure": name, "what": what, "value": value, "count": count, "low": low, "high": high,
                    "typical": typical, "basis": basis, "inside": inside})  # fmt: skip
    return out


def professionals(findings):
    table = [row for row in professional_table(findings.lists["takes"]) if row["value"] is not None]
    people = players_by_tier(findings).get("professional", 0)
    if not table:
        return Check("professionals as measured", None, "no professional takes")
    outside = [
        f"{row['figure']} {row['value']:.3g}, not {row['low']:g} to {row['high']:g}"
        for row in table
        if not row["inside"]
    ]
    smallest = (takes.get("bounce_smallest_ms", [np.inf]) for takes in findings.lists["takes"])
    least = min(map(min, smallest), default=np.inf)
    good = not outside and least >= figures.SMALLEST_BOUNCE_MS
    text = f"{len(table) - len(outside)} of {len(table)} figures inside their ranges"
    if np.isfinite(least):
        text += f"; smallest bounce interval of anybody {least:.1f} ms"
    if people < MIN_PLAYERS_A_TIER:
        text += f"; not judged with {people} professionals, under {MIN_PLAYERS_A_TIER}"
        good = None
    return Check("professionals as measured", good, text, outside)


def _tiers(findings):
    masks = [(name, findings.rows["skill_tier"] == name) for name in players.tiers()]
    return [(name, mask) for name, mask in masks if mask.any()]


def players_by_tier(findings):
    """Number of different players of each tier present."""
    return {name: len(set(findings.rows["profile_id"][mask])) for name, mask in _tiers(findings)}


def of_tiers(findings, name, text, wrong):
    """A check that nothing is wrong, judged where every tier has enough players."""
    counts = players_by_tier(findings)
    if len(counts) > 1 and min(counts.values()) >= MIN_PLAYERS_A_TIER:
        return Check(name, not wrong, text, wrong)
    return Check(name, None, f"{text}; not judged with under {MIN_PLAYERS_A_TIER} players a tier", wrong)


def scores_of(findings, names=SCORE_NAMES):
    """Those of the scores that rows have: earlier data versions lack some."""
    return [name for name in names if name in findings.rows]


def no_pile_up(findings):
    worst = (0.0, "")
    for score, top in SCORE_TOP.items():
        # most takes have no mistake, and a stroke_accuracy of 100
        if score == "stroke_accuracy" or score not in findings.rows:
            continue
        for tier, mask in _tiers(findings):
            values = findings.rows[score][mask]
            values = values[~np.isnan(values)]
            if len(values) >= MIN_SCORES_A_TIER:
                share = float(np.mean((values <= 0.0) | (values >= top)))
                worst = max(worst, (share, f"{score}, {tier}"))
    text = f"largest share of exact 0 or 100: {worst[0]:.1%}" + (f" ({worst[1]})" if worst[0] else "")
    return Check("scores don't pile up", worst[0] <= MAX_PILE_UP, text)


def tier_means(findings):
    """Mean of each score in each tier present: dict of score to dict of tier to mean (None without)."""
    out = {}
    for score in scores_of(findings):
        values = findings.rows[score]
        means = {tier: values[mask & ~np.isnan(values)] for tier, mask in _tiers(findings)}
        out[score] = {tier: float(v.mean()) if len(v) else None for tier, v in means.items()}
    return out


def tier_order(findings):
    means = tier_means(findings)
    wrong, judged = [], 0
    for score in scores_of(findings, SKILL_SCORES):
        values = [m for m in means[score].values() if m is not None]
        judged += len(values) > 1
        if any(b <= a for a, b in pairwise(values)):
            wrong.append(f"{score}: " + ", ".join(f"{m:.1f}" for m in values))
    text = f"{judged - len(wrong)} of {judged} skill scores rise with the tier"
    return of_tiers(findings, "tiers in order", text, wrong)


def explained(values, groups):
    """Share of the variance of ``values`` between groups (eta squared)."""
    _, codes = np.unique(groups, return_inverse=True)
    size = np.bincount(codes)
    mean = np.bincount(codes, weights=values) / size
    total = ((values - values.mean()) ** 2).sum()
    return float((size * (mean - values.mean()) ** 2).sum() / total) if total else 0.0


def variance_shares(findings):
    """Variance of each score explained by player and by rudiment."""
    out = {}
    for score in scores_of(findings):
        values = findings.rows[score]
        has = ~np.isnan(values)
        if has.sum() > 1:
            groups = {"player": "profile_id", "rudiment": "rudiment_slug"}
            out[score] = {n: explained(values[has], findings.rows[g][has]) for n, g in groups.items()}
    return out


def player_not_rudiment(findings):
    shares = {name: share for name, share in variance_shares(findings).items() if name in SKILL_SCORES}
    wrong = [
        f"{n}: player {s['player']:.2f}, rudiment {s['rudiment']:.2f}"
        for n, s in shares.items()
        if s["rudiment"] >= s["player"]
    ]
    good = len(shares) - len(wrong)
    text = f"player explains more variance than rudiment in {good} of {len(shares)} skill scores"
    return of_tiers(findings, "scores grade players", text, wrong)


def splits(findings):
    config = findings.config
    owner = dict(zip(findings.rows["profile_id"], findings.rows["split"], strict=True))
    counts = {split: sum(s == split for s in owner.values()) for split in SPLITS}
    text = ", ".join(f"{name} {count}" for name, count in counts.items()) + " players"
    if len(config.tiers) < len(players.tiers()) or config.profiles < settings.SIZES["small"]["profiles"]:
        return Check("splits", True, f"{text}; shares not judged for so few or chosen players")
    off = np.abs(np.array(list(counts.values())) - np.array(players.SPLIT_SHARE) * len(owner)).max()
    text += f"; furthest from 70/15/15 by {off:.1f} players"
    return Check("splits", bool(off <= 1.0) and min(counts.values()) > 0, text)


def tier_mix(findings):
    config = findings.config
    counts = players_by_tier(findings)
    text = ", ".join(f"{name} {count}" for name, count in counts.items()) + " players"
    if len(config.tiers) < len(players.tiers()):
        return Check("tier mix", True, f"{text}; tiers were chosen")
    share = players.table()["tier_share"]
    total = sum(counts.values())
    off = max(abs(counts.get(t, 0) - s * total) for t, s in zip(players.tiers(), share, strict=True))
    return Check("tier mix", off <= 1.0, f"{text}; furthest from 25/35/25/15 by {off:.2f} players")


def drums(findings):
    """Players have drums of their own, drawn from all; what is held out is heard in the test split alone."""
    config = findings.config
    if not config.with_audio:
        return Check("drums", None, "made without audio")
    rows = findings.rows
    banks, counts = np.unique(rows["bank"], return_counts=True)
    apart = explained((rows["bank"] == banks[0]).astype(float), rows["skill_tier"])
    text = f"{len(banks)} of {len(config.banks)} drums, {counts.min():,} to {counts.max():,} rows each"
    text += f"; tier explains {apart:.2%} of the choice"
    wrong = []
    if "unseen_sound" in rows:  # since data version 5
        elsewhere = int(((rows["unseen_sound"] != UNSEEN[0]) & (rows["split"] != "test")).sum())
        named = np.isin(rows["bank"], sorted(held_out.names()["banks"]))
        kept = np.isin(rows["unseen_sound"], [kind for kind in UNSEEN if "drum" in kind])
        parted = held_out.parted("banks", config.banks)[1]
        text += f"; {int((rows['unseen_sound'] != UNSEEN[0]).sum()):,} rows with drums or rooms held out"
        if elsewhere:
            wrong.append(f"{elsewhere} rows outside the test split have what is held out")
        room = np.isin(rows["aug_room_response"], sorted(held_out.names()["responses"]))
        unseen_room = np.isin(rows["unseen_sound"], [kind for kind in UNSEEN if "room" in kind])
        differ = int((room != unseen_room).sum() + (named != kept).sum() * bool(parted))
        if differ:
            wrong.append(f"unseen_sound of {differ} rows is not what their drum and room say")
    usual = len(held_out.parted("banks", config.banks)[0])
    everyone = len(config.tiers) == len(players.tiers()) and config.tempos >= OWN_DRUMS
    if everyone and config.profiles >= 2 * usual and len(banks) < usual:
        wrong.append(f"{len(config.banks) - len(banks)} drums are in no row")
    return Check("drums", not wrong, text, wrong)


def acoustics_mix(findings):
    """Every take has its clean row, and the other acoustics come up alike."""
    config = findings.config
    rows = Counter(findings.rows["augmentation_preset"])
    takes = config.num_rows // config.augmentations
    clean = rows[CLEAN]
    others = [name for name in config.acoustics if name != CLEAN]
    text = f"{clean:,} clean rows of {takes:,} takes"
    if not others:
        return Check("acoustics mix", clean == config.num_rows, text)
    good = clean == (takes if CLEAN in config.acoustics else 0)
    counts = np.array([rows[name] for name in others])
    expected = (config.num_rows - clean) / len(others)
    spread = float(np.abs(counts - expected).max() / np.sqrt(expected))
    text += f"; {len(others)} other acoustics, {counts.min():,} to {counts.max():,} rows each"
    return Check("acoustics mix", good and spread < 6.0, text)
