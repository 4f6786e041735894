"""What is to be fetched: from the catalogue, the user's choices, and what servers say."""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sousa.generation.captions.downloads.catalogue import Catalogue, Files
from sousa.generation.captions.downloads.fetching import File
from sousa.generation.captions.downloads.listings import Published, address_of, ask
from sousa.generation.captions.downloads.names import is_left_out, matches, unfit
from sousa.generation.captions.downloads.records import Record
from sousa.generation.corpus import Say
from sousa.generation.errors import RunError


@dataclass(frozen=True)
class Wishes:
    """What the user asks for.

    Attributes:
        sound: sound too, not only texts.
        lists: only what keeps evaluation sets out of training.
        choices: by corpus, which of its alternatives.
    """

    sound: bool = True
    lists: bool = False
    choices: Mapping[str, str] = field(default_factory=dict)


def wanted(catalogue: Catalogue, name: str, wishes: Wishes) -> list[Files]:
    """Entries of the catalogue that are to be fetched of a corpus."""
    return [
        entry
        for entry in catalogue.corpora[name].files
        if (entry.lists or not wishes.lists)
        and (wishes.sound or not entry.sound)
        and entry.choice in (None, wishes.choices.get(name))
    ]


def estimated(catalogue: Catalogue, entries: Sequence[Files]) -> Iterator[File]:
    """Files as the catalogue knows them, without asking anybody; those of a name with ``*`` are one."""
    for entry in entries:
        share = entry.bytes // len(entry.names)
        for name in entry.names:
            yield _file(entry, name, Published(_address(catalogue, entry, name)), share)


def ordered(catalogue: Catalogue, name: str, entries: Sequence[Files], folder: Path, say: Say) -> list[File]:
    """Files of a corpus, with what their servers say of them.

    A listing that can't be had is done without where the catalogue names the files.

    Args:
        catalogue: where they are.
        name: of the corpus, for remarks.
        entries: of the catalogue.
        folder: of the corpus, which is there.
        say: called with a line of text for each remark.

    Raises: RunError when files can't be listed, or are not listed, or are not as the catalogue knows them.
    """
    files: list[File] = []
    answers: dict[tuple[str, str, str], dict[str, Published] | None] = {}
    for entry in entries:
        share = entry.bytes // len(entry.names)
        if (listing := entry.listing()) is None:
            files += estimated(catalogue, [entry])
            continue
        key = (*listing, entry.base)
        if key not in answers:
            try:
                answers[key] = ask(catalogue, *key, folder, say)
            except RunError as error:
                if any("*" in pattern for pattern in entry.names):
                    raise
                say(f"{name}: {error}; its files are fetched with what is known of them here")
                answers[key] = None
        if (answer := answers[key]) is None:
            files += estimated(catalogue, [entry])
            continue
        for pattern in entry.names:
            if not (names := sorted(path for path in answer if matches(path, pattern))):
                raise RunError(f"{entry.where} has no {pattern} any more; get a newer version of sousa")
            files += (_file(entry, path, answer[path], share // len(names)) for path in names)
    return files


def _address(catalogue: Catalogue, entry: Files, name: str) -> str:
    if listing := entry.listing():
        return address_of(catalogue, *listing, name, entry.base)
    return f"{entry.where}/{name}"


def _file(entry: Files, name: str, published: Published, share: int) -> File:
    if (why := unfit(name)) or is_left_out(name):
        raise RunError(f"{entry.where} lists {name!r}, which {why or 'is hidden'}; it is not fetched")
    digest = entry.digest or published.digest
    if published.digest not in (None, digest):
        raise RunError(
            f"{published.address} was changed: its checksum is {published.digest}, and was {digest} for this "
            "version of sousa; get a newer one"
        )
    size = share if published.bytes is None else published.bytes
    path = name if entry.into == "." else f"{entry.into}/{name}"
    content = 0
    if entry.unpack is not None:
        content = size if entry.content is None else entry.content // len(entry.names)
    return File(path, published.address, size, published.bytes is not None, digest, entry.unpack, content)


def room(files: Iterable[File], record: Record, keep: bool) -> int:
    """Bytes that are still needed on the disk for files of a corpus.

    Archives are removed one by one as they are unpacked, so only the largest counts, unless they are kept.
    Files that are known by a pattern alone don't count.
    """
    known = [file for file in files if "*" not in file.path]
    plain = [file.left_bytes(record) for file in known if file.unpack is None]
    packed = [file.left_bytes(record) for file in known if file.unpack is not None]
    content = sum(file.content_bytes(record) for file in known)
    return sum(plain) + content + (sum(packed) if keep else max(packed, default=0))


def check_room(needed: int, place: Path) -> None:
    """Raise RunError when the disk has less room than is needed."""
    where = place.absolute()
    while not where.exists():
        where = where.parent
    if needed > (free := shutil.disk_usage(where).free):
        raise RunError(
            f"about {size_text(needed)} are needed but only {size_text(free)} are free at {place}; free "
            "some, name another --output-dir, or leave sound out with --no-audio"
        )


def size_text(count: int) -> str:
    """A number of bytes, for people."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count / 1e3:,.1f} KB" if count >= 1e3 else f"{count} bytes"
