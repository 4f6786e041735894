"""The PyTorch dataset: labels, masks, batches, balanced batches, and a loop that learns from them."""

import math
import pickle

import numpy as np
import pytest
import torch

from sousa.generation.errors import UsageError
from sousa.generation.rudiments.settings import make_config
from sousa.training import labels
from sousa.training.dataset import (
    ID_TO_RUDIMENT,
    ID_TO_SKILL_TIER,
    RUDIMENT_LABELS,
    RUDIMENT_TO_ID,
    SKILL_TIER_LABELS,
    SKILL_TIER_TO_ID,
    SOUSADataset,
    StratifiedBatchSampler,
    collate_fixed_length,
    collate_variable_length,
    create_dataloader,
)  # fmt: skip
from sousa.training.stream import Rows


def test_label_maps_are_whole_and_fixed():
    assert SKILL_TIER_LABELS == ["beginner", "intermediate", "advanced", "professional"]
    assert (
        len(RUDIMENT_LABELS) == len(set(RUDIMENT_LABELS)) == 40 and RUDIMENT_LABELS[0] == "single_stroke_roll"
    )
    assert all(ID_TO_RUDIMENT[RUDIMENT_TO_ID[name]] == name for name in RUDIMENT_LABELS)
    assert labels.RUDIMENT_SLUG_LABELS == labels.CLASSES["rudiment_slug"] == RUDIMENT_LABELS
    assert labels.TIER_LABELS == SKILL_TIER_LABELS and not hasattr(labels, "SCORE_LABELS")
    assert all(ID_TO_SKILL_TIER[SKILL_TIER_TO_ID[name]] == name for name in SKILL_TIER_LABELS)
    assert labels.SCORE_RANGES["overall_score"] == (0, 100)
    assert labels.SCORE_RANGES["groove_feel_proxy"] == (0, 1)


@pytest.mark.parametrize("target", ["skill_tier", "rudiment_slug", "overall_score", "groove_feel_proxy"])
def test_a_label_is_the_rows_value(small, target):
    data = SOUSADataset(small[0], "test", target=target, max_length_sec=1.0)
    rows = Rows(small[0], "test", columns=[target])
    for i in (0, 50, 119):
        item, value = data[i], rows[i][target]
        if target in labels.CLASSES:
            assert item["label"].dtype == torch.int64 and data.classes[item["label"]] == value
        else:
            low, high = labels.SCORE_RANGES[target]
            assert item["label"].item() == pytest.approx((value - low) / (high - low), abs=1e-6)
        assert item["label_mask"] and item["sample_id"] == rows[i]["sample_id"]
    assert data.num_classes == {"skill_tier": 4, "rudiment_slug": 40}.get(target)


def test_lists_of_targets_have_masks_for_nulls(small):
    names = ["overall_score", "flam_quality", "diddle_quality"]
    data = SOUSADataset(small[0], "test", target=names, max_length_sec=0.5)
    rows = Rows(small[0], "test", columns=names)
    batch = next(iter(create_dataloader(data, 120, shuffle=False, num_workers=0)))
    assert batch["labels"].shape == batch["label_mask"].shape == (120, 3)
    for i, row in enumerate(rows):
        known = [row[name] is not None for name in names]
        assert batch["label_mask"][i].tolist() == known
        for value, name, there in zip(batch["labels"][i].tolist(), names, known, strict=True):
            assert math.isnan(value) if not there else value == pytest.approx(row[name] / 100, abs=1e-6)
    assert not batch["label_mask"].all() and batch["label_mask"][:, 0].all()


def test_waveforms_are_resampled_cut_scaled_and_transformed(small):
    item = SOUSADataset(small[0], "test", max_length_sec=2.0)[0]
    assert item["waveform"].shape == (32000,) and item["waveform"].abs().max() == 1
    raw = SOUSADataset(small[0], "test", resample_rate=None, normalize_audio=False)[0]
    assert np.array_equal(raw["waveform"].numpy(), Rows(small[0], "test")[0]["audio"])
    half = SOUSADataset(small[0], "test", max_length_sec=2.0, transform=lambda x: x * 0.5)[0]
    assert torch.equal(half["waveform"], item["waveform"] * 0.5)


def test_collation(small):
    data = SOUSADataset(small[0], "test", target="skill_tier")
    items = [data[i] for i in range(4)]
    batch = collate_variable_length(items)
    sizes = [len(item["waveform"]) for item in items]
    assert batch["waveforms"].shape == (4, max(sizes)) and batch["lengths"].tolist() == sizes
    assert batch["attention_mask"].sum(1).tolist() == sizes
    assert not batch["waveforms"][batch["attention_mask"] == 0].any()
    for line, item, size in zip(batch["waveforms"], items, sizes, strict=True):
        assert torch.equal(line[:size], item["waveform"])
    assert set(batch) == {
        "waveforms",
        "lengths",
        "labels",
        "label_mask",
        "attention_mask",
        "sample_ids",
        "metadata",
    }
    assert set(batch["metadata"]) == {
        "skill_tiers", "rudiment_slugs", "tempo_bpms", "soundfonts", "unseen_sounds"
    }  # fmt: skip
    assert batch["sample_ids"] == [item["sample_id"] for item in items]
    fixed = collate_fixed_length(items, 80000)
    assert fixed["waveforms"].shape == (4, 80000) and fixed["lengths"].max() <= 80000
    with pytest.raises(UsageError, match="the batch is empty"):
        collate_variable_length([])


