"""Lists and truth values as tables of Python programs have them: as literals of the language, in text."""

import ast
import re
from typing import Any

# most lists are of plain words or of whole numbers; these are read in a twentieth of the time
_WORDS = re.compile(r"\['[^'\"\\]*'(?:, '[^'\"\\]*')*\]")
_NUMBERS = re.compile(r"\[\d{1,15}(?:, \d{1,15})*\]")


def literal_list(value: Any) -> list[Any]:
    """A list, from one or from its literal (``['lo-fi', "rock 'n' roll"]``); empty for anything else."""
    if isinstance(value, str):
        if value == "[]":
            return []
        if _WORDS.fullmatch(value):
            return value[2:-2].split("', '")
        if _NUMBERS.fullmatch(value):
            return [*map(int, value[1:-1].split(", "))]
        try:
            value = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return []
    return list(value) if isinstance(value, (list, tuple)) else []


def texts(value: Any) -> list[str]:
    """The texts in a list, from one or from its literal, that have something in them."""
    return [item for item in literal_list(value) if isinstance(item, str) and item.strip()]


def truth(value: Any) -> bool | None:
    """A truth value, from one or from its text; None for anything else."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None
