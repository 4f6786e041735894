"""Performances as Standard MIDI files, exact to the sample.

:func:`encode` writes performances at a steady tempo, many at once; :func:`encode_free` one whose tempo bends,
of several tracks with controllers.

Conventions
-----------
Format 1, two tracks: track 0 holds tempo and metre, track 1 the notes under the name of the performance,
with a letter as a lyric on each note. Those of :func:`encode_free` have a track for each part.
Division 32 760 ticks a quarter note: it divides thirty-seconds, triplets, quintuplets and septuplets
exactly, and from 81 BPM up a tick is shorter than a sample at 44.1 kHz, so a reader that rounds a
note's time to samples gets the labelled sample. Slower, the error is at most one sample; at higher
rates see :func:`max_error_samples`.

Tick 0 is sample 0. The metre is said at tick 0, where most readers look for it, and again after the lead-in,
which is whole beats: there a bar begins, so bar lines of a sequencer fall where the music's do.

Where tempo bends, each beat has a tempo of its own, in whole microseconds a quarter note, chosen so that no
beat is more than one microsecond for each of its quarter notes away from where it is heard. Very long files
have a smaller division, since pretty_midi refuses ten million ticks. Of one tick, controllers come before
ends of notes, and these before beginnings: a key is let go before it is struck again.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

TICKS_PER_BEAT = 32760
# each but the second and third has thirty-seconds, triplets, quintuplets and septuplets
_DIVISIONS = (TICKS_PER_BEAT, 16380, 8190, *range(7560, 0, -840), 480, 240)
_NOTE_ON, _NOTE_OFF = 0x90, 0x80
_NOTE_MS = 60.0  # written length of a note; shorter when the next one comes first
_CONTROL, _PROGRAM = 0xB0, 0xC0
_END_OF_TRACK = b"\xff\x2f\x00"
_MOST_TICKS = 9_900_000  # pretty_midi refuses files with more than ten million
_LONGEST_US = 0xFFFFFF  # of a quarter note


def tempo_us(tempo_bpm: float) -> int:
    """Microseconds a quarter note as stored in the file, a whole number."""
    return round(60_000_000 / tempo_bpm)


def samples_to_ticks(samples: Any, tempo_bpm: Any, sample_rate: int) -> np.ndarray:
    """Nearest ticks of sample indices (arrays broadcast)."""
    us = np.rint(60_000_000.0 / np.asarray(tempo_bpm, dtype=np.float64))
    return np.rint(samples * (1e6 * TICKS_PER_BEAT / sample_rate) / us).astype(np.int64)


def max_error_samples(tempo_bpm: float, sample_rate: int, division: int = TICKS_PER_BEAT) -> int:
    """Largest error of a note read back and rounded to samples: 0 where a tick is no longer than one."""
    tick = tempo_us(tempo_bpm) * sample_rate / 1e6 / division
    return 0 if tick <= 1.0 else int(tick / 2 + 0.5)


def _lengths(values: np.ndarray) -> np.ndarray:
    """Bytes that each value takes as a MIDI variable-length quantity."""
    return 1 + (values >= 1 << 7) + (values >= 1 << 14) + (values >= 1 << 21)


def _put_quantities(out: np.ndarray, at: np.ndarray, values: np.ndarray, lengths: np.ndarray) -> None:
    """Write variable-length quantities into ``out`` at byte positions ``at``."""
    for byte in range(4):
        here = lengths > byte
        shift = 7 * (lengths[here] - 1 - byte)
        more = np.where(byte < lengths[here] - 1, 0x80, 0)
        out[at[here] + byte] = (values[here] >> shift) & 0x7F | more


def _quantity(value: int) -> bytes:
    out = bytes([value & 0x7F])
    while value := value >> 7:
        out = bytes([value & 0x7F | 0x80]) + out
    return out


def _chunk(tag: bytes, body: bytes) -> bytes:
    return tag + struct.pack(">I", len(body)) + body


def _meta(delta: int, kind: int, body: bytes) -> bytes:
    return _quantity(delta) + bytes([0xFF, kind]) + _quantity(len(body)) + body


def _signature(metre: str) -> bytes:
    count, unit = (int(part) for part in metre.split("/"))
    click = 36 if unit == 8 and count % 3 == 0 else 24
    return bytes([count, unit.bit_length() - 1, click, 8])


def _time_signature(delta: int, metre: str) -> bytes:
    return _meta(delta, 0x58, _signature(metre))


@lru_cache(maxsize=4096)
def _conductor_track(tempo_bpm: float, metre: str, lead_in_beats: int) -> bytes:
    body = _meta(0, 0x51, struct.pack(">I", tempo_us(tempo_bpm))[1:]) + _time_signature(0, metre)
    if lead_in_beats:  # said again, the metre begins a bar where the music does
        body += _time_signature(lead_in_beats * TICKS_PER_BEAT, metre)
    return _chunk(b"MTrk", body + b"\x00" + _END_OF_TRACK)


def encode(
    names: Sequence[str],
    tempo_bpm: Sequence[float],
    metres: Sequence[str],
    lead_in_beats: Sequence[int],
    num_samples: Sequence[int],
    start: np.ndarray,
    onset_sample: np.ndarray,
    pitch: np.ndarray | int,
    velocity: np.ndarray,
    letter: np.ndarray,
    sample_rate: int,
    channel: int,
) -> list[bytes]:
    """MIDI files of a batch of performances.

    Args:
        names, tempo_bpm, metres, lead_in_beats, num_samples: one a performance; the track ends at
            ``num_samples``.
        start: (T+1,) first note of each performance in the flat arrays.
        onset_sample, pitch, velocity, letter: flat over notes: sample index, note number, 1-127, and the
            code of its lyric; pitch may be one for all.
        channel: 0-15.
    """
    count = np.diff(start)
    bpm = np.repeat(np.asarray(tempo_bpm, dtype=np.float64), count)
    on = samples_to_ticks(onset_sample, bpm, sample_rate)
    longest = samples_to_ticks(_NOTE_MS * sample_rate / 1000.0, bpm, sample_rate)
    following = np.append(on[1:], 0)
    following[start[1:] - 1] = np.iinfo(np.int64).max
    off = np.minimum(on + longest, following - 1)
    before = np.append(0, off[:-1])
    before[start[:-1]] = 0
    wait, hold = on - before, off - on
    wait_size, hold_size = _lengths(wait), _lengths(hold)
    size = wait_size + hold_size + 11
    at = np.concatenate([[0], np.cumsum(size)])
    out = np.zeros(at[-1], dtype=np.uint8)
    lyric, off_at = at[:-1] + wait_size, at[1:] - 3
    _put_quantities(out, at[:-1], wait, wait_size)
    for byte, value in enumerate((0xFF, 0x05, 1, letter, 0, _NOTE_ON | channel, pitch, velocity)):
        out[lyric + byte] = value
    _put_quantities(out, lyric + 8, hold, hold_size)
    for byte, value in enumerate((_NOTE_OFF | channel, pitch, 64)):
        out[off_at + byte] = value
    ends = samples_to_ticks(np.asarray(num_samples), np.asarray(tempo_bpm), sample_rate)
    head = _chunk(b"MThd", struct.pack(">HHH", 1, 2, TICKS_PER_BEAT))
    files = []
    for i, name in enumerate(names):
        notes = out[at[start[i]] : at[start[i + 1]]].tobytes()
        rest = _quantity(max(int(ends[i] - off[start[i + 1] - 1]), 0))
        conductor = _conductor_track(tempo_bpm[i], metres[i], int(lead_in_beats[i]))
        title = _meta(0, 0x03, name.encode("ascii", "replace"))
        files.append(head + conductor + _chunk(b"MTrk", title + notes + rest + _END_OF_TRACK))
    return files


@dataclass(frozen=True)
class Part:
    """A track of notes: arrays of one element a note, in order of onset.

    Attributes:
        release_sample: where the key is let go, after the onset; before the same key's next onset.
    """

    title: str
    onset_sample: np.ndarray
    release_sample: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray


@dataclass(frozen=True)
class Grid:
    """Where the beats of a piece are heard.

    Attributes:
        beats: float64 (m,): places in quarter notes from where the first bar begins, rising.
        samples: int64 (m,): when they are heard, rising.
        bars: ``(place, length, metre)`` of each bar, in quarter notes; a bar may be shorter than its metre.
        tempo_bpm: before the first beat and after the last one.
        sharps: of the key signature; flats are negative.
        minor: whether it is that of a minor key.
    """

    beats: np.ndarray
    samples: np.ndarray
    bars: Sequence[tuple[float, float, str]]
    tempo_bpm: float
    sharps: int = 0
    minor: bool = False


@dataclass(frozen=True)
class _Clock:
    """Tempo from a tick on: ``us`` microseconds a quarter note from ``tick``, which is at ``time`` us."""

    division: int
    lead_in: int  # quarter notes before the first beat
    tick: np.ndarray
    time: np.ndarray
    us: np.ndarray

    def ticks(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        """Nearest ticks of sample indices."""
        at = np.asarray(samples, dtype=np.float64) * (1e6 / sample_rate)
        span = np.maximum(np.searchsorted(self.time, at, side="right") - 1, 0)
        ticks = (at - self.time[span]) * (self.division / self.us[span])
        return self.tick[span] + np.rint(ticks).astype(np.int64)

    def places(self, beats: np.ndarray) -> np.ndarray:
        """Ticks of places in quarter notes."""
        ticks = (np.asarray(beats, dtype=np.float64) + self.lead_in) * self.division
        return np.rint(ticks).astype(np.int64)


def _clock(grid: Grid, num_samples: int, sample_rate: int) -> _Clock:
    usual = min(tempo_us(grid.tempo_bpm), _LONGEST_US)
    heard = np.asarray(grid.samples, dtype=np.float64) * (1e6 / sample_rate)
    upbeat = float(grid.beats[0])
    lead_in = max(1, round(float(heard[0]) / usual - upbeat)) if heard[0] > 0 else 0
    after = max(num_samples * 1e6 / sample_rate - float(heard[-1]), 0.0) / usual
    quarters = lead_in + float(grid.beats[-1]) + after
    fitting = (division for division in _DIVISIONS if quarters * division <= _MOST_TICKS)
    division = next(fitting, _DIVISIONS[-1])
    clock = _Clock(division, lead_in, *(np.zeros(0),) * 3)
    ticks = clock.places(grid.beats).tolist()
    times, at = heard.tolist(), 0.0
    if ticks[0]:
        ticks, times = [0, *ticks], [0.0, *times]
    starts, tempi = [], []
    for k in range(len(ticks) - 1):
        length = (ticks[k + 1] - ticks[k]) / division
        # what is left over of the beats before goes into this one
        us = min(max(round((times[k + 1] - at) / length), 1), _LONGEST_US)
        starts.append(at)
        tempi.append(us)
        at += length * us
    return _Clock(
        division, lead_in, np.array(ticks, dtype=np.int64), np.array([*starts, at]),
        np.array([*tempi, usual], dtype=np.int64),
    )  # fmt: skip


def _conductor(title: str, grid: Grid, clock: _Clock) -> bytes:
    """The track of tempo, metre and key signature."""
    changed = np.diff(clock.us, prepend=0) != 0
    events = [
        (tick, 2, 0x51, struct.pack(">I", us)[1:])
        for tick, us in zip(clock.tick[changed].tolist(), clock.us[changed].tolist(), strict=True)
    ]
    places = clock.places(np.array([place for place, *_ in grid.bars])).tolist()
    signs = [(0, grid.bars[0][2])] if places[0] else []
    whole, before = False, ""
    for tick, (_, length, metre) in zip(places, grid.bars, strict=True):
        count, unit = (int(part) for part in metre.split("/"))
        # said again after a bar that is not full, the metre begins the next one there
        if metre != before or not whole:
            signs.append((tick, metre))
        whole, before = abs(length - 4.0 * count / unit) < 1e-6, metre
    events += [(tick, 0, 0x58, _signature(metre)) for tick, metre in signs]
    events.append((0, 1, 0x59, struct.pack(">bB", grid.sharps, grid.minor)))
    body, at = _meta(0, 0x03, title.encode("ascii", "replace")), 0
    for tick, _, kind, content in sorted(events):
        body += _meta(tick - at, kind, content)
        at = tick
    return _chunk(b"MTrk", body + b"\x00" + _END_OF_TRACK)


def _track(title: str, head: bytes, events: Sequence[tuple], end: int) -> bytes:
    """A track; ``events``: ``(ticks, status, first, second)``, arrays or numbers, what comes first first."""
    count = [len(ticks) for ticks, *_ in events]
    tick = np.concatenate([ticks for ticks, *_ in events])
    order = np.argsort(tick, kind="stable")
    wait = np.diff(tick[order], prepend=0)
    size = _lengths(wait)
    at = np.concatenate([[0], np.cumsum(size + 3)])
    out = np.zeros(at[-1], dtype=np.uint8)
    _put_quantities(out, at[:-1], wait, size)
    for byte in range(3):
        values = [np.broadcast_to(e[1 + byte], n) for e, n in zip(events, count, strict=True)]
        out[at[:-1] + size + byte] = np.concatenate(values)[order]
    last = int(tick[order[-1]]) if len(order) else 0
    rest = _quantity(max(end - last, 0))
    return _chunk(b"MTrk", _meta(0, 0x03, title.encode("ascii", "replace")) + head + out.tobytes() + rest
                  + _END_OF_TRACK)  # fmt: skip


def encode_free(
    title: str, parts: Sequence[Part], controls: np.ndarray, grid: Grid, num_samples: int, sample_rate: int,
    channel: int = 0, program: int = 0,
) -> bytes:  # fmt: skip
    """The MIDI file of a performance whose tempo bends: format 1, a conductor's track and one of each part.

    Args:
        title: of the piece, the name of the conductor's track.
        parts: all on one channel, as one instrument plays them.
        controls: int (n, 3): sample, controller and value of control changes, in order; each track has them,
            so that it can be read alone.
        num_samples: where tracks end.
        channel: 0-15.
        program: of General MIDI, from 0.
    """
    clock = _clock(grid, num_samples, sample_rate)
    moves = (clock.ticks(controls[:, 0], sample_rate), _CONTROL | channel, controls[:, 1], controls[:, 2])
    chosen = bytes([0, _PROGRAM | channel, program])
    end = int(clock.ticks(np.array(num_samples), sample_rate))
    tracks = []
    for part in parts:
        on = clock.ticks(part.onset_sample, sample_rate)
        off = np.maximum(clock.ticks(part.release_sample, sample_rate), on + 1)
        tracks.append(_track(part.title, chosen, (
            moves, (off, _NOTE_OFF | channel, part.pitch, 64),
            (on, _NOTE_ON | channel, part.pitch, part.velocity),
        ), end))  # fmt: skip
    head = _chunk(b"MThd", struct.pack(">HHH", 1, 1 + len(tracks), clock.division))
    return b"".join([head, _conductor(title, grid, clock), *tracks])
