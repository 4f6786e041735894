"""A page to see what was found in a recording, and to hear it with a click: one HTML file, complete."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from sousa.generation.rudiments.players import tiers
from sousa.generation.rudiments.score import beat_length
from sousa.generation.rudiments.scores import SKILL_SCORES
from sousa.generation.text import html, script
from sousa.training.listening import describing
from sousa.training.listening.listener import Listening
from sousa.training.transcription.page import SCRIPT, STYLE

MOST_BYTES = 200_000_000  # browsers read a page into memory whole
MARK = b'content="sousa listen"'
_HERE = Path(__file__).parent
_PEAKS_SEC = 200  # points of the wave a second


class TooLargeError(ValueError):
    """A page that no browser would read."""


def encode(listening: Listening, audio: np.ndarray, rate: int) -> bytes:
    """The page.

    Args:
        audio: float32 (samples,) at ``rate``.

    Raises: TooLargeError when it would be larger than browsers read.
    """
    sound = io.BytesIO()
    soundfile.write(sound, np.clip(audio, -1.0, 1.0), rate, format="FLAC", subtype="PCM_16")
    facts: dict[str, Any] = describing.data_of(listening) | {
        "tiers": list(tiers()),
        "skills": list(SKILL_SCORES),
        "sound": base64.b64encode(sound.getvalue()).decode(),
        "peaks": base64.b64encode(_peaks(audio, rate).tobytes()).decode(),
        "peaks_per_sec": _PEAKS_SEC,
        "beat_quarters": 1.0,
        "bar_quarters": 4.0,
    }
    if listening.judged is not None:
        form = listening.judged.fit.form
        facts["beat_quarters"] = beat_length(form.metre)
        facts["bar_quarters"] = float(form.bar_beats)
    style = STYLE.read_text("utf-8") + (_HERE / "page.css").read_text("utf-8")
    parts = {
        "TITLE": html(listening.name), "STYLE": style, "DATA": script(facts),
        "SCRIPT": SCRIPT.read_text("utf-8") + (_HERE / "page.js").read_text("utf-8"),
    }  # fmt: skip
    before, *rest = (_HERE / "page.html").read_text("utf-8").split("@@")
    data = (before + "".join(parts.get(part, part) for part in rest)).encode()
    if len(data) > MOST_BYTES:
        raise TooLargeError(f"it would have {len(data) / 1e6:.0f} MB, of at most {MOST_BYTES / 1e6:.0f}")
    return data


def _peaks(audio: np.ndarray, rate: int) -> np.ndarray:
    """The largest magnitude in each part of the wave, over that of the whole: uint8."""
    step = rate / _PEAKS_SEC
    count = max(int(np.ceil(len(audio) / step)), 1)
    starts = np.minimum((np.arange(count) * step).astype(np.int64), max(len(audio) - 1, 0))
    peaks = np.maximum.reduceat(np.abs(audio), starts) if len(audio) else np.zeros(1)
    return np.rint(255.0 * peaks / max(float(peaks.max()), 1e-9)).astype(np.uint8)
