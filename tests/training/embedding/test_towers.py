"""Towers: the real classes with small random weights, and what each has been seen to get wrong elsewhere."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from sousa.generation.errors import RunError, UsageError
from sousa.training.embedding.towers import clap, mert, muq, sentences, spectrogram_encoders, trained
from tests.support import tiny_encoders

RNG = np.random.default_rng(3)
KINDS = {
    "clap": (clap.ClapAudio, tiny_encoders.clap),
    "mert": (mert.Mert, lambda folder: tiny_encoders.mert(folder)[0]),
    "ast": (spectrogram_encoders.Ast, tiny_encoders.ast),
    "whisper": (spectrogram_encoders.Whisper, tiny_encoders.whisper),
    "w2v_bert": (spectrogram_encoders.Wav2Vec2Bert, tiny_encoders.wav2vec2_bert),
}


def noise(seconds, rate):
    return RNG.normal(0, 0.1, round(seconds * rate)).astype(np.float32)


@pytest.fixture(scope="module", params=KINDS)
def tower(request, tmp_path_factory):
    kind, save = KINDS[request.param]
    return kind(str(save(tmp_path_factory.mktemp(request.param))), None, torch.device("cpu"), 2)


def test_a_windows_vector_hangs_on_that_window_alone(tower):
    size = min(tower.window_sec, 1.2)
    windows = [noise(sec, tower.sample_rate) for sec in (size, size / 2, size, size / 3)]
    together = tower(windows)
    assert together.shape == (4, tower.dim) and together.dtype == np.float32
    apart = np.concatenate([tower([window]) for window in windows])
    assert np.allclose(together, apart, atol=1e-5)
    assert len(np.unique(together.round(6), axis=0)) == 4
    assert np.array_equal(tower(windows), together)  # nothing is drawn at random
    settings = tower.settings()
    assert len(settings["digest"]) == 64 and json.dumps(settings)


def test_a_whole_window_is_taken_whole(tower):
    window = noise(tower.window_sec, tower.sample_rate)
    changed = window.copy()
    changed[-round(0.4 * tower.sample_rate) :] = 0
    assert not np.allclose(tower([window]), tower([changed]), atol=1e-5)


@pytest.mark.parametrize("fusion", [False, True])
def test_clap_gives_projected_vectors_of_length_one(tmp_path, fusion):
    sounds = clap.ClapAudio(str(tiny_encoders.clap(tmp_path, fusion)), None, "cpu", 2)
    assert (sounds.sample_rate, sounds.window_sec, sounds.dim) == (48000, 10.0, 8)
    vectors = sounds([noise(10, 48000), noise(2, 48000)])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    words = clap.ClapText(str(tmp_path), None, "cpu", 2)
    texts = words(["calm music", "a loud piece of music with high tones ."])
    assert texts.shape == (2, 8) and np.allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5)
    assert np.allclose(texts[:1], words(["calm music"]), atol=1e-6)
    assert words(["loud " * 200]).shape == (1, 8)


def test_mert_is_hubert_and_its_code_is_not_run(tmp_path):
    folder, model = tiny_encoders.mert(tmp_path)
    tower, audio = mert.Mert(str(folder), None, "cpu", 2), noise(1, 24000)
    inputs = tower.extractor(audio, sampling_rate=24000, return_tensors="pt")["input_values"]
    with torch.no_grad():
        states = model(inputs, output_hidden_states=True).hidden_states
    assert len(states) == 4 and states[1].shape[1] == 74
    assert np.allclose(tower([audio])[0], torch.stack(states[1:]).mean((0, 2))[0], atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"deepnorm": True}, "deepnorm is True, not False"),
        ({"feature_extractor_cqt": True, "attention_relax": 32.0}, "attention_relax is 32.0, not -1.0"),
        ({"do_stable_layer_norm": True}, "do_stable_layer_norm is True"),
        ({"feat_proj_layer_norm": False}, "feat_proj_layer_norm is False"),
        ({"model_type": "hubert"}, "model_type is 'hubert'"),
    ],
)
def test_a_mert_of_another_kind_is_refused(tmp_path, settings, problem):
    folder, _ = tiny_encoders.mert(tmp_path, **settings)
    with pytest.raises(UsageError, match="without its own code") as error:
        mert.Mert(str(folder), None, "cpu", 2)
    assert problem in str(error.value)


def test_a_mert_with_a_weight_missing_is_refused(tmp_path):
    folder, _ = tiny_encoders.mert(tmp_path)
    state = torch.load(folder / "pytorch_model.bin")
    del state["encoder.pos_conv_embed.conv.weight_g"]
    torch.save(state, folder / "pytorch_model.bin")
    with pytest.raises(RunError, match=r"the weights lack .*pos_conv_embed.* which would be random"):
        mert.Mert(str(folder), None, "cpu", 2)


def test_whisper_takes_the_frames_of_the_sound_and_not_those_of_silence(tmp_path):
    tower = spectrogram_encoders.Whisper(str(tiny_encoders.whisper(tmp_path)), None, "cpu", 2)
    audio = noise(0.5, 16000)
    inputs = tower.extractor(audio, sampling_rate=16000, return_tensors="pt")["input_features"]
    with torch.no_grad():
        states = tower.model(inputs).last_hidden_state[0]
    assert states.shape == (100, 16)
    assert np.allclose(tower([audio])[0], states[:25].mean(0), atol=1e-5)
    assert not np.allclose(tower([audio])[0], states.mean(0), atol=1e-3)


TEXTS = ["calm", "a loud bright piece of music with long low tones and noise ."]


@pytest.mark.parametrize("side", ["left", "right"])
def test_qwen_gives_the_last_token_of_each_text_wherever_padding_is(tmp_path, side):
    tower = sentences.Sentences(str(tiny_encoders.qwen3(tmp_path, side)), None, "cpu", 2)
    assert tower.pooling == "last" and tower.tokenizer.padding_side == "right"
    together = tower(TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        inputs = tower.tokenizer([text], return_tensors="pt")
        with torch.no_grad():
            states = tower.model(**inputs).last_hidden_state[0]
        assert np.allclose(vector, states[-1], atol=1e-5)


def test_others_give_the_mean_of_tokens_or_what_their_folder_says(tmp_path):
    folder = tiny_encoders.bert(tmp_path)
    tower = sentences.Sentences(str(folder), None, "cpu", 2)
    assert tower.pooling == "mean"
    inputs = tower.tokenizer([TEXTS[0]], return_tensors="pt")
    with torch.no_grad():
        states = tower.model(**inputs).last_hidden_state[0]
    assert np.allclose(tower(TEXTS)[0], states.mean(0), atol=1e-5)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text('{"pooling_mode_cls_token": true}')
    first = sentences.Sentences(str(folder), None, "cpu", 2)
    assert np.allclose(first(TEXTS)[0], states[0], atol=1e-5)
    (folder / "1_Pooling/config.json").write_text('{"pooling_mode_max_tokens": true}')
    with pytest.raises(UsageError, match="pools by pooling_mode_max_tokens"):
        sentences.Sentences(str(folder), None, "cpu", 2)
    kinds = ("Transformer", "Pooling", "Dense")
    (folder / "modules.json").write_text(
        json.dumps([{"type": f"sentence_transformers.models.{k}"} for k in kinds])
    )
    with pytest.raises(
        UsageError, match=r"puts what it pools through .*models\.Dense, which is not done here"
    ):
        sentences.Sentences(str(folder), None, "cpu", 2)


def test_pooling_goes_by_the_mask():
    states = torch.arange(12.0).reshape(2, 3, 2)
    mask = torch.tensor([[1, 1, 0], [0, 1, 1]])
    assert sentences.pooled(states, mask, "last").tolist() == [[2, 3], [10, 11]]
    assert sentences.pooled(states, mask, "first").tolist() == [[0, 1], [8, 9]]
    assert sentences.pooled(states, mask, "mean").tolist() == [[1, 2], [9, 10]]
    with pytest.raises(RunError, match="no tokens"):
        sentences.pooled(states, torch.zeros(2, 3, dtype=torch.int64), "mean")


def test_weights_that_are_not_whole_are_refused(tmp_path):
    folder = tiny_encoders.bert(tmp_path)
    state = load_file(folder / "model.safetensors")
    state.pop("encoder.layer.0.attention.self.query.weight")
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(RunError, match=r"the weights lack encoder\.layer\.0\.attention\.self\.query\.weight"):
        sentences.Sentences(str(folder), None, "cpu", 2)
    with pytest.raises(RunError, match="can't be loaded"):
        sentences.Sentences(str(tmp_path / "nothing"), None, "cpu", 2)


def test_the_encoder_inside_muq_tells_its_layers():
    """Since version 5 of transformers it gives none where it is called by itself, as muq calls it."""
    from transformers import Wav2Vec2ConformerConfig
    from transformers.models.wav2vec2_conformer.modeling_wav2vec2_conformer import Wav2Vec2ConformerEncoder

    config = Wav2Vec2ConformerConfig(
        hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=16,
        num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    encoder = Wav2Vec2ConformerEncoder(config).eval()
    muq.tell_layers(encoder)
    for frames in (9, 5):
        with torch.no_grad():
            out = encoder(torch.randn(2, frames, 16), output_hidden_states=True)
        assert [state.shape for state in out["hidden_states"]] == [(2, frames, 16)] * 4
        assert torch.equal(out["hidden_states"][-1], out["last_hidden_state"])


def test_a_model_that_was_trained_here_gives_the_mean_of_its_frames(tmp_path):
    tower = trained.Trained("notes", None, torch.device("cpu"), 2)
    windows = [noise(sec, tower.sample_rate) for sec in (0.5, 1, 0.5)]
    together = tower(windows)
    assert together.shape == (3, tower.dim) and tower.window_sec > 1
    assert np.allclose(together, np.concatenate([tower([window]) for window in windows]), atol=1e-4)
    with torch.inference_mode():
        _, states = tower.encoder(tower.front_end(windows[1])[None])
    assert np.allclose(together[1], states[0].mean(0), atol=1e-4)
    with pytest.raises(UsageError, match="there is no model"):
        trained.Trained(str(tmp_path / "no" / "run"), None, torch.device("cpu"), 2)
