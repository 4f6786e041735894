"""All corpora as one dataset with one schema, over stored shards or generating live.

Conventions
-----------
``Unified(config_name="small")`` makes the small size of every corpus that has one as it is read;
``Unified(config_name="small", data_dir="output")`` reads finished datasets: ``output/<corpus>``
each, or ``output`` itself when it is one. Each row is a row of its corpus: the columns that all have
are columns, sound events are ``events``, and everything else is in ``labels``, JSON of the corpus's
own columns. ``sample_id`` is ``<dataset>/<its own id>``.

Which column is which follows from their roles: a ``Group`` is the ``group_id``, what is ``main`` the
``label``, what tells renditions apart, or is the condition ``ACOUSTICS``, the ``acoustics``, and ``Events``
say which of their fields is what; all else goes by name.
"""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import datasets

from sousa.builders.audio import AudioBuilder
from sousa.builders.base import builder, features
from sousa.generation import columns as roles
from sousa.generation import corpora
from sousa.generation.columns import ACOUSTICS, AUDIO, SPLITS, Column, having, split_column, table
from sousa.generation.corpus import is_generated
from sousa.generation.errors import SousaError, UsageError
from sousa.generation.manifest import read_manifest
from sousa.generation.outside import expanded, is_directory

SCHEMA_VERSION = 2  # another one when rows are mapped otherwise: caches are told apart by it
EVENT = (
    Column("onset_sample", "int64", "samples", "where the event begins to sound"),
    Column("offset_sample", "int64", "samples", "where it is released; null where it rings out"),
    Column("pitch", "int32", "MIDI note", "its pitch; null without one"),
    Column("velocity", "int32", "MIDI velocity", "how hard it is played, 1-127; null without"),
    Column("kind", "string", "", "what it is, in the words of its corpus, such as accent"),
    Column("part", "string", "", "who or what plays it, such as the hand; null without"),
)
COLUMNS = (
    Column("dataset", "string", "", "corpus of the row"),
    Column("sample_id", "string", "", "unique name: dataset/its name there"),
    Column("group_id", "string", "", "what splits are made by: the player, piece or parameter setting"),
    split_column("group"),
    Column("label", "string", "", "main class of the corpus; null without"),
    Column("tempo_bpm", "float64", "quarter notes/min", "tempo; null without"),
    Column("acoustics", "string", "", "acoustics of the rendering; null without"),
    Column("duration_sec", "float64", "s", "length of the audio"),
    Column("num_samples", "int64", "samples", "length of the audio"),
    Column("sample_rate", "int32", "Hz", "rate of the audio and of every *_sample value"),
    Column("events", EVENT, "", "sound events in order of time", role=roles.Events(
        offset="offset_sample", pitch="pitch", velocity="velocity", kind="kind", part="part")),
    Column("labels", "string", "", "JSON of all other columns of the corpus"),
    Column("data_version", "string", "", "version of the audio and labels"),
    Column("pcm_digest", "string", "", "MD5 of the decoded samples, 16-bit; null without audio"),
    Column("midi", "binary", "", "Standard MIDI file; null without"),
    Column("audio", AUDIO, "", "encoded audio"),
)  # fmt: skip


def places(columns: Iterable[Column]) -> dict[str, Any]:
    """Columns of a corpus that are shared columns by their roles, by the names of these."""
    columns = tuple(columns)
    conditions = {c.role.condition for c in having(columns, roles.Renditions)}
    conditions |= {c.name for c in having(columns, roles.Breakdown) if c.role.condition == ACOUSTICS}
    candidates = {
        "group_id": having(columns, roles.Group),
        "label": [column for column in columns if getattr(column.role, "main", False)],
        "acoustics": [column for column in columns if column.name in conditions],
        "events": having(columns, roles.Events),
    }
    return {shared: next(iter(fitting), None) for shared, fitting in candidates.items()}


