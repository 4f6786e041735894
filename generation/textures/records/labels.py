"""What a corpus says of its parameters, beyond their values in each row: one place for all formats.

Conventions: *natural* values are the synthesizer's own, *user* values the labels of the configuration; see
:mod:`sousa.generation.textures.settings`. Ranges of swept parameters keep the order of the configuration, so
the first end may be the higher one.
"""

import math
from dataclasses import dataclass

from sousa.generation.textures import synth


@dataclass(frozen=True)
class Label:
    """One parameter of one sound.

    Attributes:
        name, role: as in the column ``params``: swept, fixed, moving or default.
        unit: of natural values; meaning: what the synthesizer says of it; scale: of its declared range.
        minimum, maximum: natural range in the corpus: from one end of a sweep to the other, or what a
            moving parameter covers, or the declared range of the others.
        user_name, user_doc: as the configuration calls it, or empty.
        user_min, user_max: what labels say at the ends; of what is not swept, the natural range.
        count: values of a sweep, 0 where they are drawn from a range, 1 of fixed and default parameters.
        units, given_min, given_max: the range as the configuration gave it, norm or natural.
        is_natural: whether the labels are the natural values.
        nyquist: whether it is a frequency in Hz.
        values: of a sweep that lists them one by one.
    """

    name: str
    role: str
    unit: str
    meaning: str
    scale: str
    minimum: float
    maximum: float
    user_name: str
    user_doc: str
    user_min: float
    user_max: float
    count: int
    units: str
    given_min: float
    given_max: float
    is_natural: bool
    nyquist: bool
    values: tuple[float, ...] = ()

    @property
    def low(self):
        """Lowest natural value in the corpus."""
        return min(self.minimum, self.maximum, *self.values)

    @property
    def high(self):
        """Highest natural value in the corpus."""
        return max(self.minimum, self.maximum, *self.values)


def labels(config):
    """Labels of all parameters: dict of sound name to a dict of parameter name to :class:`Label`."""
    return {sound.name: _of_sound(sound) for sound in config.sounds}


def _of_sound(sound):
    axes = {axis.name: axis for axis in sound.axes}
    fixed = {one.name: one for one in sound.fixed}
    moving = {one.name: one for one in sound.moving}
    found = {}
    for p in synth.get(sound.synth).parameters:
        if p.name in axes:
            own = _swept(axes[p.name])
        elif p.name in moving:
            own = _between("moving", *_covered(moving[p.name]), 0)
        else:
            own = _between("fixed" if p.name in fixed else "default", p.minimum, p.maximum, 1)
        if p.name in fixed:
            own["user_doc"] = fixed[p.name].user_doc
            if fixed[p.name].units == "norm":
                own |= {"units": "norm", "given_min": 0.0, "given_max": 1.0}
        found[p.name] = Label(
            name=p.name, unit=p.unit, meaning=p.meaning, scale=p.scale,
            nyquist=p.nyquist, **own,
        )  # fmt: skip
    return found


def _swept(axis):
    ends = (axis.minimum, axis.maximum)
    return {
        "role": "swept", "minimum": axis.minimum, "maximum": axis.maximum, "values": axis.values or (),
        "user_name": axis.user_name, "user_doc": axis.user_doc,
        "user_min": axis.user_min, "user_max": axis.user_max,
        "count": len(axis.values) if axis.values else axis.count or 0,
        "units": axis.units, "given_min": axis.given_min, "given_max": axis.given_max,
        "is_natural": (axis.user_min, axis.user_max) == ends,  # on any scale, see space
    }  # fmt: skip


def _between(role, low, high, count):
    return {
        "role": role, "minimum": low, "maximum": high, "user_name": "", "user_doc": "",
        "user_min": low, "user_max": high, "count": count,
        "units": "natural", "given_min": low, "given_max": high, "is_natural": True,
    }  # fmt: skip


def _covered(moving):
    values = [value for _, value in moving.points] if moving.shape == "points" else []
    values = values or [moving.minimum, moving.maximum]
    return min(values), max(values)


def midi_number(frequency_hz):
    """Nearest MIDI note number of a frequency, or None for one that is not above 0."""
    if frequency_hz is None or frequency_hz <= 0:
        return None
    return round(12 * math.log2(frequency_hz / 440)) + 69
