import operator
import os
import signal
import subprocess
import sys

import pytest

from sousa.generation import ending, runners
from sousa.generation.errors import RunError, UsageError
from tests.conftest import ROOT


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_while_a_result_is_recorded_loses_nothing(workers):
    """However the two fall together: the record is kept, tasks in hand are too, and then it stops."""
    tasks, results = [(i, 1) for i in range(20)], []
    before = signal.signal(signal.SIGINT, ending.on_signal)
    ending.stop(False)
    try:
        with pytest.raises(KeyboardInterrupt):
            for result in runners.LocalRunner(workers).run(operator.add, tasks):
                if not results:
                    signal.raise_signal(signal.SIGINT)
                results.append(result)
        assert 1 <= len(results) <= 4 and len(results) >= workers
        with pytest.raises(KeyboardInterrupt):  # nobody listens now: the handler raises at once
            signal.raise_signal(signal.SIGINT)
    finally:
        ending.stop(False)
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("workers", [-1, 1.5, "2", None])
def test_a_number_of_workers_that_is_none_is_refused(workers):
    with pytest.raises(UsageError, match=r"^workers is .*; give 0 \(one a core\) or more$"):
        runners.LocalRunner(workers)


def test_a_worker_that_is_killed_is_said():
    with pytest.raises(RunError, match="a worker process was killed"):
        list(runners.LocalRunner(2).run(os._exit, [(1,), (1,)]))


@pytest.mark.parametrize("limit", [16, 20, 22, 24])
def test_too_few_open_files_for_workers_are_said_before_they_start(limit):
    program = f"""
import resource
from sousa.generation import runners
resource.setrlimit(resource.RLIMIT_NOFILE, ({limit}, {limit}))
list(runners.LocalRunner(2).run(abs, [(1,), (2,)]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert "multiprocessing" not in done.stderr
    assert f"this process may open {limit} files, and 2 workers need" in done.stderr.splitlines()[-1]


def test_a_worker_that_starts_when_its_parent_is_gone_ends_without_a_word():
    start = "import multiprocessing as m\nfrom sousa.generation.runners import local\n"
    start += "mine, theirs = m.Pipe()\ntheirs.close()\nlocal._start_worker(mine, {})"
    done = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


@pytest.mark.parametrize("where", ["installed", "working directory"])
def test_workers_import_the_code_that_runs(tmp_path, where):
    """Not that of another version, which is installed or lies where the command is typed."""
    (tmp_path / "sousa").mkdir()
    (tmp_path / "sousa" / "__init__.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')")
    environment = {"PYTHONPATH": str(tmp_path)} if where == "installed" else {}
    place = tmp_path / "empty" if where == "installed" else tmp_path
    place.mkdir(exist_ok=True)
    words = ["-p", "2", "-t", "1", "--rudiments", "flam", "--no-audio", "-q", "-w", "2", "-o", "made"]
    command = [sys.executable, str(ROOT / "sousa.py"), "generate", *words]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=place, env={**kept, **environment})
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "imported").exists()


SCRIPT = """
import sousa
{guard}
    print(sousa.generate("rudiments", {output!r}, profiles=2, tempos=1, rudiments=["flam"], with_audio=False,
                         check=False{workers}).manifest["num_rows"])
"""


@pytest.mark.parametrize(
    "guard, workers, status",
    [("if True:", "", 0), ("if True:", ", workers=2", 1), ("if __name__ == '__main__':", ", workers=2", 0)],
)
def test_a_plain_script_needs_no_guard_unless_it_asks_for_workers(tmp_path, guard, workers, status):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(guard=guard, output=str(tmp_path / "d"), workers=workers))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment)
    assert done.returncode == status, done.stderr
    if status:
        assert 'under if __name__ == "__main__":' in done.stderr.splitlines()[-1]
    else:
        assert done.stdout == "2\n"


class Large:
    """An argument of all tasks that counts how often it is sent."""

    sent = 0

    def __getstate__(self):
        Large.sent += 1
        return {"data": b"x" * 1000}


def same(number, large, again, place):
    return number, len(large.data), id(large), place, os.getpid()


def test_an_argument_of_all_tasks_is_sent_once_a_worker_and_is_one_object_there(monkeypatch):
    monkeypatch.setattr(Large, "sent", 0)
    large = Large()
    tasks = [(i, large, i + 1000, "here") for i in range(2000, 2020)]
    results = list(runners.LocalRunner(2).run(same, tasks))
    assert sorted(row[0] for row in results) == list(range(2000, 2020))
    assert {(size, place) for _, size, _, place, _ in results} == {(1000, "here")}
    assert 1 <= Large.sent <= 2
    assert len({(pid, where) for _, _, where, _, pid in results}) == len({row[-1] for row in results})
