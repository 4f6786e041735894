"""The ``sousa download`` command: its arguments and its work."""

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, get_args

from sousa.generation.captions.downloads import catalogue, fetching, ordering
from sousa.generation.captions.downloads.catalogue import Catalogue
from sousa.generation.captions.downloads.fetching import File
from sousa.generation.captions.downloads.ordering import Wishes, size_text
from sousa.generation.captions.downloads.records import Record
from sousa.generation.captions.options import DEFAULT_ROOT, Size
from sousa.generation.captions.readers import READERS, reader
from sousa.generation.commandline import names, quiet
from sousa.generation.console import Console
from sousa.generation.errors import RunError, SousaError, collected, one_of, raise_all
from sousa.generation.storage import LocalStorage, output_path
from sousa.generation.text import counted, one_line, shell

PLACE = DEFAULT_ROOT
FMA_SIZES, MTG_SOUND = get_args(Size), ("low", "full")
OPTIONS = {"fma": "--fma-size", "mtg_jamendo": "--mtg-audio"}
EXAMPLES = """examples:
  sousa download --list
      what there is, its size, licence and address
  sousa download --datasets song_describer,fma --fma-size small
      two corpora with their sound, into data/raw
  sousa download --datasets musiccaps jamendo_max_caps --no-audio
      only what is written about the sounds of two corpora
  sousa download --evaluation-lists
      the small files that keep evaluation sets out of training"""
_SMALL = 8 << 20  # bytes; a file's progress is not left standing


def download(
    parser: argparse.ArgumentParser, argv: list[str]
) -> Callable[[argparse.Namespace, Console], int]:
    """``sousa download``."""
    default = "(default: %(default)s)"
    add = parser.add_argument_group("what to download").add_argument
    add("--datasets", nargs="+", default=[], metavar="NAME", help=f"corpora: {', '.join(READERS)}")
    add("--fma-size", default="small", metavar="SIZE", help=f"{', '.join(FMA_SIZES)} {default}")
    add("--mtg-audio", default="low", metavar="QUALITY",
        help=f"sound of mtg_jamendo: low (156 GB) or full (508 GB) {default}")  # fmt: skip
    add("--no-audio", action="store_true", help="no sound, only what is written about it")
    add("--evaluation-lists", action="store_true",
        help="only the small files that keep evaluation sets out of training")  # fmt: skip
    add("--list", action="store_true", help="say what there is, its size, licence and address")
    group: Any = parser.add_argument_group("output and execution")
    add = group.add_argument
    add("--output-dir", "-o", default=PLACE, metavar="DIR", help=f"a folder a corpus in it {default}")
    add("--dry-run", action="store_true", help="say what would be fetched, without asking any server")
    add("--continue", action="store_true", help="go on where an earlier run stopped; always done")
    add("--keep-archives", action="store_true", help="leave archives beside what was unpacked from them")
    add("--catalogue", metavar="FILE", help="another catalogue of addresses, such as a mirror's")
    quiet(group)
    parser.epilog = EXAMPLES
    return _download


def _download(arguments: argparse.Namespace, console: Console) -> int:
    problems: list[str] = []
    book, place = None, Path(PLACE)
    with collected(problems):
        book = catalogue.read(arguments.catalogue or catalogue.SHIPPED)
    corpora = list(book.corpora if book else READERS)
    asked = list(dict.fromkeys(name for word in arguments.datasets for name in names(word) or []))
    problems += [f"unknown corpus {one_of(name, corpora)}" for name in asked if name not in corpora]
    choices = (("--fma-size", arguments.fma_size, FMA_SIZES), ("--mtg-audio", arguments.mtg_audio, MTG_SOUND))
    problems += [f"{flag} is {one_of(value, known)}" for flag, value, known in choices if value not in known]
    with collected(problems):
        place = Path(output_path(arguments.output_dir, "--output-dir"))
    if not asked and not (arguments.list or arguments.evaluation_lists):
        problems.append(f"--datasets is missing; name some of {', '.join(corpora)}, or --list")
    wishes = Wishes(
        not arguments.no_audio, arguments.evaluation_lists,
        {"fma": arguments.fma_size, "mtg_jamendo": arguments.mtg_audio},
    )  # fmt: skip
    with_lists = [name for name in corpora if book and any(entry.lists for entry in book.corpora[name].files)]
    if wishes.lists and asked and book and not set(asked) & set(with_lists):
        problems.append(f"--evaluation-lists: only {', '.join(with_lists)} have such files")
    raise_all(problems)
    assert book is not None
    chosen = [name for name in asked or corpora if not wishes.lists or name in with_lists]
    if arguments.list:
        _show(book, chosen, console)
        return 0
    if arguments.dry_run:
        return _tell(book, chosen, wishes, place, arguments.keep_archives, console)
    return _fetch(book, chosen, wishes, place, arguments.keep_archives, console)


