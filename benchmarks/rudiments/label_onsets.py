"""Every clear stroke of some rows of each acoustics, found in the stored sound and compared with its label.

A stroke is left out of the mix together with all later ones; the first sample that differs from the
stored sound is where it is heard, through rooms, compressors and all. Strokes at least 30 ms after the
one before count. Beside it, from the audio alone: strokes after near silence, by a threshold. Run::

    python benchmarks/rudiments/label_onsets.py DIR [--rows N]
"""

import argparse
import json
from typing import Any

import numpy as np

from sousa.generation.audio import drums, encode
from sousa.generation.audio.renderings import record_of
from sousa.generation.columns import markdown
from sousa.generation.reopen import open_dataset
from sousa.generation.rudiments import corpus
from sousa.generation.rudiments.validation.onsets import blind_errors
from sousa.generation.rudiments.validation.sound import CLEAR_MS, left_out_errors, played_strokes
from sousa.generation.tables import groups_of

HEAD = ("acoustics", "rows", "clear strokes", "largest error, samples", "not heard", "blind", "largest error")


def measure(config, banks, row):
    """``(left-out errors of all clear strokes, blind errors)``."""
    pcm, rate = encode.decode(row["audio"]["bytes"])
    record = record_of(row["aug_record"])
    drum = drums.voice(banks[row["bank_digest"]], json.loads(row["drum_setup"]), record, rate, pcm.shape[1])
    onset = np.array([s["onset_sample"] for s in row["strokes"]])
    clear = np.flatnonzero(np.diff(onset, prepend=-(10**9)) * 1000.0 / rate >= CLEAR_MS)
    blind = blind_errors(pcm, onset, rate)
    played, beats = played_strokes(config, row)
    errors = left_out_errors(record, drum, played, onset, clear, pcm, row["gain_db"], beats)
    return errors, blind[~np.isnan(blind)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    parser.add_argument("--rows", type=int, default=20, help="rows of each acoustics (default 20)")
    arguments = parser.parse_args()
    stored = open_dataset(arguments.directory, making=True)
    config: Any = stored.config
    banks = {ref.digest: corpus.load_bank(ref) for ref in config.banks}
    measured = {}
    for group in groups_of(stored.storage, stored.records):
        for row in group.take(list(range(0, len(group), 13))).to_pylist():
            rows = measured.setdefault(row["augmentation_preset"], [])
            if len(rows) < arguments.rows:
                rows.append(measure(config, banks, row))
    table = []
    for name in (name for name in config.acoustics if name in measured):
        errors, blind = (np.concatenate(part) for part in zip(*measured[name], strict=True))
        heard = np.abs(errors[~np.isnan(errors)])
        largest = [f"{sizes.max(initial=0):.0f}" for sizes in (heard, np.abs(blind))]
        cells = (len(errors), largest[0], len(errors) - len(heard), len(blind), largest[1])
        table.append((f"`{name}`", len(measured[name]), *cells))
    print(markdown(HEAD, table))


if __name__ == "__main__":
    main()
