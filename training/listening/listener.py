"""From a recording to what was played: a model's strokes, the rudiment that fits them, and its judgement."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sousa.generation.rudiments import definitions
from sousa.generation.rudiments.definitions import Rudiment
from sousa.generation.rudiments.listening import fitting, standing
from sousa.generation.rudiments.listening.fitting import Fit
from sousa.generation.rudiments.listening.judging import Judged, judge
from sousa.generation.rudiments.players import tiers
from sousa.training.listening import hearing
from sousa.training.listening.hearing import Hearing

RUDIMENT, TIER = "rudiment_slug", "skill_tier"
TRIED = 12  # rudiments that the model finds likeliest, that are laid over the strokes
# what the fit counts beside the model, and how far both are from probabilities as they are; measured on
# validation players by benchmarks/rudiments/listener.py
FIT_WEIGHT, TEMPERATURE = 0.35, 1.0
LEAST_MATCHED, LEAST_SURE = 0.6, 0.5  # share of strokes that fit, and probability of the rudiment
LEAST_STROKES = 6
TWO_DRUMS = 0.55  # silhouette of the sounds of strokes


@dataclass(frozen=True)
class Listening:
    """What was found in a recording.

    Attributes:
        name: of the recording.
        hearing: what the model heard.
        candidates: ``(slug, probability)`` of the likeliest rudiments; of one that was named, it alone.
        judged: the strokes against the rudiment; None where none fits.
        tier: dict of tier to probability; empty without strokes.
        notes: sentences on what should be known before the rest is believed.
        named, tempo_named: whether the rudiment and the tempo were told.
    """

    name: str
    hearing: Hearing
    candidates: list[tuple[str, float]]
    judged: Judged | None
    tier: dict[str, float]
    notes: list[str] = field(default_factory=list)
    named: bool = False
    tempo_named: bool = False

    @property
    def percentiles(self) -> dict[str, dict[str, float]]:
        """Of each tier, the share of its takes that a score is above, in per cent: dict of tier to scores."""
        return standing.percentiles(self.judged.scores) if self.judged else {}


def listen_to(
    model: Any, audio: np.ndarray, name: str = "", rudiment: str | None = None,
    tempo_bpm: float | None = None, done: Any = lambda part: None,
) -> Listening:  # fmt: skip
    """Listen to a recording.

    Args:
        model: that tells strokes; see :func:`sousa.training.listening.hearing.strokes_of`.
        audio: float32 (samples,) at the rate of its front end.
        rudiment: slug, or ``slug:variant``, where it is known.
        tempo_bpm: quarter notes a minute, where it is known.
    """
    heard = hearing.hear(model, audio, done)
    form = definitions.select([rudiment])[0] if rudiment else None
    fits, candidates = _fits(heard, model, form, tempo_bpm)
    judged = judge(heard.heard, fits[0], tempo_bpm is not None) if fits else None
    classes = dict(zip(tiers(), heard.classes.get(TIER, ()), strict=False))
    known = form is not None, tempo_bpm is not None
    tier = {tier: float(value) for tier, value in classes.items()}
    notes = _notes(heard, judged, candidates, known[0])
    return Listening(name, heard, candidates, judged, tier, notes, *known)


def _fits(
    heard: Hearing, model: Any, form: Rudiment | None, tempo_bpm: float | None
) -> tuple[list[Fit], list[tuple[str, float]]]:
    """Fits, the likeliest first, and rudiments with their probabilities."""
    if form is not None:
        return fitting.best_fits(heard.heard, [form], tempo_bpm), [(form.form, 1.0)]
    forms = {form.slug: form for form in definitions.main_forms()}
    prior = dict.fromkeys(forms, 0.0)
    target = next((t for t in model.targets if t.name == RUDIMENT), None)
    if target is not None and RUDIMENT in heard.classes:
        logs = np.log(np.maximum(heard.classes[RUDIMENT], 1e-9)).tolist()
        prior = {slug: value for slug, value in zip(target.classes, logs, strict=True) if slug in forms}
    likely = sorted(prior, key=lambda slug: -prior[slug])[: TRIED if any(prior.values()) else None]
    fits = fitting.best_fits(heard.heard, [forms[slug] for slug in likely], tempo_bpm)
    if not fits:
        return [], []
    score = {fit.form.slug: (prior[fit.form.slug] - FIT_WEIGHT * fit.cost) / TEMPERATURE for fit in fits}
    fits.sort(key=lambda fit: -score[fit.form.slug])
    values = np.array([score[fit.form.slug] for fit in fits])
    share = np.exp(values - np.logaddexp.reduce(values))
    return fits, [(fit.form.slug, float(p)) for fit, p in zip(fits, share, strict=True)]


def _notes(
    heard: Hearing, judged: Judged | None, candidates: Sequence[tuple[str, float]], named: bool
) -> list[str]:
    """What should be known before the rest is believed."""
    strokes = heard.heard
    if len(strokes) < LEAST_STROKES or judged is None:
        count = f"only {len(strokes)} strokes were" if len(strokes) else "nothing like a stroke was"
        return [f"No snare drum is heard: {count} found, too few to say what is played."]
    out = []
    counted = ~strokes.is_bounce
    matched = float(np.mean(judged.written_of[counted] >= 0))
    played = float(np.mean(judged.omissions == None))  # noqa: E711
    if min(matched, played) < LEAST_MATCHED:
        what = f"{candidates[0][0]}, which was named" if named else "any rudiment"
        out.append(
            f"The strokes hardly fit {what}: {matched:.0%} of them are in the figure, and {played:.0%} of it "
            "is played. This may be no rudiment, or no snare drum alone."
        )
    elif not named and candidates[0][1] < LEAST_SURE and len(candidates) > 1:
        (first, p), (second, q) = candidates[:2]
        out.append(f"Between two rudiments: {first} ({p:.0%}) and {second} ({q:.0%}).")
    if two_sounds(heard.colours) > TWO_DRUMS:
        out.append(
            "Two drums or more are heard: the strokes differ more in sound than two hands on one drum do."
        )
    return out


def two_sounds(colours: np.ndarray) -> float:
    """How clearly strokes fall into two groups by their sound: the mean silhouette, 0 for one group.

    Source: P. J. Rousseeuw, Silhouettes, 1987; the groups by k-means with two centres.
    """
    if len(colours) < 2 * LEAST_STROKES:
        return 0.0
    away = colours - colours.mean(0)
    axis = np.linalg.svd(away, full_matrices=False)[2][0]
    group = away @ axis > 0
    for _ in range(10):
        if not LEAST_STROKES / 2 <= group.sum() <= len(group) - LEAST_STROKES / 2:
            return 0.0
        centres = np.stack([colours[~group].mean(0), colours[group].mean(0)])
        distance = np.linalg.norm(colours[:, None] - centres, axis=2)
        group = distance[:, 1] < distance[:, 0]
    own, other = np.where(group, distance[:, 1], distance[:, 0]), np.where(group, *distance.T)
    return float(np.mean((other - own) / np.maximum(np.maximum(own, other), 1e-9)))


def together(listenings: Sequence[Listening]) -> dict[str, float]:
    """Probabilities of the tiers by several recordings of one player."""
    known = [listening.tier for listening in listenings if listening.tier]
    if not known:
        return {}
    logs = np.mean([[np.log(max(tier[name], 1e-9)) for name in tiers()] for tier in known], axis=0)
    share = np.exp(logs - np.logaddexp.reduce(logs))
    return dict(zip(tiers(), share.tolist(), strict=True))


def stem_of(path: str | Path) -> str:
    """What files of a recording are called by."""
    return Path(path).stem
