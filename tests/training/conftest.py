"""Tests of the training extra: left out where torch is not installed (``pip install -e '.[training]'``)."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") and find_spec("transformers") else ["test_*.py", "*/test_*.py"]
