"""Loose files: many small ones, written whole, kept when they are there already."""

from sousa.generation.shards import atomic_file


def write_once(path, data):
    """Write a file unless it is there with these bytes.

    Raises: RunError when it can't be written.
    """
    if path.exists() and path.read_bytes() == data:
        return
    with atomic_file(path) as file:
        file.write(data)
