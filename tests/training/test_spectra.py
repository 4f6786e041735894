"""Spectrograms that are kept: numbers and labels as from sound, made once, changed while training."""

import numpy as np
import pytest
import torch

from sousa.generation.errors import RunError, UsageError
from sousa.training import config
from sousa.training.augment import SpecAugment
from sousa.training.batches import Collate, rows_for
from sousa.training.front_ends import LogMel
from sousa.training.spectra import SpectrumRows
from tests.training.test_tasks import model
from tests.training.test_train import data, run  # noqa: F401 - a fixture


@pytest.fixture
def whole(small):
    network = model("strokes")
    return network, rows_for(network, small[0], "test", learnt=True, whole=True)


def kept(whole, tmp_path, **options):
    network, rows = whole
    return SpectrumRows(rows, network.front_end, network.max_sec, directory=tmp_path, quiet=True, **options)


def test_batches_are_those_of_sound(small, whole, tmp_path):
    network, _ = whole
    numbers = [0, 5, 17]
    from_sound = rows_for(network, small[0], "test", learnt=True)
    collate = Collate(network)
    plain = collate([from_sound[i] for i in numbers])
    stored = collate([kept(whole, tmp_path)[i] for i in numbers])
    assert torch.equal(plain["valid"] > 0.999, stored["valid"] > 0.999)
    torch.testing.assert_close(plain["labels"], stored["labels"])
    # the last frames see what was cut off behind them; the rest differs by half precision alone
    near = slice(0, plain["input_values"].shape[1] - 4)
    torch.testing.assert_close(
        plain["input_values"][:, near], stored["input_values"][:, near], atol=4e-3, rtol=2e-3
    )


