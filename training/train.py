"""Train a model: ``accelerate launch training/train.py CONFIG.yaml [--key value ...]``.

What comes out, under ``output`` of the settings: ``settings.yaml``, everything that was asked for;
``checkpoint-*``, to resume from; ``model``, the best one, with its card; ``logs`` for TensorBoard;
``history.json``, losses and metrics step by step; ``report``, the evaluation of the test split.
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run as a file: the checkout, not this folder, is where packages are
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

# threads that wait for each other must not spin: on shared cores that costs several times the time. It is
# read when torch is imported
os.environ.setdefault("GOMP_SPINCOUNT", "0")

from sousa.generation import ending, extras

if __name__ == "__main__":
    ending.leave_at_once("interrupted; nothing was written")

import yaml

try:
    import torch
    from accelerate import PartialState
    from transformers import EarlyStoppingCallback, TrainingArguments, set_seed
except ModuleNotFoundError as error:
    raise extras.stop("training/train.py", error, __name__) from None

from sousa.builders.hub import remote
from sousa.builders.release import layout
from sousa.generation.console import Console
from sousa.generation.errors import RunError, UsageError, first_line
from sousa.generation.outside import expanded, is_directory, is_file, read_yaml
from sousa.generation.storage import atomic_file, output_path, write_json
from sousa.training import config, corpora, front_ends, tasks, thresholds
from sousa.training.batches import rows_for, with_facts
from sousa.training.card import write_card
from sousa.training.config import Settings
from sousa.training.ending import status_of
from sousa.training.evaluate import report_on
from sousa.training.models import decoders, places, pretrained, starting
from sousa.training.models.model import Model, build_encoder
from sousa.training.report.measure import watched
from sousa.training.spectra import SpectrumRows
from sousa.training.stream import open_rows
from sousa.training.tasks import varying
from sousa.training.tasks.notes import NotesTarget
from sousa.training.tasks.targets import ClassTarget
from sousa.training.trainer import StreamTrainer, last_checkpoint

# settings that a resumed run may change; of data on the Hub, the commit that was read is written down
_FREE = {"resume", "report", "output", "train.num_train_epochs", "train.max_steps", "train.logging_steps",
         "train.save_total_limit", "train.dataloader_num_workers", "train.disable_tqdm", "train.report_to",
         "train.push_to_hub", "train.hub_model_id", "train.cpu_threads", "train.ddp_timeout",
         "data.revision"}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Train as the command line says. Returns: exit status."""
    alone = arguments is None
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(f"{__doc__}\nKeys, in the file or on the command line:\n{config.help_text()}")
        return 0 if arguments else 2
    return status_of(
        lambda: run(config.read(arguments[0], arguments[1:])),
        "--resume true goes on from the last checkpoint, if there is one",
        alone,
    )


def run(settings: Settings) -> Path:
    """Train, evaluate and report; UsageError or RunError. Returns: directory of the run."""
    begin = time.perf_counter()
    root = Path(output_path(settings.output, "--output"))
    arguments = _training_arguments(settings, root)
    checkpoint = resumed_from(settings, root)
    # the others wait while the first makes data, or the report
    patience = timedelta(seconds=settings.train.ddp_timeout)
    state = PartialState(cpu=arguments["use_cpu"] or None, timeout=patience)
    if arguments["use_cpu"]:  # accelerate sets 1
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        threads = settings.train.cpu_threads or cores // state.num_processes
        torch.set_num_threads(max(int(threads), 1))
    with state.main_process_first():
        source = corpora.prepared_source(settings.data)
    data = settings.data
    data.revision = source.revision or data.revision
    if not data.live and os.path.exists(expanded(data.path)):
        # as it is found from another directory too
        data.path = os.path.abspath(expanded(data.path))
    data.generate = corpora.with_absolute_paths(data.generate)
    settings.task = settings.task or tasks.default_task(source.known)
    trainer, test_rows = _trainer(settings, arguments, source)
    if checkpoint:
        trainer.check_resume(checkpoint)
    if state.is_main_process:
        _publish(settings)
        with atomic_file(root / "settings.yaml") as file:
            file.write(yaml.safe_dump(settings.model_dump(), sort_keys=False).encode())
    state.wait_for_everyone()
    trainer.train(resume_from_checkpoint=checkpoint)
    if settings.transcription.tune and not settings.transcription.model_fields_set & set(thresholds.CHOSEN):
        trainer.tune_thresholds()
    if state.is_main_process:
        trainer.model.save_pretrained(root / "model")
        write_json(root / "history.json", trainer.state.log_history)
    table = trainer.predictions(test_rows) if test_rows is not None else None
    if state.is_main_process:
        results = _report(settings, trainer, source, table, test_rows, root) if table is not None else None
        write_card(root / "model", settings, trainer, source.known, results)
        _publish(settings, root / "model")
        minutes = (time.perf_counter() - begin) / 60
        console = Console()
        console.print(f"\n{results}\n" if results else "")
        console.print(f"model: {root / 'model'}")
        if results:
            console.print(f"report: {root / 'report' / 'report.html'}")
        console.print(f"{trainer.state.global_step:,} steps, {minutes:.1f} min with data and report")
    state.wait_for_everyone()
    return root


