"""Readers of other projects on what we write: a function each. It runs where sousa is not installed.

Conventions: a reader is a function of :class:`Made` that is marked with :func:`reader`; what it returns is
shown in the table, and an exception makes its row red. ``tests/support/interop.py`` makes what they read.
"""

import csv
import json
import math
import sys
import time
import traceback
from functools import cached_property
from pathlib import Path

import numpy as np

READERS = {}


def reader(name):
    """Put a function into the table under the name of what it tries."""

    def keep(function):
        READERS[name] = function
        return function

    return keep


class Made:
    """What was made: a folder with ``rudiments``, ``release``, ``textures``, ``flat`` and exports."""

    def __init__(self, place):
        self.place = Path(place)

    def __getattr__(self, name):
        return self.place / name

    @cached_property
    def rows(self):
        """Rows of rudiments as they are stored, by name: read file by file, as any Parquet reader can."""
        import pyarrow.parquet as pq

        files = sorted((self.rudiments / "data").rglob("*.parquet"))
        return {row["sample_id"]: row for file in files for row in pq.read_table(file).to_pylist()}

    @cached_property
    def some(self):
        """One row of each rudiment and the rest of every tenth, for readers that take long."""
        names = sorted(self.rows, key=lambda name: self.rows[name]["rudiment_slug"])
        return {name: self.rows[name] for name in names[::6]}

    @property
    def num_strokes(self):
        return sum(row["num_strokes"] for row in self.rows.values())

    def midi_file(self, name):
        return str(self.rudiments / "midi" / f"{name}.mid")


# --- tables ---


@reader("duckdb: release by **/*.parquet")
def duckdb_release(made):
    import duckdb

    files = f"read_parquet('{made.release}/**/*.parquet')"
    ask = lambda what: duckdb.sql(f"select {what}").fetchall()[0][0]  # noqa: E731
    assert ask(f"count(*) from {files}") == len(made.rows)
    strokes = f"(select unnest(strokes, recursive := true) from {files})"
    assert ask(f"count(*) from {strokes}") == made.num_strokes
    fast = sum(row["tempo_bpm"] >= 120 for row in made.rows.values())
    assert ask(f"count(*) from {files} where tempo_bpm >= 120") == fast
    return f"{len(made.rows)} rows, {made.num_strokes} strokes"


@reader("polars: release by **/*.parquet")
def polars_release(made):
    import polars

    rows = polars.scan_parquet(f"{made.release}/**/*.parquet")
    strokes = rows.select("strokes").explode("strokes").unnest("strokes")
    counted = strokes.select(polars.len()).collect().item()
    assert rows.select(polars.len()).collect().item() == len(made.rows) and counted == made.num_strokes
    fast = rows.filter(polars.col("tempo_bpm") >= 120).select(polars.len()).collect().item()
    assert fast == sum(row["tempo_bpm"] >= 120 for row in made.rows.values())
    return f"{len(made.rows)} rows, {counted} strokes"


@reader("pandas: files of a release, CSV index")
def pandas_files(made):
    import pandas

    files = sorted(made.release.glob("**/*.parquet"))
    table = pandas.concat([pandas.read_parquet(file) for file in files])
    index = pandas.read_csv(made.csv / "index.csv")
    assert sorted(table["sample_id"]) == sorted(index["sample_id"]) == sorted(made.rows)
    assert all((made.csv / path).is_file() for path in [*index["audio_path"], *index["midi_path"]])
    return f"{len(table)} rows, {len(index)} lines"


@reader("pyarrow: a release as one dataset")
def pyarrow_dataset(made):
    import pyarrow.dataset

    for where in (made.release, made.release / "data"):
        dataset = pyarrow.dataset.dataset(where, format="parquet", exclude_invalid_files=True)
        assert dataset.count_rows() == len(made.rows), where
    kept = dataset.to_table(["sample_id"], filter=pyarrow.dataset.field("tempo_bpm") >= 120)
    assert len(kept) == sum(row["tempo_bpm"] >= 120 for row in made.rows.values())
    return f"{dataset.count_rows()} rows"


@reader("mlcroissant: release")
def croissant(made):
    import mlcroissant

    described = mlcroissant.Dataset(jsonld=str(made.release / "croissant.json"))
    assert not described.metadata.issues.errors and not described.metadata.issues.warnings
    rows = list(described.records("custom"))
    assert {row["custom/sample_id"].decode() for row in rows} == made.rows.keys()
    return f"{len(rows)} records, no error, no warning"


