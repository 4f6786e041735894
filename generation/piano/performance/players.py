"""Who plays: a tier, and traits drawn around the tier's medians.

Professional medians and spreads are measured figures; those of the lower tiers are modelled, not measured.
"""

import math
from dataclasses import dataclass

from sousa.generation.piano.played import TIERS
from sousa.generation.piano.score import COMPLEXITIES
from sousa.generation.seeds import stream

MAX_Z = 2.0  # no trait is further than this from the median of the tier

# trait: scale, then (median, spread) of beginner, intermediate and professional. A spread is a standard
# deviation, of the logarithm where the scale is "log".
TRAITS: dict[str, tuple[str, tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "tempo_ratio": ("log", (0.60, 0.09), (0.82, 0.05), (1.00, 0.05)),
    "rubato": ("log", (0.35, 0.20), (0.65, 0.15), (1.00, 0.12)),
    "individuality": ("log", (0.45, 0.20), (0.45, 0.20), (0.50, 0.20)),
    "beat_noise": ("log", (0.095, 0.15), (0.060, 0.15), (0.006, 0.20)),
    "effort": ("linear", (0.10, 0.02), (0.04, 0.01), (0.00, 0.00)),
    "stops_per_bar": ("log", (0.17, 0.30), (0.033, 0.30), (0.00, 0.00)),
    "repeat_share": ("linear", (0.45, 0.10), (0.30, 0.10), (0.00, 0.00)),
    "finger_ms": ("log", (25.0, 0.12), (15.0, 0.12), (7.4, 0.20)),
    "hand_ms": ("log", (13.5, 0.12), (8.5, 0.12), (5.6, 0.20)),
    "left_late_ms": ("linear", (5.0, 12.0), (2.0, 6.0), (-1.0, 4.0)),
    "lead_ms": ("linear", (0.20, 0.10), (0.35, 0.12), (0.45, 0.14)),
    "slow_lead_ms": ("linear", (2.0, 2.0), (5.0, 3.0), (9.0, 4.0)),
    "level": ("linear", (-2.0, 6.0), (0.0, 5.0), (0.0, 4.5)),
    "contrast": ("log", (0.45, 0.15), (0.75, 0.10), (1.00, 0.10)),
    "melody": ("linear", (1.5, 1.5), (6.0, 1.2), (11.0, 2.5)),
    "slope": ("linear", (2.0, 1.0), (4.5, 1.2), (7.5, 2.5)),
    "swell": ("log", (4.0, 0.15), (6.0, 0.15), (9.4, 0.15)),
    "unevenness": ("log", (13.0, 0.06), (9.5, 0.08), (6.6, 0.10)),
    "weak_left": ("linear", (1.35, 0.10), (1.15, 0.06), (1.00, 0.00)),
    "touch": ("linear", (-0.10, 0.45), (0.00, 0.35), (0.00, 0.35)),
    "touch_noise": ("log", (0.30, 0.12), (0.20, 0.12), (0.02, 0.10)),
    "pedalling": ("linear", (0.45, 0.30), (0.80, 0.15), (1.00, 0.10)),
    "pedal_lag_ms": ("linear", (160.0, 50.0), (60.0, 30.0), (0.0, 15.0)),
    "pedal_miss": ("linear", (0.45, 0.12), (0.12, 0.05), (0.00, 0.00)),
    "trill_rate": ("log", (6.5, 0.10), (9.5, 0.10), (12.2, 0.11)),
    "mistake_rate": ("log", (0.045, 0.22), (0.015, 0.22), (0.006, 0.30)),
}  # fmt: skip


@dataclass(frozen=True)
class Player:
    """One simulated player.

    Attributes:
        tier: one of TIERS.
        tempo_ratio: tempo over the written one.
        rubato: share of the piece's tempo curve that is followed.
        individuality: size of the player's own tempo curve over that of the piece.
        beat_noise: standard deviation of the logarithm of a beat's length that means nothing.
        effort: slowing in crowded bars and hurrying in easy ones, log ratio for twice the notes.
        stops_per_bar: hesitations a bar.
        repeat_share: share of these after which some beats are repeated.
        finger_ms, hand_ms: scatter of a finger within the hand, and of each hand.
        left_late_ms: mean delay of the left hand.
        lead_ms: lead of a louder note over a softer one, ms a unit of velocity.
        slow_lead_ms: further lead of the melody in slow pieces.
        level, contrast: added to the written loudness; share of its changes that is followed.
        melody: velocity of the leading line over the rest.
        slope: change of velocity an octave up, right hand.
        swell, unevenness: slow and local standard deviation of velocity.
        weak_left: scatter of the left hand over that of the right.
        touch: long (positive) or short notes, standard-normal units.
        touch_noise: random part of articulation, as a ratio.
        pedalling: share of the style's pedal that is used; little of it is none at all.
        pedal_lag_ms, pedal_miss: delay of changes; share of harmonies without one.
        trill_rate: notes a second.
        mistake_rate: missed, wrong and extra notes a note.
    """

    tier: str
    tempo_ratio: float
    rubato: float
    individuality: float
    beat_noise: float
    effort: float
    stops_per_bar: float
    repeat_share: float
    finger_ms: float
    hand_ms: float
    left_late_ms: float
    lead_ms: float
    slow_lead_ms: float
    level: float
    contrast: float
    melody: float
    slope: float
    swell: float
    unevenness: float
    weak_left: float
    touch: float
    touch_noise: float
    pedalling: float
    pedal_lag_ms: float
    pedal_miss: float
    trill_rate: float
    mistake_rate: float


def tier_of(seed: int, piece_index: int, performance_index: int, tiers: tuple[str, ...] = TIERS) -> str:
    """Tier of a performance.

    Any run of pieces that begins at a multiple of three has the tiers as evenly as can be, and so have the
    pieces of each level, which is the number of the piece modulo three. The performances of one piece take
    the tiers in turn.
    """
    row, level = divmod(piece_index, len(COMPLEXITIES))
    rng = stream(seed, "piano", "tiers", row // len(tiers))
    order, direction = rng.permutation(len(tiers)), 1 if rng.random() < 0.5 else -1
    return tiers[int(order[(row + direction * level + performance_index) % len(tiers)])]


def player(seed: int, piece_index: int, performance_index: int, tiers: tuple[str, ...] = TIERS) -> Player:
    """The player of a performance.

    Args:
        seed: corpus seed.
        tiers: wanted ones, of TIERS.
    """
    tier = tier_of(seed, piece_index, performance_index, tiers)
    draws = stream(seed, "piano", "player", piece_index, performance_index).standard_normal(len(TRAITS))
    values = {}
    for (name, (scale, *by_tier)), z in zip(TRAITS.items(), draws.clip(-MAX_Z, MAX_Z).tolist(), strict=True):
        median, spread = by_tier[TIERS.index(tier)]
        # five digits: the last bit of exp must not reach the corpus
        value = median * math.exp(spread * z) if scale == "log" else median + spread * z
        values[name] = float(f"{value:.5g}")
    return Player(tier, **values)
