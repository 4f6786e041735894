"""MuQ and MuQ-MuLan, by their package ``muq``; the weights may not be used commercially.

MuQ-MuLan takes ten seconds at a time, and repeats a shorter sound from its beginning; windows are as long as
that, so there is nothing else that it would repeat or cut.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from sousa.builders.hub import remote
from sousa.generation.errors import RunError, UsageError, first_line
from sousa.generation.outside import is_directory
from sousa.training.embedding.towers import frozen, in_batches, weights_digest

WINDOW_SEC, SAMPLE_RATE = 10.0, 24000
_INSTALL = "install it with: pip install muq"


def _loaded(name: str, where: str, revision: str | None) -> Any:
    """A model of the package, all of whose weights are in its file."""
    try:
        import muq
    except ImportError as error:
        raise UsageError(f"{where} needs the package {error.name or 'muq'}; {_INSTALL}") from None
    kind: Any = getattr(muq, name)
    remote.check_environment(network=not is_directory(where))
    try:
        try:
            model = kind.from_pretrained(where, revision=revision, strict=True)
        except RuntimeError as error:  # of weights that do not fit: what is only too much does no harm
            if "Missing key" in str(error) or "size mismatch" in str(error):
                raise
            model = kind.from_pretrained(where, revision=revision)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise RunError(f"{where} can't be loaded: {first_line(error).rstrip('.:')}") from None
    for module in model.modules():
        if type(module).__name__ == "Wav2Vec2ConformerEncoder":
            tell_layers(module)
    return model


def tell_layers(encoder: torch.nn.Module) -> None:
    """Have an encoder of Wav2Vec2-Conformer give what its layers give, as ``hidden_states`` of its output.

    The package asks it for them, and since version 5 of ``transformers`` only a whole model gives them: what
    goes into each layer, then what leaves the last one.
    """
    states: list[torch.Tensor] = []

    def before(module: Any, inputs: Any, options: dict[str, Any]) -> None:
        states.append(inputs[0] if inputs else options["hidden_states"])

    def after(module: Any, inputs: Any, out: Any) -> Any:
        if out.get("hidden_states") is None:
            out["hidden_states"] = (*states, out["last_hidden_state"])
        states.clear()
        return out

    for layer in encoder.layers:
        layer.register_forward_pre_hook(before, with_kwargs=True)
    encoder.register_forward_hook(after)


class MuQ:
    """Sounds by MuQ.

    Args:
        where: directory, or a name on the Hub.
        revision: of the Hub.

    Raises: UsageError without the package; RunError when the weights can't be loaded, or some are missing; so
        do the others here.
    """

    window_sec = hop_sec = WINDOW_SEC
    sample_rate = SAMPLE_RATE

    def __init__(self, where: str, revision: str | None, device: Any, batch_size: int):
        self.model = frozen(_loaded("MuQ", where, revision), device)
        self.device, self.batch_size = device, batch_size
        self.dim = int(self.model.config.encoder_dim)

    def settings(self) -> dict[str, Any]:
        return {"digest": weights_digest(self.model), "pooling": "mean of frames of the last layer"}

    def __call__(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        return in_batches(windows, self.batch_size, self._encode)

    def _encode(self, windows: list[np.ndarray]) -> torch.Tensor:
        values = torch.from_numpy(np.stack(windows)).to(self.device)
        return self.model(values, output_hidden_states=False).last_hidden_state.mean(dim=1)


class MuLanAudio:
    """Sounds by MuQ-MuLan; arguments as of :class:`MuQ`."""

    def __init__(self, where: str, revision: str | None, device: Any, batch_size: int):
        self.model = frozen(_loaded("MuQMuLan", where, revision), device)
        self.device, self.batch_size = device, batch_size
        self.sample_rate, self.dim = int(self.model.sr), int(self.model.config.mulan["dim_latent"])
        self.window_sec = self.hop_sec = float(self.model.clip_secs)

    def settings(self) -> dict[str, Any]:
        return {"digest": weights_digest(self.model), "pooling": "the model's, normalised"}

    def __call__(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        return in_batches(windows, self.batch_size, self._encode)

    def _encode(self, windows: list[np.ndarray]) -> torch.Tensor:
        return self.model(wavs=torch.from_numpy(np.stack(windows)).to(self.device))


class MuLanText:
    """Texts by MuQ-MuLan, in the space of its sounds; arguments as of :class:`MuQ`."""

    def __init__(self, where: str, revision: str | None, device: Any, batch_size: int):
        self.model, self.batch_size = frozen(_loaded("MuQMuLan", where, revision), device), batch_size
        self.dim = int(self.model.config.mulan["dim_latent"])

    def settings(self) -> dict[str, Any]:
        return {"digest": weights_digest(self.model), "pooling": "the model's, normalised"}

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        return in_batches(texts, self.batch_size, lambda batch: self.model(texts=batch), alike=False)
