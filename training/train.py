"""Train a model: ``accelerate launch training/train.py CONFIG.yaml [--key value ...]``.

What comes out, under ``output`` of the settings: ``settings.yaml``, everything that was asked for;
``checkpoint-*``, to resume from; ``model``, the best one, with its card; ``logs`` for TensorBoard;
``history.json``, losses and metrics step by step; ``report``, the evaluation of the test split.
"""

import json
import os
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

if __package__ in (None, ""):  # run as a file: the checkout, not this folder, is where packages are
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

# threads that wait for each other must not spin: on shared cores that costs several times the time. It is
# read when torch is imported
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import yaml
from tqdm import tqdm

from generation.errors import SousaError, UsageError
from training import config

# settings that a resumed run may change
_FREE = {"resume", "report", "output", "train.num_train_epochs", "train.max_steps", "train.logging_steps",
         "train.save_total_limit", "train.dataloader_num_workers", "train.disable_tqdm", "train.report_to",
         "train.push_to_hub", "train.hub_model_id", "train.cpu_threads",
         "train.early_stopping_patience"}  # fmt: skip


def main(arguments=None):
    """Train as the command line says. Returns: exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if not arguments or arguments[0] in ("-h", "--help"):
        keys = "\n".join(
            f"  --{name}" for name in config.known_keys() if "." in name or name not in config._SECTIONS
        )
        print(f"{__doc__}\nKeys:\n{keys}")
        return 0 if arguments else 2
    try:
        run(config.read(arguments[0], arguments[1:]))
    except SousaError as error:
        if _rank() == 0:
            print(error, file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("interrupted; go on with --resume true", file=sys.stderr)
        return 130
    return 0


def _rank():
    return int(os.environ.get("RANK", "0"))


def run(settings):
    """Train, evaluate and report. Returns: directory of the run.

    Raises: UsageError or RunError.
    """
    from accelerate import PartialState

    begin = time.perf_counter()
    from training.trainer import last_checkpoint

    root = Path(settings.output).expanduser()
    arguments = _training_arguments(settings, root)
    checkpoint = _resumed_from(settings, root, last_checkpoint)
    state = PartialState(cpu=arguments.get("use_cpu", False) or None)
    if arguments["use_cpu"]:
        set_threads(settings.train.get("cpu_threads"), state.num_processes)
    main_one = state.is_main_process
    if main_one:
        source = ready_data(settings.data)
    state.wait_for_everyone()
    if not main_one:
        source = ready_data(settings.data)
    trainer, train_rows = _trainer(settings, arguments, source)
    if checkpoint:
        trainer.check_resume(checkpoint)
    if main_one:
        root.mkdir(parents=True, exist_ok=True)
        _write(root / "settings.yaml", yaml.safe_dump(settings.plain(), sort_keys=False))
    state.wait_for_everyone()
    trainer.train(resume_from_checkpoint=checkpoint)
    if main_one:
        trainer.model.save_pretrained(root / "model")
        _write(root / "history.json", json.dumps(trainer.state.log_history, indent=1) + "\n")
    results = None
    if settings.report and settings.data.test:
        results = _report(settings, trainer, source, train_rows, root, main_one)
    if main_one:
        from training.card import write_card

        write_card(root / "model", settings, trainer, results)
        if settings.train.get("push_to_hub"):
            _push(settings, root)
        minutes = (time.perf_counter() - begin) / 60
        print(
            f"model: {root / 'model'}\nreport: {root / 'report' / 'report.html'}"
            if results
            else f"model: {root / 'model'}"
        )
        print(f"{trainer.state.global_step:,} steps, {minutes:.1f} min with data and report")
    state.wait_for_everyone()
    return root


def set_threads(wanted, processes=1):
    """Threads of torch on the CPU: as asked for, or the cores shared by the processes; accelerate sets 1."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch.set_num_threads(int(wanted or max(cores // processes, 1)))


@contextmanager
def _progress_bar(title, total):
    with tqdm(total=total, desc=title, unit=" rows", mininterval=1.0) as bar:
        yield bar.update


