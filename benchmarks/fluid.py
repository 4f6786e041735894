"""FluidSynth through pretty_midi, with the font that pretty_midi ships: the usual way from notes to sound."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import Benchmark, Line, Work

NEEDS = ("pretty_midi", "pyfluidsynth")


def fluidsynth(files: Sequence[Any], rate: int, kept: bool) -> Work:
    """Sound of PrettyMIDI objects. Amount: seconds of sound.

    Args:
        kept: one synthesizer for all files; False makes one and loads the font for each, as earlier systems
            did.
    """
    import pretty_midi
    from fluidsynth import Synth

    font = str(Path(pretty_midi.__file__).parent / "TimGM6mb.sf2")

    def work() -> float:
        synthesizer = Synth(samplerate=float(rate)) if kept else font
        number = synthesizer.sfload(font) if kept else 0
        return sum(len(file.fluidsynth(rate, synthesizer, number)) for file in files) / rate

    return work


def rendering(name: str, about: str, files: Any, ours: Any) -> Benchmark:
    """From notes to samples beside FluidSynth.

    Args:
        files: gives ``(PrettyMIDI objects, rate)``.
        ours: prepares our own line.
    """

    def line(kept: bool) -> Line:
        def prepare(place: Path) -> Work:
            objects, rate = files()
            return fluidsynth(objects, rate, kept)

        return Line(prepare, NEEDS)

    reference = "FluidSynth through pretty_midi"
    lines = {
        reference: line(True),
        "the same, its font loaded for each file": line(False),
        "sousa": Line(ours),
    }
    return Benchmark(name, about, "s of audio per CPU-second", 1.0, reference, lines, rate=True)
