"""What is fetched lies as readers want it: the shipped catalogue, with a server in place of the true ones."""

import re

import pytest

from sousa.generation.captions.downloads.catalogue import SHIPPED, read
from sousa.generation.captions.evaluation_sets import held_out
from sousa.generation.captions.readers import READERS, Wanted, reader
from tests.conftest import ROOT
from tests.generation.captions.downloads.conftest import run
from tests.support.small_catalogue import zipped

FIXTURES = ROOT / "tests" / "data" / "captions"
NAMES = [name for name in READERS if (FIXTURES / name).is_dir()]


def publish(publisher, folder):
    """Publish the fixtures of every corpus at the addresses of the shipped catalogue; returns its path."""
    text = re.sub(r"https://[a-z.]+", publisher.address, SHIPPED.read_text(encoding="utf-8"))
    path = folder / "catalogue.toml"
    path.write_text(re.sub(r"\ndigest = .*", "", text), encoding="utf-8")
    listings = {}
    for name, corpus in read(path).corpora.items():
        for entry in corpus.files:
            root = FIXTURES / name
            there = {file.relative_to(root).as_posix(): file for file in root.rglob("*") if file.is_file()}
            files = {wanted: there[wanted].read_bytes() for wanted in entry.names if wanted in there}
            for wanted in set(entry.names) - files.keys():
                if wanted == "fma_metadata.zip":
                    inside = {n: file.read_bytes() for n, file in there.items() if n.startswith("fma_meta")}
                    files[wanted] = zipped(inside)
                elif wanted == "*.jsonl":
                    files |= {n: file.read_bytes() for n, file in there.items() if n.endswith(".jsonl")}
                else:
                    files[wanted] = b""
            if (listing := entry.listing()) is None:
                publisher.files |= {f"/fma/{n}": data for n, data in files.items()}
            else:
                listings.setdefault(listing, {}).update(files)
    for (kind, place), files in listings.items():
        if kind == "zenodo":
            publisher.zenodo(place, files)
        elif kind == "github":
            publisher.github(*place.split("@"), files)
        elif kind == "hub":
            publisher.hub(place.partition("@")[0], files)
    return path


def rows_of(name, root):
    tables = list(reader(name).read(root, Wanted(metadata_only=True)))
    return [row for table in tables for row in table.to_pylist()]


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_reads_what_was_fetched(publisher, tmp_path, name):
    catalogue = publish(publisher, tmp_path)
    raw = tmp_path / "raw"
    assert run("--catalogue", catalogue, "-o", raw, "--datasets", name, "--no-audio", "--quiet") == 0
    rows, whole = (
        {row["sample_id"]: row["caption"] for row in rows_of(name, root / name)} for root in (raw, FIXTURES)
    )
    if name == "mtg_jamendo":  # the fixture has tables that are not fetched, as they repeat the others
        assert rows.keys() <= whole.keys() and any(rows.values())
    else:
        assert rows == whole and any(rows.values())


def test_evaluation_lists_are_all_that_is_needed_to_keep_them_out(publisher, tmp_path):
    catalogue, raw = publish(publisher, tmp_path), tmp_path / "raw"
    assert held_out(raw).problem
    assert run("--catalogue", catalogue, "-o", raw, "--evaluation-lists", "--quiet") == 0
    sets, whole = held_out(raw), held_out(FIXTURES)
    assert sets == whole and sets.problem is None and sets.ids and sets.artists
