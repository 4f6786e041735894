"""What a release is made from: a finished dataset directory, whatever its corpus.

Every corpus gives the same facts about its dataset through one function, ``describe(root)``; the
rest of this package knows nothing of rudiments or pianos.
"""

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from sousa.generation.errors import RunError, one_of
from sousa.generation.manifest import complete_manifest
from sousa.generation.options import CORPORA as NAMES

CORPORA = {name: f"sousa.builders.release.{name}" for name in NAMES}


@dataclass(frozen=True)
class Source:
    """A dataset directory.

    Attributes:
        corpus: its name; title: for people.
        root: the directory.
        config: identity of its configuration, plain data; config_digest: SHA-256 of it.
        data_version: of the generator.
        shards: dict of shard name to manifest record, in order of rows.
        views: dict of view name to the names of its shards; each view contains the ones before it, and
            the last one is everything.
        columns: declarations, a tuple of :class:`sousa.generation.columns.Column`.
        sample_rate: Hz; digest_column: the column that stands for the sound of a row, or None.
        made_of: list of :class:`sousa.builders.licences.Licensed`.
        tags: for the Hub; tasks: its task categories.
        balance: columns whose counts the card shows, each with the order of its values.
        texts: what fills the rest of the card's template, by name.
        provenance: further plain facts about how it was made.
    """

    corpus: str
    title: str
    root: Path
    config: dict
    config_digest: str
    data_version: str
    shards: dict
    views: dict
    columns: tuple
    sample_rate: int
    digest_column: str | None
    made_of: list
    tags: list
    tasks: list
    balance: dict
    texts: dict
    provenance: dict = field(default_factory=dict)

    @property
    def with_audio(self):
        """Whether rows have sound."""
        return any(column.name == "audio" for column in self.columns)


def describe(root):
    """The Source of a finished dataset directory.

    Raises: RunError when it is none, or of a corpus that can't be released.
    """
    manifest = complete_manifest(root)
    corpus = str(manifest["config"].get("corpus"))
    if corpus not in CORPORA:
        raise RunError(f"{root} has corpus {one_of(corpus, CORPORA)}")
    return import_module(CORPORA[corpus]).describe(Path(root), manifest)


def write_card(root, config, records):
    """Write the card of a dataset directory.

    Args:
        config: of its corpus, whichever that is; records: of its shards, in order of rows.
    """
    import_module(CORPORA[config.identity()["corpus"]]).write_card(root, config, records)
