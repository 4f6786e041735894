"""The labels of one row group: against the plan, against what parameters declare, and against themselves.

Conventions: a group's rows are compared with ``wanted``, the ``(position of the setting, example, chunk)`` of
each, in order. What is wrong is counted in ``problems`` by name; nothing is raised for bad data.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation.textures import corpus, names, synth
from sousa.generation.textures.columns import CURVE, EVENT, PARAM, columns
from sousa.generation.textures.settings import FRAME_RATE_HZ
from sousa.generation.textures.values import Curve

# columns that may be null, and param_* columns
NULLABLE = {"held_out", "events", "num_events", "peak_db", "rms_db"}
_NULL_IN = {
    "params": {"natural", "norm", "user_name", "user"},
    "events": {"kind", "velocity"},
    "curves": set(),
}
_SMALL = 2e-9  # stored values have 9 digits after the point


def numpy(array):
    """A column as numpy; nulls of numbers become NaN."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.to_numpy(zero_copy_only=False)


class Lists:
    """A list column of a group: its records as arrays, and where each row's begin.

    Attributes: ``size`` of each row; ``row`` of each record; ``fields``: dict of Arrow arrays.
    """

    def __init__(self, column):
        lists = column.combine_chunks()
        self.size = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
        records = lists.flatten()
        self.row = np.repeat(np.arange(len(self.size)), self.size)
        self.fields = {field.name: records.field(field.name) for field in records.type}
        self.start = np.concatenate([[0], np.cumsum(self.size)])

    def of(self, row):
        """Records of a row, as a slice of every field."""
        return slice(self.start[row], self.start[row + 1])


def check(config, group, wanted, problems):
    """Check the labels of a group. Returns: dict of its ``Lists``: params, curves, events."""
    lists = {name: Lists(group[name]) for name in ("params", "curves", "events")}
    ids = group["sample_id"].to_pylist()

    def wrong(what, mask, rows=None):
        """Count rows, or records of rows, where ``mask`` holds."""
        mask = np.asarray(mask)
        if mask.any():
            first = int(np.flatnonzero(mask)[0])
            problems.add(what, ids[first if rows is None else rows[first]], np.count_nonzero(mask))

    if len(wanted) != len(group):
        problems.add("rows_not_in_plan", ids[0], len(group))
        return lists
    _nulls(config, group, lists, wrong)
    _planned(config, group, wanted, wrong)
    _arithmetic(config, group, wrong)
    _params(config, group, lists["params"], wrong)
    _curves(config, group, lists, wanted, wrong)
    _events(group, lists["events"], wrong)
    return lists


def _nulls(config, group, lists, wrong):
    for column in columns(corpus.swept(config)):
        if column.name not in NULLABLE and not column.name.startswith("param_"):
            wrong("null_where_none_is_allowed", numpy(pc.is_null(group[column.name])))
    for name, kinds in (("params", PARAM), ("curves", CURVE), ("events", EVENT)):
        for column in kinds:
            if column.name not in _NULL_IN[name]:
                null = numpy(pc.is_null(lists[name].fields[column.name]))
                wrong("null_where_none_is_allowed", null, lists[name].row)


def _planned(config, group, wanted, wrong):
    """Every column that does not describe the sound, against what the configuration makes of it."""
    kinds = corpus.corpus_schema(config)
    shared, place, before = [], [], None
    for position, example, _ in wanted:
        if (position, example) != before:
            shared.append(corpus.setting_columns(config, position, example))
        before = (position, example)
        place.append(len(shared) - 1)
    for name in shared[0]:
        kind = kinds.field(name).type
        planned = pa.array([one[name] for one in shared], kind).take(pa.array(place))
        stored = group[name].combine_chunks()
        if not stored.equals(planned):
            differ = [a != b for a, b in zip(stored.to_pylist(), planned.to_pylist(), strict=True)]
            what = "coordinates_differ_from_plan" if name.endswith("_index") else "labels_differ_from_plan"
            # NaN is no number: a list with one differs from itself
            wrong(what, differ if any(differ) else [True])
    chunks = np.array([chunk for *_, chunk in wanted])
    wrong("coordinates_differ_from_plan", numpy(group["chunk_index"]) != chunks)
    known = config.setting_ids
    ids = [known[position] + names.suffix(config, *rest) for position, *rest in wanted]
    wrong("names_differ_from_plan", numpy(group["sample_id"]) != np.array(ids, object))


def _arithmetic(config, group, wrong):
    """Lengths and places in samples and seconds agree with each other."""
    size, rate = numpy(group["num_samples"]), numpy(group["sample_rate"])
    wrong("length_differs", size != config.chunk_samples)
    wrong("length_differs", rate != config.sample_rate)
    wrong("length_differs", np.abs(numpy(group["duration_sec"]) * rate - size) > 1e-6)
    wrong(
        "start_is_not_chunk_times_length", numpy(group["start_sample"]) != numpy(group["chunk_index"]) * size
    )


