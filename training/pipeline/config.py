"""What a pipeline is to do: from a YAML file, with the command line over it, over defaults.

Conventions: sections of the file are those of :mod:`sousa.training.pipeline.words`; ``dataset`` has the
options of the corpus as well, ``training`` the keys of ``train`` of
:class:`sousa.training.config.Settings`, and ``model`` those of its ``model``. Other sections of Settings
may stand beside them. All problems are reported together, and unknown keys are named.
"""

import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sousa.generation import corpora
from sousa.generation.columns import Notes, having
from sousa.generation.errors import collected, one_of, raise_all
from sousa.generation.options import Options
from sousa.generation.outside import expanded, is_file
from sousa.generation.storage import output_path
from sousa.training import config as training
from sousa.training.config import SIZES, Settings
from sousa.training.metrics.note_metrics import SWEEP_MS
from sousa.training.pipeline import words
from sousa.training.pipeline.words import DATASET, EVALUATION, MODEL, PLOTS, RUN, TRAINING, WORDS

_CONFIGS = Path(training.__file__).parent / "configs"
_NOTES_RECIPE, NO_RECIPE = "notes_small.yaml", "none"


@dataclass
class PipelineConfig:
    """What a pipeline is to do.

    Attributes:
        corpus: name of the corpus.
        options: of the corpus.
        settings: of training; where data and output are is decided by the run.
        plots: pictures that are kept of a report, names of PLOTS; None for all.
        evaluate: whether the test split is reported on.
        resume: whether to go on with the run that is there.
        eval_only: only evaluate, ``model_path`` or the run's own model.
        written: keys of settings, and places in YAML, by what the user wrote in their place.
    """

    corpus: str
    options: Options
    settings: Settings
    name: str
    output_dir: str = "output/pipeline"
    checkpoint_dir: str | None = None
    log_dir: str | None = None
    evaluate: bool = True
    plots: tuple[str, ...] | None = None
    device: str = "auto"
    resume: bool = False
    checkpoint: str | None = None
    eval_only: bool = False
    model_path: str | None = None
    files: bool = False
    asked: dict[str, Any] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """Directory of the run."""
        return Path(expanded(self.output_dir)) / self.name

    @property
    def run(self) -> Path:
        """Where training writes."""
        return Path(expanded(self.checkpoint_dir)) if self.checkpoint_dir else self.root / "run"

    @property
    def logs(self) -> Path:
        """Where training.log is."""
        return Path(expanded(self.log_dir)) if self.log_dir else self.root / "logs"

    @property
    def data(self) -> Path:
        """Where the dataset is."""
        return self.root / "data"

    @classmethod
    def of(cls, corpus: str, config: str | Path | None = None, **values: Any) -> "PipelineConfig":
        """A config by keywords named as flags are, ``num_decoder_layers=4``, over those of a YAML file.

        Raises: UsageError with every problem.
        """
        return read(corpus, config, values)


def read(
    corpus: str,
    path: str | Path | None = None,
    values: Mapping[str, Any] | None = None,
    arguments: Iterable[str] = (),
    surface: str = "python",
) -> PipelineConfig:
    """A config.

    Args:
        path: of a YAML file.
        values: by name, over those of the file: options of the corpus, words, and attributes of the run.
        arguments: ``--key value`` of settings of training, over both.
        surface: as of :meth:`sousa.generation.options.Options.read`.

    Raises: UsageError with every problem.
    """
    known, problems = corpora.get(corpus), []
    data = training.keys_of(path) if path is not None else {}
    if (stated := data.pop("corpus", corpus)) != corpus:
        problems.append(f"{path} is for corpus {stated!r}, and the command names {corpus}; name one of them")
    written = _written(known.Options, data, dict(values or {}), surface)
    asked = _sorted(known.Options, data, dict(values or {}), problems)
    settings, pictures = _settings_data(asked, known, problems)
    options: Any = None
    with collected(problems):
        options = known.Options.read(asked[DATASET], surface)
    checked: Any = None
    if options is not None:
        data_of = {"path": "data", "generate": {"corpus": corpus, **options.plain()}}
        settings["data"] = {**settings.get("data", {}), **data_of}
        settings.setdefault("seed", getattr(options, "seed", 0) % 2**32)
    with collected(problems):
        checked = training.checked(settings, arguments)
    run = asked["run"]
    called = partial(_flag_of, surface=surface)
    with collected(problems):
        for name in ("output_dir", "checkpoint_dir", "log_dir"):
            if run.get(name) is not None:
                output_path(run[name], called(name))
    name = run.get("name") or corpus
    if not isinstance(name, str) or "/" in name or name.startswith("."):
        problems.append(f"{called('name')} is {name!r}; give the name of a folder")
    if run.get("eval_only") and not asked[EVALUATION].get("enabled", True):
        off = written.get("evaluation.enabled", "evaluation.enabled")
        problems.append(f"{called('eval_only')} and {off} contradict each other; leave one of them out")
    if run.get("model_path") and not run.get("eval_only"):
        problems.append(
            f"{called('model_path')} is for {called('eval_only')}; give both, or name it as "
            f"{called('encoder')} to go on from it"
        )
    raise_all(_in_words(problems, written))
    attributes = {
        key: value for key, value in run.items() if key not in ("recipe", "name") and value is not None
    }
    return PipelineConfig(
        corpus, options, checked, name, evaluate=asked[EVALUATION].get("enabled", True), plots=pictures,
        device=asked[MODEL].get("device", "auto"), asked=asked, written=written, **attributes,
    )  # fmt: skip


