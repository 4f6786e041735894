"""What the documents need of the checkout: the package under its installed name, for the Python pages."""

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def on_startup(**_: Any) -> None:
    """Called by mkdocs before anything is read."""
    sys.path.insert(0, str(ROOT))
    import make

    make.linked_package()
