"""Which sounds may be passed on, and who is to be named where they are."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sousa.generation.licences import known
from sousa.generation.text import address, markdown

ATTRIBUTED_BY = ("sample_id", "num_samples", "artist", "title", "licence", "licence_url", "url", "dataset")
_CC = re.compile(r"CC-BY(?P<conditions>(-NC|-SA|-ND)*)(-[1-4]\.\d(-[A-Z]+)?)?")


def may_be_passed_on(licence: str | None) -> bool:
    """Whether a sound under this licence may be passed on by anyone, for any use, changed or not.

    Args:
        licence: identifier of :mod:`sousa.generation.captions.licences`, or several joined by `` AND ``; None
            where none is known, which allows nothing.
    """
    return licence is not None and all(map(_is_free, licence.split(" AND ")))


def _is_free(licence: str) -> bool:
    if match := _CC.fullmatch(licence):
        return not {"NC", "ND"} & set(match["conditions"].split("-"))
    return licence.startswith("LAL-") or known().get(licence, {"free": False})["free"]


def attribution(rows: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    """Lines of a Markdown file that names artist, title, licence and address of every sound.

    Args:
        rows: dicts of ATTRIBUTED_BY.
    """
    yield "# Attribution"
    yield ""
    yield "Whoever uses a sound of this dataset has to name its artist, title and licence as they stand here."
    yield ""
    for row in rows:
        if row["num_samples"] is None:
            continue
        title, artist = markdown(row["title"] or "untitled"), markdown(row["artist"] or "unknown artist")
        licence = markdown(row["licence"] or "licence not stated")
        addresses = [address(row[name]) for name in ("licence_url", "url") if row[name]]
        yield ", ".join([f"- `{row['sample_id']}`: {title}, by {artist}; {licence}", *addresses])
