"""Whether a judge that knows nothing of our labels hears notes where they say: Transkun 2.0.1.

Composed pieces are performed and rendered on each piano; Transkun transcribes them, and its onsets are
compared with the labels: share of the notes of velocity 35 and more that it finds within 50 ms, share of its
notes that are ours, median and spread of the difference. It needs PyTorch and ``pip install transkun==2.0.1
soxr`` (its weights are in the wheel) in an environment of its own choice. Run::

    python benchmarks/piano/judge.py [--pieces 6] [--pianos NAME,...] [--acoustics NAME,...] [--lag]

Transkun learned from recordings whose labels are what the keys of a Disklavier said: sound comes a few
milliseconds after them, by way of hammers and air. Labels here are where sound begins. ``--lag`` measures
that without our sampler: single notes as FluidSynth plays them, found in the sound by the rule of onsets of
our pianos, beside what Transkun says (it needs FluidSynth and the font of the shipped piano).
"""

import argparse
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from sousa.generation.audio import acoustics, fonts, named_acoustics, rooms, soundfonts
from sousa.generation.audio.soundfonts import Kit, Player
from sousa.generation.piano import sampler
from sousa.generation.piano.composition import Wanted, compose
from sousa.generation.piano.performance import perform, player
from sousa.generation.piano.sampler.pianos import onset_of
from sousa.generation.piano.score import COMPLEXITIES

SEGMENT_SEC = 16  # what the model takes at once; longer sound is not looked at
NEAR_SEC, LOUD = 0.05, 35
LADDER = [(pitch, velocity) for pitch in range(30, 97, 3) for velocity in (40, 64, 90)]


class Transkun:
    """The model, with its weights."""

    def __init__(self) -> None:
        import moduleconf
        import torch
        import transkun

        warnings.simplefilter("ignore")
        torch.set_grad_enabled(False)
        torch.set_num_threads(1)
        weights = Path(transkun.__file__).parent / "pretrained"
        part = moduleconf.parseFromFile(str(weights / "2.0.conf"))["Model"]
        self.model = part.module.TransKun(conf=part.config)
        stored = torch.load(weights / "2.0.pt", map_location="cpu", weights_only=False)
        self.model.load_state_dict(stored.get("best_state_dict") or stored["state_dict"], strict=False)
        self.model.eval()

    def notes(self, sound: np.ndarray, rate: int) -> np.ndarray:
        """``(onset_sec, pitch, velocity)`` of each note it hears in float (samples, channels)."""
        import soxr
        import torch

        sound = soxr.resample(sound[: SEGMENT_SEC * rate].astype(np.float32), rate, self.model.fs)
        heard = self.model.transcribe(
            torch.from_numpy(sound),
            stepInSecond=SEGMENT_SEC,
            segmentSizeInSecond=SEGMENT_SEC,
            discardSecondHalf=False,
        )
        # pedals have negative pitches
        rows = [(note.start, note.pitch, note.velocity) for note in heard if note.pitch > 0]
        return np.array(rows, dtype=np.float64).reshape(-1, 3)


