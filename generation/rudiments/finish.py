"""What a finished rudiments dataset has beside its shards: label tables, splits, loose files."""

from pathlib import Path

import pyarrow as pa

from sousa.generation import tables
from sousa.generation.rudiments import corpus, players
from sousa.generation.rudiments.columns import IDENTITY, PLAYER, SCORES, SOUND
from sousa.generation.shards import file_record, write_json
from sousa.generation.writing import write_once


def _paths(config, ids, with_files):
    """The midi_path and audio_path columns: null unless loose files are written."""
    none = pa.nulls(len(ids), pa.string())
    if not with_files:
        return none, none
    midi = pa.array([f"midi/{name}.mid" for name in ids], pa.string())
    return midi, pa.array(
        [f"audio/{name}.{config.audio_format}" for name in ids]
    ) if config.with_audio else none


def label_tables(config, with_files):
    """The label tables: dict of name to ``(columns to read, function of a row group)``."""
    flat = [column.name for column in (*IDENTITY, *SOUND, *PLAYER)]
    scores = [column.name for column in SCORES]

    def samples(group):
        midi, audio = _paths(config, group["sample_id"].to_pylist(), with_files)
        return group.append_column("midi_path", midi).append_column("audio_path", audio)

    return {
        "samples": (flat, samples),
        "exercises": (["sample_id", *scores], lambda group: group.select([*scores, "sample_id"])),
        "measures": (["sample_id", "measures"], lambda group: tables.explode(group, "measures")),
        "strokes": (["sample_id", "strokes"], lambda group: tables.explode(group, "strokes")),
    }


def write_labels(root, config, records, with_files):
    """Write ``labels/{samples,exercises,measures,strokes}.parquet``; returns their file records."""
    tables.write_tables(root, records, label_tables(config, with_files))
    return [file_record(root, f"labels/{name}.parquet") for name in label_tables(config, with_files)]


def write_splits(root, config):
    """Write ``splits.json``: the players of each split, and how many of each tier.

    Returns: its file record.
    """
    people = [players.player(config.seed, index) for index in corpus.profile_indices(config)]
    lists = {name: [p.profile_id for p in people if p.split == name] for name in players.SPLITS}
    by_tier = {
        name: {tier: sum(p.split == name and p.tier_name == tier for p in people) for tier in players.tiers()}
        for name in players.SPLITS
    }
    write_json(Path(root) / "splits.json", {**lists, "players_by_tier": by_tier})
    return file_record(root, "splits.json")


def write_files(root, config, records, progress):
    """Write ``audio/{sample_id}`` and ``midi/{sample_id}`` files; ones already there are kept."""
    wanted = ["sample_id", "midi", *(["audio"] if config.with_audio else [])]
    for record in records:
        for group in tables.row_groups(Path(root) / record["file"], wanted):
            for row in group.to_pylist():
                write_once(Path(root) / "midi" / f"{row['sample_id']}.mid", row["midi"])
                if config.with_audio:
                    write_once(Path(root) / "audio" / row["audio"]["path"], row["audio"]["bytes"])
                progress(1)
