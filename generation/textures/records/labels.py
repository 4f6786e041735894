"""What a corpus says of its parameters, beyond their values in each row: one place for all formats.

Conventions: *natural* values are the synthesizer's own, *user* values the labels of the configuration; see
:mod:`sousa.generation.textures.settings`. Ranges of swept parameters keep the order of the configuration, so
the first end may be the higher one.
"""

import math
from dataclasses import dataclass

from sousa.generation.textures.settings import Axis


@dataclass(frozen=True)
class Label(Axis):
    """One parameter of one sound; of one that is not swept, an axis over its natural range without labels.

    Attributes:
        minimum, maximum: natural range in the corpus: from one end of a sweep to the other, or what a
            moving parameter covers, or the declared range of the others.
        count: values of a sweep, 0 where they are drawn from a range, 1 of fixed and default parameters.
        role: as in the column ``params``: swept, fixed, moving or default.
        unit: of natural values.
        meaning: what the synthesizer says of it.
        nyquist: whether it is a frequency in Hz.
    """

    role: str
    unit: str
    meaning: str
    nyquist: bool


def labels(config):
    """Labels of all parameters: dict of sound name to a dict of parameter name to :class:`Label`."""
    return {sound.name: _of_sound(sound, config.parameters[sound.synth]) for sound in config.sounds}


def _of_sound(sound, parameters):
    axes, fixed, moving = ({x.name: x for x in xs} for xs in (sound.axes, sound.fixed, sound.moving))
    result = {}
    for p in parameters:
        if axis := axes.get(p.name):
            role, count = "swept", len(axis.values or ()) or axis.count or 0
        else:
            value = fixed.get(p.name)
            role = "moving" if p.name in moving else "fixed" if value else "default"
            ends = moving[p.name].ends if role == "moving" else (p.minimum, p.maximum)
            given = ("norm", 0.0, 1.0) if value and value.units == "norm" else ("natural", *ends)
            doc, count = value.user_doc if value else "", int(role != "moving")
            axis = Axis(p.name, "", doc, *ends, *ends, count, p.scale, None, *given)
        fields = vars(axis) | {"count": count}
        result[p.name] = Label(**fields, role=role, unit=p.unit, meaning=p.meaning, nyquist=p.nyquist)
    return result


def midi_number(frequency_hz):
    """Nearest MIDI note number of a frequency, or None for one that is not above 0."""
    if frequency_hz is None or frequency_hz <= 0:
        return None
    return round(12 * math.log2(frequency_hz / 440)) + 69
