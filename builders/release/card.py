"""Dataset cards: YAML that tells ``datasets`` and the Hub what is where, and a text for people.

Both a dataset directory and a release have one, from the same template, filled from the data. The YAML names
the features of every config, classes among them, and that of a release also its sizes, so that
``load_dataset`` checks what it got. Nothing here imports ``datasets``, which takes as long as making rows.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import yaml

from sousa.builders.release import layout
from sousa.builders.release.source import Source, of_made
from sousa.generation.columns import Group, feature_yaml, having, table
from sousa.generation.errors import RunError
from sousa.generation.licences import hub_licence
from sousa.generation.storage import LocalStorage
from sousa.generation.tables import row_groups

TEMPLATES = Path(__file__).parent.parent.parent / "dataset_cards"
GENERAL = "general.md"  # of corpora without a template
_DECODING = """
The audio is decoded by `torchcodec`; where that or FFmpeg is missing, `sousa.load` (same arguments) of the
SOUSA toolkit decodes with soundfile, and `.cast_column("audio", Audio(decode=False))` gives the encoded
file itself.
"""
_LIMITS = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
_PLACE = re.compile(r"\{\{(\w+)\}\}")

Counts = dict[str, dict[Any, Counter]]
Figures = tuple[float, Counts]


class _NoAliases(yaml.SafeDumper):
    """Writes a list again where it is used again: not every reader of cards knows references."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def size_category(rows: int) -> str:
    """The Hub's name for a number of rows."""
    step = max(len(str(rows)) - 3, 0)  # digits above three
    if step >= len(_LIMITS):
        return f"n>{_LIMITS[-1]}"
    return f"{_LIMITS[step - 1]}<n<{_LIMITS[step]}" if step else f"n<{_LIMITS[0]}"


def figures(source: Source) -> Figures:
    """What is counted over the rows of a source: ``(seconds, {column: {value: {split: rows}}})``."""
    seconds, counts = 0.0, {name: {} for name in source.balance}
    for record in source.shards.values():
        path = source.storage.path(record["file"])
        for group in row_groups(path, ["duration_sec", *source.balance]):
            seconds += pc.sum(group["duration_sec"]).as_py() or 0.0
            for name, values in counts.items():
                for value, rows in Counter(group[name].to_pylist()).items():
                    values.setdefault(value, Counter())[record["split"]] += rows
    return seconds, counts


def neutral_digest(source: Source, facts: Mapping[str, Any], repo: str | None, counted: Figures) -> str:
    """SHA-256 of what a release's card says, apart from its version, day and changelog."""
    manifest = {"version": "0.0.0", "released": "0000-00-00", "repo": repo, "changelog": []}
    head, text = _release_card(source, facts, manifest, counted)
    return hashlib.sha256(f"{json.dumps(head, sort_keys=True)}\n{text}".encode()).hexdigest()


def write_dataset_card(
    corpus: Any, config: Any, storage: LocalStorage, records: Mapping[str, dict], facts: dict[str, Any]
) -> None:
    """Write ``README.md`` of a dataset directory: its views over its own shard files.

    Args:
        corpus, config: what was made; storage: where its files lie just now.
        records: dict of shard name to record, in order of rows; facts: of the manifest-to-be.

    Raises: RunError when the card can't be filled or written.
    """
    source = of_made(corpus, config, storage, records, facts)
    configs, infos, rows = [], [], {}
    for view in layout.views(source.views, [column.name for column in source.columns])[: len(source.views)]:
        paths: dict[str, list[str]] = {split: [] for split in layout.SPLITS}
        rows[view.name] = Counter()
        for shard in source.views[view.name]:
            record = source.shards[shard]
            paths.setdefault(record["split"], []).append(record["file"])
            rows[view.name][record["split"]] += record["rows"]
        configs.append(
            _config(view, source.corpus.data_version, {s: files for s, files in paths.items() if files})
        )
        infos.append(_info(source, view))
    head = _head(source) | {"configs": configs, "dataset_info": infos}
    version = f"Not released; made by data version {source.corpus.data_version}."
    load = _snippet("path/to/this/directory", configs[-1]["config_name"], None)
    _write(storage, head, _fill(source, version, load, rows, "Not released.", None, figures(source)))


