"""Shards that are embedded on other machines: each of them opens the rows and loads the encoders by itself.

Conventions: a machine that would embed other rows, or by other weights, raises a RunError that names it.
Tables come back to the process that gave the order, which alone writes.
"""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa

from sousa.generation.errors import RunError
from sousa.generation.manifest import digest_of
from sousa.generation.outside import expanded
from sousa.training.embedding import encoders, inputs
from sousa.training.embedding.encoding import embed_sounds, embed_texts
from sousa.training.embedding.layout import AUDIO, Failure, decisive


@dataclass(frozen=True)
class Order:
    """What a machine needs to embed shards.

    Attributes:
        opener: name of the function of :mod:`sousa.training.embedding.inputs` that opens the rows.
        words: its arguments.
        identity: digest of what the rows are.
        asked: encoders, each with the digest of the settings that decide its vectors.
        device: such as cuda; None for the best that a machine has.
        batch_size: of a model.
        readers: of sounds, at once.
        limits: shortest and longest sound, seconds.
    """

    opener: str
    words: tuple[str, ...]
    identity: str
    asked: tuple[tuple[encoders.Asked, str], ...]
    device: str | None
    batch_size: int
    readers: int
    limits: tuple[float | None, float | None]


def placed(words: Sequence[str]) -> tuple[str, ...]:
    """What a user names, files of this machine by their whole paths."""
    paths = ((word, expanded(word)) for word in words)
    return tuple(os.path.abspath(path) if os.path.exists(path) else word for word, path in paths)


def order_of(
    rows: tuple[str, tuple[str, ...], Any], towers: Sequence[tuple[encoders.Asked, Any]], device: str | None,
    batch_size: int, readers: int, limits: tuple[float | None, float | None],
) -> Order:  # fmt: skip
    """An order.

    Args:
        rows: opener, its words, and what the rows are, as plain data.
        towers: encoders with their settings.
    """
    opener, words, identity = rows
    asked = tuple((each, digest_of(decisive(settings))) for each, settings in towers)
    return Order(opener, placed(words), digest_of(identity), asked, device, batch_size, readers, limits)


def embed_shard(
    order: Order, name: str, shard: str, rows: Sequence[int]
) -> tuple[str, pa.Table, list[Failure], float]:
    """A shard of an encoder: a task for runners.

    Args:
        name: of the encoder.
        rows: numbers of rows.

    Returns: ``(shard, table, failures, amount)``; amount: seconds of sound, or rows of text.
    Raises: RunError where this machine has other rows or weights.
    """
    read, tower = _rows(order), _tower(order, name)
    amounts: list[float] = []
    kind = next(asked.kind for asked, _ in order.asked if asked.name == name)
    if kind == AUDIO:
        table, failures = embed_sounds(tower, name, read, rows, order.readers, order.limits, amounts.append)
    else:
        table, failures = embed_texts(tower, name, read, rows, amounts.append)
    return shard, table, failures, sum(amounts)


@lru_cache(maxsize=1)
def _rows(order: Order) -> inputs.Inputs:
    read = getattr(inputs, order.opener)(*order.words)
    if digest_of(read.identity) != order.identity:
        raise RunError(f"{socket.gethostname()} finds other rows in {read.where}; give what all machines see")
    return read


@lru_cache(maxsize=1)  # parts are made one after the other
def _tower(order: Order, name: str) -> Any:
    import torch

    from sousa.training.models.places import device_of

    asked, wanted = next(pair for pair in order.asked if pair[0].name == name)
    tower, settings = encoders.load(asked, device_of(order.device, torch), order.batch_size)
    if digest_of(decisive(settings)) != wanted:
        raise RunError(
            f"{socket.gethostname()} has other weights of {name}; give a directory that all machines see, or "
            "NAME=org/name@REVISION"
        )
    return tower
