"""musicnn, a tagger of music: its network in torch, with the weights of its package.

The package asks for versions of NumPy and TensorFlow that no Python of today has, so nothing of its code is
run: its checkpoint is read from the installed distribution (``pip install --no-deps musicnn``), or from its
wheel, which is a zip.

Conventions: sound is at 16 kHz; a spectrogram has 96 bands (Slaney's mel scale) of powers, a frame each 256
samples, and its values are log10(1 + 10,000 x). A window of three seconds has 187 frames; the network takes
other lengths too, so a shorter sound is not filled up. A vector is the layer before the tags, 200 numbers;
batches are normalised after the ReLU.

Source: J. Pons, X. Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging",
ISMIR late-breaking demo, 2019 (package under the ISC licence).
"""

import hashlib
import zipfile
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from sousa.generation.errors import RunError, UsageError, first_line
from sousa.generation.outside import expanded, is_file, read
from sousa.training.embedding.towers import frozen, in_batches
from sousa.training.embedding.towers.tensorflow_checkpoint import variables
from sousa.training.front_ends import mel_filters, mel_spectrogram

CHECKPOINTS = ("MTT_musicnn", "MSD_musicnn")  # trained on MagnaTagATune, and on the Million Song Dataset
SAMPLE_RATE, _N_FFT, _HOP, _BANDS, _FRAMES = 16000, 512, 256, 96, 187
_WHEEL_BYTES, _FILE_BYTES = 64 << 20, 16 << 20
_TIMBRAL = ((204, 38), (204, 67))  # channels, and bands that a filter of 7 frames spans
_TEMPORAL = ((51, 128), (51, 64), (51, 32))  # channels, and frames that a filter of one band spans
_MIDDLE, _PENULTIMATE = 64, 200


