"""What regressions find, beside a model: ``python benchmarks/captions/ridge.py EMBEDDINGS --model RUN``.

Ridge from texts to sounds in closed form, for four pairs of features: sounds are the mean and deviation of a
log-mel spectrogram, or the vectors of an encoder; texts are the words they have, or the vectors of an
encoder. Ranks are those of ``sousa project``, over the test split, whole and by corpus.
"""

import argparse
import re
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torchaudio

from sousa.training.audio import decode
from sousa.training.embedding import inputs as sources
from sousa.training.embedding.layout import AUDIO, TEXT, Embeddings
from sousa.training.projection import pairs, ranking, ridge
from sousa.training.projection.model import load
from sousa.training.report.measure import measure, opened

RATE, MELS, WORDS = 16000, 96, 2000


def log_mel(sounds, names):
    """Mean and deviation of each band over time: float32 (sounds, 2 * MELS)."""
    mel = torchaudio.transforms.MelSpectrogram(RATE, 1024, hop_length=256, n_mels=MELS)
    out = []
    for name in names:
        audio = decode(sounds.sound(name), RATE)[0]
        levels = torch.log10(1 + 10_000 * mel(torch.from_numpy(np.ascontiguousarray(audio, np.float32))))
        out.append(torch.cat([levels.mean(1), levels.std(1)]).numpy())
    return np.stack(out)


def words(text):
    return re.findall(r"\w+", text.lower())


def bag(texts, vocabulary):
    out = np.zeros((len(texts), len(vocabulary)), np.float32)
    place = {word: i for i, word in enumerate(vocabulary)}
    for line, text in zip(out, texts, strict=True):
        for word in words(text):
            if word in place:
                line[place[word]] = 1
    return out


def shown(name, table):
    metrics = measure(*opened(table))
    for part in ("", *next(iter(metrics["targets"].values()))["by"].get("dataset", {})):
        cells = []
        for target in metrics["targets"].values():
            figures = target["by"]["dataset"][part] if part else target
            for key in ("recall_at_1", "hit_at_1", "recall_at_10"):
                cells.append("{value:.3f} ({low:.3f}-{high:.3f})".format(**figures["metrics"][key]))
        print(f"| {name} | {part or 'all'} | {' | '.join(cells)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data")
    parser.add_argument("--model", action="append", default=[], help="a run of 'sousa project' to put beside")
    parser.add_argument("--audio-encoder")
    parser.add_argument("--text-encoder")
    parser.add_argument("--sounds", help="where the sounds are (default: where they were embedded)")
    options = parser.parse_args()
    embeddings = Embeddings(options.data)
    encoders = (options.audio_encoder or embeddings.names(AUDIO)[0],
                options.text_encoder or embeddings.names(TEXT)[0])  # fmt: skip
    read = [pairs.read(embeddings, *encoders, split) for split in ("train", "validation", "test")]
    inputs = sources.of(options.sounds or embeddings.manifest["source"])
    rows = {name: i for i, name in enumerate(inputs.table["sample_id"].to_pylist())}
    sounds = type("Sounds", (), {"sound": staticmethod(lambda name: inputs.sound(rows[name]))})
    counts = Counter(word for text in read[0].texts["text"].to_pylist() for word in set(words(text)))
    vocabulary = [word for word, _ in counts.most_common(WORDS)]
    begin = time.process_time()
    # the log-mel of all of a sound, whatever part a text is about
    heard = [log_mel(sounds, split.rows["sample_id"].to_pylist()) for split in read]
    print(
        f"log-mel: {time.process_time() - begin:.0f} CPU-s; {len(vocabulary)} words; test: "
        f"{len(read[2]):,} sounds, {len(read[2].text):,} texts, {len(set(read[2].words_of)):,} different"
    )
    head = [f"{direction} {key}" for direction in ("t2a", "a2t") for key in ("R@1", "hit@1", "R@10")]
    print(f"| system | rows | {' | '.join(head)} |\n|{' --- |' * (len(head) + 2)}")
    for sound_name in ("log-mel", encoders[0]):
        for text_name in ("words", encoders[1]):
            split_of = []
            for split, mel in zip(read, heard, strict=True):
                if sound_name == "log-mel":
                    numbers = {"audio": mel, "whole": np.arange(len(mel)), "part_of": split.sound_of}
                    split = replace(split, **numbers)
                if text_name == "words":
                    split = replace(split, text=bag(split.texts["text"].to_pylist(), vocabulary))
                split_of.append(split)
            fit = ridge.fitted(*split_of[:2])
            shown(f"ridge, {text_name} to {sound_name}", ranking.table(split_of[2], fit(split_of[2])))
    for run in options.model:
        table = ranking.table(read[2], ranking.by_model(load(run), read[2]))
        shown(f"sousa project, {Path(run).name}", table)


if __name__ == "__main__":
    main()
