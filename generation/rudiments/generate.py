"""Making a rudiments dataset: shards, label tables, splits, loose files, in a directory.

Everything here can be stopped and started again; what is finished is kept, and the result does not
depend on how often that happened.
"""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from generation import runners
from generation.audio import presets
from generation.errors import RunError
from generation.rudiments import corpus, finish
from generation.rudiments.players import player
from generation.rudiments.score import plan_take
from generation.shards import Store, write_shard

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
        config: a :class:`generation.rudiments.corpus.Config`.
        root: dataset directory.
        workers: processes; 0 is one a core.
        with_files: also write loose audio and MIDI files.
        say: takes a line of text.
        progress: ``progress(title, total)`` gives a context manager whose value is called with the
            number of rows done.
        write_card: called with (root, config, records) to write the dataset's card.

    Returns: manifest records of the shards, in order of rows.
    Raises: UsageError when ``root`` belongs to something else, RunError when it can't be finished.
    """
    shards = corpus.plan(config)
    with Store(root, config, shards) as store:
        todo, problems = store.missing()
        for problem in problems:
            say(f"{problem}: making it again")
        if len(todo) < len(shards):
            say(f"{len(shards) - len(todo)} of {len(shards)} shards are already there")
        _check_space(root, config, todo, shards, with_files)
        store.write(complete=False)
        schema = corpus.corpus_schema(config)
        # renderings of the same takes one after the other: they share drums in rooms
        order = sorted(todo, key=lambda s: (s.key["profiles"], s.key["tempos"], s.key["augmentation"]))
        tasks = [(corpus.shard_tables, schema, config, shard, str(root)) for shard in order]
        by_name = {shard.name: shard for shard in shards}
        with progress("making rows", sum(shard.rows for shard in todo)) as done:
            for name, entry in runners.run(write_shard, tasks, workers):
                store.record(name, entry)
                done(by_name[name].rows)
        records = [store.records[shard.name] for shard in shards]
        say("writing label tables")
        beside = finish.write_labels(root, config, records, with_files)
        beside.append(finish.write_splits(root, config))
        if with_files:
            with progress("writing files", config.num_rows) as done:
                finish.write_files(root, config, records, done)
        if write_card:
            write_card(root, config, records)
        drums = [corpus.load_bank(ref).about() for ref in config.banks]
        store.write(complete=True, loose_files=with_files, drums=drums, tables=beside)
    return records


def _check_space(root, config, todo, shards, with_files):
    """Refuse to start what can't fit."""
    share = sum(shard.rows for shard in todo) / max(sum(shard.rows for shard in shards), 1)
    wanted = estimate(config, with_files).num_bytes * share
    free = shutil.disk_usage(Path(root)).free
    if wanted > free:
        raise RunError(
            f"about {wanted / 1e9:.2f} GB are needed but only {free / 1e9:.2f} GB are free at {root}; "
            "free some, choose another directory with -o, or ask for less"
        )
