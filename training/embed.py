"""Rows into vectors by frozen encoders: the same as ``sousa embed``, as a file beside training/train.py."""

import os
import sys
from pathlib import Path

if __package__ in (None, ""):  # run as a file: the checkout, not this folder, is where packages are
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

# threads that wait for each other must not spin, see training/train.py
os.environ.setdefault("GOMP_SPINCOUNT", "0")

from sousa import main

if __name__ == "__main__":
    sys.argv.insert(1, "embed")
    sys.exit(main())
