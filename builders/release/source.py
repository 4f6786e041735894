"""What a release or a card is made from: a dataset, finished or just being finished, of any corpus."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sousa.generation import corpora, make
from sousa.generation.columns import Breakdown, Classes, Column, Renditions, having
from sousa.generation.corpus import Packaging
from sousa.generation.licences import of_plugin
from sousa.generation.manifest import config_digest
from sousa.generation.reopen import Stored
from sousa.generation.storage import LocalStorage


@dataclass(frozen=True)
class Source:
    """A dataset.

    Attributes:
        corpus: a :class:`sousa.generation.corpus.Corpus`.
        storage: where its files lie.
        identity: of its configuration, plain data; digest: SHA-256 of it.
        sample_rate: Hz.
        shards: dict of shard name to manifest record, in order of rows.
        views: dict of size to the names of its shards; each contains the ones before it, and the last one is
            everything.
        columns: declarations of those that its files have.
        packaging: what the corpus says of it.
    """

    corpus: Any
    storage: LocalStorage
    identity: dict[str, Any]
    digest: str
    sample_rate: int
    shards: dict[str, dict[str, Any]]
    views: dict[str, list[str]]
    columns: tuple[Column, ...]
    packaging: Packaging

    @property
    def with_audio(self) -> bool:
        """Whether rows have sound."""
        return any(column.name == "audio" for column in self.columns)

    @property
    def digest_column(self) -> str | None:
        """The column that stands for the sound of a row."""
        return "pcm_digest" if self.with_audio else None

    @property
    def balance(self) -> dict[str, tuple[str, ...]]:
        """Columns whose values the card counts, each with the order of these."""
        conditions = {column.role.condition for column in having(self.columns, Renditions)}
        out = {}
        for column in self.columns:
            role: Any = column.role
            if isinstance(role, Classes) and role.balance:
                out[column.name] = role.names
            elif isinstance(role, Breakdown) and (role.balance or column.name in conditions):
                out[column.name] = role.known
            elif column.name in conditions:
                out[column.name] = getattr(role, "names", ())
        return out


def of_stored(stored: Stored) -> Source:
    """The Source of a finished dataset.

    Raises: RunError when its manifest was changed by hand.
    """
    manifest, packaging = stored.manifest, _packaging(stored.corpus, stored.config, stored.manifest)
    return Source(
        stored.corpus, stored.storage, manifest["config"], manifest["config_digest"],
        stored.config.sample_rate, manifest["shards"], stored.views, stored.columns, packaging,
    )  # fmt: skip


def of_made(
    corpus: Any, config: Any, storage: LocalStorage, records: Mapping[str, dict], facts: dict[str, Any]
) -> Source:
    """The Source of a dataset whose files are all there, and whose manifest is not yet."""
    identity, views = config.identity(), make.views(corpus, config, corpus.plan(config))
    return Source(
        corpus, storage, identity, config_digest(identity), config.sample_rate, dict(records), views,
        corpus.columns(config), _packaging(corpus, config, facts),
    )  # fmt: skip


def _packaging(corpus: Any, config: Any, facts: Mapping[str, Any]) -> Packaging:
    """What a corpus says of a dataset; what another package makes is under the licence of that package."""
    said = corpus.packaging(config, facts)
    if corpus.name in corpora.BUILT_IN:
        return said
    return replace(said, made_of=(of_plugin("corpus", corpora.GROUP, corpus.name), *said.made_of))
