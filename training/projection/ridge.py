"""The baseline in the report: ridge regression from text to the vector of the sound, in closed form.

Conventions: vectors of sound are standardised by the training split, and so are those of text; a text is
matched with sounds by the cosine of what is expected of it. The penalty is the one of PENALTIES, times the
mean of the eigenvalues, that finds most in the validation split.

Source: A. E. Hoerl and R. W. Kennard, Ridge regression, 1970.
"""

from collections.abc import Callable

import numpy as np

from sousa.training.projection import ranking
from sousa.training.projection.pairs import Pairs

NAME = "ridge from text to sound"
PENALTIES = tuple(10.0**power for power in range(-4, 4))
_BLOCK = 4096


def fitted(train: Pairs, validation: Pairs) -> Callable[[Pairs], ranking.Vectors]:
    """A function that gives vectors of sounds and texts in the space of sounds."""
    text_mean, text_deviation = _moments(train.text, np.arange(len(train.text)))
    audio_mean, audio_deviation = _moments(train.audio, train.part_of)
    squares = np.zeros((train.text.shape[1],) * 2)
    products = np.zeros((train.text.shape[1], train.audio.shape[1]))
    for first in range(0, len(train.text), _BLOCK):
        numbers = slice(first, first + _BLOCK)
        text = (np.asarray(train.text[numbers], np.float64) - text_mean) / text_deviation
        audio = (np.asarray(train.audio[train.part_of[numbers]], np.float64) - audio_mean) / audio_deviation
        squares += text.T @ text
        products += text.T @ audio
    values, axes = np.linalg.eigh(squares)
    turned = axes.T @ products

    def with_penalty(penalty: float) -> Callable[[Pairs], ranking.Vectors]:
        strength = penalty * max(values.mean(), 1e-12)
        weights = axes @ (turned / (np.maximum(values, 0) + strength)[:, None])

        def vectors(pairs: Pairs) -> ranking.Vectors:
            audio = (np.asarray(pairs.audio[pairs.whole], np.float32) - audio_mean) / audio_deviation
            text = (np.asarray(pairs.text, np.float32) - text_mean) / text_deviation
            return audio, text @ weights

        return vectors

    fits = [with_penalty(penalty) for penalty in PENALTIES]
    return max(fits, key=lambda vectors: ranking.recall(validation, vectors(validation))["main"])


def _moments(vectors: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of some vectors: float64 (size,)."""
    mean, square = np.zeros(vectors.shape[1]), np.zeros(vectors.shape[1])
    for first in range(0, len(numbers), _BLOCK):
        block = np.asarray(vectors[numbers[first : first + _BLOCK]], np.float64)
        mean += block.sum(0) / len(numbers)
        square += (block**2).sum(0) / len(numbers)
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    return mean, np.maximum(deviation, 1e-4 * max(deviation.max(), 1e-6))
