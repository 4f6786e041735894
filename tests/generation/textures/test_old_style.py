"""Old-style classes from a file that the user named: what they are told, and what they can't disturb."""

import os
import random
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from sousa.generation import seeds
from sousa.generation.errors import RunError, UsageError
from sousa.generation.runners import LocalRunner
from sousa.generation.textures import Textures, schema, synth
from sousa.generation.textures.dsgenerator import old_style
from tests.support.texture_ping import theirs

BASE = '''
class Model:
    """A base class without parameters of its own."""
    def __init__(self, sr=16000):
        self.sr = sr
        self.table = {}
    def add(self, name, low, high, value, doc=""):
        self.table[name] = {"name": name, "min": low, "max": high, "val": value, "synth_doc": doc}
    def setParam(self, name, value):
        self.table[name]["val"] = value
    def setParamNorm(self, name, value):
        one = self.table[name]
        one["val"] = one["min"] + value * (one["max"] - one["min"])
    def getParam(self, name, prop="val"):
        return self.table[name][prop]
    def getParams(self):
        return list(self.table)
    def generate(self, sec):
        raise NotImplementedError
'''
# generation A: a constant rate of its own, global chance, state from call to call
EARLY = '''
import random
import numpy as np
from early_base import Model

class Clicks_0001(Model):
    """Clicks at chance.

    A second paragraph."""
    def __init__(self):
        super().__init__()
        self.add("rate_exp", 0, 4, 1, "clicks a second, as a power of 2")
        self.add("amp", 0, 1, 0.5)
        self.add("constant", 2, 2, 2)
        self.add("wide", 0.1, 1, 0)
        self.calls = 0
    def generate(self, sec):
        import early_lazy
        self.calls += 1
        out = np.zeros(int(self.sr * sec))
        for _ in range(int(2 ** self.getParam("rate_exp") * sec)):
            out[np.random.randint(len(out))] += self.getParam("amp") * random.random()
        return out + early_lazy.OFFSET * self.calls
'''
LATER = '''
import numpy as np

class Hum:
    def __init__(self, sr=44100, rngseed=1):
        self.sr, self.rng, self.f = sr, np.random.default_rng(rngseed), 100
    def setParam(self, name, value):
        assert 50 <= value <= 500
        self.f = value
    def getParam(self, name, prop):
        return {"name": "f", "min": 50, "max": 500, "val": self.f}[prop]
    def getParams(self):
        return ["f"]
    def generate(self, sec):
        t = np.arange(round(self.sr * sec)) / self.sr
        return np.sin(2 * np.pi * self.f * t) + 0.01 * self.rng.standard_normal(len(t))
'''  # fmt: skip


@pytest.fixture
def early(tmp_path):
    (tmp_path / "early").mkdir()
    (tmp_path / "early" / "early_base.py").write_text(BASE)
    (tmp_path / "early" / "early_lazy.py").write_text("OFFSET = 0.001\n")
    path = tmp_path / "early" / "Clicks.py"
    path.write_text(EARLY)
    return path


@pytest.fixture
def later(tmp_path):
    path = tmp_path / "Hum.py"
    path.write_text(LATER)
    return path


@pytest.fixture(autouse=True)
def _known(monkeypatch):
    """What a test makes known is forgotten at its end."""
    monkeypatch.setattr(synth, "_ADDED", dict(synth.added()))


def rendered(one, seconds=1.0, rate=16000, seed=1, **params):
    values = {p.name: p.default for p in one.parameters} | params
    return synth.render(one, values, round(seconds * rate), rate, seeds.stream(seed, "test"))


def edited(path, *changes):
    text = path.read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path.write_text(text)
    return path


def test_the_protocol_is_kept(early):
    (one,) = old_style.load(early)
    assert synth.problem_with(one) is None
    assert (one.name, one.aliases) == ("clicks_0001", ("Clicks_0001",))
    assert one.about.startswith("Clicks at chance.")
    assert one.version.startswith("file-") and len(one.version) == 13
    found = {p.name: (p.minimum, p.maximum, p.default, p.meaning) for p in one.parameters}
    # a single value is no parameter; a default may be outside its range
    assert found == {
        "rate_exp": (0, 4, 1, "clicks a second, as a power of 2"),
        "amp": (0, 1, 0.5, ""),
        "wide": (0.1, 1, 0, ""),
    }
    edited(early, ("at chance", "by chance"))
    assert old_style.load(early)[0].version != one.version


