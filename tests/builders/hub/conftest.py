"""A Hub, and a publisher that makes small commits; files that need others have their own."""

import pytest

from tests.support.hub import Hub
from tests.support.publishing import Publisher

FEW = 2  # files a commit here


@pytest.fixture
def hub(tmp_path):
    with Hub(tmp_path / "hub") as hub:
        yield hub


@pytest.fixture
def publisher(hub, tmp_path):
    return Publisher(hub, tmp_path / "cache", FEW)
