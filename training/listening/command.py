"""The command ``sousa listen``, and the same as a function."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sousa.generation import extras
from sousa.generation.commandline import names, quiet
from sousa.generation.console import SILENT, Console
from sousa.generation.errors import UsageError, collected, one_of, raise_all
from sousa.generation.outside import expanded, is_directory, is_file
from sousa.generation.rudiments import definitions
from sousa.generation.storage import atomic_file, explained, output_path, refuse_others_file

FORMATS = ("json", "csv", "mid", "jams", "html")
SOUNDS = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff", ".opus", ".w64", ".caf")
_TEMPI = (20.0, 400.0)
_EXAMPLES = """examples:
  sousa listen take.wav
      what was played, how well, and where it went wrong; files in output/listening
  sousa listen take.mp3 --rudiment flam_tap --tempo 96 -o output/lesson
      against the exercise and the metronome that it was played to
  sousa listen practice/ --formats json
      every recording in a folder, and the tier of the player by all of them"""


@dataclass(frozen=True)
class Result:
    """What was found in one recording.

    Attributes:
        listening: a :class:`sousa.training.listening.listener.Listening`.
        data: as the JSON file has it.
        files: dict of format to the file that was written.
    """

    listening: Any
    data: dict[str, Any]
    files: dict[str, Path]


def command(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa listen FILE``."""
    parser.description = (
        "Hear what a drummer played: strokes, rudiment, tempo, mistakes, scores, and a page to look at them."
    )
    parser.epilog = _EXAMPLES
    add = parser.add_argument
    add("files", metavar="FILE", nargs="+", help="recordings of a snare drum, or folders of them")
    add(
        "--output",
        "-o",
        default="output/listening",
        metavar="DIR",
        help="directory (default: %(default)s)",
    )
    add("--rudiment", metavar="NAME", help="what is played, such as flam_tap (default: found from the sound)")
    add("--tempo", type=float, metavar="BPM", help="quarter notes a minute, of the metronome it is played to")
    add(
        "--model",
        default="listen",
        metavar="PATH",
        help="a run, a model, or org/name on the Hub (default: %(default)s, which is shipped)",
    )
    add("--formats", default=",".join(FORMATS), metavar="LIST", help="what to write (default: %(default)s)")
    quiet(parser.add_argument_group("execution"))
    return _listen


def _listen(arguments: argparse.Namespace, console: Console) -> None:
    from sousa.training.listening import describing

    said: list[Result] = []

    def tell(heard: Result) -> None:
        if said:
            console.tell("")
        said.append(heard)
        console.tell(describing.text_of(heard.listening))

    options = {"formats": names(arguments.formats), "rudiment": arguments.rudiment, "tempo": arguments.tempo}
    try:
        listen(arguments.files, arguments.model, arguments.output, console=console, each=tell, **options)
    finally:
        _tell_all(said, console)


def _tell_all(said: list[Result], console: Console) -> None:
    """What recordings say together, and where files are."""
    from sousa.training.listening import listener

    if not said:
        return
    console.tell("")
    judged = [heard.listening for heard in said if heard.listening.tier]
    if len(judged) > 1:
        order = sorted(listener.together(judged).items(), key=lambda item: -item[1])
        shares = ", ".join(f"{name} {share:.0%}" for name, share in order)
        console.tell(f"tier by {len(judged)} recordings, if they are of one player: {shares}")
    for heard in said:
        for path in heard.files.values():
            console.tell(str(path))


