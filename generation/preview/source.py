"""Where the rows of a page come from: a dataset, or a release."""

from dataclasses import dataclass
from typing import Any

from sousa.generation.columns import Column
from sousa.generation.preview import Preview
from sousa.generation.reopen import Stored
from sousa.generation.storage import LocalStorage


@dataclass(frozen=True)
class Source:
    """Rows, and what is shown of them.

    Attributes:
        storage: where their files lie.
        records: of the shards, in order of rows.
        columns: of the files.
        page: what is shown of a row.
        again: what to do where files are damaged.
        facts: ``dataset`` (its name), ``data_version``, ``size``, ``num_rows`` and ``with_audio``.
    """

    storage: LocalStorage
    records: list[dict[str, Any]]
    columns: tuple[Column, ...]
    page: Preview
    facts: dict[str, Any]
    again: str = "run the 'sousa generate' command that made the dataset again"

    @classmethod
    def of(cls, stored: Stored) -> "Source":
        """A dataset."""
        facts = {
            "dataset": stored.storage.path().resolve().name, "data_version": stored.data_version,
            "size": stored.config.size, "num_rows": stored.manifest["num_rows"],
            "with_audio": stored.config.with_audio,
        }  # fmt: skip
        page = stored.corpus.preview(stored.config, stored.columns)
        return cls(stored.storage, stored.records, stored.columns, page, facts)
