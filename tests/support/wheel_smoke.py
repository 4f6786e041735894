"""Whether an installed wheel works: a dataset of each made corpus is generated, made again and loaded.

Run by a Python that has the wheel and nothing else; this checkout is not on its path::

    python tests/support/wheel_smoke.py
"""

import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import datasets

import sousa

REQUESTS = {
    "rudiments": ("--profiles", "3", "--tempos", "1", "--rudiments", "flam"),
    "textures": ("--size", "small", "--duration", "0.5", "--chunk", "0.5", "--sample-rate", "8000"),
    "piano": ("--samples", "10", "--complexity", "simple", "--max-duration", "10"),
}


def check(corpus: str, place: Path) -> int:
    """Generate a small dataset with the command, verify and load it; returns its number of rows."""
    program = Path(sys.executable).with_name("sousa")
    command = [str(program), "generate", corpus, "-o", str(place), "-w", "1", "-q", *REQUESTS[corpus]]
    subprocess.run(command, check=True)
    sousa.verify(str(place))
    return sum(datasets.load_dataset(str(place)).num_rows.values())


def main() -> None:
    """Entry point."""
    print(f"sousa {sousa.__version__} in {Path(sousa.__file__).parent}, Python {platform.python_version()}")
    datasets.disable_progress_bars()
    for corpus in REQUESTS:
        with tempfile.TemporaryDirectory() as place:
            rows = check(corpus, Path(place) / "dataset")
        print(f"{corpus}: {rows} rows")
        if not rows:
            sys.exit(f"{corpus}: no rows were loaded")


if __name__ == "__main__":
    main()
