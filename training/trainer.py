"""transformers' Trainer over our streams: exact data order, exact resume, weights that are what was saved.

Conventions: the loader is :class:`sousa.training.stream.Loader`, sharded by rank already, so accelerate never
dispatches batches from one process or pads the last one. A resumed run skips numbers of batches, not data:
the Trainer's ``skip_first_batches`` wraps our batch sampler, which deals out row numbers. Each checkpoint has
``stream.json``, the state of the stream; a resume with other data, seed, batch size or number of processes is
refused, because the rest of the epoch would not be the rest.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainerCallback

from sousa.generation.errors import RunError, UsageError, first_line
from sousa.generation.outside import MANIFEST_BYTES, read_json
from sousa.generation.storage import file_digest, write_json
from sousa.training import muon, thresholds
from sousa.training.batches import Collate, predict
from sousa.training.models.model import Model, load_weights, same_weights
from sousa.training.order import differences
from sousa.training.stream import Loader

STREAM = "stream.json"


class StreamTrainer(Trainer):
    """The Trainer over our rows.

    Args:
        measure: makes a dict of numbers of a table of predictions.
        muon_lr: learning rate of matrices, which Muon then trains; None for one optimiser of all weights.
    """

    def __init__(
        self, model: Model, args: Any, train_rows: Any, eval_rows: Any,
        measure: Callable[[Any], dict[str, float]], callbacks: Sequence[TrainerCallback] = (),
        muon_lr: float | None = None,
    ):  # fmt: skip
        data = {"train_dataset": train_rows, "eval_dataset": eval_rows}
        super().__init__(model=model, args=args, callbacks=list(callbacks), **data)
        self.measure, self.muon_lr = measure, muon_lr
        # losses of our targets are means already, so accumulated steps are averaged
        self.model_accepts_loss_kwargs = False

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """The optimiser of ``train.optim``, or Muon where its learning rate is given."""
        if self.optimizer is None and self.muon_lr:
            args = self.args
            groups = muon.groups_of(self.model, self.muon_lr, args.learning_rate, args.weight_decay)
            betas = (args.adam_beta1, args.adam_beta2)
            self.optimizer: Any = muon.Muon(groups, half=args.bf16, betas=betas, eps=args.adam_epsilon)
        return super().create_optimizer(model)

    def get_train_dataloader(self) -> Loader:
        """The stream of training batches of this rank."""
        args = self.args
        names = ("persistent_workers", "prefetch_factor", "multiprocessing_context")
        workers = {name: getattr(args, f"dataloader_{name}") for name in names}
        return Loader(
            self.train_dataset, args.per_device_train_batch_size, seed=args.seed,
            rank=args.process_index, world_size=args.world_size, drop_last=args.dataloader_drop_last,
            num_workers=args.dataloader_num_workers, collate_fn=Collate(self.model),
            pin_memory=args.dataloader_pin_memory and torch.cuda.is_available(),
            **(workers if args.dataloader_num_workers else {}),
        )  # fmt: skip

    def stream_state(self, global_step: int) -> dict[str, Any]:
        """Where the stream stands after so many optimizer steps, as plain data."""
        order, accumulated = self.get_train_dataloader().order, self.args.gradient_accumulation_steps
        epoch, steps = divmod(global_step, math.ceil(len(order) / accumulated))
        # a step is counted after its batches were read; every epoch is cut alike
        return {
            "epoch": epoch, "consumed_rows": order.consumed(steps * accumulated), **order.identity(),
            "batch_size": order.batch_size, "world_size": order.world_size,
            "gradient_accumulation_steps": accumulated,
        }  # fmt: skip

    def check_resume(self, checkpoint: str | Path) -> None:
        """Refuse a checkpoint of another stream (UsageError), or a damaged one (RunError)."""
        root = Path(checkpoint)
        try:
            stored = dict(read_json(root / STREAM))
            step = read_json(root / "trainer_state.json", MANIFEST_BYTES)["global_step"]
        except (OSError, ValueError, LookupError, TypeError) as error:
            why = first_line(error)
            raise RunError(f"{root} is no whole checkpoint ({why}); remove it and resume again") from None
        for name, digest in stored.get("files", {}).items():
            if not (root / name).is_file() or file_digest(root / name) != digest:
                raise RunError(
                    f"{root} is damaged: {name} is not what was saved; remove that checkpoint, and --resume "
                    "true goes on from the one before"
                )
        if wrong := differences(stored, self.stream_state(step), "now"):
            raise UsageError(
                f"{root} was made with another stream: {wrong}; resume with what it was made with, or start "
                "a new run with another --output"
            )

    def _save_checkpoint(self, model, trial):
        try:
            super()._save_checkpoint(model, trial)
        except RuntimeError as error:  # as torch says that a file can't be written
            raise RunError(
                f"the checkpoint of step {self.state.global_step} can't be written below "
                f"{self.args.output_dir} ({first_line(error)}); make room there, and run the same with "
                "--resume true"
            ) from None
        self.accelerator.wait_for_everyone()
        if self.is_world_process_zero():
            path = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}" / STREAM
            files = {file.name: file_digest(file) for file in sorted(path.parent.iterdir()) if file.is_file()}
            write_json(path, {**self.stream_state(self.state.global_step), "files": files})

    def _load_from_checkpoint(self, resume_from_checkpoint, model=None):
        # the stock Trainer loads without strictness, and goes on with random weights where names differ
        model = self.model if model is None else model
        model, directory = getattr(model, "module", model), resume_from_checkpoint
        load_weights(model, directory)
        if not same_weights(model, directory):
            raise RunError(f"the weights of {directory} are not those in the model after loading")

    def _load_best_model(self):
        self._load_from_checkpoint(self.state.best_model_checkpoint)

    def _save(self, output_dir=None, state_dict=None):
        if self.args.should_save:
            self.model.save_pretrained(output_dir or self.args.output_dir, state_dict)

    def evaluate(self, eval_dataset=None, ignore_keys=None, metric_key_prefix="eval"):
        """Predict the validation rows and measure; what early stopping and best checkpoints go by."""
        table = self.predictions(self.eval_dataset if eval_dataset is None else eval_dataset)
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in self.measure(table).items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    @property
    def _half(self) -> torch.dtype | None:
        """What predictions are computed in, None for float32."""
        return torch.bfloat16 if self.args.bf16 else torch.float16 if self.args.fp16 else None

    def tune_thresholds(self) -> None:
        """Choose thresholds of notes by the validation rows; every rank finds the same."""
        thresholds.tune(self.model, self.eval_dataset, self.args.device, self._half)

    def predictions(self, rows: Any) -> Any:
        """Table of predictions of rows, on every rank."""
        args = self.args
        return predict(
            self.model, rows, args.per_device_eval_batch_size, args.dataloader_num_workers, args.device,
            self._half, args.process_index, args.world_size, quiet=args.disable_tqdm or self.is_in_train,
        )  # fmt: skip


def last_checkpoint(directory: str | Path) -> str | None:
    """The newest whole checkpoint of a run, or None; what a killed run left half-written is passed over."""
    whole = {}
    for path in Path(directory).glob("checkpoint-*"):
        number = path.name.rpartition("-")[2]
        if number.isdigit() and all((path / name).is_file() for name in (STREAM, "trainer_state.json")):
            whole[int(number)] = str(path)
    return whole[max(whole)] if whole else None