def _write(path, text):
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def ready_data(data):
    """Where rows are read: the path, made first where ``generate`` says how, or a configuration to make live.

    Raises: UsageError when the directory holds something else; RunError when it can't be made.
    """
    if data.generate is None:
        return data.path
    wanted = config.generation_config(data.generate)
    if data.live:
        return wanted
    from generation.shards import config_digest, read_manifest

    path = os.path.expanduser(data.path)
    manifest = read_manifest(path) if os.path.isdir(path) else None
    if manifest is None or not manifest["complete"]:
        from builders.release.rudiments import write_card
        from generation.rudiments.generate import generate

        print(f"making {wanted.num_rows:,} rows in {path}", flush=True)
        generate(wanted, path, say=lambda text: None, progress=_progress_bar, write_card=write_card)
    elif manifest["config_digest"] != config_digest(wanted.identity()):
        raise UsageError(
            f"{path} holds another dataset than data.generate asks for; name another data.path, or leave "
            "data.generate out to train on what is there"
        )
    return path


def _training_arguments(settings, root):
    """Arguments for ``TrainingArguments``, as plain data."""
    given = {key: value for key, value in settings.train.items() if key not in config.OWN_TRAIN}
    given.pop("push_to_hub", None)  # one commit at the end, see _push
    if settings.train.get("push_to_hub") and not settings.train.get("hub_model_id"):
        raise UsageError("train.push_to_hub needs train.hub_model_id, such as org/name")
    import torch

    defaults = {
        "per_device_train_batch_size": 32, "per_device_eval_batch_size": 64, "learning_rate": 2e-3,
        "num_train_epochs": 5, "weight_decay": 0.05, "lr_scheduler_type": "cosine", "logging_steps": 20,
        "save_total_limit": 2, "load_best_model_at_end": True, "report_to": "none",
        "restore_callback_states_from_checkpoint": True, "use_cpu": not torch.cuda.is_available(),
        "dataloader_pin_memory": torch.cuda.is_available(),
    }  # fmt: skip
    out = {**defaults, **given}
    if settings.train.get("warmup_ratio") is not None:
        if "warmup_steps" in given:
            raise UsageError(
                "train.warmup_ratio and train.warmup_steps both say how long to warm up; leave one out"
            )
        out["warmup_steps"] = float(settings.train["warmup_ratio"])  # below 1 it is a share of the steps
    by = "steps" if "eval_steps" in given else "epoch"
    out.update(
        output_dir=str(root), eval_strategy=by, save_strategy=by, metric_for_best_model="eval_main",
        greater_is_better=True, remove_unused_columns=False, seed=settings.seed,
        save_steps=given.get("eval_steps", 500),
        ddp_find_unused_parameters=settings.model.get("kind") == "pretrained",
    )  # fmt: skip
    if out["report_to"] in ("tensorboard", ["tensorboard"]):
        os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(root / "logs"))
    return out


def _resumed_from(settings, root, last_checkpoint):
    """The checkpoint to go on from, or None.

    Raises: UsageError when a run is there that is not to be resumed, or that was another one.
    """
    there = root / "settings.yaml"
    if not there.exists():
        return None
    if not settings.resume:
        raise UsageError(f"{root} holds a run already; go on with --resume true, or choose another --output")
    before, now = _flat(yaml.safe_load(there.read_text(encoding="utf-8"))), _flat(settings.plain())
    other = [
        f"{name} was {before.get(name)!r} and is {now.get(name)!r}"
        for name in sorted(before.keys() | now.keys())
        if name not in _FREE and before.get(name) != now.get(name)
    ]
    if other:
        raise UsageError(
            f"{root} was another run: {'; '.join(other)}; resume it as it was, or choose another --output"
        )
    return last_checkpoint(root)


def _flat(data, prefix=""):
    out = {}
    for name, value in data.items():
        if isinstance(value, dict):
            out.update(_flat(value, f"{prefix}{name}."))
        else:
            out[f"{prefix}{name}"] = list(value) if isinstance(value, tuple) else value
    return out


