"""A run from its settings to its report: ``sousa project``.

What comes out, under ``output``: ``settings.yaml``, everything that was asked for; ``checkpoint-*``, to
resume from; ``model``, the best one, with its card; ``history.json``; ``report``, of the test split, with
``predictions.parquet``.
"""

import os
import sys
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
import yaml
from accelerate import PartialState
from transformers import EarlyStoppingCallback, TrainingArguments, set_seed

from sousa.generation.console import SILENT, Console
from sousa.generation.errors import RunError, UsageError, raise_all
from sousa.generation.manifest import digest_of
from sousa.generation.outside import is_directory, is_file
from sousa.generation.storage import atomic_file, output_path, write_json
from sousa.training import report
from sousa.training.embedding.layout import AUDIO, ROWS, TEXT, Embeddings, decisive
from sousa.training.models import places
from sousa.training.projection import lora, pairs, protocols, ranking, ridge
from sousa.training.projection.card import write_card
from sousa.training.projection.model import SIDES, ProjectionConfig, ProjectionModel, load, place_of
from sousa.training.projection.settings import FREE, Settings, stored
from sousa.training.projection.trainer import ProjectionTrainer, Watch
from sousa.training.trainer import last_checkpoint

FEWEST_STEPS = 50  # of a run that is worth it
_STEPS_BETWEEN = 20  # at least, from evaluation to evaluation: patience would end short epochs too early


