"""Texts of users (names, notes, paths, licences) as they may stand in other formats: they are never markup.

Conventions: each function takes any text and gives it in the form of one target, where it reads as it was
written and means nothing else. What can't be seen (control characters, marks that turn the direction of
writing, halves of surrogate pairs) is shown escaped, ``\\x1b``.
"""

import html as _html
import json
import math
import os
import re
import shlex
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

# C0 and C1 without tab and line feed; marks of direction; line and paragraph separators; surrogates
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
# an underscore inside a word and a colon before a space mean nothing
_MARKDOWN = re.compile(
    r"[\\`*\[\]<>#|~&$@]|(?<![^\W_])_|_(?![^\W_])|:(?=\S)|(?<=\bwww)\.|^\s*[-+=]|^\s*\d+[.)]", re.IGNORECASE
)
_LONGEST_DRAWN = 60  # characters


def visible(text: str) -> str:
    """A text for a terminal, with what a terminal would obey shown escaped; tabs and lines are kept."""
    return _UNSEEN.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def is_line(text: Any) -> bool:
    """Whether this is a text of one line that has something to see and nothing that can't be seen."""
    return isinstance(text, str) and bool(text.strip()) and one_line(text) == text


def one_line(text: str) -> str:
    """A text in one line: tabs and line ends are shown escaped as well."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def as_line(text: str) -> str:
    """A text in one line, for a title: line ends and runs of space are one space each."""
    return one_line(" ".join(text.split()))


def counted(number: int, noun: str) -> str:
    """A number with its noun: ``1 row``, ``2,000 rows``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def html(text: Any) -> str:
    """A text in HTML, as content or in an attribute in quotes."""
    return _html.escape(one_line(str(text)))


def script(data: Any) -> str:
    """JSON that can stand inside a script element, whatever texts are in it; infinite numbers are null."""
    text = json.dumps(finite(data), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def finite(data: Any) -> Any:
    """Plain data as strict JSON has it: numbers that are not finite become null."""
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, dict):
        return {key: finite(value) for key, value in data.items()}
    return [finite(value) for value in data] if isinstance(data, (list, tuple)) else data


def markdown(text: Any) -> str:
    """A text in a line or a table cell of Markdown."""
    return _MARKDOWN.sub(lambda m: f"{m[0][:-1]}\\{m[0][-1]}", one_line(str(text)))


def address(text: Any) -> str:
    """An address that is a link in a line of Markdown; other text as it is."""
    plain = str(text)
    return f"<{plain}>" if re.fullmatch(r"https?://[^\s<>\x00-\x1f]+", plain) else markdown(plain)


def code(text: Any) -> str:
    """A text as a code span in a line or a table cell of Markdown."""
    text = one_line(str(text))
    if "|" in text:  # which ends the cell of a table in a span too
        return f"<code>{markdown(text)}</code>"
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if text[:1] in "` " or text[-1:] in "` " else ""
    return f"{fence}{space}{text}{space}{fence}"


def block(text: str, language: str = "") -> str:
    """Lines as a code block of Markdown."""
    fence = "`" * max(3, max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{fence}{language}\n{visible(text)}\n{fence}"


def short(text: Any) -> str:
    """A text in one line, not longer than a picture has room for."""
    text = one_line(str(text))
    return text if len(text) <= _LONGEST_DRAWN else f"{text[: _LONGEST_DRAWN - 1]}…"


def drawn(text: Any) -> str:
    """A text in a matplotlib picture whose other texts may be formulas."""
    return short(text).replace("$", r"\$")


@contextmanager
def drawing(formulas: bool = True) -> Iterator[None]:
    """Around drawing and saving of matplotlib pictures: no warnings of letters that its fonts lack.

    Without ``formulas`` no text is read as one; axes with powers of ten need them.
    """
    import matplotlib

    with warnings.catch_warnings(), matplotlib.rc_context({} if formulas else {"text.parse_math": False}):
        warnings.simplefilter("ignore")
        yield


def shell(text: Any) -> str:
    """A text as one word of a command to be pasted into a shell."""
    return shlex.quote(str(text))


def is_pattern(path: Any) -> bool:
    """Whether ``datasets`` reads the path of a directory as a pattern, or as an address."""
    return re.search(r"[*?\[]|::|://", os.path.abspath(path)) is not None


def loading(path: Any, *names: str) -> str:
    """The Python call that loads a dataset or release directory, with the name of a config or none."""
    if not os.path.basename(path).strip("."):  # it makes no name of . and ..
        path = os.path.abspath(path)
    return f"sousa.load({', '.join(map(python, (path, *names)))})"


def uses(path: Any) -> str:
    """What can be done with a dataset, by its directory or address, a line each."""
    if "://" in os.fspath(path):
        return f"read in Python:  pyarrow.dataset.dataset({python(f'{path}/data/train')}).to_table()"
    place = os.path.normpath(path)
    lines = {
        "load in Python": loading(path),
        "look and listen": f"sousa open {shell(path)}",
        "other formats": f"sousa export {shell(path)} --to csv -o {shell(f'{place}-csv')}",
    }
    if find_spec("torchcodec") and not is_pattern(path):  # by which datasets decodes sound
        lines["without sousa"] = loading(path).replace("sousa.load", "datasets.load_dataset", 1)
    return "\n".join(f"{f'{what}:':<17}{how}" for what, how in lines.items())


def python(text: Any) -> str:
    """A text as a string of Python code."""
    return json.dumps(str(text), ensure_ascii=False)
