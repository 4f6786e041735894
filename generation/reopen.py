"""Finished datasets of any corpus read back: their settings, their records, and proof that rows are true."""

import random
from pathlib import Path

import pyarrow.compute as pc

from sousa.generation import DATA_VERSION, FORMAT_VERSION
from sousa.generation.audio import encode
from sousa.generation.errors import RunError, UsageError
from sousa.generation.shards import config_digest, damage
from sousa.generation.tables import row_groups


def identity_of(manifest, corpus):
    """The settings in a manifest, as plain data, after checking that this version made them.

    Args:
        corpus: its name.

    Raises: RunError when the dataset is of another corpus or version.
    """
    if manifest["format_version"] != FORMAT_VERSION:
        raise RunError(
            f"this dataset has format {manifest['format_version']}, this sousa reads {FORMAT_VERSION}"
        )
    data = dict(manifest["config"])
    if data.pop("corpus", None) != corpus:
        raise RunError(f"this is not a {corpus} dataset")
    version = data.pop("data_version", None)
    if version != DATA_VERSION:
        raise RunError(
            f"this dataset has data version {version}, this sousa makes {DATA_VERSION}; use that sousa"
        )
    return data


def require_digest(manifest, config):
    """Compare settings with the digest in their manifest.

    Raises: RunError when they differ.
    """
    if config_digest(config.identity()) != manifest["config_digest"]:
        raise RunError("manifest.json was changed by hand: its settings do not match their digest")


def records_of(manifest, config, shards):
    """Records of the shards, in order of rows, after comparing them with what was planned.

    Raises: RunError when the manifest does not list exactly the planned shards.
    """
    planned = [(s.name, s.file, s.split, s.rows) for s in shards]
    listed = [(name, r["file"], r["split"], r["rows"]) for name, r in manifest["shards"].items()]
    if sorted(planned) != sorted(listed) or manifest["num_rows"] != config.num_rows:
        raise RunError(
            "manifest.json does not list the shards of its own settings; run the 'sousa generate' command "
            "that made the dataset again"
        )
    return [manifest["shards"][name] for name, *_ in planned]


def verify(root, config, records, again, count=20, everything=False, seed=None, progress=None):
    """Make rows again and compare them with the stored ones, after checking every shard's digest.

    Args:
        again: function of a stored row that gives the row made again, a dict.
        count: rows to make again; ``everything``: all of them.
        seed: of the choice of rows; by default another choice each time.

    Returns: ``(rows compared, list of differences)``; a difference is one line of text.
    """
    differences = [problem for problem in (damage(root, record) for record in records) if problem]
    if differences:
        return 0, differences
    total = sum(record["rows"] for record in records)
    if not everything and count < 1:
        raise UsageError(f"--rows is {count}; give 1 or more")
    wanted = (
        set(range(total)) if everything else set(random.Random(seed).sample(range(total), min(count, total)))
    )
    first, compared = 0, 0
    for record in records:
        inside = [number - first for number in wanted if first <= number < first + record["rows"]]
        first += record["rows"]
        if inside:
            for row in _pick(Path(root) / record["file"], sorted(inside)):
                differences += compare(config, row, again(row))
                compared += 1
                if progress:
                    progress(1)
    return compared, differences


def _pick(path, numbers):
    first = 0
    for group in row_groups(path):
        inside = [n - first for n in numbers if first <= n < first + len(group)]
        yield from group.take(inside).to_pylist() if inside else []
        first += len(group)


def compare(config, row, again):
    """What differs between a stored row and the same one made again: list of no or one line of text."""
    wrong = [name for name in again if name != "audio" and again[name] != row[name]]
    if config.with_audio:
        # FLAC bytes may differ between library versions; the samples may not
        stored = encode.pcm_digest(encode.decode(row["audio"]["bytes"])[0])
        if stored != again["pcm_digest"]:
            wrong.append("audio")
    return [f"{row['sample_id']}: {', '.join(wrong)} differ"] if wrong else []


def seconds_of(root, records):
    """Total length of the rows of shards, in seconds."""
    return sum(
        pc.sum(group["duration_sec"]).as_py()
        for record in records
        for group in row_groups(Path(root) / record["file"], ["duration_sec"])
    )
