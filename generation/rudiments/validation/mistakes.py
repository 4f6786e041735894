"""The mistakes of a dataset: how many each tier makes, and whether they are found again.

Conventions: rates are mistakes over written strokes; of each take they are counted once.
"""

from collections import Counter
from itertools import pairwise
from typing import Any

from sousa.generation.rudiments import mistakes, players
from sousa.generation.rudiments.validation import population
from sousa.generation.rudiments.validation.matching import FOUND, LEAST_FOUND
from sousa.generation.validation.findings import Check, Findings

MIN_TO_JUDGE = 30  # mistakes of a kind


def checks(findings: Findings) -> list[Check]:
    """Checks of mistakes; none where nobody makes any."""
    if findings.config.mistakes == "none":
        return []
    return [_found_again(findings), _tiers_in_order(findings)]


def table(findings: Findings) -> dict[str, Any]:
    """Rates of each kind by tier, and how many of those that matching can tell it found."""
    takes = findings.lists["matched"]
    written: Counter[str] = Counter()
    labelled: dict[str, Counter[str]] = {tier: Counter() for tier in players.tiers()}
    for take in takes:
        if take["tier"] not in labelled:  # which is reported elsewhere
            continue
        written[take["tier"]] += take["written"]
        labelled[take["tier"]].update(take["labelled"])
    tiers = [tier for tier in players.tiers() if written[tier]]
    counts = {kind: [sum(take["found"][kind][i] for take in takes) for i in range(3)] for kind in FOUND}
    return {
        "rates": {
            kind: {tier: labelled[tier][kind] / written[tier] for tier in tiers}
            for kind in mistakes.KINDS[1:]
        },
        "all": {tier: labelled[tier].total() / written[tier] for tier in tiers},
        "found": {kind: dict(zip(("made", "found", "beside"), counts[kind], strict=True)) for kind in FOUND},
    }


def _found_again(findings: Findings) -> Check:
    rows = table(findings)["found"]
    enough = {kind: row for kind, row in rows.items() if row["made"] >= MIN_TO_JUDGE}
    shares = {kind: row["found"] / row["made"] for kind, row in enough.items()}
    name = "mistakes found again"
    if not shares:
        return Check(name, None, f"not judged with under {MIN_TO_JUDGE} mistakes of a kind")
    text = ", ".join(f"{kind} {share:.0%}" for kind, share in shares.items())
    wrong = [f"{kind}: {share:.0%}" for kind, share in shares.items() if share < LEAST_FOUND]
    return Check(name, not wrong, f"by matching what is written with what is played: {text}", wrong)


def _tiers_in_order(findings: Findings) -> Check:
    rates = table(findings)["all"]
    text = ", ".join(f"{tier} {rate:.1%}" for tier, rate in rates.items()) + " of written strokes"
    wrong = [text] if any(b >= a for a, b in pairwise(rates.values())) else []
    return population.of_tiers(findings, "mistakes by tier", text, wrong)


def lines(report: dict[str, Any]) -> list[str]:
    """For a terminal; ``report``: the table, see :func:`table`."""
    tiers = list(report["all"])
    rows = {**report["rates"], "all": report["all"]}
    out = ["", "Mistakes in 1,000 written strokes", f"  {'':18s}" + "".join(f"{t:>14s}" for t in tiers)]
    out += [
        f"  {kind:18s}" + "".join(f"{1000 * rates[tier]:14.1f}" for tier in tiers)
        for kind, rates in rows.items()
    ]
    return out


def page_rows(report: dict[str, Any]) -> list[tuple[str, ...]]:
    """Rows of a table for a page: each kind, its meaning, its rates by tier, and how many are found again."""
    out = []
    for kind, meaning, _ in mistakes.described():
        row = report["found"].get(kind)
        again = f"{row['found'] / row['made']:.0%}" if row and row["made"] else ""
        out.append((kind, meaning, *(f"{1000 * rate:.1f}" for rate in report["rates"][kind].values()), again))
    return out
