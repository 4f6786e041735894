"""Frozen encoders: real ``from_pretrained`` of tiny random models."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from sousa.generation.errors import RunError, UsageError  # noqa: E402
from sousa.training.features import FeatureCache, FrozenFeatures  # noqa: E402

SIZES = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
CONVOLUTIONS = {
    "conv_dim": (8, 8, 8), "conv_stride": (5, 4, 4), "conv_kernel": (10, 8, 4), "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip
GROUP = {"feat_extract_norm": "group"}
LAYER = {"feat_extract_norm": "layer", "do_stable_layer_norm": True}


def build(kind):
    """(model, feature extractor) of a kind, random."""
    t = transformers
    torch.manual_seed(0)
    if kind.startswith("ast"):
        config = t.ASTConfig(**SIZES, max_length=128, num_mel_bins=128)
        model = t.ASTForAudioClassification if kind == "ast, classifier" else t.ASTModel
        return model(config), t.ASTFeatureExtractor(max_length=128)
    norm = LAYER if "layer" in kind else GROUP
    extractor = t.Wav2Vec2FeatureExtractor(return_attention_mask="layer" in kind)
    if kind.startswith("hubert"):
        return t.HubertModel(t.HubertConfig(**SIZES, **CONVOLUTIONS, **norm)), extractor
    more = {"add_adapter": True, "output_hidden_size": 16} if "adapter" in kind else {}
    config = t.Wav2Vec2Config(**SIZES, **CONVOLUTIONS, **norm, **more, vocab_size=12)
    return (t.Wav2Vec2ForCTC if "CTC" in kind else t.Wav2Vec2Model)(config), extractor


KINDS = (
    "wav2vec2, group", "wav2vec2, layer", "wav2vec2, layer, CTC", "wav2vec2, layer, adapter", "hubert, group",
    "hubert, layer", "ast", "ast, classifier",
)  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def stored(request, tmp_path_factory):
    place = tmp_path_factory.mktemp("model") / "model"
    for part in build(request.param):
        part.save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    place = tmp_path_factory.mktemp("one") / "model"
    for part in build("wav2vec2, layer"):
        part.save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def clips():
    draw = np.random.default_rng(0)
    return [(draw.standard_normal(size) * 0.1).astype(np.float32) for size in (5000, 16000, 9001, 16000)]


def test_features(stored, clips):
    model = FrozenFeatures(stored)
    made = model(clips, 16000)
    assert made.shape == (4, model.dim) == (4, 16) and made.dtype == torch.float32
    assert torch.isfinite(made).all() and not made.requires_grad
    assert torch.equal(made, model(clips, 16000))  # deterministic: no dropout, no masking
    assert torch.equal(made, FrozenFeatures(stored)(clips, 16000))
    assert not model.model.training and not any(p.requires_grad for p in model.model.parameters())
    # clips differ, so do their features
    assert (made[1] - made[3]).abs().max() > 1e-6
    # a head can be trained on them
    head = torch.nn.Linear(16, 2)
    head(made).sum().backward()
    assert head.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("layer", [-1, 0, 2])
def test_padding_and_batches_change_nothing(stored, clips, layer):
    alone = [FrozenFeatures(stored, layer, batch_size=1)([clip], 16000)[0] for clip in clips]
    padded = np.zeros((4, 16000), np.float32)
    for row, clip in zip(padded, clips, strict=True):
        row[: len(clip)] = clip
    lengths = [len(clip) for clip in clips]
    for size in (1, 3, 8):
        model = FrozenFeatures(stored, layer, batch_size=size)
        for made in (
            model(clips, 16000), model(padded, 16000, lengths),
            model(torch.from_numpy(padded), 16000, lengths),
        ):  # fmt: skip
            assert made.numpy() == pytest.approx(torch.stack(alone).numpy(), abs=1e-5)
    sequence, mask = FrozenFeatures(stored, layer, None)(clips, 16000)
    assert sequence.shape == (*mask.shape, 16) and mask.dtype == torch.bool
    assert (sequence[~mask] == 0).all() and mask[0].sum() < mask[1].sum()
    pooled = sequence.sum(1) / mask.sum(1, keepdim=True)
    assert pooled.numpy() == pytest.approx(torch.stack(alone).numpy(), abs=1e-5)


def test_is_what_the_model_gives(stored, clips):
    """One clip without padding, against the model's own classes; layers against its hidden states."""
    model = FrozenFeatures(stored, pooling=None)
    assert model.num_layers == 3
    from transformers import AutoFeatureExtractor, AutoModel

    network = AutoModel.from_pretrained(stored).eval()
    given = AutoFeatureExtractor.from_pretrained(stored)(clips[1], sampling_rate=16000, return_tensors="pt")
    with torch.no_grad():
        out = network(given["input_values"], output_hidden_states=True)
    made, mask = model([clips[1]], 16000)
    for layer, wanted in ((-1, out.last_hidden_state), (1, out.hidden_states[1]), (-3, out.hidden_states[1])):
        made, mask = FrozenFeatures(stored, layer, None)([clips[1]], 16000)
        assert made[0, mask[0]].numpy() == pytest.approx(
            wanted[0, : made.shape[1]][mask[0]].numpy(), abs=1e-5
        )
    if model.model_type != "audio-spectrogram-transformer":
        assert mask.all()


