"""Dataset cards: YAML that tells ``datasets`` and the Hub what is where, and a text for people.

Both a dataset directory and a release have one, from the same template, filled from the data. The YAML names
the features of every config, classes among them, and that of a release also its sizes, so that
``load_dataset`` checks what it got. Nothing here imports ``datasets``, which takes as long as making rows.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import yaml

from sousa.builders.release import layout
from sousa.builders.release.source import Source
from sousa.generation import text
from sousa.generation.columns import SPLITS, Group, feature_yaml, having, markdown, table
from sousa.generation.errors import RunError
from sousa.generation.licences import hub_licence
from sousa.generation.outside import read_text
from sousa.generation.storage import LocalStorage

TEMPLATES = Path(__file__).parent.parent.parent / "dataset_cards"
GENERAL = "general.md"  # of corpora without a template
_DECODING = """
The audio is decoded by `torchcodec`; where that or FFmpeg is missing, `sousa.load` (same arguments) of the
SOUSA toolkit decodes with soundfile, and `.cast_column("audio", Audio(decode=False))` gives the encoded
file itself.
"""
_LIMITS = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
_SIZES = ["n<1K", *(f"{low}<n<{high}" for low, high in pairwise(_LIMITS)), "n>1T"]
_PLACE = re.compile(r"\{\{(\w+)\}\}")

Splits = Mapping[str, list[dict[str, Any]]]  # records of files by split
Members = Mapping[layout.View, Splits]


class _NoAliases(yaml.SafeDumper):
    """Writes a list again where it is used again: not every reader of cards knows references."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def size_category(rows: int) -> str:
    """The Hub's name for a number of rows."""
    return _SIZES[min(max(len(str(rows)) - 3, 0), len(_SIZES) - 1)]  # by digits above three


def write_dataset_card(
    corpus: Any, config: Any, storage: LocalStorage, records: Mapping[str, dict], facts: dict[str, Any]
) -> None:
    """Write ``README.md`` of a dataset directory: its views over its own shard files.

    Args:
        corpus, config: what was made.
        storage: where its files lie just now.
        records: dict of shard name to record, in order of rows.
        facts: of the manifest-to-be.

    Raises: RunError when the card can't be filled or written.
    """
    # without the views that an earlier run may have noted: the plan tells them
    shards = {name: {k: v for k, v in record.items() if k != "view"} for name, record in records.items()}
    manifest = {"config": config.identity(), **facts, "shards": shards}
    source = Source(storage, manifest, corpus, config, current=True)
    members = {
        view: _by_split(shards[name] | {"path": shards[name]["file"]} for name in source.views[view.name])
        for view in source.whole_configs
    }
    version, default = corpus.data_version, source.whole_configs[-1].name
    about, citation = f"Not released; made by data version {version}.", _citation(source, version)
    load = _snippet("path/to/this/directory", default)
    body = _text(source, members, version=about, load=load, citation=citation, changelog="Not released.")
    write(storage, _head(source, version, members), body)


def release_card(
    source: Source, files: Mapping[str, Any], manifest: Mapping[str, Any]
) -> tuple[dict[str, Any], str]:
    """The card of a release: ``(YAML head as plain data, text)``.

    Args:
        files: dict of data file to its record, with ``view`` and ``columns_bytes``.
        manifest: of the release: version, released, repo, changelog.
    """
    version, released, repo = manifest["version"], manifest["released"], manifest["repo"]
    records = [r | {"path": f"data/{r['view']}/{r['split']}/*.parquet"} for r in files.values()]
    members = {
        view: _by_split(record for folder in view.folders for record in records if record["view"] == folder)
        for view in source.configs
    }
    head = _head(source, version, members) | {"version": version}
    if head["license"] == "other":
        head |= {"license_name": "several", "license_link": "README.md#licences-and-sources"}
    load = _snippet(repo or "ORG/NAME", next(v.name for v in source.configs if v.default), f"v{version}")
    if not repo:
        load += (
            "\n\n(`ORG/NAME`: this repository; or a directory with a copy of it, which has no `revision`.)"
        )
    about = f"Version {version}, released {released} (data version {source.data_version})."
    citation, changelog = _citation(source, version, released, repo), _changelog(manifest["changelog"])
    body = _text(source, members, version=about, load=load, citation=citation, changelog=changelog)
    return head, body


