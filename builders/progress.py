"""Progress for callers that show none."""

from contextlib import contextmanager


@contextmanager
def silent(title, total, **look):
    """Stands in for a progress bar: gives a function that takes numbers and does nothing."""
    yield lambda done: None
