"""The model: a front end, an encoder and a head for each target; saved and loaded as one directory.

Conventions: ``input_values`` is what the front end makes, batched: (batch, frames, bands) or (batch,
samples); ``valid`` (batch,) is the share of it, 0 to 1, that is sound and not padding. Outputs are a dict of
target name to (batch, outputs), or (batch, frames, outputs) for frame-level targets, and ``loss`` where
labels are given, a dict by target. A target that a decoder writes gives tokens, scores of them where it has
labels, and with ``write=False`` what its decoder hears: see :mod:`sousa.training.tasks.note_tokens`.

A saved model is ``model.safetensors`` with the names of ``state_dict()``, ``config.json``, and for
pretrained encoders their feature extractor. Weights are loaded strictly: a missing, further or misshapen
one is an error, never a warning.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import nn

from sousa.generation.errors import RunError, UsageError, first_line
from sousa.generation.outside import is_directory, read_json, require_small_header
from sousa.generation.storage import atomic_file, write_json
from sousa.training import front_ends
from sousa.training.augment import SpecAugment
from sousa.training.models import pretrained
from sousa.training.models.cnn import Cnn, CnnConfig
from sousa.training.models.compact import Compact, CompactConfig
from sousa.training.models.places import place_of
from sousa.training.tasks import restored, upgraded
from sousa.training.tasks.note_rolls import KEYS, LOWEST
from sousa.training.tasks.targets import Target

# what settings of wrong types or sizes raise where they are used
_UNUSABLE = (
    KeyError, TypeError, ValueError, OSError, AttributeError, StopIteration, RuntimeError, MemoryError,
    OverflowError,
)  # fmt: skip
WEIGHTS, CONFIG = "model.safetensors", "config.json"
ROLLS = 4  # of a target of notes: onset, offset, frame, velocity
FORMAT, READ = 2, (1, 2)  # what is written, and what is read


class Pooling(nn.Module):
    """A clip's vector: several weighted means over time, learnt, and the plain mean."""

    def __init__(self, size: int, heads: int = 4):
        super().__init__()
        self.score = nn.Linear(size, heads)
        self.size = size * (heads + 1)

    def forward(self, x: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        time = torch.arange(x.shape[1], device=x.device)
        sound = time < (valid.to(x.device) * x.shape[1]).ceil().clamp(min=1)[:, None]
        weights = self.score(x).float().masked_fill(~sound[..., None], float("-inf")).softmax(1).to(x.dtype)
        mean = (x * sound[..., None]).sum(1) / sound.sum(1, keepdim=True).to(x.dtype)
        return torch.cat([torch.einsum("btk,btc->bkc", weights, x).flatten(1), mean], dim=1)


class Model(nn.Module):
    """An encoder with heads.

    Args:
        targets: what to tell, auxiliary ones included.
        reported: names of the others.
        front_end: as :mod:`sousa.training.front_ends` has it.
        encoder: a Compact, Cnn or pretrained Encoder.
        max_sec: length that clips are cut and padded to.
        spec_augment: of log-mel frames while training, see :class:`sousa.training.augment.SpecAugment`.
    """

    def __init__(
        self, task: str, targets: Sequence[Target], reported: Sequence[str], front_end: Any,
        encoder: nn.Module, max_sec: float, spec_augment: dict[str, Any] | None = None,
    ):  # fmt: skip
        super().__init__()
        self.task, self.targets, self.reported = task, list(targets), list(reported)
        self.front_end, self.encoder, self.max_sec = front_end, encoder, float(max_sec)
        self.place: Path | None = None  # directory that it was loaded from
        self.spec_augment = SpecAugment(front_end, **(spec_augment or {}))
        # a part that no target uses would have no gradients, which several processes do not allow
        whole = any(target.level == "clip" for target in self.targets)
        self.pooling = Pooling(encoder.coarse_size) if whole else None
        self.heads, self.frozen = nn.ModuleDict(), ()
        for target in self.targets:
            if target.level == "tokens":
                self.heads[target.head] = self._decoder(target)
                continue
            frames = target.level == "frame"
            if frames and (self.frame_sec or 1.0) > target.coarsest_sec:
                raise UsageError(
                    f"{target.name} need frames of at most {1000 * target.coarsest_sec:.0f} ms, which this "
                    "encoder does not give; use a compact model, Wav2Vec2 or HuBERT"
                )
            head = nn.Linear(encoder.fine_size if frames else self.pooling.size, target.num_outputs)
            if frames:
                with torch.no_grad():
                    head.bias.copy_(torch.as_tensor(target.first_bias).expand_as(head.bias))
            if hasattr(target, "first_sec"):
                target.first_sec = self.first_sec
            self.heads[target.head] = head
        # sound is where labels are: the longest clip decides how many frames there are
        self.num_samples = round(self.max_sec * front_end.sampling_rate)
        longest = getattr(front_end, "longest_sec", None)
        if longest and self.max_sec > longest:
            raise UsageError(
                f"clips of {self.max_sec:g} s are longer than the {longest:.2f} s this encoder hears; give "
                f"data.max_sec of at most {longest:.2f}"
            )
        if self.spec_augment.masks.colours and not isinstance(front_end, front_ends.LogMel):
            raise UsageError(
                "spec_augment changes levels of log-mel spectrograms, and this encoder hears something else; "
                "use masks alone, or augment"
            )
        if self.spec_augment.does_something and getattr(encoder, "over_waveforms", False):
            raise UsageError(
                "spec_augment masks spectrograms, and this encoder hears waveforms; leave it out"
            )

    @property
    def reported_targets(self) -> list[Target]:
        """The targets that are reported, in order; the others are learnt beside them."""
        return [target for target in self.targets if target.name in self.reported]

    @property
    def frame_sec(self) -> float | None:
        """Seconds of a frame of frame-level targets; None where the encoder has no such frames."""
        clock = self.encoder.clock(self.front_end)
        return clock and clock[1]

    @property
    def in_windows(self) -> bool:
        """Whether longer clips are heard whole, in overlapping windows, when they are evaluated."""
        return all(target.kind in ("notes", "note_tokens") for target in self.targets)

    @property
    def first_sec(self) -> float:
        """Time in the middle of frame 0 of frame-level targets."""
        return (self.encoder.clock(self.front_end) or (0.0, 0.0))[0]

    @property
    def num_frames(self) -> int:
        """Frames of a clip of ``max_sec``."""
        return self.encoder.num_frames(self.front_end, self.num_samples)

    def _decoder(self, target: Any) -> nn.Module:
        from sousa.training.models.decoder import DecoderConfig, NoteDecoder  # transformers take their time

        target.max_sec = self.max_sec
        sizes = self.encoder.fine_size, (LOWEST, KEYS, ROLLS), (self.first_sec, self.frame_sec)
        return NoteDecoder(DecoderConfig(**target.decoder), *sizes)

    @property
    def written(self) -> list[Any]:
        """The targets that a decoder writes."""
        return [target for target in self.targets if target.level == "tokens"]

    def write(
        self, target: Any, states: torch.Tensor, logits: torch.Tensor, seconds: float,
        labels: torch.Tensor | None = None, lengths: torch.Tensor | None = None,
    ) -> torch.Tensor:  # fmt: skip
        """What the decoder of a target gives; arguments and result as of a NoteDecoder.

        Args:
            logits: of the target of notes whose rolls it reads.
        """
        # rolls are taught by their own target alone
        rolls = logits.detach()[..., : ROLLS * KEYS].float().sigmoid()
        return self.heads[target.head](states, rolls, seconds, labels, lengths)

    def freeze_encoder(self) -> None:
        """Keep the encoder and the heads as they are: only decoders learn, and nothing else has dropout."""
        decoders = {target.head for target in self.written}
        heads = [head for name, head in self.heads.items() if name not in decoders]
        self.frozen = (self.encoder, *heads, *([self.pooling] if self.pooling is not None else ()))
        for module in self.frozen:
            module.requires_grad_(False)

    def train(self, mode: bool = True) -> "Model":
        super().train(mode)
        for module in self.frozen:
            module.eval()
        return self

    def forward(
        self, input_values: torch.Tensor, valid: torch.Tensor | None = None,
        labels: dict[str, torch.Tensor] | None = None, write: bool = True,
    ) -> dict[str, torch.Tensor]:  # fmt: skip
        if self.training and input_values.dim() == 3:
            input_values = self.spec_augment(input_values)
        labels = labels or {}
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            fine, coarse = self.encoder(input_values)
            if valid is None or not self.frame_sec:  # patches are in no order of time that could be cut off
                valid = torch.ones(len(input_values), device=input_values.device)
            pooled = self.pooling(coarse, valid) if self.pooling is not None else None
            states = {"frame": fine, "clip": pooled}
            heads = [t for t in self.targets if t.level in states]
            out = {t.name: self.heads[t.head](states[t.level]) for t in heads}
        for target in self.written:
            logits, label = out[target.rolls.name], labels.get(target.name)
            out[target.name] = self.write(target, fine, logits, self.max_sec, label) if write else fine
        if not labels:
            return out
        learnt = [t for t in self.targets if t.name in labels and not (self.frozen and t.level in states)]
        losses = [t.weight * t.loss(out[t.name], labels[t.name]) for t in learnt]
        return {"loss": sum(losses), **out}

    def settings(self) -> dict[str, Any]:
        """Everything but the weights, as plain data."""
        return {
            "format": FORMAT, "task": self.task, "max_sec": self.max_sec, "reported": self.reported,
            "targets": [{"kind": t.kind, **vars(t)} for t in self.targets],
            "front_end": self.front_end.settings(), "encoder": self.encoder.settings(),
            "spec_augment": self.spec_augment.masks.model_dump(),
        }  # fmt: skip

    def save_pretrained(
        self, directory: str | Path, state_dict: dict[str, torch.Tensor] | None = None, **ignored: Any
    ) -> None:
        """Write the model into a directory."""
        root = Path(directory)
        state = {name: value.contiguous() for name, value in (state_dict or self.state_dict()).items()}
        weights = save(state, {"format": "pt"})
        write_json(root / CONFIG, self.settings())
        with atomic_file(root / WEIGHTS) as file:
            file.write(weights)
        if isinstance(self.front_end, front_ends.Pretrained):
            self.front_end.extractor.save_pretrained(root)

    @classmethod
    def from_pretrained(
        cls, where: str | Path, revision: str | None = None, token: str | None = None
    ) -> "Model":
        """A saved model.

        Args:
            where: directory of a model, a run or a pipeline, name of one that is shipped (notes, listen), or
                ``org/name`` on the Hub.

        Raises: UsageError when there is none, RunError when it is damaged.
        """
        root = place_of(where)
        root = root if is_directory(root) else _downloaded(str(where), revision, token)
        settings = read_settings(root)
        try:
            if settings["format"] != FORMAT:
                settings["targets"] = [upgraded(target) for target in settings["targets"]]
            extractor = None
            if settings["encoder"]["kind"] == "pretrained":
                from transformers import AutoFeatureExtractor

                extractor = AutoFeatureExtractor.from_pretrained(root)
            front_end = front_ends.build(settings["front_end"], extractor)
            targets = [restored(target) for target in settings["targets"]]

            def build() -> "Model":
                encoder = build_encoder(settings["encoder"], front_end)
                rest = settings["max_sec"], settings["spec_augment"]
                return cls(settings["task"], targets, settings["reported"], front_end, encoder, *rest)

            shapes = shapes_in(root / WEIGHTS)
            layers = settings["encoder"].get("config", {}).get("num_hidden_layers", 0)
            if layers > len(shapes):
                raise ValueError(f"{layers:,} layers, and {len(shapes):,} tensors of weights")
            with torch.device("meta"):  # sizes are compared before there is room made for them
                refuse_misfit(build(), shapes, root / WEIGHTS)
            model = build()
        except _UNUSABLE as error:
            raise RunError(f"{root / CONFIG} can't be used ({type(error).__name__}: {error})") from None
        load_weights(model, root)
        model.place = root
        return model.eval()


def build_encoder(settings: dict[str, Any], front_end: Any) -> nn.Module:
    """An encoder from plain data: sizes of one of ours, or the architecture of a pretrained one."""
    if settings.get("kind") == "pretrained":
        return pretrained.rebuild(settings["config"], settings.get("frames", False))
    sizes = {name: value for name, value in settings.items() if name != "kind"}
    if settings.get("kind") == "cnn":
        return Cnn(CnnConfig(**sizes), front_end.num_features)
    return Compact(CompactConfig(**sizes), front_end.num_features)


def read_settings(root: str | Path) -> dict[str, Any]:
    """``config.json`` of a saved model; a UsageError when there is none, a RunError when it is damaged."""
    path = Path(root) / CONFIG
    try:
        settings = read_json(path)
    except FileNotFoundError:
        problem = f"{root} holds no saved model (no {CONFIG}); give a run's directory or a checkpoint"
        raise UsageError(problem) from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} can't be read ({error})") from None
    if not isinstance(settings, dict) or settings.get("format") not in READ:
        raise UsageError(f"{path} is not of a model that training/train.py saved")
    return settings


