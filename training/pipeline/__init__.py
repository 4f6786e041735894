"""One command, or one call, that makes a dataset, trains on it and evaluates: ``sousa pipeline CORPUS``.

From Python::

    from sousa.training.pipeline import PipelineConfig, run

    config = PipelineConfig.of("CORPUS", samples=1000, epochs=20)
    config.settings.train.weight_decay = 0.1
    run(config)

The directory of a run holds ``config.yaml``, everything that was asked for, which ``--config`` reads again;
``data``, the dataset; ``run``, what training leaves (checkpoints, the best model, the report); ``logs``.
"""

from sousa.training.pipeline.config import PipelineConfig
from sousa.training.pipeline.running import run

__all__ = ["PipelineConfig", "run"]
