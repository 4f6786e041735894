"""The encoded sounds of what was found, from where they were embedded."""

from collections.abc import Callable
from pathlib import Path

from sousa.generation.captions.sounds import file_bytes, sound_bytes
from sousa.generation.errors import RunError, SousaError
from sousa.generation.outside import expanded
from sousa.training.embedding.inputs import is_corpus, is_json
from sousa.training.search.searching import Hit
from sousa.training.stream import open_rows

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
    stored: list[tuple[object, dict[str, int]]] = []

    def of_dataset(hit: Hit) -> bytes:
        if not stored:
            rows = open_rows(source, columns="sample_id")
            stored.append((rows, {name: i for i, name in enumerate(rows.values("sample_id"))}))
        rows, numbers = stored[0]
        if hit.sample_id not in numbers:
            raise RunError("it has no sound in the dataset")
        return rows.encoded([numbers[hit.sample_id]])[0]  # type: ignore[attr-defined]

    return of_dataset


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
