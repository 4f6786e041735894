"""Features: librosa's where it has them, true onsets, and independence from what else is in a batch."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchaudio")

from sousa.generation.errors import UsageError  # noqa: E402
from sousa.generation.rudiments.hierarchy import Labels  # noqa: E402
from sousa.training import features  # noqa: E402
from sousa.training.features import ONSET_MEL, FeatureCache, Mel, data_identity  # noqa: E402
from sousa.training.filters import select  # noqa: E402
from sousa.training.stream import open_rows  # noqa: E402

COLUMNS = ("strokes", "num_samples", "sample_rate")


@pytest.fixture(scope="module")
def rows(small):
    rows = open_rows(small[0], "test", columns=COLUMNS, sample_rate=16000)
    return [rows[i] for i in range(0, len(rows), 10)]


def librosa_mel(librosa, audio, mel):
    power = librosa.feature.melspectrogram(
        y=audio, sr=mel.sample_rate, n_fft=mel.n_fft, hop_length=mel.hop, n_mels=mel.num_mels,
        fmin=mel.f_min_hz, fmax=mel.f_max_hz, pad_mode="constant",
    )  # fmt: skip
    return librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=None)


SETTINGS = (Mel(), ONSET_MEL, Mel(22050, 64, 1000, 300, 0, 11025))


@pytest.mark.parametrize("mel", SETTINGS, ids=("default", "onset", "other"))
def test_log_mel_as_librosa(rows, mel):
    librosa = pytest.importorskip("librosa")
    for row in rows[:3]:
        made, wanted = features.log_mel(row["audio"], mel), librosa_mel(librosa, row["audio"], mel)
        assert made.dtype == np.float32 and made.shape == wanted.shape
        assert made.shape == (mel.num_mels, 1 + len(row["audio"]) // mel.hop)
        # quiet bins hold the rounding of two FFTs; power is what has to agree
        assert 10 ** (made / 10) == pytest.approx(10 ** (wanted / 10), rel=1e-3, abs=1e-6)
        loud = wanted > -60
        assert np.abs(made - wanted)[loud].max() < 0.01
        assert made.min() >= -100.001


def test_rms_as_librosa(rows):
    librosa = pytest.importorskip("librosa")
    for row in rows[:3]:
        for frame, hop in ((2048, 512), (1000, 333)):
            wanted = librosa.feature.rms(y=row["audio"], frame_length=frame, hop_length=hop)[0]
            made = features.rms(row["audio"], frame, hop)
            assert made.shape == wanted.shape and made == pytest.approx(wanted, abs=1e-6)
    square = np.where(np.arange(16000) // 50 % 2, 1, -1).astype(np.float32)
    assert features.rms(square)[8] == pytest.approx(1.0)


@pytest.mark.parametrize("mel", SETTINGS, ids=("default", "onset", "other"))
def test_onset_strength_as_librosa(rows, mel):
    librosa = pytest.importorskip("librosa")
    for row in rows[:3]:
        spectrogram = features.log_mel(row["audio"], mel)
        wanted = librosa.onset.onset_strength(
            S=spectrogram, sr=mel.sample_rate, n_fft=mel.n_fft, hop_length=mel.hop, lag=1, max_size=1,
            center=True,
        )  # fmt: skip
        made = features.onset_strength(row["audio"], mel)
        assert made.shape == wanted.shape and made == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize("delta", [0.07, 0.04, 0.2])
def test_peaks_as_librosa(rows, delta):
    librosa = pytest.importorskip("librosa")
    draw = np.random.default_rng(0)
    curves = [features.onset_strength(row["audio"]) for row in rows]
    curves += [draw.random(n).astype(np.float32) ** 3 for n in (1, 2, 5, 40, 300)]
    curves += [np.float32([5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0]), np.float32([0, 1, 1, 1, 0])]
    for curve in curves:
        wanted = librosa.onset.onset_detect(
            onset_envelope=curve, sr=16000, hop_length=128, units="frames", delta=delta
        )
        assert features.pick_peaks(curve, 128 / 16000, delta).tolist() == wanted.tolist()
    assert len(features.pick_peaks(np.zeros(50), 0.008)) == 0


def test_onsets_are_the_labels(rows):
    """Most strokes are found within 50 ms, without bias; where they are far apart, all of them."""
    mir_eval = pytest.importorskip("mir_eval")
    scores, errors = [], []
    for row in rows:
        true, found = Labels(row).strokes["time_sec"], features.onsets(row["audio"])
        assert found.dtype == np.float64 and (np.diff(found) > 0).all()
        scores.append(mir_eval.onset.f_measure(true, found, window=0.05)[:2])
        errors += [found[j] - true[i] for i, j in mir_eval.util.match_events(true, found, 0.05)]
    measure, precision = np.mean(scores, axis=0)
    assert measure > 0.9 and precision > 0.97 and abs(np.median(errors)) < 0.005


def test_intervals(small):
    steady = features.interval_statistics(np.arange(5) * 0.25)
    assert steady == {
        "count": 4, "mean_sec": 0.25, "median_sec": 0.25, "std_sec": 0.0, "min_sec": 0.25, "max_sec": 0.25,
        "cv": 0.0, "rate_hz": 4.0,
    }  # fmt: skip
    for times in ([], [1.0]):
        few = features.interval_statistics(times)
        assert few["count"] == 0 and np.isnan(few["mean_sec"]) and np.isnan(few["cv"])
    two = features.interval_statistics([1.0, 1.5])
    assert two["mean_sec"] == 0.5 and np.isnan(two["std_sec"])
    singles = select(rudiments=["single_stroke_roll"], tiers=["professional"])
    row = open_rows(small[0], columns=COLUMNS, sample_rate=16000, where=singles)[0]
    true = features.interval_statistics(Labels(row).strokes["time_sec"])
    assert features.interval_statistics(features.onsets(row["audio"]))["median_sec"] == pytest.approx(
        true["median_sec"], rel=0.1
    )


FUNCTIONS = {
    "log_mel": features.log_mel, "rms": features.rms, "onset_strength": features.onset_strength,
    "normalised": lambda audio: features.log_mel(audio, normalise="clip"),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_kinds_and_batches(rows, name):
    function = FUNCTIONS[name]
    size = min(len(row["audio"]) for row in rows)
    batch = np.stack([row["audio"][:size] for row in rows[:3]])
    made = function(batch)
    assert isinstance(made, np.ndarray) and made.dtype == np.float32
    of_tensor = function(torch.from_numpy(batch))
    assert isinstance(of_tensor, torch.Tensor) and np.array_equal(of_tensor.numpy(), made)
    for clip, one in zip(batch, made, strict=True):
        # quiet bands differ by the rounding of batched FFTs
        assert function(clip) == pytest.approx(one, abs=2e-2)
        assert function(clip.astype(np.float64)) == pytest.approx(one, abs=2e-2)
    leaf = torch.from_numpy(batch).requires_grad_()
    function(leaf).sum().backward()
    assert torch.isfinite(leaf.grad).all()
    assert leaf.grad.abs().sum() > 0
    for bad in (np.zeros((2, 2, 2)), np.zeros(0), np.float32(1)):
        with pytest.raises(UsageError, match=r"give .samples,. or .batch, samples."):
            function(bad)
    assert np.isfinite(function(np.zeros(1, np.float32))).all()  # one sample of silence


def test_zeros_behind_change_no_frame_before(rows):
    """Unlike decibels below the loudest frame, these don't depend on the rest of the clip."""
    audio = rows[0]["audio"]
    longer = np.pad(audio, (0, 40000))
    loud = np.concatenate([longer, np.ones(16000, np.float32)])
    for function, window in ((features.log_mel, 1024), (features.rms, 2048)):
        short, long, more = function(audio), function(longer), function(loud)
        whole = (len(audio) - window) // 512
        assert short[..., :whole] == pytest.approx(long[..., :whole], abs=1e-5)
        assert short[..., :whole] == pytest.approx(more[..., :whole], abs=1e-5)


