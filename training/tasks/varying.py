"""Which parameters vary in the rows to learn from, and the targets they make.

Conventions: a declared range is worked out of pairs of natural and normalised values, so it needs neither the
synthesizer nor the configuration that the rows were made with. Three different values tell it and its scale.
"""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation.columns import Column
from sousa.generation.errors import one_of, raise_all
from sousa.training.rows import BaseRows
from sousa.training.tasks.parameters import CurveTarget, ParameterTarget

_PARAMS, _CURVES = ("name", "role", "natural", "norm", "unit"), ("name", "natural", "norm")
_EXACT = 1e-6  # of the range: how far the values may be from the line they are taken to lie on
_SAME = 1e-6  # normalised: values that differ by less don't vary


def columns(column: Column) -> list[str]:
    """What :func:`parameters` has to read; ``column``: one with the role ``Parameters``."""
    records = [f"{column.name}.{name}" for name in _PARAMS]
    return [column.role.maker, *records, *(f"{column.role.curves}.{name}" for name in _CURVES)]


def parameters(rows: BaseRows, column: Column) -> dict[str, ParameterTarget]:
    """Targets of all parameters that vary in rows with :func:`columns`, by name, in synthesizers' order."""
    role, table = column.role, rows.table
    makers = np.array(table[role.maker].to_pylist(), object)
    still, moving = _flat(table[column.name], _PARAMS), _flat(table[role.curves], _CURVES)
    of_still, of_moving = makers[still["row"]], makers[moving["row"]]
    varies = np.isin(still["role"], (role.SWEPT, role.MOVING))
    out = {}
    for name in dict.fromkeys(still["name"][varies].tolist()):
        at, curve = still["name"] == name, moving["name"] == name
        varied_by = list(dict.fromkeys(of_still[at & varies].tolist()))
        at &= np.isin(of_still, varied_by)
        curve &= np.isin(of_moving, varied_by)
        moments = _moments(still["norm"][at], moving["norm"][curve], moving["row"][curve])
        if not moments["spread"] > _SAME:
            continue
        kind = CurveTarget if (still["role"][at] == role.MOVING).any() else ParameterTarget
        out[name] = kind(name, column.name, role.maker, role.curves, role.rate_hz, **moments)
        for maker in varied_by:
            a, b = at & (of_still == maker), curve & (of_moving == maker)
            natural, norm = (np.concatenate([still[k][a], moving[k][b]]) for k in ("natural", "norm"))
            out[name].makers[maker] = declared_range(natural, norm) | {"unit": str(still["unit"][a][0] or "")}
    return out


def choose(
    rows: BaseRows, column: Column, names: Iterable[str] | None = None, auxiliary: Iterable[str] = ()
) -> dict[str, ParameterTarget]:
    """The same, checked against what the user named as targets, None for all, and as auxiliary ones.

    Raises: UsageError when a name is unknown, does not vary or can't name a target, or nothing varies.
    """
    targets = parameters(rows, column)
    wanted = dict.fromkeys([*(targets if names is None else names), *auxiliary])
    known = set(pc.unique(rows.table[column.name].combine_chunks().flatten().field("name")).to_pylist())
    problems = [
        f"{name} has one value in all rows to learn from; name parameters that are swept or move"
        if name in known
        else f"unknown target {one_of(name, [*targets, *sorted(known - set(targets))])}"
        for name in wanted
        if name not in targets
    ]
    if not targets:
        problems = ["no parameter varies in the rows to learn from; name data that sweeps some"]
    problems += [
        f"parameter {name!r} can't be a target: letters, digits, '_', '.' and '-' are allowed in its name; "
        "name others as targets"
        for name in wanted
        if not re.fullmatch(r"[\w.-]+", name)
    ]
    raise_all(problems)
    return targets


def _flat(column: pa.ChunkedArray, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Records of all rows: dict of NumPy arrays, and ``row``, the number of each record's row."""
    column = column.combine_chunks()
    records = column.flatten()
    values = {name: records.field(name).to_numpy(zero_copy_only=False) for name in names}
    return {"row": pc.list_parent_indices(column).to_numpy(), **values}


def _moments(still: np.ndarray, moving: np.ndarray, rows: np.ndarray) -> dict[str, float]:
    """``centre`` and ``spread``, mean and standard deviation of labels, every row counting alike."""
    still = still[~np.isnan(still)]
    weights = np.concatenate([np.ones(len(still)), 1.0 / np.bincount(rows)[rows]])
    values = np.concatenate([still, moving])
    if not len(values):
        return {"centre": 0.5, "spread": 0.0}
    mean = np.average(values, weights=weights)
    spread = np.sqrt(np.average((values - mean) ** 2, weights=weights))
    return {"centre": float(mean), "spread": float(spread)}


def declared_range(natural: np.ndarray, norm: np.ndarray) -> dict[str, Any]:
    """``low``, ``high`` and ``scale`` that make normalised values of natural ones; NaN where there is none.

    All three are None when the values lie on no such line, or are fewer than three.
    """
    known = np.isfinite(natural) & np.isfinite(norm)
    norm, first = np.unique(norm[known], return_index=True)
    natural = natural[known][first]
    fits = []
    for scale in ("linear", "log") if len(norm) > 2 and len(np.unique(natural)) > 2 else ():
        if scale == "linear" or (natural > 0).all():
            y = np.log(natural) if scale == "log" else natural
            slope, low = np.polyfit(norm, y, 1)
            fits.append((float(np.abs(low + slope * norm - y).max() / abs(slope)), scale, low, low + slope))
    if not fits or min(fits)[0] > _EXACT:
        return {"low": None, "high": None, "scale": None}
    _, scale, low, high = min(fits)
    low, high = (np.exp(end) if scale == "log" else end for end in (low, high))
    tidy = [0.0 if abs(end) < _EXACT * abs(high - low) else float(f"{end:.6g}") for end in (low, high)]
    return {"low": tidy[0], "high": tidy[1], "scale": scale}
