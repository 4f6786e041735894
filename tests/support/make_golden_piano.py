"""Write tests/data/golden_piano.json: digests of a few rows. Run it only with a new data version::

python tests/support/make_golden_piano.py
"""

import hashlib
import json
from pathlib import Path

import pyarrow as pa

from sousa.generation.piano import Piano, corpus
from sousa.generation.piano.settings import make_config

FILE = Path(__file__).parents[1] / "data" / "golden_piano.json"
USUAL = {"size": "full", "augmentations": 12}
STEREO = {"size": "small", "sample_rate": 44100, "channels": 2, "max_duration_sec": 8}
# options, piece, performance, augmentation
ROWS = (
    (USUAL, 0, 0, 0),
    (USUAL, 1, 0, 1),
    (USUAL, 2, 1, 0),
    (USUAL, 4242, 1, 1),
    (STEREO, 5, 0, 0),
    (STEREO, 151, 0, 0),
    # a performance under all acoustics
    *((USUAL, 9, 0, augmentation) for augmentation in range(2, 12)),
)


def name_of(row):
    """A short name of a row above."""
    return "-".join(map(str, (row[0]["size"], *row[1:])))


def digests(row):
    """Digests of labels, MIDI and PCM of a row."""
    options, *address = row
    addresses = pa.table([pa.array([number], pa.int32()) for number in address], names=list(Piano.address))
    made = corpus.remake(make_config(**options), addresses).to_pylist()[0]
    labels = {key: value for key, value in made.items() if key not in ("audio", "midi")}
    return {
        "sample_id": made["sample_id"],
        "preset": made["augmentation_preset"],
        "labels": hashlib.sha256(json.dumps(labels, sort_keys=True).encode()).hexdigest(),
        "midi": hashlib.sha256(made["midi"]).hexdigest(),
        "pcm": made["pcm_digest"],
    }


if __name__ == "__main__":
    rows = [digests(row) for row in ROWS]
    FILE.write_text(json.dumps({"data_version": Piano.data_version, "rows": rows}, indent=1) + "\n")
