"""The command ``sousa search``."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from sousa.generation import extras
from sousa.generation.commandline import quiet
from sousa.generation.console import Console
from sousa.generation.errors import UsageError, collected, not_whole, raise_all
from sousa.generation.outside import expanded
from sousa.generation.storage import atomic_file, output_path, refuse_others_file
from sousa.generation.text import as_line

DATA, MODEL = "data/processed_embeddings", "output/projection"
_EXAMPLES = """examples:
  sousa search "calm piano"
      the ten best sounds of data/processed_embeddings, by output/projection
  sousa search "calm piano" "loud drums" --data output/release --model output/projection --page found.html
      of a release, whose sounds are embedded first; with a page to listen to them
  sousa search "calm piano" --where '{licence: [CC-BY-4.0, CC0-1.0]}' --json
      only sounds under these licences, as JSON"""
_WIDTH = 44  # of a cell


def command(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa search TEXT``."""
    parser.description = "Find sounds by a sentence, with a model of 'sousa project'."
    parser.epilog = _EXAMPLES
    add = parser.add_argument_group("what to search").add_argument
    add("text", nargs="+", metavar="TEXT", help="sentence to search for; several are searched one by one")
    about = "what 'sousa embed' made, or a dataset or release (default: %(default)s)"
    add("--data", "-d", default=DATA, metavar="DATA", help=about)
    add("--model", "-m", default=MODEL, metavar="RUN", help="a run of 'sousa project' (default: %(default)s)")
    about = "sounds for each sentence (default: %(default)s)"
    add("--rows", "-n", type=int, default=10, metavar="N", help=about)
    add("--split", help="only sounds of this split (default: all)")
    add("--where", help="only these rows, as YAML: '{COLUMN: [NAME], OTHER: [60, 120]}'")
    add = parser.add_argument_group("output").add_argument
    add("--json", action="store_true", help="print JSON in place of a table")
    add("--page", metavar="FILE", help="also write a page with the sounds: one HTML file")
    about = "where to read the page's sounds (default: where they were embedded)"
    add("--sounds", metavar="DATA", help=about)
    more = parser.add_argument_group("execution")
    add = more.add_argument
    for side, noun in (("text", "texts"), ("audio", "sounds")):
        about = f"weights of the encoder of {noun} (default: their usual place)"
        add(f"--{side}-weights", metavar="PATH", help=about)
    add("--device", help="such as cpu or cuda (default: cuda where there is one)")
    quiet(more)
    return _search


def _search(arguments: argparse.Namespace, console: Console) -> None:
    os.environ.setdefault("GOMP_SPINCOUNT", "0")  # see training/train.py
    problems = not_whole("--rows", arguments.rows, "1 or more", 1)
    problems += ["a text is empty; write a sentence" for text in arguments.text if not text.strip()]
    page = None
    if arguments.page is not None:
        with collected(problems):
            page = Path(output_path(arguments.page, "--page"))
    raise_all(problems)
    try:
        import torch

        from sousa.training.models.places import device_of
        from sousa.training.projection import lora
        from sousa.training.projection.model import load, place_of
        from sousa.training.projection.towers import tower_of
        from sousa.training.search import page as pages
        from sousa.training.search import searching, sounds
    except ImportError as error:
        raise extras.missing("'sousa search'", error) from None
    if page is not None:
        refuse_others_file(page, pages.MARK)
    device = device_of(arguments.device, torch)
    model = load(arguments.model).to(device)
    kept = Path(expanded(arguments.model)) / "embedded"
    embeddings = searching.embeddings_of(arguments.data, model, kept, arguments.audio_weights, console)
    ranks, weights = lora.saved_ranks(place_of(arguments.model)), {"text": arguments.text_weights}
    if "audio" in ranks:
        raise UsageError(
            f"the encoder of sound of {arguments.model} has learnt too, so stored vectors don't fit it; "
            "search with a run without --lora audio"
        )
    if ranks:
        adapted = lora.with_adapters(model, ranks, weights, None, device)
        adapted.load_saved(place_of(arguments.model))
        tower = adapted.eval().towers["text"].tower
    else:
        tower = tower_of("text", model.config.text, arguments.text_weights, device)
    hits_of = searching.search(
        arguments.text, embeddings, model, tower, arguments.rows, arguments.split, arguments.where
    )
    if arguments.json:
        lines = [
            {"query": text, "hits": [vars(hit) for hit in hits]}
            for text, hits in zip(arguments.text, hits_of, strict=True)
        ]
        console.print(json.dumps(lines, indent=1, ensure_ascii=False))
    else:
        for text, hits in zip(arguments.text, hits_of, strict=True):
            console.print(f"\n{as_line(text)}\n{table(hits)}")
    if page is None:
        return
    source = arguments.sounds or str(embeddings.manifest.get("source") or "")
    everything = [hit for hits in hits_of for hit in hits]
    data, why = sounds.fetched(everything, sounds.sounds_of(source))
    if why:
        missing = sum(hit.sample_id not in data for hit in everything)
        console.say(f"{missing} of {len(everything)} are without sound in the page ({why}); see --sounds")
    about = f"{embeddings.storage.root}, by {arguments.model}"
    encoded, left = pages.encode(arguments.text, hits_of, data, about)
    if left:
        console.say(f"{left} sounds have no room in the page; ask for fewer with --rows")
    with atomic_file(page) as file:
        file.write(encoded)
    console.tell(f"page: {page}")


def table(hits: list[Any]) -> str:
    """Hits as lines of text with a head."""
    names = list(dict.fromkeys(name for hit in hits for name in hit.facts))
    head = ["rank", "score", *names, "what is said", "name", "where"]
    lines = [
        [str(hit.rank), f"{hit.score:.3f}", *(_cell(hit.facts.get(name)) for name in names), _cell(hit.text),
         _cell(hit.sample_id), as_line(hit.address or hit.at or "–")]
        for hit in hits
    ]  # fmt: skip
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, *lines]
    )


def _cell(value: Any) -> str:
    text = as_line(str(value)) if value is not None else "–"
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
