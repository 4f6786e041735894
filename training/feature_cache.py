"""Features on disk, made once: one safetensors file a row.

Conventions: a file's place is a digest of what its features depend on: the data and how it is read
(``data``), the features' settings (``settings``), both any JSON data, and the row's ``sample_id``. All three
are also written in the file and compared when it is read. Change any of them and other files are used;
nothing is ever out of date, and nothing is unpickled. A file that can't be read counts as absent.
"""

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sousa.generation import environment
from sousa.generation.errors import UsageError
from sousa.generation.storage import atomic_file
from sousa.training.rows import BaseRows

log = logging.getLogger(__name__)


def _text(data: Any) -> str:
    try:
        return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(f"features are stored by plain data, and {data!r} is not: {error}") from None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def data_identity(rows: BaseRows) -> dict[str, Any]:
    """What the audio of rows depends on, as plain data: the dataset and how it is read, not where it lies.

    Raises: UsageError for random crops and transforms, whose audio is another one each epoch.
    """
    if rows.transform is not None or (rows.crop == "random" and rows.crop_sec is not None):
        raise UsageError(
            "rows with random crops or a transform have no features to store, because their audio changes; "
            "open them with crop='start' or 'centre' and without transform"
        )
    view = {name: getattr(rows, name) for name in ("sample_rate", "crop_sec", "crop", "pad")}
    return {"data": _digest(_text(rows.source.identity())), **view}


class FeatureCache:
    """Stored features of one dataset and one kind of feature; they are in the directory ``path``.

    Args:
        data: what the audio depends on, as :func:`data_identity` gives.
        settings: what the features depend on besides, such as ``Mel().settings()``.
        directory: where to keep them; by default ``features`` in the cache directory of
            :mod:`sousa.training.sources`.
    """

    def __init__(self, data: Any, settings: Any, directory: str | Path | None = None):
        self._about = {"data": _text(data), "settings": _text(settings)}
        root = Path(directory) if directory is not None else environment.cache() / "features"
        self.path = root / _digest(_text(self._about))

    def _file(self, sample_id: str) -> Path:
        name = _digest(str(sample_id))
        return self.path / name[:2] / f"{name}.safetensors"

    def get(self, sample_id: str) -> dict[str, np.ndarray] | None:
        """Features of a row, dict of NumPy arrays, or None when there are none."""
        from safetensors import SafetensorError, safe_open

        path, reason = self._file(sample_id), "it is of another row"
        try:
            with safe_open(path, "numpy") as file:
                if file.metadata() == {**self._about, "sample_id": str(sample_id)}:
                    return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except FileNotFoundError:
            return None
        except (SafetensorError, OSError) as error:
            reason = str(error)
        log.warning("%s can't be used (%s); it is made again", path, reason)
        return None

    def put(self, sample_id: str, **arrays: Any) -> None:
        """Store arrays or tensors of a row by name; RunError when they can't be written."""
        from safetensors.numpy import save

        for name, values in arrays.items():
            values = values.detach().cpu().numpy() if hasattr(values, "detach") else values
            arrays[name] = np.ascontiguousarray(values)
        data = save(arrays, {**self._about, "sample_id": str(sample_id)})
        with atomic_file(self._file(sample_id)) as file:
            file.write(data)

    def get_or_make(self, sample_id: str, make: Callable[[], dict[str, Any]]) -> dict[str, np.ndarray]:
        """Features of a row, made by ``make()`` (a dict of arrays) and stored when there are none."""
        features = self.get(sample_id)
        if features is None:
            self.put(sample_id, **make())
            features = self.get(sample_id)
        return features
