"""``sousa.load``: ``datasets.load_dataset`` for releases, with less to fetch and less to install.

What it returns are stock ``datasets`` objects. It differs in three things: audio is decoded by
soundfile where torchcodec or FFmpeg is missing; of a named split only its files are fetched; of a
config without audio only the bytes of its columns are.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import datasets
from datasets.table import table_cast
from huggingface_hub import constants

from sousa.builders.audio import played_by, torchcodec_works
from sousa.builders.hub import remote
from sousa.builders.release import head as heads
from sousa.builders.release import layout
from sousa.generation.errors import RunError, UsageError, one_of
from sousa.generation.manifest import UNFINISHED, complete_manifest
from sousa.generation.pace import TooSlow
from sousa.generation.parquet import NO_BUFFER_THREADS, NO_THREADS, parquet_file, parquet_schema

DECODERS = ("auto", "soundfile", "torchcodec", "none")
Loaded: TypeAlias = (
    datasets.Dataset | datasets.DatasetDict | datasets.IterableDataset | datasets.IterableDatasetDict
)
_KEPT_AS = "2"  # another one when a part of a dataset is kept otherwise: caches are told apart by it


def load(
    path: str | Path, name: str | None = None, split: str | None = None, streaming: bool = False,
    revision: str | None = None, decoder: str = "auto", token: str | None = None, **more: Any,
) -> Loaded:  # fmt: skip
    """Load a release, from the Hub or a directory.

    Args:
        path: ``org/name`` on the Hub, or a directory: of a release or of a dataset.
        name: config, such as ``small``, ``small-midi`` or ``labels``; None for the default one.
        split: such as ``train``, ``train[:10%]`` or ``train+validation``; None for all.
        streaming: give iterable datasets that read while they are iterated.
        revision: tag, such as ``v1.0.0``, branch or commit; None for main.
        decoder: soundfile, torchcodec, none (the encoded file), or auto: torchcodec where it works.
        token: of the Hub, None for the one in the usual places.
        more: further arguments of ``datasets.load_dataset``; with any but ``cache_dir`` it fetches what
            that fetches.

    Returns: Dataset, IterableDataset, or a dict of them. With soundfile a row's audio is a dict, see
        :class:`sousa.builders.audio.SoundfileAudio`; ``row["audio"]["array"]`` and ``["sampling_rate"]`` work
        with both decoders.
    Raises: UsageError for a config, split or decoder that is not there; RunError when the Hub can't be
        read, or the dataset or release is unfinished.
    """
    if decoder not in DECODERS:
        raise UsageError(f"unknown decoder {one_of(decoder, DECODERS)}")
    if decoder in ("auto", "torchcodec") and not torchcodec_works():
        if decoder == "torchcodec":
            raise UsageError(
                "torchcodec does not work here; install torch, a torchcodec made for it and FFmpeg, or use "
                "decoder='soundfile'"
            )
        decoder = "soundfile"
    path = os.path.expanduser(path)
    local = os.path.isdir(path)
    if not local and (wrong := layout.repo_problem(path)):
        raise UsageError(f"the path is neither a directory here nor a dataset on the Hub: it is {wrong}")
    if local and revision is not None:
        raise UsageError(f"{path} is a directory, which has no revisions; leave out revision={revision!r}")
    if local and (Path(path) / UNFINISHED).exists() and not (Path(path) / layout.MANIFEST).exists():
        complete_manifest(path)  # says what is unfinished, and what to do
    head, commit = _card(path, local, revision, token)
    config = heads.config(head, name, path) or {}
    wanted = _splits(config, split, path)
    arguments = {"path": path, "name": name, "token": token, **more}
    part = wanted if wanted and len(wanted) < len(config["data_files"]) else None
    silent = config.get("columns")
    if not local:
        # one commit for everything: main may move in between
        arguments["revision"] = commit or revision
        if commit and not streaming and not more.keys() - {"cache_dir"} and (part or silent):
            features = _features(head, config["config_name"])
            return played_by(_part(arguments, config, features, wanted, split, commit), decoder)
    if not streaming and part and "data_files" not in more:
        paths = {entry["split"]: entry["path"] for entry in config["data_files"]}
        arguments["data_files"] = {name: paths[name] for name in part}
        arguments.setdefault("features", _features(head, config["config_name"]))
    with remote.hub_errors(path, "loading") if not local else nullcontext():
        loaded = datasets.load_dataset(split=split, streaming=streaming, **arguments)
    if commit and not streaming:
        _require_commit(loaded, path, commit, revision)
    return played_by(loaded, decoder)


def _require_commit(loaded: Any, path: str, commit: str, revision: str | None) -> None:
    """Raise RunError where ``datasets`` gave what it had of another commit: so it does without the Hub."""
    for part in loaded.values() if isinstance(loaded, dict) else [loaded]:
        # it names the folder of what it has made after the commit
        folders = {Path(file["filename"]).parent.name for file in part.cache_files}
        if any(re.fullmatch("[0-9a-f]{40}", folder) and folder != commit for folder in folders):
            raise _not_cached(path, revision or commit[:12])


def _not_cached(path: str, revision: str) -> RunError:
    """What to say where the Hub is needed and can't be had."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    kept: set[str] = set()
    with suppress(CacheNotFound):
        repos = [r for r in scan_cache_dir().repos if (r.repo_id, r.repo_type) == (path, "dataset")]
        kept = {str(name) for repo in repos for cached in repo.revisions for name in cached.refs}
    offline = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else "the Hub can't be reached"
    there = f"of it {', '.join(sorted(kept))} is" if kept else "nothing of it is"
    return RunError(f"loading {path}: {offline}, and {revision} is not in the cache; {there}")