def test_sound_is_a_function_of_its_arguments_alone(early):
    (one,) = old_style.load(early)
    first, onsets, details = rendered(one, rate_exp=3.0)
    assert first.dtype == np.float32 and onsets is None and details == {}
    np.random.seed(5)
    random.seed(5)
    rendered(one, seed=2)
    assert np.array_equal(first, rendered(one, rate_exp=3.0)[0])  # state of the other call has not stayed
    assert not np.array_equal(first, rendered(one, rate_exp=3.0, seed=2)[0])
    assert np.abs(rendered(one, amp=0.0)[0] - 0.001).max() < 1e-7  # the natural value was set
    assert np.count_nonzero(first > 0.0011) <= 8


def test_global_generators_are_put_back(early):
    np.random.seed(7)
    random.seed(7)
    wanted = np.random.random(3).tolist(), random.random()
    np.random.seed(7)
    random.seed(7)
    (one,) = old_style.load(early)
    rendered(one)
    assert (np.random.random(3).tolist(), random.random()) == wanted


def test_the_folder_is_a_place_of_imports_only_meanwhile(early, tmp_path, monkeypatch):
    before = list(sys.path)
    (one,) = old_style.load(early)
    rendered(one)
    assert sys.path == before
    assert not {"early_base", "early_lazy"} & set(sys.modules)
    # another folder with a module of the same name
    other = tmp_path / "other"
    other.mkdir()
    (other / "early_base.py").write_text(BASE)
    (other / "early_lazy.py").write_text("OFFSET = 0.002\n")
    (other / "Clicks.py").write_text(EARLY.replace("Clicks_0001", "Others"))
    (two,) = old_style.load(other / "Clicks.py")
    assert rendered(two, amp=0.0)[0][0] == pytest.approx(0.002)
    assert rendered(one, amp=0.0)[0][0] == pytest.approx(0.001)


def test_a_module_of_the_same_name_elsewhere_stays(early, tmp_path):
    from types import ModuleType

    sys.modules["early_lazy"] = theirs = ModuleType("early_lazy")
    theirs.OFFSET = 0.5
    try:
        rendered(old_style.load(early)[0])
        assert sys.modules["early_lazy"] is theirs
    finally:
        del sys.modules["early_lazy"]


def test_nothing_is_loaded_by_name_from_the_working_directory(early, monkeypatch):
    monkeypatch.chdir(early.parent)
    with pytest.raises(UsageError, match="unknown synthesizer"):
        schema.parse(theirs(soundname="Clicks"), "f")
    with pytest.raises(UsageError, match="unknown synthesizer"):
        schema.parse(theirs(soundname="./Clicks"), "f")


# --- sample rates and lengths ---


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_rates_by_constructor_or_attribute(early, later, rate):
    (hum,) = old_style.load(later)
    audio = rendered(hum, 1.0, rate, f=200.0)[0]
    assert len(audio) == rate
    assert np.argmax(np.abs(np.fft.rfft(audio))) == 200  # bins of 1 Hz
    assert len(rendered(old_style.load(early)[0], 0.7, rate)[0]) == round(0.7 * rate)


@pytest.mark.parametrize("seconds", [4, 2.5, 1 / 3, 0.1])
def test_lengths_that_rounding_makes_short(early, seconds):
    (one,) = old_style.load(early)
    for rate in (16000, 44100, 11025):
        assert len(rendered(one, seconds, rate)[0]) == round(seconds * rate)


def test_a_rate_that_can_not_be_set_is_refused(later):
    edited(later, ("sr=44100, rngseed=1", "rngseed=1"), ("self.sr, self.rng", "self._x, self.rng"),
           ("= sr, np", "= 0, np"),
           ("    def setParam", "    @property\n    def sr(self):\n        return 44100\n    def setParam"),
    )  # fmt: skip
    (one,) = old_style.load(later)
    assert len(rendered(one, 0.5, 44100)[0]) == 22050
    with pytest.raises(RunError, match="renders at 44100 Hz alone, and 16000"):
        rendered(one, 0.5, 16000)


