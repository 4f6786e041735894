"""What the sounds of rows are like: decoded once, and noted down for a run that goes on."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from soundfile import LibsndfileError

from sousa.generation.audio import encode
from sousa.generation.captions import sounds, workspace
from sousa.generation.errors import SousaError
from sousa.generation.outside import parse_json
from sousa.generation.storage import LocalStorage

NOT_THERE, BROKEN, EMPTY = "its sound is not there", "its sound can't be decoded", "its sound is empty"
TOO_LONG, ODD_RATE = "its sound has more samples than can be used", "its sound has an odd sample rate"
RATES = (1000, 768_000)  # Hz
_AHEAD = 64  # sounds that are decoded before they are asked for


@dataclass(frozen=True)
class Measured:
    """A sound.

    Attributes:
        problem: why it can't be used; empty where it can, and then the others are known.
        pcm_digest: see :mod:`sousa.generation.audio.encode`.
    """

    problem: str = ""
    num_samples: int = 0
    sample_rate: int = 0
    file_sha256: str = ""
    pcm_digest: str = ""

    @property
    def seconds(self) -> float:
        return self.num_samples / self.sample_rate


def measured(root: Path, audio_at: str) -> Measured:
    """Decode a sound."""
    try:
        data = sounds.sound_bytes(root, audio_at)
    except SousaError:
        return Measured(BROKEN)
    try:
        samples, rate, digest = encode.described(data)
    except encode.TooLong:
        return Measured(TOO_LONG)
    except (LibsndfileError, ValueError, OSError):
        return Measured(BROKEN)
    if not samples:
        return Measured(EMPTY)
    if not RATES[0] <= rate <= RATES[1]:
        return Measured(ODD_RATE)
    return Measured("", samples, rate, hashlib.sha256(data).hexdigest(), digest)


class Journal:
    """What was measured in earlier runs: in the user's cache, a line a sound, by the state of its file."""

    def __init__(self, root: str | Path):
        self._root = os.path.abspath(root)
        name = hashlib.sha256(os.fsencode(self._root)).hexdigest()[:16]
        self._storage, self._file = LocalStorage(str(workspace.folder())), f"sounds-{name}.jsonl"
        self._known: dict[str, Measured] = {}
        self._new: list[str] = []
        for line in self._storage.lines(self._file):
            with suppress(ValueError, TypeError):
                state, values = parse_json(line)
                self._known[state] = Measured(**values)

    def state(self, folder: str, audio_at: str) -> str | None:
        """What tells the sound from others; None where its file is not there."""
        try:
            status = os.stat(os.path.join(self._root, folder, sounds.file_of(audio_at)))
        except (OSError, ValueError):
            return None
        return f"{folder}/{audio_at} {status.st_size} {status.st_mtime_ns}"

    def get(self, state: str) -> Measured | None:
        """What is known of a sound."""
        return self._known.get(state)

    def add(self, state: str, measured: Measured) -> None:
        """Note a sound; some are written down together."""
        self._known[state] = measured
        self._new.append(json.dumps([state, asdict(measured)], separators=(",", ":")))
        if len(self._new) >= _AHEAD:
            self.write()

    def write(self) -> None:
        """Write down what is new."""
        if self._new:
            self._storage.path().mkdir(parents=True, exist_ok=True)
            self._storage.append(self._file, "\n".join(self._new))
            self._new = []


class Sounds:
    """The sounds of a root directory, decoded by several threads ahead of their use; a context manager."""

    def __init__(self, root: str | Path, threads: int = 2):
        self._root, self._journal = Path(root), Journal(root)
        self._pool = ThreadPoolExecutor(threads)
        self._running: dict[str, Future[Measured]] = {}

    def __enter__(self) -> "Sounds":
        return self

    def __exit__(self, *details: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._journal.write()

    def measure(
        self, folder: str, audio_at: str | None, ahead: Iterable[tuple[str, str | None]] = ()
    ) -> Measured:
        """What a sound is like; ``ahead``: others that will be asked for next."""
        if audio_at is None or (state := self._journal.state(folder, audio_at)) is None:
            return Measured(NOT_THERE)
        if (known := self._journal.get(state)) is not None:
            return known
        self._begin(folder, audio_at, state)
        for other, at in self._few(ahead):
            if at is not None and (later := self._journal.state(other, at)) and not self._journal.get(later):
                self._begin(other, at, later)
        result = self._running.pop(state).result()
        self._journal.add(state, result)
        return result

    def _begin(self, folder: str, audio_at: str, state: str) -> None:
        if state not in self._running:
            self._running[state] = self._pool.submit(measured, self._root / folder, audio_at)

    def _few(self, ahead: Iterable[tuple[str, str | None]]) -> Iterator[tuple[str, str | None]]:
        for pair in ahead:
            if len(self._running) >= _AHEAD:
                return
            yield pair
