"""Captions of textures: each statement is true of its row."""

import numpy as np
import pytest

from sousa.generation.textures import Textures, captions, corpus, schema, synth

OF_WAYS = ("low", "middle", "high", "less", "more", "below", "above", "needs", "repeated")
PUBLISHED = captions._words()


def row_of(name, count=None, curves=(), **norms):
    """A row of a synthesizer, with parameters by where they lie in their ranges; the rest in the middle."""
    params = []
    for parameter in synth.get(name).parameters:
        norm = norms.get(parameter.name, 0.5)
        moves = parameter.name in dict(curves)
        natural = None if moves else float(parameter.natural(norm))
        params.append({
            "name": parameter.name, "role": "moving" if moves else "swept", "natural": natural,
            "norm": None if moves else norm, "unit": parameter.unit, "user_name": None, "user": None,
        })  # fmt: skip
    frames = [
        {"name": name, "frame": i, "natural": norm, "norm": norm}
        for name, values in curves
        for i, norm in enumerate(values)
    ]
    row = {"sample_id": "x", "seed": 1, "synth": name, "params": params, "curves": frames}
    return row | {"num_events": count, "peak_db": -6.0, "pcm_digest": "0"}


def caption(*args, **more):
    return captions.wordings(row_of(*args, **more))[0]


@pytest.mark.parametrize(
    ("name", "norms", "text"),
    [
        ("wind", {"strength": 0.0, "gustiness": 0.1, "howliness": 0.9},
         "Very gentle, howling wind in slow gusts."),
        ("wind", {"strength": 0.7, "howliness": 0.5}, "Strong wind."),
        ("pistons", {"rate_exp": 0.9, "cf": 0.3, "imbalance_db": 0.9},
         "A very fast, low-pitched engine, running unevenly."),
        ("bees", {"wingbeat_hz": 0.4, "busyness": 0.35}, "Medium-pitched buzzing bees."),
        ("bees", {"num_bees": 1.0, "busyness": 0.8}, "Restless, medium-pitched buzzing bees in a swarm."),
        ("fire", {"crackles_per_sec": 0.2, "tail": 0.0, "roar_db": 0.0},
         "A slowly crackling wood fire with a few loud cracks and with hardly any roar."),
        ("rain", {"drops_per_sec": 0.9, "bubble_share": 0.1, "bubble_radius_mm": 0.0, "hiss_db": 0.9},
         "Very dense, pattering rain with much hiss."),
    ],
)  # fmt: skip
def test_parameters_are_called_by_where_they_lie(name, norms, text):
    assert caption(name, **norms) == text


@pytest.mark.parametrize("name", PUBLISHED)
def test_words_follow_the_values_of_every_parameter(name):
    ways = {key: way for key, way in PUBLISHED[name].items() if isinstance(way, dict)}
    for key, way in ways.items():
        needs = dict.fromkeys(way.get("needs", {}), 1.0)
        low, high = (captions.wordings(row_of(name, 50, **{**needs, key: norm}))[0] for norm in (0.0, 1.0))
        if "below" in way:  # bounds are in the unit
            parameter = next(p for p in synth.get(name).parameters if p.name == key)
            assert parameter.minimum <= way["below"] < way["above"] <= parameter.maximum
        assert way["low"].strip() in low.lower() and way["high"].strip() in high.lower(), (low, high)
        assert way["high"].strip() not in low.lower() or way["high"] in way["low"]


def test_every_synthesizer_has_words_of_its_own_parameters():
    assert {captions.LIKE.get(name, name) for name in synth.BUILT_IN} == PUBLISHED.keys()
    for name, words in PUBLISHED.items():
        parameters = {p.name for p in synth.get(name).parameters}
        ways = {key: way for key, way in words.items() if isinstance(way, dict)}
        assert ways.keys() <= parameters
        for way in ways.values():
            assert way.keys() >= {"low", "high", "less", "more"} and ("below" in way) == ("above" in way)
            assert way.keys() <= {*OF_WAYS}
            assert set(way.get("needs", {})) <= parameters


def test_what_moves_is_called_by_where_it_goes():
    up, down = np.linspace(0, 1, 20), np.linspace(1, 0, 20)
    assert ", growing stronger" in caption("wind", curves=[("strength", up)])
    assert ", growing gentler" in caption("wind", curves=[("strength", down)])
    assert ", now gentler, now stronger" in caption("wind", curves=[("strength", np.sin(up * 9) ** 2)])
    assert caption("wind", curves=[("strength", up * 0.05)]) == caption("wind", strength=0.025)


def test_few_events_are_no_texture():
    assert caption("pop", 1, cf=0.0, Q=0.5) == "A single very low-pitched noise pop."
    assert "evenly" in caption("pop", 9, irreg_exp=0.0) and "evenly" not in caption("pop", 2, irreg_exp=0.0)
    assert all("No new" in text or "without a new" in text or "no noise pop" in text.lower()
               for text in captions.wordings(row_of("pop", 0)))  # fmt: skip


def test_silence_is_told():
    silent = row_of("pop", 0) | {"peak_db": None}
    assert "Silence." in captions.wordings(silent)
    # labels alone tell no silence
    assert "Silence." not in captions.wordings(silent | {"pcm_digest": None, "num_events": None})


def test_sounds_of_other_packages_go_by_the_names_of_what_is_swept():
    row = row_of("wind", strength=0.9, gustiness=0.1) | {"synth": "my_ping"}
    text = "A texture of the kind my ping with high strength and with low gustiness."
    assert captions.wordings(row)[0] == text


def test_rows_have_several_wordings_in_an_order_of_their_own():
    space = {"rate_exp": {"min": -3, "max": 6, "count": 6}, "cf": {"min": 220, "max": 1800, "count": 2}}
    request = {"synth": "drip", "seed": 3, "sample_rate": 16000, "duration_sec": 2.0, "chunk_sec": 0.5}
    config = schema.parse({**request, "level": "none", "parameters": space}, "test")[0]
    table = next(corpus.rows(config, corpus.plan(config)[0]))
    rows = table.select(list(Textures.captions_from)).to_pylist()
    for row in rows:
        wordings = Textures().captions(row)
        assert len(set(wordings)) == len(wordings) >= 3 and wordings == Textures().captions(row)
        for text in wordings:
            assert text[0].isupper() and text.endswith(".") and text.count(".") == 1
            assert "  " not in text and " ," not in text
            rate = next(p["norm"] for p in row["params"] if p["name"] == "rate_exp")
            assert "dense" not in text or rate > 1 / 3
            assert "sparse" not in text or rate < 1 / 3
    assert len({Textures().captions(row)[0].split()[0] for row in rows}) > 2
