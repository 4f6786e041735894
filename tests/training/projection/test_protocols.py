"""The protocols of Song Describer, on fabricated vectors of as many sounds and texts as it has."""

import itertools
import json

import numpy as np
import pyarrow as pa
import pytest

from sousa.generation.captions.columns import MEASURED, PUBLISHED
from sousa.generation.columns import schema
from sousa.generation.errors import RunError, UsageError
from sousa.training.projection import protocols
from sousa.training.projection.pairs import Pairs

COUNTS = {1: 470, 2: 130, 3: 70, 4: 26, 5: 10}  # texts: tracks; 706 and 1,106


class Straight:
    """A model that leaves vectors as they are."""

    def project(self, side, vectors):
        return np.asarray(vectors, np.float32)


def _pairs(seed=0, dim=24, others=5, noise=0.6):
    rng = np.random.default_rng(seed)
    sizes = np.array([n for n, count in COUNTS.items() for _ in range(count)])[:706]
    sizes[-1] += 1106 - sizes.sum()
    sizes = np.concatenate([sizes, np.ones(others, int)])
    sound_of = np.repeat(np.arange(len(sizes)), sizes)
    first = np.concatenate([[0], np.cumsum(sizes)])
    number = np.arange(len(sound_of)) - first[sound_of]
    audio = rng.normal(size=(len(sizes), dim)).astype(np.float16)
    text = (audio[sound_of] + noise * rng.normal(size=(len(sound_of), dim))).astype(np.float16)
    valid = rng.random(len(sound_of)) < 0.7
    said = [[{"valid": bool(v)} for v in valid[a:b]] for a, b in itertools.pairwise(first)]
    rows = pa.Table.from_pylist(
        [
            {"sample_id": f"s{i}", "dataset": "song_describer" if i < 706 else "clotho",
             "meta": json.dumps({"annotations": said[i]}),
             "alt_captions": [], "tags": [], "genres": []}
            for i in range(len(sizes))
        ],
        schema((*PUBLISHED, *MEASURED), 44100),
    )  # fmt: skip
    texts = pa.table({"number": number, "text": ["same"] * len(number)})
    numbers = {"whole": np.arange(len(sizes)), "first": first, "part_of": sound_of, "sound_of": sound_of}
    return Pairs(rows, texts, audio, text, **numbers, words_of=np.zeros(len(number), int), left_out=0), valid


def test_every_text_is_a_query_and_a_candidate_of_its_own():
    pairs, _ = _pairs()
    figures = protocols.measure(protocols.protocol("mteb-song-describer"), Straight(), pairs, resamples=50)
    assert figures["comparable"] and (figures["num_sounds"], figures["num_texts"]) == (706, 1106)
    assert figures["main"] == "recall_at_5" and "c58ad9b0" in figures["revision"]
    audio, text = (np.asarray(v, np.float64) for v in (pairs.audio[:706], pairs.text[:1106]))
    audio, text = (side / np.linalg.norm(side, axis=1)[:, None] for side in (audio, text))
    scores = text @ audio.T
    own = pairs.sound_of[:1106]
    places = np.array([(line >= line[sound]).sum() for line, sound in zip(scores, own, strict=True)])
    to_audio = figures["text_to_audio"]
    for k in (1, 5, 10):
        assert to_audio[f"recall_at_{k}"]["value"] == pytest.approx((places <= k).mean())
        assert to_audio[f"hit_at_{k}"]["value"] == to_audio[f"recall_at_{k}"]["value"]
    assert to_audio["median_rank"]["value"] == np.median(places)
    assert to_audio["num_groups"] == 706
    macro = np.mean([(places[own == sound] <= 5).mean() for sound in range(706)])
    assert to_audio["recall_at_5_macro"]["value"] == pytest.approx(macro)
    # a sound has up to five texts: the share of them that is found, and whether any is
    recalls, hits = [], []
    for sound, line in enumerate(scores.T):
        top = set(np.argsort(-line)[:5].tolist())
        texts = set(np.flatnonzero(own == sound).tolist())
        recalls.append(len(top & texts) / len(texts))
        hits.append(bool(top & texts))
    to_text = figures["audio_to_text"]
    assert to_text["recall_at_5"]["value"] == pytest.approx(np.mean(recalls))
    assert to_text["hit_at_5"]["value"] == pytest.approx(np.mean(hits))
    assert to_text["hit_at_5"]["value"] > to_text["recall_at_5"]["value"]
    said = protocols.summary(figures)
    assert "NOT COMPARABLE" not in said and "4.42 / 17.02 / 26.01 %" in said and "hit@5" in said


def test_the_valid_subset_is_what_annotators_said():
    pairs, valid = _pairs()
    by = protocols.protocol("mteb-song-describer-valid")
    figures = protocols.measure(by, Straight(), pairs, resamples=0)
    assert figures["num_texts"] == valid[:1106].sum()
    assert figures["num_sounds"] == len(set(pairs.sound_of[:1106][valid[:1106]].tolist()))
    assert not figures["comparable"] and "NOT COMPARABLE" in protocols.summary(figures)
    assert (by.sounds, by.texts) == (547, 746)


def test_what_is_missing_is_said():
    pairs, _ = _pairs()
    with pytest.raises(UsageError, match="choose from mteb-song-describer"):
        protocols.protocol("mteb")
    by = protocols.protocol("mteb-song-describer-valid")
    other = Pairs(**(vars(pairs) | {"rows": pairs.rows.slice(706), "sound_of": np.arange(5), "_drawn": {}}))
    with pytest.raises(UsageError, match="no such row of song_describer"):
        protocols.measure(by, Straight(), other)
    plain = pairs.rows.set_column(
        pairs.rows.schema.get_field_index("meta"), "meta", pa.nulls(len(pairs.rows), pa.string())
    )
    with pytest.raises(RunError, match="meta of s0 says nothing"):
        protocols.measure(by, Straight(), Pairs(**(vars(pairs) | {"rows": plain})))
