"""Numbers that stand for texts: the same on every machine, whatever else is read, and fast for columns."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_PRIME, _START = np.uint64(0x100000001B3), np.uint64(0xCBF29CE484222325)


def digests(texts: pa.Array | pa.ChunkedArray, seed: int = 0) -> np.ndarray:
    """A 64-bit number for each text: uint64 (n,); 0 for null, which no text has.

    Numbers of different texts are alike as often as random ones are; with another ``seed`` all are others.
    FNV-1a over the bytes of UTF-8, then the finalizer of MurmurHash3, so that every bit depends on all.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    lengths = pc.binary_length(texts.cast(pa.binary())).fill_null(0).to_numpy(zero_copy_only=False)
    lengths = lengths.astype(np.int64)
    out = np.full(len(texts), _START ^ mixed(np.array([seed], np.uint64))[0])
    data = texts.buffers()[2]
    offsets = np.frombuffer(texts.buffers()[1], np.int32, len(texts), texts.offset * 4).astype(np.int64)
    values = np.frombuffer(data, np.uint8) if data and data.size else np.zeros(1, np.uint8)
    rows = np.flatnonzero(lengths)
    place = 0
    while len(rows):
        out[rows] = (out[rows] ^ values[offsets[rows] + place]) * _PRIME
        place += 1
        rows = rows[lengths[rows] > place]
    out = np.maximum(mixed(out), np.uint64(1))
    return np.where(texts.is_valid().to_numpy(zero_copy_only=False), out, np.uint64(0))


def mixed(numbers: np.ndarray) -> np.ndarray:
    """Numbers of 64 bits, each changed into another one so that all of its bits depend on all."""
    x = numbers.astype(np.uint64)
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        x = (x ^ (x >> np.uint64(33))) * np.uint64(factor)
    return x ^ (x >> np.uint64(33))


def shares(numbers: np.ndarray) -> np.ndarray:
    """Numbers of 64 bits as float64 in [0, 1)."""
    return (numbers >> np.uint64(11)).astype(np.float64) / 2**53
