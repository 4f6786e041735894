"""Recordings of a directory, with the onsets that are asked for."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from sousa.generation.errors import UsageError, one_of, raise_all
from sousa.generation.outside import ANY_BYTES, expanded, is_directory, meant, opened
from sousa.generation.text import one_line
from sousa.training.recordings.labels import Selection
from sousa.training.recordings.layouts import LAYOUTS, SIGNS, Piece, groove, layout_of

AFTER_END_SEC = 0.05  # annotations of a last stroke may lie so far behind the end of the sound
_INSIDE = ("MDB Drums",)  # folder of a clone that holds the collection


@dataclass(frozen=True)
class Recording:
    """A sound with its annotated onsets.

    Attributes:
        path: of the sound.
        onsets_sec: float64 (onsets,), rising.
        labels: of the onsets, as the annotation writes them; empty where it has none.
        layout: of the directory.
        version: which of several sounds of a performance: ``drum_only``, ``full_mix``, ``MIX``, ``SD``,
            ``wet_mix``, the name of a kit.
        group: the performance; its versions share it.
        split: as the collection has it, or None.
        has_other_drums: whether instruments sound that were not asked for.
        duration_sec: of the sound.
        sample_rate: of the sound, Hz.
    """

    path: Path
    onsets_sec: np.ndarray
    labels: tuple[str, ...]
    layout: str
    version: str
    group: str
    split: str | None
    has_other_drums: bool
    duration_sec: float
    sample_rate: int


def read(
    directory: str | os.PathLike[str],
    layout: str = "auto",
    instruments: Iterable[str] | None = ("snare",),
    split: str | None = None,
) -> list[Recording]:
    """The recordings of a directory, as a test set.

    Args:
        directory: in one of the layouts of :mod:`sousa.training.recordings.layouts`.
        layout: mdb, idmt, groove, enst or folder, or auto for the one that the directory has.
        instruments: which onsets, by name (snare, kick, hihat, tom, cymbal, other) or by labels of the
            annotations, None for all. In a folder of one's own, onsets whose label names no instrument count
            always.
        split: only recordings of this split of Groove or E-GMD; files of the others need not be there.

    Returns: in order of their files.
    Raises: UsageError naming every problem of the directory.
    """
    root = Path(expanded(directory))
    if not is_directory(root):
        raise UsageError(f"{one_line(str(root))} is no directory{meant(root)}; name one with recordings")
    if layout not in ("auto", *LAYOUTS):
        raise UsageError(f"layout is {one_of(layout, ('auto', *LAYOUTS))}")
    for name in _INSIDE:
        root = root / name if (root / name).is_dir() else root
    chosen = layout_of(root) if layout == "auto" else layout
    if chosen is None:
        signs = "; ".join(f"{name}: {sign}" for name, sign in SIGNS.items())
        raise UsageError(
            f"{one_line(str(root))} has no layout that is known ({signs}); name another directory"
        )
    selection, problems = Selection(chosen, instruments), list[str]()
    if split is not None and chosen != "groove":
        raise UsageError(f"split is {one_line(repr(split))}, and the layout {chosen} has none; leave it out")
    pieces = list(LAYOUTS[chosen](root, problems) if split is None else groove(root, problems, split))
    problems += selection.problems({event.label for piece in pieces for event in piece.events})
    out = []
    for piece in pieces:
        if piece.only is None or piece.only in selection:
            out.append(_recording(piece, chosen, selection, problems))
    raise_all(problems)
    if not out:
        raise UsageError(
            f"{one_line(str(root))} has no recording in the layout {chosen} ({SIGNS[chosen]}); name another "
            "directory or layout"
        )
    return [recording for recording in out if recording is not None]


def _recording(piece: Piece, layout: str, selection: Selection, problems: list[str]) -> Recording | None:
    """A piece with the onsets that are asked for; None where there is a problem."""
    before = len(problems)
    length = _length(piece.sound, problems)
    if length is None:
        return None
    duration = length[0] / length[1]
    for event in piece.events:
        if event.sec < 0:
            problems.append(f"{event.place}: {event.sec:g} s is before the sound; give 0 or more")
        elif event.sec > duration + AFTER_END_SEC:
            problems.append(
                f"{event.place}: {event.sec:g} s is after the end of {one_line(piece.sound.name)} at "
                f"{duration:.3f} s; mend the time, or replace the sound"
            )
    if len(problems) > before:
        return None
    wanted = [event for event in piece.events if event.label in selection]
    others = piece.accompanied or len(wanted) < len(piece.events)
    return Recording(
        piece.sound, np.array([event.sec for event in wanted], np.float64),
        tuple(event.label for event in wanted), layout, piece.version, piece.group, piece.split, others,
        duration, length[1],
    )  # fmt: skip


def _length(path: Path, problems: list[str]) -> tuple[int, int] | None:
    """``(samples, sample_rate)`` of a sound."""
    try:
        with opened(path, ANY_BYTES) as data, soundfile.SoundFile(data.fileno(), closefd=False) as file:
            if file.frames > 0 and file.samplerate > 0:
                return file.frames, file.samplerate
            reason = "it is empty"
    except (OSError, soundfile.LibsndfileError) as error:
        reason = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    problems.append(
        f"{one_line(str(path))} can't be read as sound ({one_line(reason)}); replace or remove it"
    )
    return None
