"""Ways of writing MIDI files: ours, mido's and pretty_midi's, from the same notes.

The work: performances of a hundred notes each at a steady tempo become bytes of Standard MIDI files, with
tempo, metre and a name. Ours also writes a lyric on each note and says the metre again after the lead-in.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measuring import Work

FILES, NOTES, RATE = 500, 100, 44100
TEMPO_BPM, PITCH, NOTE_SEC = 120.0, 38, 0.06


def notes() -> tuple[Any, Any]:
    """Onset samples and velocities, int64 (FILES, NOTES)."""
    import numpy as np

    rng = np.random.default_rng(0)
    onsets = np.sort(rng.integers(0, 10 * RATE, (FILES, NOTES)), axis=1)
    return onsets, rng.integers(1, 128, (FILES, NOTES))


def written(write: Callable[[str, Any, Any], bytes]) -> float:
    """Write all performances one by one. Amount: files."""
    onsets, velocities = notes()
    return float(sum(bool(write(f"take-{i}", onsets[i], velocities[i])) for i in range(FILES)))


def ours(place: Path) -> Work:
    import numpy as np

    from sousa.generation import midi

    onsets, velocities = notes()
    letters = np.full(onsets.size, ord("R"), np.uint8)
    about: Any = ([f"take-{i}" for i in range(FILES)], [TEMPO_BPM] * FILES, ["4/4"] * FILES, [0] * FILES)
    flat: Any = (np.arange(FILES + 1) * NOTES, onsets.ravel(), PITCH, velocities.ravel(), letters)
    arguments: Any = (*about, [11 * RATE] * FILES, *flat, RATE, 0)

    def work() -> float:
        return float(len(midi.encode(*arguments)))

    work()
    return work


def mido(place: Path) -> Work:
    import mido

    ticks_per_sec = 480 * TEMPO_BPM / 60

    def write(name: str, onset_sample: Any, velocity: Any) -> bytes:
        file = mido.MidiFile(ticks_per_beat=480)
        head, track = mido.MidiTrack(), mido.MidiTrack()
        file.tracks += [head, track]
        head.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(TEMPO_BPM)))
        head.append(mido.MetaMessage("time_signature", numerator=4, denominator=4))
        track.append(mido.MetaMessage("track_name", name=name))
        ticks = [round(sample / RATE * ticks_per_sec) for sample in onset_sample.tolist()]
        ends = [tick + round(NOTE_SEC * ticks_per_sec) for tick in ticks]
        events = [(t, "note_on", v) for t, v in zip(ticks, velocity.tolist(), strict=True)]
        last = 0
        for tick, kind, level in sorted([*events, *((end, "note_off", 0) for end in ends)]):
            track.append(mido.Message(kind, channel=0, note=PITCH, velocity=level, time=tick - last))
            last = tick
        out = io.BytesIO()
        file.save(file=out)
        return out.getvalue()

    return lambda: written(write)


def pretty_midi(place: Path) -> Work:
    import pretty_midi

    def write(name: str, onset_sample: Any, velocity: Any) -> bytes:
        file = pretty_midi.PrettyMIDI(initial_tempo=TEMPO_BPM)
        file.time_signature_changes.append(pretty_midi.TimeSignature(4, 4, 0.0))
        part = pretty_midi.Instrument(0, name=name)
        for sample, level in zip(onset_sample.tolist(), velocity.tolist(), strict=True):
            onset = sample / RATE
            part.notes.append(pretty_midi.Note(level, PITCH, onset, onset + NOTE_SEC))
        file.instruments.append(part)
        out = io.BytesIO()
        file.write(out)
        return out.getvalue()

    return lambda: written(write)
