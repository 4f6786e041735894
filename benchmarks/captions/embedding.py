"""How fast encoders are on one core: seconds of sound in a second of CPU time, and texts.

    python -m benchmarks.captions.embedding --encoders musicnn,ast=PATH --text minilm

Without encoders, those whose weights come inside packages are measured, and every architecture of the others
with random weights in its published size: the time does not hang on the values of weights. Of each the
decoding and resampling of an MP3 of 44.1 kHz and two channels is measured apart.
"""

import argparse
import io
import os
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import soundfile
import torch

from sousa.generation.commandline import names
from sousa.generation.errors import SousaError
from sousa.training.audio import decode
from sousa.training.embedding import encoders, windows
from sousa.training.embedding.layout import AUDIO, TEXT

SECONDS, RATE = 30.0, 44100
TEXTS = [f"a calm piece of music with a solo instrument and light percussion, number {i}" for i in range(64)]


def published(folder: Path) -> list[str]:
    """Save encoders of published sizes with random weights; returns words for ``--encoders``."""
    import transformers as hf

    def save(name: str, model: object, extractor: object) -> str:
        place = folder / name
        model.save_pretrained(place)  # type: ignore[attr-defined]
        extractor.save_pretrained(place)  # type: ignore[attr-defined]
        return f"{name}={place}"

    # of larger_clap_music, AST, whisper-base, w2v-bert-2.0 with a quarter of its layers, and MERT-v1-95M
    clap = hf.ClapConfig(audio_config={"patch_embeds_hidden_size": 128, "hidden_size": 1024})
    bert = hf.Wav2Vec2BertConfig(num_hidden_layers=6, add_adapter=False)
    base = hf.WhisperConfig(
        d_model=512, encoder_layers=6, decoder_layers=1, encoder_attention_heads=8, decoder_attention_heads=8,
        encoder_ffn_dim=2048, decoder_ffn_dim=2048,
    )  # fmt: skip
    words = [
        save("clap", hf.ClapModel(clap), hf.ClapFeatureExtractor(truncation="rand_trunc")),
        save("ast", hf.ASTModel(hf.ASTConfig()), hf.ASTFeatureExtractor()),
        save("whisper", hf.WhisperModel(base), hf.WhisperFeatureExtractor()),
        save("w2v_bert", hf.Wav2Vec2BertModel(bert), hf.SeamlessM4TFeatureExtractor(stride=2)),
        save("mert", hf.HubertModel(hf.HubertConfig(feat_extract_norm="layer", do_stable_layer_norm=False)),
             hf.Wav2Vec2FeatureExtractor(sampling_rate=24000)),
    ]  # fmt: skip
    config = folder / "mert" / "config.json"
    config.write_text(config.read_text().replace('"hubert"', '"mert_model"'))
    return words


def of_sound(word: str, seconds: float) -> str:
    """A line of the table: an encoder of sound."""
    asked = encoders.asked_for(AUDIO, [word])[0]
    tower, about = encoders.load(asked, torch.device("cpu"), 4)
    audio = np.random.default_rng(0).normal(0, 0.1, round(seconds * tower.sample_rate)).astype(np.float32)
    cuts = windows.spans(len(audio), tower.sample_rate, tower.window_sec, tower.hop_sec)
    clips = [audio[start:stop] for start, stop in cuts]
    tower(clips[:1])
    begin = time.process_time()
    tower(clips)
    spent = time.process_time() - begin
    heard = sum(map(len, clips)) / tower.sample_rate
    whole = f"{tower.window_sec:g} s at {tower.sample_rate / 1000:g} kHz"
    return f"| {asked.name} | {whole} | {about['dim']} | {heard / spent:.1f} | {10 * spent / heard:.2f} |"


def of_text(word: str) -> str:
    """A line of the table: an encoder of text."""
    asked = encoders.asked_for(TEXT, [word])[0]
    tower, about = encoders.load(asked, torch.device("cpu"), 64)
    tower(TEXTS[:2])
    begin = time.process_time()
    tower(TEXTS)
    spent = (time.process_time() - begin) / len(TEXTS)
    return f"| {asked.name} | | {about['dim']} | {1 / spent:.0f} texts | {1000 * spent:.2f} ms a text |"


def decoding(rate: int) -> str:
    """A line: reading an MP3."""
    sound = np.random.default_rng(0).normal(0, 0.1, (round(SECONDS * RATE), 2))
    soundfile.write(file := io.BytesIO(), sound, RATE, format="MP3")
    begin = time.process_time()
    decode(file.getvalue(), rate)
    spent = time.process_time() - begin
    return f"| reading MP3 to {rate / 1000:g} kHz | | | {SECONDS / spent:.0f} | {10 * spent / SECONDS:.3f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--encoders", type=names)
    parser.add_argument("--text", type=names)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("| encoder | window | dim | seconds of sound a CPU second | CPU seconds for 10 s |")
    print("|---|---|---|---|---|")
    for rate in (16000, 48000):
        print(decoding(rate), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        chosen = arguments.encoders, arguments.text
        sounds, texts = ["musicnn", *published(Path(folder))], ["minilm"]
        if any(words is not None for words in chosen):
            sounds, texts = ((words or []) for words in chosen)
        for words, measured in ((sounds, lambda w: of_sound(w, arguments.seconds)), (texts, of_text)):
            for word in words:
                try:
                    print(measured(word), flush=True)
                except SousaError as error:
                    print(f"| {word.partition('=')[0]} | {error} | | | |", flush=True)


if __name__ == "__main__":
    main()
