"""Checkpoints of TensorFlow, written here byte by byte as its format says, and read."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sousa.training.embedding.towers.tensorflow_checkpoint import variables

MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
VALUES = {
    "model/dense/bias": np.arange(3, dtype="<f4"),
    "model/dense/kernel": np.arange(600, dtype="<f4").reshape(3, 200),
    "model/scale": np.float32(2.5).reshape(()),
}


def varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def block(entries):
    """A block of entries whose names share their beginnings."""
    out, before = b"", b""
    for name, value in entries:
        shared = next((i for i, pair in enumerate(zip(name, before, strict=False)) if pair[0] != pair[1]), 0)
        out += varint(shared) + varint(len(name) - shared) + varint(len(value)) + name[shared:] + value
        before = name
    return out + bytes(4) + (1).to_bytes(4, "little")


def checkpoint(values, kind=1):
    """``(index, data)``."""
    data, entries = b"", [(b"", field(1, 1))]  # the first entry is of the whole
    for name, array in sorted(values.items()):
        shape = b"".join(field(2, field(1, size)) for size in array.shape)
        entry = field(1, kind) + field(2, shape) + field(4, len(data)) + field(5, array.nbytes)
        entries.append((name.encode(), entry + bytes([6 << 3 | 5]) + bytes(4)))
        data += array.tobytes()
    first = block(entries)
    index = block([(b"zzz", varint(0) + varint(len(first)))])
    handles = varint(0) + varint(0) + varint(len(first) + 5) + varint(len(index))
    return first + bytes(5) + index + bytes(5) + handles.ljust(40, b"\0") + MAGIC, data


def test_variables_are_read_as_they_were_written():
    out = variables(*checkpoint(VALUES))
    assert out.keys() == VALUES.keys()
    assert all(np.array_equal(out[name], value) and out[name].shape == value.shape
               for name, value in VALUES.items())  # fmt: skip
    assert variables(*checkpoint(VALUES, kind=3)) == {}


def test_what_is_no_checkpoint_is_refused():
    index, data = checkpoint(VALUES)
    for wrong in ((b"", b""), (index[:-1], data), (index, data[:-4]), (bytes(100), data)):
        with pytest.raises(ValueError, match=r"no TensorFlow checkpoint|is not where its index says"):
            variables(*wrong)


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4))
def test_a_damaged_index_ends_well(changes):
    index, data = checkpoint(VALUES)
    damaged = bytearray(index)
    for place, value in changes:
        damaged[place % (len(index) - 8)] = value
    with suppress(ValueError):
        variables(bytes(damaged), data)
