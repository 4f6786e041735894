"""What a process costs together with its children, watched from outside."""

import time

import psutil


class Watch:
    """CPU seconds and peak memory of a process and its children; pages that they share count once."""

    def __init__(self, process):
        self.process, self.used, self.peak, self.begin = process, {}, 0, time.perf_counter()
        self.main = psutil.Process(process.pid)

    def wait(self, until=lambda: False):
        """Return when the process has ended or ``until()`` is true."""
        while self.process.poll() is None and not until():
            try:
                family = [self.main, *self.main.children(recursive=True)]
                self.peak = max(self.peak, sum(member.memory_full_info().pss for member in family))
                self.used |= {member.pid: sum(member.cpu_times()[:2]) for member in family}
            except psutil.Error:  # one has ended meanwhile
                pass
            time.sleep(0.2)

    def costs(self):
        seconds = time.perf_counter() - self.begin
        return {
            "seconds": seconds,
            "cpu_seconds": sum(self.used.values()),  # workers are no children of ours
            "peak_mib": self.peak / 2**20,
        }
