"""The ``sousa pianos`` command: its arguments and its work."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from sousa.generation.audio import encode, fonts
from sousa.generation.commandline import verbs
from sousa.generation.errors import UsageError, collected, raise_all
from sousa.generation.piano.played import NOTE, Performance
from sousa.generation.piano.sampler import cutting
from sousa.generation.piano.sampler.modelled import by_name
from sousa.generation.piano.sampler.pianos import HIGHEST, LOWEST, SHIPPED_DIR, available, load
from sousa.generation.piano.sampler.rendering import render
from sousa.generation.storage import atomic_file, output_path, refuse_others_file
from sousa.generation.text import counted, one_line

_RATE = 44100
_PITCHES = "36,48,60,72,84,96"


_EXAMPLES = """examples:
  sousa pianos list
      all pianos with source and licence
  sousa pianos build grand.sf2 --licence CC-BY-3.0
      build the piano of a soundfont
  sousa pianos play NAME notes.wav --pitches 48,60,72
      hear three keys of a piano, softly to loudly"""


def pianos(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """``sousa pianos list|build|play``."""
    add = verbs(parser, _EXAMPLES)
    sub = add("list", "list all pianos with source and licence")
    sub.set_defaults(work=_list)
    sub = add("build", "build the piano of a soundfont")
    sub.add_argument("font", help=".sf2 or .sf3 file, a directory of them, or a key of 'soundfonts list'")
    sub.add_argument("--output", "-o", help="directory (default: this user's cache)")
    sub.add_argument("--licence", metavar="SPDX", help="identifier of the font's licence, such as MIT")
    sub.set_defaults(work=_build)
    sub = add("play", "write notes of a piano to a sound file")
    sub.add_argument("piano", help="as 'sousa pianos list' shows it, or modelled_1, modelled_2 and so on")
    sub.add_argument("output", help=".wav or .flac")
    sub.add_argument("--pitches", default=_PITCHES, help="MIDI note numbers (default: %(default)s)")
    sub.add_argument("--velocities", default="20,60,100", help="of each, in turn (default: %(default)s)")
    sub.set_defaults(work=_play)


def _list(arguments: argparse.Namespace, console: Any) -> None:
    for name, path in available().items():
        piano = load(path)
        place = "shipped" if path.parent == SHIPPED_DIR else path
        licence = f"{piano.licence_id}, {piano.licence}" if piano.licence_id else piano.licence
        seconds = sum(len(r.samples) / r.rate for r in piano.recordings)
        recordings, layers = counted(len(piano.recordings), "recording"), counted(len(piano.layers), "layer")
        size = f"{recordings} ({seconds:.0f} s) in {layers}"
        console.print(
            f"{one_line(name)}\n    {one_line(f'{size}; {piano.soundfont}, {piano.preset}; {licence}')}"
        )
        console.print(f"    {piano.digest[:16]}  {place}")


def _build(arguments: argparse.Namespace, console: Any) -> None:
    problems: list[str] = []
    output, licence, found = fonts.to_build(arguments, problems)
    raise_all(problems)
    for font in found:
        console.print(f"  {cutting.build(font, output, console.print, licence or fonts.spdx_of(font))}")


def _play(arguments: argparse.Namespace, console: Any) -> None:
    """Write single notes, a second apart and half a second long."""
    problems: list[str] = []
    with collected(problems):
        piano = by_name(arguments.piano)
    with collected(problems):
        pitches = _numbers("--pitches", arguments.pitches, LOWEST, HIGHEST)
    with collected(problems):
        velocities = _numbers("--velocities", arguments.velocities, 1, 127)
    output = output_path(arguments.output)
    kind = Path(output).suffix.lower().lstrip(".")
    if kind not in encode.FORMATS:
        problems.append(f"{output}: name a .wav or .flac file")
    raise_all(problems)
    refuse_others_file(output)
    notes = np.zeros(len(pitches) * len(velocities), dtype=NOTE)
    notes["pitch"], notes["velocity"] = np.repeat(pitches, len(velocities)), np.tile(velocities, len(pitches))
    notes["onset_sample"] = np.arange(len(notes)) * _RATE + _RATE // 10
    notes["key_up_sample"] = notes["end_sample"] = notes["onset_sample"] + _RATE // 2
    none, length = np.zeros(0), int(notes["onset_sample"][-1]) + 2 * _RATE
    pedal = np.zeros((0, 2), dtype=np.int64)
    performance = Performance(notes, none, pedal, none, none, length, _RATE)
    pcm, _ = render(piano, performance, channels=2)
    with atomic_file(output) as file:
        file.write(encode.encode(pcm, _RATE, kind))
    console.print(output)


def _numbers(option: str, text: str, low: int, high: int) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"{option} is {text!r}; write numbers with commas") from None
    if not all(low <= number <= high for number in numbers):
        raise UsageError(f"{option} is {text!r}; give numbers from {low} to {high}")
    return numbers
