"""Which parameters vary in the rows of a textures corpus, and the targets they make.

Conventions: a declared range is worked out of pairs of natural and normalised values, so it needs neither the
synthesizer nor the configuration that the rows were made with. Three different values tell it and its scale.
"""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation.errors import UsageError, one_of, raise_all
from sousa.training.tasks.parameters import CurveTarget, ParameterTarget

_PARAMS, _CURVES = ("name", "role", "natural", "norm", "unit"), ("name", "natural", "norm")
COLUMNS = ("synth", *(f"params.{name}" for name in _PARAMS), *(f"curves.{name}" for name in _CURVES))
_EXACT = 1e-6  # of the range: how far the values may be from the line they are taken to lie on
_SAME = 1e-6  # normalised: values that differ by less don't vary


def parameters(rows):
    """Targets of all parameters that vary, in the order of their synthesizers.

    Args:
        rows: what :func:`sousa.training.stream.open_rows` gives with ``COLUMNS``; those to learn from.

    Returns: dict of name to ParameterTarget or CurveTarget, of weight 1.
    """
    synths = np.array(rows.table["synth"].to_pylist(), object)
    still, moving = _flat(rows.table["params"], _PARAMS), _flat(rows.table["curves"], _CURVES)
    still["synth"], moving["synth"] = synths[still["row"]], synths[moving["row"]]
    varies = np.isin(still["role"], ("swept", "moving"))
    out = {}
    for name in dict.fromkeys(still["name"][varies].tolist()):
        own = still["name"] == name
        of = list(dict.fromkeys(still["synth"][own & varies].tolist()))
        own &= np.isin(still["synth"], of)
        curve = (moving["name"] == name) & np.isin(moving["synth"], of)
        moves = bool((still["role"][own] == "moving").any())
        target = (CurveTarget if moves else ParameterTarget)(name)
        target.centre, target.spread = _moments(
            still["norm"][own], moving["norm"][curve], moving["row"][curve]
        )
        if not target.spread > _SAME:
            continue
        for synth in of:
            a, b = own & (still["synth"] == synth), curve & (moving["synth"] == synth)
            natural, norm = (np.concatenate([still[k][a], moving[k][b]]) for k in ("natural", "norm"))
            target.synths[synth] = {**declared_range(natural, norm), "unit": str(still["unit"][a][0] or "")}
        out[name] = target
    return out


def choose(rows, task, names=None, auxiliary=()):
    """The same, checked against what is asked for.

    Args:
        task: its name, for messages; names: targets that the user named, or None for all; auxiliary: names.

    Raises: UsageError when a name is unknown, does not vary or can't name a target, or nothing varies.
    """
    found = parameters(rows)
    wanted = [*(names or found), *auxiliary]
    known = set(pc.unique(rows.table["params"].combine_chunks().flatten().field("name")).to_pylist())
    problems = [
        f"{name} has one value in all rows to learn from; {task} needs parameters that are swept or move"
        if name in known
        else f"unknown target {one_of(name, [*found, *sorted(known - set(found))])}"
        for name in dict.fromkeys(wanted)
        if name not in found
    ]
    if not found:
        problems = [f"no parameter varies in the rows to learn from; {task} needs a corpus that sweeps some"]
    for name in wanted:
        if not re.fullmatch(r"[\w.-]+", name):
            problems.append(
                f"parameter {name!r} can't be a target: letters, digits, '_', '.' and '-' are allowed in its "
                "name; name others as targets"
            )
    raise_all(problems)
    return found


def open_columns(source, data):
    """The training rows of a source with ``COLUMNS`` and without sound.

    Args:
        source: what :func:`sousa.training.corpora.ready` gives; data: a :class:`sousa.training.config.Data`.

    Raises: UsageError when it is no textures corpus.
    """
    from sousa.training import corpora, sources
    from sousa.training.stream import open_rows

    live = corpora.name_of(source) is not None
    names = (corpora.schema(source) if live else sources.schema(source, source.files[0])).names
    missing = [name for name in ("synth", "params", "curves") if name not in names]
    if missing:
        raise UsageError(
            f"the data has no column {missing[0]!r}, as a textures corpus has; name one as data.path, or "
            "another task"
        )
    return open_rows(source, data.train, columns=list(COLUMNS), audio=None, where=data.where)


def _flat(column, names):
    """Records of all rows: dict of NumPy arrays, and ``row``, the number of each record's row."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    records = column.flatten()
    out = {"row": pc.list_parent_indices(column).to_numpy()}
    for name in names:
        values = records.field(name)
        numbers = pa.types.is_floating(values.type)
        out[name] = values.to_numpy(zero_copy_only=False) if numbers else np.array(values.to_pylist(), object)
    return out


def _moments(still, moving, rows):
    """Mean and standard deviation of labels, every row counting alike."""
    still = still[~np.isnan(still)]
    weights = np.ones(len(still))
    if len(moving):
        _, at, counts = np.unique(rows, return_inverse=True, return_counts=True)
        weights = np.concatenate([weights, 1.0 / counts[at]])
    values = np.concatenate([still, moving])
    if not len(values):
        return 0.5, 0.0
    mean = np.average(values, weights=weights)
    return float(mean), float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))


def declared_range(natural, norm):
    """The range and scale that make normalised values of natural ones.

    Args:
        natural, norm: float arrays, NaN where there is none.

    Returns: dict ``low``, ``high``, ``scale``; all None when the values lie on no such line, or are fewer
        than three.
    """
    known = np.isfinite(natural) & np.isfinite(norm)
    norm, first = np.unique(norm[known], return_index=True)
    natural = natural[known][first]
    fits = []
    for scale in ("linear", "log") if len(norm) > 2 and len(np.unique(natural)) > 2 else ():
        if scale == "log" and (natural <= 0).any():
            continue
        y = np.log(natural) if scale == "log" else natural
        slope, low = np.polyfit(norm, y, 1)
        fits.append((float(np.abs(low + slope * norm - y).max() / abs(slope)), scale, low, low + slope))
    if not fits or min(fits)[0] > _EXACT:
        return {"low": None, "high": None, "scale": None}
    _, scale, low, high = min(fits)
    low, high = (np.exp(end) if scale == "log" else end for end in (low, high))
    tidy = [0.0 if abs(end) < _EXACT * abs(high - low) else float(f"{end:.6g}") for end in (low, high)]
    return {"low": tidy[0], "high": tidy[1], "scale": scale}
