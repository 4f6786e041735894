"""A decoder that writes notes as tokens, one segment at a time, hearing what the encoder gives.

Conventions: encoder states are (clips, frames, channels); rolls are the probabilities that frame-level heads
give, (clips, frames, keys, kinds). Both are cut into segments of the tokenizer, each with ``context_sec``
around it; segments are numbered clip by clip, so ids are (clips * segments, tokens). Frame *f* of a clip
stands for its second ``first_sec + f * frame_sec``; zeros stand for what lies outside the clip.

The network is transformers' GPT-2 with cross-attention: its queries come from tokens, its keys and values
from states and rolls with the time of each frame in the segment as sinusoids, which the embeddings of times
are too, so to look at a time is easy to learn. To the embeddings of quadruples is added what the rolls say at
the places that the tokens name: :mod:`sousa.training.models.reading`.
"""

import math
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import nn
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel, LogitsProcessorList

from sousa.generation.errors import UsageError
from sousa.generation.models import Number, Whole, chosen
from sousa.generation.options import option
from sousa.training.models.reading import Reader, Rolls
from sousa.training.tokens import KINDS, QuadrupleTokenizer
from sousa.training.tokens.grammar import Grammar
from sousa.training.tokens.tokenizer import BOS, EOS, PAD, TokenSizes

_AT_ONCE = 64  # segments that are written at once
_INITIAL = 0.02  # standard deviation of first weights, as of GPT-2


class DecoderConfig(TokenSizes):
    """Sizes of the decoder and of its tokens."""

    tokenizer: Annotated[str, chosen(*KINDS)] = option(
        "quadruples", "how notes are written: quadruples (time, pitch, velocity, duration) or mt3 (events)"
    )
    layers: Whole = option(3, "of the decoder", ge=1, le=48)
    width: Whole = option(192, "channels of its layers", ge=8, le=8192)
    heads: Whole = option(4, "heads of attention of each layer", ge=1, le=64)
    dropout: Number = option(0.1, "share of values left out while training", ge=0, le=0.95)
    context_sec: Number = option(0.5, "sound around a segment that is heard with it, s", ge=0, le=30)
    num_beams: Whole = option(1, "sequences that are followed at once when notes are written", ge=1, le=64)


class NoteWriter(GPT2LMHeadModel):
    """GPT-2 over tokens of notes, with what is read of the rolls added to their embeddings."""

    _tied_weights_keys = None  # the layer that gives tokens has weights of its own

    def __init__(self, config: GPT2Config, reader: Reader | None):
        super().__init__(config)
        self.reader = reader
        self.read = nn.Linear(reader.size, config.n_embd, bias=False) if reader else None

    # generate() wants the names of all that it hands on
    def forward(
        self, input_ids=None, rolls=None, segment=None, reading=None, encoder_hidden_states=None, **kwargs
    ):
        if reading is None and self.reader:
            reading = self.read(self.reader(input_ids, rolls, segment))
        embedded = self.transformer.wte(input_ids)
        embedded = embedded if reading is None else embedded + reading
        return super().forward(inputs_embeds=embedded, encoder_hidden_states=encoder_hidden_states, **kwargs)

    def prepare_inputs_for_generation(self, input_ids, rolls=None, segment=None, **kwargs):
        inputs = super().prepare_inputs_for_generation(input_ids, **kwargs)
        if self.reader:  # the tokens before the new ones say what is left
            count = inputs["input_ids"].shape[1]
            inputs["reading"] = self.read(self.reader(input_ids, rolls, segment, count))
        return inputs


