"""Shards: the same bytes however they are made, and never half of one."""

import contextlib
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import weakref

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sousa.builders.release.card import write_dataset_card
from sousa.generation import corpora, make
from sousa.generation.errors import RunError, UsageError
from sousa.generation.manifest import complete_manifest, read_manifest, sealed
from sousa.generation.rudiments import Rudiments, corpus
from sousa.generation.rudiments.settings import make_config
from sousa.generation.runners import LocalRunner
from sousa.generation.shards import MAX_GROUP_BYTES, Shard, Store, bounded, write_shard
from sousa.generation.storage import LocalStorage, atomic_file, file_digest
from tests.conftest import ROOT, TINY, TINY_OPTIONS


def shard_digests(root):
    return {p.relative_to(root).as_posix(): file_digest(p) for p in (root / "data").rglob("*.parquet")}


def test_two_workers_make_the_same_bytes(small, sousa, tmp_path):
    done = sousa("generate", "-o", tmp_path / "d", "-w", 2, "-q", "--skip-validation")
    assert done.returncode == 0 and done.stdout == "" and done.stderr == ""
    assert shard_digests(tmp_path / "d") == shard_digests(small[0])
    for name in ("samples", "exercises", "measures", "strokes"):
        file = f"labels/{name}.parquet"
        assert file_digest(tmp_path / "d" / file) == file_digest(small[0] / file)


AUGMENTED = (
    "generate", "-p", 4, "-t", 2, "-a", 12, "--rudiments", "flam,single_paradiddle",
    "-q", "--skip-validation",
)  # fmt: skip


