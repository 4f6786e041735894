"""CLAP: sound and text in one space, by ``transformers``.

Its feature extractor takes a part of ten seconds at random from whatever is longer; windows are cut to ten
seconds before it sees them, so nothing is random. A sound that is shorter is repeated and then filled up, as
the model was trained. What the model gives is projected and of length 1.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sousa.training.embedding.towers import frozen, in_batches, weights_digest
from sousa.training.models.pretrained import fetch


class ClapAudio:
    """Sounds by CLAP.

    Args:
        where: directory that ``save_pretrained`` made, or a name on the Hub.
        revision: of the Hub.

    Raises: UsageError or RunError as :func:`sousa.training.models.pretrained.fetch`.
    """

    def __init__(self, where: str, revision: str | None, device: Any, batch_size: int):
        _, self.extractor, model = fetch(where, ("clap",), revision=revision)
        self.model, self.device, self.batch_size = frozen(model, device), device, batch_size
        self.sample_rate, self.dim = int(self.extractor.sampling_rate), int(model.config.projection_dim)
        self.window_sec = self.hop_sec = self.extractor.nb_max_samples / self.sample_rate
        # of sounds up to a window both give the same, and this is what the model has an input for
        fusion = bool(model.config.audio_config.enable_fusion)
        self._truncation = "fusion" if fusion else "rand_trunc"

    def settings(self) -> dict[str, Any]:
        return {"digest": weights_digest(self.model), "pooling": "the model's, normalised"}

    def __call__(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        return in_batches(windows, self.batch_size, self._encode, alike=False)

    def _encode(self, windows: list[np.ndarray]) -> Any:
        inputs = self.extractor(
            windows, sampling_rate=self.sample_rate, truncation=self._truncation, padding="repeatpad",
            return_tensors="pt",
        )  # fmt: skip
        inputs = {name: values.to(self.device) for name, values in inputs.items()}
        return self.model.get_audio_features(**inputs).pooler_output


class ClapText:
    """Texts by CLAP, in the space of its sounds; arguments as of :class:`ClapAudio`."""

    def __init__(self, where: str, revision: str | None, device: Any, batch_size: int):
        from transformers import AutoTokenizer

        _, _, model = fetch(where, ("clap",), revision=revision)
        self.tokenizer = AutoTokenizer.from_pretrained(where, revision=revision)
        self.model, self.device, self.batch_size = frozen(model, device), device, batch_size
        self.dim = int(model.config.projection_dim)
        # the two numbers of padding before the first position take room of RoBERTa's table
        text = model.config.text_config
        self._longest = text.max_position_embeddings - text.pad_token_id - 1

    def settings(self) -> dict[str, Any]:
        return {"digest": weights_digest(self.model), "pooling": "the model's, normalised"}

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        return in_batches(texts, self.batch_size, self._encode, alike=False)

    def _encode(self, texts: list[str]) -> Any:
        inputs = self.tokenizer(
            texts, padding=True, truncation=True, max_length=self._longest, return_tensors="pt"
        ).to(self.device)
        return self.model.get_text_features(
            input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]
        ).pooler_output
