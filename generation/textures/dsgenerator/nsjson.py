"""``nsjson``: one ``nsjson.json`` with an entry for every row, and the WAV files.

Conventions: keys of the object are names of WAV files without their ending, sorted; indented by 4. An entry
has ``sound_name``, ``samplerate``, ``sound_source``, ``sound_source_int`` 1, ``sound_source_str`` Generated
and, where a parameter named cf has one value, ``midi_num``, the nearest MIDI note of its natural value. Of
each swept parameter, under the synthesizer's name for it::

    <p>_norm        the label of the configuration, whatever its range: the name is DSGenerator's, and
                    programs that read it exist
    <p>_user        the same under a better name
    <p>_natural     in the parameter's own unit
    <p>_normalized  0-1 over the range that the synthesizer declares

(DSGenerator's first generation starts the file anew for each setting, so only the last one is left in it.)
``nsynth`` is the format with NSynth's own keys. Memory: the entries, about 500 bytes a row, because they
are sorted.
"""

from sousa.generation.textures.records.files import Format, JsonObject, member, stem
from sousa.generation.textures.records.labels import midi_number


class NSJson(Format):
    def __init__(self, folder, config, labels):
        super().__init__(folder, config, labels)
        self.entries = []

    def add(self, row, pcm):
        name = stem(row)
        self.folder.put(f"{name}.wav", row["wav"])
        entry = {
            "sound_name": row["sound"], "samplerate": row["sample_rate"], "sound_source": row["sound"],
            "sound_source_int": 1, "sound_source_str": "Generated",
        }  # fmt: skip
        for param in row["params"]:
            key = param["name"]
            if param["role"] == "swept":
                entry |= {
                    f"{key}_norm": param["user"], f"{key}_user": param["user"],
                    f"{key}_natural": param["natural"], f"{key}_normalized": param["norm"],
                }  # fmt: skip
            if key == "cf" and (note := midi_number(param["natural"])) is not None:
                entry["midi_num"] = note
        self.entries.append((name, member(name, dict(sorted(entry.items())))))

    def close(self):
        file = JsonObject(self.folder.stream("nsjson.json"))
        for _, text in sorted(self.entries):
            file.add(text)
        file.close()
