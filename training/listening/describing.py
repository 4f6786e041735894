"""What was found in a recording, as plain data and as text.

The plain data is what the JSON file holds; docs/how-to/listen.md documents it.
"""

from collections import Counter
from typing import Any

import numpy as np

from sousa.generation.rudiments import definitions
from sousa.generation.rudiments.listening.judging import Judged
from sousa.generation.rudiments.players import tiers
from sousa.generation.rudiments.scores import SKILL_SCORES
from sousa.training.listening.listener import Listening

FORMAT = 1
SHOWN = 5  # rudiments
HANDS = {"R": "right", "L": "left"}


def data_of(listening: Listening) -> dict[str, Any]:
    """Everything that was found, as plain data."""
    judged, heard = listening.judged, listening.hearing.heard
    out: dict[str, Any] = {
        "format_version": FORMAT, "file": listening.name,
        "duration_sec": round(listening.hearing.duration_sec, 6), "notes": list(listening.notes),
        "rudiment": None, "tempo_bpm": None, "tempo_was_given": listening.tempo_named, "lead_hand": None,
        "metre": None, "first_beat_sec": None, "tier": {k: round(v, 4) for k, v in listening.tier.items()},
        "timing_ms": None, "scores": {}, "percentiles": {}, "mistakes": {},
        "num_strokes": int(np.count_nonzero(~heard.is_bounce)),
        "num_bounces": int(np.count_nonzero(heard.is_bounce)), "num_written": None,
    }  # fmt: skip
    if judged is not None:
        form = judged.fit.form
        out |= {
            "rudiment": {
                "slug": form.slug, "variant": form.variant, "name": form.name,
                "was_given": listening.named, "probability": round(listening.candidates[0][1], 4),
                "candidates": [
                    {"slug": slug, "name": name_of(slug), "probability": round(p, 4)}
                    for slug, p in listening.candidates[:SHOWN]
                ],
            },
            "tempo_bpm": round(judged.fit.tempo_bpm, 2), "lead_hand": judged.fit.lead_hand,
            "metre": form.metre, "first_beat_sec": _sec(judged.fit.first_ms),
            "timing_ms": timing(judged), "scores": {k: _number(v) for k, v in judged.scores.items()},
            "percentiles": listening.percentiles, "mistakes": counts(judged),
            "num_written": len(judged.wanted["beat"]),
        }  # fmt: skip
    return out | {"strokes": strokes(listening), "omissions": omissions(judged)}


def name_of(slug: str) -> str:
    """Name of a rudiment, or of a form."""
    return definitions.load()[slug].name


def counts(judged: Judged) -> dict[str, int]:
    """How many mistakes of each kind, most first."""
    kinds = [kind for kind in [*judged.mistakes, *judged.omissions] if kind]
    return dict(Counter(kinds).most_common())


def timing(judged: Judged) -> dict[str, Any]:
    """Mean and standard deviation of heard - grid of primaries, ms, for both hands and each."""
    known = ~np.isnan(judged.error_ms)

    def of(which: np.ndarray) -> dict[str, float | None]:
        values = judged.error_ms[known & which]
        spread = float(values.std(ddof=1)) if len(values) > 1 else np.nan
        return {"mean": _number(values.mean() if len(values) else np.nan), "sd": _number(spread)}

    hands = {HANDS[hand]: of(judged.hands == hand) for hand in HANDS}
    return {**of(np.ones(len(known), bool)), **hands}


def strokes(listening: Listening) -> list[dict[str, Any]]:
    """A dict of each stroke that is heard."""
    heard, judged, rows = listening.hearing.heard, listening.judged, []
    for j in range(len(heard)):
        hand = ("L" if heard.left[j] > 0.5 else "R") if judged is None else str(judged.hands[j])
        place = -1 if judged is None else int(judged.written_of[j])
        written = judged is not None and place >= 0
        rows.append({
            "onset_sec": _sec(heard.time_ms[j]),
            "onset_probability": round(float(listening.hearing.sureness[j]), 4),
            "velocity": round(float(heard.velocity[j])),
            "hand": hand,
            "hand_probability": round(float(heard.left[j] if hand == "L" else 1 - heard.left[j]), 4),
            "is_accent": bool(heard.accent[j] > 0.5),
            "is_grace_note": bool(heard.grace[j] > 0.5),
            "is_bounce": bool(heard.is_bounce[j]),
            "beat": round(float(judged.wanted["beat"][place]), 6) if written else None,
            "intended_sec": _sec(judged.wanted["time_ms"][place]) if written else None,
            "timing_error_ms": _number(judged.error_ms[j]) if written else None,
            "mistake": None if judged is None else judged.mistakes[j],
        })  # fmt: skip
    return rows


