"""Benchmarks of textures: the example of DSGenerator's README, and the synthesizers alone.

The example is 125 settings of pop, 10 s each at 16 kHz in chunks of 2 s: 625 rows. It is made as a user makes
it, by a whole command with one worker and without validation; start-up, dataset card and label tables count.
The earlier DSGenerator took 23 to 25 CPU-seconds for it where that was measured. Its code is not run here,
but its published algorithm is, on some of the settings: a pop is filtered over a whole second and added
sample by sample.
"""

import json
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.measuring import Benchmark, Line, Work
from benchmarks.suite import command

RATE, LENGTH_SEC, SETTINGS = 16000, 10, 125
SYNTH_SEC = 60


def example() -> dict:
    """The example as a configuration of DSGenerator's own kind."""
    return json.loads((Path(__file__).parent / "pop.json").read_text(encoding="utf-8"))


def whole(options: str, place: Path) -> Work:
    """The whole command with some options. Amount: 1."""
    config = place / "config.json"
    config.write_text(json.dumps(example()))

    def work() -> float:
        with tempfile.TemporaryDirectory(dir=place) as out:
            usual = ["--configfile", config, "--outputpath", f"{out}/pops", "--workers", 1, "--quiet"]
            command("generate", "textures", *usual, "--skip-validation", *options.split())
        return 1.0

    return work


def earlier_way(place: Path) -> Work:
    """The sound of one setting of each rate. Amount: the share of the example."""
    import numpy as np
    from scipy.signal import lfilter

    from sousa.generation.textures.synths.pop import peak_filter

    def work() -> float:
        rng = np.random.default_rng(0)
        settings = [(2.0**rate, 220.0 + 165.0 * rate) for rate in range(5)]
        for events_per_sec, cf in settings:
            sound = np.zeros(RATE * LENGTH_SEC)
            for onset in rng.uniform(0, LENGTH_SEC, int(events_per_sec * LENGTH_SEC)):
                gain, first, second = peak_filter(cf, 40.0, RATE)
                noise = np.zeros(RATE)
                noise[:3] = rng.uniform(-1, 1, 3)
                pop = lfilter([gain, 0.0, -gain], [1.0, -first, -second], noise)
                start = round(onset * RATE)
                for i in range(min(len(pop), len(sound) - start)):
                    sound[start + i] += pop[i]
        return len(settings) / SETTINGS

    return work


EXAMPLE = Benchmark(
    "DSGenerator's example",
    f"{SETTINGS} settings of pop, {LENGTH_SEC} s each at 16 kHz: whole commands beside the earlier way.",
    "CPU s",
    1.0,
    "the earlier way, its sound alone",
    {
        "the earlier way, its sound alone": Line(earlier_way),
        "shards alone, WAV": Line(partial(whole, "--records none")),
        "shards alone, FLAC": Line(partial(whole, "--records none --audio-format flac")),
        "and `params`, 1,250 files": Line(partial(whole, "--records params")),
        "and `nsjson`": Line(partial(whole, "--records nsjson")),
        "and `tfrecords`": Line(partial(whole, "--records tfrecords")),
    },
)


def synthesizer(name: str, place: Path) -> Work:
    """A synthesizer at its defaults, at 44.1 kHz. Amount: seconds of sound."""
    import numpy as np

    from sousa.generation.textures import synth

    maker = synth.get(name)
    params = {parameter.name: float(parameter.default) for parameter in maker.parameters}

    def work() -> float:
        for seed in range(SYNTH_SEC // 10):
            synth.render(maker, params, 10 * 44100, 44100, np.random.default_rng(seed))
        return float(SYNTH_SEC)

    work()
    return work


def noise(place: Path) -> Work:
    """White noise by NumPy as 16-bit samples, what any synthesizer of noise has to make at least."""
    import numpy as np

    def work() -> float:
        for seed in range(SYNTH_SEC // 10):
            sound = np.random.default_rng(seed).standard_normal(10 * 44100, dtype=np.float32)
            np.rint(np.clip(sound * 3000, -32768, 32767)).astype(np.int16)
        return float(SYNTH_SEC)

    return work


def synthesizers() -> Benchmark:
    from sousa.generation.textures import synth

    lines = {"white noise by NumPy": Line(noise)}
    lines |= {f"`{name}`": Line(partial(synthesizer, name)) for name in synth.BUILT_IN}
    about = "Synthesizers at their defaults, 44.1 kHz."
    unit = "s of audio per CPU-second"
    return Benchmark("synthesizers", about, unit, 1.0, "white noise by NumPy", lines, rate=True)


SUITE = (EXAMPLE, synthesizers())
