"""Requests for sounds made into checked ones: names found, values natural and inside declared ranges.

Conventions: problems are sentences that begin with the place in the file. A part that is wrong is left out
of what is returned, so that the rest can be checked.
"""

import itertools
from collections import Counter

from sousa.generation.errors import RunError, UsageError, one_of
from sousa.generation.models import at, shown
from sousa.generation.textures import synth as synths
from sousa.generation.textures.schema.request import AxisKeys, FixedKeys, LabelKeys, MovingKeys
from sousa.generation.textures.settings import Axis, Fixed, Moving, Sound
from sousa.generation.textures.space import SINE_POINTS, rounded
from sousa.generation.textures.values import between, has_scale

MAX_CURVE_POINTS = 10_000
# of a moving parameter, by the shape of its curve: what says its size, and the sizes that make sense
_SIZES = {
    "points": ("curve", 2, MAX_CURVE_POINTS),
    "random": ("points", 2, MAX_CURVE_POINTS),
    "sine": ("cycles", 0.01, MAX_CURVE_POINTS / SINE_POINTS),
}


def sound(request, rate, duration_sec, problems):
    """The Sound of a request, of what is right in it; None without a synthesizer.

    ``rate`` (Hz) and ``duration_sec`` (of the long signals) may be None; problems are added to ``problems``.
    """
    if request.synth is None:
        return None
    try:
        synth = _synth(request.synth)
    except (UsageError, RunError) as error:
        problems.append(at(request.where, f"{request.word('synth')}: {error}"))
        return None
    return _Checker(request, synth, rate, duration_sec, problems).sound()


def _synth(name):
    """A synthesizer by its name or an alias, in any case.

    Raises: UsageError when there is none.
    """
    for exact in (name, name.lower()):  # a user's own class comes before an alias of another one
        if exact in synths.names():
            return synths.get(exact)
    aliases = []
    for known in synths.names():
        try:
            synth = synths.get(known)
        except RunError:  # another package's, broken: said when it is asked for by name
            continue
        aliases += getattr(synth, "aliases", ())
        if name.lower() in (known, *(alias.lower() for alias in getattr(synth, "aliases", ()))):
            return synth  # the rest need not be loaded
    raise UsageError(f"unknown synthesizer {one_of(name, [*synths.names(), *aliases])}")


def declared_range(parameter):
    """The range of a parameter as text, ``1 Hz to 2 Hz``."""
    ends = (parameter.minimum, parameter.maximum)
    return " to ".join(f"{end:.12g} {parameter.unit}".strip() for end in ends)


def nyquist_problems(parameter, highest, rate, where):
    """Why a frequency does not fit a sample rate (Hz, or None): yields a sentence, or nothing."""
    if rate is not None and parameter.nyquist and highest >= rate / 2:
        yield f"{where} is {highest:.12g} Hz; it has to be below half the sample rate, {rate / 2:.12g} Hz"


