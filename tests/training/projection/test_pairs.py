"""Pairs of sounds and texts, read from an embeddings directory."""

import numpy as np
import pytest

from sousa.generation.errors import RunError, UsageError
from sousa.training.embedding.layout import Embeddings, vectors
from sousa.training.projection import pairs
from tests.training.projection.fabricated import AUDIO, TEXT, embed


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return embed(tmp_path_factory.mktemp("embeddings"), rows=50, texts=3, parts=True, failing=(2, 31))


def _read(root, split="train", **more):
    return pairs.read(Embeddings(root), AUDIO, TEXT, split, **more)


def test_vectors_are_those_of_the_files_whole_and_in_parts(root):
    read, embeddings = _read(root), Embeddings(root)
    rows, windows, texts = (
        embeddings.rows("train"), embeddings.audio(AUDIO, "train"), embeddings.text(TEXT, "train")
    )  # fmt: skip
    heard, said = vectors(windows), vectors(texts)
    of_window = np.array(windows["sample_id"].to_pylist())
    kept = [name for name in rows["sample_id"].to_pylist() if name in of_window]
    assert read.rows["sample_id"].to_pylist() == kept and read.left_out == 1 and "s2" not in kept
    text = 0
    for sound, name in enumerate(kept):
        own = heard[of_window == name]
        assert np.allclose(read.audio[read.whole[sound]], own.mean(0), atol=2e-3)
        lines = [i for i, other in enumerate(texts["sample_id"].to_pylist()) if other == name]
        assert read.first[sound] == text and read.first[sound + 1] - text == len(lines) == 3
        for line in lines:
            assert np.array_equal(read.text[text], said[line].astype(np.float16))
            assert read.texts["text"][text].as_py() == texts["text"][line].as_py()
            # further texts are about the end of the sound alone, of which one window tells
            expected = own.mean(0) if texts["number"][line].as_py() == 0 else own[-1]
            assert np.allclose(read.audio[read.part_of[text]], expected, atol=2e-3)
            assert read.sound_of[text] == sound
            text += 1
    # the second and the third text of a sound are about the same part
    assert len(read.audio) == 2 * len(kept)


def test_a_part_that_no_window_overlaps_is_that_of_the_whole(tmp_path):
    embed(tmp_path / "e", rows=20, texts=2)
    shard = Embeddings(tmp_path / "e")
    table = shard.text(TEXT, "train")
    for place, name, seconds in ((5, "start_sec", 1e6), (6, "end_sec", 2e6)):
        table = table.set_column(place, table.schema.field(name), [[seconds] * len(table)])
    rows, windows = shard.rows("train"), shard.audio(AUDIO, "train")
    parts = pairs._shard(rows, windows, table)
    assert (parts.numbers["part_of"] == parts.numbers["whole"][parts.numbers["sound_of"]]).all()
    assert np.isfinite(parts.vectors[0][parts.numbers["part_of"]]).all()


def test_texts_that_say_the_same_have_one_number(root):
    read = _read(root)
    plain = [" ".join(text.lower().split()) for text in read.texts["text"].to_pylist()]
    numbers = {}
    for text, number in zip(plain, read.words_of.tolist(), strict=True):
        assert numbers.setdefault(text, number) == number
    assert len(set(numbers.values())) == len(set(plain)) < len(plain)


def test_each_epoch_draws_a_text_of_each_sound_by_seed_alone(root):
    read, again, other = _read(root), _read(root), _read(root, seed=1)
    draws = [read.drawn(epoch) for epoch in range(20)]
    for epoch, texts in enumerate(draws):
        assert (read.sound_of[texts] == np.arange(len(read))).all()
        assert (again.drawn(epoch) == texts).all()
    assert (np.stack(draws) != draws[0]).any(0).all() and (other.drawn(0) != draws[0]).any()
    batch = read.__getitems__([(3, 7), (4, 0), (3, 1)])
    assert batch["sounds"].tolist() == [7, 0, 1]
    texts = np.array([read.drawn(3)[7], read.drawn(4)[0], read.drawn(3)[1]])
    assert (batch["text"].numpy() == read.text[texts]).all()
    assert (batch["audio"].numpy() == read.audio[read.part_of[texts]]).all()


def test_sounds_alone_are_read_too(root):
    read, names, means = _read(root), [], []
    for rows, vectors_of in pairs.sounds(Embeddings(root), AUDIO, "train"):
        names += rows["sample_id"].to_pylist()
        means.append(vectors_of)
    assert names == read.rows["sample_id"].to_pylist()
    assert np.allclose(np.concatenate(means), read.audio[read.whole], atol=2e-3)


def test_what_is_not_there_is_named(root, tmp_path):
    with pytest.raises(UsageError) as wrong:
        pairs.read(Embeddings(root), "muq", "minilm", "dev")
    assert len(wrong.value.problems) == 3 and "there is heard" in str(wrong.value)
    embed(tmp_path / "e", rows=20, failing=range(20))
    with pytest.raises(UsageError, match=r"of 12 rows of split train none"):
        _read(tmp_path / "e")
    embed(tmp_path / "f", rows=20)
    file = next((tmp_path / "f/audio/heard").glob("train-*"))
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(RunError, match="embed again"):
        _read(tmp_path / "f")
