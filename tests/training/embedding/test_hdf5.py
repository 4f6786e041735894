"""The same vectors as one HDF5 file, in the layout of an earlier system."""

import json
import os

import numpy as np
import pytest

from sousa.generation.errors import UsageError
from sousa.training.embedding import command, hdf5, layout
from sousa.training.embedding.command import embed
from sousa.training.embedding.layout import Embeddings
from tests.training.embedding.conftest import unified


def test_a_row_a_text_with_the_mean_of_the_windows_of_its_sound(tmp_path, encoders):
    h5py = pytest.importorskip("h5py")
    path, entries = unified(tmp_path / "sounds", rows=9)
    os.unlink(entries[3]["audio_path"])
    root = tmp_path / "out"
    embed(output=root, dataset_file=path, encoders=encoders["ast"], text=encoders["bert"], hdf5=True)
    read = Embeddings(root)
    lengths = {}
    with h5py.File(root / hdf5.FILE) as file:
        assert list(file) == ["test", "train", "val"]
        assert json.loads(file.attrs["embedding_dimensions"]) == {"ast": 16, "sentence": 16}
        assert json.loads(file.attrs["config"])["seed"] == 42
        for group, split in (("train", "train"), ("val", "validation"), ("test", "test")):
            part = file[group]
            ids = part["audio_ids"].asstr()[:].tolist()
            lengths[split] = len(ids)
            assert set(part) == {"ast_embeddings", "sentence_embeddings", "captions", "audio_ids"}
            assert part["ast_embeddings"].dtype == np.float32 and part["ast_embeddings"][:].any(axis=1).all()
            names, values = hdf5.means(read, "ast", split)
            for i, name in enumerate(ids):
                row = names.index(name.rpartition("_")[0])
                assert np.array_equal(part["ast_embeddings"][i], values[row])
            texts = dict(zip(ids, part["captions"].asstr()[:], strict=True))
            assert not any(name.startswith("row_03") for name in texts)
            for name, text in texts.items():
                number = int(name.partition("_")[2].partition("_")[0])
                assert text == {"main": f"a calm piece of music {number}", "alt": "low tones",
                                "alt2": "a bright noise ."}[name.rpartition("_")[2]]  # fmt: skip
            left = json.loads(part.attrs["stats"])["left_out"]
            assert left == (3 if split == read_split(read, "row_03") else 0)
    assert sum(lengths.values()) == 8 + 2 * 2 and min(lengths.values()) > 0
    windows = read.audio("ast", "train")
    names, values = hdf5.means(read, "ast", "train")
    first = [i for i, name in enumerate(windows["sample_id"].to_pylist()) if name == names[0]]
    assert np.allclose(values[0], layout.vectors(windows)[first].mean(axis=0))
    # it does not stand in the way of a further run
    embed(output=root, dataset_file=path, encoders=encoders["ast"], text=encoders["bert"], hdf5=True)


def read_split(read, name):
    rows = read.rows(columns=["sample_id", "split"]).to_pylist()
    return next(row["split"] for row in rows if row["sample_id"] == name)


def test_without_h5py_the_request_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"--hdf5 needs h5py; install it with: pip install .*\[hdf5\]"):
        embed("somewhere", tmp_path, hdf5=True)
