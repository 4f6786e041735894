"""Mixing adds notes at their sample, and nothing else."""

import numpy as np

from sousa.generation.audio import encode, mix
from sousa.generation.audio.voices import Voice


def click_drum(length=5):
    """A drum whose note is a falling staircase: easy to add up by hand."""
    layer = np.arange(length, 0, -1, dtype=np.float32)[None, :] / length
    return voice(layer, (np.arange(128) / 127).astype(np.float32))


def voice(layer, gain):
    return Voice([layer.astype(np.float32)], np.zeros(128, dtype=int), gain, 44100)


def render(drum, onset, velocity, num_samples, gain_db):
    """A mix of the recordings themselves, rounded."""
    variant = np.zeros(len(onset), dtype=int)
    return mix.quantise(mix.add_up(drum, onset, velocity, variant, num_samples), gain_db)


def test_notes_land_on_their_samples_and_add_up():
    pcm, gain_db = render(click_drum(), np.array([1000, 1002]), np.array([32, 64]), 44100, 0.0)
    expected = np.zeros(44100)
    for at, velocity in ((1000, 32), (1002, 64)):
        expected[at : at + 5] += np.arange(5, 0, -1) / 5 * velocity / 127
    assert gain_db == 0.0
    assert np.abs(pcm[:, 0] - np.rint(expected * 32767)).max() <= 1
    assert not pcm[:1000].any()


def test_a_single_note_is_bit_equal_wherever_it_is():
    one, _ = render(click_drum(), np.array([7]), np.array([100]), 2000, -3.0)
    two, _ = render(click_drum(), np.array([1007]), np.array([100]), 3000, -3.0)
    assert (one[:100] == two[1000:1100]).all()


def test_loud_sums_are_turned_down_and_it_is_said():
    drum = voice(np.ones((1, 50)), np.ones(128, dtype=np.float32))
    onsets = np.arange(10) * 3 + 100
    pcm, gain_db = render(drum, onsets, np.full(10, 127), 2000, 0.0)
    assert gain_db < -19
    assert 0.96 * 32767 < np.abs(pcm).max() <= mix.PEAK_LIMIT * 32767 + 1
    again, same = render(drum, onsets, np.full(10, 127), 2000, gain_db)
    assert same == gain_db and (again == pcm).all()


def test_a_long_tail_is_faded_at_the_end():
    drum = voice(np.ones((1, 9000)), np.ones(128, dtype=np.float32))
    pcm, _ = render(drum, np.array([10]), np.array([127]), 3000, -6.0)
    assert abs(int(pcm[-1, 0])) < 100 and pcm[2000, 0] > 16000
    assert (np.diff(pcm[2600:, 0].astype(int)) <= 0).all()


def test_flac_and_wav_keep_every_sample():
    rng = np.random.default_rng(0)
    for channels in (1, 2):
        pcm = rng.integers(-32768, 32767, (5000, channels)).astype(np.int16)
        for kind in encode.FORMATS:
            back, rate = encode.decode(encode.encode(pcm, 22050, kind))
            assert rate == 22050 and (back == pcm).all()
            data, digest = encode.encode_and_digest(pcm, 22050, kind)
            assert encode.pcm_digest(encode.decode(data)[0]) == digest == encode.pcm_digest(pcm)
