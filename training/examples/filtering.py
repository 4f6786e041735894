"""Rows chosen by their labels, before any audio is read.

    python training/examples/filtering.py DATASET

DATASET is a directory that ``sousa generate`` or ``sousa release`` made.
"""

from collections import Counter

from sousa.generation.errors import SousaError
from sousa.training.ending import run_example
from sousa.training.filters import Filter, clean_pairs, select
from sousa.training.stream import open_rows


def main(where: str) -> None:
    everything = open_rows(where, audio=None)
    yaml = "{tiers: [beginner, intermediate], scores: {overall_score: [40, null]}}"
    filters = {
        "beginners": select(tiers=["beginner"]),
        "rolls up to 100 BPM": select(categories=["roll"], tempo_bpm=(None, 100)),
        "clearly of their tier": select(tier_confidence=(0.5, None)),
        "as YAML says it": Filter.parse(yaml),
    }
    filters["neither beginners nor rolls"] = ~(filters["beginners"] | select(categories=["roll"]))
    print(f"{len(everything)} rows in {where}")
    for name, condition in filters.items():
        try:
            rows = open_rows(where, where=condition, columns=("skill_tier",), sample_rate=16000)
        except SousaError:
            print(f"{name}: none")
            continue
        tiers = Counter(rows.table["skill_tier"].to_pylist())
        row = rows[0]  # the first sound that is read
        print(f"{name}: {len(rows)} rows {dict(tiers)}, the first {len(row['audio']) / 16000:.2f} s long")

    names = ("augmentation_group_id", "augmentation_preset")
    rows = open_rows(where, columns=names, audio=None)
    pairs = clean_pairs(rows)
    presets = Counter(rows.table["augmentation_preset"][int(other)].as_py() for _, other in pairs)
    print(f"{len(pairs)} pairs of a clean rendering and another of the same take {dict(presets)}")


if __name__ == "__main__":
    run_example(main, __doc__)
