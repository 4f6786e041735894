"""Small disks of their own, for what happens when one is full."""

import subprocess
from contextlib import contextmanager

import pytest


@contextmanager
def small_disk(place, size):
    """A directory on a disk of ``size`` (``"9m"``), empty at first and gone afterwards."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield place
    finally:
        # lazily: a process that a failed test left behind must not hide what failed
        subprocess.run(["umount", "-l", place], check=True)


def fill(path):
    """Write a file until its disk is full; without a buffer, whose rest could not be written at the end."""
    with open(path, "wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 65536):
                pass
        except OSError:
            pass
