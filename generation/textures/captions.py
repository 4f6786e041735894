"""What is heard in a row, in sentences: the sound, and its parameters in relative words.

``captions.toml`` has the words. A parameter is called by where its value lies in the declared range; one that
moves in the row by where it goes. Of a synthesizer that is not in the file, the names of its swept parameters
are said.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from sousa.generation.captions.english import in_order, sentence, with_article

LIKE = {"pop_documented": "pop"}
VERY = 1 / 6  # from each end of a range
STILL = 0.1  # of a range: what moves less is called by its mean
PREPOSITIONS = ("by", "in", "with")
_FEW = 3  # events: of fewer, nothing is said about how they follow each other


def captions(row: Mapping[str, Any]) -> list[str]:
    """See :meth:`sousa.generation.corpus.Corpus.captions`."""
    return in_order(row["seed"], row["sample_id"], wordings(row))


def wordings(row: Mapping[str, Any]) -> list[str]:
    """All wordings of a row."""
    if row["pcm_digest"] is not None and row["peak_db"] is None:
        return ["Silence.", "Nothing is heard.", "A silent recording."]
    words = _words().get(LIKE.get(row["synth"], row["synth"]), {})
    event, count = words.get("event"), row["num_events"]
    if event and count == 0:
        return [
            f"The end of what was heard before, without a new {event}.",
            f"No {event} begins, and the last ones die away.",
            f"A fading remainder in which no {event} begins.",
        ]
    said = descriptions(row, words)
    adjectives = ", ".join(text for text in said if not text.startswith(" "))
    if event and count == 1:
        thing = with_article(f"single {adjectives} {event}".replace("  ", " "))
    else:
        noun = words.get("noun") or f"texture of the kind {row['synth'].replace('_', ' ')}"
        thing = f"{adjectives} {noun}".strip()
        thing = with_article(thing) if not words or "determiner" in words else thing
    after = [text.strip() for text in said if text.startswith(" ")]
    close = [text for text in after if text.split()[0] in PREPOSITIONS]
    thing = " ".join([thing, " and ".join(close)]).strip()
    thing = ", ".join([thing, *(text for text in after if text not in close)])
    beginnings = ("", "the sound of", "a synthesized texture of", "this is the sound of")
    return [sentence(beginning, thing) for beginning in beginnings]


@cache
def _words() -> dict[str, dict[str, Any]]:
    return tomllib.loads((Path(__file__).parent / "captions.toml").read_text(encoding="utf-8"))


def descriptions(row: Mapping[str, Any], words: Mapping[str, Any]) -> list[str]:
    """What is said of the parameters of a row, in the order of ``words``; none in the middle of its range."""
    params = {param["name"]: param for param in row["params"]}
    curves = {name: _curve(row["curves"], name) for name, param in params.items() if param["norm"] is None}
    values = {name: param["natural"] for name, param in params.items()}
    values |= {name: float(np.mean(natural)) for name, (natural, _) in curves.items()}
    if not words:
        swept = [name for name, param in params.items() if param["role"] in ("swept", "moving")]
        words = {name: _plain(name) for name in swept}
    said, few = [], row["num_events"] is not None and row["num_events"] < _FEW
    for name, way in words.items():
        if name not in params or (few and way.get("repeated")):
            continue
        if any(values[needed] < least for needed, least in way.get("needs", {}).items()):
            continue
        norm = params[name]["norm"]
        if norm is None:
            norms = curves[name][1]
            if np.ptp(norms) >= STILL:
                said.append(_moving(norms, way))
                continue
            norm = float(np.mean(norms))
        said.append(_relative(norm, values[name], way))
    return [text for text in said if text]


def _plain(name: str) -> dict[str, str]:
    text = name.replace("_", " ")
    return {
        "low": f" with low {text}",
        "high": f" with high {text}",
        "less": f"lower in {text}",
        "more": f"higher in {text}",
    }


def _relative(norm: float, natural: float, way: Mapping[str, Any]) -> str:
    """The word for where a value lies in its range."""
    if "below" in way:
        where = "low" if natural < way["below"] else "high" if natural > way["above"] else "middle"
        return way.get(where, "")
    word = way.get("low" if norm < 1 / 3 else "high" if norm > 2 / 3 else "middle", "")
    plain = " " not in word and not word.endswith("ing")  # nothing is very howling
    return f"very {word}" if plain and not VERY <= norm <= 1 - VERY else word


def _moving(norms: np.ndarray, way: Mapping[str, Any]) -> str:
    """What is said of a value that goes from one end of the row to the other, or to and fro."""
    steps = np.diff(norms)
    if (steps >= 0).all():
        return f" growing {way['more']}"
    if (steps <= 0).all():
        return f" growing {way['less']}"
    return f" now {way['less']}, now {way['more']}"


def _curve(curves: list[Mapping[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Natural and normalised values of a parameter that moves, frame by frame."""
    frames = [curve for curve in curves if curve["name"] == name]
    return np.array([f["natural"] for f in frames]), np.array([f["norm"] for f in frames])
