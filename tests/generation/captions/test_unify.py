"""Rows chosen from several corpora: what is kept, where it goes, and that it hangs on nothing else."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import soundfile

import sousa
from sousa.generation.captions import index, measuring, settings, unified_json, workspace
from sousa.generation.captions.options import CaptionsOptions
from sousa.generation.errors import RunError, UsageError
from tests.generation.captions import toy


@pytest.fixture(autouse=True)
def corpora(monkeypatch, tmp_path):
    """Three corpora: of humans, of a model, and of templates."""
    monkeypatch.setenv("SOUSA_CACHE", str(tmp_path / "cache"))
    toy.install(monkeypatch, people="human", machine="model", tagged="template")
    return tmp_path / "raw"


def chosen(root, **options):
    return settings.config_of(CaptionsOptions.read({"root": str(root), **options}))


def rows_of(config):
    return [row for table in index.read(config.chosen, 0, config.num_rows) for row in table.to_pylist()]


def ids(config):
    return [row["sample_id"] for row in rows_of(config)]


def test_every_row_is_kept_or_rejected_for_a_reason(corpora):
    lines = [toy.row(i, seconds="0.1") for i in range(9)]
    lines[5]["caption"] = lines[6]["seconds"] = ""
    toy.write(corpora / "people", lines)
    (corpora / "people" / "audio" / "00007.flac").write_bytes(b"fLaC and nothing else")
    shutil.copy(corpora / "people" / "audio" / "00000.flac", corpora / "people" / "audio" / "00008.flac")
    config = chosen(corpora)
    account = index.account_of(config.chosen).rows["people"]
    assert account == {
        "kept": 5, "no caption": 1, measuring.NOT_THERE: 1, measuring.BROKEN: 1,
        "its sound is there twice": 1,
    }  # fmt: skip
    rejected = pq.read_table(index.place(config.chosen).path(index.REJECTED)).to_pylist()
    assert len(rejected) == 4 and {row["reason"] for row in rejected} >= {"no caption", measuring.BROKEN}
    assert Counter(row["split"] for row in rows_of(config)).total() == config.num_rows == 5


def test_the_same_rows_whatever_the_order(corpora):
    toy.write(corpora / "people", [toy.row(i) for i in range(40)])
    toy.write(corpora / "tagged", [toy.row(i) for i in range(900)])
    options = {"metadata_only": True, "max_samples": 60, "stratify_by": "dataset"}
    first = chosen(corpora, datasets=["people", "tagged"], **options)
    table = [toy.row(i) for i in range(900)]
    toy.write(corpora / "tagged", table[::-1])
    again = chosen(corpora, datasets=["tagged", "people"], **options)
    assert first == again and ids(first) == ids(again)
    assert Counter(row["dataset"] for row in rows_of(first)) == {"people": 30, "tagged": 30}
    more = chosen(corpora, **{**options, "max_samples": 200})
    taken = sorted(rows_of(more), key=lambda row: row["taken"])
    assert {row["sample_id"] for row in taken[:60]} == set(ids(first))
    assert Counter(row["dataset"] for row in taken) == {"people": 40, "tagged": 160}
    assert ids(chosen(corpora, seed=1, **options)) != ids(first)


def test_a_native_sound_is_that_of_the_humans(corpora):
    toy.write(corpora / "tagged", [toy.row(i, native=f"jamendo:{i}") for i in range(10)])
    toy.write(corpora / "people", [toy.row(i, native=f"jamendo:{i}") for i in range(3)])
    config = chosen(corpora, metadata_only=True)
    counts = index.account_of(config.chosen).rows
    assert counts["people"] == {"kept": 3}
    assert counts["tagged"] == {"kept": 7, "its sound is in another corpus too": 3}


def test_filters_of_length_artist_licence_and_lists(corpora, tmp_path):
    toy.write(corpora / "people", [toy.row(i, seconds=f"{0.1 * (i + 1):.1f}") for i in range(10)])
    short = chosen(corpora, min_duration_sec=0.25, max_duration_sec=0.55)
    assert sorted(ids(short)) == [f"people_{i:05}" for i in (2, 3, 4)]
    assert index.account_of(short.chosen).rows["people"] == {"kept": 3, "too short": 2, "too long": 5}
    assert chosen(corpora, per_artist=1).num_rows == 7
    (tmp_path / "out.txt").write_text("people_00001\n\npeople_00004\n")
    (tmp_path / "out.json").write_text('["people_00009"]')
    files = [str(tmp_path / "out.txt"), str(tmp_path / "out.json")]
    left = {f"people_{i:05}" for i in (0, 2, 3, 5, 6, 7, 8)}
    assert set(ids(chosen(corpora, exclude=files))) == left
    licences = ["CC-BY-4.0", "CC-BY-NC-4.0", "CC-BY-ND-4.0", "", "CC-BY-NC-ND-3.0"]
    toy.write(corpora / "people", [toy.row(i, licence=name) for i, name in enumerate(licences)])
    kinds = [chosen(corpora, metadata_only=True, licences=kind).num_rows for kind in ("any", "commercial")]
    assert kinds == [5, 2] and chosen(corpora, metadata_only=True, licences="redistributable").num_rows == 1


def test_sounds_that_may_not_be_passed_on_stay_out_and_their_rows_stay(corpora, tmp_path, capsys):
    """A mix of licences: what may be published is, what may not is named, and who is to be named."""
    licences = [
        "CC-BY-3.0-US", "CC-BY-NC-4.0", "CC-BY-ND-2.5", "", "LAL-1.3", "CC0-1.0", "CC-BY-NC-SA-3.0-FR",
    ]  # fmt: skip
    lines = [toy.row(i, licence=name, seconds="0.1") for i, name in enumerate(licences)]
    toy.write(corpora / "people", lines)
    whole, free = tmp_path / "whole", tmp_path / "free"
    common = ["unify", "--root", str(corpora), "-w", "1", "--skip-validation"]
    assert sousa.main([*common, "-o", str(whole)]) == 0
    assert sousa.main([*common, "-o", str(free), "--publishable"]) == 0
    for root in (whole, free):
        sousa.release(root, f"{root}-release", version="1.0.0")
    with pytest.raises(UsageError) as error:
        sousa.publish(f"{whole}-release", "org/name")
    text = str(error.value)
    for licence in ("CC-BY-NC-4.0", "CC-BY-ND-2.5", "not stated", "CC-BY-NC-SA-3.0-FR"):
        assert licence in text
    assert "LAL-1.3" not in text and "CC-BY-3.0-US" not in text and "CC0-1.0" not in text
    made_of = json.loads((tmp_path / "free-release" / "manifest.json").read_text())["made_of"]
    assert all(part["free"] for part in made_of)
    rows = [row for file in free.rglob("data/*/*.parquet") for row in pq.read_table(file).to_pylist()]
    heard = {row["licence"] for row in rows if row["audio"]}
    assert len(rows) == 7 and heard == {"CC-BY-3.0-US", "LAL-1.3", "CC0-1.0"}
    attribution = (tmp_path / "free-release" / "ATTRIBUTION.md").read_text()
    assert attribution.count("\n- ") == 3 and "CC-BY-NC" not in attribution and "by artist4" in attribution


def test_sounds_of_youtube_are_never_passed_on(corpora, tmp_path, monkeypatch):
    monkeypatch.setattr(toy.Toy, "audio_from_youtube", True)
    toy.write(corpora / "people", [toy.row(i, seconds="0.1") for i in range(6)])
    assert sousa.main(["unify", "--root", str(corpora), "-w", "1", "-o", str(tmp_path / "d")]) == 0
    sousa.release(tmp_path / "d", tmp_path / "r", version="1.0.0")
    for names in ([], ["sound"]):
        with pytest.raises(UsageError, match=r"of people .*cut from YouTube.* is never passed on"):
            sousa.publish(tmp_path / "r", "org/name", redistribute=names)


def test_strata_of_length_genre_and_licence(corpora):
    toy.write(corpora / "people", [toy.row(i, licence="CC0-1.0" if i < 4 else "") for i in range(60)])
    options = {"metadata_only": True, "max_samples": 20}
    by_genre = chosen(corpora, stratify_by="genre", **options)
    assert Counter(row["genres"][0] for row in rows_of(by_genre)) == {"rock": 10, "jazz": 10}
    by_licence = chosen(corpora, stratify_by="licence", **options)
    assert Counter(row["licence"] for row in rows_of(by_licence)) == {"CC0-1.0": 4, None: 16}
    weighted = chosen(corpora, stratify_by="genre", weights=["rock=4", "jazz=1"], **options)
    assert Counter(row["genres"][0] for row in rows_of(weighted)) == {"rock": 16, "jazz": 4}


def test_rows_of_a_dataset_are_limited(corpora):
    toy.write(corpora / "people", [toy.row(i) for i in range(30)])
    toy.write(corpora / "tagged", [toy.row(i) for i in range(30)])
    config = chosen(corpora, metadata_only=True, samples_per_dataset=12)
    assert [counts["kept"] for counts in index.account_of(config.chosen).rows.values()] == [12, 12]


def test_a_large_choice_is_sorted_through_files(corpora, monkeypatch):
    toy.write(corpora / "people", [toy.row(i) for i in range(700)])
    monkeypatch.setattr(index, "BATCH_ROWS", 64)
    whole = chosen(corpora, metadata_only=True)
    rows = rows_of(whole)
    monkeypatch.setattr(index, "BUCKET_ROWS", 128)
    assert chosen(corpora, metadata_only=True) == whole
    assert rows_of(whole) == rows
    order = [("train", "validation", "test").index(row["split"]) * 10_000 + row["taken"] for row in rows]
    assert order == sorted(order) and len(set(ids(whole))) == 700


def test_the_dataset_and_the_json_of_the_same_rows(corpora, tmp_path, capsys):
    toy.write(corpora / "people", [toy.row(i, seconds="0.2") for i in range(12)])
    toy.write(corpora / "machine", [toy.row(i) for i in range(5)])
    command = ["unify", "--root", str(corpora), "--metadata-only", "-w", "1", "-o", str(tmp_path / "d")]
    assert sousa.main(command) == 0
    said = capsys.readouterr().out
    assert "people: 12 rows read, 12 kept" in said and "12 rows as JSON" in said
    manifest = json.loads((tmp_path / "d" / "manifest.json").read_text())
    assert manifest["account"] == {"people": {"kept": 12}, "machine": {"kept": 5}}
    assert manifest["sounds"] == [{"dataset": "people", "licence": "CC-BY-4.0", "rows": 12}]
    files = sorted((tmp_path / "d/data").rglob("*.parquet"))
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    assert len(rows) == 17
    heard = {row["sample_id"]: row for row in rows if row["audio"]}
    assert len(heard) == 12 and all(row["duration_sec"] == 0.2 for row in heard.values())
    entries = list(unified_json.read(tmp_path / "d" / "unified.json"))
    assert {entry["id"] for entry in entries} == heard.keys()
    for entry in entries:
        row = heard[entry["id"]]
        assert (entry["caption"], entry["duration"], entry["license"]) == (row["caption"], 0.2, "CC-BY-4.0")
        assert (entry["split"], entry["group_id"]) == (row["split"], row["group_id"])
        assert Path(entry["audio_path"]).read_bytes() == row["audio"]["bytes"]
        assert soundfile.info(entry["audio_path"]).duration == 0.2
    assert list(workspace.folder().glob("work-*")) == [] and len(list(workspace.folder().iterdir())) == 1
    assert sousa.main(command) == 0  # finished already
    assert sousa.validate(tmp_path / "d")["passed"]


def test_json_alone(corpora, tmp_path, capsys):
    toy.write(corpora / "people", [toy.row(i, seconds="0.2") for i in range(4)])
    target = tmp_path / "x" / "rows.json"
    assert sousa.main(["unify", "--root", str(corpora), "-o", str(target), "--continue"]) == 0
    assert len(list(unified_json.read(target))) == 4
    # and as strictly as the standard library can
    assert len(json.loads(target.read_bytes(), parse_constant=pytest.fail)) == 4
    assert sousa.main(["unify", "--root", str(corpora), "-o", str(target)]) == 0
    target.write_text("my own")
    assert sousa.main(["unify", "--root", str(corpora), "-o", str(target)]) == 2
    assert "was not made by this command" in capsys.readouterr().err and target.read_text() == "my own"
    assert sousa.main(["unify", "--root", str(corpora), "-o", str(tmp_path / "y"), "--dry-run"]) == 0
    assert not (tmp_path / "y").exists() and "4 rows" in capsys.readouterr().out


def test_lists_take_blanks_as_well_as_commas(corpora, tmp_path, capsys):
    for name in ("people", "machine", "tagged"):
        toy.write(corpora / name, [toy.row(i) for i in range(4)])
    command = ["unify", "--root", str(corpora), "--metadata-only", "--dry-run", "-o", str(tmp_path / "d")]
    for names in (["people", "tagged"], ["people,tagged"], ["people,", "tagged"]):
        assert sousa.main([*command, "--datasets", *names]) == 0
        assert "would hold 8 rows" in capsys.readouterr().out
    assert sousa.main([*command, "--stratify-by", "dataset", "--weights", "people=3,tagged=1"]) == 0


def test_a_sound_with_a_hash_in_its_name_is_a_file(corpora, tmp_path):
    toy.write(corpora / "people", [toy.row(i, id=f"in_C#{i}", seconds="0.1") for i in range(3)])
    config = chosen(corpora)
    assert index.account_of(config.chosen).rows == {"people": {"kept": 3}}
    unified_json.write(config, tmp_path / "x.json")
    paths = [entry["audio_path"] for entry in unified_json.read(tmp_path / "x.json")]
    assert sorted(paths) == sorted(map(str, (corpora / "people" / "audio").iterdir()))


def test_sounds_are_decoded_once(corpora, monkeypatch):
    toy.write(corpora / "people", [toy.row(i, seconds="0.1") for i in range(6)])
    first = chosen(corpora)
    monkeypatch.setattr(measuring, "measured", lambda *place: pytest.fail("decoded again"))
    assert chosen(corpora) == first


def test_a_sound_that_changes_while_rows_are_made_is_an_error(corpora, tmp_path):
    from sousa.generation.captions import corpus

    toy.write(corpora / "people", [toy.row(i, seconds="0.1") for i in range(6)])
    config = chosen(corpora)
    for path in (corpora / "people" / "audio").iterdir():
        path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(RunError, match="has changed while the dataset was made"):
        for shard in corpus.plan(config):
            list(corpus.rows(config, shard))


@pytest.mark.parametrize(
    "options, text",
    [
        ({"datasets": ["nobody"]}, "unknown corpus 'nobody'"),
        ({"datasets": ["machine"]}, "has no folder machine; bring it with 'sousa download --datasets"),
        ({"root": "nowhere"}, "root is 'nowhere', which is no directory"),
        ({"weights": {"people": 2.0}}, "weights has no use without stratify_by"),
        ({"weights": {"folk": 2.0}, "stratify_by": "genre", "metadata_only": True}, "unknown stratum 'folk'"),
        ({"weights": ["people=x"]}, "give names with numbers above 0"),
        ({"stratify_by": "mood"}, "stratify_by is 'mood'"),
        ({"min_duration_sec": 9.0, "max_duration_sec": 3.0}, "no sound is that long"),
        ({"exclude": ["nowhere.txt"]}, "nowhere.txt can't be read"),
        ({"licences": "free"}, "licences is 'free'"),
        ({}, "no row is left: people: 3 rows read, 0 kept; rejected: 3 its sound is not there"),
    ],
)
def test_what_can_not_be_met_is_said(corpora, options, text):
    toy.write(corpora / "people", [toy.row(i) for i in range(3)])
    with pytest.raises(UsageError) as error:
        chosen(**{"root": corpora, **options})
    assert text in str(error.value)
