"""The labels of published annotations, by instrument.

Sources: C. Southall et al., MDB Drums, ISMIR 2017 late-breaking (classes and subclasses); C. Dittmar and
D. Gärtner, DAFx 2014 (IDMT-SMT-Drums); the mapping of the Roland TD-11 and TD-17 on the page of the Groove
MIDI Dataset; O. Gillet and G. Richard, ENST-Drums, ISMIR 2006.
"""

import re
from collections.abc import Iterable

from sousa.generation.errors import UsageError, one_of

OTHER = "other"
INSTRUMENTS = ("snare", "kick", "hihat", "tom", "cymbal", OTHER)

_LABELS = {
    "mdb": {
        "snare": "SD SDB SDD SDF SDG SDNS",
        "kick": "KD",
        "hihat": "HH CHH OHH PHH",
        "tom": "TT LFT HFT MHT HIT",
        "cymbal": "CY RDC RDB CRC CHC SPC",
    },
    "idmt": {"snare": "SD", "kick": "KD", "hihat": "HH"},
    "groove": {
        "snare": "38 40 37",  # head, rim, cross-stick
        "kick": "36",
        "hihat": "22 26 42 44 46",
        "tom": "43 45 47 48 50 58",
        "cymbal": "49 51 52 53 55 57 59",
    },
    "enst": {
        "snare": "sd sd- rs cs",  # wires on, wires off, rim shot, cross-stick
        "kick": "bd",
        "hihat": "chh ohh",
        "tom": "mt mtr lmt lt ltr lft",
        "cymbal": "c cr ch rc spl",
    },
    "folder": {
        "snare": "snare sd s sn 37 38 40",  # notes of General MIDI
        "kick": "kick kd bd 35 36",
        "hihat": "hihat hi-hat hh chh ohh phh 42 44 46",
        "tom": "tom tt lt mt ht 41 43 45 47 48 50",
        "cymbal": "cymbal cy crash ride 49 51 52 53 55 57 59",
        OTHER: "other",
    },
}  # fmt: skip
# instruments of labels in lower case
_KNOWN = {
    layout: {label.lower(): name for name, labels in table.items() for label in labels.split()}
    for layout, table in _LABELS.items()
}


def instrument_of(layout: str, label: str) -> str | None:
    """The instrument that a label names.

    Returns: one of INSTRUMENTS. In a folder of the user's own, None for a label that names none (``R``,
        ``accent``) and for no label: a stroke of whatever the recording is of.
    """
    text = label.strip().lower()
    if layout == "enst":  # cymbals are numbered
        text = re.sub(r"\d+$", "", text)
    unknown = None if layout == "folder" else OTHER
    return _KNOWN[layout].get(text, unknown)


class Selection:
    """Which onsets are asked for.

    Args:
        instruments: names of INSTRUMENTS, or labels as the annotations write them; None: all.

    Raises: UsageError for what is neither.
    """

    def __init__(self, layout: str, instruments: Iterable[str] | None):
        self.layout = layout
        if isinstance(instruments, str):
            instruments = (instruments,)
        self.names = None if instruments is None else {str(name).strip() for name in instruments}
        if self.names is not None and not self.names:
            raise UsageError(
                f"instruments is empty; choose from {', '.join(INSTRUMENTS)}, or give None for all"
            )

    def __contains__(self, label: object) -> bool:
        if self.names is None:
            return True
        instrument = instrument_of(self.layout, str(label))
        if instrument is None:
            return str(label) in self.names or not self.names.isdisjoint(INSTRUMENTS)
        return str(label) in self.names or instrument in self.names

    def problems(self, labels: set[str]) -> list[str]:
        """A sentence for each name that is neither an instrument nor among these labels."""
        wrong = sorted((self.names or set()) - set(INSTRUMENTS) - labels)
        return [f"instruments: {one_of(name, (*INSTRUMENTS, *sorted(labels - {''})))}" for name in wrong]
