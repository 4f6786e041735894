"""From options, or from a finished dataset, to the configuration of a textures corpus."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sousa.generation import reopen
from sousa.generation.columns import SPLITS
from sousa.generation.corpus import Estimate, Say
from sousa.generation.errors import RunError, SousaError, UsageError, raise_all
from sousa.generation.outside import expanded
from sousa.generation.text import counted
from sousa.generation.textures import derive, records, schema, settings, synth
from sousa.generation.textures.dsgenerator import old_style
from sousa.generation.textures.limits import OVERRIDES
from sousa.generation.textures.options import TexturesOptions
from sousa.generation.textures.schema.sounds import declared_range
from sousa.generation.textures.settings import Config

# Bytes a second of sound and bytes a row of labels, measured on the small size; for --dry-run and the
# check of free space.
FLAC_SHARE = 0.75  # of the bytes of 16-bit PCM: noise does not get much smaller
LABEL_BYTES_PER_ROW = 2_500
MAX_TOLD = 5  # parameters outside their ranges


def config(options: TexturesOptions, say: Say) -> Config:
    """The configuration that options ask for: of a file, of a size, or derived from a dataset.

    Raises: UsageError naming every problem.
    """
    called = options.called
    ways = [name for name in ("configfile", "derive", "size") if getattr(options, name) is not None]
    base, changes = called("derive"), called("changes")
    problems = []
    if len(ways) > 1:
        problems.append(f"{' and '.join(map(called, ways))} each say what to make; leave all but one out")
    if options.changes and options.derive is None:
        problems.append(f"{changes} changes a dataset that {base} names; give {base} too")
    raise_all(problems)
    old_style.use(options.synth_files or ())
    notices: list[str] = []
    if options.derive is not None:
        made = _derived(options)
    elif options.configfile is None:
        made = schema.sized(options.size or next(iter(schema.counts())), options)
    else:
        made, notices = schema.read(options.configfile, options)
    for notice in (*notices, *_outside(made)):
        say(f"note: {notice}")
    return _with_files(made)


def _outside(config: Config) -> Iterator[str]:
    """A sentence on the values outside the ranges that synthesizers declare, if there are any."""
    values = []
    for sound in config.sounds:
        declared = {p.name: p for p in synth.get(sound.synth).parameters}
        for part in sound.parts:
            p = declared[part.name]
            far = " and ".join(f"{value:g}" for value in dict.fromkeys(part.ends) if not p.has(value))
            values += [f"{sound.name}.{p.name} {far} (declared {declared_range(p)})"] if far else []
    if values:
        rest = f" and {len(values) - MAX_TOLD} more" if len(values) > MAX_TOLD else ""
        yield (
            f"outside the range that the old-style class declares: {', '.join(values[:MAX_TOLD])}{rest}; the "
            "values are used, and the range in the dataset has them"
        )


def _with_files(config: Config) -> Config:
    """The configuration with the files of synthesizers that it uses, for worker processes."""
    synths = [synth.get(sound.synth) for sound in config.sounds]
    files = {os.path.abspath(used.path) for used in synths if isinstance(used, old_style.FromFile)}
    return replace(config, synth_files=tuple(sorted(files)))


def _derived(options: TexturesOptions) -> Config:
    stored = reopen.open_dataset(expanded(options.derive), making=True)
    if not isinstance(stored.config, Config):
        raise UsageError(f"{options.derive} holds {stored.corpus.name}, which nothing is derived from")
    kept = tuple(entry["format"] for entry in stored.manifest.get("records", ()))
    changes, problems, word = {}, [], options.called("changes")
    for text in options.changes or ():
        key, equals, value = map(str.strip, text.partition("="))
        if equals and key:
            changes[key] = value
        else:
            problems.append(f"{word} {text!r}; write KEY=VALUE, such as Q=20")
    for name in OVERRIDES:
        if (value := getattr(options, name)) is not None:
            if name in changes:
                problems.append(f"{name} is given twice, by {word} and by its option; leave one out")
            changes[name] = ",".join(value) if isinstance(value, list) else str(value)
    if not changes and not problems:
        again = "without a change would make the same dataset again"
        problems.append(f"{options.called('derive')} {again}; give {word} KEY=VALUE")
    raise_all(problems)
    base = replace(stored.config, records=kept)  # an identity is silent on them
    return derive.derive(base, changes, stored.manifest["config_digest"])


def list_synths(options: TexturesOptions, print_: Say) -> bool:
    """Print every synthesizer with its parameters, or why it can't be loaded, if that is asked for."""
    if not options.list_synths:
        return False
    if options.configfile or options.derive:
        raise UsageError(
            f"{options.called('list_synths')} shows synthesizers and makes nothing; leave out "
            f"{options.called('configfile')} and {options.called('derive')}"
        )
    old_style.use(options.synth_files or ())
    for name in synth.names():
        try:
            synthesizer = synth.get(name)
        except SousaError as error:
            print_(f"{name}: {error}")
            continue
        print_(f"{synthesizer.name} {synthesizer.version}: {synthesizer.about}")
        for p in synthesizer.parameters:
            more = [p.scale] * (p.scale != "linear") + ["may move in time"] * p.varying
            more += ["whole numbers"] * p.whole
            notes, unit = f" ({', '.join(more)})" if more else "", f" {p.unit}" if p.unit else ""
            print_(f"    {p.name}: {p.minimum:g} to {p.maximum:g}{unit}, {p.default:g}{notes}: {p.meaning}")
    return True


