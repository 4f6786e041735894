"""What a pipeline can be told besides the options of its corpus, and where each of it goes.

Conventions: a word has a section and a name in YAML, and flags on the command line. Its value goes to a key
of :class:`sousa.training.config.Settings`, or to what :mod:`sousa.training.pipeline.config` makes of it.
"""

from dataclasses import dataclass
from typing import Any

DATASET, MODEL, TRAINING, EVALUATION = SECTIONS = ("dataset", "model", "training", "evaluation")


@dataclass(frozen=True)
class Word:
    """A word.

    Attributes:
        names: in YAML, in its section; the first one is its own.
        key: where it goes in the settings of training; empty for one that is made something of.
        flags: on the command line.
        constants: flags without a value: what they stand for, and what they do.
        decides: further keys of settings that are made of it.
    """

    section: str
    names: tuple[str, ...]
    about: str
    kind: type = str
    key: str = ""
    flags: tuple[str, ...] = ()
    constants: tuple[tuple[str, Any, str], ...] = ()
    metavar: str = ""
    decides: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """What it may be called in sentences: its place in YAML, and keys of settings that it decides."""
        return tuple(filter(None, (self.name, self.key, *self.decides)))

    @property
    def name(self) -> str:
        """Its place in YAML."""
        return f"{self.section}.{self.names[0]}"


WORDS = (
    Word(MODEL, ("encoder_name", "encoder"), "compact, cnn or ast, or a pretrained model: a directory, or "
         "org/name on the Hub", flags=("--encoder",), metavar="NAME",
         decides=("model.kind", "model.path")),
    Word(MODEL, ("freeze_encoder",), "keep the encoder's weights as they are", bool,
         constants=(("--freeze-encoder", True, "keep the encoder's weights as they are"),
                    ("--no-freeze-encoder", False, "train the encoder too")),
         decides=("model.freeze", "decoder.freeze_encoder")),
    Word(MODEL, ("hidden_size",), "size of the model's hidden states", int, "model.hidden_size",
         ("--hidden-size",), metavar="N"),
    Word(MODEL, ("num_decoder_layers",), "layers of a decoder that writes notes; 0 for none", int,
         flags=("--num-decoder-layers",), metavar="N", decides=("decoder.layers",)),
    Word(MODEL, ("device",), "cuda, cpu or auto (default: auto)", flags=("--device",), metavar="NAME"),
    Word(MODEL, ("n_mels",), "bands of the spectrogram", int, "front_end.n_mels", ("--n-mels",), metavar="N"),
    Word(TRAINING, ("batch_size",), "clips in a batch", int, "train.per_device_train_batch_size",
         ("--batch-size",), metavar="N"),
    Word(TRAINING, ("num_epochs", "epochs"), "passes over the data", int,
         "train.num_train_epochs", ("--epochs",), metavar="N"),
    Word(TRAINING, ("learning_rate", "lr"), "learning rate", float, "train.learning_rate",
         ("--lr", "--learning-rate"), metavar="X"),
    Word(TRAINING, ("warmup_steps",), "steps in which the learning rate rises", int, "train.warmup_steps",
         ("--warmup-steps",), metavar="N"),
    Word(TRAINING, ("use_mixed_precision",), "half precision where there is a GPU (default: true)", bool,
         constants=(("--use-mixed-precision", True, "half precision where there is a GPU: the default"),
                    ("--no-mixed-precision", False, "full precision"))),
    Word(TRAINING, ("gradient_accumulation_steps",), "batches in a step", int,
         "train.gradient_accumulation_steps", ("--gradient-accumulation-steps",), metavar="N"),
    Word(TRAINING, ("early_stopping_patience",), "stop after so many evaluations without a gain", int,
         "train.early_stopping_patience", ("--early-stopping-patience",), metavar="N"),
    Word(TRAINING, ("num_workers",), "processes that read data", int, "train.dataloader_num_workers",
         ("--num-workers",), metavar="N"),
    Word(TRAINING, ("augmentation",), "whether clips are changed while training (default: true)", bool,
         constants=(("--no-augmentation", False, "don't change clips while training"),)),
    Word(EVALUATION, ("enabled",), "whether the test split is reported on (default: true)", bool,
         constants=(("--no-eval", False, "no report at the end"),)),
    Word(EVALUATION, ("onset_tolerance",), "in seconds; each report has a whole sweep of them", float),
    Word(EVALUATION, ("visualizations",), "enabled, and plot_types that are kept", dict,
         constants=(("--no-viz", {"enabled": False}, "no pictures in the report"),)),
)  # fmt: skip
# of the run itself: name in YAML, flags, metavar and what it is
RUN = (
    ("name", ("--name",), "NAME", "name of the run, a folder of the output directory (default: the corpus)"),
    ("output_dir", ("--output-dir", "--output", "-o"), "DIR", "directory of runs (default: output/pipeline)"),
    (
        "checkpoint_dir",
        ("--checkpoint-dir",),
        "DIR",
        "checkpoints and model (default: run, in the folder of the run)",
    ),
    ("log_dir", ("--log-dir",), "DIR", "folder of training.log (default: logs, in the folder of the run)"),
    (
        "recipe",
        ("--recipe",),
        "PATH",
        "settings of training to begin with, or none (default: those of the task)",
    ),
)
PLOTS = {"dashboard": "dashboard.png", "confusion_matrix": ("confusion_", "pitches_"),
         "metrics": "training.png", "velocities": "velocities_"}  # fmt: skip
