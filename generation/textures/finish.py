"""What a finished textures dataset has beside its shards: label tables, splits, loose files, records."""

from pathlib import Path

from sousa.generation import tables
from sousa.generation.shards import file_record
from sousa.generation.storage import write_json, write_once
from sousa.generation.textures import corpus, records
from sousa.generation.textures.columns import AFTER, BEFORE

_LISTS = ("params", "curves", "events")


def label_tables(config):
    """The label tables: dict of name to ``(columns to read, function of a row group)``."""
    flat = [c.name for c in (*BEFORE, *AFTER) if c.name not in (*_LISTS, "audio")]
    flat += [f"param_{name}" for name, _ in corpus.swept(config)]
    out = {"samples": (flat, lambda group: group)}
    for name in _LISTS:
        out[name] = (["sample_id", name], lambda group, name=name: tables.explode(group, name))
    return out


def write_labels(root, config, shards):
    """Write ``labels/{samples,params,curves,events}.parquet``; returns their file records."""
    wanted = label_tables(config)
    tables.write_tables(root, shards, wanted)
    return [file_record(root, f"labels/{name}.parquet") for name in wanted]


def write_splits(root, config):
    """Write ``splits.json``: the settings of each split, and which of the test settings are held out how.

    Returns: its file record.
    """
    lists = {split: [] for split in corpus.SPLITS}
    held_out = {}
    for setting, name in zip(config.settings, config.setting_ids, strict=True):
        lists[setting.split].append(name)
        if setting.held_out:
            held_out.setdefault(setting.held_out, []).append(name)
    write_json(Path(root) / "splits.json", {**lists, "held_out": held_out})
    return file_record(root, "splits.json")


def write_files(root, shards, progress):
    """Write ``audio/{sample_id}`` files; ones already there are kept."""
    for record in shards:
        for group in tables.row_groups(Path(root) / record["file"], ["audio"]):
            for audio in group["audio"].to_pylist():
                write_once(Path(root) / "audio" / audio["path"], audio["bytes"])
                progress(1)


def write_records(root, config, shards, progress):
    """Write what ``config.records`` names below ``records/``; returns the manifest's entries."""
    groups = (group for record in shards for group in tables.row_groups(Path(root) / record["file"]))
    return records.write(root, config, groups, progress)
