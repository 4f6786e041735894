"""The encoded sounds of what was found, from where they were embedded."""

from collections.abc import Callable
from pathlib import Path

from sousa.generation.captions.sounds import file_bytes, sound_bytes
from sousa.generation.errors import RunError, SousaError
from sousa.generation.outside import expanded
from sousa.training.embedding.inputs import Stored, is_corpus, is_json
from sousa.training.search.searching import Hit

Fetch = Callable[[Hit], bytes]


def sounds_of(source: str) -> Fetch:
    """A function that gives the encoded sound of a hit, or raises a SousaError that says why there is none.

    Args:
        source: where the sounds are: a dataset directory, a release, a dataset on the Hub, a unified JSON
            file, or the folder of a corpus.
    """
    if is_json(source):
        return lambda hit: file_bytes(_at(hit))
    if is_corpus(source):
        return lambda hit: sound_bytes(Path(expanded(source)), _at(hit))
    stored = Stored(source)
    return lambda hit: stored(hit.sample_id)


def _at(hit: Hit) -> str:
    if hit.at is None:
        raise RunError("the corpus has no sound of it here")
    return hit.at


def fetched(hits: list[Hit], fetch: Fetch) -> tuple[dict[str, bytes], str | None]:
    """Sounds by name, and why the first that is missing is."""
    out: dict[str, bytes] = {}
    why = None
    for hit in hits:
        try:
            out[hit.sample_id] = fetch(hit)
        except SousaError as error:
            why = why or f"{hit.sample_id}: {error}"
    return out, why
