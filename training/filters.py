"""Which rows to read: tests of scalar columns, made before any audio is touched.

Conventions
-----------
A :class:`Filter` names the columns it reads and holds an Arrow expression over them, so the same object
serves ``Rows(..., where=...)``, ``table.filter(...)``, ``pyarrow.dataset`` and ``filters=`` of
``datasets.load_dataset("parquet", ...)``. Ranges are (low, high), both ends included, None for an open
end. Null is in no range and equal to no name; ``~`` is the exact complement, so of ``f`` and ``~f`` every
row passes one.
"""

import re
from collections.abc import Mapping

import numpy as np
import pyarrow.compute as pc

from sousa.generation.audio import presets as acoustics
from sousa.generation.errors import UsageError, one_of, raise_all
from sousa.generation.rudiments import definitions
from sousa.generation.rudiments.columns import SCORES
from sousa.generation.rudiments.players import tiers as tier_names
from sousa.generation.rudiments.scores import SCORE_NAMES

_SCALES = {column.name: tuple(int(end) for end in column.unit.split("-")) for column in SCORES}


class Filter:
    """A test of rows; combine with ``&``, ``|`` and ``~``. Can be pickled.

    Args:
        columns: names of the scalar columns it reads.
        expression: ``pyarrow.compute.Expression``, true for the rows to keep.
    """

    def __init__(self, columns, expression):
        self.columns, self.expression = list(dict.fromkeys(columns)), expression

    def __and__(self, other):
        if not isinstance(other, Filter):
            return NotImplemented
        return Filter(self.columns + other.columns, self.expression & other.expression)

    def __or__(self, other):
        if not isinstance(other, Filter):
            return NotImplemented
        return Filter(self.columns + other.columns, self.expression | other.expression)

    def __invert__(self):
        # what can't be told for null is not true, so it is kept here
        return Filter(self.columns, ~pc.coalesce(self.expression, pc.scalar(False)))

    def __repr__(self):
        return f"Filter({self.expression})"

    @classmethod
    def parse(cls, data):
        """A filter from a configuration: a mapping of the arguments of :func:`select`, or its YAML text.

        A single name may stand for a list of one; None and an empty mapping keep every row.
        Raises: UsageError naming every problem.
        """
        if isinstance(data, cls):
            return data
        if isinstance(data, str):
            import yaml

            try:
                data = yaml.safe_load(data)
            except yaml.YAMLError as error:
                place = getattr(error, "problem_mark", None)
                at = f" at line {place.line + 1}" if place else ""
                raise UsageError(f"a filter can't be read as YAML{at}; write tiers: [beginner]") from None
        if data is None:
            data = {}
        if not isinstance(data, Mapping):
            raise UsageError(
                f"a filter is a mapping such as tiers: [beginner], not {data!r}; "
                f"its keys are {', '.join(_TESTS)}"
            )
        return _select(dict(data))


def _list(name, value, problems):
    """Entries of an argument that takes one or several; a text is one."""
    if isinstance(value, Mapping) or value is None:
        problems.append(f"{name} is {value!r}; give a list of names")
        return []
    entries = list(value) if np.iterable(value) and not isinstance(value, (str, bytes)) else [value]
    if not entries:
        problems.append(f"{name} is empty, which keeps no row; leave it out to keep all")
    return entries


def _named(column, noun, allowed=None):
    """A test of a column against names."""

    def test(name, value, problems):
        entries = _list(name, value, problems)
        for entry in entries:
            if allowed is not None and entry not in allowed():
                problems.append(f"unknown {noun} {one_of(entry, allowed())}")
            elif not isinstance(entry, str) or not entry:
                problems.append(f"{name} has {entry!r}; give names, such as those of the column {column}")
        names = [entry for entry in entries if isinstance(entry, str)]
        return Filter([column], pc.field(column).isin(names)) if names else None

    return test


def _rudiments(name, value, problems):
    out = []
    for entry in _list(name, value, problems):
        try:
            definitions.select([str(entry)])
        except UsageError as error:
            problems.append(str(error))
            continue
        slug, _, variant = entry.partition(":")
        one = Filter(["rudiment_slug"], pc.field("rudiment_slug").isin([slug]))
        if variant and variant != "*":
            one &= Filter(["variant"], pc.field("variant").isin([variant]))
        out.append(one)
    return _any(out)


def _players(name, value, problems):
    entries, ids, numbers = _list(name, value, problems), [], []
    starts = [tier[:3] for tier in tier_names()]
    for entry in entries:
        if isinstance(entry, (int, np.integer)) and not isinstance(entry, bool) and entry >= 0:
            numbers.append(int(entry))
        elif isinstance(entry, str) and re.fullmatch(rf"({'|'.join(starts)})\d{{3,}}", entry):
            ids.append(entry)
        else:
            problems.append(
                f"unknown player {entry!r}; give a profile number from 0, or an id: {', '.join(starts)} "
                "and the number in three digits or more, such as adv042"
            )
    return _any(
        ([Filter(["profile_id"], pc.field("profile_id").isin(ids))] if ids else [])
        + ([Filter(["profile_index"], pc.field("profile_index").isin(numbers))] if numbers else [])
    )


def _any(filters):
    out = None
    for one in filters:
        out = one if out is None else out | one
    return out


