"""The pages of the documentation as a reader would follow them.

Conventions: a block of ``sh``, ``python``, ``yaml``, ``toml`` or ``sql`` is fenced. A block with
``title="NAME"`` is a file to save. ``<!-- not run: reason -->`` in the line before a block says why the tests
don't run it, and ``<!-- environment: training -->`` that it needs torch; at the head of a page
``environment: training`` says so of all its blocks. Blocks of a page run in order, in one directory, and its
Python in one process.
"""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
_BLOCK = re.compile(
    r"(?:^<!-- (?P<key>not run|environment): (?P<value>[^\n]*?) -->\n)?"
    r"^```(?P<kind>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A block of a page; ``reason``: why it is not run, or empty; ``training``: it needs torch."""

    kind: str
    text: str
    title: str | None
    reason: str
    training: bool
    line: int


def blocks(page):
    """All blocks of a page, in order."""
    text = Path(page).read_text(encoding="utf-8")
    everywhere = text.startswith("---\nenvironment: training\n")
    out = []
    for match in _BLOCK.finditer(text):
        reason = match["value"] if match["key"] == "not run" else ""
        training = everywhere or match["key"] == "environment"
        line = text.count("\n", 0, match.start("text"))
        out.append(Block(match["kind"], match["text"], match["title"], reason, training, line))
    return out


def commands(block):
    """The commands of a shell block, each a list of words; comments are left out."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


_HOW = """
import subprocess

def sh(text, name):
    subprocess.run(["bash", "-euo", "pipefail", "-c", text], check=True)

def python(text, name):
    exec(compile(text, name, "exec"), globals())
"""


def run(page, place, training=False, chosen=None):
    """Follow a page in a directory; returns the finished process.

    Args:
        training: run blocks that need torch too.
        chosen: only blocks for which this function is true.
    """
    script = [_HOW]
    for block in blocks(page):
        if block.reason or block.kind not in ("sh", "python", "yaml") or (block.training and not training):
            continue
        if chosen is not None and not chosen(block):
            continue
        name = f"{Path(page).name}:{block.line}"
        if block.title:
            (Path(place) / block.title).write_text(block.text, encoding="utf-8")
        else:
            script += [f"print({name!r}, flush=True)", f"{block.kind}({block.text!r}, {name!r})"]
    (Path(place) / "training").symlink_to(ROOT / "training")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(script)], cwd=place, capture_output=True, text=True,
        env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done