def write_release_card(
    source: Source,
    storage: LocalStorage,
    facts: Mapping[str, Any],
    manifest: dict[str, Any],
    counted: Figures,
) -> None:
    """Write ``README.md`` of a release.

    Args:
        storage: of the release.
        facts: dict of data file to what :func:`sousa.builders.release.pack.pack` said.
        manifest: of the release, with all but ``files``.
        counted: what :func:`figures` gives.
    """
    _write(storage, *_release_card(source, facts, manifest, counted))


def _release_card(
    source: Source, facts: Mapping[str, Any], manifest: dict[str, Any], counted: Figures
) -> tuple[dict[str, Any], str]:
    """``(YAML head as plain data, text)`` of a release's card."""
    version, repo = manifest["version"], manifest["repo"]
    configs, infos, rows = [], [], {}
    for view in layout.views(source.views, [column.name for column in source.columns]):
        splits: dict[str, list] = {split: [] for split in layout.SPLITS}
        for file, fact in facts.items():
            if view.reads(file):
                splits.setdefault(fact["split"], []).append(fact)
        splits = {split: members for split, members in splits.items() if members}
        paths = {
            split: [
                view.pattern(f, split) for f in view.folders if any(fact["view"] == f for fact in members)
            ]
            for split, members in splits.items()
        }
        configs.append(_config(view, version, paths))
        infos.append(_info(source, view, splits))
        rows[view.name] = {split: sum(fact["rows"] for fact in members) for split, members in splits.items()}
    head = _head(source) | {"configs": configs, "dataset_info": infos, "version": version}
    if head["license"] == "other":
        head |= {"license_name": "several", "license_link": "README.md#licences-and-sources"}
    default = next(config["config_name"] for config in configs if config.get("default"))
    load = _snippet(repo or "ORG/NAME", default, f"v{version}")
    if not repo:
        load += (
            "\n\n(`ORG/NAME`: this repository; or a directory with a copy of it, which has no `revision`.)"
        )
    data_version = source.identity["data_version"]
    line = f"Version {version}, released {manifest['released']} (data version {data_version})."
    return head, _fill(source, line, load, rows, _changelog(manifest["changelog"]), manifest, counted)


def _config(view: layout.View, version: str, paths: Mapping[str, list[str]]) -> dict[str, Any]:
    entry: dict[str, Any] = {"config_name": view.name, "version": version}
    if view.columns is not None:
        entry["columns"] = list(view.columns)
    entry["data_files"] = [{"split": split, "path": path} for split, path in paths.items()]
    return entry | ({"default": True} if view.default else {})


def _info(source: Source, view: layout.View, splits: Mapping[str, list] | None = None) -> dict[str, Any]:
    """``dataset_info`` of a config: its features and, of a release, the rows and bytes of its splits."""
    columns = [c for c in source.columns if view.columns is None or c.name in view.columns]
    out = {"config_name": view.name, "features": feature_yaml(columns, source.sample_rate)}
    if splits is None:
        return out
    out["splits"] = [
        {
            "name": split,
            "num_bytes": sum(fact["columns_bytes"][column.name] for fact in members for column in columns),
            "num_examples": sum(fact["rows"] for fact in members),
        }
        for split, members in splits.items()
    ]
    out["download_size"] = sum(fact["bytes"] for members in splits.values() for fact in members)
    out["dataset_size"] = sum(split["num_bytes"] for split in out["splits"])
    return out


def _head(source: Source) -> dict[str, Any]:
    rows = sum(record["rows"] for record in source.shards.values())
    return {
        "pretty_name": source.corpus.title,
        "license": hub_licence(source.packaging.made_of),
        "task_categories": list(source.packaging.task_categories),
        "tags": list(source.packaging.tags) or ["music"],
        "size_categories": [size_category(rows)],
        "annotations_creators": ["machine-generated"],
        "source_datasets": ["original"],
    }


