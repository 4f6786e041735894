"""What a release or a card is made from: a dataset of any corpus, finished or just being finished."""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pyarrow.compute as pc

from sousa.builders.release import layout
from sousa.generation import corpora
from sousa.generation.columns import Renditions, having
from sousa.generation.corpus import Packaging
from sousa.generation.licences import of_plugin
from sousa.generation.reopen import Stored
from sousa.generation.tables import row_groups


@dataclass(frozen=True)
class Source(Stored):
    """A dataset as cards and releases see it."""

    @cached_property
    def configs(self) -> list[layout.View]:
        """The configs of a release of it."""
        return layout.views(self.views, [column.name for column in self.columns])

    @property
    def whole_configs(self) -> list[layout.View]:
        """Those with all columns: its views."""
        return [view for view in self.configs if view.columns is None]

    @property
    def with_audio(self) -> bool:
        """Whether rows have sound."""
        return any(column.name == "audio" for column in self.columns)

    @property
    def digest_column(self) -> str | None:
        """The column that stands for the sound of a row."""
        return "pcm_digest" if self.with_audio else None

    @cached_property
    def packaging(self) -> Packaging:
        """What the corpus says; rows of another package have its licence where it states none for them."""
        packaging = self.corpus.packaging(self.config, self.manifest)
        if self.corpus.name in corpora.BUILT_IN or any(p.kind == "corpus" for p in packaging.made_of):
            return packaging
        package = of_plugin("corpus", corpora.GROUP, self.corpus.name)
        return replace(packaging, made_of=(package, *packaging.made_of))

    @cached_property
    def balance(self) -> dict[str, tuple[str, ...]]:
        """Columns whose values the card counts, each with the order of these."""
        conditions = {column.role.condition for column in having(self.columns, Renditions)}
        return {
            column.name: getattr(column.role, "names", getattr(column.role, "known", ()))
            for column in self.columns
            if getattr(column.role, "balance", False) or column.name in conditions
        }

    @cached_property
    def figures(self) -> tuple[float, dict[str, dict[Any, Counter]]]:
        """What is counted over the rows: ``(seconds, {column: {value: {split: rows}}})``."""
        seconds = 0.0
        counts: dict[str, dict[Any, Counter]] = {name: defaultdict(Counter) for name in self.balance}
        for record in self.records:
            for group in row_groups(self.storage.source(record["file"]), ["duration_sec", *self.balance]):
                seconds += pc.sum(group["duration_sec"]).as_py() or 0.0
                for name, values in counts.items():
                    for value, rows in Counter(group[name].to_pylist()).items():
                        values[value][record["split"]] += rows
        return seconds, counts
