"""Snare-drum rudiments: notation, players, performances, labels and scores, and their sound.

The way of a row: ``settings`` says what to make, ``corpus`` plans it and makes rows of coordinates; a ``score``
is planned for a player (``players``) of a rudiment (``definitions``, ``notation``), played (``performance``),
labelled (``labels``, ``scores``), and rendered (``renderings``, and :mod:`sousa.generation.audio`).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sousa.generation.corpus import Estimate, Generated, Packaging, Say
from sousa.generation.rudiments.options import RudimentsOptions

if TYPE_CHECKING:
    import pyarrow as pa

    from sousa.generation.columns import Column
    from sousa.generation.preview import Preview
    from sousa.generation.rudiments.settings import Config
    from sousa.generation.rudiments.validation import RudimentsValidation
    from sousa.generation.shards import Shard

_HERE = "sousa.generation.rudiments"


class Rudiments(Generated):
    """The rudiments corpus, as generic code knows it; see :mod:`sousa.generation.corpus`."""

    name = "rudiments"
    title = "SOUSA rudiments"
    summary = "the 40 PAS snare-drum rudiments by simulated players of four skill tiers"
    data_version = "3.0.0"
    Options = RudimentsOptions
    examples = (
        ("--size small", "1,200 clean rows in output/dataset"),
        ("--profiles 20 --rudiments flam,drag -o output/flams", "two rudiments by twenty players"),
        ("-a 4 --acoustics clean,gym,garage --stereo", "each take clean and in two rooms"),
    )
    commands = {"rudiments": (f"{_HERE}.show:command", "show the rudiments and their notation")}
    tasks = {
        "rudiment": ("rudiment_slug",),
        "tier": ("skill_tier",),
        "score": ("overall_score",),
        "multitask": ("rudiment_slug", "skill_tier", "overall_score", "timing_accuracy", "velocity_control",
                      "flam_quality", "diddle_quality", "strokes"),
        "strokes": ("strokes",),
    }  # fmt: skip
    sound = "a snare-drum recording"
    builder = "sousa.builders.rudiments:Rudiments"
    preload = (f"{_HERE}.corpus",)
    address = ("profile_index", "rudiment_slug", "variant", "tempo_index", "augmentation_index")

    def config(self, options: RudimentsOptions, say: Say) -> "Config":
        from sousa.generation.rudiments import settings

        return settings.config_of(options, say)

    def restore(self, identity: dict[str, Any], size: str, rows_only: bool) -> "Config":
        from sousa.generation.rudiments import settings

        return settings.restore(identity, size, rows_only)

    def resized(self, config: "Config", size: str) -> "Config | None":
        from sousa.generation.rudiments import settings

        return settings.resized(config, size)

    def columns(self, config: "Config | None" = None) -> "tuple[Column, ...]":
        from sousa.generation.rudiments.columns import columns

        return columns(config is None or config.with_audio)

    def plan(self, config: "Config") -> "list[Shard]":
        from sousa.generation.rudiments import corpus

        return corpus.plan(config)

    def addresses(self, config: "Config", shard: "Shard") -> "Iterator[pa.Table]":
        from sousa.generation.rudiments import corpus

        return corpus.addresses(config, shard)

    def remake(self, config: "Config", addresses: "pa.Table", render: bool = True) -> "pa.Table":
        from sousa.generation.rudiments import corpus

        return corpus.remake(config, addresses, render)

    def order(self, shard: "Shard") -> Any:
        # renderings of the same takes one after the other: they share drums in rooms
        return shard.key["profiles"], shard.key["tempos"], shard.key["augmentation"]

    def estimate(self, config: "Config") -> Estimate:
        from sousa.generation.rudiments import corpus

        return corpus.estimate(config)

    def splits(self, config: "Config") -> dict[str, Any]:
        from sousa.generation.rudiments import corpus

        return corpus.splits(config)

    def label_tables(self, config: "Config") -> dict[str, tuple[str, ...]]:
        from sousa.generation.rudiments.columns import IDENTITY, PLAYER, SCORES, SOUND

        return {
            "samples": tuple(column.name for column in (*IDENTITY, *SOUND, *PLAYER)),
            "exercises": tuple(column.name for column in SCORES),
            "measures": ("measures",),
            "strokes": ("strokes",),
        }

    def beside(
        self, config: "Config", storage: Any, shards: Any, earlier: Any, progress: Any
    ) -> dict[str, Any]:
        from sousa.generation.rudiments import corpus

        return {"drums": [corpus.load_bank(ref).about() for ref in config.banks]}

    def validation(self) -> "RudimentsValidation":
        from sousa.generation.rudiments.validation import RudimentsValidation

        return RudimentsValidation()

    def preview(self, config: "Config") -> "Preview":
        from sousa.generation.rudiments.preview import preview

        return preview(config)

    def filters(self) -> Mapping[str, Callable[[str, Any, list[str]], Any]]:
        from sousa.generation.rudiments import filters

        return filters.TESTS

    def packaging(self, config: "Config", facts: Mapping[str, Any]) -> Packaging:
        from sousa.generation.rudiments import packaging

        return packaging.packaging(config, facts)
