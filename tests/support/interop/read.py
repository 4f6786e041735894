"""Readers of other projects on what we write, each tried and told in a line; it runs without sousa.

    python read.py FOLDER [WORD ...]

``make.py`` makes the folder, and the environment that this runs in.
"""

import sys
import time
import traceback

import of_midi
import of_tables
import of_textures
from made import READERS, Made

MODULES = (of_tables, of_midi, of_textures)  # which have filled the table


def main():
    """Run readers; prints a table, and ends with status 1 when one failed."""
    made, asked, red = Made(sys.argv[1]), sys.argv[2:], []
    for name, function in READERS.items():
        if asked and not any(word in name for word in asked):
            continue
        begun = time.monotonic()
        try:
            said, mark = function(made), "green"
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1].lineno
            said, mark = f"{type(error).__name__} (line {where}): {str(error).splitlines()[:1]}", "RED"
            red.append(name)
        print(f"{mark:5} {time.monotonic() - begun:5.1f} s  {name}: {said}", flush=True)
    if red:
        sys.exit(f"not read: {'; '.join(red)}")


if __name__ == "__main__":
    main()
