"""What a process costs together with its children, watched from outside::

    python benchmarks/watching.py COMMAND [ARGUMENT ...]

prints its seconds, its CPU seconds, and the memory of all its processes: the median over time, and the peak.
"""

import statistics
import subprocess
import sys
import time

import psutil


class Watch:
    """CPU seconds and peak memory of a process and its children; pages that they share count once."""

    def __init__(self, process):
        self.process, self.used, self.sizes, self.begin = process, {}, [0], time.perf_counter()
        self.main = psutil.Process(process.pid)

    def wait(self, until=lambda: False):
        """Return when the process has ended or ``until()`` is true."""
        while self.process.poll() is None and not until():
            try:
                family = [self.main, *self.main.children(recursive=True)]
                self.sizes.append(sum(member.memory_full_info().pss for member in family))
                self.used |= {member.pid: sum(member.cpu_times()[:2]) for member in family}
            except psutil.Error:  # one has ended meanwhile
                pass
            time.sleep(0.2)

    def costs(self):
        seconds = time.perf_counter() - self.begin
        return {
            "seconds": seconds,
            "cpu_seconds": sum(self.used.values()),  # workers are no children of ours
            "median_mib": statistics.median(self.sizes) / 2**20,
            "peak_mib": max(self.sizes) / 2**20,
        }


def main() -> int:
    process = subprocess.Popen(sys.argv[1:])
    watch = Watch(process)
    watch.wait()
    print(
        "{seconds:,.0f} s, {cpu_seconds:,.0f} CPU-s; memory {median_mib:,.0f} MiB at the median, "
        "{peak_mib:,.0f} MiB at most".format(**watch.costs())
    )
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
