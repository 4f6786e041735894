"""MIDI files as scores, read by mido.

Positions in a file are its own quarter notes. What is on channel 10, drums, is left out. Onsets and lengths
go to the nearest of 120 parts of a quarter note, which keeps triplets and quintuplets; a note whose end
misses the beginning of another by less than a tenth of its length ends there. Metre, tempo and key are
those of the file, 4/4 and 120 until it states one; a key that it does not state is found from the notes. Two
tracks with notes are two hands, the higher one the right; of more, see
:mod:`sousa.generation.piano.scores.arranging`. A recording that was not played to a metronome has no bars
of its own: give it those of a score first.
"""

import io
import re
from bisect import bisect_right
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np

from sousa.generation.errors import first_line
from sousa.generation.notation import keys as key_finding
from sousa.generation.piano.score import KEYS, Bar, Score
from sousa.generation.piano.scores.arranging import FileNote, arrange, key_name
from sousa.generation.piano.scores.repeats import MOST_BARS
from sousa.generation.piano.scores.unfit import UnfitScore, bar_length
from sousa.generation.text import as_line

_PARTS = 120
_MOST_BYTES = 4 << 20  # a message of three bytes takes some hundred in memory
# lengths go on while the highest bit is set, in four bytes at most; mido reads longer ones in quadratic time
_ENDLESS = re.compile(rb"[\x80-\xff]{4096}")
_MOST_QUARTERS = 1_000_000
_TEMPI_BPM = (5.0, 600.0)  # others are mistakes, and left out
_TEMPO_BPM = 120.0  # until the first mark, as the standard has it
_DRUMS = 9
_NEAR = Fraction(1, 10)


def read_midi(data: bytes, name: str) -> Score:
    """The score of a MIDI file; raises UnfitScore."""
    if len(data) > _MOST_BYTES:
        raise UnfitScore(f"{len(data):,} bytes, of at most {_MOST_BYTES:,}; give a shorter piece")
    if _ENDLESS.search(data):
        raise UnfitScore("no MIDI file that can be read (a number in it does not end); export it again")
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True)
    except Exception as error:  # of several kinds, by where it ends
        raise UnfitScore(f"no MIDI file that can be read ({first_line(error)}); export it again") from None
    if file.type == 2 or file.ticks_per_beat <= 0 or file.ticks_per_beat >= 1 << 15:
        raise UnfitScore("its time is not in quarter notes; export it as format 0 or 1")
    tracks: dict[int, list[tuple[Fraction, Fraction, int]]] = {}
    tempi, metres, signatures, title = [], [], [], ""
    for number, track in enumerate(file.tracks):
        at = 0
        sounding: dict[tuple[int, int], Fraction] = {}
        for message in track:
            at += message.time
            if at > _MOST_QUARTERS * file.ticks_per_beat:
                raise UnfitScore(f"more than {_MOST_QUARTERS:,} quarter notes; give a shorter piece")
            beat = Fraction(round(Fraction(at * _PARTS, file.ticks_per_beat)), _PARTS)
            if message.type == "set_tempo":
                bpm = round(60e6 / max(message.tempo, 1), 3)
                if _TEMPI_BPM[0] <= bpm <= _TEMPI_BPM[1]:
                    tempi.append((beat, bpm))
            elif message.type == "time_signature":
                metres.append((beat, f"{message.numerator}/{message.denominator}"))
            elif message.type == "key_signature":
                signatures.append((beat, message.key))
            elif message.type == "track_name" and not title and number == 0:
                title = message.name
            elif message.type in ("note_on", "note_off") and message.channel != _DRUMS:
                # files of format 0 have a channel in place of a track
                place = number if file.type == 1 else message.channel
                begin = sounding.pop((message.channel, message.note), None)
                if begin is not None:
                    length = max(beat - begin, Fraction(1, _PARTS))
                    tracks.setdefault(place, []).append((begin, length, message.note))
                if message.type == "note_on" and message.velocity:
                    sounding[message.channel, message.note] = beat
    if not tracks:
        raise UnfitScore("no notes in it; give a piece for piano")
    return _score(_by_height(tracks), _in_time(tempi), _in_time(metres), _in_time(signatures), title, name)


