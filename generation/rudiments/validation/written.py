"""What is written against what is labelled: every written stroke is played, or listed as left out.

Conventions: the written strokes of a take are unrolled from the rudiment's definition alone. ``s`` holds the
strokes of a row and ``o`` its omissions, dicts of arrays; numbers that are null are NaN.
"""

from functools import cache
from typing import Any

import numpy as np

from sousa.generation.audio import acoustics
from sousa.generation.audio.renderings import record_of
from sousa.generation.rudiments import definitions, mistakes
from sousa.generation.validation.findings import Problems

Arrays = dict[str, np.ndarray]
_NO_OMISSIONS = ("written_index", "mistake", "beat", "written_hand", "stroke_type", "intended_sample")


def as_written(s: Arrays) -> tuple[Arrays, Arrays]:
    """``(strokes, omissions)`` of an earlier data version, in which everything is played as written."""
    counted = s["stroke_type"] != "bounce"
    number = np.where(counted, np.cumsum(counted) - 1.0, np.nan)
    nothing = np.full(len(counted), None, dtype=object)
    same = {"written_index": number, "written_hand": s["hand"], "is_accent_played": s["is_accent"]}
    return {**s, **same, "mistake": nothing}, dict.fromkeys(_NO_OMISSIONS, np.zeros(0))


