"""Requests for sounds made into checked ones: names found, values natural and inside declared ranges.

Conventions: problems are sentences that begin with the place in the file. A part that is wrong is left out
of what is returned, so that the rest can be checked.
"""

import itertools

from sousa.generation.errors import RunError, UsageError, one_of
from sousa.generation.models import at, shown
from sousa.generation.textures import synth as synths
from sousa.generation.textures.schema.request import AxisRequest, FixedRequest
from sousa.generation.textures.settings import Axis, Fixed, Moving, Sound
from sousa.generation.textures.space import SINE_POINTS, rounded
from sousa.generation.textures.values import between, has_scale

MAX_CURVE_POINTS = 10_000


def find_synth(name):
    """A synthesizer by its name or an alias, in any case.

    Raises: UsageError when there is none.
    """
    for exact in (name, name.lower()):  # a user's own class comes before an alias of another one
        if exact in synths.names():
            return synths.get(exact)
    others = []
    for known in synths.names():
        try:
            one = synths.get(known)
        except RunError:  # another package's, broken: said when it is asked for by name
            continue
        aliases = [known, *getattr(one, "aliases", ())]
        if name.lower() in [alias.lower() for alias in aliases]:
            return one  # the rest need not be loaded
        others += aliases[1:]
    raise UsageError(one_of(name, [*synths.names(), *others]))


class _Checker:
    """What the checks of one sound share."""

    def __init__(self, request, synth, rate, duration_sec, problems):
        self.request, self.synth, self.problems = request, synth, problems
        self.rate, self.duration_sec = rate, duration_sec  # None: not known
        self.declared = {p.name: p for p in synth.parameters}
        self.aliases = getattr(synth, "parameter_aliases", {})
        self.seen = {}

    def parameter(self, name, where):
        """The declared Parameter of a name that is used for the first time, or None."""
        if name is None:
            return None
        name = self.aliases.get(name, name)
        if name not in self.declared:
            self.problems.append(
                at(where, f"unknown parameter of {self.synth.name} {one_of(name, self.declared)}")
            )
            return None
        if name in self.seen:
            self.problems.append(
                at(where, f"{name} is given a second time; it is in {self.seen[name]} already")
            )
            return None
        self.seen[name] = where or name
        return self.declared[name]

    def natural(self, parameter, value, units, where):
        """The natural value of one as given, checked, or None."""
        if value is None:
            return None
        if units == "norm":
            if not 0 <= value <= 1:
                self.problems.append(f"{where} is {shown(value)}; normalised values go from 0 to 1")
                return None
            scale = "linear" if self.request.linear_norm else parameter.scale
            value = between(parameter.minimum, parameter.maximum, value, scale)
            value = min(max(rounded(value), parameter.minimum), parameter.maximum)
            value = float(round(value)) if parameter.whole else value
        value = value + 0.0  # no negative zero
        if parameter.whole and value != round(value):
            self.problems.append(f"{where} is {shown(value)}; {parameter.name} takes whole numbers")
            return None
        if not parameter.minimum <= value <= parameter.maximum:
            self.problems.append(
                f"{where} is {shown(value)}; {parameter.name} of {self.synth.name} goes from "
                f"{told(parameter, parameter.minimum)} to {told(parameter, parameter.maximum)}"
            )
            return None
        return value

    def below_nyquist(self, parameter, highest, where):
        text = nyquist_problem(parameter, highest, self.rate, where)
        if text:
            self.problems.append(text)

    def on_scale(self, scale, values, where):
        off = [value for value in values if value is not None and not has_scale(value, scale or "linear")]
        if off:
            least = "above 0" if scale == "log" else "of 0 or more"
            self.problems.append(
                f"{where}: scale {scale} needs values {least}, and there is {shown(min(off))}; use linear"
            )
        return not off


def told(parameter, value):
    """A value with its unit."""
    return f"{value:.12g} {parameter.unit}".strip()


def nyquist_problem(parameter, highest, rate, where):
    """Why a frequency does not fit a sample rate, or None."""
    if rate is None or not parameter.nyquist or highest is None or highest < rate / 2:
        return None
    return f"{where} is {highest:.12g} Hz; it has to be below half the sample rate, {rate / 2:.12g} Hz"


