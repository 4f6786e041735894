"""What cards and releases say of captioned rows: their licences above all."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from sousa.generation.captions.index import reasons_text
from sousa.generation.captions.passing_on import may_be_passed_on
from sousa.generation.captions.readers import READERS, reader
from sousa.generation.captions.settings import Config
from sousa.generation.columns import markdown
from sousa.generation.corpus import Packaging
from sousa.generation.errors import first_line
from sousa.generation.licences import Licensed, known, licensed
from sousa.generation.text import counted

_YOUTUBE = "cut from YouTube, whose terms forbid passing it on"
_UNKNOWN = "not stated"


def facts_problem(facts: Mapping[str, Any]) -> str | None:
    """What is wrong with the account and the licences of a manifest, or None."""
    try:
        _Facts.model_validate({name: facts[name] for name in ("account", "left_out", "sounds")})
    except (ValidationError, KeyError) as error:
        return f"its account and sounds can't be used ({first_line(error)})"
    return None


class _Sounds(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    dataset: str
    licence: str | None
    rows: int


class _Facts(BaseModel):
    model_config = ConfigDict(strict=True)

    account: dict[str, dict[str, int]]
    left_out: dict[str, dict[str, int]]
    sounds: list[_Sounds]


def packaging(config: Config, facts: Mapping[str, Any]) -> Packaging:
    """See :meth:`sousa.generation.corpus.Corpus.packaging`; ``facts["sounds"]`` has their licences."""
    sounds = [(entry["dataset"], entry["licence"], entry["rows"]) for entry in facts["sounds"]]
    parts = [_captions(name) for name in config.datasets if name in READERS]
    parts += [_sound(*entry) for entry in sounds]
    lines = [
        f"- {name}: {reader(name).summary} ({reader(name).homepage})" if name in READERS else f"- {name}"
        for name in config.datasets
    ]
    return Packaging(
        tags=("music", "audio", "captions", "text-to-audio retrieval"),
        task_categories=("audio-classification", "feature-extraction"),
        annotations_creators=("found",),
        source_datasets=("extended",),
        author="the authors of the corpora it is from",
        made_of=tuple(parts),
        texts={"corpora": "\n".join(lines), "account": _account(facts["account"], facts["left_out"])},
        provenance={name: facts[name] for name in ("account", "left_out", "sounds")},
    )


def _account(account: Mapping[str, Mapping[str, int]], left_out: Mapping[str, Mapping[str, int]]) -> str:
    head = ["corpus", "rows read", "kept", "rejected"]
    closed = {name: [reasons_text(left_out.get(name, {}))] * bool(left_out) for name in account}
    if left_out:
        head.append("kept without sound, which may not be passed on")
    return markdown(head, [
        [name, sum(of.values()), of.get("kept", 0), reasons_text(of), *closed[name]]
        for name, of in account.items()
    ])  # fmt: skip


def _captions(name: str) -> Licensed:
    licence = reader(name).caption_licence
    return licensed("captions", f"of {name}", licence, licence if licence in known() else None)


def _sound(name: str, licence: str | None, rows: int) -> Licensed:
    """The sounds of a corpus under one licence."""
    if name in READERS and reader(name).audio_from_youtube:
        return Licensed("sound", f"of {counted(rows, 'row')} of {name}", _YOUTUBE, None, False, never=True)
    title = f"of {counted(rows, 'row')} of {name} under {licence or 'no known licence'}"
    return Licensed("sound", title, licence or _UNKNOWN, licence, may_be_passed_on(licence))
