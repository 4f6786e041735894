"""Written pieces of the user: MusicXML and MIDI files as scores, kept so that a dataset can be made again.

Conventions: what is kept is the Score that was read, as JSON under the SHA-256 of its bytes. So rows depend
on neither the file nor the library that read it, and pieces with the same notes and names are one.
"""

import hashlib
from pathlib import Path

from sousa.generation import environment
from sousa.generation.errors import RunError, UsageError, collected, raise_all
from sousa.generation.outside import CONFIG_BYTES, expanded, is_directory, read
from sousa.generation.piano.score import Score
from sousa.generation.piano.scores import stored
from sousa.generation.piano.scores.reading import SUFFIXES, read_score
from sousa.generation.storage import atomic_file

__all__ = ["AGAIN", "SUFFIXES", "keep", "kept", "read_score", "read_scores"]

MOST_FILES = 100_000
AGAIN = "run 'sousa generate piano --scores DIR --dry-run' once with the directory it came from"


def read_scores(directory: str | Path) -> list[tuple[str, str]]:
    """All scores of a directory and its folders, each kept in the cache.

    Returns: list of ``(path in the directory, digest)``, in order of the paths; of pieces that are the same
        the first one.
    Raises: UsageError naming every file that can't be used, and what is wrong with it.
    """
    root = Path(expanded(directory))
    if not is_directory(root):
        raise UsageError(f"{root} is no directory of scores; name one with MusicXML or MIDI files")
    files = sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    if not files:
        raise UsageError(f"no score ({', '.join(SUFFIXES)}) in {root}")
    if len(files) > MOST_FILES:
        raise UsageError(f"{root} has {len(files):,} scores; at most {MOST_FILES:,} can be read at once")
    found: dict[str, str] = {}
    problems: list[str] = []
    for path in files:
        with collected(problems):
            found.setdefault(keep(read_score(path)), path.relative_to(root).as_posix())
    raise_all(dict.fromkeys(problems))  # what is not installed is said once
    return [(name, digest) for digest, name in found.items()]


def path_of(digest: str) -> Path:
    """Where a score is kept."""
    return environment.cache() / "scores" / f"{digest}.json"


def keep(score: Score) -> str:
    """Keep a score in the cache; returns its digest."""
    data = stored.encode(score)
    digest = hashlib.sha256(data).hexdigest()
    # written again each time, so that a damaged copy is mended
    with atomic_file(path_of(digest)) as file:
        file.write(data)
    return digest


def kept(digest: str) -> Score:
    """The score of a digest.

    Raises: RunError when it is not on this machine, or no longer what it was.
    """
    path = path_of(digest)
    try:
        data = read(path, CONFIG_BYTES)
    except FileNotFoundError:
        raise RunError(f"score {digest[:12]} is not on this machine; {AGAIN}") from None
    except OSError as error:
        raise RunError(f"score {path} can't be read ({error.strerror}); {AGAIN}") from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise RunError(f"score {path} has changed; {AGAIN}")
    return stored.decode(data)
