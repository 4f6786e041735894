"""Peak memory of a process for long signals: ``benchmarks/textures/long_signals.py [--whole]``.

Each line is a corpus of three signals, as ``benchmarks/long_rows.py`` measures them; what is refused before
the work says so. ``--whole``: signals that are one row each, as well as signals in rows of ten seconds; it
takes some minutes.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from long_rows import head, line

# synthesizer, Hz, seconds
SIGNALS = (("pop", 8000, 60), ("pop", 8000, 3600), ("pop", 96000, 250), ("rain", 8000, 2700),
           ("fm", 8000, 3600), ("wind", 8000, 600), ("wind", 8000, 3600), ("pop", 96000, 3600))  # fmt: skip
PARAMETER = {"pop": "irreg_exp", "rain": "drops_per_sec", "fm": "index", "wind": "gustiness"}


def configuration(synth, rate, seconds, chunk_sec, audio_format):
    ends = {"min": 0.5, "max": 1.5, "count": 3} if synth != "rain" else {"min": 40, "max": 60, "count": 3}
    return {
        "sample_rate": rate, "duration_sec": seconds, "chunk_sec": chunk_sec, "audio_format": audio_format,
        "splits": {"validation": 0, "test": 0},
        "sounds": [{"name": synth, "synth": synth, "parameters": {PARAMETER[synth]: ends}}],
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--whole", action="store_true", help="also signals that are one row each")
    whole = parser.parse_args().whole
    head()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for synth, rate, seconds in SIGNALS:
            for chunk, kind in ((10, "flac"), *(((seconds, "flac"), (seconds, "wav")) if whole else ())):
                file = place / "config.json"
                file.write_text(json.dumps(configuration(synth, rate, seconds, chunk, kind)))
                title = f"{synth:6} {rate:6,} Hz {seconds:5,} s, rows of {chunk:5,} s {kind}"
                line(title, ["textures", "--configfile", str(file)], place)


if __name__ == "__main__":
    main()
