"""Write tests/data/golden_textures.json: digests of rows of every built-in synthesizer. Run it only with a
new data version, or a new version of a synthesizer::

python tests/support/make_golden_textures.py
"""

import hashlib
import json
from pathlib import Path

from sousa.generation.textures import Textures, corpus, schema, synth

FILE = Path(__file__).parents[1] / "data" / "golden_textures.json"
RATES_HZ = (16000, 44100)
# synthesizer, sample rate, and whether what can move in time does
ROWS = tuple((name, rate, moving) for name in synth.BUILT_IN for rate in RATES_HZ for moving in (False, True))
# rates and irregularities are exponents: a part of their range, so that a sound has some events, not millions
_ENDS = {"rate_exp": (1, 4), "irreg_exp": (0.1, 0.9)}


def config(name, rate, moving):
    """The configuration of one row: level by RMS where parameters move, by peak where none does."""
    parameters = {}
    for one in synth.get(name).parameters:
        if moving and one.varying:
            low, high = _ENDS.get(one.name, (one.natural(0.3), one.natural(0.6)))
            curve = {"curve": "random", "min": low, "max": high, "points": 5, "scale": one.scale}
            parameters[one.name] = curve
    data = {
        "synth": name, "seed": 7, "sample_rate": rate, "duration_sec": 3, "chunk_sec": 1.5,
        "parameters": parameters, "level": "rms:-25" if moving else "peak",
    }  # fmt: skip
    return schema.parse(data, "golden")[0]


def digests(name, rate, moving):
    """Digests of labels and PCM of both chunks of the only setting."""
    found = []
    made = config(name, rate, moving)
    for row in corpus.table(made, list(corpus.make_rows(made, 0, 0))).to_pylist():
        labels = {key: value for key, value in row.items() if key != "audio"}
        found.append({
            "sample_id": row["sample_id"], "num_events": row["num_events"], "gain_db": row["gain_db"],
            "labels": hashlib.sha256(json.dumps(labels, sort_keys=True).encode()).hexdigest(),
            "pcm": row["pcm_digest"],
        })  # fmt: skip
    return found


def versions():
    """Versions of the built-in synthesizers by name."""
    return {name: synth.get(name).version for name in synth.BUILT_IN}


if __name__ == "__main__":
    data = {
        "data_version": Textures.data_version,
        "synths": versions(),
        "rows": {"-".join(map(str, row)): digests(*row) for row in ROWS},
    }
    FILE.write_text(json.dumps(data, indent=1) + "\n")
