"""MERT as the HuBERT that it is, without the code that comes with its weights.

MERT-v1-95M has the layers of HuBERT under the same names, so ``HubertModel`` reads its weights; the code in
its repository is not run. That holds for the settings below alone: other ones are refused, and so are weights
of which a single one is missing, because ``transformers`` would fill it in at random. Weights in the format
of PyTorch are read without running what they may hold (``weights_only``).

A window's vector is the mean over time of the mean of what all transformer layers give.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from sousa.builders.hub import remote
from sousa.generation.errors import RunError, UsageError, first_line
from sousa.generation.outside import is_directory
from sousa.training.embedding.towers import frozen, in_batches, weights_digest

WINDOW_SEC = 10.0
# settings under which the network is HuBERT's, with what a missing one counts as
GUARD = {
    "model_type": ("mert_model", None), "feature_extractor_cqt": (False, False), "deepnorm": (False, False),
    "attention_relax": (-1.0, -1.0), "do_stable_layer_norm": (False, False),
    "feat_proj_layer_norm": (True, True),
}  # fmt: skip


class Mert:
    """Sounds by MERT.

    Args:
        where: directory with ``config.json``, ``preprocessor_config.json`` and weights, or a name on the Hub.
        revision: of the Hub.

    Raises: UsageError for a model of another kind; RunError when it can't be loaded or its weights are not
        complete.
    """

    window_sec = hop_sec = WINDOW_SEC

    def __init__(self, where: str, revision: str | None, device: Any, batch_size: int):
        from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

        remote.check_environment(network=not is_directory(where))
        try:
            settings, _ = HubertConfig.get_config_dict(where, revision=revision)
            refuse_others(where, settings)
            # without the names of MERT's own code and of its class
            known = {k: value for k, value in settings.items() if k not in ("auto_map", "model_type")}
            config = HubertConfig.from_dict(known)
            self.extractor = Wav2Vec2FeatureExtractor.from_pretrained(where, revision=revision)
            model, report = HubertModel.from_pretrained(
                where, config=config, revision=revision, output_loading_info=True, dtype=torch.float32
            )
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise RunError(f"{where} can't be loaded: {first_line(error).rstrip('.:')}") from None
        if lost := sorted({*report["missing_keys"], *map(str, report.get("mismatched_keys", ()))}):
            raise RunError(
                f"{where}: the weights lack {lost[0]} ({len(lost)} in all), which would be random; give a "
                "model whose weights are complete"
            )
        self.model, self.device, self.batch_size = frozen(model, device), device, batch_size
        self.sample_rate, self.dim = int(self.extractor.sampling_rate), int(config.hidden_size)

    def settings(self) -> dict[str, Any]:
        layers = self.model.config.num_hidden_layers
        return {"digest": weights_digest(self.model), "pooling": f"mean of layers 1 to {layers}, of frames"}

    def __call__(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        return in_batches(windows, self.batch_size, self._encode)

    def _encode(self, windows: list[np.ndarray]) -> torch.Tensor:
        inputs = self.extractor(windows, sampling_rate=self.sample_rate, return_tensors="pt")
        out = self.model(inputs["input_values"].to(self.device), output_hidden_states=True)
        return torch.stack(out.hidden_states[1:]).mean(dim=(0, 2))


def refuse_others(where: str, settings: dict[str, Any]) -> None:
    """Raise UsageError for a model whose settings make it another network than HuBERT."""
    wrong = [
        f"{name} is {value!r}, not {needed!r}"
        for name, (needed, usual) in GUARD.items()
        if (value := settings.get(name, usual)) != needed
    ]
    if wrong:
        raise UsageError(
            f"{where} is no MERT that can be read without its own code ({'; '.join(wrong)}), which is not "
            "run; give MERT-v1-95M, or another encoder"
        )
