"""What Python shows of datasets, releases, reports and differences."""

import pyarrow.parquet as pq

import sousa
from sousa.builders.release import opened
from sousa.generation.reopen import open_dataset


def test_a_dataset(tiny):
    files = [pq.read_table(file, columns=["duration_sec"]) for file in tiny.glob("data/*/*.parquet")]
    hours = sum(sum(table["duration_sec"].to_pylist()) for table in files) / 3600
    counts = {split: 3 * len([*tiny.glob(f"data/{split}/*")]) for split in ("train", "validation", "test")}
    stored = open_dataset(tiny)
    splits = ", ".join(f"{split} {rows}" for split, rows in counts.items() if rows)
    assert repr(stored).splitlines() == [
        f"dataset in {tiny}",
        f"  rudiments {stored.data_version}, size custom, 9 rows, {hours:.2f} h, 44,100 Hz",
        f"  splits: {splits}",
    ]


def test_a_release_and_what_differs(versions):
    old, new = versions
    lines = repr(opened.read(old)).splitlines()
    assert lines[0] == f"release 1.0.0 in {old}" and lines[1].startswith("  rudiments ")
    assert "15 rows, 44,100 Hz" in lines[1] and lines[2].startswith("  configs: custom")
    changes = sousa.diff(str(old), str(new))
    assert repr(changes).splitlines() == ["a major change", *(f"  {line}" for line in changes.lines())]
    assert repr(sousa.diff(str(old), str(old))) == "nothing differs"


def test_a_validation_report(tiny):
    report = sousa.validate(tiny)
    assert repr(report) == report["text"] and "PASS" in repr(report)
