"""Sounds in memory: what is told of a file block by block is what is told of it as a whole."""

import io

import numpy as np
import pytest
import soundfile

from sousa.generation.audio import encode


@pytest.mark.parametrize(("kind", "subtype"), [
    ("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("WAV", "PCM_16"), ("WAV", "FLOAT"), ("OGG", "VORBIS"),
    ("MP3", "MPEG_LAYER_III"),
])  # fmt: skip
@pytest.mark.parametrize("channels", [1, 2])
def test_a_sound_in_blocks_is_the_sound_as_a_whole(kind, subtype, channels, monkeypatch):
    sound = 0.3 * np.random.default_rng(1).standard_normal((50_000, channels))
    file = io.BytesIO()
    soundfile.write(file, np.clip(sound, -1, 1), 44_100, subtype, format=kind)
    pcm, rate = encode.decode(file.getvalue())
    for block in (1 << 18, 4096, 777):
        monkeypatch.setattr(encode, "_BLOCK", block)
        assert encode.described(file.getvalue()) == (len(pcm), rate, encode.pcm_digest(pcm))