def test_requests(stored, clips):
    model = FrozenFeatures(stored)
    with pytest.raises(
        UsageError, match="takes audio at 16000 Hz, not 44100; open the rows with sample_rate=16000"
    ):
        model(clips, 44100)
    for bad in ([np.zeros(10, np.float32)], [], [np.zeros((2, 16000), np.float32)]):
        with pytest.raises(UsageError, match="enough samples"):
            model(bad, 16000)
    with pytest.raises(UsageError, match="has no layer 4; give 0 to 3, or -1 to -4"):
        FrozenFeatures(stored, 4)
    if model.model_type == "audio-spectrogram-transformer":
        with pytest.raises(UsageError, match=r"of 2.00 s is too long .*crop_sec=1.29$"):
            model([np.zeros(32000, np.float32)], 16000)
        assert model([np.zeros(round(1.29 * 16000), np.float32)], 16000).shape == (1, 16)


def test_settings_follow_the_weights(one, tmp_path, clips):
    model = FrozenFeatures(one)
    settings = model.settings()
    assert json.loads(json.dumps(settings)) == settings
    copy = tmp_path / "copy"
    model.model.save_pretrained(copy)
    model.extractor.save_pretrained(copy)
    assert FrozenFeatures(copy).settings() == settings  # the place does not count
    assert FrozenFeatures(one, 1).settings() != settings != FrozenFeatures(one, pooling=None).settings()
    assert FrozenFeatures(one, 3).settings() == settings  # the same layer
    with torch.no_grad():
        next(iter(model.model.parameters()))[0] += 0.01
    model.model.save_pretrained(copy)
    assert FrozenFeatures(copy).settings() != settings
    cache = FeatureCache({}, settings, tmp_path / "cache")
    stored = cache.get_or_make("a", lambda: {"x": FrozenFeatures(one)(clips[:1], 16000)})
    assert np.array_equal(stored["x"], FrozenFeatures(one)(clips[:1], 16000).numpy())


def test_incomplete_weights(one, tmp_path):
    """What is not in the file would be random: refused by name."""
    from safetensors.torch import load_file, save_file

    weights = load_file(one / "model.safetensors")
    for part in one.iterdir():
        (tmp_path / part.name).write_bytes(part.read_bytes())
    key = "encoder.layers.1.attention.k_proj.weight"
    save_file(
        {k: v for k, v in weights.items() if k != key}, tmp_path / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(RunError, match=r"the weights lack .*k_proj.weight, which would be random"):
        FrozenFeatures(tmp_path)
    rest = {k: v for k, v in weights.items() if k != "masked_spec_embed"}  # only for pretraining
    assert len(rest) < len(weights)
    save_file(rest, tmp_path / "model.safetensors", {"format": "pt"})
    FrozenFeatures(tmp_path)
    save_file({**weights, key: torch.zeros(3, 3)}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(RunError, match=r"k_proj|mismatch"):
        FrozenFeatures(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"junk" * 100)
    with pytest.raises(RunError, match="can't be loaded"):
        FrozenFeatures(tmp_path)


def test_no_pickles(one, tmp_path):
    for part in one.iterdir():
        if part.suffix != ".safetensors":
            (tmp_path / part.name).write_bytes(part.read_bytes())
    torch.save(FrozenFeatures(one).model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(RunError, match=r"can't be loaded: .*safetensors"):
        FrozenFeatures(tmp_path)


def test_not_found(tmp_path):
    with pytest.raises(
        RunError, match=r"^org/nothing can't be loaded: .*; give a directory here, or a model on"
    ):
        FrozenFeatures("org/nothing", local_files_only=True)
    for name in ("/no/such/place", "./here", "wav2vec2", "a/b/c"):
        with pytest.raises(UsageError, match="neither a directory here nor a name on the Hub"):
            FrozenFeatures(name)
    with pytest.raises(RunError, match=r"can't be loaded: .*config.json"):
        FrozenFeatures(tmp_path)
    transformers.BertConfig(**SIZES).save_pretrained(tmp_path)
    with pytest.raises(UsageError, match=r"of another kind: 'bert' .*; choose from wav2vec2, hubert"):
        FrozenFeatures(tmp_path)
    for options in ({"pooling": "max"}, {"batch_size": 0}):
        with pytest.raises(UsageError, match=r"'max'|batch size 0"):
            FrozenFeatures(tmp_path, **options)
