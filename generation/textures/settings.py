"""What textures corpus to make: the configuration, as it is used after a file has been read and checked.

Conventions: all values are natural (the synthesizer's own) unless a name says otherwise; *user* values are
the labels a configuration may attach to them. A *sound* is one synthesizer with a part of its parameter
space; a *setting* is one point of that; an *example* is one rendering of a setting into a long signal, which
is cut into *chunks*. A row is one chunk. :mod:`sousa.generation.textures.schema` makes these objects.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter

from sousa.generation.errors import RunError
from sousa.generation.textures import Textures, names, space, synth
from sousa.generation.textures.columns import FRAME_RATE_HZ as FRAME_RATE_HZ
from sousa.generation.textures.limits import Layout

METHODS = ("grid", "sobol", "latin_hypercube", "random", "list")
POLICIES = ("none", "peak", "rms")
RECORDS = ("params", "nsjson", "tfrecords", "frames", "nsynth")
DEFAULT_SHARD_MIB = 64.0  # of TFRecords
# fields of a Config that change no row, by what they are where only an identity is known
_NO_IDENTITY = {
    "size": "custom", "records": (), "shard_mib": DEFAULT_SHARD_MIB, "layout": "splits", "synth_files": (),
}  # fmt: skip


@dataclass(frozen=True)
class Axis:
    """A swept parameter.

    Attributes:
        name: of the synthesizer's parameter.
        user_name, user_doc: as the configuration calls it.
        user_min, user_max: what its labels say at the ends.
        minimum, maximum: natural values at the ends; ``maximum`` may be the lower one.
        count: points of a grid, None with other methods.
        scale: of values.SCALES: how the points are spaced; user values are always spaced as the shares are.
        values: natural values one by one in place of a range, or None.
        units: natural or norm, the unit in which the configuration gave the ends.
        given_min, given_max: as it gave them.
    """

    name: str
    user_name: str
    user_doc: str
    user_min: float
    user_max: float
    minimum: float
    maximum: float
    count: int | None
    scale: str
    values: tuple[float, ...] | None
    units: str
    given_min: float
    given_max: float

    @property
    def ends(self):
        """Lowest and highest natural value."""
        return min(self.minimum, self.maximum), max(self.minimum, self.maximum)

    @property
    def is_natural(self):
        """Whether the labels are the natural values: labels with the same ends are, on any scale."""
        return (self.user_min, self.user_max) == (self.minimum, self.maximum)


@dataclass(frozen=True)
class Fixed:
    """A parameter with one value: ``natural``, and as the configuration gave it (``units``, ``given``)."""

    name: str
    natural: float
    given: float
    units: str
    user_doc: str

    @property
    def ends(self):
        """Lowest and highest natural value."""
        return self.natural, self.natural


@dataclass(frozen=True)
class Moving:
    """A parameter that changes in time, the same way in every setting or, with ``random``, in its own.

    Attributes:
        shape: points; sine, from minimum to maximum and back, beginning halfway up; or random: ``count``
            values drawn between minimum and maximum for each setting, evenly spaced in time.
        points: pairs of seconds and natural value, for the shape points.
        minimum, maximum: natural values.
        cycles: of a sine, over the whole long signal.
        count: points of random.
        scale: one of values.SCALES.
    """

    name: str
    shape: str
    points: tuple[tuple[float, float], ...]
    minimum: float
    maximum: float
    cycles: float
    count: int
    scale: str

    @property
    def ends(self):
        """Lowest and highest natural value."""
        values = [value for _, value in self.points] or [self.minimum, self.maximum]
        return min(values), max(values)


@dataclass(frozen=True)
class Sound:
    """A synthesizer and the part of its parameter space to cover.

    Attributes:
        name: as the configuration calls it; it begins the names of rows.
        synth, synth_version: see :mod:`sousa.generation.textures.synth`.
        axes: swept parameters, in order; on a grid the last one changes fastest.
        fixed, moving: parameters that are not swept; the synthesizer's other ones have their defaults.
        method: one of METHODS.
        count: settings to make, None for grid and list.
        points: of the method list: natural values of the axes, a tuple a setting.
        drawn_as: what stands in place of values when random draws are named, so that a derived corpus has
            the draws of its base: pairs of parameter and value.
    """

    name: str
    synth: str
    synth_version: str
    axes: tuple[Axis, ...]
    fixed: tuple[Fixed, ...]
    moving: tuple[Moving, ...]
    method: str
    count: int | None
    points: tuple[tuple[float, ...], ...]
    drawn_as: tuple[tuple[str, float], ...] = ()

    @property
    def parts(self):
        """Axes, moving and fixed parameters."""
        return *self.axes, *self.moving, *self.fixed


@dataclass(frozen=True)
class Level:
    """What is done to the level of a long signal before it is cut: nothing, or one gain.

    ``target_db``: of the peak or of the RMS, dB relative to full scale; no meaning for ``none``.
    """

    policy: str
    target_db: float


Box = tuple[tuple[str, float, float], ...]  # parameter, lowest, highest: all of them have to hold


@dataclass(frozen=True)
class Splits:
    """How settings are divided; every chunk and example of a setting goes with it.

    Attributes:
        validation, test: shares of settings, drawn for each setting by its own coordinates.
        interpolation_share: share of the settings strictly inside every axis that becomes test data.
        interpolation: boxes whose settings become test data; they don't reach the ends of axes.
        extrapolation: boxes whose settings become test data, whatever else is said of them.
    """

    validation: float
    test: float
    interpolation_share: float
    interpolation: tuple[Box, ...]
    extrapolation: tuple[Box, ...]


@dataclass(frozen=True)
class Config:
    """A textures corpus. Made by :mod:`sousa.generation.textures.schema`, which checks it.

    Attributes:
        size: name it came from, or custom.
        sample_rate: Hz.
        duration_sec: length of the long signals.
        chunk_sec: of the rows.
        examples: renderings of each setting, which differ by chance alone.
        audio_format: flac or wav.
        records: formats written beside the shards, of RECORDS.
        shard_mib: size of TFRecord shards, None for one file a row.
        layout: of TFRecord files: splits, a folder each; or flat, all in one folder.
        naming: names of rows: values (as DSGenerator has them), later (its later generation's), index.
        base: digest of the dataset this one is derived from, or None.
        synth_files: files with synthesizers that the user named; no part of what is made.
    """

    size: str
    sounds: tuple[Sound, ...]
    seed: int
    sample_rate: int
    duration_sec: float
    chunk_sec: float
    examples: int
    level: Level
    splits: Splits
    audio_format: str
    records: tuple[str, ...]
    shard_mib: float | None
    naming: str
    layout: Layout = "splits"
    base: str | None = None
    synth_files: tuple[str, ...] = ()

    with_audio = True  # there are no textures without sound
    channels = 1

    def identity(self):
        """What decides the bytes of the corpus, as plain data."""
        plain = json.loads(json.dumps(asdict(self)))
        return {name: value for name, value in plain.items() if name not in _NO_IDENTITY} | {
            "corpus": Textures.name, "data_version": Textures.data_version,
        }  # fmt: skip

    @property
    def chunk_samples(self):
        """Length of a row, samples."""
        return round(self.chunk_sec * self.sample_rate)

    @property
    def chunks(self):
        """Rows of a long signal; what is left over at its end is not used."""
        # the small number forgives 0.3 / 0.1 = 2.9999999999999996
        return int(self.duration_sec / self.chunk_sec + 1e-9)

    @property
    def long_samples(self):
        """Length of a long signal, samples; at least all its chunks."""
        return max(round(self.duration_sec * self.sample_rate), self.chunks * self.chunk_samples)

    @property
    def rows_per_setting(self):
        return self.examples * self.chunks

    # once an object: to find them by value takes as long as the configuration is large

    @cached_property
    def settings(self):
        """All settings, in order of their rows: tuple of :class:`sousa.generation.textures.space.Setting`."""
        return space.settings(self)

    @cached_property
    def setting_ids(self):
        """Names of all settings, in the same order: tuple of texts."""
        return names.setting_ids(self)

    @cached_property
    def positions(self):
        """Where settings are in ``settings``: dict by name of the sound and index."""
        return {(self.sounds[s.sound].name, s.index): at for at, s in enumerate(self.settings)}

    @cached_property
    def parameters(self):
        """Parameters of each synthesizer, over all values that its sounds have: dict of tuples by its name.

        Sounds of one synthesizer share its ranges, because readers take a normalised value by it.
        Raises: RunError for a synthesizer that is not here.
        """
        declared = {sound.synth: synth.of(sound).parameters for sound in self.sounds}
        values = {name: {p.name: [p.default] for p in parameters} for name, parameters in declared.items()}
        for sound in self.sounds:
            for part in sound.parts:
                values[sound.synth][part.name] += part.ends
        return {
            name: tuple(p.over(values[name][p.name]) for p in parameters)
            for name, parameters in declared.items()
        }

    @cached_property
    def swept(self):
        """Parameters that are swept, in order: list of ``(name, unit)``, the unit empty if unknown."""
        units = {}
        for sound in self.sounds:
            declared = {}
            with suppress(RunError):  # rows can be read without it
                declared = {p.name: p.unit for p in synth.of(sound).parameters}
            for axis in sound.axes:
                units.setdefault(axis.name, []).append(declared.get(axis.name, ""))
        # one column for parameters of several synthesizers that share a name
        return [(name, of_name[0] if len(set(of_name)) == 1 else "") for name, of_name in units.items()]

    @property
    def files(self) -> tuple[str, ...]:
        """What rows are made of beside the package: files with synthesizers."""
        return self.synth_files

    def __getstate__(self):  # what is kept of an object above does not go to workers with it
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def num_rows(self):
        return sum(map(space.count, self.sounds)) * self.rows_per_setting


def from_identity(data: dict[str, Any], size: str) -> Config:
    """The Config of an identity; it asks for no records.

    Raises: pydantic.ValidationError (a ValueError) for anything else.
    """
    fields_ = {name: value for name, value in data.items() if name not in ("corpus", "data_version")}
    return TypeAdapter(Config).validate_python({**fields_, **_NO_IDENTITY, "size": size})