def _grid(title: str, rows: Mapping[str, Mapping[str, int]], more: Sequence[str] = ()) -> str:
    """Numbers of rows in Markdown, a line for each name, a column for each split.

    Args:
        rows: dict of name to dict of split to rows; more: title and cells of a last column.
    """
    splits = [split for split in layout.SPLITS if any(split in counts for counts in rows.values())]
    heads = [title, *splits, *more[:1]]
    lines = [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    for i, (name, counts) in enumerate(rows.items()):
        cells = [name, *(f"{counts.get(split, 0):,}" for split in splits), *more[i + 1 : i + 2]]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _view_table(rows: Mapping[str, Mapping[str, int]]) -> str:
    about = {"-midi": "labels and MIDI, no audio", "labels": "labels alone"}
    what = [next((text for end, text in about.items() if name.endswith(end)), "everything") for name in rows]
    return _grid("config", {f"`{name}`": counts for name, counts in rows.items()}, ["what", *what])


def _balance(counts: Counts, orders: Mapping[str, Sequence[str]]) -> str:
    """Rows of every value of every balanced column; ``orders``: of their values, others as they come."""
    parts = []
    for column, values in counts.items():
        ordered = dict.fromkeys([*(value for value in orders[column] if value in values), *values])
        parts.append(_grid(f"`{column}`", {str(value): values[value] for value in ordered}))
    return "\n\n".join(parts) or "No classes are counted."


def _snippet(path: str, config: str, revision: str | None) -> str:
    pinned = f', revision="{revision}"' if revision else ""
    return (
        "```python\nfrom datasets import load_dataset\n\n"
        f'dataset = load_dataset("{path}", "{config}"{pinned})\n'
        f'stream = load_dataset("{path}", "{config}", split="train", streaming=True{pinned})\n```'
    )


def _licences(parts: Iterable[Any]) -> str:
    lines = [
        f"- {part.kind} {part.name}: {part.licence_id + ', ' if part.licence_id else ''}{part.licence}"
        + ("" if part.free else " (**may not be passed on freely**)")
        for part in parts
    ]
    return "\n".join(lines) or "Made of nothing but this project's own work, which is under the MIT licence."


def _changelog(entries: Sequence[Mapping[str, Any]]) -> str:
    """Versions and what changed, the newest first."""
    parts = []
    for entry in reversed(entries):
        lines = "\n".join(f"- {line}" for line in entry["lines"])
        parts.append(f"### {entry['version']} ({entry['released']})\n\n{lines}")
    return "\n\n".join(parts)


def _citation(source: Source, manifest: Mapping[str, Any] | None) -> str:
    version = manifest["version"] if manifest else source.identity["data_version"]
    lines = [f"  title = {{{source.corpus.title}}},", f"  version = {{{version}}},"]
    if source.packaging.author:
        lines.insert(1, f"  author = {{{{{source.packaging.author}}}}},")
    if manifest:
        lines.append(f"  year = {{{manifest['released'][:4]}}},")
    if manifest and manifest["repo"]:
        lines.append(f"  url = {{https://huggingface.co/datasets/{manifest['repo']}}},")
    return "\n".join(["```bibtex", f"@misc{{sousa_{source.corpus.name},", *lines, "}", "```"])


def _fill(
    source: Source, version: str, load: str, rows: Mapping[str, Mapping[str, int]], changelog: str,
    manifest: Mapping[str, Any] | None, counted: Figures,
) -> str:  # fmt: skip
    """The text of a card."""
    seconds, counts = counted
    values = dict(source.packaging.texts) | {
        "title": source.corpus.title,
        "summary": source.corpus.summary,
        "rows": f"{sum(record['rows'] for record in source.shards.values()):,}",
        "hours": f"{seconds / 3600:.2f}",
        "version": version,
        "decoding": _DECODING if source.with_audio else "",
        "load": load,
        "views": _view_table(rows),
        "groups": " ".join(
            f"Splits are by `{column.name}`: all rows of a {column.role.one} are in one of them."
            for column in having(source.columns, Group)
        ),
        "balance": _balance(counts, source.balance),
        "columns": table(source.columns),
        "licences": _licences(source.packaging.made_of),
        "citation": _citation(source, manifest),
        "changelog": changelog,
    }
    path = source.corpus.card or TEMPLATES / f"{source.corpus.name}.md"
    if source.corpus.card is None and not path.is_file():
        path = TEMPLATES / GENERAL
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise RunError(f"the card's template {path} can't be read ({error})") from None
    unknown = sorted({name for name in _PLACE.findall(text) if name not in values})
    if unknown:
        places = ", ".join(f"{{{{{name}}}}}" for name in unknown)
        raise RunError(
            f"the card's template {path} has {places}, which nothing fills; it may have "
            f"{', '.join(sorted(values))}"
        )
    # in one pass: what a note or a licence says is not looked through again
    return _PLACE.sub(lambda place: values[place[1]], text)


def _write(storage: LocalStorage, head: dict[str, Any], text: str) -> None:
    plain = yaml.dump(head, Dumper=_NoAliases, sort_keys=False, allow_unicode=True, width=1000)
    with storage.writing(layout.CARD) as file:
        file.write(f"---\n{plain}---\n{text}".encode())
