"""A row as a picture: its sound and its labelled events.

``draw`` draws what follows from the roles of a row's columns: events, notes with their pedal, parameters that
move, captions. A corpus adds beats and texts to it with :class:`Marks`. ``rows`` reads rows in the forms that
loaders give them.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Marks:
    """What a corpus adds to the picture of a row, beside what the roles of its columns say.

    Attributes:
        beats: where beats are, in samples.
        bars: where bars begin, in samples.
        texts: above each event, in the order of events; empty for none.
        minor: for each event whether it is drawn thin, with its text to the left, such as a grace note;
            empty for none.
    """

    beats: Sequence[float] = ()
    bars: Sequence[float] = ()
    texts: Sequence[str] = ()
    minor: Sequence[bool] = ()
