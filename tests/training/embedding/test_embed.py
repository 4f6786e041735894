"""``sousa embed`` from end to end, and what an earlier system did wrong, each a test."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from sousa.generation.console import Console
from sousa.generation.errors import RunError, UsageError
from sousa.training.embedding import layout
from sousa.training.embedding.command import embed
from sousa.training.embedding.encoding import embed_sounds
from sousa.training.embedding.inputs import of_json
from sousa.training.embedding.layout import Embeddings
from tests.conftest import ROOT
from tests.training.embedding.conftest import RATE, SCHEMA, tone, unified, write_json


def bytes_of(root):
    names = [p for p in root.rglob("*") if p.is_file() and p.name != layout.LOG_FILE]
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in names}


CORPORA = ROOT / "tests" / "data" / "captions"


@pytest.fixture(scope="module")
def json_file(tmp_path_factory):
    return unified(tmp_path_factory.mktemp("unified") / "sounds")[0]


def test_a_json_file_is_embedded(tmp_path, json_file, encoders, capsys):
    out = embed(
        output=tmp_path / "out", dataset_file=json_file, encoders=encoders["ast"], text=encoders["bert"],
        shard_rows=4, console=Console(),
    )  # fmt: skip
    assert sum(out.rows.values()) == 12 and list(out.rows) == ["train", "validation", "test"]
    read = Embeddings(tmp_path / "out")
    rows = read.rows().to_pylist()
    assert {row["split"]: 0 for row in rows}.keys() == {"train", "validation", "test"}
    artists = {split: {r["artist"] for r in rows if r["split"] == split} for split in read.splits}
    assert not artists["train"] & artists["test"] and not artists["validation"] & artists["test"]
    windows = read.audio("ast")
    # two seconds at windows of 1.28: the second one ends with the sound
    assert windows["window"].to_pylist() == [0, 1] * 12
    assert windows.slice(0, 2).select(["start_sec", "end_sec"]).to_pydict() == {
        "start_sec": [0.0, 0.72], "end_sec": [1.28, 2.0],
    }  # fmt: skip
    assert windows["sample_id"].unique().to_pylist() == [row["sample_id"] for row in rows]
    texts = read.text("sentence")
    assert Counter(texts["number"].to_pylist()) == {0: 12, 1: 4, 2: 4}
    values = layout.vectors(texts)
    same = [i for i, text in enumerate(texts["text"].to_pylist()) if text == "low tones"]
    assert len(same) == 4 and (values[same] == values[same[0]]).all()
    assert np.isfinite(values).all() and values.any(axis=1).all()
    assert layout.vectors(windows).any(axis=1).all()
    about = read.encoders["ast"]
    assert about["kind"] == "audio" and about["dim"] == 16 and about["sample_rate"] == 16000
    assert len(about["digest"]) == 64 and not about["non_commercial"] and about["versions"]["torch"]
    assert read.manifest["dataset"] == "toys"
    told = capsys.readouterr().out
    assert "train: 8 rows, 0.3 min: toys 8" in told and "12 rows had no split" in told
    assert "20 texts: unknown 20" in told
    log = (tmp_path / "out/embed.log").read_text()
    assert "by ast, sentence" in log and "next: sousa project --data-dir" in log


def test_rows_keep_the_roles_of_their_columns(tmp_path, json_file, encoders):
    embed(output=tmp_path, dataset_file=json_file, encoders=(), text=encoders["bert"])
    from sousa.generation.columns import Group, Text
    from sousa.training import roles

    known = roles.of_schema(Embeddings(tmp_path).rows().schema)
    assert known.having(Text) and known.having(Group)


def dataset(path, seconds=2.0):
    """A Parquet file of six rows with roles, of which the last has no sound."""
    rows = []
    for i in range(6):
        soundfile.write(path.parent / "sound.flac", tone(i, seconds), RATE)
        data = (path.parent / "sound.flac").read_bytes()
        others = [{"text": "dark noise", "source": "model", "language": None}] if i == 1 else []
        rows.append({
            "sample_id": f"s{i}", "split": "train", "band": f"b{i % 4}", "words": "calm" if i != 2 else None,
            "who": "human", "tongue": "en", "more_words": others, "duration_sec": seconds,
            "audio": {"bytes": data, "path": None} if i < 5 else None,
        })  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), path, compression="none")
    return path


def test_a_dataset_is_embedded_by_the_roles_of_its_columns(tmp_path, encoders):
    path = dataset(tmp_path / "part.parquet")
    out = embed(path, tmp_path / "out", encoders=encoders["ast"], text=encoders["bert"])
    read = Embeddings(out.root)
    assert read.rows().column_names == [
        "sample_id", "split", "band", "words", "who", "tongue", "more_words", "duration_sec", "audio_at",
    ]  # fmt: skip
    texts = read.text("sentence").to_pylist()
    assert [(t["sample_id"], t["number"], t["source"], t["language"]) for t in texts] == [
        ("s0", 0, "human", "en"), ("s1", 0, "human", "en"), ("s1", 1, "model", None),
        ("s3", 0, "human", "en"), ("s4", 0, "human", "en"), ("s5", 0, "human", "en"),
    ]  # fmt: skip
    failures = [(f.sample_id, f.encoder, f.reason) for f in read.failures()]
    assert failures == [("s5", "ast", "it has no sound in the dataset"), ("s2", "sentence", "no text")]


def test_a_corpus_is_embedded_as_it_is_published(tmp_path, encoders, capsys):
    """--use-musicbench: from the local files, with the splits of the corpus and its further captions."""
    request = {"use_musicbench": True, "root": CORPORA, "text": encoders["bert"]}
    embed(output=tmp_path / "out", encoders=(), console=Console(), **request)
    read = Embeddings(tmp_path / "out")
    assert read.manifest["dataset"] == "musicbench" and read.splits == ["train", "test"]
    assert "there are no rows of validation" in capsys.readouterr().out
    assert max(read.text("sentence")["number"].to_pylist()) >= 1 and len(read.rows()) > 2
    embed(CORPORA / "musicbench", tmp_path / "again", encoders=(), text=encoders["bert"])
    assert Embeddings(tmp_path / "again").rows().equals(read.rows())
    # its sounds are not there
    with pytest.raises(RunError, match=r"ast could take none of 6 rows.*missing file"):
        embed(output=tmp_path / "sounds", encoders=encoders["ast"], **request)


# --- what an earlier system did wrong ---


def test_a_quarter_of_the_files_missing_gives_failures_and_no_row_of_zeros(tmp_path, encoders):
    path, entries = unified(tmp_path / "sounds", rows=16)
    for entry in entries[::4]:
        os.unlink(entry["audio_path"])
    out = embed(output=tmp_path / "out", dataset_file=path, encoders=encoders["ast"], text=encoders["bert"])
    assert out.failures == {"ast": 4, "sentence": 0}
    read = Embeddings(tmp_path / "out")
    lost = {failure.sample_id: failure.reason for failure in read.failures()}
    assert lost.keys() == {entry["id"] for entry in entries[::4]}
    assert all(reason.startswith("missing file: ") for reason in lost.values())
    windows = read.audio("ast")
    assert not lost.keys() & set(windows["sample_id"].to_pylist())
    assert layout.vectors(windows).any(axis=1).all() and len(windows) == 24
    assert read.splits == ["train", "validation", "test"]


def test_each_reason_of_a_failure_is_told_and_can_be_mended(tmp_path, encoders, capsys):
    path, entries = unified(tmp_path / "sounds", rows=8)
    soundfile.write(entries[0]["audio_path"], tone(0, 0.05), RATE)
    place = Path(entries[1]["audio_path"])
    whole = place.read_bytes()
    place.write_bytes(b"no sound")
    soundfile.write(entries[2]["audio_path"], tone(0, 0.7), RATE)
    soundfile.write(entries[3]["audio_path"], np.full(RATE, np.nan), RATE, subtype="FLOAT")
    os.unlink(entries[4]["audio_path"])
    os.mkdir(entries[4]["audio_path"])

    def again(**more):
        embed(output=tmp_path / "out", dataset_file=path, encoders=encoders["ast"], text=(), min_duration=1,
              console=Console(), **more)  # fmt: skip
        return {f.sample_id: f.reason for f in Embeddings(tmp_path / "out").failures()}

    reasons = again()
    assert reasons.keys() == {f"row_{i:02d}" for i in range(5)}
    assert reasons["row_00"] == "too short: 0.05 s, of at least 1"
    assert reasons["row_01"].startswith("broken sound: ") and "no numbers" in reasons["row_03"]
    assert reasons["row_02"] == "too short: 0.70 s, of at least 1" and "a directory" in reasons["row_04"]
    told = capsys.readouterr().out
    assert "ast could not take 5 rows (" in told and "too short 2" in told and "failures.jsonl" in told
    place.write_bytes(whole)
    assert len(again()) == 5 and len(again(retry=True)) == 4


def test_sounds_and_texts_of_one_encoder_that_stops_are_not_taken_for_those_of_the_next(
    tmp_path, json_file, encoders, monkeypatch
):
    """A shared list of what was done made the second and third encoder skip all files, with exit status 0."""
    both = [encoders["ast"], encoders["whisper"]]
    request = {"dataset_file": json_file, "encoders": both, "text": encoders["bert"], "shard_rows": 4}
    embed(output=tmp_path / "whole", **request)
    for most in (1, 4, 7, 10):  # in the rows, the first, the second, and the texts
        with monkeypatch.context() as patch:
            stop_after(patch, most)
            with pytest.raises(KeyboardInterrupt):
                embed(output=tmp_path / str(most), **request)
        with pytest.raises(RunError, match="unfinished"):
            Embeddings(tmp_path / str(most))
        embed(output=tmp_path / str(most), **request)
        assert bytes_of(tmp_path / str(most)) == bytes_of(tmp_path / "whole")
    read = Embeddings(tmp_path / "10")
    assert len(read.audio("ast", "test")) and len(read.audio("whisper", "test"))
    assert len(read.text("sentence", "test"))
    assert read.splits == ["train", "validation", "test"]


def stop_after(patch, most):
    """Interrupt before the shard of this number is written."""
    write, count = layout.Writer.write, [0]

    def counting(self, *args):
        if count[0] == most:
            raise KeyboardInterrupt
        count[0] += 1
        write(self, *args)

    patch.setattr(layout.Writer, "write", counting)


def test_rows_without_a_second_caption_do_not_stop_anything(tmp_path, encoders):
    path, entries = unified(tmp_path / "sounds", rows=6)
    write_json(tmp_path / "sounds", [{k: v for k, v in e.items() if k != "alt_captions"} for e in entries])
    out = embed(output=tmp_path / "out", dataset_file=path, encoders=encoders["ast"], text=encoders["bert"])
    assert out.failures == {"ast": 0, "sentence": 0} and list(out.rows.values()) == [2, 2, 2]


def test_an_encoder_that_gives_zeros_gives_failures(tmp_path):
    class Deaf:
        sample_rate, window_sec, hop_sec, dim = 8000, 1.0, 1.0, 3

        def __call__(self, windows):
            return np.array([[0, 0, 0] if w.max() < 0.01 else [1, 2, np.nan if len(w) < 8000 else 3]
                             for w in windows], np.float32)  # fmt: skip

    path, entries = unified(tmp_path / "sounds", rows=3, seconds=2.0)
    soundfile.write(entries[0]["audio_path"], np.concatenate([tone(0, 1.0), np.zeros((RATE, 2))]), RATE)
    soundfile.write(entries[1]["audio_path"], tone(0, 0.5), RATE)
    table, failures = embed_sounds(Deaf(), "deaf", of_json(str(path)), [0, 1, 2], 1)
    assert table["sample_id"].to_pylist() == ["row_02"] * 2
    assert [failure.reason for failure in failures] == [
        "the vector of the window at 1.00 s is all zeros",
        "the vector of the window at 0.00 s has values that are not finite",
    ]


def test_a_sound_of_two_channels_is_their_mean_at_the_rate_of_the_encoder(tmp_path):
    class Ear:
        sample_rate, window_sec, hop_sec, dim = 8000, 10.0, 10.0, 2

        def __call__(self, windows):
            return np.array([[len(w), 1000 * np.sqrt(np.mean(w**2))] for w in windows], np.float32)

    path, _ = unified(tmp_path / "sounds", rows=1)
    values = layout.vectors(embed_sounds(Ear(), "ear", of_json(str(path)), [0], 2)[0])
    # three sines of 0.1, halved by the silent channel
    assert values[0, 0] == 16000 and abs(values[0, 1] - 1000 * 0.05 * np.sqrt(1.5)) < 0.5


def test_nothing_that_can_be_read_is_a_failed_run(tmp_path, encoders):
    path, entries = unified(tmp_path / "sounds", rows=3)
    for entry in entries:
        os.unlink(entry["audio_path"])
    with pytest.raises(RunError, match=r"ast could take none of 3 rows.*missing file.*--retry"):
        embed(output=tmp_path / "out", dataset_file=path, encoders=encoders["ast"], text=())
    with pytest.raises(RunError, match="unfinished"):
        Embeddings(tmp_path / "out")


def test_a_killed_process_goes_on_and_ends_with_the_same_bytes(tmp_path, encoders):
    path, _ = unified(tmp_path / "sounds", rows=8)
    words = ["--dataset-file", path, "--encoders", encoders["clap"], "--text", encoders["bert"],
             "--shard-rows", 1, "--workers", 1, "--continue", "-o", tmp_path / "killed"]  # fmt: skip
    command = [sys.executable, ROOT / "training/embed.py", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    killed = subprocess.Popen(list(map(str, command)), **pipes)
    log, began = tmp_path / "killed/.unfinished/shards.jsonl", time.time()
    while not (log.exists() and log.read_text().count("audio/clap/") > 1) and time.time() - began < 300:
        assert killed.poll() is None, killed.communicate()
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not (tmp_path / "killed/manifest.json").exists()
    request = {"dataset_file": path, "encoders": encoders["clap"], "text": encoders["bert"], "shard_rows": 1}
    for out in ("killed", "whole"):
        embed(output=tmp_path / out, **request)
    assert bytes_of(tmp_path / "killed") == bytes_of(tmp_path / "whole")


# --- requests ---


def test_every_problem_of_a_request_is_told(tmp_path, sousa):
    done = sousa("embed", "-o", tmp_path / "out", "--batch-size", 0, "--sample-size", 0, "--min-duration", 9,
                 "--max-duration", 3)  # fmt: skip
    assert done.returncode == 2 and not (tmp_path / "out").exists()
    for problem in ("no rows are named; give one of DATA, --dataset-file, --use-musicbench",
                    "--batch-size is 0", "--sample-size is 0", "--min-duration 9 is above"):  # fmt: skip
        assert problem in done.stderr


def test_encoders_that_may_not_be_used_commercially_are_asked_for_by_name(tmp_path, json_file, encoders):
    request = {"output": tmp_path, "dataset_file": json_file, "encoders": encoders["mert"], "text": ()}
    with pytest.raises(UsageError, match=r"mert \(CC-BY-NC-4.0\).*--allow-non-commercial"):
        embed(**request)
    embed(**request, allow_non_commercial=True)
    about = Embeddings(tmp_path).encoders["mert"]
    assert about["non_commercial"] and about["licence"] == "CC-BY-NC-4.0"


def test_other_requests_that_make_no_sense(tmp_path, json_file, encoders):
    request = {"output": tmp_path / "out", "dataset_file": json_file}
    for more, problem in (
        ({"encoders": "musicn", "text": "mini"}, r"did you mean musicnn(.|\n)*did you mean minilm"),
        ({"encoders": "small", "text": ()}, "small has no weights of its own; say where they are"),
        ({"encoders": (), "text": ()}, "no encoder is named"),
        ({"encoders": [encoders["ast"]] * 2, "text": ()}, "ast is named twice"),
        ({"encoders": encoders["ast"], "min_duration": 60}, "no row of .* is left: 12 too short"),
        ({"dataset_file": tmp_path / "no.json"}, "is not there; make one with 'sousa unify'"),
        ({"dataset_file": None, "use_musicbench": True, "root": tmp_path}, "get it with 'sousa download"),
        ({"encoders": encoders["ast"], "text": (), "device": "abacus"}, "--device is 'abacus'"),
    ):
        with pytest.raises(UsageError, match=problem):
            embed(**request | more)
    assert not (tmp_path / "out").exists()
    write_json(tmp_path, [{"id": "a", "audio_path": "x.wav", "caption": "b", "duration": 1.0}] * 2)
    with pytest.raises(RunError, match="'a' comes twice"):
        embed(**request | {"dataset_file": tmp_path / "unified.json", "text": encoders["bert"]})


def test_the_text_tower_of_an_encoder_takes_the_same_weights(tmp_path, json_file, encoders):
    embed(output=tmp_path, dataset_file=json_file, encoders=encoders["clap"], text="clap", sample_size=4)
    read = Embeddings(tmp_path)
    assert list(read.encoders) == ["clap", "clap-text"]
    assert read.encoders["clap"]["digest"] == read.encoders["clap-text"]["digest"]
    assert len(read.rows()) == 4


def test_a_text_encoder_is_named_after_its_folder(tmp_path, json_file, encoders):
    embed(output=tmp_path, dataset_file=json_file, encoders=(), text=encoders["bert"].partition("=")[2])
    assert (
        list(Embeddings(tmp_path).encoders) == ["bert"]
        and json.loads((tmp_path / "manifest.json").read_text())["encoders"]["bert"]["model"] == "bert"
    )
