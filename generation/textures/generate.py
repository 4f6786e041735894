"""Making a textures dataset in a directory: shards, label tables, splits, records, loose files."""

import time
from collections import Counter
from dataclasses import dataclass

from sousa.generation.errors import raise_all
from sousa.generation.make import Job, make
from sousa.generation.manifest import read_manifest
from sousa.generation.textures import corpus, finish, records

# Bytes a second of sound and bytes a row of labels, measured on the small preset; for --dry-run and the
# check of free space.
FLAC_SHARE = 0.75  # of the bytes of 16-bit PCM: noise does not get much smaller
LABEL_BYTES_PER_ROW = 2_500
_RECORD_BYTES_PER_ROW = {"params": 6_000, "nsjson": 700, "tfrecords": 1_300, "frames": 9_000, "nsynth": 900}
_TRIAL_SEC = 0.3  # of work a sound, to estimate speed


@dataclass(frozen=True)
class Estimate:
    """What a configuration will make.

    ``files``: shards and what is beside them; ``audio_sec``: of all rows; ``num_bytes``: on disk, about.
    """

    settings: int
    rows: int
    shards: int
    files: int
    audio_sec: float
    num_bytes: int


def estimate(config, with_files=False):
    """Estimate a dataset without making it.

    Raises: UsageError when it can't be written in a format that it asks for.
    """
    raise_all(records.problems(config))
    rows, shards = config.num_rows, len(corpus.plan(config))
    seconds = rows * config.chunk_samples / config.sample_rate
    pcm = seconds * config.sample_rate * 2
    sound = pcm * (FLAC_SHARE if config.audio_format == "flac" else 1)
    size = sound * (1 + with_files) + rows * LABEL_BYTES_PER_ROW
    files = shards + 7 + rows * with_files
    for kind in config.records:
        size += pcm * (2 if kind == "tfrecords" else 1) + rows * _RECORD_BYTES_PER_ROW[kind]
        files += _record_files(config, kind)
    return Estimate(len(config.settings), rows, shards, files, seconds, int(size))


def _record_files(config, kind):
    """Files of a format of records; how many shards TFRecords have depends on their features, a little."""
    by_split = Counter()
    for setting in config.settings:
        by_split[setting.split] += config.rows_per_setting
    if kind == "tfrecords":
        record = 4 * config.chunk_samples + _RECORD_BYTES_PER_ROW[kind]
        held = 1 if config.shard_mib is None else max(1, int(config.shard_mib * 2**20 / record))
        return 1 + sum(-(-count // held) for count in by_split.values())
    beside = {"params": 0, "nsjson": 1, "frames": len(config.sounds), "nsynth": 2 * len(by_split)}
    return config.num_rows * (2 if kind in ("params", "frames") else 1) + beside[kind]


def trial_speed(config):
    """Seconds of work a row on this machine, by making a few rows of each sound."""
    seconds, rows = 0.0, 0
    by_sound = {}
    for position, setting in enumerate(config.settings):
        by_sound.setdefault(setting.sound, []).append(position)
    for members in by_sound.values():
        list(corpus.make_rows(config, members[0], 0))  # loads the synthesizer
        begin, made = time.perf_counter(), 0
        for position in members[:: max(1, len(members) // 16)]:
            made += len(list(corpus.make_rows(config, position, 0)))
            if time.perf_counter() - begin > _TRIAL_SEC:
                break
        share = len(members) * config.rows_per_setting
        seconds += (time.perf_counter() - begin) / made * share
        rows += share
    return seconds / rows


def generate(config, root, workers=0, with_files=False, say=print, progress=None, write_card=None):
    """Make a dataset, or finish one.

    Args:
        config: a :class:`sousa.generation.textures.settings.Config`.
        root, workers, say, progress: as :func:`sousa.generation.make.make` takes them.
        with_files: also write loose audio files.
        write_card: called with (root, config, records) to write the dataset's card.

    Returns: manifest records of the shards, in order of rows.
    Raises: UsageError when ``root`` belongs to something else, RunError when it can't be finished.
    """

    # records of formats that are not asked for now stay true: the rows are the same
    earlier = (read_manifest(root) or {}).get("records", [])
    kept = [entry for entry in earlier if entry["format"] not in config.records]

    def rest(shards):
        say("writing label tables")
        beside = finish.write_labels(root, config, shards)
        beside.append(finish.write_splits(root, config))
        if with_files:
            with progress("writing files", config.num_rows) as done:
                finish.write_files(root, shards, done)
        written = []
        if config.records:
            with progress("writing records", config.num_rows) as done:
                written = finish.write_records(root, config, shards, done)
        if write_card:
            write_card(root, config, shards)
        return {"loose_files": with_files, "tables": beside, "records": kept + written}

    job = Job(
        config, corpus.plan(config), corpus.corpus_schema(config), corpus.shard_tables,
        lambda shard: shard.key["settings"], estimate(config, with_files).num_bytes, rest,
    )  # fmt: skip
    return make(job, root, workers, say, progress)
