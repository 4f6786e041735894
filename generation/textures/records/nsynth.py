"""``nsynth``: folders with NSynth's names, keys and types.

Conventions: ``nsynth-train``, ``nsynth-valid`` and ``nsynth-test`` with ``audio/<note_str>.wav`` and
``examples.json``, an object of entries by ``note_str``. Keys and types are NSynth's, all of them and no
other. They are also those of ``nsynth`` in tensorflow_datasets, whose feature specification loads only notes
of 4 s at 16 kHz (64,000 samples) and families of NSynth's eleven names. What is in them:

- ``instrument``: the setting, numbered over all sounds; it is in one split, as NSynth's instruments are.
  ``instrument_str``: ``<family>_synthetic_<instrument>``.
- ``instrument_family``, ``instrument_family_str``: the sound. NSynth's eleven families (0 to 10) are musical
  instruments, and a texture is none of them: sounds are 11, 12, ... in the order of the configuration, and
  their names are those of the configuration, lower case, other characters than letters and digits as ``_``.
- ``instrument_source`` 2, ``instrument_source_str`` synthetic.
- ``pitch``: nearest MIDI note of the parameter cf or, without one, of the first that the synthesizer declares
  a frequency. 0 where there is none, it moves, or the note is not between 1 and 127: NSynth has a number
  here always.
- ``velocity``: 0. NSynth has 25 to 127; nobody strikes a texture.
- ``qualities`` ten zeros, ``qualities_str`` empty: listeners gave NSynth's, and none has heard these.
- ``note``: number of the row in the corpus.
- ``note_str``: ``<instrument_str>-<pitch>-<velocity>``, and ``-<number>`` when a setting has several rows.

``params.json`` beside it, by the same names, is ours: who the row is, its parameters, curves and onsets.
"""

import json
import re

from sousa.generation.textures.records.files import Format, JsonObject
from sousa.generation.textures.records.labels import midi_number

SPLITS = {"train": "nsynth-train", "validation": "nsynth-valid", "test": "nsynth-test"}
FIRST_FAMILY = 11
NUM_QUALITIES = 10
OWN = ("sample_id", "setting_id", "held_out", "synth", "synth_version", "start_sample", "seed")


class NSynth(Format):
    def __init__(self, folder, config, labels):
        super().__init__(folder, config, labels)
        self.note = 0
        self.families = {sound: i for i, sound in enumerate(labels)}
        self.frequency = {
            sound: "cf" if "cf" in own else next((name for name, label in own.items() if label.nyquist), None)
            for sound, own in labels.items()
        }
        self.objects = {}

    def add(self, row, pcm):
        entry = self._entry(row)
        name, split = entry["note_str"], SPLITS[row["split"]]
        self.folder.put(f"{split}/audio/{name}.wav", row["wav"])
        self._add(f"{split}/examples.json", name, entry)
        onsets = row["onsets"]
        own = {key: row[key] for key in OWN} | {
            "params": {p["name"]: {k: v for k, v in p.items() if k != "name"} for p in row["params"]},
            "curves": {p: natural.tolist() for p, (natural, _) in row["curves"].items()},
            "onset_sample": None if onsets is None else onsets.tolist(),
        }
        self._add(f"{split}/params.json", name, own)
        self.note += 1

    def close(self):
        for text in self.objects.values():
            text.close()

    def _entry(self, row):
        family = self.families[row["sound"]]
        family_str = re.sub(r"[^a-z0-9]+", "_", row["sound"].lower()).strip("_") or "sound"
        # one number for each setting of each sound, without counting the settings of the sounds before
        instrument = row["setting_index"] * len(self.families) + family
        instrument_str = f"{family_str}_synthetic_{instrument:03d}"
        natural = {p["name"]: p["natural"] for p in row["params"]}
        pitch = midi_number(natural.get(self.frequency[row["sound"]]))
        pitch = pitch if pitch is not None and 1 <= pitch <= 127 else 0
        note_str = f"{instrument_str}-{pitch:03d}-000"
        if self.config.rows_per_setting > 1:
            note_str += f"-{row['example_index'] * self.config.chunks + row['chunk_index']:03d}"
        return {
            "note": self.note, "note_str": note_str,
            "instrument": instrument, "instrument_str": instrument_str,
            "pitch": pitch, "velocity": 0, "sample_rate": row["sample_rate"],
            "qualities": [0] * NUM_QUALITIES, "qualities_str": [],
            "instrument_family": FIRST_FAMILY + family, "instrument_family_str": family_str,
            "instrument_source": 2, "instrument_source_str": "synthetic",
        }  # fmt: skip

    def _add(self, file, key, value):
        if file not in self.objects:
            self.objects[file] = JsonObject(self.folder.stream(file))
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        self.objects[file].add(f"{json.dumps(key)}: {text}")
