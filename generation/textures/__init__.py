"""Sound textures: synthesizers rendered over their parameter spaces.

The way of a row: ``schema`` reads what to make and ``settings`` is what came of it; ``space`` lists the points
of parameter space, each a setting; ``corpus`` plans shards of them and makes rows of coordinates with a
synthesizer (``synth``, ``synths/``). ``records`` writes other people's formats, and ``dsgenerator`` is all that
is done for DSGenerator's users.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sousa.generation.corpus import Estimate, Generated, Packaging, Say
from sousa.generation.textures.options import TexturesOptions

if TYPE_CHECKING:
    import pyarrow as pa

    from sousa.generation.columns import Column
    from sousa.generation.preview import Preview
    from sousa.generation.shards import Shard
    from sousa.generation.textures.settings import Config
    from sousa.generation.textures.validation import TexturesValidation


class Textures(Generated):
    """The textures corpus, as generic code knows it; see :mod:`sousa.generation.corpus`."""

    name = "textures"
    title = "SOUSA textures"
    summary = "parametric sound textures of synthesizers, labelled with every parameter and event"
    data_version = "3.0.0"
    Options = TexturesOptions
    examples = (
        ("--size small -o output/textures", "528 rows of eleven sounds"),
        ("--configfile space.yaml --records params,tfrecords", "a space of your own, in two more formats"),
        ("--derive output/textures --set level=rms:-20 -o output/even", "the same draws at another level"),
    )
    tasks: Mapping[str, tuple[str, ...]] = {"texture": ("params",)}
    sound = "a synthesized sound texture"
    builder = "sousa.builders.textures:Textures"
    preload = ("sousa.generation.textures.corpus",)
    plugin_flag = (
        "--synth-file",
        "run this Python file: old-style synthesizers that the dataset was made with",
    )
    address = ("sound", "setting_index", "example_index", "chunk_index")

    def config(self, options: TexturesOptions, say: Say) -> "Config":
        from sousa.generation.textures import requests

        return requests.config(options, say)

    def answer(self, options: TexturesOptions, print_: Say) -> bool:
        from sousa.generation.textures import requests

        return requests.list_synths(options, print_)

    def restore(self, identity: dict[str, Any], size: str, rows_only: bool) -> "Config":
        from sousa.generation.textures import requests

        return requests.restore(identity, size, rows_only)

    def resized(self, config: "Config", size: str) -> "Config | None":
        from sousa.generation.textures import requests

        return requests.resized(config, size)

    def use(self, files: Sequence[str]) -> None:
        if files:
            from sousa.generation.textures.dsgenerator import old_style

            old_style.use(files)

    def prepare(self, config: "Config") -> None:
        self.use(config.synth_files)

    def columns(self, config: "Config | None" = None) -> "tuple[Column, ...]":
        from sousa.generation.textures.columns import columns
        from sousa.generation.textures.corpus import swept

        return columns((("*", ""),) if config is None else swept(config))

    def plan(self, config: "Config") -> "list[Shard]":
        from sousa.generation.textures import corpus

        return corpus.plan(config)

    def addresses(self, config: "Config", shard: "Shard") -> "Iterator[pa.Table]":
        from sousa.generation.textures import corpus

        return corpus.addresses(config, shard)

    def rows(self, config: "Config", shard: "Shard") -> "Iterator[pa.Table]":
        from sousa.generation.textures import corpus

        return corpus.rows(config, shard)

    def remake(self, config: "Config", addresses: "pa.Table", render: bool = True) -> "pa.Table":
        from sousa.generation.textures import corpus

        return corpus.remake(config, addresses, render)

    def order(self, shard: "Shard") -> Any:
        return shard.key["settings"]

    def estimate(self, config: "Config") -> Estimate:
        from sousa.generation.textures import requests

        return requests.estimate(config)

    def splits(self, config: "Config") -> dict[str, Any]:
        from sousa.generation.textures import corpus

        return corpus.splits(config)

    def beside(
        self, config: "Config", storage: Any, shards: Any, earlier: Any, progress: Any
    ) -> dict[str, Any]:
        from sousa.generation.textures import records

        return records.beside(config, storage, shards, earlier, progress)

    def facts_problem(self, facts: dict[str, Any]) -> str | None:
        from sousa.generation.textures import records

        return records.facts_problem(facts)

    def validation(self) -> "TexturesValidation":
        from sousa.generation.textures.validation import TexturesValidation

        return TexturesValidation()

    def preview(self, config: "Config") -> "Preview":
        from sousa.generation.textures.preview import preview

        return preview(config)

    def packaging(self, config: "Config", facts: Mapping[str, Any]) -> Packaging:
        from sousa.generation.textures import packaging

        return packaging.packaging(config)