@cache
def of_cycle(form_name: str, lead_hand: str) -> Arrays:
    """Written strokes of one cycle, straight from the definition: dict of arrays.

    ``beat`` of the primary, ``hand`` and ``lead`` as letters, ``grace``: graces still to come before the
    primary, 0 for itself; ``graces``: of the primary; ``accent``, ``diddle``, ``buzz``, ``position``.
    """
    rows = []
    for position, (onset, stroke, _, lead) in enumerate(definitions.load()[form_name].cycle(lead_hand)):
        other = "L" if stroke.hand == "R" else "R"
        head = (float(onset), lead, stroke.graces, position)
        rows += [(*head, other, stroke.graces - i, False, 0, False) for i in range(stroke.graces)]
        rows.append((*head, stroke.hand, 0, stroke.accent, stroke.diddle, stroke.buzz))
    names = ("beat", "lead", "graces", "position", "hand", "grace", "accent", "diddle", "buzz")
    return {name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def of_take(row: dict[str, Any]) -> Arrays:
    """Written strokes of a take, as :func:`of_cycle`, with ``cycle``; ``beat`` counts from the first."""
    name = definitions.form_name(row["rudiment_slug"], row["variant"])
    cycle = of_cycle(name, row["lead_hand"])
    count, beats = row["num_cycles"], float(definitions.load()[name].cycle_beats)
    out = {key: np.tile(values, count) for key, values in cycle.items()}
    out["cycle"] = np.repeat(np.arange(count), len(cycle["beat"]))
    out["beat"] = out["beat"] + out["cycle"] * beats
    return out


def check(row: dict[str, Any], s: Arrays, o: Arrays, problems: Problems) -> None:
    """Compare a row's strokes and omissions with what is written."""
    name, wanted = row["sample_id"], of_take(row)

    def wrong(what: str, mask: Any) -> None:
        if count := int(np.count_nonzero(mask)):
            problems.add(what, name, count)

    number = np.concatenate([s["written_index"], o["written_index"]]).astype(float)
    stray, bounce = s["stroke_type"] == "stray", s["stroke_type"] == "bounce"
    wrong("stray_flag_differs", np.isnan(s["written_index"].astype(float)) != (stray | bounce))
    known = number[~np.isnan(number)].astype(int)
    wrong("written_strokes_not_accounted_for", len(known) != len(wanted["beat"]))
    if len(known) != len(wanted["beat"]) or (np.sort(known) != np.arange(len(known))).any():
        wrong("written_strokes_not_accounted_for", len(known) == len(wanted["beat"]))
        return
    if "num_omissions" in row:
        count = np.count_nonzero(s["mistake"].astype(bool)) + len(o["mistake"])
        wrong("counts_of_mistakes_differ", row["num_omissions"] != len(o["mistake"]))
        wrong("counts_of_mistakes_differ", row["num_mistakes"] != count)
        wrong("counts_of_mistakes_differ", row["num_written"] != len(wanted["beat"]))
    _check_strokes(row, s, known[: np.count_nonzero(~(stray | bounce))], ~(stray | bounce), wanted, wrong)
    _check_omissions(row, o, wanted, wrong)
    _check_kinds(s, wrong)


def check_beats(row: dict[str, Any], beats: list[dict[str, Any]], problems: Problems) -> None:
    """Beats stand on the grid, one after the other, and bars begin where the metre has them."""
    name = definitions.form_name(row["rudiment_slug"], row["variant"])
    at = np.array([beat["beat"] for beat in beats])
    onset = np.array([beat["onset_sample"] for beat in beats], float)
    off = _off_grid(row, onset, {"beat": at}, np.arange(len(at)))
    unit = np.diff(at)
    bar = float(definitions.load()[name].bar_beats)
    first = np.array([beat["is_downbeat"] for beat in beats], bool)
    wrong = off.any() or (unit != unit[:1]).any() or (first != (np.abs(at % bar) < 1e-9)).any()
    if wrong or at[0] != 0.0:
        problems.add("beats_differ_from_grid", row["sample_id"])


def _check_strokes(row, s, at, mask, wanted, wrong):
    """Strokes that are written, against what is."""
    grace = wanted["grace"][at] > 0
    wrong("grid_differs_from_definition", _off_grid(row, s["intended_sample"][mask], wanted, at) & ~grace)
    wrong("beat_differs_from_definition", np.abs(s["beat"][mask] - wanted["beat"][at]) > 1e-9)
    stored = {
        "hand": (s["written_hand"], wanted["hand"]), "accent": (s["is_accent"], wanted["accent"]),
        "lead": (s["lead"], wanted["lead"]), "graces": (s["is_grace_note"], wanted["grace"] > 0),
        "diddle": (np.nan_to_num(s["diddle_position"].astype(float)), wanted["diddle"]),
        "place": (s["position"], wanted["position"]),
    }  # fmt: skip
    for key, (values, of_definition) in stored.items():
        wrong(f"{key}_differs_from_definition", values[mask] != of_definition[at])


def _check_omissions(row, o, wanted, wrong):
    at = o["written_index"].astype(int)
    grace = wanted["grace"][at] > 0
    wrong("grid_differs_from_definition", _off_grid(row, o["intended_sample"], wanted, at) & ~grace)
    wrong("beat_differs_from_definition", np.abs(o["beat"] - wanted["beat"][at]) > 1e-9)
    wrong("hand_differs_from_definition", o["written_hand"] != wanted["hand"][at])
    wrong("graces_differ_from_definition", (o["stroke_type"] == "grace") != grace)
    wrong("mistake_differs", ~np.isin(o["mistake"], mistakes.LEFT_OUT))
    wrong("mistake_differs", (o["mistake"] == "dropped_grace") & ~grace)


def _off_grid(row, intended, wanted, at):
    """Which written strokes stand elsewhere than on the grid, graces compared with their primary's place."""
    rate = row["sample_rate"]
    grid, allowed = (row["lead_in_beats"] + wanted["beat"][at]) * 60.0 / row["tempo_bpm"] * rate, 1.0
    record = record_of(row["aug_record"])
    if acoustics.moves(record):
        grid = acoustics.moved(record, np.rint(grid).astype(int), rate, row["num_samples"])
        # a rounded position can fall to the next of the samples that are kept
        allowed += rate / (record["sample_rate_hz"] or rate)
    return np.abs(intended.astype(float) - grid) > allowed


def _check_kinds(s, wrong):
    """A mistake is what it is called, and what differs from what is written has one."""
    kind, mistake = s["stroke_type"], s["mistake"]
    wrong("mistake_differs", np.isin(mistake, ("double", "touch")) != (kind == "stray"))
    other = (s["hand"] != s["written_hand"]) & (kind != "stray")
    wrong("mistake_differs", other & (kind != "bounce") & ~mistake.astype(bool))
    wrong("mistake_differs", (kind == "bounce") & mistake.astype(bool))
    wrong("mistake_differs", (mistake == "wrong_hand") & ~other)
    wrong("mistake_differs", (s["is_accent"] != s["is_accent_played"]) & ~mistake.astype(bool))
    wrong("mistake_differs", (mistake == "missing_accent") & (~s["is_accent"] | s["is_accent_played"]))
    wrong("mistake_differs", (mistake == "misplaced_accent") & (s["is_accent"] | ~s["is_accent_played"]))
    wrong("mistake_differs", (mistake == "flat_grace") & (kind != "grace"))
    second = s["diddle_position"].astype(float) == 2
    wrong("mistake_differs", (mistake == "collapsed_diddle") & ~second)
