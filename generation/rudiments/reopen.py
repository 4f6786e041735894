"""Finished datasets read back: their configuration, their views, and proof that rows are true."""

import random
import re
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc

from generation import DATA_VERSION, FORMAT_VERSION
from generation.audio import acoustics, banks, encode, noise, presets, rooms
from generation.errors import RunError, UsageError
from generation.rudiments import corpus, definitions, settings
from generation.shards import config_digest, damage
from generation.tables import complete_manifest, row_groups


def config_of(manifest, need_drums=True):
    """The Config a dataset was made with, with this machine's copies of its drums.

    Args:
        need_drums: False when rows are only read: drums that are not here then have no path.

    Raises: RunError when the dataset is another corpus or version, or a drum is needed and not here.
    """
    if manifest["format_version"] != FORMAT_VERSION:
        raise RunError(
            f"this dataset has format {manifest['format_version']}, this sousa reads {FORMAT_VERSION}"
        )
    data = dict(manifest["config"])
    if data.pop("corpus", None) != corpus.NAME:
        raise RunError("this is not a rudiments dataset")
    version = data.pop("data_version", None)
    if version != DATA_VERSION:
        raise RunError(
            f"this dataset has data version {version}, this sousa makes {DATA_VERSION}; use that sousa"
        )
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
    if config_digest(config.identity()) != manifest["config_digest"]:
        raise RunError("manifest.json was changed by hand: its settings do not match their digest")
    return config


def records_of(manifest, config):
    """Records of the shards, in order of rows, after comparing them with what was planned.

    Raises: RunError when the manifest does not list exactly the planned shards.
    """
    planned = [(s.name, s.file, s.split, s.rows) for s in corpus.plan(config)]
    listed = [(name, r["file"], r["split"], r["rows"]) for name, r in manifest["shards"].items()]
    if sorted(planned) != sorted(listed) or manifest["num_rows"] != config.num_rows:
        raise RunError(
            "manifest.json does not list the shards of its own settings; run the 'sousa generate' command "
            "that made the dataset again"
        )
    return [manifest["shards"][name] for name, *_ in planned]


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
    """Make rows again and compare them with the stored ones, after checking every shard's digest.

    Args:
        count: rows to make again; ``everything``: all of them.
        seed: of the choice of rows; by default another choice each time.

    Returns: ``(rows compared, list of differences)``; a difference is one line of text.
    """
    manifest = complete_manifest(root)
    config = config_of(manifest)
    records = records_of(manifest, config)
    differences = [problem for problem in (damage(root, record) for record in records) if problem]
    if differences:
        return 0, differences
    total = manifest["num_rows"]
    if not everything and count < 1:
        raise UsageError(f"--rows is {count}; give 1 or more")
    wanted = (
        set(range(total)) if everything else set(random.Random(seed).sample(range(total), min(count, total)))
    )
    first, compared = 0, 0
    for record in records:
        inside = [number - first for number in wanted if first <= number < first + record["rows"]]
        first += record["rows"]
        if inside:
            for row in _pick(Path(root) / record["file"], sorted(inside)):
                differences += _compare(config, row)
                compared += 1
                if progress:
                    progress(1)
    return compared, differences


def _pick(path, numbers):
    first = 0
    for group in row_groups(path):
        inside = [n - first for n in numbers if first <= n < first + len(group)]
        yield from group.take(inside).to_pylist() if inside else []
        first += len(group)


def _compare(config, row):
    form = definitions.form_name(row["rudiment_slug"], row["variant"])
    address = (row["profile_index"], definitions.load()[form], row["tempo_index"])
    again = corpus.make_rows(config, [address], row["augmentation_index"]).to_pylist()[0]
    wrong = [name for name in again if name != "audio" and again[name] != row[name]]
    if config.with_audio:
        # FLAC bytes may differ between library versions; the samples may not
        stored = encode.pcm_digest(encode.decode(row["audio"]["bytes"])[0])
        if stored != again["pcm_digest"]:
            wrong.append("audio")
    return [f"{row['sample_id']}: {', '.join(wrong)} differ"] if wrong else []


def seconds_of(root, records):
    """Total length of the rows of shards, in seconds."""
    return sum(
        pc.sum(group["duration_sec"]).as_py()
        for record in records
        for group in row_groups(Path(root) / record["file"], ["duration_sec"])
    )
