"""How well the tier could be told by somebody who knows the scores exactly.

    python benchmarks/rudiments/tier_ceiling.py DIR

DIR is a dataset directory with players in train and test. Gradient boosting learns the tier from the true
scores of the training rows; printed is its balanced accuracy on the test rows, from ``overall_score`` alone
and from all scores and the tempo: what one take of six seconds says of a player, and so about what a model
that only hears it can reach.
"""

import sys

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import balanced_accuracy_score

from sousa.training.labels import SCORE_RANGES
from sousa.training.stream import Rows


def main():
    # tier_confidence is made of the tier itself
    names = [name for name in SCORE_RANGES if name != "tier_confidence"] + ["tempo_bpm"]
    wanted = ["skill_tier", *names]
    tables = [Rows(sys.argv[1], split, columns=wanted, audio=None).table for split in ("train", "test")]
    x, x_test = (np.stack([table[name].to_numpy().astype(float) for name in names], 1) for table in tables)
    tiers, tiers_test = (table["skill_tier"].to_pylist() for table in tables)
    overall = [names.index("overall_score")]
    for inputs, columns in (("overall_score", overall), ("all scores and tempo", slice(None))):
        model = HistGradientBoostingClassifier(max_iter=150, class_weight="balanced", random_state=0)
        guess = model.fit(x[:, columns], tiers).predict(x_test[:, columns])
        print(f"from {inputs}: balanced accuracy {balanced_accuracy_score(tiers_test, guess):.3f}")


if __name__ == "__main__":
    main()
