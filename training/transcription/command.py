"""The command ``sousa transcribe``, and the same as a function."""

import argparse
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sousa.generation import extras
from sousa.generation.commandline import names, quiet
from sousa.generation.console import SILENT, Console
from sousa.generation.errors import RunError, UsageError, collected, one_of, raise_all
from sousa.generation.outside import is_file
from sousa.generation.storage import atomic_file, output_path, refuse_others_file
from sousa.generation.text import one_line

FORMATS = ("mid", "json", "csv", "musicxml", "html")
_EXAMPLES = """examples:
  sousa transcribe recording.wav -o output/transcription
      recording.mid, .json, .csv, .musicxml, and recording.html to look at it and hear it
  sousa transcribe recording.mp3 --model org/name --metre 3/4 --tempo 120 --formats musicxml
      the score alone, where metre and tempo are known
  sousa transcribe recording.wav --formats mid,csv --device cpu
      a MIDI file and a table of notes, without a GPU"""
_MOST_DIVISIONS = 16


@dataclass(frozen=True)
class Transcription:
    """What was found.

    Attributes:
        files: dict of format to the file that was written.
        notes: structured array ``onset_sec, offset_sec, pitch, velocity``, in order of onset.
        pedal: float64 (n, 2), seconds between which a sustain pedal is down.
        sheet: the score, :class:`sousa.training.transcription.sheet.Sheet`.
    """

    files: dict[str, Path]
    notes: Any
    pedal: Any
    sheet: Any
    duration_sec: float


