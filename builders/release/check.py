"""What is wrong with a release directory: every file against the manifest, the card against both."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from sousa.builders.release import layout
from sousa.builders.release.digests import leaf_types
from sousa.builders.release.opened import Release
from sousa.generation.errors import RunError
from sousa.generation.licences import known
from sousa.generation.outside import YAML_BYTES, parse_yaml, read_text, regular
from sousa.generation.storage import LocalStorage

# https://huggingface.co/docs/hub/datasets-cards: what the Hub knows, as far as these cards use it
TASKS = (
    "any-to-any", "audio-classification", "audio-text-to-text", "audio-to-audio",
    "automatic-speech-recognition", "feature-extraction", "sentence-similarity", "summarization",
    "tabular-classification", "tabular-regression", "text-classification", "text-generation",
    "text-retrieval", "text-to-audio", "text-to-speech", "time-series-forecasting",
    "voice-activity-detection", "zero-shot-classification", "other",
)  # fmt: skip
_OF_THE_HUB = {".gitattributes", ".git", ".cache", ".gitignore"}
_SHOWN = 10


def problems(release: Release, progress: Callable[[int], Any] = lambda done: None) -> list[str]:
    """Everything wrong with a release directory, as sentences; ``progress`` is called with bytes read."""
    root, manifest = Path(release.where), release.manifest
    out = strangers(root, manifest)
    for file, entry in manifest["files"].items():
        if problem := LocalStorage(str(root)).damage(entry | {"file": file}):
            out.append(problem)
        progress(entry["bytes"])
    if out:
        return out
    return [*_index(release), *_schemas(root, manifest), *card_problems(root / layout.CARD, manifest)]


def require(release: Release, progress: Any) -> None:
    """Read all of a release directory.

    Raises: RunError naming everything that is wrong.
    """
    size = sum(entry["bytes"] for entry in release.manifest["files"].values())
    with progress("checking", size, unit="B", unit_scale=True) as done:
        wrong = problems(release, done)
    if wrong:
        raise RunError(
            f"{release.where} is not what 'sousa release' made:\n{as_text(wrong)}\n"
            "put that right, or delete it and make the release again"
        )


def strangers(root: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Files in a release directory that are not of the release."""
    out = []
    for path in sorted(root.rglob("*")):
        file = path.relative_to(root).as_posix()
        if path.is_dir() or file.split("/")[0] in _OF_THE_HUB or file == layout.MANIFEST:
            continue
        if file not in manifest["files"]:
            script = "/" not in file and file.endswith(".py")
            remedy = "scripts make a dataset unloadable" if script else "remove it"
            out.append(f"{file} is not part of the release; {remedy}")
    return out


def _index(release: Release) -> list[str]:
    index, files = release.index(), release.manifest["files"]
    counts = {row["values"]: row["counts"] for row in pc.value_counts(index["file"]).to_pylist()}
    out = []
    if counts != {file: entry["rows"] for file, entry in layout.data_files(release.manifest).items()}:
        out.append(f"{layout.INDEX} does not list the rows of the data files")
    if len(pc.unique(index["sample_id"])) != len(index):
        out.append("sample_id is not unique")
    at = pc.index_in(index["file"], value_set=pa.array(list(files))).combine_chunks()
    limit = pa.array([entry["bytes"] for entry in files.values()]).take(at)
    for name in ("audio", "midi"):
        if pc.any(pc.greater(pc.add(index[f"{name}_offset"], index[f"{name}_bytes"]), limit)).as_py():
            out.append(f"{layout.INDEX} has {name} beyond the end of its file")
    return out


def _schemas(root: Path, manifest: Mapping[str, Any]) -> list[str]:
    """One schema in all data files, that of the manifest, with audio readable in place."""
    out = []
    for file, entry in layout.data_files(manifest).items():
        with pq.ParquetFile(regular(root / file)) as parquet:
            if leaf_types(parquet.schema_arrow, without=("audio",)) != manifest["columns"]:
                out.append(f"{file} has other columns than the manifest says")
            if parquet.metadata.num_rows != entry["rows"]:
                out.append(f"{file} has {parquet.metadata.num_rows} rows instead of {entry['rows']}")
    return out


def card_problems(path: Path, manifest: Mapping[str, Any]) -> list[str]:
    """What is wrong with a card's YAML: against the manifest, and the Hub's vocabularies."""
    try:
        _, text, _ = read_text(path, YAML_BYTES).split("---\n", 2)
        head = parse_yaml(text)
        infos = datasets.info.DatasetInfosDict.from_dataset_card_data(datasets.info.DatasetCardData(**head))
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        return [f"{layout.CARD} has no readable YAML head ({str(error).splitlines()[0]})"]
    out = _vocabulary(head, manifest)
    configs = {config.get("config_name"): config for config in head.get("configs", [])}
    if list(configs) != list(manifest["views"]):
        stated, wanted = ", ".join(map(str, configs)), ", ".join(manifest["views"])
        return [*out, f"{layout.CARD} has configs {stated}; the manifest {wanted}"]
    if sum(bool(config.get("default")) for config in configs.values()) != 1:
        out.append(f"{layout.CARD}: one config is the default, not more or fewer")
    for name, view in manifest["views"].items():
        rows: Counter[str] = Counter()
        for entry in layout.data_files(manifest).values():
            if entry["view"] in view["folders"]:
                rows[entry["split"]] += entry["rows"]
        splits = infos[name].splits if name in infos else {}
        counts = {split: part.num_examples for split, part in splits.items()}
        if counts != rows:
            out.append(f"{layout.CARD}: config {name} states {counts}, the files have {dict(rows)}")
        if str(configs[name].get("version")) != manifest["version"]:
            out.append(f"{layout.CARD}: config {name} has version {configs[name].get('version')}")
    return out


def _vocabulary(head: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[str]:
    resources = Path(datasets.__file__).parent / "utils" / "resources"
    sizes = yaml.safe_load((resources / "size_categories.json").read_text(encoding="utf-8"))
    creators = yaml.safe_load((resources / "creators.json").read_text(encoding="utf-8"))
    licences = {entry["hub"] for entry in known().values()} | {"other"}
    allowed = {
        "size_categories": sizes, "annotations_creators": creators["annotations"], "task_categories": TASKS,
        "license": licences, "source_datasets": ("original", "extended"),
    }  # fmt: skip
    out = []
    for key, words in allowed.items():
        stated = head.get(key, [])
        stated = stated if isinstance(stated, list) else [stated]
        unknown = [word for word in stated if str(word).partition("|")[0] not in words]
        out += [f"{layout.CARD}: {key} is {word!r}, which the Hub does not know" for word in unknown]
    if head.get("license") == "other" and not (head.get("license_name") and head.get("license_link")):
        out.append(f"{layout.CARD}: license other needs license_name and license_link")
    needed = ("pretty_name", "license", "size_categories", "configs", "dataset_info")
    out += [f"{layout.CARD}: {key} is missing" for key in needed if not head.get(key)]
    if str(head.get("version")) != manifest["version"]:
        out.append(f"{layout.CARD}: version is {head.get('version')}, the manifest's {manifest['version']}")
    return out


def as_text(problems: Sequence[str]) -> str:
    """Problems as one text, the first of them when there are many."""
    more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    return "\n".join(f"  - {line}" for line in [*problems[:_SHOWN], *more])
