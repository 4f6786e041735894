"""What tests of releases share: releases made in this process, and datasets changed in a known way."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sousa.builders.release import layout, make
from sousa.generation.manifest import read_manifest, sealed
from sousa.generation.runners import LocalRunner
from sousa.generation.shards import parquet_writer
from sousa.generation.storage import file_digest, write_json


def release(dataset, output, version="1.0.0", **options):
    """Make a release; returns its directory."""
    options = {"runner": LocalRunner(1), "say": lambda text: None} | options
    make.make(dataset, output, version, **options)
    return Path(output)


def of_format_1(made, target):
    """A copy of a release as it was when its row index was named after its format."""
    shutil.copytree(made, target)
    old, new = layout.INDEXES[1], layout.INDEXES[2]
    (target / new).rename(target / old)
    manifest = json.loads((target / "manifest.json").read_text())
    files = {{new: old}.get(file, file): entry for file, entry in manifest["files"].items()}
    write_json(target / "manifest.json", sealed(manifest | {"release_format": 1, "files": files}))
    return target


def named(dataset):
    """Rows of a dataset with audio as it is stored, and classes by name as they are in the files."""
    import datasets

    if isinstance(dataset.features.get("audio"), datasets.Audio):
        dataset = dataset.cast_column("audio", datasets.Audio(decode=False))
    labels = {n: kind for n, kind in dataset.features.items() if isinstance(kind, datasets.ClassLabel)}
    return [
        row | {n: row[n] if row[n] is None else kind.int2str(row[n]) for n, kind in labels.items()}
        for row in dataset
    ]


def altered(dataset, target, change, shards=1):
    """A copy of a dataset in which the tables of the first shards are changed.

    Args:
        change: function of an Arrow table giving another.
    """
    shutil.copytree(dataset, target)
    manifest = read_manifest(target)
    for record in list(manifest["shards"].values())[:shards]:
        path = target / record["file"]
        table = change(pq.read_table(path))
        with parquet_writer(str(path), table.schema) as writer:
            writer.write_table(table, row_group_size=120)
        record |= {"bytes": path.stat().st_size, "sha256": file_digest(path)}
    write_json(target / "manifest.json", sealed(manifest))
    return target


def with_column(table, name, values):
    """A table with a column replaced."""
    at = table.column_names.index(name)
    return table.set_column(at, table.schema.field(name), pa.array(values, table.schema.field(name).type))


def faster(table):
    """One label of the first row changed."""
    tempos = table["tempo_bpm"].to_pylist()
    return with_column(table, "tempo_bpm", [tempos[0] + 1, *tempos[1:]])


def louder(table):
    """One stroke of the last row changed."""
    strokes = table["strokes"].to_pylist()
    strokes[-1][0]["actual_velocity"] += 1
    return with_column(table, "strokes", strokes)


def resounded(table):
    """The sound of the first row exchanged for that of the last."""
    audio, digests = table["audio"].to_pylist(), table["pcm_digest"].to_pylist()
    audio[0]["bytes"], digests[0] = audio[-1]["bytes"], digests[-1]
    return with_column(with_column(table, "audio", audio), "pcm_digest", digests)


def with_other_card(tmp_path, monkeypatch, text="One sentence more.\n"):
    """From now on cards are made of a template with one sentence more."""
    from sousa.builders.release import card

    folder = tmp_path / "templates"
    shutil.copytree(card.TEMPLATES, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    template = folder / "rudiments.md"
    template.write_text(template.read_text() + text)
    monkeypatch.setattr(card, "TEMPLATES", folder)
