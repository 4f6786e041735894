"""Encoders that learn with the heads, by low-rank adapters (LoRA) inside their frozen weights.

Conventions: an adapted side takes what its encoder takes, texts or windows of sound, in place of stored
vectors: of a sound one window of the part that a text is about, drawn anew in each epoch, while it is learnt;
all of them when it is measured. What is saved is the adapters alone, ``adapter_<side>.safetensors`` and its
JSON beside the heads: the encoder is loaded from where it was.

Source: E. J. Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, 2021.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from sousa.generation import extras, seeds
from sousa.generation.errors import RunError, UsageError, first_line, one_of
from sousa.generation.outside import is_file, read_json, require_small_header
from sousa.generation.storage import atomic_file
from sousa.training.audio import decode
from sousa.training.embedding import encoding, inputs, layout, windows
from sousa.training.embedding.inputs import Inputs
from sousa.training.models.model import load_weights, same_weights
from sousa.training.projection.model import ProjectionModel
from sousa.training.projection.pairs import Pairs
from sousa.training.projection.towers import tower_of

# the layers that are adapted, by model_type of transformers 5
_QUERY_VALUE = ("q_proj", "v_proj")
TARGETS: dict[str, tuple[str, ...] | dict[str, str]] = {
    "audio-spectrogram-transformer": _QUERY_VALUE,
    "hubert": _QUERY_VALUE,
    "whisper": _QUERY_VALUE,
    "wav2vec2-bert": ("linear_q", "linear_v"),
    "bert": ("query", "value"),
    "roberta": ("query", "value"),
    "xlm-roberta": ("query", "value"),
    "qwen3": ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    # both towers are in one model
    "clap": {"audio": r".*audio_model.*\.(query|value)", "text": r".*text_model.*\.(query|value)"},
}
_DROPOUT = 0.05
_ROWS = 64  # whose sounds are encoded together


class Adapted(nn.Module):
    """An encoder with adapters.

    Args:
        side: audio or text.
        tower: of :func:`sousa.training.projection.towers.tower_of`.
        rank: of the adapters.

    Raises: UsageError for an encoder whose layers are not known, or without peft.
    """

    def __init__(self, side: str, tower: Any, rank: int):
        super().__init__()
        try:
            from peft import LoraConfig, get_peft_model
        except ImportError as error:
            raise extras.missing("an adapter", error) from None
        holder = tower if hasattr(tower, "model") else getattr(tower, "features", tower)
        network = getattr(holder, "model", None)
        kind = getattr(getattr(network, "config", None), "model_type", None)
        if kind not in TARGETS:
            raise UsageError(f"no adapters are known for an encoder of type {one_of(str(kind), TARGETS)}")
        chosen = TARGETS[kind]
        targets = chosen[side] if isinstance(chosen, dict) else list(chosen)
        config = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=_DROPOUT, target_modules=targets)
        self.side, self.kind, self.rank = side, kind, rank
        holder.model = self.network = get_peft_model(network, config)
        self._tower = (tower,)  # it is no module, and holds this one's

    @property
    def tower(self) -> Any:
        """The encoder; its own call takes no gradients."""
        return self._tower[0]

    def forward(self, items: Sequence[Any]) -> torch.Tensor:
        """Vectors of texts or windows, with gradients: float32 (items, dim)."""
        if hasattr(self.tower, "features"):
            return self.tower.features(list(items), self.tower.sample_rate).float()
        return self.tower._encode(list(items)).float()

    def adapters(self) -> dict[str, torch.Tensor]:
        """The weights that are learnt, by name."""
        return {name: value for name, value in self.network.named_parameters() if value.requires_grad}


class AdaptedModel(nn.Module):
    """Heads, and an encoder with adapters under one of them, or under each.

    Args:
        sounds: of windows, where the encoder of sound is adapted.
    """

    def __init__(self, projection: ProjectionModel, towers: dict[str, Adapted], sounds: Any = None):
        super().__init__()
        self.projection, self.towers, self.sounds = projection, nn.ModuleDict(towers), sounds

    @property
    def config(self) -> Any:
        """Of the heads."""
        return self.projection.config

    def forward(self, **batch: Any) -> dict[str, torch.Tensor]:
        for side, tower in self.towers.items():
            batch[side] = tower(batch.pop(f"raw_{side}"))
        return self.projection(**batch)

    def project(self, side: str, vectors: np.ndarray) -> np.ndarray:
        """As of the heads."""
        return self.projection.project(side, vectors)

    def raw(self) -> dict[str, Any]:
        """What pairs have to give beside vectors, see :class:`sousa.training.projection.pairs.Pairs`."""
        sources = {"text": raw_texts, "audio": self.sounds}
        return {side: sources[side] for side in self.towers}

    @torch.inference_mode()
    def encoded(self, pairs: Pairs) -> Pairs:
        """Pairs whose texts, and sounds as wholes, are those of the encoders as they are now."""
        was_training = self.training
        self.eval()
        out: dict[str, np.ndarray] = {}
        if "text" in self.towers:
            unlike, numbers = np.unique(pairs.texts["text"].to_pylist(), return_inverse=True)
            out["text"] = self.towers["text"].tower(unlike.tolist())[numbers]
        if "audio" in self.towers:
            out["audio"] = np.array(pairs.audio, np.float32)
            out["audio"][pairs.whole] = self.sounds.means(self.towers["audio"].tower, pairs)
        self.train(was_training)
        return replace(pairs, **out)

    def adapters(self) -> list[nn.Parameter]:
        """All weights that are learnt besides the heads."""
        return [value for tower in self.towers.values() for value in tower.adapters().values()]

    def save_pretrained(self, directory: str | Path, *ignored: Any, **more: Any) -> None:
        """Write heads and adapters into a directory."""
        root = Path(directory)
        self.projection.save_pretrained(root)
        for side, tower in self.towers.items():
            state = {name: value.detach().cpu().contiguous() for name, value in tower.adapters().items()}
            about = {"rank": tower.rank, "model_type": tower.kind}
            with atomic_file(root / f"adapter_{side}.json") as file:
                file.write((json.dumps(about, indent=1) + "\n").encode())
            with atomic_file(root / f"adapter_{side}.safetensors") as file:
                file.write(save(state, {"format": "pt"}))

    def load_saved(self, directory: str | Path) -> None:
        """Take heads and adapters of a directory; a RunError when they are not exactly those there are."""
        root = Path(directory)
        load_weights(self.projection, root)
        if not same_weights(self.projection, root):
            raise RunError(f"the weights of {root} are not those in the model after loading")
        for side, tower in self.towers.items():
            path, own = root / f"adapter_{side}.safetensors", tower.adapters()
            try:
                require_small_header(path)
                state = load_file(path)
            except (OSError, SafetensorError) as error:
                raise RunError(f"{path} can't be read ({first_line(error)}); name another one") from None
            if {n: v.shape for n, v in state.items()} != {n: v.shape for n, v in own.items()}:
                raise RunError(f"{path} does not fit {tower.kind} with adapters of rank {tower.rank}")
            with torch.no_grad():
                for name, value in state.items():
                    own[name].copy_(value)


def saved_ranks(directory: str | Path) -> dict[str, int]:
    """The sides that a saved model has adapters of, with their ranks."""
    out = {}
    for side in ("audio", "text"):
        if is_file(path := Path(directory) / f"adapter_{side}.json"):
            try:
                out[side] = int(read_json(path)["rank"])
            except (OSError, ValueError, LookupError, TypeError) as error:
                raise RunError(f"{path} can't be read ({first_line(error)}); name another model") from None
    return out


def with_adapters(
    projection: ProjectionModel, ranks: dict[str, int], weights: dict[str, str | None], sounds: str | None,
    device: Any, batch_size: int = 32,
) -> AdaptedModel:  # fmt: skip
    """Heads with encoders that have new adapters.

    Args:
        ranks: of the adapters of each side that has some.
        weights: where those of its encoder are, None for their usual place.
        sounds: where sounds are, as :func:`sousa.training.embedding.inputs.of` takes it.

    Raises: UsageError or RunError as :func:`sousa.training.projection.towers.tower_of`.
    """
    towers, source = {}, None
    for side, rank in ranks.items():
        tower = tower_of(side, getattr(projection.config, side), weights.get(side), device, batch_size)
        towers[side] = Adapted(side, tower, rank)
        if side == "audio":
            if not sounds:
                raise UsageError("where the sounds are is not known; name the place with --sounds")
            source = Sounds(inputs.of(sounds), tower)
    return AdaptedModel(projection, towers, source)


def raw_texts(pairs: Pairs, texts: np.ndarray, epoch: int) -> list[str]:
    """Texts by number."""
    return pairs.texts["text"].take(texts).to_pylist()


class Sounds:
    """Windows of sounds, read from where they are.

    Args:
        rows: with their sounds.
        tower: the encoder, which says how long they are.
    """

    def __init__(self, rows: Inputs, tower: Any):
        self.inputs, self.rate = rows, int(tower.sample_rate)
        self.cut = float(tower.window_sec), float(tower.hop_sec)
        self._row = {name: i for i, name in enumerate(rows.table["sample_id"].to_pylist())}

    def row(self, name: str) -> int:
        """Where a sound is among the inputs."""
        if name not in self._row:
            raise RunError(f"{self.inputs.where} has no row {name}; name where its sounds are with --sounds")
        return self._row[name]

    def __call__(self, pairs: Pairs, texts: np.ndarray, epoch: int) -> list[np.ndarray]:
        """A window of the part that each text is about, drawn by (seed, epoch, sound)."""
        out = []
        for text in texts.tolist():
            name = pairs.rows["sample_id"][int(pairs.sound_of[text])].as_py()
            try:
                audio = decode(self.inputs.sound(self.row(name)), self.rate)[0]
            except (RuntimeError, TypeError, ValueError) as error:
                raise RunError(f"the sound of {name} can't be read: {first_line(error)}") from None
            spans = np.array(windows.spans(len(audio), self.rate, *self.cut))
            begin, end = (pairs.texts[side][text].as_py() for side in ("start_sec", "end_sec"))
            begin, end = (0.0 if begin is None else begin), (np.inf if end is None else end)
            about = spans[(spans[:, 1] > begin * self.rate) & (spans[:, 0] < end * self.rate)]
            about = about if len(about) else spans
            draw = seeds.stream(pairs.seed, "window", epoch, int(pairs.sound_of[text])).random()
            first, last = about[int(draw * len(about))]
            out.append(np.ascontiguousarray(audio[first:last], np.float32))
        return out

    def means(self, tower: Any, pairs: Pairs) -> np.ndarray:
        """Mean vectors of the windows of each sound: float32 (sounds, dim)."""
        names, out = pairs.rows["sample_id"].to_pylist(), []
        for first in range(0, len(names), _ROWS):
            some = names[first : first + _ROWS]
            rows = [self.row(name) for name in some]
            table, failures = encoding.embed_sounds(tower, "audio", self.inputs, rows, 1)
            if failures:
                raise RunError(f"the sound of {failures[0].sample_id} can't be heard: {failures[0].reason}")
            vectors, of = layout.vectors(table), np.array(table["sample_id"].to_pylist())
            out += [vectors[of == name].mean(0) for name in some]
        return np.stack(out)
