"""What the picture of a take shows beside its strokes: hands and accents in letters, beats and bars.

Conventions: a primary stroke is ``R`` or ``L``, an accent has ``>`` above it, and a grace is a small letter;
an unintended stroke is a small ``x``, and the bounces of a press have nothing. Beats lie on the grid
that strokes were written on, which a rendering may have sped up or slowed down.
"""

from collections.abc import Mapping
from math import floor
from typing import Any

from sousa.generation.plot import Marks
from sousa.generation.rudiments.score import beat_length


def marks(row: Mapping[str, Any]) -> Marks:
    """See :meth:`sousa.generation.corpus.Corpus.marks`."""
    strokes = row.get("strokes") or []
    minor = [s["parent_stroke_index"] is not None or s["stroke_type"] == "stray" for s in strokes]
    texts = [_text(stroke) for stroke in strokes]
    bars = [measure["start_sample"] for measure in row.get("measures") or []]
    return Marks(_beats(row, strokes, minor), bars, texts, minor)


def _text(stroke: Mapping[str, Any]) -> str:
    if stroke["stroke_type"] == "stray":
        return "x"
    if stroke["parent_stroke_index"] is None:
        accent = stroke.get("is_accent_played", stroke["is_accent"])  # before data version 5 all were made
        return (">\n" if accent else "") + stroke["hand"]
    return stroke["hand"].lower() if stroke["is_grace_note"] else ""


def _beats(row: Mapping[str, Any], strokes: list[dict[str, Any]], minor: list[bool]) -> list[float]:
    """Samples of all beats from the first to the end of the take: quarter notes, or dotted ones."""
    primaries = [stroke for stroke, small in zip(strokes, minor, strict=True) if not small]
    if not primaries or primaries[-1]["beat"] <= primaries[0]["beat"]:
        return []
    first, last = primaries[0], primaries[-1]
    samples = last["intended_sample"] - first["intended_sample"]
    quarter = samples / (last["beat"] - first["beat"])
    origin = first["intended_sample"] - first["beat"] * quarter
    beat = quarter * beat_length(row.get("metre") or "4/4")
    end = row.get("num_samples") or last["intended_sample"]
    return [origin + i * beat for i in range(floor((end - origin) / beat) + 1)]
