"""Rows taken in their order, as far as their sound can be used, until there are enough.

Conventions: where only so many rows are asked for, sounds are decoded in the order in which rows are taken,
and no more of them than needed. Where all are, or rows are balanced by length, all sounds are decoded first,
in the order in which they lie in their files. Of rows with the same samples that of the last split is kept,
of these that of the first corpus; where only so many rows are asked for, the first that is taken, unless a
later one is for tests.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation.captions import choosing
from sousa.generation.captions.gathering import Gathered
from sousa.generation.captions.measuring import NOT_THERE, Measured, Sounds
from sousa.generation.captions.options import CaptionsOptions
from sousa.generation.captions.sounds import place_in_file
from sousa.generation.columns import SPLITS
from sousa.generation.errors import UsageError, one_of

TWICE, ELSEWHERE = "its sound is there twice", "its sound is in another corpus too"
_TEST = SPLITS.index("test")


class Taker:
    """What is taken of the rows that were read, and what their sounds are like.

    Attributes:
        order: numbers of the rows, in the order in which they were taken.
        measured: sounds by number of the row, of rows that have one.
    """

    def __init__(self, rows: Gathered, options: CaptionsOptions, root: Path):
        self.order: list[int] = []
        self.measured: dict[int, Measured] = {}
        self._rows, self._ledger, self._options, self._root = rows, rows.ledger, options, root
        self._places = pa.chunked_array([_copy(b["audio_at"]) for b in rows.batches("audio_at")], pa.string())
        self._low = options.min_duration_sec
        self._high = options.max_duration_sec
        self._heard: dict[str, int] = {}
        self._of_dataset, self._of_artist = Counter[int](), Counter[int]()
        self._rivals = choosing.rivals(self._ledger)
        alive = np.flatnonzero(self._ledger.alive)
        self._candidates = alive[np.argsort(self._ledger.key[alive], kind="stable")]
        self._most = min(options.max_samples or len(alive), len(alive))

    def run(self, progress: Any) -> None:
        """Take rows until there are enough; all others are rejected."""
        options = self._options
        some = options.max_samples or options.samples_per_dataset or options.per_artist
        with Sounds(self._root) as self._sounds, progress("choosing", self._most) as done:
            self._ahead = self._sound_places(self._candidates)
            accept = self._taken
            if not some or options.stratify_by == "duration":  # strata are known when all sounds are
                self._look_at_all()
                limited = options.samples_per_dataset or options.per_artist
                accept = self._counted if limited else (lambda row: True)
            strata, weights = self._strata()
            for row in islice(choosing.in_order(self._ledger, strata, weights, accept), self._most):
                self.order.append(row)
                done(1)
        self.order = [row for row in self.order if not self._ledger.reason[row]]
        kept = np.zeros(len(self._ledger.key), bool)
        kept[self.order] = True
        self._ledger.reject(~kept, choosing.NOT_CHOSEN)

    def _look_at_all(self) -> None:
        """Reject all rows that can't be used by their sound, and of the same sound all but one."""
        ledger, rows = self._ledger, self._candidates
        if self._all_silent():
            return
        in_files = self._by_file(rows)
        self._ahead = self._sound_places(in_files)
        for row in in_files.tolist():
            self._sound(row)
        best = np.lexsort((ledger.key[rows], ledger.dataset[rows], -ledger.split[rows]))
        for row in rows[best].tolist():
            self._usable(row)

    def _by_file(self, rows: np.ndarray) -> np.ndarray:
        """Rows in the order in which their sounds lie in files: that in which they were read, for most."""
        rows = np.sort(rows)
        if not pc.any(pc.match_substring(self._places, ".parquet#")).as_py():
            return rows
        places = [place_in_file(at or "") for at in self._places.take(pa.array(rows)).to_pylist()]
        datasets = self._ledger.dataset[rows].tolist()
        return rows[sorted(range(len(rows)), key=lambda i: (datasets[i], places[i]))]

    def _all_silent(self) -> bool:
        """Whether nothing hangs on any sound."""
        without = self._options.metadata_only and self._places.null_count == len(self._places)
        return without and not any((self._low, self._high, self._rivals))

    def _sound_places(self, rows: np.ndarray) -> Iterator[tuple[str, str | None]]:
        for row in rows.tolist():
            yield self._rows.parts[int(self._ledger.dataset[row])].folder, self._places[row].as_py()

    def _strata(self) -> tuple[np.ndarray | None, np.ndarray | None]:
        """The stratum of each row, and the weights of strata."""
        kind, ledger = self._options.stratify_by, self._ledger
        if kind is None:
            return None, None
        names: list[str | None]
        if kind == "dataset":
            strata, names = ledger.dataset.astype(np.int32), [part.name for part in self._rows.parts]
        elif kind == "duration":
            strata, names = choosing.bands(ledger.seconds), list(choosing.BANDS)
        else:
            strata, names = ledger.stratum, ledger.strata
        given = self._options.weights or {}
        known = [name or "none" for name in names]
        if unknown := [name for name in given if name not in known]:
            option = self._options.called("weights")
            raise UsageError(f"{option}: unknown stratum {one_of(unknown[0], known)}")
        return strata, np.array([given.get(name, 1.0) for name in known])

    def _taken(self, row: int) -> bool:
        """Whether a row is taken, as far as there are not enough of its kind; if not, it is rejected."""
        return self._usable(row) and self._counted(row)

    def _counted(self, row: int) -> bool:
        """Whether there are not yet enough rows of its corpus and artist; if there are, it is rejected."""
        if self._ledger.reason[row]:
            return False
        place, artist = int(self._ledger.dataset[row]), int(self._ledger.artist[row])
        most, per_artist = self._options.samples_per_dataset, self._options.per_artist
        problem = ""
        if most and self._of_dataset[place] >= most:
            problem = choosing.NOT_CHOSEN
        elif per_artist and artist and self._of_artist[artist] >= per_artist:
            problem = "more of one artist than asked for"
        if problem:
            return self._refuse(row, problem)
        self._of_dataset[place] += 1
        self._of_artist[artist] += 1
        return True

    def _refuse(self, row: int, problem: str) -> bool:
        self.measured.pop(row, None)
        self._ledger.reject(np.array([row]), problem)
        return False

    def _usable(self, row: int) -> bool:
        """Whether a row can be used; if not, it is rejected."""
        sound = self._sound(row)
        if problem := self._problem(row, sound):
            return self._refuse(row, problem)
        others = (other for other in self._rivals.get(row, ()) if not self._ledger.reason[other])
        if any(not self._problem(other, self._sound(other)) for other in others):
            return self._refuse(row, ELSEWHERE)
        if sound.problem or self._ledger.shut[row]:
            return True
        before = self._heard.setdefault(sound.pcm_digest, row)
        if before != row:
            split = self._ledger.split
            if not (split[row] == _TEST != split[before]):
                return self._refuse(row, TWICE)
            self._refuse(before, TWICE)  # what tests are made with is in no training
            self._heard[sound.pcm_digest] = row
        self.measured[row] = sound
        return True

    def _sound(self, row: int) -> Measured:
        folder = self._rows.parts[int(self._ledger.dataset[row])].folder
        return self._sounds.measure(folder, self._places[row].as_py(), self._ahead)

    def _problem(self, row: int, sound: Measured) -> str:
        """Why a row can't be used by its sound, whatever others there are; empty if it can."""
        seconds, shut = self._ledger.seconds[row], bool(self._ledger.shut[row])
        if sound.problem:
            if sound.problem != NOT_THERE or not (self._options.metadata_only or shut):
                return sound.problem
        else:
            seconds = sound.seconds
            if not shut:
                self._ledger.seconds[row] = seconds
        if self._low is not None or self._high is not None:
            if np.isnan(seconds):
                return "its length is not known"
            if seconds < (self._low or 0.0):
                return "too short"
            if self._high is not None and seconds > self._high:
                return "too long"
        return ""


def _copy(array: pa.Array) -> pa.Array:
    """An array on its own: a column of a batch keeps all columns in memory."""
    return pa.concat_arrays([array.slice(0, 0), array])
