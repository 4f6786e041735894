"""Encoders whose weights come inside packages: real ones, where they are installed."""

import zipfile
from importlib.metadata import files
from importlib.util import find_spec

import librosa
import numpy as np
import pytest
import torch

from sousa.generation.errors import RunError, UsageError
from sousa.training.embedding import encoders
from sousa.training.embedding.towers import musicnn, sentences

needs_musicnn = pytest.mark.skipif(not find_spec("musicnn"), reason="pip install --no-deps musicnn==0.1.0")
needs_minilm = pytest.mark.skipif(not find_spec(sentences.MINILM), reason="pip install 'sousa[minilm]'")
INPUT = np.abs(np.sin(np.arange(2 * 187 * 96, dtype=np.float64) ** 1.5)).reshape(2, 187, 96)
# what TensorFlow 2.21 gives for it with the graphs that are in the package: tags, and the layer before them
TENSORFLOW = {
    "MTT_musicnn": (
        [[-5.948243, -3.812037, -2.434620, -3.887516], [-5.741824, -3.874215, -2.322207, -3.769982]],
        [[0.412210, -0.032879, -0.092263, 1.306374], [0.385330, -0.032879, -0.092263, 1.227918]],
    ),
    "MSD_musicnn": (
        [[-1.986900, -3.907302, -3.094691, -3.213609], [-1.980357, -3.901866, -3.004740, -3.074247]],
        [[-0.177176, -0.127029, -0.284826, -0.275121], [-0.177176, -0.127029, -0.284826, -0.275121]],
    ),
}


def tower_of(where):
    return musicnn.Musicnn(str(where), None, torch.device("cpu"), 4)


@needs_musicnn
@pytest.mark.parametrize("checkpoint", musicnn.CHECKPOINTS)
def test_musicnn_gives_what_tensorflow_gives(checkpoint):
    with torch.inference_mode():
        layer, tags = tower_of(checkpoint).network(torch.from_numpy(INPUT.astype(np.float32)))
    assert layer.shape == (2, 200) and tags.shape == (2, 50)
    assert np.allclose(tags[:, :4], TENSORFLOW[checkpoint][0], atol=1e-4)
    assert np.allclose(layer[:, :4], TENSORFLOW[checkpoint][1], atol=1e-4)


@needs_musicnn
def test_musicnn_hears_windows_of_any_length_one_by_one():
    tower, rng = tower_of("MTT_musicnn"), np.random.default_rng(0)
    windows = [rng.normal(0, 0.1, size).astype(np.float32) for size in (47872, 20000, 47872, 1600)]
    together = tower(windows)
    assert together.shape == (4, 200) and np.isfinite(together).all()
    assert np.allclose(together, np.concatenate([tower([window]) for window in windows]), atol=1e-5)
    assert tower.window_sec == 2.992 and musicnn.spectrogram(windows[0]).shape == (187, 96)


@needs_musicnn
def test_musicnn_reads_a_wheel_and_says_what_is_wrong_with_others(tmp_path):
    with zipfile.ZipFile(tmp_path / "musicnn.whl", "w") as wheel:
        for entry in files("musicnn"):
            if entry.as_posix().startswith("musicnn/MTT_musicnn/."):
                wheel.write(entry.locate(), entry.as_posix())
    assert tower_of(tmp_path / "musicnn.whl").settings() == tower_of("MTT_musicnn").settings()
    with zipfile.ZipFile(tmp_path / "cut.whl", "w") as wheel:
        for part in ("index", "data-00000-of-00001"):
            wheel.writestr(f"musicnn/MTT_musicnn/.{part}", bytes(100))
    with pytest.raises(RunError, match="the weights of musicnn can't be read"):
        tower_of(tmp_path / "cut.whl")


def test_musicnn_says_how_its_weights_are_got(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="is not there; give MTT_musicnn, MSD_musicnn, or the path"):
        tower_of(tmp_path / "musicnn.whl")
    (tmp_path / "musicnn.whl").write_bytes(b"no zip")
    with pytest.raises(RunError, match="is no wheel of musicnn"):
        tower_of(tmp_path / "musicnn.whl")
    monkeypatch.setattr(musicnn, "files", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install --no-deps musicnn==0\.1\.0"):
        tower_of("MTT_musicnn")


def test_the_spectrogram_of_musicnn_is_librosas():
    window = np.random.default_rng(1).normal(0, 0.1, 16000).astype(np.float32)
    powers = librosa.feature.melspectrogram(
        y=window, sr=16000, n_fft=512, hop_length=256, n_mels=96, pad_mode="constant"
    ).T  # fmt: skip
    expected = np.log10(10_000 * powers + 1)[:62]
    assert np.allclose(musicnn.spectrogram(window), expected, atol=1e-4)


@needs_minilm
def test_minilm_finds_what_is_meant():
    tower, about = encoders.load(encoders.asked_for("text", ["minilm"])[0], torch.device("cpu"), 8)
    assert about["dim"] == 384 and about["licence"] == "Apache-2.0" and about["pooling"] == "mean of tokens"
    texts = ["calm piano piece", "gentle solo piano", "fast drum solo", "un morceau"]
    unit = tower(texts)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    near = unit @ unit.T
    # as sentence-transformers gives them
    assert abs(near[0, 1] - 0.63) < 0.01 and abs(near[0, 2] - 0.41) < 0.01
    assert np.allclose(tower(texts[:1]), tower(texts)[:1], atol=1e-5)


def test_minilm_says_how_its_weights_are_got(tmp_path, monkeypatch):
    monkeypatch.setattr(sentences, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install .*\[minilm\]"):
        sentences.minilm()
    folder = tmp_path / sentences._MINILM_FOLDER
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"others")

    class Spec:
        submodule_search_locations = [str(tmp_path)]

    monkeypatch.setattr(sentences, "find_spec", lambda name: Spec)
    with pytest.raises(RunError, match="has other weights than all-MiniLM-L6-v2"):
        sentences.minilm()


def test_packages_that_are_not_there_are_named(monkeypatch):
    import sys

    for name in ("muq", "music2latent"):
        monkeypatch.setitem(sys.modules, name, None)
    for word, package in (("muq", "muq"), ("muq_mulan", "muq"), ("latent", "music2latent")):
        with pytest.raises(UsageError, match=f"install it with: pip install {package}"):
            encoders.load(encoders.asked_for("audio", [word])[0], torch.device("cpu"), 2)
