"""The command: what it fetches, says and refuses."""

import os
import re
from types import SimpleNamespace

import pytest

from sousa.generation.captions.downloads import archives, ordering
from sousa.generation.captions.downloads.catalogue import SHIPPED, read
from sousa.generation.captions.readers import READERS
from tests.generation.captions.downloads.conftest import run
from tests.support.small_catalogue import (
    AUDIO_ZIP,
    CAPTIONS,
    CLIPS,
    DESCRIBED,
    NOISE,
    SHARDS,
    SOUNDS,
    SPLITS,
    TABLES,
    WAVES,
)


def content(folder):
    """All files in a folder that are not the program's own, by path."""
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


EVERYTHING = {
    "song_describer": {**DESCRIBED, **SOUNDS},
    "fma": {**TABLES, **CLIPS},
    "mtg_jamendo": {**SPLITS, **{f"audio/{n:02}/{n}.low.mp3": NOISE[n] for n in range(3)}},
    "jamendo_max_caps": {**CAPTIONS, **SHARDS},
    "musicbench": {"MusicBench_train.json": b'{"location": "a"}\n', **WAVES},
    "musiccaps": {"musiccaps-public.csv": b"ytid,start_s\r\n"},
}


def test_everything_is_fetched_checked_and_unpacked_and_not_again(fetch, raw, publisher, capsys):
    assert fetch("--datasets", *EVERYTHING) == 0
    assert {path.name: content(path) for path in raw.iterdir()} == EVERYTHING
    said = capsys.readouterr().out
    assert re.search(f"song_describer: 3 files, 36.* KB, checked, in {raw}/song_describer\n", said)
    assert "note: its sound is on YouTube" in said
    assert said.splitlines()[-1] == f"next: sousa unify --datasets {' '.join(EVERYTHING)} --root {raw}"
    publisher.asked.clear()
    assert fetch("--datasets", ",".join(EVERYTHING), "--continue") == 0
    listings = {path for path in publisher.paths() if "/api/" in path or "/repos/" in path or "sums" in path}
    assert set(publisher.paths()) == {path for path in listings if "/content" not in path}
    assert not list(raw.rglob("*.part*")) and not list(raw.rglob("*.tmp"))


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_corpus_without_its_sound(fetch, raw, name, capsys):
    assert fetch("--datasets", name, "--no-audio") == 0
    texts = {path: data for path, data in EVERYTHING[name].items() if data not in NOISE.values()}
    assert content(raw / name) == texts
    command = f"sousa unify --datasets {name} --root {raw} --metadata-only"
    assert capsys.readouterr().out.endswith(f"next: {command}\n")
    assert fetch("--datasets", name) == 0
    assert content(raw / name) == EVERYTHING[name]


def test_evaluation_lists_alone(fetch, raw, capsys):
    assert fetch("--evaluation-lists") == 0
    assert {path.name for path in raw.iterdir()} == {"song_describer", "mtg_jamendo"}
    assert content(raw / "song_describer") == DESCRIBED
    split = "data/splits/split-0/autotagging-test.tsv"
    assert content(raw / "mtg_jamendo") == {split: SPLITS[split]}
    assert "keeps what they name out of training" in capsys.readouterr().out
    assert fetch("--evaluation-lists", "--datasets", "fma") == 2
    assert "only song_describer, mtg_jamendo have such files" in capsys.readouterr().err


def test_archives_are_removed_when_they_are_unpacked_unless_they_are_kept(fetch, raw, publisher):
    assert fetch("--datasets", "song_describer", "fma", "--keep-archives") == 0
    assert (raw / "song_describer" / "audio.zip").read_bytes() == AUDIO_ZIP
    assert (raw / "fma" / "fma_small.zip").exists()
    publisher.asked.clear()
    (raw / "fma" / "fma_small" / "000" / "000003.mp3").unlink()
    assert fetch("--datasets", "fma") == 0
    assert content(raw / "fma") == EVERYTHING["fma"] | {
        "fma_metadata.zip": (raw / "fma" / "fma_metadata.zip").read_bytes()
    }
    assert publisher.paths() == []  # the archive was there


def test_a_lost_file_of_an_archive_that_was_removed_is_fetched_again(fetch, raw, publisher):
    assert fetch("--datasets", "fma") == 0
    others = {path: os.stat(raw / "fma" / path).st_ino for path in CLIPS}
    (raw / "fma" / "fma_small" / "000" / "000003.mp3").write_bytes(b"short")
    publisher.asked.clear()
    assert fetch("--datasets", "fma") == 0
    assert content(raw / "fma") == EVERYTHING["fma"] and publisher.paths() == ["/fma/fma_small.zip"]
    others.pop("fma_small/000/000003.mp3")
    assert {path: os.stat(raw / "fma" / path).st_ino for path in others} == others


