"""The preview page: its rows are those of the dataset, it needs nothing else, and it draws them right."""

import base64
import html
import json
import re
import shutil
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest

from sousa.generation.audio import encode
from sousa.generation.errors import RunError, UsageError
from sousa.generation.preview import page as pages
from sousa.generation.rudiments import columns
from sousa.generation.rudiments.preview import choose, page
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
        "onset_sample", "intended_sample", "hand", "stroke_type", "is_accent", "actual_velocity",
        "timing_error_ms", "parent_stroke_index",
    }  # fmt: skip
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
    text = pages.as_script({"a": "</script><!-- & \u2028", "b": float("nan"), "c": [float("inf"), 1.5]})
    assert not re.search(r"[<>&\u2028]", text)
    assert json.loads(text) == {"a": "</script><!-- & \u2028", "b": None, "c": [None, 1.5]}


def test_the_name_of_a_directory_is_escaped(tiny, tmp_path):
    root = tmp_path / "<b>@META@ & more"
    shutil.copytree(tiny, root)
    assert run_sousa("preview", root, "--rows", 1, "-q").returncode == 0
    meta, rows, _, rest = read_page(root / "preview.html")
    assert meta["dataset"] == root.name and len(rows) == 1
    assert f"<h1>{html.escape(root.name)}</h1>" in rest


def an_index(presets=3, tiers=4, forms=10, players=4, weights=None):
    """An index of rows of every combination; ``weights`` repeats presets."""
    names = {
        "preset": ["clean", "room", "far"][:presets], "tier": [f"t{i}" for i in range(tiers)],
        "form": [f"f{i}" for i in range(forms)],
    }  # fmt: skip
    cells = [
        (p, t, f, (t * forms + f) * players + player)
        for p in range(presets)
        for _ in range((weights or [1] * presets)[p])
        for t in range(tiers)
        for f in range(forms)
        for player in range(players)
    ]
    p, t, f, take = np.array(cells).T
    return choose.Index(np.arange(len(p)), p, t, f, take, names)


@pytest.mark.parametrize("count", [1, 2, 12, 48, 100])
def test_rows_are_chosen_evenly(count):
    index = an_index(weights=[1, 3, 1])
    rows = choose.choose(index, count, 5)
    assert rows == choose.choose(index, count, 5) == sorted(set(rows)) and len(rows) == count
    assert count > 2 or rows != choose.choose(index, count, 6) or rows != choose.choose(index, count, 7)
    for codes, of in ((index.preset, 3), (index.tier, 4), (index.form, 10)):
        counts = Counter(codes[rows].tolist())
        values = [counts[i] for i in range(of)]
        # whole takes come with more rows of one tier and rudiment at a time
        assert max(values) - min(values) <= max(2, count // 12), values


def test_takes_are_shown_with_their_other_renderings():
    index = an_index()
    rows = choose.choose(index, 48, 1)
    takes = {}
    for row in rows:
        takes.setdefault(int(index.take[row]), set()).add(int(index.preset[row]))
    assert sum(len(presets) == 3 for presets in takes.values()) >= 5


def test_fewer_rows_than_asked_for_are_all_shown():
    index = an_index(1, 2, 3, 1)
    assert choose.choose(index, 48, 0) == list(range(6))


def test_options_choose_rows(tiny, tmp_path):
    def shown(**options):
        path, rows, size = page.write(tiny, tmp_path / "p.html", **options)
        facts = [row["facts"] for row in read_page(path)[1]]
        assert rows == len(facts) and size == path.stat().st_size
        return path.read_bytes(), facts

    assert {f["rudiment_slug"] for f in shown(rudiments=["flam:*"])[1]} == {"flam"}
    both = shown(tiers=["beginner"], rudiments=["flam", "five_stroke_roll"], presets=["clean"])[1]
    assert {f["skill_tier"] for f in both} == {"beginner"} and len(both) == 2
    pages = {seed: shown(rows=3, seed=seed)[0] for seed in (1, 2, 3)}
    assert pages[1] == shown(rows=3, seed=1)[0] and len(set(pages.values())) > 1
    three = {"flam", "five_stroke_roll", "multiple_bounce_roll"}
    assert {f["rudiment_slug"] for f in shown(rows=3)[1]} == three


@pytest.mark.parametrize(
    "options, part",
    [
        ({"rows": 0}, "--rows is 0; give 1 or more"),
        ({"seed": -1}, "--seed is -1"),
        ({"rudiments": ["drag"]}, "this dataset has no rudiment 'drag'"),
        ({"rudiments": []}, "--rudiments is empty"),
        ({"tiers": ["expert"]}, "unknown tier 'expert'"),
        ({"presets": ["cave"]}, "this dataset has no preset 'cave'; choose from clean"),
        ({"output": ""}, "--output is empty"),
        ({"tiers": ["professional"]}, "no row of this dataset has all that is asked for"),
        ({"rows": 0, "tiers": []}, "2 problems"),
    ],
)
def test_bad_requests_are_refused(tiny, options, part):
    with pytest.raises(UsageError, match=part):
        page.write(tiny, **options)
    assert not (tiny / "preview.html").exists()


def test_bad_requests_get_one_sentence(tiny):
    for option, value, *parts in (
        ("--rudiments", "flamm", "unknown rudiment 'flamm'", "did you mean flam?"),
        ("--rudiments", ",", "--rudiments is empty"),
    ):
        done = run_sousa("preview", tiny, option, value)
        one_sentence(done, 2, *parts)
        assert len(done.stderr.strip().splitlines()) == 1


def test_a_page_that_would_be_too_large_is_refused(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "MAX_BYTES", 800_000)
    with pytest.raises(UsageError, match=r"larger than 1 MB; about \d of them fit"):
        page.write(tiny, tmp_path / "p.html")
    assert not list(tmp_path.iterdir())


def test_damage_gets_one_sentence(tiny, tmp_path):
    one_sentence(run_sousa("preview", tmp_path), 1, "no dataset in")
    root = tmp_path / "d"
    shutil.copytree(tiny, root)
    one_sentence(run_sousa("preview", root, "-o", root), 1, "can't write", "directory")

    def refused(kind, part, **options):
        with pytest.raises(kind, match=part):
            page.write(root, **options)

    with pytest.raises(UsageError, match="is a file"):
        page.write(tiny / "manifest.json")
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
    (root / "manifest.json").write_text(json.dumps(manifest))
    refused(RunError, "is unfinished")
    assert not (root / "preview.html").exists() and not list(root.rglob("*.tmp"))
