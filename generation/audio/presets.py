"""Presets: which acoustics there are, and the ranges their values are drawn from."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CLEAN = "clean"


@dataclass(frozen=True)
class Preset:
    """One table of ``presets.toml``; a stage it does not have is None.

    Attributes:
        name, about: texts.
        microphone: ``type`` and, without a room, ``distance_m``.
        eq, preamp, compressor, tape, dropouts, noise, hum: dicts of ranges.
        clip_db, bit_depth: ranges. sample_rate_choices_hz: values.
    """

    name: str
    about: str
    microphone: dict | None = None
    eq: dict | None = None
    preamp: dict | None = None
    compressor: dict | None = None
    tape: dict | None = None
    dropouts: dict | None = None
    noise: dict | None = None
    hum: dict | None = None
    clip_db: list | None = None
    sample_rate_choices_hz: list | None = None
    bit_depth: list | None = None


@cache
def load():
    """All presets, by name, clean first."""
    with open(Path(__file__).with_name("presets.toml"), "rb") as file:
        return {name: Preset(name, **table) for name, table in tomllib.load(file).items()}


def names():
    """Names of all presets, clean first."""
    return tuple(load())
