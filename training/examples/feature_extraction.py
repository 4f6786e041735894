"""Features of a dataset: log-mel, level, onsets against the labels, a frozen model, and all of it stored.

    python training/examples/feature_extraction.py DATASET

DATASET is a directory that ``sousa generate`` or ``sousa release`` made. The model is used when it is in
the Hub's cache: ``hf download facebook/wav2vec2-base-960h``.
"""

import numpy as np

from sousa.generation.errors import RunError
from sousa.generation.rudiments.hierarchy import COLUMNS, Labels
from sousa.training import features
from sousa.training.ending import run_example
from sousa.training.stream import open_rows


def main(where: str) -> None:
    rows = open_rows(where, columns=(*COLUMNS, "sample_id"), sample_rate=16000)
    row, mel = rows[0], features.Mel()
    spectrogram, level = features.log_mel(row["audio"], mel), features.rms(row["audio"])
    print(f"{row['sample_id']}: log-mel {spectrogram.shape} {spectrogram.dtype}, "
          f"{spectrogram.min():.0f} to {spectrogram.max():.0f} dB; "
          f"RMS up to {20 * np.log10(level.max()):.1f} dB")  # fmt: skip

    times, true = features.onsets(row["audio"]), Labels(row).strokes["time_sec"]
    heard = sum(np.abs(times - time).min(initial=np.inf) < 0.05 for time in true)
    print(f"{len(times)} onsets found; {heard} of {len(true)} labelled ones within 50 ms of one")
    print({name: round(value, 4) for name, value in features.interval_statistics(times).items()})

    cache = features.FeatureCache(features.data_identity(rows), mel.settings())
    for row in rows.select(range(min(3, len(rows)))):
        stored = cache.get_or_make(
            row["sample_id"], lambda row=row: {"log_mel": features.log_mel(row["audio"], mel)}
        )
        print(f"stored: {row['sample_id']} {stored['log_mel'].shape}")
    try:
        model = features.FrozenFeatures("facebook/wav2vec2-base-960h", local_files_only=True)
        print(f"{model.name}: {tuple(model([row['audio']], 16000).shape)}")
    except RunError as error:
        print(error)


if __name__ == "__main__":
    run_example(main, __doc__)
