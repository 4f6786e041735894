"""Draw the picture of the README: one row's sound with its strokes. Run::

python benchmarks/rudiments/picture.py
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from sousa.generation.audio import encode
from sousa.generation.rudiments import corpus, definitions
from sousa.generation.rudiments.settings import make_config

FILE = Path(__file__).parents[2] / "dataset_cards" / "rudiments.png"
COLOURS = {"R": "#c1440e", "L": "#1f5fa8"}


def main():
    address = (3, definitions.load()["flam_paradiddle"], 1)
    row = corpus.make_rows(make_config("small"), [address], 0).to_pylist()[0]
    pcm, rate = encode.decode(row["audio"]["bytes"])
    beat = 60 / row["tempo_bpm"]
    first = row["lead_in_sample"] / rate
    figure = Figure(figsize=(10, 2.9), dpi=110)
    axis = figure.subplots()
    figure.subplots_adjust(left=0.02, right=0.98, top=0.9, bottom=0.17)
    time = np.arange(len(pcm)) / rate
    axis.plot(time, 0.5 * pcm[:, 0] / np.abs(pcm).max(), color="#888888", linewidth=0.5)
    for stroke in row["strokes"]:
        x, height = stroke["onset_sample"] / rate, stroke["actual_velocity"] / 127
        grace, colour = stroke["is_grace_note"], COLOURS[stroke["hand"]]
        axis.plot([x, x], [0, height], color=colour, linewidth=0.8 if grace else 1.6)
        name = stroke["hand"].lower() if grace else stroke["hand"] + ">" * stroke["is_accent"]
        x += -0.018 if grace else 0.002
        axis.text(x, height + 0.04, name, color=colour, fontsize=9, ha="center", clip_on=True)
    for i in range(9):
        axis.axvline(first + i * beat, color="#bbbbbb", linewidth=0.8, linestyle=":")
    axis.set(xlim=(first - 0.12, first + 4 * beat - 0.05), ylim=(-0.6, 1.05), yticks=[], xlabel="s")
    title = f"{row['sample_id']}: sound, played strokes (height: velocity) and beats (dotted)"
    axis.set_title(title, fontsize=9)
    figure.savefig(FILE, metadata={"Software": None})


if __name__ == "__main__":
    main()
