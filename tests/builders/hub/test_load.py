"""``sousa.load`` and its decoder: on any machine, with and without torchcodec and FFmpeg."""

import io
import json
import shutil
import subprocess
import sys

import datasets
import numpy as np
import pytest
import soundfile

import sousa
from sousa.builders.audio import SoundfileAudio, torchcodec_works
from sousa.generation.audio import encode
from sousa.generation.errors import RunError, UsageError
from sousa.generation.manifest import sealed
from tests.conftest import ROOT
from tests.support.releases import release

datasets.disable_progress_bars()
PLAIN = datasets.Audio(decode=False)


@pytest.fixture(scope="module")
def made(tiny, tmp_path_factory):
    return release(tiny, tmp_path_factory.mktemp("load") / "r")


def test_soundfile_gives_the_stored_samples_mapped_filtered_and_streamed(made, tmp_path):
    cache = {"cache_dir": str(tmp_path), "decoder": "soundfile"}
    part = sousa.load(made, "custom", split="train", **cache)
    raw = part.cast_column("audio", PLAIN)
    for row, stored in zip(part, raw, strict=True):
        pcm, rate = encode.decode(stored["audio"]["bytes"])
        audio = row["audio"]
        assert audio["array"].dtype == np.float32 and audio["sampling_rate"] == rate
        assert np.array_equal(np.rint(audio["array"] * 32768), pcm[:, 0])
    counted = part.map(lambda row: {"peak": float(np.abs(row["audio"]["array"]).max())})
    assert [row["audio"]["array"].tolist() for row in counted] == [r["audio"]["array"].tolist() for r in part]
    kept = counted.filter(lambda row: row["peak"] > 0 and row["audio"]["sampling_rate"] == 44100)
    assert len(kept) == len(part) and isinstance(kept.features["audio"], datasets.Audio)
    stream = sousa.load(made, "custom", split="train", streaming=True, decoder="soundfile")
    assert isinstance(stream, datasets.IterableDataset)
    assert [r["audio"]["array"].tolist() for r in stream] == [r["audio"]["array"].tolist() for r in part]


def test_a_dataset_that_was_made_anew_is_not_taken_from_the_cache(tmp_path):
    """datasets knows a directory by its name and its card alone: other rows have to have another card."""
    place, cache = tmp_path / "dataset", str(tmp_path / "cache")
    for tempos, names in ((1, ["flam"]), (1, ["drag"]), (1, ["flam", "drag"])):
        shutil.rmtree(place, ignore_errors=True)
        sousa.generate("rudiments", place, profiles=1, tempos=tempos, rudiments=names, check=False)
        for load in (datasets.load_dataset, sousa.load):
            (rows,) = load(str(place), cache_dir=cache).values()
            slugs = rows.features["rudiment_slug"].int2str(list(rows["rudiment_slug"]))
            assert sorted(slugs) == sorted(names)


def test_a_changed_array_is_what_is_stored(made, tmp_path):
    part = sousa.load(made, "custom", split="train", decoder="soundfile", cache_dir=str(tmp_path))

    def halved(row):
        row["audio"]["array"] = row["audio"]["array"] * 0.5
        return row

    quiet = part.map(halved)
    assert np.abs(quiet[0]["audio"]["array"] - part[0]["audio"]["array"] * 0.5).max() <= 2.0**-23
    quiet.save_to_disk(tmp_path / "saved")
    saved = datasets.load_from_disk(tmp_path / "saved")
    assert type(saved.features["audio"]) is datasets.Audio
    data = saved.cast_column("audio", PLAIN)[0]["audio"]["bytes"]
    assert soundfile.info(io.BytesIO(data)).subtype == "PCM_24"


def test_a_list_of_splits_is_a_list_of_datasets(made, tmp_path):
    one, two = sousa.load(
        made, split=["train[:1]", "validation"], cache_dir=str(tmp_path), decoder="soundfile"
    )
    assert len(one) == 1 and two[0]["audio"]["array"].ndim == 1


@pytest.mark.parametrize("split, rows", [("train[:1]", 1), ("train+validation", 9), ("all", 9), (None, None)])
def test_splits_as_stock(made, tmp_path, split, rows):
    loaded = sousa.load(made, split=split, cache_dir=str(tmp_path))
    if split is None:
        assert {name: len(part) for name, part in loaded.items()} == {
            name: len(part)
            for name, part in datasets.load_dataset(str(made), cache_dir=str(tmp_path)).items()
        }
    else:
        assert len(loaded) == rows and isinstance(loaded, datasets.Dataset)


