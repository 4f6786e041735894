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


def _digest(size: int, seed: int, coordinates: tuple[str | int, ...]) -> bytes:
    name = "\x1f".join(
        f"i{part}" if isinstance(part, (int, np.integer)) else f"s{part}" for part in (seed, *coordinates)
    )
    return hashlib.blake2b(name.encode(), digest_size=size, key=_DOMAIN).digest()


def stream(seed: int, *coordinates: str | int) -> np.random.Generator:
    """The random generator of these coordinates, always at its first number.

    Args:
        seed: corpus seed, an integer >= 0.
        coordinates: strings and integers; their order and type matter.
    """
    key = np.frombuffer(_digest(16, seed, coordinates), dtype="<u8")
    return np.random.Generator(np.random.Philox(key=key))


def uniforms(seed: int, count: int, *coordinates: str | int) -> list[float]:
    """A list of uniform numbers in [0, 1), straight from the digest: the same on every machine and NumPy."""
    out: list[float] = []
    while len(out) < count:
        words = _digest(64, seed, (*coordinates, len(out)))
        out += [int.from_bytes(words[i : i + 8], "little") / 2**64 for i in range(0, 64, 8)]
    # the quotient of the largest words rounds to 1
    return [min(value, 1 - 2**-53) for value in out[:count]]


def probe_digest() -> str:
    """Digest of a few draws of every kind the generators use."""
    rng = stream(0, "self-check", 1)
    draws = [rng.standard_normal(64), rng.random(64), rng.permutation(64)]
    data = b"".join(part.astype(part.dtype.newbyteorder("<")).tobytes() for part in draws)
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def self_check() -> bool:
    """True when this machine draws the numbers that the published corpora were made from."""
    return probe_digest() == SELF_CHECK_DIGEST
