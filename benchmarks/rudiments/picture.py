"""Draw the picture of the README: one row's sound with its strokes. Run::

python benchmarks/rudiments/picture.py
"""

from pathlib import Path

from matplotlib.figure import Figure

import sousa
from sousa.generation.rudiments import corpus, definitions
from sousa.generation.rudiments.settings import make_config

FILE = Path(__file__).parents[2] / "docs" / "pictures" / "rudiments.png"
BEATS = 4  # that are shown


def main():
    address = (3, definitions.load()["flam_paradiddle"], 1)
    row = corpus.make_rows(make_config("small"), [address], 0).to_pylist()[0]
    first = row["lead_in_sample"] / row["sample_rate"]
    end = first + BEATS * 60 / row["tempo_bpm"]
    figure = Figure(figsize=(10, 3.1), dpi=110, layout="constrained")
    sousa.plot(row, figure.subplots(), start_sec=first - 0.12, end_sec=end - 0.05)
    figure.savefig(FILE, metadata={"Software": None})


if __name__ == "__main__":
    main()
