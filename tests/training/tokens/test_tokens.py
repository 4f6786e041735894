"""Tokenizers: round trips exact to their resolution, ceilings by mir_eval, and grammars that hold."""

import mir_eval
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sousa.generation.errors import UsageError
from sousa.training import tokens
from sousa.training.tokens.grammar import Grammar
from sousa.training.tokens.quadruples import DURATION, PITCH, TIME, VELOCITY
from sousa.training.tokens.tokenizer import BOS, EOS, PAD, TokenSizes

KINDS = list(tokens.KINDS)
SECONDS = 10.0


def tokenizer(kind, **sizes):
    return tokens.build({"kind": kind, **sizes})


def music(seed, count=120, seconds=SECONDS):
    """Random notes as the conventions have them; of one pitch none overlap."""
    rng = np.random.default_rng(seed)
    onset, pitch = rng.uniform(0, seconds, count), rng.integers(21, 109, count).astype(float)
    notes = np.stack([onset, onset + rng.lognormal(-1, 0.8, count), pitch, rng.integers(1, 128, count)], 1)
    notes = notes[np.lexsort((notes[:, 0], notes[:, 2]))]
    again = notes[1:, 2] == notes[:-1, 2]
    notes[:-1, 1][again] = np.minimum(notes[:-1, 1], notes[1:, 0] - 0.03)[again]
    notes = notes[notes[:, 1] - notes[:, 0] > 0.02]
    return notes[np.lexsort((notes[:, 2], notes[:, 0]))]


notes_of = st.lists(
    st.tuples(st.integers(0, 9_999), st.integers(1, 6_000), st.integers(21, 108), st.integers(1, 127)),
    max_size=60,
).map(lambda rows: np.array([(a / 1000, (a + b) / 1000, p, v) for a, b, p, v in rows]).reshape(-1, 4))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(notes=notes_of)
def test_what_is_decoded_is_what_was_encoded_to_the_resolution(kind, notes):
    chosen = tokenizer(kind)
    segments = chosen.encode(notes, 3)
    again = chosen.decode(segments)
    grid = chosen.on_grid(notes)
    grid = grid[grid[:, 0] < 3 * chosen.sizes.num_steps]
    assert np.allclose(again[:, 0], grid[:, 0] * 0.01) and (again[:, 2] == grid[:, 2]).all()
    assert (np.abs(again[:, 3] - grid[:, 3]) <= 126 / 31 / 2).all()
    length = np.clip(grid[:, 1] - again[:, 0], 0.01, 16.0)
    if kind == "mt3":
        length, allowed = np.minimum(length, 12.0 - again[:, 0]), 0.005
    else:
        allowed = np.maximum(0.005, 0.015 * length)
    assert (np.abs(again[:, 1] - again[:, 0] - length) <= allowed + 1e-9).all()
    # what was told once is told the same again
    assert all((a == b).all() for a, b in zip(chosen.encode(again, 3), segments, strict=True))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None)
@given(notes=notes_of)
def test_the_grammar_allows_whatever_is_encoded(kind, notes):
    chosen = tokenizer(kind)
    for segment in chosen.encode(notes, 3):
        ids = torch.from_numpy(segment)[None]
        for i in range(1, len(segment)):
            assert chosen.allowed(ids[:, :i])[0, segment[i]], chosen.convert_ids_to_tokens(segment[: i + 1])
        assert chosen.allowed(ids).nonzero().tolist() == [[0, PAD]]


def written(chosen, seed, batch=8, length=90):
    """Sequences drawn at random among what the grammar allows."""
    generator = torch.Generator().manual_seed(seed)
    ids, grammar = torch.full((batch, 1), BOS), Grammar(chosen)
    for _ in range(length - 1):
        scores = torch.randn(batch, len(chosen), generator=generator)
        scores[:, EOS] -= 2.0
        scores = grammar(ids, scores)
        assert (scores > float("-inf")).any(1).all()  # there is always a way on
        ids = torch.cat([ids, scores.softmax(-1).multinomial(1, generator=generator)], 1)
    return ids


def test_a_lower_pitch_may_follow_at_the_same_time_and_none_twice():
    """What is left of a chord whose times were told a step late must not be forced upwards."""
    chosen = tokenizer("quadruples", lowest_pitch=60, highest_pitch=62)
    first = chosen.first
    note = [first[TIME] + 7, first[PITCH] + 1, first[VELOCITY], first[DURATION]]
    ids = torch.tensor([[BOS, *note, first[TIME] + 7], [BOS, *note, first[TIME] + 8]])
    pitches = chosen.allowed(ids)[:, first[PITCH] : first[PITCH] + 3].tolist()
    assert pitches == [[True, False, True], [True, True, True]]
    ids = torch.tensor([[BOS, *note, first[TIME] + 7, first[PITCH], *note[2:]]])
    times = chosen.allowed(ids)[0, first[TIME] :]
    assert not times[:7].any() and times[7] and times[8]
    full = [*ids[0].tolist(), first[TIME] + 7, first[PITCH] + 2, *note[2:]]
    assert not chosen.allowed(torch.tensor([full]))[0, first[TIME] + 7]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sizes", [{}, {"lowest_pitch": 60, "highest_pitch": 62, "segment_sec": 0.2,
                                        "velocity_bins": 2}])  # fmt: skip
