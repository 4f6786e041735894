"""Front ends and networks of notes: one clock from sound to label, axes, limits, windows over long clips."""

import numpy as np
import pytest
import torch
from transformers import ASTConfig, ASTFeatureExtractor, ASTModel

from sousa.generation.errors import UsageError
from sousa.training import front_ends, windows
from sousa.training.front_ends import LogMel, Pretrained
from sousa.training.models.cnn import Cnn, CnnConfig
from sousa.training.models.model import Model, build_encoder, same_weights
from sousa.training.models.pretrained import AstConfig, Encoder
from sousa.training.tasks import column_target
from sousa.training.tasks.note_rolls import KEYS
from tests.support import tone_notes

RATE = 16000
COLUMN = next(column for column in tone_notes.COLUMNS if column.name == "tones")
MEL = LogMel(sampling_rate=RATE, n_fft=1024, hop_length=320, n_mels=64, f_max_hz=8000)
SMALL = CnnConfig(stem_channels=(4, 4), frame_channels=16, frame_dilations=(1, 2))


def model_of(kind, max_sec=2.0):
    """A small random model of notes, and its target."""
    torch.manual_seed(0)
    target = column_target(COLUMN)
    if kind == "cnn":
        front_end, encoder = MEL, Cnn(SMALL, MEL.num_features)
    else:
        extractor, network = AstConfig(layers=1, hidden_size=16, heads=2).make(max_sec)
        front_end, encoder = Pretrained(extractor), Encoder(network, frames=True)
    return Model("tones", [target], ["tones"], front_end, encoder, max_sec).eval(), target


def clicked(seconds, *at):
    """Noise bursts of 30 ms at moments of a silent clip."""
    audio, rng = np.zeros(round(seconds * RATE), np.float32), np.random.default_rng(0)
    for second in at:
        start = round(second * RATE)
        audio[start : start + 480] = rng.uniform(-0.5, 0.5, 480)
    return audio


@pytest.mark.parametrize("kind", ["cnn", "ast"])
@pytest.mark.parametrize("second", [1.0, 10.0, 40.0])
def test_frame_k_of_the_label_is_frame_k_of_the_features(kind, second):
    """What is heard of windows, put together, lies where the label has it, to half a frame."""
    model, target = model_of(kind, max_sec=4.0)
    audio = clicked(second + 1.5, second)
    parts = windows.split(model, audio)
    if kind == "cnn":
        heard = parts.mean(-1, keepdim=True)
    else:  # the frames of 20 ms that the middles of patches are made of
        c, step = model.encoder.model.config, 2
        before = (c.patch_size - c.time_stride) // 2
        heard = parts.mean(-1)[:, before : before + model.num_frames * step]
        heard = heard.unflatten(1, (-1, step)).mean(2)[..., None]
    curve = windows.join(model, heard, len(audio))[:, 0].numpy()
    row = {
        "tones": {"begin": np.array([round(second * RATE)]), "stop": np.array([round((second + 1) * RATE)]),
                  "release": np.array([0]), "height": np.array([60]), "force": np.array([64])},
        "foot": {"sample": np.zeros(0, int), "value": np.zeros(0, int)}, "start_sample": 0, "file_rate": RATE,
    }  # fmt: skip
    label = target.label(row, len(curve), model.frame_sec)[:, 60 - 21]
    assert target.first_sec == model.first_sec and model.frame_sec == pytest.approx(0.02)
    # the burst is 30 ms long: where it lies, in the mean of energy over the frames that hear it
    power = np.maximum(curve - np.median(curve), 0) ** 2
    centre = (power * np.arange(len(power))).sum() / power.sum() * model.frame_sec + model.first_sec
    assert centre == pytest.approx(second + 0.015, abs=model.frame_sec / 2)
    assert abs(label.argmax() * model.frame_sec + model.first_sec - second) <= model.frame_sec / 2 + 1e-4


def test_the_spectrogram_front_end_has_time_first_and_the_normalisation_of_audioset():
    extractor, _ = AstConfig().make(10.24)
    values = Pretrained(extractor)(clicked(10.24, 5.0))
    assert values.shape == (1024, 128)
    assert abs(int(values.mean(1).argmax()) - 500) <= 2  # 10 ms a step
    tone = np.sin(2 * np.pi * 6000 * np.arange(RATE) / RATE).astype(np.float32)
    bands = Pretrained(extractor)(tone)[:90].mean(0)
    assert 110 < int(bands.argmax()) < 125  # bands second, low to high
    assert (extractor.mean, extractor.std) == (-4.2677393, 4.5689974)
    assert values[900:].mean() < values[500].mean() and values.std() < 2


