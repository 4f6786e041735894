"""The key of notes, and how notes are spelt in a key."""

import numpy as np

MODES = ("major", "minor")
FEWEST, MOST = -6, 5  # sharps of a signature: each of the 24 keys has one
# how often each degree of a chromatic scale sounds in a key.
# Source: J. Albrecht and D. Shanahan, "The use of large corpora to train a new type of key-finding
# algorithm", Music Perception 31 (2013)
_PROFILES = {
    "major": (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    "minor": (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
}
# spellings that a key uses, counted from that of its signature: in C from E flat to G sharp; in A minor
# from B flat to D sharp
_LOWEST_SPELLING = {"major": -3, "minor": -2}


def tonic(sharps: int, mode: str) -> int:
    """Pitch class of the tonic of a key."""
    return (sharps * 7 + (0 if mode == "major" else 9)) % 12


def name(sharps: int, mode: str) -> str:
    """A key as it is called, such as ``F# minor``."""
    place = sharps + (0 if mode == "major" else 3)
    sign = (place + 1) // 7
    return f"{'FCGDAEB'[(place + 1) % 7]}{'#' * sign}{'b' * -sign} {mode}"


def within(sharps: int) -> int:
    """The signature of the key that sounds the same, from FEWEST to MOST."""
    return (sharps - FEWEST) % 12 + FEWEST


def of_notes(pitch: np.ndarray, duration: np.ndarray, sharps: int | None = None) -> tuple[int, str]:
    """The key whose profile is nearest to the share of time of each pitch class.

    Args:
        pitch, duration: of each note, at least one.
        sharps: the signature, if it is known; the mode alone is then decided.
    """
    # a long note is not heard as often as it is long
    weight = np.sqrt(np.maximum(np.asarray(duration, dtype=np.float64), 0.0) + 1e-3)
    share = np.bincount(np.asarray(pitch) % 12, weights=weight, minlength=12)
    share = share / share.sum()
    signatures = range(FEWEST, MOST + 1) if sharps is None else (within(sharps),)

    def distance(key: tuple[int, str]) -> float:
        return float(np.square(share - np.roll(_PROFILES[key[1]], tonic(*key))).sum())

    return min(((number, mode) for number in signatures for mode in MODES), key=distance)


def spell(pitch: np.ndarray, sharps: int, mode: str) -> np.ndarray:
    """Spellings of pitches in a key: int64, of the same shape."""
    lowest = sharps + _LOWEST_SPELLING[mode]
    return (np.asarray(pitch, dtype=np.int64) * 7 - lowest) % 12 + lowest
