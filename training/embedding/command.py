"""The command ``sousa embed``, and the same as a function."""

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sousa.generation import extras
from sousa.generation.commandline import cluster, names, quiet
from sousa.generation.console import SILENT, Console
from sousa.generation.errors import UsageError, collected, not_a_seed, not_whole, raise_all
from sousa.generation.outside import is_file
from sousa.generation.runners import RUNNERS, Runner, make_runner
from sousa.generation.storage import LocalStorage, output_path
from sousa.training.embedding.layout import AUDIO, TEXT

OUTPUT, ROOT, CORPUS = "data/processed_embeddings", "data/raw", "musicbench"
SHARD_ROWS, READERS = 128, 2
_EXAMPLES = """examples:
  sousa embed output/unified --encoders clap --text clap
      a dataset directory, a release or a dataset on the Hub, by CLAP
  sousa embed --dataset-file data/unified_dataset.json --encoders musicnn,ast --text minilm
      rows of a JSON file, by two encoders of sound and one of text
  sousa embed output/unified --encoders small=output/run --text org/name --sample-size 1000
      an encoder that was trained here, and any encoder of sentences

encoders of sound: clap, musicnn, ast, whisper, w2v_bert, small=PATH; with --allow-non-commercial also mert,
muq, muq_mulan, latent. Of text: clap, minilm, qwen3, muq_mulan, or NAME=PATH for any encoder of sentences.
NAME=PATH or NAME=org/name@REVISION takes other weights of the same kind."""


