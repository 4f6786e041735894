"""The ``datasets`` builder of a published corpus with captions, over its files as they were published.

``FMA(data_dir="data/raw/fma", fma_size="small")`` reads what ``sousa download`` left in that folder, or what
a user unpacked there; nothing is written but the cache of ``datasets``, and by ``as_streaming_dataset()`` not
even that.

Conventions
-----------
The columns are those of :mod:`sousa.generation.captions.columns` that published files tell, and ``audio``,
the file of the sound as published, not decoded. Splits are those of the corpus; rows without one are in
``train``. Rows that can't be used are left out: ``left_out`` counts them by the reason, and one line of the
log says so. Files that are added, removed or changed are never read from an old cache.
"""

import inspect
import logging
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import field, fields, make_dataclass
from pathlib import Path
from typing import Any, ClassVar

import datasets
import pyarrow as pa
import pyarrow.compute as pc

from sousa.builders.audio import AudioBuilder
from sousa.builders.base import features
from sousa.generation.captions.clips import all_files
from sousa.generation.captions.columns import PUBLISHED
from sousa.generation.captions.measuring import NOT_THERE
from sousa.generation.captions.readers import Reader, Wanted, reader
from sousa.generation.captions.sounds import file_of, name_of, sound_bytes
from sousa.generation.columns import AUDIO, SPLITS, Column
from sousa.generation.errors import SousaError, UsageError, one_of
from sousa.generation.outside import expanded, is_directory

log = logging.getLogger(__name__)
COLUMNS = (*PUBLISHED, Column("audio", AUDIO, "", "the sound's file, as published; null without it"))
VERSION = datasets.Version("1.0.0")  # another one when rows are read otherwise

CaptionedConfig: Any = make_dataclass(
    "CaptionedConfig",
    [(option.name, option.type, field(default=option.default)) for option in fields(Wanted)],
    bases=(datasets.BuilderConfig,),
    namespace={"__doc__": Wanted.__doc__, "__module__": __name__},
)


class CaptionedBuilder(AudioBuilder):
    """A published corpus with captions. A subclass says which.

    Attributes:
        reader: of the corpus.
        left_out: how many rows were left out, by the reason, once they have been read.

    Raises: ValueError for options that there are not, for a ``data_dir`` that does not hold the corpus, and
        for files that can't be read.
    """

    NAME: ClassVar[str]  # of the corpus
    VERSION = VERSION
    BUILDER_CONFIG_CLASS = CaptionedConfig
    reader: ClassVar[Reader]

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        cls.reader = reader(cls.NAME)

    def __init__(self, *arguments: Any, **options: Any):
        usual = {"seed", "metadata_only", *self.reader.own}
        foreign = {option.name for option in fields(Wanted)} - usual
        known = [option.name for option in fields(self.BUILDER_CONFIG_CLASS) if option.name not in foreign]
        for name in options.keys() - inspect.signature(datasets.DatasetBuilder.__init__).parameters.keys():
            if name not in known:
                raise ValueError(f"unknown option {one_of(name, known)}")
        self.left_out: Counter[str] = Counter()
        super().__init__(*arguments, **{"dataset_name": self.NAME, **options})

    def _open(self, config: Any) -> list[str]:
        self._wanted = Wanted(**{option.name: getattr(config, option.name) for option in fields(Wanted)})
        if not config.data_dir:
            raise UsageError(
                f"{self.NAME} is read from files; give data_dir, the folder that they are in, such as "
                f"data/raw/{self.NAME} after 'sousa download --datasets {self.NAME}'"
            )
        root = expanded(config.data_dir)
        if not is_directory(root):
            raise UsageError(f"data_dir is {config.data_dir}, and there is no such folder; name that of "
                             f"{self.reader.title}")  # fmt: skip
        self._root = Path(os.path.abspath(root))
        return [str(self._root), repr(self._wanted), str(VERSION), *_stamps(self._root)]

    def _info(self) -> datasets.DatasetInfo:
        info, corpus = super()._info(), self.reader
        info.homepage, info.citation = corpus.homepage, corpus.citation
        info.license = f"captions: {corpus.caption_licence}; each sound has its own, in the column licence"
        return info

    def _features(self, stored: bool) -> datasets.Features:
        return features(COLUMNS, None, stored)

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        rows: Counter[str] = Counter()
        self.left_out = Counter()
        for table in self._tables():
            for row in table.select(["split", "audio_at", "rejected"]).to_pylist():
                if reason := self._reason(row):
                    self.left_out[reason] += 1
                else:
                    rows[row["split"]] += 1
        reasons = ", ".join(f"{reason} ({number:,})" for reason, number in sorted(self.left_out.items()))
        log.info("%s: %d rows, and %d left out%s", self.reader.title, rows.total(), self.left_out.total(),
                 f": {reasons}" if reasons else "")  # fmt: skip
        if not rows:
            raise ValueError(
                f"{self._root} has no row of {self.reader.title} that can be used"
                + (f": {reasons}; metadata_only=True keeps rows without their sound" if reasons else "")
            )
        return [datasets.SplitGenerator(split, {"split": split}) for split in SPLITS if split in rows]

    def _generate_examples(self, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for table in self._tables():
            for row in table.filter(pc.equal(table["split"], split)).to_pylist():
                if self._reason(row):
                    continue
                audio_at, _ = row.pop("audio_at"), row.pop("rejected")
                audio = None
                if audio_at and _is_there(self._root, audio_at):
                    with _as_value_error():
                        audio = {"bytes": sound_bytes(self._root, audio_at), "path": name_of(audio_at)}
                yield row["sample_id"], row | {"audio": audio}

    def _tables(self) -> Iterator[pa.Table]:
        """Rows of the reader, each in a split."""
        with _as_value_error():
            for table in self.reader.read(self._root, self._wanted):
                place = table.column_names.index("split")
                yield table.set_column(place, "split", pc.fill_null(table["split"], SPLITS[0]))

    def _reason(self, row: dict[str, Any]) -> str | None:
        """Why a row is left out."""
        if row["rejected"] or self._wanted.metadata_only:
            return row["rejected"]
        return None if row["audio_at"] and _is_there(self._root, row["audio_at"]) else NOT_THERE


@contextmanager
def _as_value_error() -> Iterator[None]:
    try:
        yield
    except SousaError as error:
        raise ValueError(str(error)) from None


def _is_there(root: Path, audio_at: str) -> bool:
    return os.path.isfile(root / file_of(audio_at))


def _stamps(root: Path) -> Iterator[str]:
    """Names, sizes and times of all files of a folder."""
    for entry in all_files(root):
        with suppress(OSError):
            about = entry.stat()
            yield f"{entry.path} {about.st_size} {about.st_mtime_ns}"
