"""Importing this keeps pyarrow from importing pandas before anything asks for a table of pandas.

pyarrow looks for pandas when it makes its first array, to know values of pandas when it sees them; that costs
memory and time in every process. Where such values become arrays pyarrow has to find pandas, so this is for
processes of our own alone: the command, and its workers. ``to_pandas`` imports pandas as ever.
"""

import sys
from importlib.abc import MetaPathFinder
from typing import Any

import pyarrow as pa


class _Hidden(MetaPathFinder):
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("no module named 'pandas' yet", name=name)


if "pandas" not in sys.modules:
    sys.meta_path.insert(0, _hidden := _Hidden())
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(_hidden)