# --- MIDI ---


def compare_notes(made, read, names):
    """Notes ``(seconds, velocity)`` of files against the strokes of rows; returns the largest difference."""
    worst = 0.0
    for name in names:
        row, notes = made.rows[name], sorted(read(made.midi_file(name)))
        strokes = [(s["onset_sample"] / row["sample_rate"], s["actual_velocity"]) for s in row["strokes"]]
        strokes.sort()
        assert len(notes) == len(strokes), f"{name}: {len(notes)} notes, {len(strokes)} strokes"
        assert [v for _, v in notes] == [v for _, v in strokes], f"{name}: velocities"
        away = max(abs(t - s) for (t, _), (s, _) in zip(notes, strokes, strict=True)) * row["sample_rate"]
        assert away <= 1, f"{name}: {away:.2f} samples away"
        worst = max(worst, away)
    return f"{len(names)} files, at most {worst:.2f} samples away"


def require_metre(made, first, names):
    """The first time signature of files, ``(count, unit)``, has to be the metre of the row."""
    found = {name: "{}/{}".format(*first(made.midi_file(name))) for name in names}
    wrong = [name for name, metre in found.items() if metre != made.rows[name]["metre"]]
    assert not wrong, f"{len(wrong)} of {len(names)} files begin with another metre, such as {wrong[0]}"
    return f"{len(names)} files"


@reader("mido: notes")
def mido_notes(made):
    import mido

    def read(path):
        now = 0.0
        for message in mido.MidiFile(path):
            now += message.time
            if message.type == "note_on" and message.velocity:
                yield now, message.velocity

    return compare_notes(made, read, made.rows)


@reader("mido: first metre")
def mido_metre(made):
    import mido

    def first(path):
        found = next(m for m in mido.MidiFile(path).merged_track if m.type == "time_signature")
        return found.numerator, found.denominator

    return require_metre(made, first, made.rows)


@reader("pretty_midi: notes")
def pretty_midi_notes(made):
    import pretty_midi

    def read(path):
        return [(n.start, n.velocity) for i in pretty_midi.PrettyMIDI(path).instruments for n in i.notes]

    return compare_notes(made, read, made.rows)


@reader("miditoolkit: notes")
def miditoolkit_notes(made):
    import miditoolkit

    def read(path):
        file = miditoolkit.MidiFile(path)
        seconds = file.get_tick_to_time_mapping()
        return [(seconds[n.start], n.velocity) for i in file.instruments for n in i.notes]

    return compare_notes(made, read, made.rows)


@reader("symusic: notes")
def symusic_notes(made):
    import symusic

    def read(path):
        score = symusic.Score(path, ttype="second")
        return [(float(note.time), note.velocity) for track in score.tracks for note in track.notes]

    return compare_notes(made, read, made.rows)


@reader("partitura: notes")
def partitura_notes(made):
    import partitura

    def read(path):
        notes = partitura.load_performance_midi(path).note_array()
        return [(float(n["onset_sec"]), int(n["velocity"])) for n in notes]

    return compare_notes(made, read, made.some)


def music21_score(path):
    from music21 import converter

    return converter.parse(path, format="midi", forceSource=True, quantizePost=False)


@reader("music21: notes")
def music21_notes(made):
    for name, row in made.some.items():
        strokes = sorted((s["onset_sample"], s["actual_velocity"]) for s in row["strokes"])
        for sounding in music21_score(made.midi_file(name)).flatten().secondsMap:
            # close notes are a chord, at the time of the first; a bar line ties two halves of a note
            notes = getattr(sounding["element"], "notes", [sounding["element"]])
            notes = [n for n in notes if not (getattr(n, "tie", None) and n.tie.type in ("stop", "continue"))]
            if heard := [note.volume.velocity for note in notes if getattr(note, "volume", None)]:
                own, strokes = strokes[: len(heard)], strokes[len(heard) :]
                assert abs(own[0][0] - sounding["offsetSeconds"] * row["sample_rate"]) <= 1, name
                assert sorted(heard) == sorted(velocity for _, velocity in own), name
        assert not strokes, f"{name}: {len(strokes)} strokes are not there"
    return f"{len(made.some)} files"


@reader("music21: first metre")
def music21_metre(made):
    def first(path):
        found = music21_score(path).recurse().getElementsByClass("TimeSignature").first()
        return found.numerator, found.denominator

    return require_metre(made, first, made.some)


