"""Fixtures of published corpora with captions, and what readers make of them."""

import json
import re
import shutil
from collections import Counter

import numpy as np
import pyarrow as pa
import soundfile

from sousa.generation.captions.columns import READ
from sousa.generation.captions.readers import Wanted, reader
from tests.conftest import ROOT

DATA = ROOT / "tests" / "data" / "captions"


def copied(name, folder):
    """A copy of a corpus's files that a test may change."""
    return shutil.copytree(DATA / name, folder / name)


def rows_of(name, root, **wanted):
    """All rows of a corpus, as dicts by ``source_id``, after what is true of every reader's rows."""
    table = pa.concat_tables(reader(name).read(root, Wanted(**wanted)))
    assert table.schema.equals(READ)
    rows = table.to_pylist()
    assert {row["dataset"] for row in rows} <= {name}
    assert all(row["caption"] for row in rows if not row["rejected"])
    assert len({row["sample_id"] for row in rows}) == len(rows)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", row["source_id"]) for row in rows)
    assert all(row["group_id"] for row in rows if not row["rejected"])
    return {row["source_id"]: row for row in rows}


def account(rows):
    """How many rows were kept (None) and rejected, by reason."""
    return Counter(row["rejected"] for row in rows.values())


def captions(row):
    """All captions of a row, its own first."""
    return [row["caption"], *(other["text"] for other in row["alt_captions"])]


def sounding(folder):
    """A root directory with a corpus whose sounds are there: short, and each another one."""
    root = copied("clotho", folder)
    for row in rows_of("clotho", root).values():
        name = json.loads(row["meta"])["file_name"]
        seed = np.random.default_rng(list(name.encode()))
        sound, rate = 0.1 * seed.standard_normal(2000), 16_000
        soundfile.write(root / name, sound, rate, "PCM_16")
    return folder


def usual_options(corpus, folder):
    """What the usual configuration of a corpus is asked for by: where rows are read from, nothing else."""
    return {"root": str(sounding(folder))} if corpus.name == "captions" else {}