@pytest.mark.parametrize(
    ("stride", "seconds", "frames"), [(8, 10.24, 508), (10, 10.24, 510), (4, 2.0, 94), (16, 2.0, 104)]
)  # fmt: skip
def test_patches_become_frames_in_order_of_time(stride, seconds, frames):
    """A frame depends on the spectrogram around its moment, and the later on the later."""
    extractor, network = AstConfig(layers=1, hidden_size=16, heads=2, time_stride=stride).make(seconds)
    encoder, front_end = Encoder(network, frames=True).eval(), Pretrained(extractor)
    assert encoder.num_frames(front_end, 0) == frames
    first, frame_sec = encoder.clock(front_end)
    bands, times = encoder._grid
    # in place of the transformer: its patches as they come in, each with its own time in all its numbers
    patches = torch.arange(times, dtype=torch.float32).repeat(bands)[None, :, None].expand(1, -1, 16)
    states = torch.cat([torch.full((1, 2, 16), -1.0), patches], dim=1)

    class Patches(torch.nn.Module):
        config = network.config

        def forward(self, x):
            return type("Out", (), {"last_hidden_state": states})

    encoder.model = Patches()
    with torch.no_grad():
        encoder.frames.weight.fill_(1.0 / encoder.frames.in_features)
        encoder.frames.bias.zero_()
    fine, _ = encoder(torch.zeros(1, 1, 1))
    step = stride // 2
    assert fine.shape == (1, frames, 256)
    wanted = torch.nn.functional.gelu(torch.arange(times, dtype=torch.float32)).repeat_interleave(step)
    assert torch.allclose(fine[0, :, 0], wanted, atol=1e-4)
    # the middle of a patch of 16 steps of 10 ms, whose windows are 25 ms long
    middle = (np.arange(step) * frame_sec + first).mean()
    assert middle == pytest.approx(0.0125 + 0.01 * 7.5)


def test_windows_say_of_every_frame_what_the_whole_clip_says():
    model, _ = model_of("cnn", max_sec=2.0)
    rng = np.random.default_rng(0)
    audio = rng.uniform(-0.5, 0.5, round(5.37 * RATE)).astype(np.float32)
    told = windows.outputs(model, audio, batch_size=2)["tones"]
    assert told.shape == (len(audio) // 320 + 2, 4 * KEYS + 1)
    with torch.inference_mode():
        padded = np.pad(audio, (320 * 25, 320 * 25))  # so that edges sound as in windows
        whole = model(model.front_end(padded)[None])["tones"][0].numpy()
    assert np.allclose(told[:-1], whole[25 : 25 + len(told) - 1], atol=1e-4)
    short = windows.outputs(model, audio[:100])["tones"]
    assert len(short) == 2 and np.isfinite(windows.outputs(model, audio[:0])["tones"]).all()


def test_clips_longer_than_an_encoder_hears_are_refused_in_one_sentence():
    extractor, network = AstConfig(layers=1, hidden_size=16, heads=2).make(4.0)
    with pytest.raises(UsageError, match=r"clips of 12 s are longer than the 4\.00 s this encoder hears"):
        parts = Pretrained(extractor), Encoder(network, frames=True)
        Model("t", [column_target(COLUMN)], ["tones"], *parts, 12.0)
    odd = ASTModel(ASTConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, time_stride=9))
    with pytest.raises(UsageError, match="time_stride is even"):
        Encoder(odd, frames=True)


@pytest.mark.parametrize("kind", ["cnn", "ast"])
def test_models_are_what_they_were_after_saving(kind, tmp_path):
    model, _ = model_of(kind)
    model.save_pretrained(tmp_path)
    again = Model.from_pretrained(tmp_path)
    assert same_weights(again, tmp_path) and again.targets == model.targets
    audio = np.random.default_rng(0).uniform(-0.3, 0.3, 3 * RATE).astype(np.float32)
    one, two = (windows.outputs(net, audio)["tones"] for net in (model, again))
    assert np.array_equal(one, two)


def test_networks_may_have_attention_and_recurrence():
    for more in ({"recurrent_size": 8}, {"attention_layers": 1, "attention_heads": 2}):
        config = SMALL.model_copy(update=more)
        net = build_encoder({"kind": "cnn", **config.model_dump()}, MEL)
        fine, coarse = net(torch.randn(2, 51, 64))
        assert fine.shape == (2, 51, net.fine_size) and net.settings()["kind"] == "cnn"
        assert coarse is fine


def test_encoders_of_patches_without_frames_are_as_they_were():
    config = ASTConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, max_length=128)
    encoder, front_end = Encoder(ASTModel(config)), front_ends.Pretrained(ASTFeatureExtractor(max_length=128))
    assert encoder.clock(front_end) is None and "frames" not in encoder.settings()
