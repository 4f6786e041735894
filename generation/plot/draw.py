"""Draw a row on matplotlib axes: its sound, its events, and what else the roles of its columns tell.

Conventions
-----------
Time is in seconds from the beginning of the row. Without pitch, the sound lies around 0 and each event is a
line from 0 up to its velocity. With pitch, the vertical axis is the MIDI note number: notes are bars of a
piano roll, solid while the key is down and faint while the pedal holds them; the pedal and the sound lie
below. Curves of moving parameters reach from the bottom, the least value of their range, to the top.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sousa.generation.columns import Column, Events, Notes, Parameters, Text, having
from sousa.generation.plot import Marks
from sousa.generation.plot.rows import Sound, label_rate, plain, records, sound_of
from sousa.generation.text import as_line, one_line, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT, ROLL_HEIGHT = 12.0, 3.4, 5.0  # inches of a figure of its own
COLOURS = ("#1f5fa8", "#c1440e", "#2b7a3d", "#7a4aa0", "#a67c00", "#00808a", "#b0307a", "#555555")
SOUND, GRID, BAR, FAINT = "#a9aeb4", "#c4c8cc", "#8d949b", 0.3
_BINS = 1800  # of the envelope of a sound
_PEDAL_DOWN = 64
_FLOOR, _TOP = -0.62, 1.04  # of axes without pitch
_LEAST_SPAN = 24  # semitones of a piano roll
_MOST_PARAMETERS = 6


def has_pitch(row: Mapping[str, Any], columns: Sequence[Column]) -> bool:
    """Whether a row is drawn as a piano roll."""
    column = _events_column(columns, row)
    return column is not None and _is_pitched(column, records(row[column.name]))


def draw(
    axes: "Axes", row: Mapping[str, Any], columns: Sequence[Column], marks: Marks,
    start_sec: float = 0.0, end_sec: float | None = None,
) -> None:  # fmt: skip
    """Draw a row.

    Args:
        row: in any form that :mod:`sousa.generation.plot.rows` reads.
        columns: declarations of its columns.
        marks: what its corpus adds.
        start_sec, end_sec: the part to show; None for the end of the row.

    Raises: RunError when the sound can't be decoded.
    """
    sound = sound_of(row)
    row, rate = plain(row), label_rate(row, sound)
    column = _events_column(columns, row)
    events = row[column.name] if column else []
    if end_sec is None:
        last = max((event[column.role.onset] for event in events), default=0) / rate if column else 0.0
        end_sec = sound.end_sec if sound else row.get("duration_sec") or last
    axes.set_xlim(start_sec, max(end_sec, start_sec + 1e-3))
    pitched = column is not None and _is_pitched(column, events)
    _draw_grid(axes, marks, rate)
    if column and pitched:
        pedal = records(row.get(getattr(column.role, "pedal", "")))
        _draw_roll(axes, column.role, events, rate, pedal, sound)
    else:
        top = _TOP + 0.16 * bool(len(marks.texts)) if events else -_FLOOR
        axes.set(ylim=(_FLOOR, top), yticks=[])
        _draw_sound(axes, sound, 0.0, -_FLOOR)
        if column:
            _draw_events(axes, column.role, events, rate, marks)
    for parameters in having(columns, Parameters)[:1]:
        _draw_curves(axes, parameters.role, row.get(parameters.name), row.get(parameters.role.curves))
    _draw_titles(axes, row, columns)
    axes.set_xlabel("time (s)", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    if handles := axes.get_legend_handles_labels()[0]:
        axes.legend(
            loc="upper right", bbox_to_anchor=(1.0, 0.0), ncols=len(handles), frameon=False, fontsize=8,
            borderaxespad=2.2, handlelength=1.4, columnspacing=1.4,
        )  # fmt: skip


def _events_column(columns: Sequence[Column], row: Mapping[str, Any]) -> Column | None:
    """The first column of events that a row has."""
    return next((c for c in having(columns, Events) if row.get(c.name) is not None), None)


def _is_pitched(column: Column, events: Sequence[Mapping[str, Any]]) -> bool:
    pitch = column.role.pitch
    return bool(pitch) and any(event.get(pitch) is not None for event in events)


def _draw_grid(axes: "Axes", marks: Marks, rate: float) -> None:
    """Beats and bars as lines over the whole height."""
    bars = np.asarray(marks.bars, float)
    # a beat on a bar may be a rounding away from it
    beats = [beat for beat in marks.beats if not (np.abs(bars - beat) < 0.01 * rate).any()]
    for places, name, colour, style in ((bars, "bar", BAR, "-"), (beats, "beat", GRID, (0, (2, 2)))):
        if len(places):
            axes.vlines(
                np.asarray(places) / rate, 0, 1, transform=axes.get_xaxis_transform(), colors=colour,
                linewidth=0.8, linestyle=style, zorder=0, label=name,
            )  # fmt: skip


def _draw_sound(axes: "Axes", sound: Sound | None, middle: float, height: float) -> None:
    """The sound around ``middle``, scaled so that its peak reaches ``height`` from there."""
    if sound is None or not len(sound.samples):
        return
    peak = np.abs(sound.samples).max()
    first, last = ((edge - sound.start_sec) * sound.rate for edge in axes.get_xlim())
    begin, end = max(int(first), 0), min(int(last) + 2, len(sound.samples))
    if end <= begin:
        return
    scaled = sound.samples[begin:end] * (height / peak if peak else 1.0)
    size = max(len(scaled) // _BINS, 1)
    starts = np.arange(0, len(scaled), size)
    low, high = np.minimum.reduceat(scaled, starts), np.maximum.reduceat(scaled, starts)
    times = sound.start_sec + (begin + starts) / sound.rate
    if size < 4:  # a line of single samples
        every = sound.start_sec + (begin + np.arange(len(scaled))) / sound.rate
        axes.plot(every, middle + scaled, color=SOUND, linewidth=0.8, zorder=1)
    else:
        axes.fill_between(times, middle + low, middle + high, color=SOUND, linewidth=0.3, zorder=1)


def _categories(role: Events, events: Sequence[Mapping[str, Any]]) -> tuple[list[int], list[str]]:
    """``(number of each event's colour, names)``: by who plays it, or else by its kind."""
    for field in (role.part, role.kind):
        values = [str(event.get(field) or "") for event in events] if field else []
        names = sorted(set(values))
        if any(names):
            return [names.index(value) % len(COLOURS) for value in values], names
    return [0] * len(events), []


def _velocities(role: Events, events: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Loudness of each event, 0 to 1; 1 where it is not known."""
    values = [event.get(role.velocity) if role.velocity else None for event in events]
    return np.array([1.0 if value is None else value / 127 for value in values])


def _draw_events(
    axes: "Axes", role: Events, events: Sequence[Mapping[str, Any]], rate: float, marks: Marks
) -> None:
    if not events:
        return
    from matplotlib.patheffects import withStroke

    times = np.array([event[role.onset] for event in events]) / rate
    heights, (numbers, names) = _velocities(role, events), _categories(role, events)
    minor = np.array(marks.minor, bool) if len(marks.minor) == len(events) else np.zeros(len(events), bool)
    start, end = axes.get_xlim()
    shown = (times >= start) & (times <= end)
    points = _width_points(axes) / max(shown.sum(), 1)  # between two events
    width = float(np.clip(points / 5, 0.4, 1.8))
    for number in sorted(set(numbers)):
        for thin in (False, True):
            chosen = (np.array(numbers) == number) & (minor == thin)
            name = (names[number] if names else "event") or "other"
            if chosen.any():
                axes.vlines(
                    times[chosen], 0, heights[chosen], colors=COLOURS[number],
                    linewidth=width * (0.5 if thin else 1), zorder=2, label="" if thin else name,
                )  # fmt: skip
    size = min(points * 0.95, 9.5)
    halo = [withStroke(linewidth=1.6, foreground="white")]  # readable over the sound
    if len(marks.texts) != len(events) or size < 4.5:  # unreadable
        return
    for i in np.flatnonzero(shown).tolist():
        axes.annotate(
            marks.texts[i], (times[i], heights[i]), (-2 if minor[i] else 0, 2),
            textcoords="offset points", color=COLOURS[numbers[i]], fontsize=size * (0.85 if minor[i] else 1),
            ha="right" if minor[i] else "center", va="bottom", linespacing=0.85, annotation_clip=True,
            family="monospace" if minor[i] else None, parse_math=False, path_effects=halo, zorder=3,
        )  # fmt: skip


def _width_points(axes: "Axes") -> float:
    return axes.get_window_extent().width * 72 / axes.figure.dpi


def _draw_roll(
    axes: "Axes", role: Events, events: Sequence[Mapping[str, Any]], rate: float,
    pedal: Sequence[Mapping[str, Any]], sound: Sound | None,
) -> None:  # fmt: skip
    """Notes as bars, and below them the pedal and the sound."""
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgba

    notes = [event for event in events if event.get(role.pitch) is not None]
    numbers, names = _categories(role, notes)
    low, high = (edge(note[role.pitch] for note in notes) for edge in (min, max))
    missing = max(_LEAST_SPAN - (high - low), 0)
    low, high = low - missing // 2 - 1, high + (missing + 1) // 2 + 1
    end_sec = axes.get_xlim()[1]
    key_up = role.key_up if isinstance(role, Notes) else ""
    boxes: list[list[tuple[float, float]]] = []
    colours: list[tuple[float, ...]] = []
    for note, number, loud in zip(notes, numbers, _velocities(role, notes), strict=True):
        onset = note[role.onset] / rate
        stop = note.get(role.offset) if role.offset else None
        stop = end_sec if stop is None else stop / rate
        up = note.get(key_up) if key_up else None
        up = stop if up is None else up / rate
        for first, last, strength in ((onset, up, 0.45 + 0.55 * loud), (up, stop, FAINT)):
            if last > first:
                half = 0.42 if strength > FAINT else 0.2
                bottom, top = note[role.pitch] - half, note[role.pitch] + half
                boxes.append([(first, bottom), (last, bottom), (last, top), (first, top)])
                colours.append(to_rgba(COLOURS[number], strength))
    axes.add_collection(PolyCollection(boxes, facecolors=colours, linewidths=0, zorder=3), autolim=False)
    for number in sorted(set(numbers)):
        name = (names[number] if names else "note") or "other"
        axes.plot([], [], color=COLOURS[number], linewidth=5, solid_capstyle="butt", label=name)
    height = 0.16 * (high - low)
    ticks = [(pitch, f"C{pitch // 12 - 1}") for pitch in range(low, high + 1) if pitch % 12 == 0]
    bottom = float(low)
    if held := _held(pedal, rate, end_sec):
        bottom -= height * 0.35
        axes.broken_barh(held, (bottom, height * 0.25), facecolors="#6b7178", linewidth=0, zorder=2)
        ticks.append((bottom + height * 0.125, "pedal"))
    if sound is not None:
        bottom -= height * 1.15
        _draw_sound(axes, sound, bottom + height * 0.55, height * 0.55)
        ticks.append((bottom + height * 0.55, "sound"))
    axes.set_ylim(bottom, high)
    axes.set_yticks([place for place, _ in ticks], [name for _, name in ticks], fontsize=8)
    octaves = [place for place, _ in ticks if place >= low]
    across = axes.get_yaxis_transform()
    axes.hlines(octaves, 0, 1, transform=across, colors="#e4e6e8", linewidth=0.8, zorder=0)


def _held(pedal: Sequence[Mapping[str, Any]], rate: float, end_sec: float) -> list[tuple[float, float]]:
    """``(start, length)`` in seconds of each stretch in which the pedal is down."""
    out, since = [], None
    for move in pedal:
        now, down = move["sample"] / rate, move["value"] >= _PEDAL_DOWN
        if down and since is None:
            since = now
        elif not down and since is not None:
            out.append((since, now - since))
            since = None
    return out if since is None else [*out, (since, max(end_sec - since, 0.0))]


def _draw_curves(axes: "Axes", role: Parameters, parameters: Any, curves: Any) -> None:
    """Parameters that move, each over the range that is declared for it."""
    units = {parameter["name"]: parameter["unit"] for parameter in records(parameters)}
    frames = records(curves)
    bottom, top = axes.get_ylim()
    for number, name in enumerate(dict.fromkeys(frame["name"] for frame in frames)):
        own = [frame for frame in frames if frame["name"] == name]
        times = [(frame["frame"] + 0.5) / role.rate_hz for frame in own]
        heights = [bottom + (0.04 + 0.92 * frame["norm"]) * (top - bottom) for frame in own]
        natural = [frame["natural"] for frame in own]
        span = f"{name} {min(natural):.4g} to {max(natural):.4g} {units.get(name) or ''}"
        colour = COLOURS[(number + 1) % len(COLOURS)]
        axes.plot(times, heights, color=colour, linewidth=1.8, zorder=4, label=one_line(span).strip())


def _draw_titles(axes: "Axes", row: Mapping[str, Any], columns: Sequence[Column]) -> None:
    """The row's name, and below it its caption or the parameters that tell it from other rows."""
    lines = []
    for column in having(columns, Text)[:1]:
        role, characters = column.role, int(_width_points(axes) / 5)
        if row.get(column.name):
            lines += textwrap.wrap(as_line(str(row[column.name])), characters, max_lines=4, placeholder=" …")
        if row.get(role.start) is not None and row.get(role.end) is not None:
            axes.axvspan(row[role.start], row[role.end], color=COLOURS[0], alpha=0.1, linewidth=0)
    for column in having(columns, Parameters)[:1]:
        swept = [p for p in records(row.get(column.name)) if p["role"] == Parameters.SWEPT]
        texts = [f"{p['name']} {p['natural']:.4g} {p['unit'] or ''}".strip() for p in swept]
        more = [f"and {len(texts) - _MOST_PARAMETERS} more"] if len(texts) > _MOST_PARAMETERS else []
        lines += [", ".join(texts[:_MOST_PARAMETERS] + more)] if texts else []
    name = short(row.get("sample_id") or "")
    title = axes.set_title("\n".join([name, *lines]), loc="left", fontsize=9)
    title.set_parse_math(False)
