"""Dataset cards: YAML that tells ``datasets`` and the Hub what is where, and a text for people.

Both a dataset directory and a release have one, from the same template in ``dataset_cards/``, filled
from the data. The YAML of a release also has features and sizes of every config, so that
``load_dataset`` checks what it got.
"""

import hashlib
import json
import re
from collections import Counter
from pathlib import Path

import pyarrow.compute as pc
import yaml

from sousa.builders.features import features, table
from sousa.builders.licences import hub_licence
from sousa.builders.release import layout
from sousa.generation.storage import atomic_file
from sousa.generation.tables import row_groups

TEMPLATES = Path(__file__).parent.parent.parent / "dataset_cards"
_DECODING = """
The audio is decoded by `torchcodec`; where that or FFmpeg is missing, `sousa.load` (same arguments) of the
SOUSA toolkit decodes with soundfile, and `.cast_column("audio", Audio(decode=False))` gives the encoded
file itself.
"""
_LIMITS = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")


class _NoAliases(yaml.SafeDumper):
    """Writes a list again where it is used again: not every reader of cards knows references."""

    def ignore_aliases(self, data):
        return True


def size_category(rows):
    """The Hub's name for a number of rows."""
    step = max(len(str(rows)) - 3, 0)  # digits above three
    if step >= len(_LIMITS):
        return f"n>{_LIMITS[-1]}"
    return f"{_LIMITS[step - 1]}<n<{_LIMITS[step]}" if step else f"n<{_LIMITS[0]}"


def figures(source):
    """What is counted over the rows of a source: ``(seconds, {column: {value: {split: rows}}})``."""
    seconds, counts = 0.0, {name: {} for name in source.balance}
    for record in source.shards.values():
        for group in row_groups(source.root / record["file"], ["duration_sec", *source.balance]):
            seconds += pc.sum(group["duration_sec"]).as_py()
            for name, values in counts.items():
                for value, rows in Counter(group[name].to_pylist()).items():
                    per_split = values.setdefault(value, Counter())
                    per_split[record["split"]] += rows
    return seconds, counts


def neutral_digest(source, facts, repo, counted):
    """SHA-256 of what a release's card says, apart from its version, day and changelog."""
    manifest = {"version": "0.0.0", "released": "0000-00-00", "repo": repo, "changelog": []}
    head, text = _release_card(source, facts, manifest, counted)
    return hashlib.sha256(f"{json.dumps(head, sort_keys=True)}\n{text}".encode()).hexdigest()


def write_dataset_card(source):
    """Write ``README.md`` of a dataset directory: its views over its own shard files."""
    views = layout.views(source.views, [column.name for column in source.columns])
    configs = []
    for view in views[: len(source.views)]:
        files = {}
        for shard in source.views[view.name]:
            files.setdefault(source.shards[shard]["split"], []).append(source.shards[shard]["file"])
        paths = {split: files[split] for split in layout.SPLITS if split in files}
        configs.append(_config(view, source.data_version, paths))
    head = _head(source) | {"configs": configs}
    rows = {view["config_name"]: _rows(source, source.views[view["config_name"]]) for view in configs}
    version = f"Not released; made by data version {source.data_version}."
    load = _snippet("path/to/this/directory", configs[-1]["config_name"], None)
    text = _fill(source, version, load, _view_table(rows), "Not released.", None, figures(source))
    _write(source.root, head, text)


def write_release_card(source, root, facts, manifest, counted):
    """Write ``README.md`` of a release.

    Args:
        root: release directory.
        facts: dict of data file to what :func:`sousa.builders.release.pack.pack` found.
        manifest: of the release, with all but ``files``.
        counted: what :func:`figures` gives.
    """
    _write(root, *_release_card(source, facts, manifest, counted))


def _release_card(source, facts, manifest, counted):
    """``(YAML head as plain data, text)`` of a release's card."""
    import datasets  # slow to import, and not needed for the card of a dataset directory

    version, repo = manifest["version"], manifest["repo"]
    names = [column.name for column in source.columns]
    declared = features(source.columns, source.sample_rate)
    configs, infos, rows = [], {}, {}
    for view in layout.views(source.views, names):
        splits = {}
        for file, fact in facts.items():
            if view.reads(file):
                splits.setdefault(fact["split"], []).append((file, fact))
        splits = {name: splits[name] for name in layout.SPLITS if name in splits}
        folders = {
            split: [f for f in view.folders if any(fact["view"] == f for _, fact in splits[split])]
            for split in splits
        }
        paths = {split: [view.pattern(f, split) for f in folders[split]] for split in splits}
        configs.append(_config(view, version, paths))
        infos[view.name] = _info(view, splits, declared)
        rows[view.name] = {split: sum(fact["rows"] for _, fact in found) for split, found in splits.items()}
    head = _head(source) | {"configs": configs}
    card_data = datasets.info.DatasetCardData()
    datasets.info.DatasetInfosDict(infos).to_dataset_card_data(card_data)
    head["dataset_info"] = card_data.to_dict()["dataset_info"]
    head["version"] = version
    licence = head["license"]
    if licence == "other":
        head |= {"license_name": "several", "license_link": "README.md#licences-and-sources"}
    default = next(c["config_name"] for c in configs if c.get("default"))
    load = _snippet(repo or "ORG/NAME", default, f"v{version}")
    if not repo:
        load += (
            "\n\n(`ORG/NAME`: this repository; or a directory with a copy of it, which has no `revision`.)"
        )
    line = f"Version {version}, released {manifest['released']} (data version {source.data_version})."
    return head, _fill(
        source, line, load, _view_table(rows), _changelog(manifest["changelog"]), manifest, counted
    )


