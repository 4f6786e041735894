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
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.random import Generator

# Changing this changes every draw of every corpus: it belongs to a new major data version.
_DOMAIN = b"sousa-1"

SELF_CHECK_DIGEST = "c01b8b7de8e60256aab7400747784e31"


def _named(size: int, seed: int, coordinates: tuple[str | int, ...]) -> Any:
    name = "\x1f".join(
        f"i{part}" if isinstance(part, (int, np.integer)) else f"s{part}" for part in (seed, *coordinates)
    )
    return hashlib.blake2b(name.encode(), digest_size=size, key=_DOMAIN)


def _digest(size: int, seed: int, coordinates: tuple[str | int, ...]) -> bytes:
    return _named(size, seed, coordinates).digest()


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


def within(draw: Callable[[str], float], name: str, span: Sequence[float], digits: int = 3) -> float:
    """A value in a range, rounded; ``draw``: function of a name giving a uniform number in [0, 1)."""
    return round(span[0] + (span[1] - span[0]) * draw(name), digits)


def words(seed: int, *coordinates: str | int, names: Iterable[str]) -> Iterator[int]:
    """A whole number below 2**64 for each name, which is the last coordinate: for many names, in no time."""
    start = _named(8, seed, (*coordinates, ""))
    for name in names:
        digest = start.copy()
        digest.update(name.encode())
        yield int.from_bytes(digest.digest(), "little")


# every kind of draw that rows are made of, by the method of a Generator: in each way that NumPy computes it
_PROBES: dict[Callable[..., Any], Callable[[Generator], list[Any]]] = {
    Generator.standard_normal: lambda rng: [rng.standard_normal(64)],
    Generator.random: lambda rng: [rng.random(64), Generator(np.random.PCG64(7)).random(8)],
    Generator.permutation: lambda rng: [rng.permutation(64)],
    Generator.integers: lambda rng: [
        rng.integers(1, 3, 64),
        *(rng.integers(2**n, size=8) for n in (31, 32, 63)),
    ],
    Generator.choice: lambda rng: [rng.choice(7, size=64, p=np.arange(7) / 21)],
    Generator.poisson: lambda rng: [rng.poisson(mean, 64) for mean in (0.5, 3.0, 30.0, 1000.0)],
    Generator.bytes: lambda rng: [np.frombuffer(rng.bytes(64), np.uint8)],
    Generator.uniform: lambda rng: [rng.uniform(-2.0, 5.0, 64)],
    Generator.normal: lambda rng: [rng.normal(0.5, 0.36, 64)],
    Generator.standard_t: lambda rng: [rng.standard_t(3.0, 64)],
    Generator.standard_exponential: lambda rng: [rng.standard_exponential(64)],
}
_EXACT = (
    Generator.standard_normal,
    Generator.random,
)  # of the others the last bits are rounded away where rows are made


def probe_digest() -> str:
    """Digest of a few draws of every kind the generators use."""
    sha = hashlib.blake2b(digest_size=16)
    for method, drawn in _PROBES.items():
        for part in drawn(stream(0, "self-check", method.__name__)):
            whole = part if method in _EXACT or part.dtype.kind != "f" else np.rint(part * 1e9).astype("<i8")
            sha.update(whole.astype(whole.dtype.newbyteorder("<")).tobytes())
    return sha.hexdigest()


def self_check() -> bool:
    """True when this machine draws the numbers that the published corpora were made from."""
    return probe_digest() == SELF_CHECK_DIGEST
