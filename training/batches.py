"""From rows to the batches a model takes, and from its outputs to a table of predictions.

Conventions: a batch is ``input_values``, ``valid``, ``labels``, as :mod:`sousa.training.models.model` takes
them. Clips are cut and padded to the model's ``max_sec``, so all batches have one shape and what is said of a
clip does not depend on its neighbours.

The table of predictions is that of :mod:`sousa.training.report`, one row a clip.
"""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from tqdm import tqdm

from sousa.generation.columns import Column, declared
from sousa.generation.errors import RunError, UsageError, one_of
from sousa.training import roles, sources
from sousa.training.models.model import Model
from sousa.training.rows import BaseRows
from sousa.training.stream import Loader, open_rows


class Collate:
    """Makes a batch of a list of rows; for predictions with ``facts``, columns that they tell of a row."""

    def __init__(self, model: Model, facts: Sequence[str] | None = None):
        self.front_end, self.max_sec, self.num_samples = model.front_end, model.max_sec, model.num_samples
        self.targets, self.facts = model.targets, facts
        frames = any(target.level == "frame" for target in self.targets)
        self.num_frames, self.frame_sec = (model.num_frames, model.frame_sec) if frames else (None, None)

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        if not rows:
            raise UsageError("the batch is empty; give a batch at least one row")
        clips = [row["audio"][: self.num_samples] for row in rows]
        values = [self.front_end(np.pad(clip, (0, self.num_samples - len(clip)))) for clip in clips]
        labels = {}
        for target in self.targets:
            arrays = [target.label(row, self.num_frames, self.frame_sec) for row in rows]
            labels[target.name] = torch.from_numpy(np.stack(arrays))
        valid = torch.tensor([len(clip) / self.num_samples for clip in clips])
        batch = {"input_values": torch.stack(values), "valid": valid, "labels": labels}
        if self.facts is not None:
            batch["row"] = [row["row"] for row in rows]
            batch["facts"] = {name: [row.get(name) for row in rows] for name in self.facts}
            # labels on frames may have lost an event
            exact = [target for target in self.targets if hasattr(target, "truth")]
            batch["exact"] = {t.name: [t.truth(row, self.max_sec) for row in rows] for t in exact}
        return batch


def described(known: roles.Known, model: Model, names: Sequence[str]) -> list[Column]:
    """The columns that predictions tell of a row, as far as they are among ``names``."""
    makers = [target.maker for target in model.targets if hasattr(target, "maker")]
    plain = [Column(name, "string", "", "") for name in dict.fromkeys(("sample_id", *makers))]
    columns = {column.name: column for column in [*plain, *known.described]}
    return [column for name, column in columns.items() if name in names]


def rows_for(model: Model, source: Any, split: str | None = None, **options: Any) -> BaseRows:
    """Rows as a model needs them; UsageError when the dataset lacks a column that a target needs."""
    source = sources.find(source, *(options.pop(name, None) for name in ("name", "revision", "token")))
    names, live = source.schema.names, isinstance(source, sources.Live)
    wanted = list(dict.fromkeys(column for target in model.targets for column in target.columns))
    if missing := [name for name in wanted if name.partition(".")[0] not in names]:
        column = one_of(missing[0], names)
        raise UsageError(f"the data has no column {column}; {model.task} is learnt from it")
    facts = [c.name for c in described(source.known, model, names) if not (live and c.rendered)]
    return open_rows(
        source, split, columns=[*facts, *wanted],
        sample_rate=model.front_end.sampling_rate, crop_sec=model.max_sec, **options,
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
    reported = [target for target in model.targets if target.name in model.reported]
    # no steps need to be equal here, so a rank may have fewer rows than the others, or none
    part_of = rows.select(range(len(rows))[rank::world_size]) if world_size > 1 else rows
    loader = Loader(
        part_of, batch_size, shuffle=False, rank=0, world_size=1, num_workers=num_workers,
        collate_fn=Collate(model, [column.name for column in columns]),
    ) if len(part_of) else ()  # fmt: skip
    was_training = model.training
    model.eval()
    half = torch.autocast(torch.device(device).type, dtype) if dtype else nullcontext()
    parts, failed = [], None
    with torch.inference_mode():
        for batch in tqdm(loader, desc="predicting", unit="batch", disable=quiet or rank != 0, leave=False):
            with half:
                out = model(batch["input_values"].to(device), batch["valid"].to(device))
            seconds, facts = (batch["valid"] * model.max_sec).tolist(), batch["facts"]
            part = {"row": [rank + row * world_size for row in batch["row"]], **facts}
            for target in reported:
                output, label = out[target.name], batch["labels"][target.name]
                if torch.isfinite(output).all():
                    part |= target.predictions(output, label, seconds, model.frame_sec, facts)
                else:
                    failed = target.name
            exact = batch["exact"].items()
            parts.append(part | {f"true_{name}": truth for name, truth in exact if name in model.reported})
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


def with_facts(table: pa.Table, **facts: Any) -> pa.Table:
    """The table with further facts under its schema's ``sousa`` key, such as checkpoint, data and split."""
    known = json.loads(table.schema.metadata[b"sousa"])
    return table.replace_schema_metadata({"sousa": json.dumps(known | facts)})
