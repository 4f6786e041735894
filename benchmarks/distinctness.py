"""Whether presets and drums can be told apart by ear: a simple classifier on held-out players. Run::

    pip install '.[benchmarks]'
    sousa generate -p 20 -t 1 -a 12 -o DIR
    python benchmarks/distinctness.py DIR

A row becomes 40 log band levels: their mean and spread over the row, and their level before the first
stroke. Linear discriminant analysis learns from the players of the train split and is judged on those
of validation and test.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sousa.generation.audio import encode
from sousa.generation.manifest import read_manifest
from sousa.generation.tables import row_groups

FRAME, BANDS = 2048, 40


def features(row):
    """Float64 (3 * BANDS,)."""
    pcm, _ = encode.decode(row["audio"]["bytes"])
    sound = pcm.mean(axis=1) / 32768.0
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME) * np.hanning(FRAME)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    edges = np.unique(np.geomspace(2, FRAME // 2, BANDS + 8).astype(int))[-BANDS - 1 :]
    level = 10 * np.log10(np.add.reduceat(power, edges[:-1], axis=1) + 1e-9)
    first = max(row["strokes"][0]["onset_sample"] // FRAME, 1)
    return np.concatenate([level[first:].mean(axis=0), level[first:].std(axis=0), level[:first].mean(axis=0)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    root = parser.parse_args().directory
    found = {"train": [], "other": []}
    wanted = ["augmentation_preset", "bank", "audio", "strokes"]
    for record in read_manifest(root)["shards"].values():
        side = found["train" if record["split"] == "train" else "other"]
        for group in row_groups(Path(root) / record["file"], wanted):
            for row in group.to_pylist():
                side.append((features(row), row["augmentation_preset"], row["bank"]))
    (x, preset, bank), (x2, preset2, bank2) = (
        (np.array([f for f, *_ in rows]), *(np.array([r[i] for r in rows]) for i in (1, 2)))
        for rows in found.values()
    )
    print(f"{len(x):,} rows of train players, {len(x2):,} of others")
    for name, y, y2 in (("preset", preset, preset2), ("drum", bank, bank2)):
        model = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis()).fit(x, y)
        guess = model.predict(x2)
        common = max(np.mean(y2 == value) for value in set(y2))
        print(
            f"{name}: {np.mean(guess == y2):.1%} right of {len(set(y))} (always the commonest: {common:.1%})"
        )
        for value in sorted(set(y2)):
            print(f"    {np.mean(guess[y2 == value] == value):6.1%}  {value}")
    clean, clean2 = preset == "clean", preset2 == "clean"
    model = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis()).fit(x[clean], bank[clean])
    print(f"drum of clean rows: {np.mean(model.predict(x2[clean2]) == bank2[clean2]):.1%} right")


if __name__ == "__main__":
    main()
