"""Mistakes found again: what was played is matched with what is written, without looking at the labels.

Conventions
-----------
What is written comes from the rudiment's definition, the tempo and the lead-in; what was played is the times,
hands and velocities of the strokes (bounces of presses are left out: they are not written). The two are
aligned by dynamic programming (Needleman and Wunsch 1970): a pair costs its distance in time, over a share of
the written interval, and more where the hands differ; leaving out a stroke of either side costs a fixed
price. What is left alone, or paired oddly, is a mistake of the kind that :data:`FOUND` names. Times are ms.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sousa.generation.rudiments.validation.written import Arrays, of_take

ALONE, OTHER_HAND, MOST = 1.0, 0.45, 1.9  # prices; a pair costs MOST at most
SHARE, LEAST_MS = 0.6, 50.0  # of the interval, that costs 1
TREND = 4  # strokes to each side over which the player's place beside the grid is taken
BAND = 14  # strokes by which the two may be apart
_ROWS = 64  # written strokes whose prices are computed at once
FLAT_MS, DOUBLE_MS = 5.5, 100.0
# kinds that matching alone can tell for certain, and the share of them that it must find
FOUND = ("omission", "stop", "dropped_grace", "double", "touch", "wrong_hand", "flat_grace")
LEAST_FOUND = 0.85
_ALIKE = (("omission", "stop"), ("double", "touch"))


def compare(row: dict[str, Any], s: Arrays, o: Arrays) -> dict[str, Any]:
    """Labelled mistakes of a row and those found; empty for further renderings of a take.

    Returns: dict of ``tier``; ``written``, strokes that are; ``labelled``, mistakes by kind; ``found``, of
        each kind of :data:`FOUND` a list: how many are labelled, how many of these are found, and how many
        are found elsewhere.
    """
    if row["augmentation_index"] != 0 or row.get("mistakes", "none") == "none":  # the same take again
        return {}
    labelled = np.concatenate([s["mistake"], o["mistake"]])
    kinds, counts = np.unique(labelled[labelled.astype(bool)].astype(str), return_counts=True)
    out: dict[str, Any] = {
        "tier": row["skill_tier"],
        "written": int(np.isfinite(s["written_index"].astype(float)).sum()) + len(o["mistake"]),
        "labelled": dict(zip(kinds.tolist(), counts.tolist(), strict=True)), "found": {},
    }  # fmt: skip
    heard = np.flatnonzero(s["stroke_type"] != "bounce")
    wanted = of_take(row)
    grid = (row["lead_in_beats"] + wanted["beat"]) * 60000.0 / row["tempo_bpm"]
    found = find(wanted, grid, s["actual_time_ms"][heard], s["hand"][heard])
    truth_heard, truth_written = s["mistake"][heard], np.full(len(wanted["beat"]), None, dtype=object)
    truth_written[o["written_index"].astype(int)] = o["mistake"]
    for kind in FOUND:
        # a stop is a run of omissions, and which of two close strokes was not meant is a matter of opinion
        alike = next((group for group in _ALIKE if kind in group), (kind,))
        counts = np.zeros(3, int)
        for truth, names in ((truth_heard, found.played), (truth_written, found.written)):
            true, seen = truth == kind, _near(np.isin(names, alike))
            also = _near(np.isin(truth, alike))
            counts += [true.sum(), (true & seen).sum(), ((names == kind) & ~also).sum()]
        out["found"][kind] = counts.tolist()
    return out


def summed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What :func:`compare` gave of rows, summed: one such dict a tier."""
    out: dict[str, dict[str, Any]] = {}
    for row in filter(None, rows):
        nothing = {"written": 0, "labelled": Counter(), "found": {kind: [0] * 3 for kind in FOUND}}
        total = out.setdefault(row["tier"], {"tier": row["tier"], **nothing})
        total["written"] += row["written"]
        total["labelled"].update(row["labelled"])
        for kind, counts in row["found"].items():
            total["found"][kind] = [a + b for a, b in zip(total["found"][kind], counts, strict=True)]
    return list(out.values())


def _near(mask):
    """Also the neighbours of what is in the mask."""
    out = mask.copy()
    out[1:] |= mask[:-1]
    out[:-1] |= mask[1:]
    return out


@dataclass(frozen=True)
class Found:
    """What matching found.

    Attributes:
        played, written: of each played and each written stroke the kind of its mistake, None for none.
        written_of: number of the written stroke of each played one, -1 for none.
        heard_of: number of the played stroke of each written one, -1 for none.
        at_ms: where each written stroke is expected, the player's place beside the grid included.
    """

    played: np.ndarray
    written: np.ndarray
    written_of: np.ndarray
    heard_of: np.ndarray
    at_ms: np.ndarray


