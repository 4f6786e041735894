"""A small piano dataset, made once a session by the real command."""

import mido
import pytest

from tests.conftest import run_sousa

TINY = ("generate", "piano", "-n", 6, "-a", 2, "--max-duration", 6, "--workers", 1)


@pytest.fixture(scope="session")
def tiny_piano(tmp_path_factory):
    """Twelve rows with audio and loose files: six pieces, clean and in acoustics."""
    root = tmp_path_factory.mktemp("tiny_piano") / "dataset"
    done = run_sousa(*TINY, "-o", root, "--files", "-q")
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture(scope="session")
def score_files(tmp_path_factory):
    """A directory of three MIDI files of four bars."""
    root = tmp_path_factory.mktemp("scores")
    for number in range(3):
        file, track = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack()
        file.tracks.append(track)
        track.append(mido.MetaMessage("time_signature", numerator=4, denominator=4))
        for i in range(16):
            for pitch in (60 + (5 * i + number) % 12, 48 + 7 * (i % 2)):
                track.append(mido.Message("note_on", note=pitch, velocity=70, time=0))
            track.append(mido.Message("note_off", note=60 + (5 * i + number) % 12, time=480))
            track.append(mido.Message("note_off", note=48 + 7 * (i % 2), time=0))
        file.save(root / f"piece {number}.mid")
    return root
