"""Peak memory of one process for long rows: ``benchmarks/textures/long_signals.py [--whole]``.

Each line is a corpus of a few long signals that is made, validated, previewed, released, verified and exported,
each by two worker processes where the command has any. The figure is the largest peak (VmHWM) of the processes
of a command, in MB; what is refused before the work says so. ``--whole``: signals that are one row each, as
well as signals in chunks of ten seconds; it takes some minutes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# synthesizer, Hz, seconds
SIGNALS = (("pop", 8000, 60), ("pop", 8000, 3600), ("pop", 96000, 250), ("rain", 8000, 2700), ("fm", 8000, 3600),
           ("wind", 8000, 900), ("wind", 8000, 3600), ("pop", 96000, 3600))  # fmt: skip
RUDIMENTS = ("-p", "1", "-t", "3", "--duration", "60", "--sample-rate", "96000", "--stereo")
PARAMETER = {"pop": "irreg_exp", "rain": "drops_per_sec", "fm": "index", "wind": "gustiness"}


def peak(command, place):
    """``(peak in MB of the largest process, exit status, what was said)`` of a command."""
    with open(place / "log", "w+b") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "sousa.py"), *command], stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        most = 0
        while process.poll() is None:
            most = max(most, *(_high_water(entry, process.pid) for entry in os.scandir("/proc")))
            time.sleep(0.02)
        log.seek(0)
        return most / 1e6, process.returncode, log.read().decode("utf-8", "replace")


def _high_water(entry, session):
    """Bytes that a process has had at most, if it is of a session."""
    try:
        if not entry.name.isdigit() or os.getsid(int(entry.name)) != session:
            return 0
        lines = Path(entry.path, "status").read_text().splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)
    except OSError:  # it has ended
        return 0


def configuration(synth, rate, seconds, chunk_sec, audio_format):
    ends = {"min": 0.5, "max": 1.5, "count": 3} if synth != "rain" else {"min": 40, "max": 60, "count": 3}
    return {
        "sample_rate": rate, "duration_sec": seconds, "chunk_sec": chunk_sec, "audio_format": audio_format,
        "splits": {"validation": 0, "test": 0},
        "sounds": [{"name": synth, "synth": synth, "parameters": {PARAMETER[synth]: ends}}],
    }  # fmt: skip


def commands(making, data):
    """Name and arguments of every command that reads or writes whole rows."""
    release = f"{data}-release"
    return {
        "generate": ["generate", *making, "-o", data, "-w", "2", "--skip-validation"],
        "validate": ["validate", data, "-w", "2"],
        "preview": ["preview", data],
        "release": ["release", data, "-o", release, "--version", "1.0.0", "-w", "2"],
        "verify": ["verify", release, "--rows", "2"],
        "export": ["export", data, "--to", "csv", "-o", f"{data}-csv", "-w", "2"],
    }


def line(title, making, place):
    figures = []
    with tempfile.TemporaryDirectory(dir=place) as folder:
        for name, command in commands(making, f"{folder}/data").items():
            most, status, said = peak(command, place)
            if status == 2 and name == "generate":
                return print(f"{title}  refused: {said.strip()}", flush=True)
            if status and (name, status) != ("preview", 2):  # a page that is too large for a browser
                sys.exit(f"{title}: {' '.join(command)} failed ({status}): {said}")
            figures.append(most)
    print(f"{title}  " + "".join(f"{figure:10,.0f}" for figure in figures), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--whole", action="store_true", help="also signals that are one row each")
    whole = parser.parse_args().whole
    names = "".join(f"{name:>10}" for name in commands((), ""))
    print(f"{'':44}{names}   MB")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for synth, rate, seconds in SIGNALS:
            for chunk, kind in ((10, "flac"), *(((seconds, "flac"), (seconds, "wav")) if whole else ())):
                file = place / "config.json"
                file.write_text(json.dumps(configuration(synth, rate, seconds, chunk, kind)))
                title = f"{synth:6} {rate:6,} Hz {seconds:5,} s, rows of {chunk:5,} s {kind}"
                line(title, ["textures", "--configfile", str(file)], place)
        for kind in ("flac", "wav"):
            line(f"{'rudiments 96,000 Hz stereo 60 s':40}{kind}", [*RUDIMENTS, "--audio-format", kind], place)


if __name__ == "__main__":
    main()
