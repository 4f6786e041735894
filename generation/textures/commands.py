"""What ``sousa generate textures`` does with its options, and its list of synthesizers."""

from sousa.generation.errors import SousaError, UsageError, raise_all
from sousa.generation.options import names, request_problems

OWN = (
    "configfile",
    "records",
    "shard_mib",
    "derive",
    "set",
    "synth_file",
    "list",
    "chunk",
    "examples",
    "level",
    "duration",
)


def config(arguments, say):
    """The configuration the options ask for: of a file, of a preset, or derived from a dataset.

    Args:
        arguments: as parsed; say: takes a line about what goes on.

    Raises: UsageError naming every problem.
    """
    from sousa.generation.textures import schema

    problems = request_problems(arguments)
    if arguments.configfile is not None and arguments.derive is not None:
        problems.append("--configfile and --derive both say what to make; leave one out")
    if arguments.set and arguments.derive is None:
        problems.append("--set changes a dataset that --derive names; give --derive DATASET too")
    if arguments.preset_given and (arguments.configfile is not None or arguments.derive is not None):
        problems.append("--preset has no use with --configfile or --derive; leave one out")
    raise_all(problems)
    load_files(arguments.synth_file)
    overrides = {
        "seed": arguments.seed, "sample_rate": arguments.sample_rate, "audio_format": arguments.audio_format,
        "duration_sec": arguments.duration, "chunk_sec": arguments.chunk, "examples": arguments.examples,
        "records": names(arguments.records), "level": arguments.level, "shard_mib": arguments.shard_mib,
    }  # fmt: skip
    if arguments.derive is not None:
        return _derived(arguments, {k: v for k, v in overrides.items() if v is not None})
    if arguments.configfile is not None:
        made, notices = schema.read(arguments.configfile, **overrides)
        for notice in notices:
            say(f"note: {notice}")
        return made
    return schema.preset(arguments.preset, **overrides)


def load_files(paths):
    """Make the old-style classes of files known, which the user named on the command line."""
    if paths:
        from sousa.generation.textures import old_style

        old_style.use(paths)


def _derived(arguments, overrides):
    from dataclasses import replace

    from sousa.generation.manifest import complete_manifest
    from sousa.generation.textures import derive, reopen

    manifest = complete_manifest(arguments.derive)
    kept = tuple(entry["format"] for entry in manifest.get("records", ()))
    base = replace(reopen.config_of(manifest), records=kept)  # an identity is silent on them
    changes, problems = {}, []
    for text in arguments.set or ():
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            problems.append(f"--set {text!r}; write KEY=VALUE, such as --set Q=20")
        else:
            changes[key.strip()] = value.strip()
    for key, value in overrides.items():
        if key in changes:
            problems.append(f"{key} is given twice, by --set and by its option; leave one out")
        changes[key] = ",".join(value) if isinstance(value, list) else str(value)
    if not changes and not problems:
        problems.append("--derive without a change would make the same dataset again; give --set KEY=VALUE")
    raise_all(problems)
    return derive.derive(base, changes, manifest["config_digest"])


def estimate_text(config, arguments, workers):
    """What would be made, for ``--dry-run``.

    Args:
        workers: function of the number of shards giving the number of processes.
    """
    from sousa.generation.textures import generate

    what = generate.estimate(config, arguments.files)
    used = workers(what.shards)
    minutes = generate.trial_speed(config) * what.rows / used / 60
    whole, rest = divmod(round(what.audio_sec), 60)
    splits = {}
    for setting in config.settings:
        splits[setting.split] = splits.get(setting.split, 0) + 1
    told = ", ".join(f"{splits[name]:,} {name}" for name in ("train", "validation", "test") if name in splits)
    return (
        f"{what.settings:,} settings ({told}), {what.rows:,} rows of {config.chunk_sec:g} s in "
        f"{what.shards:,} shards, {what.files:,} files\n"
        f"{what.audio_sec:,.0f} s of audio ({whole:,} min {rest} s), about {what.num_bytes / 1e6:,.0f} MB, "
        f"about {max(minutes, 0.1):.1f} minutes with {used} workers"
    )


def list_synths(arguments, print_):
    """Print every synthesizer with its parameters; one that can't be loaded says why."""
    from sousa.generation.textures import synth

    load_files(arguments.synth_file)
    for name in synth.names():
        try:
            one = synth.get(name)
        except SousaError as error:
            print_(f"{name}: {error}")
            continue
        print_(f"{one.name} {one.version}: {one.about}")
        for p in one.parameters:
            more = [p.scale] * (p.scale != "linear") + ["may move in time"] * p.varying
            more += ["whole numbers"] * p.whole
            told = f" ({', '.join(more)})" if more else ""
            unit = f" {p.unit}" if p.unit else ""
            print_(f"    {p.name}: {p.minimum:g} to {p.maximum:g}{unit}, {p.default:g}{told}: {p.meaning}")


def no_other(arguments):
    """What ``--list`` is given with and has no use for: raises UsageError."""
    if arguments.configfile or arguments.derive:
        raise UsageError("--list shows synthesizers and makes nothing; leave out --configfile and --derive")
