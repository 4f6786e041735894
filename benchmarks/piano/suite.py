"""Benchmarks of piano: whole rows beside FLAC alone, their sound beside FluidSynth's, and transcription.

Rows are those of the medium size, 16 kHz, on the shipped piano.
"""

import io
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.fluid import rendering
from benchmarks.measuring import Benchmark, Line, Work
from benchmarks.shards import STORED, flac_alone, rows, written
from benchmarks.suite import command

PIECES, RENDERED, RATE = 40, 20, 16000
CLIPS, CLIP_SEC = 2, 20
UNIT = "s of audio per CPU-second"


def shard_of(config: Any, first: int, count: int = PIECES) -> Any:
    """A shard of so many train pieces from a number on, in one rendering each."""
    from sousa.generation.piano import pieces
    from sousa.generation.shards import Shard

    numbers = (i for i in range(first, first + 2 * count) if pieces.split_of(config, i) == "train")
    chosen = [number for number, _ in zip(numbers, range(count), strict=False)]
    key = {"pieces": chosen, "performance": 0, "augmentations": [0, 1]}
    return Shard(f"train/p{first}", "train", len(chosen), key)


def config_of(**options: Any) -> Any:
    from sousa.generation.piano.settings import make_config

    return make_config("medium", augmentations=1, **options)


def whole(options: dict[str, Any], place: Path) -> Work:
    """Whole rows.

    They were written once before: the piano's strings are tuned when they are first struck, which a large
    dataset does once. What the corpus keeps of pieces is forgotten again.
    """
    from sousa.generation.piano import pieces

    def forget() -> None:
        for kept in (pieces.score_of, pieces.performance_of):
            kept.cache_clear()

    config = config_of(**options)
    shards = [shard_of(config, 400)]
    return rows("piano", config, shards, shards, forget)


def make_shard(place: Path) -> None:
    config = config_of()
    written("piano", config, [shard_of(config, 400)], place / STORED)


MAKING = Benchmark(
    "piano",
    f"{PIECES} pieces of the medium size, composed, performed and rendered, in one process.",
    UNIT,
    1.0,
    "FLAC encoding alone",
    {
        "FLAC encoding alone": Line(flac_alone),
        "rows: piece, performance, labels, MIDI, sound, FLAC, Parquet": Line(partial(whole, {})),
        "the same with WAV in place of FLAC": Line(partial(whole, {"audio_format": "wav"})),
        "the same without sound": Line(partial(whole, {"with_audio": False})),
    },
    make_shard,
    rate=True,
)


def performances(count: int = RENDERED) -> list[Any]:
    """``(score, performance)`` of pieces of all levels."""
    from sousa.generation.piano.composition import Wanted, compose
    from sousa.generation.piano.performance import perform, player
    from sousa.generation.piano.score import COMPLEXITIES

    out = []
    for index in range(count):
        score = compose(0, index, Wanted(COMPLEXITIES[index % 3]))
        who = player(0, index, 0, ("professional",))
        out.append((score, perform(score, who, 0, index, 0, RATE)))
    return out


def rendered(place: Path) -> Work:
    """Performances to 16-bit samples by our sampler."""
    from sousa.generation.piano import sampler

    piano, played = sampler.shipped(), [performance for _, performance in performances()]

    def work() -> float:
        return sum(len(sampler.render(piano, performance)[0]) for performance in played) / RATE

    work()
    return work


def midi_files() -> tuple[list[Any], int]:
    """``(PrettyMIDI objects, rate)``: the same pieces."""
    import pretty_midi

    from sousa.generation.piano import labels

    heard = [labels.heard(score, performance, None) for score, performance in performances()]
    return [pretty_midi.PrettyMIDI(io.BytesIO(labels.midi_file(row, "piece"))) for row in heard], RATE


SOUND = rendering(
    "sound of piano",
    f"{RENDERED} pieces of all levels with pedal, from notes to samples.",
    midi_files,
    rendered,
)


def make_clips(place: Path) -> None:
    pieces = ["--samples", 3 * CLIPS, "--complexity", "medium"]
    command("generate", "piano", *pieces, "-o", place / "clips", "-q", "--skip-validation")


def transcribed(who: str, place: Path) -> Work:
    """Clips heard by a transcriber of benchmarks/piano/transcribers.py. Amount: seconds of sound."""
    from benchmarks.piano import transcribers
    from sousa.training.stream import open_rows

    rows = open_rows(place / "clips", "train", columns=["sample_id"])
    rate = rows[0]["sampling_rate"]
    clips = [rows[number]["audio"][: CLIP_SEC * rate] for number in range(CLIPS)]
    transcribe = transcribers.PEERS[who]() if who in transcribers.PEERS else transcribers.ours(who)
    transcribe(clips[0][: 2 * rate], rate)

    def work() -> float:
        for clip in clips:
            transcribe(clip, rate)
        return sum(map(len, clips)) / rate

    return work


TRANSCRIBING = Benchmark(
    "transcription",
    f"Notes of {CLIPS} clips of {CLIP_SEC} s, by models on one core.",
    "CPU s for a second",
    1.0,
    "Transkun",
    {
        "Transkun": Line(partial(transcribed, "transkun"), ("transkun", "soxr")),
        "Basic Pitch": Line(partial(transcribed, "basic-pitch"), ("basic-pitch", "onnxruntime")),
        "sousa, `notes`": Line(partial(transcribed, "notes")),
    },
    make_clips,
)
SUITE = (MAKING, SOUND, TRANSCRIBING)