def command(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa transcribe FILE``."""
    parser.description = (
        "Write down the notes of a recording: MIDI, tables, a score, and a page to hear both."
    )
    parser.epilog = _EXAMPLES
    add = parser.add_argument
    add("file", metavar="FILE", help="a recording, of any length, rate and number of channels")
    add(
        "--output",
        "-o",
        default="output/transcription",
        metavar="DIR",
        help="directory (default: %(default)s)",
    )
    add(
        "--model",
        default="notes",
        metavar="PATH",
        help="a pipeline, a run, a model, or org/name on the Hub (default: %(default)s, which is shipped)",
    )
    add("--formats", default=",".join(FORMATS), metavar="LIST", help="what to write (default: %(default)s)")
    score = parser.add_argument_group("the score; what is not given is found from the notes")
    add = score.add_argument
    add("--metre", metavar="N/N", help="such as 3/4 or 6/8")
    add("--tempo", type=float, metavar="BPM", help="beats a minute, about")
    add("--key", metavar="KEY", help="such as 'A minor' or 'Bb major'")
    add("--divisions", metavar="LIST", help="what a beat may be divided into (default: 1,2,3,4,6,8)")
    add(
        "--shortest",
        type=float,
        default=0.125,
        metavar="SHARE",
        help="shortest note, of a beat (default: %(default)s)",
    )
    add(
        "--align-sec",
        type=float,
        default=0.0,
        metavar="SEC",
        help="onsets so near to a beat are at it (default: %(default)s)",
    )
    more = parser.add_argument_group("execution")
    more.add_argument("--device", help="such as cpu or cuda (default: cuda where there is one)")
    more.add_argument(
        "--batch-size", type=int, default=8, metavar="N", help="windows at once (default: %(default)s)"
    )
    quiet(more)
    return _transcribe


def _transcribe(arguments: argparse.Namespace, console: Console) -> None:
    options = {name: value for name, value in vars(arguments).items() if name in _OPTIONS}
    options["formats"] = names(arguments.formats)
    out = transcribe(arguments.file, arguments.model, arguments.output, console=console, **options)
    sheet = out.sheet
    console.tell(
        f"{len(out.notes):,} notes in {out.duration_sec:.1f} s: {len(sheet.bars)} bars of {sheet.metre}, "
        f"{sheet.tempo_bpm:.0f} quarter notes a minute"
    )
    for path in out.files.values():
        console.tell(str(path))


_OPTIONS = ("formats", "metre", "tempo", "key", "divisions", "shortest", "align_sec", "device", "batch_size")


def transcribe(
    file: str | Path,
    model: Any = "notes",
    output: str | Path = "output/transcription",
    *,
    formats: Any = FORMATS,
    metre: str | None = None,
    tempo: float | None = None,
    key: str | None = None,
    divisions: Any = None,
    shortest: float = 0.125,
    align_sec: float = 0.0,
    device: str | None = None,
    batch_size: int = 8,
    console: Console = SILENT,
) -> Transcription:
    """Write down the notes of a recording.

    Args:
        file: that libsndfile reads.
        model: a pipeline, run or model, the name of one that is shipped (notes), org/name on the Hub, or a
            model that was loaded.
        output: directory; files are named as the recording.
        formats: some of FORMATS.
        metre, tempo, key: of the piece, where they are known; tempo in beats a minute, about.
        divisions: whole numbers that a beat may be divided into.
        shortest: length of the shortest note, as a share of a beat.
        align_sec: onsets so near to a beat are at it.

    Raises: UsageError with every problem of the request; RunError where no notes are heard.
    """
    root, parts, known, chosen = _checked(
        output, formats, metre, tempo, key, divisions, shortest, align_sec, batch_size
    )
    try:
        import torch

        from sousa.training.models import places
        from sousa.training.models.model import Model
    except ImportError as error:
        raise extras.missing("'sousa transcribe'", error) from None
    from sousa.training.transcription import files, hearing, page, recordings
    from sousa.training.transcription.quantising import Quantising
    from sousa.training.transcription.sheet import write_down

    where = places.device_of(device, torch)
    if isinstance(model, (str, Path)):
        model = Model.from_pretrained(model)
    hearing.target_of(model)
    rate = model.front_end.sampling_rate
    audio = recordings.read(file, rate)
    seconds = len(audio) / rate
    stem = Path(file).stem
    targets = {kind: root / f"{stem}.{kind}" for kind in parts}
    marks = files.MARKS | {"html": (page.MARK,)}
    problems: list[str] = []
    for kind, path in targets.items():
        with collected(problems):
            refuse_others_file(path, *marks[kind])
    raise_all(problems)
    with console.hearing("hearing", seconds) as done:
        notes, pedal = hearing.hear(model.to(where), audio, done, batch_size=batch_size, device=where)
    if not len(notes):
        raise RunError(f"no notes were heard in {file}; nothing was written")
    how = Quantising(chosen, shortest, align_sec)
    sheet = write_down(notes, title=one_line(stem), metre=metre or "", tempo_bpm=tempo, key=known, how=how)
    for kind, path in list(targets.items()):
        try:
            data = (
                page.encode(Path(file).name, sheet, notes, pedal, audio, rate) if kind == "html"
                else files.encode(kind, sheet, notes, pedal, seconds)
            )  # fmt: skip
        except ValueError as error:
            console.say(f"{path} is left out: {error}")
            del targets[kind]
            continue
        with atomic_file(path) as out:
            out.write(data)
    return Transcription(targets, notes, pedal, sheet, seconds)


def _checked(
    output: Any, formats: Any, metre: Any, tempo: Any, key: Any, divisions: Any, shortest: Any,
    align_sec: Any, batch_size: Any,
) -> tuple[Path, list[str], tuple[int, str] | None, tuple[int, ...]]:  # fmt: skip
    """Where to write, what, the key, and divisions of beats; UsageError with every problem."""
    problems: list[str] = []
    root = None
    try:
        root = Path(output_path(output, "--output"))
        if is_file(root):
            problems.append(f"--output {root} is a file; name a directory")
    except UsageError as error:
        problems += error.problems
    parts = names(formats) if isinstance(formats, str) else list(formats or [])
    problems += [f"--formats: {one_of(kind, FORMATS)}" for kind in parts if kind not in FORMATS]
    if not parts:
        problems.append(f"--formats is empty; choose from {', '.join(FORMATS)}")
    if metre is not None and not _is_metre(metre):
        problems.append(f"--metre is {metre!r}; give one such as 3/4 or 6/8")
    if tempo is not None and not 20 <= tempo <= 400:
        problems.append(f"--tempo is {tempo}; give 20 to 400 beats a minute")
    known = _key(key, problems)
    chosen: tuple[int, ...] = ()
    if divisions is not None:
        words = names(divisions) if isinstance(divisions, str) else [str(word) for word in divisions]
        with suppress(ValueError):
            chosen = tuple(int(word) for word in words)
        if not chosen or not all(1 <= number <= _MOST_DIVISIONS for number in chosen):
            problems.append(
                f"--divisions is {divisions!r}; give whole numbers from 1 to {_MOST_DIVISIONS}, such as 1,2,4"
            )
    if not 1 / 16 <= shortest <= 1:
        problems.append(f"--shortest is {shortest}; give 0.0625 to 1 of a beat")
    if not 0 <= align_sec <= 0.2:
        problems.append(f"--align-sec is {align_sec}; give 0 to 0.2 seconds")
    if batch_size < 1:
        problems.append(f"--batch-size is {batch_size}; give 1 or more")
    raise_all(problems)
    return root, parts, known, chosen


def _is_metre(metre: str) -> bool:
    match = re.fullmatch(r"(\d{1,2})/(1|2|4|8|16)", metre)
    return bool(match) and 1 <= int(match[1]) <= 32


def _key(text: str | None, problems: list[str]) -> tuple[int, str] | None:
    """Signature and mode of a key by its name."""
    from sousa.generation.notation import keys

    if text is None:
        return None
    match = re.fullmatch(r"([A-Ga-g])(#|b|)\s*(major|minor|m|)", text.strip())
    if not match:
        problems.append(f"--key is {text!r}; give one such as 'A minor', 'F# minor' or 'Bb major'")
        return None
    mode = keys.MODES[match[3] in ("minor", "m")]
    sharps = (
        "FCGDAEB".index(match[1].upper()) - 1 + {"#": 7, "b": -7, "": 0}[match[2]] - 3 * (mode == "minor")
    )
    return keys.within(sharps), mode