# --- annotations ---


@reader("jams: export, strict")
def jams_files(made):
    import jams

    files = sorted(made.jams.rglob("*.jams"))
    for file in files:
        jam = jams.load(str(file), validate=True, strict=True)
        row = made.rows[jam.file_metadata.identifiers["sample_id"]]
        (onsets,) = jam.search(namespace="onset")
        wanted = [stroke["onset_sample"] / row["sample_rate"] for stroke in row["strokes"]]
        assert np.allclose([o.time for o in onsets.data], sorted(wanted), atol=1e-6), file.name
    assert len(files) == len(made.rows)
    return f"{len(files)} files"


@reader("mirdata: a loader of the CSV export")
def mirdata_loader(made):
    import logging

    from mirdata import core
    from mirdata.annotations import EventData

    logging.disable(logging.WARNING)
    with open(made.csv / "index.csv", newline="") as file:
        lines = {line["sample_id"]: line for line in csv.DictReader(file)}
    tracks = {
        name: {kind: [line[f"{kind}_path"], line[f"{kind}_md5"]] for kind in ("audio", "midi")}
        for name, line in lines.items()
    }
    place = made.place / "mirdata_index.json"
    place.write_text(json.dumps({"version": "1.0.0", "tracks": tracks}))

    class Track(core.Track):
        @property
        def audio(self):
            import soundfile

            return soundfile.read(self.get_path("audio"))

        @property
        def notes(self):
            import pretty_midi

            notes = pretty_midi.PrettyMIDI(self.get_path("midi")).instruments[0].notes
            times = np.array([[note.start, note.end] for note in notes])
            return EventData(times, "s", [str(note.velocity) for note in notes], "open")

    index = core.Index(str(place))
    index.get_path = lambda: str(place)
    dataset = core.Dataset(
        str(made.csv), "1.0", "sousa", Track, indexes={"default": "1.0", "1.0": index}, bibtex=""
    )
    missing, invalid = dataset.validate(verbose=False)
    assert not missing["tracks"] and not invalid["tracks"], (missing, invalid)
    for name in sorted(lines)[::20]:
        track = dataset.track(name)
        assert len(track.audio[0]) == made.rows[name]["num_samples"]
        assert len(track.notes.events) == made.rows[name]["num_strokes"]
    return f"{len(dataset.track_ids)} tracks, checksums right"


# --- the earlier system's consumers ---


@reader("earlier loader and uploader: splits.json")
def earlier_splits(made):
    import pandas

    for root in (made.rudiments, made.sousa_1):
        told = json.loads((root / "splits.json").read_text())
        players = {split: set(told[f"{split}_profile_ids"]) for split in ("train", "val", "test")}
        samples = pandas.read_parquet(root / "labels" / "samples.parquet")
        counts = [int(samples["profile_id"].isin(names).sum()) for names in players.values()]
        assert sum(counts) == len(made.rows) and min(counts) > 0, counts
        for column in ("audio_path", "midi_path"):
            assert all((root / path).is_file() for path in samples[column])
    return f"{counts} rows of train, val, test"


@reader("earlier filter: clean rows of sousa-1")
def earlier_clean(made):
    import pandas

    presets = pandas.read_parquet(made.sousa_1 / "labels" / "samples.parquet")["augmentation_preset"]
    clean = int((presets.isna() | (presets == "none")).sum())
    assert clean == len(made.rows), f"{clean} of {len(made.rows)}"
    return f"{clean} rows"


@reader("scikit-learn: scores of sousa-1")
def scores(made):
    import pandas
    from sklearn.linear_model import LinearRegression

    table = pandas.read_parquet(made.sousa_1 / "labels" / "exercises.parquet").select_dtypes("number")
    fit = LinearRegression().fit(table.drop(columns="overall_score"), table["overall_score"])
    return f"{len(table)} rows, {len(fit.coef_)} scores"


@reader("scikit-learn: numbers of a CSV filled on request")
def filled(made):
    import pandas
    import pyarrow.parquet as pq
    from sklearn.linear_model import LinearRegression

    assert made.filled.is_dir(), (made.place / "filled.txt").read_text()
    schema = pq.read_schema(next((made.rudiments / "data").rglob("*.parquet")))
    numbers = [field.name for field in schema if str(field.type).startswith(("int", "float", "double"))]
    table = pandas.read_csv(made.filled / "index.csv")[numbers]
    LinearRegression().fit(table.drop(columns="overall_score"), table["overall_score"])
    return f"{len(table)} rows, {len(numbers)} columns"


