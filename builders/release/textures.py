"""What a textures dataset says of itself to releases and cards."""

from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from sousa.builders.licences import licensed
from sousa.builders.release import card
from sousa.builders.release.source import Source
from sousa.generation.manifest import config_digest
from sousa.generation.textures import corpus, reopen, settings, synth
from sousa.generation.textures.columns import columns

_HELD_OUT = {
    "random": "drawn by setting",
    "interpolation": "settings inside the space that training leaves out",
    "extrapolation": "a region of the space that training leaves out",
}


def describe(root, manifest):
    """The Source of a finished dataset.

    Raises: RunError when the manifest is not this generator's, or lists other shards than it planned.
    """
    config = reopen.config_of(manifest)
    reopen.records_of(manifest, config)
    return source(root, config, manifest["shards"])


def write_card(root, config, records):
    """Write the card of a dataset directory; ``records``: of its shards, in order of rows."""
    named = {f"{record['split']}/{Path(record['file']).stem}": record for record in records}
    card.write_dataset_card(source(Path(root), config, named))


def source(root, config, records):
    """The Source of a configuration; ``records``: dict of shard name to record."""
    planned = [shard.name for shard in corpus.plan(config)]
    views = dict(sorted(reopen.views(config).items(), key=lambda item: len(item[1])))
    synths = list(dict.fromkeys(sound.synth for sound in config.sounds))
    return Source(
        corpus=settings.NAME,
        title="SOUSA textures",
        root=root,
        config=config.identity(),
        config_digest=config_digest(config.identity()),
        data_version=config.identity()["data_version"],
        shards={name: records[name] for name in planned},
        views=views,
        columns=columns(corpus.swept(config)),
        sample_rate=config.sample_rate,
        digest_column="pcm_digest",
        made_of=[_foreign(name) for name in synths if name not in synth.BUILT_IN],
        tags=["audio", "sound-texture", "synthesis", "synthetic", "sound-parameter-estimation"],
        tasks=["tabular-regression", "audio-classification"],
        balance={"sound": tuple(sound.name for sound in config.sounds)},
        texts=_texts(config),
    )


def _foreign(name):
    """A synthesizer of another package: what it makes is passed on only under a licence that is stated."""
    package = synth.package_of(name)
    try:
        licence = metadata(package).get("License-Expression") if package else None
    except PackageNotFoundError:
        licence = None
    return licensed("synthesizer", name, licence or "not stated", licence)


def _texts(config):
    return {
        "settings": f"{len(config.settings):,}",
        "sounds": _sounds(config),
        "signals": f"{config.duration_sec:g} s, cut into {config.chunks} rows of {config.chunk_sec:g} s each",
        "examples": str(config.examples),
        "level": _level(config.level),
        "held_out": _held_out(config),
        "seed": str(config.seed),
        "audio": f"{config.sample_rate} Hz, mono, 16-bit {config.audio_format.upper()}",
    }


def _sounds(config):
    """A table of sounds and how their parameters are covered."""
    lines = ["| sound | synthesizer | parameter | values | unit | spacing |", "| --- " * 6 + "|"]
    for sound in config.sounds:
        units = {p.name: p.unit for p in synth.get(sound.synth).parameters}
        first = f"{sound.name} | {sound.synth} {sound.synth_version}"
        method = sound.method.replace("_", " ")
        rows = []
        for axis in sound.axes:
            many = f", {axis.count} values" if axis.count else ""
            values = f"{axis.minimum:g} to {axis.maximum:g}{many}"
            if axis.values is not None:
                values = f"{len(axis.values)} values, {min(axis.values):g} to {max(axis.values):g}"
            rows.append((axis.name, values, f"{method}, {axis.scale}"))
        rows += [(one.name, f"{one.natural:g}", "fixed") for one in sound.fixed]
        for one in sound.moving:
            ends = [value for _, value in one.points] or [one.minimum, one.maximum]
            rows.append((one.name, f"{min(ends):g} to {max(ends):g}", f"moves in time: {one.shape}"))
        for name, values, how in rows:
            lines.append(f"| {first} | `{name}` | {values} | {units[name]} | {how} |")
            first = " | "
    return "\n".join(lines)


def _level(level):
    if level.policy == "none":
        return (
            "Levels are the synthesizers' own; what exceeds full scale is cut off and counted "
            "(`clipped_samples`)."
        )
    what = "highest sample" if level.policy == "peak" else "RMS level"
    return (
        f"One gain for each long signal brings its {what} to {level.target_db:g} dBFS; it is in `gain_db`, "
        "so the synthesizer's own level can be had back."
    )


def _held_out(config):
    used = {setting.held_out for setting in config.settings} - {None}
    lines = []
    for name, text in _HELD_OUT.items():
        if name in used:
            boxes = "; or ".join(_box(box) for box in getattr(config.splits, name, ()))
            lines.append(f"- `{name}`: {text}" + (f": {boxes}" if boxes else ""))
    return "\n".join(lines) or "None."


def _box(box):
    return " and ".join(f"`{name}` from {low:g} to {high:g}" for name, low, high in box)
