"""Measure how overall_score is distributed in each tier, for tier_confidence.

Writes ``generation/rudiments/tier_distributions.json`` from the takes of the medium size, seed
42. Run it when the players, the performance model or the scores change::

    python benchmarks/rudiments/tier_distributions.py
"""

import json

import numpy as np

from sousa.generation.rudiments import corpus, definitions, players
from sousa.generation.rudiments.assembly import play
from sousa.generation.rudiments.score import plan_take
from sousa.generation.rudiments.scores import DISTRIBUTIONS_FILE, exercise_scores
from sousa.generation.rudiments.settings import make_config


def measure():
    """Mean and standard deviation of overall_score in each tier, rounded to four places."""
    config = make_config("medium", with_audio=False)
    forms = [definitions.load()[name] for name in config.forms]
    scores = [[] for _ in players.tiers()]
    for index in corpus.profile_indices(config):
        person = players.player(config.seed, index)
        takes = [
            plan_take(config.seed, person, form, tempo, config.duration_sec)
            for form in forms
            for tempo in range(config.tempos)
        ]
        table = exercise_scores(play(takes, config.sample_rate), config.sample_rate)
        scores[person.tier].append(table["overall_score"])
    joined = [np.concatenate(part) for part in scores]
    return {
        "corpus": "medium size, seed 42",
        "tiers": list(players.tiers()),
        "mean": [round(float(part.mean()), 4) for part in joined],
        "sd": [round(float(part.std()), 4) for part in joined],
    }


if __name__ == "__main__":
    text = json.dumps(measure(), indent=1)
    DISTRIBUTIONS_FILE.write_text(text + "\n", encoding="utf-8")
    print(text)