def test_a_rate_that_nothing_says_shows_in_the_length(later):
    edited(later, ("sr=44100, rngseed=1", "rngseed=1"), ("self.sr, self.rng", "self._x, self.rng"),
           ("= sr, np", "= 0, np"), ("self.sr", "16000"))  # fmt: skip
    (one,) = old_style.load(later)
    assert len(rendered(one, 1, 16000)[0]) == 16000
    with pytest.raises(RunError, match=r"shape \(16000,\) for 1 s at 44100 Hz; 44100 are needed"):
        rendered(one, 1, 44100)
    with pytest.warns(UserWarning, match="16000 samples for 1 s at 8000 Hz; what is beyond 8000"):
        assert len(rendered(one, 1, 8000)[0]) == 8000


def test_seeds_reach_generators_of_an_object(later):
    (one,) = old_style.load(later)
    first = rendered(one, seed=1)[0]
    assert np.array_equal(first, rendered(one, seed=1)[0])
    assert not np.array_equal(first, rendered(one, seed=2)[0])
    edited(later, (", rngseed=1", ""), ("default_rng(rngseed)", "default_rng(18005551212)"))
    (one,) = old_style.load(later)  # an attribute with one constant seed
    assert not np.array_equal(rendered(one, seed=1)[0], rendered(one, seed=2)[0])


# the ways of the published classes: events from another object with a rate of its own, times from a generator
# with a constant seed, whole seconds, and a lot of printing
PATTERN = """
import numpy as np
from early_base import Model

class Event(Model):
    def __init__(self):
        super().__init__()
        self.add("f", 100, 1000, 440)
    def generate(self, sec):
        return np.sin(2 * np.pi * self.getParam("f") * np.arange(int(sec * self.sr)) / self.sr)

class Pattern(Model):
    def __init__(self, sub=Event):
        super().__init__()
        self.kind, self.parts = sub, [sub()]
        self.add("f", 100, 1000, 440)
    def setParam(self, name, value):
        super().setParam(name, value)
        self.parts[0].setParam(name, value)
    def generate(self, sec):
        out = np.zeros(sec * self.sr)
        at = int(np.random.default_rng(18005551212).uniform(0, 0.5) * self.sr)
        event = self.parts[0].generate(0.25)
        out[at : at + len(event)] += event
        print("event at", at)
        return out
"""


def test_the_ways_of_published_classes(early, capsys):
    path = early.parent / "Pattern.py"
    path.write_text(PATTERN)
    _, pattern = sorted(old_style.load(path), key=lambda one: one.name)
    for rate in (16000, 32000):
        audio = rendered(pattern, 1, rate, f=500.0)[0]
        assert np.argmax(np.abs(np.fft.rfft(audio))) == 500  # Hz, so the event has the rate too
        assert np.count_nonzero(audio) == pytest.approx(0.25 * rate, rel=0.1)
    starts = {int(np.flatnonzero(rendered(pattern, 1, seed=seed)[0])[0]) for seed in range(10)}
    assert len(starts) == 10  # the constant seed is not the same chance each time
    assert np.array_equal(rendered(pattern, 1.5, seed=3)[0], rendered(pattern, 1.5, seed=3)[0])
    assert len(rendered(pattern, 1.5)[0]) == 24000
    assert capsys.readouterr().out == ""
    assert np.random.default_rng(5).random() == np.random.Generator(np.random.PCG64(5)).random()


# --- what is wrong ---


