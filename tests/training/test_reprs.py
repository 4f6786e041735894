"""What Python shows of rows, datasets, loaders and reports: where they are from, and how much they are."""

import re

import pyarrow.parquet as pq

from sousa.generation.rudiments.settings import make_config
from sousa.training.dataset import SOUSADataset, create_dataloader
from sousa.training.report import Metrics, summary
from sousa.training.stream import Loader, open_rows
from tests.conftest import TINY_OPTIONS


def hours(root, split):
    tables = [pq.read_table(file, columns=["duration_sec"]) for file in (root / "data" / split).iterdir()]
    return sum(sum(table["duration_sec"].to_pylist()) for table in tables) / 3600


def test_rows_say_what_they_are_of(tiny):
    rows = open_rows(tiny, "train", columns=["skill_tier", "strokes"])
    assert repr(rows).splitlines() == [
        f"Rows of {tiny}, split train",
        "  corpus: rudiments",
        f"  {len(rows)} rows, {hours(tiny, 'train'):.2f} h, 44,100 Hz",
        "  columns: audio, skill_tier, strokes, sample_id",
    ]
    assert f"  1 row, {rows.select([0])._hours():.2f} h," in repr(rows.select([0]))
    crops = open_rows(tiny, sample_rate=16000, crop_sec=0.5)
    assert "16,000 Hz" in repr(crops) and abs(crops._hours() * 3600 - 0.5 * len(crops)) < 1e-6


def test_rows_without_sound_and_rows_that_are_made(tiny):
    assert "Hz" not in repr(open_rows(tiny, audio=None))
    live = open_rows(make_config(**TINY_OPTIONS), "train")
    assert re.match(
        r"LiveRows of the configuration, split train\n  corpus: rudiments\n  \d rows, 44,100 Hz", repr(live)
    )


def test_other_files_say_what_is_known(tmp_path):
    import pyarrow as pa

    file = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"x": [1, 2], "audio": [b"", b""]}), file)
    rows = open_rows(file, columns=["x"])
    assert repr(rows).splitlines() == [f"Rows of {file}", "  2 rows", "  columns: audio, x"]


def test_datasets_and_loaders(tiny):
    dataset = SOUSADataset(tiny, "train", target="skill_tier_binary")
    assert repr(dataset).startswith(f"SOUSADataset of {tiny}, split train\n  corpus: rudiments\n")
    assert repr(dataset).endswith("\n  target: skill_tier_binary (2 classes: novice, skilled)")
    loader = create_dataloader(dataset, batch_size=2, num_workers=0)
    first, *rest = repr(loader).splitlines()
    assert first == f"Loader: batches of 2, {len(loader)} left in epoch 0, seed 0"
    assert rest[0] == f"  SOUSADataset of {tiny}, split train"
    assert "in order of rows, rank 1 of 2" in repr(Loader(dataset, 1, shuffle=False, rank=1, world_size=2))


def test_metrics_show_their_summary():
    metrics = Metrics(
        num_rows=0, num_groups=0, targets={"x": {"kind": "class"}}, breakdowns={}, checks=[], notes=[]
    )
    metrics["grouped_by"], metrics["group_nouns"] = None, None
    metrics["targets"] = {}
    metrics["notes"] = ["nothing was predicted"]
    metrics["targets"] = {
        "x": {
            "kind": "class", "by": {}, "baselines": {},
            "metrics": {
                name: {"value": 0.5, "low": None, "high": None}
                for name in ("accuracy", "balanced_accuracy", "macro_f1")
            },
        }
    }  # fmt: skip
    assert repr(metrics) == summary(metrics) and "accuracy" in repr(metrics)
