"""Sounds found by a sentence: embedded by small encoders, projected, ranked, and heard in a page."""

import base64
import io
import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from safetensors.torch import load_file, save_file

from sousa import main
from sousa.generation.errors import RunError, UsageError
from sousa.training.embedding.command import embed
from sousa.training.embedding.layout import Embeddings
from sousa.training.projection import pairs, running, settings
from sousa.training.projection.model import load
from sousa.training.projection.towers import tower_of
from sousa.training.search import page, searching, sounds
from sousa.training.search.command import table
from sousa.training.search.searching import Hit
from tests.support import tiny_encoders
from tests.training.embedding.conftest import SCHEMA, tone, unified, write_json

EVIL = '<script>alert(1)</script> & "more"\x1b[31m'
TEXTS = ["a calm piece of music", "a bright noise ."]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a unified JSON file, its vectors, a run over them, and the weights of both encoders."""
    root = tmp_path_factory.mktemp("search")
    for name in ("ast", "bert"):
        (root / name).mkdir()
        getattr(tiny_encoders, name)(root / name)
    path, entries = unified(root / "sounds", rows=30, seconds=1.0)
    entries[3] |= {"title": EVIL, "caption": EVIL}
    entries[4] |= {"title": "Plain", "license": "CC-BY-4.0"}
    write_json(root / "sounds", entries)
    words = {"encoders": [f"ast={root / 'ast'}"], "text": [f"sentence={root / 'bert'}"]}
    embed(output=root / "vectors", dataset_file=path, shard_rows=7, **words)
    keys = {"data_dir": str(root / "vectors"), "output": str(root / "run"), "epochs": 2, "batch_size": 8,
            "hidden_dim": 16, "dim": 8, "report": False, "cpu_threads": 1}  # fmt: skip
    running.run(settings.checked(keys))
    return root


def _searched(place, **more):
    model, embeddings = load(place / "run"), Embeddings(place / "vectors")
    tower = tower_of("text", model.config.text, str(place / "bert"), "cpu")
    return searching.search(TEXTS, embeddings, model, tower, **more)


def test_sounds_come_in_the_order_of_their_cosines(place):
    found = _searched(place, rows=100)
    model, embeddings = load(place / "run"), Embeddings(place / "vectors")
    tower = tower_of("text", model.config.text, str(place / "bert"), "cpu")
    names, vectors = [], []
    for rows, means in pairs.sounds(embeddings, "ast"):
        names += rows["sample_id"].to_pylist()
        vectors.append(model.project("audio", means))
    scores = model.project("text", tower(TEXTS)) @ np.concatenate(vectors).T
    assert sorted(names) == [f"row_{i:02d}" for i in range(30)]
    for hits, line in zip(found, scores, strict=True):
        assert [hit.sample_id for hit in hits] == [names[i] for i in np.argsort(-line, kind="stable")]
        assert [hit.score for hit in hits] == pytest.approx(np.sort(line)[::-1].tolist(), abs=1e-5)
        assert [hit.rank for hit in hits] == list(range(1, 31))
    hit = next(hit for hit in found[0] if hit.sample_id == "row_04")
    assert hit.about["title"] == "Plain" and hit.text == "a calm piece of music 4"


def test_only_the_rows_that_are_asked_for(place):
    splits = Embeddings(place / "vectors").splits
    counts = [len(_searched(place, rows=100, split=split)[0]) for split in splits]
    assert sum(counts) == 30 and all(counts)
    assert len(_searched(place, rows=4)[0]) == 4
    groups = _searched(place, rows=100, where="{group_id: [artist 2]}")[0]
    assert {hit.sample_id for hit in groups} == {"row_04", "row_05"}
    with pytest.raises(UsageError, match="no sound is left"):
        _searched(place, where="{group_id: [nobody]}")
    with pytest.raises(UsageError, match="there is no split"):
        _searched(place, split="dev")


def test_the_command_prints_a_table_and_writes_a_page(place, capsys):
    words = [*TEXTS, "--data", str(place / "vectors"), "--model", str(place / "run"),
             "--text-weights", str(place / "bert"), "-n", "30"]  # fmt: skip
    assert main(["search", *words, "--page", str(place / "found.html")]) == 0
    said = capsys.readouterr()
    assert said.out.count("row_04") == 2 and "CC-BY-4.0" in said.out and "Plain" in said.out
    assert "\x1b" not in said.out and TEXTS[0] in said.out
    text = (place / "found.html").read_text()
    assert "<script>alert" not in text and "&lt;script&gt;alert" in text and "\x1b" not in text
    sounds_in = re.findall(r'src="data:audio/wav;base64,([^"]+)"', text)
    stored = {(place / "sounds" / f"{i}.wav").read_bytes() for i in range(30)}
    assert len(sounds_in) == 60 and {base64.b64decode(s) for s in sounds_in} == stored
    assert "default-src 'none'" in text and "http" not in text.replace("http-equiv", "")
    assert main(["search", *words, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [entry["query"] for entry in listed] == TEXTS and listed[0]["hits"][0]["rank"] == 1
    # a file of somebody else is not written over
    (place / "mine.html").write_text("mine")
    assert main(["search", *words, "--page", str(place / "mine.html")]) == 2
    assert (place / "mine.html").read_text() == "mine"


def test_a_dataset_is_embedded_first_and_heard(place, tmp_path, capsys):
    rows = []
    for i in range(6):
        file = io.BytesIO()
        soundfile.write(file, tone(i, 1.0), 22050, format="FLAC")
        rows.append({"sample_id": f"r{i}", "words": f"piece {i}", "more_words": [], "duration_sec": 1.0,
                     "band": f"b{i}", "audio": {"bytes": file.getvalue(), "path": f"{i}.flac"}})  # fmt: skip
    (tmp_path / "data").mkdir()
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), tmp_path / "data/test.parquet")
    words = [TEXTS[0], "--data", str(tmp_path / "data"), "--model", str(place / "run")]
    words += ["--text-weights", str(place / "bert"), "--audio-weights", str(place / "ast")]
    words += ["--page", str(tmp_path / "a.html")]
    for _ in range(2):  # the second time its vectors are there
        assert main(["search", *words]) == 0
        said = capsys.readouterr()
        assert "piece 3" in said.out
    (made,) = (place / "run/embedded").glob("data-*")
    assert len(Embeddings(made).rows()) == 6
    page_text = (tmp_path / "a.html").read_text()
    found = re.findall(r'src="data:audio/flac;base64,([^"]+)"', page_text)
    assert {base64.b64decode(sound) for sound in found} == {row["audio"]["bytes"] for row in rows}
    assert main(["search", "calm", "--data", str(tmp_path / "no"), "--model", str(place / "run")]) == 2


def test_other_weights_and_other_vectors_are_refused(place, tmp_path):
    model = load(place / "run")
    with pytest.raises(UsageError, match="--text-weights"):
        tower_of("text", model.config.text, None, "cpu")
    other = tmp_path / "bert"
    other.mkdir()
    tiny_encoders.bert(other)
    state = {name: value * 1.01 for name, value in load_file(other / "model.safetensors").items()}
    save_file(state, other / "model.safetensors", {"format": "pt"})
    with pytest.raises(RunError, match="others than those that this model was trained over"):
        tower_of("text", model.config.text, str(other), "cpu")
    model.config.audio = model.config.audio | {"digest": "another"}
    with pytest.raises(RunError, match="no vectors by ast as this model was trained over"):
        searching.search(TEXTS, Embeddings(place / "vectors"), model, lambda texts: None)


def test_pages_have_what_there_is_room_for_and_addresses_that_are_some(monkeypatch):
    monkeypatch.setattr(page, "MOST_BYTES", 40)
    about = {"title": "T", "url": "https://tunes.example/1"}
    hits = [Hit(1, 0.5, "a", "text", about, None), Hit(2, 0.4, "b", None, {"url": "javascript:x"}, None)]
    data, left = page.encode(["q"], [hits], {"a": b"fLaC" + b"0" * 20, "b": b"0" * 30}, "about")
    text = data.decode()
    assert left == 1 and "data:audio/flac" in text and text.count("<audio") == 1
    assert '<a href="https://tunes.example/1"' in text and 'href="javascript' not in text


def test_sounds_that_are_missing_are_said_once(tmp_path):
    (tmp_path / "clotho").mkdir()
    fetch = sounds.sounds_of(str(tmp_path / "clotho"))
    hits = [Hit(1, 0.5, "a", None, {}, None), Hit(2, 0.4, "b", None, {}, "../b.wav")]
    data, why = sounds.fetched(hits, fetch)
    assert data == {} and why == "a: the corpus has no sound of it here"
    assert "leads out" in sounds.fetched(hits[1:], fetch)[1]


def test_the_table_shows_cells_in_one_line():
    lines = table([Hit(1, 0.25, "s1", "a\nb" + "x" * 99, {"title": "T"}, None)]).splitlines()
    assert len(lines) == 2 and lines[0].split() == [
        "rank", "score", "title", "what", "is", "said", "name", "where",
    ]  # fmt: skip
    assert "…" in lines[1] and lines[1].endswith("s1    –")
