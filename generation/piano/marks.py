"""What the picture of a piece shows beside its notes and pedal: beats and bars."""

from collections.abc import Mapping
from typing import Any

from sousa.generation.plot import Marks


def marks(row: Mapping[str, Any]) -> Marks:
    """See :meth:`sousa.generation.corpus.Corpus.marks`."""
    beats = row.get("beats") or []
    bars = [beat["onset_sample"] for beat in beats if beat["position"] == 0]
    return Marks([beat["onset_sample"] for beat in beats], bars)
