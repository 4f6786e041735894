"""The one place that derives random streams.

Conventions
-----------
A stream is named by the corpus seed and a tuple of coordinates, for example
``stream(42, "take", 7, "flam_tap", 2)``. The name is hashed (BLAKE2b, 128 bits) into the key of a
Philox counter generator, so streams are independent of each other, of Python's hash seed, and of
the order in which they are asked for.

NumPy promises the numbers of a ``Generator`` only for one build (NEP 19); :func:`self_check`
compares a few draws with stored ones, so a machine on which corpora would come out different says
so at the start.
"""

import hashlib

import numpy as np

# Changing this changes every draw of every corpus: it belongs to a new major data version.
_DOMAIN = b"sousa-1"

SELF_CHECK_DIGEST = "7fa86f916c59dd91c8d97a64faaf3657"


def stream_key(seed, *coordinates):
    """Two unsigned 64-bit words addressing the stream of these coordinates.

    Args:
        seed: corpus seed, an integer >= 0.
        coordinates: strings and integers; their order and type matter.
    """
    name = "\x1f".join(
        f"i{part}" if isinstance(part, (int, np.integer)) else f"s{part}" for part in (seed, *coordinates)
    )
    digest = hashlib.blake2b(name.encode(), digest_size=16, key=_DOMAIN).digest()
    return np.frombuffer(digest, dtype="<u8")


def stream(seed, *coordinates):
    """The random generator of these coordinates, always at its first number."""
    return np.random.Generator(np.random.Philox(key=stream_key(seed, *coordinates)))


def probe_digest():
    """Digest of a few draws of every kind the generators use."""
    rng = stream(0, "self-check", 1)
    parts = [
        rng.standard_normal(64).astype("<f8").tobytes(),
        rng.random(64).astype("<f8").tobytes(),
        rng.permutation(64).astype("<i8").tobytes(),
    ]
    return hashlib.blake2b(b"".join(parts), digest_size=16).hexdigest()


def self_check():
    """True when this machine draws the numbers that the published corpora were made from."""
    return probe_digest() == SELF_CHECK_DIGEST
