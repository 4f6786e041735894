"""Captioned rows as one JSON file: an array of objects, ``id, audio_path, caption, duration`` and more.

Conventions: the four are in every object; ``alt_captions`` and ``dataset`` too where rows are ours;
``artist``, ``title``, ``tags`` and ``license`` where they are known. ``audio_path`` is absolute, ``duration``
in seconds. Ours have ``split`` and ``group_id`` besides, so that what is for evaluation stays so, and
``genres``, ``caption_source``, ``language`` and ``url`` where they are known.
The file is strict JSON: no NaN, no infinity, and no duplicate keys. It is written and read an object at a
time.
"""

import heapq
import io
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sousa.generation.captions import index, sounds
from sousa.generation.captions.corpus import ending
from sousa.generation.captions.english import listed
from sousa.generation.captions.evaluation_sets import FOR_TESTS
from sousa.generation.captions.settings import Config
from sousa.generation.columns import SPLITS
from sousa.generation.errors import RunError, one_of
from sousa.generation.outside import expanded, is_file, opened, shallow
from sousa.generation.outside import read as read_bytes
from sousa.generation.storage import LocalStorage, atomic_file

FIELDS: dict[str, tuple[type, ...]] = {
    "id": (str,), "audio_path": (str,), "caption": (str,), "duration": (int, float), "alt_captions": (list,),
    "dataset": (str,), "split": (str,), "group_id": (str,), "artist": (str,), "title": (str,),
    "tags": (list,), "license": (str,), "genres": (list,), "caption_source": (str,), "language": (str,),
    "url": (str,),
}  # fmt: skip
REQUIRED = ("id", "audio_path", "caption", "duration")
LONGEST_SEC = 1_000_000
FILE_BYTES, OBJECT_BYTES = 64 << 30, 1 << 20
_BLOCK, _INK = 1 << 16, re.compile(r"[^ \t\r\n]")
_LONGEST_WORD = 32  # that may be cut short where a block ends
_SPLITS = {"val": "validation", "valid": "validation", "dev": "validation", "eval": "test"}


def write(config: Config, path: str | Path, done: Callable[[int], Any] = lambda rows: None) -> int:
    """Write the chosen rows that have their sound, in the order in which they were taken.

    Sounds that are rows of Parquet files are written as files into a folder beside ``path``: of ``rows.json``
    into ``rows_audio``.

    Returns: how many rows there are.
    """
    path, count = Path(path), 0
    written = _written_sounds(config, path)
    with atomic_file(path) as file:
        file.write(b"[")
        for row in _in_order(config):
            done(1)
            if row["num_samples"] is None:
                continue
            text = json.dumps(_object(config, row, written), ensure_ascii=False, allow_nan=False)
            file.write(b",\n" * bool(count) + b"\n" * (not count) + text.encode())
            count += 1
        file.write(b"\n]\n")
    return count


def _in_order(config: Config) -> Iterator[dict[str, Any]]:
    """Rows of all splits in the order in which they were taken."""

    def of_split(begin: int, rows: int) -> Iterator[dict[str, Any]]:
        for table in index.read(config.chosen, begin, rows):
            yield from table.to_pylist()

    begins = (0, config.rows[0], config.rows[0] + config.rows[1])
    parts = [of_split(begin, rows) for begin, rows in zip(begins, config.rows, strict=True) if rows]
    return heapq.merge(*parts, key=lambda row: row["taken"])


def _written_sounds(config: Config, path: Path) -> dict[str, str]:
    """Write the sounds that are rows of Parquet files, in their order there; their paths by ``sample_id``."""
    inside = []
    for table in index.read(config.chosen, 0, config.num_rows):
        names = ("folder", "audio_at", "sample_id", "num_samples")
        for folder, at, name, samples in zip(*(table[name].to_pylist() for name in names), strict=True):
            if samples is not None and sounds.file_of(at) != at:
                inside.append((folder, sounds.place_in_file(at), at, name))
    out = {}
    for folder, _, at, name in sorted(inside):
        data = sounds.sound_bytes(Path(config.root) / folder, at)
        place = path.absolute().with_name(f"{path.stem}_audio") / f"{name}{ending(data)}"
        _keep(data, place, path)
        out[name] = str(place)
    return out


def _object(config: Config, row: Mapping[str, Any], written: Mapping[str, str]) -> dict[str, Any]:
    name, own = row["sample_id"], os.path.abspath(Path(config.root) / row["folder"] / row["audio_at"])
    known = {
        "id": name, "audio_path": written.get(name, own), "caption": row["caption"],
        "alt_captions": [other["text"] for other in row["alt_captions"]],
        "duration": row["num_samples"] / row["sample_rate"], "dataset": row["dataset"],
        "split": row["split"], "group_id": row["group_id"],
    }  # fmt: skip
    names = ("artist", "title", "tags", "genres", "caption_source", "language", "url")
    more = {name: row[name] for name in names} | {"license": row["licence"]}
    return known | {name: value for name, value in more.items() if value}


