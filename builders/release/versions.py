"""Versions of releases: ``X.Y.Z``, and which one a change asks for.

The rule (after torchsynth's): *major* when audio or labels of existing rows change, or rows, columns
or configs go; *minor* when rows, columns or configs are added; *patch* when neither: the card,
licences, the way the same rows are stored.
"""

import re
from typing import Any

from sousa.generation.errors import UsageError

_TAG = re.compile(r"v(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})")


def of_tag(tag: str) -> tuple[int, ...] | None:
    """``(major, minor, patch)`` of a release's tag, ``vX.Y.Z``, or None for other tags."""
    match = _TAG.fullmatch(tag)
    return tuple(int(part) for part in match.groups()) if match else None


def parse(text: str) -> tuple[int, ...]:
    """``(major, minor, patch)`` of a version.

    Raises: UsageError when it is none.
    """
    if (version := of_tag(f"v{text}")) is None:
        raise UsageError(f"version {text!r} is not of the form X.Y.Z, such as 1.0.0")
    return version


def following(version: str, level: str) -> str:
    """The version after one, as text."""
    major, minor, patch = parse(version)
    after = {"major": (major + 1, 0, 0), "minor": (major, minor + 1, 0), "patch": (major, minor, patch + 1)}
    return ".".join(map(str, after[level]))


def problem(version: str, changes: Any, old_version: str) -> str | None:
    """Why a version can't follow an old one, or None.

    Args:
        changes: the :class:`sousa.builders.release.compare.Changes` between them.
    """
    if not changes:
        return f"nothing differs from version {old_version}; there is nothing to release"
    if version == (right := following(old_version, changes.level)):
        return None
    return (
        f"version {version} can't follow {old_version}: {changes.reason}, which asks for a {changes.level} "
        f"version; make the release with --version {right}"
    )
