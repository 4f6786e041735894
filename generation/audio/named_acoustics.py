"""The acoustics that have names, and the ranges their values are drawn from."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CLEAN = "clean"


@dataclass(frozen=True)
class Acoustics:
    """One table of ``acoustics.toml``; a stage it does not have is None. Dicts hold ranges, by name."""

    name: str
    about: str
    microphone: dict | None = None  # type and, without a room, distance_m
    eq: dict | None = None
    preamp: dict | None = None
    compressor: dict | None = None
    tape: dict | None = None
    dropouts: dict | None = None
    noise: dict | None = None
    hum: dict | None = None
    clip_db: list | None = None  # a range
    sample_rate_choices_hz: list | None = None
    bit_depth: list | None = None  # a range


@cache
def load() -> dict[str, Acoustics]:
    """All acoustics, by name, clean first."""
    tables = tomllib.loads(Path(__file__).with_name("acoustics.toml").read_text(encoding="utf-8"))
    return {name: Acoustics(name, **table) for name, table in tables.items()}


def names() -> tuple[str, ...]:
    """Names of all acoustics, clean first."""
    return tuple(load())
