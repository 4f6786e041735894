"""Pulsed tones: a corpus in one file of a package of its own.

Each row is a tone that is switched on a few times, more or less evenly. It tells the wave's shape (a class),
how even the pulses are (a score) and where they begin (events). Beside the rows stands the pitch of each
series.
"""

from dataclasses import asdict, dataclass, replace

import numpy as np
import pyarrow as pa

from sousa.generation.audio.encode import encode_and_digest
from sousa.generation.columns import AUDIO, Classes, Column, Coordinate, Events, Group, Score, split_column
from sousa.generation.corpus import Generated, Packaging
from sousa.generation.filters import ranges
from sousa.generation.options import SeedOptions, option
from sousa.generation.seeds import stream
from sousa.generation.shards import Shard

WAVES = ("sine", "square", "saw")
PULSES, ROWS_A_SERIES, VOLUME = 4, 12, 0.5
SPLIT_OF = ("train", "train", "validation", "test")  # of every four series

COLUMNS = (
    Column("sample_id", "string", "", "unique name of the row"),
    Column("series", "int32", "", "rows with one pitch", role=Group("series", "series")),
    Column("number", "int32", "", "coordinate: row", role=Coordinate()),
    split_column("series"),
    Column("duration_sec", "float64", "s", "length of the audio"),
    Column("num_samples", "int64", "samples", "length of the audio"),
    Column("sample_rate", "int32", "Hz", "rate of the audio"),
    Column("wave", "string", "", "shape of the wave",
           role=Classes(WAVES, balance=True, breakdown=True, main=True)),
    Column("evenness", "float64", "0-100", "100 where the pulses are in time", role=Score(0, 100)),
    Column("pulses", (Column("onset_sample", "int64", "samples", "where a pulse begins"),), "", "in order",
           role=Events()),
    Column("data_version", "string", "", "version of the data"),
    Column("pcm_digest", "string", "", "MD5 of the samples", rendered=True),
    Column("audio", AUDIO, "", "FLAC"),
)  # fmt: skip


class TonesOptions(SeedOptions):
    SIZES = {"small": 48, "medium": 96}

    duration_sec: float = option(1.0, "length of a row", ge=0.2, le=10, unit="s")


@dataclass(frozen=True)
class Config:
    size: str = "small"
    num_rows: int = 48
    seed: int = 42
    duration_sec: float = 1.0
    sample_rate: int = 16000
    with_audio: bool = True
    audio_format: str = "flac"

    def identity(self):
        same = {name: value for name, value in asdict(self).items() if name != "size"}
        return {"corpus": Tones.name, "data_version": Tones.data_version, **same}


class Tones(Generated):
    name, title, summary, data_version = "tones", "Tones", "tones that are switched on and off", "1.0.0"
    Options = TonesOptions
    examples = (("--size medium", "96 rows"),)
    tasks = {"tone": ("wave", "evenness")}
    address = ("number",)

    def config(self, options, say):
        size = options.size or "small"
        return Config(size, TonesOptions.SIZES[size], options.seed, options.duration_sec)

    def restore(self, identity, size, rows_only):
        return Config(size, **{name: identity[name] for name in Config.__annotations__ if name != "size"})

    def resized(self, config, size):
        return replace(config, size=size, num_rows=TonesOptions.SIZES[size])

    def columns(self, config=None):
        return COLUMNS

    def plan(self, config):
        series = range(config.num_rows // ROWS_A_SERIES)
        splits = {i: SPLIT_OF[i % len(SPLIT_OF)] for i in series}
        return [Shard(f"{splits[i]}/series-{i:03}", splits[i], ROWS_A_SERIES, {"series": i}) for i in series]

    def splits(self, config):
        series = {shard.key["series"]: shard.split for shard in self.plan(config)}
        return {split: [i for i in series if series[i] == split] for split in SPLIT_OF}

    def beside(self, config, storage, shards, earlier, progress):
        pitches = [pitch_hz(shard.key["series"]) for shard in self.plan(config)]
        storage.write_json("pitches/hz.json", pitches)
        storage.write_json("about.json", {"rows": config.num_rows})
        return {"pitches": len(pitches)}

    def facts_problem(self, facts):
        return None if isinstance(facts.get("pitches"), int) else "pitches is no number"

    def packaging(self, config, facts):
        return Packaging(tags=("tones",), author="A. Stranger", provenance={"pitches": facts["pitches"]})

    def filters(self):
        return {"even": ranges("evenness", (0, 100))}

    def addresses(self, config, shard):
        first = shard.key["series"] * ROWS_A_SERIES
        yield pa.table({"number": pa.array(range(first, first + ROWS_A_SERIES), pa.int32())})

    def remake(self, config, addresses, render=True):
        rows = [row(config, number, render) for number in addresses["number"].to_pylist()]
        return pa.Table.from_pylist(rows, self.schema(config))


def pitch_hz(series):
    return 220 * 2 ** (series / 12)


def row(config, number, render):
    series, chance = number // ROWS_A_SERIES, stream(config.seed, "tones", number)
    num_samples, wave = round(config.duration_sec * config.sample_rate), WAVES[number % len(WAVES)]
    gap = num_samples // PULSES
    late = chance.uniform(0, 0.5) * chance.uniform(0, 1, PULSES)
    onsets = [int(gap * (i + part)) for i, part in enumerate(late)]
    pulses = [{"onset_sample": onset} for onset in onsets]
    phase = np.arange(num_samples) * pitch_hz(series) / config.sample_rate
    sine = np.sin(2 * np.pi * phase)
    shape = {"sine": sine, "square": np.sign(sine), "saw": 2 * (phase % 1) - 1}
    sounding = np.zeros(num_samples)
    for onset in onsets:
        sounding[onset : onset + gap // 3] = VOLUME
    pcm = np.round(shape[wave] * sounding * 32767).astype(np.int16)[:, None]
    audio, digest = encode_and_digest(pcm, config.sample_rate, "flac") if render else (None, None)
    name = f"tone-{number:05}"
    return {
        "sample_id": name, "series": series, "number": number, "split": SPLIT_OF[series % len(SPLIT_OF)],
        "duration_sec": num_samples / config.sample_rate, "num_samples": num_samples,
        "sample_rate": config.sample_rate, "wave": wave, "evenness": 100 * (1 - np.ptp(late)),
        "pulses": pulses, "data_version": Tones.data_version, "pcm_digest": digest,
        "audio": {"bytes": audio, "path": f"{name}.flac"} if render else None,
    }  # fmt: skip
