"""SOUSA for plain PyTorch: a dataset of waveforms with labels, collation, balanced batches.

Conventions
-----------
A waveform is a float32 tensor of shape (samples,), one channel. A label is an int64 class id (tiers,
rudiments, categories) or a float32 score scaled to 0-1 by its own range; a list of targets gives a
float32 tensor, one entry a target, class ids among them as numbers. A score that does not apply to a row
(``flam_quality`` of a roll) is NaN, and False in ``label_mask``: take ``labels[mask]`` before a loss.
"""

import math
from functools import partial

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from sousa.generation import seeds
from sousa.generation.errors import UsageError, one_of
from sousa.training import labels
from sousa.training.labels import ID_TO_RUDIMENT as ID_TO_RUDIMENT
from sousa.training.labels import ID_TO_SKILL_TIER as ID_TO_SKILL_TIER
from sousa.training.labels import RUDIMENT_LABELS as RUDIMENT_LABELS
from sousa.training.labels import RUDIMENT_TO_ID as RUDIMENT_TO_ID
from sousa.training.labels import SKILL_TIER_LABELS as SKILL_TIER_LABELS
from sousa.training.labels import SKILL_TIER_TO_ID as SKILL_TIER_TO_ID
from sousa.training.stream import Loader, open_rows

METADATA = ("skill_tier", "rudiment_slug", "tempo_bpm")
_PLURAL = {"skill_tier": "skill_tiers", "rudiment_slug": "rudiment_slugs", "tempo_bpm": "tempo_bpms"}


class SOUSADataset(Dataset):
    """Waveforms and labels of a generated directory, a release, a dataset on the Hub, or made live.

    Args:
        data_dir: directory, ``org/name`` on the Hub, or a configuration to generate.
        split: train, validation or test; None for all.
        target: a class or score by name, or a list of them.
        resample_rate: Hz; None keeps the stored rate.
        max_length_sec: longer sounds are cut there.
        transform: function of a waveform, giving one.
        normalize_audio: scale each waveform so that its peak is 1.
        where, name, revision, token: as :class:`sousa.training.stream.Rows` takes them.

    An item is a dict: ``waveform``, ``label``, ``label_mask``, ``sample_id``, ``skill_tier``,
    ``rudiment_slug``, ``tempo_bpm``, ``sampling_rate``.

    Raises: UsageError for a target, split or directory that is not there.
    """

    def __init__(
        self, data_dir, split=None, target="overall_score", resample_rate=16000, max_length_sec=None,
        transform=None, normalize_audio=True, *, where=None, **more,
    ):  # fmt: skip
        self.several = not isinstance(target, str)
        self.targets = labels.check_targets([target] if isinstance(target, str) else list(target))
        self.target, self.split, self.transform = target, split, transform
        self.normalize_audio = normalize_audio
        wanted = list(dict.fromkeys([*METADATA, *self.targets]))
        self.rows = open_rows(
            data_dir, split, columns=wanted, where=where, sample_rate=resample_rate,
            crop_sec=max_length_sec, **more,
        )  # fmt: skip

    def __len__(self):
        return len(self.rows)

    @property
    def num_classes(self):
        """Classes of the target; None for scores and for lists."""
        classes = None if self.several else labels.CLASSES.get(self.targets[0])
        return classes and len(classes)

    @property
    def classes(self):
        """Names of the target's classes by id; None for scores and for lists."""
        return None if self.several else labels.CLASSES.get(self.targets[0])

    def __getitem__(self, index):
        return self.__getitems__([index])[0]

    def __getitems__(self, indices):
        return [self._item(row) for row in self.rows.__getitems__(indices)]

    def _item(self, row):
        waveform = torch.from_numpy(np.ascontiguousarray(row["audio"]))
        if self.normalize_audio and len(waveform):
            peak = waveform.abs().max()
            waveform = waveform / peak if peak > 0 else waveform
        if self.transform is not None:
            waveform = self.transform(waveform)
        values = [label_value(target, row[target]) for target in self.targets]
        known = [value is not None for value in values]
        numbers = [math.nan if value is None else value for value in values]
        if self.several:
            label, mask = torch.tensor(numbers, dtype=torch.float32), torch.tensor(known)
        else:
            whole = self.targets[0] in labels.CLASSES and known[0]
            label, mask = (
                torch.tensor(numbers[0], dtype=torch.int64 if whole else torch.float32),
                torch.tensor(known[0]),
            )
        names = {name: row[name] for name in ("sample_id", *METADATA, "sampling_rate")}
        return {"waveform": waveform, "label": label, "label_mask": mask, **names}


def label_value(target, value):
    """A label as a number: class id, or score on 0-1; None for null."""
    if value is None:
        return None
    return labels.class_id(target, value) if target in labels.CLASSES else labels.scaled(target, value)


