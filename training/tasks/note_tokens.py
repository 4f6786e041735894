"""The notes of a clip as tokens, which a decoder writes.

Conventions: tokens and segments are those of :mod:`sousa.training.tokens.tokenizer`. Labels of a clip are
int64 (segments, ``max_tokens``), -100 after the last token of each. An output is scores of tokens where a
label is given, (clips * segments, tokens, vocabulary), else tokens, int64 (clips, segments, tokens). Columns
of predictions are those of a target of notes.
"""

import math
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from sousa.training import tokens
from sousa.training.tasks.note_rolls import NoteList
from sousa.training.tasks.notes import KEY, NotesTarget
from sousa.training.tasks.targets import Columns, Fields, Row, Target
from sousa.training.tokens import NoteTokenizer, TokenSizes

_IGNORED = -100


@cache
def _tokenizer(kind: str, sizes: TokenSizes) -> NoteTokenizer:
    return tokens.KINDS[kind](sizes)


@dataclass
class NoteTokensTarget(Target):
    """Target that a decoder writes; see the module's conventions.

    Args:
        name: of its columns of predictions.
        notes: settings of the NotesTarget of the same column, whose rolls the decoder reads.
        decoder: settings of a DecoderConfig.
        max_sec: length of a clip; the model sets it.
    """

    name: str
    notes: dict[str, Any]
    decoder: dict[str, Any]
    weight: float = 1.0
    max_sec: float = 0.0

    kind, level = "note_tokens", "tokens"

    @property
    def rolls(self) -> NotesTarget:
        """The target of notes whose rolls the decoder reads."""
        return NotesTarget(**self.notes)

    @property
    def tokenizer(self) -> NoteTokenizer:
        sizes = {name: self.decoder[name] for name in TokenSizes.model_fields}
        return _tokenizer(self.decoder["tokenizer"], TokenSizes(**sizes))

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(name for name in self.rolls.columns if name.startswith(f"{self.rolls.name}."))

    def label(self, row: Row, num_frames: int | None, frame_sec: float | None) -> Any:
        tokenizer = self.tokenizer
        segments = tokenizer.encode(self.heard(row), tokenizer.num_segments(self.max_sec))
        out = np.full((len(segments), tokenizer.sizes.max_tokens), _IGNORED, np.int64)
        for ids, segment in zip(out, segments, strict=True):
            ids[: len(segment)] = segment
        return out

    def heard(self, row: Row) -> np.ndarray:
        """Notes that sound in a clip, as tokenizers take them; some begin before it."""
        rolls, rows = self.rolls, row[self.rolls.name]
        onset, end = (
            (rows[field] - row["start_sample"]) / row["file_rate"]
            for field in (rolls.onset, rolls.key_up if rolls.offset == KEY else rolls.end)
        )
        notes = np.stack([onset, end, rows[rolls.pitch], rows[rolls.velocity]], axis=1)
        return notes[(onset < self.max_sec) & (end > 0)]

    def truth(self, row: Row, max_sec: float) -> list[dict[str, Any]]:
        """The notes of a row as annotated that begin in the clip, in the form of predictions."""
        return self.rolls.truth(row, max_sec)

    def loss(self, output: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        label = label.flatten(0, 1)[:, 1 : 1 + output.shape[1]]
        return F.cross_entropy(output.float().flatten(0, 1), label.flatten(), ignore_index=_IGNORED)

    def predictions(self, output, label, lengths, frame_sec, meta=None) -> Columns:
        ids, tokenizer = output.cpu().numpy(), self.tokenizer
        if any(tokenizer.is_full(segment) for clip in ids for segment in clip):
            # the same words each time, so that they are said once
            warnings.warn(
                f"{self.name}: some segments have as many tokens as there is room for, {ids.shape[2]}, and "
                "may lack notes; train longer, or raise decoder.max_tokens",
                stacklevel=2,
            )
        return {f"pred_{self.name}": [self.decode(*clip) for clip in zip(ids, lengths, strict=True)]}

    def decode(self, ids: np.ndarray, length_sec: float = math.inf) -> list[dict[str, Any]]:
        """Notes out of a clip's tokens, as records; those that begin after its end are left out."""
        notes = self.tokenizer.decode(ids)
        notes = notes[notes[:, 0] < length_sec]
        ends = np.maximum(np.minimum(notes[:, 1], length_sec), notes[:, 0] + self.tokenizer.sizes.step_sec)
        return NoteList(notes[:, 0], ends, *notes[:, 2:].T.astype(np.int64)).records()

    def fields(self) -> Fields:
        return [(name.replace(self.rolls.name, self.name), kind) for name, kind in self.rolls.fields()[:2]]

    def about(self) -> dict[str, Any]:
        # reports measure them as they do other notes
        return {**self.rolls.about(), "name": self.name, "pedal": ""}
