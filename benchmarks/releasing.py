"""What making a release costs beyond copying its files.

    python benchmarks/releasing.py [DIR]

DIR is a dataset directory (default: output/ and the default corpus). A release of it is made in one
process, three times;
printed are CPU milliseconds a row of the whole, of reading and hashing the files alone (what a checked
copy costs), their difference, the space that the release takes on the disk (little where the file
system shares bytes: Btrfs, XFS), and the largest memory of the process after each tenth of the shards.
"""

import os
import resource
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from sousa.builders.release import make
from sousa.generation import corpora
from sousa.generation.manifest import complete_manifest
from sousa.generation.runners import LocalRunner
from sousa.generation.storage import file_digest


def cpu_ms(function, *arguments, **options):
    """CPU milliseconds of a call, of this process."""
    begin = time.process_time()
    function(*arguments, **options)
    return (time.process_time() - begin) * 1e3


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else corpora.place_of(corpora.DEFAULT))
    manifest = complete_manifest(root)
    rows, records = manifest["num_rows"], manifest["shards"].values()
    peaks = []

    @contextmanager
    def progress(title, total):
        steps = []

        def step(count):
            steps.append(count)
            if sum(steps) * 10 // total > len(peaks):
                peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)

        yield step

    for _ in range(3):
        with tempfile.TemporaryDirectory(dir=root.parent) as work:
            hashing = sum(cpu_ms(file_digest, root / record["file"]) for record in records)
            options = {"runner": LocalRunner(1), "say": lambda text: None, "progress": progress}
            os.sync()
            free = shutil.disk_usage(work).free
            whole = cpu_ms(make.make, root, Path(work) / "r", "1.0.0", **options)
            os.sync()
            taken = free - shutil.disk_usage(work).free
        print(
            f"{rows:,} rows, {taken / 1e6:,.1f} MB: {whole / rows:.3f} CPU ms a row, {hashing / rows:.3f} of "
            f"it reading and hashing, {(whole - hashing) / rows:.3f} beyond"
        )
    print("peak memory after each tenth, MiB: " + ", ".join(f"{peak:.0f}" for peak in peaks[:10]))


if __name__ == "__main__":
    main()
