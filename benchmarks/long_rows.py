"""Peak memory of every command on long rows: ``benchmarks/long_rows.py CORPUS [OPTION ...]``.

Arguments are those of ``sousa generate``, for example ``CORPUS --duration 60 --sample-rate 96000``. The
dataset is made, validated, previewed, released, verified and exported, by two worker processes where the
command has any. Figures are the largest peak (VmHWM) of a process of each command, in MB.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent


def peak(command, place):
    """``(peak in MB of the largest process, exit status, what was said)`` of a command."""
    with open(place / "log", "w+b") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "sousa.py"), *command], stdout=log, stderr=log,
            start_new_session=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        most = 0
        while process.poll() is None:
            most = max(most, *(_high_water(entry, process.pid) for entry in os.scandir("/proc")))
            time.sleep(0.02)
        log.seek(0)
        return most / 1e6, process.returncode, log.read().decode("utf-8", "replace")


def _high_water(entry, session):
    """Bytes that a process has had at most, if it is of a session."""
    try:
        if not entry.name.isdigit() or os.getsid(int(entry.name)) != session:
            return 0
        lines = Path(entry.path, "status").read_text().splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)
    except OSError:  # it has ended
        return 0


def commands(making, data):
    """Name and arguments of every command that reads or writes whole rows."""
    release = f"{data}-release"
    return {
        "generate": ["generate", *making, "-o", data, "-w", "2", "--skip-validation"],
        "validate": ["validate", data, "-w", "2"],
        "preview": ["preview", data],
        "release": ["release", data, "-o", release, "--version", "1.0.0", "-w", "2"],
        "verify": ["verify", release, "--rows", "2"],
        "export": ["export", data, "--to", "csv", "-o", f"{data}-csv", "-w", "2"],
    }


def line(title, making, place):
    figures = []
    with tempfile.TemporaryDirectory(dir=place) as folder:
        for name, command in commands(making, f"{folder}/data").items():
            most, status, said = peak(command, place)
            if status == 2 and name == "generate":
                return print(f"{title}  refused: {said.strip()}", flush=True)
            if status and (name, status) != ("preview", 2):  # a page that is too large for a browser
                sys.exit(f"{title}: {' '.join(command)} failed ({status}): {said}")
            figures.append(most)
    print(f"{title}  " + "".join(f"{figure:10,.0f}" for figure in figures), flush=True)


def head():
    names = "".join(f"{name:>10}" for name in commands((), ""))
    print(f"{'':44}{names}   MB", flush=True)


if __name__ == "__main__":
    head()
    with tempfile.TemporaryDirectory() as folder:
        line(f"{'':42}", sys.argv[1:], Path(folder))