class Network(nn.Module):
    """The network; gives the layer before the tags, and the tags, for spectrograms.

    Layers are numbered as TensorFlow does: ``convolutions[k]`` is ``conv2d_k``, and so on.
    """

    def __init__(self, tags: int = 50):
        super().__init__()
        front = [nn.Conv2d(1, channels, (7, bands), padding=(3, 0)) for channels, bands in _TIMBRAL]
        front += [nn.Conv2d(1, channels, (frames, 1)) for channels, frames in _TEMPORAL]
        width = sum(convolution.out_channels for convolution in front)
        middle = [nn.Conv1d(size, _MIDDLE, 7, padding=3) for size in (width, _MIDDLE, _MIDDLE)]
        self.convolutions = nn.ModuleList([*front, *middle])
        pooled = 2 * (width + 3 * _MIDDLE)
        self.dense = nn.ModuleList([nn.Linear(pooled, _PENULTIMATE), nn.Linear(_PENULTIMATE, tags)])
        sizes = [1, *(convolution.out_channels for convolution in self.convolutions), pooled, _PENULTIMATE]
        flat = (6, 7, 8, 9, 10)  # those of values without a place in frequency
        self.norms = nn.ModuleList(
            (nn.BatchNorm1d if i in flat else nn.BatchNorm2d)(size, eps=1e-3) for i, size in enumerate(sizes)
        )

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """``x``: float32 (batch, frames, bands); gives (batch, 200), and logits (batch, tags)."""
        x, front = self.norms[0](x[:, None]), []
        for i, convolution in enumerate(self.convolutions[:5]):
            frames = convolution.kernel_size[0]
            # of an even number of frames TensorFlow puts the odd one after the end
            values = F.pad(x, (0, 0, (frames - 1) // 2, frames // 2)) if i >= len(_TIMBRAL) else x
            front.append(self.norms[1 + i](convolution(values).relu()).amax(dim=3))
        states = [torch.cat(front, dim=1)]
        for i, convolution in enumerate(self.convolutions[5:]):
            new = self.norms[6 + i](convolution(states[-1]).relu())
            states.append(new if not i else new + states[-1])
        all_states = torch.cat(states, dim=1)
        pooled = torch.stack([all_states.amax(dim=2), all_states.mean(dim=2)], dim=2).flatten(1)
        penultimate = self.norms[10](self.dense[0](self.norms[9](pooled)).relu())
        return penultimate, self.dense[1](penultimate)


def load(values: dict[str, np.ndarray]) -> Network:
    """The network with the weights of a checkpoint, by TensorFlow's names.

    Raises: KeyError or RuntimeError when they are others.
    """
    prefix = "model/" if any(name.startswith("model/") for name in values) else ""

    def tensor(kind: str, number: int, name: str) -> torch.Tensor:
        suffix = f"_{number}" if number else ""
        return torch.from_numpy(np.array(values[f"{prefix}{kind}{suffix}/{name}"]))

    network = Network(tags=int(tensor("dense", 1, "bias").shape[0]))
    state = {}
    for i, convolution in enumerate(network.convolutions):
        kernel = tensor("conv2d", i, "kernel").permute(3, 2, 0, 1)
        # the middle ones span all that is there, as one row of values
        state[f"convolutions.{i}.weight"] = kernel if convolution.weight.dim() == 4 else kernel[:, 0].mT
        state[f"convolutions.{i}.bias"] = tensor("conv2d", i, "bias")
    for i in range(len(network.dense)):
        state[f"dense.{i}.weight"], state[f"dense.{i}.bias"] = (
            tensor("dense", i, "kernel").mT, tensor("dense", i, "bias"),
        )  # fmt: skip
    moving = {"running_mean": "moving_mean", "running_var": "moving_variance"}
    names = {"weight": "gamma", "bias": "beta", **moving}
    for i in range(len(network.norms)):
        state |= {f"norms.{i}.{ours}": tensor("batch_normalization", i, t) for ours, t in names.items()}
        state[f"norms.{i}.num_batches_tracked"] = torch.tensor(0)
    network.load_state_dict(state)
    return network


def spectrogram(window: np.ndarray) -> torch.Tensor:
    """What the network hears of a window: float32 (frames, 96)."""
    filters = mel_filters(_N_FFT, _BANDS, 0.0, SAMPLE_RATE / 2, SAMPLE_RATE, "slaney")
    powers = mel_spectrogram(torch.as_tensor(window), torch.hann_window(_N_FFT), _HOP, filters, power=2)
    return powers[: max(len(window) // _HOP, 1)].mul_(10_000).add_(1).log10_()


class Musicnn:
    """Sounds by musicnn.

    Args:
        where: one of CHECKPOINTS of the installed package, or the path of a wheel of it.

    Raises: UsageError where there is neither; RunError for weights that can't be read.
    """

    window_sec = hop_sec = _FRAMES * _HOP / SAMPLE_RATE
    sample_rate, dim = SAMPLE_RATE, _PENULTIMATE

    def __init__(self, where: str, revision: str | None, device: Any, batch_size: int):
        name = where if where in CHECKPOINTS else CHECKPOINTS[0]
        content = _packaged if where in CHECKPOINTS else _of_wheel(where)
        index, data = (content(f"musicnn/{name}/.{part}") for part in ("index", "data-00000-of-00001"))
        try:
            network = load(variables(index, data))
        except (ValueError, KeyError, RuntimeError) as error:
            raise RunError(f"the weights of musicnn can't be read ({first_line(error)}); get 0.1.0") from None
        self.digest = hashlib.sha256(data).hexdigest()
        self.network, self.device, self.batch_size = frozen(network, device), device, batch_size

    def settings(self) -> dict[str, Any]:
        return {"digest": self.digest, "pooling": "the layer before the tags"}

    def __call__(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        return in_batches(windows, self.batch_size, self._encode)

    def _encode(self, windows: list[np.ndarray]) -> torch.Tensor:
        return self.network(torch.stack(list(map(spectrogram, windows))).to(self.device))[0]


_UNREADABLE = (OSError, KeyError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile)
_ADVICE = (
    "get it with: pip install --no-deps musicnn==0.1.0 (its own requirements can't be met any more and are "
    "not needed), or with: pip download --no-deps musicnn==0.1.0, and name the file: musicnn=PATH.whl"
)


def _packaged(file: str) -> bytes:
    try:
        path = next((entry for entry in files("musicnn") or () if entry.as_posix() == file), None)
    except PackageNotFoundError:
        path = None
    if path is None:
        raise UsageError(f"the package musicnn, which holds the weights, is not installed; {_ADVICE}")
    try:
        return read(Path(str(path.locate())), _FILE_BYTES)
    except OSError as error:
        raise RunError(f"{path.locate()} can't be read ({first_line(error)})") from None


def _of_wheel(where: str) -> Callable[[str], bytes]:
    path = expanded(where)
    if not is_file(path):
        choice = f"{', '.join(CHECKPOINTS)}, or the path of a wheel"
        raise UsageError(f"musicnn={where} is not there; give {choice}. {_ADVICE}")

    def content(file: str) -> bytes:
        try:
            with zipfile.ZipFile(path) as wheel, wheel.open(file) as member:
                if len(data := member.read(_FILE_BYTES + 1)) > _FILE_BYTES:
                    raise ValueError(f"{file} is too long")
                return data
        except _UNREADABLE as error:
            raise RunError(f"{path} is no wheel of musicnn ({first_line(error)}); {_ADVICE}") from None

    return content
