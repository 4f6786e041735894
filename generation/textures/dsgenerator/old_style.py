"""Synthesizers from a Python file that the user named, of our protocol or written for DSGenerator.

Conventions: a class of our protocol has what :mod:`sousa.generation.textures.synth` says. An old-style class
has ``setParam(name, natural)``, ``getParam(name, prop)`` with the properties ``val``, ``min``, ``max`` and
perhaps ``synth_doc``, ``getParams()``, which gives the names, and ``generate(seconds)``, which returns
samples. It is made without arguments, or with those of ``sr``, ``rngseed`` and ``rng`` that it takes.

Loading a file runs it; nothing is loaded that was not named on the command line. The folder of the file is
the first place of imports while it is loaded or renders, as if it were run as a script, and at no other time.
A new object makes each signal, because the old ones carry state from one to the next. All chance comes from
our generator: numpy's and Python's global ones are seeded from it and put back afterwards, and those that
``numpy.random.default_rng`` makes meanwhile depend on it too, whatever seed they are given, because the old
ones had one constant seed and so the same chance in every sound; a file that imports that function by its own
name is not reached. What a file or its classes print is dropped.
"""

import hashlib
import importlib.util
import inspect
import io
import itertools
import math
import random
import re
import sys
import warnings
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path

import numpy as np

from sousa.generation.errors import RunError, UsageError, first_line
from sousa.generation.outside import SMALL_BYTES, expanded, is_file, read
from sousa.generation.textures import synth
from sousa.generation.textures.values import Parameter

_METHODS = ("setParam", "getParam", "getParams", "generate")
_RATES = ("sr", "samplerate")
_OFFERED = ("sr", "rngseed", "rng")


def use(paths):
    """Make the classes in Python files known to this process.

    Raises: as :func:`load`, and UsageError for two classes of one name.
    """
    known = {(s.path, s.digest) for s in synth.added().values() if isinstance(s, FromFile)}
    wanted = [_file(path) for path in paths]
    if {(path, _version(path)) for path in wanted} <= known:
        return
    loaded = {}
    for old in itertools.chain.from_iterable(map(load, wanted)):
        other = loaded.setdefault(old.name, old)
        if other is not old:
            raise UsageError(
                f"{old.path} and {other.path} both have a class named {old.name}; name one of them"
            )
    for old in loaded.values():
        synth.add(old)


def load(path):
    """The synthesizers in a Python file, which is run: list of :class:`FromFile`.

    Raises: UsageError for a file that is not there or holds no such class; RunError for one that fails or
        does not keep the protocol.
    """
    path = _file(path)
    version = _version(path)
    with _running(path.parent):
        module = _module(path, version)
        classes = [
            cls
            for cls in dict.fromkeys(filter(inspect.isclass, vars(module).values()))
            if cls.__module__ == module.__name__ and _can_be_made(cls)
        ]
        synths = [
            OldStyle(path, cls, version)
            for cls in classes
            if all(callable(getattr(cls, method, None)) for method in _METHODS)
        ]
        ours = [
            cls
            for cls in classes
            if callable(getattr(cls, "render", None)) and getattr(cls, "parameters", None)
        ]
        synths += [Declared(path, cls, version) for cls in ours]
    synths = [loaded for loaded in synths if loaded.parameters]  # a base class has none
    if not synths:
        raise UsageError(
            f"{path} holds no synthesizer: no class of its own with name, version, about, parameters and "
            f"render, and none with {', '.join(_METHODS)} and with parameters"
        )
    return synths


def _file(path):
    path = Path(expanded(path)).absolute()
    if not is_file(path):
        raise UsageError(f"{path} is no file; name a Python file with a synthesizer")
    return path


def _version(path):
    try:
        data = read(path, SMALL_BYTES)
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror or error}; name another file") from None
    return "file-" + hashlib.blake2b(data, digest_size=4).hexdigest()


def _can_be_made(cls):
    """Whether the constructor needs nothing but what is offered."""
    return all(
        name in _OFFERED or argument.default is not argument.empty or argument.kind.name.startswith("VAR_")
        for name, argument in _arguments(cls).items()
    )


def _arguments(cls):
    try:
        return inspect.signature(cls).parameters
    except (TypeError, ValueError):  # of a class without Python code
        return {}


