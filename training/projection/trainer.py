"""The Trainer over vectors: as :mod:`sousa.training.trainer`, with batches that are taken out of arrays."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from transformers import PrinterCallback, ProgressCallback, TrainerCallback

from sousa.generation.console import Console
from sousa.training.projection.pairs import Pairs
from sousa.training.stream import Loader
from sousa.training.trainer import StreamTrainer


class ProjectionTrainer(StreamTrainer):
    """The Trainer.

    Args:
        identity: what a checkpoint belongs to beside the order of rows, as plain data.
        measure: makes a dict of numbers of the model and the validation pairs, ``main`` among them.
        adapter_lr: learning rate of the adapters of an AdaptedModel; None for a model of heads alone.
    """

    def __init__(
        self, model: Any, args: Any, train_pairs: Pairs, validation_pairs: Pairs,
        measure: Callable[[Any, Pairs], dict[str, float]], identity: dict[str, Any],
        callbacks: Sequence[TrainerCallback] = (), adapter_lr: float | None = None,
    ):  # fmt: skip
        super().__init__(model, args, train_pairs, validation_pairs, lambda table: {}, callbacks)
        self.identity, self._measure, self.adapter_lr = identity, measure, adapter_lr
        for callback in (PrinterCallback, ProgressCallback):
            self.remove_callback(callback)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """The optimiser, in which adapters have a learning rate of their own."""
        if self.optimizer is None and self.adapter_lr:
            adapters, args = self.model.adapters(), self.args
            known = set(map(id, adapters))
            heads = [p for p in self.model.parameters() if p.requires_grad and id(p) not in known]
            groups = [{"params": heads}, {"params": adapters, "lr": self.adapter_lr}]
            options = {"lr": args.learning_rate, "weight_decay": args.weight_decay}
            self.optimizer: Any = torch.optim.AdamW(groups, **options)
        return super().create_optimizer(model)

    def _load_from_checkpoint(self, resume_from_checkpoint, model=None):
        if self.adapter_lr:
            self.model.load_saved(resume_from_checkpoint)
        else:
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def get_train_dataloader(self) -> Loader:
        """The stream of batches of this rank."""
        args = self.args
        return Loader(
            self.train_dataset, args.per_device_train_batch_size, seed=args.seed, rank=args.process_index,
            world_size=args.world_size, collate_fn=as_it_is,
        )  # fmt: skip

    def stream_state(self, global_step: int) -> dict[str, Any]:
        """Where the stream stands, and of what it is."""
        return super().stream_state(global_step) | self.identity

    def evaluate(self, eval_dataset=None, ignore_keys=None, metric_key_prefix="eval"):
        """Measure the validation pairs; every rank goes by what the first finds."""
        values = [self._measure(self.model, self.eval_dataset)]
        if self.args.world_size > 1:
            torch.distributed.broadcast_object_list(values, 0)
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in values[0].items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


class Watch(TrainerCallback):
    """Says how far training is: a bar of steps, and a line for each better evaluation."""

    def __init__(self, console: Console):
        self.console, self._best = console, -1.0

    def on_train_begin(self, args, state, control, **more):
        self._stack = ExitStack()
        look = {"unit": " steps", "initial": state.global_step}
        bar = self.console.progress("training", state.max_steps, **look)
        self._done = self._stack.enter_context(bar)

    def on_step_end(self, args, state, control, **more):
        self._done(1)
        if state.global_step >= state.max_steps:
            control.should_evaluate = True  # also where the last steps are fewer
        return control

    def on_evaluate(self, args, state, control, metrics=None, **more):
        if metrics["eval_main"] > self._best:
            self._best = metrics["eval_main"]
            recalls = ", ".join(
                f"{name.removeprefix('eval_').partition('_recall')[0].replace('_', ' ')} {value:.3f}"
                for name, value in metrics.items()
                if name.endswith("recall_at_10")
            )
            self.console.say(f"epoch {state.epoch:g}: recall@10 {recalls}")

    def on_train_end(self, args, state, control, **more):
        self._stack.close()


def as_it_is(batch: Any) -> Any:
    """A batch that is one already."""
    return batch
