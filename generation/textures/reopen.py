"""Finished textures datasets read back: their configuration, their views, and proof that rows are true."""

from dataclasses import replace

from sousa.generation import reopen
from sousa.generation.errors import RunError, UsageError
from sousa.generation.manifest import complete_manifest
from sousa.generation.textures import corpus, schema, settings, synth


def config_of(manifest):
    """The Config a dataset was made with.

    Raises: RunError when the dataset is another corpus or version, or a synthesizer is not here.
    """
    data = reopen.identity_of(manifest, settings.NAME)
    try:
        config = settings.from_identity(data, manifest.get("preset", "custom"))
        for sound in config.sounds:
            _require(sound)
        reopen.require_digest(manifest, config)  # first: other counts may be of any size
        config.settings  # noqa: B018 - a list of points may not fit its axes
    except UsageError as error:
        raise RunError(f"this dataset can't be used here: {error}") from None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        first = str(error).splitlines()[0]
        raise RunError(f"manifest.json was changed by hand: its settings can't be used ({first})") from None
    return config


def _require(sound):
    try:
        here = synth.get(sound.synth)
    except UsageError:
        raise RunError(
            f"synthesizer {sound.synth} is not on this machine; install its package, or name its file with "
            "--synth-file (in Python: sousa.generation.textures.old_style.use([FILE]))"
        ) from None
    if here.version != sound.synth_version:
        raise RunError(
            f"this dataset was made with {sound.synth} {sound.synth_version}, here is {here.version}; "
            "install that version"
        )


def records_of(manifest, config):
    """Records of the shards, in order of rows, after comparing them with what was planned.

    Raises: RunError when the manifest does not list exactly the planned shards.
    """
    return reopen.records_of(manifest, config, corpus.plan(config))


def views(config):
    """Presets that are whole inside a configuration: dict of name to shard names, largest last."""
    own = {shard.name: (shard.split, shard.rows) for shard in corpus.plan(config)}
    out = {}
    count = _preset_count(config)
    for name, part in schema.counts().items() if count else ():
        if part > count:  # not inside; planning it would only cost time
            continue
        sounds = tuple(replace(sound, count=part) for sound in config.sounds)
        planned = {s.name: (s.split, s.rows) for s in corpus.plan(replace(config, sounds=sounds))}
        if planned.items() <= own.items():
            out[name] = list(planned)
    if not any(len(names) == len(own) for names in out.values()):
        out["custom"] = list(own)
    return out


def _preset_count(config):
    """Settings of each sound where a configuration is a preset's, or None.

    It may differ from the preset in its seed, rate, format and records.
    """
    count = config.sounds[0].count
    if count not in schema.counts().values():
        return None
    usual = schema.preset("small", sample_rate=config.sample_rate)
    sounds = tuple(replace(sound, count=count) for sound in usual.sounds)
    free = ("seed", "sample_rate", "audio_format", "records", "shard_mib", "preset")
    usual = replace(usual, sounds=sounds, **{name: getattr(config, name) for name in free})
    return count if usual == config else None


def verify(root, count=20, everything=False, seed=None, progress=None):
    """Make rows of a finished dataset again: see :func:`sousa.generation.reopen.verify`."""
    manifest = complete_manifest(root)
    config = config_of(manifest)
    records = records_of(manifest, config)
    positions = {(s.sound, s.index): position for position, s in enumerate(config.settings)}
    sounds = {sound.name: index for index, sound in enumerate(config.sounds)}

    def again(row):
        position = positions[sounds[row["sound"]], row["setting_index"]]
        return next(corpus.make_rows(config, position, row["example_index"], row["chunk_index"]))

    return reopen.verify(root, config, records, again, count, everything, seed, progress)
