"""SOUSA for plain PyTorch: a dataset of waveforms with labels, collation, balanced batches.

Conventions: a waveform is a float32 tensor of shape (samples,), one channel. A label is an int64 class id or
a float32 score scaled to 0-1 by its own range; a list of targets gives a float32 tensor, one entry a target,
class ids among them as numbers. A score that does not apply to a row is NaN, and False in ``label_mask``:
take ``labels[mask]`` before a loss. Constants of classes are those of :mod:`sousa.training.labels`.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, cycle, repeat
from typing import Any

import numpy as np

from sousa.generation import extras

try:
    import torch
    from torch.nn.functional import pad
    from torch.utils.data import DataLoader, Dataset, Sampler
except ModuleNotFoundError as error:
    raise extras.missing("sousa.training.dataset", error) from None

from sousa.generation import seeds
from sousa.generation.columns import Classes, Column, Score
from sousa.generation.errors import UsageError, one_of, raise_all
from sousa.training import labels, roles, sources
from sousa.training.stream import Loader, open_rows

_SHOWN = 8  # names of classes


def __getattr__(name: str) -> Any:
    return getattr(labels, name)


class SOUSADataset(Dataset):
    """Waveforms and labels of a generated directory, a release, a dataset on the Hub, or made live.

    Args:
        data_dir, split, where, name, revision, token: as :class:`sousa.training.rows.BaseRows` takes them.
        target: a class or score by name, or a list of them; by default the first score that is a task of the
            corpus, or else its first class.
        resample_rate: Hz; None keeps the stored rate.
        max_length_sec: longer sounds are cut there.
        transform: function of a waveform, giving one.
        normalize_audio: scale each waveform so that its peak is 1.

    Attributes:
        classes: names of the target's classes by id; None for scores and for lists.
        num_classes: number of these, or None.

    An item is a dict: ``waveform``, ``label``, ``label_mask``, ``sample_id``, ``sampling_rate``, and the
    columns by which reports are broken down, but for conditions of the recording.

    Raises: UsageError for a target, split or directory that is not there.
    """

    def __init__(
        self, data_dir: Any, split: str | None = None, target: str | Sequence[str] | None = None,
        resample_rate: int | None = 16000, max_length_sec: float | None = None,
        transform: Callable[[torch.Tensor], torch.Tensor] | None = None, normalize_audio: bool = True, *,
        where: Any = None, name: str | None = None, revision: str | None = None, token: str | None = None,
    ):  # fmt: skip
        source = sources.find(data_dir, name, revision, token)
        self.columns = _targets(source.known, target)
        self.targets, self.several = list(self.columns), not (target is None or isinstance(target, str))
        self.target, self.split, self.transform = target, split, transform
        role = self.columns[self.targets[0]].role
        self.classes = list(role.names) if isinstance(role, Classes) and not self.several else None
        self.num_classes = len(self.classes) if self.classes else None
        self.normalize_audio = normalize_audio
        self.metadata = [c.name for c in source.known.breakdowns if not getattr(c.role, "condition", "")]
        self.rows = open_rows(
            source, split, columns=[*self.metadata, *self.targets], where=where,
            sample_rate=resample_rate, crop_sec=max_length_sec,
        )  # fmt: skip

    def __repr__(self) -> str:
        names = self.classes or []
        shown = ", ".join(names[:_SHOWN] + ["…"] * (len(names) > _SHOWN))
        classes = f" ({len(names)} classes: {shown})" if names else ""
        first, *lines = repr(self.rows).splitlines()
        place = first.partition(" ")[2]
        targets = f"  {'targets' if self.several else 'target'}: {', '.join(self.targets)}{classes}"
        return "\n".join([f"{type(self).__name__} {place}", *lines, targets])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> dict[str, Any]:
        return self._item(self.rows[index])

    def __getitems__(self, indices: Sequence[Any]) -> list[dict[str, Any]]:
        return [self._item(row) for row in self.rows.__getitems__(indices)]

    def _item(self, row: dict[str, Any]) -> dict[str, Any]:
        waveform = torch.from_numpy(np.ascontiguousarray(row["audio"]))
        if self.normalize_audio and len(waveform) and (peak := waveform.abs().max()) > 0:
            waveform = waveform / peak
        if self.transform is not None:
            waveform = self.transform(waveform)
        values = [labels.number(column, row[name]) for name, column in self.columns.items()]
        mask = torch.tensor([value is not None for value in values])
        whole = isinstance(values[0], int) and not self.several
        numbers = [math.nan if value is None else value for value in values]
        label = torch.tensor(numbers, dtype=torch.int64 if whole else torch.float32)
        return {
            "waveform": waveform,
            "label": label if self.several else label[0],
            "label_mask": mask if self.several else mask[0],
            **{name: row[name] for name in ("sample_id", *self.metadata, "sampling_rate")},
        }


def _targets(known: roles.Known, target: str | Sequence[str] | None) -> dict[str, Column]:
    columns = {name: c for name, c in known.targets.items() if isinstance(c.role, (Classes, Score))}
    if target is None:
        single = [names[0] for names in known.tasks.values() if len(names) == 1 and names[0] in columns]
        target = sorted(single, key=lambda name: not isinstance(columns[name].role, Score))[:1]
    names = [target] if isinstance(target, str) else list(target)
    raise_all(f"unknown target {one_of(name, columns)}" for name in names if name not in columns)
    if not names:
        choice = ", ".join(columns) or "none: there is no class or score"
        raise UsageError(f"no target is named; choose from {choice}")
    return {name: columns[name] for name in names}


def collate_variable_length(items: list[dict[str, Any]]) -> dict[str, Any]:
    """A batch as long as its longest waveform.

    Returns: dict of ``waveforms`` float32 (batch, samples), zeros after the end; ``lengths`` int64 (batch,);
        ``labels`` (batch,) or (batch, targets); ``label_mask`` bool like it; ``attention_mask`` int64
        (batch, samples), 1 where there is sound; ``sample_ids``; ``metadata``: a list for each further column
        of the items, under its name with an s.
    Raises: UsageError for an empty batch.
    """
    return collate_fixed_length(items, max((len(item["waveform"]) for item in items), default=0))


def collate_fixed_length(items: list[dict[str, Any]], target_length: int) -> dict[str, Any]:
    """A batch of waveforms of ``target_length`` samples, else as :func:`collate_variable_length`."""
    if not items:
        raise UsageError("the batch is empty; give a batch at least one row")
    if target_length < 1:
        raise UsageError(f"batches of {target_length} samples; give a length of 1 or more")
    waveforms = [item["waveform"] for item in items]
    metadata = items[0].keys() - {"waveform", "label", "label_mask", "sample_id", "sampling_rate"}
    lengths = torch.tensor([min(len(waveform), target_length) for waveform in waveforms])
    return {
        "waveforms": torch.stack([pad(clip, (0, target_length - len(clip))) for clip in waveforms]),
        "lengths": lengths,
        "labels": torch.stack([item["label"] for item in items]),
        "label_mask": torch.stack([item["label_mask"] for item in items]),
        "attention_mask": (torch.arange(target_length) < lengths[:, None]).long(),
        "sample_ids": [item["sample_id"] for item in items],
        "metadata": {f"{name}s": [item[name] for item in items] for name in items[0] if name in metadata},
    }


def create_dataloader(
    dataset: SOUSADataset, batch_size: int = 16, shuffle: bool = True, num_workers: int = 4,
    pin_memory: bool | None = None, fixed_length: int | None = None, drop_last: bool = False, seed: int = 0,
    batch_sampler: Sampler | None = None, **more: Any,
) -> DataLoader:  # fmt: skip
    """A loader of batches.

    Args:
        fixed_length: samples to pad or cut each waveform to; None pads to the longest of a batch.
        pin_memory: None pins where there is a GPU.
        batch_sampler: such as :class:`StratifiedBatchSampler`; it then decides size and order.

    Returns: :class:`sousa.training.stream.Loader`, which can be resumed; with a batch_sampler torch's own.
    """
    if fixed_length is not None and fixed_length < 1:
        raise UsageError(f"fixed_length is {fixed_length}; give samples, 1 or more, or None")
    collate = collate_variable_length
    if fixed_length is not None:
        collate = partial(collate_fixed_length, target_length=fixed_length)
    pin_memory = torch.cuda.is_available() if pin_memory is None else pin_memory
    more = {"num_workers": num_workers, "pin_memory": pin_memory, "collate_fn": collate, **more}
    if batch_sampler is not None:
        return DataLoader(dataset, batch_sampler=batch_sampler, **more)
    return Loader(dataset, batch_size, seed=seed, shuffle=shuffle, drop_last=drop_last, **more)


class StratifiedBatchSampler(Sampler):
    """Batches in which every class has the same number of rows, to within one.

    An epoch is as many batches as the dataset fills. Rows of a class are dealt out in random order, all
    before any again: rows of rare classes come more often, and of frequent ones not all come in each epoch.

    Args:
        column: what to balance, by default the target when it is a class, else the class that all rows of a
            group share.
        drop_last: leave out the last batch when the dataset does not fill it.
        seed: each epoch has an order of its own, see ``set_epoch``.

    Raises: UsageError for a column that is no class.
    """

    def __init__(
        self, dataset: SOUSADataset, batch_size: int, drop_last: bool = False, seed: int = 0,
        column: str | None = None,
    ):  # fmt: skip
        names = [*dataset.metadata, *dataset.targets]
        known = sorted(dataset.rows.known.having(Classes), key=lambda column: not column.role.of_group)
        classes = [column.name for column in known if column.name in names]
        if column is None:
            column = dataset.targets[0] if dataset.num_classes else next(iter(classes), "")
        if batch_size < 1:
            raise UsageError(f"batch size {batch_size}: give 1 or more")
        if column not in names:
            raise UsageError(f"the dataset can't be balanced by {one_of(column, names)}")
        if column not in classes:
            raise UsageError(f"{column} has no classes to balance; choose one of {', '.join(classes)}")
        values = np.array([str(value) for value in dataset.rows.values(column)])
        self.members = [np.flatnonzero(values == name) for name in sorted(set(values))]
        self.num_rows, self.batch_size, self.drop_last = len(values), batch_size, drop_last
        self.seed, self.epoch = seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order; each pass goes on to the next by itself."""
        self.epoch = epoch

    def __len__(self) -> int:
        whole, rest = divmod(self.num_rows, self.batch_size)
        return whole + bool(rest and not self.drop_last)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        epoch, self.epoch = self.epoch, self.epoch + 1
        rng = seeds.stream(self.seed, "stratified", epoch)
        # classes take turns, over the edges of batches too
        turns = cycle([chain.from_iterable(map(rng.permutation, repeat(rows))) for rows in self.members])
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            batch = [next(next(turns)) for _ in range(min(self.batch_size, self.num_rows - start))]
            yield [(epoch, int(row)) for row in rng.permutation(batch)]
