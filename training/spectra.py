"""Spectrograms of rows, made once and kept in a file, for training that goes through the same rows often.

Conventions: a file holds the frames of all clips one after the other, float16, and ``ends.npy`` where each
clip ends and the rate of its file. Its place is a digest of the data, of the rows that were chosen and of the
front end, so that nothing is ever out of date. It is half the size of the encoded clips or less, and reading
from it costs next to nothing, where decoding and transforming cost as much as learning. What changes sounds
while training then works on spectrograms: see :class:`sousa.training.augment.SpecAugment`.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from sousa.generation import environment, seeds
from sousa.generation.errors import RunError, first_line
from sousa.training.feature_cache import data_identity
from sousa.training.rows import BaseRows
from sousa.training.stream import Loader

_FRAMES, _ENDS, _ABOUT = "frames.f16", "ends.npy", "about.json"
_BATCH = 16


class SpectrumRows(torch.utils.data.Dataset):
    """Rows with ``spectrum``, float32 (frames, bands), in place of ``audio``; else as what they come from.

    Args:
        rows: whole clips, without crop and transform.
        front_end: a :class:`sousa.training.front_ends.LogMel`.
        crop_sec: length of the part of each clip that is given, at most.
        crop: random, or start.
        seed: of random crops.
        directory: where to keep them; by default ``spectra`` in the cache directory.

    Raises: UsageError for rows whose sound is another one each time; RunError when they can't be written.
    """

    def __init__(
        self, rows: BaseRows, front_end: Any, crop_sec: float, crop: str = "start", seed: int = 0,
        directory: str | Path | None = None, quiet: bool = False,
    ):  # fmt: skip
        self.front_end, self.crop, self.seed = front_end, crop, seed
        self.num_frames = front_end.num_frames(round(crop_sec * front_end.sampling_rate))
        ids = rows.values("sample_id") or list(range(len(rows)))
        about = {
            **data_identity(rows), "split": rows.split, "front_end": front_end.settings(),
            "rows": hashlib.sha256(json.dumps(ids).encode()).hexdigest(),
        }  # fmt: skip
        text = json.dumps(about, sort_keys=True)
        root = Path(directory) if directory is not None else environment.cache() / "spectra"
        self.path = root / hashlib.sha256(text.encode()).hexdigest()[:32]
        if not (self.path / _ABOUT).is_file():
            _write(rows, front_end, self.path, text, quiet)
        self.ends, self.rates = np.load(self.path / _ENDS)
        self.rows, self.table, self.known = rows, rows.table, rows.known
        self._map()

    def _map(self) -> None:
        shape = int(self.ends[-1]), self.front_end.num_features
        self.frames = np.memmap(self.path / _FRAMES, np.float16, "r", shape=shape)

    def __getstate__(self) -> dict[str, Any]:
        """State for a spawned worker, which maps the file itself; pickling would copy it."""
        return {name: value for name, value in vars(self).items() if name != "frames"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._map()

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: Any) -> dict[str, Any]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[Any]) -> list[dict[str, Any]]:
        """Rows of a batch: by number, or by (epoch, number) where crops are drawn anew."""
        pairs = [(0, int(i)) if np.ndim(i) == 0 else (int(i[0]), int(i[1])) for i in indices]
        return [self._row(epoch, row) for epoch, row in pairs]

    def _row(self, epoch: int, row: int) -> dict[str, Any]:
        first, end = (int(self.ends[row - 1]) if row else 0), int(self.ends[row])
        spare = max(end - first - self.num_frames, 0)
        place = seeds.uniforms(self.seed, 1, "crop", epoch, row)[0] if self.crop == "random" else 0.0
        start = round(place * spare)
        part = self.frames[first + start : min(first + start + self.num_frames, end)]
        front_end, file_rate = self.front_end, int(self.rates[row])
        out = self.rows._row(epoch, row, None)
        begins = start * front_end.hop_length * file_rate / front_end.sampling_rate
        out.update(
            spectrum=torch.from_numpy(part.astype(np.float32)), sampling_rate=front_end.sampling_rate,
            start_sample=begins, file_rate=file_rate,
        )  # fmt: skip
        return out


def _write(rows: BaseRows, front_end: Any, path: Path, about: str, quiet: bool) -> None:
    """Make the spectrograms of rows; they are there as a whole, or not at all."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    loader = Loader(
        rows, _BATCH, shuffle=False, rank=0, world_size=1, num_workers=cores, collate_fn=_Spectra(front_end)
    )
    ends, rates, total = [], [], 0
    folder = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        with open(folder / _FRAMES, "wb") as file:
            for spectra, of_batch in tqdm(loader, desc="spectrograms", unit="batch", disable=quiet):
                for spectrum in spectra:
                    total += len(spectrum)
                    ends.append(total)
                    file.write(spectrum.numpy().tobytes())
                rates += of_batch
        np.save(folder / _ENDS, np.array([ends, rates], np.int64))
        (folder / _ABOUT).write_text(about + "\n", encoding="utf-8")
        if not path.exists():  # another run may have been faster
            folder.rename(path)
    except OSError as error:
        raise RunError(
            f"spectrograms can't be kept in {path.parent} ({first_line(error)}); make room there, or set "
            "data.spectra: false"
        ) from None
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


class _Spectra:
    """Spectrograms of a batch of rows, and the rates of their files."""

    def __init__(self, front_end: Any):
        self.front_end = front_end

    def __call__(self, rows: Sequence[dict[str, Any]]) -> tuple[list[torch.Tensor], list[int]]:
        spectra = [self.front_end(row["audio"]).to(torch.float16) for row in rows]
        return spectra, [int(row["file_rate"]) for row in rows]