def test_random_sequences_of_the_grammar_are_whole_valid_notes(seed, sizes):
    chosen = tokenizer("quadruples", **sizes)
    for row in written(chosen, seed).tolist():
        ids = row[1 : row.index(EOS)] if EOS in row else row[1:]
        assert set(row[1 + len(ids) + 1 :]) <= {PAD}
        kinds = [name.split()[0] for name in chosen.convert_ids_to_tokens(ids)]
        assert kinds == ([TIME, PITCH, VELOCITY, DURATION] * len(ids))[: len(ids)]
        order = list(zip(ids[0::4], ids[1::4], strict=False))
        times = [time for time, _ in order]
        assert times == sorted(times) and len(order) == len(set(order))
        assert len(chosen.decode([row])) == len(ids) // 4


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sizes", [{}, {"lowest_pitch": 60, "highest_pitch": 62, "segment_sec": 0.2,
                                        "velocity_bins": 2}])  # fmt: skip
def test_random_sequences_of_the_grammar_are_events_that_fit_each_other(seed, sizes):
    chosen = tokenizer("mt3", **sizes)
    for row in written(chosen, seed).tolist():
        names = [name.split() for name in chosen.convert_ids_to_tokens(row)]
        sounding, time, velocity, notes, tied = set(), None, None, 0, True
        for kind, *number in names[1:]:
            number = float(number[0]) if number else None
            if tied and kind == "pitch":
                sounding.add(number)
            elif kind == "tie":
                tied = False
            elif kind == "time":
                assert time is None or number > time
                time = number
            elif kind == "velocity":
                assert number != velocity
                velocity = number
            elif kind == "pitch":
                assert time is not None and (number in sounding) == (velocity == 0)
                notes += velocity > 0
                sounding ^= {number}
        before = {name[1] for name in names[1 : names.index(["tie"])]} if ["tie"] in names else set()
        assert notes == len(chosen.decode([row])) and (notes or before or EOS in row)


@pytest.mark.parametrize("kind", KINDS)
def test_oracle_ceilings(kind):
    """Perfect tokens lose next to nothing by the measures of the field."""
    scores, chosen = [], tokenizer(kind)
    for seed in range(8):
        truth = music(seed)
        guess = chosen.decode(chosen.encode(truth, 4))
        pair = [x for n in (truth, guess) for x in (n[:, :2], 440 * 2 ** ((n[:, 2] - 69) / 12))]
        loud = [x for n in (truth, guess) for x in (n[:, :2], 440 * 2 ** ((n[:, 2] - 69) / 12), n[:, 3])]
        metric = mir_eval.transcription.precision_recall_f1_overlap
        with_velocity = mir_eval.transcription_velocity.precision_recall_f1_overlap
        scores.append((metric(*pair, offset_ratio=None)[2], metric(*pair)[2], with_velocity(*loud)[2]))
    onset, offset, velocity = np.mean(scores, axis=0)
    assert onset >= 0.99 and offset >= 0.97 and velocity >= 0.97


def test_quadruples_tell_a_note_in_the_segment_of_its_onset():
    chosen = tokenizer("quadruples")
    segments = chosen.encode(np.array([[3.99, 9.0, 60, 64], [4.0, 4.5, 64, 100]]), 2)
    assert [len(segment) for segment in segments] == [6, 6]
    names = chosen.convert_ids_to_tokens(segments[1])
    assert names == ["<bos>", "time 0.000", "pitch 64", "velocity 99", "duration 0.4993", "<eos>"]
    assert chosen.convert_tokens_to_ids(names) == segments[1].tolist()


def test_events_tie_what_sounds_on():
    chosen = tokenizer("mt3")
    segments = chosen.encode(np.array([[-1.0, 2.0, 50, 64], [3.0, 9.0, 60, 64]]), 3)
    names = [chosen.convert_ids_to_tokens(segment)[1:-1] for segment in segments]
    assert names[0] == ["pitch 50", "tie", "time 2.000", "velocity 0", "pitch 50", "time 3.000",
                        "velocity 66", "pitch 60"]  # fmt: skip
    assert names[1:] == [["pitch 60", "tie"], ["pitch 60", "tie", "time 1.000", "velocity 0", "pitch 60"]]
    assert chosen.decode(segments).tolist() == [[3.0, 9.0, 60.0, 66.0]]


@pytest.mark.parametrize("kind", KINDS)
def test_tokenizers_are_saved_and_loaded(kind, tmp_path):
    chosen = tokenizer(kind, segment_sec=2.0, velocity_bins=16)
    chosen.save_pretrained(tmp_path)
    again = tokens.from_pretrained(tmp_path)
    assert type(again) is type(chosen) and again.settings() == chosen.settings()
    assert again.get_vocab() == chosen.get_vocab() and len(again.get_vocab()) == again.vocab_size
    with pytest.raises(UsageError, match="can't be read"):
        tokens.from_pretrained(tmp_path / "none")


@pytest.mark.parametrize("kind", KINDS)
def test_what_does_not_fit_is_an_error(kind):
    with pytest.raises(UsageError, match="room for 30; raise"):
        tokenizer(kind, max_tokens=30).encode(music(0), 3)
    with pytest.raises(UsageError, match="pitch 20, and tokens are for 21 to 108"):
        tokenizer(kind).encode(np.array([[0, 1, 20, 64]]), 1)
    with pytest.raises(UsageError, match="no multiple"):
        TokenSizes(segment_sec=1.005)
    assert tokenizer(kind).is_full([BOS, 5]) and not tokenizer(kind).is_full([BOS, EOS])