def test_labels_of_random_crops_are_where_the_sound_is(whole, tmp_path):
    network, rows = whole
    target = network.targets[0]
    stored = kept(whole, tmp_path, crop="random", seed=3)
    starts = set()
    for row in (0, 4, 9):
        for epoch in (0, 1):
            out = stored[epoch, row]
            starts.add(out["start_sample"])
            assert np.array_equal(out["spectrum"], stored[epoch, row]["spectrum"])
            first = round(out["start_sample"] * network.front_end.sampling_rate / out["file_rate"])
            own = network.front_end(rows[row]["audio"])[first // network.front_end.hop_length :]
            torch.testing.assert_close(out["spectrum"], own[: len(out["spectrum"])], atol=4e-3, rtol=2e-3)
            times = [event["onset_sec"] for event in target.truth(out, network.max_sec)]
            onsets = rows.table["strokes"][row].values.field("onset_sample").to_numpy()
            wanted = (onsets - out["start_sample"]) / out["file_rate"]
            np.testing.assert_allclose(times, wanted[(wanted >= 0) & (wanted < network.max_sec)])
    assert len(starts) > 2


def test_they_are_made_once_and_for_each_front_end(whole, tmp_path, monkeypatch):
    network, rows = whole
    first = kept(whole, tmp_path)
    monkeypatch.setattr(type(rows), "encoded", lambda self, numbers: pytest.fail("read again"))
    assert torch.equal(kept(whole, tmp_path)[3]["spectrum"], first[3]["spectrum"])
    monkeypatch.undo()
    other = SpectrumRows(rows, LogMel(n_mels=20), network.max_sec, directory=tmp_path, quiet=True)
    assert other[3]["spectrum"].shape[1] == 20 and other.path != first.path
    part = SpectrumRows(rows.select([3]), network.front_end, 2.0, directory=tmp_path, quiet=True)
    assert torch.equal(part[0]["spectrum"], first[3]["spectrum"]) and part.path != first.path


def test_nothing_half_made_is_left(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(np, "save", lambda *_: (_ for _ in ()).throw(OSError("No space left on device")))
    with pytest.raises(RunError, match=r"spectrograms can't be kept in .*No space left"):
        kept(whole, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_run_learns_from_them_and_resumes(data, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("SOUSA_CACHE", str(tmp_path / "cache"))
    changed = {"gain_db": 6, "eq_db": 6, "dynamics": [0.9, 1.5], "rattle_prob": 0.5}
    root = run(
        tmp_path / "a", data, rows={"spectra": True, "crop": "random"}, report=False, augment=None,
        spec_augment=changed, train={"num_train_epochs": 1},
    )  # fmt: skip
    assert (root / "model" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    "change, said",
    [
        ({"augment": {"gain_db": 3}}, "augment changes waveforms"),
        ({"model": {"kind": "ast"}}, "data.spectra keeps log-mel spectrograms"),
        ({"data": {"live": True, "generate": {"profiles": 1}}}, "data.live makes rows anew"),
        ({"data": {"crop": "centre"}}, "data.crop is centre"),
    ],
)
def test_what_does_not_go_together_is_said(change, said):
    settings = {"task": "rudiment", **change, "data": {"spectra": True, **change.get("data", {})}}
    with pytest.raises(UsageError, match=said):
        config.checked(settings)


def spectrum(front_end, frames=400, level=0.3):
    """Three sounds that die away, over silence."""
    magnitudes = torch.zeros(2, frames, front_end.num_features)
    for start, loud in ((50, level), (150, level / 8), (250, level / 2)):
        fall = 0.9 ** torch.arange(frames - start)
        magnitudes[:, start:] += loud * fall[:, None]
    return ((magnitudes + front_end.floor).log() - front_end.mean) / front_end.std


def levels_db(front_end, x):
    return 20 * torch.log10((x * front_end.std + front_end.mean).exp().mean(2))


def test_changes_of_level_and_colour():
    front_end = LogMel()
    x = spectrum(front_end)
    torch.testing.assert_close(SpecAugment(front_end, dynamics=[1.0, 1.0])(x), x, atol=1e-4, rtol=1e-4)
    before = levels_db(front_end, x)
    after = levels_db(front_end, SpecAugment(front_end, dynamics=[1.5, 1.5])(x))
    assert abs(after - before)[:, 50].max() < 0.1  # the loudest stays
    drop = (before - after)[:, 150].mean()
    assert 8 < drop < 10  # 18 dB below the loudest become 27
    torch.manual_seed(0)
    louder = levels_db(front_end, SpecAugment(front_end, gain_db=6.0)(x)) - before
    assert louder[:, 50].abs().max() <= 6.01 and louder[:, 50].std() > 0.1
    coloured = SpecAugment(front_end, eq_db=12.0, tilt_db=6.0)(x)
    assert (coloured[:, 52] - x[:, 52]).std(1).min() > 0.02


def test_rattles_follow_sounds_and_move_no_onset():
    front_end = LogMel()
    x = spectrum(front_end)
    torch.manual_seed(1)
    out = SpecAugment(front_end, rattle_prob=1.0, rattle_db=[-12, -12], rattle_ms=[200, 200])(x)
    assert torch.isfinite(out).all()
    torch.testing.assert_close(out[:, :50], x[:, :50], atol=1e-4, rtol=1e-4)  # silence
    more = levels_db(front_end, out) - levels_db(front_end, x)
    assert more[:, 80:120].mean() > 3


def test_noise_lies_under_the_sound():
    front_end = LogMel()
    x = spectrum(front_end)
    out = levels_db(front_end, SpecAugment(front_end, noise_db=[-30, -30], noise_prob=1.0)(x))
    assert -50 < (out[:, :40] - out[:, 50:53].max()).mean() < -20


def test_other_models_may_have_masks_alone():
    settings = {"task": "rudiment", "model": {"kind": "ast"}, "spec_augment": {"eq_db": 3}}
    with pytest.raises(UsageError, match="spec_augment changes levels"):
        config.checked(settings)
    config.checked(settings | {"spec_augment": {"band_masks": 1, "band_width": 4}})
