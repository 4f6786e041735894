"""How much memory a worker takes for long signals, and which are refused for it.

Conventions: bytes, at the peak of a process that makes rows or makes them again. Synthesizers give a signal
whole, so memory grows with its length: what they work with (``memory``, see
:mod:`sousa.generation.textures.synth`), beside the row group that is being filled. The figures are measured
by ``benchmarks/textures/long_signals.py``.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

MOST = 600_000_000
START = 185_000_000  # Python, its libraries, and what their memory pools keep
GROUP_BYTES = 64_000_000  # of sound before encoding: long rows come in smaller groups
_SAMPLE, _EVENT = 12, 450  # a buffer of float64 made float32; what is drawn for an event
# by unit: events a second
UNITS = dict.fromkeys(("events/s", "drops/s", "crackles/s"), np.asarray) | {"log2 events/s": np.exp2}


def needed(synth: Any, params: Mapping[str, float], samples: int, rate: int, row_samples: int) -> float:
    """Bytes for signals of a synthesizer; ``params``: the highest values that its parameters have."""
    own = getattr(synth, "memory", None)
    working = own(params, samples, rate) if own else _SAMPLE * samples
    events = sum(float(UNITS[p.unit](params[p.name])) for p in synth.parameters if p.unit in UNITS)
    return START + max(GROUP_BYTES, 2 * row_samples) + working + _EVENT * events * samples / rate


def problem(sound: Any, synth: Any, config: Any) -> str | None:
    """Why the signals of a sound would take too much memory, or None."""
    highest = {parameter.name: parameter.default for parameter in synth.parameters}
    highest |= {part.name: part.natural for part in sound.fixed}
    highest |= {part.name: part.ends[1] for part in (*sound.axes, *sound.moving)}
    rate, row = config.sample_rate, config.chunk_samples

    def of(seconds: float) -> float:
        samples = round(seconds * rate)
        return needed(synth, highest, samples, rate, min(row, samples))

    if of(config.duration_sec) <= MOST:
        return None
    low, high = 0.0, float(config.duration_sec)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if of(middle) <= MOST else (low, middle)
    return (
        f"signals of {sound.name} that are {config.duration_sec:g} s long at {rate:,} Hz would take about "
        f"{of(config.duration_sec) / 1e6:,.0f} MB of memory a worker, of at most {MOST / 1e6:.0f}; make "
        f"duration_sec at most {int(low)} (and examples more), or sample_rate lower"
    )