def test_a_file_that_is_there_already_is_used_if_it_is_the_published_one(fetch, raw, publisher, capsys):
    (raw / "song_describer").mkdir(parents=True)
    (raw / "song_describer" / "audio.zip").write_bytes(AUDIO_ZIP)
    csv = raw / "song_describer" / "song_describer.csv"
    csv.write_bytes(b"mine")
    assert fetch("--datasets", "song_describer") == 2
    said = capsys.readouterr().err
    assert f"{csv} is there and is not the file that was published (it has 4 bytes, expected 24)" in said
    assert csv.read_bytes() == b"mine"
    csv.write_bytes(DESCRIBED["song_describer.csv"].replace(b"2", b"3"))
    assert fetch("--datasets", "song_describer") == 2
    assert "its checksum is md5:" in capsys.readouterr().err
    csv.unlink()
    assert fetch("--datasets", "song_describer") == 0
    assert content(raw / "song_describer") == EVERYTHING["song_describer"]
    assert not any("audio.zip" in path for path in publisher.paths())


def test_files_that_were_published_anew_replace_those_of_before(fetch, raw, publisher):
    assert fetch("--datasets", "jamendo_max_caps") == 0
    changed = {**CAPTIONS, **SHARDS, "2008-01-02.jsonl": b"{}\n"}
    changed["final_caption30sec.jsonl"] = b'{"id": "2"}\n'
    publisher.hub("amaai/caps", changed, commit="d" * 40)
    publisher.asked.clear()
    assert fetch("--datasets", "jamendo_max_caps") == 0
    assert content(raw / "jamendo_max_caps") == changed
    assert [path.rpartition("/")[2] for path in publisher.paths()[1:]] == [
        "2008-01-02.jsonl", "final_caption30sec.jsonl",
    ]  # fmt: skip


def test_the_list_says_what_there_is_without_asking(fetch, raw, publisher, capsys):
    assert fetch("--list") == 0
    said = capsys.readouterr().out
    assert publisher.asked == [] and not raw.exists()
    for part in (
        "song_describer  Song Describer", "captions: CC-BY-SA-4.0; sound: several", "9,000.0 TB",
        f"{publisher.address}/fma/fma_small.zip  sha1:", "with --fma-size small", "note: its sound is on",
        f"{publisher.address}/datasets/amaai/caps/resolve/main/data/*.parquet",
    ):  # fmt: skip
        assert part in said, part
    assert fetch("--list", "--datasets", "fma") == 0
    assert "song_describer" not in capsys.readouterr().out


def test_the_shipped_list(capsys):
    assert run("--list") == 0
    said = capsys.readouterr().out
    for name in READERS:
        assert f"{name}  " in said
    assert "https://zenodo.org/api/records/10072001/files/song_describer.csv/content  md5:e90e9459" in said
    assert "https://os.unil.cloud.switch.ch/fma/fma_full.zip  sha1:0f0ace23" in said


def test_a_dry_run_says_what_is_left_and_asks_nobody(fetch, raw, publisher, capsys):
    assert fetch("--datasets", "fma", "jamendo_max_caps", "musiccaps", "--dry-run") == 0
    said = capsys.readouterr().out
    assert publisher.asked == [] and not raw.exists()
    assert "fma: fma_small.zip: 361.0 KB to fetch, about" in said and "its sound is on YouTube" in said
    assert "jamendo_max_caps: data/*.parquet: 90.0 KB in all, about, of which 0 bytes are there" in said
    assert fetch("--datasets", "fma", "jamendo_max_caps") == 0
    publisher.asked.clear()
    capsys.readouterr()
    assert fetch("--datasets", "fma", "jamendo_max_caps", "--dry-run") == 0
    said = capsys.readouterr().out
    assert publisher.asked == [] and "fma: fma_small.zip: is there" in said
    assert "of which 90.0 KB are there" in said and f"about 0 bytes of disk are needed at {raw}" in said


def test_the_disk_is_looked_at_first(fetch, raw, publisher, capsys):
    for more in ([], ["--dry-run"]):
        assert fetch("--datasets", "fma", "--fma-size", "full", *more) == 1
        said = capsys.readouterr().err
        assert "about 18,000.0 TB are needed but only" in said and "--no-audio" in said
    assert publisher.asked == [] and not raw.exists()


def test_the_disk_is_looked_at_again_when_a_listing_says_more(fetch, publisher, raw, capsys):
    path = "/api/datasets/amaai/caps/revision/main?blobs=true"
    size = len(SHARDS["data/train-00001-of-00003.parquet"])
    publisher.files[path] = publisher.files[path].replace(b'"size": %d' % size, b'"size": 5%015d' % 0)
    assert fetch("--datasets", "jamendo_max_caps") == 1
    assert "TB are needed but only" in capsys.readouterr().err and publisher.paths() == [path]
    assert content(raw / "jamendo_max_caps") == {}