def test_normalisation(rows):
    audio = rows[0]["audio"]
    plain, clip = features.log_mel(audio), features.log_mel(audio, normalise="clip")
    assert clip.mean(1) == pytest.approx(0, abs=1e-4) and clip.std(1) == pytest.approx(1, abs=1e-3)
    given = features.log_mel(audio, normalise=(plain.mean(1), plain.std(1)))
    assert given == pytest.approx(clip, abs=1e-3)
    assert np.isfinite(features.log_mel(np.zeros(8000, np.float32), normalise="clip")).all()
    with pytest.raises(UsageError, match="'clip'"):
        features.log_mel(audio, normalise="batch")


def test_settings():
    assert features._filters(Mel()).shape == (513, 128)
    assert (features._filters(Mel()).sum(0) > 0).all()
    with pytest.raises(UsageError, match="mel bands have no FFT bin; give fewer bands"):
        Mel(n_fft=256)
    with pytest.raises(UsageError, match="3 problems") as caught:
        Mel(hop=0, num_mels=-1, f_max_hz=9000)
    assert "within 0 to 8000 Hz" in str(caught.value)
    assert json.loads(json.dumps(Mel().settings()))["hop"] == 256


def test_cache(small, tmp_path, caplog):
    rows = open_rows(small[0], "test", columns=("sample_id",), sample_rate=16000)
    data, made = data_identity(rows), []

    def make():
        made.append(1)
        return {"a": np.arange(6, dtype=np.float32).reshape(2, 3).T, "b": torch.ones(2)}

    cache = FeatureCache(data, Mel().settings(), tmp_path)
    for _ in range(2):
        found = cache.get_or_make("some/../row é", make)
        assert found["a"].tolist() == [[0, 3], [1, 4], [2, 5]] and found["b"].tolist() == [1, 1]
    assert made == [1] and cache.get("another") is None
    # other data, other settings: other files
    for other in (
        FeatureCache(data, Mel(hop=128).settings(), tmp_path), FeatureCache({}, Mel().settings(), tmp_path),
    ):  # fmt: skip
        assert other.get("some/../row é") is None
    files = list(tmp_path.rglob("*.*"))
    assert [file.suffix for file in files] == [".safetensors"] and tmp_path in files[0].parents
    # damaged, cut short, or another row's: made again
    whole = files[0].read_bytes()
    cache.put("z", a=np.zeros(1))
    stranger = next(file for file in tmp_path.rglob("*.safetensors") if file != files[0]).read_bytes()
    for count, bad in enumerate((b"", b"\x80\x04junk" * 9, whole[:-3], stranger), 2):
        files[0].write_bytes(bad)
        assert len(cache.get_or_make("some/../row é", make)["b"]) == 2 and len(made) == count
        assert "it is made again" in caplog.text
        caplog.clear()
    with pytest.raises(UsageError, match="plain data"):
        FeatureCache(data, {"x": object()}, tmp_path)


def test_identity_of_data(small, small_config, tiny):
    def identity(source, **options):
        return json.dumps(data_identity(open_rows(source, **options)), sort_keys=True)

    views = ({}, {"sample_rate": 16000}, {"crop_sec": 1.0}, {"crop_sec": 1.0, "crop": "centre"})
    known = [identity(small[0], **view) for view in views]
    known += [identity(tiny), identity(small_config), identity(sorted(tiny.rglob("data/*/*.parquet"))[0])]
    assert len(set(known)) == len(known) and identity(small[0]) == known[0]
    for options in ({"transform": lambda audio, rate, rng: audio}, {"crop_sec": 1, "crop": "random"}):
        with pytest.raises(UsageError, match="their audio changes"):
            identity(small[0], **options)
