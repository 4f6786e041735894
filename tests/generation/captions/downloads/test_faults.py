"""Getting files through all that can go wrong: the network, servers, disks, and ends of the process."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from sousa.generation import pace
from sousa.generation.audio import download
from sousa.generation.captions.downloads import fetching
from tests.conftest import ROOT
from tests.generation.captions.downloads.test_command import EVERYTHING, content
from tests.support import small_catalogue
from tests.support.disks import small_disk
from tests.support.publisher import Manner, digest
from tests.support.small_catalogue import AUDIO_ZIP, CLIPS, SHARDS, SMALL_ZIP, zipped

SMALL = "/fma/fma_small.zip"
AUDIO = "/api/records/1/files/audio.zip/content"
RECORD = "/api/records/1"


def test_cut_connections_go_on_from_the_byte_reached(fetch, raw, publisher):
    publisher.manners[SMALL] = Manner(cut_after=[100_000, 0, 50_000, 1])
    publisher.manners[RECORD] = Manner(cut_after=[10, 0])
    assert fetch("--datasets", "fma", "song_describer") == 0
    begins = (100_000, 100_000, 150_000, 150_001)
    assert publisher.ranges(SMALL) == [None, *(f"bytes={begin}-" for begin in begins)]
    assert content(raw / "fma") == EVERYTHING["fma"]
    assert content(raw / "song_describer") == EVERYTHING["song_describer"]


def test_what_came_before_a_run_gave_up_is_kept(fetch, raw, publisher, monkeypatch, capsys):
    monkeypatch.setattr(fetching, "TRIES", 3)
    publisher.manners[SMALL] = Manner(cut_after=[100_000, 0, 0])
    assert fetch("--datasets", "fma") == 1
    assert capsys.readouterr().err.count("can't fetch") == 1
    assert "fma_small.zip" not in content(raw / "fma")
    publisher.asked.clear()
    assert fetch("--datasets", "fma") == 0
    assert publisher.asked[0][0] == SMALL and publisher.ranges(SMALL) == ["bytes=100000-"]
    assert content(raw / "fma") == EVERYTHING["fma"]


def test_a_server_without_ranges_begins_again(fetch, raw, publisher):
    publisher.manners[SMALL] = Manner(cut_after=[100_000], ranges=False)
    assert fetch("--datasets", "fma") == 0
    assert publisher.ranges(SMALL) == [None, "bytes=100000-"]
    assert content(raw / "fma") == EVERYTHING["fma"]


@pytest.mark.parametrize("version", ['"two"', None])
def test_a_file_that_was_changed_between_tries_is_begun_again(fetch, raw, publisher, version, monkeypatch):
    """With an ETag the server says so; without one the checksum does."""
    monkeypatch.setattr(fetching, "TRIES", 1)
    publisher.manners[SMALL] = Manner(cut_after=[100_000], version=version and '"one"')
    publisher.files[SMALL] = bytes(10) + SMALL_ZIP[:-10]
    assert fetch("--datasets", "fma") == 1
    publisher.files[SMALL], publisher.manners[SMALL].version = SMALL_ZIP, version
    publisher.asked.clear()
    assert fetch("--datasets", "fma") == 0
    assert publisher.ranges(SMALL) == (["bytes=100000-"] if version else ["bytes=100000-", None])
    assert content(raw / "fma") == EVERYTHING["fma"]


CHANGES = [lambda data: data[:-1] + b"?", lambda data: data[:-1], lambda data: data + b"x"]


@pytest.mark.parametrize("change", CHANGES, ids=["changed", "shorter", "longer"])
@pytest.mark.parametrize("path, name, kind", [(SMALL, "fma", "sha1"), (AUDIO, "song_describer", "md5")])
def test_another_file_than_was_published_is_one_sentence_and_not_kept(
    fetch, raw, publisher, capsys, path, name, kind, change
):
    whole = publisher.files[path]
    publisher.files[path] = change(whole)
    assert fetch("--datasets", name) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    size = len(publisher.files[path]) - len(whole)
    expected = f"expected {digest(kind, whole)}"
    if name == "song_describer" and size:  # its listing says how many bytes it has
        expected = f"expected {len(whole):,}" if size < 0 else f"more than the {len(whole):,} bytes"
    assert publisher.address + path in said and expected in said
    kept = [file.name for file in (raw / name).rglob("*")]
    assert not [file for file in kept if file.endswith((".zip", ".part", ".version"))]
    publisher.files[path] = whole
    assert fetch("--datasets", name) == 0
    assert content(raw / name) == EVERYTHING[name]


def test_a_missing_file_is_not_asked_for_again_and_again(fetch, publisher, capsys):
    publisher.files.pop(SMALL)
    assert fetch("--datasets", "fma") == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1] == f"sousa: can't fetch {publisher.address}{SMALL}: the server answers 404 Not Found"
    assert publisher.paths().count(SMALL) == 1


def test_errors_of_servers_are_tried_again(fetch, raw, publisher):
    publisher.manners[SMALL] = Manner(statuses=[500, 503, 408, 429])
    assert fetch("--datasets", "fma") == 0
    assert content(raw / "fma") == EVERYTHING["fma"] and publisher.paths().count(SMALL) == 5


@pytest.mark.parametrize("kind", ["seconds", "date"])
def test_a_server_is_left_alone_for_as_long_as_it_asks(fetch, raw, publisher, monkeypatch, kind, capsys):
    slept = []
    monkeypatch.setattr(download.time, "sleep", slept.append)
    after = "90" if kind == "seconds" else format_datetime(datetime.now(UTC) + timedelta(seconds=90))
    publisher.manners[SMALL] = Manner(statuses=[429], headers={"Retry-After": after})
    assert fetch("--datasets", "fma") == 0
    assert content(raw / "fma") == EVERYTHING["fma"]
    assert 80 < sum(slept) <= 90
    assert "the server answers 429" in capsys.readouterr().err


@pytest.mark.parametrize("after", ["86400", "9" * 400])
def test_a_server_that_asks_for_too_long_is_one_sentence(fetch, publisher, capsys, after):
    publisher.manners[SMALL] = Manner(statuses=[429], headers={"Retry-After": after})
    assert fetch("--datasets", "fma") == 1
    assert "and asks to wait" in capsys.readouterr().err and publisher.paths().count(SMALL) == 1


PAST = "Wed, 21 Oct 2015 07:28:00"


@pytest.mark.parametrize("after", ["", "soon", "-5", PAST, f"{PAST} GMT"])
def test_times_that_are_none_are_not_waited_for(fetch, publisher, after):
    publisher.manners[SMALL] = Manner(statuses=[503], headers={"Retry-After": after})
    assert fetch("--datasets", "fma") == 0


def test_a_stall_is_tried_again_and_then_given_up(fetch, raw, publisher, monkeypatch, capsys):
    monkeypatch.setattr(download, "READ_SEC", 0.2)
    monkeypatch.setattr(fetching, "TRIES", 2)
    publisher.manners[SMALL] = Manner(stall_after=0)
    assert fetch("--datasets", "fma") == 1
    assert "timed out" in capsys.readouterr().err and publisher.paths().count(SMALL) == 2
    publisher.asked.clear()
    publisher.manners[SMALL] = Manner(stall_after=100_000)
    assert fetch("--datasets", "fma") == 0
    assert publisher.ranges(SMALL) == [None, *(f"bytes={n}00000-" for n in (1, 2, 3))]
    assert content(raw / "fma") == EVERYTHING["fma"]


def test_a_server_that_is_too_slow_is_given_up(fetch, publisher, monkeypatch, capsys):
    monkeypatch.setattr(pace, "GRACE_SEC", 0.3)
    monkeypatch.setattr(pace, "SLOWEST", 10_000_000.0)
    publisher.manners[SMALL] = Manner(pause_sec=0.05)
    assert fetch("--datasets", "fma") == 1
    assert "what came is kept, and the same command goes on from there" in capsys.readouterr().err


def test_no_network_is_one_sentence_and_soon(fetch, catalogue, publisher, capsys):
    text = catalogue.read_text().replace(f"{publisher.address}/fma", "http://127.0.0.1:1/fma")
    catalogue.write_text(text)
    assert fetch("--datasets", "fma") == 1
    said = capsys.readouterr().err
    assert said.count("going on in") == download.TRIES - 1 < fetching.TRIES
    assert "can't fetch http://127.0.0.1:1/fma/fma_metadata.zip: " in said.strip().splitlines()[-1]


def test_a_server_that_never_can_is_given_up_at_a_deadline(fetch, publisher, monkeypatch, capsys):
    monkeypatch.setattr(pace, "GRACE_SEC", 0.1)
    publisher.manners[SMALL] = Manner(statuses=[503] * 99)
    assert fetch("--datasets", "fma") == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "(the server answers 503 Service Unavailable); what came is kept" in said
    assert publisher.paths().count(SMALL) < fetching.TRIES


def test_a_listing_that_can_t_be_had_is_done_without(fetch, raw, publisher, capsys):
    for path in (RECORD, "/repos/MTG/tags/git/trees/abc?recursive=1"):
        publisher.manners[path] = Manner(statuses=[403, 403])
    assert fetch("--datasets", "song_describer", "mtg_jamendo") == 0
    said = capsys.readouterr().err
    assert "the server answers 403" in said and "fetched with what is known of them here" in said
    assert content(raw / "song_describer") == EVERYTHING["song_describer"]
    # with the listing they are checked: what was fetched without is right
    publisher.asked.clear()
    assert fetch("--datasets", "song_describer", "mtg_jamendo") == 0
    assert content(raw / "mtg_jamendo") == EVERYTHING["mtg_jamendo"]


def test_a_listing_that_names_the_files_is_needed(fetch, raw, publisher, capsys):
    path = "/api/datasets/amaai/caps/revision/main?blobs=true"
    answer = publisher.files.pop(path)
    assert fetch("--datasets", "jamendo_max_caps") == 1
    assert f"can't fetch {publisher.address}{path}: the server answers 404" in capsys.readouterr().err
    none = (b"", b"<html>", b"[]", b"{}", b'{"siblings": 3, "sha": 1}', b'{"siblings": []}')
    for broken in (*none, answer[:-9]):
        publisher.files[path] = broken
        assert fetch("--datasets", "jamendo_max_caps") == 1
        said = capsys.readouterr().err
        assert "gives no listing that can be read" in said and "Traceback" not in said
    publisher.hub("amaai/caps", {"README.md": b"card"})
    assert fetch("--datasets", "jamendo_max_caps") == 1
    assert "hub:amaai/caps@main has no *.jsonl any more" in capsys.readouterr().err
    assert content(raw / "jamendo_max_caps") == {}


ODD = ["../x.parquet", "data/..\\x.parquet", "data/.x.parquet", "data/\0x.parquet"]


@pytest.mark.parametrize("name", ODD)
def test_names_of_a_listing_stay_inside(fetch, raw, publisher, capsys, name):
    path = "/api/datasets/amaai/caps/revision/main?blobs=true"
    answer = json.loads(publisher.files[path])
    for entry in answer["siblings"]:
        if entry["rfilename"].endswith("00001-of-00003.parquet"):
            entry["rfilename"] = name
    publisher.files[path] = json.dumps(answer).encode()
    code = fetch("--datasets", "jamendo_max_caps")
    said = capsys.readouterr().err
    if name.startswith(".."):  # it fits no pattern
        assert code == 0
    else:
        assert code == 1 and "it is not fetched" in said
    assert not list(raw.parent.glob("*.parquet"))


def test_a_file_that_was_changed_since_the_catalogue_is_not_fetched(fetch, raw, publisher, capsys):
    publisher.zenodo("1", {**small_catalogue.DESCRIBED, "audio.zip": AUDIO_ZIP, "song_describer.csv": b"new"})
    assert fetch("--datasets", "song_describer") == 1
    said = capsys.readouterr().err
    assert "was changed: its checksum is md5:" in said and "get a newer one" in said
    assert content(raw / "song_describer") == {}


def test_an_archive_that_could_do_harm_is_not_unpacked(fetch, raw, publisher, capsys):
    publisher.files["/fma/evil.zip"] = data = zipped({**CLIPS, "../../../escaped": b"x"})
    entry = {"where": "AT/fma", "names": ["evil.zip"], "bytes": 9, "unpack": ".",
             "digest": digest("sha1", data)}  # fmt: skip
    path = raw.parent / "catalogue.toml"
    path.write_text(small_catalogue.toml(publisher.address, {"fma": [entry]}))
    assert fetch("--datasets", "fma") == 1
    assert "evil.zip is not unpacked: the name '../../../escaped' in it leads out" in capsys.readouterr().err
    assert set(content(raw / "fma")) == {"evil.zip"}
    assert not list(raw.parent.glob("**/escaped"))


def test_a_damaged_archive_that_nothing_vouches_for_is_fetched_again(fetch, raw, publisher, capsys):
    path = raw.parent / "catalogue.toml"
    entry = {"where": "AT/fma", "names": ["fma_small.zip"], "bytes": 9, "unpack": "."}
    path.write_text(small_catalogue.toml(publisher.address, {"fma": [entry]}))
    publisher.files[SMALL] = SMALL_ZIP[:100_000] + bytes(100) + SMALL_ZIP[100_100:]
    assert fetch("--datasets", "fma") == 1
    assert "is damaged" in capsys.readouterr().err and not (raw / "fma" / "fma_small.zip").exists()
    publisher.files[SMALL] = SMALL_ZIP
    assert fetch("--datasets", "fma") == 0 and content(raw / "fma") == CLIPS


def test_a_full_disk_is_one_sentence_and_the_next_run_goes_on(fetch, raw, publisher, capsys):
    with small_disk(raw, "1m"):
        for ballast, where in ((840_000, "fma_small.zip.part"), (500_000, "fma_small/000/")):
            publisher.asked.clear()
            (raw / "ballast").write_bytes(bytes(ballast))
            assert fetch("--datasets", "fma", "--no-audio") == 0
            (raw / "ballast").write_bytes(bytes(ballast))
            assert _without_looking(fetch, "--datasets", "fma") == 1
            said = capsys.readouterr().err.strip().splitlines()[-1]
            assert "no space left while writing" in said and where in said, said
            assert not list(raw.rglob("*.tmp"))
        (raw / "ballast").unlink()
        assert fetch("--datasets", "fma") == 0
        assert content(raw / "fma") == EVERYTHING["fma"]


def _without_looking(fetch, *words):
    """The command, as if the disk had been filled by somebody else after it was looked at."""
    from sousa.generation.captions.downloads import archives, ordering

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordering, "check_room", lambda *_: None)
        patch.setattr(archives, "_check_room", lambda *_: None)
        return fetch(*words)


SCRIPT = """
import sys, time
from sousa.generation.captions.downloads import archives
from tests.generation.captions.downloads.conftest import run
true = archives.temporary
archives.temporary = lambda *a, **k: (time.sleep(float(sys.argv[1])), true(*a, **k))[1]
sys.exit(run(*sys.argv[2:]))
"""


def started(catalogue, raw, *words, slow=0.0):
    """The command in a process of its own; ``slow``: seconds that it takes to write a file of an archive."""
    command = [sys.executable, "-c", SCRIPT, str(slow), "--catalogue", catalogue, "-o", raw, *words]
    return subprocess.Popen([*map(str, command)], cwd=ROOT, stderr=subprocess.PIPE, text=True)


def waited_for(process, what):
    """Wait until something is so while the process runs."""
    end = time.monotonic() + 60
    while not what():
        assert process.poll() is None and time.monotonic() < end, process.stderr.read()
        time.sleep(0.005)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_ended_while_it_fetches_goes_on(catalogue, fetch, raw, publisher, number):
    publisher.manners[SMALL] = Manner(pause_sec=0.02)
    process = started(catalogue, raw, "--datasets", "fma")
    part = raw / "fma" / ".fma_small.zip.part"
    waited_for(process, lambda: part.exists() and part.stat().st_size > 100_000)
    process.send_signal(number)
    said = process.communicate()[1]
    assert process.returncode == (-9 if number == signal.SIGKILL else 128 + number)
    assert number == signal.SIGKILL or said.rstrip().endswith("stopped")
    assert set(content(raw / "fma")) == set(small_catalogue.TABLES)
    publisher.manners[SMALL] = Manner()
    assert fetch("--datasets", "fma") == 0
    assert int(publisher.ranges(SMALL)[-1].removeprefix("bytes=").removesuffix("-")) > 100_000
    assert content(raw / "fma") == EVERYTHING["fma"]


@pytest.mark.parametrize("name", ["fma", "musicbench", "mtg_jamendo"])
def test_a_run_that_is_killed_while_it_unpacks_goes_on(catalogue, fetch, raw, publisher, name):
    process = started(catalogue, raw, "--datasets", name, slow=0.1)
    sounds = {path: data for path, data in EVERYTHING[name].items() if path.endswith((".mp3", ".wav"))}
    waited_for(process, lambda: sum((raw / name / path).exists() for path in sounds) > len(sounds) // 3)
    process.kill()
    process.communicate()
    there = {path: os.stat(raw / name / path).st_ino for path in sounds if (raw / name / path).exists()}
    assert 0 < len(there) < len(sounds)
    assert all((raw / name / path).read_bytes() == sounds[path] for path in there)
    publisher.asked.clear()
    assert fetch("--datasets", name) == 0
    assert content(raw / name) == EVERYTHING[name]
    assert {path: os.stat(raw / name / path).st_ino for path in there} == there  # not written again
    assert not any(path.endswith((".zip", ".gz")) for path in publisher.paths())
    assert not list(raw.rglob("*.tmp")) and not list(raw.rglob("*.part*"))


def test_an_archive_that_a_killed_run_left_is_removed(fetch, raw):
    assert fetch("--datasets", "mtg_jamendo", "--keep-archives") == 0
    left = list((raw / "mtg_jamendo").rglob("*.tar"))
    assert left and fetch("--datasets", "mtg_jamendo") == 0
    assert all(path.exists() for path in left)  # it was asked to keep them
    for about in (raw / "mtg_jamendo").rglob(".*.unpacked.json"):
        about.write_text(about.read_text().replace('"kept": true', '"kept": false'))
    assert fetch("--datasets", "mtg_jamendo") == 0
    assert content(raw / "mtg_jamendo") == EVERYTHING["mtg_jamendo"]


def test_any_number_of_ends_gives_the_same_files(catalogue, fetch, raw, publisher):
    names = ("song_describer", "fma", "jamendo_max_caps")
    for path in (SMALL, AUDIO, *(f"/datasets/amaai/caps/resolve/{'c' * 40}/{name}" for name in SHARDS)):
        publisher.manners[path] = Manner(pause_sec=0.01)
    for before in (0, 8, 25):  # files
        process = started(catalogue, raw, "--datasets", *names, slow=0.02)
        waited_for(process, lambda least=before: len(list(raw.rglob("*"))) > least)
        time.sleep(0.1)
        process.kill()
        process.communicate()
    publisher.manners.clear()
    assert fetch("--datasets", *names) == 0
    assert {name: content(raw / name) for name in names} == {name: EVERYTHING[name] for name in names}
    assert not list(raw.rglob("*.tmp")) and not list(raw.rglob("*.part*"))


def test_a_line_that_was_cut_short_costs_one_check(fetch, raw, publisher):
    assert fetch("--datasets", "song_describer", "--no-audio") == 0
    path = raw / "song_describer" / ".fetched.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    publisher.asked.clear()
    assert fetch("--datasets", "song_describer", "--no-audio") == 0
    assert publisher.paths() == [RECORD] and content(raw / "song_describer") == small_catalogue.DESCRIBED


def test_files_that_the_hub_keeps_elsewhere_are_followed_there(fetch, raw, publisher, monkeypatch):
    """Large files of the Hub are at another address, which every try is sent to anew."""
    monkeypatch.setattr(fetching, "TRIES", 2)
    for number, (name, data) in enumerate(SHARDS.items()):
        publisher.files[f"/elsewhere/{number}?key=a%2Fb"] = data
        path = f"/datasets/amaai/caps/resolve/{'c' * 40}/{name}"
        publisher.files[path] = None
        publisher.manners[path] = Manner(
            statuses=[302, 302], headers={"Location": f"/elsewhere/{number}?key=a%2Fb"}
        )
        publisher.manners[f"/elsewhere/{number}?key=a%2Fb"] = Manner(cut_after=[20_000])
    assert fetch("--datasets", "jamendo_max_caps") == 0
    assert content(raw / "jamendo_max_caps") == EVERYTHING["jamendo_max_caps"]
    assert publisher.ranges("/elsewhere/1?key=a%2Fb") == [None, "bytes=20000-"]