def sound(request, rate, duration_sec, problems):
    """The Sound of a request, of what is right in it; None without a synthesizer.

    Args:
        rate: sample rate, Hz, or None; duration_sec: of the long signals, or None.
        problems: list that sentences are added to.
    """
    if request.synth is None:
        return None
    try:
        synth = find_synth(request.synth)
    except (UsageError, RunError) as error:
        text = f"unknown synthesizer {error}" if isinstance(error, UsageError) else str(error)
        problems.append(at(request.where, f"{request.synth_word}: {text}"))
        return None
    check = _Checker(request, synth, rate, duration_sec, problems)
    axes, fixed, moving = [], [], []
    for one in request.parameters:
        parameter = check.parameter(one.name, one.where)
        if parameter is None:
            continue
        kind, make = (axes, _axis) if isinstance(one, AxisRequest) else (
            (fixed, _fixed) if isinstance(one, FixedRequest) else (moving, _moving)
        )  # fmt: skip
        if (made := make(check, parameter, one)) is not None:
            kind.append(made)
    points = ()
    if request.method == "list":
        if axes or any(isinstance(one, AxisRequest) for one in request.parameters):
            problems.append(
                at(request.where, "enumeration list sweeps what its points name; fix other parameters")
            )
        axes, points = _listed(check)
    elif request.points is not None:
        problems.append(at(request.where, f"points have no use with enumeration {request.method}; use list"))
    _settings_count(request, problems)
    for parameter in synth.parameters:
        if parameter.name not in check.seen:
            where = at(request.where, f"{parameter.name}, by default,")
            check.below_nyquist(parameter, parameter.default, where)
    return Sound(
        request.name, synth.name, synth.version, tuple(axes), tuple(fixed), tuple(moving), request.method,
        request.count, tuple(points),
    )  # fmt: skip


def _settings_count(request, problems):
    if request.method in ("grid", "list"):
        if request.count is not None:
            problems.append(
                at(request.where, f"settings has no use with enumeration {request.method}; leave it out")
            )
    elif request.count is None:
        problems.append(
            at(request.where, f"missing key settings: how many enumeration {request.method} makes")
        )
    elif request.count < 1:
        problems.append(at(request.where, f"settings is {request.count}; give 1 or more"))


def _axis(check, parameter, one):
    if one.values is not None:
        return _axis_of_values(check, parameter, one)
    low_word, high_word, count_word = one.words
    ends = [
        check.natural(parameter, value, one.units, at(one.where, word))
        for value, word in ((one.low, low_word), (one.high, high_word))
    ]
    scale = one.scale or (parameter.scale if one.units == "norm" else "linear")
    good = check.on_scale(scale, ends, one.where) and None not in ends
    grid = check.request.method == "grid"
    if not grid and one.count is not None:
        check.problems.append(
            at(
                one.where,
                f"{count_word} has no use with enumeration {check.request.method}; settings says how many",
            )
        )
    if grid and one.count is None and one.words[2] == "count":
        check.problems.append(at(one.where, f"missing key {count_word}: how many values"))
    if grid and one.count is not None and one.count < 1:
        check.problems.append(f"{at(one.where, count_word)} is {one.count}; give 1 or more")
    if good and ends[0] == ends[1] and one.count != 1:
        check.problems.append(
            at(
                one.where,
                f"{low_word} and {high_word} are both {shown(one.low)}; give a single value, or two ends",
            )
        )
    if not good or (grid and (one.count is None or one.count < 1)):
        return None
    single = grid and one.count == 1
    check.below_nyquist(parameter, ends[0] if single else max(ends), at(one.where, high_word))
    labels = ends if one.user_min is None or one.user_max is None else (one.user_min, one.user_max)
    return Axis(
        parameter.name, one.user_name or parameter.name, one.user_doc, *map(float, labels), *ends,
        one.count if grid else None, scale, None, one.units, one.low, one.high,
    )  # fmt: skip


def _axis_of_values(check, parameter, one):
    where = at(one.where, "values")
    if not one.values:
        check.problems.append(f"{where} is empty; give at least one value")
        return None
    natural = [
        check.natural(parameter, value, one.units, f"{where}[{i}]") for i, value in enumerate(one.values)
    ]
    scale = one.scale or "linear"
    if not check.on_scale(scale, natural, one.where) or None in natural:
        return None
    natural = tuple(rounded(value) for value in natural)
    twice = next((value for i, value in enumerate(natural) if value in natural[:i]), None)
    if twice is not None:
        check.problems.append(f"{where} has {shown(twice)} twice; leave one out")
        return None
    check.below_nyquist(parameter, max(natural), where)
    ends = (min(natural), max(natural))
    labels = ends if one.user_min is None or one.user_max is None else (one.user_min, one.user_max)
    return Axis(
        parameter.name, one.user_name or parameter.name, one.user_doc, *labels, *ends,
        len(natural) if check.request.method == "grid" else None, scale, natural, one.units,
        min(one.values), max(one.values),
    )  # fmt: skip