def listen(
    files: Any, model: Any = "listen", output: str | Path | None = "output/listening", *,
    rudiment: str | None = None, tempo: float | None = None, formats: Any = FORMATS,
    console: Console = SILENT, each: Any = None,
) -> list[Result]:  # fmt: skip
    """Hear what was played in recordings.

    Args:
        files: a recording, a folder of them, or a list of both.
        model: a run, a model, the name of one that is shipped (listen), org/name on the Hub, or a model that
            was loaded.
        output: directory; files are named as the recordings. None: nothing is written.
        rudiment: slug, or ``slug:variant``, of what is played, where it is known.
        tempo: quarter notes a minute, where it is known.
        formats: some of FORMATS.
        each: is called with what was found in each recording, as soon as it is.

    Raises: UsageError with every problem of the request; recordings that can't be read are reported at the
        end, when the others have been heard.
    """
    paths, root, kinds = _checked(files, output, rudiment, tempo, formats)
    try:
        from sousa.training.models.model import Model
    except ImportError as error:
        raise extras.missing("'sousa listen'", error) from None
    from sousa.training.listening import calibration, describing, hearing, listener, page
    from sousa.training.listening import files as writers
    from sousa.training.transcription import recordings

    if isinstance(model, (str, Path)):
        model = Model.from_pretrained(model)
    hearing.strokes_of(model)
    numbers = calibration.beside(model.place) if model.place else None
    targets = _targets(root, paths, kinds)
    marks = writers.MARKS | {"html": (page.MARK,)}
    problems: list[str] = []
    for of_path in targets.values():
        for kind, target in of_path.items():
            with collected(problems):
                refuse_others_file(target, *marks[kind])
    raise_all(problems)
    if root is not None:
        with explained(root):  # before anything is heard
            root.mkdir(parents=True, exist_ok=True)
    rate, out = model.front_end.sampling_rate, []
    for path in paths:
        try:
            audio = recordings.read(path, rate)
        except UsageError as error:  # of this file alone
            problems += error.problems
            continue
        with console.hearing(f"hearing {path.name}", len(audio) / rate) as done:
            listening = listener.listen_to(model, audio, path.name, rudiment, tempo, done, numbers)
        written = dict(targets[path])
        for kind, target in targets[path].items():
            try:
                is_page = kind == "html"
                data = page.encode(listening, audio, rate) if is_page else writers.encode(kind, listening)
            except page.TooLargeError as error:
                console.say(f"{target} is left out: {error}")
                del written[kind]
                continue
            with atomic_file(target) as file:
                file.write(data)
        out.append(Result(listening, describing.data_of(listening), written))
        if each is not None:
            each(out[-1])
    raise_all(problems)
    return out


def _checked(
    files: Any, output: Any, rudiment: str | None, tempo: float | None, formats: Any
) -> tuple[list[Path], Path | None, list[str]]:
    """Recordings, where to write, and what; UsageError with every problem."""
    problems: list[str] = []
    root = None
    if output is not None:
        with collected(problems):
            root = Path(output_path(output, "--output"))
            if is_file(root):
                problems.append(f"--output {root} is a file; name a directory")
    paths: list[Path] = []
    for name in [files] if isinstance(files, (str, os.PathLike)) else list(files):
        with collected(problems):
            paths += _recordings(Path(expanded(name)))
    if not paths and not problems:
        problems.append("no recording is named; give a file, or a folder of them")
    parts = names(formats) if isinstance(formats, str) else list(formats or [])
    problems += [f"--formats: {one_of(kind, FORMATS)}" for kind in parts if kind not in FORMATS]
    if not parts:
        problems.append(f"--formats is empty; choose from {', '.join(FORMATS)}")
    if rudiment is not None:
        with collected(problems):
            definitions.select([rudiment])
            if rudiment.endswith(":*"):
                problems.append(f"--rudiment is {rudiment!r}; name one form, such as {rudiment[:-2]}")
    if tempo is not None and not _TEMPI[0] <= tempo <= _TEMPI[1]:
        problems.append(f"--tempo is {tempo}; give {_TEMPI[0]:g} to {_TEMPI[1]:g} quarter notes a minute")
    raise_all(problems)
    return list(dict.fromkeys(paths)), root, list(dict.fromkeys(parts))


def _recordings(path: Path) -> list[Path]:
    """A recording, or those in a folder, by name."""
    if is_directory(path):
        sounds = (file for file in path.rglob("*") if file.suffix.lower() in SOUNDS and is_file(file))
        paths = sorted(
            file for file in sounds if not any(p.startswith(".") for p in file.relative_to(path).parts)
        )
        if not paths:
            raise UsageError(f"{path} holds no recording: none of its files ends in {', '.join(SOUNDS[:4])}")
        return paths
    if not is_file(path):
        raise UsageError(f"{path} is no file; name a recording, or a folder of them")
    return [path]


def _targets(root: Path | None, paths: list[Path], kinds: list[str]) -> dict[Path, dict[str, Path]]:
    """The files of each recording; of several of one name with folders, and numbers, that tell them apart."""
    if root is None:
        return {path: {} for path in paths}
    stems: dict[Path, str] = {}
    for path in paths:
        same = [other.absolute() for other in paths if other.stem == path.stem]
        stem = path.stem
        if len(same) > 1:
            common = os.path.commonpath([other.parent for other in same])
            stem = "-".join(path.absolute().relative_to(common).parts).replace(".", "-")
        number, name = 1, stem
        while name in stems.values():
            number += 1
            name = f"{stem}-{number}"
        stems[path] = name
    return {path: {kind: root / f"{stem}.{kind}" for kind in kinds} for path, stem in stems.items()}
