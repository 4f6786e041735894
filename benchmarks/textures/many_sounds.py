"""CPU seconds of ``--dry-run`` of one texture file with many sounds: ``benchmarks/textures/many_sounds.py``.

Every sound has 20 settings on a grid. Each run is a process of its own; what it takes with one sound, to
start, is taken off before the ratio to the smallest is worked out. Work that is linear has the ratio of the
numbers of sounds.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
NUMBERS = (500, 1000, 2000, 5000)
SETTINGS = 20


def configuration(number, settings=SETTINGS):
    """A file's plain data, with a number of sounds that have no setting in common."""
    rate = {"min": 1, "max": 4, "count": settings}
    sounds = [
        {"name": f"sound {i}", "synth": "pop", "parameters": {"rate_exp": rate, "cf": 220 + i / 10, "Q": 20}}
        for i in range(number)
    ]
    return {"duration_sec": 2, "chunk_sec": 1, "sample_rate": 16000, "sounds": sounds}


def cpu_seconds(*arguments):
    """CPU seconds of a command in a process of its own."""
    command = [sys.executable, str(ROOT / "sousa.py"), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return used.ru_utime + used.ru_stime


def main():
    with tempfile.TemporaryDirectory() as place:
        file, first = Path(place) / "config.json", None
        dry = ("generate", "textures", "--dry-run", "--workers", "1", "--outputpath", f"{place}/none")
        dry += ("--configfile", str(file))
        file.write_text(json.dumps(configuration(1)))
        start = cpu_seconds(*dry)
        print(f"to start: {start:.2f} CPU s\n\nsounds  settings    CPU s   ratio of work (of sounds)")
        for number in NUMBERS:
            file.write_text(json.dumps(configuration(number)))
            seconds = cpu_seconds(*dry)
            first = first or seconds - start
            ratios = f"{(seconds - start) / first:6.1f} ({number / NUMBERS[0]:g})"
            print(f"{number:6,}  {number * SETTINGS:8,}  {seconds:7.2f}   {ratios}")


if __name__ == "__main__":
    main()