def _downloaded(where: str, revision: str | None, token: str | None) -> Path:
    from sousa.builders.hub import remote
    from sousa.builders.release import layout

    if layout.repo_problem(where):
        raise UsageError(
            f"there is no model at {where!r}: give a run's directory, a checkpoint, or org/name on the Hub"
        )
    with remote.hub_errors(where, "loading"):
        wanted = [WEIGHTS, CONFIG, "preprocessor_config.json", "calibration.json"]
        download = remote.client(token).snapshot_download
        return Path(download(where, revision=revision, allow_patterns=wanted))


def load_weights(model: nn.Module, directory: str | Path) -> None:
    """Fill a model with the weights of a directory; a RunError when they are not exactly those it has."""
    path = Path(directory) / WEIGHTS
    try:
        require_small_header(path)
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise RunError(
            f"{path} can't be read ({first_line(error)}); name another checkpoint, or train again"
        ) from None
    refuse_misfit(model, {name: tuple(value.shape) for name, value in state.items()}, path)
    if broken := [name for name, value in state.items() if not value.isfinite().all()]:
        raise RunError(f"{path} has weights that are no numbers ({broken[0]}); name another checkpoint")
    model.load_state_dict(state)


def shapes_in(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of the weights in a file, by name, without reading them; a RunError when it is damaged."""
    try:
        require_small_header(path)
        with safe_open(path, "pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise RunError(
            f"{path} can't be read ({first_line(error)}); name another checkpoint, or train again"
        ) from None


def refuse_misfit(model: nn.Module, shapes: dict[str, tuple[int, ...]], path: Path) -> None:
    """Raise a RunError where the shapes of weights, by name, are not those of a model."""
    own = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    wrong = [f"lacks {name}" for name in own if name not in shapes]
    wrong += [f"has {name}, which the model has not" for name in shapes if name not in own]
    unlike = [name for name, shape in own.items() if shapes.get(name, shape) != shape]
    wrong += [f"has {name} with shape {shapes[name]}, the model {own[name]}" for name in unlike]
    if wrong:
        more = f" ({len(wrong)} such)" if wrong[1:] else ""
        raise RunError(f"{path} does not fit the model: it {wrong[0]}{more}")


def same_weights(model: nn.Module, directory: str | Path) -> bool:
    """Whether each weight of a model is, bit for bit, that of a directory."""
    state = load_file(Path(directory) / WEIGHTS)
    own = model.state_dict()
    return own.keys() == state.keys() and all(torch.equal(own[name].cpu(), state[name]) for name in own)
