"""Text and sound of rows that are made here, with combinations of attributes that no training row has.

    python benchmarks/captions/own_rows.py DIR [--audio musicnn] [--text minilm] [--rows 1]

Rudiments, piano pieces and textures are made, unified, embedded, and projected, each by its command. Rows of
the combinations in ``UNSEEN`` are taken out of training and validation; all of them are in the test split, as
corpora of their own, so that ranks are told for seen and unseen combinations, among all sounds of the test
split. Beside them are the regressions of ``ridge.py``. ``--rows 2`` makes twice as many rows.
Interrupted, the same command goes on.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOUSA = [sys.executable, str(ROOT / "sousa.py")]
# what the captions of a row say together
UNSEEN = {
    "rudiments": (r"\brolls?\b", r"\bin a concert hall\b"),
    "piano": (r"\bminor\b", r"\bin a garage\b"),
    "textures": (r"\bhigh-pitched\b", r"(?<!moderately )\bdense\b"),
}


def made(rows):
    """Commands that make the three datasets."""
    return {
        "rudiments": ["-p", 20 * rows, "-t", "1", "-a", "2", "--duration", "4"],
        "piano": ["-n", 500 * rows, "-a", "2", "--max-duration", "12"],
        "textures": ["--size", "medium" if rows > 1 else "small"],
    }


def is_unseen(entry):
    """Whether a row has the combination of its corpus."""
    said = " ".join([entry["caption"], *entry["alt_captions"]]).lower()
    return all(re.search(words, said) for words in UNSEEN[entry["dataset"]])


def set_apart(entries):
    """The same rows, those of unseen combinations as test rows of corpora of their own."""
    for entry in entries:
        if is_unseen(entry):
            entry |= {"split": "test", "dataset": f"{entry['dataset']}, unseen"}
    return entries


def run(*command):
    """Run a command; say how many CPU seconds it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([str(word) for word in command], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"-- {' '.join(map(str, command[2:5]))}: {spent:.0f} CPU-s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("dir", type=Path)
    parser.add_argument("--audio", default="musicnn", help="as sousa embed --encoders")
    parser.add_argument("--text", default="minilm", help="as sousa embed --text")
    parser.add_argument("--rows", type=int, default=1)
    options = parser.parse_args()
    raw, chosen, rows = (options.dir / name for name in ("raw", "chosen.json", "rows.json"))
    for corpus, words in made(options.rows).items():
        run(*SOUSA, "generate", corpus, *words, "-o", raw / corpus, "-w", 1, "--skip-validation", "-q")
    run(*SOUSA, "unify", "--root", raw, "-o", chosen, "-w", 1, "-q")
    entries = set_apart(json.loads(chosen.read_text()))
    rows.write_text(json.dumps(entries))
    for name, count in sorted(Counter((e["dataset"], e["split"]) for e in entries).items()):
        print(*name, count)
    vectors = options.dir / "vectors"
    towers = ("--encoders", options.audio, "--text", options.text)
    run(*SOUSA, "embed", "--dataset-file", rows, *towers, "-o", vectors, "-q")
    for audio in (word.partition("=")[0] for word in options.audio.split(",")):
        names = ("--audio-encoder", audio, "--text-encoder", options.text.partition("=")[0])
        model = options.dir / f"projection-{audio}"
        run(*SOUSA, "project", "--data-dir", vectors, *names, "--epochs", 60, "-o", model, "-q")
        run(sys.executable, ROOT / "benchmarks" / "captions" / "ridge.py", vectors, "--model", model, *names)


if __name__ == "__main__":
    main()