def _module(path, version):
    name = f"sousa_{version.replace('-', '_')}_{re.sub('[^0-9a-zA-Z]', '_', path.stem)}"
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=None)
    if spec is None:
        raise UsageError(f"{path} is no Python file; its name has to end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever a user's file does
        del sys.modules[name]
        raise RunError(f"{path} can't be run: {type(error).__name__}: {first_line(error)}") from None
    return module


_SIBLINGS = {}  # by folder: modules that are in sys.modules only while something of the folder runs


@contextmanager
def _running(folder):
    """What runs prints nowhere, and its imports find files of a folder first.

    Two folders may have modules of one name.
    """
    path, outside = list(sys.path), dict(sys.modules)
    sys.modules.update(_SIBLINGS.get(folder, {}))
    sys.path.insert(0, str(folder))
    try:
        with redirect_stdout(io.StringIO()):  # the result is printed there, and nothing else
            yield
    finally:
        sys.path[:] = path
        for name, module in list(sys.modules.items()):
            if outside.get(name) is not module and _is_in(name, module, folder):
                _SIBLINGS.setdefault(folder, {})[name] = sys.modules.pop(name)
                if name in outside:
                    sys.modules[name] = outside[name]


def _is_in(name, module, folder):
    """Whether a module was imported from a file or package directly in a folder."""
    top = name.partition(".")[0]
    if top == "sousa" or not ((folder / top).is_dir() or (folder / f"{top}.py").is_file()):
        return False
    places = [getattr(module, "__file__", None) or "", *map(str, getattr(module, "__path__", []))]
    return any(place and Path(place).absolute().is_relative_to(folder) for place in places)


@contextmanager
def _seeded(rng):
    """All generators of numpy and Python seeded from ``rng``, and as they were afterwards."""
    arrays, numbers, make = np.random.get_state(), random.getstate(), np.random.default_rng
    ours, calls = int(rng.integers(2**63)), itertools.count()

    def default_rng(seed=None):
        if seed is None:
            return make([ours, next(calls)])
        return make([ours, 0, int(seed)] if isinstance(seed, (int, np.integer)) and seed >= 0 else seed)

    np.random.seed(int(rng.integers(2**32)))
    random.seed(int(rng.integers(2**63)))
    np.random.default_rng = default_rng
    try:
        yield
    finally:
        np.random.default_rng = make
        np.random.set_state(arrays)
        random.setstate(numbers)


class FromFile:
    """A synthesizer from a file.

    Attributes:
        path: the file.
        digest: ``file-`` and a digest of that file; of what it imports nothing is in it.
    """

    def __init__(self, path, digest):
        self.path, self.digest = path, digest


class Declared(FromFile):
    """A class of our protocol; its version is its own with the file's digest, for rows depend on both."""

    def __init__(self, path, cls, digest):
        super().__init__(path, digest)
        place = f"{cls.__name__} in {path}"
        try:
            self._synth = cls()
            problem = synth.problem_with(self._synth)
        except (Exception, SystemExit) as error:  # whatever a user's file does
            raise RunError(f"{place} failed: {type(error).__name__}: {first_line(error)}") from error
        if problem:
            raise RunError(f"{place} can't be used: {problem}")
        self.version = f"{self._synth.version}+{digest}"

    def __getattr__(self, name):
        if name == "_synth":  # while it is made
            raise AttributeError(name)
        return getattr(self._synth, name)

    def render(self, params, samples, rate, rng):
        """See :mod:`sousa.generation.textures.synth`."""
        with _running(self.path.parent):
            return self._synth.render(params, samples, rate, rng)


class OldStyle(FromFile):
    """An old-style class under our protocol; see :mod:`sousa.generation.textures.synth`."""

    def __init__(self, path, cls, digest):
        super().__init__(path, digest)
        self.version, self._class = digest, cls
        self._place = f"{cls.__name__} in {path}"
        name = re.sub(r"[^a-z0-9_]", "_", cls.__name__.lower()).lstrip("_0123456789")
        self.name = name or "synth"
        self.aliases = (cls.__name__,)
        self.about = " ".join((inspect.getdoc(cls) or f"{cls.__name__} of {path.name}").split())
        with _seeded(np.random.default_rng(0)):
            instance = self._made(None, np.random.default_rng(0))
            names = self._asked(lambda: list(instance.getParams()))
            parameters = [self._parameter(instance, str(name)) for name in names]
        # what can't be changed is left as the class has it
        self.parameters = tuple(filter(None, parameters))

    def _asked(self, call, where=""):
        try:
            return call()
        except (Exception, SystemExit) as error:  # whatever a user's file does
            text = f"{type(error).__name__}: {first_line(error)}"
            raise RunError(f"{self._place} failed{where}: {text}") from error

    def _parameter(self, instance, name):
        """The Parameter of a name, or None when its range is a single value."""
        if problem := synth.problem_with_parameter(name):
            raise RunError(f"{self._place} can't be used: {problem}")
        values = [
            self._asked(lambda prop=prop: instance.getParam(name, prop), f" in getParam({name!r}, {prop!r})")
            for prop in ("min", "max", "val")
        ]
        try:
            low, high, value = map(float, values)
            if not all(map(math.isfinite, (low, high, value))):
                raise ValueError
        except (TypeError, ValueError):
            raise RunError(
                f"{name} of {self._place} has min, max and val "
                f"{', '.join(map(repr, values))}; numbers are needed"
            ) from None
        if not low < high:
            return None
        meaning = ""
        with suppress(Exception, SystemExit):  # the oldest ones have no such property
            meaning = str(instance.getParam(name, "synth_doc") or "")
        # their ranges were never checked: some begin outside them, and so do published configurations
        return Parameter(name, low, high, value, "", meaning, strict=False)

    def _made(self, rate, rng):
        """A new object, at a sample rate in Hz or, for None, at its own."""
        accepted = _arguments(self._class)
        offered = {"rngseed": int(rng.integers(2**31)), "rng": np.random.default_rng(rng.integers(2**63))}
        if rate is not None:
            offered["sr"] = rate
        elif "sr" in accepted and accepted["sr"].default is inspect.Parameter.empty:
            offered["sr"] = 44100
        arguments = {name: value for name, value in offered.items() if name in accepted}
        instance = self._asked(lambda: self._class(**arguments))
        if rate is None or "sr" in accepted:
            return instance
        for model, name in itertools.product(_models(instance), _RATES):
            if getattr(model, name, rate) != rate:
                with suppress(Exception):  # whatever a user's file does
                    setattr(model, name, rate)
            if getattr(model, name, rate) != rate:
                raise RunError(
                    f"{self._place} renders at {getattr(model, name)} Hz alone, and {rate} Hz is asked for; "
                    "generate at its rate"
                )
        return instance

    def render(self, params, samples, rate, rng):
        """See :mod:`sousa.generation.textures.synth`; there are no events, and what is too long is cut."""
        seconds = _seconds(samples, rate)
        try:
            audio = self._generated(params, seconds, rate, rng)
        except TypeError:
            if isinstance(seconds, int):
                raise
            # many take whole seconds alone
            audio = self._generated(params, math.ceil(seconds), rate, rng)[:samples]
        if audio.ndim != 1 or len(audio) < samples:
            raise RunError(
                f"{self._place} returned samples of shape {audio.shape} for {seconds:g} s at {rate} Hz; "
                f"{samples} are needed. Perhaps it renders at another rate"
            )
        if len(audio) > samples + 1:  # one too many is rounding
            warnings.warn(
                f"{self._place} returned {len(audio)} samples for {seconds:g} s at {rate} Hz; "
                f"what is beyond {samples} is cut",
                stacklevel=2,
            )
        return audio[:samples].astype(np.float32), None

    def _generated(self, params, seconds, rate, rng):
        with _running(self.path.parent), _seeded(rng):
            instance = self._made(rate, rng)
            for name, value in params.items():
                self._asked(lambda: instance.setParam(name, value))  # noqa: B023 called at once
            return np.asarray(instance.generate(seconds), np.float64)


def _models(instance):
    """An old-style object and those it is made of, each once."""
    models, ahead = {}, [instance]
    while ahead:
        model = ahead.pop()
        if id(model) not in models and not isinstance(model, type) and hasattr(model, "setParam"):
            models[id(model)] = model
            for value in getattr(model, "__dict__", {}).values():
                ahead += value if isinstance(value, (list, tuple)) else [value]
    return list(models.values())


def _seconds(samples, rate):
    """Length to ask for, such that no rounding gives fewer samples; whole seconds as an int."""
    seconds = samples / rate
    if seconds.is_integer():
        return int(seconds)  # the oldest ones take nothing else
    while int(seconds * rate) < samples:
        seconds = math.nextafter(seconds, math.inf)
    return seconds
