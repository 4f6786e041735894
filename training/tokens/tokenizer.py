"""What tokenizers of notes share: the vocabulary, the grid of time, and saving.

Conventions
-----------
Notes are float64 (n, 4): onset and end in seconds, pitch (MIDI note number) and velocity (1-127), in order of
onset, then pitch; of one pitch no two sound at once. Time is cut into segments of ``segment_sec``, and a note
belongs to the segment in which it begins. Token ids are int64; a segment's are BOS, those of its notes, EOS.
Times in tokens count steps of ``step_sec`` from the beginning of the segment.

What tokens keep: pitch; the onset to half a step; the velocity to half the distance of two of its values; the
end as each tokenizer says. Of two notes of one pitch whose onsets are the same step the later end is kept,
and a note ends at the latest where its pitch begins again.

The interface is that of a tokenizer of ``transformers`` as far as notes are like text: ``encode``,
``decode``, ``get_vocab``, ``convert_ids_to_tokens``, ``pad_token_id``, ``save_pretrained`` and so on.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import ConfigDict, model_validator

from sousa.generation.errors import UsageError
from sousa.generation.models import Model, Number, Whole
from sousa.generation.options import option
from sousa.generation.storage import write_json

FILE = "note_tokenizer.json"
PAD, BOS, EOS = range(3)
SPECIAL = ("<pad>", "<bos>", "<eos>")


class TokenSizes(Model):
    """Sizes of a vocabulary of notes."""

    model_config = ConfigDict(frozen=True)

    segment_sec: Number = option(4.0, "length of the segments that are written one by one, s", ge=0.1, le=60)
    step_sec: Number = option(0.01, "resolution of times, s", ge=0.001, le=0.1)
    lowest_pitch: Whole = option(21, "MIDI note number", ge=0, le=127)
    highest_pitch: Whole = option(108, "MIDI note number", ge=0, le=127)
    velocity_bins: Whole = option(32, "values that velocities are rounded to", ge=1, le=127)
    duration_ratio: Number = option(
        1.03, "of neighbouring durations, where they differ by more than a step", ge=1.001, le=2
    )
    longest_sec: Number = option(16.0, "longest duration; longer notes are told to last it", ge=0.1, le=60)
    max_tokens: Whole = option(514, "most tokens of a segment", ge=8, le=16384)

    @model_validator(mode="after")
    def _fit(self) -> "TokenSizes":
        if self.lowest_pitch > self.highest_pitch:
            raise UsageError(f"lowest_pitch {self.lowest_pitch} is above highest_pitch {self.highest_pitch}")
        if abs(self.segment_sec / self.step_sec - self.num_steps) > 1e-6:
            raise UsageError(f"segment_sec {self.segment_sec:g} is no multiple of step_sec {self.step_sec:g}")
        return self

    @property
    def num_steps(self) -> int:
        """Steps of a segment."""
        return round(self.segment_sec / self.step_sec)

    @property
    def num_pitches(self) -> int:
        return self.highest_pitch - self.lowest_pitch + 1


class NoteTokenizer:
    """Base of tokenizers; a subclass says how the tokens of a segment follow each other.

    Attributes:
        kind: its name in settings.
        parts: dict of kinds of tokens to how many there are of each, in the order of their ids.
        first: dict of kinds of tokens to the id of the first of them.
    """

    kind: ClassVar[str]
    pad_token_id, bos_token_id, eos_token_id = PAD, BOS, EOS

    def __init__(self, sizes: TokenSizes, parts: dict[str, int]):
        self.sizes, self.parts = sizes, parts
        starts = np.cumsum([len(SPECIAL), *parts.values()]).tolist()
        self.first = dict(zip(parts, starts, strict=False))
        self.vocab_size = len(self) if parts else len(SPECIAL)

    def __len__(self) -> int:
        return len(SPECIAL) + sum(self.parts.values())

    # --- to be filled ---

    def encode(self, notes: np.ndarray, num_segments: int) -> list[np.ndarray]:
        """Token ids of each segment.

        Args:
            notes: see the module's conventions; those outside the segments are left out.

        Raises: UsageError for pitches that have no token, and for segments of more than ``max_tokens``.
        """
        raise NotImplementedError

    def decode(self, segments: Sequence[Any]) -> np.ndarray:
        """Notes of the segments, one after the other; tokens that make no note are passed over."""
        raise NotImplementedError

    def allowed(self, ids: torch.Tensor) -> torch.Tensor:
        """What may follow: bool (batch, vocabulary), of ids (batch, length) that are allowed themselves."""
        raise NotImplementedError

    def label(self, value: str, number: int) -> str:
        """The name of a token of a kind."""
        raise NotImplementedError

    # --- what all have ---

    def num_segments(self, seconds: float) -> int:
        """Segments of a sound of so many seconds."""
        return max(int(np.ceil(round(seconds / self.sizes.segment_sec, 6))), 1)

    def is_full(self, ids: Any) -> bool:
        """Whether a segment ends for want of room: more may sound in it than its tokens tell."""
        return EOS not in np.asarray(ids)

    def get_vocab(self) -> dict[str, int]:
        """Dict of token to id."""
        names = [self.label(part, i) for part, count in self.parts.items() for i in range(count)]
        return {name: i for i, name in enumerate([*SPECIAL, *names])}

    def convert_ids_to_tokens(self, ids: Any) -> list[str]:
        """Names of tokens, such as ``time 1.25``, ``pitch 60``, ``velocity 84``, ``duration 0.30``."""
        names = list(self.get_vocab())
        return [names[i] for i in np.asarray(ids).tolist()]

    def convert_tokens_to_ids(self, tokens: Sequence[str]) -> list[int]:
        """Ids of names of tokens; a KeyError for what is none."""
        vocabulary = self.get_vocab()
        return [vocabulary[token] for token in tokens]

    def settings(self) -> dict[str, Any]:
        """As plain data, for :func:`sousa.training.tokens.build`."""
        return {"kind": self.kind, **self.sizes.model_dump()}

    def save_pretrained(self, directory: str | Path) -> None:
        """Write the tokenizer into a directory."""
        write_json(Path(directory) / FILE, self.settings())

    # --- for subclasses ---

    def velocity_value(self, bins: np.ndarray) -> np.ndarray:
        """Velocities of bins."""
        return np.rint(1 + bins * (126 / max(self.sizes.velocity_bins - 1, 1)))

    def velocity_bin(self, velocity: np.ndarray) -> np.ndarray:
        """Bins of velocities."""
        return np.rint((velocity - 1) * ((self.sizes.velocity_bins - 1) / 126)).astype(np.int64)

    def on_grid(self, notes: np.ndarray) -> np.ndarray:
        """Notes with onsets in steps, float64, in order: see the module's conventions of what is kept."""
        sizes = self.sizes
        notes = np.array(notes, np.float64).reshape(-1, 4)
        pitch = notes[:, 2]
        wrong = pitch[(pitch < sizes.lowest_pitch) | (pitch > sizes.highest_pitch)]
        if len(wrong):
            raise UsageError(
                f"a note has pitch {wrong[0]:g}, and tokens are for {sizes.lowest_pitch} to "
                f"{sizes.highest_pitch}; widen lowest_pitch and highest_pitch of the decoder"
            )
        notes[:, 0] = np.rint(notes[:, 0] / sizes.step_sec)
        notes = notes[np.lexsort((-notes[:, 1], notes[:, 0], pitch))]
        same = (notes[1:, 2] == notes[:-1, 2]) & (notes[1:, 0] == notes[:-1, 0])
        notes = notes[np.append(True, ~same)[: len(notes)]]
        again = notes[1:, 2] == notes[:-1, 2]
        ends = notes[:-1, 1]
        ends[again] = np.minimum(ends[again], notes[1:, 0][again] * sizes.step_sec)
        return notes[np.lexsort((notes[:, 2], notes[:, 0]))]

    def without_overlap(self, notes: np.ndarray) -> np.ndarray:
        """Notes in order, each ending at the latest where its pitch begins again."""
        notes = np.array(notes, np.float64).reshape(-1, 4)
        notes = notes[np.lexsort((notes[:, 0], notes[:, 2]))]
        again = notes[1:, 2] == notes[:-1, 2]
        ends = notes[:-1, 1]
        ends[again] = np.minimum(ends[again], notes[1:, 0][again])
        return notes[np.lexsort((notes[:, 2], notes[:, 0]))]

    def bounded(self, segments: list[np.ndarray]) -> list[np.ndarray]:
        """The segments as they are; a UsageError when one has more tokens than ``max_tokens``."""
        longest = max((len(segment) for segment in segments), default=0)
        if longest > self.sizes.max_tokens:
            raise UsageError(
                f"a segment of {self.sizes.segment_sec:g} s needs {longest:,} tokens, and there is room for "
                f"{self.sizes.max_tokens:,}; raise decoder.max_tokens, or shorten decoder.segment_sec"
            )
        return segments
