"""What a rudiments dataset says of itself to releases and cards."""

from pathlib import Path

from sousa.builders.licences import licensed
from sousa.builders.release import card
from sousa.builders.release.source import Source
from sousa.generation.audio import presets
from sousa.generation.errors import RunError
from sousa.generation.manifest import config_digest
from sousa.generation.rudiments import corpus, players, reopen
from sousa.generation.rudiments.columns import columns

_KEYS = {"soundfont", "licence", "licence_id"}
_RENDERED = """Every take has `clean` among its renderings unless it was left out; the others are augmented.
What was done to a row is in its `aug_*` columns, all of it in `aug_record` (JSON). No stage delays the
sound; tape and sample-rate reduction move it by known amounts, and the labels of those rows are moved along.
"""


def describe(root, manifest):
    """The Source of a finished dataset.

    Raises: RunError when the manifest is not this generator's, or lists other shards than it planned.
    """
    config = reopen.config_of(manifest, need_drums=False)
    reopen.records_of(manifest, config)
    drums = manifest.get("drums")
    try:
        known = sorted(drum["digest"] for drum in drums if drum.keys() >= _KEYS)
    except (TypeError, KeyError, AttributeError):
        known = None
    if known != sorted(bank.digest for bank in config.banks):
        # their licences are what decides whether rows may be passed on
        raise RunError(f"{root}/manifest.json was changed by hand: its drums are not those of its settings")
    return source(root, config, manifest["shards"], drums)


def write_card(root, config, records):
    """Write the card of a dataset directory; ``records``: of its shards, in order of rows."""
    named = {f"{record['split']}/{Path(record['file']).stem}": record for record in records}
    drums = [corpus.load_bank(ref).about() for ref in config.banks]
    card.write_dataset_card(source(Path(root), config, named, drums))


def source(root, config, records, drums):
    """The Source of a configuration and the records of its shards.

    Args:
        records: dict of shard name to record.
        drums: what :meth:`sousa.generation.audio.banks.Bank.about` says of each.
    """
    planned = [shard.name for shard in corpus.plan(config)]
    views = dict(sorted(reopen.views(config).items(), key=lambda item: len(item[1])))
    return Source(
        corpus=corpus.NAME,
        title="SOUSA rudiments",
        root=root,
        config=config.identity(),
        config_digest=config_digest(config.identity()),
        data_version=config.identity()["data_version"],
        shards={name: records[name] for name in planned},
        views=views,
        columns=columns(config.with_audio),
        sample_rate=config.sample_rate,
        digest_column="pcm_digest" if config.with_audio else None,
        made_of=_made_of(config, drums),
        tags=[
            "audio",
            "music",
            "drums",
            "snare-drum",
            "rudiments",
            "synthetic",
            "midi",
            "music-transcription",
        ],
        tasks=["audio-classification", *(["tabular-regression"] if config.with_audio else [])],
        balance={
            "skill_tier": players.tiers(),
            "category": ("roll", "diddle", "flam", "drag"),
            "augmentation_preset": presets.names(),
        },
        texts=_texts(config),
        provenance={"drums": drums, "acoustic_presets": list(config.presets)},
    )


def _made_of(config, drums):
    fonts = sorted({(d["soundfont"], d["licence"], d["licence_id"]) for d in drums}, key=str)
    parts = [licensed("soundfont", *font) for font in fonts]
    unstated = "not stated: a user's own file"
    parts += [
        licensed("impulse response", name, unstated) for name in sorted({r.name for _, r in config.rooms})
    ]
    return parts + [licensed("noise", one.name, unstated) for one in config.noises]


def _texts(config):
    channels = "mono" if config.channels == 1 else "stereo"
    audio = f"{config.sample_rate} Hz, {channels}, 16-bit {config.audio_format.upper()}"
    heard = "\n".join(f"- `{name}`: {presets.load()[name].about}" for name in config.presets)
    if config.presets != (presets.CLEAN,):
        heard = f"{_RENDERED}\n{heard}"
    playing = {players.assignment(index)[0] for index in corpus.profile_indices(config)}
    return {
        "tiers": ", ".join(name for i, name in enumerate(players.tiers()) if i in playing),
        "players": f"{config.profiles:,}",
        "forms": str(len(config.forms)),
        "seed": str(config.seed),
        "audio": audio if config.with_audio else "none: labels and MIDI only",
        "acoustics": heard if config.with_audio else "No sound.",
    }
