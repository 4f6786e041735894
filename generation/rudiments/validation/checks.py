"""Judging the measurements of a dataset.

Conventions: a :class:`Check` passes or fails and carries the figures it was judged by. Checks that
need more players than a dataset has are not judged (``passed`` is None) and say so: a mean of two
people's scores is no evidence. Exit status follows the checks that were judged.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from generation.rudiments import corpus, players
from generation.rudiments.scores import SCORE_NAMES, SKILL_SCORES
from generation.rudiments.validation import figures

MIN_PLAYERS_A_TIER = 7
MAX_PILE_UP = 0.05
MAX_CLEAR_ERROR = 1.0
MAX_RAILS = 0.005


@dataclass
class Check:
    """One question asked of the dataset.

    Attributes:
        name: short; ``passed``: True, False, or None when it can't be judged.
        detail: one sentence with the figures.
        examples: some of what was wrong.
    """

    name: str
    passed: bool | None
    detail: str
    examples: list = field(default_factory=list)


@dataclass
class Findings:
    """Measurements of all shards together: arrays a row, figures a take, media a checked row."""

    rows: dict
    takes: list
    media: list
    problems: dict

    @property
    def count(self):
        return len(self.rows["sample_id"])


def gather(parts):
    """Join what :func:`examine_shard` returned for each shard."""
    rows, takes, media, problems = {}, [], [], {}
    for part in parts:
        for name, values in part["rows"].items():
            rows.setdefault(name, []).extend(values)
        takes += part["takes"]
        media += part["media"]
        for name, (count, examples) in part["problems"].items():
            entry = problems.setdefault(name, [0, []])
            entry[0] += count
            entry[1] = (entry[1] + examples)[:3]
    numeric = set(SCORE_NAMES) | {"duration_sec", "gain_db"}
    arrays = {n: np.array(v, dtype=np.float64 if n in numeric else None) for n, v in rows.items()}
    return Findings(arrays, takes, media, problems)


def run_all(findings, root, config):
    """All checks, in the order of the report."""
    if not findings.rows:
        return [_absence(findings, "integrity", ["damaged_shard"], "every shard is as it was written")]
    return [
        _absence(findings, "integrity", ["damaged_shard"], "every shard is as it was written"),
        _completeness(findings, config),
        _label_tables(findings, root),
        *_row_checks(findings),
        *_media_checks(findings, config),
        _professionals(findings),
        _no_pile_up(findings),
        _tier_order(findings, config),
        _player_not_rudiment(findings),
        _splits(findings, config),
        _tier_mix(findings, config),
        _drums(findings, config),
    ]


def _absence(findings, name, problems, claim):
    found = {p: findings.problems[p] for p in problems if p in findings.problems}
    if not found:
        return Check(name, True, claim)
    text = ", ".join(f"{p.replace('_', ' ')}: {count}" for p, (count, _) in found.items())
    return Check(name, False, text, [e for _, examples in found.values() for e in examples])


def _completeness(findings, config):
    ids = findings.rows["sample_id"]
    unique = len(set(ids))
    good = len(ids) == unique == config.num_rows
    return Check("rows", good, f"{len(ids):,} rows, {unique:,} different ids, {config.num_rows:,} planned")


def _label_tables(findings, root):
    strokes, bars = int(findings.rows["num_strokes"].sum()), int(findings.rows["num_measures"].sum())
    wanted = {"samples": findings.count, "exercises": findings.count, "measures": bars, "strokes": strokes}
    found = {}
    for name in wanted:
        path = Path(root) / "labels" / f"{name}.parquet"
        try:
            found[name] = pq.ParquetFile(path).metadata.num_rows
        except Exception as error:  # missing or damaged: reported, not raised
            return Check("label tables", False, f"{path} can't be read: {error}")
    ids = pq.read_table(Path(root) / "labels" / "samples.parquet", columns=["sample_id"])["sample_id"].to_pylist()
    same = found == wanted and ids == list(findings.rows["sample_id"])
    text = ", ".join(f"{name} {found[name]:,} of {wanted[name]:,}" for name in wanted)
    return Check("label tables", same, f"one to one with the shards: {text}")


def _row_checks(findings):
    yield _absence(
        findings, "times",
        ["negative_time", "strokes_out_of_order", "stroke_after_end", "times_differ_from_samples",
         "timing_error_is_not_actual_minus_intended"],
        "every time is >= 0, in order, inside the audio, and equal to its sample",
    )  # fmt: skip
    yield _absence(
        findings, "grid",
        ["cycles_incomplete", "grid_differs_from_definition", "beat_differs_from_definition",
         "hand_differs_from_definition", "accent_differs_from_definition", "lead_differs_from_definition",
         "diddle_differs_from_definition", "graces_differ_from_definition"],
        "every primary stands where its rudiment's definition puts it (within 1 sample), with its hand, "
        "accent, diddle and graces",
    )  # fmt: skip
    yield _absence(
        findings, "ornaments",
        ["parent_missing_or_odd", "grace_after_or_bounce_before_parent", "flam_spacing_differs", "grace_flag_differs"],
        "graces come before and bounces after their own primary",
    )
    yield _absence(
        findings, "measures and counts", ["bars_do_not_cover_strokes", "stroke_count_differs"],
        "bars cover the strokes without gap or overlap",
    )  # fmt: skip
    yield _absence(findings, "ranges", ["velocity_out_of_range", "velocity_error_is_not_actual_minus_intended",
                   "tempo_out_of_range", "score_out_of_range"], "velocities 1-127, tempi and scores in range")  # fmt: skip


def _media_checks(findings, config):
    media, total = findings.media, findings.count
    part = "all rows" if len(media) == total else f"{len(media):,} of {total:,} rows, evenly spread"
    yield _absence(findings, "MIDI readable", ["midi_unreadable", "midi_tempo_differs", "midi_notes_differ"],
                   f"notes, velocities and hands read with mido equal the labels ({part})")  # fmt: skip
    errors = np.array([m["midi_error"] for m in media])
    fast = np.array([m["tempo_bpm"] >= 81 for m in media])
    worst = [float(np.nanmax(errors[mask], initial=0.0)) for mask in (fast, ~fast)]
    yield Check("label = MIDI", worst[0] == 0.0 and worst[1] <= 1.0,
                f"largest error {worst[0]:.0f} samples from 81 BPM up, {worst[1]:.0f} below")  # fmt: skip
    if not config.with_audio:
        yield Check("audio", None, "made without audio")
        return
    yield _absence(findings, "audio readable", ["audio_unreadable", "audio_length_or_rate_differs", "pcm_digest_differs",
                   "bank_unknown", "audio_clipped", "sound_before_first_stroke"],
                   f"decodes to the labelled length and digest, no clipping, silence before the first stroke ({part})")  # fmt: skip
    heard = [m for m in media if "clear_count" in m]
    if not heard:
        yield Check("label = audio", False, "no audio could be read")
        return
    clear, near = (sum(m[f"{k}_count"] for m in heard) for k in ("clear", "near"))
    unheard = sum(m["clear_unheard"] for m in heard)
    worst = max(m["clear_error"] for m in heard)
    yield Check("label = audio", worst <= MAX_CLEAR_ERROR and unheard == 0,
                f"{clear:,} strokes at least 30 ms after the one before: largest error {worst:.0f} samples, "
                f"{unheard} not heard")  # fmt: skip
    unheard_near, worst_near = sum(m["near_unheard"] for m in heard), max(m["near_error"] for m in heard)
    yield Check("label = audio, close strokes", worst_near <= MAX_CLEAR_ERROR and unheard_near == 0,
                f"{near:,} strokes closer than that: largest error {worst_near:.0f} samples, {unheard_near} not heard")  # fmt: skip
    blind, worst_blind = sum(m["blind_count"] for m in heard), max(m["blind_error"] for m in heard)
    yield Check("label = audio, blind", worst_blind <= MAX_CLEAR_ERROR,
                f"{blind:,} strokes after near silence, found from the audio alone: largest error {worst_blind:.0f} samples")  # fmt: skip


def professional_table(takes):
    """Professional figures beside their references: list of dicts, one a figure."""
    found = figures.medians(takes, "professional")
    out = []
    for name, (low, high, typical, what, basis) in figures.REFERENCES.items():
        value, count = found.get(name, (None, 0))
        inside = None if value is None else bool(low <= value <= high)
        out.append({"figure": name, "what": what, "value": value, "count": count, "low": low, "high": high,
                    "typical": typical, "basis": basis, "inside": inside})  # fmt: skip
    return out


def _professionals(findings):
    table = [row for row in professional_table(findings.takes) if row["value"] is not None]
    if not table:
        return Check("professionals as measured", None, "no professional takes")
    outside = [row for row in table if not row["inside"]]
    smallest = [t["bounce_smallest_ms"] for t in findings.takes if "bounce_smallest_ms" in t]
    least = min(smallest, default=np.inf)
    good = not outside and least >= figures.SMALLEST_BOUNCE_MS
    text = f"{len(table) - len(outside)} of {len(table)} figures inside their ranges; smallest bounce interval of anybody {least:.1f} ms"
    examples = [f"{row['figure']} {row['value']:.3g}, not {row['low']:g} to {row['high']:g}" for row in outside]
    return Check("professionals as measured", good, text, examples)


def _tiers(findings):
    """Names and row masks of the tiers present, worst first."""
    return [(name, findings.rows["skill_tier"] == name) for name in players.tiers() if (findings.rows["skill_tier"] == name).any()]


def players_by_tier(findings):
    """Number of different players of each tier present."""
    return {name: len(set(findings.rows["profile_id"][mask])) for name, mask in _tiers(findings)}


def _enough_players(findings):
    counts = players_by_tier(findings)
    return len(counts) > 1 and min(counts.values()) >= MIN_PLAYERS_A_TIER


def _no_pile_up(findings):
    worst = (0.0, "")
    for score in SCORE_NAMES:
        top = 1.0 if score in ("groove_feel_proxy", "tier_confidence") else 100.0
        for tier, mask in _tiers(findings):
            values = findings.rows[score][mask]
            values = values[~np.isnan(values)]
            share = float(np.mean((values <= 0.0) | (values >= top))) if len(values) else 0.0
            worst = max(worst, (share, f"{score}, {tier}"))
    text = f"largest share of exact 0 or {'100'}: {worst[0]:.1%}" + (f" ({worst[1]})" if worst[0] else "")
    return Check("scores don't pile up", worst[0] <= MAX_PILE_UP, text)


def tier_means(findings):
    """Mean of each score in each tier present: dict of score to dict of tier to mean (None without)."""
    out = {}
    for score in SCORE_NAMES:
        values = findings.rows[score]
        means = {tier: values[mask & ~np.isnan(values)] for tier, mask in _tiers(findings)}
        out[score] = {tier: float(v.mean()) if len(v) else None for tier, v in means.items()}
    return out


def _tier_order(findings, config):
    means = tier_means(findings)
    wrong = []
    for score in SKILL_SCORES:
        values = [m for m in means[score].values() if m is not None]
        if any(b <= a for a, b in zip(values, values[1:], strict=False)):
            wrong.append(f"{score}: " + ", ".join(f"{m:.1f}" for m in values))
    text = f"{len(SKILL_SCORES) - len(wrong)} of {len(SKILL_SCORES)} skill scores rise with the tier"
    if not _enough_players(findings):
        return Check("tiers in order", None, f"{text}; not judged with under {MIN_PLAYERS_A_TIER} players a tier", wrong)
    return Check("tiers in order", not wrong, text, wrong)


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
    for score in SCORE_NAMES:
        values = findings.rows[score]
        has = ~np.isnan(values)
        if has.sum() > 1:
            out[score] = {
                "player": explained(values[has], findings.rows["profile_id"][has]),
                "rudiment": explained(values[has], findings.rows["rudiment_slug"][has]),
            }
    return out


def _player_not_rudiment(findings):
    shares = {name: share for name, share in variance_shares(findings).items() if name in SKILL_SCORES}
    wrong = [f"{n}: player {s['player']:.2f}, rudiment {s['rudiment']:.2f}" for n, s in shares.items() if s["rudiment"] >= s["player"]]
    text = f"player explains more of the variance than rudiment in {len(shares) - len(wrong)} of {len(shares)} skill scores"
    if not _enough_players(findings):
        return Check("scores grade players", None, f"{text}; not judged with under {MIN_PLAYERS_A_TIER} players a tier", wrong)
    return Check("scores grade players", not wrong, text, wrong)


def _splits(findings, config):
    owner = dict(zip(findings.rows["profile_id"], findings.rows["split"], strict=True))
    pairs = set(zip(findings.rows["profile_id"], findings.rows["split"], strict=True))
    counts = {split: sum(s == split for s in owner.values()) for split in players.SPLITS}
    text = ", ".join(f"{name} {count}" for name, count in counts.items()) + " players"
    torn = len(pairs) - len(owner)
    if torn:
        return Check("splits", False, f"{text}; {torn} players in more than one split")
    everyone = len(config.tiers) == len(players.tiers())
    if not everyone or config.profiles < corpus.PRESETS["small"][0]:
        return Check("splits", True, f"{text}; shares not judged for so few or chosen players")
    off = max(abs(counts[s] - share * len(owner)) for s, share in zip(players.SPLITS, players.SPLIT_SHARE, strict=True))
    return Check("splits", off <= 1.0 and min(counts.values()) > 0, f"{text}; furthest from 70/15/15 by {off:.1f} players")


def _tier_mix(findings, config):
    counts = players_by_tier(findings)
    text = ", ".join(f"{name} {count}" for name, count in counts.items()) + " players"
    if len(config.tiers) < len(players.tiers()):
        return Check("tier mix", True, f"{text}; tiers were chosen")
    share = players._table()["tier_share"]
    total = sum(counts.values())
    off = max(abs(counts.get(t, 0) - s * total) for t, s in zip(players.tiers(), share, strict=True))
    return Check("tier mix", off <= 1.0, f"{text}; furthest from 25/35/25/15 by {off:.2f} players")


def _drums(findings, config):
    if not config.with_audio:
        return Check("drums", None, "made without audio")
    banks, counts = np.unique(findings.rows["bank"], return_counts=True)
    expected = findings.count / len(config.banks)
    spread = float(np.abs(counts - expected).max() / np.sqrt(expected))
    apart = explained((findings.rows["bank"] == banks[0]).astype(float), findings.rows["skill_tier"])
    good = len(banks) == min(len(config.banks), findings.count) and (spread < 6.0 or findings.count < 100)
    text = f"{len(banks)} drums, {counts.min():,} to {counts.max():,} rows each; tier explains {apart:.2%} of the choice"
    return Check("drums", good, text)
