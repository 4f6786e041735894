"""Whether acoustics and drums can be told apart by ear: a simple classifier on held-out players. Run::

    pip install '.[benchmarks]'
    sousa generate -p 20 -t 1 -a 12 -o DIR
    python benchmarks/rudiments/distinctness.py DIR

A row becomes 40 log band levels: their mean and spread over the row, and their level before the first
stroke. Linear discriminant analysis learns from the players of the train split and is judged on those
of validation and test.
"""

import argparse

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import accuracy_score, recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sousa.generation.audio import encode
from sousa.generation.manifest import complete_manifest
from sousa.generation.storage import LocalStorage
from sousa.generation.tables import groups_of

FRAME, BANDS = 2048, 40
COLUMNS = ["split", "augmentation_preset", "bank", "audio", "strokes"]


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
    rows = [
        (row["split"] == "train", row["augmentation_preset"], row["bank"], features(row))
        for group in groups_of(LocalStorage(str(root)), complete_manifest(root)["shards"].values(), COLUMNS)
        for row in group.to_pylist()
    ]
    train, acoustics, bank, x = map(np.array, zip(*rows, strict=True))

    def told(labels, among):
        """Labels of the test rows among some, and what is said of them."""
        model = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())
        model.fit(x[among & train], labels[among & train])
        return labels[among & ~train], model.predict(x[among & ~train])

    print(f"{train.sum():,} rows of train players, {(~train).sum():,} of others")
    for name, labels in (("acoustics", acoustics), ("drum", bank)):
        truth, guess = told(labels, np.full(len(x), True))
        names, counts = np.unique(truth, return_counts=True)
        print(f"{name}: {accuracy_score(truth, guess):.1%} right of {len(set(labels[train]))}", end=" ")
        print(f"(always the commonest: {counts.max() / len(truth):.1%})")
        for value, share in zip(names, recall_score(truth, guess, labels=names, average=None), strict=True):
            print(f"    {share:6.1%}  {value}")
    print(f"drum of clean rows: {accuracy_score(*told(bank, acoustics == 'clean')):.1%} right")


if __name__ == "__main__":
    main()
