"""A decoder that writes notes: what it reads, that it learns, and that its cache, batches and beams agree."""

import numpy as np
import pytest
import torch

from sousa.generation.errors import UsageError
from sousa.training.models.decoder import DecoderConfig, NoteDecoder
from sousa.training.models.reading import Reader, Rolls
from sousa.training.tasks.note_tokens import NoteTokensTarget
from sousa.training.tasks.notes import NotesTarget
from sousa.training.tokens.tokenizer import EOS, PAD
from tests.training.tokens.test_tokens import KINDS, music, tokenizer

SECONDS, RATE, FRAME = 4.0, 16000, 0.02
TINY = {"layers": 1, "width": 32, "heads": 2, "segment_sec": 1.0, "max_tokens": 130, "dropout": 0.0}
ROLLS = NotesTarget("tones", "begin", "stop", "height", "force")


def made(kind="quadruples", **sizes):
    """A target and a decoder of it."""
    config = DecoderConfig(tokenizer=kind, **TINY | sizes)
    torch.manual_seed(0)
    decoder = NoteDecoder(config, 8, (21, 88, 4), (0.0, FRAME))
    return NoteTokensTarget("tones_tokens", vars(ROLLS), config.model_dump(), max_sec=SECONDS), decoder


def batch(target, seeds, count=12):
    """Notes, states, rolls and labels of clips."""
    clips = [music(seed, count, SECONDS) for seed in seeds]
    rows = [
        {"tones": dict(zip(("begin", "stop", "height", "force"),
                           (n[:, :2] * RATE).round().T.tolist() + n[:, 2:].astype(int).T.tolist(),
                           strict=True)), "start_sample": 0, "file_rate": RATE}
        for n in clips
    ]  # fmt: skip
    for row in rows:
        row["tones"] = {name: np.array(values, int) for name, values in row["tones"].items()}
    frames = round(SECONDS / FRAME)
    rolls = torch.from_numpy(np.stack([ROLLS.label(row, frames, FRAME)[:, :352] for row in rows]))
    labels = torch.from_numpy(np.stack([target.label(row, frames, FRAME) for row in rows]))
    return clips, torch.zeros(len(clips), frames, 8), rolls, labels


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_clips_by_heart(kind):
    """A few clips, over and over: the tokens that it writes then are the labels."""
    target, decoder = made(kind, width=64)
    _, states, rolls, labels = batch(target, range(2))
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=4e-3)
    for _ in range(150):
        loss = target.loss(decoder(states, rolls, SECONDS, labels), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.inference_mode():
        ids = decoder.eval()(states, rolls, SECONDS)
    wanted = labels[:, :, : ids.shape[2]].clamp(min=PAD)
    assert ids.shape == wanted.shape and (ids == wanted).float().mean() > 0.97


@pytest.mark.parametrize("kind", KINDS)
def test_the_cache_batches_and_beams_change_nothing_that_they_must_not(kind):
    target, decoder = made(kind, max_tokens=34)
    _, states, rolls, _ = batch(target, range(3))
    with torch.inference_mode():
        ids = decoder.eval()(states, rolls, SECONDS)
        # step by step, without a cache, each token is the likeliest of those allowed
        labels = torch.full((3, 4, 34), -100)
        labels[:, :, : ids.shape[2]] = ids
        scores = decoder(states, rolls, SECONDS, labels)
        flat = ids.flatten(0, 1)
        for place in range(1, flat.shape[1]):
            allowed = decoder.tokenizer.allowed(flat[:, :place])
            best = scores[:, place - 1].masked_fill(~allowed, float("-inf"))
            going = ~(flat[:, :place] == EOS).any(1)
            assert torch.allclose(best.amax(1)[going],
                                  best.gather(1, flat[:, place, None])[going, 0], atol=1e-4)  # fmt: skip
        alone = decoder(states[1:2], rolls[1:2], SECONDS)[0]
        assert torch.equal(alone, ids[1, :, : alone.shape[1]]) and (ids[1, :, alone.shape[1] :] == PAD).all()
        # a shorter clip beside a longer one is written as alone
        short = decoder(states[:1, :120], rolls[:1, :120], 2.4)
        rolls[0, 120:] = 0
        both = decoder(states, rolls, SECONDS, lengths=torch.tensor([120, 200, 200]))[0, :3]
        assert torch.equal(both[:, : short.shape[2]], short[0]) and (both[:, short.shape[2] :] == PAD).all()
        object.__setattr__(decoder, "config", decoder.config.model_copy(update={"num_beams": 3}))
        beams = decoder(states, rolls, SECONDS)
    assert beams.shape[:2] == ids.shape[:2]
    for segment in beams.flatten(0, 1):
        for place in range(1, len(segment)):
            assert decoder.tokenizer.allowed(segment[None, :place])[0, segment[place]]


def test_a_segment_that_is_full_is_said_and_keeps_whole_notes():
    target, decoder = made(max_tokens=10)
    decoder.writer.lm_head.weight.data[EOS] = -100.0
    with torch.inference_mode():
        torch.nn.init.constant_(decoder.writer.transformer.ln_f.bias, 1.0)  # so that EOS is never likely
        ids = decoder.eval()(torch.zeros(1, 200, 8), torch.zeros(1, 200, 352), SECONDS)
    assert ids.shape == (1, 4, 10)
    with pytest.warns(UserWarning, match="some segments have as many tokens as there is room for, 10"):
        notes = target.predictions(ids, None, [SECONDS], FRAME)["pred_tones_tokens"][0]
    assert len(notes) == 8
    with pytest.raises(UsageError, match="room for 10; raise"):
        batch(target, [0])


def test_notes_are_read_where_tokens_point():
    """Of true rolls a reading tells the next onset, the keys that begin then, and how loud and long."""
    chosen = tokenizer("quadruples", segment_sec=2.0)
    notes = np.array([[0.5, 0.9, 60, 40], [0.5, 1.5, 64, 80], [1.2, 3.0, 60, 120]])
    target, _ = made(segment_sec=2.0)
    _, _, rolls, _ = batch(target, [0])
    row = {"tones": dict(zip(("begin", "stop"), (notes[:, :2] * RATE).astype(int).T, strict=True))
           | {"height": notes[:, 2].astype(int), "force": notes[:, 3].astype(int)},
           "start_sample": 0, "file_rate": RATE}  # fmt: skip
    rolls = torch.from_numpy(ROLLS.label(row, 200, FRAME)[None, :, :352])
    reader = Reader(chosen, 4, FRAME)
    frame_of = torch.arange(0, 400)[None] // 2
    ids = torch.from_numpy(chosen.encode(notes, 1)[0])[None]
    seen = Rolls.of(rolls.unflatten(2, (4, 88)).transpose(2, 3).contiguous(), frame_of, reader.frames)
    readings = reader(ids, seen, torch.tensor([0]))
    before_time, before_pitch, before_rest = readings[0].split(reader.parts, dim=1)
    first = [(part > 0.99).nonzero().flatten().tolist() for part in before_time[0:13:4]]
    assert first == [[28, 63], [28, 63], [63], []]  # frames, the margin of 3 counted
    keys = [(part > 0.99).nonzero().flatten().tolist() for part in before_pitch[1:12:4]]
    assert keys == [[39, 43], [43], [39]]
    rest = before_rest.unflatten(1, (-1, 4))
    zero = reader.lags.index(0)
    assert torch.allclose(rest[2:11:4, zero, 3], torch.tensor([40.0, 80, 120]) / 127)
    ends = [reader.lags[int(part[:, 1].argmax())] for part in rest[3:8:4]]
    assert ends == [20, 50] or abs(ends[1] - 50) <= 2
    assert torch.equal(reader(ids, seen, torch.tensor([0]), last=3), readings[:, -3:])
    assert torch.equal(reader(ids[:, :7], seen, torch.tensor([0])), readings[:, :7])


def test_pitches_that_the_rolls_lack_are_refused():
    with pytest.raises(UsageError, match="give pitches from 21 to 108"):
        made(lowest_pitch=12)
    _, decoder = made(lowest_pitch=36, highest_pitch=84)
    _, states, rolls, _ = batch(made()[0], [0])
    assert decoder.eval()(states, rolls, SECONDS).shape[:2] == (1, 4)
