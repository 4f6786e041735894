"""Targets, front ends, augmentation and the model: labels are where the sound is, nulls teach nothing."""

import math

import numpy as np
import pytest
import torch
import torchaudio

from sousa.generation import corpora
from sousa.training import labels, tasks
from sousa.training.augment import SpecAugment, Waveform
from sousa.training.batches import Collate, predict, rows_for
from sousa.training.front_ends import LogMel
from sousa.training.models.compact import Compact, CompactConfig
from sousa.training.models.model import Model, Pooling
from sousa.training.roles import Known
from sousa.training.stream import Rows

SIZES = {"channels": 8, "wide_channels": 8, "fine_dilations": [1], "dilations": [1, 2]}
RUDIMENTS = Known(corpora.get("rudiments").columns(), corpora.get("rudiments"))


def target_of(name):
    """The target of a column of rudiments."""
    return tasks.column_target(RUDIMENTS.targets[name])


def model(task="multitask", **more):
    torch.manual_seed(0)
    targets = tasks.make_targets(RUDIMENTS, task)
    front_end = LogMel(n_mels=16)
    encoder = Compact(CompactConfig(**SIZES), front_end.num_features)
    return Model(
        task, targets, [t.name for t in targets], front_end, encoder, **{"max_sec": 2.0, **more}
    ).eval()


@pytest.mark.parametrize("crop", [{}, {"crop_sec": 1.5, "crop": "random"}, {"sample_rate": 22050}])
def test_stroke_labels_decode_to_the_labelled_times(small, crop):
    """Frames and places in them, made of a row and read back, are its onsets to the microsecond."""
    target, frame_sec = target_of("strokes"), 440 / 44100
    rows = Rows(small[0], "test", columns=list(target.columns), **crop)
    for i in range(0, 120, 7):
        row = rows[i]
        length = len(row["audio"]) / row["sampling_rate"]
        frames = math.ceil(length / frame_sec)
        label = target.label(row, frames, frame_sec)
        true = target.predictions(
            torch.zeros(1, frames, target.num_outputs), torch.from_numpy(label)[None], [length], frame_sec
        )
        times = np.array([stroke["onset_sec"] for stroke in true["true_strokes"][0]])
        wanted = (row["strokes"]["onset_sample"] - row["start_sample"]) / row["file_rate"]
        wanted = wanted[(wanted >= 0) & (wanted < frames * frame_sec)]
        # of two onsets in a frame the first is kept
        first = np.unique(np.floor(wanted / frame_sec).astype(int), return_index=True)[1]
        assert np.allclose(times, wanted[first], atol=1e-6)
        # the same as outputs of a perfect model
        perfect = np.concatenate([np.where(label[:, :1] > 0, 9.0, -9.0), _logit(label[:, 1:])], axis=1)
        found = target.decode(perfect.astype(np.float32), frame_sec)
        assert np.allclose([stroke["onset_sec"] for stroke in found], wanted[first], atol=2e-5)
        assert [s["hand"] for s in found] == [int(h == "L") for h in _inside(row, frames, frame_sec, first)]


def _logit(x):
    x = np.clip(x, 1e-4, 1 - 1e-4)
    return np.log(x / (1 - x))


def _inside(row, frames, frame_sec, first):
    times = (row["strokes"]["onset_sample"] - row["start_sample"]) / row["file_rate"]
    return row["strokes"]["hand"][(times >= 0) & (times < frames * frame_sec)][first]


def test_one_stroke_seen_from_two_frames_is_one(small):
    target = target_of("strokes")
    output = np.full((10, target.num_outputs), -9.0, np.float32)
    output[4, :2], output[5, :2] = (3.0, 7.0), (2.0, -7.0)  # at the end of frame 4, at the beginning of 5
    found = target.decode(output, 0.01)
    assert len(found) == 1 and found[0]["onset_sec"] == pytest.approx(0.05, abs=1e-3)
    output[5, 1] = 3.0  # well inside frame 5: another stroke
    assert len(target.decode(output, 0.01)) == 2
    assert target.decode(output, 0.01, length_sec=0.03) == []


def test_nulls_have_no_loss_and_no_gradient():
    target = target_of("flam_quality")
    output = torch.zeros(3, 1, requires_grad=True)
    target.loss(output, torch.tensor([math.nan, 0.9, math.nan])).backward()
    assert output.grad[[0, 2]].abs().sum() == 0 and output.grad[1] != 0
    output = torch.zeros(2, 1, requires_grad=True)
    loss = target.loss(output, torch.tensor([math.nan, math.nan]))
    loss.backward()
    assert loss == 0 and output.grad.abs().sum() == 0
    classes = target_of("skill_tier")
    output = torch.zeros(2, 4, requires_grad=True)
    classes.loss(output, torch.tensor([-100, -100])).backward()
    assert output.grad.abs().sum() == 0
    classes.loss(output, torch.tensor([-100, 2])).backward()
    assert output.grad[0].abs().sum() == 0 and output.grad[1].abs().sum() > 0


def test_class_weights_weigh():
    output, label = torch.randn(6, 4), torch.tensor([0, 0, 0, 0, 1, 3])
    weights = [0.25, 1.0, 0.0, 2.0]
    expected = torch.nn.functional.cross_entropy(output, label, torch.tensor(weights))
    target = target_of("skill_tier")
    target.class_weights = weights
    assert torch.isclose(target.loss(output, label), expected)