def _config(view, version, paths):
    entry = {"config_name": view.name, "version": version}
    if view.columns is not None:
        entry["columns"] = list(view.columns)
    entry["data_files"] = [{"split": split, "path": path} for split, path in paths.items()]
    return entry | ({"default": True} if view.default else {})


def _info(view, splits, declared):
    """DatasetInfo of a config: features, splits with rows and bytes, sizes."""
    import datasets

    wanted = list(declared) if view.columns is None else view.columns
    parts = {
        split: datasets.SplitInfo(
            split,
            num_examples=sum(fact["rows"] for _, fact in found),
            num_bytes=sum(fact["columns_bytes"][name] for _, fact in found for name in wanted),
        )
        for split, found in splits.items()
    }
    return datasets.DatasetInfo(
        features=datasets.Features({name: declared[name] for name in wanted}),
        splits=datasets.SplitDict(parts),
        download_size=sum(fact["bytes"] for found in splits.values() for _, fact in found),
        dataset_size=sum(part.num_bytes for part in parts.values()),
    )


def _head(source):
    rows = sum(record["rows"] for record in source.shards.values())
    return {
        "pretty_name": source.title,
        "license": hub_licence(source.made_of),
        "task_categories": source.tasks,
        "tags": source.tags,
        "size_categories": [size_category(rows)],
        "annotations_creators": ["machine-generated"],
        "source_datasets": ["original"],
    }


def _rows(source, shards):
    counts = Counter()
    for name in shards:
        counts[source.shards[name]["split"]] += source.shards[name]["rows"]
    return {split: counts[split] for split in layout.SPLITS if split in counts}


def _view_table(rows):
    """Rows of each config and split, in Markdown; ``rows``: dict of config to dict of split to rows."""
    splits = [split for split in layout.SPLITS if any(split in counts for counts in rows.values())]
    what = {"-midi": "labels and MIDI, no audio"}
    lines = [f"| config | {' | '.join(splits)} | what |", "| --- " * (len(splits) + 2) + "|"]
    for name, counts in rows.items():
        cells = " | ".join(f"{counts.get(split, 0):,}" for split in splits)
        about = "labels alone" if name == "labels" else "everything"
        about = next((text for end, text in what.items() if name.endswith(end)), about)
        lines.append(f"| `{name}` | {cells} | {about} |")
    return "\n".join(lines)


def _balance(counts, orders):
    """Rows of every value of every balanced column, in Markdown; ``orders``: of their values."""
    parts = []
    for column, values in counts.items():
        splits = [split for split in layout.SPLITS if any(split in per for per in values.values())]
        lines = [f"| `{column}` | {' | '.join(splits)} |", "| --- " * (len(splits) + 1) + "|"]
        known = [value for value in orders[column] if value in values]
        for value in known + sorted(values.keys() - known, key=str):
            cells = " | ".join(f"{values[value].get(split, 0):,}" for split in splits)
            lines.append(f"| {value} | {cells} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _snippet(path, config, revision):
    pinned = f', revision="{revision}"' if revision else ""
    return (
        "```python\nfrom datasets import load_dataset\n\n"
        f'dataset = load_dataset("{path}", "{config}"{pinned})\n'
        f'stream = load_dataset("{path}", "{config}", split="train", streaming=True{pinned})\n```'
    )


def _licences(parts):
    lines = [
        f"- {part.kind} {part.name}: {part.licence_id + ', ' if part.licence_id else ''}{part.licence}"
        + ("" if part.free else " (**may not be passed on freely**)")
        for part in parts
    ]
    return "\n".join(lines) or "Made of nothing but this project's own work, which is under the MIT licence."


def _changelog(entries):
    """Versions and what changed, the newest first."""
    parts = []
    for entry in reversed(entries):
        lines = "\n".join(f"- {line}" for line in entry["lines"])
        parts.append(f"### {entry['version']} ({entry['released']})\n\n{lines}")
    return "\n\n".join(parts)


def _citation(source, manifest):
    version, year = source.data_version, None
    if manifest:
        version, year = manifest["version"], manifest["released"][:4]
    lines = [
        f"  title = {{{source.title}}},",
        "  author = {{The SOUSA authors}},",
        f"  version = {{{version}}},",
    ]
    if year:
        lines.append(f"  year = {{{year}}},")
    if manifest and manifest["repo"]:
        lines.append(f"  url = {{https://huggingface.co/datasets/{manifest['repo']}}},")
    return "\n".join(["```bibtex", f"@misc{{sousa_{source.corpus},", *lines, "}", "```"])


def _fill(source, version, load, view_table, changelog, manifest, counted):
    seconds, counts = counted
    values = source.texts | {
        "title": source.title,
        "rows": f"{sum(record['rows'] for record in source.shards.values()):,}",
        "hours": f"{seconds / 3600:.2f}",
        "version": version,
        "decoding": _DECODING if source.with_audio else "",
        "made": "audio and MIDI are" if source.with_audio else "MIDI is",
        "load": load,
        "views": view_table,
        "balance": _balance(counts, source.balance),
        "columns": table(source.columns),
        "licences": _licences(source.made_of),
        "citation": _citation(source, manifest),
        "changelog": changelog,
    }
    text = (TEMPLATES / f"{source.corpus}.md").read_text(encoding="utf-8")
    # in one pass: what a note or a licence says is not looked through again
    return re.sub(r"\{\{(\w+)\}\}", lambda place: values[place[1]], text)


def _write(root, head, text):
    head = yaml.dump(head, Dumper=_NoAliases, sort_keys=False, allow_unicode=True, width=1000)
    with atomic_file(Path(root) / layout.CARD) as file:
        file.write(f"---\n{head}---\n{text}".encode())
