"""How well a stock onset detector finds the labelled strokes, by acoustics. Run::

    pip install '.[benchmarks]'
    python benchmarks/rudiments/onset_detection.py DIR [--rows N]

librosa's ``onset_detect`` with its defaults but a hop of 128 samples, scored by mir_eval with a
window of 25 ms. *Primaries*: graces and bounces, which stand 20 to 50 ms before or after a stroke,
count neither as wanted nor as wrong. *All*: every stroke is wanted.
"""

import argparse

import librosa
import mir_eval
import numpy as np

from sousa.generation.audio import encode
from sousa.generation.columns import markdown
from sousa.generation.manifest import complete_manifest
from sousa.generation.storage import LocalStorage
from sousa.generation.tables import groups_of

HOP, WINDOW_SEC = 128, 0.025
HEAD = ("acoustics", "rows", "recall, primaries", "precision", "recall, all strokes", "precision")


def score(row):
    """Counts of a row: matched, wanted, matched, detected for primaries, and the same for all strokes."""
    pcm, rate = encode.decode(row["audio"]["bytes"])
    sound = pcm.mean(axis=1).astype(np.float32) / 32768.0
    detected = librosa.onset.onset_detect(y=sound, sr=rate, hop_length=HOP, units="time")
    onset = np.array([s["onset_sample"] for s in row["strokes"]]) / rate
    child = np.array([s["stroke_type"] in ("grace", "bounce") for s in row["strokes"]])
    every = len(mir_eval.util.match_events(onset, detected, WINDOW_SEC))
    matched = mir_eval.util.match_events(onset[~child], detected, WINDOW_SEC)
    free = np.delete(detected, [j for _, j in matched])
    forgiven = (np.abs(onset[child][:, None] - free) <= WINDOW_SEC).any(axis=0).sum()
    primaries = (len(matched), (~child).sum(), len(matched), len(detected) - forgiven)
    return (*primaries, every, len(onset), every, len(detected))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    parser.add_argument("--rows", type=int, default=60, help="rows of each acoustics (default 60)")
    arguments = parser.parse_args()
    counts = {}
    storage = LocalStorage(arguments.directory)
    shards = complete_manifest(arguments.directory)["shards"].values()
    # a few rows of every shard, so that players and rudiments are spread
    for group in groups_of(storage, shards, ["augmentation_preset", "audio", "strokes"]):
        for row in group.take(list(range(0, len(group), 7))).to_pylist():
            scores = counts.setdefault(row["augmentation_preset"], [])
            if len(scores) < arguments.rows:
                scores.append(score(row))
    rows = []
    for name, scores in sorted(counts.items()):
        total = np.array(scores).sum(axis=0)
        rows.append((name, len(scores), *(f"{share:.3f}" for share in total[::2] / total[1::2])))
    print(markdown(HEAD, rows))


if __name__ == "__main__":
    main()
