"""Metrics of transcribed notes, as mir_eval has them: F-measure, precision, recall, with intervals by group.

Conventions: a row is a clip. Its notes are a list of records ``onset_sec, offset_sec, pitch, velocity``:
seconds, MIDI note numbers and 1 to 127. A reference may also have ``key_up_sec``, where the key is let go,
while ``offset_sec`` is where the sound is stopped, which a pedal may delay: the two conventions of where a
note ends are called ``sound`` and ``key`` in names of metrics.

A note is right when its pitch is and its onset is within 50 ms (``onset``); when besides its end is within
50 ms or 20 % of the reference's length, whichever is more (``onset_offset``); when besides its velocity,
after the best straight line from estimates to references, is within a tenth of the reference's range
(``onset_offset_velocity``; ``onset_velocity`` leaves the end out). Each is matched at most once, and as many
as can be are. Values are means over rows of each row's own; a row without notes in the reference or the
estimate counts 0, as in mir_eval, and ``num_empty_references`` says how many rows can't get more.

``note_accuracy`` is hits / (hits + missed + invented) at onsets. ``timing_ms`` is the mean distance of the
onsets of matched notes, ``timing_bias_ms`` how much later they are. ``frame`` compares which keys sound at
each 16 ms, ``pedal`` whether the pedal is down there; rows in which it never is in either have no such
value.

Source: C. Raffel et al., mir_eval, ISMIR 2014; ``transcription`` and ``transcription_velocity`` there.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from sousa.generation.errors import UsageError
from sousa.training.metrics import bootstrap

CONVENTIONS = {"sound": "offset_sec", "key": "key_up_sec"}
SWEEP_MS = (10, 20, 30, 50, 100, 200, 500)
PARTS = ("f1", "precision", "recall")
_FRAME_SEC = 0.016  # 62.5 a second, as MT3 has them
_KEYS = 128


@dataclass(frozen=True)
class Notes:
    """Notes of a row as arrays, in the order of the records; ends: dict of convention to float64 [notes]."""

    onset: np.ndarray
    ends: dict[str, np.ndarray]
    pitch: np.ndarray
    velocity: np.ndarray

    def __len__(self) -> int:
        return len(self.onset)

    def intervals(self, convention: str = "sound") -> np.ndarray:
        """float64 [notes, 2]."""
        return np.stack([self.onset, self.ends[convention]], axis=1)

    @property
    def hz(self) -> np.ndarray:
        return 440.0 * 2.0 ** ((self.pitch - 69) / 12)


def notes_of(records: Sequence[dict[str, Any]], row: int = 0, which: str = "reference") -> Notes:
    """Notes of records; a UsageError for times and pitches that mir_eval refuses, naming the first."""
    fields = ("onset_sec", *CONVENTIONS.values(), "pitch", "velocity")
    columns = {f: np.array([note.get(f) for note in records], np.float64) for f in fields}
    onset = columns["onset_sec"]
    ends = {name: columns[field] for name, field in CONVENTIONS.items()}
    ends = {name: end for name, end in ends.items() if name == "sound" or not np.isnan(end).any()}
    right = (onset >= 0) & np.isfinite(onset) & (columns["pitch"] >= 0) & (columns["pitch"] < _KEYS)
    for end in ends.values():
        right &= (end > onset) & np.isfinite(end)
    if not right.all():
        note = records[int(np.argmin(right))]
        raise UsageError(
            f"row {row}: a {which} note is {note}; give onsets of 0 s or more, offsets after them, and "
            f"pitches of 0 to {_KEYS - 1}"
        )
    return Notes(onset, ends, columns["pitch"], columns["velocity"])


def matched_pairs(
    reference: Notes, estimate: Notes, tolerance: float = 0.05, convention: str | None = None,
    velocity: bool = False,
) -> np.ndarray:  # fmt: skip
    """Matched notes: int64 [pairs, 2], numbers in the reference and in the estimate.

    Args:
        tolerance: of onsets, s.
        convention: of the reference's ends, None to leave ends out.
        velocity: whether velocities have to fit too.
    """
    from mir_eval import transcription, transcription_velocity

    if not len(reference) or not len(estimate):
        return np.zeros((0, 2), np.int64)
    ends: dict[str, Any] = {} if convention else {"offset_ratio": None}
    sides = [reference.intervals(convention or "sound"), reference.hz], [estimate.intervals(), estimate.hz]
    if velocity:
        (truth, guess), match = sides, transcription_velocity.match_notes
        sides = [*truth, reference.velocity], [*guess, estimate.velocity]
    else:
        match = transcription.match_notes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a line through one pair of velocities
        pairs = match(*sides[0], *sides[1], onset_tolerance=tolerance, **ends)
    return np.array(pairs, np.int64).reshape(-1, 2)


def shares(hits: float, references: float, estimates: float) -> tuple[float, float, float]:
    """F-measure, precision and recall; 0 where there is nothing."""
    both = references + estimates
    return 2 * hits / max(both, 1), hits / max(estimates, 1), hits / max(references, 1)


def row_metrics(
    reference: Notes, estimate: Notes, pedals: Sequence[np.ndarray] | None = None, brief: bool = False
) -> dict[str, float]:  # fmt: skip
    """Metrics of one row by name; NaN where undefined.

    Args:
        pedals: where the pedal is down in reference and estimate, float64 [intervals, 2] each, or None.
        brief: only those at 50 ms, without frames and pedal.
    """
    out: dict[str, float] = {}
    counts = len(reference), len(estimate)

    def put(name: str, values: Sequence[float]) -> None:
        out.update((f"{name}_{part}", value) for part, value in zip(PARTS, values, strict=True))

    pairs = matched_pairs(reference, estimate)
    put("onset", shares(len(pairs), *counts))
    find = partial(matched_pairs, reference, estimate)
    for name in reference.ends:
        put(f"onset_offset_{name}", shares(len(find(convention=name)), *counts))
        heard = find(convention=name, velocity=True)
        put(f"onset_offset_velocity_{name}", shares(len(heard), *counts))
    if brief:
        return out
    put("onset_velocity", shares(len(find(velocity=True)), *counts))
    for ms in SWEEP_MS:
        at = pairs if ms == 50 else find(tolerance=ms / 1000)
        out[f"onset_f1_{ms}ms"] = shares(len(at), *counts)[0]
    out["note_accuracy"] = len(pairs) / max(sum(counts) - len(pairs), 1)
    late = estimate.onset[pairs[:, 1]] - reference.onset[pairs[:, 0]]
    out["timing_ms"] = 1000 * float(np.abs(late).mean()) if len(late) else np.nan
    out["timing_bias_ms"] = 1000 * float(late.mean()) if len(late) else np.nan
    for name in reference.ends:
        put(f"frame_{name}", _frame_shares(reference, estimate, name))
    if pedals is not None:
        put("pedal", _pedal_shares(*pedals))
    return out


def _frame_shares(reference: Notes, estimate: Notes, convention: str) -> tuple[float, float, float]:
    ends = (reference.ends[convention], estimate.ends["sound"])
    frames = round(max((float(end.max()) for end in ends if len(end)), default=0) / _FRAME_SEC) + 1
    rolls = []
    for notes, end in zip((reference, estimate), ends, strict=True):
        change = np.zeros((frames + 1, _KEYS), np.int32)
        pitch = notes.pitch.astype(np.int64)
        first = np.rint(notes.onset / _FRAME_SEC).astype(np.int64)
        np.add.at(change, (first, pitch), 1)
        np.add.at(change, (np.maximum(np.rint(end / _FRAME_SEC).astype(np.int64), first), pitch), -1)
        rolls.append(np.cumsum(change, axis=0) > 0)
    return shares((rolls[0] & rolls[1]).sum(), rolls[0].sum(), rolls[1].sum())


def _pedal_shares(*downs: np.ndarray) -> tuple[float, float, float]:
    end = max((float(down.max()) for down in downs if down.size), default=0.0)
    if not end:
        return np.nan, np.nan, np.nan
    moments = (np.arange(round(end / _FRAME_SEC)) + 0.5) * _FRAME_SEC
    truth, guess = (
        # an odd number of edges lies before a moment that is inside an interval
        np.searchsorted(down.reshape(-1), moments, side="right") % 2 == 1
        for down in downs
    )
    return shares((truth & guess).sum(), truth.sum(), guess.sum())


@dataclass(frozen=True)
class Measured:
    """Metrics row by row, so that subsets of rows can be scored without matching again.

    Attributes:
        names: of the metrics.
        values: float64 [rows, metrics], NaN where undefined.
        known: bool [rows], whether there is a reference.
        counts: int64 [rows, 2], notes in reference and estimate.
    """

    names: tuple[str, ...]
    values: np.ndarray
    known: np.ndarray
    counts: np.ndarray

    def score(
        self, groups: Sequence[Any] | None = None, rows: Any = None, resamples: int = bootstrap.RESAMPLES,
        seed: int = 0,
    ) -> dict[str, Any]:  # fmt: skip
        """What :func:`note_metrics` returns, of some rows (bool [rows]) or all."""
        chosen = np.ones(len(self.known), bool) if rows is None else np.asarray(rows, bool)
        kept = np.flatnonzero(chosen & self.known)
        values, counts = self.values[kept], self.counts[kept]
        defined = ~np.isnan(values)
        columns = np.concatenate([np.where(defined, values, 0.0), defined], axis=1)
        sums = bootstrap.sums_by_group(bootstrap.group_codes(groups, kept), columns)

        def means(sums: np.ndarray) -> np.ndarray:
            return sums[..., : len(self.names)] / sums[..., len(self.names) :]

        figures = bootstrap.intervals(means, sums, resamples, seed)
        return {
            "metrics": dict(zip(self.names, figures, strict=True)),
            "num_rows": len(kept), "num_groups": len(sums),
            "num_left_out": int((chosen & ~self.known).sum()),
            "num_empty_references": int((counts[:, 0] == 0).sum()),
            "num_notes": int(counts[:, 0].sum()), "num_predicted": int(counts[:, 1].sum()),
        }  # fmt: skip


def measured(rows: Sequence[dict[str, float] | None], counts: Sequence[tuple[int, int]]) -> Measured:
    """Metrics of rows, None for no reference, as one table."""
    names = tuple(dict.fromkeys(name for row in rows if row is not None for name in row))
    values = [[np.nan if row is None else row.get(name, np.nan) for name in names] for row in rows]
    known = np.array([row is not None for row in rows], bool)
    table = np.array(values, np.float64).reshape(len(rows), len(names))
    return Measured(names, table, known, np.array(counts, np.int64).reshape(-1, 2))


def match(
    predictions: Sequence[Any], references: Sequence[Any], pedals: Sequence[Any] | None = None,
    brief: bool = False,
) -> Measured:  # fmt: skip
    """Match and measure every row; arguments and errors as :func:`note_metrics`."""
    bootstrap.check_rows(predictions=predictions, references=references, pedals=pedals)
    rows: list[dict[str, float] | None] = []
    counts = []
    for number, (guess, truth) in enumerate(zip(predictions, references, strict=True)):
        if guess is None:
            raise UsageError(f"row {number}: no predicted notes; an empty list says that there are none")
        estimate = notes_of(guess, number, "predicted")
        reference = None if truth is None else notes_of(truth, number)
        sides = () if pedals is None else pedals[number]
        down = [np.array(side, np.float64).reshape(-1, 2) for side in sides] or None
        rows.append(None if reference is None else row_metrics(reference, estimate, down, brief))
        counts.append((0 if reference is None else len(reference), len(estimate)))
    return measured(rows, counts)


def note_metrics(
    predictions: Sequence[Any], references: Sequence[Any], groups: Sequence[Any] | None = None,
    pedals: Sequence[Any] | None = None, resamples: int = bootstrap.RESAMPLES, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Score transcribed notes.

    Args:
        predictions: lists of dicts ``onset_sec, offset_sec, pitch, velocity``, one list a row.
        references: the same, with or without ``key_up_sec``; None leaves the row out.
        groups: names, one a row; None: each row is its own.
        pedals: of each row ``(reference, estimate)``, lists of ``(down, up)`` in seconds; None: not compared.
        resamples, seed: of the intervals, see :mod:`sousa.training.metrics.bootstrap`.

    Returns: dict: ``metrics``, dict of name to ``{"value", "low", "high"}``: ``f1``, ``precision`` and
        ``recall`` of ``onset``, ``onset_velocity``, ``onset_offset_C`` and ``onset_offset_velocity_C``,
        ``frame_C`` with C a convention, ``pedal``; ``onset_f1_Tms``, ``note_accuracy``, ``timing_ms``,
        ``timing_bias_ms``; ``num_rows``, ``num_groups``, ``num_left_out``, ``num_empty_references``,
        ``num_notes``, ``num_predicted``.
    Raises: UsageError when numbers of rows differ, a prediction is None, or a note is not as it should be.
    """
    return match(predictions, references, pedals).score(groups, None, resamples, seed)
