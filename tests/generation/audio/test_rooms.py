"""Rooms: what ships is what is stated, by an independent measure too; a user's own files."""

import os

import numpy as np
import pytest
import soundfile

from sousa.generation.audio import noise, rooms
from sousa.generation.audio.user_sounds import digest_of
from sousa.generation.errors import RunError, UsageError

RATE = 44100
EVERY = [(name, one) for name in rooms.stated() for one in rooms.pool(name)]


@pytest.mark.parametrize("name", list(rooms.stated()))
def test_responses_measure_what_their_acoustics_state(name):
    pool, stated = rooms.pool(name), rooms.stated()[name]
    assert len(pool) >= 16 and len({one.digest for one in pool}) == len(pool)
    for one in pool:
        sound = rooms.sound(one.digest)
        assert digest_of(np.rint(sound * 32768).astype(np.int16)) == one.digest
        found = rooms.measure(sound)
        for name in ("rt60_sec", "drr_db", "c50_db"):
            assert stated[name][0] <= found[name] <= stated[name][1]
            assert found[name] == pytest.approx(one.about[name], abs=1e-3)
        low, high = stated["distance_m"]
        assert low - 0.01 <= one.about["distance_m"] <= high + 0.01


@pytest.mark.parametrize("name", list(rooms.stated()))
def test_the_direct_sound_is_sample_0(name):
    for one in rooms.pool(name):
        sound = np.abs(rooms.sound(one.digest))
        # far from the drum reflections can add up to more than the direct sound
        assert sound[0] >= 0.5 * sound.max() and sound[0] > 0.4


def test_reverberation_agrees_with_another_reader():
    pyroomacoustics = pytest.importorskip("pyroomacoustics")
    for name, one in EVERY[::5]:
        if name == "marching_field":
            continue  # a few echoes, no steady decay
        other = pyroomacoustics.experimental.measure_rt60(rooms.sound(one.digest), RATE, decay_db=20)
        assert one.about["rt60_sec"] == pytest.approx(other, rel=0.1)


def test_measures_of_a_known_decay():
    rng = np.random.default_rng(0)
    time = np.arange(2 * RATE) / RATE
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / 0.8)
    tail[: int(rooms.DIRECT_SEC * RATE)] = 0.0
    tail[0] = np.sqrt((tail**2).sum() * 10**0.5)
    found = rooms.measure(tail)
    assert found["drr_db"] == pytest.approx(5.0, abs=0.1)
    late = (tail[int(0.05 * RATE) :] ** 2).sum()
    assert found["c50_db"] == pytest.approx(10 * np.log10((tail**2).sum() / late - 1), abs=0.1)
    decay = rng.standard_normal(len(time)) * 10 ** (-3 * time / 0.8)
    assert rooms.measure(decay)["rt60_sec"] == pytest.approx(0.8, rel=0.05)
    assert rooms.measure(np.array([1.0, 0.0, 0.0]))["rt60_sec"] is None


def write(path, samples, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate)


def decaying(rate, delay=0):
    rng = np.random.default_rng(1)
    time = np.arange(int(0.6 * rate)) / rate
    tail = 0.1 * rng.standard_normal(len(time)) * 10 ** (-3 * time / 0.4)
    tail[0] = 0.9
    return np.concatenate([np.zeros(delay), tail])


def test_a_users_rooms_start_at_their_direct_sound(tmp_path):
    write(tmp_path / "everywhere.wav", decaying(RATE, delay=700))
    write(tmp_path / "gym" / "mine.flac", decaying(48000, delay=300), 48000)
    pool = rooms.user_pool(tmp_path)
    assert [one.name for one in pool[""]] == ["everywhere.wav"]
    assert [one.name for one in pool["gym"]] == ["gym/mine.flac"]
    for one in (*pool[""], *pool["gym"]):
        assert abs(rooms.sound(one.digest)[0]) > 0.7
        assert one.about["rt60_sec"] == pytest.approx(0.4, rel=0.1)
        assert one.about["room_type"] == "user"
        assert rooms.kept(one.name, one.digest) == one


def test_all_that_is_wrong_with_a_users_rooms_is_said_at_once(tmp_path):
    with pytest.raises(UsageError, match="no directory"):
        rooms.user_pool(tmp_path / "none")
    with pytest.raises(UsageError, match="no sound file"):
        rooms.user_pool(tmp_path)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    write(tmp_path / "silent.wav", np.zeros(4000))
    write(tmp_path / "kitchen" / "a.wav", decaying(RATE))
    write(tmp_path / "slow.wav", decaying(RATE), 10)
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(UsageError) as caught:
        rooms.user_pool(tmp_path)
    assert all(
        word in str(caught.value)
        for word in ("broken.wav", "silent.wav", "kitchen", "10 samples", "pipe.wav")
    )


def test_a_changed_or_missing_response_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SOUSA_CACHE", str(tmp_path / "cache"))
    write(tmp_path / "rooms" / "a.wav", decaying(RATE) * 0.5)
    one = rooms.user_pool(tmp_path / "rooms")[""][0]
    kept = tmp_path / "cache" / "rooms" / f"{one.digest}.flac"
    rooms.sound.cache_clear()
    soundfile.write(kept, decaying(RATE)[::-1].copy(), RATE)
    with pytest.raises(RunError, match="has changed"):
        rooms.sound(one.digest)
    kept.unlink()
    with pytest.raises(RunError, match="not on this machine"):
        rooms.sound(one.digest)


def test_a_users_noise_repeats_without_a_seam(tmp_path):
    rng = np.random.default_rng(2)
    slow = np.cumsum(rng.standard_normal(2 * RATE))
    write(tmp_path / "street.wav", slow / np.abs(slow).max())
    (one,) = noise.user_files(tmp_path)
    table = noise.user_table(one.digest, RATE)
    assert table.std() == pytest.approx(1.0, abs=0.2) and len(table) < 2 * RATE
    step = np.abs(np.diff(np.concatenate([table[-2000:], table[:2000]])))
    assert step.max() < 6 * np.diff(table).std()
    click = np.zeros(2 * RATE)
    click[0] = 0.9
    write(tmp_path / "click" / "a.wav", click)
    write(tmp_path / "click" / "constant.wav", np.full(2 * RATE, 0.5))
    with pytest.raises(UsageError, match=r"a\.wav.*\n.*constant\.wav"):
        noise.user_files(tmp_path / "click")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no sound file"):
        noise.user_files(tmp_path / "empty")
