"""From rows to the batches a model takes, and from its outputs to a table of predictions.

Conventions: a batch is ``input_values``, ``valid``, ``labels``, as :mod:`sousa.training.models.model` takes
them. Clips are cut and padded to the model's ``max_sec``, so all batches have one shape and what is said of a
clip does not depend on its neighbours. Of models with ``in_windows`` whole clips are evaluated, as
:mod:`sousa.training.windows` hears them; ``input_values`` then are windows, ``windows`` how many each clip
has.

The table of predictions is that of :mod:`sousa.training.report`, one row a clip.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from tqdm import tqdm

from sousa.generation.columns import Column, declared
from sousa.generation.errors import RunError, UsageError, one_of
from sousa.training import roles, sources, windows
from sousa.training.models.model import Model
from sousa.training.rows import BaseRows
from sousa.training.stream import Loader, open_rows

_WINDOWS = 8  # that a clip of usual length has


class Collate:
    """Makes a batch of a list of rows; for predictions with ``facts``, columns that they tell of a row."""

    def __init__(self, model: Model, facts: Sequence[str] | None = None):
        self.front_end, self.max_sec, self.num_samples = model.front_end, model.max_sec, model.num_samples
        self.facts = facts
        # predictions need no labels of what was learnt beside it
        self.targets = model.targets if facts is None else model.reported_targets
        self.model = model if facts is not None and model.in_windows else None
        frames = any(target.level == "frame" for target in self.targets)
        self.num_frames, self.frame_sec = (model.num_frames, model.frame_sec) if frames else (None, None)

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        if not rows:
            raise UsageError("the batch is empty; give a batch at least one row")
        if self.model is not None:
            return self._windows(rows)
        if "spectrum" in rows[0]:
            values, valid = self._spectra(rows)
        else:
            clips = [row["audio"][: self.num_samples] for row in rows]
            values = [self.front_end(np.pad(clip, (0, self.num_samples - len(clip)))) for clip in clips]
            valid = [len(clip) / self.num_samples for clip in clips]
        labels = {}
        for target in self.targets:
            arrays = [target.label(row, self.num_frames, self.frame_sec) for row in rows]
            labels[target.name] = torch.from_numpy(np.stack(arrays))
        batch = {"input_values": torch.stack(values), "valid": torch.tensor(valid), "labels": labels}
        if self.facts is not None:
            batch |= self._told(rows)
        return batch

    def _spectra(self, rows: Sequence[dict[str, Any]]) -> tuple[list[torch.Tensor], list[float]]:
        """Spectrograms that were made before, with silence after them, and the share that is sound."""
        frames = self.front_end.num_frames(self.num_samples)
        silence, spectra = self.front_end.silence, [row["spectrum"][:frames] for row in rows]
        values = [
            torch.nn.functional.pad(part, (0, 0, 0, frames - len(part)), value=silence) for part in spectra
        ]
        return values, [len(part) / frames for part in spectra]

    def _windows(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """A batch of whole clips, without labels."""
        clips = [windows.split(self.model, row["audio"]) for row in rows]
        samples = [len(row["audio"]) for row in rows]
        batch = {"input_values": torch.cat(clips), "windows": [len(clip) for clip in clips]}
        return batch | {"samples": samples, **self._told(rows)}

    def _told(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """What predictions tell of rows."""
        facts = {name: [row.get(name) for row in rows] for name in self.facts}
        seconds = [self.max_sec] * len(rows)
        if self.model is not None:
            seconds = [len(row["audio"]) / row["sampling_rate"] for row in rows]
        exact = {}
        for target in self.targets:
            for name, truth in target.exact().items():
                exact[name] = [truth(row, length) for row, length in zip(rows, seconds, strict=True)]
        return {"row": [row["row"] for row in rows], "facts": facts, "exact": exact}


def described(known: roles.Known, model: Model, names: Sequence[str]) -> list[Column]:
    """The columns that predictions tell of a row, as far as they are among ``names``."""
    makers = [target.maker for target in model.targets if hasattr(target, "maker")]
    plain = [Column(name, "string", "", "") for name in dict.fromkeys(("sample_id", *makers))]
    columns = {column.name: column for column in [*plain, *known.described]}
    return [column for name, column in columns.items() if name in names]


def rows_for(
    model: Model, source: Any, split: str | None = None, learnt: bool = False, whole: bool = False,
    **options: Any,
) -> BaseRows:  # fmt: skip
    """Rows as a model needs them.

    Args:
        learnt: to learn from, not to evaluate, which needs reported targets alone.
        whole: clips are not cut to the model's length.

    Raises: UsageError when the dataset lacks a column that a target needs.
    """
    source = sources.find(source, *(options.pop(name, None) for name in ("name", "revision", "token")))
    names, live = source.schema.names, isinstance(source, sources.Live)
    targets = model.targets if learnt else model.reported_targets
    wanted = list(dict.fromkeys(column for target in targets for column in target.columns))
    if missing := [name for name in wanted if name.partition(".")[0] not in names]:
        column = one_of(missing[0], names)
        raise UsageError(f"the data has no column {column}; {model.task} is learnt from it")
    facts = [c.name for c in described(source.known, model, names) if not (live and c.rendered)]
    return open_rows(
        source, split, columns=[*facts, *wanted],
        sample_rate=model.front_end.sampling_rate,
        crop_sec=None if whole or (model.in_windows and not learnt) else model.max_sec, **options,
    )  # fmt: skip


def predict(
    model: Model, rows: BaseRows, batch_size: int = 64, num_workers: int = 0, device: Any = "cpu",
    dtype: torch.dtype | None = None, rank: int = 0, world_size: int = 1, quiet: bool = False,
) -> pa.Table:  # fmt: skip
    """What a model says of rows.

    Args:
        rows: what :func:`rows_for` gives.
        dtype: to compute in (bfloat16, float16), None for float32.
        rank, world_size: each process predicts its part, and all get the whole table.

    Returns: Arrow table, in the order of the rows.
    Raises: RunError when the model gives no numbers.
    """
    if world_size > 1:  # each rank has statistics of its own batches; those of the first are what is saved
        for buffer in model.buffers():
            torch.distributed.broadcast(buffer, 0)
    columns = described(rows.known, model, rows.table.column_names)
    reported = model.reported_targets
    # no steps need to be equal here, so a rank may have fewer rows than the others, or none
    part_of = rows.select(range(len(rows))[rank::world_size]) if world_size > 1 else rows
    rows_at_once = max(batch_size // _WINDOWS, 1) if model.in_windows else batch_size
    loader = Loader(
        part_of, rows_at_once, shuffle=False, rank=0, world_size=1, num_workers=num_workers,
        collate_fn=Collate(model, [column.name for column in columns]),
    ) if len(part_of) else ()  # fmt: skip
    was_training = model.training
    model.eval()
    half = torch.autocast(torch.device(device).type, dtype) if dtype else nullcontext()
    parts, failed = [], None
    with torch.inference_mode():
        for batch in tqdm(loader, desc="predicting", unit="batch", disable=quiet or rank != 0, leave=False):
            facts = batch["facts"]
            predicted: dict[str, list[Any]] = {}
            if model.in_windows:
                clips = _whole_clips(model, batch, batch_size, device, dtype)
            else:
                with half:
                    out = model(batch["input_values"].to(device), batch["valid"].to(device))
                clips = [(out, batch["labels"], (batch["valid"] * model.max_sec).tolist())]
            for (out, labels, seconds), target in product(clips, reported):
                output, label = out[target.name], labels.get(target.name)
                if torch.isfinite(output).all():
                    columns_of = target.predictions(output, label, seconds, model.frame_sec, facts)
                    for name, values in columns_of.items():
                        predicted.setdefault(name, []).extend(values)  # of one clip, or of the batch
                else:
                    failed = target.name
            # labels on frames may have lost an event
            truths = {f"true_{name}": truth for name, truth in batch["exact"].items()}
            numbers = [rank + row * world_size for row in batch["row"]]
            parts.append({"row": numbers, **facts, **predicted, **truths})
    model.train(was_training)
    if world_size > 1:
        everything = [None] * world_size
        torch.distributed.all_gather_object(everything, (parts, failed))
        parts = [part for several, _ in everything for part in several]
        failed = next((name for _, name in everything if name), None)
    if failed:
        raise RunError(
            f"the model's {failed} is not a number for some rows; train with a lower learning rate, or "
            "without fp16"
        )
    kinds = [(name, rows.table.schema.field(name).type) for name in (column.name for column in columns)]
    fields = [(name, kind.value_type if pa.types.is_dictionary(kind) else kind) for name, kind in kinds]
    fields += [field for target in reported for field in target.fields()]
    notes = {
        "targets": [target.about() for target in reported], "columns": declared(columns),
        "task": model.task, "frame_sec": model.frame_sec,
    }  # fmt: skip
    arrays = [pa.array([value for part in parts for value in part[name]], kind) for name, kind in fields]
    table = pa.table(arrays, schema=pa.schema(fields, metadata={"sousa": json.dumps(notes)}))
    return table.take(np.argsort([row for part in parts for row in part["row"]], kind="stable"))


def _whole_clips(
    model: Model, batch: dict[str, Any], batch_size: int, *where: Any
) -> Iterator[tuple[Any, ...]]:
    """Outputs, labels (none) and seconds of each clip of a batch of windows; where: device and dtype."""
    out = windows.run(model, batch["input_values"], batch_size, *where)
    parts = {name: values.split(batch["windows"]) for name, values in out.items()}
    clips = [
        {name: windows.join(model, part[number], samples) for name, part in parts.items()}
        for number, samples in enumerate(batch["samples"])
    ]
    seconds = [samples / model.front_end.sampling_rate for samples in batch["samples"]]
    for clip, length in zip(windows.write(model, clips, max(seconds), *where), seconds, strict=True):
        yield {name: values[None] for name, values in clip.items()}, {}, [length]


def with_facts(table: pa.Table, **facts: Any) -> pa.Table:
    """The table with further facts under its schema's ``sousa`` key, such as checkpoint, data and split."""
    known = json.loads(table.schema.metadata[b"sousa"])
    return table.replace_schema_metadata({"sousa": json.dumps(known | facts)})
