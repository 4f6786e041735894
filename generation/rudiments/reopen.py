"""Finished datasets read back: their configuration, their views, and proof that rows are true."""

import re
from dataclasses import replace

from sousa.generation import reopen
from sousa.generation.audio import acoustics, banks, noise, presets, rooms
from sousa.generation.errors import RunError
from sousa.generation.rudiments import corpus, definitions, settings
from sousa.generation.tables import complete_manifest


def config_of(manifest, need_drums=True):
    """The Config a dataset was made with, with this machine's copies of its drums.

    Args:
        need_drums: False when rows are only read: drums that are not here then have no path.

    Raises: RunError when the dataset is another corpus or version, or a drum is needed and not here.
    """
    data = reopen.identity_of(manifest, corpus.NAME)
    here = {}
    for path in banks.available().values():
        try:
            here[banks.stored_digest(path)] = path
        except banks.BankError:
            continue
    try:
        return _rebuilt(manifest, data, here, need_drums)
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"manifest.json was changed by hand: its settings can't be used ({error})") from None


def _rebuilt(manifest, data, here, need_drums):
    refs, missing = [], []
    for name, digest in data.pop("banks"):
        if digest in here:
            refs.append(corpus.BankRef(name, digest, str(here[digest])))
        else:
            missing.append(name)
            refs.append(corpus.BankRef(name, digest, ""))
    if missing and need_drums:
        raise RunError(
            f"drums not on this machine: {', '.join(missing)}; build them with 'sousa banks build FONT'"
        )
    digests = [digest for *_, digest in (*data["rooms"], *data["noises"])]
    if not set(data["presets"]) <= set(presets.names()) or not data["presets"]:
        raise ValueError(f"presets are {data['presets']}")
    if not all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests):
        raise ValueError("a digest is no digest")
    if data.pop("acoustics", None) not in (None, acoustics.digest()):
        raise RunError("this dataset was made with other presets or rooms; use the sousa that made it")
    for name in ("forms", "tiers", "presets"):
        data[name] = tuple(data[name])
    data["rooms"] = tuple(
        (preset, rooms.kept(name, digest) if need_drums else rooms.Response(name, digest, {}))
        for preset, name, digest in data["rooms"]
    )
    gone = [name for name, digest in data["noises"] if need_drums and not noise.here(digest)]
    if gone:
        raise RunError(f"noises not on this machine: {', '.join(gone)}; {noise.ONCE_MORE}")
    data["noises"] = tuple(noise.NoiseFile(name, digest) for name, digest in data["noises"])
    unknown = [name for name in data["forms"] if name not in definitions.load()]
    if unknown:
        raise RunError(f"rudiments not on this machine: {', '.join(unknown)}; add their definition files")
    config = corpus.Config(preset=manifest.get("preset", "custom"), banks=tuple(refs), **data)
    reopen.require_digest(manifest, config)
    return config


def records_of(manifest, config):
    """Records of the shards, in order of rows, after comparing them with what was planned.

    Raises: RunError when the manifest does not list exactly the planned shards.
    """
    return reopen.records_of(manifest, config, corpus.plan(config))


def views(config):
    """Presets that are whole inside a configuration: dict of name to shard names, largest last."""
    own = {shard.name: shard for shard in corpus.plan(config)}
    out = {}
    for preset, (profiles, tempos, augmentations) in corpus.PRESETS.items():
        small = replace(config, profiles=profiles, tempos=tempos, augmentations=augmentations)
        if config.forms != corpus.default_forms() or len(config.tiers) != len(corpus.players.tiers()):
            continue
        usual = settings.default_presets(config.with_audio, config.augmentations)
        if config.presets != usual or config.rooms or config.noises:
            continue
        planned = corpus.plan(small)
        if all(own.get(shard.name) == shard for shard in planned):
            out[preset] = [shard.name for shard in planned]
    if not any(len(names) == len(own) for names in out.values()):
        out["custom"] = list(own)
    return out


def verify(root, count=20, everything=False, seed=None, progress=None):
    """Make rows of a finished dataset again: see :func:`sousa.generation.reopen.verify`."""
    manifest = complete_manifest(root)
    config = config_of(manifest)
    records = records_of(manifest, config)

    def again(row):
        form = definitions.form_name(row["rudiment_slug"], row["variant"])
        address = (row["profile_index"], definitions.load()[form], row["tempo_index"])
        return corpus.make_rows(config, [address], row["augmentation_index"]).to_pylist()[0]

    return reopen.verify(root, config, records, again, count, everything, seed, progress)
