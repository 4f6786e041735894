"""The preview page of textures, see :mod:`sousa.generation.preview`; ``js/`` says what a row is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sousa.generation.columns import Column
from sousa.generation.preview import GENERAL, Preview
from sousa.generation.textures.columns import AFTER, BEFORE, EVENT, FRAME_RATE_HZ
from sousa.generation.textures.settings import Config

_LISTS = ("params", "curves", "events")
_PARAM = ("name", "role", "natural", "unit", "user_name", "user", "norm")


def preview(config: Config, stored: tuple[Column, ...]) -> Preview:
    """See :meth:`sousa.generation.corpus.Corpus.preview`."""
    return Preview(
        groups=(("Row", BEFORE), ("Sound", tuple(c for c in AFTER if c.name not in (*_LISTS, "audio")))),
        filters=(("Sound", "sound"), ("Synthesizer", "synth"), ("Split", "split"), ("Held out", "held_out")),
        labels=_labels,
        lists=_LISTS,
        even=("sound", "setting_index"),
        scripts=(Path(__file__).parent / "js" / "0_rows.js", GENERAL / "4_labels.js"),
        folded=("Row", "Sound"),
        darkest_db=-6,
        meta={
            "sounds": [sound.name for sound in config.sounds], "frame_rate_hz": FRAME_RATE_HZ,
            "examples": config.examples,
        },
    )  # fmt: skip


def _labels(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the page's scripts are told of a row: frames of a curve stand under its parameter's name."""
    curves: dict[str, Any] = {}
    for frame in row["curves"]:
        curve = curves.setdefault(frame["name"], {"natural": [], "norm": []})
        curve["natural"].append(frame["natural"])
        curve["norm"].append(frame["norm"])
    events = row["events"] or ()
    return {
        "params": [{name: parameter[name] for name in _PARAM} for parameter in row["params"]],
        "curves": curves,
        "events": {column.name: [event[column.name] for event in events] for column in EVENT},
    }
