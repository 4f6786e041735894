"""Whether every flipped bit of a dataset or release is noticed.

    python benchmarks/flips.py DIR [--flips 1000] [--seed 0]

A copy of DIR is made; a random bit of a random file is flipped, ``sousa validate`` (of a release: ``sousa
verify``) has to find it, and the bit is put back. Printed is how many flips of each kind of file were made
and how many went unnoticed. Reports of the validation and preview pages are left out: they can be made again.
"""

import argparse
import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import sousa
from sousa.builders.release import opened
from sousa.generation.errors import SousaError

REPORTS = ("validation_report.json", "validation_report.txt", "validation_report.html", "preview.html")


def noticed(root):
    """Whether the commands find something wrong."""
    try:
        if opened.is_release(root):
            return not sousa.verify(root)
        return not sousa.validate(root, workers=1)["passed"]
    except SousaError:
        return True


def flip(file, rng):
    """Flip a random bit of a file; returns what it held."""
    content = file.read_bytes()
    at = rng.randrange(len(content))
    file.write_bytes(content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :])
    return content


def flips(root, count, seed):
    """Counters of flips and of unnoticed ones, by the name of the file or the folder it is in."""
    rng, made, missed = random.Random(seed), Counter(), Counter()
    files = sorted(p for p in Path(root).rglob("*") if p.is_file() and p.name not in REPORTS)
    files = [file for file in files if file.stat().st_size]
    for _ in range(count):
        file = rng.choice(files)
        kind = file.relative_to(root).parts[0]
        content = flip(file, rng)
        made[kind] += 1
        missed[kind] += not noticed(root)
        file.write_bytes(content)
    return made, missed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    parser.add_argument("--flips", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = shutil.copytree(arguments.directory, Path(place) / "copy")
        made, missed = flips(root, arguments.flips, arguments.seed)
    for kind, count in sorted(made.items()):
        print(f"{kind:24} {count:6,} flips, {missed[kind]:4,} unnoticed")
    sys.exit(1 if missed.total() else 0)


if __name__ == "__main__":
    main()
