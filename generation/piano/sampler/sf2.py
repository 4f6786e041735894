"""Reading the piano of an SF2 or SF3 soundfont: its zones and samples.

Conventions
-----------
From the SoundFont Technical Specification 2.04. A *zone* is what plays for a range of keys and velocities:
a sample and its generators, those of the instrument's global zone, its own, and those of the preset added.
SF3 is the same with samples in Ogg Vorbis; their offsets are bytes, and loops count from their beginning.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sousa.generation.audio import encode
from sousa.generation.errors import RunError
from sousa.generation.outside import opened
from sousa.generation.text import as_line, one_line

# generators by their numbers in the specification, 8.1.2
FILTER, MOD_TO_FILTER, PAN = 8, 11, 17
MOD_ATTACK, MOD_HOLD, MOD_DECAY, MOD_SUSTAIN = 26, 27, 28, 29
HOLD, DECAY, SUSTAIN, RELEASE = 35, 36, 37, 38
_INSTRUMENT, _KEYS, _VELOCITIES = 41, 43, 44
ATTENUATION, COARSE_TUNE, FINE_TUNE, _SAMPLE, LOOP_MODE, SCALE_TUNE, ROOT_KEY = 48, 51, 52, 53, 54, 56, 58
_RANGES = (_KEYS, _VELOCITIES)
_OF_SAMPLE = (0, 1, 2, 3, 4, 12, 45, 50)  # address offsets
DEFAULTS = {FILTER: 13500, MOD_ATTACK: -12000, MOD_HOLD: -12000, MOD_DECAY: -12000, HOLD: -12000,
            DECAY: -12000, RELEASE: -12000, SCALE_TUNE: 100, ROOT_KEY: -1}  # fmt: skip
_VORBIS = 0x10


@dataclass(frozen=True)
class Sample:
    """A sample of a font; ``linked``: number of the other side of a stereo pair."""

    number: int
    rate: int
    start: int
    end: int
    loop_start: int  # from its own beginning
    loop_end: int
    root: int
    correction_cents: int
    linked: int
    kind: int


@dataclass(frozen=True)
class Zone:
    """A zone of a preset, with inclusive ranges."""

    keys: tuple[int, int]
    velocities: tuple[int, int]
    generators: dict[int, int]
    sample: Sample

    def __getitem__(self, generator: int) -> int:
        return self.generators.get(generator, DEFAULTS.get(generator, 0))


class Font:
    """A font in memory.

    Raises: RunError when it is damaged or has no preset at bank 0, program 0.
    """

    def __init__(self, path: str | Path):
        with opened(path) as file:
            self._data = file.read()
        try:
            self._lists = {tag: (at, size) for tag, at, size in self._chunks(12, len(self._data))}
            self._samples = [
                Sample(i, rate, start, end, loop if kind & _VORBIS else loop - start,
                       loop_end if kind & _VORBIS else loop_end - start, root, cents, link, kind)
                for i, (_, start, end, loop, loop_end, rate, root, cents, link, kind)
                in enumerate(self._records("shdr", "<20sIIIIIBbHH"))
            ]  # fmt: skip
            self.preset, self.zones = self._piano()
        except (LookupError, ValueError, struct.error, RecursionError) as error:
            raise RunError(
                f"soundfont {path} can't be used ({one_line(str(error))}); choose another one"
            ) from None

    def _chunks(self, at: int, end: int) -> Iterator[tuple[str, int, int]]:
        while at + 8 <= end:
            tag, size = self._data[at : at + 4], int.from_bytes(self._data[at + 4 : at + 8], "little")
            if tag == b"LIST":
                yield from self._chunks(at + 12, min(at + 8 + size, end))
            else:
                yield tag.decode("ascii", "replace"), at + 8, size
            at += 8 + size
            # chunks are of even length; some writers leave the padding out
            at += size % 2 and self._data[at : at + 1] == b"\0"

    def _records(self, tag: str, layout: str) -> list[tuple[Any, ...]]:
        """All but the terminal record of a list."""
        at, size = self._lists[tag]
        step = struct.calcsize(layout)
        return list(struct.iter_unpack(layout, self._data[at : at + size // step * step]))

    def _piano(self) -> tuple[str, list[Zone]]:
        presets = self._records("phdr", "<20sHHHIII")
        instruments = self._records("inst", "<20sH")
        number = next((i for i, preset in enumerate(presets[:-1]) if preset[1:3] == (0, 0)), None)
        if number is None:
            raise ValueError("it has no preset at bank 0, program 0")
        zones = []
        for outer in self._bags("p", presets[number][3], presets[number + 1][3]):
            if _INSTRUMENT not in outer:
                continue
            first, end = (instruments[outer[_INSTRUMENT] + i][1] for i in (0, 1))
            for inner in self._bags("i", first, end):
                if _SAMPLE in inner and (zone := self._zone(outer, inner)):
                    zones.append(zone)
        if not zones:
            raise ValueError("its first preset plays nothing")
        return as_line(presets[number][0].split(b"\0")[0].decode("utf-8", "replace")), zones

    def _bags(self, kind: str, first: int, end: int) -> Iterator[dict[int, int]]:
        """Generators of the zones of a preset or instrument, those of its global zone in each."""
        bags, generators = self._records(f"{kind}bag", "<HH"), self._records(f"{kind}gen", "<Hh")
        common: dict[int, int] = {}
        for bag in range(first, end):
            own = dict(generators[bags[bag][0] : bags[bag + 1][0]])
            if bag == first and _INSTRUMENT not in own and _SAMPLE not in own:
                common = own
            else:
                yield common | own

    def _zone(self, outer: dict[int, int], inner: dict[int, int]) -> Zone | None:
        spans = []
        for which in _RANGES:
            pair = [_span(zone.get(which)) for zone in (outer, inner)]
            low, high = max(p[0] for p in pair), min(p[1] for p in pair)
            if low > high:
                return None
            spans.append((low, high))
        sample = self._samples[inner[_SAMPLE]]
        values = {k: v for k, v in inner.items() if k not in (*_RANGES, _SAMPLE)}
        for key, value in outer.items():
            if key not in (*_RANGES, _INSTRUMENT, *_OF_SAMPLE):
                values[key] = values.get(key, DEFAULTS.get(key, 0)) + value
        return Zone(spans[0], spans[1], values, sample)

    def read(self, sample: Sample) -> tuple[np.ndarray, int]:
        """``(samples, rate)``: float64 (samples,), full scale 1."""
        at, size = self._lists["smpl"]
        if sample.kind & _VORBIS:
            data = self._data[at + sample.start : at + min(sample.end, size)]
            sound, rate = encode.read(io.BytesIO(data), dtype="float64")
            return sound[:, 0], rate
        raw = np.frombuffer(self._data, "<i2", sample.end - sample.start, at + 2 * sample.start)
        return raw / 32768.0, sample.rate


def _span(value: int | None) -> tuple[int, int]:
    """A range as its generator has it: the low byte and the high byte."""
    return (0, 127) if value is None else (value & 127, value >> 8 & 127)


def seconds(timecents: int) -> float:
    """A duration from its logarithm, as the specification has it."""
    return 2.0 ** (timecents / 1200.0)