def _flag_of(name: str, surface: str) -> str:
    """What an attribute of the run is called where it is written."""
    return f"--{name.replace('_', '-')}" if surface == "command" else name


def _written(
    options: type[Options], data: Mapping[str, Any], values: Mapping[str, Any], surface: str
) -> dict[str, str]:
    """What the user wrote in place of each key of settings, and of each place in YAML."""
    out: dict[str, str] = {}
    names = {(word.section, name): word for word in WORDS for name in word.names}
    targets = {MODEL: "model", TRAINING: "train"}
    for section, inner in data.items():
        for name in inner if section in words.SECTIONS and isinstance(inner, dict) else ():
            if word := names.get((section, name)):
                out |= dict.fromkeys(word.keys, f"{section}.{name}")
            elif section in targets:
                out[f"{targets[section]}.{name}"] = f"{section}.{name}"
            elif section == DATASET and (own := options.names().get(name)) not in (None, *values):
                out[options.word(own, surface)] = f"{section}.{name}"
    by_name = {name: word for word in WORDS for name in word.names}
    by_name |= {flag.lstrip("-").replace("-", "_"): word for word in WORDS for flag in word.flags}
    for name, value in values.items():
        if value is not None and name not in options.names() and (word := by_name.get(name)):
            flags = [*word.flags, *(flag for flag, constant, _ in word.constants if constant == value)]
            out |= dict.fromkeys(word.keys, flags[0] if surface == "command" and flags else name)
    return out


def _in_words(problems: Iterable[str], written: Mapping[str, str]) -> list[str]:
    """Problems in the words of the user, each once."""
    known = "|".join(map(re.escape, sorted(written, key=len, reverse=True)))
    if not known:
        return list(dict.fromkeys(problems))
    pattern = re.compile(rf"(?<![\w.-])({known})(?![\w-]|\.\w)")
    return list(dict.fromkeys(pattern.sub(lambda key: written[key[0]], text) for text in problems))


_RUN = (*(name for name, *_ in RUN), "resume", "checkpoint", "eval_only", "model_path", "files")