def _training_arguments(settings: Settings, root: Path) -> dict[str, Any]:
    """Arguments for ``TrainingArguments``, as plain data."""
    train = settings.train
    ours = {*config.TrainSettings.model_fields, "push_to_hub"}  # one commit at the end, see _publish
    values = train.model_dump(exclude_unset=True, exclude=ours)
    if train.push_to_hub:
        name = train.hub_model_id
        if not name or layout.repo_problem(name):
            raise UsageError(f"train.push_to_hub needs train.hub_model_id, such as org/name; it is {name!r}")
    by, cuda = "steps" if "eval_steps" in values else "epoch", torch.cuda.is_available()
    out = {
        **config.TRAIN_DEFAULTS, "use_cpu": not cuda, "dataloader_pin_memory": cuda, "log_level": "error",
        "disable_tqdm": not sys.stderr.isatty(), **values,
        "output_dir": str(root), "eval_strategy": by, "save_strategy": by, "seed": settings.seed,
        "metric_for_best_model": "eval_main", "greater_is_better": True, "remove_unused_columns": False,
        "save_steps": values.get("eval_steps", 500),
        "ddp_find_unused_parameters": bool(
            settings.model.start or settings.model.kind in ("pretrained", "ast")
        ),
    }  # fmt: skip
    if out.get("bf16") and not places.computes_bf16():
        out["bf16"] = False
        Console().print(
            "bf16: this processor has no instructions for it; float32 is faster here, and is used"
        )
    if train.warmup_ratio is not None:
        out["warmup_steps"] = float(train.warmup_ratio)  # below 1 it is a share of the steps
    if "tensorboard" in out["report_to"]:
        os.environ["TENSORBOARD_LOGGING_DIR"] = str(root / "logs")
    return out


def resumed_from(settings: Settings, root: Path) -> str | None:
    """The checkpoint to go on from, or None; UsageError when the run there is another or not resumed."""
    path = root / "settings.yaml"
    if (not is_directory(root) and os.path.lexists(root)) or is_file(root / "manifest.json"):
        raise UsageError(f"--output {root} is a file or a dataset; choose another directory")
    if not path.exists():
        if root.is_dir() and any(root.iterdir()):
            raise UsageError(f"--output {root} is not empty and holds no run; choose another directory")
        return None
    if not list(root.glob("checkpoint-*")) and not (root / "model").exists():
        return None  # a run that ended before anything was learnt
    if not settings.resume:
        raise UsageError(f"{root} holds a run already; go on with --resume true, or choose another --output")
    try:
        before = _flat(read_yaml(path))
        now = _flat(settings.model_dump())
        now["task"] = now["task"] or before["task"]
    except (yaml.YAMLError, OSError, AttributeError, KeyError, TypeError, ValueError):
        raise RunError(f"{path} can't be read, so nothing can be resumed; choose another --output") from None
    if changes := [
        f"{name} was {before.get(name)!r} and is {now.get(name)!r}"
        for name in sorted(before.keys() | now.keys())
        if name not in _FREE and before.get(name) != now.get(name)
    ]:
        raise UsageError(
            f"{root} was another run: {'; '.join(changes)}; resume it as it was, or choose another --output"
        )
    return last_checkpoint(root)


