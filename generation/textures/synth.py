"""The protocol that synthesizers keep, and how they are found.

A synthesizer is a class with these attributes, made without arguments; it needs to inherit nothing::

    class Ping:
        name = "ping"                    # lower case, digits and _; what configurations say
        version = "1.0.0"                # another one when the same parameters sound otherwise
        about = "Decaying sine tones at random times."
        parameters = (Parameter("rate", 0.1, 50, 2, "events/s", "how many a second", "log", varying=True),)

        def render(self, params, samples, rate, rng):
            ...
            return audio, onsets

``render`` takes

- ``params``: dict with a value for every parameter: a float in the declared range or, for parameters
  declared ``varying``, a float or a :class:`sousa.generation.textures.values.Curve`;
- ``samples``: length wanted; ``rate``: sample rate in Hz;
- ``rng``: a ``numpy.random.Generator``, the only source of chance.

It returns ``(audio, onsets)``: float32 mono of that length, and the sample index at which each event begins
(int64, in order, 0 <= onset < samples), or None where there are no events. It may return
``(audio, onsets, details)`` with a dict of further arrays, one value an onset (``"kind"``: strings, or
``"velocity"``: 1 to 127); anything else in it is an error. The result is a pure function of the arguments:
nothing is kept from one call to the next. Levels are the synthesizer's own; 1.0 is full scale.

What a synthesizer says is checked by ``sousa validate``: an onset is the first sample at which its event
sounds, or just before it where it swells. A single parameter whose unit is ``events/s``, ``drops/s``,
``crackles/s`` or ``log2 events/s`` promises that many events; with another unit nothing is promised.
Frequencies that have to stay below half the sample rate are declared ``nyquist``.

A package makes its synthesizers known by the entry-point group ``sousa.synths``, for example
``[project.entry-points."sousa.synths"] ping = "my_package:Ping"`` in its ``pyproject.toml``. Without a
package, ``--synth-file`` names the file of such a class, or of an old-style one (``setParam``, ``getParam``,
``getParams``, ``generate``), see :mod:`sousa.generation.textures.dsgenerator.old_style`.

Attributes that may be left out: ``aliases``, other names of the class in configurations;
``parameter_aliases``, dict of other names of parameters; ``memory(params, samples, rate)``, the bytes that
``render`` works with at its peak, its result among them, without what it draws for events (by default 12 a
sample); ``params`` are then the highest values that its parameters have.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Protocol

import numpy as np

from sousa.generation.errors import RunError, UsageError, first_line, one_of
from sousa.generation.text import is_line
from sousa.generation.textures.values import Curve, Parameter

GROUP = "sousa.synths"
_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
BUILT_IN = {
    "pop": "pop:Pop", "pop_documented": "pop:PopDocumented", "drip": "drip:Drip", "grains": "grains:Grains",
    "fm": "fm:FM", "wind": "wind:Wind", "chimes": "chimes:Chimes", "pistons": "pistons:Pistons",
    "applause": "applause:Applause", "rain": "rain:Rain", "fire": "fire:Fire", "bees": "bees:Bees",
}  # fmt: skip

Params = Mapping[str, float | Curve]
Rendered = tuple[np.ndarray, np.ndarray | None, dict[str, Any]]


class Synth(Protocol):
    """What a synthesizer has; see the module."""

    name: str
    version: str
    about: str
    parameters: Sequence[Parameter]

    def render(self, params: dict[str, Any], samples: int, rate: int, rng: np.random.Generator) -> Any:
        """``(audio, onsets)`` or ``(audio, onsets, details)``."""


def problem_with(synth: Any) -> str | None:
    """Why an object does not keep the protocol, or None."""
    missing = [a for a in ("name", "version", "parameters", "about", "render") if not hasattr(synth, a)]
    if missing:
        return f"it has no {', '.join(missing)}"
    if not isinstance(synth.name, str) or not _NAME.fullmatch(synth.name):
        return f"its name is {synth.name!r}; lower-case letters, digits and _ are allowed"
    if not isinstance(synth.version, str) or not synth.version:
        return f"its version is {synth.version!r}; give text such as 1.0.0"
    parameters, aliases = synth.parameters, getattr(synth, "aliases", ())
    if not _tuple_of(Parameter, parameters) or not parameters:
        return "its parameters are not a tuple of sousa.generation.textures.values.Parameter"
    names = [p.name for p in parameters]
    if len(set(names)) < len(names):
        return "two of its parameters have one name"
    if not _tuple_of(str, aliases):
        return "its aliases are not a tuple of texts"
    if not isinstance(getattr(synth, "parameter_aliases", {}), dict):
        return "its parameter_aliases are no dict"
    return next((text for name in names if (text := problem_with_parameter(name))), None)


def _tuple_of(kind: type, values: Any) -> bool:
    return isinstance(values, (tuple, list)) and all(isinstance(value, kind) for value in values)


def problem_with_parameter(name: Any) -> str | None:
    """Why a parameter can't be called so, or None: names of columns are made of it."""
    if is_line(name) and "." not in name:
        return None
    return f"one of its parameters is named {name!r}; text without points is allowed"


@cache
def known() -> dict[str, str]:
    """Synthesizers by name, the built-in ones first: dict of name to what loads it."""
    found = {name: f"sousa.generation.textures.synths.{place}" for name, place in BUILT_IN.items()}
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        if point.name in BUILT_IN:
            raise RunError(
                f"a package ({point.value}) brings a synthesizer named {point.name}, which is built in; "
                "it has to choose another name, or be uninstalled"
            )
        if found.setdefault(point.name, point.value) != point.value:
            raise RunError(
                f"two packages ({found[point.name]} and {point.value}) bring a synthesizer named "
                f"{point.name}; uninstall one of them"
            )
    return found


