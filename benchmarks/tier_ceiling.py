"""How well the tier could be told by somebody who knows the scores exactly.

    python benchmarks/tier_ceiling.py DIR

DIR is a dataset directory with players in train and test. Gradient boosting learns the tier from the true
scores of the training rows; printed is its balanced accuracy on the test rows, from ``overall_score`` alone
and from all scores and the tempo: what one take of six seconds says of a player, and so about what a model
that only hears it can reach.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import balanced_accuracy_score

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sousa.training.labels import SCORE_RANGES
from sousa.training.stream import Rows


def main():
    """Print the figures."""
    # tier_confidence is made of the tier itself
    names = [name for name in SCORE_RANGES if name != "tier_confidence"] + ["tempo_bpm"]
    parts = {}
    for split in ("train", "test"):
        table = Rows(sys.argv[1], split, columns=["skill_tier", *names], audio=None).table
        parts[split] = (
            np.stack([table[name].to_numpy().astype(float) for name in names], 1),
            table["skill_tier"].to_pylist(),
        )
    for what, columns in (
        ("overall_score", [names.index("overall_score")]),
        ("all scores and tempo", slice(None)),
    ):
        model = HistGradientBoostingClassifier(max_iter=150, class_weight="balanced", random_state=0)
        model.fit(parts["train"][0][:, columns], parts["train"][1])
        found = balanced_accuracy_score(parts["test"][1], model.predict(parts["test"][0][:, columns]))
        print(f"from {what}: balanced accuracy {found:.3f}")


if __name__ == "__main__":
    main()
