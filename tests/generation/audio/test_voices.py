"""Round-robin variants: other sounds, equally loud, at the same sample."""

import numpy as np
import pytest

from sousa.generation.audio import banks, voices
from sousa.generation.rudiments import definitions, players
from sousa.generation.rudiments.assembly import play
from sousa.generation.rudiments.score import plan_take


@pytest.mark.parametrize("bank", banks.shipped(), ids=lambda bank: bank.name)
def test_variants_differ_in_sound_and_not_in_loudness_or_time(bank):
    voice = voices.dry(bank, 44100, 0, 1)
    for layer in range(len(voice._layers)):
        sounds = [voice.sound(layer, variant)[0].astype(np.float64) for variant in range(voices.VARIANTS)]
        loud = [20 * np.log10(np.sqrt((sound[:2205] ** 2).sum())) for sound in sounds]
        assert np.ptp(loud) < 0.2
        spectra = [20 * np.log10(np.abs(np.fft.rfft(sound[:8192], 8192)) + 1e-6) for sound in sounds]
        heard = slice(30, 2200)
        for i in range(voices.VARIANTS):
            assert np.argmax(np.abs(sounds[i]) >= 0.1 * np.abs(sounds[i][:220]).max()) == 0
            for j in range(i):
                assert np.sqrt(((spectra[i] - spectra[j])[heard] ** 2).mean()) > 1.0


def test_the_same_variant_is_never_heard_twice_running():
    takes = [
        plan_take(42, players.player(42, i), definitions.load()[form], 0, 6.0)
        for i, form in enumerate(("single_stroke_roll", "multiple_bounce_roll", "flam"))
    ]
    p = play(takes, 44100)
    for first, last in zip(p.start[:-1], p.start[1:], strict=True):
        variant = p.variant[first:last]
        assert (np.diff(variant) != 0).all()
        assert set(variant) == set(range(voices.VARIANTS))
