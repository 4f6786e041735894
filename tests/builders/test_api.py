"""The functions of ``import sousa``: what a script gives them by mistake is said in a sentence."""

import pytest

import sousa
from sousa import builders
from sousa.generation.errors import UsageError
from tests.conftest import ROOT

NO_PATHS = (None, 5, b"bytes", ["a", "list"])
CALLS = {
    **{f"generate to {p!r}": (lambda d, p=p: sousa.generate("piano", p), "a path is") for p in NO_PATHS[1:]},
    **{f"validate {p!r}": (lambda d, p=p: sousa.validate(p), "a path is") for p in NO_PATHS},
    **{f"release to {p!r}": (lambda d, p=p: sousa.release(d, p, "1.0.0"), "a path is") for p in NO_PATHS},
    **{f"export to {p!r}": (lambda d, p=p: sousa.export(d, p, "csv"), "a path is") for p in NO_PATHS},
    **{f"publish {p!r}": (lambda d, p=p: sousa.publish(p, "org/name"), "a path is") for p in NO_PATHS},
    **{f"diff {p!r}": (lambda d, p=p: sousa.diff(p, d), "a path is") for p in NO_PATHS},
    **{f"load {p!r}": (lambda d, p=p: sousa.load(p), "a path is") for p in NO_PATHS},
    "corpus": (lambda d: sousa.generate(5, d), "unknown corpus 5"),
    "workers": (lambda d: sousa.validate(d, workers="3"), "workers is '3'"),
    "workers of a truth": (lambda d: sousa.validate(d, workers=True), "workers is True"),
    "rows of a text": (lambda d: sousa.verify(d, rows="3"), "rows is '3'; give 1 or more"),
    "half a row": (lambda d: sousa.verify(d, rows=2.5), "rows is 2.5"),
    "seed": (lambda d: sousa.verify(d, seed="a"), "seed is 'a'; give a whole number"),
    "rows of a page": (lambda d: sousa.preview(d, "page.html", rows="3"), "rows is '3'"),
    "filter": (lambda d: sousa.preview(d, "page.html", where=[1]), "a filter is a mapping"),
    "version": (lambda d: sousa.release(d, "new", 1), "version 1 is not of the form"),
    "notes": (lambda d: sousa.release(d, "new", "1.0.0", notes=5), "notes is 5; give a list of texts"),
    "plugins": (lambda d: sousa.validate(d, plugins=5), "plugins is 5; give a list of texts"),
    "format": (lambda d: sousa.export(d, "new", 5), "unknown format 5"),
    "split": (lambda d: sousa.export(d, "new", "csv", split=5), "unknown split 5"),
    "decoder": (lambda d: sousa.load(d, decoder=5), "unknown decoder 5"),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_is_of_no_use_is_said_and_leaves_nothing(tiny, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    call, said = CALLS[name]
    with pytest.raises(UsageError) as caught:
        call(tiny)
    assert said in str(caught.value) and not list(tmp_path.iterdir())


def test_numbers_of_numpy_are_numbers(tiny, tmp_path):
    import numpy as np

    assert sousa.verify(tiny, rows=np.int64(2), seed=np.int32(1)) == 2


def test_builders_of_published_corpora_are_there_by_name():
    assert builders.FMA.NAME == "fma" and builders.SongDescriber.NAME == "song_describer"
    assert {"FMA", "MusicCaps", "Rudiments", "Unified"} <= set(dir(builders))
    info = builders.MusicCaps(data_dir=ROOT / "tests/data/captions/musiccaps", metadata_only=True).info
    assert "CC-BY-SA-4.0" in info.license and "agostinelli" in info.citation and "kaggle" in info.homepage
