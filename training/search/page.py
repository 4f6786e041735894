"""A page to listen to what was found: one HTML file that needs no other, and points only where rows do."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from sousa.generation.text import html
from sousa.training.search.searching import Hit

MARK = b'content="sousa search"'
MOST_BYTES = 200_000_000  # browsers read a page into memory whole
_HERE = Path(__file__).parent
_KINDS = ((b"fLaC", "audio/flac"), (b"RIFF", "audio/wav"), (b"OggS", "audio/ogg"))


def encode(
    texts: Sequence[str], hits: Sequence[Sequence[Hit]], sounds: Mapping[str, bytes], about: str
) -> tuple[bytes, int]:
    """The page.

    Args:
        hits: of each text.
        sounds: encoded, by name of the row; a page that would be too large has the first of them.
        about: a line on what was searched.

    Returns: the page, and how many sounds are left out because there is no room.
    """
    room, left, sections = MOST_BYTES, 0, []
    for text, of_text in zip(texts, hits, strict=True):
        lines = []
        for hit in of_text:
            data = sounds.get(hit.sample_id, b"")
            size = -(-len(data) // 3) * 4
            fits = size <= room
            room -= size * fits
            left += not fits
            lines.append(_hit(hit, data if fits else b""))
        sections.append(f"<section><h2>{html(text)}</h2>\n<ol>\n{''.join(lines)}</ol></section>")
    parts = {
        "TITLE": html(", ".join(texts)), "ABOUT": html(about), "RESULTS": "\n".join(sections),
        "STYLE": (_HERE / "page.css").read_text("utf-8"), "SCRIPT": (_HERE / "page.js").read_text("utf-8"),
    }  # fmt: skip
    before, *rest = (_HERE / "page.html").read_text("utf-8").split("@@")
    return (before + "".join(parts.get(part, part) for part in rest)).encode(), left


def _hit(hit: Hit, sound: bytes) -> str:
    facts = [html(value) for value in (*hit.facts.values(), hit.sample_id)]
    if address := hit.address:
        facts.append(f'<a href="{html(address)}" rel="noreferrer">{html(address)}</a>')
    share = 50 * (1 + min(max(hit.score, -1.0), 1.0))
    player = ""
    if sound:
        data = base64.b64encode(sound).decode()
        player = f'<audio controls preload="none" src="data:{_kind(sound)};base64,{data}"></audio>'
    meter = f'<span class="meter"><i style="width:{share:.1f}%"></i></span>{hit.score:.3f}'
    return (
        f'<li><span class="rank">{hit.rank}</span><div><p class="said">{html(hit.text or "")}</p>'
        f'<p class="about">{meter}</p><p class="about">{" · ".join(facts)}</p>{player}</div></li>\n'
    )


def _kind(sound: bytes) -> str:
    return next((kind for mark, kind in _KINDS if sound.startswith(mark)), "audio/mpeg")
