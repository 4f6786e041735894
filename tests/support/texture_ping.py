"""A small synthesizer and configurations of it, for tests of configurations."""

import numpy as np
import pytest

from sousa.generation.textures import schema, synth
from sousa.generation.textures.values import Parameter


class Ping:
    name = "ping"
    version = "1.2.3"
    about = "One sine tone a call."
    aliases = ("PingPatternSynth",)
    parameter_aliases = {"pitch": "cf"}
    parameters = (
        Parameter("rate", 0, 10, 1, "events/s", "how many", varying=True),
        Parameter("cf", 100, 10000, 440, "Hz", "how high", "log", varying=True, nyquist=True),
        Parameter("width", 0, 1, 0.5, "", "how wide"),
        Parameter("Q", 0.1, 50, 40, "", "how long"),
    )

    def render(self, params, samples, rate, rng):
        t = np.arange(samples) / rate
        return np.sin(2 * np.pi * params["cf"] * t).astype(np.float32), None


@pytest.fixture(autouse=True)
def ping(monkeypatch):
    """The synthesizer, known while a test runs."""
    monkeypatch.setitem(synth._ADDED, "ping", Ping())


def own(**changes):
    """Our own configuration as data; None takes a key out."""
    data = {
        "synth": "ping", "duration_sec": 4, "chunk_sec": 2, "sample_rate": 16000,
        "parameters": {
            "rate": {"min": 0, "max": 4, "count": 5},
            "cf": {"min": 200, "max": 3200, "scale": "log", "count": 5},
            "Q": 20,
        },
    }  # fmt: skip
    data.update(changes)
    return {key: value for key, value in data.items() if value is not None}


def theirs(each=(), **changes):
    """A configuration of DSGenerator as data: two parameters, changed by ``each``; "absent": left out."""
    first = {
        "user_pname": "Rate", "user_minval": 0, "user_maxval": 1, "user_nvals": 4, "user_doc": "",
        "synth_pname": "rate", "synth_minval": 0, "synth_maxval": 3, "synth_units": "natural",
    }  # fmt: skip
    second = {**first, "user_pname": "pitch", "user_nvals": 2, "synth_pname": "cf"} | {
        "user_minval": 220, "user_maxval": 440, "synth_minval": 220, "synth_maxval": 440
    }  # fmt: skip
    both = [{**one, **change} for one, change in zip((first, second), [*each, {}, {}], strict=False)]
    both = [{key: value for key, value in one.items() if value != "absent"} for one in both]
    data = {
        "soundname": "PingPatternSynth", "samplerate": 16000, "chunkSecs": 2, "soundDuration": 4,
        "recordFormat": "params", "params": both,
        "fixedParams": [{"synth_pname": "width", "synth_val": 0.5, "synth_units": "norm"}],
    }  # fmt: skip
    data.update(changes)
    return {key: value for key, value in data.items() if value != "absent"}


def config(data=None, **changes):
    """The Config of ``own(**changes)``, or of other data."""
    return schema.parse(own(**changes) if data is None else data, "test")[0]