def test_augmented_rows_are_the_same_for_any_workers_and_on_resume(sousa, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    assert sousa(*AUGMENTED, "-o", one, "-w", 1).returncode == 0
    assert sousa(*AUGMENTED, "-o", two, "-w", 2).returncode == 0
    assert len(shard_digests(one)) == 48 and shard_digests(two) == shard_digests(one)
    random.Random(1).choice(sorted((two / "data").rglob("*.parquet"))).unlink()
    assert sousa(*AUGMENTED, "-o", two, "-w", 2).returncode == 0
    assert shard_digests(two) == shard_digests(one)
    assert sousa("verify", two, "--rows", 12, "-q").returncode == 0


def test_rows_made_in_another_order_are_the_same(small, small_config):
    shard = corpus.plan(small_config)[4]
    stored = pq.read_table(small[0] / shard.file)
    forms = [corpus.definitions.load()[name] for name in small_config.forms]
    coordinates = [(p, f, t) for p in shard.key["profiles"] for f in forms for t in range(3)]
    order = random.Random(0).sample(range(len(coordinates)), 25)
    again = corpus.make_rows(small_config, [coordinates[i] for i in order], 0)
    assert again.to_pylist() == stored.take(order).to_pylist()


def test_killed_and_resumed_three_times_gives_the_same_bytes(small, tmp_path):
    """SIGKILL at random moments of a two-process run; then the same command finishes."""
    root = tmp_path / "d"
    command = [
        sys.executable,
        str(ROOT / "sousa.py"),
        "generate",
        "-o",
        str(root),
        "-w",
        "2",
        "-q",
        "--skip-validation",
    ]
    rng = random.Random()
    left = []
    for _ in range(3):
        process = subprocess.Popen(
            command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        time.sleep(rng.uniform(1.0, 3.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        there = sorted((root / ".unfinished").rglob("data/*/[!.]*.parquet"))
        left.append(len(there))
        for path in there:
            pq.ParquetFile(path)  # whatever has its name is whole
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert shard_digests(root) == shard_digests(small[0]), left
    assert not list(root.rglob("*.tmp")) and not (root / ".unfinished").exists()


def test_no_worker_outlives_a_killed_command(tmp_path):
    import psutil

    command = [
        sys.executable,
        str(ROOT / "sousa.py"),
        "generate",
        "--preset",
        "medium",
        "-o",
        str(tmp_path / "d"),
        "-q",
    ]
    process = subprocess.Popen([*command, "-w", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(tmp_path.glob("d/.unfinished/data/*/[!.]*.parquet")):
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    process.kill()
    process.wait()
    assert not psutil.wait_procs(children, timeout=600)[1]


def test_an_interrupt_keeps_what_is_finished(tmp_path):
    root = tmp_path / "d"
    command = [
        sys.executable,
        str(ROOT / "sousa.py"),
        "generate",
        "-o",
        str(root),
        "-w",
        "2",
        "--skip-validation",
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not list(root.glob(".unfinished/data/*/[!.]*.parquet")):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 130, errors
    assert "run the same command again" in errors and "Traceback" not in errors
    manifest = read_manifest(root)
    assert manifest["shards"] == {} and not manifest["complete"]
    log = (root / ".unfinished" / "shards.jsonl").read_text().splitlines()
    assert 0 < len(log) < 10


def test_smaller_sizes_are_part_of_larger_ones(small, small_config):
    """All 1,200 rows of small, identical in medium: the very same shards."""
    medium = make_config("medium")
    by_name = {shard.name: shard for shard in corpus.plan(medium)}
    full = {shard.name: shard for shard in corpus.plan(make_config("full"))}
    assert all(full[name] == shard for name, shard in by_name.items())
    for shard in corpus.plan(small_config):
        assert by_name[shard.name] == shard
    shard = corpus.plan(small_config)[7]
    tables = list(Rudiments().rows(medium, by_name[shard.name]))
    stored = pq.read_table(small[0] / shard.file)
    assert [row for t in tables for row in t.to_pylist()] == stored.to_pylist()


def test_plans_cover_every_row_once():
    for preset, count in (("small", 1200), ("medium", 12000), ("full", 100000)):
        shards = corpus.plan(make_config(preset, with_audio=False))
        assert sum(shard.rows for shard in shards) == count
        rows = {
            (p, t, shard.key["augmentation"])
            for shard in shards
            for p in shard.key["profiles"]
            for t in range(*shard.key["tempos"])
        }
        assert len(rows) * 40 == count
        assert all(shard.name.startswith(shard.split + "/") for shard in shards)


def test_other_seeds_make_other_rows_under_the_same_names():
    rows = []
    for seed in (42, 43):
        config = make_config("small", seed=seed, with_audio=False)
        rows.append(corpus.make_rows(config, [(0, corpus.definitions.load()["flam"], 0)], 0).to_pylist()[0])
    assert rows[0]["strokes"] != rows[1]["strokes"]


def test_parquet_layout(small):
    """Audio and MIDI plain and uncompressed, groups of about a hundred rows, page index on."""
    path = next((small[0] / "data").rglob("*.parquet"))
    file = pq.ParquetFile(path)
    assert file.metadata.row_group(0).num_rows == 120
    group = file.metadata.row_group(0)
    for i in range(group.num_columns):
        column = group.column(i)
        if column.path_in_schema in ("audio.bytes", "midi"):
            assert column.compression == "UNCOMPRESSED" and not column.has_dictionary_page
            assert set(column.encodings) <= {"PLAIN", "RLE"}
        else:
            assert column.compression == "ZSTD"
        assert column.has_offset_index


def test_an_encoded_file_is_one_range_of_bytes(small):
    path = next((small[0] / "data").rglob("*.parquet"))
    row = pq.ParquetFile(path).read_row_group(0, columns=["audio", "midi"]).slice(50, 1).to_pylist()[0]
    data = path.read_bytes()
    assert row["audio"]["bytes"] in data and row["midi"] in data


def test_row_groups_are_bounded_by_bytes():
    """However large the table: no part is over the limit, and the rows are the same."""
    sound = pa.table({"sound": [bytes(MAX_GROUP_BYTES // 3)] * 8, "row": range(8)})
    parts = list(bounded(sound))
    assert len(parts) == 4 and all(part.nbytes <= MAX_GROUP_BYTES for part in parts)
    assert pa.concat_tables(parts)["row"].to_pylist() == list(range(8))
    large = pa.table({"sound": [bytes(2 * MAX_GROUP_BYTES)]})
    assert [len(part) for part in bounded(large)] == [1]


def test_long_rows_at_a_high_rate_are_planned_in_small_groups():
    """A minute of stereo at 96 kHz is 23 MB: 120 of them were one group of 2.8 GB, which no reader took."""
    config = make_config(profiles=1, duration_sec=60, sample_rate=96000, channels=2, audio_format="wav")
    sizes = [len(group) for group in corpus.addresses(config, corpus.plan(config)[0])]
    assert sum(sizes) == 120 and max(sizes) * 2 * 2 * 65 * 96000 <= 2 * corpus.GROUP_BYTES


def test_nothing_of_an_unfinished_dataset_can_be_loaded(tiny, sousa, tmp_path):
    """Neither while it is made nor while it is mended: readers find no data until all of it is there."""
    import datasets

    root = tmp_path / "d"
    shutil.copytree(tiny, root)
    victim = sorted((root / "data").rglob("*.parquet"))[0]
    victim.write_bytes(victim.read_bytes()[:-10])
    with Store(
        LocalStorage(str(root)), make_config(**TINY_OPTIONS), corpus.plan(make_config(**TINY_OPTIONS))
    ) as store:
        todo, problems = store.missing()
        assert len(todo) == len(problems) == 1
        store.begin()
    assert not (root / "data").exists() and not (root / "README.md").exists()
    for name in (None, "small", "custom"):
        with pytest.raises((FileNotFoundError, ValueError)):
            datasets.load_dataset(str(root), name)
    with pytest.raises(RunError, match="is unfinished"):
        complete_manifest(root)
    assert sousa(*TINY, "-o", root, "--files", "-q").returncode == 0
    assert shard_digests(root) == shard_digests(tiny) and not (root / ".unfinished").exists()


def everything(root):
    """Files of a dataset and what is in them, but for what differs from run to run."""
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if name != "manifest.json"}


def test_what_a_corpus_writes_beside_the_shards_appears_and_stays(tones, tmp_path, monkeypatch):
    """Whatever its name; when the dataset is mended too, and when that is killed at any move."""
    corpus, root = corpora.get("tones"), tmp_path / "d"
    config, storage = corpus.config(corpus.Options.read({}), print), LocalStorage(str(root))

    def run():
        make.make(corpus, config, storage, LocalRunner(1), False, str, write_card=write_dataset_card)

    run()
    assert {"data", "pitches", "about.json", "labels", "splits.json"} <= set(os.listdir(root))
    whole = everything(root)
    assert len(whole) == 4 + 6 and read_manifest(root)["pitches"] == 4
    (root / "notes.txt").write_text("of the user")
    real, moves = LocalStorage.move, []
    for last in range(15):
        next((root / "data").rglob("*.parquet")).unlink()

        def move(self, source, target, last=last):
            if len(moves) == last:
                raise KeyboardInterrupt
            moves.append(target)
            # the card says which files are data, so nothing else is taken for it
            assert (root / "README.md").exists() or not (root / "data").exists()
            real(self, source, target)

        monkeypatch.setattr(LocalStorage, "move", move)
        moves.clear()
        with pytest.raises(KeyboardInterrupt) if last < 14 else contextlib.nullcontext():
            run()
        monkeypatch.setattr(LocalStorage, "move", real)
        run()
        assert (
            everything(root) == whole | {"notes.txt": b"of the user"} and not (root / ".unfinished").exists()
        )


@pytest.mark.parametrize("name", ["size", "shards", "tables", "loose_files", "preset", "release_format"])
def test_a_fact_of_a_corpus_can_not_stand_for_one_of_the_manifest(tones, tmp_path, monkeypatch, name):
    corpus = corpora.get("tones")
    monkeypatch.setattr(type(corpus), "beside", lambda *_: {name: 1})
    config, storage = corpus.config(corpus.Options.read({}), print), LocalStorage(str(tmp_path / "d"))
    with pytest.raises(RunError, match=f"tones states a fact named {name}, which the manifest uses"):
        make.make(corpus, config, storage, LocalRunner(1), say=str)


@pytest.mark.parametrize(
    "name, split",
    [("train/series-000.v1", "train"), ("train/ä", "train"), ("series-000", "train"), ("train/", "train"),
     ("test/a", "train"), ("train/a/b", "train"), ("dev/a", "dev"), ("train/a\n", "train")],
)  # fmt: skip
def test_a_shard_that_no_manifest_can_list_is_refused_when_it_is_planned(name, split):
    with pytest.raises(RunError, match="name it split/stem: the split is one of train, validation, test"):
        Shard(name, split, 1, {})


def test_one_that_was_begun_and_has_no_row_is_begun_again_with_other_settings(tmp_path):
    place, options = LocalStorage(str(tmp_path / "d")), {"profiles": 1, "tempos": 1, "rudiments": ["flam"]}
    config, other = make_config(**options), make_config(**options, seed=7)
    with Store(place, config, corpus.plan(config)) as store:
        store.begin()
    make.require_place(Rudiments(), other, place)
    make.make(Rudiments(), other, place, LocalRunner(1), say=lambda text: None)
    assert complete_manifest(place.root)["config"]["seed"] == 7
    with pytest.raises(UsageError, match="made with other settings"):
        make.require_place(Rudiments(), config, place)


def test_one_with_rows_is_not_begun_again_with_other_settings(tmp_path):
    place = LocalStorage(str(tmp_path / "d"))
    config, other = (make_config(profiles=1, tempos=1, rudiments=["flam"], seed=seed) for seed in (1, 2))
    shard = corpus.plan(config)[0]
    with Store(place, config, corpus.plan(config)) as store:
        store.begin()
        write_shard(Rudiments(), config, shard, place)  # not recorded yet
    with pytest.raises(UsageError, match="made with other settings"):
        make.require_place(Rudiments(), other, place)


def test_a_dry_run_says_what_the_run_would_refuse(tiny, sousa, tmp_path):
    done = sousa("generate", "-p", 1, "-t", 1, "-o", tiny, "--dry-run")
    assert done.returncode == 0 and "made with other settings" in done.stderr
    assert "hours of audio" in done.stdout and "these rows can't go there" in done.stdout
    assert "digest" not in done.stderr
    (tmp_path / "mine.txt").write_text("kept")
    done = sousa("generate", "-p", 1, "-t", 1, "-o", tmp_path, "--dry-run")
    assert done.returncode == 0 and "holds other files" in done.stderr


def test_splits_without_rows_are_said(sousa, tmp_path):
    options = ("-p", 1, "-t", 1, "--rudiments", "flam", "-o", tmp_path / "d")
    said = "train 1, validation 0, test 0; validation and test are empty, as there are too few players"
    assert said in sousa("generate", *options, "--dry-run").stdout
    assert said in sousa("generate", *options).stdout


def test_a_log_that_was_cut_short_costs_one_shard(tiny, sousa, tmp_path):
    root = tmp_path / "d"
    shutil.copytree(tiny, root)
    config = make_config(**TINY_OPTIONS)
    with Store(LocalStorage(str(root)), config, corpus.plan(config)) as store:
        store.missing()
        store.begin()
    log = root / ".unfinished" / "shards.jsonl"
    log.write_bytes(log.read_bytes()[:-20])
    done = sousa(*TINY, "-o", root, "--files")
    assert done.returncode == 0 and "already there: 2 of 3 shards" in done.stderr
    assert shard_digests(root) == shard_digests(tiny)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_whole_group_ends_in_one_line(tmp_path, number):
    """Helper processes get it too; they neither print nor die before their parent."""
    root = tmp_path / "d"
    command = [
        sys.executable,
        str(ROOT / "sousa.py"),
        "generate",
        "-p",
        "40",
        "-o",
        str(root),
        "-w",
        "2",
        "-q",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not list(root.glob(".unfinished/data/*/[!.]*.parquet")):
        time.sleep(0.05)
    os.killpg(process.pid, number)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 128 + number
    assert errors.strip() == "sousa: stopped; run the same command again to go on"
    assert len((root / ".unfinished" / "shards.jsonl").read_text().splitlines()) >= 1


def test_atomic_files_leave_nothing_behind(tmp_path):
    path = tmp_path / "x"
    path.write_text("old")
    with pytest.raises(ValueError), atomic_file(path) as file:
        file.write(b"half")
        raise ValueError
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["x"]


def test_what_can_not_be_written_is_said(tmp_path, monkeypatch):
    with pytest.raises(RunError, match="can't write /proc/nosuch/x"), atomic_file("/proc/nosuch/x") as file:
        file.write(b"x")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="no space left while writing"), atomic_file(tmp_path / "x") as file:
        file.write(b"x")
    assert not os.listdir(tmp_path)


class _TooFew(Rudiments):
    def rows(self, config, shard):
        yield next(super().rows(config, shard)).slice(0, 3)


def test_a_shard_with_the_wrong_number_of_rows_is_refused(tmp_path):
    config, storage = make_config("small", with_audio=False), LocalStorage(str(tmp_path))
    storage.write_json(".unfinished/manifest.json", {})
    with pytest.raises(RunError, match="3 rows instead of 120"):
        write_shard(_TooFew(), config, corpus.plan(config)[0], storage)
    assert not list(tmp_path.rglob("*.parquet"))


class _Watched(Rudiments):
    """Gives each row as a table, and looks whether the one before is still there."""

    kept = 0

    def rows(self, config, shard):
        for table in super().rows(config, shard):
            for number in range(len(table)):
                part = table.slice(number, 1)
                before = weakref.ref(part)
                yield part
                del part
                self.kept += before() is not None


def test_a_table_is_gone_before_the_next_is_made(tmp_path):
    watched, storage = _Watched(), LocalStorage(str(tmp_path))
    config = make_config("small", with_audio=False)
    storage.write_json(".unfinished/manifest.json", {})
    write_shard(watched, config, corpus.plan(config)[0], storage)
    # the generator goes on when the next is asked for: only its own names could keep a table
    assert watched.kept == 0


def test_a_missing_or_damaged_shard_is_made_again(tiny, sousa, tmp_path):
    root = tmp_path / "d"
    shutil.copytree(tiny, root)
    before = shard_digests(root)
    files = sorted((root / "data").rglob("*.parquet"))
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-100])
    damaged = bytearray(files[2].read_bytes())
    damaged[1000] ^= 1
    files[2].write_bytes(damaged)
    done = sousa(*TINY, "-o", root, "-w", 1)
    assert done.returncode == 0
    for text in ("is missing", "bytes instead of", "does not match its digest"):
        assert text in done.stderr
    assert shard_digests(root) == before


@pytest.mark.parametrize("name", ["README.md", "data"])
def test_what_the_user_puts_into_an_unfinished_dataset_is_theirs(tiny, sousa, tmp_path, name):
    """Neither replaced nor hidden: the command says what is in its way, and goes on once it is gone."""
    root = tmp_path / "dataset"
    hidden = root / ".unfinished"
    shutil.copytree(tiny, hidden)
    manifest = json.loads((hidden / "manifest.json").read_text())
    records = manifest.pop("shards")
    del manifest["manifest_digest"]
    unfinished = manifest | {"complete": False, "shards": {}}
    (hidden / "manifest.json").write_text(json.dumps(sealed(unfinished)))
    (hidden / "shards.jsonl").write_text("".join(json.dumps([*item]) + "\n" for item in records.items()))
    theirs = root / name if name != "data" else root / name / "mine.txt"
    theirs.parent.mkdir(exist_ok=True)
    theirs.write_text("my own")
    for _ in range(2):
        done = sousa(*TINY, "-o", root, "--workers", 1, "--files")
        assert done.returncode == 2 and f"{root / name} was not made by this command" in done.stderr
        assert theirs.read_text() == "my own"
    shutil.move(root / name, tmp_path / name)
    done = sousa(*TINY, "-o", root, "--workers", 1, "--files")
    assert done.returncode == 0, done.stderr
    files = [path.relative_to(tiny) for path in tiny.rglob("*") if path.is_file()]
    assert all((root / file).read_bytes() == (tiny / file).read_bytes() for file in files)
    assert {path.name for path in root.iterdir()} == {path.name for path in tiny.iterdir()}