def command(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa embed``."""
    parser.description = "Compute vectors of the sounds and texts of rows, by frozen encoders."
    parser.epilog = _EXAMPLES
    rows = parser.add_argument_group("the rows")
    add = rows.add_argument
    about = "a dataset directory, a release, org/name on the Hub, or the folder of a published corpus"
    add("data", nargs="?", metavar="DATA", help=about)
    add("--dataset-file", metavar="PATH", help="a unified JSON file, as sousa unify writes it")
    add("--use-musicbench", action="store_true", help="that corpus as it is published, in a folder of --root")
    add("--root", default=ROOT, metavar="DIR", help="folder of corpora (default: %(default)s)")
    add("--sample-size", type=int, metavar="N", help="rows; a smaller sample is part of a larger one")
    add("--min-duration", type=float, metavar="SEC", help="leave out shorter sounds")
    add("--max-duration", type=float, metavar="SEC", help="leave out longer sounds")
    add("--seed", type=int, default=42, metavar="N", help="seed of sample and splits (default: %(default)s)")
    what = parser.add_argument_group("the vectors")
    add = what.add_argument
    for flag, noun in (("--encoders", "sound"), ("--text", "text")):
        about = f"encoders of {noun}, separated by commas (default: %(default)s; '' for none)"
        add(flag, default="clap", metavar="LIST", help=about)
    about = "allow encoders whose licence forbids commercial use"
    add("--allow-non-commercial", action="store_true", help=about)
    about = "directory of the vectors (default: %(default)s)"
    add("--output-dir", "--output", "-o", default=OUTPUT, metavar="DIR", help=about)
    add("--hdf5", action="store_true", help="also write embeddings.h5, with a row for each text")
    more = parser.add_argument_group("execution")
    add = more.add_argument
    add("--device", help="such as cpu or cuda (default: cuda where there is one)")
    add("--batch-size", type=int, default=32, metavar="N", help="batch of a model (default: %(default)s)")
    about = f"readers of sounds (default: {READERS}), or tasks at once on a cluster (default: all its CPUs)"
    add("--workers", "-w", type=int, metavar="N", help=about)
    add("--shard-rows", type=int, default=SHARD_ROWS, metavar="N",
        help="rows in a file; an interrupted run loses less than one (default: %(default)s)")  # fmt: skip
    add("--continue", dest="go_on", action="store_true", help="continue an earlier run; always done")
    add("--retry", action="store_true", help="try again rows that failed in an earlier run")
    quiet(more)
    cluster(parser)
    return _embed


def _embed(arguments: argparse.Namespace, console: Console) -> None:
    options = {name: value for name, value in vars(arguments).items() if name in _OPTIONS}
    options |= {name: names(getattr(arguments, name)) for name in ("encoders", "text")}
    local, count = arguments.runner == RUNNERS[0], arguments.workers
    gpus = int((arguments.device or "").startswith("cuda"))
    runner: Any = make_runner(
        arguments.runner, 1 if local else count or 0, arguments.address, arguments.sbatch, gpus
    )
    if local:  # encoders use all cores by themselves
        runner, options["workers"] = None, READERS if count is None else count
    embed(arguments.data, arguments.output_dir, console=console, runner=runner, **options)


_OPTIONS = (
    "dataset_file", "use_musicbench", "root", "sample_size", "min_duration", "max_duration", "seed",
    "allow_non_commercial", "hdf5", "device", "batch_size", "shard_rows", "retry",
)  # fmt: skip


def embed(
    data: Any = None,
    output: str | Path = OUTPUT,
    *,
    encoders: Any = ("clap",),
    text: Any = ("clap",),
    dataset_file: str | Path | None = None,
    use_musicbench: bool = False,
    root: str | Path = ROOT,
    sample_size: int | None = None,
    min_duration: float | None = None,
    max_duration: float | None = None,
    seed: int = 42,
    allow_non_commercial: bool = False,
    hdf5: bool = False,
    device: str | None = None,
    batch_size: int = 32,
    workers: int = READERS,
    shard_rows: int = SHARD_ROWS,
    retry: bool = False,
    runner: Runner | None = None,
    console: Console = SILENT,
) -> Any:
    """Put the sounds and texts of rows into vectors; a run that was interrupted goes on.

    Args:
        data: a dataset directory, a release, a Parquet file, a dataset on the Hub, or the folder of a
            published corpus, such as ``data/raw/clotho``.
        output: directory, see :mod:`sousa.training.embedding.layout`.
        encoders: of sound, see :mod:`sousa.training.embedding.encoders`.
        text: of text.
        dataset_file: a unified JSON file, in place of ``data``.
        use_musicbench: that corpus in ``root``, in place of ``data``.
        sample_size: how many rows; None for all.
        min_duration: seconds of the shortest sound; None for any.
        max_duration: seconds of the longest sound; None for any.
        seed: of the sample, and of splits where rows have none.
        hdf5: write ``embeddings.h5`` too, see :mod:`sousa.training.embedding.hdf5`.
        batch_size: windows or texts at once in a model.
        workers: sounds that are read at once.
        shard_rows: rows of a file.
        retry: try rows again that failed in an earlier run.
        runner: of a cluster, see :func:`sousa.generation.runners.make_runner`, whose machines all find the
            rows and the weights under these names; None to embed here.

    Returns: :class:`sousa.training.embedding.running.Embedded`.
    Raises: UsageError with every problem of the request; RunError when weights or rows can't be read, or no
        row could be taken by an encoder.
    """
    storage = LocalStorage(
        _checked(
            data, output, dataset_file, use_musicbench, sample_size, min_duration, max_duration, seed,
            batch_size, workers, shard_rows, hdf5,
        )
    )  # fmt: skip
    try:
        import soxr  # noqa: F401 - what sounds are read with
        import torch

        from sousa.training.embedding import inputs
        from sousa.training.embedding.choosing import choose
        from sousa.training.embedding.elsewhere import order_of
        from sousa.training.embedding.encoders import asked_for, load, together
        from sousa.training.embedding.running import Run, run
        from sousa.training.models.places import device_of
    except ImportError as error:
        raise extras.missing("'sousa embed'", error) from None
    problems: list[str] = []
    asked: list[list[Any]] = []
    for kind, words in ((AUDIO, encoders), (TEXT, text)):
        with collected(problems):
            asked.append(asked_for(kind, [words] if isinstance(words, str) else words or ()))
    raise_all(problems)
    wanted = together(*asked, allow_non_commercial)
    where = device_of(device, torch)
    if dataset_file is not None:
        opener, words = "of_json", (str(dataset_file),)
    else:
        opener, words = ("of_corpus", (CORPUS, str(root))) if use_musicbench else ("of", (str(data),))
    rows = getattr(inputs, opener)(*words)
    if rows.text is None and asked[1]:
        raise UsageError(f"{rows.where} has no column of texts; give --text '' for its sounds alone")
    chosen = choose(
        rows.table["sample_id"].to_pylist(), rows.groups(), rows.splits(), rows.seconds(), min_duration,
        max_duration, sample_size, seed,
    )  # fmt: skip
    if not chosen.rows:
        raise UsageError(f"no row of {rows.where} is left: {chosen.reasons}")
    plan = {
        "source": rows.identity, "sample_size": sample_size, "min_duration": min_duration,
        "max_duration": max_duration, "seed": seed, "shard_rows": shard_rows,
    }  # fmt: skip
    towers = {encoder.name: load(encoder, where, batch_size) for encoder in wanted}
    limits = min_duration, max_duration
    elsewhere = None
    if runner is not None:
        asked_of = [(encoder, towers[encoder.name][1]) for encoder in wanted]
        named = opener, words, rows.identity
        elsewhere = runner, order_of(named, asked_of, device, batch_size, workers, limits)
    work = Run(rows, chosen, towers, plan, shard_rows, limits, workers, retry, elsewhere)
    embedded = run(work, storage, console)
    if hdf5:
        from sousa.training.embedding.hdf5 import export

        console.tell(f"the same as HDF5: {export(storage)}")
    return embedded


def _checked(
    data: Any, output: Any, dataset_file: Any, use_musicbench: bool, sample_size: Any, min_duration: Any,
    max_duration: Any, seed: Any, batch_size: Any, workers: Any, shard_rows: Any, hdf5: bool,
) -> str:  # fmt: skip
    """Where to write; UsageError with every problem that can be seen without looking at rows."""
    problems: list[str] = []
    sources = {"DATA": data, "--dataset-file": dataset_file, "--use-musicbench": use_musicbench or None}
    named = [name for name, value in sources.items() if value is not None]
    if len(named) != 1:
        what = f"{' and '.join(named)} are given" if named else "no rows are named"
        problems.append(f"{what}; give one of {', '.join(sources)}")
    root = ""
    with collected(problems):
        root = output_path(output, "--output-dir")
        if is_file(root):
            problems.append(f"--output-dir {root} is a file; name a directory")
    if sample_size is not None:
        problems += not_whole("--sample-size", sample_size, "1 or more", 1)
    for name, value in (("--min-duration", min_duration), ("--max-duration", max_duration)):
        if value is not None and not 0 <= value < float("inf"):
            problems.append(f"{name} is {value}; give seconds, 0 or more")
    if None not in (min_duration, max_duration) and min_duration > max_duration:
        problems.append(f"--min-duration {min_duration:g} is above --max-duration {max_duration:g}")
    problems += not_a_seed(seed)
    whole = (("--batch-size", batch_size), ("--workers", workers), ("--shard-rows", shard_rows))
    for name, value in whole:
        problems += not_whole(name, value, "1 or more", 1)
    if hdf5 and find_spec("h5py") is None:
        problems.append(f"--hdf5 needs h5py; install it with: {extras.how_to_install('hdf5')}")
    raise_all(problems)
    return root
