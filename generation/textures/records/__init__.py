"""Rows of the textures corpus in other people's formats.

Conventions
-----------
Each format has a module, a class in it, and a folder ``<root>/records/<format>`` that holds nothing else;
folders of other formats are left alone. Rows are read once, in order, and memory does not grow with their
number, but for what a module says of itself and 48 bytes a file. Files are those of
:mod:`sousa.generation.textures.records.files`: written under a temporary name, not synced; the result is the
same whatever was there before, an interrupted run included.

A format is a class made of ``(folder, config, labels)`` with ``add(row, pcm)`` for each row, of which
:mod:`sousa.generation.textures.records.rows` tells, and ``close()``; ``reads`` says whether it wants the
samples (``pcm``: int16, 1-D) or a WAV file (``row["wav"]``). WAV audio of a row is written as it is stored.
"""

from sousa.generation.audio.encode import decode, encode
from sousa.generation.errors import raise_all
from sousa.generation.textures.records import files, frames, nsjson, nsynth, params, tfrecords
from sousa.generation.textures.records.labels import labels
from sousa.generation.textures.records.rows import COLUMNS, rows

__all__ = ["COLUMNS", "FORMATS", "damage", "problems", "write"]

FORMATS = {
    "params": params.Params,
    "nsjson": nsjson.NSJson,
    "tfrecords": tfrecords.TFRecords,
    "frames": frames.Frames,
    "nsynth": nsynth.NSynth,
}


def problems(config):
    """Why a corpus can't be written in the formats it asks for: list of sentences, empty when it can."""
    about = labels(config)
    return [one for name in config.records for one in FORMATS[name].problems(config, about)]


def write(root, config, tables, progress):
    """Write rows in the formats of a configuration.

    Args:
        root: dataset directory.
        config: :class:`sousa.generation.textures.settings.Config`; its ``records`` are written.
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
    wanted = {one.reads for one in formats}
    count = 0
    try:
        for table in tables:
            for row in rows(table):
                pcm = _sound(row, wanted)
                for one in formats:
                    one.add(row, pcm)
            count += len(table)
            progress(len(table))
        for one in formats:
            one.close()
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


def damage(root, record):
    """What is wrong with a format's folder, or None; every file in it is read.

    Args:
        record: what :func:`write` gave for it.
    """
    if record["format"] not in FORMATS:
        return f"the manifest names records of an unknown format, {record['format']!r}"
    return files.damage(root, record)
