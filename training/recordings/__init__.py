"""Real recordings with annotated onsets, as test sets of onset models. They are never mixed into training.

:func:`read` reads a directory in the layout its publishers gave it, or a folder of the user's own;
:func:`evaluate` scores a detector on what was read; :func:`detector` makes one of a trained model, and
:func:`baselines` gives those without one. A detector is a function of ``(audio, sample_rate)``, float32
(samples,) and Hz, that returns the seconds of the onsets.
"""

from sousa.training.recordings.detectors import Detector, baselines, detector
from sousa.training.recordings.reading import Recording, read
from sousa.training.recordings.scoring import evaluate, summary

__all__ = ["Detector", "Recording", "baselines", "detector", "evaluate", "read", "summary"]
