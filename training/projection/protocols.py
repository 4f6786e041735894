"""Published protocols of retrieval, so that figures can be compared with those of others.

Conventions: sounds and texts are those of one corpus in the test split. Every text is a query of its own with
exactly one sound that belongs to it, and a candidate of its own, whether another says the same or not. A
sound is the mean of the windows of its clip, whole, nothing cropped. From sound to text a sound has several
texts: recall counts them all, a hit is one of them. Means are over queries and, as ``macro``, over sounds.

Figures are comparable when the counts are those of the protocol; when they are not, that is said.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from sousa.generation.columns import Breakdown, having, stored_columns
from sousa.generation.errors import RunError, UsageError, first_line, one_of
from sousa.generation.outside import parse_json
from sousa.training.metrics.retrieval_metrics import KS, ranks_of_vectors, retrieval_metrics
from sousa.training.projection import ranking
from sousa.training.projection.pairs import Pairs
from sousa.training.report import words


@dataclass(frozen=True)
class Protocol:
    """A protocol, as protocols.toml has it."""

    name: str
    dataset: str
    sounds: int
    texts: int
    main: str
    revision: str
    subset: tuple[str, ...] = ()
    anchors: tuple[dict[str, Any], ...] = ()


@cache
def protocols() -> dict[str, Protocol]:
    """All protocols by name."""
    entries = tomllib.loads(Path(__file__).with_name("protocols.toml").read_text("utf-8"))
    return {
        name: Protocol(name, **{key: tuple(v) if isinstance(v, list) else v for key, v in entry.items()})
        for name, entry in entries.items()
    }


def protocol(name: str) -> Protocol:
    """A protocol by its name; raises UsageError when there is none."""
    if name not in protocols():
        raise UsageError(f"--protocol {one_of(name, protocols())}")
    return protocols()[name]


def measure(by: Protocol, model: Any, pairs: Pairs, resamples: int = 1000, seed: int = 0) -> dict[str, Any]:
    """The figures of a model by a protocol, as plain data.

    Args:
        pairs: of the test split, of any corpora.
        resamples, seed: of the intervals, whose groups are sounds.

    Raises: UsageError when no row of the corpus is there, or it lacks what the protocol asks for.
    """
    chosen = _texts(by, pairs)
    audio, text = ranking.by_model(model, pairs)
    sounds, number = np.unique(pairs.sound_of[chosen], return_inverse=True)
    audio, text = audio[sounds], text[chosen]
    of_text = ranks_of_vectors(text, audio, number[:, None])
    of_sound = ranks_of_vectors(audio, text, [np.flatnonzero(number == i) for i in range(len(sounds))])
    options = (resamples, seed)
    directions = {
        ranking.TO_AUDIO: retrieval_metrics(of_text, [len(sounds)] * len(text), number.tolist(), *options),
        ranking.TO_TEXT: retrieval_metrics(of_sound, [len(text)] * len(sounds), None, *options),
    }
    return {
        "protocol": by.name, "revision": by.revision, "main": by.main, "num_sounds": len(sounds),
        "num_texts": len(text), "comparable": (len(sounds), len(text)) == (by.sounds, by.texts),
        **directions, "anchors": list(by.anchors),
    }  # fmt: skip


def _texts(by: Protocol, pairs: Pairs) -> np.ndarray:
    """Numbers of the texts that the protocol is about."""
    columns = [c for c in having(stored_columns(pairs.rows.schema) or (), Breakdown) if c.role.main]
    if not columns:
        raise UsageError(f"--protocol {by.name}: the rows do not say which corpus they are of")
    ours = np.array([name == by.dataset for name in pairs.rows[columns[0].name].to_pylist()])
    chosen = ours[pairs.sound_of]
    if by.subset and chosen.any():
        chosen[chosen] = _marked(by, pairs, np.flatnonzero(chosen))
    if not chosen.any():
        raise UsageError(f"--protocol {by.name}: there is no such row of {by.dataset} in the split")
    return np.flatnonzero(chosen)


def _marked(by: Protocol, pairs: Pairs, texts: np.ndarray) -> list[bool]:
    column, listed, key = by.subset
    if column not in pairs.rows.column_names:
        raise UsageError(f"--protocol {by.name} needs the column {column}, which these embeddings lack")
    entries = pairs.rows[column].to_pylist()
    numbers, marks = pairs.texts["number"].to_pylist(), []
    for text in texts:
        said = entries[pairs.sound_of[text]]
        try:
            marks.append(parse_json(said)[listed][numbers[text]].get(key) is True)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            name = pairs.rows["sample_id"][int(pairs.sound_of[text])].as_py()
            raise RunError(f"{column} of {name} says nothing of its texts: {first_line(error)}") from None
    return marks


def summary(figures: dict[str, Any]) -> str:
    """Figures in a few lines."""
    by = protocol(figures["protocol"])
    lines = [f"{by.name}: {figures['num_sounds']:,} sounds, {figures['num_texts']:,} texts ({by.revision})"]
    if not figures["comparable"]:
        lines.append(
            f"NOT COMPARABLE with figures of others: the protocol has {by.sounds:,} sounds and {by.texts:,} "
            "texts; embed the whole corpus"
        )
    for name in (ranking.TO_AUDIO, ranking.TO_TEXT):
        target = figures[name]
        keys = [f"recall_at_{k}" for k in KS]
        keys += [f"hit_at_{k}" for k in KS] * (name == ranking.TO_TEXT) + ["median_rank"]
        said = ", ".join(f"{words.metric(key)} {words.interval(target[key], key)}" for key in keys)
        lines.append(f"{name.replace('_', ' ')}: {said}")
    lines += [
        f"  {anchor['system']}: {' / '.join(map(str, anchor['figures']))} % ({anchor['source']})"
        for anchor in figures["anchors"]
    ]
    return "\n".join(lines)