def _sorted(
    options: type[Options], data: dict[str, Any], values: dict[str, Any], problems: list[str]
) -> dict[str, dict[str, Any]]:
    """What was asked for by section, values over the file; ``run`` and ``settings`` hold the rest."""
    out: dict[str, dict[str, Any]] = {name: {} for name in (*words.SECTIONS, "run", "settings")}
    names = {(word.section, name): word for word in WORDS for name in word.names}
    flags = {flag.lstrip("-").replace("-", "_"): word for word in WORDS for flag in word.flags}
    flags |= {name: word for word in WORDS for name in word.names}
    keys = {DATASET: options.names(), MODEL: training.SECTIONS["model"].model_fields,
            TRAINING: training.SECTIONS["train"].model_fields, EVALUATION: {}}  # fmt: skip
    for section, inner in data.items():
        if section in _RUN:
            out["run"][section] = inner
        elif section == "seed":
            out[DATASET][section] = inner
        elif section not in words.SECTIONS:
            known = [*words.SECTIONS, *_RUN, "seed", *training.SECTIONS]
            if section in training.Settings.model_fields:
                out["settings"][section] = inner
            else:
                problems.append(f"unknown key {one_of(section, known)}")
        elif not isinstance(inner, dict):
            problems.append(f"{section} is {inner!r}; give keys with values")
        else:
            for name, value in inner.items():
                if (word := names.get((section, name))) is not None:
                    out[section][word.names[0]] = value
                elif name in keys[section] or (section == DATASET and name == "synthesize_audio"):
                    out[section][name] = value
                else:
                    own = [key for place, key in names if place == section]
                    problems.append(f"unknown key {section}.{one_of(str(name), [*own, *keys[section]])}")
    for name, value in values.items():
        if value is None:
            continue
        word = flags.get(name)
        if name in _RUN:
            out["run"][name] = value
        elif name in keys[DATASET]:
            out[DATASET] = {
                k: v for k, v in out[DATASET].items() if keys[DATASET].get(k) != keys[DATASET][name]
            }
            out[DATASET][name] = value
        elif word is not None:
            old = out[word.section].get(word.names[0])
            both = isinstance(value, dict) and isinstance(old, dict)
            out[word.section][word.names[0]] = {**old, **value} if both else value
        else:
            problems.append(f"unknown key {one_of(name, [*flags, *keys[DATASET], *_RUN])}")
    return out


def _settings_data(
    asked: dict[str, dict[str, Any]], corpus: Any, problems: list[str]
) -> tuple[dict[str, Any], tuple[str, ...] | None]:
    """Plain data of the settings of training, and the pictures that are kept."""
    data = _recipe(asked["run"].get("recipe"), corpus, problems)
    for section, inner in asked["settings"].items():
        both = isinstance(inner, dict) and isinstance(data.get(section), dict)
        data[section] = {**data[section], **inner} if both else inner
    if (heard := asked[DATASET].pop("synthesize_audio", None)) not in (None, True):
        problems.append(f"dataset.synthesize_audio is {heard!r}; models hear audio, so leave it out")
    _make_way(data, asked)
    by_name = {word.name: word for word in WORDS}
    for section in (MODEL, TRAINING):
        target = "model" if section == MODEL else "train"
        for name, value in asked[section].items():
            word = by_name.get(f"{section}.{name}")
            if word is None or word.key:
                _put(data, word.key if word else f"{target}.{name}", value)
    _encoder(data, asked[MODEL], problems)
    own_front_end = data.get("model", {}).get("kind") in ("ast", "pretrained")
    rate = asked[DATASET].get("sample_rate")
    if rate and not own_front_end and "sampling_rate" not in asked["settings"].get("front_end", {}):
        _put(data, "front_end.sampling_rate", rate)
    _precision(data, asked[TRAINING], problems)
    if asked[TRAINING].get("augmentation") is False:
        data.pop("augment", None)
        data.pop("spec_augment", None)
    elif asked[TRAINING].get("augmentation") not in (None, True):
        problems.append(f"training.augmentation is {asked[TRAINING]['augmentation']!r}; give true or false")
    return data, _pictures(asked[EVALUATION], problems)


def _recipe(path: Any, corpus: Any, problems: list[str]) -> dict[str, Any]:
    """Settings to begin with, without those that a run decides."""
    if path is None:
        has_notes = having(corpus.columns(), Notes)
        path = _CONFIGS / _NOTES_RECIPE if has_notes and is_file(_CONFIGS / _NOTES_RECIPE) else None
    data: dict[str, Any] = {}
    if path not in (None, NO_RECIPE):
        with collected(problems):
            data = deepcopy(training.keys_of(path))
    data.pop("output", None)
    if isinstance(data.get("data"), dict):
        data["data"] = {
            k: v for k, v in data["data"].items() if k not in ("path", "generate", "name", "revision")
        }
    return data


