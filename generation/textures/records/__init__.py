"""Rows of the textures corpus in other people's formats.

Conventions: each format has a module, a class in it, and a folder ``<root>/records/<format>`` that holds
nothing else; folders of other formats are left alone. Rows are read once, in order, and memory does not grow
with their number, but for what a module says of itself and 48 bytes a file. Files are those of
:mod:`sousa.generation.textures.records.files`: written under a temporary name, not synced; the result is the
same whatever was there before, an interrupted run included.

A format is a class made of ``(folder, config, labels)`` with ``add(row, pcm)`` for each row, of which
:mod:`sousa.generation.textures.records.rows` tells, and ``close()``; ``reads`` says whether it wants the
samples (``pcm``: int16, 1-D) or a WAV file (``row["wav"]``). WAV audio of a row is written as it is stored.
"""

from collections import Counter
from typing import Any

from sousa.generation.audio.encode import decode, encode
from sousa.generation.errors import raise_all
from sousa.generation.manifest import short
from sousa.generation.storage import LocalStorage
from sousa.generation.tables import groups_of
from sousa.generation.textures.dsgenerator import nsjson, params, tfrecords
from sousa.generation.textures.records import files, frames, nsynth
from sousa.generation.textures.records.files import damage as damage
from sousa.generation.textures.records.labels import labels
from sousa.generation.textures.records.rows import COLUMNS, rows

FORMATS = {
    "params": params.Params, "nsjson": nsjson.NSJson, "tfrecords": tfrecords.TFRecords,
    "frames": frames.Frames, "nsynth": nsynth.NSynth,
}  # fmt: skip
_BYTES_PER_ROW = {"params": 6_000, "nsjson": 700, "tfrecords": 1_300, "frames": 9_000, "nsynth": 900}
_FACTS = {"format": str, "rows": int, "files": int, "bytes": int, "sha256": str}


def problems(config):
    """Why a corpus can't be written in the formats it asks for: list of sentences, empty when it can."""
    about = labels(config)
    return [problem for name in config.records for problem in FORMATS[name].problems(config, about)]


def write(root, config, tables, progress):
    """Write rows in the formats of a configuration.

    Args:
        root: dataset directory.
        tables: Arrow tables in order of rows, with at least COLUMNS; read once.
        progress: function called with the number of rows that each table had, when they are done.

    Returns: a dict for each format: ``format``, ``rows``, ``files`` (counts), ``bytes``, ``sha256`` (of the
        names and digests of its files, whatever their order).
    Raises: UsageError when a format can't hold this corpus; RunError when files can't be written.
    """
    raise_all(problems(config))
    if not config.records:
        return []
    about = labels(config)
    folders = {name: files.Folder(root, name) for name in config.records}
    formats = [FORMATS[name](folder, config, about) for name, folder in folders.items()]
    wanted = {format_.reads for format_ in formats}
    count = 0
    try:
        for table in tables:
            for row in rows(table):
                pcm = _sound(row, wanted)
                for format_ in formats:
                    format_.add(row, pcm)
            count += len(table)
            progress(len(table))
        for format_ in formats:
            format_.close()
        return [{"format": name, "rows": count} | folder.close() for name, folder in folders.items()]
    finally:
        for folder in folders.values():
            folder.abandon()


def _sound(row, wanted):
    """Samples of a row, if they are wanted, or else None; a WAV file, if wanted, goes to ``row["wav"]``."""
    is_wav = row["audio"][:4].to_pybytes() == b"RIFF"
    pcm = None
    if "pcm" in wanted or ("wav" in wanted and not is_wav):
        pcm, rate = decode(row["audio"])
        pcm = pcm[:, 0]
    if "wav" in wanted:
        row["wav"] = row["audio"] if is_wav else encode(pcm, rate, "wav")
    return pcm


def beside(
    config: Any, storage: LocalStorage, shards: list[dict], earlier: dict[str, Any], progress: Any
) -> dict:
    """Write what a configuration asks for; see :meth:`sousa.generation.corpus.Corpus.beside`.

    Records of formats that are not asked for now stay true: the rows are the same.
    """
    kept = [entry for entry in earlier.get("records", []) if entry["format"] not in config.records]
    if not config.records:
        return {"records": kept}
    with progress("writing records", config.num_rows) as done:
        rows_ = groups_of(storage, shards, COLUMNS)
        return {"records": kept + write(storage.root, config, rows_, done)}


def facts_problem(facts: dict[str, Any]) -> str | None:
    """What is wrong with the records of a manifest, or None."""
    listed = facts.get("records", [])
    whole = isinstance(listed, list) and all(
        isinstance(entry, dict) and all(isinstance(entry.get(key), kind) for key, kind in _FACTS.items())
        for entry in listed
    )
    return None if whole else f"records is {short(listed)}"


def size(config: Any, pcm_bytes: float) -> tuple[float, int]:
    """``(bytes, files)`` of all records, about: the number of TFRecord shards depends on their features a
    little. ``pcm_bytes``: of all rows' samples."""
    num_rows, settings = config.num_rows, Counter(setting.split for setting in config.settings)
    record = 4 * config.chunk_samples + _BYTES_PER_ROW["tfrecords"]
    held = 1 if config.shard_mib is None else max(1, int(config.shard_mib * 2**20 / record))
    files = {
        "params": 2 * num_rows, "nsjson": num_rows + 1, "frames": 2 * num_rows + len(config.sounds),
        "nsynth": num_rows + 2 * len(settings),
        "tfrecords": 1 + len(settings) * (config.layout == "flat")
        + sum(-(-n * config.rows_per_setting // held) for n in settings.values()),
    }  # fmt: skip
    num_bytes = sum(
        pcm_bytes * (2 if kind == "tfrecords" else 1) + num_rows * _BYTES_PER_ROW[kind]
        for kind in config.records
    )
    return num_bytes, sum(files[kind] for kind in config.records)