def _show(book: Catalogue, chosen: list[str], console: Console) -> None:
    for name in chosen:
        about, corpus = reader(name), book.corpora[name]
        console.print(f"{name}  {one_line(about.title)}: {one_line(about.summary)}")
        console.print(f"    {about.homepage}")
        console.print(f"    captions: {about.caption_licence}; sound: {one_line(corpus.sound)}")
        for entry in corpus.files:
            option = OPTIONS.get(name)
            only = f", with {option} {entry.choice}" if option and entry.choice else ""
            several = len(entry.names) > 1 or "*" in entry.names[0]
            console.print(f"    {size_text(entry.bytes):>9}{' in all' * several}{only}")
            for file in ordering.estimated(book, [entry]):
                digest = f"  {file.digest}" if file.digest else ""
                console.print(f"        {one_line(file.address)}{digest}")
        if corpus.note:
            console.print(f"    note: {one_line(corpus.note)}")


def _tell(
    book: Catalogue, chosen: list[str], wishes: Wishes, place: Path, keep: bool, console: Console
) -> int:
    needed = 0
    for name in chosen:
        record = Record(place / name)
        files = list(_estimated(book, name, wishes))
        needed += ordering.room(files, record, keep)
        for file in files:
            if file.is_done(record):
                what = "is there"
            elif "*" in file.path:
                there = record.matching(file.path)
                what = f"{size_text(file.bytes)} in all, about, of which {size_text(sum(there))} are there"
            else:
                what = f"{size_text(file.left_bytes(record))} to fetch, about"
            console.print(f"{name}: {one_line(file.path)}: {what}")
        _note(book, name, wishes, console)
    console.print(f"about {size_text(needed)} of disk are needed at {place}, without files named by *")
    ordering.check_room(needed, place)
    return 0


def _fetch(
    book: Catalogue, chosen: list[str], wishes: Wishes, place: Path, keep: bool, console: Console
) -> int:
    failures: dict[str, SousaError] = {}
    needed = sum(ordering.room(_estimated(book, name, wishes), Record(place / name), keep) for name in chosen)
    ordering.check_room(needed, place)
    for name in chosen:
        try:
            with LocalStorage(str(place / name)).locked():
                files = _corpus(book, name, wishes, place, keep, console)
        except SousaError as error:
            failures[name] = error
            if len(chosen) > 1:
                console.say(f"{name}: {error}")
            continue
        size = size_text(sum(file.bytes for file in files))
        console.tell(f"{name}: {counted(len(files), 'file')}, {size}, checked, in {place / name}")
        _note(book, name, wishes, console)
    if failures:
        if len(chosen) == 1:
            raise failures[chosen[0]]
        texts = "".join(f"\n  - {name}: {error}" for name, error in failures.items())
        raise RunError(
            f"{len(failures)} of {len(chosen)} corpora are not whole; run the same command again:{texts}"
        )
    if wishes.lists:
        console.tell(f"next: sousa unify --root {shell(place)} keeps what they name out of training")
    else:
        rest = "" if wishes.sound else " --metadata-only"
        console.tell(f"next: sousa unify --datasets {' '.join(chosen)} --root {shell(place)}{rest}")
    return 0


def _corpus(
    book: Catalogue, name: str, wishes: Wishes, place: Path, keep: bool, console: Console
) -> list[File]:
    """Have the files of a corpus; returns them."""
    root = place / name
    LocalStorage(str(root)).sweep()  # of a run that was killed
    record = Record(root)
    files = ordering.ordered(book, name, ordering.wanted(book, name, wishes), root, console.say)
    ordering.check_room(ordering.room(files, record, keep), root)
    for number, file in enumerate(files, 1):
        count = f"{number}/{len(files)} " if len(files) > 1 else ""
        progress = partial(_progress, console, count, file.bytes)
        fetching.bring(file, record, console.say, progress, keep)
    return files


def _progress(console: Console, count: str, size: int, title: str, total: int | None, **look: Any) -> Any:
    look = {"unit": "B", "unit_scale": True, "leave": size >= _SMALL} | look
    return console.progress(f"{count}{title}", total, **look)


def _estimated(book: Catalogue, name: str, wishes: Wishes) -> Iterator[File]:
    return ordering.estimated(book, ordering.wanted(book, name, wishes))


def _note(book: Catalogue, name: str, wishes: Wishes, console: Console) -> None:
    note = book.corpora[name].note
    if note and wishes.sound and not wishes.lists:
        console.tell(f"    note: {one_line(note)}")
