"""What the `evaluate` modules in the folders beside this file have in common."""

from collections.abc import Callable
from typing import Any, ClassVar

import datasets
import evaluate


def features(kind: Any) -> datasets.Features:
    """Columns of an `evaluate` module whose predictions and references are of this feature."""
    return datasets.Features({"predictions": kind, "references": kind, "groups": datasets.Value("string")})


class Metric(evaluate.Metric):
    """A function of predictions, references and groups as an `evaluate` module.

    Attributes:
        function: its docstring tells users of the inputs; features: of the columns, or a list of those that
            will do; citation: BibTeX or plain text.
    """

    function: ClassVar[Callable[..., dict[str, Any]]]
    features: ClassVar[datasets.Features | list[datasets.Features]]
    citation: ClassVar[str] = ""

    def _info(self):
        about = {"description": self.__doc__, "citation": self.citation, "features": self.features}
        return evaluate.MetricInfo(inputs_description=self.function.__doc__, **about)

    def _enforce_nested_string_type(self, schema, obj):
        """Names may be ints or None: they are stored as text and null."""

    def _compute(self, **columns):
        return self.function(**columns)
