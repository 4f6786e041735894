"""From a recording to what was played: a model's strokes, the rudiment that fits them, and its judgement."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import softmax

from sousa.generation.rudiments import definitions
from sousa.generation.rudiments.definitions import Rudiment
from sousa.generation.rudiments.listening import fitting, standing
from sousa.generation.rudiments.listening.fitting import Fit
from sousa.generation.rudiments.listening.heard import Heard
from sousa.generation.rudiments.listening.judging import Compared, Judged, compare, judge, with_hands
from sousa.generation.rudiments.listening.sticking import without
from sousa.generation.rudiments.players import tiers
from sousa.training.listening import hearing
from sousa.training.listening.calibration import Calibration, features_of
from sousa.training.listening.hearing import Hearing

RUDIMENT, TIER = "rudiment_slug", "skill_tier"
TRIED = 16  # rudiments that the model finds likeliest, that are laid over the strokes
LEAST_MATCHED, LEAST_SURE = 0.6, 0.5  # share of strokes that fit, and probability of the rudiment
LEAST_STROKES = 6
SURE = 0.5  # probability from which a stroke is one
SURE_EXTRA = 0.9  # and from which it is one that nothing is written for
NEAR_MS, NEAR_SHARE, APART_MS = 55.0, 0.35, 12.0  # how near to where it is expected a faint stroke is
# spread of the colours of strokes, dB: of one drum in a room at most 6 in our data, of a kit 9, of speech 13
OTHER_DRUMS_DB, NO_DRUM_DB = 7.0, 11.0
TWO_DRUMS = 0.72  # silhouette of the sounds of strokes


@dataclass(frozen=True)
class Listening:
    """What was found in a recording.

    Attributes:
        name: of the recording.
        hearing: what the model heard.
        candidates: ``(slug, probability)`` of the likeliest rudiments; of one that was named, it alone.
        judged: the strokes against the rudiment; None where none fits.
        tier: dict of tier to probability; empty where nothing was judged.
        notes: sentences on what should be known before the rest is believed.
        named, tempo_named: whether the rudiment and the tempo were told.
        first: the strokes before any rudiment was laid over them.
    """

    name: str
    hearing: Hearing
    candidates: list[tuple[str, float]]
    judged: Judged | None
    tier: dict[str, float]
    notes: list[str] = field(default_factory=list)
    named: bool = False
    tempo_named: bool = False
    first: Hearing | None = None

    @property
    def percentiles(self) -> dict[str, dict[str, float]]:
        """Of each tier, the share of its takes that a score is above, in per cent: dict of tier to scores."""
        return standing.percentiles(self.judged.scores) if self.judged else {}


def listen_to(
    model: Any, audio: np.ndarray, name: str = "", rudiment: str | None = None,
    tempo_bpm: float | None = None, done: Any = lambda part: None, calibration: Calibration | None = None,
) -> Listening:  # fmt: skip
    """Listen to a recording.

    Args:
        model: that tells strokes; see :func:`sousa.training.listening.hearing.strokes_of`.
        audio: float32 (samples,) at the rate of its front end.
        rudiment: slug, or ``slug:variant``, where it is known.
        tempo_bpm: quarter notes a minute, where it is known.
        calibration: of the model; the defaults where it has none.
    """
    calibration = calibration or Calibration()
    everything = hearing.hear(model, audio, done)
    heard = first = everything.select(everything.sureness >= SURE)
    form = definitions.select([rudiment])[0] if rudiment else None
    enough = np.count_nonzero(heard.heard.is_primary) >= LEAST_STROKES
    is_drum = form is not None or spread_db(heard.heard) < NO_DRUM_DB
    fits: list[Fit] = []
    candidates: list[tuple[str, float]] = []
    if enough and is_drum:
        fits, candidates = _fits(heard, model, form, tempo_bpm, calibration)
    judged = None
    if fits:
        known_tempo = tempo_bpm is not None
        heard = _settled(everything, compare(heard.heard, fits[0]))
        heard = replace(heard, heard=with_hands(heard.heard, compare(heard.heard, fits[0])))
        judged = judge(heard.heard, fits[0], known_tempo)
    known = form is not None, tempo_bpm is not None
    tier = {}
    if judged is not None and TIER in heard.classes:
        score = heard.scores.get("overall_score", np.nan)
        tier = calibration.tier(heard.classes[TIER], features_of(judged, score))
    notes = _notes(heard, judged, candidates, known[0])
    return Listening(name, heard, candidates, judged, tier, notes, *known, first=first)


def _fits(
    heard: Hearing, model: Any, form: Rudiment | None, tempo_bpm: float | None, calibration: Calibration
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
    weight, temperature = calibration.fit_weight, calibration.temperature
    score = {fit.form.slug: (prior[fit.form.slug] - weight * fit.cost) / temperature for fit in fits}
    fits.sort(key=lambda fit: -score[fit.form.slug])
    share = softmax([score[fit.form.slug] for fit in fits])
    return fits, [(fit.form.slug, float(p)) for fit, p in zip(fits, share, strict=True)]


def _settled(everything: Hearing, first: Compared) -> Hearing:
    """With faint strokes where some are expected, without those neither sure nor expected."""
    sure = np.flatnonzero(everything.sureness >= SURE)
    kept = everything.sureness >= SURE
    extra = sure[(first.written_of < 0) & ~everything.heard.is_bounce[sure]]
    kept[extra[everything.sureness[extra] < SURE_EXTRA]] = False
    time, wanted = everything.heard.time_ms, first.wanted
    played = time[sure[first.written_of >= 0]]
    if not len(played):
        return everything.select(kept)
    # where the player is beside the grid at that time
    place = first.written_of[first.written_of >= 0]
    own = played - wanted["time_ms"][place] + wanted["lead_ms"][place]
    faint = np.flatnonzero(everything.sureness < SURE)
    for i in np.flatnonzero(first.omissions.astype(bool)).tolist():
        near = np.argsort(np.abs(played - wanted["time_ms"][i]))[:5]
        expected = wanted["time_ms"][i] - wanted["lead_ms"][i] + float(np.median(own[near]))
        away = np.abs(time[faint] - expected)
        least = min(NEAR_MS, NEAR_SHARE * float(wanted["slot_ms"][i]))
        for j in faint[away < least][np.argsort(-everything.sureness[faint[away < least]])]:
            if np.abs(time[kept] - time[j]).min() >= APART_MS:
                kept[j] = True
                break
    return everything.select(kept)


def _notes(
    heard: Hearing, judged: Judged | None, candidates: Sequence[tuple[str, float]], named: bool
) -> list[str]:
    """What should be known before the rest is believed."""
    strokes = heard.heard
    main = np.count_nonzero(strokes.is_primary)
    if not len(strokes):
        return ["No snare drum is heard: nothing in the recording sounds like a stroke."]
    if main < LEAST_STROKES:
        return [f"Too few strokes are heard to say what is played: {main} beside grace notes and bounces."]
    if judged is None:
        return ["No snare drum is heard: what sounds like strokes differs too much for one drum."]
    out = []
    counted = ~strokes.is_bounce
    matched = float(np.mean(judged.written_of[counted] >= 0))
    played = float(np.mean(judged.omissions == None))  # noqa: E711
    if min(matched, played) < LEAST_MATCHED:
        what = f"{_name(candidates[0][0])}, which was named" if named else "any rudiment"
        out.append(
            f"The strokes hardly fit {what}: {matched:.0%} of them belong to the figure, and {played:.0%} of "
            "the figure is played. This may be no rudiment, or not a snare drum alone."
        )
    elif not named and candidates[0][1] < LEAST_SURE and len(candidates) > 1:
        (first, p), (second, q) = candidates[:2]
        out.append(f"Between two rudiments: {_name(first)} ({p:.0%}) and {_name(second)} ({q:.0%}).")
    if two_sounds(strokes) > TWO_DRUMS or spread_db(strokes) > OTHER_DRUMS_DB:
        out.append(
            "Two drums or more are heard: the strokes differ more in sound than two hands on one drum do."
        )
    return out


def _name(form: str) -> str:
    return definitions.load()[form].name


def spread_db(strokes: Heard) -> float:
    """How much the sounds of strokes differ, dB: root mean square around the median of each band."""
    if strokes.colour is None or len(strokes) < LEAST_STROKES:
        return 0.0
    colour = np.asarray(strokes.colour, np.float64)
    return float(np.sqrt(np.mean((colour - np.median(colour, axis=0)) ** 2)))


def two_sounds(strokes: Heard) -> float:
    """How clearly strokes fall into two groups by their sound: the mean silhouette, 0 for one group.

    What loudness, accents, graces and bounces explain is taken out first.

    Source: P. J. Rousseeuw, Silhouettes, 1987; the groups by k-means with two centres.
    """
    if strokes.colour is None or len(strokes) < 2 * LEAST_STROKES:
        return 0.0
    colours = without(strokes.colour, strokes)
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
    share = softmax(np.mean([[np.log(max(tier[name], 1e-9)) for name in tiers()] for tier in known], axis=0))
    return dict(zip(tiers(), share.tolist(), strict=True))