def _flat(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings by their full names, files by their whole paths."""
    out: dict[str, Any] = {}
    for key, value in data.items():
        name = f"{prefix}{key}"
        if name == "data.generate":
            value = corpora.with_absolute_paths(value)
        if name == "data.path":
            value = os.path.abspath(expanded(str(value)))
        if isinstance(value, dict):
            out |= _flat(value, f"{name}.")
        else:
            out[name] = list(value) if isinstance(value, tuple) else value
    return out


def make_model(settings: Settings, source: Any = None) -> Model:
    """A fresh model of the settings, its weights drawn from the seed; UsageError for what does not fit.

    Args:
        source: of :func:`sousa.training.corpora.prepared_source`; by default what the settings say, not made.
    """
    set_seed(settings.seed)
    source = corpora.source_of(settings.data) if source is None else source
    task = settings.task or tasks.default_task(source.known)
    choice = (settings.targets, settings.weights, settings.auxiliary)
    targets = tasks.make_targets(source.known, task, *choice, _varying(settings, source, task))
    reported = [target.name for target in targets if target.name not in settings.auxiliary]
    for target in targets:
        if isinstance(target, ClassTarget):
            target.label_smoothing = settings.train.label_smoothing
    notes = [target for target in targets if isinstance(target, NotesTarget)]
    if not notes and settings.transcription.model_fields_set:
        raise UsageError(f"transcription is for targets that are notes, and {task} has none; leave it out")
    for target in notes:
        vars(target).update(settings.transcription.model_dump(exclude={"tune"}))
    shape = settings.data.max_sec, settings.spec_augment.model_dump()
    if settings.decoder.tokenizer:
        new_encoder = partial(_encoder, settings, True)
        return decoders.make(settings.decoder, task, targets, reported, new_encoder, *shape)
    if settings.model.start:
        model = starting.begun_with(settings.model.start, task, targets, reported, *shape)
        if settings.data.spectra and not isinstance(model.front_end, front_ends.LogMel):
            raise UsageError(
                "data.spectra keeps log-mel spectrograms, and model.start hears something else; leave it out"
            )
        return model
    front_end, encoder = _encoder(settings, bool(notes))
    return Model(task, targets, reported, front_end, encoder, *shape)


def _encoder(settings: Settings, frames: bool) -> tuple[Any, Any]:
    """``(front end, encoder)`` of the settings; frames: of patches of a spectrogram make frames."""
    model = settings.model
    if model.kind in config.SIZES and model.kind != "ast":
        kind: Any = config.SIZES[model.kind]
        names = {"kind", *kind.model_fields}
        return settings.front_end, build_encoder(model.model_dump(include=names), settings.front_end)
    if model.kind == "ast":
        sizes = config.AstConfig(**model.model_dump(include=set(config.AstConfig.model_fields)))
        extractor, network = sizes.make(settings.data.max_sec)
    else:
        _, extractor, network = pretrained.fetch(str(model.path), wrong=UsageError)
    return front_ends.Pretrained(extractor), pretrained.Encoder(network, model.freeze, frames)


def _varying(settings: Settings, source: Any, task: str) -> dict[str, Any] | None:
    """Targets that only the data tells, by name; None where none is asked for."""
    data, known = settings.data, source.known
    names = tasks.in_data(known, tasks.names_of(known, task, settings.targets))
    auxiliary = tasks.in_data(known, settings.auxiliary)
    if not names and not auxiliary:
        return None
    column = known.parameters
    rows = open_rows(source, data.train, columns=varying.columns(column), audio=None, where=data.where)
    return varying.choose(rows, column, None if column.name in names else names, auxiliary)


@contextmanager
def once_on_each_machine() -> Iterator[None]:
    """One process goes first, then one of each machine, as machines may share a directory or not."""
    state = PartialState()
    with state.main_process_first(), state.local_main_process_first():
        yield


def _trainer(settings: Settings, arguments: dict[str, Any], source: Any) -> tuple[StreamTrainer, Any]:
    model, data = make_model(settings, source), settings.data
    rows_of = partial(rows_for, model, source, where=data.where)
    transform = settings.augment if settings.augment.does_something else None
    detune = settings.augment.detune_cents
    if detune and not model.in_windows:
        raise UsageError("augment.detune_cents changes pitch and tempo, as only notes may; leave it out")
    how: dict[str, Any] = {"crop": data.crop, "transform": transform, "detune_cents": detune}
    if data.spectra:
        whole = rows_for(model, source, data.train, learnt=True, whole=True, where=data.where)
        with once_on_each_machine():
            train_rows = SpectrumRows(
                whole, model.front_end, model.max_sec, data.crop, settings.seed,
                quiet=bool(arguments["disable_tqdm"]),
            )  # fmt: skip
    else:
        train_rows = rows_of(data.train, learnt=True, seed=settings.seed, **how)
    eval_rows = rows_of(data.validation)
    if data.validation_rows and data.validation_rows < len(eval_rows):
        numbers = range(data.validation_rows)
        eval_rows = eval_rows.select([i * len(eval_rows) // data.validation_rows for i in numbers])
    test_rows = rows_of(data.test) if settings.report and data.test else None
    for target in model.targets:
        known = train_rows.table[target.columns[0].partition(".")[0]]
        if target.name in model.reported and known.null_count == len(known):
            raise UsageError(f"{target.name} is null in all rows of {data.train}: it can't be learnt")
        if isinstance(target, ClassTarget) and settings.train.class_weights:
            target.class_weights = balanced_weights(target, train_rows)
    patience = settings.train.early_stopping_patience
    callbacks = [EarlyStoppingCallback(patience)] if patience else []
    try:
        args = TrainingArguments(**arguments)
        trainer = StreamTrainer(
            model, args, train_rows, eval_rows, watched, callbacks, settings.train.muon_lr
        )
        # what does not fit together is found here, before anything is written
        steps = len(trainer.get_train_dataloader()) * max(int(args.num_train_epochs), 1)
        trainer.create_optimizer_and_scheduler(steps)
    except (TypeError, ValueError, ImportError, RuntimeError, AttributeError, KeyError) as error:
        with suppress(OSError):
            os.rmdir(arguments["output_dir"])  # the Trainer makes it; only an empty one goes
        raise UsageError(f"train: {first_line(error)}") from None
    trainer.optimizer = trainer.lr_scheduler = None  # train() makes them for the true number of steps
    return trainer, test_rows


def balanced_weights(target: Any, rows: Any) -> list[float]:
    """Weights of classes, each inverse to its number of rows, their mean over rows 1; 0 for absent ones."""
    counts = Counter(rows.values(target.name))
    numbers = [counts[name] for name in target.classes]
    total, kinds = sum(numbers), sum(number > 0 for number in numbers)
    return [total / (kinds * number) if number else 0.0 for number in numbers]


def _report(settings: Settings, trainer: Any, source: Any, table: Any, rows: Any, root: Path) -> str:
    """Report on the test split. Returns: the result in a few lines."""
    data = settings.data
    table = with_facts(table, checkpoint=str(root / "model"), data=str(data.path), split=data.test)
    # as they are, for the baselines
    plain_rows = rows_for(trainer.model, source, data.train, where=data.where)
    return report_on(
        trainer.model, table, rows, root / "report", plain_rows, (data.train, str(data.test)),
        quiet=trainer.args.disable_tqdm, validation_rows=trainer.eval_dataset,
        history=trainer.state.log_history,
    )  # fmt: skip


def _publish(settings: Settings, folder: Path | None = None) -> None:
    """Publish a folder in the repository of the model, or make that, to know early what forbids it."""
    if settings.train.push_to_hub:
        repo, client = settings.train.hub_model_id, remote.client(None)
        with remote.hub_errors(repo, "publishing"):
            if folder is None:
                client.create_repo(repo, private=settings.train.hub_private_repo, exist_ok=True)
            else:
                client.upload_folder(repo_id=repo, folder_path=folder, commit_message="Model")
                Console().print(f"published: {repo}")


if __name__ == "__main__":
    sys.exit(main())
