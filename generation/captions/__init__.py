"""Captioned corpora that others have published: read as they are, under one schema, chosen from, and kept.

The way of a row: a reader of ``readers`` reads it from the published files, with its ``licences``, and
``templates`` put tags into sentences where nobody wrote any; ``gathering`` has all rows in a file and what
choosing needs in memory; ``choosing`` and ``taking`` keep or reject each, with the reason, by its sound too,
as ``measuring`` and ``sounds`` find it; ``index`` has those that are kept, and ``corpus`` writes them into
shards. ``unified_json`` is the other form of the same rows; ``downloads`` brings the published files here.
"""

from typing import TYPE_CHECKING

from sousa.generation.corpus import Corpus, elsewhere

if TYPE_CHECKING:
    from sousa.generation.columns import Column
    from sousa.generation.config import Config

_HERE, _SEARCH = "sousa.generation.captions", "captions and search"


class Captions(Corpus):
    """Captioned rows, as generic code knows them; see :mod:`sousa.generation.corpus`."""

    name = "captions"
    title = "SOUSA captions"
    summary = "rows of published corpora with captions, under one schema"
    data_version = "1.0.0"
    Options = elsewhere(f"{_HERE}.options:CaptionsOptions")
    examples = (
        ("--root data/raw", "all corpora that are in data/raw"),
        ("--datasets fma,song_describer --max-samples 10000 --stratify-by dataset", "10,000 of two corpora"),
        ("--licences redistributable -o output/free", "rows whose sound may be passed on"),
    )
    commands = {
        "download": (
            f"{_HERE}.downloads.command:download", "download published corpora with captions", _SEARCH
        ),
        "unify": (
            "sousa.builders.unifying:unify", "choose captioned rows, as a dataset and as JSON", _SEARCH
        ),
    }  # fmt: skip
    sound = "a recording of music"
    builder = "sousa.builders.captions:Captions"
    preload = (f"{_HERE}.corpus",)

    config = elsewhere(f"{_HERE}.settings:config_of")
    restore = elsewhere(f"{_HERE}.settings:restore")
    plan = elsewhere(f"{_HERE}.corpus:plan")
    rows = elsewhere(f"{_HERE}.corpus:rows")
    estimate = elsewhere(f"{_HERE}.corpus:estimate")
    beside = elsewhere(f"{_HERE}.corpus:beside")
    attributed_by = elsewhere(f"{_HERE}.passing_on:ATTRIBUTED_BY")
    attribution = elsewhere(f"{_HERE}.passing_on:attribution")
    facts_problem = elsewhere(f"{_HERE}.packaging:facts_problem")
    packaging = elsewhere(f"{_HERE}.packaging:packaging")

    def published(self) -> "dict[str, str]":
        from sousa.generation.captions.readers import READERS

        # the builder of a corpus is called as its reader
        kinds = {name: place.partition(":")[2] for name, place in READERS.items()}
        return {kind: f"sousa.builders.{name}:{kind}" for name, kind in kinds.items()}

    def columns(self, config: "Config | None" = None) -> "tuple[Column, ...]":
        from sousa.generation.captions.columns import columns

        return columns(config is None or config.with_audio)