class NoteDecoder(nn.Module):
    """The decoder; see the module's conventions.

    Args:
        num_states: channels of encoder states.
        rolls: ``(lowest, keys, kinds)`` of the rolls: MIDI note number of key 0, and how many there are.
        clock: ``(first_sec, frame_sec)`` of the frames.

    Raises: UsageError for pitches that the rolls don't have.
    """

    def __init__(
        self, config: DecoderConfig, num_states: int, rolls: tuple[int, int, int], clock: tuple[float, float]
    ):
        super().__init__()
        lowest, self.keys, self.kinds = rolls
        self.config, self.clock, self.first_key = config, clock, config.lowest_pitch - lowest
        if self.first_key < 0 or self.first_key + config.num_pitches > self.keys:
            raise UsageError(
                f"decoder.lowest_pitch and highest_pitch are {config.lowest_pitch} and "
                f"{config.highest_pitch}; give pitches from {lowest} to {lowest + self.keys - 1}"
            )
        sizes = {name: getattr(config, name) for name in TokenSizes.model_fields}
        self.tokenizer = tokenizer = KINDS[config.tokenizer](TokenSizes(**sizes))
        quadruples = isinstance(tokenizer, QuadrupleTokenizer)
        reader = Reader(tokenizer, self.kinds, clock[1]) if quadruples else None
        self.into = nn.Linear(num_states + self.keys * self.kinds, config.width)
        self.norm = nn.LayerNorm(config.width)
        network = GPT2Config(
            vocab_size=len(tokenizer), n_positions=config.max_tokens, n_embd=config.width,
            n_layer=config.layers, n_head=config.heads, add_cross_attention=True, tie_word_embeddings=False,
            embd_pdrop=config.dropout, attn_pdrop=0.0, resid_pdrop=config.dropout,
            bos_token_id=BOS, eos_token_id=EOS, pad_token_id=PAD, initializer_range=_INITIAL,
            attn_implementation="eager",  # on a CPU the fused one takes longer, backwards
        )  # fmt: skip
        self.writer = NoteWriter(network, reader)
        times = self._codes(torch.arange(config.num_steps) * config.step_sec)
        first = tokenizer.first["time"]
        for layer in (self.writer.transformer.wte, self.writer.lm_head):
            with torch.no_grad():  # as loud as the other embeddings
                layer.weight[first : first + config.num_steps] = math.sqrt(2) * _INITIAL * times

    def forward(
        self, states: torch.Tensor, rolls: torch.Tensor, seconds: float, labels: torch.Tensor | None = None,
        lengths: torch.Tensor | None = None,
    ) -> torch.Tensor:  # fmt: skip
        """Scores of tokens where labels are given, else what is written.

        Args:
            states: (clips, frames, channels).
            rolls: (clips, frames, kinds * keys).
            seconds: length of the longest clip.
            labels: int64 (clips, segments, ``max_tokens``), -100 where there is none.
            lengths: int64 (clips,), frames of each clip, where they differ; rolls are 0 after them.

        Returns: (clips * segments, tokens, vocabulary), the first of which are for the second label; or int64
            (clips, segments, tokens), PAD after EOS.
        """
        config, count, device = self.config, self.tokenizer.num_segments(seconds), states.device
        clips = len(states)
        begins = torch.arange(count, device=device)[:, None] * config.segment_sec
        onsets = begins + torch.arange(config.num_steps, device=device) * config.step_sec
        frame_of = ((onsets - self.clock[0]) / self.clock[1]).round().long()
        lengths = torch.tensor([states.shape[1]], device=device) if lengths is None else lengths
        heard = self._heard(states, rolls, begins, frame_of[:, :1], lengths[:, None, None])
        values = rolls.unflatten(2, (self.kinds, self.keys)).transpose(2, 3)
        values = values[:, :, self.first_key :][:, :, : config.num_pitches].contiguous().float()
        reader = self.writer.reader
        read = Rolls.of(values, frame_of, reader.frames) if reader else None
        segment = torch.arange(clips * count, device=device)
        if labels is not None:
            labels = labels.flatten(0, 1)
            ids = labels[:, : max(int((labels >= 0).sum(1).max()) - 1, 1)].clamp(min=PAD)
            return self.writer(ids, read, segment, encoder_hidden_states=heard, use_cache=False).logits
        parts = zip(heard.split(_AT_ONCE), segment.split(_AT_ONCE), strict=True)
        # of one token at a time, half precision makes more casts than it saves
        with torch.autocast(device.type, enabled=False):
            written = [self._written(sound.float(), read, numbers) for sound, numbers in parts]
        longest = max(ids.shape[1] for ids in written)
        return torch.cat([F.pad(ids, (0, longest - ids.shape[1]), value=PAD) for ids in written]).unflatten(
            0, (clips, count)
        )

    def _written(self, heard: torch.Tensor, rolls: Rolls, segment: torch.Tensor) -> torch.Tensor:
        options = GenerationConfig(
            max_length=self.config.max_tokens, num_beams=self.config.num_beams, do_sample=False,
            bos_token_id=BOS, eos_token_id=EOS, pad_token_id=PAD, use_cache=True,
        )  # fmt: skip
        begin = torch.full((len(heard), 1), BOS, device=heard.device)
        context = {"encoder_hidden_states": heard, "rolls": rolls, "segment": segment}
        grammar = LogitsProcessorList([Grammar(self.tokenizer)])
        ids = self.writer.generate(begin, options, logits_processor=grammar, **context)
        # beams are filled up with EOS where PAD is 0
        ended = (ids == EOS).cumsum(dim=1)
        return ids.masked_fill((ended > 0) & ((ids != EOS) | (ended > 1)), PAD)

    def _heard(
        self, states: torch.Tensor, rolls: torch.Tensor, begins: torch.Tensor, first: torch.Tensor,
        lengths: torch.Tensor,
    ) -> torch.Tensor:  # fmt: skip
        """Keys and values of cross-attention: (clips * segments, frames of a segment, width)."""
        count, (first_sec, frame_sec) = states.shape[1], self.clock
        around = math.ceil(self.config.context_sec / frame_sec)
        length = math.ceil(self.config.segment_sec / frame_sec) + around + 1
        frames = first + torch.arange(-around, length, device=states.device)
        inside = ((frames >= 0) & (frames < lengths))[..., None]
        sound = self.norm(self.into(torch.cat([states, rolls.to(states.dtype)], dim=-1)))
        sound = sound[:, frames.clamp(0, count - 1)] * inside
        return (sound + self._codes(first_sec + frames * frame_sec - begins)).flatten(0, 1)

    def _codes(self, seconds: torch.Tensor) -> torch.Tensor:
        """Times in a segment as sines and cosines, (..., width), with periods from 40 ms to four segments."""
        half = (self.config.width + 1) // 2
        share = torch.arange(half, device=seconds.device) / max(half - 1, 1)
        angles = 2 * math.pi * seconds[..., None] / (0.04 * (4 * self.config.segment_sec / 0.04) ** share)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)[..., : self.config.width]
