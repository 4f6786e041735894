"""One command, or one call, that makes a dataset, trains on it and evaluates: ``sousa pipeline CORPUS``.

From Python::

    from sousa.training.pipeline import PipelineConfig, run

    config = PipelineConfig.of("CORPUS", samples=1000, epochs=20)
    config.settings.train.weight_decay = 0.1
    run(config)

The directory of a run holds ``config.yaml``, everything that was asked for, which ``--config`` reads again;
``data``, the dataset; ``run``, what training leaves (checkpoints, the best model, the report); ``logs``.
"""

from importlib import import_module
from typing import Any

__all__ = ["PipelineConfig", "run"]
_PLACES = {"PipelineConfig": "config", "run": "running"}


def __getattr__(name: str) -> Any:  # the command's arguments need no torch
    if name in _PLACES:
        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
