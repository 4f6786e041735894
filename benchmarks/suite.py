"""Benchmarks of what every corpus has: small sizes made and validated, clips read, MIDI files written."""

import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks import readers, writers
from benchmarks.measuring import ROOT, Benchmark, Line, Work, version_of

CLIPS = 1200
SMALL = "small "  # begins the names of benchmarks of small sizes


def generated() -> list[str]:
    """Names of the built-in corpora whose rows are made, not read."""
    from sousa.generation import corpora
    from sousa.generation.corpus import is_generated

    return [name for name in corpora.BUILT_IN if is_generated(corpora.get(name))]


def command(*arguments: object) -> None:
    """Run ``sousa`` in a process of its own."""
    words = [sys.executable, str(ROOT / "sousa.py"), *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words[1:])}: {done.stderr[-1000:]}")


def make_clips(place: Path) -> None:
    """Clips of about five seconds, in all forms whose packages are there."""
    size = ["-p", CLIPS // 40, "-t", 1, "-a", 1, "--duration", 4.05]  # lead-in and ring-out add a second
    command("generate", "-o", place / "dataset", "-q", "--skip-validation", *size)
    readers.write_folder(place)
    for package, write in (
        ("webdataset", readers.write_webdataset),
        ("litdata", readers.write_litdata),
        ("mosaicml-streaming", readers.write_mosaic),
    ):
        if version_of(package):
            write(place)


READING = Benchmark(
    "reading",
    f"{CLIPS:,} clips of 5 s, stored as FLAC, are decoded and stacked for training, in one process.",
    "CPU ms for 5 s",
    1e3,
    "a folder of FLAC files, at random",
    {
        "a folder of FLAC files, at random": Line(readers.folder),
        "sousa, shuffled over all rows": Line(readers.ours),
        "sousa, in order": Line(partial(readers.ours, shuffle=False)),
        "`datasets` streaming, in order": Line(readers.stock),
        f"`datasets` streaming, `shuffle({readers.BUFFER})`": Line(partial(readers.stock, shuffle=True)),
        f"webdataset, `shuffle({readers.BUFFER})`": Line(readers.webdataset, ("webdataset",)),
        "litdata, shuffled": Line(readers.litdata, ("litdata",)),
        "mosaicml-streaming, shuffled": Line(readers.mosaic, ("mosaicml-streaming",)),
    },
    make_clips,
)


def size(corpus: str) -> Benchmark:
    """The small size of a corpus, made and validated by whole commands."""

    def make(place: Path) -> None:
        command("generate", corpus, "--size", "small", "-o", place / "small", "-q", "--skip-validation")

    def making(place: Path) -> Work:
        import tempfile

        def work() -> float:
            with tempfile.TemporaryDirectory(dir=place) as scratch:
                options = ["-q", "--skip-validation", "-w", 1]
                command("generate", corpus, "--size", "small", "-o", f"{scratch}/out", *options)
            return 1.0

        return work

    def validating(place: Path) -> Work:
        def work() -> float:
            command("validate", place / "small", "-q", "-w", 1)
            return 1.0

        return work

    lines = {"making": Line(making), "validating": Line(validating)}
    about = f"The small size of {corpus}, by whole commands with one worker."
    return Benchmark(SMALL + corpus, about, "CPU s", 1.0, "making", lines, make)


WRITING = Benchmark(
    "MIDI files",
    f"{writers.FILES} performances of {writers.NOTES} notes become bytes of MIDI files.",
    "CPU ms a file",
    1e3,
    "pretty_midi",
    {
        "pretty_midi": Line(writers.pretty_midi, ("pretty_midi",)),
        "mido": Line(writers.mido, ("mido",)),
        "sousa": Line(writers.ours),
    },
)
SUITE = (READING, WRITING, *map(size, generated()))