def matched(onset: np.ndarray, pitch: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """How much later each note was heard, in seconds; NaN for one that was not."""
    late, free = np.full(len(onset), np.nan), np.ones(len(heard), dtype=bool)
    for i in range(len(onset)):
        apart = np.where(free & (heard[:, 1] == pitch[i]), np.abs(heard[:, 0] - onset[i]), np.inf)
        if len(apart) and apart.min() <= NEAR_SEC:
            nearest = int(np.argmin(apart))
            free[nearest], late[i] = False, heard[nearest, 0] - onset[i]
    return late


def record_of(name: str, index: int, rate: int) -> dict[str, Any] | None:
    if name == named_acoustics.CLEAN:
        return None
    rng, ranges = np.random.default_rng(index), named_acoustics.load()[name]

    def draw(_: str) -> float:
        return float(rng.random())

    linear = acoustics.session_record(ranges, draw, rooms.pool(name))
    return {**linear, **acoustics.row_record(ranges, draw, rate)}


def judge(model: Transkun, piano: sampler.Piano, name: str, pieces: int, rate: int) -> None:
    """Print what the judge says of a piano under some acoustics."""
    late, found, heard_notes, ours = [], [], 0, 0
    for index in range(pieces):
        score = compose(1, index, Wanted(COMPLEXITIES[index % 3]))
        played = perform(score, player(1, index, 0, ("professional",)), 1, index, 0, rate)
        record = record_of(name, index, rate)
        pcm, _ = sampler.render(piano, played, record=record)
        heard = model.notes(pcm / 32768.0, rate)
        notes = played.notes[played.notes["onset_sample"] < (SEGMENT_SEC - 0.5) * rate]
        heard = heard[heard[:, 0] < SEGMENT_SEC - 0.5 + NEAR_SEC]
        onset = acoustics.moved(record, notes["onset_sample"], rate, played.num_samples) / rate
        apart = matched(onset, notes["pitch"], heard)
        late.append(apart)
        found.append(~np.isnan(apart[notes["velocity"] >= LOUD]))
        heard_notes, ours = heard_notes + len(heard), ours + int((~np.isnan(apart)).sum())
    late_ms, recall = 1000.0 * np.concatenate(late), np.concatenate(found).mean()
    print(
        f"{piano.name:36} {name:18} {len(late_ms):5} notes, recall {recall:.3f}, "
        f"precision {ours / max(heard_notes, 1):.3f}, bias {np.nanmedian(late_ms):+.2f} ms, "
        f"SD {np.nanstd(late_ms):.1f} ms",
        flush=True,
    )


def lag(model: Transkun, piano: sampler.Piano) -> None:
    """Print how long before the sound of a note Transkun says it begins."""
    font = fonts.where(fonts.catalogue()["fluid_r3_gm"])
    if font is None:
        print("the font of the shipped piano is not on this machine: sousa soundfonts install fluid_r3_gm")
        return
    rate, late, own = soundfonts.BANK_RATE, [], []
    fluid = Player(font)
    for at in range(0, len(LADDER), 8):
        for renderer, results in (("fluid", late), ("own", own)):
            sound, onset = np.zeros(SEGMENT_SEC * rate), []
            some = LADDER[at : at + 8]
            for i, (pitch, velocity) in enumerate(some):
                if renderer == "fluid":
                    note = fluid.note(Kit(0, "piano", 0), pitch, velocity).mean(axis=1)[: rate * 3 // 2]
                else:
                    note = alone(piano, pitch, velocity, rate)
                begin = rate // 2 + i * rate * 7 // 4
                sound[begin : begin + len(note)] += note
                onset.append((begin + onset_of(note, rate)) / rate)
            heard = model.notes(sound[:, None] / np.abs(sound).max() * 0.3, rate)
            results.append(matched(np.array(onset), np.array([pitch for pitch, _ in some]), heard))
    for name, results in (("FluidSynth", late), ("our sampler", own)):
        ms = 1000.0 * np.concatenate(results)
        print(
            f"single notes of {name}: {np.nanmedian(ms):+.2f} ms after the sound begins, "
            f"SD {np.nanstd(ms):.1f} ms, {int((~np.isnan(ms)).sum())} of {len(ms)}",
            flush=True,
        )


def alone(piano: sampler.Piano, pitch: int, velocity: int, rate: int) -> np.ndarray:
    """One note, a second and a half long."""
    from sousa.generation.piano.played import NOTE, Performance

    note, none = np.zeros(1, dtype=NOTE), np.zeros(0)
    note["pitch"], note["velocity"], note["key_up_sample"], note["end_sample"] = pitch, velocity, rate, rate
    size = rate * 3 // 2
    played = Performance(note, none, np.zeros((0, 2), dtype=np.int64), none, none, size, rate)
    return sampler.render(piano, played)[0][:, 0] / 32768.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pieces", type=int, default=6, help="pieces on each piano (default: %(default)s)")
    parser.add_argument("--pianos", default=sampler.DEFAULT, help="names or directories (default: shipped)")
    parser.add_argument("--acoustics", default=named_acoustics.CLEAN, help="names (default: %(default)s)")
    parser.add_argument("--rate", type=int, default=16000, help="sample rate in Hz (default: %(default)s)")
    parser.add_argument("--lag", action="store_true", help="measure the judge's own lag too")
    args = parser.parse_args()
    model = Transkun()
    if args.lag:
        lag(model, sampler.shipped())
    for name in args.pianos.split(","):
        for condition in args.acoustics.split(","):
            judge(model, sampler.by_name(name), condition, args.pieces, args.rate)


if __name__ == "__main__":
    main()