class _Checker:
    """Checks one sound: each method gives a checked part, or None after it has reported what is wrong."""

    def __init__(self, request, synth, rate, duration_sec, problems):
        self.request, self.synth, self.problems = request, synth, problems
        self.rate, self.duration_sec = rate, duration_sec
        self.declared = {p.name: p for p in synth.parameters}
        self.aliases = getattr(synth, "parameter_aliases", {})
        self.seen = {}

    def wrong(self, where, text):
        """Report a problem: ``text`` with the place before it. Returns: None, for a part that is wrong."""
        self.problems.append(at(where, text))

    def value_wrong(self, where, value, text):
        self.problems.append(f"{where} is {shown(value)}; {text}")

    def sound(self):
        request, parts = self.request, {AxisKeys: [], FixedKeys: [], MovingKeys: []}
        where, method, count = request.where, request.method, request.count
        check = {AxisKeys: self.axis, FixedKeys: self.fixed, MovingKeys: self.moving}
        for asked in request.parameters:
            kind, parameter = type(asked.keys), self.parameter(asked.name, asked.where)
            if parameter and (part := check[kind](parameter, asked)):
                parts[kind].append(part)
        axes, points = parts[AxisKeys], ()
        if method == "list":
            if any(isinstance(asked.keys, AxisKeys) for asked in request.parameters):
                self.wrong(where, "enumeration list sweeps what its points name; fix other parameters")
            axes, points = self.listed()
        elif request.points is not None:
            self.wrong(where, f"points have no use with enumeration {method}; use list")
        if method in ("grid", "list"):
            if count is not None:
                self.wrong(where, f"settings has no use with enumeration {method}; leave it out")
        elif count is None:
            self.wrong(where, f"missing key settings: how many enumeration {method} makes")
        elif count < 1:
            self.wrong(where, f"settings is {count}; give 1 or more")
        for name, parameter in self.declared.items():
            if name not in self.seen:
                self.below_nyquist(parameter, parameter.default, at(where, f"{name}, by default,"))
        return Sound(
            request.name, self.synth.name, self.synth.version, tuple(axes), tuple(parts[FixedKeys]),
            tuple(parts[MovingKeys]), method, count, tuple(points),
        )  # fmt: skip

    def parameter(self, name, where):
        """The declared Parameter of a name that is used for the first time."""
        name = self.aliases.get(name, name)
        if name is None:
            return None
        if name not in self.declared:
            return self.wrong(where, f"unknown parameter of {self.synth.name} {one_of(name, self.declared)}")
        if name in self.seen:
            return self.wrong(where, f"{name} is given a second time; it is in {self.seen[name]} already")
        self.seen[name] = where or name
        return self.declared[name]

    def natural(self, parameter, value, where, units=None):
        """The natural value of one as given."""
        if value is None:
            return None
        if units == "norm":
            if not 0 <= value <= 1:
                return self.value_wrong(where, value, "normalised values go from 0 to 1")
            scale = "linear" if self.request.linear_norm else parameter.scale
            value = between(parameter.minimum, parameter.maximum, value, scale)
            value = min(max(rounded(value), parameter.minimum), parameter.maximum)
            value = float(round(value)) if parameter.whole else value
        value = value + 0.0  # no negative zero
        if parameter.whole and value != round(value):
            return self.value_wrong(where, value, f"{parameter.name} takes whole numbers")
        if not parameter.takes(value):
            reach = f"{parameter.name} of {self.synth.name} goes from {declared_range(parameter)}"
            return self.value_wrong(where, value, reach)
        return value

    def below_nyquist(self, parameter, highest, where):
        self.problems += nyquist_problems(parameter, highest, self.rate, where)

    def on_scale(self, scale, values, where):
        """Whether all values are known and lie on a scale."""
        off = [value for value in values if value is not None and not has_scale(value, scale)]
        if off:
            least = "above 0" if scale == "log" else "of 0 or more"
            text = f"scale {scale} needs values {least}, and there is {shown(min(off))}; use linear"
            self.wrong(where, text)
        return not off and None not in values

    def axis(self, parameter, request):
        keys, where = request.keys, request.where
        if keys.values is not None:
            return self.axis_of_values(parameter, request)
        low, high, count = (self.request.word(key) for key in ("min", "max", "count"))
        given = {low: keys.min, high: keys.max}
        ends = [self.natural(parameter, value, at(where, w), keys.units) for w, value in given.items()]
        scale = keys.scale or (parameter.scale if keys.units == "norm" else "linear")
        good, method = self.on_scale(scale, ends, where), self.request.method
        if method != "grid":
            if keys.count is not None:
                self.wrong(where, f"{count} has no use with enumeration {method}; settings says how many")
        elif keys.count is not None and keys.count < 1:
            self.wrong(where, f"{count} is {keys.count}; give 1 or more")
        if good and ends[0] == ends[1] and keys.count != 1:
            text = f"{low} and {high} are both {shown(keys.min)}; give a single value, or two ends"
            self.wrong(where, text)
        if not good or (method == "grid" and (keys.count is None or keys.count < 1)):
            return None
        single = method == "grid" and keys.count == 1
        self.below_nyquist(parameter, ends[0] if single else max(ends), at(where, high))
        return self.labelled(parameter, keys, ends, keys.count, scale, None, (keys.min, keys.max))

    def axis_of_values(self, parameter, request):
        keys, where = request.keys, at(request.where, "values")
        if not keys.values:
            return self.value_wrong(where, [], "give at least one value")
        values = [
            self.natural(parameter, value, f"{where}[{i}]", keys.units) for i, value in enumerate(keys.values)
        ]
        scale = keys.scale or "linear"
        if not self.on_scale(scale, values, request.where):
            return None
        values = tuple(rounded(value) for value in values)
        if len(set(values)) < len(values):
            twice = Counter(values).most_common(1)[0][0]
            self.problems.append(f"{where} has {shown(twice)} twice; leave one out")
            return None
        self.below_nyquist(parameter, max(values), where)
        ends, given = (min(values), max(values)), (min(keys.values), max(keys.values))
        return self.labelled(parameter, keys, ends, len(values), scale, values, given)

    def labelled(self, parameter, keys, ends, count, scale, values, given):
        """An Axis with the labels that its keys give it, or natural ones."""
        label = keys.label or LabelKeys()
        labels = ends if label.min is None or label.max is None else (label.min, label.max)
        return Axis(
            parameter.name, label.name or parameter.name, label.doc or "", *labels, *ends,
            count if self.request.method == "grid" else None, scale, values, keys.units or "natural", *given,
        )  # fmt: skip

    def fixed(self, parameter, request):
        keys, where = request.keys, at(request.where, self.request.word(request.key))
        natural = self.natural(parameter, keys.value, where, keys.units)
        if natural is None:
            return None
        self.below_nyquist(parameter, natural, where)
        return Fixed(parameter.name, natural, keys.value, keys.units or "natural", keys.doc or "")

    def moving(self, parameter, request):
        keys, where = request.keys, request.where
        if not parameter.varying:
            can = ", ".join(p.name for p in self.synth.parameters if p.varying) or "none of its parameters"
            return self.wrong(where, f"{parameter.name} of {self.synth.name} can't change in time; {can} can")
        if isinstance(keys.curve, list):
            shape, size, times = "points", len(keys.curve), [time for time, _ in keys.curve]
            values = {f"curve[{i}]": value for i, (_, value) in enumerate(keys.curve)}
            self.times(times, at(where, "curve"))
        else:
            shape, values, times = keys.curve, {"min": keys.min, "max": keys.max}, []
            size = keys.points if shape == "random" else keys.cycles
        natural = [self.natural(parameter, value, at(where, key)) for key, value in values.items()]
        scale, good = keys.scale or "linear", size is not None
        good &= self.on_scale(scale, natural, where)
        word, least, most = _SIZES[shape]
        if size is not None and not least <= size <= most:
            verb = "has" if shape == "points" else "is"
            return self.wrong(where, f"{word} {verb} {size:g}; give {least:g} to {most:g}")
        if not good:
            return None
        self.below_nyquist(parameter, max(natural), where)
        ends = (min(natural), max(natural)) if shape == "points" else natural
        points = tuple(zip(times, natural, strict=False))
        return Moving(parameter.name, shape, points, *ends, keys.cycles or 0.0, keys.points or 0, scale)

    def times(self, times, where):
        if any(late <= early for early, late in itertools.pairwise(times)):
            listed = ", ".join(f"{time:g}" for time in times)
            self.wrong(where, f"its times have to grow, and they are {listed}")
        end = self.duration_sec
        outside = [time for time in times if time < 0 or (end is not None and time > end)]
        if outside:
            until = "" if end is None else f" to {end:g}"
            self.problems.append(f"{where} has a point at {outside[0]:g} s; the signal goes from 0{until} s")

    def listed(self):
        """``(axes, points)`` of the method list."""
        where, points = self.request.where, self.request.points
        if not points:
            missing = "missing key points: the settings of enumeration list"
            self.wrong(where, missing if points is None else "points is empty; give at least one")
            return [], []
        names = list(points[0])
        places = [at(where, f"points[{i}]") for i in range(len(points))]
        self.problems += [
            f"{place} has {', '.join(point)}; all have to name {', '.join(names)}"
            for place, point in zip(places, points, strict=True)
            if set(point) != set(names)
        ]
        axes, columns = [], []
        for name in names:
            parameter = self.parameter(name, places[0])
            column = parameter and [
                self.natural(parameter, point.get(name), at(place, name))
                for point, place in zip(points, places, strict=True)
            ]
            if column is None or None in column:
                continue
            column = [rounded(value) for value in column]
            ends = (min(column), max(column))
            self.below_nyquist(parameter, ends[1], at(places[column.index(ends[1])], name))
            columns.append(column)
            axes.append(self.labelled(parameter, AxisKeys(), ends, None, "linear", None, ends))
        return axes, list(zip(*columns, strict=True))
