"""How well a stock onset detector finds the labelled strokes, preset by preset. Run::

    pip install '.[benchmarks]'
    python benchmarks/onset_detection.py DIR [--rows N]

librosa's ``onset_detect`` with its defaults but a hop of 128 samples, scored by mir_eval with a
window of 25 ms. *Primaries*: graces and bounces, which stand 20 to 50 ms before or after a stroke,
count neither as wanted nor as wrong. *All*: every stroke is wanted.
"""

import argparse
from pathlib import Path

import librosa
import mir_eval
import numpy as np

from sousa.generation.audio import encode
from sousa.generation.manifest import read_manifest
from sousa.generation.tables import row_groups

HOP, WINDOW_SEC = 128, 0.025


def detect(pcm, rate):
    """Onsets in seconds."""
    sound = pcm.mean(axis=1).astype(np.float32) / 32768.0
    return librosa.onset.onset_detect(y=sound, sr=rate, hop_length=HOP, units="time")


def score(row):
    """Counts of a row: wanted, found, matched for primaries, and the same for all strokes."""
    pcm, rate = encode.decode(row["audio"]["bytes"])
    found = detect(pcm, rate)
    onset = np.array([s["onset_sample"] for s in row["strokes"]]) / rate
    child = np.array([s["stroke_type"] in ("grace", "bounce") for s in row["strokes"]])
    every = len(mir_eval.util.match_events(onset, found, WINDOW_SEC))
    matched = mir_eval.util.match_events(onset[~child], found, WINDOW_SEC)
    free = set(range(len(found))) - {j for _, j in matched}
    forgiven = sum(bool((np.abs(onset[child] - found[j]) <= WINDOW_SEC).any()) for j in free)
    return (~child).sum(), len(found) - forgiven, len(matched), len(onset), len(found), every


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    parser.add_argument("--rows", type=int, default=60, help="rows of each preset (default 60)")
    arguments = parser.parse_args()
    counts, left = {}, {}
    records = list(read_manifest(arguments.directory)["shards"].values())
    wanted = ["augmentation_preset", "audio", "strokes"]
    # a few rows of every shard, so that players and rudiments are spread
    for record in records:
        for group in row_groups(Path(arguments.directory) / record["file"], wanted):
            for row in group.take(list(range(0, len(group), 7))).to_pylist():
                preset = row["augmentation_preset"]
                if left.setdefault(preset, arguments.rows) > 0:
                    left[preset] -= 1
                    counts.setdefault(preset, []).append(score(row))
    print("| preset | rows | recall, primaries | precision | recall, all strokes | precision |")
    print("| --- | --- | --- | --- | --- | --- |")
    for preset, rows in sorted(counts.items()):
        wanted, found, matched, every, all_found, all_matched = np.array(rows).sum(axis=0)
        print(
            f"| {preset} | {len(rows)} | {matched / wanted:.3f} | {matched / found:.3f} "
            f"| {all_matched / every:.3f} | {all_matched / all_found:.3f} |"
        )


if __name__ == "__main__":
    main()
