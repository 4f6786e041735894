"""Streams from the Hub, over its real protocol: ranges of releases, whole files of other datasets."""

import io
import json
import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from tests.conftest import ROOT
from tests.support.hub import Hub
from tests.support.publishing import REPO, Publisher
from tests.support.releases import of_format_1, release

READ = """
import json, sys
from sousa.training.stream import Loader, Rows
from sousa.generation.errors import SousaError
name, revision = sys.argv[1], sys.argv[2] or None
try:
    rows = Rows(name, "train", columns=sys.argv[3].split(",") if sys.argv[3] else (), revision=revision)
except SousaError as error:
    sys.exit(f"{type(error).__name__}: {error}")
some = [rows[i] for i in map(int, sys.argv[4].split(","))] if sys.argv[4] else list(rows)
workers = None if sys.argv[4] else [i for batch in Loader(rows, 2, num_workers=2) for i in batch["row"]]
print(json.dumps({"rows": len(rows), "sums": [float(abs(r["audio"]).sum()) for r in some], "order": workers,
                  "names": [r.get("sample_id") for r in some]}))
"""


def read(hub, cache, name, revision="", columns="", rows="", **environment):
    """What a process that knows nothing reads: (dict or None, what it said)."""
    environment = hub.environment(cache, "hf_reader", **environment)
    environment |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", READ, name, revision, columns, rows]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    return (json.loads(done.stdout) if done.returncode == 0 else None), done.stderr


@pytest.fixture(scope="module", params=["lfs", "xet", "format 1"])
def hub(request, tiny, tmp_path_factory):
    place = tmp_path_factory.mktemp("streams")
    made = release(tiny, place / "r")
    if request.param == "format 1":
        made = of_format_1(made, place / "before")
    with Hub(place / "hub", xet=request.param == "xet") as hub:
        Publisher(hub, place / "publisher").publish(made)
        yield hub


def test_a_release_is_streamed_by_ranges_and_is_what_was_published(hub, tiny, tmp_path):
    from sousa.training.stream import Rows

    here = Rows(tiny, "train")
    hub.requests.clear()
    found, said = read(hub, tmp_path, REPO, "v1.0.0", "skill_tier,strokes.onset_sample")
    assert found, said
    assert found["names"] == here.table["sample_id"].to_pylist()
    assert found["sums"] == [float(np.abs(row["audio"]).sum()) for row in here]
    assert sorted(found["order"]) == list(range(len(here)))


def test_a_few_rows_cost_a_few_ranges(hub, tmp_path):
    files = {name: entry for name, entry in hub.tree(REPO, "main").items() if name.endswith(".parquet")}
    assert files
    found, said = read(hub, tmp_path, REPO, "main", "", "1")
    assert found and len(found["sums"]) == 1, said
    parquet = [p for p in tmp_path.rglob("*") if p.suffix in (".parquet", ".pq")]
    kept = sum(path.stat().st_size for path in parquet)
    assert [path.name for path in parquet] in [["_row_index.pq"], ["row_index.parquet"]]
    audio = sum(len(hub.read(REPO, "main", name)) for name in files if "/train/" in name)
    assert kept < audio / 4  # the row index alone is kept; no data file was fetched


def test_another_dataset_of_the_hub_is_read_too(hub, tmp_path):
    clips = []
    for i in range(4):
        out = io.BytesIO()
        soundfile.write(out, 0.1 * (i + 1) * np.ones(4000), 8000, format="FLAC")
        clips.append({"bytes": out.getvalue(), "path": None})
    pq.write_table(pa.table({"audio": clips, "text": list("abcd")}), tmp_path / "x.parquet")
    script = """
import sys
from huggingface_hub import HfApi
api = HfApi()
api.create_repo("org/other", repo_type="dataset")
api.upload_file(path_or_fileobj=sys.argv[1], path_in_repo="data/train-00000-of-00001.parquet",
                repo_id="org/other", repo_type="dataset")
"""
    command = [sys.executable, "-c", script, str(tmp_path / "x.parquet")]
    environment = hub.environment(tmp_path / "c", "hf_writer")
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found, said = read(hub, tmp_path / "c", "org/other", columns="text", SOUSA_CACHE=str(tmp_path / "s"))
    assert found and found["rows"] == 4, said
    assert np.allclose(found["sums"], [400.0 * (i + 1) for i in range(4)], rtol=1e-3)


def test_what_is_not_on_the_hub_is_one_sentence(hub, tmp_path):
    for name, revision, word in (("org/nothing", "", "org/nothing"), (REPO, "v9.9.9", "v9.9.9")):
        found, said = read(hub, tmp_path, name, revision)
        assert found is None and "Traceback" not in said and word in said, said
        assert said.startswith(("UsageError: ", "RunError: ")) and len(said.strip().splitlines()) == 1


def test_no_network_is_one_sentence(hub, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k.startswith("HF_")}
    found, said = read(hub, tmp_path, REPO, **{**environment, "HF_ENDPOINT": "http://127.0.0.1:9"})
    assert found is None and "Traceback" not in said and len(said.strip().splitlines()) == 1, said
