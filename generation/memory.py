"""Memory that is no longer needed goes back to the system."""

import ctypes
import os
from functools import cache
from typing import Any

import pyarrow as pa


def give_memory_back() -> None:
    """Let pyarrow give memory back to the system when it is free; its usual allocator keeps some for long."""
    if "ARROW_DEFAULT_MEMORY_POOL" not in os.environ and "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())


def release_unused() -> None:
    """Give the system what is free by now, also between objects that stay, such as sounds of instruments."""
    pa.default_memory_pool().release_unused()
    if trim := _trim():
        trim(0)


@cache
def _trim() -> Any:
    """``malloc_trim`` of the GNU C library; None where there is another."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
