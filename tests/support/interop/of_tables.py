"""Readers of tables and annotations: releases, exports, and what the earlier system's consumers take."""

import csv
import json

import numpy as np
from made import reader


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