def _card(path: str, local: bool, revision: str | None, token: str | None) -> tuple[dict, str | None]:
    """``(YAML head of the card, commit)`` of a dataset; an empty head when it has none."""
    if local:
        return heads.read(Path(path) / layout.CARD), None
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    client = remote.client(token)
    with remote.hub_errors(path, "loading"):
        try:
            card = client.hf_hub_download(path, layout.CARD, repo_type="dataset", revision=revision)
        except LocalEntryNotFoundError as error:
            if isinstance(error.__cause__, TooSlow):
                raise error.__cause__ from None
            raise _not_cached(path, revision or "main") from None
        except EntryNotFoundError:
            return {}, None
    return heads.read(Path(card)), Path(card).parent.name


def _features(head: Mapping[str, Any], config: str) -> datasets.Features | None:
    """The features of a config, as the card has them; None when it does not say."""
    try:
        card = datasets.info.DatasetCardData(dataset_info=head["dataset_info"])
        return datasets.info.DatasetInfosDict.from_dataset_card_data(card)[config].features
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _splits(config: Mapping[str, Any], split: Any, path: str) -> list[str] | None:
    """Names of the splits that an instruction needs; None for all, or when the card does not say."""
    files = config.get("data_files")
    if not isinstance(files, list) or not isinstance(split, str):
        return None
    there = [entry["split"] for entry in files]
    names = list(dict.fromkeys(re.findall(r"(?:^|\+)\s*([\w.-]+)", split)))
    if "all" in names:
        return None
    for name in names:
        if name not in there:
            raise UsageError(f"{path} has no split {one_of(name, there)}")
    return names


class Part(datasets.ArrowBasedBuilder):
    """Some splits or columns of a dataset on the Hub, kept in the cache like any dataset.

    Args:
        fetch: function giving ``{split: [function opening a file, ...]}``, called when it is not cached.
        columns: names, or None for all.
        declared: their features, or None for what the files say.
    """

    def __init__(self, fetch: Callable, columns: Sequence[str] | None, declared: Any, **arguments: Any):
        self._fetch, self._columns, self._declared = fetch, columns, declared
        super().__init__(**arguments)

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo()

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        files = self._fetch()
        if empty := [split for split, opened in files.items() if not opened]:
            raise RunError(f"the card names files of split {', '.join(empty)} that are not there")
        with next(iter(files.values()))[0]() as file:
            features = datasets.Features.from_arrow_schema(parquet_schema(file))
        if missing := [name for name in self._columns or () if name not in features]:
            raise RunError(f"the config has columns that its files have not: {', '.join(missing)}")
        features |= {name: kind for name, kind in (self._declared or {}).items() if name in features}
        self.info.features = datasets.Features({c: features[c] for c in self._columns or features})
        return [datasets.SplitGenerator(name, {"files": opened}) for name, opened in files.items()]

    def _generate_tables(self, files: Iterable[Callable]) -> Iterator[Any]:
        schema = self.info.features.arrow_schema
        for i, opened in enumerate(files):
            with opened() as file, parquet_file(file, **NO_BUFFER_THREADS) as parquet:
                for j in range(parquet.num_row_groups):
                    table = parquet.read_row_group(j, columns=schema.names, **NO_THREADS)
                    yield datasets.builder.Key(i, j), table_cast(table.select(schema.names), schema)


def _part(
    arguments: Mapping[str, Any], config: Mapping[str, Any], features: datasets.Features | None,
    wanted: list[str] | None, split: Any, commit: str,
) -> Any:  # fmt: skip
    """Some splits or columns, without fetching the others."""
    path, name, token = arguments["path"], config["config_name"], arguments["token"]
    entries = [entry for entry in config["data_files"] if not wanted or entry["split"] in wanted]
    patterns = {e["split"]: [e["path"]] if isinstance(e["path"], str) else e["path"] for e in entries}
    columns = config.get("columns")
    fetch = partial(_files, path, commit, patterns, token, whole=not columns)
    # a place of its own: stock datasets takes whatever it finds in its own for the whole config
    cache = Path(arguments.get("cache_dir") or datasets.config.HF_DATASETS_CACHE) / "sousa-parts"
    key = [_KEPT_AS, path, commit, name, *patterns, *(columns or ())]
    with remote.hub_errors(path, "loading"):
        builder = Part(
            fetch, columns, features, config_name=name, version=str(config.get("version") or "0.0.0"),
            dataset_name=path.replace("/", "___"), cache_dir=str(cache),
            hash=hashlib.sha256("\n".join(key).encode()).hexdigest()[:16],
        )  # fmt: skip
        builder.download_and_prepare()
    return builder.as_dataset(split=split)


def _files(
    path: str, commit: str, patterns: Mapping[str, Sequence[str]], token: str | None, whole: bool
) -> dict[str, list[Callable]]:
    """Functions that open the files of each split: fetched whole, or in place, transferring what is read."""
    glob: Callable
    if whole:
        wanted = [name for names in patterns.values() for name in names]
        download = remote.client(token).snapshot_download
        glob = Path(download(path, repo_type="dataset", revision=commit, allow_patterns=wanted)).glob
        opener = partial(open, mode="rb")
    else:
        system = remote.file_system(token)
        glob = lambda name: system.glob(f"datasets/{path}@{commit}/{name}")  # noqa: E731
        opener = partial(system.open, mode="rb", **remote.READ_AHEAD)
    return {
        split: [partial(opener, file) for name in names for file in sorted(glob(name))]
        for split, names in patterns.items()
    }
