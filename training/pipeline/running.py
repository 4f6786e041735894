"""A pipeline, step by step: the dataset, training, the report."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import yaml

from sousa.generation.ending import Forgiving
from sousa.generation.errors import UsageError, raise_all
from sousa.generation.outside import is_directory, is_file
from sousa.generation.storage import LocalStorage, appending, atomic_file, explained, refuse_others_file
from sousa.training.pipeline.config import NO_RECIPE, PipelineConfig, device_problem
from sousa.training.pipeline.words import PLOTS

CONFIG, LOG = "config.yaml", "training.log"
_MARK = b"# sousa pipeline\n"  # what a config of ours begins with


def run(config: PipelineConfig) -> Path:
    """Generate, train and evaluate. Returns: directory of the run.

    Raises: UsageError, before anything is written, or RunError.
    """
    from sousa.training import train

    raise_all(filter(None, [device_problem(config.device, config.written.get("model.device", "device"))]))
    if config.device == "cpu":
        config.settings.train.use_cpu = True
    if config.eval_only:
        return _evaluate(config)
    settings = config.settings
    settings.data.path, settings.output = str(config.data), str(config.run)
    settings.report = config.evaluate
    settings.resume = _resumed(config)
    train.resumed_from(settings, config.run)  # refuses what training would refuse later
    refuse_others_file(config.root / CONFIG, _MARK)
    with atomic_file(config.root / CONFIG) as file:
        file.write(_MARK + yaml.safe_dump(resolved(config), sort_keys=False).encode())
    with logged(config.logs / LOG):
        if config.files:
            _make_with_files(config)
        train.run(settings)
    if config.evaluate:
        keep_pictures(config.run / "report", config.plots)
    return config.root


@dataclass(frozen=True)
class Place:
    """Where a run is, by a path in it: its directory, its config, and the checkpoint that was named."""

    root: Path
    config: Path
    checkpoint: str | None


def run_of(path: Path) -> Place:
    """The run that a directory, or a checkpoint, is of; UsageError for another place."""
    checkpoint = str(path) if path.name.startswith("checkpoint-") else None
    for root in (path, path.parent, path.parent.parent):
        if is_file(root / CONFIG):
            return Place(root, root / CONFIG, checkpoint)
    raise UsageError(f"{path} is no run, nor a checkpoint of one; name the directory with {CONFIG}")


def _resumed(config: PipelineConfig) -> bool:
    """Whether there is a run to go on with; UsageError where there is one that is not to be gone on with."""
    from sousa.training.trainer import last_checkpoint

    there = is_file(config.run / "settings.yaml")
    if there and not config.resume:
        raise UsageError(f"{config.root} holds a run already; go on with --resume, or choose another --name")
    if config.resume and not there and not is_directory(config.data):
        raise UsageError(f"there is no run in {config.root} to go on with; leave --resume out")
    if config.checkpoint:
        newest = last_checkpoint(config.run)
        if newest is None or Path(newest).resolve() != Path(config.checkpoint).resolve():
            raise UsageError(
                f"{config.checkpoint} is not the newest whole checkpoint of {config.run}, which is "
                f"{newest or 'missing'}; name that one, or remove those after it"
            )
    return there


def resolved(config: PipelineConfig) -> dict[str, Any]:
    """Everything that was asked for, as a YAML file that ``--config`` reads has it."""
    settings = config.settings.model_dump()
    train, model = settings.pop("train"), settings.pop("model")
    for name in ("output", "resume", "report", "seed"):
        settings.pop(name)
    settings["data"] = {k: v for k, v in settings["data"].items() if k not in ("path", "generate")}
    evaluation: dict[str, Any] = {"enabled": config.evaluate}
    if config.plots is not None:
        evaluation["visualizations"] = {"enabled": bool(config.plots)}
        if config.plots:
            evaluation["visualizations"]["plot_types"] = list(config.plots)
    own = {name: getattr(config, name) for name in ("checkpoint_dir", "log_dir") if getattr(config, name)}
    rest = {key: value for key, value in settings.items() if value not in (None, {})}
    return {
        "corpus": config.corpus, "name": config.name, "output_dir": config.output_dir, **own,
        "recipe": NO_RECIPE,
        "dataset": config.options.plain(), "model": model | {"device": config.device}, "training": train,
        "evaluation": evaluation, **rest,
    }  # fmt: skip


def _make_with_files(config: PipelineConfig) -> None:
    """The dataset with each row's audio and MIDI as files beside it; training then finds it made."""
    from sousa.builders import api
    from sousa.generation import corpora
    from sousa.generation.console import Console

    corpus = corpora.get(config.corpus)
    wish = corpus.config(config.options, lambda text: None)
    api.make(corpus, wish, config.data, files=True, console=Console())


def _evaluate(config: PipelineConfig) -> Path:
    """Report on the test split with a model that there is."""
    from sousa.training import evaluate

    model = config.model_path or str(config.run)
    if config.model_path is None and not is_directory(config.run):
        raise UsageError(f"there is no run in {config.root} to evaluate; give --model-path, or its --name")
    report = config.root / "report"
    data = str(config.data) if is_file(config.data / "manifest.json") else None
    if data is None and config.options.plain():
        _make_data(config)
        data = str(config.data)
    known = evaluate.parser().parse_args(
        [model, "--output", str(report), *(["--data", data] if data else [])]
    )
    known.device = None if config.device == "auto" else config.device
    with logged(config.logs / "evaluation.log"):
        evaluate.run(known)
    keep_pictures(report, config.plots)
    return config.root


def _make_data(config: PipelineConfig) -> None:
    from sousa.training import corpora

    config.settings.data.path = str(config.data)
    corpora.prepared_source(config.settings.data)


def keep_pictures(report: Path, plots: tuple[str, ...] | None) -> None:
    """Remove the pictures of a report that are not asked for, and its page where none is."""
    if plots is None:
        return
    drawn = {name: tuple(start for start in _starts(files)) for name, files in PLOTS.items()}
    gone = tuple(start for name in drawn.keys() - set(plots) for start in drawn[name])
    for path in [*report.glob("*.png"), *(report.glob("report.html") if not plots else ())]:
        # what a report draws, and nothing of others
        if path.name.startswith((*gone, "report.html")) and not path.is_dir():
            LocalStorage(str(report)).remove(path.name)


def _starts(name: str | tuple[str, ...]) -> tuple[str, ...]:
    return (name,) if isinstance(name, str) else name


class _Tee:
    """A text stream, and a file beside it."""

    def __init__(self, stream: TextIO, file: TextIO):
        self._stream, self._file = stream, file

    def write(self, text: str) -> int:
        if "\r" not in text:  # progress bars are for people
            self._file.write(text)
        return self._stream.write(text)

    def flush(self) -> None:
        self._file.flush()
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Write what is printed meanwhile into a file as well, after what is there."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        binary = appending(path)
    streams = sys.stdout, sys.stderr
    # a full disk ends training where it writes its checkpoints, and says so
    file: Any = Forgiving(io.TextIOWrapper(binary, "utf-8", "backslashreplace"))
    sys.stdout, sys.stderr = (_Tee(stream, file) for stream in streams)  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
        with suppress(OSError):
            file.close()
