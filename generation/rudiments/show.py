"""The ``sousa rudiments`` command: the rudiments and their notation."""

import argparse
from collections.abc import Callable
from typing import Any

_EXAMPLES = """examples:
  sousa rudiments
      all main forms
  sousa rudiments flam_accent drag
      two of them
  sousa rudiments 'flam:*'
      all variants of one of them"""


def command(parser: argparse.ArgumentParser, argv: list[str]) -> Callable[[argparse.Namespace, Any], None]:
    """Add the arguments; see :attr:`sousa.generation.corpus.Corpus.commands`."""
    parser.epilog = _EXAMPLES
    about = "slug, slug:variant or slug:* (default: all main forms)"
    parser.add_argument("names", nargs="*", metavar="NAME", help=about)
    return run


def run(arguments: argparse.Namespace, console: Any) -> None:
    """Print sticking, rhythm, metre and tempi of rudiments."""
    from sousa.generation.rudiments import definitions
    from sousa.generation.rudiments.notation import format_rhythm, format_sticking

    for form in definitions.select(arguments.names) if arguments.names else definitions.main_forms():
        title = form.name + (f" ({form.variant.replace('_', ' ')})" if form.variant else "")
        console.print(f"{form.number:2d} {form.form}  {title}")
        again = "then mirrored" if form.alternates else "same lead again"
        rhythm = format_rhythm(form.onsets, form.lengths, form.lead_beats)
        console.print(f"     {format_sticking(form.strokes)}   ({again})")
        console.print(f"     {rhythm} beats, {form.metre}, {form.tempo.min}-{form.tempo.max} BPM")
