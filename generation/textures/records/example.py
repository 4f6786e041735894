"""``tf.train.Example`` messages in TFRecord files, without TensorFlow.

Conventions: a *feature* is what :func:`floats`, :func:`ints` and :func:`text` return: the bytes of one entry
of the map in an Example, with its name; an Example is :func:`example` of them. A record is the message in its
frame: length (64 bits), masked CRC-32C of the length, message, masked CRC-32C of the message, little-endian
(https://www.tensorflow.org/tutorials/load_data/tfrecord). On the wire an Example is field 1 of it, Features;
that has map entries of field 1 (name) and field 2, a Feature; in which field 1 is a list of bytes, 2 of
float32, packed, and 3 of int64, packed, negative ones as 64-bit two's complement
(tensorflow/core/example/feature.proto).
"""

import struct
from functools import lru_cache

import google_crc32c
import numpy as np

_BYTES, _FLOATS, _INTS = 1, 2, 3  # fields of Feature
_MASK = 0xA282EAD8


def floats(name, values):
    """Feature of float32 values: an array or a list."""
    data = np.ascontiguousarray(values, dtype="<f4").tobytes()
    return _before(name, _FLOATS, len(data), not data) + data


def ints(name, values):
    """Feature of int64 values: an array or a list of whole numbers."""
    data = b"".join(_varint(int(value) & 0xFFFFFFFFFFFFFFFF) for value in values)
    return _before(name, _INTS, len(data), not data) + data


def text(name, value):
    """Feature of one text, UTF-8."""
    data = value.encode()
    return _before(name, _BYTES, len(data), False) + data


def example(features):
    """An Example of features."""
    content = b"".join(features)
    return b"\x0a" + _varint(len(content)) + content


def record(message):
    """A message in its frame."""
    length = struct.pack("<Q", len(message))
    return b"".join((length, _masked_crc(length), message, _masked_crc(message)))


def _masked_crc(data):
    crc = google_crc32c.value(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF)


def _varint(number):
    """Seven bits a byte, the lowest first; the highest bit says that more follow."""
    if number < 128:
        return bytes((number,))
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


@lru_cache(maxsize=4096)
def _before(name, field, size, empty):
    """What comes before the data of a feature: it depends on nothing but the name and the size.

    ``field``: of Feature, which is the type; ``empty``: whether the list has no element.
    """
    # one element of bytes and packed numbers look the same: field 1, with its length
    head = b"" if empty else b"\x0a" + _varint(size)
    head = bytes((field << 3 | 2,)) + _varint(len(head) + size) + head
    key = b"\x0a" + _varint(len(name.encode())) + name.encode()
    entry = key + b"\x12" + _varint(len(head) + size) + head
    return b"\x0a" + _varint(len(entry) + size) + entry
