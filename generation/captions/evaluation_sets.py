"""Tracks and artists that are kept for evaluation: those of Song Describer, and of MTG-Jamendo's split 0.

Conventions: Song Describer was drawn from the test part of MTG-Jamendo's split 0, and results are compared on
both. Three in four of that part's tracks are in the training part of each other split, so its tracks and its
artists are held out by their ids at Jamendo, whichever split is used and whichever corpus has them.
"""

from dataclasses import dataclass
from pathlib import Path

from sousa.generation.captions import jamendo
from sousa.generation.captions.readers import mtg_jamendo, song_describer

SPLIT, PART = 0, "test"
FOR_TESTS = (song_describer.SongDescriber.name,)  # corpora whose rows are all for evaluation


@dataclass(frozen=True)
class EvaluationSets:
    """Tracks and artists that must not be in training or validation.

    Attributes:
        ids: of tracks, as in the column ``native_id``: ``jamendo:226``.
        artists: in the same form: ``jamendo:14``.
        names: of these artists, in lower case, as far as they are known: other corpora have other ids.
        strays: tracks of Song Describer that are not in the part it was drawn from, if both are known.
        problem: a sentence that says which lists are not there; None when all are.
    """

    ids: frozenset[str]
    artists: frozenset[str]
    names: frozenset[str]
    strays: frozenset[str]
    problem: str | None


def held_out(root: Path) -> EvaluationSets:
    """The evaluation sets, read from the folders of a root directory that has a folder a corpus.

    Raises: RunError when a list is there and can't be read.
    """
    described = dict(song_describer.track_ids(root / "song_describer"))
    complete = mtg_jamendo.holds_split(root / "mtg_jamendo", SPLIT, PART)
    part = mtg_jamendo.split_tracks(root / "mtg_jamendo", SPLIT, PART)[0]
    tested = {track.id: track.artist for track in part}
    named = jamendo.names(root / "song_describer" / song_describer.NAMES)
    named |= jamendo.names(mtg_jamendo.names_file(root / "mtg_jamendo"))
    people = (named[track].artist for track in {*described, *tested} & named.keys())
    missing = []
    if not described:
        missing.append(f"{root / 'song_describer' / song_describer.TABLE}")
    if not complete:
        missing.append(f"{root}/mtg_jamendo/data/splits/split-{SPLIT}/autotagging-{PART}.tsv")
    return EvaluationSets(
        ids=frozenset(map(jamendo.source, {*described, *tested})),
        artists=frozenset(map(jamendo.source, filter(None, (*described.values(), *tested.values())))),
        names=frozenset(name.lower() for name in people if name),
        strays=frozenset(map(jamendo.source, described.keys() - tested.keys())) if complete else frozenset(),
        problem=f"tracks and artists that are kept for evaluation are not all known: {' and '.join(missing)} "
        f"{'is' if len(missing) == 1 else 'are'} not there" if missing else None,
    )  # fmt: skip
