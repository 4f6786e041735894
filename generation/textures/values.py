"""Parameters of synthesizers, and values of them that change in time.

Conventions: natural values are in the parameter's own unit. Normalised values are 0 to 1 over its declared
range: evenly in the natural value for the scale ``linear``, evenly in its logarithm for ``log``. Axes and
curves may also be even in the square root (``sqrt``) and, for frequencies in Hz, in mel (``mel``, 2595
log10(1 + f / 700); O'Shaughnessy, Speech Communication, 1987). Times are seconds from the beginning of the
long signal.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np

Values = Any  # a number, or an array of them
# each scale: the way to where it is even, the way back, and the value below which there is none
_SCALES: dict[str, tuple[Any, Any, float]] = {
    "linear": (np.asarray, np.asarray, -math.inf),
    "log": (np.log, np.exp, 0.0),
    "sqrt": (np.sqrt, np.square, 0.0),
    "mel": (lambda hz: np.log1p(np.asarray(hz) / 700.0), lambda mel: 700.0 * np.expm1(mel), 0.0),
}
SCALES = tuple(_SCALES)
DECLARED_SCALES = ("linear", "log")  # of parameters: what readers of norm values have to know


def has_scale(value: float, scale: str) -> bool:
    """Whether a value lies on a scale: log needs one above 0, sqrt and mel one of 0 or more."""
    return value > 0 if scale == "log" else value >= _SCALES[scale][2]


def share_of(first: float, last: float, value: Values, scale: str = "linear") -> Values:
    """How far values are on the way from ``first`` to ``last``, 0 to 1: undoes :func:`between`."""
    onto = _SCALES[scale][0]
    return (onto(value) - onto(first)) / (onto(last) - onto(first))


@dataclass(frozen=True)
class Parameter:
    """One parameter of a synthesizer.

    Attributes:
        name: as in configurations; text without points, because columns are named after it.
        minimum, maximum: declared range, natural.
        default: natural value where a configuration says nothing.
        unit: of the natural value, empty for none.
        meaning: for people: what is heard when it grows.
        scale: linear or log; log needs a minimum above 0.
        varying: whether its value may be a :class:`Curve`.
        nyquist: whether it is a frequency that has to lie below half the sample rate.
        whole: whether it takes whole numbers alone, such as a count; it can't be varying then.
        strict: whether natural values outside the range are refused; old-style classes never checked theirs.
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
    whole: bool = False
    strict: bool = True

    def __post_init__(self) -> None:
        texts = (self.name, self.unit, self.meaning)
        if not self.name or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"name, unit and meaning of a parameter are {texts!r}; give texts, and a name")
        numbers = (self.minimum, self.maximum, self.default)
        if not all(isinstance(number, Real) and math.isfinite(number) for number in numbers):
            raise ValueError(f"range and default of {self.name} are {numbers!r}; give numbers")
        if self.scale not in DECLARED_SCALES:
            scales = ", ".join(DECLARED_SCALES)
            raise ValueError(f"scale of {self.name} is {self.scale!r}; give one of {scales}")
        if not self.minimum < self.maximum or (self.scale == "log" and self.minimum <= 0):
            raise ValueError(f"range of {self.name} is {self.minimum:g} to {self.maximum:g}")
        if self.whole and (self.varying or any(number != round(number) for number in numbers)):
            raise ValueError(
                f"{self.name} takes whole numbers: so are its range and default, and it can't move"
            )
        if not self.takes(self.default):
            raise ValueError(f"default of {self.name} is {self.default:g}, outside its range")

    def has(self, natural: float) -> bool:
        """Whether a natural value lies in the range."""
        return self.minimum <= natural <= self.maximum

    def takes(self, natural: float) -> bool:
        """Whether a configuration may give a natural value."""
        return self.has(natural) or (not self.strict and math.isfinite(natural))

    def over(self, values: Iterable[float]) -> "Parameter":
        """The same with its range widened to hold natural values, unless it is strict."""
        ends = (self.minimum, self.maximum, *values)
        return self if self.strict else replace(self, minimum=min(ends), maximum=max(ends))

    def natural(self, norm: Values) -> Values:
        """Natural value of a normalised one; numbers or arrays."""
        return between(self.minimum, self.maximum, norm, self.scale)

    def norm(self, natural: Values) -> Values:
        """Normalised value of a natural one; numbers or arrays."""
        if self.scale == "log":
            return np.log(np.asarray(natural) / self.minimum) / math.log(self.maximum / self.minimum)
        return (np.asarray(natural) - self.minimum) / (self.maximum - self.minimum)


def between(first: float, last: float, share: Values, scale: str = "linear") -> Values:
    """The value at a share (0 to 1) of the way from ``first`` to ``last``; numbers or arrays.

    Raises: ValueError for ends that are not on the scale, such as 0 for log.
    """
    if not (has_scale(first, scale) and has_scale(last, scale)):
        raise ValueError(f"{scale} scale from {first:g} to {last:g}: both have to be above 0")
    share = np.asarray(share, float)
    if scale == "log":
        value = first * (last / first) ** share
    elif scale == "linear":
        value = first + (last - first) * share
    else:
        onto, back, _ = _SCALES[scale]
        value = back(onto(first) + (onto(last) - onto(first)) * share)
    # the ends exactly, whatever rounding does
    value = np.where(share == 1, last, np.where(share == 0, first, value))
    return float(value) if np.ndim(share) == 0 else value


@dataclass(frozen=True)
class Curve:
    """A value that changes in time: straight lines between points, on the parameter's scale.

    Attributes:
        times: seconds, growing, of at least two points; before the first and after the last the value stays.
        values: natural, one a time.
        scale: one of SCALES: on what scale the lines are straight.
    """

    times: tuple[float, ...]
    values: tuple[float, ...]
    scale: str = "linear"

    def at(self, seconds: np.ndarray) -> np.ndarray:
        """Natural values at times in seconds: float64 array, as long as ``seconds``."""
        onto, back, _ = _SCALES[self.scale]
        return back(np.interp(seconds, self.times, onto(self.values)))

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)


def at(value: float | Curve, seconds: np.ndarray) -> np.ndarray:
    """Values of a parameter at times: ``value`` a number or a Curve; float64 array as long as ``seconds``."""
    if isinstance(value, Curve):
        return value.at(seconds)
    return np.full(np.shape(seconds), float(value))


def highest(value: float | Curve) -> float:
    """The largest value a number or Curve takes."""
    return value.high if isinstance(value, Curve) else float(value)


def lowest(value: float | Curve) -> float:
    """The smallest value a number or Curve takes."""
    return value.low if isinstance(value, Curve) else float(value)