def _params(config, group, params, wrong):
    """Natural values lie in declared ranges, and normalised ones follow from them by the scale."""
    synths = group["synth"].to_pylist()
    natural, norm = (numpy(params.fields[name]).astype(float) for name in ("natural", "norm"))
    roles, given = (numpy(params.fields[name]) for name in ("role", "name"))
    user = numpy(params.fields["user"]).astype(float)
    wrong("null_where_none_is_allowed", np.isnan(natural) != (roles == "moving"), params.row)
    wrong("norm_differs_from_natural", np.isnan(norm) != np.isnan(natural), params.row)
    wrong("user_value_missing_or_odd", np.isnan(user) == (roles == "swept"), params.row)
    for row, name in enumerate(synths):
        # a shard is of one synthesizer: the loop is over one name, its rows are compared together
        if name in synths[:row]:
            continue
        declared = synth.get(name).parameters
        own = np.flatnonzero(np.array(synths, object)[params.row] == name)
        for parameter in declared:
            mine = own[given[own] == parameter.name]
            value = natural[mine]
            low, high = parameter.minimum, parameter.maximum
            wrong("value_out_of_declared_range", (value < low) | (value > high), params.row[mine])
            share = _norm(parameter, value)
            wrong("norm_differs_from_natural", np.abs(share - norm[mine]) > _SMALL, params.row[mine])
        known = np.isin(given[own], [p.name for p in declared])
        wrong("parameters_are_not_the_synthesizers", ~known, params.row[own])
    for name, _ in corpus.swept(config):
        flat = numpy(group[f"param_{name}"]).astype(float)
        swept = (given == name) & (roles == "swept")
        own = np.full(len(group), np.nan)
        own[params.row[swept]] = natural[swept]
        same = (flat == own) | (np.isnan(flat) & np.isnan(own))
        wrong("column_of_parameter_differs", ~same)


def _norm(parameter, natural):
    """Share of the declared range, by the definition of the scale and not by the corpus's own code."""
    low, high, natural = parameter.minimum, parameter.maximum, np.asarray(natural, float)
    if parameter.scale == "log":
        # a value that is not above 0 is out of range, and reported as that
        safe = np.where(natural > 0, natural, low)
        return (np.log10(safe) - np.log10(low)) / (np.log10(high) - np.log10(low))
    return (natural - low) / (high - low)


def _curves(config, group, lists, wanted, wrong):
    """Moving parameters have a value for each frame of the row, in range, and that of their curve."""
    curves, params = lists["curves"], lists["params"]
    frames = -(-config.chunk_samples * FRAME_RATE_HZ // config.sample_rate)
    moving = np.bincount(params.row[numpy(params.fields["role"]) == "moving"], minlength=len(group))
    wrong("frames_missing_or_extra", curves.size != moving * frames)
    if not curves.size.any():
        return
    number = np.arange(len(curves.row)) - curves.start[curves.row]
    wrong("frames_missing_or_extra", numpy(curves.fields["frame"]) != number % frames, curves.row)
    natural, norm = (numpy(curves.fields[name]).astype(float) for name in ("natural", "norm"))
    given, synths = numpy(curves.fields["name"]), group["synth"].to_pylist()
    times = corpus.frame_times(config)
    for row in np.flatnonzero(curves.size):
        own, (position, _, chunk) = curves.of(row), wanted[row]
        start = chunk * config.chunk_samples / config.sample_rate
        for parameter in synth.get(synths[row]).parameters:
            mine = given[own] == parameter.name
            value = config.settings[position].params[parameter.name]
            if not mine.any() or not isinstance(value, Curve):
                continue
            here = natural[own][mine]
            outside = (here < parameter.minimum - _SMALL) | (here > parameter.maximum + _SMALL)
            rows = np.full(mine.sum(), row)
            wrong("value_out_of_declared_range", outside, rows)
            wrong("norm_differs_from_natural", np.abs(_norm(parameter, here) - norm[own][mine]) > 1e-6, rows)
            if mine.sum() == frames:
                same = np.isclose(here, value.at(start + times), rtol=1e-8, atol=0)
                wrong("curve_differs_from_plan", ~same, rows)


def _events(group, events, wrong):
    onset, count = numpy(events.fields["onset_sample"]), numpy(group["num_events"])
    none = numpy(pc.is_null(group["events"]))
    wrong("num_events_differs", np.isnan(count.astype(float)) != none)
    wrong("num_events_differs", ~none & (np.nan_to_num(count.astype(float), nan=-1) != events.size))
    wrong("event_outside_row", (onset < 0) | (onset >= numpy(group["num_samples"])[events.row]), events.row)
    same = np.diff(events.row) == 0
    wrong("events_out_of_order", same & (np.diff(onset) < 0), events.row[1:])
    velocity = numpy(events.fields["velocity"]).astype(float)
    wrong("velocity_out_of_range", (velocity < 1) | (velocity > 127), events.row)
    # a sound has events in all of its rows or in none
    for name in set(group["sound"].to_pylist()):
        own = none[numpy(group["sound"]) == name]
        wrong("num_events_differs", own != own[0])
