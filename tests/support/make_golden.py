"""Write tests/data/golden.json: digests of a few rows. Run it only with a new data version::

python tests/support/make_golden.py
"""

import hashlib
import json
from pathlib import Path

from sousa.generation.rudiments import Rudiments, corpus, definitions
from sousa.generation.rudiments.settings import make_config

FILE = Path(__file__).parents[1] / "data" / "golden.json"
# profile, form, tempo index, augmentation index
ROWS = (
    (0, "single_stroke_roll", 0, 0),
    (1, "multiple_bounce_roll", 2, 0),
    (2, "lesson_25", 1, 0),
    (3, "flam_paradiddle_diddle", 0, 1),
    (42, "triple_ratamacue", 4, 4),
    (99, "six_stroke_roll:even_sextuplet", 3, 2),
    # one take under all acoustics
    *((5, "flam_tap", 0, augmentation) for augmentation in range(12)),
)


def digests(row):
    """Digests of labels, MIDI and PCM of one row of coordinates."""
    profile, form, tempo, augmentation = row
    config = make_config("full", augmentations=12)
    address = (profile, definitions.load()[form], tempo)
    made = corpus.make_rows(config, [address], augmentation).to_pylist()[0]
    labels = {key: value for key, value in made.items() if key not in ("audio", "midi")}
    return {
        "sample_id": made["sample_id"],
        "preset": made["augmentation_preset"],
        "labels": hashlib.sha256(json.dumps(labels, sort_keys=True).encode()).hexdigest(),
        "midi": hashlib.sha256(made["midi"]).hexdigest(),
        "pcm": made["pcm_digest"],
    }


if __name__ == "__main__":
    FILE.write_text(
        json.dumps({"data_version": Rudiments.data_version, "rows": [digests(row) for row in ROWS]}, indent=1)
        + "\n"
    )