def _keep(data: bytes, place: Path, path: Path) -> None:
    """Write a sound beside the JSON file, unless it is there; RunError where something else is."""
    if os.path.lexists(place) and not is_file(path):  # an earlier JSON file of ours was made with its sounds
        if is_file(place) and read_bytes(place, sounds.SOUND_BYTES) == data:
            return
        raise RunError(
            f"{place} is there and was not made by this command; move it, or choose another --output"
        )
    if place.parent.is_symlink():
        raise RunError(
            f"{place.parent} is a link; sounds are not written through it; choose another --output"
        )
    with LocalStorage(str(place.parent)).writing(place.name) as file:
        file.write(data)


def read(path: str | Path) -> Iterator[dict[str, Any]]:
    """Objects of a file, each checked.

    Raises: RunError that names the first object that is wrong, and what is wrong with it.
    """
    for number, entry in enumerate(_objects(path)):
        if problem := problem_of(entry):
            raise RunError(f"{path}: object {number}: {problem}")
        yield entry


def problem_of(entry: Any) -> str | None:
    """What is wrong with an object, or None. Fields that are not ours may be there, of any kind."""
    if not isinstance(entry, dict):
        return "is no object"
    if missing := [name for name in REQUIRED if entry.get(name) in (None, "")]:
        return f"has no {', '.join(missing)}"
    for name, kinds in FIELDS.items():
        value = entry.get(name)
        if value is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
            return f"{name} is {json.dumps(value)[:60]}, which is of another kind"
    if not 0 <= entry["duration"] <= LONGEST_SEC:
        return f"duration is {str(entry['duration'])[:20]}; give seconds, from 0 to {LONGEST_SEC:,}"
    lists = ("alt_captions", "tags", "genres")
    if any(not isinstance(text, str) for name in lists for text in entry.get(name) or ()):
        return f"{listed(lists)} are lists of texts"
    try:
        json.dumps([entry.get(name) for name in FIELDS], ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "has half of a character, which is no text"
    try:
        split_of(entry)
    except ValueError as error:
        return str(error)
    return None


def split_of(entry: Mapping[str, Any]) -> str | None:
    """The split that an object states, by its usual names; of corpora that are for tests it is that.

    Raises: ValueError for a name that is none.
    """
    split = entry.get("split")
    if split is None:
        return "test" if entry.get("dataset") in FOR_TESTS else None
    name = _SPLITS.get(split.lower(), split.lower())
    if name not in SPLITS:
        raise ValueError(f"split is {one_of(split, SPLITS)}")
    return name


def _objects(path: str | Path) -> Iterator[Any]:
    """Elements of the array in a file, parsed one at a time."""
    try:
        with opened(expanded(path), FILE_BYTES) as file, io.TextIOWrapper(file, "utf-8-sig") as text:
            yield from _elements(iter(lambda: text.read(_BLOCK), ""))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} can't be read as a JSON array: {error}") from None
    except RecursionError:
        raise RunError(f"{path} can't be read as a JSON array: it is nested too deeply") from None


def _elements(blocks: Iterator[str]) -> Iterator[Any]:
    """Objects of an array whose text comes in blocks; raises ValueError for what is none."""
    decoder = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_without_twins)
    text, place, after = "", 0, "["  # what has to come before the next element

    def more() -> bool:
        """Add a block; whether there is one."""
        nonlocal text, place
        block = next(blocks, "")
        if len(text) - place > OBJECT_BYTES:
            raise ValueError(f"an object has more than {OBJECT_BYTES:,} characters")
        text, place = text[place:] + block, 0
        return bool(block)

    def letter() -> str:
        """The next letter that is no blank, empty at the end."""
        nonlocal place
        while True:
            ink = _INK.search(text, place)
            place = ink.start() if ink else len(text)
            if place < len(text):
                return text[place]
            if not more():
                return ""

    while (mark := letter()) == after:
        place += 1
        if letter() == "]" and after == "[":
            mark = "]"
            break
        if letter() != "{":
            raise ValueError(f"{letter() or 'the end'} stands where an object should")
        while True:
            try:
                element, place = decoder.raw_decode(text, place)
                break
            except json.JSONDecodeError as error:
                # it may be whole with the next block
                inside = error.pos < len(text) - _LONGEST_WORD and "Unterminated" not in error.msg
                if inside or not more():
                    raise
        yield shallow(element)
        after = ","
    if mark != "]":
        raise ValueError(f"{mark or 'the end'} stands where {after} or ] should")
    place += 1
    if left := letter():
        raise ValueError(f"{left} stands after the array")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _without_twins(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    if len(entry := dict(pairs)) < len(pairs):
        raise ValueError("a key is there twice in one object")
    return entry
