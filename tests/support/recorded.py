"""A corpus whose rows are read, not made: no coordinates, no seed, no sizes inside each other."""

from dataclasses import asdict, dataclass, replace

import pyarrow as pa
from sousa_tones import Config as TonesConfig
from sousa_tones import Tones

from sousa.generation.columns import Coordinate, having
from sousa.generation.corpus import Corpus
from sousa.generation.options import Options, option
from sousa.generation.shards import Shard

COORDINATES = [column.name for column in having(Tones().columns(), Coordinate)]


class RecordedOptions(Options):
    SIZES = {"all": 48}

    take: int = option(1, "which take of each tone", ge=1, le=9)


@dataclass(frozen=True)
class Config:
    size: str = "all"
    num_rows: int = 48
    take: int = 1
    sample_rate: int = 16000
    with_audio: bool = True
    audio_format: str = "flac"

    def identity(self):
        same = {name: value for name, value in asdict(self).items() if name != "size"}
        return {"corpus": Recorded.name, "data_version": Recorded.data_version, **same}


class Recorded(Corpus):
    """What somebody has recorded of tones; here the rows of that corpus stand for files on a disk."""

    name, title, summary = "recorded", "Recorded tones", "tones that somebody has recorded"
    data_version = Tones.data_version
    Options = RecordedOptions
    tasks = {"shape": ("wave",)}

    def config(self, options, say):
        return Config(take=options.take)

    def restore(self, identity, size, rows_only):
        return Config(size, **{name: identity[name] for name in Config.__annotations__ if name != "size"})

    def columns(self, config=None):
        columns = Tones().columns()
        return tuple(replace(c, role=None) if c.name in COORDINATES else c for c in columns)

    def plan(self, config):
        return [Shard(s.name, s.split, s.rows, s.key) for s in Tones().plan(TonesConfig(seed=config.take))]

    def rows(self, config, shard):
        for table in Tones().rows(TonesConfig(seed=config.take), shard):
            yield pa.table(table.columns, schema=self.schema(config))
