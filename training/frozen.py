"""Frozen pretrained encoders: Wav2Vec2, HuBERT and the Audio Spectrogram Transformer (AST).

Conventions: a model is a directory that ``save_pretrained`` made or a name on the Hub, with its feature
extractor (``preprocessor_config.json``) and safetensors weights; other weights would be unpickled and are
refused, and so is code that comes with a model. It runs in eval mode without gradients; what it gives are
plain tensors that heads can be trained on.

A clip's features don't depend on the clips it is batched with. Wav2Vec2 and HuBERT are given attention
masks; those of them whose first layer normalises over time (``feat_extract_norm="group"``, the base models)
or that end in an adapter would mix padding in, so clips of different length never share a batch there. AST
always sees ``max_length`` spectrogram frames; tokens that begin after the clip's end are masked out.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import torch

from sousa.generation.errors import UsageError
from sousa.training.models.pretrained import fetch

MODELS = ("wav2vec2", "hubert", "audio-spectrogram-transformer")
_AST_WINDOW, _AST_STEP = 0.025, 0.010  # seconds; of the filter bank in its feature extractor


class FrozenFeatures:
    """Features of audio by a pretrained model.

    Args:
        path_or_name: directory, or name on the Hub such as ``facebook/wav2vec2-base-960h``.
        layer: 0 for what goes into the first transformer layer, 1 for what leaves it, …; -1 for the
            model's output, negative numbers counting from there.
        pooling: ``"mean"`` over time (AST: over tokens), or None for the whole sequence.
        batch_size: clips at once.
        revision, token: of the Hub.
        local_files_only: ask nothing of the network.

    Attributes:
        sample_rate: Hz of the audio it takes.
        dim: width of the features.
        num_layers, model_type: of the network.

    Raises: UsageError for other models, layers and poolings; RunError when it can't be loaded, or its weights
        are not complete.
    """

    def __init__(
        self, path_or_name: str | os.PathLike[str], layer: int = -1, pooling: str | None = "mean", *,
        device: str = "cpu", batch_size: int = 8, revision: str | None = None, token: str | None = None,
        local_files_only: bool = False,
    ):  # fmt: skip
        if pooling not in ("mean", None):
            raise UsageError(f"unknown pooling {pooling!r}; give 'mean', or None for the whole sequence")
        if batch_size < 1:
            raise UsageError(f"batch size {batch_size}; give 1 or more")
        self.name, self.layer, self.pooling = os.fspath(path_or_name), layer, pooling
        self.device, self.batch_size = torch.device(device), batch_size
        options = {"revision": revision, "token": token, "local_files_only": local_files_only}
        config, self.extractor, self.model = fetch(self.name, MODELS, use_safetensors=True, **options)
        self.model_type, self.num_layers = config.model_type, config.num_hidden_layers
        self.dim = config.hidden_size
        if self.model_type == MODELS[2]:  # time steps of its patches
            self._times = (config.max_length - config.patch_size) // config.time_stride + 1
        if not -self.num_layers - 1 <= layer <= self.num_layers:
            numbers = f"0 to {self.num_layers}, or -1 to {-self.num_layers - 1}"
            raise UsageError(f"{self.name} has no layer {layer}; give {numbers}")
        self._number = layer % (self.num_layers + 1)
        self._last = self._number == self.num_layers
        self.sample_rate = int(self.extractor.sampling_rate)
        self._groups = getattr(config, "feat_extract_norm", None) == "group"
        self._alike = self._groups or getattr(config, "add_adapter", False)
        self.model.eval().requires_grad_(False).to(self.device)

    @cached_property
    def _settings(self) -> dict[str, Any]:
        digest = hashlib.sha256()
        for name, values in sorted(self.model.state_dict().items()):
            digest.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
            digest.update(values.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        config = self.model.config.to_dict()
        config = {k: v for k, v in config.items() if k not in ("_name_or_path", "transformers_version")}
        digest.update(json.dumps(config, sort_keys=True, default=str).encode())
        extractor = self.extractor.to_dict().items()
        return {
            "kind": "frozen", "model": self.model_type, "digest": digest.hexdigest(),
            "layer": self._number, "pooling": self.pooling,
            "extractor": {k: v for k, v in extractor if isinstance(v, (str, int, float, bool, type(None)))},
        }  # fmt: skip

    def settings(self) -> dict[str, Any]:
        """What the features depend on, as plain data: the model by a digest, not by its name."""
        return self._settings

    def __call__(self, audio: Any, sample_rate: int, lengths: Any = None) -> Any:
        """Features of clips.

        Args:
            audio: list of float32 (samples,), or an array or tensor (batch, samples).
            sample_rate: Hz of the audio.
            lengths: samples of each clip that are not padding, for padded batches.

        Returns: float32 tensor on ``device``: [clips, dim] with pooling; else ``(features, mask)``,
            [clips, longest, dim] with zeros where padded, and bool [clips, longest].
        Raises: UsageError for another sample rate, and for clips that are too short or too long.
        """
        if sample_rate != self.sample_rate:
            raise UsageError(
                f"{self.name} takes audio at {self.sample_rate} Hz, not {sample_rate}; "
                f"open the rows with sample_rate={self.sample_rate}"
            )
        clips = [clip.detach().cpu() if isinstance(clip, torch.Tensor) else clip for clip in audio]
        clips = [np.asarray(clip, np.float32) for clip in clips]
        if lengths is not None:
            clips = [clip[: int(length)] for clip, length in zip(clips, lengths, strict=True)]
        counts = [self._steps(len(clip)) if clip.ndim == 1 else 0 for clip in clips]
        if not clips or min(counts) < 1:
            problem = "there are no clips"
            if clips:
                problem = f"clip {counts.index(0)} has shape {clips[counts.index(0)].shape}"
            raise UsageError(f"{problem}; give one channel, and enough samples for one step of {self.name}")
        features, masks = [None] * len(clips), [None] * len(clips)
        for batch in self._batches([len(clip) for clip in clips]):
            hidden = self._hidden([clips[i] for i in batch])
            mask = self._mask([counts[i] for i in batch], hidden.shape[1])
            hidden = torch.where(mask[..., None], hidden, 0)
            if self.pooling:
                hidden = hidden.sum(1) / mask.sum(1, keepdim=True)
            for k, i in enumerate(batch):
                features[i], masks[i] = hidden[k], mask[k]
        if self.pooling:
            return torch.stack(features)
        return tuple(torch.nn.utils.rnn.pad_sequence(part, batch_first=True) for part in (features, masks))

    def _batches(self, sizes: list[int]) -> Iterator[list[int]]:
        """Numbers of clips, batch by batch; those of like length together."""
        order = sorted(range(len(sizes)), key=sizes.__getitem__)
        while order:
            same = [i for i in order[: self.batch_size] if not self._alike or sizes[i] == sizes[order[0]]]
            yield same
            order = order[len(same) :]

    def _steps(self, size: int) -> int:
        """Steps of a clip of so many samples; of AST, the time steps of its patches."""
        if self.model_type != MODELS[2]:
            more = {"add_adapter": False} if self.model_type == MODELS[0] and not self._last else {}
            return max(int(self.model._get_feat_extract_output_lengths(torch.tensor(size), **more)), 0)
        most = self.extractor.max_length
        window, step = (round(part * self.sample_rate) for part in (_AST_WINDOW, _AST_STEP))
        frames = (size - window) // step + 1 if size >= window else 0
        if frames > most:
            longest = ((most - 1) * step + window) * 100 // self.sample_rate / 100
            raise UsageError(
                f"a clip of {size / self.sample_rate:.2f} s is too long for {self.name}; "
                f"open the rows with crop_sec={longest}"
            )
        return min(-(-frames // self.model.config.time_stride), self._times)

    def _mask(self, counts: list[int], size: int) -> torch.Tensor:
        steps, limits = torch.arange(size, device=self.device), torch.tensor(counts, device=self.device)
        if self.model_type != MODELS[2]:
            return steps < limits[:, None]
        # class and distillation token, then patches, times running fastest
        patches = steps[: size - 2] % self._times < limits[:, None]
        return torch.cat([torch.ones_like(patches[:, :2]), patches], dim=1)

    def _hidden(self, clips: list[np.ndarray]) -> torch.Tensor:
        """What the layer gives for a batch: [clips, steps, dim]."""
        padding = {} if self.model_type == MODELS[2] else {"padding": True, "return_attention_mask": True}
        inputs = self.extractor(clips, sampling_rate=self.sample_rate, return_tensors="pt", **padding)
        # those of group norm are not trained with masks, and there is nothing to mask
        unused = "attention_mask" if self._groups or not padding else ""
        inputs = {name: values.to(self.device) for name, values in inputs.items() if name != unused}
        # its weights take no gradients, but adapters inside it may
        out = self.model(**inputs, output_hidden_states=not self._last)
        return (out.last_hidden_state if self._last else out.hidden_states[self._number]).float()
