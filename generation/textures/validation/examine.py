"""Measuring one shard of textures beside what any corpus's is measured by.

Conventions: as in :mod:`sousa.generation.validation`. A *signal* is one long signal, whose rows follow each
other and are heard together.
"""

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa

from sousa.generation.tables import numpy_column
from sousa.generation.textures import synth
from sousa.generation.textures.records.rows import Lists
from sousa.generation.textures.validation import expectations, labels, sound
from sousa.generation.validation import Examiner
from sousa.generation.validation.findings import Problems

_FLAT = ("sample_id", "sound", "setting_id", "synth", "chunk_index", "sample_rate", "num_events", "peak_db",
         "rms_db", "clipped_samples")  # fmt: skip
FEWEST_EVENTS = 4  # of which one can say that two rows have the same
INTERVALS = 32  # kept of a signal
_HEARD_SEC = 0.05  # after which an event is more than silence


class TexturesExaminer(Examiner):
    """Going through the rows of a shard in order, and hearing some signals."""

    def __init__(self, task: Any):
        super().__init__(task)
        self.unit = max(task.config.chunks, 1)
        self.media: list[dict] = []  # of each row that was heard
        # differences across borders of heard rows, and the largest beside them
        self.borders: list[tuple] = []
        self.trains: list[tuple] = []  # gaps of the events of heard signals
        self.last: Any = None  # (signal, chunk, samples) of the row before
        self.lists: dict[str, Lists] = {}

    def labels(self, group: pa.Table, first: int, problems: Problems) -> dict[str, Any]:
        self.lists = labels.check(self.task.config, group, problems)
        self.onsets = numpy_column(self.lists["events"].fields["onset_sample"])
        rows = [self.onsets[self.lists["events"].of(i)] for i in range(len(group))]
        swept = [f"param_{name}" for name, _ in self.task.config.swept]
        return {
            **{name: numpy_column(group[name]).astype(float) for name in swept},
            "pcm_digest": _digests(group["pcm_digest"].to_pylist()),
            "draws": _digests(group["draws"].to_pylist()),
            "onsets": np.array([_of_chance(onset) for onset in rows], np.int64),
            "promised_events": _promised(group, self.lists),
        }

    def hear(self, group: pa.Table, i: int, number: int, pcm: Any, problems: Problems) -> None:
        before, self.last = self.last, None
        if pcm is None:
            return
        row = {name: group[name][i].as_py() for name in _FLAT}
        onset, natural = self.onsets[self.lists["events"].of(i)], _naturals(self.lists["params"], i)
        signal, pcm = number // self.unit, pcm[:, 0]
        sound.check_level(row, pcm, problems)
        heard: dict[str, Any] = {
            "sound": row["sound"], "signal": signal, "samples": len(pcm), "silent": not pcm.any(),
            "centre": expectations.centre_error(row["synth"], natural, pcm, row["sample_rate"]),
        }  # fmt: skip
        has_events = row["num_events"] is not None
        # onsets that are out of order or range are reported elsewhere
        if has_events and (np.diff(onset, prepend=0, append=len(pcm) - 1) >= 0).all():
            heard["errors"], heard["allowed"] = sound.onset_errors(pcm, onset, row["sample_rate"])
            # one that begins with the last samples, or softer than half a step, is silent rightly
            early = len(onset) and onset[0] < len(pcm) - _HEARD_SEC * row["sample_rate"]
            if early and heard["silent"] and row["peak_db"] is None:
                problems.add("event_without_sound", row["sample_id"])
            gaps = np.diff(onset)[:INTERVALS]
            irregular = len(gaps) >= 2 * FEWEST_EVENTS and np.ptp(gaps) > 2
            if irregular and row["chunk_index"] == 0 and not _rate_moves(row["synth"], natural):
                self.trains.append((row["sound"], row["setting_id"], gaps.astype(np.float32)))
        if before is not None and before[:2] == (signal, row["chunk_index"] - 1):
            begins = has_events and (onset <= 1).any()  # an event may begin with a jump, there as anywhere
            if not begins and min(len(before[2]), len(pcm)) > sound.NEIGHBOURS:
                self.borders.append((row["sample_id"], *sound.border(before[2], pcm)))
        self.last = (signal, row["chunk_index"], pcm)
        self.media.append(heard)

    def measured(self) -> dict[str, list]:
        return {"media": self.media, "borders": self.borders, "trains": self.trains}


def _digest(data):
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little", signed=True)


def _digests(texts):
    known = {text: _digest(str(text).encode()) for text in set(texts)}
    return np.array([known[text] for text in texts], np.int64)


def _of_chance(onset):
    """A digest of onsets; 0 of few or even ones, which are given by their rate and beginning."""
    irregular = len(onset) >= FEWEST_EVENTS and np.ptp(np.diff(onset)) > 2
    return _digest(onset.tobytes()) if irregular else 0


def _promised(group, lists):
    """Events that each row should have on average by its parameters; NaN where nothing says so."""
    out, seconds = np.full(len(group), np.nan), numpy_column(group["duration_sec"])
    for row, name in enumerate(group["synth"].to_pylist()):
        rate = expectations.rate_parameter(synth.get(name))
        natural = _naturals(lists["params"], row)
        factor = expectations.rate_factor(name, natural)
        if rate is None or factor is None:
            continue
        parameter, per_second = rate
        value = natural.get(parameter.name)
        if value is None:
            curves, own = lists["curves"].fields, lists["curves"].of(row)
            mine = numpy_column(curves["name"][own]) == parameter.name
            value = numpy_column(curves["natural"][own]).astype(float)[mine]
        if np.size(value):
            out[row] = factor * per_second(value).mean() * seconds[row]
    return out


def _naturals(params, row):
    """Natural values of a row by parameter, without those that move."""
    names, values = (params.fields[name][params.of(row)].to_pylist() for name in ("name", "natural"))
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def _rate_moves(synth_name, natural):
    """Whether the rate of events may move in time: signals that move alike have a trend in common."""
    made_by = synth.get(synth_name)
    rate = expectations.rate_parameter(made_by)
    return rate[0].name not in natural if rate else len(natural) < len(made_by.parameters)