def collate_variable_length(items):
    """A batch as long as its longest waveform.

    Returns: dict of ``waveforms`` float32 (batch, samples), zeros after the end; ``lengths`` int64 (batch,);
        ``labels`` (batch,) or (batch, targets); ``label_mask`` bool like it; ``attention_mask`` int64
        (batch, samples), 1 where there is sound; ``sample_ids``; ``metadata``: lists ``skill_tiers``,
        ``rudiment_slugs``, ``tempo_bpms``.
    Raises: UsageError for an empty batch.
    """
    return collate_fixed_length(items, max((len(item["waveform"]) for item in items), default=0))


def collate_fixed_length(items, target_length):
    """A batch of waveforms of ``target_length`` samples, else as :func:`collate_variable_length`."""
    if not items:
        raise UsageError("the batch is empty; give a batch at least one row")
    if target_length < 1:
        raise UsageError(f"batches of {target_length} samples; give a length of 1 or more")
    waveforms = torch.zeros(len(items), target_length)
    lengths = torch.tensor([min(len(item["waveform"]), target_length) for item in items])
    for line, item, length in zip(waveforms, items, lengths.tolist(), strict=True):
        line[:length] = item["waveform"][:length]
    return {
        "waveforms": waveforms,
        "lengths": lengths,
        "labels": torch.stack([item["label"] for item in items]),
        "label_mask": torch.stack([item["label_mask"] for item in items]),
        "attention_mask": (torch.arange(target_length) < lengths[:, None]).long(),
        "sample_ids": [item["sample_id"] for item in items],
        "metadata": {_PLURAL[name]: [item[name] for item in items] for name in METADATA},
    }


def create_dataloader(
    dataset, batch_size=16, shuffle=True, num_workers=4, pin_memory=None, fixed_length=None, drop_last=False,
    seed=0, batch_sampler=None, **more,
):  # fmt: skip
    """A loader of batches.

    Args:
        dataset: a :class:`SOUSADataset`.
        fixed_length: samples to pad or cut each waveform to; None pads to the longest of a batch.
        pin_memory: None pins where there is a GPU.
        batch_sampler: such as :class:`StratifiedBatchSampler`; it then decides size and order.

    Returns: :class:`sousa.training.stream.Loader`, which can be resumed; with a batch_sampler torch's own.
    """
    if fixed_length is not None and fixed_length < 1:
        raise UsageError(f"fixed_length is {fixed_length}; give samples, 1 or more, or None")
    collate = (
        partial(collate_fixed_length, target_length=fixed_length) if fixed_length else collate_variable_length
    )
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
        dataset: a :class:`SOUSADataset`; column: what to balance, by default the target when it is a
            class, else skill_tier.
        drop_last: leave out the last batch when the dataset does not fill it.
        seed: each epoch has an order of its own, see ``set_epoch``.

    Raises: UsageError for a column that is no class.
    """

    def __init__(self, dataset, batch_size, drop_last=False, seed=0, column=None):
        if column is None:
            column = dataset.targets[0] if dataset.num_classes else "skill_tier"
        if column not in dataset.rows.table.column_names:
            raise UsageError(
                f"the dataset can't be balanced by {one_of(column, [*METADATA, *dataset.targets])}"
            )
        if batch_size < 1:
            raise UsageError(f"batch size {batch_size}: give 1 or more")
        if column in labels.SCORE_RANGES or column == "tempo_bpm":
            raise UsageError(f"{column} has no classes to balance; choose one of {', '.join(labels.CLASSES)}")
        values = np.array([str(value) for value in dataset.rows.table[column].to_pylist()])
        self.members = {name: np.flatnonzero(values == name) for name in sorted(set(values))}
        self.num_rows, self.batch_size, self.drop_last = len(values), batch_size, drop_last
        self.seed, self.epoch = seed, 0

    def set_epoch(self, epoch):
        """Choose the order; each pass goes on to the next by itself."""
        self.epoch = epoch

    def __len__(self):
        return (
            self.num_rows // self.batch_size if self.drop_last else math.ceil(self.num_rows / self.batch_size)
        )

    def __iter__(self):
        epoch, self.epoch = self.epoch, self.epoch + 1
        rng = seeds.stream(self.seed, "stratified", epoch)
        endless = [self._rows(rng, members) for members in self.members.values()]
        turn, left = 0, self.num_rows
        for _ in range(len(self)):
            size = min(self.batch_size, left)
            # classes take turns, over the edges of batches too
            batch = [next(endless[(turn + i) % len(endless)]) for i in range(size)]
            turn, left = turn + size, left - size
            yield [(epoch, int(row)) for row in rng.permutation(batch)]

    @staticmethod
    def _rows(rng, members):
        while True:
            yield from rng.permutation(members)