def test_scores_come_back_on_their_own_range():
    for name in ("overall_score", "groove_feel_proxy"):
        low, high = labels.SCORE_RANGES[name]
        target = target_of(name)
        label = torch.tensor([target.label({name: low + 0.3 * (high - low)}, None, None)])
        found = target.predictions(label[:, None] - 0.5, label, None, None)
        assert found[f"true_{name}"][0] == pytest.approx(low + 0.3 * (high - low), abs=1e-4)
        assert found[f"pred_{name}"][0] == pytest.approx(found[f"true_{name}"][0], abs=1e-4)


@pytest.mark.parametrize(
    "settings", [{}, {"sampling_rate": 16000, "n_fft": 400, "hop_length": 160, "f_max_hz": 8000.0}]
)
def test_log_mel_is_torchaudios(settings):
    ours = LogMel(**settings)
    audio = 0.1 * torch.randn(20000, generator=torch.Generator().manual_seed(0))
    stock = torchaudio.transforms.MelSpectrogram(
        ours.sampling_rate, ours.n_fft, hop_length=ours.hop_length, n_mels=ours.n_mels, f_min=ours.f_min_hz,
        f_max=ours.f_max_hz, power=1.0, center=True, pad_mode="constant",
    )  # fmt: skip
    expected = ((stock(audio) + ours.floor).log().T - ours.mean) / ours.std
    found = ours(audio)
    assert found.shape == expected.shape == (ours.num_frames(20000), ours.n_mels)
    assert torch.allclose(found, expected, atol=1e-4)


def test_augmentation_is_drawn_from_the_generator_and_moves_no_onset():
    audio = np.zeros(4000, np.float32)
    audio[1000:] = np.random.default_rng(0).standard_normal(3000).astype(np.float32)
    change = Waveform(gain_db=6.0, tilt_db=6.0, polarity_prob=0.5)
    one, two, other = (change(audio, 44100, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, two) and not np.array_equal(one, other)
    for out in (one, other):
        assert not out[:1000].any() and out[1000] != 0 and out.dtype == np.float32
    noisy = Waveform(noise_db=(-20, -20), noise_prob=1.0)(audio, 44100, np.random.default_rng(0)) - audio
    rms = np.sqrt(np.mean(audio**2))
    assert np.sqrt(np.mean(noisy**2)) == pytest.approx(rms * 0.1, rel=0.05)


def test_masks_cover_what_they_may():
    torch.manual_seed(0)
    x = torch.ones(64, 50, 20)
    out = SpecAugment(time_masks=1, time_width=10, band_masks=1, band_width=4)(x)
    covered = out == 0
    assert covered.any() and covered[:, :, 0].any()
    for one in covered:
        rows, bands = one.all(1).sum(), one.all(0).sum()
        assert rows <= 11 and bands <= 5
    assert torch.equal(SpecAugment()(x), x)


def test_padding_is_not_heard():
    pooling = Pooling(4)
    x = torch.randn(2, 10, 4)
    longer = torch.cat([x, 100 * torch.randn(2, 10, 4)], dim=1)
    assert torch.allclose(pooling(x, torch.ones(2)), pooling(longer, torch.full((2,), 0.5)), atol=1e-5)


def test_what_is_said_of_a_clip_does_not_depend_on_its_neighbours_or_on_processes(small):
    net = model()
    rows = rows_for(net, small[0], "test").select(range(7))
    tables = [predict(net, rows, size, workers, quiet=True) for size, workers in ((7, 0), (1, 0), (3, 2))]
    for other in tables[1:]:
        assert other["sample_id"].equals(tables[0]["sample_id"])
        for a, b in zip(
            tables[0]["prob_rudiment_slug"].to_pylist(), other["prob_rudiment_slug"].to_pylist(), strict=True
        ):
            assert np.allclose(a, b, atol=1e-5)
    assert tables[0]["true_rudiment_slug"].to_pylist() == rows.table["rudiment_slug"].to_pylist()
    assert tables[0]["true_flam_quality"].null_count > 0 and tables[0]["pred_flam_quality"].null_count == 0


def test_frames_of_the_network_are_as_many_as_labels(small):
    for seconds in (0.5, 1.0, 2.0, 2.0037):
        net = model("strokes", max_sec=seconds)
        rows = rows_for(net, small[0], "test").select(range(2))
        batch = Collate(net)([rows[0], rows[1]])
        out = net(batch["input_values"], batch["valid"], batch["labels"])
        assert out["strokes"].shape == (2, net.num_frames, 8) == batch["labels"]["strokes"].shape
        assert torch.isfinite(out["loss"])
    # nothing after the end is predicted, however sure the network is
    torch.nn.init.constant_(net.heads["strokes"].bias, 5.0)
    table = predict(net, rows, 2, quiet=True)
    for row, strokes in zip(rows, table["pred_strokes"].to_pylist(), strict=True):
        assert max(s["onset_sec"] for s in strokes) < len(row["audio"]) / 44100


def test_a_room_changes_no_other_draw():
    sound = np.zeros(4000, np.float32)
    sound[0] = 1.0
    noise = Waveform(noise_db=(0, 0), noise_prob=1.0)(sound, 16000, np.random.default_rng(3))
    both = Waveform(noise_db=(0, 0), noise_prob=1.0, room_prob=1.0, room_sec=(0.01, 0.01))
    heard = both(sound, 16000, np.random.default_rng(3))
    assert np.corrcoef(noise[1000:], heard[1000:])[0, 1] > 0.999
