"""Labels of a row at every level: frames, strokes, bars; placed in the audio that the row gives.

Conventions
-----------
A row may be a part of its clip (``start_sample``, in samples at ``file_rate``) and at another rate
(``sampling_rate``); labels in the dataset are in samples of the whole clip. Here all times count from
the beginning of the row's audio, and an onset is inside when ``0 <= time < length of the audio``; what
lies outside a crop is left out. Resampling moves nothing: sample 0 stays where it is.

Frame ``i`` covers ``[i * hop, (i + 1) * hop)`` seconds; an onset belongs to the frame that contains it.
The last frame may reach past the end of the audio. Places are computed in integers, so an onset on the
edge of two frames is in the later one, always.

Rows need the columns ``strokes``, ``measures``, ``num_samples`` and ``sample_rate``, or those fields of
them that a function names; a row without audio (``audio=None``) stands for its whole clip at its own rate.
A transform that stretches or shifts the audio is not known here. Hands are numbered as in ``HANDS``.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sousa.generation.errors import UsageError, one_of
from sousa.generation.segments import Segments
from sousa.generation.storage import atomic_file, output_path, refuse_others_file
from sousa.generation.text import drawing, drawn

Row = dict[str, Any]
COLUMNS = ("strokes", "measures", "num_samples", "sample_rate")
HANDS = ("R", "L")
# how a picture says that it is of this module, which may then replace it
_MARK, _TOLD = "sousa labels", {"png": "Software", "svg": "Creator"}
NO_TARGET = -100  # what torch's cross entropy leaves out
STROKE_FEATURES = (
    "time_sec", "interval_sec", "velocity", "timing_error_ms", "hand", "accent", "grace", "diddle", "buzz",
    "bounce", "measure_index", "measure_phase",
)  # fmt: skip


class Labels:
    """The strokes and bars of a row that lie in its audio.

    Args:
        row: what :func:`sousa.training.stream.open_rows` gives.

    Attributes:
        rate: Hz of the row's audio.
        num_samples, duration_sec: its length.
        strokes: dict of the fields of the strokes inside, in order of ``onset_sample``, arrays
            [strokes]; and ``sample`` int64, the sample of the row's audio that contains the onset, and
            ``time_sec`` float64.
        measures: dict of the fields of the bars that overlap the audio, arrays [bars]; and
            ``start_sec``, ``end_sec`` float64 (the grid's; a take's only bar ends with the clip), ``sample``
            int64 (of its beginning, negative before the audio) and ``is_whole`` bool: none of its strokes
            is outside.

    Raises: UsageError when columns are missing.
    """

    def __init__(self, row: Row):
        row = _Fields("", row)
        self.file_rate = int(row["sample_rate" if row.get("file_rate") is None else "file_rate"])
        self.rate = int(row.get("sampling_rate", self.file_rate))
        self.start = int(row.get("start_sample", 0))
        self.num_samples = len(row["audio"]) if "audio" in row else int(row["num_samples"])
        self.duration_sec = self.num_samples / self.rate
        self._row = row

    @cached_property
    def _onsets(self):
        """Samples of the file from the beginning of the audio to each stroke of the clip."""
        return _fields(self._row, "strokes")["onset_sample"] - self.start

    @cached_property
    def _kept(self):
        """Which strokes are inside, in order of time."""
        at = self._onsets
        kept = np.flatnonzero((at >= 0) & (at * self.rate < self.num_samples * self.file_rate))
        return kept[np.argsort(at[kept], kind="stable")]

    @cached_property
    def strokes(self) -> Row:
        kept, at = self._kept, self._onsets[self._kept]
        fields = {name: values[kept] for name, values in self._row["strokes"].items()}
        return _Fields("strokes.", fields, sample=self._sample(at), time_sec=at / self.file_rate)

    @cached_property
    def measures(self) -> Row:
        measures = _fields(self._row, "measures")
        at = measures["start_sample"] - self.start
        clip_end = int(self._row["num_samples"]) - self.start
        last = 2 * at[-1] - at[-2] if len(at) > 1 else clip_end  # the tempo is steady
        end = np.append(at[1:], last)[: len(at)]
        kept = np.flatnonzero((at * self.rate < self.num_samples * self.file_rate) & (end > 0))
        outside = np.delete(_fields(self._row, "strokes")["measure_index"], self._kept)
        return _Fields(
            "measures.", {name: values[kept] for name, values in measures.items()},
            sample=self._sample(at[kept]), start_sec=at[kept] / self.file_rate,
            end_sec=end[kept] / self.file_rate,
            is_whole=~np.isin(measures["index"][kept], outside),
        )  # fmt: skip

    def _sample(self, at):
        """The sample of the row's audio that contains a sample of the file."""
        return at * self.rate // self.file_rate

    def of_measure(self, index: int) -> Row:
        """Strokes of a bar by its index in the take, as :attr:`strokes`; graces are with their primary."""
        chosen = self.strokes["measure_index"] == index
        return {name: values[chosen] for name, values in self.strokes.items()}

    def num_frames(self, hop_sec: float = 0.01) -> int:
        """Frames that cover the audio."""
        step = _hop(hop_sec) * self.rate
        return -(-self.num_samples * step.denominator // step.numerator)

    def frames(self, hop_sec: float = 0.01) -> np.ndarray:
        """Frame of each stroke: int64 [strokes]; ``hop_sec`` such as 0.01, or 256 / 16000."""
        return self._frame(self._onsets[self._kept], hop_sec)

    def measure_frames(self, hop_sec: float = 0.01) -> np.ndarray:
        """Frame in which each bar of :attr:`measures` begins: int64 [bars], negative before the audio."""
        return self._frame(self.measures["start_sample"] - self.start, hop_sec)

    def _frame(self, at, hop_sec):
        step = _hop(hop_sec) * self.file_rate
        return at * step.denominator // step.numerator


class _Fields(dict):
    """Fields of a row, or of its strokes or bars (``where``); one that is missing is a UsageError."""

    def __init__(self, where: str, fields: Row, **more: Any):
        super().__init__((name, value) for name, value in fields.items() if value is not None)
        self.update(more)
        self.where = where

    def __missing__(self, name: str) -> Any:
        raise UsageError(f"the row has no {self.where}{name}; open the rows with columns={COLUMNS!r}")


def _fields(row: _Fields, name: str) -> _Fields:
    return _Fields(f"{name}.", row[name])


def _hop(hop_sec):
    """A hop as an exact fraction of seconds."""
    if not hop_sec > 0:
        raise UsageError(f"a hop of {hop_sec} s: give more than 0")
    return Fraction(hop_sec).limit_denominator(1_000_000)


def _hands(hand):
    return (np.asarray(hand) == HANDS[1]).astype(np.int64)


def _accents(strokes):
    """Which strokes are played as accents; before data version 5 those that are written so."""
    return strokes["is_accent_played" if "is_accent_played" in strokes else "is_accent"]


def stroke_features(row: Row, max_strokes: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Strokes as a sequence of numbers, padded.

    Args:
        max_strokes: length; only the first so many strokes are kept. None for as many as there are.

    Returns: ``(features, mask)``: float32 [max_strokes, 12], in the order of ``STROKE_FEATURES``, zeros where
        padded, and bool [max_strokes], true for strokes. ``time_sec`` counts from the beginning of the audio,
        ``interval_sec`` from the stroke before (0 for the first); ``velocity`` is the played MIDI velocity
        over 127; ``timing_error_ms`` is played - written, 0 for unintended strokes; ``hand`` is as in
        ``HANDS``; ``accent`` (as played), ``grace``, ``diddle`` (either stroke), ``buzz`` (a press) and
        ``bounce`` are 0 or 1; ``measure_index`` is the bar
        of the take; ``measure_phase`` the place on that bar's grid, 0 at its beginning and 1 at its end
        (a little outside where a stroke is early or late).
    """
    labels = Labels(row)
    strokes, measures = labels.strokes, labels.measures
    count, measure, kind = len(strokes["sample"]), strokes["measure_index"], strokes["stroke_type"]
    phase = np.zeros(count)
    if count and len(measures["sample"]):
        # a stroke just inside the audio may be of a bar that begins after it: the nearest bar's grid serves
        near = np.clip(measure - measures["index"][0], 0, len(measures["sample"]) - 1)
        first, last = (measures[name][near] for name in ("start_sec", "end_sec"))
        phase = (strokes["time_sec"] - first) / np.maximum(last - first, 1e-9)
    columns = (
        strokes["time_sec"], np.diff(strokes["time_sec"], prepend=strokes["time_sec"][:1]),
        strokes["actual_velocity"] / 127, np.nan_to_num(np.asarray(strokes["timing_error_ms"], float)),
        _hands(strokes["hand"]), _accents(strokes), strokes["is_grace_note"],
        ~np.isnan(np.asarray(strokes["diddle_position"], float)), kind == "buzz", kind == "bounce", measure,
        phase,
    )  # fmt: skip
    size = count if max_strokes is None else int(max_strokes)
    out, mask = np.zeros((size, len(STROKE_FEATURES)), np.float32), np.arange(size) < count
    kept = min(count, size)
    out[:kept] = np.stack([np.asarray(values, np.float32) for values in columns], axis=1)[:kept]
    return out, mask


def pad_strokes(rows: Sequence[Row], max_strokes: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """:func:`stroke_features` of several rows: float32 [rows, longest, 12] and bool [rows, longest]."""
    parts = [stroke_features(row, max_strokes) for row in rows]
    size = max((len(mask) for _, mask in parts), default=0)
    features = np.zeros((len(parts), size, len(STROKE_FEATURES)), np.float32)
    masks = np.zeros((len(parts), size), bool)
    for i, (values, mask) in enumerate(parts):
        features[i, : len(mask)], masks[i, : len(mask)] = values, mask
    return features, masks


def frame_targets(row: Row, hop_sec: float = 0.01) -> dict[str, np.ndarray]:
    """What happens in each frame.

    Args:
        hop_sec: length of a frame, s.

    Returns: dict of ``onset``, ``accent``, ``grace`` float32 [frames], 1 where a frame contains such a
        stroke, else 0; and ``hand`` int64 [frames], as in ``HANDS``, of the loudest stroke of the frame (the
        first of equals), ``NO_TARGET`` (-100) where there is no onset.
    """
    labels = Labels(row)
    strokes, at, size = labels.strokes, labels.frames(hop_sec), labels.num_frames(hop_sec)
    out = {name: np.zeros(size, np.float32) for name in ("onset", "accent", "grace")}
    out["onset"][at] = 1
    out["accent"][at[_accents(strokes)]] = 1
    out["grace"][at[strokes["is_grace_note"]]] = 1
    hand = np.full(size, NO_TARGET, np.int64)
    # of those in one frame the last one written stays
    order = np.lexsort((-np.arange(len(at)), strokes["actual_velocity"]))
    hand[at[order]] = _hands(strokes["hand"])[order]
    return {**out, "hand": hand}


def measure_summaries(row: Row) -> dict[str, np.ndarray]:
    """What is heard of each bar, from the strokes inside the audio.

    Returns: dict of arrays [bars]: ``index`` int64; ``start_sec``, ``end_sec`` float64; ``is_whole`` bool;
        ``num_strokes`` (with graces, bounces, and unintended ones), ``num_accents``, ``num_graces``,
        ``num_right``,
        ``num_left`` int64; of primaries (no graces, no bounces) ``velocity_mean``, MIDI velocity,
        ``timing_mean_error_ms`` and ``timing_std_ms`` (n - 1), ms, float64, NaN without (the last: with
        fewer than two). Of whole bars they equal the fields of ``measures``.
    """
    labels = Labels(row)
    strokes, measures = labels.strokes, labels.measures
    index, grace, hand = measures["index"], strokes["is_grace_note"], _hands(strokes["hand"])
    inside = strokes["measure_index"][None] == index[:, None]  # [bars, strokes]
    main = ~grace & ~np.isin(strokes["stroke_type"], ("bounce", "stray"))
    bar, stroke = np.nonzero(inside & main)
    primaries, error = Segments(bar, len(index)), strokes["timing_error_ms"][stroke]
    flags = {
        "num_strokes": np.ones(len(hand), bool), "num_graces": grace, "num_accents": _accents(strokes),
        "num_right": hand == 0, "num_left": hand == 1,
    }  # fmt: skip
    return {
        **{name: measures[name] for name in ("index", "start_sec", "end_sec", "is_whole")},
        **{name: (inside & flag).sum(1) for name, flag in flags.items()},
        "velocity_mean": primaries.mean(strokes["actual_velocity"][stroke]),
        "timing_mean_error_ms": primaries.mean(error),
        "timing_std_ms": primaries.std(error),
    }


def visualise(row: Row, path: str | PathLike[str]) -> None:
    """Draw a row's waveform with its strokes and bars; the ending of ``path`` says what kind of picture.

    Strokes: colour is the hand, height the velocity; accents are filled triangles, graces small open
    circles, others dots. Bars: dashed lines with their numbers.

    Raises: UsageError for a row without audio, a kind of picture that is not known, and where something
        stands that this function did not make.
    """
    from matplotlib.backend_bases import FigureCanvasBase
    from matplotlib.figure import Figure

    if row.get("audio") is None:
        raise UsageError("the row has no audio to draw; open the rows without audio=None")
    path, kind = output_path(path), Path(path).suffix.lstrip(".").lower() or "png"
    if kind not in (known := FigureCanvasBase.get_supported_filetypes()):
        raise UsageError(f"{path}: unknown kind of picture {one_of(kind, known)}")
    refuse_others_file(path, _MARK.encode() if kind in _TOLD else b"")
    labels, audio = Labels(row), np.asarray(row["audio"])
    strokes, measures = labels.strokes, labels.measures
    figure = Figure((max(8, min(1.8 * labels.duration_sec, 40)), 4.2), layout="constrained")
    wave, hits = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1.4))
    wave.plot(np.arange(len(audio)) / labels.rate, audio, color="0.6", linewidth=0.4)
    wave.set(ylabel="amplitude", xlim=(0, labels.duration_sec))
    hits.set(ylabel="velocity", xlabel="time (s)", ylim=(0, 135))
    hand, times, velocity = _hands(strokes["hand"]), strokes["time_sec"], strokes["actual_velocity"]
    accent, grace = _accents(strokes), strokes["is_grace_note"]
    kinds = (
        ("accent", accent, "^", 42, True), ("grace", grace, "o", 16, False),
        ("", ~(accent | grace), "o", 16, True),
    )  # fmt: skip
    for number, (name, colour) in enumerate((("right", "#0060b0"), ("left", "#d05000"))):
        mine = hand == number
        hits.vlines(times[mine], 0, velocity[mine], color=colour, linewidth=0.8)
        across = wave.get_xaxis_transform()  # seconds across, 0 to 1 up
        wave.vlines(times[mine], 0, 1, color=colour, linewidth=0.6, alpha=0.6, transform=across)
        for name_of_kind, chosen, marker, size, filled in kinds:
            chosen = chosen & mine
            if chosen.any():
                hits.scatter(
                    times[chosen], velocity[chosen], size, marker=marker, edgecolors=colour, zorder=3,
                    facecolors=colour if filled else "white", label=f"{name} {name_of_kind}".strip(),
                )  # fmt: skip
    for index, begin in zip(measures.get("index", ()), measures["start_sec"], strict=False):
        if 0 <= begin < labels.duration_sec:
            wave.axvline(begin, color="0.2", linewidth=0.9, linestyle="--")
            hits.axvline(begin, color="0.2", linewidth=0.9, linestyle="--")
            wave.text(begin, 1.01, f"bar {index}", transform=across, fontsize=8)
    if len(times):
        hits.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)
    if row.get("sample_id"):
        wave.set_title(drawn(row["sample_id"]), fontsize=9, loc="right", pad=14)  # above the numbers of bars
    with atomic_file(path) as file, drawing():
        figure.savefig(file, dpi=110, format=kind, metadata={_TOLD[kind]: _MARK} if kind in _TOLD else None)
