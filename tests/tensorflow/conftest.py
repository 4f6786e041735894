"""Tests with TensorFlow: left out where it is not installed (``pip install -e '.[tensorflow]'``).

They have an environment of their own, because TensorFlow and the ``tfrecord`` package, which other tests read
records with, bring the same protobuf messages and can't be in one process.
"""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("tensorflow") else ["test_*.py"]
