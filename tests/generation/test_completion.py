"""Completion by the shell: what the command answers, and that what it prints works in bash."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT, run_sousa


def completed(line, place, start=1):
    """What the command answers to a shell that asks what may come next."""
    answer = place / "answer"
    answer.write_text("")
    done = run_sousa(
        _ARGCOMPLETE=str(start), _ARGCOMPLETE_IFS="\n", _ARGCOMPLETE_STDOUT_FILENAME=str(answer),
        COMP_LINE=line, COMP_POINT=str(len(line)), COMP_TYPE="9", cwd=place,
    )  # fmt: skip
    assert not done.stdout and not done.stderr, done.stderr
    return {word.strip() for word in answer.read_text().splitlines()}


@pytest.mark.parametrize(
    "line, words",
    [
        ("sousa gen", {"generate"}),
        ("sousa banks ", {"list", "build", "play", "--help"}),
        ("sousa generate tex", {"textures"}),
        ("sousa generate rudiments --prof", {"--profiles"}),
        ("sousa generate textures --synth", {"--synth-file"}),
        ("sousa generate --prof", {"--profiles"}),
        ("sousa generate --size ", {"small", "medium", "full"}),
        ("sousa generate -o 'a b' --si", {"--size"}),
        ("sousa generate piano --audio-format ", {"flac", "wav"}),
        ("sousa generate rudiments --acoustics clean,g", {"clean,gym", "clean,garage"}),
        ("sousa generate rudiments --tiers beg", {"beginner"}),
        ("sousa export x --to j", {"json", "jams"}),
        ("sousa export x --split t", {"train", "test"}),
        ("sousa completion ", {"bash", "zsh", "fish", "--help"}),
        ("sousa validate my", {"mydata/"}),
        ("sousa generate nosuch --", set()),
        ("sousa nosuch --", {"--help", "--version"}),
        ("sousa generate 'open", set()),
    ],
)
def test_what_may_come_next(tmp_path, line, words):
    (tmp_path / "mydata").mkdir()
    answer = completed(line, tmp_path)
    if line.endswith("nosuch --"):
        assert answer <= words
    else:
        assert answer == words


def test_commands_are_those_of_the_help(tmp_path):
    words = completed("sousa ", tmp_path)
    assert {"generate", "rudiments", "unify", "transcribe", "--help", "--version"} <= words


def test_a_script_is_completed_too(tmp_path):
    assert completed("python sousa.py gen", tmp_path, start=2) == {"generate"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_goes_into_the_start_file_is_of_that_shell(tmp_path, shell):
    done = run_sousa("completion", shell)
    assert done.returncode == 0 and "sousa" in done.stdout and "_ARGCOMPLETE" in done.stdout
    if shutil.which(shell):
        (tmp_path / "start").write_text(done.stdout)
        assert subprocess.run([shell, "-n", tmp_path / "start"]).returncode == 0


def test_bash_completes_by_it(tmp_path):
    program = tmp_path / "sousa"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "sousa.py"}" "$@"\n')
    program.chmod(0o755)
    script = (
        'eval "$(sousa completion bash)"; COMP_LINE="sousa tra"; COMP_POINT=9; COMP_TYPE=9;'
        '_python_argcomplete sousa; echo "${COMPREPLY[@]}"; complete -p sousa'
    )
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment)
    answer, registered = done.stdout.splitlines()
    assert answer.strip() == "transcribe" and "_python_argcomplete" in registered, done.stderr


def test_it_costs_nothing_where_no_shell_asks():
    modules = "{'argcomplete', 'numpy', 'pyarrow', 'torch'}"
    script = f"import sys, sousa\nsousa.main([])\nassert not {modules} & sys.modules.keys()"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, cwd=ROOT).returncode == 0


def test_an_unknown_shell_is_refused(sousa):
    done = sousa("completion", "tcl")
    assert done.returncode == 2 and "choose from" in done.stderr and "Traceback" not in done.stderr