def test_what_is_unpacked_already_is_not_counted_again(fetch, raw, publisher, monkeypatch):
    """A disk on which what is left fits, and no more."""
    free = SimpleNamespace(free=10**9)
    for module in (ordering, archives):
        monkeypatch.setattr(module.shutil, "disk_usage", lambda place: free)
    assert fetch("--datasets", "fma", "--keep-archives") == 0
    free.free = 40_000
    (raw / "fma" / ".fma_small.zip.unpacked.json").unlink()  # as if it had been ended while it was unpacked
    (raw / "fma" / "fma_small" / "000" / "000003.mp3").unlink()
    assert fetch("--datasets", "fma") == 0 and content(raw / "fma").keys() > CLIPS.keys()
    free.free = 400_000
    (raw / "fma" / "fma_small.zip").unlink(missing_ok=True)
    (raw / "fma" / "fma_small" / "000" / "000003.mp3").unlink()
    assert fetch("--datasets", "fma") == 0 and content(raw / "fma").keys() > CLIPS.keys()


def test_a_file_where_a_folder_should_be(fetch, raw, capsys):
    raw.mkdir()
    (raw / "fma").write_text("mine")
    assert fetch("--datasets", "fma") == 2
    assert "fma is a file, not a directory; name another directory" in capsys.readouterr().err
    assert (raw / "fma").read_text() == "mine"


@pytest.mark.parametrize(
    "words, parts",
    [
        ([], ["--datasets is missing; name some of song_describer, fma"]),
        (["--datasets", "fmaa"], ["unknown corpus 'fmaa' (did you mean fma?)"]),
        (
            ["--datasets", "x", "--fma-size", "tiny", "--mtg-audio", "mid", "-o", ""],
            ["4 problems", "unknown corpus 'x'", "--fma-size is 'tiny'; choose from small",
             "--mtg-audio is 'mid'", "--output-dir is empty"],
        ),
        (["--catalogue", "/none.toml", "--list"], ["catalogue /none.toml can't be read", "No such file"]),
    ],
)  # fmt: skip
def test_requests_that_are_wrong(fetch, raw, publisher, capsys, words, parts):
    assert fetch(*words) == 2
    said = capsys.readouterr().err
    assert all(part in said for part in parts) and not raw.exists() and not publisher.asked


def test_one_corpus_that_fails_does_not_keep_others_away(fetch, raw, publisher, capsys):
    publisher.files.pop("/fma/fma_small.zip")
    assert fetch("--datasets", "fma", "song_describer", "musicbench") == 1
    said = capsys.readouterr()
    assert "1 of 3 corpora are not whole; run the same command again:\n  - fma: can't fetch" in said.err
    assert "answers 404" in said.err and "next:" not in said.out
    assert content(raw / "song_describer") == EVERYTHING["song_describer"]
    assert content(raw / "fma") == TABLES


def test_the_hub_may_be_elsewhere(fetch, raw, publisher, catalogue, monkeypatch, capsys):
    text = catalogue.read_text().replace(f'hub = "{publisher.address}"', 'hub = "http://[::1]:9"')
    catalogue.write_text(text)
    monkeypatch.setenv("HF_ENDPOINT", f"{publisher.address}/")
    assert fetch("--datasets", "musiccaps") == 0
    assert content(raw / "musiccaps") == EVERYTHING["musiccaps"]
    monkeypatch.setenv("HF_ENDPOINT", "hub")
    assert fetch("--datasets", "musiccaps") == 2
    assert "HF_ENDPOINT is 'hub'; give the address of a Hub" in capsys.readouterr().err


def test_two_runs_do_not_mix(fetch, raw, capsys):
    import fcntl

    (raw / "fma").mkdir(parents=True)
    lock = os.open(raw / "fma", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        assert fetch("--datasets", "fma") == 2
        assert "another sousa is writing to" in capsys.readouterr().err
    finally:
        os.close(lock)


def test_the_shipped_catalogue_is_of_every_corpus_and_the_facts():
    catalogue = read()
    assert set(catalogue.corpora) == set(READERS)
    sizes = {name: sum(f.bytes for f in corpus.files) for name, corpus in catalogue.corpora.items()}
    assert sizes["song_describer"] == 3_318_019_617 + 186_208 + 97_667 + 162_171 + 108_663
    small = ordering.wanted(catalogue, "fma", ordering.Wishes(choices={"fma": "small"}))
    assert [entry.names for entry in small] == [["fma_metadata.zip"], ["fma_small.zip"]]
    lists = [n for n in READERS if ordering.wanted(catalogue, n, ordering.Wishes(lists=True))]
    assert lists == ["song_describer", "mtg_jamendo"]
    for name, corpus in catalogue.corpora.items():
        for file in ordering.estimated(catalogue, corpus.files):
            assert file.address.startswith("https://"), (name, file)
    assert "youtube" in SHIPPED.read_text().lower()
