"""Performances as Standard MIDI files, exact to the sample.

Conventions
-----------
Format 1, two tracks: track 0 holds tempo and metre, track 1 the notes under the name of the performance,
with a letter as a lyric on each note.
Division 32 760 ticks a quarter note: it divides thirty-seconds, triplets, quintuplets and septuplets
exactly, and from 81 BPM up a tick is shorter than a sample at 44.1 kHz, so a reader that rounds a
note's time to samples gets the labelled sample. Slower, the error is at most one sample; at higher
rates see :func:`max_error_samples`.

Tick 0 is sample 0. The metre is said at tick 0, where most readers look for it, and again after the lead-in,
which is whole beats: there a bar begins, so bar lines of a sequencer fall where the music's do.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

TICKS_PER_BEAT = 32760
_NOTE_ON, _NOTE_OFF = 0x90, 0x80
_NOTE_MS = 60.0  # written length of a note; shorter when the next one comes first
_END_OF_TRACK = b"\xff\x2f\x00"


def tempo_us(tempo_bpm: float) -> int:
    """Microseconds a quarter note as stored in the file, a whole number."""
    return round(60_000_000 / tempo_bpm)


def samples_to_ticks(samples: Any, tempo_bpm: Any, sample_rate: int) -> np.ndarray:
    """Nearest ticks of sample indices (arrays broadcast)."""
    us = np.rint(60_000_000.0 / np.asarray(tempo_bpm, dtype=np.float64))
    return np.rint(samples * (1e6 * TICKS_PER_BEAT / sample_rate) / us).astype(np.int64)


def max_error_samples(tempo_bpm: float, sample_rate: int) -> int:
    """Largest error of a note read back and rounded to samples: 0 where a tick is no longer than one."""
    tick = tempo_us(tempo_bpm) * sample_rate / 1e6 / TICKS_PER_BEAT
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


def _time_signature(delta: int, metre: str) -> bytes:
    count, unit = (int(part) for part in metre.split("/"))
    click = 36 if unit == 8 and count % 3 == 0 else 24
    return _meta(delta, 0x58, bytes([count, unit.bit_length() - 1, click, 8]))


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