@pytest.mark.parametrize(
    "content, error, said",
    [
        ("x = 1\n", UsageError, "holds no synthesizer"),
        ("def f(:\n", RunError, "can't be run: SyntaxError"),
        ("import no_such_module_here\n", RunError, "ModuleNotFoundError"),
        ("raise SystemExit(0)\n", RunError, "can't be run: SystemExit"),
        (LATER.replace('"max": 500', '"max": "high"'), RunError, "numbers are needed"),
        (LATER.replace('"max": 500', '"max": float("nan")'), RunError, "numbers are needed"),
        (LATER.replace('return ["f"]', 'return ["osc.f"]'), RunError, "'osc.f'; text without points"),
        (
            LATER.replace("getParam(self, name, prop)", "getParam(self, name)"),
            RunError,
            r"Hum in .* failed in getParam\('f', 'min'\): TypeError",
        ),
        (LATER.replace('return ["f"]', "return 1 / 0"), RunError, "Hum in .* failed: ZeroDivisionError"),
        (
            LATER.replace("def __init__(self, ", "def __init__(self, needed, "),
            UsageError,
            "holds no synthesizer",
        ),
        (BASE, UsageError, "holds no synthesizer"),
    ],
)
def test_files_that_can_not_be_used(tmp_path, content, error, said):
    path = tmp_path / "Broken.py"
    path.write_text(content)
    with pytest.raises(error, match=said) as caught:
        old_style.load(path)
    assert str(path) in str(caught.value)


def test_files_that_are_none(tmp_path):
    for path in (tmp_path / "none.py", tmp_path):
        with pytest.raises(UsageError, match="is no file"):
            old_style.load(path)
    (tmp_path / "a.txt").write_text(LATER)
    with pytest.raises(UsageError, match=r"has to end in \.py"):
        old_style.load(tmp_path / "a.txt")


def test_a_class_that_fails_while_rendering(later):
    edited(later, ("t = np.arange", "raise KeyError('x')\n        t = np.arange"))
    with pytest.raises(RunError, match="KeyError"):
        rendered(old_style.load(later)[0])


def known_files():
    """Files whose classes this process knows."""
    return {str(s.path) for s in synth.added().values() if isinstance(s, old_style.OldStyle)}


def test_two_classes_of_one_name_are_refused(later, tmp_path):
    second = tmp_path / "second.py"
    second.write_text(LATER)
    with pytest.raises(UsageError, match="both have a class named hum"):
        old_style.use([later, second])
    assert "hum" not in synth.names() and known_files() == set()


# --- in configurations and other processes ---


def digest_of(files, name, rate):
    """What a worker renders of a synthesizer whose file a configuration carries to it."""
    Textures().prepare(SimpleNamespace(synth_files=files))
    audio, _, _ = rendered(synth.get(name), 0.5, rate)
    return os.getpid(), audio.tobytes()


def test_configurations_and_workers_know_the_files(early, later):
    old_style.use([early, later])
    assert {"clicks_0001", "hum"} <= set(synth.names())
    each = ({"synth_pname": "rate_exp"}, {"synth_pname": "amp", "synth_minval": 0, "synth_maxval": 1})
    data = theirs(each=each, soundname="Clicks_0001", fixedParams=[])
    made, _ = schema.parse(data, "f")
    assert made.sounds[0].synth == "clicks_0001" and made.sounds[0].synth_version.startswith("file-")
    assert '"version": "file-' in made.settings[0].draws
    files = (str(early), str(later))
    assert known_files() == set(files)
    tasks = [(files, *one) for one in (("hum", 16000), ("hum", 8000), ("clicks_0001", 16000), ("hum", 16000))]
    found = list(LocalRunner(2).run(digest_of, tasks))
    assert os.getpid() not in {pid for pid, _ in found}
    here = [digest_of(*task)[1] for task in tasks]
    assert sorted(audio for _, audio in found) == sorted(here)
    # a fork server that is already running serves another wish
    edited(later, ("class Hum", "class Hiss"))
    old_style.use([later])
    assert "hiss" in synth.names()  # what has changed is read again
    assert len(list(LocalRunner(2).run(digest_of, [((str(later),), "hiss", 8000)] * 2))) == 2


def test_a_users_class_comes_before_one_of_the_same_name(later):
    edited(later, ("class Hum", "class MyPop"))  # an alias of a built-in one
    old_style.use([later])
    data = theirs(each=({"synth_pname": "f", "synth_minval": 50, "synth_maxval": 90},), soundname="MyPop")
    data["params"], data["fixedParams"] = data["params"][:1], []
    assert schema.parse(data, "f")[0].sounds[0].synth_version.startswith("file-")