def restore(identity: dict[str, Any], size: str, rows_only: bool) -> Config:
    """The Config of an identity.

    Raises: RunError when a synthesizer is not here, or in another version, unless rows are only read.
    """
    config = settings.from_identity(identity, size)
    if rows_only:
        return config
    for sound in config.sounds:
        here = synth.of(sound).version
        if here != sound.synth_version:
            raise RunError(
                f"this dataset was made with {sound.synth} {sound.synth_version}, here is {here}; install "
                "that version"
            )
    return _with_files(config)


def resized(config: Config, size: str) -> Config | None:
    """The configuration of a size; None unless this one is a size's but for seed, rate and formats."""
    count = config.sounds[0].count
    if count not in schema.counts().values():
        return None
    usual = schema.sized("small", TexturesOptions.read({"sample_rate": config.sample_rate}))
    free = ("seed", "sample_rate", "audio_format", "records", "shard_mib", "layout", "size",
            "synth_files")  # fmt: skip
    same = {name: getattr(config, name) for name in free}

    def of(number: int, name: str) -> Config:
        sounds = tuple(replace(sound, count=number) for sound in usual.sounds)
        return replace(usual, sounds=sounds, **same | {"size": name})

    return of(schema.counts()[size], size) if of(count, config.size) == config else None


def estimate(config: Config) -> Estimate:
    """What a configuration will make.

    Raises: UsageError when it can't be written in a format that it asks for.
    """
    raise_all(records.problems(config))
    rows = config.num_rows
    seconds = rows * config.chunk_samples / config.sample_rate
    pcm = seconds * config.sample_rate * 2
    sound = int(pcm * (FLAC_SHARE if config.audio_format == "flac" else 1))
    beside, files = records.size(config, pcm)
    splits = Counter(setting.split for setting in config.settings)
    told = ", ".join(f"{splits[name]:,} {name}" for name in SPLITS if name in splits)
    whole, rest = divmod(round(seconds), 60)
    about = (
        f"{counted(len(config.settings), 'setting')} ({told}), {counted(rows, 'row')} of "
        f"{config.chunk_sec:g} s, {seconds:,.0f} s of audio ({whole:,} min {rest} s)"
    )
    return Estimate(seconds, int(sound + rows * LABEL_BYTES_PER_ROW + beside), about, files, sound)
