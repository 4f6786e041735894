"""What kind of value each key of a configuration takes, as data, and the check of all of them.

Conventions: a kind is a pair ``(what, fits)``: words for the reader (``a whole number of 1 or more``) and a
function of a value. Keys are full names; ``weights.*`` stands for any key of a section. Keys that are not
listed are checked where they are used.
"""

import math


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def whole(low, high=None):
    """A whole number of a range."""
    what = f"a whole number from {low} to {high}" if high is not None else f"a whole number of {low} or more"
    return what, lambda value: _is_whole(value) and low <= value and (high is None or value <= high)


def number(low=None, high=None, above=None):
    """A number of a range; ``above``: an open lower end."""
    if above is not None:
        what = f"a number above {above:g}"
        return what, lambda value: _is_number(value) and value > above
    if low is None:
        return "a number", _is_number
    what = f"a number from {low:g} to {high:g}" if high is not None else f"a number of {low:g} or more"
    return what, lambda value: _is_number(value) and low <= value and (high is None or value <= high)


TEXT = ("text", lambda value: isinstance(value, str) and value.strip() != "")
FLAG = ("true or false", lambda value: isinstance(value, bool))
KEYS = ("keys with values", lambda value: isinstance(value, dict))
TEXTS = (
    "a list of names",
    lambda value: isinstance(value, (list, str)) and value and all(isinstance(one, str) for one in value),
)
WHOLES = (
    "a list of whole numbers of 1 or more",
    lambda value: isinstance(value, (list, tuple)) and value and all(_is_whole(v) and v >= 1 for v in value),
)
PAIR = (
    "[lowest, highest]",
    lambda value: isinstance(value, (list, tuple)) and len(value) == 2 and all(map(_is_number, value)),
)

KINDS = {
    "task": TEXT, "targets": TEXTS, "output": TEXT, "resume": FLAG, "report": FLAG,
    "seed": whole(0, 2**32 - 1),
    "weights.*": number(0), "auxiliary.*": number(0),
    "data.path": TEXT, "data.generate": KEYS, "data.live": FLAG, "data.name": TEXT, "data.revision": TEXT,
    "data.train": TEXT, "data.validation": TEXT, "data.test": TEXT, "data.where": KEYS,
    "data.max_sec": number(0.1, 600), "data.crop": TEXT,
    "model.kind": TEXT, "model.path": TEXT, "model.freeze": FLAG, "model.channels": whole(1, 8192),
    "model.wide_channels": whole(1, 8192), "model.fine_dilations": WHOLES, "model.dilations": WHOLES,
    "model.attention_layers": whole(0, 64), "model.attention_heads": whole(1, 64),
    "model.dropout": number(0, 0.95),
    "front_end.kind": TEXT, "front_end.sampling_rate": whole(1000, 384_000),
    "front_end.n_fft": whole(16, 65536),
    "front_end.hop_length": whole(1, 65536), "front_end.n_mels": whole(1, 1024),
    "front_end.f_min_hz": number(0), "front_end.f_max_hz": number(above=0),
    "front_end.floor": number(above=0),
    "front_end.mean": number(), "front_end.std": number(above=0),
    "augment.gain_db": number(0, 60), "augment.tilt_db": number(0, 20), "augment.noise_db": PAIR,
    "augment.noise_prob": number(0, 1), "augment.polarity_prob": number(0, 1),
    "spec_augment.time_masks": whole(0, 100), "spec_augment.time_width": whole(0),
    "spec_augment.band_masks": whole(0, 100), "spec_augment.band_width": whole(0),
    "train.num_train_epochs": number(above=0), "train.max_steps": whole(1),
    "train.learning_rate": number(above=0),
    "train.per_device_train_batch_size": whole(1), "train.per_device_eval_batch_size": whole(1),
    "train.gradient_accumulation_steps": whole(1), "train.weight_decay": number(0),
    "train.warmup_steps": number(0), "train.max_grad_norm": number(0), "train.logging_steps": number(above=0),
    "train.eval_steps": number(above=0), "train.dataloader_num_workers": whole(0, 256),
    "train.dataloader_prefetch_factor": whole(1), "train.save_total_limit": whole(1),
    "train.bf16": FLAG, "train.fp16": FLAG, "train.use_cpu": FLAG, "train.disable_tqdm": FLAG,
    "train.push_to_hub": FLAG, "train.hub_model_id": TEXT, "train.load_best_model_at_end": FLAG,
    "train.label_smoothing": number(0, 0.99), "train.cpu_threads": whole(1, 1024),
    "train.early_stopping_patience": whole(1), "train.warmup_ratio": number(0, 0.99),
    "train.ddp_timeout": whole(1), "train.dataloader_persistent_workers": FLAG,
    "train.dataloader_drop_last": FLAG,
}  # fmt: skip


def is_text(key):
    """Whether a key takes text, so that ``--output 123`` is not a number."""
    return KINDS.get(key) is TEXT


def problems(given):
    """What is of the wrong kind in plain data: list of sentences."""
    out = []
    for name, value in given.items():
        entries = (
            {f"{name}.{key}": one for key, one in value.items()} if isinstance(value, dict) else {name: value}
        )
        for key, one in entries.items():
            kind = KINDS.get(key) or KINDS.get(f"{key.partition('.')[0]}.*")
            if kind and one is not None and not kind[1](one):
                out.append(f"{key} is {one!r}; give {kind[0]}")
    return out
