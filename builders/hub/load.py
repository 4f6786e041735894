"""``sousa.load``: ``datasets.load_dataset`` for releases, with less to fetch and less to install.

What it returns are stock ``datasets`` objects. It differs in three things: audio is decoded by
soundfile where torchcodec or FFmpeg is missing; of a named split only its files are fetched; of a
config without audio only the bytes of its columns are.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import datasets
from huggingface_hub import constants

from sousa.builders.audio import played_by, torchcodec_works
from sousa.builders.hub import remote
from sousa.builders.hub.part import Part
from sousa.builders.release import head as heads
from sousa.builders.release import layout
from sousa.generation.errors import RunError, UsageError, one_of
from sousa.generation.manifest import UNFINISHED, complete_manifest
from sousa.generation.outside import expanded, is_directory, meant, refuse_address
from sousa.generation.pace import TooSlow
from sousa.generation.text import is_pattern

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
        path: ``org/name`` on the Hub, or a directory: of a release or of a dataset. Without ``revision`` it
            is not looked for on the Hub where a directory of nearly that name is here.
        name: config, such as ``small``, ``small-midi`` or ``labels``; None for the default one.
        split: such as ``train``, ``train[:10%]`` or ``train+validation``; None for all.
        streaming: give iterable datasets that read while they are iterated.
        revision: tag, such as ``v1.0.0``, branch or commit; None for main.
        decoder: soundfile, torchcodec, none (the encoded file), or auto: torchcodec where it works.
        token: of the Hub, None for the one in the usual places.
        more: further arguments of ``datasets.load_dataset``; with any but ``cache_dir`` it fetches what
            that fetches, and a directory whose path that takes for a pattern can't be loaded.

    Returns: Dataset, IterableDataset, or a dict of them. With soundfile a row's audio is a dict, see
        :class:`sousa.builders.audio.SoundfileAudio`; ``row["audio"]["array"]`` and ``["sampling_rate"]`` work
        with both decoders.
    Raises: UsageError for a config, split or decoder that is not there; RunError when the Hub can't be
        read, or the dataset or release is unfinished.

    Examples:
        >>> rows = sousa.load("output/flams", split="train")
        >>> rows[0]["audio"]["sampling_rate"]
        44100
        >>> sousa.load("org/sousa", "small", revision="v1.0.0")  # doctest: +SKIP
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
    path = expanded(path)
    refuse_address(path)
    local = is_directory(path)
    if not local and (wrong := layout.repo_problem(path)):
        raise UsageError(
            f"the path is neither a directory here nor a dataset on the Hub: it is {wrong}{meant(path)}"
        )
    if not local and revision is None and (near := meant(path)):
        raise UsageError(f"there is no directory {path}{near}; for a dataset on the Hub give revision='main'")
    if local and revision is not None:
        raise UsageError(f"{path} is a directory, which has no revisions; leave out revision={revision!r}")
    if local and (Path(path) / UNFINISHED).exists() and not (Path(path) / layout.MANIFEST).exists():
        complete_manifest(path)  # says what is unfinished, and what to do
    head, commit = _card(path, local, revision, token)
    config = heads.config(head, name, path) or {}
    wanted = _splits(config, split, path)
    # of . it would make no name
    arguments = {"path": os.path.abspath(path) if local else path, "name": name, "token": token, **more}
    part = wanted if wanted and len(wanted) < len(config["data_files"]) else None
    silent = config.get("columns")
    if local and is_pattern(path):
        if more.keys() - {"cache_dir"} or "data_files" not in config:
            raise UsageError(
                f"{path}: with these arguments datasets takes the path for a pattern; rename the directory"
            )
        features = _features(head, config["config_name"])
        return played_by(_part(arguments, config, features, wanted, split, None, streaming), decoder)
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
    loading = remote.kept(f"loading {path}") if local else remote.hub_errors(path, "loading")
    with loading:
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
    there = f"of it {', '.join(sorted(kept))} is" if kept else "nothing of it is there"
    no_folder = f"loading {path}: there is no directory of that name here; "
    return RunError(f"{no_folder}{offline}, and {revision} is not in the cache; {there}")


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


def _part(
    arguments: Mapping[str, Any], config: Mapping[str, Any], features: datasets.Features | None,
    wanted: list[str] | None, split: Any, commit: str | None, streaming: bool = False,
) -> Any:  # fmt: skip
    """Some splits or columns, without fetching the others; without a ``commit``, of a directory."""
    path, name, token = arguments["path"], config["config_name"], arguments["token"]
    entries = [entry for entry in config["data_files"] if not wanted or entry["split"] in wanted]
    patterns = {e["split"]: [e["path"]] if isinstance(e["path"], str) else e["path"] for e in entries}
    columns = config.get("columns")
    fetch = partial(_files, path, commit, patterns, token, whole=not columns)
    # a place of its own: stock datasets takes whatever it finds in its own for the whole config
    cache = Path(arguments.get("cache_dir") or datasets.config.HF_DATASETS_CACHE) / "sousa-parts"
    version = commit or _state(path, patterns.values())
    key = [_KEPT_AS, path, version, name, *patterns, *(columns or ())]
    with remote.hub_errors(path, "loading") if commit else remote.kept(f"loading {path}"):
        builder = Part(
            fetch, columns, features, config_name=name, version=str(config.get("version") or "0.0.0"),
            dataset_name=path.replace("/", "___") if commit else "directory", cache_dir=str(cache),
            hash=hashlib.sha256("\n".join(key).encode()).hexdigest()[:16],
        )  # fmt: skip
        if streaming:
            return builder.as_streaming_dataset(split=split)
        builder.download_and_prepare()
    return builder.as_dataset(split=split)


def _state(path: str, patterns: Iterable[Sequence[str]]) -> str:
    """What tells the files of a directory from others."""
    files = sorted({file for names in patterns for name in names for file in Path(path).glob(name)})
    return str([(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files])


def _files(
    path: str, commit: str | None, patterns: Mapping[str, Sequence[str]], token: str | None, whole: bool
) -> dict[str, list[Callable]]:
    """Functions that open the files of each split: fetched whole, or in place, transferring what is read."""
    glob: Callable
    if commit is None:
        glob, opener = Path(path).glob, partial(open, mode="rb")
    elif whole:
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
