"""A user's own sound files, kept in the cache under their digests, so that a dataset can be verified later.

Conventions: what is kept is 16-bit, mono and at the bank rate; a digest is of its samples.
"""

import hashlib
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from sousa.generation import environment
from sousa.generation.audio import encode
from sousa.generation.audio.banks import BANK_RATE
from sousa.generation.errors import RunError, UsageError, raise_all
from sousa.generation.outside import expanded, is_directory, is_file, opened
from sousa.generation.storage import atomic_file
from sousa.generation.text import is_line

_SUFFIXES = (".wav", ".flac", ".aif", ".aiff", ".ogg")
_RATES = (8000, 384_000)
_BLOCK = 1 << 15  # samples read at once


def digest_of(samples: np.ndarray) -> str:
    """SHA-256 of int16 samples, hexadecimal."""
    return hashlib.sha256(np.ascontiguousarray(samples, dtype="<i2").tobytes()).hexdigest()


@dataclass(frozen=True)
class UserSounds:
    """Sounds of one kind: their noun, the option that names their directory, their folder in the cache."""

    noun: str
    option: str
    folder: str

    @property
    def again(self) -> str:
        """What to do when one is not here."""
        return f"run 'sousa generate {self.option} DIR --dry-run' once with the directory it came from"

    def path(self, digest: str) -> Path:
        """Where a sound is kept."""
        return environment.cache() / self.folder / f"{digest}.flac"

    def keep(
        self, directory: str | Path, prepare: Callable[[Path], np.ndarray], folders: Collection[str] = ()
    ) -> list[tuple[Path, str]]:
        """Keep all sound files of a directory and, where ``folders`` are given, of those folders in it.

        Args:
            prepare: function of a path giving int16 (samples,); raises UsageError.

        Returns: list of ``(path in the directory, digest)``.
        Raises: UsageError naming every problem.
        """
        root = Path(expanded(directory))
        if not is_directory(root):
            raise UsageError(f"{root} is no directory of {self.noun}s; name one with sound files")
        kept, problems = [], []
        places = [place for place in sorted(root.iterdir()) if folders and place.is_dir()]
        for place in (root, *places):
            files = sorted(path for path in place.iterdir() if path.suffix.lower() in _SUFFIXES)
            if files and place != root and place.name not in folders:
                named = ", ".join(folders)
                problems.append(f"{place}: no acoustics with a room are called so; choose from {named}")
                continue
            for path in files:
                try:
                    samples = prepare(path)
                except UsageError as error:
                    problems += error.problems
                    continue
                digest = digest_of(samples)
                # written again each time, so that a damaged copy is mended
                with atomic_file(self.path(digest)) as file:
                    file.write(encode.encode(samples, BANK_RATE, "flac"))
                kept.append((path.relative_to(root), digest))
        raise_all(problems)
        if not kept:
            also = " or its folders of acoustics" if folders else ""
            raise UsageError(f"no sound file ({', '.join(_SUFFIXES)}) in {root}{also}")
        return kept

    def samples(self, digest: str, path: Path | None = None) -> np.ndarray:
        """Samples of this digest, int16 (samples,), from the cache or another path.

        Raises: RunError when they are not on this machine, or no longer what they were.
        """
        path = path or self.path(digest)
        if not path.exists():
            raise RunError(f"{self.noun} {digest[:12]} is not on this machine; {self.again}")
        try:
            samples, rate = encode.read_file(path)
        except (OSError, soundfile.LibsndfileError) as error:
            raise RunError(f"{self.noun} {path} can't be read ({_reason(error)}); {self.again}") from None
        samples = samples[:, 0]
        if rate != BANK_RATE or digest_of(samples) != digest:
            raise RunError(f"{self.noun} {path} has changed; {self.again}")
        return samples


def _reason(error: OSError | soundfile.LibsndfileError) -> str:
    return getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)


def read_mono(path: Path, seconds: float) -> tuple[np.ndarray, int]:
    """The beginning of a sound file as ``(samples, rate)``: its first channel, float64 (samples,).

    Raises: UsageError when it can't be used.
    """
    if not is_file(path):
        raise UsageError(f"{path} is no regular file; remove it")
    try:
        path.name.encode()  # names go into JSON and columns
    except UnicodeEncodeError:
        raise UsageError(f"the name of {os.fsencode(path)!r} is no UTF-8; rename the file") from None
    if not is_line(path.name):
        raise UsageError(f"the name of {str(path)!r} has control characters; rename the file")
    try:
        with opened(path) as data, soundfile.SoundFile(data.fileno(), closefd=False) as file:
            rate = file.samplerate
            if not _RATES[0] <= rate <= _RATES[1]:
                raise UsageError(f"{path} has {rate} samples a second; give {_RATES[0]} to {_RATES[1]}")
            left, blocks = int(seconds * rate), []
            # one channel at a time is kept: a head may name a thousand
            while left > 0 and len(block := file.read(min(left, _BLOCK), dtype="float64", always_2d=True)):
                blocks.append(block[:, 0].copy())
                left -= len(block)
    except (OSError, soundfile.LibsndfileError) as error:
        raise UsageError(f"{path} can't be read as sound ({_reason(error)}); replace or remove it") from None
    return np.concatenate(blocks or [np.zeros(0)]), rate