def test_loaders_are_resumable_and_picklable(small):
    data = SOUSADataset(small[0], "test", target="skill_tier", max_length_sec=0.2)
    loader = create_dataloader(data, 16, num_workers=2, fixed_length=3200)
    pickle.loads(pickle.dumps(loader.collate_fn))
    pickle.loads(pickle.dumps(data))
    batches = [batch["sample_ids"] for batch in loader]
    assert sorted(name for batch in batches for name in batch) == sorted(
        data.rows.table["sample_id"].to_pylist()
    )
    again = create_dataloader(data, 16, num_workers=0, fixed_length=3200)
    again.load_state_dict({"epoch": 0, "consumed_rows": 32, "seed": 0, "num_rows": 120, "shuffle": True})
    assert [batch["sample_ids"] for batch in again] == batches[2:]


def test_a_live_configuration_works_the_same(tiny):
    config = make_config(
        profiles=3, tempos=1, augmentations=1, rudiments=["flam", "five_stroke_roll", "multiple_bounce_roll"]
    )
    stored, live = (SOUSADataset(source, "train", max_length_sec=1.0) for source in (tiny, config))
    for a, b in zip(stored, live, strict=True):
        assert torch.equal(a["waveform"], b["waveform"]) and a["label"] == b["label"]


@pytest.mark.parametrize("drop_last", [False, True])
def test_stratified_batches_end_and_balance(small, drop_last):
    data = SOUSADataset(small[0], "train", target="skill_tier")
    tiers = data.rows.table["skill_tier"].to_pylist()
    sampler = StratifiedBatchSampler(data, 18, drop_last=drop_last)
    batches = list(sampler)
    assert len(batches) == len(sampler) == (len(data) // 18 if drop_last else math.ceil(len(data) / 18))
    counts = np.zeros(4, int)
    for batch in batches:
        own = np.bincount([SKILL_TIER_TO_ID[tiers[row]] for _, row in batch], minlength=4)
        assert own.max() - own.min() <= 1
        counts += own
    assert counts.max() - counts.min() <= 1
    # a rare class is used up before any of its rows comes again
    rows = [row for batch in batches for _, row in batch]
    for tier in set(tiers):
        own = [row for row in rows if tiers[row] == tier]
        times = np.unique(own, return_counts=True)[1]
        assert times.max() - (0 if len(set(own)) < tiers.count(tier) else times.min()) <= 1
    assert list(sampler) != batches  # the next epoch has another order
    sampler.set_epoch(0)
    assert list(sampler) == batches


def test_a_rudiment_can_be_balanced_too(small):
    data = SOUSADataset(small[0], "test", target="rudiment_slug")
    batch = next(iter(StratifiedBatchSampler(data, 40)))
    assert len({data.rows.table["rudiment_slug"][row].as_py() for _, row in batch}) == 40
    with pytest.raises(UsageError, match="balanced by 'bank'"):
        StratifiedBatchSampler(data, 40, column="bank")


def test_a_plain_loop_learns(tiny):
    """A line of a model on the level of the sound tells flams from rolls it has seen."""
    torch.manual_seed(0)
    data = SOUSADataset(tiny, "train", target="rudiment_slug", max_length_sec=3.0)
    loader = create_dataloader(data, 6, num_workers=0, fixed_length=48000)
    model = torch.nn.Sequential(
        torch.nn.Linear(3, 16), torch.nn.Tanh(), torch.nn.Linear(16, data.num_classes)
    )
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    losses = []
    for _ in range(60):
        for batch in loader:
            x = batch["waveforms"]
            features = torch.stack([x.abs().mean(1), x.std(1), (x.abs() > 0.2).float().mean(1)], dim=1) * 10
            loss = torch.nn.functional.cross_entropy(model(features), batch["labels"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize(("options", "sentence"), [
    ({"target": "skil_tier"}, "unknown target 'skil_tier' (did you mean skill_tier?)"),
    ({"target": []}, "no target is named"),
    ({"target": ["overall_score", "x"]}, "unknown target 'x'"),
    ({"split": "trian"}, "has no split 'trian'"),
])  # fmt: skip
def test_wrong_requests_are_one_sentence(tiny, options, sentence):
    with pytest.raises(UsageError) as caught:
        SOUSADataset(tiny, **options)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)
