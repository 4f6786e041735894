"""Measure how scores are distributed in each tier: overall_score for tier_confidence, all for percentiles.

Writes ``generation/rudiments/tier_distributions.json`` and ``listening/score_quantiles.json`` beside it from
the takes of the medium size, seed 42. Run it when the players, the performance model or the scores change::

    python benchmarks/rudiments/tier_distributions.py
"""

import json

import numpy as np

from sousa.generation.rudiments import corpus, definitions, players
from sousa.generation.rudiments.assembly import play
from sousa.generation.rudiments.listening import standing
from sousa.generation.rudiments.listening.fitting import best_fits
from sousa.generation.rudiments.listening.heard import Heard
from sousa.generation.rudiments.listening.judging import judge
from sousa.generation.rudiments.score import plan_take
from sousa.generation.rudiments.scores import DISTRIBUTIONS_FILE, SKILL_SCORES, exercise_scores
from sousa.generation.rudiments.settings import make_config

RATE = make_config("medium", with_audio=False).sample_rate


def performances():
    """``(tier, takes, how they are played)`` of each player."""
    config = make_config("medium", with_audio=False)
    forms = [definitions.load()[name] for name in config.forms]
    for index in corpus.profile_indices(config):
        person = players.player(config.seed, index)
        takes = [
            plan_take(config.seed, person, form, tempo, config.duration_sec)
            for form in forms
            for tempo in range(config.tempos)
        ]
        yield person.tier, takes, play(takes, config.sample_rate)


def measure():
    """Scores of each tier, as arrays by name."""
    scores = [[] for _ in players.tiers()]
    for tier, _, played in performances():
        scores[tier].append(exercise_scores(played, RATE))
    return [{name: np.concatenate([part[name] for part in tier]) for name in tier[0]} for tier in scores]


def distributions(scores):
    """Mean and standard deviation of overall_score in each tier, rounded to four places."""
    overall = [tier["overall_score"] for tier in scores]
    return {
        "corpus": "medium size, seed 42",
        "tiers": list(players.tiers()),
        "mean": [round(float(part.mean()), 4) for part in overall],
        "sd": [round(float(part.std()), 4) for part in overall],
    }


def heard_scores():
    """Scores of each tier as a listener without a fault gives them, who does not know the tempo."""
    out = [[] for _ in players.tiers()]
    for tier, takes, played in performances():
        known = exercise_scores(played, RATE)
        for i, take in enumerate(takes):
            heard = Heard.of_performance(played, i, RATE)
            if fits := best_fits(heard, [take.form]):
                scores = judge(heard, fits[0]).scores
                out[tier].append(scores | {"tempo_stability": known["tempo_stability"][i]})
    return [{name: np.array([take[name] for take in tier]) for name in tier[0]} for tier in out]


def quantiles(scores):
    """Quantiles of each score in each tier, rounded to two places; scores that no take has are left out."""
    tiers = {}
    for name, tier in zip(players.tiers(), scores, strict=True):
        known = {key: values[~np.isnan(values)] for key, values in tier.items() if key in SKILL_SCORES}
        tiers[name] = {
            key: [round(float(q), 2) for q in np.percentile(values, standing.SHARES)]
            for key, values in known.items()
            if len(values)
        }
    return {"corpus": "medium size, seed 42", "shares": list(standing.SHARES), "tiers": tiers}


if __name__ == "__main__":
    measured = measure()
    text = json.dumps(distributions(measured), indent=1)
    DISTRIBUTIONS_FILE.write_text(text + "\n", encoding="utf-8")
    standing.FILE.write_text(json.dumps(quantiles(heard_scores())) + "\n", encoding="utf-8")
    print(text)