def find(wanted: Arrays, grid: np.ndarray, times: np.ndarray, hands: np.ndarray) -> Found:
    """Match written strokes with played ones, and name what is wrong.

    Args:
        wanted: as :func:`.written.of_take` gives them.
        grid: time of the primary of each, ms.
        times, hands: of the played strokes, without bounces: ms, and letters; an empty text where the hand is
            unknown.
    """
    primary = wanted["grace"] == 0
    # intervals before and after each primary; a grace has those of its own primary
    owner = np.flatnonzero(primary)[np.searchsorted(np.flatnonzero(primary), np.arange(len(grid)))]
    before = np.diff(grid[primary], prepend=grid[0] - 500.0)[np.searchsorted(np.flatnonzero(primary), owner)]
    # graces stand a little before their primary, one after the other
    at = grid - wanted["grace"] * np.minimum(np.where(wanted["graces"] > 1, 45.0, 28.0), 0.28 * before)
    pairs = align(at, times, before, wanted["hand"], hands)
    # once more, with the grid where the player has it at that time
    at = at + _trend(at, times, pairs)
    pairs = align(at, times, before, wanted["hand"], hands)
    played = np.full(len(times), None, dtype=object)
    written = np.full(len(at), None, dtype=object)
    written_of = np.full(len(times), -1)
    heard_of = np.full(len(at), -1)
    for i, j in pairs:
        written_of[j], heard_of[i] = i, j
    for j in np.flatnonzero(written_of < 0).tolist():
        same = j > 0 and hands[j] == hands[j - 1] and times[j] - times[j - 1] < DOUBLE_MS
        played[j] = "double" if same else "touch"
    for i in np.flatnonzero(heard_of < 0).tolist():
        grace = not primary[i] and heard_of[owner[i]] >= 0
        written[i] = "dropped_grace" if grace else "omission"
    for i, j in pairs:
        if hands[j] and hands[j] != wanted["hand"][i]:
            played[j] = "wrong_hand"
        lead = times[heard_of[owner[i]]] - times[j] if heard_of[owner[i]] >= 0 else np.inf
        if not primary[i] and lead < FLAT_MS:
            played[j] = "flat_grace"
    return Found(played, written, written_of, heard_of, at)


def _trend(at, times, pairs):
    """How far the player is from the grid around each written stroke: a running median, ms."""
    if not pairs:
        return np.zeros(len(at))
    written, played = np.array(pairs).T
    error = times[played] - at[written]
    near = np.searchsorted(written, np.arange(len(at)))
    # windows are shorter at both ends: what is beyond them is sorted behind the rest
    padded = np.concatenate([[np.inf] * TREND, error, [np.inf] * (TREND + 1)])
    windows = np.sort(np.lib.stride_tricks.sliding_window_view(padded, 2 * TREND + 1)[near], axis=1)
    size = np.minimum(near + TREND + 1, len(error)) - np.maximum(near - TREND, 0)
    every = np.arange(len(near))
    return (windows[every, (size - 1) // 2] + windows[every, size // 2]) / 2.0


def align(
    at: np.ndarray, times: np.ndarray, slots: np.ndarray, hands: np.ndarray, played: np.ndarray
) -> list[tuple[int, int]]:
    """Pairs of written and played strokes, each in order.

    Only strokes whose numbers are near to each other are compared, and only these are kept in memory.

    Args:
        at, slots, hands: of written strokes: times, the intervals before them, and hands.
        times, played: of played strokes: times, and hands, an empty text for one that is not known.
    """
    rows, columns = len(at), len(times)
    apart = max(BAND, abs(rows - columns) + BAND)
    far = float("inf")
    # of each written stroke: the first played one it is compared with, prices, and costs up to there
    firsts, prices, best = [1], [[]], [[ALONE * j for j in range(1, columns + 1)]]

    def cost(i: int, j: int) -> float:
        if j == 0:
            return ALONE * i
        place = j - firsts[i]
        return best[i][place] if 0 <= place < len(best[i]) else far

    limits = [(max(1, i - apart), min(columns, i + apart)) for i in range(1, rows + 1)]
    for i, row in enumerate(_prices(at, times, slots, hands, played, limits), 1):
        low = limits[i - 1][0]
        above = best[i - 1][low - firsts[i - 1] :][: len(row)]
        above += [far] * (len(row) - len(above))
        line: list[float] = []
        left = cost(i, 0) if low == 1 else far
        diagonal = cost(i - 1, low - 1)
        for pair, alone in zip(row, above, strict=True):
            paired = diagonal + pair
            left = (alone if alone < left else left) + ALONE
            if paired < left:
                left = paired
            line.append(left)
            diagonal = alone
        firsts.append(low)
        prices.append(row)
        best.append(line)
    pairs, i, j = [], rows, columns
    while i and j:
        here, pair = cost(i, j), prices[i][j - firsts[i]]
        if here == cost(i - 1, j - 1) + pair:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif here == cost(i - 1, j) + ALONE:
            i -= 1
        else:
            j -= 1
    return pairs[::-1]


def _prices(
    at: np.ndarray,
    times: np.ndarray,
    slots: np.ndarray,
    hands: np.ndarray,
    played: np.ndarray,
    limits: list[tuple[int, int]],
) -> Iterator[list[float]]:
    """What pairs of each written stroke cost; ``limits``: first and last played one of each, from 1."""
    for begin in range(0, len(limits), _ROWS):
        some = limits[begin : begin + _ROWS]
        first, lines = some[0][0] - 1, slice(begin, begin + _ROWS)
        near = slice(first, max(some[-1][1], first))
        other = (played[near] != hands[lines, None]) & (played[near] != "")
        price = np.abs(times[near] - at[lines, None]) / np.maximum(SHARE * slots[lines, None], LEAST_MS)
        price = np.minimum(price, MOST) + OTHER_HAND * other
        for row, (low, high) in zip(price, some, strict=True):
            yield row[low - 1 - first : max(high, low - 1) - first].tolist()
