"""Hostile and clumsy use of ``sousa generate textures``: a sentence, an exit status, nothing half done."""

import json

import numpy as np
import pytest

from sousa import main
from sousa.generation.errors import RunError
from sousa.generation.manifest import sealed
from sousa.generation.textures import synth
from sousa.generation.textures.validation import expectations, population
from sousa.generation.textures.values import Parameter
from tests.support import textures

CONFIG = {
    "synth": "pop", "sample_rate": 8000, "duration_sec": 0.2, "seed": 1,
    "parameters": {"cf": {"min": 200, "max": 400, "count": 3}},
}  # fmt: skip


def attempt(root, *options, config=CONFIG):
    file = root / "config.json"
    file.write_text(json.dumps(config))
    return main(
        [
            "generate",
            "textures",
            "--configfile",
            str(file),
            "-o",
            str(root / "out"),
            "-w",
            "1",
            "-q",
            *options,
        ]
    )


class Odd:
    """A synthesizer of another package that does what a test says."""

    name, version, about = "odd", "1", "for tests"
    parameters = (Parameter("cf", 100, 3000, 700, "Hz", "pitch"),)

    def __init__(self, render):
        self.render = render


def rendered(result):
    return synth.render(Odd(lambda *_: result), {"cf": 700.0}, 10, 8000, np.random.default_rng(0))


SILENCE = np.zeros(10, np.float32)


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_records_that_can_not_hold_a_corpus_are_refused_before_anything_is_made(tmp_path, capsys, options):
    config = {"synth": "wind", "sample_rate": 8000, "duration_sec": 0.2, "records": ["frames"]}
    assert attempt(tmp_path, *options, config=config) == 2
    assert "frames records need a swept or moving parameter" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_size_that_is_no_number_is_told_in_words(capsys):
    assert main(["generate", "textures", "--shard-mib", "big"]) == 2
    said = "--shard-mib is 'big'; give a number above 0, up to 10240 MiB, or single\n"
    assert capsys.readouterr().err == f"sousa: {said}"


def test_a_synthesizer_that_ends_the_program_does_not(monkeypatch):
    def leave(*_):
        raise SystemExit(0)

    with pytest.raises(RunError, match=r"odd failed for cf=700.0: SystemExit: 0"):
        synth.render(Odd(leave), {"cf": 700.0}, 10, 8000, None)
    monkeypatch.setattr(synth, "known", lambda: {"gone": "sys:exit"})
    synth._load.cache_clear()
    with pytest.raises(RunError, match=r"gone \(sys:exit\) can't be loaded"):
        synth.get("gone")


def test_an_old_style_class_that_ends_the_program_does_not(tmp_path, capsys):
    file = tmp_path / "leaver.py"
    file.write_text(
        "class Leaver:\n"
        "    def getParams(self): return ['cf']\n"
        "    def getParam(self, name, prop): raise SystemExit(0)\n"
        "    def setParam(self, name, value): pass\n"
        "    def generate(self, seconds): pass\n"
    )
    assert attempt(tmp_path, "--synth-file", str(file)) == 1
    assert "Leaver in" in (said := capsys.readouterr().err) and "SystemExit: 0" in said


def test_a_synthesizer_can_not_change_the_labels():
    params = {"cf": 700.0}
    synth.render(Odd(lambda given, *_: (given.clear(), (SILENCE, None))[1]), params, 10, 8000, None)
    assert params == {"cf": 700.0}


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ((SILENCE, [[1], [1, 2]]), "onsets object"),
        ((SILENCE, np.array([9, 3], np.uint64)), "out of order"),
        ((SILENCE, [1, 2], None), "details NoneType"),
        ((SILENCE, [1, 2], {"kind": 5}), "another number"),
        ((SILENCE, [1, 2], {"kind": "ab"}), "another number"),
        ((SILENCE, [1, 2], {"kind": [1, 2]}), "kinds that are not texts"),
        ((SILENCE, [1, 2], {"kind": ["a", "\ud800"]}), "kinds that are not texts"),
        ((SILENCE, [1, 2], {"velocity": [0, 500]}), "velocities"),
        ((SILENCE, [1, 2], {"velocity": [1.5, 2.5]}), "velocities"),
        ((SILENCE, [1, 2], {"velocity": [None, None]}), "velocities"),
        ((SILENCE, [1, 2], {"velocity": [[1, 2], [3, 4]]}), "another number"),
    ],
)
def test_what_a_synthesizer_must_not_return_is_told(result, said):
    with pytest.raises(RunError, match=f"synthesizer odd returned .*{said}"):
        rendered(result)


