"""The preview page: its rows are those of the dataset, it needs nothing else, and it draws them right."""

import base64
import html
import json
import re
import shutil
from collections import Counter

import pyarrow.parquet as pq
import pytest

from sousa.generation.audio import encode
from sousa.generation.errors import RunError, UsageError
from sousa.generation.filters import Filter
from sousa.generation.make import make
from sousa.generation.manifest import sealed
from sousa.generation.preview import choose
from sousa.generation.preview import page as pages
from sousa.generation.preview.source import Source
from sousa.generation.reopen import open_dataset, rows_at
from sousa.generation.rudiments import Rudiments, columns
from sousa.generation.rudiments.settings import make_config
from sousa.generation.runners import LocalRunner
from sousa.generation.storage import LocalStorage
from sousa.generation.text import script
from tests.conftest import run_sousa
from tests.test_sousa import one_sentence


def read_page(path):
    """``(meta, rows, sounds, the page without its data)`` of a page."""
    text = path.read_text(encoding="utf-8")
    rows = [json.loads(part) for part in re.findall(r'class="row">(.*?)</script>', text, re.S)]
    sounds = [base64.b64decode(part) for part in re.findall(r'id="audio-\d+">(.*?)</script>', text, re.S)]
    meta = json.loads(re.search(r'id="meta">(.*?)</script>', text, re.S)[1])
    rest = re.sub(r'(id="audio-\d+"|class="row"|id="meta")>.*?</script>', "></script>", text, flags=re.S)
    return meta, rows, sounds, rest


def rows_of(root):
    """All rows of a dataset by sample_id."""
    return {
        row["sample_id"]: row
        for path in (root / "data").rglob("*.parquet")
        for row in pq.ParquetFile(path).read().to_pylist()
    }


@pytest.fixture(scope="module")
def made(tiny, tmp_path_factory):
    """The page of the tiny dataset."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    done = run_sousa("preview", tiny, "-o", path)
    assert done.returncode == 0, done.stderr
    assert f"{path}: 9 rows" in done.stdout
    return path


def same_row(shown, row):
    facts = shown["facts"]
    assert list(facts) == [
        c.name for c in (*columns.IDENTITY, *columns.SCORES, *columns.SOUND, *columns.PLAYER)
    ]
    assert facts == {name: row[name] for name in facts}
    assert shown["bars"] == [measure["start_sample"] for measure in row["measures"]]
    strokes = shown["strokes"]
    assert set(strokes) == {
        "onset_sample", "intended_sample", "hand", "written_hand", "stroke_type", "is_accent",
        "is_accent_played", "actual_velocity", "timing_error_ms", "parent_stroke_index", "mistake",
    }  # fmt: skip
    left_out = [{"hand": o["written_hand"], "sample": o["intended_sample"]} for o in row["omissions"]]
    assert shown["omissions"] == left_out
    for name, values in strokes.items():
        assert list(values) == [stroke[name] for stroke in row["strokes"]], name


def test_a_page_holds_the_rows_of_the_dataset(tiny, made):
    meta, rows, sounds, _ = read_page(made)
    stored = rows_of(tiny)
    assert (meta["num_rows"], meta["shown"], meta["with_audio"], meta["dataset"]) == (9, 9, True, "dataset")
    assert {row["facts"]["sample_id"] for row in rows} == set(stored) and len(rows) == len(sounds) == 9
    for row, sound in zip(rows, sounds, strict=True):
        same_row(row, stored[row["facts"]["sample_id"]])
        pcm, rate = encode.decode(sound)
        assert encode.pcm_digest(pcm) == row["facts"]["pcm_digest"]
        assert (len(pcm), rate) == (row["facts"]["num_samples"], row["facts"]["sample_rate"])


def test_every_declared_column_is_explained(made):
    meta, *_ = read_page(made)
    explained = [name for group in meta["groups"] for name, _, _ in group["columns"]]
    assert explained == [
        c.name for c in (*columns.IDENTITY, *columns.SCORES, *columns.SOUND, *columns.PLAYER)
    ]


def test_a_page_needs_nothing_outside_it(made):
    rest = read_page(made)[3]
    assert "http://" not in rest and "https://" not in rest
    assert not re.search(r"\b(src|href|import|url)\s*[=(]", rest) and "default-src 'none'" in rest
    assert "@" not in re.sub(r"@media", "", rest.split("<body>")[0])  # every place is filled in


def test_texts_can_not_end_the_script_they_are_in():
    text = script({"a": "</script><!-- & \u2028", "b": float("nan"), "c": [float("inf"), 1.5]})
    assert not re.search(r"[<>&\u2028]", text)
    assert json.loads(text) == {"a": "</script><!-- & \u2028", "b": None, "c": [None, 1.5]}


def test_the_name_of_a_directory_is_escaped(tiny, tmp_path):
    root = tmp_path / "<b>@META@ & more"
    shutil.copytree(tiny, root)
    assert run_sousa("preview", root, "--rows", 1, "-q").returncode == 0
    meta, rows, _, rest = read_page(root / "preview.html")
    assert meta["dataset"] == root.name and len(rows) == 1
    assert f"<h1>{html.escape(root.name)}</h1>" in rest


def shown(root, path, **options):
    """``(bytes of the page, facts of its rows)``."""
    made, rows, size = pages.write(open_dataset(root), path, **options)
    facts = [row["facts"] for row in read_page(made)[1]]
    assert rows == len(facts) and size == made.stat().st_size
    return made.read_bytes(), facts


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Labels of takes in three acoustics, of which every combination is there."""
    root = tmp_path_factory.mktemp("many") / "d"
    config = make_config(
        profiles=12, tempos=2, augmentations=3, acoustics=["clean", "gym", "garage"],
        rudiments=["flam", "drag", "five_stroke_roll", "single_paradiddle"], sample_rate=8000, duration_sec=1,
    )  # fmt: skip
    make(Rudiments(), config, LocalStorage(str(root)), LocalRunner(1), say=lambda text: None)
    return open_dataset(root)


