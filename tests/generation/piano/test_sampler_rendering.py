"""Rooms, microphones and recorders of pianos: no delay, nothing early, as loud as the dry piano."""

import copy
import json

import numpy as np
import pytest

from sousa.generation.audio import acoustics, encode, named_acoustics, rooms
from sousa.generation.piano.sampler import render, rendering, shipped
from sousa.generation.piano.sampler.voicing import voicing
from tests.generation.piano.sampler_notes import level_db, mono, performance
from tests.support.older_processor import result_of, x86_64_linux

RATE = 16000
AUGMENTED = [name for name in named_acoustics.names() if name != "clean"]
CHORD = [(0.5, 1.2, pitch, 80) for pitch in (45, 57, 60, 64)]


def record_of(kind, seed=0, rate=RATE):
    """A record of acoustics, drawn."""
    generator = np.random.default_rng([seed, *kind.encode()])

    def draw(name):
        return float(generator.random())

    ranges = named_acoustics.load()[kind]
    linear = acoustics.session_record(ranges, draw, rooms.pool(kind))
    return {**linear, **acoustics.row_record(ranges, draw, rate)}


@pytest.mark.parametrize("kind", AUGMENTED)
def test_acoustics_neither_delay_nor_anticipate(kind):
    record = {**record_of(kind), "noise": None, "hum": None}
    notes = performance(CHORD, 2.0)
    pcm, _ = render(shipped(), notes, record=record)
    dry = mono(render(shipped(), notes)[0])
    sound, onset = mono(pcm), int(acoustics.moved(record, np.array([8000]), RATE, 32000)[0])
    assert pcm.shape == (32000, 1)
    before = sound[: onset - (RATE // record["sample_rate_hz"] if record["sample_rate_hz"] else 1)]
    assert np.abs(before).max() <= 2.0 ** (1 - (record["bit_depth"] or 16))
    # heard at once: of the first millisecond, the direct sound is there
    assert np.abs(sound[onset : onset + 16]).max() > 0.2 * np.abs(dry[8000:8016]).max()
    assert abs(level_db(sound[8000:16000]) - level_db(dry[8000:16000])) < 8.0


def test_the_linear_part_is_a_plain_convolution_as_loud_as_the_dry_piano():
    record = dict.fromkeys(record_of("concert_hall"), None) | {
        name: record_of("concert_hall")[name] for name in ("room", "microphone", "eq", "preset")
    }
    many = [(0.5 + 0.1 * i, 0.9 + 0.1 * i, 40 + i, 70) for i in range(40)]
    notes = performance(many, 12.0)
    wet, dry = mono(render(shipped(), notes, record=record)[0]), mono(render(shipped(), notes)[0])
    linear = {name: record[name] for name in ("room", "microphone", "eq")}
    voice = voicing(shipped(), RATE, 0)
    spectrum, taps = rendering._response(voice, json.dumps(linear, sort_keys=True))
    response = np.fft.irfft(spectrum)[:taps]
    wanted = np.fft.irfft(np.fft.rfft(dry, 1 << 19) * np.fft.rfft(response, 1 << 19))[: len(dry)]
    ends = int(0.1 * RATE)  # the end is faded over another time
    np.testing.assert_allclose(wet[:-ends], wanted[:-ends], atol=4 / 32768)
    chord = performance([(0.0, 1.0, pitch, 64) for pitch in (48, 60, 72)], 0.6)
    loud = [level_db(mono(render(shipped(), chord, record=r)[0])[:8000]) for r in (record, None)]
    assert loud[0] == pytest.approx(loud[1], abs=0.2)


def test_rendering_again_from_a_filled_record_gives_the_same():
    record = record_of("lo_fi")
    filled = copy.deepcopy(record)
    first, gain_db = render(shipped(), performance(CHORD, 2.0), record=filled, gain_db=-3.0)
    assert acoustics.drawn(filled) == acoustics.drawn(record)
    again, _ = render(shipped(), performance(CHORD, 2.0), record=copy.deepcopy(filled), gain_db=gain_db)
    np.testing.assert_array_equal(first, again)


def test_blocks_of_any_response_join():
    rng = np.random.default_rng(0)
    for taps, size in ((1, 5000), (900, 40_000), (40_000, 300_000), (3000, 10)):
        response = rng.standard_normal(taps).astype(np.float32)
        block = 1 << 17 if taps > 10_000 else 1 << 13
        sound = rng.standard_normal((2, size)).astype(np.float32)
        wanted = [np.convolve(channel, response)[:size] if taps < 10_000 else None for channel in sound]
        if wanted[0] is None:
            whole = 1 << 19
            wanted = np.fft.irfft(np.fft.rfft(sound, whole) * np.fft.rfft(response, whole), whole)[:, :size]
        rendering._convolve(sound, np.fft.rfft(response, block).astype(np.complex64), taps)
        np.testing.assert_allclose(sound, wanted, atol=1e-3 * taps**0.5)


def golden() -> dict[str, str]:
    """Digests of a few renderings."""
    notes = [(0.05 + 0.11 * i, 0.3 + 0.13 * i, 24 + 3 * i, 12 + 4 * i) for i in range(28)]
    pedal = [(0.0, 0), (0.6, 127), (1.4, 70), (1.5, 44), (1.58, 20), (1.7, 90), (2.6, 0)]
    played = {rate: performance(notes, 4.0, rate, pedal) for rate in (16000, 44100)}
    cases = {
        "plain": (16000, {}),
        "tuned": (16000, {"cents": -8, "brightness_db": 3.5, "gain_db": -4.0}),
        "stereo": (44100, {"channels": 2, "cents": 8}),
        "hall": (16000, {"record": record_of("concert_hall"), "brightness_db": -2.0}),
        "tape": (44100, {"record": record_of("vintage_tape", rate=44100)}),
    }
    return {
        name: encode.pcm_digest(render(shipped(), played[rate], **options)[0])
        for name, (rate, options) in cases.items()
    }


GOLDEN = {
    "plain": "f9745bfe3db5308b167d3b8489c8da60",
    "tuned": "8ddcbdc61f89e404271359bd38736b60",
    "stereo": "c752e907bf6e0c426eb90fab9bfa06e8",
    "hall": "c7c1b28eb2c90928b2f8cdca4084404b",
    "tape": "e701310afc51438179eaa74b4536ce7e",
}


def test_renderings_are_unchanged():
    assert golden() == GOLDEN, "audio changed: raise the data version, then this table"


_OLD_PROCESSOR = """
import json
from tests.generation.piano.test_sampler_rendering import golden
print(json.dumps(golden()))
"""


@x86_64_linux
def test_an_older_processor_renders_the_same():
    assert result_of(_OLD_PROCESSOR) == GOLDEN