def test_what_a_synthesizer_may_return_is_taken():
    onsets = np.array([1, 2], np.uint8)
    _, found, details = rendered((SILENCE, onsets, {"kind": ["a", "b"], "velocity": np.array([1, 127])}))
    assert found.dtype == np.int64 and found.tolist() == [1, 2] and len(details) == 2
    assert rendered((SILENCE, [], {"kind": []}))[1].tolist() == []


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("parameters", 5), ("aliases", None), ("aliases", (1,)), ("parameter_aliases", None)],
)
def test_a_class_with_attributes_of_other_types_is_told(attribute, value):
    one = Odd(None)
    setattr(one, attribute, value)
    assert attribute in synth.problem_with(one)


@pytest.mark.parametrize(
    "given", [(5, 0, 1, 0), ("", 0, 1, 0), ("a", "0", "1", "0"), ("a", 0, float("inf"), 1)]
)
def test_a_parameter_without_a_name_or_finite_numbers_is_refused(given):
    with pytest.raises(ValueError, match="give"):
        Parameter(*given, "", "")


def test_pitch_of_rows_too_short_to_have_one_is_not_judged():
    rate, natural = 16000, {"cf": 220.0, "Q": 40.0}
    tone = (9000 * np.sin(2 * np.pi * 220 * np.arange(rate) / rate)).astype(np.int16)
    assert abs(expectations.centre_error("pop", natural, tone, rate)) < 0.1
    assert expectations.centre_error("pop", natural, tone[: rate // 10], rate) is None


def test_pitch_of_few_rows_fails_no_true_dataset():
    """Each pop is off by a normal draw of one semitone: how often does the check call that wrong?"""

    class One:
        name, synth = "pops", "pop"

    class Config:
        sounds = (One,)

    class Findings:
        config = Config

        def __init__(self, errors):
            self.lists = {"media": [{"sound": "pops", "centre": e} for e in errors]}

    rng, wrong = np.random.default_rng(7), 0
    for _ in range(400):
        wrong += not population.pitches(Findings(rng.standard_normal(8))).passed
    assert wrong == 0
    assert not population.pitches(Findings(3 + rng.standard_normal(8))).passed


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return textures.made(tmp_path_factory.mktemp("made") / "out", CONFIG)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(records=5), "records is 5"),
        (lambda m: m.update(tables=[{"file": "labels/samples.parquet"}]), "tables.0.bytes is missing"),
        (lambda m: m["config"]["sounds"][0]["axes"][0].update(count=10**12), "do not match their digest"),
    ],
)
def test_a_manifest_changed_by_hand_is_told(made, tmp_path, capsys, change, said):
    manifest = json.loads((made / "manifest.json").read_text())
    change(manifest)
    (tmp_path / "manifest.json").write_text(json.dumps(sealed(manifest)))
    assert main(["validate", "-q", str(tmp_path)]) == 1
    assert said in capsys.readouterr().err


def test_a_digest_changed_by_hand_is_told_as_such(made, tmp_path, capsys):
    manifest = json.loads((made / "manifest.json").read_text())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(sealed(manifest | {"config_digest": "x"})))
    assert attempt(tmp_path) == 2
    assert "other settings (its manifest was changed by hand)" in capsys.readouterr().err


def test_rows_of_one_sample_can_be_made_and_validated(tmp_path):
    config = CONFIG | {"duration_sec": 2 / 8000, "chunk_sec": 1 / 8000}
    assert attempt(tmp_path, config=config) == 0


def test_rows_that_rounding_made_silent_fail_no_check(tmp_path):
    sound = {
        "synth": "rain",
        "parameters": {"drops_per_sec": 30, "bubble_share": {"values": [0.2, 0.4, 0.6]}},
    }
    config = {"sample_rate": 8000, "duration_sec": 0.5, "chunk_sec": 0.05, "level": "peak:-80", "examples": 3}
    assert attempt(tmp_path, config=config | sound) == 0