def omissions(judged: Judged | None) -> list[dict[str, Any]]:
    """A dict of each written stroke that is not heard."""
    if judged is None:
        return []
    wanted = judged.wanted
    return [
        {
            "intended_sec": _sec(wanted["time_ms"][i]),
            "beat": round(float(wanted["beat"][i]), 6),
            "hand": str(wanted["hand"][i]),
            "is_grace_note": bool(wanted["grace"][i] > 0),
            "is_accent": bool(wanted["accent"][i]),
            "mistake": judged.omissions[i],
        }
        for i in np.flatnonzero(judged.omissions.astype(bool)).tolist()
    ]


def _sec(ms: float) -> float:
    return round(float(ms) / 1000.0, 6)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 2) + 0.0  # no -0.0


def text_of(listening: Listening) -> str:
    """What was found, in lines of at most 80 characters but for names of files."""
    data = data_of(listening)
    lines = [f"{data['file']}  {data['duration_sec']:.1f} s"]
    for sentence in data["notes"]:
        lines += _wrapped(f"  {sentence}", 2)
    if data["rudiment"] is None:
        return "\n".join(lines)
    judged = listening.judged
    assert judged is not None
    best, *others = data["rudiment"]["candidates"]
    how = "as given" if data["rudiment"]["was_given"] else f"{best['probability']:.0%}"
    variant = data["rudiment"]["variant"]
    title = data["rudiment"]["name"] + (f" ({variant.replace('_', ' ')})" if variant else "")
    lines.append(f"  rudiment  {title}, {how}")
    if likely := [f"{c['name']} {c['probability']:.0%}" for c in others if c["probability"] >= 0.005]:
        lines += _wrapped(f"            or {', '.join(likely)}")
    source = "as given" if data["tempo_was_given"] else "measured"
    lines.append(
        f"  tempo     {data['tempo_bpm']:.1f} quarter notes a minute ({source}), {data['metre']}, "
        f"{HANDS[data['lead_hand']]} hand leads"
    )
    spread = data["timing_ms"]
    hands = {hand: spread[hand]["mean"] for hand in HANDS.values()}
    by_hand = ", ".join(f"{hand} hand {mean:+.1f} ms" for hand, mean in hands.items() if mean is not None)
    lines.append(f"  timing    spread {_points(spread['sd'])} ms; {by_hand} (late is +)")
    said = [f"{count} {kind.replace('_', ' ')}" for kind, count in data["mistakes"].items()]
    number = f"{judged.num_mistakes} mistakes" if judged.num_mistakes != 1 else "1 mistake"
    more = f": {', '.join(said)}" if said else ""
    bounces = f" and {data['num_bounces']} bounces" if data["num_bounces"] else ""
    lines += _wrapped(
        f"  strokes   {data['num_strokes']} heard{bounces}, {data['num_written']} written, {number}{more}"
    )
    if data["tier"]:
        order = sorted(data["tier"].items(), key=lambda item: -item[1])
        lines.append(f"  tier      {', '.join(f'{name} {p:.0%}' for name, p in order)}")
    return "\n".join([*lines, "", *_score_lines(data)])


def _score_lines(data: dict[str, Any]) -> list[str]:
    """A table of scores beside the takes of each tier."""
    names = tiers()
    widths = [max(len(name), 4) for name in names]
    head = "  ".join(f"{name:>{width}}" for name, width in zip(names, widths, strict=True))
    lines = [f"  {'score':<22} {'points':>6}   above this share of takes by", f"  {'':<22} {'':>6}   {head}"]
    for score, value in data["scores"].items():
        if value is None or score not in SKILL_SCORES:
            continue
        known = [data["percentiles"].get(name, {}).get(score) for name in names]
        cells = [
            f"{'' if share is None else f'{share:.0f} %':>{width}}"
            for share, width in zip(known, widths, strict=True)
        ]
        lines.append(f"  {score:<22} {value:>6.1f}   {'  '.join(cells)}".rstrip())
    return lines


def _points(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f}"


def _wrapped(text: str, indent: int = 12) -> list[str]:
    """Lines of at most 80 characters, those after the first one further in."""
    import textwrap

    return textwrap.wrap(text, 80, subsequent_indent=" " * indent, break_long_words=False)
