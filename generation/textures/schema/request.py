"""What a configuration file asks for, the same for every kind of file, before it is checked.

Conventions: ``where`` is the place in the file, for sentences; None is what was not given, or what was wrong
and has been told already. Values are as given, in ``units`` natural or norm. ``words`` are the file's own
keys for the fields.
"""

import secrets
from dataclasses import dataclass, field

from sousa.generation.textures.settings import Level, Splits


@dataclass
class AxisRequest:
    where: str
    name: str | None
    low: float | None
    high: float | None
    count: int | None
    scale: str | None
    units: str
    values: list | None = None
    user_name: str | None = None
    user_doc: str = ""
    user_min: float | None = None
    user_max: float | None = None
    words: tuple = ("min", "max", "count")


@dataclass
class FixedRequest:
    where: str
    name: str | None
    value: float | None
    units: str
    user_doc: str = ""
    word: str = ""


@dataclass
class MovingRequest:
    where: str
    name: str
    shape: str
    points: list
    low: float | None
    high: float | None
    cycles: float | None
    count: int | None
    scale: str | None


@dataclass
class SoundRequest:
    """``linear_norm``: normalised values are even in the natural ones, whatever a parameter's scale."""

    where: str
    name: str | None
    synth: str | None
    parameters: list
    method: str = "grid"
    count: int | None = None
    points: list | None = None
    linear_norm: bool = False
    synth_word: str = "synth"


@dataclass
class Request:
    sounds: list
    seed: int | None
    sample_rate: int | None
    duration_sec: float | None
    chunk_sec: float | None
    examples: int | None
    level: Level | None
    splits: Splits
    audio_format: str | None
    records: tuple
    shard_mib: float | None
    naming: str | None
    num_chunks: int | None = None  # in place of chunk_sec
    words: dict = field(default_factory=dict)

    def word(self, name):
        """What the user calls a field."""
        return self.words.get(name, name)


DEFAULT_SEED = 42


def drawn_seed(word, notices):
    """A seed for a file that says null: told, so that the corpus can be made again."""
    seed = secrets.randbelow(2**32)
    notices.append(f"{word} is null: the seed {seed} was drawn; give it to make the same corpus again")
    return seed
