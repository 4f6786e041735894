"""What releases and cards say of a textures dataset."""

from collections.abc import Mapping
from typing import Any

from sousa.generation.corpus import AUTHORS, Packaging
from sousa.generation.licences import of_plugin
from sousa.generation.text import code, markdown
from sousa.generation.textures import synth
from sousa.generation.textures.settings import Config

_HELD_OUT = {
    "random": "drawn by setting",
    "interpolation": "settings inside the space that training leaves out",
    "extrapolation": "a region of the space that training leaves out",
}
_GAIN = (
    "One gain for each long signal brings its {what} to {{db:g}} dBFS; it is in `gain_db`, so the "
    "synthesizer's own level can be had back."
)
_LEVELS = {
    "none": "Levels are the synthesizers' own; what exceeds full scale is cut off and counted "
    "(`clipped_samples`).",
    "peak": _GAIN.format(what="highest sample"),
    "rms": _GAIN.format(what="RMS level"),
}


def packaging(config: Config, facts: Mapping[str, Any]) -> Packaging:
    """See :meth:`sousa.generation.corpus.Corpus.packaging`."""
    synths = dict.fromkeys(sound.synth for sound in config.sounds)
    return Packaging(
        tags=("audio", "sound-texture", "synthesis", "synthetic", "sound-parameter-estimation"),
        task_categories=("tabular-regression", "audio-classification"),
        annotations_creators=("machine-generated",),
        source_datasets=("original",),
        author=AUTHORS,
        made_of=tuple(
            of_plugin("synthesizer", synth.GROUP, name) for name in synths if name not in synth.BUILT_IN
        ),
        texts={
            "settings": f"{len(config.settings):,}",
            "sounds": _sounds(config),
            "signals": f"{config.duration_sec:g} s, cut into {config.chunks} rows of {config.chunk_sec:g} s "
            "each",
            "examples": str(config.examples),
            "level": _LEVELS[config.level.policy].format(db=config.level.target_db),
            "held_out": _held_out(config),
            "seed": str(config.seed),
            "audio": f"{config.sample_rate} Hz, mono, 16-bit {config.audio_format.upper()}",
        },
    )


def _sounds(config: Config) -> str:
    """A table of sounds and how their parameters are covered."""
    lines = ["| sound | synthesizer | parameter | values | unit | spacing |", "| --- " * 6 + "|"]
    for sound in config.sounds:
        units = {p.name: p.unit for p in synth.of(sound).parameters}
        first = " | ".join(map(markdown, (sound.name, f"{sound.synth} {sound.synth_version}")))
        method = sound.method.replace("_", " ")
        rows = []
        for axis in sound.axes:
            many = f", {axis.count} values" if axis.count else ""
            values = f"{axis.minimum:g} to {axis.maximum:g}{many}"
            if axis.values is not None:
                values = f"{len(axis.values)} values, {min(axis.values):g} to {max(axis.values):g}"
            rows.append((axis.name, values, f"{method}, {axis.scale}"))
        rows += [(part.name, f"{part.natural:g}", "fixed") for part in sound.fixed]
        for part in sound.moving:
            low, high = part.ends
            rows.append((part.name, f"{low:g} to {high:g}", f"moves in time: {part.shape}"))
        for name, values, how in rows:
            lines.append(f"| {first} | {code(name)} | {values} | {markdown(units[name])} | {how} |")
            first = " | "
    return "\n".join(lines)


def _held_out(config: Config) -> str:
    used = {setting.held_out for setting in config.settings}
    lines = []
    for name, text in _HELD_OUT.items():
        if name in used:
            boxes = [
                " and ".join(f"{code(parameter)} from {low:g} to {high:g}" for parameter, low, high in box)
                for box in getattr(config.splits, name, ())
            ]
            lines.append(f"- `{name}`: {text}" + (": " + "; or ".join(boxes) if boxes else ""))
    return "\n".join(lines) or "None."