def neutral_digest(source: Source, files: Mapping[str, Any], repo: str | None) -> str:
    """SHA-256 of what a release's card says, apart from its version, day and changelog."""
    manifest = {"version": "0.0.0", "released": "0000-00-00", "repo": repo, "changelog": ()}
    head, body = release_card(source, files, manifest)
    return hashlib.sha256(f"{json.dumps(head, sort_keys=True)}\n{body}".encode()).hexdigest()


def _by_split(records: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    records = list(records)
    return {split: part for split in SPLITS if (part := [r for r in records if r["split"] == split])}


def _sum(records: Iterable[Mapping[str, Any]], key: str) -> int:
    return sum(record[key] for record in records)


def _head(source: Source, version: str, members: Members) -> dict[str, Any]:
    """The YAML of a card as plain data; each record of ``members`` has the ``path`` to name for it."""
    packaging, configs = source.packaging, []
    for view, splits in members.items():
        config: dict[str, Any] = {"config_name": view.name, "version": version}
        records = list(chain.from_iterable(splits.values()))
        if "columns_bytes" not in records[0]:
            # datasets knows what it has cached by the card and the name of the directory alone: without this
            # two datasets of one name and plan, or one that was made anew, would be the same to it
            config["description"] = f"rows {_rows_digest(records)}"
        if view.columns is not None:
            config["columns"] = list(view.columns)
        config["data_files"] = [
            {"split": split, "path": list(dict.fromkeys(record["path"] for record in records))}
            for split, records in splits.items()
        ]
        configs.append(config | ({"default": True} if view.default else {}))
    head = {
        "pretty_name": source.corpus.title,
        "license": hub_licence(packaging.made_of),
        "task_categories": list(packaging.task_categories),
        "tags": list(packaging.tags),
        "size_categories": [size_category(_sum(source.records, "rows"))],
        "annotations_creators": list(packaging.annotations_creators),
        "source_datasets": list(packaging.source_datasets),
        "configs": configs,
        "dataset_info": [_info(source, view, splits) for view, splits in members.items()],
    }
    return {key: value for key, value in head.items() if value}


def _rows_digest(records: Iterable[Mapping[str, Any]]) -> str:
    """A digest of files of rows."""
    digests = "".join(f"{record['path']} {record['sha256']}\n" for record in records)
    return hashlib.sha256(digests.encode()).hexdigest()[:16]


def _info(source: Source, view: layout.View, splits: Splits) -> dict[str, Any]:
    """``dataset_info`` of a config: its features, and its sizes where the records tell them."""
    columns = [c for c in source.columns if view.columns is None or c.name in view.columns]
    info = {"config_name": view.name, "features": feature_yaml(columns, source.config.sample_rate)}
    records = list(chain.from_iterable(splits.values()))
    if "columns_bytes" not in records[0]:
        return info
    sizes = {
        split: sum(_sum((record["columns_bytes"] for record in part), column.name) for column in columns)
        for split, part in splits.items()
    }
    return info | {
        "splits": [
            {"name": split, "num_bytes": sizes[split], "num_examples": _sum(part, "rows")}
            for split, part in splits.items()
        ],
        "download_size": _sum(records, "bytes"),
        "dataset_size": sum(sizes.values()),
    }


def _grid(title: str, rows: Mapping[str, Mapping[str, int]], about: Mapping[str, str] | None = None) -> str:
    """Numbers of rows in Markdown, a line for each name, a column for each split.

    Args:
        rows: dict of name to dict of split to rows.
        about: of each name the text of a last column.
    """
    splits = [split for split in SPLITS if any(split in counts for counts in rows.values())]
    heads = [title, *splits, *(["what"] if about else [])]
    cells = [
        [name, *(f"{counts.get(split, 0):,}" for split in splits), *([about[name]] if about else [])]
        for name, counts in rows.items()
    ]
    return markdown(heads, cells)


def _config_table(members: Members) -> str:
    rows, about = {}, {}
    for view, splits in members.items():
        rows[f"`{view.name}`"] = {split: _sum(records, "rows") for split, records in splits.items()}
        silent = "labels and MIDI, no audio" if "midi" in (view.columns or ()) else "labels alone"
        about[f"`{view.name}`"] = "everything" if view.columns is None else silent
    return _grid("config", rows, about)


def _balance(source: Source) -> str:
    """Rows of every value of every balanced column; values without an order in order of first appearance."""
    parts = []
    for column, order in source.balance.items():
        values = source.figures[1][column]
        ordered = dict.fromkeys([*(value for value in order if value in values), *values])
        parts.append(_grid(text.code(column), {text.markdown(value): values[value] for value in ordered}))
    return "\n\n".join(parts) or "No classes are counted."


def _snippet(path: str, config: str, revision: str | None = None) -> str:
    pinned = f', revision="{revision}"' if revision else ""
    return (
        "```python\nfrom datasets import load_dataset\n\n"
        f'dataset = load_dataset({text.python(path)}, "{config}"{pinned})\n'
        f'stream = load_dataset({text.python(path)}, "{config}", split="train", streaming=True{pinned})\n```'
    )


def _licences(parts: Iterable[Any]) -> str:
    lines = [
        f"- {part.kind} {text.markdown(part.name)}: "
        + text.markdown(", ".join(dict.fromkeys(filter(None, (part.licence_id, part.licence)))))
        + ("" if part.free else " (**may not be passed on freely**)")
        for part in parts
    ]
    return "\n".join(lines) or "Made of nothing but this project's own work, which is under the MIT licence."


def _changelog(entries: Sequence[Mapping[str, Any]]) -> str:
    return "\n\n".join(
        f"### {entry['version']} ({entry['released']})\n"
        + "".join(f"\n- {text.markdown(line)}" for line in entry["lines"])
        for entry in reversed(entries)
    )


def _citation(source: Source, version: str, released: str = "", repo: str | None = None) -> str:
    fields = {
        "title": source.corpus.title,
        "author": source.packaging.author and f"{{{source.packaging.author}}}",
        "version": version,
        "year": released[:4],
        "url": repo and f"https://huggingface.co/datasets/{repo}",
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join(["```bibtex", f"@misc{{sousa_{source.corpus.name},", *lines, "}", "```"])


def _text(source: Source, members: Members, **values: str) -> str:
    """The text of a card: the template of its corpus, filled from the data and ``values``."""
    values = {
        **source.packaging.texts,
        "title": source.corpus.title,
        "summary": source.corpus.summary,
        "rows": f"{_sum(source.records, 'rows'):,}",
        "hours": f"{source.figures[0] / 3600:.2f}",
        "decoding": _DECODING if source.with_audio else "",
        "views": _config_table(members),
        "groups": " ".join(
            f"Splits are by `{column.name}`: all rows of a {column.role.singular} are in one of them."
            for column in having(source.columns, Group)
        ),
        "balance": _balance(source),
        "columns": table(source.columns),
        "licences": _licences(source.packaging.made_of),
        **values,
    }
    path = source.corpus.card or TEMPLATES / f"{source.corpus.name}.md"
    if source.corpus.card is None and not path.is_file():
        path = TEMPLATES / GENERAL
    try:
        template = read_text(path)
    except (OSError, UnicodeError) as error:
        raise RunError(f"the card's template {path} can't be read ({error})") from None
    if unknown := sorted({f"{{{{{name}}}}}" for name in _PLACE.findall(template) if name not in values}):
        raise RunError(
            f"the card's template {path} has {', '.join(unknown)}, which nothing fills; it may have "
            f"{', '.join(sorted(values))}"
        )
    # in one pass: what a note or a licence says is not looked through again
    return _PLACE.sub(lambda place: values[place[1]], template)


def write(storage: LocalStorage, head: dict[str, Any], body: str) -> None:
    """Write a card."""
    plain = yaml.dump(head, Dumper=_NoAliases, sort_keys=False, allow_unicode=True, width=1000)
    with storage.writing(layout.CARD) as file:
        file.write(f"---\n{plain}---\n{body}".encode())
