"""What it costs to publish 100,000 rows with audio, and what readers see meanwhile.

    python benchmarks/rudiments/publication.py DIR [--rows 100000] [--workers 2] [--duration 2]

DIR is empty or new, with room for 20 GB: at the full length of 6 s a row it would need 45 GB. Version 1.0.0
of 2,000 rows is published to the tests' Hub on the loopback interface, then version 1.1.0 of all rows. Its
publisher is killed when half of the bytes have arrived, and started again. Readers load the dataset all the
time, from main and from both tags, and compare what they see with the two releases. Printed of each step are
its seconds, its CPU seconds and the peak of the memory of all its processes (shared pages counted once);
``publication.json`` in DIR has the same. A step that it lists is not run again. It exits with 1 when a reader
saw anything but a whole release.
"""

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from benchmarks.watching import Watch

ROOT = Path(__file__).resolve().parents[2]
PER_PLAYER = 40 * 5  # rudiments, and tempi of each
FEW = 10  # players of the first version
REPO, FIRST, SECOND = "org/sousa", "1.0.0", "1.1.0"


class Results(dict):
    """What each step has cost, kept in a file."""

    def __init__(self, path):
        super().__init__(json.loads(path.read_text()) if path.exists() else {})
        self.path = path

    def add(self, name, costs, **more):
        self[name] = costs | more
        self.path.write_text(json.dumps(self, indent=1) + "\n")
        line = "{seconds:,.0f} s, {cpu_seconds:,.0f} CPU-s, {peak_mib:,.0f} MiB".format(**costs)
        print(f"{name:<16} {line}" + "".join(f"; {key} {value}" for key, value in more.items()), flush=True)

    def run(self, name, command, environment=None):
        """Run a command, unless that was done before."""
        if name not in self:
            self.add(name, finished(start(command, environment), name))


def start(command, environment=None):
    command = [sys.executable, *map(str, command)]
    return Watch(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL))


def finished(watch, name):
    watch.wait()
    if watch.process.returncode:
        sys.exit(f"{name}: status {watch.process.returncode}")
    return watch.costs()


def identity(ids):
    """Digest of the identifiers of rows, in any order."""
    return sha256("\n".join(sorted(ids)).encode()).hexdigest()


def read(place):
    """Load the dataset again and again, and write down what was there, until the file ``stop`` is there."""
    import datasets
    import pyarrow.parquet as pq
    from datasets.exceptions import DatasetNotFoundError
    from huggingface_hub.errors import HfHubHTTPError

    import sousa
    from sousa.builders.hub import plan, remote
    from sousa.builders.release import opened
    from sousa.generation.errors import RunError

    datasets.disable_progress_bars()
    releases = {version: opened.read(place / version) for version in (FIRST, SECOND)}
    rows = {}
    for version, release in releases.items():
        index = pq.read_table(release.local("_row_index.pq"), columns=["sample_id", "split"]).to_pydict()
        for split in set(index["split"]):
            ids = [i for i, at in zip(index["sample_id"], index["split"], strict=True) if at == split]
            rows[split, identity(ids)] = version
    api = remote.client()

    def streamed(revision):
        """Identifiers of all rows of all splits."""
        found = set()
        for split in datasets.get_dataset_split_names(REPO, "labels", revision=revision):
            data = datasets.load_dataset(
                REPO, "labels", split=split, revision=revision, streaming=True, columns=["sample_id"]
            )
            found.add(rows.get((split, identity(row["sample_id"] for row in data)), "half"))
        return found

    def loaded(revision):
        """Labels of a split, by ``sousa.load``."""
        data = sousa.load(REPO, "labels", split="test", revision=revision)
        return {rows.get(("test", identity(data["sample_id"])), "half")}

    def compared(revision):
        """The release there, row by row."""
        there = f"{REPO}@{revision}"
        return {v for v, release in releases.items() if not sousa.diff(there, release.where)} or {"half"}

    def listed(revision):
        """All files, by their digests."""
        files = plan.contents(api, REPO, api.dataset_info(REPO, revision=revision).sha)
        same = {v for v, release in releases.items() if not plan.differing(release, files)}
        return {v for v in same if len(files) == len(releases[v].manifest["files"]) + 2} or {"half"}

    with (place / "seen.jsonl").open("a") as log:
        last = False
        while not last:
            last = (place / "stop").exists()
            for revision in ("main", f"v{FIRST}", f"v{SECOND}"):
                for look in (listed, compared, loaded, streamed):
                    begin = time.time()
                    try:
                        saw = "+".join(sorted(look(revision)))
                    except (RunError, DatasetNotFoundError, HfHubHTTPError) as error:
                        saw = "none" if "revision" in str(error).lower() else f"error {error}"
                    line = {"at": begin, "took": time.time() - begin, "revision": revision}
                    log.write(json.dumps(line | {"by": look.__name__, "saw": saw}) + "\n")
                    log.flush()


