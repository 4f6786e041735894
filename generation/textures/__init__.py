"""Sound textures: synthesizers rendered over their parameter spaces.

The way of a row: ``schema`` reads what to make and ``settings`` is what came of it; ``space`` lists the
points of parameter space, each a setting; ``corpus`` plans shards of them and makes rows of coordinates with
a synthesizer (``synth``, ``synths/``). ``records`` writes other people's formats, and ``dsgenerator`` is all
that is done for DSGenerator's users.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sousa.generation.corpus import Generated, elsewhere

if TYPE_CHECKING:
    from sousa.generation.shards import Shard

_HERE = "sousa.generation.textures"


class Textures(Generated):
    """The textures corpus, as generic code knows it; see :mod:`sousa.generation.corpus`."""

    name = "textures"
    title = "SOUSA textures"
    summary = "parametric sound textures of synthesizers, labelled with every parameter and event"
    data_version = "3.0.0"
    Options = elsewhere(f"{_HERE}.options:TexturesOptions")
    examples = (
        ("--size small -o output/textures", "528 rows of eleven sounds"),
        ("--configfile space.yaml --records params,tfrecords", "a space of your own, in two more formats"),
        ("--derive output/textures --set level=rms:-20 -o output/even", "the same draws at another level"),
    )
    tasks: Mapping[str, tuple[str, ...]] = {"texture": ("params",)}
    sound = "a synthesized sound texture"
    captions_from = (
        "sample_id", "seed", "synth", "params", "curves", "num_events", "peak_db", "pcm_digest"
    )  # fmt: skip
    builder = "sousa.builders.textures:Textures"
    preload = (f"{_HERE}.corpus",)
    digested = ("records",)
    plugin_flag = "--synth-file"
    address = ("sound", "setting_index", "example_index", "chunk_index")

    config = elsewhere(f"{_HERE}.requests:config")
    restore = elsewhere(f"{_HERE}.requests:restore")
    resized = elsewhere(f"{_HERE}.requests:resized")
    answer = elsewhere(f"{_HERE}.requests:list_synths")
    estimate = elsewhere(f"{_HERE}.requests:estimate")
    columns = elsewhere(f"{_HERE}.corpus:columns_of")
    plan = elsewhere(f"{_HERE}.corpus:plan")
    addresses = elsewhere(f"{_HERE}.corpus:addresses")
    rows = elsewhere(f"{_HERE}.corpus:rows")
    remake = elsewhere(f"{_HERE}.corpus:remake")
    splits = elsewhere(f"{_HERE}.corpus:splits")
    beside = elsewhere(f"{_HERE}.records:beside")
    facts_problem = elsewhere(f"{_HERE}.records:facts_problem")
    validation = elsewhere(f"{_HERE}.validation:TexturesValidation")
    preview = elsewhere(f"{_HERE}.preview:preview")
    packaging = elsewhere(f"{_HERE}.packaging:packaging")
    captions = elsewhere(f"{_HERE}.captions:captions")

    def use(self, files: Sequence[str]) -> None:
        if files:
            from sousa.generation.textures.dsgenerator import old_style

            old_style.use(files)

    def prepare(self, config: Any) -> None:
        self.use(config.synth_files)

    def order(self, shard: "Shard") -> Any:
        # neighbours in their space share what a synthesizer prepares
        return shard.key["settings"]