def test_stereo_keeps_its_channels_and_rates_are_honoured():
    rng = np.random.default_rng(1)
    stereo = np.round(rng.uniform(-0.5, 0.5, (4410, 2)) * 32768) / 32768
    out = io.BytesIO()
    soundfile.write(out, stereo, 44100, format="FLAC", subtype="PCM_16")
    value = {"bytes": out.getvalue(), "path": None}
    assert np.array_equal(SoundfileAudio().decode_example(value)["array"], stereo.T.astype(np.float32))
    mono = SoundfileAudio(num_channels=1).decode_example(value)["array"]
    assert np.allclose(mono, stereo.mean(axis=1), atol=1e-7)
    half = SoundfileAudio(sampling_rate=22050, num_channels=1).decode_example(value)
    assert half["array"].shape == (2205,) and half["sampling_rate"] == 22050
    assert (
        SoundfileAudio().encode_example({"array": stereo.T, "sampling_rate": 44100, "path": "a"})["path"]
        == "a"
    )
    with pytest.raises(ValueError, match="neither bytes nor a path"):
        SoundfileAudio().decode_example({"bytes": None, "path": None})


WITHOUT = """
import json, sys
from importlib.machinery import PathFinder
class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        hidden = name.split(".")[0] in ("torch", "torchcodec", "torchaudio", "tensorflow", "jax")
        return None if hidden else super().find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = Without
sys.path.insert(0, {root!r})
import datasets, numpy as np, sousa
datasets.disable_progress_bars()
status = sousa.main(["release", {dataset!r}, "-o", {output!r}, "--version", "1.0.0", "-q", "-w", "1"])
part = sousa.load({output!r}, split="train")
whole = datasets.load_dataset({output!r}, split="train").cast_column("audio", datasets.Audio(decode=False))
stream = next(iter(sousa.load({output!r}, split="train", streaming=True)))
from sousa.builders.unified import Unified
unified = Unified(config_name="custom", data_dir={dataset!r})
unified.download_and_prepare()
print(json.dumps({{
    "status": status, "peak": float(np.abs(part[0]["audio"]["array"]).max()), "rows": len(whole),
    "first": whole[0]["audio"]["bytes"][:4].decode(), "stream": len(stream["audio"]["array"]),
    "unified": len(unified.as_dataset(split="train")),
}}))
"""


def test_everything_works_without_torch_torchcodec_and_ffmpeg(tiny, tmp_path):
    script = WITHOUT.format(root=str(ROOT), dataset=str(tiny), output=str(tmp_path / "r"))
    environment = {
        "PATH": "/nonexistent",
        "HOME": str(tmp_path),
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["status"] == 0 and 0.01 < said["peak"] <= 1 and said["first"] == "fLaC"
    assert said["rows"] == said["unified"] > 0 and said["stream"] > 44100


def test_with_torchcodec_both_decoders_agree(made, tmp_path):
    if not torchcodec_works():
        with pytest.raises(UsageError, match="torchcodec does not work here"):
            sousa.load(made, decoder="torchcodec")
        return
    cache = {"cache_dir": str(tmp_path), "split": "train"}
    ours, stock = sousa.load(made, decoder="soundfile", **cache), sousa.load(made, **cache)
    assert type(stock.features["audio"]) is datasets.Audio
    for a, b in zip(ours, stock, strict=True):
        assert np.array_equal(a["audio"]["array"], b["audio"]["array"])
        assert a["audio"]["sampling_rate"] == b["audio"]["sampling_rate"]
        assert b["audio"].get_all_samples().data.shape == (1, len(a["audio"]["array"]))


def test_unknown_names_are_said(made):
    with pytest.raises(UsageError, match="a path is empty"):
        sousa.load("")
    for path in ("./nothing", "org/../x", "a/b/c"):
        with pytest.raises(UsageError, match="neither a directory here nor a dataset on the Hub"):
            sousa.load(path)
    with pytest.raises(UsageError, match="which has no revisions"):
        sousa.load(made, revision="v1.0.0")
    with pytest.raises(UsageError, match="no config 'small'"):
        sousa.load(made, "small")
    with pytest.raises(UsageError, match="no split 'dev'"):
        sousa.load(made, split="dev")
    with pytest.raises(UsageError, match="unknown decoder 'ffmpeg'"):
        sousa.load(made, decoder="ffmpeg")


def test_what_is_unfinished_is_refused(made, tiny, tmp_path):
    for source, says in ((tiny, "is unfinished .*sousa generate"), (made, "is an unfinished release")):
        root = shutil.copytree(source, tmp_path / source.name)
        hidden = root / ".unfinished"
        hidden.mkdir()
        manifest = json.loads((root / "manifest.json").read_text())
        (root / "manifest.json").unlink()
        if source is tiny:
            (hidden / "manifest.json").write_text(json.dumps(sealed(manifest | {"complete": False})))
        else:
            (hidden / "release.json").write_text("1")
        with pytest.raises(RunError, match=says):
            sousa.load(root)


def test_a_name_that_is_nearly_a_directory_here_is_not_looked_for_on_the_hub(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path / "output" / "dataset")
    monkeypatch.chdir(tmp_path)
    for name in ("output/dataste", "outptu/dataset", "./output/dataste"):
        with pytest.raises(UsageError, match=r"\(did you mean output/dataset\?\)"):
            sousa.load(name)
    with pytest.raises(RunError, match="main is not in the cache"):
        sousa.load("output/dataste", revision="main")
    with pytest.raises(RunError, match="main is not in the cache"):
        sousa.load("org/something-else")
