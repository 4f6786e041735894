"""Memory of long signals: bounded where they are made, refused where it can't be."""

import subprocess
import sys

import pytest

from sousa.generation.errors import UsageError
from sousa.generation.textures import corpus, memory, schema, synth
from tests.conftest import ROOT

LONG = {
    "synth": "pop", "sample_rate": 8000, "duration_sec": 600, "chunk_sec": 600, "audio_format": "wav",
    "level": "peak", "parameters": {"rate_exp": 1, "irreg_exp": {"min": 0.5, "max": 1.5, "count": 3}},
}  # fmt: skip

# each signal has 4.8 million samples: 58 MB as float64 with a copy as float32
SCRIPT = f"""
import resource
from sousa.generation.textures import corpus, schema
LONG = {LONG!r}
def run(seconds):
    config = schema.parse(LONG | {{"duration_sec": seconds, "chunk_sec": seconds}}, "test")[0]
    for table in corpus.rows(config, corpus.plan(config)[0]):
        del table
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(run(10), run(600))
"""


def test_a_long_row_takes_no_more_than_its_estimate():
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=ROOT, check=True
    )
    before, after = map(int, said.stdout.split())
    # two rows wait in a group while the third is made: 16 bytes a sample; it was 60
    assert (after - before) / (600 * 8000) < 22


@pytest.mark.parametrize("changes, seconds", [
    ({"sample_rate": 96000, "duration_sec": 3600}, range(280, 330)),
    ({"synth": "wind", "parameters": {"gustiness": {"min": 1, "max": 2, "count": 3}}, "duration_sec": 3600},
     range(400, 700)),
    ({"parameters": {"rate_exp": 10, "irreg_exp": {"min": 0.5, "max": 1.5, "count": 3}},
      "duration_sec": 3600}, range(500, 700)),
])  # fmt: skip
def test_a_signal_that_would_take_too_much_is_refused_with_the_figure(changes, seconds):
    data = LONG | changes | {"chunk_sec": 10}
    with pytest.raises(
        UsageError, match=r"would take about [\d,]+ MB of memory a worker, of at most 600"
    ) as error:
        schema.parse(data, "test")
    most = int(str(error.value).partition("duration_sec at most ")[2].split()[0])
    assert most in seconds
    assert schema.parse(data | {"duration_sec": most}, "test")
    with pytest.raises(UsageError):
        schema.parse(data | {"duration_sec": most + 1}, "test")


def test_an_hour_at_8_khz_is_not_refused():
    for kind in ("flac", "wav"):
        for chunk in (10, 3600):
            assert schema.parse(
                LONG | {"duration_sec": 3600, "chunk_sec": chunk, "audio_format": kind}, "test"
            )


@pytest.mark.parametrize("name", synth.BUILT_IN)
def test_every_synthesizer_says_what_it_works_with(name):
    """Measured in a process of its own, at what parameters are by default, with a tenth to spare."""
    script = f"""
import resource, numpy as np
from sousa.generation.textures import synth
made_by = synth.get({name!r})
params = {{p.name: float(p.default) for p in made_by.parameters}}
def peak(samples):
    synth.render(made_by, params, samples, 8000, np.random.default_rng(0))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(peak(400_000), peak(4_000_000))
"""
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    before, after = map(int, said.stdout.split())
    made_by = synth.get(name)
    params = {p.name: float(p.default) for p in made_by.parameters}
    estimate = memory.needed(made_by, params, 4_000_000, 8000, 0) - memory.START - memory.GROUP_BYTES
    assert after - before < 1.1 * estimate + 4_000_000


def test_blocks_do_not_show_in_rows(monkeypatch):
    config = schema.parse(LONG | {"duration_sec": 3, "chunk_sec": 1.5, "level": "rms:-6"}, "test")[0]
    whole = corpus.table(config, list(corpus.make_rows(config, 0, 0)))
    monkeypatch.setattr(corpus, "_BLOCK", 1000)
    blocks = corpus.table(config, list(corpus.make_rows(config, 0, 0)))
    assert whole["clipped_samples"].to_pylist() != [0, 0] and whole.equals(blocks)
