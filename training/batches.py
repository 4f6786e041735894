"""From rows to the batches a model takes, and from its outputs to a table of predictions.

Conventions: a batch is ``input_values``, ``valid``, ``labels``, as :mod:`sousa.training.models.model` takes
them. Clips are cut and padded to the model's ``max_sec``, so all batches have one shape and what is said of a
clip does not depend on its neighbours.

The table of predictions has one row a clip: what is known of it (``META``, as far as the dataset has it) and
the columns of each target (:mod:`sousa.training.tasks.targets`); the JSON under the key ``sousa`` of its
schema says what the targets are. Reports are drawn from it alone.
"""

import json
from contextlib import nullcontext

import numpy as np
import pyarrow as pa
import torch
from tqdm import tqdm

from sousa.generation.errors import RunError, UsageError, one_of
from sousa.training.stream import Loader, open_rows

META = {
    "sample_id": pa.string(), "profile_id": pa.string(), "rudiment_slug": pa.string(),
    "skill_tier": pa.string(), "augmentation_preset": pa.string(), "bank": pa.string(),
    "tempo_bpm": pa.float64(), "setting_id": pa.string(), "sound": pa.string(), "synth": pa.string(),
    "held_out": pa.string(),
}  # fmt: skip


class Collate:
    """Makes a batch of a list of rows.

    Args:
        model: whose front end and targets are used.
    """

    def __init__(self, model):
        self.front_end, self.max_sec, self.num_samples = model.front_end, model.max_sec, model.num_samples
        self.targets = model.targets
        frames = any(target.level == "frame" for target in self.targets)
        self.num_frames, self.frame_sec = (model.num_frames, model.frame_sec) if frames else (None, None)

    def __call__(self, rows):
        if not rows:
            raise UsageError("the batch is empty; give a batch at least one row")
        values, valid = [], []
        for row in rows:
            audio = row["audio"][: self.num_samples]
            valid.append(len(audio) / self.num_samples)
            values.append(self.front_end(np.pad(audio, (0, self.num_samples - len(audio)))))
        labels = {
            target.name: torch.from_numpy(
                np.stack([target.label(row, self.num_frames, self.frame_sec) for row in rows])
            )
            for target in self.targets
        }
        return {"input_values": torch.stack(values), "valid": torch.tensor(valid), "labels": labels}


class CollateKnown(Collate):
    """As Collate, and what is known of the rows, for predictions."""

    def __call__(self, rows):
        batch = super().__call__(rows)
        batch["row"] = [row["row"] for row in rows]
        batch["meta"] = {name: [row.get(name) for row in rows] for name in META}
        batch["exact"] = {
            target.name: [target.truth(row, self.max_sec) for row in rows]
            for target in self.targets
            if hasattr(target, "truth")
        }
        return batch


def rows_for(model, source, split=None, **options):
    """Rows as a model needs them: its rate, its length, the columns of its targets and of predictions.

    Raises: UsageError when the dataset lacks a column that a target needs.
    """
    from sousa.training import corpora, sources

    wanted = [column for target in model.targets for column in target.columns]
    known = list(dict.fromkeys([*META, *(column.partition(".")[0] for column in wanted)]))
    if corpora.name_of(source):
        there = corpora.schema(source).names
    else:
        source = sources.find(source, *(options.pop(name, None) for name in ("name", "revision", "token")))
        there = sources.schema(source, source.files[0]).names
    known = [name for name in known if name in there]
    missing = [column for column in wanted if column.partition(".")[0] not in known]
    if missing:
        raise UsageError(
            f"the data has no column {one_of(missing[0], known)}; {model.task} is learnt from it"
        )
    return open_rows(
        source, split, columns=list(dict.fromkeys([*(c for c in META if c in known), *wanted])),
        sample_rate=model.front_end.sampling_rate, crop_sec=model.max_sec, **options,
    )  # fmt: skip


def predict(
    model, rows, batch_size=64, num_workers=0, device="cpu", dtype=None, rank=0, world_size=1, quiet=False
):  # fmt: skip
    """What a model says of rows.

    Args:
        model: a :class:`sousa.training.models.model.Model`; rows: what :func:`rows_for` gives.
        dtype: torch type to compute in (bfloat16, float16), None for float32.
        rank, world_size: each process predicts its part, and all get the whole table.

    Returns: Arrow table, in the order of the rows.
    Raises: RunError when the model gives no numbers.
    """
    if world_size > 1:  # each rank has statistics of its own batches; those of the first are what is saved
        for buffer in model.buffers():
            torch.distributed.broadcast(buffer, 0)
    # no steps need to be equal here, so a rank may have fewer rows than the others, or none
    own = rows.select(range(len(rows))[rank::world_size]) if world_size > 1 else rows
    loader = Loader(
        own, batch_size, shuffle=False, rank=0, world_size=1, num_workers=num_workers,
        collate_fn=CollateKnown(model),
    ) if len(own) else ()  # fmt: skip
    was_training = model.training
    model.eval()
    kind = torch.device(device).type
    parts, failed = [], None
    with torch.inference_mode():
        for batch in tqdm(loader, desc="predicting", unit="batch", disable=quiet or rank != 0, leave=False):
            values, valid = batch["input_values"].to(device), batch["valid"].to(device)
            with torch.autocast(kind, dtype) if dtype else nullcontext():
                out = model(values, valid)
            seconds = (batch["valid"] * model.max_sec).tolist()
            part = {"row": [rank + row * world_size for row in batch["row"]], **batch["meta"]}
            for target in model.targets:
                if target.name in model.reported:
                    if not torch.isfinite(out[target.name]).all():
                        failed = target.name
                        continue
                    label = batch["labels"][target.name]
                    found = target.predictions(
                        out[target.name], label, seconds, model.frame_sec, batch["meta"]
                    )
                    part.update(found)
                    if target.name in batch["exact"]:  # labels on frames may have lost a stroke
                        part[f"true_{target.name}"] = batch["exact"][target.name]
            parts.append(part)
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
    return _table(model, rows, parts)


def _table(model, rows, parts):
    reported = [target for target in model.targets if target.name in model.reported]
    there = [name for name in META if name in rows.table.column_names]
    fields = [(name, META[name]) for name in there] + [f for target in reported for f in target.fields()]
    order = np.argsort(np.concatenate([part["row"] for part in parts]), kind="stable")
    columns = []
    for name, kind in fields:
        values = [value for part in parts for value in part[name]]
        columns.append(pa.array([values[i] for i in order], kind))
    facts = {
        "targets": [target.about() for target in reported],
        "task": model.task,
        "frame_sec": model.frame_sec,
    }
    schema = pa.schema(fields, metadata={"sousa": json.dumps(facts)})
    return pa.Table.from_arrays(columns, schema=schema)


def with_facts(table, **facts):
    """The table with further facts under its schema's ``sousa`` key, such as checkpoint, data and split."""
    known = json.loads(table.schema.metadata[b"sousa"])
    return table.replace_schema_metadata({"sousa": json.dumps(known | facts)})
