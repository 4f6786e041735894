"""The wheel of this checkout, and environments that it is installed in."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.conftest import ROOT


def run(*command, cwd=None):
    """What a command prints; nothing of this checkout is on its path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(place):
    """Build the source distribution of this checkout and the wheel of that; returns the wheel's path."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", place, ROOT)
    return next(place.glob("*.whl"))


def install(wheel, place):
    """A new environment with a wheel, which sees the packages of this one; returns where its programs are."""
    run(sys.executable, "-m", "venv", "--without-pip", place)
    paths = sysconfig.get_paths(vars={"base": str(place), "platbase": str(place)})
    # of the folder that a .pth names the .pth files are not read: an editable sousa there is not seen
    Path(paths["purelib"], "others.pth").write_text(sysconfig.get_paths()["purelib"])
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", place / "bin/python")
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel)
    return place / "bin"
