"""What a benchmark is, and how its lines are measured.

A benchmark compares ways of doing the same work. Each is a *line*; one of them is the reference. Each line
is measured in a process of its own, one line after the other, and all of them again for each round, so that
other work on the machine affects them alike. What is measured is the CPU time (user and system, all threads
and child processes) of the work alone: imports and preparation come before. The *ratio* of a line is the
median over rounds of its cost over the cost of the reference in the same round. It is the figure to look at;
seconds depend on the machine.
"""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 3
INSTALL = "install the extras benchmarks and dev, and benchmarks/peers.txt without dependencies"
MIN_CPU_SEC = 0.5

# does the work once, and returns how much it was
Work = Callable[[], float]


@dataclass(frozen=True)
class Line:
    """One way of doing the work.

    Attributes:
        prepare: gets the folder of the benchmark's data, imports and prepares what the work needs, and
            returns the work.
        needs: distributions that it imports and that the environment for training may lack.
    """

    prepare: Callable[[Path], Work]
    needs: tuple[str, ...] = ()

    def lacks(self) -> list[str]:
        """What has to be installed before it can run."""
        return [name for name in self.needs if not version_of(name)]


@dataclass(frozen=True)
class Benchmark:
    """Ways of doing the same work.

    Attributes:
        about: a sentence: what the work is.
        unit: of the cost, for the head of a table, such as "CPU ms a row".
        scale: cost in that unit for one CPU second per amount of work.
        make: writes the data that all lines read into an empty folder.
        rate: whether the cost is turned over: amount of work per CPU second.
    """

    name: str
    about: str
    unit: str
    scale: float
    reference: str
    lines: Mapping[str, Line]
    make: Callable[[Path], None] = lambda place: None
    rate: bool = False

    def __post_init__(self) -> None:
        assert self.reference in self.lines, self.name


def benchmarks() -> dict[str, Benchmark]:
    """All benchmarks by name: what the files ``suite.py`` declare as SUITE."""
    folder = Path(__file__).parent
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in folder.rglob("suite.py")]
    suites = [import_module(name).SUITE for name in sorted(modules)]
    return {benchmark.name: benchmark for suite in suites for benchmark in suite}


def cpu_seconds() -> float:
    """CPU seconds of this process and of the children that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def cost(work: Callable[[], Any]) -> tuple[float, Any]:
    """``(CPU seconds, result)`` of a call in this process."""
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


def peak_mib() -> float:
    """Largest resident memory so far of this process, or of a child that has ended if that was larger."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit
    try:  # on Linux the other figure begins with the memory of the parent
        status = Path("/proc/self/status").read_text()
        return max(children, int(status.partition("VmHWM:")[2].split()[0]) / 1024)
    except OSError:
        return max(children, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)


def run_line(benchmark: str, line: str, place: Path) -> dict[str, float]:
    """Do the work of a line in this process, again and again where it takes too little time to measure."""
    work = benchmarks()[benchmark].lines[line].prepare(place)
    begin, amount, used = cpu_seconds(), 0.0, 0.0
    while used < MIN_CPU_SEC:
        amount += work()
        used = cpu_seconds() - begin
    return {"cpu_seconds": used, "amount": amount, "peak_mib": peak_mib()}


def run_apart(benchmark: str, line: str, place: Path) -> dict[str, float]:
    """The same in a process of its own, with one thread."""
    command = [sys.executable, "-m", "benchmarks", "--line", benchmark, line, str(place)]
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB")}
    environment = {**os.environ, **threads, "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    process = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if process.returncode:
        raise RuntimeError(f"{line}: status {process.returncode}\n{process.stderr[-2000:]}")
    return json.loads(process.stdout.splitlines()[-1])


def measure(benchmark: Benchmark, place: Path, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure all lines that can run.

    Returns: dict of machine, unit, reference, lines and missing. Lines have their cost, ratio, its lowest
        and highest of all rounds, amount, CPU seconds of each round, and peak memory in MiB; ``missing`` says
        what lines lack that were not run.
    Raises: RuntimeError when a line fails, or the reference can't run.
    """
    missing = {name: line.lacks() for name, line in benchmark.lines.items() if line.lacks()}
    if benchmark.reference in missing:
        raise RuntimeError(f"its reference needs {', '.join(missing[benchmark.reference])}; {INSTALL}")
    names = [name for name in benchmark.lines if name not in missing]
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            say(f"{benchmark.name}, round {number + 1} of {rounds}: {name}")
            runs[name].append(run_apart(benchmark.name, name, place))
    base = [run["cpu_seconds"] / run["amount"] for run in runs[benchmark.reference]]
    lines = {name: _summary(runs[name], base, benchmark) for name in names}
    about = {"machine": machine(benchmark), "unit": benchmark.unit, "reference": benchmark.reference}
    return {**about, "lines": lines, "missing": missing}


def _summary(runs: list[dict[str, float]], base: list[float], benchmark: Benchmark) -> dict[str, Any]:
    costs = [run["cpu_seconds"] / run["amount"] for run in runs]
    ratios = [cost / reference for cost, reference in zip(costs, base, strict=True)]
    cost = statistics.median(costs)
    return {
        "cost": round(1 / cost if benchmark.rate else cost * benchmark.scale, 6),
        "ratio": round(statistics.median(ratios), 4),
        "ratio_lowest": round(min(ratios), 4),
        "ratio_highest": round(max(ratios), 4),
        "amount": round(runs[0]["amount"], 3),
        "cpu_seconds": [round(run["cpu_seconds"], 4) for run in runs],
        "peak_mib": round(max(run["peak_mib"] for run in runs), 1),
    }


def version_of(distribution: str) -> str | None:
    """Installed version, None where it is not."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def machine(benchmark: Benchmark) -> dict[str, Any]:
    """What the figures depend on, without anything that names this machine."""
    try:
        text = Path("/proc/cpuinfo").read_text()
        cpu = text.partition("model name")[2].partition(":")[2].splitlines()[0].strip()
    except (OSError, IndexError):
        cpu = platform.processor()
    names = sorted({*PACKAGES, *(name for line in benchmark.lines.values() for name in line.needs)})
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: found for name in names if (found := version_of(name))},
    }


# that every line may use
PACKAGES = ("sousa", "datasets", "numpy", "pyarrow", "scipy", "soundfile", "torch")
