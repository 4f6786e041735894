"""Random kills and random faults, with what they harm counted.

    python benchmarks/soak.py [--kills 200] [--faults 100] [--seed 0]

Each step runs one command on a directory of its own, and kills its processes after a random time, or gives
it a fault: a limit on the size of files or on open files, or, where there is a C compiler, a library that
fails one write to a file, fsync or rename with EIO or ENOSPC. Then the same command has to end what was
begun, with the files that it makes undisturbed. All that is outside of the output is digested before and
after. Training is among the commands where torch is installed. Printed is what was done to each command, how
many files differ, how many foreign files were touched and how many runs showed a traceback; the status is 0
when all three are 0.
"""

import argparse
import hashlib
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from sousa.generation.manifest import MANIFEST  # noqa: E402
from tests.conftest import TINY  # noqa: E402
from tests.support import runs, small  # noqa: E402
from tests.support.hub import Hub  # noqa: E402

SOUSA = [sys.executable, str(ROOT / "sousa.py")]
FAILING = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
static int fails(void) {
    static int left = -1;
    if (left < 0) left = atoi(getenv("SOAK_CALL"));
    if (--left) return 0;
    errno = atoi(getenv("SOAK_ERROR"));
    return 1;
}
static int on_disk(int fd) { struct stat it; return !fstat(fd, &it) && S_ISREG(it.st_mode); }
ssize_t write(int fd, const void *data, size_t size) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    return on_disk(fd) && fails() ? -1 : real(fd, data, size);
}
int fsync(int fd) { int (*real)(int) = dlsym(RTLD_NEXT, "fsync"); return fails() ? -1 : real(fd); }
int rename(const char *a, const char *b) {
    int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
    return fails() ? -1 : real(a, b);
}
"""
BAD = ("tracebacks", "not ended", "files that differ", "foreign files touched", "not published")
EVERYTHING = r"(?s).*"
ROWS = r"(?!.*(validation_report|preview))"  # pages say how long something took
WEIGHTS = r"model\.safetensors$"


def digests(root, files=EVERYTHING):
    """Dict of path to SHA-256 of the files below a directory whose names match; links are not followed."""
    there = [path for path in Path(root).rglob("*") if path.is_file() and not path.is_symlink()]
    wanted = [path for path in there if re.match(files, path.name)]
    return {str(p.relative_to(root)): hashlib.sha256(_lasting(p)).hexdigest() for p in wanted}


def _lasting(path):
    """Content of a file, but for how long each shard took."""
    if path.name != MANIFEST or "shards" not in (manifest := json.loads(path.read_text())):
        return path.read_bytes()
    del manifest["manifest_digest"]
    for shard in manifest["shards"].values():
        del shard["seconds"]
    return json.dumps(manifest, sort_keys=True).encode()


class Soak:
    """The commands, what they make undisturbed, and what was counted."""

    def __init__(self, place, seed):
        self.place, self.rng, self.counts = place, random.Random(seed), Counter()
        self.foreign, self.work = place / "foreign", place / "work"
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), "SOUSA_CACHE": str(place / "cache")}
        self.library = self._library()
        (self.foreign / "theirs").mkdir(parents=True)
        (self.foreign / "theirs" / "notes.txt").write_text("not ours")
        self.dataset, self.published = self.foreign / "dataset", self.foreign / "release"
        self._run([*SOUSA, *map(str, TINY), "-w", "2", "-o", self.dataset, "-q"], check=True)
        release = [*SOUSA, "release", self.dataset, "--version", "1.0.0", "-w", "2", "-q", "-o"]
        self._run([*release, self.published], check=True)
        self.commands = {
            f"generate {name}": ([*SOUSA, *arguments, "-w", "2", "-q", "-o", self.work], ROWS)
            for name, arguments in small.commands().items()
        }
        self.commands["release"] = ([*release, self.work], EVERYTHING)
        export = [*SOUSA, "export", self.dataset, "--to", "audiofolder", "-w", "2", "-q", "-o", self.work]
        self.commands["export"] = (export, EVERYTHING)
        if find_spec("torch"):
            run = {
                "data": {"path": str(self.dataset), "generate": None},
                "report": False,
                "output": str(self.work),
            }
            train = [sys.executable, ROOT / "training" / "train.py", runs.write(place, **run)]
            self.commands["train"] = ([*train, "--resume", "true"], WEIGHTS)
        self.expected = {}
        for name, (command, files) in self.commands.items():
            begin = time.perf_counter()
            self._run(command, check=True)
            self.expected[name] = (digests(self.work, files), time.perf_counter() - begin)
            shutil.rmtree(self.work)

    def _library(self):
        if not (compiler := shutil.which("cc")):
            return None
        source, library = self.place / "failing.c", self.place / "failing.so"
        source.write_text(FAILING)
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        return library

    def _run(self, command, check=False, **options):
        done = subprocess.run(
            [str(word) for word in command], capture_output=True, text=True,
            env=options.pop("env", self.environment), cwd=self.place, timeout=600, **options,
        )  # fmt: skip
        if "Traceback" in done.stderr:
            self.counts["tracebacks"] += 1
            print(f"{command}: {done.stderr}", file=sys.stderr)
        if check and done.returncode:
            raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr}")
        return done

    def kill(self, command, seconds):
        """Run a command and kill it, or all of its processes, after a random time; whether it was in time."""
        process = subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=self.environment, cwd=self.place, start_new_session=True,
        )  # fmt: skip
        time.sleep(self.rng.uniform(0, 1.1) * seconds)
        number = self.rng.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
        running = process.poll() is None
        if running:
            (os.killpg if self.rng.random() < 0.7 else os.kill)(process.pid, number)
        said = process.communicate(timeout=600)[1]
        if "Traceback" in said:
            self.counts["tracebacks"] += 1
            print(f"{command[:4]} after {number.name}: {said}", file=sys.stderr)
        return running

    def fault(self, command):
        """Run a command under a random fault; whether it failed."""
        limits = {
            resource.RLIMIT_FSIZE: self.rng.randrange(100, 400_000),
            resource.RLIMIT_NOFILE: self.rng.randrange(12, 60),
        }
        kind, environment, before = self.rng.choice([*limits, None]), self.environment, None
        if kind is not None or self.library is None:
            kind = kind if kind is not None else resource.RLIMIT_FSIZE
            before = lambda: resource.setrlimit(kind, (limits[kind], limits[kind]))  # noqa: E731
        else:
            environment = {
                **environment, "LD_PRELOAD": str(self.library), "SOAK_CALL": str(self.rng.randrange(1, 60)),
                "SOAK_ERROR": str(self.rng.choice([5, 28])),
            }  # fmt: skip
        return self._run(command, env=environment, preexec_fn=before).returncode != 0

    def step(self, name, what):
        """Disturb one command until that has hit it, then let it end, and compare."""
        (command, files), (expected, seconds) = self.commands[name], self.expected[name]
        before, hit = digests(self.foreign), 0
        for _ in range(self.rng.randrange(2, 8)):
            hit += self.kill(command, seconds) if what == "kills" else self.fault(command)
        done = self._run(command)
        if done.returncode:
            self.counts["not ended"] += 1
            print(f"{name} after {what}: {done.stderr}", file=sys.stderr)
        there = digests(self.work, files)
        differing = [file for file in expected.keys() | there.keys() if expected.get(file) != there.get(file)]
        if differing:
            print(f"{name} after {what}: {sorted(differing)[:5]} differ", file=sys.stderr)
        after = digests(self.foreign)
        self.counts["files that differ"] += len(differing)
        self.counts["foreign files touched"] += sum(before[f] != after.get(f) for f in before)
        self.counts[f"{what} of {name}"] += hit
        shutil.rmtree(self.work, ignore_errors=True)
        return hit

    def publish(self, what):
        """Disturb a publication to a Hub on this machine; then its files have to be the release's."""
        with Hub(self.place / f"hub-{self.rng.randrange(1 << 40)}") as hub:
            keep, self.environment = self.environment, hub.environment(self.place / "cache")
            try:
                command, hit = [*SOUSA, "publish", self.published, "org/soak", "-q"], 0
                for _ in range(self.rng.randrange(1, 4)):
                    hit += self.kill(command, 3) if what == "kills" else self.fault(command)
                self._run(command, check=True)
            finally:
                self.environment = keep
            tagged = hub.refs("org/soak")["tags"]
        self.counts["not published"] += "v1.0.0" not in tagged
        self.counts[f"{what} of publish"] += hit
        return hit


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    # shells start background jobs with SIGINT ignored
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as place:
        soak = Soak(Path(place), arguments.seed)
        try:
            for what, wanted in (("kills", arguments.kills), ("faults", arguments.faults)):
                hits = 0
                while hits < wanted:
                    name = soak.rng.choice([*soak.commands, "publish"])
                    hits += soak.publish(what) if name == "publish" else soak.step(name, what)
                    print(f"{hits} of {wanted} {what}; {name}", file=sys.stderr)
        finally:  # what was counted so far, too, when it is stopped
            print(json.dumps({**dict.fromkeys(BAD, 0), **soak.counts}, indent=1, sort_keys=True))
    return int(any(soak.counts[name] for name in BAD))


if __name__ == "__main__":
    sys.exit(main())
