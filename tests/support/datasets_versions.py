"""What we write is read by stock ``datasets`` of several versions: directories, releases, streamed and not.

    .venv/bin/python tests/support/datasets_versions.py [--environments DIR] [--data DIR ...] [VERSION ...]

Makes an environment for each version (in DIR, where those that are there already are used, or in a temporary
folder), a small dataset of each corpus and a release of each, and reads every config of all of them with
every version. ``--data`` names datasets and releases to be read in place of new ones.

This file is also what each environment runs, so it imports only ``datasets`` and what that needs.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# the first that reads our lists of records, the last of each way of writing features, and what we require
VERSIONS = ("2.14.7", "3.6.0", "4.0.0", "4.5.0", "5.2.0")
# what old versions need of their time
PINS = {"2.14.7": ("pyarrow<16", "numpy<2", "huggingface_hub<0.24")}
SPACE = """
sounds:
  - {synth: pop, parameters: {rate_exp: {min: 0, max: 4, count: 4}, cf: {min: 220, max: 880, count: 3}}}
  - {synth: fm, parameters: {}}
sample_rate: 8000
duration_sec: 2
chunk_sec: 1
"""
SHORT = ("--duration", "1", "--sample-rate", "8000")
ASKED = {
    "rudiments": ("-p", "6", "-t", "1", "-a", "2", "--rudiments", "flam,five_stroke_roll", *SHORT),
    "textures": ("--configfile", "space.yaml"),
}


def run(*command, **options):
    """Run a command; ends this program where it fails."""
    subprocess.run([*map(str, command)], check=True, **options)


def environment(place, version):
    """The Python of an environment with a version of ``datasets``, made where it is not there."""
    python = place / version / "bin" / "python"
    ready = [str(python), "-c", "import datasets, soundfile"]
    if not python.exists() or subprocess.run(ready, capture_output=True).returncode:
        run(sys.executable, "-m", "venv", "--clear", place / version)
        # soundfile: some versions want it even where nothing is decoded
        wanted = [f"datasets=={version}", "soundfile", *PINS.get(version, ())]
        run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted)
    return python


def make(place):
    """A dataset of each corpus and its release; returns their directories."""
    sousa, roots = (sys.executable, ROOT / "sousa.py"), []
    (place / "space.yaml").write_text(SPACE)
    for corpus, options in ASKED.items():
        dataset, release = place / corpus, place / f"{corpus}-release"
        run(*sousa, "generate", corpus, *options, "-o", dataset, "-w", 1, "-q", cwd=place)
        run(*sousa, "release", dataset, "-o", release, "--version", "1.0.0", "-q")
        roots += [dataset, release]
    return roots


def check(root, cache):
    """Read every config of a directory, streamed and not, and compare all values with the Parquet files'."""
    import datasets
    import pyarrow.parquet as pq

    datasets.disable_progress_bar()  # the name that every version has
    files = sorted((Path(root) / "data").rglob("*.parquet"))
    stored = {row["sample_id"]: row for file in files for row in pq.ParquetFile(file).read().to_pylist()}
    configs, whole = datasets.get_dataset_config_names(str(root)), 0
    for config in configs:
        for streaming in (False, True):
            where = {} if streaming else {"cache_dir": cache}
            loaded = datasets.load_dataset(str(root), config, streaming=streaming, **where)
            ids = [name for split, part in loaded.items() for name in compare(part, split, stored)]
            assert ids and len(set(ids)) == len(ids), (config, streaming, len(ids))
            whole = max(whole, len(ids))
    assert whole == len(stored), f"{whole} of {len(stored)} rows are read"
    print(f"datasets {datasets.__version__}: {root}: {', '.join(configs)}: {whole} rows", flush=True)


def compare(part, split, stored):
    """Compare rows of a split with stored ones, classes by their numbers; returns the rows' names."""
    from datasets import Audio, ClassLabel

    classes = {name: kind for name, kind in part.features.items() if isinstance(kind, ClassLabel)}
    for name, kind in part.features.items():
        if isinstance(kind, Audio):
            part = part.cast_column(name, Audio(decode=False))
    names = []
    for row in part:
        wanted = stored[row["sample_id"]]
        assert wanted["split"] == split, (row["sample_id"], split)
        for name, value in row.items():
            if name in classes and value is not None:
                assert isinstance(value, int), (name, value)
                value = classes[name].int2str(value)
            expected = wanted[name]
            if name == "audio":  # some versions put the path of the Parquet file before that of the clip
                value, expected = value["bytes"], expected["bytes"]
            assert value == expected, (row["sample_id"], name)
        names.append(row["sample_id"])
    assert classes, "no column is a ClassLabel"
    return names


def main():
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "versions", nargs="*", default=VERSIONS, metavar="VERSION", help="default: %(default)s"
    )
    parser.add_argument("--environments", type=Path, help="folder of environments, kept (default: temporary)")
    parser.add_argument("--data", nargs="+", help="datasets and releases to read (default: new ones)")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        if options.check:
            for root in options.data:
                check(root, temporary)
            return
        place = Path(temporary)
        roots = options.data or make(place)
        hidden = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(place / "hf")}
        settings = {**os.environ, **hidden}
        settings.pop("PYTHONPATH", None)
        failed = []
        for version in options.versions:
            python = environment(options.environments or place, version)
            # elsewhere than in the checkout, whose folders must not be taken for packages
            command = [python, Path(__file__).resolve(), "--check", "--data", *map(os.path.abspath, roots)]
            if subprocess.run([*map(str, command)], cwd=place, env=settings).returncode:
                failed.append(version)
        if failed:
            sys.exit(f"datasets {', '.join(failed)} can't read them; see the lines above")


if __name__ == "__main__":
    main()