def unify(name: str, row: Mapping[str, Any], by_role: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A row of a corpus under the shared schema.

    Args:
        name: of the corpus.
        row: dict of its own columns, classes by name.
        by_role: :func:`places` of these columns; by default of those that the corpus has now.

    Returns: dict of ``COLUMNS`` (without ``audio`` where the row has none).
    """
    by_role = places(corpora.get(name).columns()) if by_role is None else by_role
    shared = {column.name: row.get(column.name) for column in COLUMNS}
    shared |= {key: column and row.get(column.name) for key, column in by_role.items()}
    if shared["events"]:
        role = by_role["events"].role
        names = {
            "onset_sample": role.onset, "offset_sample": role.offset, "pitch": role.pitch,
            "velocity": role.velocity, "kind": role.kind, "part": role.part,
        }  # fmt: skip
        shared["events"] = [{new: e.get(old) for new, old in names.items()} for e in shared["events"]]
    shared |= {"dataset": name, "sample_id": f"{name}/{row['sample_id']}"}
    if shared["group_id"] is not None:
        shared["group_id"] = f"{name}/{shared['group_id']}"
    if shared["tempo_bpm"] is not None:
        shared["tempo_bpm"] = float(shared["tempo_bpm"])
    rest = {column: value for column, value in row.items() if column not in ("audio", "midi")}
    encoder = json.JSONEncoder(separators=(",", ":"), default=lambda data: base64.b64encode(data).decode())
    shared["labels"] = encoder.encode(rest)
    if "audio" not in row:
        del shared["audio"]
    return shared


@dataclass
class UnifiedConfig(datasets.BuilderConfig):
    """Options: ``corpora``, names or None for all; ``options``, dict of corpus to its builder's options."""

    corpora: list[str] | None = None
    options: dict | None = None


_VERSION = datasets.Version(f"{SCHEMA_VERSION}.0.0")


class Unified(AudioBuilder):
    """Every corpus of SOUSA under one schema.

    Raises: ValueError for corpora or options that are not there, or a ``data_dir`` without any.
    """

    VERSION = _VERSION
    BUILDER_CONFIG_CLASS = UnifiedConfig
    BUILDER_CONFIGS: ClassVar[list] = [
        UnifiedConfig(name=name, version=_VERSION, description=f"{name} of each corpus that has it")
        for name in dict.fromkeys([*chain.from_iterable(c.Options.SIZES for c in corpora.usable()), "custom"])
    ]
    DEFAULT_CONFIG_NAME = BUILDER_CONFIGS[0].name

    def _open(self, config: UnifiedConfig) -> list[str]:
        self._parts = _parts(config)
        self._places = {name: places(part.columns) for name, part in self._parts.items()}
        parts = [f"{name} {part.hash}" for name, part in self._parts.items()]
        return [f"{SCHEMA_VERSION}\n{table(COLUMNS)}", *parts]

    def _features(self, stored: bool) -> datasets.Features:
        heard = any(part.audio_feature() for part in self._parts.values())
        rates = {part.settings.sample_rate for part in self._parts.values()}
        columns = [column for column in COLUMNS if heard or column.name != "audio"]
        return features(columns, rates.pop() if len(rates) == 1 else None, stored)

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        shards: dict[str, list] = {split: [] for split in SPLITS}
        for name, part in self._parts.items():
            for split in part._split_generators(dl_manager):
                shards[str(split.name)].extend((name, shard) for shard in split.gen_kwargs["shards"])
        return [datasets.SplitGenerator(name, {"shards": parts}) for name, parts in shards.items() if parts]

    def _generate_examples(self, shards: Iterable[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, shard in shards:
            for _, row in self._parts[name]._generate_examples([shard]):
                shared = unify(name, row, self._places[name])
                if "audio" in self.info.features:
                    shared.setdefault("audio", None)
                yield shared["sample_id"], shared


def _parts(config: UnifiedConfig) -> dict[str, Any]:
    options = config.options or {}
    if isinstance(config.corpora, str):
        config.corpora = [config.corpora]
    if config.corpora is not None and not config.corpora:
        raise UsageError(f"corpora is empty; name some of {', '.join(corpora.names())}, or give None for all")
    for name in [*(config.corpora or ()), *options]:
        corpora.get(name)  # says which there are
    sized = [c.name for c in corpora.usable() if config.name in (*c.Options.SIZES, "custom")]
    if lacking := [name for name in config.corpora or options if name not in sized]:
        raise UsageError(
            f"there is no size {config.name} of {', '.join(lacking)}, only of {', '.join(sized)}; choose "
            "among these or another config_name"
        )
    wanted = config.corpora or sized
    if useless := options.keys() - wanted:
        raise UsageError(f"options of {min(useless)} have no use: corpora are {', '.join(wanted)}")
    if not config.data_dir:
        if not config.corpora:  # those that are read need to be told from where
            wanted = [name for name in wanted if name in options or is_generated(corpora.get(name))]
        return {name: builder(name)(config_name=config.name, **options.get(name, {})) for name in wanted}
    if options:
        raise UsageError("options: no choice for stored rows; leave out data_dir or these")
    roots = _stored(Path(expanded(config.data_dir)))
    missing = [name for name in config.corpora or () if name not in roots]
    if missing or not roots.keys() & wanted:
        raise UsageError(
            f"{config.data_dir} holds no finished dataset of {', '.join(missing or wanted)}; it should be "
            "one, or a directory of them"
        )
    return {n: builder(n)(config_name=config.name, data_dir=str(roots[n])) for n in wanted if n in roots}


def _stored(root: Path) -> dict[str, Path]:
    """Datasets in a directory by corpus: itself, or folders in it, of several the one named as the corpus."""
    found: dict[str, list[Path]] = {}
    for place in [root, *(sorted(root.iterdir()) if is_directory(root) else ())]:
        with suppress(SousaError) if place != root else nullcontext():
            if manifest := read_manifest(place):
                found.setdefault(str(manifest["config"].get("corpus")), []).append(place)
    for name, places in found.items():
        found[name] = places = [place for place in places if place.name == name] or places
        if len(places) > 1 and places[0] != root:
            folders = ", ".join(place.name for place in places)
            raise UsageError(f"{root} has several datasets of {name}: {folders}; call the one meant {name}")
    return {name: places[0] for name, places in found.items()}
