"""Options of captioned rows: which corpora, which of their rows, and how many."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field

from sousa.generation.captions.readers import READERS
from sousa.generation.models import Number, Whole
from sousa.generation.options import SIZE, SeedOptions, option

Strata = Literal["dataset", "duration", "genre", "licence"]
Size = Literal["small", "medium", "large", "full"]
Licences = Literal["any", "commercial", "redistributable"]
DEFAULT_ROOT = "data/raw"
_CHOOSE, _READ = "which rows", "how corpora are read"


def _weights(value: Any) -> Any:
    """``name=weight`` texts, or a mapping, as a mapping."""
    if isinstance(value, str):
        value = value.split(",")
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        pairs = [part.partition("=")[::2] for part in value]
        if len(dict(pairs)) < len(pairs):
            raise ValueError("give each name once")
        value = dict(pairs)
    if value is None or not isinstance(value, dict):
        return value
    try:
        weights = {str(name): float(weight) for name, weight in value.items()}
    except (TypeError, ValueError):
        weights = {}
    if not weights or not all(0 < weight < 1e6 for weight in weights.values()):
        raise ValueError("give names with numbers above 0, such as fma=1,song_describer=3")
    return weights


Names = Annotated[list[str], Field(min_length=1)]


class CaptionsOptions(SeedOptions):
    """Options of captioned rows."""

    datasets: Names | None = option(
        None,
        f"these corpora, separated by commas: {', '.join(READERS)}, or folders of the root that hold a "
        "dataset of 'sousa generate' (default: all that are there)",
        several=True, group=_CHOOSE,
    )  # fmt: skip
    root: str = option(DEFAULT_ROOT, "directory with a folder for each corpus", metavar="DIR", group=_READ)
    max_samples: Whole | None = option(None, "rows at most", ge=1, le=1_000_000_000, group=SIZE)
    samples_per_dataset: Whole | None = option(
        None, "rows of each corpus at most", ge=1, le=1_000_000_000, group=SIZE
    )
    stratify_by: Strata | None = option(
        None, f"take as many rows of each stratum, as far as there are: {', '.join(get_args(Strata))}",
        metavar="KIND", group=_CHOOSE,
    )  # fmt: skip
    weights: Annotated[dict[str, float] | None, BeforeValidator(_weights)] = option(
        None, "how much more of one stratum than of another, such as fma=1,song_describer=3 (default: equal)",
        metavar="NAME=X", group=_CHOOSE,
    )  # fmt: skip
    min_duration_sec: Number | None = option(
        None, "shortest sound", flags=("--min-duration",), metavar="SEC", ge=0, unit="s", group=_CHOOSE
    )
    max_duration_sec: Number | None = option(
        None, "longest sound", flags=("--max-duration",), metavar="SEC", gt=0, unit="s", group=_CHOOSE
    )
    per_artist: Whole | None = option(None, "rows of one artist at most", ge=1, group=_CHOOSE)
    licences: Licences = option(
        "any",
        "only sounds under licences that allow commercial use, or that may be passed on: "
        f"{', '.join(get_args(Licences))}",
        metavar="KIND", group=_CHOOSE,
    )  # fmt: skip
    exclude: Names | None = option(
        None, "files of rows to leave out: a sample_id or native_id a line, or a JSON list", metavar="FILES",
        group=_CHOOSE,
    )  # fmt: skip
    metadata_only: bool = option(
        False, "also keep rows whose sound file is missing", switches={"--metadata-only": True},
        group=_READ,
    )  # fmt: skip
    publishable: bool = option(
        False, "keep rows whose sound may not be passed on, but without the sound",
        switches={"--publishable": True}, group=_READ,
    )  # fmt: skip
    fma_size: Size | None = option(
        None, f"which FMA: {', '.join(get_args(Size))} (default: the largest that is there)", metavar="SIZE",
        group=_READ,
    )  # fmt: skip
    mtg_split: Whole = option(0, "which of the published splits of MTG-Jamendo", ge=0, le=4, group=_READ)
    evaluation_overlap: bool = option(
        False, "go on without the lists that keep evaluation sets out of training",
        switches={"--evaluation-overlap": True}, group=_READ,
    )  # fmt: skip
