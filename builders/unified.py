"""All corpora as one dataset with one schema, over stored shards or generating live.

Conventions
-----------
``Unified(config_name="small")`` makes the small preset of every corpus as it is read;
``Unified(config_name="small", data_dir="output")`` reads finished datasets: ``output/<corpus>``
each, or ``output`` itself when it is one. Each row is a row of its corpus: the columns that all have
are columns, sound events are ``events``, and everything else is in ``labels``, JSON of the corpus's
own columns. ``sample_id`` is ``<dataset>/<its own id>``.

A corpus joins by an entry in ``CORPORA``: its builder, and a function from its row to the shared
columns.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import datasets

from sousa.builders.audio import ReadableAudio
from sousa.builders.features import features, table
from sousa.builders.release.layout import SPLITS
from sousa.builders.rudiments import Rudiments
from sousa.builders.textures import Textures
from sousa.generation import DATA_VERSION
from sousa.generation.columns import AUDIO, Column
from sousa.generation.errors import SousaError, one_of
from sousa.generation.manifest import MANIFEST
from sousa.generation.rudiments.corpus import PRESETS

SCHEMA_VERSION = 1  # another one when rows are mapped otherwise: caches are told apart by it
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
    Column("split", "string", "", "train, validation or test; a group is in one of them"),
    Column("label", "string", "", "main class, such as the rudiment; null without"),
    Column("tempo_bpm", "float64", "quarter notes/min", "tempo; null without"),
    Column("acoustics", "string", "", "acoustic preset; null without"),
    Column("duration_sec", "float64", "s", "length of the audio"),
    Column("num_samples", "int64", "samples", "length of the audio"),
    Column("sample_rate", "int32", "Hz", "rate of the audio and of every *_sample value"),
    Column("events", EVENT, "", "sound events in order of time"),
    Column("labels", "string", "", "JSON of all other columns of the corpus"),
    Column("data_version", "string", "", "version of the audio and labels"),
    Column("pcm_digest", "string", "", "MD5 of the decoded samples, 16-bit; null without audio"),
    Column("midi", "binary", "", "Standard MIDI file; null without"),
    Column("audio", AUDIO, "", "encoded audio"),
)


def _rudiment(row):
    events = [
        {"onset_sample": s["onset_sample"], "offset_sample": None, "pitch": None,
         "velocity": s["actual_velocity"], "kind": s["stroke_type"], "part": s["hand"]}
        for s in row["strokes"]
    ]  # fmt: skip
    return {
        "group_id": row["profile_id"], "label": row["rudiment_slug"], "events": events,
        "acoustics": row["augmentation_preset"],
    }  # fmt: skip


def _texture(row):
    events = row["events"] and [
        {"onset_sample": e["onset_sample"], "offset_sample": None, "pitch": None, "velocity": e["velocity"],
         "kind": e["kind"], "part": None}
        for e in row["events"]
    ]  # fmt: skip
    return {"group_id": row["setting_id"], "label": row["synth"], "events": events}


CORPORA = {"rudiments": (Rudiments, _rudiment), "textures": (Textures, _texture)}


def unify(corpus, row):
    """A row of a corpus under the shared schema.

    Args:
        corpus: its name; row: dict of the corpus's own columns.

    Returns: dict of ``COLUMNS`` (without ``audio`` where the row has none).
    """
    shared = {c.name: row.get(c.name) for c in COLUMNS if c.name not in ("events", "labels")}
    shared |= CORPORA[corpus][1](row) | {"dataset": corpus, "sample_id": f"{corpus}/{row['sample_id']}"}
    shared["group_id"] = f"{corpus}/{shared['group_id']}"
    if shared["tempo_bpm"] is not None:
        shared["tempo_bpm"] = float(shared["tempo_bpm"])
    rest = {name: value for name, value in row.items() if name not in ("audio", "midi")}
    shared["labels"] = json.dumps(rest, separators=(",", ":"), default=_encoded)
    if "audio" not in row:
        del shared["audio"]
    return shared


def _encoded(value):
    return base64.b64encode(value).decode()


@dataclass
class UnifiedConfig(datasets.BuilderConfig):
    """Options: ``corpora``, names or None for all; ``options``, dict of corpus to its builder's options."""

    corpora: list[str] | None = None
    options: dict | None = None