def make_model(settings):
    """A fresh model of the settings, its weights drawn from the seed.

    Raises: UsageError for what does not fit together.
    """
    from transformers import set_seed

    from training import front_ends
    from training.models import pretrained
    from training.models.model import Model, build_encoder
    from training.tasks import make_targets

    set_seed(settings.seed)
    if settings.model.get("kind") == "pretrained":
        encoder, extractor = pretrained.load(settings.model["path"], bool(settings.model.get("freeze")))
        front_end = front_ends.Pretrained(extractor)
    else:
        front_end = front_ends.build(settings.front_end)
        encoder = build_encoder(settings.model, front_end)
    targets = make_targets(settings.task, settings.targets, settings.weights, settings.auxiliary)
    reported = [target.name for target in targets if target.name not in settings.auxiliary]
    for target in targets:
        if target.kind == "class":
            target.label_smoothing = float(settings.train.get("label_smoothing") or 0.0)
    return Model(
        settings.task, targets, reported, front_end, encoder, settings.data.max_sec, settings.spec_augment
    )


def _trainer(settings, arguments, source):
    from transformers import EarlyStoppingCallback, TrainingArguments

    from training.augment import Waveform, build
    from training.batches import rows_for
    from training.filters import Filter
    from training.measure import measure
    from training.trainer import StreamTrainer

    model, data = make_model(settings), settings.data
    where = Filter.parse(data.where) if data.where else None
    options = {"where": where} | ({} if data.live else {"name": data.name, "revision": data.revision})
    change = build(Waveform, settings.augment)
    train_rows = rows_for(
        model, source, data.train, crop=data.crop, transform=change if change.does_something else None,
        seed=settings.seed, **options,
    )  # fmt: skip
    eval_rows = rows_for(model, source, data.validation, **options)
    if settings.train.get("class_weights") == "balanced":
        for target in model.targets:
            if target.kind == "class":
                target.class_weights = balanced_weights(target, train_rows)
    try:
        args = TrainingArguments(**arguments)
    except (TypeError, ValueError) as error:
        raise UsageError(f"train: {str(error).splitlines()[0]}") from None
    patience = settings.train.get("early_stopping_patience")
    callbacks = [EarlyStoppingCallback(patience)] if patience else []
    return StreamTrainer(model, args, train_rows, eval_rows, measure, callbacks), train_rows


def balanced_weights(target, rows):
    """Weights of classes, each inverse to its number of rows, their mean over rows 1; 0 for absent ones."""
    counts = Counter(rows.table[target.name].to_pylist())
    there = [counts.get(name, 0) for name in target.classes]
    total, kinds = sum(there), sum(count > 0 for count in there)
    return [total / (kinds * count) if count else 0.0 for count in there]


def _report(settings, trainer, source, train_rows, root, main_one):
    """Predictions and report of the test split."""
    from training.batches import rows_for, with_facts
    from training.evaluate import report_on
    from training.filters import Filter

    data = settings.data
    where = Filter.parse(data.where) if data.where else None
    options = {"where": where} | ({} if data.live else {"name": data.name, "revision": data.revision})
    rows = rows_for(trainer.model, source, data.test, **options)
    table = trainer.predictions(rows)
    if not main_one:
        return None
    table = with_facts(table, checkpoint=str(root / "model"), data=str(data.path), split=data.test)
    return report_on(trainer.model, table, rows, root / "report", train_rows, (data.train, data.test))


def _push(settings, root):
    """Publish the model: one commit with weights, configuration and card."""
    from builders.hub import remote

    repo = settings.train["hub_model_id"]
    with remote.hub_errors(repo, "publishing"):
        client = remote.client(settings.train.get("hub_token"))
        client.create_repo(repo, private=settings.train.get("hub_private_repo"), exist_ok=True)
        client.upload_folder(repo_id=repo, folder_path=root / "model", commit_message="Model")
    print(f"published: {repo}")


if __name__ == "__main__":
    sys.exit(main())
