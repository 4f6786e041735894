"""Rows taken in their order, as far as their sound can be used, until there are enough."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sousa.generation.captions import choosing
from sousa.generation.captions.gathering import Gathered
from sousa.generation.captions.measuring import NOT_THERE, Measured, Sounds
from sousa.generation.captions.options import CaptionsOptions
from sousa.generation.errors import UsageError, one_of


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
        self._heard: set[str] = set()
        self._per_dataset = np.zeros(len(rows.parts), int)
        alive = np.flatnonzero(self._ledger.alive)
        self._candidates = alive[np.argsort(self._ledger.key[alive], kind="stable")]
        self._most = min(options.max_samples or len(alive), len(alive))

    def run(self, progress: Any) -> None:
        """Take rows until there are enough; all others are rejected."""
        with Sounds(self._root) as self._sounds, progress("choosing", self._most) as done:
            self._ahead = self._sound_places()
            by_length = self._options.stratify_by == "duration"
            if by_length:  # strata are known when all sounds are
                for row in self._candidates.tolist():
                    self._good(row)
            strata, weights = self._strata()
            accept = (lambda row: True) if by_length or self._all_silent() else self._good
            for row in islice(choosing.in_order(self._ledger, strata, weights, accept), self._most):
                self.order.append(row)
                done(1)
        kept = np.zeros(len(self._ledger.key), bool)
        kept[self.order] = True
        self._ledger.reject(~kept, choosing.NOT_CHOSEN)

    def _all_silent(self) -> bool:
        """Whether nothing hangs on any sound, or on how many rows of a corpus were taken."""
        options, limits = self._options, (self._low, self._high, self._options.samples_per_dataset)
        return options.metadata_only and self._places.null_count == len(self._places) and not any(limits)

    def _sound_places(self) -> Iterator[tuple[str, str | None]]:
        for row in self._candidates.tolist():
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
            strata, names = choosing.bands(ledger.seconds), ["short", "medium", "long", "unknown"]
        else:
            strata, names = ledger.stratum, ledger.strata
        given = self._options.weights or {}
        known = [name or "none" for name in names]
        if unknown := [name for name in given if name not in known]:
            option = self._options.called("weights")
            raise UsageError(f"{option}: unknown stratum {one_of(unknown[0], known)}")
        return strata, np.array([given.get(name, 1.0) for name in known])

    def _good(self, row: int) -> bool:
        """Whether a row can be used; if not, it is rejected."""
        place = int(self._ledger.dataset[row])
        problem = self._problem(row, self._rows.parts[place].folder)
        most = self._options.samples_per_dataset
        if not problem and most and self._per_dataset[place] >= most:
            problem = choosing.NOT_CHOSEN
        if problem:
            self.measured.pop(row, None)
            self._ledger.reject(np.array([row]), problem)
            return False
        self._per_dataset[place] += 1
        return True

    def _problem(self, row: int, folder: str) -> str:
        """Why a row can't be used, by its sound; empty if it can."""
        sound = self._sounds.measure(folder, self._places[row].as_py(), self._ahead)
        seconds, shut = self._ledger.seconds[row], bool(self._ledger.shut[row])
        if sound.problem:
            if sound.problem != NOT_THERE or not (self._options.metadata_only or shut):
                return sound.problem
        elif shut:
            seconds = sound.seconds
        else:
            self.measured[row], seconds = sound, sound.seconds
            self._ledger.seconds[row] = seconds
        if self._low is not None or self._high is not None:
            if np.isnan(seconds):
                return "its length is not known"
            if seconds < (self._low or 0.0):
                return "too short"
            if self._high is not None and seconds > self._high:
                return "too long"
        if not sound.problem:
            if sound.pcm_digest in self._heard:
                return "its sound is there twice"
            self._heard.add(sound.pcm_digest)
        return ""


def _copy(array: pa.Array) -> pa.Array:
    """An array on its own: a column of a batch keeps all columns in memory."""
    return pa.concat_arrays([array.slice(0, 0), array])
