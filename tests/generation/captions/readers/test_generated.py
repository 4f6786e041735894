"""Datasets that were generated, read as captioned corpora."""

import re

import pyarrow as pa
import pytest

import sousa
from sousa.generation.captions.columns import READ
from sousa.generation.captions.readers import Wanted
from sousa.generation.captions.readers.generated import Generated, is_dataset, licence_columns, source_id
from sousa.generation.captions.sounds import sound_bytes
from sousa.generation.errors import UsageError
from sousa.generation.licences import licensed
from sousa.generation.rudiments import Rudiments
from sousa.generation.tables import row_groups


def rows_of(root):
    table = pa.concat_tables(Generated(root).read(root, Wanted()))
    assert table.schema.equals(READ)
    return table.to_pylist()


def test_rows_of_a_dataset_with_their_captions_and_sounds(tiny):
    assert is_dataset(tiny) and not is_dataset(tiny.parent)
    rows, dataset = rows_of(tiny), Generated(tiny).dataset
    assert len(rows) == dataset.manifest["num_rows"] == 9
    assert len({row["sample_id"] for row in rows}) == 9
    for row in rows:
        assert row["rejected"] is None and len(row["alt_captions"]) >= 2
        assert row["sample_id"] == f"{tiny.name}_{row['source_id']}" and row["dataset"] == tiny.name
        assert re.search("flam|stroke roll|bounce roll", row["caption"], re.IGNORECASE)
        assert {other["source"] for other in row["alt_captions"]} == {row["caption_source"]} == {"template"}
        assert row["audio_at"].startswith(f"data/{row['split']}/")
        assert (row["licence"], row["licence_nc"], row["caption_licence"]) == (
            "CC-BY-3.0 AND MIT",
            False,
            "MIT",
        )
        assert row["track_duration_sec"] > 1
    assert len({row["group_id"] for row in rows}) == 3
    # the place is that of the row
    stored = {row["source_id"]: row for row in rows}
    for record in dataset.records:
        table = next(row_groups(tiny / record["file"], ["sample_id", "split", "audio"]))
        for number, row in enumerate(table.to_pylist()):
            read = stored[row["sample_id"]]
            assert read["audio_at"] == f"{record['file']}#{number}" and read["split"] == row["split"]
            assert sound_bytes(tiny, read["audio_at"]) == row["audio"]["bytes"]


def test_rows_without_sound_have_no_place(tiny):
    reader = Generated(tiny)
    labels = tuple(column for column in reader.dataset.columns if column.name != "audio")
    vars(reader.dataset)["columns"] = labels
    rows = pa.concat_tables(reader.read(tiny, Wanted())).to_pylist()
    assert [row["audio_at"] for row in rows] == [None] * 9 and all(row["caption"] for row in rows)


def test_a_corpus_without_captions_is_refused(tiny, monkeypatch):
    monkeypatch.setattr(Rudiments, "captions_from", ())
    with pytest.raises(UsageError, match="holds rows of rudiments, which tells no captions of its own"):
        Generated(tiny)


def test_rows_of_which_nothing_is_said_are_rejected(tiny, monkeypatch):
    monkeypatch.setattr(Rudiments, "captions", lambda self, row: [])
    assert {(row["caption"], row["rejected"]) for row in rows_of(tiny)} == {(None, "no caption")}


def test_names_are_made_of_the_letters_of_ids():
    assert source_id("flam_60bpm.t0-a1") == "flam_60bpm.t0-a1"
    odd = [source_id(name) for name in ("a b", "a/b", "ä", "a_b")]
    assert len(set(odd)) == 4 and all(re.fullmatch("[A-Za-z0-9._-]+", name) for name in odd)


@pytest.mark.parametrize(
    ("ids", "licence", "flags"),
    [
        ([], "MIT", (False, False, False)),
        (["MIT", "CC0-1.0"], "MIT", (False, False, False)),
        (["CC-BY-NC-SA-4.0"], "CC-BY-NC-SA-4.0", (True, False, True)),
        (["MIT", "CC-BY-ND-4.0"], "CC-BY-ND-4.0 AND MIT", (False, True, False)),
        (["MIT", None], None, (None, None, None)),
    ],
)
def test_licences_of_what_rows_are_made_of(ids, licence, flags):
    said = licence_columns([licensed("soundfont", str(i), "stated", i) for i in ids])
    assert said.get("licence") == licence
    assert tuple(said.get(f"licence_{name}") for name in ("nc", "nd", "sa")) == flags
    assert (said.get("licence_raw") is None) == (licence is not None)


def test_a_corpus_of_another_package_states_its_own_licence(tones, tmp_path, monkeypatch):
    from sousa_tones import Tones

    monkeypatch.setattr(Tones, "captions_from", ("sample_id", "wave"))
    monkeypatch.setattr(Tones, "captions", lambda self, row: [f"A {row['wave']} wave.", "A wave."])
    sousa.generate("tones", tmp_path / "t", check=False)
    rows = rows_of(tmp_path / "t")
    assert {row["caption"] for row in rows} == {"A sine wave.", "A square wave.", "A saw wave."}
    assert {row["group_id"].split(":")[0] for row in rows} == {"tones"}
    assert {row["dataset"] for row in rows} == {"t"}
    assert {(row["caption_licence"], row["licence"]) for row in rows} == {("CC0-1.0", "CC0-1.0")}