_ADDED: dict[str, Synth] = {}


def add(synth: Synth) -> None:
    """Make a synthesizer object known in this process; it comes before others of the same name."""
    _ADDED[synth.name] = synth


def added() -> dict[str, Synth]:
    """The synthesizers that were added in this process, by name."""
    return dict(_ADDED)


def names() -> list[str]:
    """Names of all synthesizers."""
    return [*known(), *(name for name in _ADDED if name not in known())]


def get(name: str) -> Synth:
    """A synthesizer by its name.

    Raises: UsageError when there is none; RunError when its package can't be loaded or does not keep the
        protocol.
    """
    if name in _ADDED:
        return _ADDED[name]
    if name not in known():
        hint = "; name the file of one of your own with --synth-file"
        raise UsageError(f"unknown synthesizer {one_of(name, names())}{hint}")
    return _load(name)


def of(sound: Any) -> Synth:
    """The synthesizer of a configuration's sound. Raises: RunError when it is missing or can't be loaded."""
    try:
        return get(sound.synth)
    except UsageError:
        raise RunError(
            f"synthesizer {sound.synth} is not on this machine; install its package, or name its file with "
            "--synth-file (in Python: plugins=[FILE])"
        ) from None


@cache
def _load(name: str) -> Synth:
    module, _, attribute = known()[name].partition(":")
    try:
        synth = getattr(import_module(module), attribute)()
        problem = problem_with(synth)
    except (Exception, SystemExit) as error:  # whatever another package does
        raise RunError(
            f"synthesizer {name} ({module}:{attribute}) can't be loaded: {first_line(error)}"
        ) from None
    if problem is None and synth.name != name:
        problem = f"it calls itself {synth.name}"
    if problem:
        raise RunError(f"synthesizer {name} ({module}:{attribute}) can't be used: {problem}")
    return synth


def render(synth: Synth, params: Params, samples: int, rate: int, rng: np.random.Generator) -> Rendered:
    """Render, and hold the synthesizer to the protocol.

    Returns: ``(audio, onsets, details)``: float32 (samples,); int64 or None; dict of arrays.
    Raises: RunError naming the synthesizer when it fails or returns something else.
    """
    try:
        result = synth.render(dict(params), samples, rate, rng)  # its own: the labels are made of ours
    except (Exception, SystemExit) as error:  # whatever another package does
        kind = "" if isinstance(error, RunError) else f"{type(error).__name__}: "
        raise RunError(
            f"synthesizer {synth.name} failed for {_told(params)}: {kind}{first_line(error)}"
        ) from error
    problem = _problem_with_result(result, samples)
    if problem:
        raise RunError(f"synthesizer {synth.name} {problem} for {_told(params)}")
    audio, onsets, details = (*result, {})[:3]
    return audio, onsets if onsets is None else _array(onsets).astype(np.int64), details


def _problem_with_result(result: Any, samples: int) -> str | None:
    if not isinstance(result, tuple) or len(result) not in (2, 3):
        return "returned no (audio, onsets)"
    audio, onsets, details = (*result, {})[:3]
    if not isinstance(audio, np.ndarray) or audio.shape != (samples,) or audio.dtype != np.float32:
        got = f"{audio.dtype} {audio.shape}" if isinstance(audio, np.ndarray) else type(audio).__name__
        return f"returned audio {got} in place of float32 ({samples},)"
    if not np.isfinite(audio).all():
        return "returned NaN or infinity"
    if onsets is not None:
        onsets = _array(onsets)
        if onsets.ndim != 1 or (len(onsets) and onsets.dtype.kind not in "iu"):
            return f"returned onsets {onsets.dtype} {onsets.shape} in place of whole numbers in a row"
        onsets = onsets.astype(np.int64)  # differences of unsigned ones are never below 0
        if len(onsets) and (onsets[0] < 0 or onsets[-1] >= samples or (np.diff(onsets) < 0).any()):
            return "returned onsets outside the sound or out of order"
    if not isinstance(details, dict):
        return f"returned details {type(details).__name__} in place of a dict"
    unknown = [name for name in details if name not in ("kind", "velocity")]
    if unknown or (details and onsets is None):
        return f"returned details {', '.join(map(str, details))}; kind and velocity of onsets are allowed"
    arrays = {name: _array(values) for name, values in details.items()}
    if any(values.shape != onsets.shape for values in arrays.values()):
        return "returned details of another number than its onsets"
    velocity = arrays.get("velocity", np.ones(1, int))
    if len(velocity) and (velocity.dtype.kind not in "iu" or velocity.min() < 1 or velocity.max() > 127):
        return "returned velocities that are not whole numbers from 1 to 127"
    if not all(isinstance(kind, str) and (not kind or is_line(kind)) for kind in arrays.get("kind", ())):
        return "returned kinds that are not texts"
    return None


def _array(values: Any) -> np.ndarray:
    """What a synthesizer gave as an array; one without numbers when it is none."""
    try:
        return np.asarray(values)
    except ValueError:  # rows of different lengths
        return np.array(None)


def _told(params: Params) -> str:
    return ", ".join(
        f"{name}={value if isinstance(value, float) else 'a curve'}" for name, value in params.items()
    )


def streams(rng: np.random.Generator, count: int) -> list[np.random.Generator]:
    """Independent generators out of one, so that drawing more of one thing changes no other."""
    return [np.random.Generator(np.random.PCG64(int(seed))) for seed in rng.integers(2**63, size=count)]
