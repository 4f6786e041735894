"""What the sound of the strokes says of the hands that played them.

Conventions: each hand strikes its own place with its own stick, so the strokes of one hand sound alike; which
sound is which hand's, nobody knows beforehand. A sticking is therefore judged as a whole: how well the
colours of the other strokes tell the hand of each stroke, by ridge regression, each stroke left out in turn.
What loudness explains is taken out first. The *gain* of a sticking is the logarithm of how much likelier the
hands are than without colours; a sticking that is wrong gains nothing.

Source of the leave-one-out residuals: G. Golub, M. Heath and G. Wahba, Generalized cross-validation, 1979.
"""

import numpy as np

from sousa.generation.rudiments.listening.heard import Heard

LEAST, LEAST_EACH = 12, 4  # strokes, and strokes of each hand, for colours to say anything
PARTS, RIDGE = 8, 1.0  # principal components, and the ridge
BRIGHTER_IS_LEFT = 0.8  # share of players whose brighter hand, which is nearer to the rim, is the left one


def without(colour: np.ndarray, strokes: Heard) -> np.ndarray:
    """Colours without what loudness, accents, graces and bounces explain of them: float64 as ``colour``."""
    loud = strokes.velocity / 64.0
    known = np.stack(
        [np.ones(len(loud)), loud, loud**2, strokes.accent, strokes.grace, strokes.bounce], axis=1
    )
    colour = np.asarray(colour, np.float64)
    return colour - known @ np.linalg.lstsq(known, colour, rcond=None)[0]


class Sticking:
    """The strokes of a recording, for stickings to be tried on; strokes: primaries alone."""

    def __init__(self, strokes: Heard):
        self.count, self._parts = len(strokes), None
        if strokes.colour is None or self.count < LEAST:
            return
        colour = without(strokes.colour, strokes)
        scale = np.median(np.abs(colour), axis=0) * 1.4826 + 0.1
        colour = np.clip(colour / scale, -4.0, 4.0)
        left, values, _ = np.linalg.svd(colour, full_matrices=False)
        parts = min(PARTS, self.count // 4)
        z = left[:, :parts] * values[:parts]
        z = np.concatenate([np.ones((self.count, 1)), z / (z.std(axis=0) + 1e-9)], axis=1)
        ridge = np.diag([0.0] + [RIDGE * np.sqrt(self.count)] * parts)
        self._parts, self._inverse = z, np.linalg.inv(z.T @ z + ridge)
        high = colour.shape[1] // 2
        self._bright = colour[:, high:].mean(1) - colour[:, :high].mean(1)

    def _left_out(self, which: np.ndarray, sign: np.ndarray) -> np.ndarray:
        """What the other strokes say of the hand of each: about -1 to 1."""
        assert self._parts is not None
        part = self._parts[which]
        weighed = part @ self._inverse
        own = np.sum(weighed * part, axis=1)
        return (weighed @ (part.T @ sign) - own * sign) / np.maximum(1.0 - own, 1e-3)

    def _usable(self, left: np.ndarray) -> bool:
        each = min(int(left.sum()), int(len(left) - left.sum()))
        return self._parts is not None and len(left) >= LEAST and each >= LEAST_EACH

    def gain(self, which: np.ndarray, left: np.ndarray) -> float:
        """How much likelier these hands are for their colours, in nats.

        Args:
            which: numbers of the strokes.
            left: of each, 1 for the left hand and 0 for the right.
        """
        if not self._usable(left):
            return 0.0
        sign = 2.0 * left - 1.0
        rest = np.mean((sign - self._left_out(which, sign)) ** 2)
        gain = -0.5 * len(sign) * float(np.log(rest / max(float(sign.var()), 1e-3)))
        gain = max(gain, -1.0)
        bright = float(np.corrcoef(self._bright[which], sign)[0, 1])
        sure = 2.0 * BRIGHTER_IS_LEFT - 1.0
        return gain + float(np.log1p(sure * np.tanh(3.0 * np.nan_to_num(bright))))

    def probability(self, which: np.ndarray, left: np.ndarray) -> np.ndarray | None:
        """Probability that each stroke is of the left hand, by the colours of the others; None if unknown."""
        if not self._usable(left):
            return None
        sign = 2.0 * left - 1.0
        guess = self._left_out(which, sign)
        spread = max(float(np.mean((sign - guess) ** 2)), 0.05)
        share = np.log(max(left.mean(), 1e-3) / max(1.0 - left.mean(), 1e-3))
        return 1.0 / (1.0 + np.exp(-(2.0 * (guess - sign.mean()) / spread + share)))
