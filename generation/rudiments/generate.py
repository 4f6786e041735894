"""Making a rudiments dataset: shards, label tables, splits, loose files, in a directory."""

import time
from dataclasses import dataclass

from sousa.generation.audio import presets
from sousa.generation.make import Job, make
from sousa.generation.rudiments import corpus, finish
from sousa.generation.rudiments.players import player
from sousa.generation.rudiments.score import plan_take

# Bytes of FLAC a second and channel at 44.1 kHz of clean and of augmented rows, measured on 9,600 rows
# under all presets; an estimate for --dry-run and for the check of free space.
FLAC_BYTES_PER_SEC = {"clean": 27_000, "augmented": 35_000}
LABEL_BYTES_PER_ROW = 4_300
_COUNTED_TAKES = 20_000  # planned for an estimate; larger corpora are scaled up
_MARGIN_SEC = 0.95  # mean lead-in and ring-out


@dataclass(frozen=True)
class Estimate:
    """What a configuration will make: rows, shards, hours of audio, bytes on disk."""

    rows: int
    takes: int
    shards: int
    hours: float
    num_bytes: int


def estimate(config, with_files=False):
    """Estimate a dataset without making it; hours are counted from the plan."""
    forms = [corpus.definitions.load()[name] for name in config.forms]
    seconds = 0.0
    people = corpus.profile_indices(config)
    # players are interleaved by tier, so the first ones stand for all
    counted = people[: max(1, _COUNTED_TAKES // (len(forms) * config.tempos))]
    for index in counted:
        person = player(config.seed, index)
        for form in forms:
            for tempo in range(config.tempos):
                take = plan_take(config.seed, person, form, tempo, config.duration_sec)
                seconds += take.num_cycles * float(form.cycle_beats) * 60.0 / take.tempo_bpm + _MARGIN_SEC
    takes = config.num_rows // config.augmentations
    seconds *= config.augmentations * len(people) / len(counted)
    if config.audio_format == "wav":
        rate = 2 * config.sample_rate * config.channels
    else:
        rate = _flac_rate(config) * config.sample_rate / 44100 * config.channels
    sound = seconds * rate * config.with_audio
    # loose files repeat the sound, and fill a block of the disk for each MIDI file
    size = sound * (1 + with_files) + config.num_rows * (LABEL_BYTES_PER_ROW + 4096 * with_files)
    return Estimate(config.num_rows, takes, len(corpus.plan(config)), seconds / 3600, int(size))


def _flac_rate(config):
    """Bytes of FLAC a second: one rendering of each take is clean if that is among several presets."""
    share = float(presets.CLEAN in config.presets)
    if len(config.presets) > 1:
        share /= config.augmentations
    return FLAC_BYTES_PER_SEC["clean"] * share + FLAC_BYTES_PER_SEC["augmented"] * (1.0 - share)


def trial_speed(config):
    """Seconds of work a row on this machine, by making a few rows."""
    forms = [corpus.definitions.load()[name] for name in config.forms[:8]]
    profile = corpus.profile_indices(config)[0]
    rows = [(profile, form, 0) for form in forms]
    renderings = range(min(config.augmentations, 5))
    for augmentation in renderings:
        corpus.make_rows(config, rows, augmentation)  # loads drums and rooms
    begin = time.perf_counter()
    for augmentation in renderings:
        corpus.make_rows(config, rows, augmentation)
    return (time.perf_counter() - begin) / (len(rows) * len(renderings))


def generate(config, root, workers=0, with_files=False, say=print, progress=None, write_card=None):
    """Make a dataset, or finish one.

    Args:
        config: a :class:`sousa.generation.rudiments.corpus.Config`.
        root, workers, say, progress: as :func:`sousa.generation.make.make` takes them.
        with_files: also write loose audio and MIDI files.
        write_card: called with (root, config, records) to write the dataset's card.

    Returns: manifest records of the shards, in order of rows.
    Raises: UsageError when ``root`` belongs to something else, RunError when it can't be finished.
    """

    def rest(records):
        say("writing label tables")
        beside = finish.write_labels(root, config, records, with_files)
        beside.append(finish.write_splits(root, config))
        if with_files:
            with progress("writing files", config.num_rows) as done:
                finish.write_files(root, config, records, done)
        if write_card:
            write_card(root, config, records)
        drums = [corpus.load_bank(ref).about() for ref in config.banks]
        return {"loose_files": with_files, "drums": drums, "tables": beside}

    job = Job(
        config, corpus.plan(config), corpus.corpus_schema(config), corpus.shard_tables,
        # renderings of the same takes one after the other: they share drums in rooms
        lambda shard: (shard.key["profiles"], shard.key["tempos"], shard.key["augmentation"]),
        estimate(config, with_files).num_bytes, rest,
    )  # fmt: skip
    return make(job, root, workers, say, progress)
