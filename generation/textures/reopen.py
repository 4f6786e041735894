"""Finished textures datasets read back: their configuration, their views, and proof that rows are true."""

from dataclasses import replace

from generation import reopen
from generation.errors import RunError, UsageError
from generation.tables import complete_manifest
from generation.textures import corpus, schema, settings, synth


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
            "--synth-file (in Python: generation.textures.old_style.use([FILE]))"
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
    own = {shard.name: shard for shard in corpus.plan(config)}
    out = {}
    # presets are all Sobol: others need not be compared with them, which costs a second
    sobol = all(sound.method == "sobol" for sound in config.sounds)
    if sobol and any(_same(config, name) for name in schema.PRESETS):
        for name in schema.PRESETS:
            counts = [sound.count for sound in schema.preset(name).sounds]
            sounds = [replace(s, count=c) for s, c in zip(config.sounds, counts, strict=True)]
            planned = corpus.plan(replace(config, sounds=tuple(sounds)))
            named = {s.name: (s.split, s.rows) for s in planned}
            if all(n in own and (own[n].split, own[n].rows) == what for n, what in named.items()):
                out[name] = list(named)
    if not any(len(names) == len(own) for names in out.values()):
        out["custom"] = list(own)
    return out


def _same(config, preset):
    """Whether a configuration is that preset, apart from its seed, rate, format and records."""
    free = ("seed", "sample_rate", "audio_format", "records", "shard_mib", "preset")
    usual = schema.preset(preset, sample_rate=config.sample_rate)
    return replace(usual, **{name: getattr(config, name) for name in free}) == config


def verify(root, count=20, everything=False, seed=None, progress=None):
    """Make rows of a finished dataset again: see :func:`generation.reopen.verify`."""
    manifest = complete_manifest(root)
    config = config_of(manifest)
    records = records_of(manifest, config)
    positions = {(s.sound, s.index): position for position, s in enumerate(config.settings)}
    sounds = {sound.name: index for index, sound in enumerate(config.sounds)}

    def again(row):
        position = positions[sounds[row["sound"]], row["setting_index"]]
        return next(corpus.make_rows(config, position, row["example_index"], row["chunk_index"]))

    return reopen.verify(root, config, records, again, count, everything, seed, progress)
