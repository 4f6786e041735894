"""Licences of what a dataset is made of: what they are called on the Hub, and what they allow.

A licence is named by its SPDX identifier. One that is not known here, or not stated, allows
nothing: what is made from it is published only when the user says so by name.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sousa.generation.errors import UsageError


@dataclass(frozen=True)
class Licensed:
    """Something a dataset is made of.

    Attributes:
        kind: soundfont, impulse response, noise, synthesizer, score, captions, sound or corpus.
        name: what the user knows it by.
        licence: as its makers state it.
        licence_id: its SPDX identifier, or None.
        free: what is made from it may be passed on to anyone.
        never: nobody may pass it on, whatever a user says.
    """

    kind: str
    name: str
    licence: str
    licence_id: str | None
    free: bool
    never: bool = False

    def record(self) -> dict[str, Any]:
        """As plain data, without ``never`` where it is False."""
        return {name: value for name, value in asdict(self).items() if name != "never" or value}


@cache
def known() -> dict[str, dict[str, Any]]:
    """The licences known here: dict of SPDX identifier to ``{"hub": name, "free": bool}``."""
    return tomllib.loads((Path(__file__).parent / "licences.toml").read_text("utf-8"))


def identifier(text: str) -> str:
    """An SPDX identifier or expression as SPDX writes it: ``MIT`` for ``mit``.

    Raises: ValueError for any other text, with what to give.
    """
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return canonicalize_license_expression(text)
    except (InvalidLicenseExpression, RecursionError):
        raise ValueError(
            "give an SPDX identifier, such as MIT or CC0-1.0, or LicenseRef-NAME for a licence without one"
        ) from None


def of_option(text: str | None) -> str | None:
    """The identifier that ``--licence`` gives, None without the option; raises UsageError."""
    try:
        return None if text is None else identifier(text)
    except ValueError as error:
        raise UsageError(f"--licence is {text!r}; {error}, or leave it out") from None


def licensed(kind: str, name: str, licence: str, licence_id: str | None = None) -> Licensed:
    """A Licensed; free only when its identifier is known to allow it."""
    return Licensed(kind, name, licence, licence_id, known().get(licence_id or "", {"free": False})["free"])


def package_of(group: str, name: str) -> Any:
    """The installed package (an importlib Distribution) that brings an entry point, or None."""
    from importlib.metadata import entry_points

    return next((point.dist for point in entry_points(group=group, name=name) if point.dist), None)


def of_plugin(kind: str, group: str, name: str) -> Licensed:
    """The Licensed of what another package brings by an entry point, as its metadata states the licence."""
    package = package_of(group, name)
    metadata = package.metadata if package else {}
    licence = metadata.get("License-Expression") or metadata.get("License")
    return licensed(kind, name, licence or "not stated", licence)


def hub_licence(parts: Iterable[Licensed]) -> str:
    """The Hub's identifier for a dataset made of several things.

    The sound of free licences without conditions (CC0) takes any other's; of two different ones with
    conditions neither describes the whole, so that is ``other``.

    Args:
        parts: list of Licensed; the labels, unless a corpus is among them, are this project's, under MIT.
    """
    ids = {part.licence_id for part in parts} - {"CC0-1.0"}
    if not ids:
        return "cc0-1.0" if any(part.kind == "corpus" for part in parts) else "mit"
    names = {known().get(licence_id or "", {"hub": "other"})["hub"] for licence_id in ids}
    return names.pop() if len(names) == 1 else "other"
