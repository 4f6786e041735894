"""Rows of rudiments without sound, for listeners: what somebody who hears everything would hear."""

from functools import cache

from sousa.generation import corpora
from sousa.generation.rudiments import definitions
from sousa.generation.rudiments.listening.heard import Heard
from sousa.generation.rudiments.settings import make_config


@cache
def rows(tiers=("professional",), mistakes="none", profiles=4, seed=7):
    """One take of each rudiment by each player, as lists of plain rows."""
    corpus = corpora.get("rudiments")
    config = make_config(
        "small", with_audio=False, profiles=profiles, tempos=1, tiers=list(tiers), mistakes=mistakes,
        seed=seed, augmentations=1,
    )  # fmt: skip
    out = []
    for shard in corpus.plan(config):
        addresses = corpus.addresses(config, shard)
        for part in addresses:
            out += corpus.remake(config, part, render=False).to_pylist()
    return out


def heard(row):
    """The strokes of a row, and its form."""
    form = definitions.load()[definitions.form_name(row["rudiment_slug"], row["variant"])]
    return Heard.of_strokes(row["strokes"], row["sample_rate"]), form
