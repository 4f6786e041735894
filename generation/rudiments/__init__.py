"""Snare-drum rudiments: notation, players, performances, labels and scores, and their sound.

The way of a row: ``settings`` says what to make, ``corpus`` plans it and makes rows of coordinates; a
``score`` is planned for a player (``players``) of a rudiment (``definitions``, ``notation``), played
(``performance``), labelled (``labels``, ``scores``), and rendered (``renderings``, and
:mod:`sousa.generation.audio`).
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sousa.generation.corpus import Generated, elsewhere

if TYPE_CHECKING:
    from sousa.generation.columns import Column
    from sousa.generation.config import Config
    from sousa.generation.shards import Shard

_HERE, _AUDIO = "sousa.generation.rudiments", "sousa.generation.audio.cli"
_SOUNDS = "sounds and instruments"


class Rudiments(Generated):
    """The rudiments corpus, as generic code knows it; see :mod:`sousa.generation.corpus`."""

    name = "rudiments"
    title = "SOUSA rudiments"
    summary = "the 40 PAS snare-drum rudiments by simulated players of four skill tiers"
    data_version = "5.0.0"
    Options = elsewhere(f"{_HERE}.options:RudimentsOptions")
    examples = (
        ("--size small", "1,200 clean rows in output/rudiments"),
        ("--profiles 20 --rudiments flam,drag -o output/flams", "two rudiments by twenty players"),
        ("-a 3 --acoustics clean,gym,garage --stereo", "each take clean and in two rooms"),
    )
    commands = {
        "rudiments": (f"{_HERE}.show:command", "list the rudiments and their notation", _SOUNDS),
        "banks": (f"{_AUDIO}:banks", "list, build and play banks of drum sounds", _SOUNDS),
        "soundfonts": (f"{_AUDIO}:soundfonts", "list and install free soundfonts", _SOUNDS),
        "acoustics": (f"{_AUDIO}:acoustics", "list the acoustics, or build their rooms", _SOUNDS),
        "listen": (
            "sousa.training.listening.command:command",
            "hear what a drummer played, and how well",
            "models",
        ),
    }
    exports = {
        "sousa-1": (f"{_HERE}.sousa_1:Sousa1", "the layout of SOUSA 1, whose preset none is our clean")
    }
    tasks = {
        "rudiment": ("rudiment_slug",),
        "tier": ("skill_tier",),
        "score": ("overall_score",),
        "multitask": ("rudiment_slug", "skill_tier", "overall_score", "timing_accuracy", "velocity_control",
                      "flam_quality", "diddle_quality", "strokes"),
        "strokes": ("strokes",),
        "beats": ("beats",),
    }  # fmt: skip
    sound = "a snare-drum recording"
    captions_from = (
        "sample_id", "seed", "rudiment_name", "variant", "skill_tier", "tempo_bpm", "metre",
        "timing_consistency", "bank", "augmentation_preset",
    )  # fmt: skip
    builder = "sousa.builders.rudiments:Rudiments"
    preload = (f"{_HERE}.corpus",)
    address = ("profile_index", "rudiment_slug", "variant", "tempo_index", "augmentation_index")

    config = elsewhere(f"{_HERE}.settings:config_of")
    restore = elsewhere(f"{_HERE}.settings:restore")
    resized = elsewhere(f"{_HERE}.settings:resized")
    plan = elsewhere(f"{_HERE}.corpus:plan")
    addresses = elsewhere(f"{_HERE}.corpus:addresses")
    remake = elsewhere(f"{_HERE}.corpus:remake")
    estimate = elsewhere(f"{_HERE}.corpus:estimate")
    splits = elsewhere(f"{_HERE}.corpus:splits")
    beside = elsewhere(f"{_HERE}.corpus:beside")
    validation = elsewhere(f"{_HERE}.validation:RudimentsValidation")
    preview = elsewhere(f"{_HERE}.preview:preview")
    marks = elsewhere(f"{_HERE}.marks:marks")
    packaging = elsewhere(f"{_HERE}.packaging:packaging")
    captions = elsewhere(f"{_HERE}.captions:captions")

    def columns(self, config: "Config | None" = None) -> "tuple[Column, ...]":
        from sousa.generation.rudiments.columns import columns

        return columns(config is None or config.with_audio)

    def order(self, shard: "Shard") -> Any:
        # renderings of the same takes one after the other: they share drums in rooms
        return shard.key["profiles"], shard.key["tempos"], shard.key["augmentation"]

    def label_tables(self, config: "Config") -> dict[str, tuple[str, ...]]:
        from sousa.generation.rudiments import columns

        return columns.TABLES

    def filters(self) -> Mapping[str, Callable[[str, Any, list[str]], Any]]:
        from sousa.generation.rudiments import filters

        return filters.TESTS
