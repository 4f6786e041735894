"""Published corpora through ``datasets``: written to its cache, or as streams."""

import importlib
import logging

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sousa.builders import captioned
from sousa.builders.captioned import COLUMNS, CaptionedBuilder
from sousa.generation.captions import readers
from sousa.generation.captions.measuring import NOT_THERE
from sousa.generation.captions.readers import Reader, Rows
from sousa.generation.errors import RunError
from tests.support.captioned import DATA

datasets.disable_progress_bars()
PLAIN = datasets.Audio(decode=False)


class Tunes(Reader):
    """Three tunes and one without words."""

    name, title, summary = "tunes", "Tunes", "tunes with human captions"
    homepage, caption_licence, caption_source = "https://tunes.example", "CC-BY-4.0", "human"

    own = ("fma_size",)

    def read(self, root, wanted):
        """As for every reader."""
        rows = Rows(self)
        for line in (root / "tunes.csv").read_text().splitlines():
            name, split, audio_at, caption = line.split(";")
            if not name:
                raise RunError("tunes.csv can't be read: a line has no name")
            reason = None if caption else "no caption"
            other = [{"text": f"{caption}, again", "source": "model"}] if wanted.fma_size else []
            yield from rows.add(source_id=name, split=split or None, caption=caption or None,
                                audio_at=audio_at or None, rejected=reason, alt_captions=other)  # fmt: skip
        yield from rows.rest()


@pytest.fixture
def builder(monkeypatch):
    monkeypatch.setitem(readers.READERS, "tunes", f"{__name__}:Tunes")
    readers._reader.cache_clear()
    yield type("Tunes", (CaptionedBuilder,), {"NAME": "tunes", "__doc__": "Tunes.", "__module__": __name__})
    readers._reader.cache_clear()


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "tunes"
    (root / "audio").mkdir(parents=True)
    (root / "audio" / "a,  b.wav").write_bytes(b"first")
    sounds = [{"bytes": text, "path": "x.mp3"} for text in (b"0", b"1", b"2")]
    pq.write_table(pa.table({"audio": sounds}), root / "sounds.parquet", row_group_size=2)
    lines = ("1;;audio/a,  b.wav;a tune", "2;test;sounds.parquet#2;a reel", "3;;audio/none.wav;a jig", "4;;;")
    (root / "tunes.csv").write_text("\n".join(lines))
    return root


def plain(dataset):
    """Rows with audio as stored, whatever the feature is."""
    if isinstance(dataset.features["audio"], datasets.Audio):
        dataset = dataset.cast_column("audio", PLAIN)
    return list(dataset)


def test_rows_are_written_or_streamed_with_their_sounds_as_published(builder, folder, tmp_path, caplog):
    tunes = builder(data_dir=str(folder), cache_dir=str(tmp_path / "cache"))
    with caplog.at_level(logging.INFO, captioned.__name__):
        tunes.download_and_prepare()
    written, streamed = tunes.as_dataset(), tunes.as_streaming_dataset()
    assert {split: len(part) for split, part in written.items()} == {"train": 1, "test": 1}
    assert {split: plain(part) for split, part in written.items()} == {
        split: plain(part) for split, part in streamed.items()
    }
    (tune,), (reel,) = plain(written["train"]), plain(written["test"])
    assert tune["audio"] == {"bytes": b"first", "path": "a,  b.wav"}
    assert reel["audio"]["bytes"] == b"2"
    assert (tune["sample_id"], tune["dataset"], tune["caption"]) == ("tunes_1", "tunes", "a tune")
    assert tune.keys() == {column.name for column in COLUMNS}
    assert written["train"].features["split"].int2str(tune["split"]) == "train"
    assert tunes.left_out == {NOT_THERE: 1, "no caption": 1}
    assert "Tunes: 2 rows, and 2 left out: its sound is not there (1), no caption (1)" in caplog.text


def test_options_reach_the_reader_and_the_cache(builder, folder, tmp_path):
    tunes = builder(
        data_dir=str(folder), cache_dir=str(tmp_path / "cache"), metadata_only=True, fma_size="any"
    )
    rows = plain(tunes.as_streaming_dataset(split="train"))
    assert [row["audio"] and row["audio"]["bytes"] for row in rows] == [b"first", None]
    assert [text["text"] for row in rows for text in row["alt_captions"]] == ["a tune, again", "a jig, again"]
    assert tunes.left_out == {"no caption": 1}
    other = builder(data_dir=str(folder), cache_dir=str(tmp_path / "cache"))
    assert tunes.hash != other.hash
    (folder / "audio" / "none.wav").write_bytes(b"now")
    later = builder(data_dir=str(folder), cache_dir=str(tmp_path / "cache"))
    assert later.hash != other.hash
    assert [row["audio"]["bytes"] for row in plain(later.as_streaming_dataset(split="train"))] == [
        b"first", b"now",
    ]  # fmt: skip


def test_what_is_wrong_is_a_sentence(builder, folder, tmp_path):
    with pytest.raises(ValueError, match=r"unknown option 'fma_sice' \(did you mean fma_size\?\); choose"):
        builder(data_dir=str(folder), fma_sice="small")
    with pytest.raises(ValueError, match="unknown option 'mtg_split'"):
        builder(data_dir=str(folder), mtg_split=1)
    with pytest.raises(ValueError, match=r"give data_dir, the folder .* such as data/raw/tunes"):
        builder()
    with pytest.raises(ValueError, match="there is no such folder; name that of Tunes"):
        builder(data_dir=str(tmp_path / "none"))
    (folder / "tunes.csv").write_text("4;;;\n5;;audio/none.wav;a jig")
    with pytest.raises(ValueError, match=r"can be used: its .* \(1\), no caption \(1\); "):
        builder(data_dir=str(folder)).as_streaming_dataset()
    (folder / "tunes.csv").write_text(";;;")
    with pytest.raises(ValueError, match="a line has no name"):
        builder(data_dir=str(folder)).as_streaming_dataset()


def test_sounds_are_not_read_from_elsewhere(builder, folder, tmp_path):
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "tunes.csv").write_text("1;;../secret;a tune")
    with pytest.raises(ValueError, match="leads out of the folder"):
        list(builder(data_dir=str(folder)).as_streaming_dataset(split="train"))


@pytest.mark.parametrize("name", readers.READERS)
def test_every_corpus_has_a_builder_of_its_rows(name, tmp_path):
    module = importlib.import_module(f"sousa.builders.{name}")
    (kind,) = [value for value in vars(module).values() if getattr(value, "NAME", None) == name]
    folder = DATA / name
    corpus = kind(data_dir=str(folder), cache_dir=str(tmp_path), metadata_only=True)
    rows = [row for table in kind.reader.read(folder, readers.Wanted(metadata_only=True))
            for row in table.to_pylist()]  # fmt: skip
    kept = {row["sample_id"]: row["caption"] for row in rows if not row["rejected"]}
    streamed = corpus.as_streaming_dataset()
    assert {row["sample_id"]: row["caption"] for part in streamed.values() for row in plain(part)} == kept
    assert corpus.left_out.total() == len(rows) - len(kept)
    corpus.download_and_prepare()
    written = corpus.as_dataset()
    assert {row["sample_id"]: row["caption"] for part in written.values() for row in plain(part)} == kept
    split = {row["sample_id"]: row["split"] or "train" for row in rows}
    assert all(split[row["sample_id"]] == name for name, part in written.items() for row in plain(part))
