"""Parameters of synthesizers, and values of them that change in time.

Conventions
-----------
Natural values are in the parameter's own unit. Normalised values are 0 to 1 over its declared range:
evenly in the natural value for the scale ``linear``, evenly in its logarithm for ``log``. Times are seconds
from the beginning of the long signal.
"""

import math
from dataclasses import dataclass
from numbers import Real

import numpy as np

SCALES = ("linear", "log")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a synthesizer.

    Attributes:
        name: as in configurations.
        minimum, maximum: declared range, natural.
        default: natural value where a configuration says nothing.
        unit: of the natural value, empty for none.
        meaning: for people: what is heard when it grows.
        scale: linear or log; log needs a minimum above 0.
        varying: whether its value may be a :class:`Curve`.
        nyquist: whether it is a frequency that has to lie below half the sample rate.
    """

    name: str
    minimum: float
    maximum: float
    default: float
    unit: str
    meaning: str
    scale: str = "linear"
    varying: bool = False
    nyquist: bool = False

    def __post_init__(self):
        texts = (self.name, self.unit, self.meaning)
        if not self.name or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"name, unit and meaning of a parameter are {texts!r}; give texts, and a name")
        given = (self.minimum, self.maximum, self.default)
        if not all(isinstance(one, Real) and math.isfinite(one) for one in given):
            raise ValueError(f"range and default of {self.name} are {given!r}; give numbers")
        if self.scale not in SCALES:
            raise ValueError(f"scale of {self.name} is {self.scale!r}; give one of {', '.join(SCALES)}")
        if not self.minimum < self.maximum or (self.scale == "log" and self.minimum <= 0):
            raise ValueError(f"range of {self.name} is {self.minimum:g} to {self.maximum:g}")
        if not self.minimum <= self.default <= self.maximum:
            raise ValueError(f"default of {self.name} is {self.default:g}, outside its range")

    def natural(self, norm):
        """Natural value of a normalised one; numbers or arrays."""
        return between(self.minimum, self.maximum, norm, self.scale)

    def norm(self, natural):
        """Normalised value of a natural one; numbers or arrays."""
        if self.scale == "log":
            return np.log(np.asarray(natural) / self.minimum) / math.log(self.maximum / self.minimum)
        return (np.asarray(natural) - self.minimum) / (self.maximum - self.minimum)


def between(first, last, share, scale="linear"):
    """The value at a share (0 to 1) of the way from ``first`` to ``last``; numbers or arrays.

    Raises: ValueError for the scale log with ends that are not above 0.
    """
    if scale == "log":
        if first <= 0 or last <= 0:
            raise ValueError(f"log scale from {first:g} to {last:g}: both have to be above 0")
        value = first * (last / first) ** np.asarray(share, float)
    else:
        value = first + (last - first) * np.asarray(share, float)
    # the ends exactly, whatever rounding does
    value = np.where(np.asarray(share) == 1, last, np.where(np.asarray(share) == 0, first, value))
    return float(value) if np.ndim(share) == 0 else value


@dataclass(frozen=True)
class Curve:
    """A value that changes in time: straight lines between points, on the parameter's scale.

    Attributes:
        times: seconds, growing, of at least two points; before the first and after the last the value
            stays.
        values: natural, one a time.
        scale: linear or log: on what scale the lines are straight.
    """

    times: tuple
    values: tuple
    scale: str = "linear"

    def at(self, seconds):
        """Natural values at times in seconds: float64 array, as long as ``seconds``."""
        if self.scale == "log":
            return np.exp(np.interp(seconds, self.times, np.log(self.values)))
        return np.interp(seconds, self.times, self.values)

    @property
    def low(self):
        return min(self.values)

    @property
    def high(self):
        return max(self.values)


def at(value, seconds):
    """Values of a parameter at times: ``value`` a number or a Curve; float64 array as long as ``seconds``."""
    if isinstance(value, Curve):
        return value.at(seconds)
    return np.full(np.shape(seconds), float(value))


def highest(value):
    """The largest value a number or Curve takes."""
    return value.high if isinstance(value, Curve) else float(value)


def lowest(value):
    """The smallest value a number or Curve takes."""
    return value.low if isinstance(value, Curve) else float(value)
