import operator
import signal

import pytest

import sousa
from sousa.generation import runners


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_while_a_result_is_recorded_loses_nothing(workers):
    """However the two fall together: the record is kept, tasks in hand are too, and then it stops."""
    tasks, results = [(i, 1) for i in range(20)], []
    before = signal.signal(signal.SIGINT, sousa._terminate)
    runners.stop(False)
    try:
        with pytest.raises(KeyboardInterrupt):
            for result in runners.LocalRunner(workers).run(operator.add, tasks):
                if not results:
                    signal.raise_signal(signal.SIGINT)
                results.append(result)
        assert 1 <= len(results) <= 4 and len(results) >= workers
        with pytest.raises(KeyboardInterrupt):  # nobody listens now: the handler raises at once
            signal.raise_signal(signal.SIGINT)
    finally:
        runners.stop(False)
        signal.signal(signal.SIGINT, before)