def run(settings: Settings, resume: bool = False, console: Console = SILENT) -> Path:
    """Train, measure and report.

    Args:
        resume: go on with the run that is there.

    Returns: directory of the run.
    Raises: UsageError with every problem of the request; RunError.
    """
    begin = time.perf_counter()
    root = Path(output_path(settings.output, "--checkpoint-dir"))
    embeddings = opened(settings)
    names = (ROWS, f"{AUDIO}/{settings.audio_encoder}", f"{TEXT}/{settings.text_encoder}")
    # encoders that were added since change nothing
    identity = {"data": digest_of([embeddings.manifest["shards"][name] for name in names])}
    checkpoint = _resumed(settings, root, resume)
    settings.data_dir = os.path.abspath(embeddings.storage.root)
    cuda = torch.cuda.is_available()
    state = PartialState(cpu=not cuda or None, timeout=timedelta(days=1))
    if not cuda:  # accelerate sets 1
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        torch.set_num_threads(max(int(settings.cpu_threads or cores // state.num_processes), 1))
    root.mkdir(parents=True, exist_ok=True)
    console = console if state.is_main_process else SILENT
    train, validation = (
        _read(settings, embeddings, split, root, console) for split in (settings.train, settings.validation)
    )
    set_seed(settings.seed)
    heads = _model(settings, embeddings, train)
    model = _adapted(settings, heads, embeddings)
    if model is not heads:
        train = replace(train, raw=model.raw())
    trainer = _trainer(settings, root, model, train, validation, identity)
    trainer.add_callback(Watch(console))
    if checkpoint:
        trainer.check_resume(checkpoint)
    if state.is_main_process:
        with atomic_file(root / "settings.yaml") as file:
            file.write(yaml.safe_dump(settings.model_dump(), sort_keys=False).encode())
    state.wait_for_everyone()
    if trainer.state.max_steps and trainer.state.max_steps < FEWEST_STEPS:
        console.say(f"{trainer.state.max_steps} steps are few to learn from; give more --epochs")
    trainer.train(resume_from_checkpoint=checkpoint)
    if state.is_main_process:
        model.save_pretrained(root / "model")
        write_json(root / "history.json", trainer.state.log_history)
        results = None
        if settings.report and settings.test in embeddings.splits:
            history, known = trainer.state.log_history, (train, validation)
            results = evaluate(settings, model, embeddings, root / "report", known, history, console)
        elif settings.report:
            console.say(f"there is no split {settings.test}, so there is no report")
        write_card(root / "model", settings, heads, embeddings, composition(train), results)
        console.tell(f"\n{results}\n" if results else "")
        console.tell(f"model: {root / 'model'}")
        if results:
            console.tell(f"report: {root / 'report' / 'report.html'}")
        minutes = (time.perf_counter() - begin) / 60
        console.tell(f"{trainer.state.global_step:,} steps, {minutes:.1f} min")
        console.tell(f"try it: sousa search 'calm piano' --data {settings.data_dir} --model {root}")
    state.wait_for_everyone()
    return root


def opened(settings: Settings, learning: bool = True) -> Embeddings:
    """The embeddings of a run; fills in encoders that are not named. UsageError with every problem.

    Args:
        learning: there have to be splits to learn from; else there has to be one to measure.
    """
    embeddings = Embeddings(settings.data_dir)
    problems = []
    for kind, name in ((AUDIO, "audio_encoder"), (TEXT, "text_encoder")):
        there, value = embeddings.names(kind), getattr(settings, name)
        flag = f"--{name.replace('_', '-')}"
        if value is None and len(there) == 1:
            setattr(settings, name, there[0])
        elif value not in there:
            asked = f"{flag} is {value}" if value else f"{flag} is missing"
            problems.append(f"{asked}; {embeddings.storage.root} has vectors by {', '.join(there) or 'none'}")
    splits = {settings.test: "--split"}
    if learning:
        splits = {settings.train: "--train-split", settings.validation: "--validation-split"}
    problems += [
        f"{flag} is {split}; {embeddings.storage.root} has {', '.join(embeddings.splits)}"
        for split, flag in splits.items()
        if split not in embeddings.splits
    ]
    raise_all(problems)
    return embeddings


def _read(
    settings: Settings, embeddings: Embeddings, split: str, root: Path | None, console: Console
) -> pairs.Pairs:
    names = str(settings.audio_encoder), str(settings.text_encoder)
    out = pairs.read(embeddings, *names, split, settings.seed, root, console.progress)
    if out.left_out:
        console.say(f"{split}: {out.left_out:,} rows have no vectors of both, and are left out")
    return out


def _resumed(settings: Settings, root: Path, resume: bool) -> str | None:
    """The checkpoint to go on from, or None; UsageError when the run there is another or not resumed."""
    if (not is_directory(root) and os.path.lexists(root)) or is_file(root / "manifest.json"):
        raise UsageError(f"--checkpoint-dir {root} is a file or a dataset; choose another directory")
    if not is_file(root / "settings.yaml"):
        if is_directory(root) and any(root.iterdir()):
            raise UsageError(f"--checkpoint-dir {root} has other files and no run; choose another directory")
        return None
    before, now = stored(root), settings.model_dump()
    if not list(root.glob("checkpoint-*")) and not (root / "model").exists():
        return None  # it ended before anything was learnt
    if not resume:
        raise UsageError(f"{root} holds a run; go on with --resume, or choose another --checkpoint-dir")
    if changes := [
        f"{name} was {before.get(name)!r} and is {value!r}"
        for name, value in now.items()
        if name not in FREE and before.get(name) != value
    ]:
        raise UsageError(
            f"{root} was another run: {'; '.join(changes)}; resume it as it was, or choose another "
            "--checkpoint-dir"
        )
    return last_checkpoint(root)


def _model(settings: Settings, embeddings: Embeddings, train: pairs.Pairs) -> ProjectionModel:
    """A fresh model, whose heads know the vectors of the training split."""
    names = dict(zip(SIDES, (settings.audio_encoder, settings.text_encoder), strict=True))
    config = ProjectionConfig(
        **{side: {"name": name, **embeddings.encoders[str(name)]} for side, name in names.items()},
        **{key: getattr(settings, key) for key in ("dim", "hidden_dim", "dropout", "temperature")},
    )
    model = ProjectionModel(config)
    for side in SIDES:
        model.heads[side].standardise(getattr(train, side))
    return model


def _adapted(settings: Settings, heads: ProjectionModel, embeddings: Embeddings, ranks: Any = None) -> Any:
    """Heads with the encoders that learn too, or heads alone."""
    sides = SIDES if settings.lora == "both" else [side for side in SIDES if side == settings.lora]
    ranks = dict.fromkeys(sides, settings.lora_rank) if ranks is None else ranks
    if not ranks:
        return heads
    weights = {"text": settings.text_weights, "audio": settings.audio_weights}
    sounds = settings.sounds or embeddings.manifest.get("source")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return lora.with_adapters(heads, ranks, weights, sounds, device)


def _trainer(
    settings: Settings, root: Path, model: Any, train: pairs.Pairs, validation: pairs.Pairs,
    identity: dict[str, Any],
) -> ProjectionTrainer:  # fmt: skip
    cuda, state = torch.cuda.is_available(), PartialState()
    together = settings.batch_size * state.num_processes
    steps = max(-(-len(train) // together), 1)
    if len(train) < 2 * state.num_processes:
        raise UsageError(f"{len(train):,} sounds are too few for {state.num_processes} processes")
    between = steps * (settings.eval_epochs or -(-_STEPS_BETWEEN // steps))
    arguments = TrainingArguments(
        output_dir=str(root), num_train_epochs=settings.epochs, learning_rate=settings.lr,
        per_device_train_batch_size=settings.batch_size, weight_decay=settings.weight_decay,
        warmup_steps=float(settings.warmup_ratio), lr_scheduler_type="cosine", seed=settings.seed,
        eval_strategy="steps", save_strategy="steps", eval_steps=between, save_steps=between,
        save_total_limit=2, load_best_model_at_end=True,
        metric_for_best_model="eval_main", greater_is_better=True, logging_steps=max(steps // 4, 1),
        bf16=settings.bf16 and places.computes_bf16(), use_cpu=not cuda,
        dataloader_pin_memory=cuda, report_to="none",
        remove_unused_columns=False, restore_callback_states_from_checkpoint=True, log_level="error",
        disable_tqdm=not sys.stderr.isatty(),
    )  # fmt: skip
    adapter_lr = None if settings.lora == "none" else settings.lora_lr
    callbacks = [EarlyStoppingCallback(settings.patience)] if settings.patience else []
    rest = ranking.measure, identity, callbacks, adapter_lr
    trainer = ProjectionTrainer(model, arguments, train, validation, *rest)
    trainer.state.max_steps = steps * settings.epochs
    return trainer


def composition(of: pairs.Pairs) -> list[tuple[str, int]]:
    """How many texts come from whom, most first: humans, models, templates."""
    counts = Counter(of.texts["source"].to_pylist())
    return [(str(name), count) for name, count in counts.most_common()]


def evaluate(
    settings: Settings, model: Any, embeddings: Embeddings, directory: Path,
    known: tuple[pairs.Pairs, pairs.Pairs] | None = None, history: list[dict[str, Any]] | None = None,
    console: Console = SILENT, place: Path | None = None,
) -> str:  # fmt: skip
    """Measure a split and write the report.

    Args:
        place: of the model, if not beside the report.
        known: pairs of training and validation, read where they are None and baselines are asked for.

    Returns: the result in a few lines.
    """
    test = _read(settings, embeddings, settings.test, None, console)
    facts = {
        "checkpoint": str(place or directory.parent / "model"),
        "data": settings.data_dir,
        "split": settings.test,
    }
    table = ranking.table(test, ranking.by_model(model, test), **facts)
    baselines = []
    if settings.baselines and {settings.train, settings.validation} <= set(embeddings.splits):
        if known is None:
            splits = (settings.train, settings.validation)
            train, validation = (_read(settings, embeddings, split, None, console) for split in splits)
        else:
            train, validation = known
        ranks = ranking.ranks(test, ridge.fitted(train, validation)(test))
        baselines = [{"name": ridge.NAME, "target": name, "pred": lists} for name, lists in ranks.items()]
    metrics = report.write(
        table, directory, baselines, resamples=settings.resamples, seed=settings.seed, history=history
    )
    with atomic_file(directory / "predictions.parquet") as file:
        pq.write_table(table, file)
    return report.summary(metrics)


def evaluate_only(
    settings: Settings, where: str, protocol: str | None = None, console: Console = SILENT
) -> Path:  # fmt: skip
    """The report of a model that is there, on ``settings.test``, or its figures by a protocol.

    Returns: directory of the report.
    """
    by = protocols.protocol(protocol) if protocol else None
    heads = load(where)
    for side in SIDES:
        name = getattr(heads.config, side).get("name")
        if getattr(settings, f"{side}_encoder") not in (None, name):
            raise UsageError(f"{where} is a model of {name}, not {getattr(settings, f'{side}_encoder')}")
        setattr(settings, f"{side}_encoder", name)
    embeddings = opened(settings, learning=False)
    for side in SIDES:
        refuse_others(heads, side, embeddings)
    ranks = lora.saved_ranks(place_of(where))
    model = _adapted(settings, heads, embeddings, ranks)
    if ranks:
        model.load_saved(place_of(where))
    place = place_of(where)
    # beside the run's own report, and not inside what is published
    root = place.parent if is_file(place.parent / "settings.yaml") else place
    directory = root / f"report-{Path(embeddings.storage.root).resolve().name}-{settings.test}"
    if by:
        test = _read(settings, embeddings, settings.test, None, console)
        figures = protocols.measure(by, model, test, settings.resamples, settings.seed)
        write_json(directory / f"{by.name}.json", figures)
        console.tell(protocols.summary(figures))
        console.tell(f"figures: {directory / f'{by.name}.json'}")
        return directory
    console.tell(evaluate(settings, model, embeddings, directory, console=console, place=place))
    console.tell(f"report: {directory / 'report.html'}")
    return directory


def refuse_others(model: ProjectionModel, side: str, embeddings: Embeddings) -> None:
    """Raise RunError where vectors are by another encoder than a head was trained over."""
    there = dict(getattr(model.config, side))
    ours, name = embeddings.encoders.get(str(there.get("name"))), there.pop("name", None)
    if ours is None or decisive(ours) != decisive(there):
        names = ", ".join(embeddings.names(side)) or "none"
        raise RunError(
            f"{embeddings.storage.root} has no vectors by {name} as this model was trained over "
            f"(it has {names}); embed with that encoder"
        )
