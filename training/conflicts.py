"""What does not fit together in the settings of a run.

Conventions: ``settings`` is a :class:`sousa.training.config.Settings`; sentences name the keys.
"""

import os
from collections.abc import Iterator
from typing import Any

from sousa.generation.errors import UsageError, collected, raise_all
from sousa.generation.outside import expanded
from sousa.training.models.cnn import CnnConfig
from sousa.training.models.compact import CompactConfig
from sousa.training.models.pretrained import AstConfig

# which sizes each kind of network has
SIZES = {"compact": CompactConfig, "cnn": CnnConfig, "ast": AstConfig}


def check_data(settings: Any) -> None:
    """Raise a UsageError where data and targets don't fit each other."""
    from sousa.training import corpora as data_sources
    from sousa.training import tasks

    data = settings.data
    if data.live and data.generate is None:
        raise UsageError("data.live needs data.generate, which says what rows to make")
    if data.generate is None and not os.path.exists(expanded(data.path)):
        return  # it is looked at when it is read
    known = data_sources.source_of(data).known
    problems: list[str] = []
    with collected(problems):
        known.filter(data.where)
    task = settings.task or tasks.default_task(known)
    targets = (settings.targets, settings.weights, settings.auxiliary)
    with collected(problems):
        tasks.make_targets(known, task, *targets)
    raise_all(problems)


def _uneven_heads(model: Any) -> Iterator[str]:
    """Sentences about sizes that heads of attention don't divide."""
    if model.kind == "ast" and model.hidden_size % model.heads:
        yield f"model.hidden_size is {model.hidden_size}; give a multiple of its {model.heads} heads"
    if model.kind == "ast" and model.time_stride % 2:
        yield f"model.time_stride is {model.time_stride}; give an even number, for frames of 20 ms"
    name = {"compact": "wide_channels", "cnn": "frame_channels"}.get(model.kind)
    heads = 2 * model.attention_heads
    if name and model.attention_layers and getattr(model, name) % heads:
        sentence = f"with {model.attention_heads} attention heads give a multiple of {heads}"
        yield f"model.{name} is {getattr(model, name)}; {sentence}"


def _decoder_conflicts(settings: Any) -> Iterator[str]:
    decoder = settings.decoder
    if decoder.model_fields_set and not decoder.tokenizer:
        keys = ", ".join(f"decoder.{name}" for name in sorted(decoder.model_fields_set - {"tokenizer"}))
        yield f"{keys or 'decoder'}: there is no decoder; give decoder.tokenizer: quadruples or mt3"
    if decoder.width % decoder.heads:
        yield f"decoder.width is {decoder.width}; with {decoder.heads} heads give a multiple of that"
    if decoder.freeze_encoder and not decoder.encoder:
        yield "decoder.freeze_encoder keeps an encoder that has learnt nothing; name one as decoder.encoder"
    if decoder.encoder:
        for section in ("model", "front_end", "transcription"):
            if getattr(settings, section).model_fields_set - {"kind"}:
                yield f"{section} is that of decoder.encoder; leave one of them out"


def _start_conflicts(settings: Any) -> Iterator[str]:
    if others := sorted(settings.model.model_fields_set - {"start"}):
        yield f"model.{others[0]} is that of model.start; leave one of them out"
    if settings.front_end.model_fields_set - {"kind"}:
        yield "front_end is that of model.start; leave one of them out"
    if settings.decoder.tokenizer:
        yield "model.start has no decoder; give decoder.encoder to put one on what a model hears"


def _spectra_conflicts(settings: Any) -> Iterator[str]:
    data = settings.data
    # of a model to start from the kind is known when it is read
    fits = settings.model.start or settings.model.kind in ("compact", "cnn")
    if settings.spec_augment.colours and not fits:
        yield (
            "spec_augment changes levels of log-mel spectrograms, and this model hears something else; use "
            "masks alone, or augment"
        )
    if not data.spectra:
        return
    if not fits:
        yield "data.spectra keeps log-mel spectrograms, and this model hears something else; leave it out"
    if settings.augment.does_something:
        yield (
            "augment changes waveforms, of which data.spectra keeps spectrograms; use keys of "
            "spec_augment, or leave data.spectra out"
        )
    if data.live:
        yield "data.live makes rows anew each time: data.spectra has nothing to keep; leave one of them out"
    if data.crop == "centre":
        yield "data.crop is centre; with data.spectra give start or random"


def conflicts(settings: Any) -> Iterator[str]:
    """Sentences about settings that do not fit each other."""
    model, train = settings.model, settings.train
    yield from _decoder_conflicts(settings)
    if model.start:
        yield from _start_conflicts(settings)
    elif model.kind == "pretrained":
        if settings.front_end.model_fields_set - {"kind"}:
            yield "front_end is for model.kind: compact; a pretrained model brings its own"
        if not model.path:
            yield "model.path is missing: name a pretrained model, a directory or org/name on the Hub"
    elif model.model_fields_set & {"path", "freeze"}:
        yield "model.path and model.freeze are for kind: pretrained"
    sizes_of: dict[str, Any] = SIZES
    own = sizes_of[model.kind].model_fields if model.kind in SIZES else {}
    for name in sorted(model.model_fields_set - {"kind", "path", "freeze", "start", *own})[:1]:
        kinds = " or ".join(kind for kind, sizes in sizes_of.items() if name in sizes.model_fields)
        yield f"model.{name} is for kind: {kinds}; a {model.kind} model has " + (
            f"{', '.join(own)}" if own else "sizes of its own"
        )
    yield from _uneven_heads(model)
    yield from _spectra_conflicts(settings)
    if model.kind == "ast" and settings.front_end.model_fields_set - {"kind"}:
        yield "front_end is for models of kinds compact and cnn; a spectrogram transformer has its own"
    if train.bf16 and train.fp16:
        yield "train.bf16 and train.fp16 are both true; choose one"
    if train.warmup_ratio is not None and "warmup_steps" in train.model_fields_set:
        yield "train.warmup_ratio and train.warmup_steps both say how long to warm up; leave one out"
