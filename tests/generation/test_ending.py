"""How programs end: stopped at any moment, and whoever reads what they say."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from sousa.generation import ending
from tests.conftest import ROOT, TINY

SOUSA = [sys.executable, str(ROOT / "sousa.py")]
STOPPED = "sousa: stopped; run the same command again to go on"


def started(arguments, **more):
    command = [*SOUSA, *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True, **more)


def ended_in_one_line(process, number):
    """Whether a signal came in time to stop it; otherwise it has ended well."""
    errors = process.communicate(timeout=600)[1].strip()
    if process.returncode == 0:
        assert errors == ""
        return False
    # before Python runs our first line, the system ends it
    assert (process.returncode, errors) in [(128 + number, STOPPED), (-number, "")]
    return True


def children_of(pid):
    """The processes it started, from whichever of its threads."""
    listed = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            listed += map(int, path.read_text().split())
    return listed


def commands(tiny, tmp_path):
    few = ["-p", "2", "-t", "1", "--rudiments", "flam,drag"]
    return {
        "rudiments": ["generate", "rudiments", *few, "-o", tmp_path / "r", "-w", 2, "-q"],
        "textures": ["generate", "textures", "-o", tmp_path / "t", "-w", 2, "-q"],
        "release": ["release", tiny, "-o", tmp_path / "release", "--version", "1.0.0", "-w", 2, "-q"],
        "verify": ["verify", tiny, "--all", "-q"],
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("name", ["rudiments", "textures", "release", "verify"])
def test_a_signal_to_the_group_at_any_moment(tiny, tmp_path, name, number):
    command, stopped = commands(tiny, tmp_path)[name], 0
    for delay in (0.08, 0.4, 0.7, 1.0, 1.3):
        process = started(command)
        time.sleep(delay)
        os.killpg(process.pid, number)
        stopped += ended_in_one_line(process, number)
    assert stopped
    if name == "rudiments":  # goes on
        done = subprocess.run([*SOUSA, *map(str, command)], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("helper", ["forkserver", "resource_tracker"])
def test_a_signal_to_a_helper_process_stops_nothing(tmp_path, helper):
    enough = ["-p", 4, "-t", 1, "--no-audio"]  # seconds of work: its helpers live long enough to be found
    process = started(["generate", "rudiments", *enough, "-o", tmp_path / "d", "-w", 2, "-q"])
    found = []
    while not found and process.poll() is None:
        for pid in children_of(process.pid):
            with contextlib.suppress(OSError):  # it has ended since
                if helper in Path(f"/proc/{pid}/cmdline").read_text():
                    found.append(pid)
    time.sleep(0.2)
    for pid in found:
        os.kill(pid, signal.SIGTERM)
    assert found and process.communicate(timeout=600)[1] == "" and process.returncode == 0


@pytest.mark.parametrize("where", ["__del__", "callback", "Cython"])
def test_a_stop_where_python_drops_exceptions_is_not_lost(where, capsys):
    class Dropping:
        def __del__(self):
            signal.raise_signal(signal.SIGTERM)

    def work():
        if where == "__del__":
            Dropping()
        elif where == "Cython":  # prints the exception, then drops it
            try:
                signal.raise_signal(signal.SIGTERM)
            except KeyboardInterrupt as error:
                sys.excepthook(type(error), error, error.__traceback__)
                sys.unraisablehook(SimpleNamespace(exc_type=type(error)))
        else:  # as soundfile's, which C calls
            code = compile("import signal; signal.raise_signal(signal.SIGTERM)", "soundfile.py", "exec")
            exec(code)
        time.sleep(5)
        return 0

    assert ending.run(work, "stopped", alone=False) == 143
    assert capsys.readouterr().err.strip() == "stopped"
    assert not ending.STOPPED.is_set()  # the next work of this process is another


def test_the_status_does_not_depend_on_the_reader(tiny, tmp_path):
    """Many times, on a machine that is busy with other things."""
    damaged = tmp_path / "d"
    shutil.copytree(tiny, damaged)
    next((damaged / "data").rglob("*.parquet")).unlink()
    over = []
    spin = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        for arguments, status in [
            (["validate", damaged], 1), (["--help"], 0), (["--version"], 0), (["generate", "-p", "x"], 2),
        ] * 3:  # fmt: skip
            read, write = os.pipe()
            process = subprocess.Popen([*SOUSA, *map(str, arguments)], stdout=write, stderr=write)
            os.close(write)
            over.append(threading.Timer(0.05 * (len(over) % 7), os.close, (read,)))
            over[-1].start()
            assert process.wait(600) == status, arguments
            over[-1].join()
    finally:
        spin.kill()
        spin.wait()


def test_a_full_disk_behind_the_output_changes_nothing(tmp_path):
    with open("/dev/full", "w") as full:
        done = subprocess.run([*SOUSA, *map(str, TINY), "-o", tmp_path / "d"], stdout=full, stderr=full)
    assert done.returncode == 0


def test_any_text_can_be_said(tmp_path):
    """In the locale of a bare machine, and of a path that is no text."""
    place = os.fsencode(tmp_path) + b"/d\xff\xc3\xa9"
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    environment = {**os.environ, **ascii_only}
    command = [*SOUSA, "generate", "-p", "1", "-t", "1", "--rudiments", "flam", "--no-audio", "-o", place]
    done = subprocess.run(command, capture_output=True, env=environment)
    assert (done.returncode, os.listdir(tmp_path)) == (2, [])
    assert done.stderr.startswith(b"sousa: ") and b"is not text in UTF-8" in done.stderr


@pytest.mark.parametrize("stamp", ["yesterday", "9" * 30, "-" + "9" * 14])
def test_a_day_that_is_none_is_said_before_a_release(tiny, tmp_path, sousa, stamp):
    done = sousa("release", tiny, "-o", tmp_path / "r", "--version", "1.0.0", SOURCE_DATE_EPOCH=stamp)
    assert done.returncode == 2 and done.stderr.startswith(f"sousa: SOURCE_DATE_EPOCH is {stamp!r}; give")
    assert os.listdir(tmp_path) == []


def test_names_of_banks_too_long_for_a_path(tmp_path, sousa):
    done = sousa("generate", "--soundfont", ",".join(["x" * 40] * 8), "-o", tmp_path / "d")
    assert done.returncode == 2 and "unknown bank 'xxxx" in done.stderr
