"""What the `evaluate` modules in the folders beside this file have in common."""

from collections.abc import Callable
from typing import Any, ClassVar

import datasets
import evaluate


def features(kind: Any) -> datasets.Features:
    """Columns of an `evaluate` module whose predictions and references are of this feature."""
    return datasets.Features({"predictions": kind, "references": kind, "groups": datasets.Value("string")})


class Metric(evaluate.Metric):
    """A function of predictions, references and groups, whose docstring tells users of them, as a module."""

    function: ClassVar[Callable[..., dict[str, Any]]]
    features: ClassVar[datasets.Features | list[datasets.Features]]  # of the columns, or those that will do
    citation: ClassVar[str] = ""

    def _info(self) -> evaluate.MetricInfo:
        about = {"description": self.__doc__, "citation": self.citation, "features": self.features}
        return evaluate.MetricInfo(inputs_description=self.function.__doc__, **about)

    def _enforce_nested_string_type(self, schema: Any, obj: Any) -> None:
        """Names may be ints or None: they are stored as text and null."""

    def _compute(self, **columns: Any) -> dict[str, Any]:
        return self.function(**columns)
