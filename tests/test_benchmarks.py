"""Benchmarks: each is whole, what is kept is what documents show, and one is run for real."""

import copy
import gc
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from benchmarks import __main__ as command_line
from benchmarks import measuring, results
from benchmarks.measuring import Benchmark, Line
from tests.support.pages import PAGES, ROOT

README = ROOT / "README.md"
# a speed, a cost, memory of a process, or how right a model is
MEASURED = re.compile(
    r"""\d\s*(?:k|M)?\s*(?:
        (?:rows|samples|files|performances)\ ?(?:/s|a\ second)\b
      | CPU[ -]?(?:s|ms|seconds?|minutes?)\b | (?:a|per)\ CPU-second
      | times\ (?:real\ time|FLAC) | (?:times|×)\ as\ fast
      | minutes\ on\b
    ) | \bF1\ (?:of\ )?0?\.\d | \bpeak\ (?:memory\ )?(?:of\ )?\d""",
    re.VERBOSE,
)
SOURCE = re.compile(r"python (?:-m )?benchmarks\b|training/(?:train|evaluate)\.py|benchmarks\.md|<!-- /\w")
LIMITS = ("reference/options.md", "reference/formats.md")  # what is allowed, not what was measured


@pytest.fixture(scope="module")
def known():
    return measuring.benchmarks()


@pytest.fixture(scope="module")
def stored():
    return results.read()


