"""A processor of logits for ``generate`` that leaves only what may follow: no invalid note can be written."""

import torch
from transformers import LogitsProcessor

from sousa.training.tokens.tokenizer import NoteTokenizer


class Grammar(LogitsProcessor):
    """Scores of tokens that a tokenizer does not allow are minus infinity."""

    def __init__(self, tokenizer: NoteTokenizer):
        self.tokenizer = tokenizer

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        return scores.masked_fill(~self.tokenizer.allowed(input_ids), float("-inf"))