def _fixed(check, parameter, one):
    where = at(one.where, one.word)
    natural = check.natural(parameter, one.value, one.units, where)
    if natural is None:
        return None
    check.below_nyquist(parameter, natural, where)
    return Fixed(parameter.name, natural, one.value, one.units, one.user_doc)


def _moving(check, parameter, one):
    if not parameter.varying:
        movable = [p.name for p in check.synth.parameters if p.varying]
        check.problems.append(
            at(one.where, f"{parameter.name} of {check.synth.name} can't change in time; ")
            + (f"{', '.join(movable)} can" if movable else "none of its parameters can")
        )
        return None
    if one.shape == "points":
        values, words = [value for _, value in one.points], [f"curve[{i}]" for i in range(len(one.points))]
        _times(check, one)
    else:
        values, words = [one.low, one.high], ["min", "max"]
    natural = [
        check.natural(parameter, value, "natural", at(one.where, word))
        for value, word in zip(values, words, strict=True)
    ]
    good = check.on_scale(one.scale, natural, one.where) & _size(check, one)
    if not good or None in natural:
        return None
    check.below_nyquist(parameter, max(natural), one.where)
    ends = (min(natural), max(natural)) if one.shape == "points" else natural
    points = tuple((float(t), v) for (t, _), v in zip(one.points, natural, strict=False))
    return Moving(
        parameter.name, one.shape, points, *ends, one.cycles or 0.0, one.count or 0, one.scale or "linear"
    )


def _times(check, one):
    times = [time for time, _ in one.points]
    where = at(one.where, "curve")
    if any(late <= early for early, late in itertools.pairwise(times)):
        check.problems.append(
            f"{where}: its times have to grow, and they are {', '.join(f'{t:g}' for t in times)}"
        )
    end = check.duration_sec
    outside = [time for time in times if time < 0 or (end is not None and time > end)]
    if outside:
        upto = "" if end is None else f" to {end:g}"
        check.problems.append(f"{where} has a point at {outside[0]:g} s; the signal goes from 0{upto} s")


def _size(check, one):
    """Whether a curve has a number of points that makes sense."""
    if one.shape == "points":
        allowed, word, number = (2, MAX_CURVE_POINTS), "curve", len(one.points)
    elif one.shape == "random":
        allowed, word, number = (2, MAX_CURVE_POINTS), "points", one.count
    else:
        allowed, word, number = (0.01, MAX_CURVE_POINTS / SINE_POINTS), "cycles", one.cycles
    if number is None:
        return False
    if not allowed[0] <= number <= allowed[1]:
        has = "has" if one.shape == "points" else "is"
        check.problems.append(
            f"{at(one.where, word)} {has} {number:g}; give {allowed[0]:g} to {allowed[1]:g}"
        )
        return False
    return True


def _listed(check):
    """``(axes, points)`` of the method list."""
    request, points = check.request, check.request.points
    if not points:
        if points is not None:
            check.problems.append(at(request.where, "points is empty; give at least one"))
        else:
            check.problems.append(at(request.where, "missing key points: the settings of enumeration list"))
        return [], []
    names = list(points[0])
    places = [at(request.where, f"points[{i}]") for i in range(len(points))]
    odd = [i for i, point in enumerate(points) if set(point) != set(names)]
    check.problems += [
        f"{places[i]} has {', '.join(points[i])}; all have to name {', '.join(names)}" for i in odd
    ]
    axes, columns = [], []
    for name in names:
        parameter = check.parameter(name, places[0])
        if parameter is None:
            continue
        column = [
            check.natural(parameter, point.get(name), "natural", at(place, name))
            for point, place in zip(points, places, strict=True)
        ]
        if None in column:
            continue
        column = [rounded(value) for value in column]
        check.below_nyquist(parameter, max(column), at(places[column.index(max(column))], name))
        ends = (min(column), max(column))
        columns.append(column)
        axes.append(
            Axis(parameter.name, parameter.name, "", *ends, *ends, None, "linear", None, "natural", *ends)
        )
    return axes, list(zip(*columns, strict=True))
