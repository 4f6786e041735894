"""What we write is read by other projects' readers: tables, MIDI, annotations, records, earlier consumers.

    python3 make.py interop [--environment DIR] [--data DIR] [WORD ...]

Makes an environment with the readers (kept in ``.venv-interop``; sousa is not in it), makes small data, runs
``read.py`` there, and fails when a row of its table is red. With words, only readers whose names hold one of
them. ``--data`` keeps the data in a folder, and takes what is there.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
READERS = Path(__file__).with_name("read.py")
# versions of what constraints.txt does not name
WANTED = (
    "chardet==7.7.0", "Deprecated==1.3.1", "duckdb", "jams", "librosa", "miditoolkit==1.0.1",
    "mido", "mlcroissant", "music21==10.5.1", "pandas", "partitura==1.9.0",
    "polars==2.1.0", "pretty_midi", "pyarrow", "scikit-learn", "smart_open==9.0.2", "soundfile",
    "symusic==0.6.0", "tfrecord",
)  # fmt: skip
# it asks for clients of every cloud; what its core imports is above
ALONE = "mirdata==1.0.0"
SPACE = {
    "sounds": [
        {"synth": "pop", "parameters": {"rate_exp": {"min": 0, "max": 4, "count": 4},
                                        "cf": {"min": 220, "max": 880, "count": 3}}},
        {"synth": "fm", "parameters": {"index": {"min": 0, "max": 4, "count": 4}}},
    ],
    "sample_rate": 8000, "duration_sec": 2, "chunk_sec": 1,
}  # fmt: skip
# an old-style class whose published configuration leaves the range that it declares
CLASS = """
import numpy as np

class WidePattern:
    def __init__(self):
        print("made by itself")
        self.sr, self.values = 16000, {"rate": 2.0}
        self.ranges = {"rate": {"min": 1.0, "max": 4.0}}
    def getParams(self):
        return list(self.values)
    def getParam(self, name, prop="val"):
        return {**self.ranges[name], "val": self.values[name], "synth_doc": "clicks a second"}[prop]
    def setParam(self, name, value):
        self.values[name] = value
    def generate(self, seconds):
        out = np.zeros(int(seconds * self.sr))
        out[:: max(1, int(self.sr / max(self.values["rate"], 0.5)))] = 0.5
        return out
"""
OLD_CONFIG = {
    "soundname": "WidePattern", "samplerate": 16000, "chunkSecs": 1, "soundDuration": 1,
    "recordFormat": "params", "outPath": "out",
    "params": [{"user_pname": "rate", "user_minval": 0, "user_maxval": 1, "user_nvals": 3, "user_doc": "",
                "synth_pname": "rate", "synth_minval": 0, "synth_maxval": 8, "synth_units": "natural"}],
}  # fmt: skip


def sousa(place, *words, check=True):
    """Run the command; ends this program where it fails, unless that is to be looked at."""
    command = [sys.executable, str(ROOT / "sousa.py"), *map(str, words)]
    return subprocess.run(command, cwd=place, check=check, capture_output=not check, text=True)


def make(place):
    """Datasets, a release, records and exports in a folder."""
    rows = ("-p", 6, "-t", 1, "-a", 1, "--duration", 2, "--sample-rate", 16000, "--files")
    sousa(place, "generate", "rudiments", *rows, "-o", "rudiments", "-q")
    sousa(place, "release", "rudiments", "-o", "release", "--version", "1.0.0", "-q")
    for to in ("csv", "jams", "sousa-1"):
        sousa(place, "export", "rudiments", "--to", to, "-o", to.replace("-", "_"), "-q")
    (place / "space.yaml").write_text(json.dumps(SPACE))
    textures = ("generate", "textures", "--configfile", "space.yaml", "-q", "--records")
    sousa(place, *textures, "params,nsjson,tfrecords,frames,nsynth", "-o", "textures")
    tried = {
        "flat": (*textures, "tfrecords", "--layout", "flat", "-o", "flat"),
        "filled": ("export", "rudiments", "--to", "csv", "--fill-null", "-1", "-o", "filled", "-q"),
    }
    for name, words in tried.items():
        (place / f"{name}.txt").write_text(sousa(place, *words, check=False).stderr)
    (place / "WidePattern.py").write_text(CLASS)
    (place / "old.json").write_text(json.dumps(OLD_CONFIG))
    words = ("generate", "textures", "--configfile", "old.json", "--synth-file", "WidePattern.py")
    done = sousa(place, *words, "-o", "old", "-q", "-w", 1, check=False)
    said = {"status": done.returncode, "stdout": done.stdout, "stderr": done.stderr}
    (place / "old_style.json").write_text(json.dumps(said))


def environment(place):
    """The Python of the environment of readers, made where it is not there, or is another one."""
    python, stamp = place / "bin" / "python", place / ".installed"
    wanted = json.dumps([*WANTED, ALONE, (ROOT / "constraints.txt").read_text()])
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        pip += ["-c", ROOT / "constraints.txt"]
        subprocess.run([*pip, *WANTED], check=True)
        subprocess.run([*pip, "--no-deps", ALONE], check=True)
        stamp.write_text(wanted)
    return python


def main():
    """Entry point."""
    parser = argparse.ArgumentParser(prog="make.py interop", description=__doc__.split("\n", 1)[0])
    parser.add_argument("words", nargs="*", metavar="WORD", help="readers to run, by a part of the name")
    where = ROOT / ".venv-interop"
    parser.add_argument("--environment", type=Path, default=where, help="of readers (default: .venv-interop)")
    parser.add_argument("--data", type=Path, help="folder to make data in, and to keep (default: temporary)")
    options = parser.parse_args()
    python = environment(options.environment.absolute())
    with tempfile.TemporaryDirectory() as temporary:
        place = (options.data or Path(temporary)).absolute()
        if not (place / "old_style.json").exists():
            place.mkdir(parents=True, exist_ok=True)
            make(place)
        settings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        # elsewhere than in the checkout, whose folders must not be taken for packages
        command = [python, "-W", "ignore", READERS, place, *options.words]
        sys.exit(subprocess.run([*map(str, command)], cwd=place, env=settings).returncode)


if __name__ == "__main__":
    main()
