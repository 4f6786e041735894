"""The preview page of piano pieces, see :mod:`sousa.generation.preview`; ``js/`` draws a piano roll."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sousa.generation.columns import Column
from sousa.generation.piano import columns
from sousa.generation.piano.score import COMPLEXITIES
from sousa.generation.piano.settings import Config
from sousa.generation.preview import Preview

_NOTE = ("onset_sample", "key_up_sample", "end_sample", "pitch", "velocity", "voice", "kind", "name")
_SCRIPTS = Path(__file__).parent / "js"


def preview(config: Config, stored: tuple[Column, ...]) -> Preview:
    """See :meth:`sousa.generation.corpus.Corpus.preview`."""
    return Preview(
        groups=(("Piece and performance", columns.IDENTITY), ("Sound and acoustics", columns.SOUND)),
        filters=(
            ("Level", "complexity"), ("Player", "skill_tier"), ("Acoustics", "augmentation_preset"),
            ("Split", "split"),
        ),
        labels=_labels,
        lists=tuple(column.name for column in columns.NESTED),
        even=("complexity", "skill_tier", "augmentation_preset", "style"),
        scripts=(_SCRIPTS / "0_rows.js", _SCRIPTS / "4_labels.js"),
        meta={"levels": [*COMPLEXITIES, "unrated"], "tiers": list(config.tiers)},
    )  # fmt: skip


def _labels(row: Mapping[str, Any]) -> dict[str, Any]:
    notes: dict[str, Any] = {name: [note[name] for note in row["notes"]] for name in _NOTE}
    notes["hand"] = "".join(note["hand"][0] for note in row["notes"])
    return {
        "notes": notes,
        "missed": [[note["onset_beat"], note["pitch"]] for note in row["missed_notes"]],
        "pedal": [[move["sample"], move["value"]] for move in row["pedal"]],
        "beats": [[b["onset_sample"], b["beat"], b["bar"], b["position"]] for b in row["beats"]],
        "chords": [[c["onset_sample"], c["numeral"], c["local_key"]] for c in row["chords"]],
    }