class Unified(ReadableAudio, datasets.GeneratorBasedBuilder):
    """Every corpus of SOUSA under one schema.

    Raises: ValueError for corpora or options that are not there, or a ``data_dir`` without any.
    """

    VERSION = datasets.Version(DATA_VERSION)
    BUILDER_CONFIG_CLASS = UnifiedConfig
    BUILDER_CONFIGS: ClassVar[list] = [
        UnifiedConfig(name=name, version=DATA_VERSION, description=f"the {name} preset of each corpus")
        for name in (*PRESETS, "custom")
    ]
    DEFAULT_CONFIG_NAME = "small"
    DEFAULT_WRITER_BATCH_SIZE = 100

    def _create_builder_config(self, *args, **kwargs):
        config, config_id = super()._create_builder_config(*args, **kwargs)
        try:
            self._parts = self._open(config)
        except SousaError as error:
            raise ValueError(str(error)) from None
        sha = hashlib.sha256(f"{SCHEMA_VERSION}\n{table(COLUMNS)}".encode())
        for corpus, builder in self._parts.items():
            sha.update(f"{corpus} {builder.hash}\n".encode())
        self.hash = sha.hexdigest()[:16]
        return config, config_id

    def _open(self, config):
        """The builders of the corpora asked for, by name."""
        options = config.options or {}
        if isinstance(config.corpora, str):
            config.corpora = [config.corpora]
        if config.corpora is not None and not config.corpora:
            raise ValueError(f"corpora is empty; name some of {', '.join(CORPORA)}, or give None for all")
        for name in [*(config.corpora or ()), *options]:
            if name not in CORPORA:
                raise ValueError(f"unknown corpus {one_of(name, CORPORA)}")
        wanted = [name for name in CORPORA if config.corpora is None or name in config.corpora]
        if not config.data_dir:
            return {n: CORPORA[n][0](config_name=config.name, **options.get(n, {})) for n in wanted}
        if options:
            raise ValueError("options: no choice for stored rows; leave out data_dir or these")
        places = _stored(Path(config.data_dir))
        missing = [name for name in config.corpora or () if name not in places]
        if missing or not places:
            raise ValueError(
                f"{config.data_dir} holds no finished dataset of {', '.join(missing or CORPORA)}; it should "
                "be one, or a directory of them"
            )
        return {
            name: CORPORA[name][0](config_name=config.name, data_dir=str(places[name]))
            for name in wanted
            if name in places
        }

    def _columns(self):
        heard = any(builder.audio_feature() for builder in self._parts.values())
        return tuple(column for column in COLUMNS if heard or column.name != "audio")

    def _rate(self):
        rates = {builder.settings.sample_rate for builder in self._parts.values()}
        return rates.pop() if len(rates) == 1 else None

    def _info(self):
        return datasets.DatasetInfo(
            description=self.__class__.__doc__.splitlines()[0],
            features=features(self._columns(), self._rate(), stored=True),
        )

    def audio_feature(self):
        """What the audio column is to readers, None without audio."""
        return features(self._columns(), self._rate()).get("audio")

    def _split_generators(self, dl_manager):
        shards = {}
        for corpus, builder in self._parts.items():
            for part in builder._split_generators(dl_manager):
                shards.setdefault(str(part.name), []).extend((corpus, s) for s in part.gen_kwargs["shards"])
        return [datasets.SplitGenerator(s, {"shards": shards[s]}) for s in SPLITS if s in shards]

    def _generate_examples(self, shards):
        for corpus, shard in shards:
            for _, row in self._parts[corpus]._generate_examples([shard]):
                shared = unify(corpus, row)
                if "audio" in self.info.features:
                    shared.setdefault("audio", None)
                yield shared["sample_id"], shared


def _stored(root):
    """Finished datasets in a directory: dict of corpus to its directory."""
    from sousa.generation.manifest import read_manifest

    found = {}
    for place in [root, *(root / name for name in CORPORA)]:
        if (place / MANIFEST).is_file():
            corpus = str(read_manifest(place)["config"].get("corpus"))
            if corpus in CORPORA:
                found.setdefault(corpus, place)
    return found
