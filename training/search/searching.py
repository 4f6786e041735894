"""The sounds that a text is about, best first.

Conventions: a score is the cosine of the text's vector and the sound's, both as the model projects them: good
for an order, and for nothing else. A sound's vector is the mean of its windows.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa

from sousa.generation.captions.columns import ABOUT
from sousa.generation.columns import Text, stored_columns
from sousa.generation.console import SILENT, Console
from sousa.generation.errors import UsageError, one_of
from sousa.generation.outside import expanded, is_file
from sousa.training.embedding.command import embed
from sousa.training.embedding.inputs import AT
from sousa.training.embedding.layout import MANIFEST, Embeddings
from sousa.training.projection import pairs
from sousa.training.projection.model import ProjectionModel
from sousa.training.projection.running import refuse_others
from sousa.training.roles import Known


@dataclass(frozen=True)
class Hit:
    """A sound that was found.

    Attributes:
        text: what is said of it, or None.
        about: what else there is to tell, by name.
        at: where its sound is, see :mod:`sousa.training.embedding.inputs`; None where that is not known.
    """

    rank: int
    score: float
    sample_id: str
    text: str | None
    about: dict[str, str]
    at: str | None

    @property
    def address(self) -> str | None:
        """Its page or file on the web, if any."""
        return next(filter(_is_address, self.about.values()), None)

    @property
    def facts(self) -> dict[str, str]:
        """What there is to tell, but the address."""
        return {name: value for name, value in self.about.items() if value != self.address}


def _is_address(text: str) -> bool:
    try:
        return urlsplit(text).scheme in ("http", "https")
    except ValueError:
        return False


def embeddings_of(
    data: str, model: ProjectionModel, folder: Path, weights: str | None = None, console: Console = SILENT
) -> Embeddings:  # fmt: skip
    """The vectors of some sounds: those that are there, or else made now, and kept.

    Args:
        data: an embeddings directory, or what 'sousa embed' takes.
        folder: where new ones are kept.
        weights: of the encoder of sound, where they are not in their usual place.

    Raises: UsageError or RunError.
    """
    here = Path(expanded(data))
    if is_file(here / MANIFEST):
        try:
            return Embeddings(here)
        except UsageError:
            pass  # a dataset or a release has a manifest too
    name = str(model.config.audio["name"])
    whole = str(here.resolve()) if here.exists() else data
    place = folder / f"{Path(whole).name}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
    if not is_file(place / MANIFEST):
        console.say(f"{data} has no vectors yet; they are made by {name}, and kept in {place}")
    encoder = f"{name}={weights}" if weights else name
    source = {"dataset_file": data} if here.suffix == ".json" and is_file(here) else {"data": data}
    free = {"allow_non_commercial": bool(model.config.audio.get("non_commercial"))}
    embed(output=place, encoders=[encoder], text=[], console=console, **source, **free)
    return Embeddings(place)


def search(
    texts: Sequence[str], embeddings: Embeddings, model: ProjectionModel, tower: Any, rows: int = 10,
    split: str | None = None, where: Any = None,
) -> list[list[Hit]]:  # fmt: skip
    """The best sounds for each text.

    Args:
        tower: the encoder of texts, of :func:`sousa.training.projection.towers.tower_of`.
        rows: how many of each.
        split: of the sounds; None for all.
        where: filters of rows.

    Raises: UsageError for a request that makes no sense, or when no sound is left; RunError.
    """
    refuse_others(model, "audio", embeddings)
    if split is not None and split not in embeddings.splits:
        raise UsageError(f"--split: there is no split {one_of(split, embeddings.splits)}")
    tables, vectors, kept = [], [], None
    for table, means in pairs.sounds(embeddings, model.config.audio["name"], split):
        if kept is None:
            kept = Known(stored_columns(table.schema) or ()).filter(where)
        numbered = table.append_column("__row", pa.array(np.arange(len(table)), pa.int64()))
        if kept.columns:
            numbered = numbered.filter(kept.expression)
        chosen = numbered["__row"].to_numpy()
        tables.append(numbered.drop_columns(["__row"]))
        vectors.append(model.project("audio", means[chosen]))
    sounds = np.concatenate(vectors) if vectors else np.empty((0, 1))
    if not len(sounds):
        raise UsageError("no sound is left to search in; change --where or --split")
    # table by table: concatenated, columns that differ in type would not fit
    starts = np.cumsum([0, *map(len, vectors)])
    out = []
    for query in model.project("text", tower(list(texts))):
        scores = sounds @ query
        best = np.argsort(-scores, kind="stable")[:rows]
        hits = []
        for rank, number in enumerate(best.tolist(), 1):
            shard = int(np.searchsorted(starts, number, side="right")) - 1
            row = tables[shard].slice(number - starts[shard], 1)
            hits.append(_hit(row, rank, float(scores[number])))
        out.append(hits)
    return out


def _hit(row: pa.Table, rank: int, score: float) -> Hit:
    values = row.to_pylist()[0]
    text = next((c.name for c in stored_columns(row.schema) or () if isinstance(c.role, Text)), None)
    about = {name: str(values[name]) for name in ABOUT if values.get(name) is not None}
    said = values.get(text) if text else None
    return Hit(rank, score, str(values["sample_id"]), said, about, values.get(AT))