def _number(value):
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _range(name, value, problems, scale=(0, None), column=None):
    """A test of a column against a range; ``scale``: what its values can be."""
    column = column or name
    ends = list(value) if isinstance(value, (list, tuple, np.ndarray)) else []
    if len(ends) != 2 or not all(end is None or (_number(end) and np.isfinite(end)) for end in ends):
        problems.append(f"{name} is {value!r}; give two numbers (low, high), null or None for an open end")
        return None
    low, high = ends
    bottom, top = scale
    if low is not None and high is not None and low > high:
        problems.append(f"{name} from {low} to {high} keeps no row; give the lower number first")
    elif (None not in (low, top) and low > top) or (None not in (high, bottom) and high < bottom):
        values = f"{bottom} to {top}" if top is not None else f"{bottom} or more"
        problems.append(f"{name} from {low} to {high} keeps no row; its values are {values}")
    test = pc.field(column).is_valid()
    if low is not None:
        test &= pc.field(column) >= pc.scalar(float(low))
    if high is not None:
        test &= pc.field(column) <= pc.scalar(float(high))
    return Filter([column], test)


def _scores(name, value, problems):
    if not isinstance(value, Mapping) or not value:
        problems.append(f"{name} is {value!r}; give ranges by name, such as overall_score: [60, null]")
        return None
    out = None
    for score, ends in value.items():
        if score not in SCORE_NAMES:
            problems.append(f"unknown score {one_of(score, SCORE_NAMES)}")
        elif (one := _range(score, ends, problems, _SCALES[score])) is not None:
            out = one if out is None else out & one
    return out


def _confidence(name, value, problems):
    return _range(name, value, problems, _SCALES[name])


_TESTS = {
    "tiers": _named("skill_tier", "tier", tier_names),
    "rudiments": _rudiments,
    "categories": _named("category", "category", lambda: definitions.CATEGORIES),
    "tempo_bpm": _range,
    "scores": _scores,
    "banks": _named("bank", "bank"),
    "presets": _named("augmentation_preset", "preset", acoustics.names),
    "players": _players,
    "tier_confidence": _confidence,
    "synth": _named("synth", "synthesizer"),
    "sound": _named("sound", "sound"),
    "setting_id": _named("setting_id", "setting"),
    "held_out": _named(
        "held_out", "kind of test setting", lambda: ("random", "interpolation", "extrapolation")
    ),
}
_PARAM = "param_"  # begins the name of each column of a swept parameter


def _parameter(name, value, problems):
    return _range(name, value, problems, (None, None))


def select(
    *, tiers=None, rudiments=None, categories=None, tempo_bpm=None, scores=None, banks=None, presets=None,
    players=None, tier_confidence=None, synth=None, sound=None, setting_id=None, held_out=None, **params,
):  # fmt: skip
    """A filter of the rudiments corpus or, from ``synth`` on, of textures; every condition given has to hold.

    Args:
        tiers: skill tiers; categories: of rudiments; presets: of acoustics, ``clean`` among them.
        rudiments: slugs, each with all its variants; ``slug:variant`` for one of these.
        tempo_bpm: (low, high), quarter notes a minute.
        scores: dict of score name to (low, high), such as ``{"overall_score": (60, None)}``.
        banks: names of drums, as in the column ``bank``; a dataset may have others than those shipped.
        players: ids such as ``adv042``, or profile numbers.
        tier_confidence: (low, high) within 0 to 1.
        synth, sound, setting_id: names of synthesizers, of sounds, of settings.
        held_out: kinds of test settings: random, interpolation, extrapolation. Rows of other splits are of
            none.
        params: ``param_<name>=(low, high)``: natural value of a parameter that is swept.

    A condition that is None, or left out, keeps every row.
    Returns: Filter.
    Raises: UsageError naming every unknown name and every bad range at once.
    """
    given = dict(locals())
    params = given.pop("params")
    return _select({**given, **params})


def _select(tests):
    problems, out = [], None
    for name, value in tests.items():
        test = _TESTS.get(name) or (_parameter if str(name).startswith(_PARAM) else None)
        if test is None:
            problems.append(f"unknown filter {one_of(name, [*_TESTS, f'{_PARAM}NAME'])}")
        elif value is not None:
            one = test(name, value, problems)
            out = one if out is None or one is None else out & one
    raise_all(problems)
    return out if out is not None else Filter([], pc.scalar(True))


def clean_pairs(rows):
    """Pairs of renderings of the same take: the clean one and another.

    Args:
        rows: :class:`sousa.training.stream.Rows` or LiveRows with the columns ``augmentation_group_id`` and
            ``augmentation_preset``.

    Returns: int64 array [pairs, 2]: numbers of the clean row and of the other, in order of the other. Takes
        without a clean row have no pairs; of several clean rows of a take the first stands for it.
    Raises: UsageError when the rows were opened without these columns.
    """
    needed = ("augmentation_group_id", "augmentation_preset")
    missing = [name for name in needed if name not in rows.table.column_names]
    if missing:
        raise UsageError(
            f"pairs of renderings need the columns {' and '.join(needed)}, and the rows have no "
            f"{' and no '.join(missing)}; open them with columns={needed!r}"
        )
    groups, names = (rows.table[name].combine_chunks() for name in needed)
    codes = groups.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    is_clean = pc.equal(names, acoustics.CLEAN).fill_null(False).to_numpy(zero_copy_only=False)
    known = codes >= 0
    first = np.full(codes.max(initial=-1) + 1, -1, np.int64)
    clean = np.flatnonzero(is_clean & known)[::-1]  # of equal places the last written stays: the first row
    first[codes[clean]] = clean
    other = np.flatnonzero(~is_clean & known & names.is_valid().to_numpy(zero_copy_only=False))
    other = other[first[codes[other]] >= 0]
    return np.stack([first[codes[other]], other], axis=1).astype(np.int64)
