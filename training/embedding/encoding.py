"""Rows through one encoder: a table of vectors, and failures, with nothing written."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from sousa.generation.errors import RunError, first_line
from sousa.training.audio import decode
from sousa.training.embedding import layout, windows
from sousa.training.embedding.inputs import Inputs
from sousa.training.embedding.layout import Failure
from sousa.training.embedding.towers import LEAST_SEC

_AT_ONCE = 64  # windows that are gathered before an encoder takes them, so that those of a length go together


def embed_sounds(
    tower: Any, name: str, inputs: Inputs, rows: Sequence[int], workers: int,
    limits: tuple[float | None, float | None] = (None, None), done: Callable[[float], Any] = lambda sec: None,
) -> tuple[pa.Table, list[Failure]]:  # fmt: skip
    """Windows of the sounds of rows: a table of :func:`sousa.training.embedding.layout.audio_schema`.

    Args:
        name: of the encoder.
        rows: numbers of rows.
        workers: threads that read sounds ahead.
        limits: shortest and longest sound, seconds; None for any.
        done: is told seconds of sound.

    Returns: the table, and failures in order of rows.
    """
    ids = inputs.table["sample_id"].take(rows).to_pylist()
    spans: list[tuple[int, int, int]] = []  # place of the row, first sample, sample after the last
    vectors: list[np.ndarray] = []
    reasons: dict[int, str] = {}
    pending: list[np.ndarray] = []

    def flush() -> None:
        if pending:
            vectors.append(_encoded(tower, pending))
            pending.clear()

    with ThreadPoolExecutor(workers) as pool:
        sounds = _ahead(pool, lambda row: _sound(inputs, row, tower.sample_rate, limits), rows, 2 * workers)
        for place, audio in enumerate(sounds):
            if isinstance(audio, str):
                reasons[place] = audio
                done(0.0)
                continue
            for start, stop in windows.spans(len(audio), tower.sample_rate, tower.window_sec, tower.hop_sec):
                spans.append((place, start, stop))
                pending.append(audio[start:stop])
            if len(pending) >= _AT_ONCE:
                flush()
            done(len(audio) / tower.sample_rate)
        flush()
    values = np.concatenate(vectors) if vectors else np.zeros((0, tower.dim), np.float32)
    for (place, start, _), vector in zip(spans, values, strict=True):
        if place not in reasons and (problem := layout.vector_problem(vector)):
            reasons[place] = f"the vector of the window at {start / tower.sample_rate:.2f} s {problem}"
    kept = [i for i, (place, _, _) in enumerate(spans) if place not in reasons]
    numbers: Counter[int] = Counter()
    columns: dict[str, list[Any]] = {"sample_id": [], "window": [], "start_sec": [], "end_sec": []}
    for place, start, stop in (spans[i] for i in kept):
        columns["sample_id"].append(ids[place])
        columns["window"].append(numbers[place])
        columns["start_sec"].append(start / tower.sample_rate)
        columns["end_sec"].append(stop / tower.sample_rate)
        numbers[place] += 1
    schema = layout.audio_schema(tower.dim)
    table = pa.table([*columns.values(), layout.column_of(values[kept])], schema=schema)
    return table, [Failure(ids[place], name, reasons[place]) for place in sorted(reasons)]


def _sound(
    inputs: Inputs, row: int, rate: int, limits: tuple[float | None, float | None]
) -> np.ndarray | str:
    """The sound of a row at a rate, or why there is none."""
    try:
        data = inputs.sound(row)
    except RunError as error:
        return str(error)
    try:
        audio = decode(data, rate)[0]
    except (RuntimeError, TypeError, ValueError) as error:
        # libsndfile's own text would name where in memory the sound is
        return f"broken sound: {getattr(error, 'error_string', None) or first_line(error)}"
    if not np.isfinite(audio).all():
        return "broken sound: it has samples that are no numbers"
    seconds, (least, most) = len(audio) / rate, limits
    if seconds < (shortest := max(least or 0.0, LEAST_SEC)):
        return f"too short: {seconds:.2f} s, of at least {shortest:g}"
    if most is not None and seconds > most + windows.SLACK_SEC:
        return f"too long: {seconds:.2f} s, of at most {most:g}"
    return np.ascontiguousarray(audio, np.float32)


def _ahead(pool: Any, function: Callable[[int], Any], items: Iterable[int], depth: int) -> Iterator[Any]:
    """Results in order, computed by a pool at most ``depth`` ahead."""
    waiting: deque[Any] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) > depth:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _encoded(tower: Any, items: Sequence[Any]) -> np.ndarray:
    try:
        return tower(items)
    except torch.OutOfMemoryError:
        raise RunError("the device has not enough memory; give a smaller --batch-size") from None


def embed_texts(
    tower: Any, name: str, inputs: Inputs, rows: Sequence[int], done: Callable[[int], Any] = lambda rows: None
) -> tuple[pa.Table, list[Failure]]:
    """Texts of rows: a table of :func:`sousa.training.embedding.layout.text_schema`; arguments as above."""
    ids = dict(zip(rows, inputs.table["sample_id"].take(rows).to_pylist(), strict=True))
    entries = list(inputs.texts(rows))
    unlike = list(dict.fromkeys(entry["text"] for entry in entries))  # the same text has the same vector
    values = _encoded(tower, unlike) if unlike else np.zeros((0, tower.dim), np.float32)
    of_text = dict(zip(unlike, values, strict=True))
    reasons = {entry["row"]: problem for entry in entries
               if (problem := layout.vector_problem(of_text[entry["text"]]))}  # fmt: skip
    entries = [entry | {"sample_id": ids[entry["row"]]} for entry in entries if entry["row"] not in reasons]
    schema = layout.text_schema(tower.dim)
    kept = np.stack([of_text[e["text"]] for e in entries]) if entries else np.zeros((0, tower.dim))
    columns = [[entry[field.name] for entry in entries] for field in schema if field.name != "embedding"]
    table = pa.table([*columns, layout.column_of(kept)], schema=schema)
    there = {entry["row"] for entry in entries}
    lost = [row for row in rows if row not in there]
    done(len(rows))
    why = {row: f"the vector of a text {reasons[row]}" if row in reasons else "no text" for row in lost}
    return table, [Failure(ids[row], name, why[row]) for row in lost]