def _make_way(data: dict[str, Any], asked: dict[str, dict[str, Any]]) -> None:
    """Take out of a recipe what would go before what was asked for: its steps before epochs, and the like."""
    train, keys = data.get("train", {}), {*asked[TRAINING], *asked["settings"].get("train", {})}
    # one learning rate that is asked for is that of all weights
    instead = {"num_epochs": ("max_steps", "eval_steps"), "warmup_steps": ("warmup_ratio",),
               "learning_rate": ("muon_lr",)}  # fmt: skip
    for name, others in instead.items():
        if name in keys:
            data["train"] = train = {k: v for k, v in train.items() if k not in others or k in keys}


def _put(data: dict[str, Any], key: str, value: Any) -> None:
    section, _, name = key.partition(".")
    data[section] = {**data.get(section, {}), name: value}


def _encoder(data: dict[str, Any], asked: dict[str, Any], problems: list[str]) -> None:
    """The encoder, a decoder over it, and what of them is kept as it is."""
    name, freeze = asked.get("encoder_name"), asked.get("freeze_encoder")
    if name is not None:
        # sizes of the recipe's encoder are not those of another one
        own = {key: value for key, value in asked.items() if key == "hidden_size"}
        data["model"] = (
            {"kind": name, **own} if name in SIZES else {"kind": "pretrained", "path": name, **own}
        )
        if name not in SIZES:  # what has been learnt is kept by small steps
            data["train"] = {k: v for k, v in data.get("train", {}).items() if k != "muon_lr"}
        if name not in SIZES or name == "ast":
            rate = data.pop("front_end", {})
            data |= {"front_end": rate} if "n_mels" in asked else {}
    layers = asked.get("num_decoder_layers")
    if layers not in (None, 0):
        _put(data, "decoder.layers", layers)
        data["decoder"].setdefault("tokenizer", "quadruples")
    elif layers == 0:
        data.pop("decoder", None)
    if freeze is None:
        return
    if not isinstance(freeze, bool):
        problems.append(f"model.freeze_encoder is {freeze!r}; give true or false")
    elif (data.get("decoder") or {}).get("encoder"):
        _put(data, "decoder.freeze_encoder", freeze)
    elif (data.get("model") or {}).get("kind") == "pretrained":
        _put(data, "model.freeze", freeze)
    elif freeze:
        problems.append(
            "model.freeze_encoder needs an encoder that has learnt: name a pretrained one as encoder, or a "
            "run by decoder.encoder"
        )


def _precision(data: dict[str, Any], asked: dict[str, Any], problems: list[str]) -> None:
    half = asked.get("use_mixed_precision", True)
    if not isinstance(half, bool):
        problems.append(f"training.use_mixed_precision is {half!r}; give true or false")
        return
    if not half:
        for name in ("bf16", "fp16"):
            _put(data, f"train.{name}", False)
    elif not {"bf16", "fp16"} & set(data.get("train", {})):
        import torch

        if torch.cuda.is_available():
            _put(data, "train.bf16", True)


def _pictures(asked: dict[str, Any], problems: list[str]) -> tuple[str, ...] | None:
    """Pictures of a report that are kept, names of PLOTS; None for all."""
    if not isinstance(asked.get("enabled", True), bool):
        problems.append(f"evaluation.enabled is {asked['enabled']!r}; give true or false")
    tolerance = asked.get("onset_tolerance", 0.05)
    known = [ms / 1000 for ms in SWEEP_MS]
    if tolerance not in known:
        choices = ", ".join(map(str, known))
        problems.append(f"evaluation.onset_tolerance is {tolerance!r}; reports have {choices} s, all of them")
    view = asked.get("visualizations", {})
    if not isinstance(view, dict) or set(view) - {"enabled", "plot_types"}:
        problems.append(f"evaluation.visualizations is {view!r}; give enabled and plot_types")
        return None
    kinds = view.get("plot_types")
    if not view.get("enabled", True):
        return ()
    if kinds is None:
        return None
    problems += [
        f"evaluation.visualizations.plot_types: {one_of(kind, PLOTS)}" for kind in kinds if kind not in PLOTS
    ]
    return tuple(kinds)


def device_problem(device: str, name: str = "device") -> str:
    """Why a device can't be used, or an empty text; ``name``: what the user calls it."""
    import torch

    if device not in ("auto", "cpu", "cuda"):
        return f"{name} is {one_of(device, ('auto', 'cpu', 'cuda'))}"
    if device == "cuda" and not torch.cuda.is_available():
        return f"{name} is cuda, and there is no GPU here that torch can use; give cpu or auto"
    return ""
