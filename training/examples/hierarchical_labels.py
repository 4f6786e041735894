"""Labels of a row as bars, strokes, frames and a picture.

    python training/examples/hierarchical_labels.py DATASET

DATASET is a directory that ``sousa generate`` or ``sousa release`` made; ``labels.png`` is written here.
"""

from sousa.generation.rudiments import hierarchy
from sousa.training.ending import run_example
from sousa.training.stream import open_rows


def main(where: str) -> None:
    columns = (*hierarchy.COLUMNS, "sample_id")
    rows = open_rows(where, columns=columns, sample_rate=16000, crop_sec=4.0, crop="centre")
    row = rows[0]
    labels = hierarchy.Labels(row)
    print(f"{row['sample_id']}: {labels.duration_sec:.2f} s from sample {row['start_sample']} of the clip")
    bars = hierarchy.measure_summaries(row)
    for i, index in enumerate(bars["index"]):
        strokes = labels.of_measure(index)
        sticking = "".join(strokes["hand"])
        print(
            f"  bar {index}{'' if bars['is_whole'][i] else ' (in part)'}: {sticking}, "
            f"{bars['num_accents'][i]} accents, {bars['num_graces'][i]} graces, "
            f"mean error {bars['timing_mean_error_ms'][i]:.1f} ms"
        )
    targets = hierarchy.frame_targets(row)
    print(f"{len(targets['onset'])} frames of 10 ms: {int(targets['onset'].sum())} with an onset, ", end="")
    print(f"{int(targets['accent'].sum())} with an accent; the first hands "
          f"{targets['hand'][targets['onset'] > 0][:8].tolist()} (0 right, 1 left)")  # fmt: skip
    features, mask = hierarchy.pad_strokes([rows[i] for i in range(min(4, len(rows)))])
    print(f"strokes of a batch: {features.shape} {features.dtype}, {int(mask.sum())} real")
    for stroke in features[0, mask[0]][:1]:
        named = zip(hierarchy.STROKE_FEATURES, stroke, strict=True)
        print("the first:", ", ".join(f"{name} {value:.3g}" for name, value in named))
    hierarchy.visualise(row, "labels.png")
    print("labels.png: waveform, strokes and bars")


if __name__ == "__main__":
    run_example(main, __doc__)
