"""A metronome and a backing track: on the beat, to the sample, at their level, in a share of the rows."""

import numpy as np
import pytest

from sousa.generation.audio import accompaniment, acoustics, banks, voices
from sousa.generation.seeds import uniforms
from tests.generation.audio.test_acoustics import record_of

RATE = 44100
BEATS = np.array([5000, 30000, 55000, 80000]), np.array([True, False, False, True])


def stages(number):
    return accompaniment.drawn(lambda name: uniforms(3, 1, number, name)[0])


def test_shares_of_rows():
    drawn = [stages(i) for i in range(4000)]
    clicks, backings = (sum(bool(d[name]) for d in drawn) for name in ("click", "backing"))
    assert clicks / 4000 == pytest.approx(accompaniment.CLICK_SHARE, abs=0.03)
    assert backings / 4000 == pytest.approx(accompaniment.BACKING_SHARE, abs=0.02)
    assert not any(d["click"] and d["backing"] for d in drawn)


@pytest.mark.parametrize("timbre", accompaniment.CLICKS)
@pytest.mark.parametrize("rate", [16000, 44100])
def test_clicks_begin_on_their_beats(timbre, rate):
    stage = {"timbre": timbre, "frequency_hz": 1500.0, "first_ratio": 1.5}
    sound = accompaniment.click(stage, *BEATS, 100_000, rate)
    for beat in BEATS[0].tolist():
        assert not sound[beat - 200 : beat].any()
        assert np.abs(sound[beat : beat + rate // 1000]).max() > 0.05 * np.abs(sound).max()


def test_a_click_is_heard_at_its_stated_level():
    """Relative to the signal's RMS, and in silence before the first stroke too."""
    record = record_of("clean_close", 1, RATE) | {"noise": None, "compressor": None, "preamp": None}
    drum = voices.dry(banks.shipped()[0], RATE, 0, 1)
    strokes = np.array([40000]), np.array([100]), np.array([0])
    stage = {"timbre": "beep", "frequency_hz": 1000.0, "first_ratio": 1.0, "level_db": -12.0}
    with_click, gain = acoustics.perform(record | {"click": dict(stage)}, drum, strokes, 100_000, -6.0, BEATS)
    without, other = acoustics.perform(record, drum, strokes, 100_000, gain)
    assert gain == other and not without[:39000].any()
    click = (with_click - without)[5000 : 5000 + int(0.045 * RATE)].astype(float)
    signal = without[40000:].astype(float)
    level = 10 * np.log10((click**2).mean() / (signal**2).mean())
    assert level == pytest.approx(-12.0, abs=0.5)