def sections(page: Path) -> list[str]:
    """A page cut before its headings."""
    return re.split(r"^(?=#+ )", page.read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_a_figure_has_a_source(page):
    """A section that states a measured figure names the command that measures it."""
    if any(str(page).endswith(name) for name in LIMITS):
        return
    for section in sections(page):
        section = re.sub(r"<!-- not run: .*?-->", "", section)
        figures = [match.group() for match in MEASURED.finditer(section)]
        assert not figures or SOURCE.search(section), f"{section.splitlines()[0]}: no source of {figures}"


def test_a_figure_without_a_source_is_refused():
    figures = ("takes 17 CPU-seconds", "1,200 rows/s", "45 times real time", "onset F1 .93", "peak 415 MiB")
    for text in figures:
        assert MEASURED.search(text) and not SOURCE.search(text), text
    for text in ("16 kHz", "50 ms", "1,200 rows", "two cores", "as much as 64 MiB"):
        assert not MEASURED.search(text), text


def test_results_are_of_all_benchmarks(known, stored):
    """Every line was measured, none only once."""
    assert stored["benchmarks"].keys() == known.keys()
    for name, benchmark in known.items():
        figures = stored["benchmarks"][name]
        assert figures["reference"] == benchmark.reference and figures["unit"] == benchmark.unit
        assert figures["lines"].keys() == benchmark.lines.keys(), f"{name}: measure it again"
        assert figures["lines"][benchmark.reference]["ratio"] == 1
        for line in figures["lines"].values():
            assert len(line["cpu_seconds"]) >= measuring.ROUNDS
            assert line["ratio_lowest"] <= line["ratio"] <= line["ratio_highest"]
        assert {"numpy", "torch"} <= figures["machine"]["packages"].keys()
        assert "/" not in json.dumps(figures["machine"])  # no paths


def test_results_are_compared(stored):
    name, stored = "MIDI files", stored["benchmarks"]
    assert not results.changed(stored, stored, [name])
    other = copy.deepcopy(stored)
    other[name]["lines"]["mido"]["ratio"] *= 1.3
    (text,) = results.changed(stored, other, [name])
    assert text.startswith("MIDI files, mido: ratio")
    del other[name]["lines"]["sousa"]
    assert not any("sousa" in text for text in results.changed(stored, other, [name]))
    assert any("not in the earlier" in text for text in results.changed(other, stored, [name]))


def test_machines_are_named_with_their_benchmarks(stored):
    other = copy.deepcopy(stored)
    text = results.machines(other)
    assert "numpy" in text and "MIDI files" not in text
    other["benchmarks"]["MIDI files"]["machine"]["cpu"] = "Abacus"
    assert "MIDI files: Abacus, " in results.machines(other)
    assert results.machines({"benchmarks": {}}) == ""


@pytest.mark.parametrize(
    "value, text",
    [(12345.6, "12,300"), (219.4, "219"), (17.04, "17.0"), (1.234, "1.23"), (0.0312, "0.031"), (0.5, "0.50")],
)
def test_figures_have_three_digits(value, text):
    assert results.figure(value) == text


def spin(amount):
    """A line that computes for a while; its amount."""

    def prepare(place):
        def work():
            sum(i * i for i in range(amount * 100_000))
            return 1.0

        return work

    return Line(prepare)


def test_work_is_repeated_until_it_can_be_measured(monkeypatch, tmp_path):
    benchmark = Benchmark("spin", "", "CPU s", 1.0, "one", {"one": spin(1)})
    monkeypatch.setattr(measuring, "benchmarks", lambda: {"spin": benchmark})
    run = measuring.run_line("spin", "one", tmp_path)
    assert run["cpu_seconds"] >= measuring.MIN_CPU_SEC and run["amount"] >= 2 and run["peak_mib"] > 10


def test_ratios_are_of_the_same_round(monkeypatch, tmp_path):
    """A machine that is slow for a while slows both; cost is the median, and the rate its inverse."""
    costs = {"a": iter([1.0, 10.0, 2.0]), "b": iter([2.0, 20.0, 4.0])}

    def run_apart(name, line, place):
        return {"cpu_seconds": next(costs[line]), "amount": 2.0, "peak_mib": 50.0}

    monkeypatch.setattr(measuring, "run_apart", run_apart)
    lines = {"a": spin(1), "b": spin(1), "c": Line(spin(1).prepare, needs=("no-such-distribution",))}
    figures = measuring.measure(Benchmark("x", "", "s", 1e3, "a", lines, rate=False), tmp_path, 3, print)
    assert figures["lines"]["b"]["ratio"] == 2 and figures["lines"]["b"]["ratio_highest"] == 2
    assert figures["lines"]["a"]["cost"] == 1000 and figures["missing"] == {"c": ["no-such-distribution"]}


def run(*arguments):
    command = [sys.executable, "-m", "benchmarks", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_a_benchmark_is_run_and_compared(tmp_path):
    """The command measures, prints a table, keeps what was there, and compares with what was there before."""
    file = tmp_path / "results.json"
    shutil.copy(results.FILE, file)
    done = run("MIDI files", "--rounds", 2, "--json", file)
    assert not done.returncode, done.stderr
    assert "| sousa |" in done.stdout and "(reference)" in done.stdout
    kept = results.read(file)["benchmarks"]
    assert kept.keys() == results.read()["benchmarks"].keys()
    lines = kept["MIDI files"]["lines"]
    assert lines["sousa"]["ratio"] < lines["mido"]["ratio"] < 1
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]

    kept["MIDI files"]["lines"]["mido"]["ratio"] *= 10
    results.write(file, {"benchmarks": kept})
    done = run("MIDI files", "--rounds", 1, "--json", file, "--against", file)
    assert done.returncode == 1 and "MIDI files, mido: ratio" in done.stdout.splitlines()[-1], done.stderr


def test_rounds_do_not_disturb_each_other(tmp_path, monkeypatch):
    """What lines write is none of what the reference reads, and is gone afterwards."""
    from benchmarks.piano import suite

    place, scratch = tmp_path / "place", tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setattr(suite, "PIECES", 2)
    suite.make_shard(place)
    stored = sorted(place.rglob("*"))
    amount = suite.whole({"audio_format": "wav"}, place)()
    assert amount == pytest.approx(suite.whole({}, place)()) and sorted(place.rglob("*")) == stored
    assert 0 < suite.MAKING.lines[suite.MAKING.reference].prepare(place)() <= amount
    gc.collect()
    assert not list(scratch.iterdir())


def test_other_benchmarks_go_on_when_one_fails(monkeypatch, tmp_path, capsys):
    def fail(place):
        raise RuntimeError("no such luck")

    names = {"bad": Benchmark("bad", "", "s", 1.0, "one", {"one": spin(1)}, fail)}
    names["lacking"] = Benchmark(
        "lacking", "", "s", 1.0, "one", {"one": Line(spin(1).prepare, ("nothing-here",))}
    )
    names["good"] = Benchmark("good", "About.", "s", 1.0, "one", {"one": spin(1)})
    figures = {"cpu_seconds": 1.0, "amount": 1.0, "peak_mib": 1.0}
    monkeypatch.setattr(measuring, "benchmarks", lambda: names)
    monkeypatch.setattr(measuring, "run_apart", lambda *arguments: figures)
    file = tmp_path / "r.json"
    assert command_line.main(["--json", str(file), "--rounds", "1"]) == 1
    said = capsys.readouterr().err
    assert "2 of 3 benchmarks failed" in said and "bad: no such luck" in said and "needs nothing-here" in said
    assert results.read(file)["benchmarks"].keys() == {"good"}


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["piono"], "no benchmark 'piono'; choose from"),
        (["--rounds", "0"], "--rounds is 1 or more"),
        (["piano", "--against", "nowhere.json"], "nowhere.json has no results of piano"),
        (["piano", "--json", "/nowhere/r.json"], "there is no folder /nowhere"),
    ],
)
def test_what_is_wrong_is_said_at_once(arguments, text):
    done = run(*arguments)
    assert done.returncode == 2 and text in done.stderr
