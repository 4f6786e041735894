"""The preview page of rudiments, see :mod:`sousa.generation.preview`; ``js/`` draws strokes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sousa.generation.columns import Column
from sousa.generation.preview import Preview
from sousa.generation.rudiments import columns
from sousa.generation.rudiments.settings import Config

_STROKE = (
    "onset_sample", "intended_sample", "hand", "written_hand", "stroke_type", "is_accent", "is_accent_played",
    "actual_velocity", "timing_error_ms", "parent_stroke_index", "mistake",
)  # fmt: skip
_SCRIPTS = Path(__file__).parent / "js"


def preview(config: Config, stored: tuple[Column, ...]) -> Preview:
    """See :meth:`sousa.generation.corpus.Corpus.preview`."""
    return Preview(
        groups=(
            ("Take", columns.IDENTITY), ("Scores", columns.SCORES), ("Sound and acoustics", columns.SOUND),
            ("Player", columns.PLAYER),
        ),
        filters=(
            ("Rudiment", "form"), ("Tier", "skill_tier"), ("Acoustics", "augmentation_preset"),
            ("Split", "split"),
        ),
        labels=_labels,
        lists=("measures", "strokes", "omissions"),
        even=("augmentation_preset", "skill_tier", "rudiment_slug", "variant"),
        scripts=(_SCRIPTS / "0_rows.js", _SCRIPTS / "4_labels.js"),
        folded=("Player",),
        darkest_db=-20,  # drums spread their energy over all pitches, so a bin is some 20 dB below the whole
        meta={"tiers": list(config.tiers)},
    )  # fmt: skip


def _labels(row: Mapping[str, Any]) -> dict[str, Any]:
    strokes: dict[str, Any] = {name: [stroke.get(name) for stroke in row["strokes"]] for name in _STROKE}
    if None in strokes["is_accent_played"]:  # before data version 5 all were made
        strokes["is_accent_played"], strokes["written_hand"] = strokes["is_accent"], list(strokes["hand"])
    strokes["hand"] = "".join(strokes["hand"])
    for name in ("is_accent", "is_accent_played"):
        strokes[name] = [int(value) for value in strokes[name]]
    left_out = row.get("omissions") or []
    omissions = [{"hand": o["written_hand"], "sample": o["intended_sample"]} for o in left_out]
    bars = [measure["start_sample"] for measure in row["measures"]]
    return {"bars": bars, "strokes": strokes, "omissions": omissions}
