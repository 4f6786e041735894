"""A disk that fails while any kind of input is read: one sentence with the path.

The corpora that are built in stand for all: their commands read every kind of input.
"""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from sousa import main
from sousa.generation.audio import encode
from tests.conftest import ROOT

FAILING = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static int fails(int file) {
    const char *end = getenv("FAILS");
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = end ? readlink(link, path, sizeof path) : -1;
    size_t wanted = end ? strlen(end) : 0;
    return size >= (ssize_t)wanted && !memcmp(path + size - wanted, end, wanted) && wanted;
}
#define FAIL(name, kinds, ...) \
    ssize_t name kinds { \
        static ssize_t (*real) kinds; \
        if (!real) real = dlsym(RTLD_NEXT, #name); \
        if (fails(file)) { errno = EIO; return -1; } \
        return real(__VA_ARGS__); }
FAIL(read, (int file, void *data, size_t size), file, data, size)
FAIL(pread, (int file, void *data, size_t size, off_t at), file, data, size, at)
FAIL(pread64, (int file, void *data, size_t size, off64_t at), file, data, size, at)
"""
SOUND = {"sample_rate": 8000, "duration_sec": 1, "chunk_sec": 1, "splits": {"validation": 0, "test": 0},
         "sounds": [{"name": "p", "synth": "pop",
                     "parameters": {"irreg_exp": {"min": 0.5, "max": 1.5, "count": 3}}}]}  # fmt: skip


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    """A library by which reading of files whose path ends as ``FAILS`` says fails; and inputs of commands."""
    if not (compiler := shutil.which("cc")):
        pytest.skip("there is no compiler of C")
    place = tmp_path_factory.mktemp("failing")
    (place / "failing.c").write_text(FAILING)
    library = ["-shared", "-fPIC", "-o", "failing.so", "failing.c", "-ldl"]
    subprocess.run([compiler, *library], cwd=place, check=True)
    (place / "sound.json").write_text(json.dumps(SOUND))
    (place / "plug.py").write_text("class Synth:\n    pass\n")
    (place / "noises").mkdir()
    (place / "noises" / "noise.wav").write_bytes(encode.encode(np.ones(44100, np.int16), 44100, "wav"))
    config, data = str(place / "sound.json"), str(place / "data")
    assert main(["generate", "textures", "--configfile", config, "-o", data, "--files", "-q", "-w", "1"]) == 0
    assert main(["release", data, "-o", str(place / "release"), "--version", "1.0.0", "-q", "-w", "1"]) == 0
    assert main(["export", data, "--to", "csv", "-o", str(place / "csv"), "-q", "-w", "1"]) == 0
    return place


SHARD = "000_pop_000000.parquet"
NEW = ("generate", "textures", "-o", "new", "-q", "-w", "1", "--configfile", "sound.json")
UNREADABLE = {
    ("sound.json",): NEW,
    ("plug.py",): (*NEW, "--synth-file", "plug.py"),
    ("noise.wav",): ("generate", "rudiments", "-p", "1", "-t", "1", "-o", "new", "--noise-files", "noises"),
    ("data/manifest.json",): ("validate", "data"),
    ("data/labels/samples.parquet",): ("validate", "data", "-w", "1"),
    (".flac",): ("validate", "data", "-w", "1"),
    (f"data/data/train/{SHARD}",): ("preview", "data", "-o", "new.html"),
    (f"train/{SHARD}",): ("release", "data", "-o", "new", "--version", "1.0.0", "-w", "1"),
    ("release/manifest.json",): ("diff", "release", "release"),
    ("release/_row_index.pq", "row index"): ("diff", "release", "release"),
    ("csv/index.csv",): ("export", "data", "--to", "csv", "-o", "csv"),
}  # fmt: skip


@pytest.mark.parametrize("names", UNREADABLE)
def test_a_disk_that_fails_is_told_with_the_path(names, failing):
    environment = {**os.environ, "LD_PRELOAD": str(failing / "failing.so"), "FAILS": names[0]}
    command = [sys.executable, str(ROOT / "sousa.py"), *UNREADABLE[names]]
    made = subprocess.run(
        command, cwd=failing, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    said = made.stdout + made.stderr
    assert made.returncode in (1, 2) and "Traceback" not in said, said
    assert names[-1].rpartition("/")[2] in said, said
    assert "nput/output error" in said or names[0] == ".flac"
