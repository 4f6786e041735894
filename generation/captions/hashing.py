"""Numbers that stand for texts: the same on every machine, whatever else is read, and fast for columns."""

from typing import Any

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


def feed(sha: Any, array: pa.Array) -> None:
    """Add the values of an array to a digest, however they lie in memory.

    What is added are the places of nulls; lengths, and what stands in them, of texts and lists; the parts of
    records; and all else as little-endian numbers.
    """
    valid = array.is_valid()
    sha.update(valid.to_numpy(zero_copy_only=False).tobytes())
    if pa.types.is_struct(array.type):
        for part in array.flatten():
            feed(sha, part)
    elif pa.types.is_list(array.type):
        sha.update(array.value_lengths().fill_null(0).to_numpy().astype("<i4").tobytes())
        feed(sha, array.flatten())
    elif pa.types.is_string(array.type):
        lengths = pc.binary_length(array).fill_null(0).to_numpy().astype("<i4")
        sha.update(lengths.tobytes())
        whole = array.filter(valid)
        _, places, data = whole.buffers()
        if len(whole) and data:
            offsets = np.frombuffer(places, np.int32, len(whole) + 1, whole.offset * 4)
            sha.update(memoryview(data)[offsets[0] : offsets[-1]])
    else:
        numbers = array.fill_null(False if pa.types.is_boolean(array.type) else 0)
        numbers = numbers.to_numpy(zero_copy_only=False)
        sha.update(numbers.astype(numbers.dtype.newbyteorder("<")).tobytes())
