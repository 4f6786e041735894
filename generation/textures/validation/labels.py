"""The labels of one row group: against what parameters declare, and against themselves.

Conventions: what is wrong is counted in ``problems`` by name; nothing is raised for bad data.
"""

import numpy as np
import pyarrow.compute as pc

from sousa.generation.tables import numpy_column
from sousa.generation.textures import corpus
from sousa.generation.textures.columns import CURVE, EVENT, FRAME_RATE_HZ, PARAM
from sousa.generation.textures.records.rows import Lists

# columns that may be null, and param_* columns
NULLABLE = {"held_out", "events", "num_events", "peak_db", "rms_db"}
_NULL_IN = {"params": ("natural", "norm", "user_name", "user"), "events": ("kind", "velocity"), "curves": ()}
_SMALL = 2e-9  # stored values have 9 digits after the point


def check(config, group, problems):
    """Check the labels of a group. Returns: dict of its ``Lists``: params, curves, events."""
    lists = {name: Lists(group[name]) for name in ("params", "curves", "events")}
    ids = group["sample_id"].to_pylist()

    def wrong(what, mask, rows=None):
        """Count rows, or records of rows, where ``mask`` holds."""
        mask = np.asarray(mask)
        if mask.any():
            first = int(np.flatnonzero(mask)[0])
            problems.add(what, ids[first if rows is None else rows[first]], np.count_nonzero(mask))

    _nulls(config, group, lists, wrong)
    _arithmetic(config, group, wrong)
    _params(config, group, lists["params"], wrong)
    _curves(config, group, lists, wrong)
    _events(group, lists["events"], wrong)
    return lists


def _nulls(config, group, lists, wrong):
    for column in corpus.columns_of(config):
        if column.name not in NULLABLE and not column.name.startswith("param_"):
            wrong("null_where_none_is_allowed", numpy_column(pc.is_null(group[column.name])))
    for name, kinds in (("params", PARAM), ("curves", CURVE), ("events", EVENT)):
        for column in kinds:
            if column.name not in _NULL_IN[name]:
                null = numpy_column(pc.is_null(lists[name].fields[column.name]))
                wrong("null_where_none_is_allowed", null, lists[name].row)


def _arithmetic(config, group, wrong):
    """Rows are as long as they are said to be, and follow each other in their long signal."""
    size = numpy_column(group["num_samples"])
    wrong("length_is_not_the_chunks", size != config.chunk_samples)
    wrong("length_is_not_the_chunks", numpy_column(group["sample_rate"]) != config.sample_rate)
    begin = numpy_column(group["chunk_index"]) * size
    wrong("start_is_not_chunk_times_length", numpy_column(group["start_sample"]) != begin)


def _params(config, group, params, wrong):
    """Natural values lie in declared ranges, and normalised ones follow from them by the scale."""
    synths = np.array(group["synth"].to_pylist(), object)
    natural, norm = (numpy_column(params.fields[name]).astype(float) for name in ("natural", "norm"))
    roles, given = (numpy_column(params.fields[name]) for name in ("role", "name"))
    user = numpy_column(params.fields["user"]).astype(float)
    wrong("null_where_none_is_allowed", np.isnan(natural) != (roles == "moving"), params.row)
    wrong("norm_differs_from_natural", np.isnan(norm) != np.isnan(natural), params.row)
    wrong("user_value_missing_or_odd", np.isnan(user) == (roles == "swept"), params.row)
    for name in dict.fromkeys(synths):
        declared = config.parameters.get(name, ())
        own = np.flatnonzero(synths[params.row] == name)
        for parameter in declared:
            mine = own[given[own] == parameter.name]
            _in_range(parameter, natural[mine], norm[mine], params.row[mine], 0.0, _SMALL, wrong)
        known = np.isin(given[own], [p.name for p in declared])
        wrong("parameters_are_not_the_synthesizers", ~known, params.row[own])
    for name, _ in config.swept:
        flat = numpy_column(group[f"param_{name}"]).astype(float)
        swept = (given == name) & (roles == "swept")
        own = np.full(len(group), np.nan)
        own[params.row[swept]] = natural[swept]
        same = (flat == own) | (np.isnan(flat) & np.isnan(own))
        wrong("column_of_parameter_differs", ~same)


def _in_range(parameter, natural, norm, rows, outside, away, wrong):
    """Values lie in the declared range, but for ``outside``, and their shares of it are right to ``away``."""
    low, high = parameter.minimum, parameter.maximum
    is_out = (natural < low - outside) | (natural > high + outside)
    wrong("value_out_of_declared_range", is_out, rows)
    # by the definition of the scale, and not by the corpus's own code
    if parameter.scale == "log":
        # a value that is not above 0 is out of range, and reported as that
        safe = np.where(natural > 0, natural, low)
        share = (np.log10(safe) - np.log10(low)) / (np.log10(high) - np.log10(low))
    else:
        share = (natural - low) / (high - low)
    wrong("norm_differs_from_natural", np.abs(share - norm) > away, rows)


def _curves(config, group, lists, wrong):
    """Moving parameters have a value for each frame of the row, in range, and normalised by its scale."""
    curves, params = lists["curves"], lists["params"]
    frames = -(-config.chunk_samples * FRAME_RATE_HZ // config.sample_rate)
    moving = np.bincount(params.row[numpy_column(params.fields["role"]) == "moving"], minlength=len(group))
    wrong("frames_missing_or_extra", curves.size != moving * frames)
    if not curves.size.any():
        return
    number = np.arange(len(curves.row)) - curves.start[curves.row]
    wrong("frames_missing_or_extra", numpy_column(curves.fields["frame"]) != number % frames, curves.row)
    natural, norm = (numpy_column(curves.fields[name]).astype(float) for name in ("natural", "norm"))
    given, synths = numpy_column(curves.fields["name"]), np.array(group["synth"].to_pylist(), object)
    for name in set(synths[curves.size > 0]):
        for parameter in config.parameters.get(name, ()):
            mine = np.flatnonzero((given == parameter.name) & (synths[curves.row] == name))
            _in_range(parameter, natural[mine], norm[mine], curves.row[mine], _SMALL, 1e-6, wrong)


def _events(group, events, wrong):
    count = numpy_column(group["num_events"])
    none = numpy_column(pc.is_null(group["events"]))
    wrong("num_events_differs", np.isnan(count.astype(float)) != none)
    wrong("num_events_differs", ~none & (np.nan_to_num(count.astype(float), nan=-1) != events.size))
    velocity = numpy_column(events.fields["velocity"]).astype(float)
    wrong("velocity_out_of_range", (velocity < 1) | (velocity > 127), events.row)
    # a sound has events in all of its rows or in none
    for name in set(group["sound"].to_pylist()):
        own = none[numpy_column(group["sound"]) == name]
        wrong("num_events_differs", own != own[0])
