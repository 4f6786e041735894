"""``frames``: WAV files with a value of each parameter for every frame, as RNeNcodec is trained on.

Conventions: ``parameters.json``, and ``<split>/<sample_id>.wav`` with ``<split>/<sample_id>.csv``. A corpus
of several sounds has such a folder for each, named after the sound, because ``parameters.json`` says what is
in every table below it. A table has a header of parameter names (the synthesizer's) and one line for each
frame of 1/75 s, natural values. Its lines are as many as the frames in which a codec of 75 frames a second
(EnCodec at 24 kHz: 320 samples a frame) has the sound, ceil(samples * 75 / rate): the last one may be part
silence, but it is a frame, and labels must not run out before it.

``parameters.json``: ``{"parameter_1": {"name", "type": "continuous", "unit", "min", "max"}, ...}`` with the
lowest and highest natural value in the corpus. Swept and moving parameters are in it; what is the same in
every row teaches nothing.
"""

import csv
import io
import json

from sousa.generation.textures.records.files import Format, stem
from sousa.generation.textures.settings import FRAME_RATE_HZ


class Frames(Format):
    def __init__(self, folder, config, labels):
        super().__init__(folder, config, labels)
        self.varied = {sound: _varied(own) for sound, own in labels.items()}
        for sound, own in self.varied.items():
            content = {
                f"parameter_{i}": {
                    "name": label.name, "type": "continuous", "unit": label.unit,
                    "min": label.ends[0], "max": label.ends[1],
                }
                for i, label in enumerate(own, 1)
            }  # fmt: skip
            text = json.dumps(content, indent=4, ensure_ascii=False, allow_nan=False)
            folder.put(self._place(sound, "parameters.json"), text.encode())

    @staticmethod
    def problems(config, labels):
        for sound, own in labels.items():
            if not _varied(own):
                yield f"{sound}: frames records need a swept or moving parameter, and it has none"
            if len(labels) > 1 and (sound.startswith(".") or "/" in sound or not sound.isprintable()):
                yield f"{sound!r}: frames records have a folder for each sound, and none can be named so"

    def add(self, row, pcm):
        name = self._place(row["sound"], f"{row['split']}/{stem(row)}")
        self.folder.put(f"{name}.wav", row["wav"])
        self.folder.put(f"{name}.csv", _table(row, self.varied[row["sound"]]).encode())

    def _place(self, sound, name):
        return f"{sound}/{name}" if len(self.labels) > 1 else name


def _varied(labels):
    return [label for label in labels.values() if label.role in ("swept", "moving")]


def _table(row, labels):
    count = -(-row["num_samples"] * FRAME_RATE_HZ // row["sample_rate"])
    natural = {param["name"]: param["natural"] for param in row["params"]}
    columns = [
        row["curves"][label.name][0].tolist() if label.role == "moving" else [natural[label.name]] * count
        for label in labels
    ]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([label.name for label in labels])
    table.writerows(zip(*columns, strict=True))
    return text.getvalue()
