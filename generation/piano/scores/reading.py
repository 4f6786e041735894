"""One file of the user as a score: its reader, its limits, and what is said when it can't be used."""

import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sousa.generation.errors import UsageError, first_line, told
from sousa.generation.outside import expanded, is_file, read
from sousa.generation.piano.score import Score
from sousa.generation.piano.scores.unfit import UnfitScore, plain_xml
from sousa.generation.text import is_line

MOST_BYTES = 32 << 20  # of a file, and of the text in a compressed one: the largest symphonies have 20 MB
MOST_SECONDS = 1800.0  # half of the longest recording: performers may play a piece slower than it is written
_MUSICXML = (".musicxml", ".xml", ".mxl")
_MIDI = (".mid", ".midi")
SUFFIXES = (*_MUSICXML, *_MIDI)


def read_score(path: str | Path) -> Score:
    """The score of a MusicXML or MIDI file.

    Returns: Score, with ``complexity`` unrated and ``source`` the name of the file.
    Raises: UsageError with one sentence about the file.
    """
    path = Path(expanded(path))
    reader: Callable[[bytes, str], Score]
    if path.suffix.lower() in _MUSICXML:
        from sousa.generation.piano.scores.musicxml import read_musicxml as reader
    elif path.suffix.lower() in _MIDI:
        from sousa.generation.piano.scores.midi import read_midi as reader
    else:
        raise UsageError(f"{path} is no score; name a file of {', '.join(SUFFIXES)}")
    if not is_file(path):
        raise UsageError(f"{path} is no regular file; name a score")
    try:
        path.name.encode()
    except UnicodeEncodeError:
        raise UsageError(f"the name of {os.fsencode(path)!r} is no UTF-8; rename the file") from None
    if not is_line(path.name):
        raise UsageError(f"the name of {str(path)!r} has control characters; rename the file")
    try:
        data = read(path, MOST_BYTES)
        if data.startswith(b"PK"):
            data = _unpacked(data)
        score = reader(data, path.name)
        _check(score)
    except UnfitScore as error:
        raise UsageError(f"{path}: {error}") from None
    except OSError as error:
        raise UsageError(f"{path} can't be read ({told(error)}); replace or remove it") from None
    return score


def _unpacked(data: bytes) -> bytes:
    """The MusicXML in a compressed file: what its container names, or the first file that may be one."""
    from xml.etree import ElementTree

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [name for name in archive.namelist() if not name.startswith("META-INF/")]
            name = next((name for name in names if name.lower().endswith((".musicxml", ".xml"))), "")
            if "META-INF/container.xml" in archive.namelist():
                container = plain_xml(_member(archive, "META-INF/container.xml"))
                root = next(
                    (e for e in ElementTree.fromstring(container).iter() if e.tag.endswith("rootfile")), None
                )
                name = name if root is None else root.get("full-path", name)
            if name not in names:
                raise UnfitScore("no MusicXML in it; export it again")
            return _member(archive, name)
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        NotImplementedError,
        RuntimeError,
        EOFError,
        ElementTree.ParseError,
    ) as error:
        raise UnfitScore(f"damaged ({first_line(error)}); export it again") from None


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:  # what it says of its size need not be so
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise UnfitScore(f"more than {MOST_BYTES:,} bytes when unpacked; give a shorter piece")
    return data


def _check(score: Score) -> None:
    if not len(score.notes):
        raise UnfitScore("no notes in it; give a piece for piano")
    at = np.array([0.0, *(beat for beat, _ in score.tempi), score.end_beat])
    seconds = float(
        (np.diff(at) * 60.0 / np.array([score.tempo_bpm, *(bpm for _, bpm in score.tempi)])).sum()
    )
    if not seconds <= MOST_SECONDS:
        raise UnfitScore(
            f"it lasts {seconds / 60:.0f} minutes as written, of at most {MOST_SECONDS / 60:.0f}; "
            "give a shorter piece"
        )
