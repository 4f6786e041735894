"""Which rows are kept, in which order: every row that is read is kept, or rejected for a stated reason.

Conventions
-----------
Rows are told apart by digests of their ids (:mod:`sousa.generation.captions.hashing`), never by where they
stand: what is chosen does not depend on the order of corpora or of files. All arrays have an element a row.

*Order.* Rows come in the order of their digests under the seed. Where strata are balanced (by corpus,
length, genre or licence), row number r of a stratum of weight w comes at the time (r + 1/2) / w, and rows are
taken in order of time. So the first N rows are as balanced as they can be, whatever N is: a stratum that is
used up leaves its share to the others, and the first thousand are the first thousand of ten thousand.

*Reasons* are short texts; ``Ledger.reject`` keeps the first one of each row.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from sousa.generation.captions.hashing import mixed, shares
from sousa.generation.columns import SPLITS

SHARES = (0.8, 0.1, 0.1)  # of train, validation and test, where a corpus has no splits
BANDS_SEC = (60.0, 180.0)  # between the first three of BANDS
BANDS = ("short", "medium", "long", "unknown")
NOT_CHOSEN = "not among those chosen"


@dataclass
class Ledger:
    """What choosing needs to know of every row, and why it was rejected.

    Attributes:
        key: uint64, digest of the sample_id under the seed.
        dataset: int16, number of its corpus, those of human captions first.
        split: int8, number in SPLITS; -1 where none is published.
        group, artist, artist_name, native: uint64 digests; 0 for none.
        start, end: float64, seconds, where the clip is in what was first published; NaN where not known.
        seconds: float64, length of the sound as far as it is known; NaN.
        stratum: int32, number of its stratum in ``strata``, where genre or licence are balanced.
        shut: int16, number in ``closed`` of why its sound is left out; 0 where it is not.
        reason: int16, number in ``reasons``, 0 for a row that is not rejected.
    """

    key: np.ndarray
    dataset: np.ndarray
    split: np.ndarray
    group: np.ndarray
    artist: np.ndarray
    artist_name: np.ndarray
    native: np.ndarray
    start: np.ndarray
    end: np.ndarray
    seconds: np.ndarray
    stratum: np.ndarray
    shut: np.ndarray
    reason: np.ndarray
    reasons: list[str] = field(default_factory=lambda: [""])
    strata: list[str | None] = field(default_factory=lambda: [None])
    closed: list[str] = field(default_factory=lambda: [""])

    @property
    def alive(self) -> np.ndarray:
        """Rows that are not rejected: bool."""
        return self.reason == 0

    def reject(self, rows: np.ndarray, reason: str) -> None:
        """Reject rows, a mask or numbers, that are not rejected yet."""
        numbers = np.flatnonzero(rows) if rows.dtype == bool else rows
        self.reason[numbers[self.reason[numbers] == 0]] = _number(reason, self.reasons)

    def leave_out(self, rows: np.ndarray, reason: str) -> None:
        """Leave the sound of rows out, by their numbers."""
        self.shut[rows] = _number(reason, self.closed)

    def account(self, names: Sequence[str]) -> dict[str, dict[str, int]]:
        """Of each corpus, by name, how many rows were kept (``kept``) and rejected for each reason."""
        out = {}
        for number, name in enumerate(names):
            counts = Counter(self.reason[self.dataset == number].tolist())
            rejected = {self.reasons[reason]: count for reason, count in sorted(counts.items()) if reason}
            out[name] = {"kept": counts[0], **rejected}
        return out

    def left_out(self, names: Sequence[str]) -> dict[str, dict[str, int]]:
        """Of each corpus, how many rows were kept without their sound, by the reason."""
        out = {}
        for number, name in enumerate(names):
            counts = Counter(self.shut[self.alive & (self.dataset == number)].tolist())
            out[name] = {self.closed[reason]: count for reason, count in sorted(counts.items()) if reason}
        return {name: counts for name, counts in out.items() if counts}


def _number(text: str, texts: list[str]) -> int:
    """The number of a text in a list, where it is added if it is new."""
    if text not in texts:
        texts.append(text)
    return texts.index(text)


def assign_splits(ledger: Ledger, seed: int) -> None:
    """Give rows without a published split one, by group; then no group is in two splits.

    Where a group stands in several published splits, its rows in all but the last of them are rejected. Rows
    without one go where the published rows of their group are.
    """
    free = ledger.split < 0
    # a digest of the group under the seed, so that corpora are not all split alike
    place = shares(mixed(np.where(ledger.group > 0, ledger.group, ledger.key) ^ np.uint64(seed)))
    ledger.split[free] = np.searchsorted(np.cumsum(SHARES), place[free], side="right").clip(0, 2)
    rows = np.flatnonzero(ledger.alive & (ledger.group > 0))
    known = rows[~free[rows]]
    known = known[np.lexsort((-ledger.split[known], ledger.group[known]))]
    known = known[_first_of_runs(ledger.group[known])]
    new = np.flatnonzero(free & np.isin(ledger.group, ledger.group[known]))
    ledger.split[new] = ledger.split[known][np.searchsorted(ledger.group[known], ledger.group[new])]
    order = rows[np.lexsort((-ledger.split[rows], ledger.group[rows]))]  # the last split of a group first
    firsts = _first_of_runs(ledger.group[order])
    wanted = ledger.split[order][firsts][np.cumsum(firsts) - 1] if len(order) else ledger.split[order]
    for number, name in enumerate(SPLITS):
        torn = order[(wanted == number) & (ledger.split[order] < number)]
        ledger.reject(torn, f"its group has rows in {name}")


def reject_repeated(ledger: Ledger, reason: str) -> None:
    """Of rows of one id, keep the first only."""
    rows = np.flatnonzero(ledger.alive)
    order = rows[np.lexsort((ledger.dataset[rows], ledger.key[rows]))]
    ledger.reject(order[~_first_of_runs(ledger.key[order])], reason)


def rivals(ledger: Ledger) -> dict[int, list[int]]:
    """Of rows whose sound an earlier corpus has too, the rows there.

    They have one native id, and clips that overlap; one of which nobody knows where it is overlaps with all.
    """
    rows = np.flatnonzero(ledger.alive & (ledger.native > 0))
    order = rows[np.lexsort((ledger.dataset[rows], ledger.native[rows]))]
    firsts = _first_of_runs(ledger.native[order])
    # of runs of one native id, those with more than one corpus
    several = np.zeros(len(order), bool)
    several[1:] = ~firsts[1:] & (ledger.dataset[order][1:] != ledger.dataset[order][:-1])
    runs = np.cumsum(firsts) - 1
    mixed_runs = np.zeros(runs[-1] + 1 if len(runs) else 0, bool)
    mixed_runs[runs[several]] = True
    out: dict[int, list[int]] = {}
    chosen = order[mixed_runs[runs]]
    for part in np.split(chosen, np.flatnonzero(_first_of_runs(ledger.native[chosen]))[1:]):
        for place, row in enumerate(part.tolist()):
            before = [
                other for other in part[:place].tolist()
                if ledger.dataset[other] < ledger.dataset[row] and _overlap(ledger, row, other)
            ]  # fmt: skip
            if before:
                out[row] = before
    return out


def _overlap(ledger: Ledger, row: int, other: int) -> bool:
    # comparisons with NaN are false
    return not (ledger.end[row] <= ledger.start[other] or ledger.end[other] <= ledger.start[row])


def bands(seconds: np.ndarray) -> np.ndarray:
    """Strata by length, numbers in BANDS: int32."""
    band = np.searchsorted(BANDS_SEC, seconds, side="right")
    return np.where(np.isnan(seconds), 3, band).astype(np.int32)


def in_order(
    ledger: Ledger, strata: np.ndarray | None, weights: np.ndarray | None, good: Callable[[int], bool]
) -> Iterator[int]:
    """Numbers of the rows that are not rejected, in the order in which they are taken.

    Args:
        strata: int32, stratum of each row; None for one.
        weights: float64, of each stratum, above 0; None for equal ones.
        good: whether a row can be used, asked once of each that would come next; it says why not itself.
    """
    rows = np.flatnonzero(ledger.alive)
    rows = rows[np.argsort(ledger.key[rows], kind="stable")]
    if strata is None:
        yield from filter(good, rows.tolist())
        return
    by_stratum = rows[np.argsort(strata[rows], kind="stable")]
    cuts = np.flatnonzero(_first_of_runs(strata[by_stratum]))
    waiting: list[tuple[float, int, int]] = []
    queues: dict[int, Iterator[int]] = {}

    def take(stratum: int, taken: int) -> None:
        row = next(queues[stratum], None)
        if row is not None:
            weight = 1.0 if weights is None else float(weights[stratum])
            heapq.heappush(waiting, ((taken + 0.5) / weight, int(ledger.key[row]), row))

    taken: Counter[int] = Counter()
    for part in np.split(by_stratum, cuts[1:]) if len(by_stratum) else ():
        stratum = int(strata[part[0]])
        queues[stratum] = filter(good, part.tolist())
        take(stratum, 0)
    while waiting:
        row = heapq.heappop(waiting)[2]
        yield row
        stratum = int(strata[row])
        taken[stratum] += 1
        take(stratum, taken[stratum])


def _first_of_runs(values: np.ndarray) -> np.ndarray:
    """Which elements differ from the one before: bool."""
    return np.r_[True, values[1:] != values[:-1]] if len(values) else np.zeros(0, bool)