def _in_time(events: list) -> list:
    """Events in order of their beats, those of one beat as they are in the file."""
    return sorted(events, key=lambda event: event[0])


def _by_height(tracks: dict[int, list[tuple[Fraction, Fraction, int]]]) -> list[list[tuple]]:
    """Notes of each track, the highest track first."""
    return sorted(tracks.values(), key=lambda notes: -float(np.mean([pitch for _, _, pitch in notes])))


def _score(tracks: list, tempi: list, metres: list, signatures: list, title: str, name: str) -> Score:
    # rests before the first note of a file are kept where bars begin
    end = max(onset + length for notes in tracks for onset, length, _ in notes)
    pitch = np.array([p for notes in tracks for _, _, p in notes])
    length = np.array([float(d) for notes in tracks for _, d, _ in notes])
    keys = [(float(beat), _named(stated)) for beat, stated in signatures]
    if not keys or keys[0][0] > 0:
        keys.insert(0, (0.0, key_name(*key_finding.of_notes(pitch, length))))
    notes = []
    for staff, part in enumerate(tracks):
        onsets = np.unique([float(onset) for onset, _, _ in part])
        for onset, duration, key in part:
            spelling = int(key_finding.spell(key, *_key_at(keys, float(onset))))
            notes.append(FileNote(onset, _to_next(onset, duration, onsets), key, spelling, staff))
    marks = _distinct([(0.0, _TEMPO_BPM), *((float(beat), bpm) for beat, bpm in tempi if beat < end)])
    return Score(
        title=as_line(title)[:200] or Path(name).stem,
        style="classical",
        complexity="unrated",
        tempo_bpm=marks[0][1],
        notes=arrange(notes),
        bars=_bars(metres, end),
        keys=tuple(_distinct(keys)),
        tempi=tuple(marks[1:]),
        source=name,
    )


def _distinct(events: list) -> list:
    last = dict(events)  # the last of those at one beat
    out: list = []
    for beat in sorted(last):
        if not out or out[-1][1] != last[beat]:
            out.append((beat, last[beat]))
    return out


def _named(stated: str) -> str:
    """A key of a MIDI file, such as ``F#m``, by its name here."""
    minor = stated.endswith("m")
    sharps = "FCGDAEB".index(stated[0]) - 1 + 7 * stated.count("#") - 7 * stated.count("b") - 3 * minor
    return key_name(key_finding.within(sharps), "minor" if minor else "major")


def _key_at(keys: list[tuple[float, str]], beat: float) -> tuple[int, str]:
    named = keys[bisect_right(keys, beat, key=lambda key: key[0]) - 1][1]
    return KEYS[named], named.split()[1]


def _to_next(onset: Fraction, duration: Fraction, onsets: np.ndarray) -> Fraction:
    """A length that leads to the onset which it misses by little."""
    nearest = onsets[min(int(np.searchsorted(onsets, float(onset + duration))), len(onsets) - 1)]
    for start in (nearest, onsets[max(int(np.searchsorted(onsets, float(onset + duration))) - 1, 0)]):
        wanted = Fraction(round(start * _PARTS), _PARTS) - onset
        if wanted > 0 and abs(wanted - duration) < _NEAR * duration:
            return wanted
    return duration


def _bars(metres: list[tuple[Fraction, str]], end: Fraction) -> tuple[Bar, ...]:
    changes = _distinct([(Fraction(0), "4/4"), *metres])
    bars: list[Bar] = []
    for (beat, metre), until in zip(changes, [*(b for b, _ in changes[1:]), None], strict=True):
        full = bar_length(metre)
        while beat < (end if until is None else until):
            bars.append(Bar(float(beat), float(full if until is None else min(full, until - beat)), metre))
            beat += full
            if len(bars) > MOST_BARS:
                raise UnfitScore(f"more than {MOST_BARS:,} bars; give a shorter piece")
    return tuple(bars)
