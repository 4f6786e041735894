"""make.py: system packages are installed by root, and named to everybody else."""

import os
import shutil
import subprocess

import pytest

import make


@pytest.fixture
def machine(monkeypatch, capsys):
    """A function that acts for a user on a machine with some programs; gives what was run and said."""

    def act(programs, root, status, **more):
        commands = []

        def run(command, **_):
            commands.append(" ".join(command))
            return subprocess.CompletedProcess(command, status, "", "E: no such package")

        monkeypatch.setattr(shutil, "which", lambda name: name if name in programs else None)
        monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
        monkeypatch.setattr(subprocess, "run", run)
        make.system_packages(["chromium"], ["--cask", "chromium"], "a browser", **more)
        return commands, capsys.readouterr().out

    return act


def test_root_and_homebrew_install(machine):
    commands, _ = machine(["apt-get"], True, 0)
    assert commands == ["apt-get -qq update", "apt-get -qq install -y --no-install-recommends chromium"]
    assert machine(["brew"], False, 0)[0] == ["brew install --quiet --cask chromium"]


@pytest.mark.parametrize("programs, root, words", [
    (["apt-get"], False, "run 'sudo apt-get install chromium', then this command again"),
    (["apt-get"], True, "could not install chromium: E: no such package"),
    ([], False, "install chromium (Debian) or --cask chromium (Homebrew), then run this again"),
])  # fmt: skip
def test_else_it_says_what_to_type_and_stops_or_goes_on(machine, programs, root, words):
    with pytest.raises(SystemExit) as stopped:
        machine(programs, root, 1)
    assert words in str(stopped.value)
    assert words in machine(programs, root, 1, tell=make.say)[1]
