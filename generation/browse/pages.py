"""The first page of a dataset: what it is, where its reports are, and a table of its rows.

Conventions: a page without scripts. Forms and links ask the server for another part of the table, so it works
for any number of rows.
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode

from sousa.generation import text, webpage
from sousa.generation.browse.listing import PAGE, SORT, Control, Listing, Part
from sousa.generation.columns import Column, split_counts
from sousa.generation.preview.source import Source

_STYLE = """
form{display:flex;flex-wrap:wrap;gap:.6em .9em;align-items:end;margin:1em 0}
label{color:var(--soft);font-size:.87em}
select,input,button{display:block;font:inherit;color:var(--text);background:var(--back);
border:1px solid var(--soft);border-radius:5px;padding:.25em .5em;max-width:14em}
button{cursor:pointer;background:var(--card)}
fieldset{border:0;padding:0;margin:0}legend{color:var(--soft);font-size:.87em;padding:0}
fieldset input{display:inline-block;width:6em}
audio{height:2.1em;width:13em;display:block}
nav{display:flex;flex-wrap:wrap;gap:.4em 1.4em;margin:.8em 0}
td,th{white-space:nowrap}
.card{min-width:8em}
"""
_LINKS = (
    ("preview", "Preview", "an even selection of rows, with their sound and labels"),
    ("report", "Validation report", "what was checked, and the figures"),
    ("card", "Dataset card", "what it holds, in words"),
)


def first_page(listing: Listing, part: Part, kept: Sequence[str], path: str) -> str:
    """The page.

    Args:
        kept: which of preview, report and card can be opened.
        path: of the dataset, as the user named it.
    """
    source = listing.source
    parts = [
        f"<h1>{text.html(source.facts['dataset'])}</h1>",
        f'<p class="soft">{text.html(_about(listing))}</p>',
        _cards(source),
        "<nav aria-label=Pages>" + "".join(_link(*link) for link in _LINKS if link[0] in kept) + "</nav>",
        "<h2>Rows</h2>",
        _form(listing.controls, part),
        f"<p role=status>{_count(part, source.facts['num_rows'])}</p>",
        _table(listing.shown, part, bool(source.facts["with_audio"])),
        _pages(part),
        _same_rows(part, path),
    ]
    return webpage.page(source.facts["dataset"], parts, _STYLE)


def problem_page(title: str, words: str) -> str:
    """Says why a request has no answer."""
    back = '<p><a href="/">All rows</a></p>'
    return webpage.page(title, [f"<h1>{title}</h1><p>{text.html(words)}</p>{back}"])


def text_page(title: str, content: str) -> str:
    """A text as it is, such as a card."""
    back = '<p><a href="/">Back to the rows</a></p>'
    lines = "\n".join(map(text.html, content.splitlines()))
    head = f"<h1>{text.html(title)}</h1>"
    return webpage.page(title, [back, head, f"<pre class=scroll tabindex=0>{lines}</pre>"])


def _about(listing: Listing) -> str:
    facts = listing.source.facts
    return f"{listing.corpus.name} {facts['data_version']}, {facts['size']}"


def _cards(source: Source) -> str:
    counts = split_counts((record["split"], record["rows"]) for record in source.records)
    values = {"rows": source.facts["num_rows"], **{name: count for name, count in counts.items() if count}}
    cards = (f'<div class="card"><b>{count:,}</b>{name}</div>' for name, count in values.items())
    return f'<div class="cards">{"".join(cards)}</div>'


def _link(place: str, title: str, about: str) -> str:
    return f'<span><a href="/{place}">{title}</a> <span class="soft">{about}</span></span>'


def _form(controls: Sequence[Control], part: Part) -> str:
    names = [control for control in controls if control.span is None]
    spans = [control for control in controls if control.span is not None]
    asked = any(control.column.name in part.where for control in spans)
    known = {control.column.name for control in controls}
    ranges = "".join(_range(control, part.where) for control in spans)
    numbers = f"<details{' open' if asked else ''}><summary>Numbers</summary>" \
        f"<div class=cards>{ranges}</div></details>"  # fmt: skip
    return (
        '<form method="get" action="/" role="search" aria-label="Filter rows">'
        + "".join(_names(control, part.where) for control in names)
        + (numbers if spans else "")
        + _hidden({name: part.where[name] for name in part.where if name not in known})
        + (f'<input type=hidden name={SORT} value="{text.html(part.sort)}">' if part.sort else "")
        + "<button>Show</button>"
        + ('<a href="/">Show all</a>' if part.where or part.sort else "")
        + "</form>"
    )


def _hidden(where: Mapping[str, str]) -> str:
    """Filters that have no field of their own, such as other names of columns; they go on to hold."""
    return "".join(
        f'<input type=hidden name="{text.html(name)}" value="{text.html(value)}">'
        for name, value in where.items()
    )


def _names(control: Control, where: Mapping[str, str]) -> str:
    name, asked = text.html(control.column.name), where.get(control.column.name, "")
    if not control.names or (asked and asked not in control.names):
        return f'<label>{name}<input name="{name}" value="{text.html(asked)}"></label>'
    options = "".join(map(partial(_option, asked), control.names))
    return f'<label>{name}<select name="{name}"><option value="">any</option>{options}</select></label>'


def _option(asked: str, value: str) -> str:
    chosen = " selected" if value == asked else ""
    return f'<option value="{text.html(value)}"{chosen}>{text.html(value)}</option>'


def _range(control: Control, where: Mapping[str, str]) -> str:
    column, (low, high) = control.column, control.span or (0.0, 0.0)
    name, unit = text.html(column.name), f" ({text.html(column.unit)})" if column.unit else ""
    asked = where.get(column.name, "")
    ends = math.floor(low * 1e6) / 1e6, math.ceil(high * 1e6) / 1e6
    hint = ",".join(f"{end:.15g}" for end in ends)
    return (
        f'<label>{name}{unit}<input name="{name}" value="{text.html(asked)}" placeholder="{hint}" '
        f'title="the least and the greatest, such as {hint}"></label>'
    )


def _count(part: Part, total: int) -> str:
    if part.count == total:
        return f"{total:,} rows"
    return f"{part.count:,} of {total:,} rows"


def _table(columns: Sequence[Column], part: Part, with_audio: bool) -> str:
    numeric = [column.type not in ("string", "bool") for column in columns]
    head: list[Any] = [(_order(column, part),) for column in columns]
    where = [column.name for column in columns].index("sample_id")
    rows = []
    for row in part.rows:
        cells: list[Any] = [
            _number(row[column.name]) if number else "" if row[column.name] is None else row[column.name]
            for column, number in zip(columns, numeric, strict=True)
        ]
        cells[where] = (f'<a href="/row/{row["number"]}">{text.html(row["sample_id"])}</a>',)
        if with_audio:
            name = text.html(f"sound of {row['sample_id']}")
            cells.insert(where + 1, (
                f'<audio controls preload=none aria-label="{name}" src="/audio/{row["number"]}"></audio>',
            ))  # fmt: skip
        rows.append(cells)
    if with_audio:
        head.insert(where + 1, "audio")
    return webpage.table(head, rows)


def _number(value: Any) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _order(column: Column, part: Part) -> str:
    """The title of a column, which orders the rows by it."""
    ascending = part.sort == column.name
    mark = " ▲" if ascending else " ▼" if part.sort == f"-{column.name}" else ""
    address = _address(part, {SORT: f"-{column.name}" if ascending else column.name})
    title = text.html(f"{column.meaning}; order by it")
    return f'<a href="{address}" title="{title}">{text.html(column.name)}</a>{mark}'


def _pages(part: Part) -> str:
    if part.pages == 1:
        return ""
    sort = {SORT: part.sort} if part.sort else {}

    def link(page: int, title: str) -> str:
        there = 1 <= page <= part.pages
        return f'<a href="{_address(part, {**sort, PAGE: page})}">{title}</a>' if there else ""

    where = f"<span>page {part.page:,} of {part.pages:,}</span>"
    return (
        f"<nav aria-label=Table>{link(part.page - 1, 'Previous')}{where}{link(part.page + 1, 'Next')}</nav>"
    )


def _address(part: Part, more: Mapping[str, Any]) -> str:
    return text.html(f"/?{urlencode({**part.where, **more})}")


def _same_rows(part: Part, path: str) -> str:
    """How other commands take the same rows."""
    words = [f"--where {text.shell(f'{name}={value}')}" for name, value in part.options.items()]
    command = " ".join(["sousa export", text.shell(path), "--to csv -o FOLDER", *words])
    return f"<p class=soft>The same rows as files: <code>{text.html(command)}</code></p>"
