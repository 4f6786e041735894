"""What the reports have in common as HTML pages: one file each that needs no other, light and dark.

Conventions: texts go in through :func:`sousa.generation.text.html`. Everything on a page is inside its
``main``; what may be wider than a phone can be scrolled, with the keyboard too.
"""

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sousa.generation import text

STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
PASSED, FAILED, NOT_JUDGED = "PASS", "FAIL", "not judged"
Cell = Any  # a text, or a tuple of one piece of HTML


def page(title: str, parts: Iterable[str], style: str = "") -> str:
    """A whole page.

    Args:
        title: text of the browser's window.
        parts: HTML, in order.
        style: further rules of its own.
    """
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f"<title>{text.html(title)}</title><style>\n{STYLE}{style}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def verdict(passed: bool, words: str) -> str:
    """The result in a line that can't be overlooked."""
    mark = PASSED if passed else FAILED
    return f'<p class="verdict {mark}">{mark}: {text.html(words)}</p>'


def mark(passed: bool | None) -> str:
    """PASS or FAIL; ``not judged`` for None."""
    word = {True: PASSED, False: FAILED, None: NOT_JUDGED}[passed]
    return f"<span class={'soft' if passed is None else word}>{word}</span>"


def image(data: bytes, alt: str) -> str:
    """A PNG inside the page; ``alt``: what it shows, in words."""
    source = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    return f'<p><img alt="{text.html(alt)}" src="{source}"></p>'


def table(head: Sequence[Cell], rows: Iterable[Sequence[Cell]], numbers_from: int = 1_000) -> str:
    """A table; columns from ``numbers_from`` on are numbers. Cells that are tuples are HTML."""

    def row(cells: Sequence[Cell], tag: str) -> str:
        kinds = ["" if i < numbers_from else " class=n" for i in range(len(cells))]
        inner = [cell[0] if isinstance(cell, tuple) else text.html(cell) for cell in cells]
        # a header without a text is none
        tags = [tag if content else "td" for content in inner]
        return "".join(
            f"<{t}{kind}>{content}</{t}>" for t, kind, content in zip(tags, kinds, inner, strict=True)
        )

    body = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in rows)
    return f"<div class=scroll tabindex=0><table><tr>{row(head, 'th')}</tr>{body}</table></div>"
