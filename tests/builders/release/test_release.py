"""Releases: what is in them, that nothing is lost or stored twice, and what other readers make of them."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import datasets
import pyarrow.parquet as pq
import pytest
import yaml

from sousa.builders.release import card, check, layout, opened
from sousa.generation.columns import SPLITS
from sousa.generation.errors import RunError, UsageError
from sousa.generation.manifest import sealed
from sousa.generation.storage import LocalStorage
from tests.conftest import ROOT
from tests.support.releases import altered, faster, release

datasets.disable_progress_bars()
PLAIN = datasets.Audio(decode=False)


@pytest.fixture(scope="module")
def made(small, tmp_path_factory):
    """A release of the small size, made by the command."""
    output = tmp_path_factory.mktemp("release") / "v1"
    command = [sys.executable, str(ROOT / "sousa.py"), "release", str(small[0]), "-o", str(output)]
    done = subprocess.run([*command, "--version", "1.0.0", "-w", "2"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "version 1.0.0: 1,200 rows, 14 files" in done.stdout and str(output) in done.stdout
    return output


def head_of(root):
    return yaml.safe_load((root / "README.md").read_text().split("---\n")[1])


def all_rows(dataset):
    """Digest of every row by its name, all columns and bytes included."""
    out = {}
    for row in dataset.cast_column("audio", PLAIN) if "audio" in dataset.features else dataset:
        text = repr(sorted(row.items()))
        out[row["sample_id"]] = hashlib.sha256(text.encode()).hexdigest()
    return out


def test_files_are_the_shards_stored_once_under_their_smallest_view(small, made):
    manifest = json.loads((made / "manifest.json").read_text())
    shards = json.loads((small[0] / "manifest.json").read_text())["shards"]
    data = {file: fact for file, fact in manifest["files"].items() if layout.DATA_FILE.match(file)}
    assert sorted(fact["sha256"] for fact in data.values()) == sorted(r["sha256"] for r in shards.values())
    assert all(file.startswith(f"data/small/{fact['split']}/") for file, fact in data.items())
    on_disk = {p.relative_to(made).as_posix() for p in made.rglob("*") if p.is_file()}
    assert on_disk == {*manifest["files"], "manifest.json"}
    for record in shards.values():
        stem = record["file"].rsplit("/", 1)[1]
        placed = made / f"data/small/{record['split']}/{stem}"
        assert not os.path.samefile(small[0] / record["file"], placed)  # what changes one leaves the other
    assert check.problems(opened.read(made)) == []


def test_every_config_loads_with_stock_datasets_as_the_card_says(small, made, tmp_path):
    head = head_of(made)
    stated = {info["config_name"]: info for info in head["dataset_info"]}
    source = datasets.load_dataset(str(small[0]), cache_dir=str(tmp_path / "a"))
    assert [c["config_name"] for c in head["configs"]] == ["small", "small-midi", "labels"]
    assert [c.get("default", False) for c in head["configs"]] == [True, False, False]
    for name, info in stated.items():
        loaded = datasets.load_dataset(str(made), name, cache_dir=str(tmp_path / "b"))
        for split in info["splits"]:
            part = loaded[split["name"]]
            assert (len(part), part.info.splits[split["name"]].num_bytes) == (
                split["num_examples"],
                split["num_bytes"],
            )
            assert str(part.info.version) == "1.0.0"
        missing = set(source["train"].features) - set(loaded["train"].features)
        assert missing == {"small": set(), "small-midi": {"audio"}, "labels": {"audio", "midi"}}[name]
        if name == "small":
            for split in ("train", "validation", "test"):
                assert all_rows(loaded[split]) == all_rows(source[split])
                assert loaded[split].features == source[split].features
    default = datasets.load_dataset(str(made), split="test", streaming=True)
    assert next(iter(default.cast_column("audio", PLAIN)))["sample_id"] in all_rows(source["test"])


def test_the_row_index_finds_every_row(made):
    index = pq.read_table(made / "_row_index.pq").to_pylist()
    assert len(index) == len({row["sample_id"] for row in index}) == 1200
    for file in sorted({row["file"] for row in index})[:3]:
        data = (made / file).read_bytes()
        table = pq.read_table(made / file, columns=["sample_id", "audio", "midi", "split"]).to_pylist()
        for row in (row for row in index if row["file"] == file):
            stored = table[row["row"]]
            start = row["audio_offset"]
            assert data[start : start + row["audio_bytes"]] == stored["audio"]["bytes"]
            assert data[row["midi_offset"] :][: row["midi_bytes"]] == stored["midi"]
            assert (row["sample_id"], row["split"]) == (stored["sample_id"], stored["split"])


def test_the_card_is_filled_from_the_data(made):
    text = (made / "README.md").read_text()
    for said in (
        "1,200 rows", "2.31 hours", "| `small` | 840 | 240 | 120 |", "| beginner |", "Frank Wen", "MIT",
        "## Citation", "@misc{sousa_rudiments", "### 1.0.0", "First release.", "labels alone",
    ):  # fmt: skip
        assert said in text, said
    rows = pq.read_table(made / "data", columns=["skill_tier", "split"]).to_pylist()
    for tier in ("beginner", "professional"):
        counts = [sum(r == {"skill_tier": tier, "split": s} for r in rows) for s in SPLITS]
        assert f"| {tier} | {counts[0]} | {counts[1]} | {counts[2]} |" in text
    head = head_of(made)
    # drums are MIT, CC0 and CC BY: the Hub has no one word for these
    assert head["license"] == "other" and head["license_name"]
    assert head["size_categories"] == ["1K<n<10K"] and head["version"] == "1.0.0"
    assert (head["annotations_creators"], head["source_datasets"]) == (["machine-generated"], ["original"])
    assert not re.findall(r"\{\{[a-z_]+\}\}", text)


@pytest.mark.parametrize(
    "key, value, said",
    [
        ("license", "gratis", "license is 'gratis', which the Hub does not know"),
        ("size_categories", ["1K"], "size_categories is '1K'"),
        ("license", [], "license is missing"),
        ("source_datasets", ["extended|a", "mine"], "source_datasets is 'mine'"),
        ("task_categories", ["drumming"], "task_categories is 'drumming'"),
        ("configs", [], "the manifest small, small-midi, labels"),
        ("version", "1.0.1", "version is 1.0.1"),
        ("pretty_name", "", "pretty_name is missing"),
        ("license_name", "", "needs license_name"),
    ],
)
def test_a_wrong_card_is_found(made, tmp_path, key, value, said):
    manifest = json.loads((made / "manifest.json").read_text())
    _, head, text = (made / "README.md").read_text().split("---\n", 2)
    head = yaml.safe_load(head) | {key: value}
    (tmp_path / "README.md").write_text(f"---\n{yaml.safe_dump(head)}---\n{text}")
    assert said in check.as_text(check.card_problems(tmp_path / "README.md", manifest))


def test_mlcroissant_validates_and_reads_it(tiny, tmp_path):
    mlcroissant = pytest.importorskip("mlcroissant")
    made = release(tiny, tmp_path / "r")
    described = mlcroissant.Dataset(jsonld=str(made / "croissant.json"))
    assert not described.metadata.issues.errors and not described.metadata.issues.warnings
    rows = {row["custom/sample_id"].decode(): row for row in described.records("custom")}
    table = pq.read_table(made / "data").to_pylist()
    assert set(rows) == {row["sample_id"] for row in table}
    for row in table:
        read = rows[row["sample_id"]]
        assert read["custom/audio"]["bytes"] == row["audio"]["bytes"]
        assert read["custom/tempo_bpm"] == row["tempo_bpm"] and read["custom/midi"] == row["midi"]
        onsets = [stroke["custom/strokes/onset_sample"] for stroke in read["custom/strokes"]]
        assert onsets == [stroke["onset_sample"] for stroke in row["strokes"]]


def test_croissant_sees_a_changed_file(tiny, tmp_path):
    mlcroissant = pytest.importorskip("mlcroissant")
    made = release(tiny, tmp_path / "r")
    described = json.loads((made / "croissant.json").read_text())
    hashes = {part["@id"]: part["sha256"] for part in described["distribution"] if "sha256" in part}
    manifest = json.loads((made / "manifest.json").read_text())
    assert hashes == {f: x["sha256"] for f, x in manifest["files"].items() if layout.DATA_FILE.match(f)}
    del described["license"], described["recordSet"][0]["field"][0]["dataType"]
    with pytest.raises(mlcroissant.ValidationError):
        mlcroissant.Dataset(jsonld=described)


def test_an_interrupted_release_goes_on_and_ends_the_same(small, made, tmp_path):
    output = tmp_path / "r"
    command = [sys.executable, str(ROOT / "sousa.py"), "release", str(small[0]), "-o", str(output)]
    command += ["--version", "1.0.0", "-w", "1", "-q"]
    for wanted in (1, 4, 8):
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        while len(list(output.glob(".unfinished/[!.]*.index"))) < wanted and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
        with pytest.raises(UsageError, match="not a finished release"):
            opened.read(output)
        with pytest.raises(FileNotFoundError):
            datasets.load_dataset(str(output), cache_dir=str(tmp_path / "c"))
    kept = {p.name: p.stat().st_mtime_ns for p in output.glob(".unfinished/[!.]*.index")}
    assert kept
    subprocess.run(command, check=True)
    files = {p.relative_to(output).as_posix(): p.read_bytes() for p in output.rglob("*") if p.is_file()}
    assert files == {p.relative_to(made).as_posix(): p.read_bytes() for p in made.rglob("*") if p.is_file()}


@pytest.mark.parametrize("moves", range(5))
def test_a_release_killed_while_it_appears_shows_no_part_of_its_data(tiny, tmp_path, monkeypatch, moves):
    output, done, move = tmp_path / "r", [], LocalStorage.move

    class Killed(BaseException):
        pass

    def dying(self, source, target):
        if len(done) == moves or source == layout.MANIFEST:
            raise Killed
        done.append(target)
        move(self, source, target)

    def dead(self, file, data):
        if file == layout.MANIFEST:
            raise Killed
        write(self, file, data)

    write = LocalStorage.write_json
    with monkeypatch.context() as patch:
        patch.setattr(LocalStorage, "move", dying)
        patch.setattr(LocalStorage, "write_json", dead)
        with pytest.raises(Killed):
            release(tiny, output)
    assert done == ["README.md", "croissant.json", "_row_index.pq", "data"][:moves]
    arguments = {"path": str(output), "name": "custom", "cache_dir": str(tmp_path / "c")}
    if moves < 4:
        with pytest.raises((FileNotFoundError, ValueError)):  # no data; before the card, no such config
            datasets.load_dataset(**arguments)
    else:  # everything is there but the manifest, by which publishing goes
        assert sum(map(len, datasets.load_dataset(**arguments).values())) == 9
    with pytest.raises(UsageError, match="not a finished release"):
        opened.read(output)
    release(tiny, output)
    assert check.problems(opened.read(output)) == []


def test_the_same_release_again_is_done_and_another_is_refused(tiny, tmp_path, sousa):
    made = release(tiny, tmp_path / "r")
    before = (made / "manifest.json").read_bytes()
    again = sousa("release", tiny, "-o", made, "--version", "1.0.0")
    assert again.returncode == 0 and "is finished already" in again.stderr
    other = sousa("release", tiny, "-o", made, "--version", "1.1.0")
    assert other.returncode == 2 and "holds another release (version 1.0.0)" in other.stderr
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    refused = sousa("release", tiny, "-o", tmp_path / "mine", "--version", "1.1.0")
    assert refused.returncode == 2 and "holds other files" in refused.stderr
    assert (made / "manifest.json").read_bytes() == before
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    "options, said",
    [
        (["--version", "1.0"], "'1.0' is not of the form X.Y.Z"),
        (["--version", "1.0.0", "--repo", "sousa"], "the repository is 'sousa'; give org/name"),
        (["--version", "v1", "--repo", "x"], "2 problems"),
        (["--version", "1.0.0", "--previous", "no/such/place"], "neither a directory here nor of the form"),
        (["--version", "1.0.0", "-w", "-1"], "--workers is -1"),
        (["--version", "1.0.0", "--repo", "org/a--b"], "the Hub does not allow"),
        (["--version", "1.0.0", "--note", ""], "the note is ''; give one line"),
        (["--version", "1.0.0", "--note", "a\nb"], "give one line"),
        (["--version", "1.0.0", "--previous", ""], "a path is empty"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_one_sentence(tiny, tmp_path, sousa, options, said):
    done = sousa("release", tiny, "-o", tmp_path / "r", *options)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "r").exists()


def test_what_is_no_dataset_or_no_release_is_said(tiny, tmp_path, sousa):
    empty = sousa("release", tmp_path, "-o", tmp_path.parent / "nothing", "--version", "1.0.0")
    assert empty.returncode == 1 and "no dataset in" in empty.stderr
    made = release(tiny, tmp_path / "r")
    twice = sousa("release", made, "-o", tmp_path / "r2", "--version", "1.0.0")
    assert twice.returncode == 2 and "is a release" in twice.stderr
    inside = sousa("release", tiny, "-o", tiny / "release", "--version", "1.0.0")
    assert (
        inside.returncode == 2 and "inside the dataset" in inside.stderr and not (tiny / "release").exists()
    )


def test_a_damaged_shard_is_refused_and_nothing_of_it_stays(tiny, tmp_path):
    copy = tmp_path / "d"
    shutil.copytree(tiny, copy)
    shard = next((copy / "data").rglob("*.parquet"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    with pytest.raises(RunError, match="does not match its digest"):
        release(copy, tmp_path / "r")
    assert not list((tmp_path / "r").rglob(shard.name))


def test_a_release_is_linked_only_when_that_is_asked_for(tiny, tmp_path, monkeypatch):
    made = release(tiny, tmp_path / "r")
    assert check.problems(opened.read(made)) == []
    assert all(path.stat().st_nlink == 1 for path in (made / "data").rglob("*.parquet"))
    linked = release(tiny, tmp_path / "linked", link=True)
    assert all(path.stat().st_nlink == 2 for path in (linked / "data").rglob("*.parquet"))
    assert opened.read(linked).manifest["files"].keys() == opened.read(made).manifest["files"].keys()

    def no_link(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_link)
    with pytest.raises(RunError, match=r"can't write .* Invalid cross-device link"):
        release(tiny, tmp_path / "elsewhere", link=True)


def test_a_dataset_that_is_changed_leaves_its_release_alone(tiny, tmp_path):
    copy = shutil.copytree(tiny, tmp_path / "d")
    made = release(copy, tmp_path / "r")
    before = {path: path.read_bytes() for path in (made / "data").rglob("*.parquet")}
    for path in (copy / "data").rglob("*.parquet"):
        with open(path, "r+b") as file:
            file.write(b"changed")
    assert all(path.read_bytes() == content for path, content in before.items())
    assert check.problems(opened.read(made)) == []


def test_a_directory_where_a_shard_goes_harms_nothing(tiny, tmp_path):
    """Also other releases of the dataset: what stands in the way is not written through."""
    before = {path: path.read_bytes() for path in tiny.rglob("*.parquet")}
    first = release(tiny, tmp_path / "first", link=True)
    held = {path: path.read_bytes() for path in first.rglob("*.parquet")}
    with pytest.raises(UsageError):
        release(tiny, tmp_path / "r", "1.0.1", previous=str(first))  # nothing differs; it stays unfinished
    victim = next((tmp_path / "r" / ".unfinished" / "data").rglob("*.parquet"))
    victim.unlink()
    victim.mkdir()
    for link in (False, True):
        with pytest.raises(RunError, match="can't write"):
            release(tiny, tmp_path / "r", "1.0.1", previous=str(first), link=link)
    for files in (before, held):
        assert all(path.read_bytes() == content for path, content in files.items())


def test_a_finished_release_is_looked_at_before_it_is_said_to_be_so(tiny, tmp_path):
    made = release(tiny, tmp_path / "r")
    victim = next((made / "data").rglob("*.parquet"))
    victim.write_bytes(victim.read_bytes()[:-1])
    with pytest.raises(RunError, match=r"is finished, but data/.* bytes instead of .*; delete it"):
        release(tiny, made)


def test_changes_to_a_release_are_found(tiny, tmp_path):
    made = release(tiny, tmp_path / "r")
    (made / "sousa.py").write_text("")
    (made / "data" / "custom" / "train" / "more.parquet").write_bytes(b"PAR1")
    found = check.as_text(check.problems(opened.read(made)))
    assert (
        "sousa.py is not part of the release; scripts make" in found and "more.parquet is not part" in found
    )
    (made / "sousa.py").unlink()
    (made / "data" / "custom" / "train" / "more.parquet").unlink()
    (made / "README.md").write_text((made / "README.md").read_text().replace("MIT", "mit"))
    assert "README.md does not match its digest" in check.as_text(check.problems(opened.read(made)))


def test_verify_looks_at_a_release(tiny, tmp_path, sousa):
    made = release(tiny, tmp_path / "r")
    assert "all 6 files are unchanged" in sousa("verify", made).stdout
    (made / "_row_index.pq").rename(tmp_path / "gone")
    lost = sousa("verify", made, "-q")
    assert lost.returncode == 1 and "_row_index.pq is missing" in lost.stderr
    (tmp_path / "gone").rename(made / "_row_index.pq")
    manifest = json.loads((made / "manifest.json").read_text())
    (made / "manifest.json").write_text(json.dumps(manifest | {"num_rows": 8}))
    changed = sousa("verify", made, "-q")
    assert changed.returncode == 1 and "does not match its own digest" in changed.stderr


def test_labels_only_datasets_can_be_released(tmp_path, sousa):
    sousa("generate", "-p", 3, "-t", 1, "--rudiments", "flam", "--no-audio", "-o", tmp_path / "d", "-q")
    made = release(tmp_path / "d", tmp_path / "r")
    assert list(json.loads((made / "manifest.json").read_text())["views"]) == ["custom", "labels"]
    assert check.problems(opened.read(made)) == []
    loaded = datasets.load_dataset(str(made), "custom", cache_dir=str(tmp_path / "c"))
    assert "audio" not in loaded["train"].features
    index = pq.read_table(made / "_row_index.pq").to_pylist()
    assert all(row["audio_offset"] is None and row["midi_bytes"] > 0 for row in index)


def test_the_builder_says_what_a_release_is_for(tiny, tmp_path):
    from sousa.builders.rudiments import Rudiments

    made = release(tiny, tmp_path / "r")
    with pytest.raises(ValueError, match="is a release"):
        Rudiments(config_name="custom", data_dir=str(made), cache_dir=str(tmp_path / "c"))


def test_every_fix_of_a_card_is_a_patch_and_a_note_is_one(tiny, tmp_path, monkeypatch):
    first = release(tiny, tmp_path / "v1")
    monkeypatch.setattr(card, "size_category", lambda rows: "1K<n<10K")
    second = release(tiny, tmp_path / "v2", "1.0.1", previous=str(first))
    assert json.loads((second / "manifest.json").read_text())["changelog"][-1]["lines"] == ["another card"]
    third = release(tiny, tmp_path / "v3", "1.0.2", previous=str(second), notes=["See {{rows}} here."])
    assert json.loads((third / "manifest.json").read_text())["changelog"][-1]["lines"] == [
        "See {{rows}} here."
    ]
    assert "- See {{rows}} here." in (third / "README.md").read_text()
    assert check.problems(opened.read(third)) == []


def test_the_hub_names_for_sizes():
    named = {999: "n<1K", 1000: "1K<n<10K", 99_999: "10K<n<100K", 10**7: "10M<n<100M", 10**12: "n>1T"}
    assert {rows: card.size_category(rows) for rows in named} == named
    known = Path(datasets.__file__).parent / "utils" / "resources" / "size_categories.json"
    assert set(named.values()) <= set(json.loads(known.read_text()))


def test_a_release_killed_at_its_last_step_is_whole(tiny, tmp_path):
    made = release(tiny, tmp_path / "r")
    (made / ".unfinished").mkdir()
    (made / ".unfinished" / "left.index").write_text("")
    assert check.problems(opened.read(made))
    release(tiny, made)
    assert check.problems(opened.read(made)) == []


def test_a_release_of_one_day_is_the_same_on_another(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    made = release(tiny, tmp_path / "r")
    assert "released 2023-11-14" in (made / "README.md").read_text()


def test_linked_shards_become_files(tiny, tmp_path):
    copy = tmp_path / "d"
    shutil.copytree(tiny, copy)
    for shard in (copy / "data").rglob("*.parquet"):
        shard.unlink()
        shard.symlink_to(tiny / shard.relative_to(copy))
    made = release(copy, tmp_path / "r")
    assert not [path for path in made.rglob("*") if path.is_symlink()]


def test_a_dataset_that_hides_its_drums_is_refused(tiny, tmp_path):
    copy = tmp_path / "d"
    shutil.copytree(tiny, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    for drums in ([], None, [{"digest": "0"}], "none"):
        (copy / "manifest.json").write_text(json.dumps(sealed(manifest | {"drums": drums})))
        with pytest.raises(RunError, match="its drums are not those of its settings"):
            release(copy, tmp_path / "r")


@pytest.mark.parametrize("key", ["card_text", "repo", "views", "made_of", "changelog", "files", "version"])
def test_a_damaged_manifest_is_one_sentence(tiny, tmp_path, key):
    made = release(tiny, tmp_path / "r")
    manifest = json.loads((made / "manifest.json").read_text())
    for wrong in ({k: v for k, v in manifest.items() if k != key}, manifest | {key: {"x": 1}},
                  manifest | {key: ["x"]}, manifest | {key: None}):  # fmt: skip
        if wrong == manifest:
            continue
        (made / "manifest.json").write_text(json.dumps(wrong))
        with pytest.raises(RunError, match="damaged"):
            opened.read(made)


def test_unfinished_work_goes_on_under_another_version(tiny, tmp_path):
    first = release(tiny, tmp_path / "v1")
    changed = altered(tiny, tmp_path / "d2", faster)
    output = tmp_path / "v2"
    with pytest.raises(UsageError, match=r"1 row with other labels .* asks for a major .* --version 2.0.0"):
        release(changed, output, "1.0.1", previous=str(first))
    parts = {p: p.stat().st_mtime_ns for p in (output / ".unfinished").glob("*.index")}
    assert parts
    release(changed, output, "2.0.0", previous=str(first))
    assert opened.read(output).version == "2.0.0" and not (output / ".unfinished").exists()