@contextmanager
def reading(place, environment):
    """A process of readers, which ends with the block, whatever happens there."""
    stop = place / "stop"
    stop.unlink(missing_ok=True)
    (place / "seen.jsonl").unlink(missing_ok=True)
    reader = start([__file__, place, "--step", "read"], environment)
    try:
        yield reader
    finally:
        stop.touch()
        reader.process.wait()


def publication(place, results):
    """Publish both versions, the second one twice as its publisher is killed, while readers read."""
    sys.path.insert(0, str(ROOT))
    from tests.support.hub import Hub

    with Hub(place / "hub", xet=True) as hub:
        environment = hub.environment(place / "cache", OMP_NUM_THREADS="1")

        def publish(version):
            hub.clear()
            return start(["sousa.py", "publish", place / version, REPO, "-q"], environment)

        def sent():
            return sum(record.bytes_in for record in list(hub.requests) if record.method in ("POST", "PUT"))

        def facts():
            commits = sum(record.status == 200 for record in hub.asked("/commit/"))
            return {"bytes_sent": sent(), "commits": commits, "requests": len(hub.requests)}

        if "publish" in results:
            return
        name = f"publish {FIRST}"
        results.add(name, finished(publish(FIRST), name), **facts())
        with reading(place, hub.environment(place / "reader")) as reader:
            watch = publish(SECOND)
            half = sum(path.stat().st_size for path in (place / SECOND).rglob("*.parquet")) / 2
            watch.wait(until=lambda: sent() > half)
            if watch.process.poll() is not None:
                sys.exit(f"killed: ended with status {watch.process.returncode} before half was sent")
            watch.process.kill()
            watch.process.wait()
            results.add("killed", watch.costs(), **facts())
            results.add("publish", finished(publish(SECOND), "publish"), **facts())
            (place / "stop").touch()
            results.add("readers", finished(reader, "readers"), **seen(place))
        results.add("diff on the Hub", finished(start(
            ["sousa.py", "diff", REPO, f"v{FIRST}", f"v{SECOND}"], environment), "diff"))  # fmt: skip
        all_sent = sum(results[step]["bytes_sent"] for step in (name, "killed", "publish"))
        results["hub"] = {
            "commits_of_main": len(hub.commits(REPO)), "stored_bytes": hub.xet.stored(),
            "sent_again_bytes": all_sent - hub.xet.stored(), "peak_mib": resource_peak(),
        }  # fmt: skip


def resource_peak():
    """The most memory that this process, which is the Hub, has had."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def seen(place):
    """What readers saw: dict of revision and what was there to the number of times."""
    lines = [json.loads(line) for line in (place / "seen.jsonl").read_text().splitlines()]
    return dict(Counter(f"{line['revision']} {line['saw']}" for line in lines))


def check_seen(counts):
    """Look whether readers saw nothing but whole releases, of ``seen``; exits with a sentence if not."""
    # main may change between the splits that a reader streams
    right = {f"main {FIRST}", f"main {SECOND}", f"main {FIRST}+{SECOND}"}
    right |= {f"v{FIRST} {FIRST}", f"v{SECOND} {SECOND}", f"v{SECOND} none"}
    if wrong := [f"{key} ({count} times)" for key, count in counts.items() if key not in right]:
        sys.exit(f"readers saw what no whole release is: {', '.join(wrong)}")


def sizes(root):
    """Files of a release, and the bytes of those beside the data."""
    files = [path for path in root.rglob("*") if path.is_file()]
    out = {"files": len(files), "bytes": sum(path.stat().st_size for path in files)}
    out["most_in_a_folder"] = max(Counter(path.parent for path in files).values())
    return out | {path.name: path.stat().st_size for path in sorted(files) if path.parent == root}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--duration", type=float, default=2.0, help="seconds of playing a row")
    parser.add_argument("--step", choices=["make", "read"], help="this one alone")
    options = parser.parse_args()
    place = options.directory.resolve()
    if options.step == "read":
        return read(place)
    place.mkdir(parents=True, exist_ok=True)
    results = Results(place / "publication.json")
    workers = ["-w", options.workers]
    made = ["-t", 5, "-a", 1, "--duration", options.duration, "--skip-validation", "-q", *workers]
    for name, players in (("few", FEW), ("make", options.rows // PER_PLAYER)):
        results.run(name, ["sousa.py", "generate", "-p", players, *made, "-o", place / name])
    if options.step == "make":
        return None
    released = ["--repo", REPO, "--link", "-q", *workers]
    first, second = place / FIRST, place / SECOND
    results.run("release few", [
        "sousa.py", "release", place / "few", "-o", first, "--version", FIRST, *released])  # fmt: skip
    results.run("release", [
        "sousa.py", "release", place / "make", "-o", second, "--version", SECOND, "--previous", first,
        *released])  # fmt: skip
    results.run("verify", ["sousa.py", "verify", second, "-q"])
    results.run("diff", ["sousa.py", "diff", first, second])
    publication(place, results)
    results["release of all"] = sizes(second)
    results.path.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps({name: results[name] for name in ("hub", "release of all")}))
    check_seen(seen(place))
    return None


if __name__ == "__main__":
    main()
