"""Notes as tokens, for a decoder to write: tokenizers, and a grammar that lets nothing else be written.

Conventions: see :mod:`sousa.training.tokens.tokenizer`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sousa.generation.errors import UsageError, one_of
from sousa.generation.outside import read_json
from sousa.training.tokens.events import EventTokenizer
from sousa.training.tokens.quadruples import QuadrupleTokenizer
from sousa.training.tokens.tokenizer import FILE, NoteTokenizer, TokenSizes

KINDS: dict[str, type[NoteTokenizer]] = {kind.kind: kind for kind in (QuadrupleTokenizer, EventTokenizer)}


def build(settings: Mapping[str, Any]) -> NoteTokenizer:
    """A tokenizer from plain data: its kind, and fields of a TokenSizes."""
    sizes = {name: value for name, value in settings.items() if name != "kind"}
    if (kind := settings.get("kind")) not in KINDS:
        raise UsageError(f"unknown tokenizer {one_of(str(kind), KINDS)}")
    return KINDS[kind](TokenSizes(**sizes))


def from_pretrained(directory: str | Path) -> NoteTokenizer:
    """The tokenizer that ``save_pretrained`` wrote into a directory; a UsageError when there is none."""
    path = Path(directory) / FILE
    try:
        return build(read_json(path))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} can't be read as a tokenizer ({error}); name another directory") from None
