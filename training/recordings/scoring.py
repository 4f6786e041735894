"""Scores of a detector on recordings, by the onset protocol of mir_eval."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sousa.generation.errors import UsageError, raise_all
from sousa.generation.text import counted, one_line
from sousa.training.metrics import bootstrap, onset_metrics
from sousa.training.recordings.detectors import Detector
from sousa.training.recordings.reading import Recording
from sousa.training.transcription import recordings as sounds

WINDOWS_SEC = (0.02, 0.05)
_MAX_SEC = 30_000.0  # of mir_eval


def evaluate(
    recordings: Sequence[Recording], detect: Detector, windows_sec: Sequence[float] = WINDOWS_SEC,
    resamples: int = bootstrap.RESAMPLES, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Score a detector.

    Where other instruments sound (``has_other_drums``), precision counts their onsets as wrong, and recall
    ignores them. Recordings with and without them are therefore also scored apart.

    Args:
        recordings: of :func:`sousa.training.recordings.read`; at least one.
        detect: function of ``(audio, sample_rate)``, float32 (samples,) at the rate of the file and Hz, that
            returns seconds.
        windows_sec: within which an onset counts as detected, each above 0.
        resamples: of the bootstrap, which draws performances: versions of one are drawn together.
        seed: of the bootstrap.

    Returns: dict:
        ``windows``: dict of window (``"0.02"``) to ``f1``, ``precision``, ``recall``, the means over
            recordings, and ``pooled_f1``, ``pooled_precision``, ``pooled_recall``, over all onsets:
            ``{"value", "low", "high"}``.
        ``subsets``: the same by version, and by whether other instruments sound, where there are several.
        ``recordings``: list of dicts ``path``, ``layout``, ``version``, ``split``, ``has_other_drums``,
            ``num_onsets``, ``num_predicted``, ``predicted_sec``, and ``windows``: dict of window to ``f1``,
            ``precision``, ``recall``.
        ``num_rows``, ``num_groups``, ``num_onsets``, ``num_predicted``, ``num_empty_references``: recordings,
            performances, onsets, and recordings without onsets, which score 0.
    Raises: UsageError for sounds that can't be read, windows that are not above 0, and detectors that return
        something else than seconds.
    Source: mir_eval, ``onset.f_measure``.
    """
    if not recordings:
        raise UsageError("there are no recordings to evaluate on; read a directory that has some")
    if not windows_sec:
        raise UsageError("windows_sec is empty; give seconds, such as 0.02")
    long = [recording for recording in recordings if recording.duration_sec > _MAX_SEC]
    raise_all(
        f"{one_line(str(recording.path))} is {recording.duration_sec:,.0f} s long, of at most "
        f"{_MAX_SEC:,.0f}; cut it into parts"
        for recording in long
    )
    onset_metrics.match([], [], windows_sec)  # refuses windows before the work begins
    predictions = [_heard(recording, detect) for recording in recordings]
    matched = onset_metrics.match(predictions, [r.onsets_sec for r in recordings], windows_sec)
    groups = [f"{recording.layout}/{recording.group}" for recording in recordings]

    def scored(rows: np.ndarray | None = None) -> dict[str, Any]:
        scores = onset_metrics.matched_metrics(matched, groups, rows, resamples, seed)
        counts = ("num_rows", "num_groups", "num_onsets", "num_predicted", "num_empty_references")
        return {"windows": scores["tolerances"]} | {name: scores[name] for name in counts}

    subsets: dict[str, Any] = {}
    others = np.array([recording.has_other_drums for recording in recordings])
    versions = np.array([recording.version for recording in recordings])
    masks = {version: versions == version for version in sorted(set(versions.tolist()))}
    for parts in ({"alone": ~others, "among other instruments": others}, masks):
        kept = {name: rows for name, rows in parts.items() if rows.any()}
        if len(kept) > 1:
            subsets |= {name: scored(rows) for name, rows in kept.items()}
    return scored() | {"subsets": subsets, "recordings": _rows(recordings, predictions, matched)}


def _heard(recording: Recording, detect: Detector) -> np.ndarray:
    """What a detector finds in a recording, in order."""
    times = detect(sounds.read(recording.path, recording.sample_rate), recording.sample_rate)
    where = one_line(str(recording.path))
    try:
        out = np.sort(np.asarray(times, np.float64).reshape(-1))
    except (TypeError, ValueError):
        raise UsageError(f"{where}: the detector returned {type(times).__name__}; return seconds") from None
    wrong = out[~(np.abs(out) <= _MAX_SEC)]
    if len(wrong):
        raise UsageError(f"{where}: the detector returned {wrong[0]:g}; return seconds of the recording")
    return out


def _rows(
    recordings: Sequence[Recording], predictions: Sequence[np.ndarray], matched: onset_metrics.Matched
) -> list[dict[str, Any]]:
    _, by_window, _ = matched.split(matched.columns)
    out = []
    for number, (recording, times) in enumerate(zip(recordings, predictions, strict=True)):
        scores = {
            f"{window:g}": dict(zip(("f1", "precision", "recall"), values[1:, number].tolist(), strict=True))
            for window, values in zip(matched.tolerances, by_window, strict=True)
        }
        out.append({
            "path": str(recording.path), "layout": recording.layout, "version": recording.version,
            "split": recording.split, "has_other_drums": recording.has_other_drums,
            "num_onsets": len(recording.onsets_sec), "num_predicted": len(times),
            "predicted_sec": times.tolist(), "windows": scores,
        })  # fmt: skip
    return out


def summary(results: dict[str, dict[str, Any]]) -> str:
    """Results of :func:`evaluate` as lines, by name of the detector; scores over all onsets."""
    out = []
    for name, result in results.items():
        parts = {"": result, **result["subsets"]}
        for part, scores in parts.items():
            for window, values in scores["windows"].items():
                f1, precision, recall = (values[f"pooled_{key}"] for key in ("f1", "precision", "recall"))
                number = counted(scores["num_rows"], "recording")
                where = f", {one_line(part)}" if part else ""
                out.append(
                    f"{name}{where}: F1 {_shown(f1)} within {float(window) * 1000:g} ms, precision "
                    f"{_shown(precision, False)}, recall {_shown(recall, False)} ({number})"
                )
    return "\n".join(out)


def _shown(score: dict[str, float | None], bounds: bool = True) -> str:
    value, low, high = (score[key] for key in ("value", "low", "high"))
    if value is None:
        return "–"
    between = f" ({low:.3f}–{high:.3f})" if bounds and low is not None and high is not None else ""
    return f"{value:.3f}{between}"
