"""Packages that only some commands need, and what to say where they are not installed."""

from pathlib import Path

from sousa.generation.errors import UsageError, first_line
from sousa.generation.text import shell

# modules of each extra of pyproject.toml
EXTRAS = {
    "training": (
        "accelerate", "evaluate", "mir_eval", "safetensors", "sklearn", "soxr", "tensorboard", "torch",
        "torchaudio", "transformers",
    ),
    "rooms": ("pyroomacoustics",),
    "scores": ("music21",),
    "lora": ("peft",),
    "hdf5": ("h5py",),
    "space": ("gradio",),
    "tensorflow": ("tensorflow",),
    "ray": ("ray",),
    "slurm": ("submitit",),
}  # fmt: skip


class MissingPackageError(UsageError, ImportError):
    """A package that only some commands need is not installed."""


def extra_of(module: str | None) -> str | None:
    """The extra that brings a module, or None."""
    package = (module or "").partition(".")[0]
    return next((extra for extra, modules in EXTRAS.items() if package in modules), None)


def how_to_install(extra: str) -> str:
    """The command that installs an extra here: of a clone where this is one, else of the package."""
    root = Path(__file__).parents[1]
    if (root / "pyproject.toml").is_file():
        return f"pip install -e {shell(f'{root}[{extra}]')}"
    return f"pip install 'sousa[{extra}]'"


def missing(what: str, error: ImportError) -> MissingPackageError:
    """What to raise where something could not be imported.

    Args:
        what: needs it, as the subject of a sentence.

    Raises: the error itself, where none of EXTRAS is missing.
    """
    extra = extra_of(error.name)
    if extra is None or error.name is None:
        raise error
    package = error.name.partition(".")[0]
    is_absent = isinstance(error, (ModuleNotFoundError, MissingPackageError))
    broken = "" if is_absent else f" that works ({first_line(error)})"
    sentence = f"{what} needs {package}{broken}; install it with: {how_to_install(extra)}"
    problem = MissingPackageError(sentence)
    problem.name = error.name
    return problem


def stop(program: str, error: ImportError, module: str) -> SystemExit | MissingPackageError:
    """What to raise in a program that needs more packages: one sentence, or the error where it is imported.

    Args:
        program: its path in the repository.
        module: ``__name__`` there.
    """
    problem = missing(program, error)
    return SystemExit(str(problem)) if module == "__main__" else problem