# --- textures ---


def sounds(made):
    """Every row of textures: name, samples (int16 array), events."""
    import io

    import pyarrow.parquet as pq
    import soundfile

    files = sorted((made.textures / "data").rglob("*.parquet"))
    assert files, "no textures were made"
    for file in files:
        for row in pq.read_table(file).to_pylist():
            pcm, _ = soundfile.read(io.BytesIO(row["audio"]["bytes"]), dtype="int16")
            yield row["sample_id"], pcm, row["events"]


def same_records(made, files):
    from tfrecord.reader import tfrecord_loader

    wanted = {name: (pcm, events) for name, pcm, events in sounds(made)}
    found = {bytes(r["sample_id"]).decode(): r for file in files for r in tfrecord_loader(str(file), None)}
    assert found.keys() == wanted.keys(), (len(found), len(wanted))
    for name, (pcm, events) in wanted.items():
        assert np.array_equal(found[name]["audio"], pcm / np.float32(32768)), name
        onsets = found[name].get("onset_sample", np.array([]))
        assert onsets.tolist() == [event["onset_sample"] for event in events or []], name
    return f"{len(found)} records of {len(files)} files"


@reader("tfrecord: records in folders by split")
def tfrecords(made):
    return same_records(made, sorted((made.textures / "records" / "tfrecords").glob("*/*.tfrecord")))


@reader("tfrecord: a flat glob (--layout flat)")
def flat(made):
    assert made.flat.is_dir(), (made.place / "flat.txt").read_text()
    return same_records(made, sorted((made.flat / "records" / "tfrecords").glob("*.tfrecord")))


@reader("DSGenerator's readers: params and nsjson")
def dsgenerator_records(made):
    folder = made.textures / "records"
    names, parameters = sorted(p.stem for p in (folder / "params").glob("*.params")), 0
    entries = json.loads((folder / "nsjson" / "nsjson.json").read_text())
    assert names == sorted(entries) == sorted(name for name, _, _ in sounds(made))
    for name in names:
        told = json.loads((folder / "params" / f"{name}.params").read_text())
        assert (folder / "params" / told["meta"]["filename"]).is_file(), name
        for key, value in told.items():
            if key != "meta":
                assert len(value["times"]) == len(value["values"]) >= 2, (name, key)
                assert all(map(math.isfinite, value["values"])), (name, key)
                parameters += 1
    return f"{len(names)} files, {parameters} parameters"


@reader("NSynth's keys: examples.json")
def nsynth(made):
    text, number = str, int
    keys = {
        "note": number, "note_str": text, "instrument": number, "instrument_str": text, "pitch": number,
        "velocity": number, "sample_rate": number, "qualities": list, "qualities_str": list,
        "instrument_family": number, "instrument_family_str": text, "instrument_source": number,
        "instrument_source_str": text,
    }  # fmt: skip
    count = 0
    for file in sorted((made.textures / "records" / "nsynth").glob("nsynth-*/examples.json")):
        for name, entry in json.loads(file.read_text()).items():
            assert {key: type(value) for key, value in entry.items()} == keys, name
            assert (file.parent / "audio" / f"{name}.wav").is_file()
            count += 1
    assert count == sum(1 for _ in sounds(made))
    return f"{count} notes"


@reader("old-style class: values outside its declared range")
def old_style(made):
    done = json.loads((made.place / "old_style.json").read_text())
    assert done["status"] == 0, done["stderr"].strip().splitlines()[-1]
    assert "made by" not in done["stdout"] and "made by" not in done["stderr"], "its prints reach the user"
    return "runs, quietly"


def main():
    """Run readers; prints a table, and ends with status 1 when one failed."""
    made, asked, red = Made(sys.argv[1]), sys.argv[2:], []
    for name, function in READERS.items():
        if asked and not any(word in name for word in asked):
            continue
        begun = time.monotonic()
        try:
            said, mark = function(made), "green"
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1].lineno
            said, mark = f"{type(error).__name__} (line {where}): {str(error).splitlines()[:1]}", "RED"
            red.append(name)
        print(f"{mark:5} {time.monotonic() - begun:5.1f} s  {name}: {said}", flush=True)
    if red:
        sys.exit(f"not read: {'; '.join(red)}")


if __name__ == "__main__":
    main()
