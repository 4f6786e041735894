"""What the pictures of the report share: colours, grid, legend, and PNG bytes of a figure."""

import io
from functools import partial
from typing import Any

from matplotlib.figure import Figure

BLUE, RED, GREEN, VIOLET, OCHRE, GREY = "#1f5fa8", "#c1440e", "#2a7f4f", "#7d4aa0", "#a9780a", "#6b6b6b"
COLOURS = (BLUE, RED, GREEN, VIOLET, OCHRE, GREY)
GRID: dict[str, Any] = {"color": "#e6e6e6", "linewidth": 0.8}
new_figure = partial(Figure, dpi=110, layout="constrained")


def png(figure: Figure) -> bytes:
    """A figure as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def legend(axis: Any, below: float = 0.16) -> None:
    """A legend under an axis, each label once."""
    handles, labels = axis.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    if once:
        columns = min(len(once), 3 if sum(map(len, once)) < 48 else 2)
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, -below)}
        axis.legend(once.values(), once.keys(), fontsize=8, frameon=False, ncols=columns, **place)