@pytest.mark.parametrize("count", [1, 2, 12, 48, 100])
def test_rows_are_chosen_evenly(stored, count):
    everything = Filter.parse(None, stored.columns)
    source, names = Source.of(stored), ["augmentation_preset", "skill_tier", "rudiment_slug"]
    rows = choose.choose(source, everything, count, 5)
    assert rows == choose.choose(source, everything, count, 5) == sorted(set(rows)) and len(rows) == count
    others = [choose.choose(source, everything, count, seed) for seed in (6, 7, 8)]
    assert any(rows != other for other in others)
    parts = rows_at(stored.storage, stored.records, rows, names)
    facts = [row for part in parts for row in part.to_pylist()]
    for name, of in zip(names, (3, 4, 4), strict=True):
        counts = Counter(row[name] for row in facts)
        values = [*counts.values(), *[0] * (of - len(counts))]
        # whole takes come with more rows of one tier and rudiment at a time
        assert max(values) - min(values) <= max(2, count // 12), (name, counts)


def test_takes_are_shown_with_their_other_renderings(stored):
    rows = choose.choose(Source.of(stored), Filter.parse(None), 48, 1)
    takes = Counter()
    for part in rows_at(stored.storage, stored.records, rows, ["augmentation_group_id"]):
        takes.update(part["augmentation_group_id"].to_pylist())
    assert sum(count == 3 for count in takes.values()) >= 5


def test_fewer_rows_than_asked_for_are_all_shown(tiny):
    stored = open_dataset(tiny)
    assert choose.choose(Source.of(stored), Filter.parse(None), 48, 0) == list(range(9))


def test_options_choose_rows(tiny, tmp_path):
    page = tmp_path / "p.html"
    assert {f["rudiment_slug"] for f in shown(tiny, page, where={"rudiments": ["flam:*"]})[1]} == {"flam"}
    where = {"tiers": ["beginner"], "rudiments": ["flam", "five_stroke_roll"], "acoustics": ["clean"]}
    both = shown(tiny, page, where=where)[1]
    assert {f["skill_tier"] for f in both} == {"beginner"} and len(both) == 2
    made = {seed: shown(tiny, page, rows=3, seed=seed)[0] for seed in (1, 2, 3)}
    assert made[1] == shown(tiny, page, rows=3, seed=1)[0] and len(set(made.values())) > 1
    three = {"flam", "five_stroke_roll", "multiple_bounce_roll"}
    assert {f["rudiment_slug"] for f in shown(tiny, page, rows=3)[1]} == three


def test_filters_are_options_of_their_own_too(tiny, tmp_path):
    for options in (["--tiers", "beginner"], ["--tiers=beginner"], ["--where", "tiers=beginner"]):
        assert run_sousa("preview", tiny, "-o", tmp_path / "p.html", *options, "-q").returncode == 0
        assert {row["facts"]["skill_tier"] for row in read_page(tmp_path / "p.html")[1]} == {"beginner"}

    for text, low, high in (("60,100", 60, 100), ("100,null", 100, 400)):
        done = run_sousa("preview", tiny, "-o", tmp_path / "p.html", "--where", f"tempo_bpm={text}", "-q")
        assert done.returncode == 0, done.stderr
        assert all(low <= row["facts"]["tempo_bpm"] <= high for row in read_page(tmp_path / "p.html")[1])


@pytest.mark.parametrize(
    "options, part",
    [
        ({"rows": 0}, "rows is 0; give 1 or more"),
        ({"seed": -1}, "seed is -1"),
        ({"where": {"rudiments": ["drag"]}}, "no row of this dataset has all that is asked for"),
        ({"where": {"rudiments": []}}, "rudiments is empty, which keeps no row"),
        ({"where": {"tiers": ["expert"]}}, "tiers: unknown 'expert'"),
        ({"where": {"acoustics": ["cave"]}}, "acoustics: unknown 'cave'.*; choose from clean"),
        ({"where": {"sounds": ["pop"]}}, "unknown filter 'sounds'"),
        ({"output": ""}, "output is empty"),
        ({"where": {"tiers": ["professional"]}}, "no row of this dataset has all that is asked for"),
        ({"rows": 0, "where": {"tiers": []}}, "2 problems"),
    ],
)
def test_bad_requests_are_refused(tiny, options, part):
    with pytest.raises(UsageError, match=part):
        pages.write(open_dataset(tiny), **options)
    assert not (tiny / "preview.html").exists()


def test_bad_requests_get_one_sentence(tiny):
    for option, value, *parts in (
        ("--rudiments", "flamm", "unknown rudiment 'flamm'", "did you mean flam?"),
        ("--rudiments", ",", "rudiments is empty"),
        ("--rudimentz", "flam", "unknown filter 'rudimentz'", "did you mean rudiments?"),
    ):
        done = run_sousa("preview", tiny, option, value)
        one_sentence(done, 2, *parts)
        assert len(done.stderr.strip().splitlines()) == 1


def test_a_page_that_would_be_too_large_is_refused(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "MAX_BYTES", 800_000)
    with pytest.raises(UsageError, match=r"larger than 1 MB; about \d of them fit"):
        pages.write(open_dataset(tiny), tmp_path / "p.html")
    assert not list(tmp_path.iterdir())


def test_damage_gets_one_sentence(tiny, tmp_path):
    one_sentence(run_sousa("preview", tmp_path), 1, "no dataset in")
    root = tmp_path / "d"
    shutil.copytree(tiny, root)
    one_sentence(run_sousa("preview", root, "-o", root), 2, "was not made by this command")

    def refused(kind, part, **options):
        with pytest.raises(kind, match=part):
            pages.write(open_dataset(root), **options)

    with pytest.raises(UsageError, match="is a file"):
        open_dataset(tiny / "manifest.json")
    refused(RunError, "can't write", output=root / "manifest.json" / "p.html")
    shard = next((root / "data").rglob("*.parquet"))
    whole = shard.read_bytes()
    at = whole.index(b"fLaC") + 2000
    shard.write_bytes(whole[:at] + b"\0\0\0\0" + whole[at + 4 :])
    refused(RunError, "does not match its digest")
    shard.write_bytes(whole[:-10])
    refused(RunError, "can't be read.*sousa generate")
    shard.unlink()
    refused(RunError, "can't be read.*sousa generate")
    manifest = json.loads((root / "manifest.json").read_text())
    manifest["complete"] = False
    (root / "manifest.json").write_text(json.dumps(sealed(manifest)))
    refused(RunError, "is unfinished")
    assert not (root / "preview.html").exists() and not list(root.rglob("*.tmp"))
