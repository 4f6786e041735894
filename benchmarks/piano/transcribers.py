"""Our models beside other people's, on the same clips: Transkun 2.0.1 and Basic Pitch 0.4.0.

Every transcriber hears whole clips of a split, and its notes are scored against the labels by mir_eval's
rules: onset, onset and end, onset, end and velocity; means over clips with 95 % intervals. CPU seconds are
for each second of sound, loading left out; set OMP_NUM_THREADS=1. Ends are scored where the sound is stopped,
and where the key is let go. Run::

    python benchmarks/piano/transcribers.py DATASET [--split test] [--rows 42] [--model RUN] [--peers NAMES]

Transkun needs ``pip install transkun==2.0.1 soxr``; Basic Pitch ``pip install --no-deps basic-pitch==0.4.0``
with ``onnxruntime librosa resampy pretty_midi``: the weights of both are in their wheels. Basic Pitch gives
no MIDI velocities; its amplitudes, 0 to 1, are taken for them.
"""

import argparse
import contextlib
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from sousa.training import sources, tasks
from sousa.training.metrics import note_metrics
from sousa.training.stream import open_rows

Notes = list[dict[str, Any]]
Transcriber = Callable[[np.ndarray, int], Notes]
METRICS = ("onset", "onset_offset_sound", "onset_offset_velocity_sound", "onset_offset_key")


def ours(place: str) -> Transcriber:
    """A model of this project; what its decoder writes, where it has one."""
    import torch

    from sousa.training import windows
    from sousa.training.models.model import Model
    from sousa.training.transcription import hearing

    torch.set_num_threads(1)
    model = Model.from_pretrained(place)
    target = hearing.target_of(model)
    clock = () if target.level == "tokens" else (model.frame_sec,)

    def transcribe(sound: np.ndarray, rate: int) -> Notes:
        if rate != model.front_end.sampling_rate:
            raise ValueError(f"sound at {rate} Hz; make the dataset at {model.front_end.sampling_rate} Hz")
        out = windows.outputs(model, sound)[target.name]
        notes = target.decode(out, *clock, len(sound) / rate)
        return notes if isinstance(notes, list) else notes.records()

    return transcribe


def transkun() -> Transcriber:
    """Transkun as it is shipped, its own segments and all."""
    import soxr
    import torch

    from benchmarks.piano.judge import Transkun

    judge = Transkun()

    def transcribe(sound: np.ndarray, rate: int) -> Notes:
        mono = soxr.resample(sound, rate, judge.model.fs)[:, None]
        heard = judge.model.transcribe(torch.from_numpy(mono.astype(np.float32)), discardSecondHalf=False)
        return [
            {"onset_sec": max(note.start, 0.0), "offset_sec": max(note.end, note.start + 0.01),
             "pitch": int(note.pitch), "velocity": int(note.velocity)}
            for note in heard if note.pitch > 0
        ]  # fmt: skip

    return transcribe


def basic_pitch() -> Transcriber:
    """Basic Pitch with the thresholds it comes with."""
    from basic_pitch import ICASSP_2022_MODEL_PATH
    from basic_pitch.inference import Model, predict

    model = Model(Path(ICASSP_2022_MODEL_PATH).with_suffix(".onnx"))

    def transcribe(sound: np.ndarray, rate: int) -> Notes:
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            soundfile.write(file.name, sound, rate)
            with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
                _, _, events = predict(file.name, model)
        return [
            {"onset_sec": float(start), "offset_sec": float(max(end, start + 0.01)), "pitch": int(pitch),
             "velocity": round(127 * amplitude)}
            for start, end, pitch, amplitude, *_ in sorted(events)
        ]  # fmt: skip

    return transcribe


PEERS = {"transkun": transkun, "basic-pitch": basic_pitch}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--split", default="test", help="or all")
    parser.add_argument("--rows", type=int, default=42)
    parser.add_argument("--model", action="append", default=[], help="a run or a model of ours")
    parser.add_argument("--peers", default="", help=f"some of {','.join(PEERS)}")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    source = sources.find(arguments.dataset)
    target: Any
    (target,) = tasks.make_targets(source.known, tasks.default_task(source.known), None, {}, {})
    split = None if arguments.split == "all" else arguments.split
    rows = open_rows(source, split, columns=target.columns)
    clips = [rows[number] for number in range(min(arguments.rows, len(rows)))]
    seconds = [len(clip["audio"]) / clip["sampling_rate"] for clip in clips]
    truth = [target.truth(clip, length) for clip, length in zip(clips, seconds, strict=True)]
    print(f"{len(clips)} clips, {sum(seconds):.0f} s, {sum(map(len, truth)):,} notes")
    print(f"{'':16}" + "".join(f"{name:>30}" for name in METRICS) + f"{'CPU-s a second':>17}")
    chosen = [(Path(place).name, partial(ours, place)) for place in arguments.model]
    chosen += [(name, PEERS[name]) for name in arguments.peers.split(",") if name]
    for name, build in chosen:
        transcribe = build()
        begin = time.process_time()
        heard = [transcribe(clip["audio"], clip["sampling_rate"]) for clip in clips]
        cost = (time.process_time() - begin) / sum(seconds)
        scores = note_metrics.match(heard, truth, brief=True).score(resamples=500)["metrics"]
        cells = [scores[f"{metric}_f1"] for metric in METRICS]
        told = "".join(f"{c['value']:>12.3f} ({c['low']:.3f} to {c['high']:.3f})" for c in cells)
        print(f"{name:16}{told}{cost:>17.4f}", flush=True)


if __name__ == "__main__":
    main()
