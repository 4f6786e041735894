"""Windows: a function of the length alone, never filled up, the last one at the end of the sound."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sousa.training.embedding.windows import SLACK_SEC, spans


def test_windows_of_some_lengths():
    assert spans(250, 10, 10.0, 10.0) == [(0, 100), (100, 200), (150, 250)]
    assert spans(200, 10, 10.0, 10.0) == [(0, 100), (100, 200)]
    assert spans(30, 10, 10.0, 10.0) == [(0, 30)]
    assert spans(100, 10, 10.0, 5.0) == [(0, 100)]
    assert spans(160, 10, 10.0, 5.0) == [(0, 100), (50, 150), (60, 160)]
    # ten seconds that another rate made a sample longer are one window
    assert spans(480001, 48000, 10.0, 10.0) == [(0, 480000)]


@given(st.integers(1, 10_000), st.sampled_from([100, 441]), st.floats(0.5, 9), st.floats(0.1, 1))
def test_all_of_a_sound_is_in_windows_of_one_length(samples, rate, window, share):
    out = spans(samples, rate, window, window * share)
    size = min(round(window * rate), samples)
    assert all(stop - start == size and start >= 0 and stop <= samples for start, stop in out)
    assert out[0][0] == 0 and out == sorted(set(out))
    assert samples - out[-1][1] <= SLACK_SEC * rate
    assert all(later[0] <= before[1] for before, later in pairwise(out))
