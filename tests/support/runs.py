"""What tests of training share: a dataset of fifteen rows, a network that trains in seconds, runs of it."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

from tests.conftest import ROOT

GENERATE = {"profiles": 5, "tempos": 1, "augmentations": 1,
            "rudiments": ["flam", "five_stroke_roll", "multiple_bounce_roll"],
            "duration_sec": 1.5}  # fmt: skip
SMALL = {
    "task": "rudiment", "auxiliary": {"strokes": 0.3},
    "data": {"path": "data", "generate": GENERATE, "max_sec": 2.0, "crop": "random"},
    "model": {"channels": 8, "wide_channels": 8, "dilations": [1, 2], "fine_dilations": [1]},
    "front_end": {"n_mels": 16, "hop_length": 441}, "augment": {"gain_db": 3.0},
    "spec_augment": {"band_masks": 1, "band_width": 4},
    "train": {"per_device_train_batch_size": 2, "num_train_epochs": 3, "logging_steps": 1, "use_cpu": True,
              "disable_tqdm": True, "save_total_limit": 20},
    "output": "run",
}  # fmt: skip


def merged(base, changes):
    """Settings with others over them."""
    out = copy.deepcopy(base)
    for name, value in changes.items():
        out[name] = (
            merged(out[name], value) if isinstance(value, dict) and isinstance(out.get(name), dict) else value
        )
    return out


def write(place, **changes):
    """A configuration file in a directory; paths in it are made absolute there."""
    settings = merged(SMALL, changes)
    settings["output"] = str(Path(place) / settings["output"])
    if not Path(settings["data"]["path"]).is_absolute() and "/" not in settings["data"]["path"]:
        settings["data"]["path"] = str(Path(place) / settings["data"]["path"])
    path = Path(place) / "settings.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def start(*arguments, processes=1, **environment):
    """Start ``accelerate launch training/train.py`` as a user would."""
    # several processes on a CPU: accelerate's own way needs MPI, that of several GPUs works without any
    how = ["--multi_gpu", "--main_process_port", str(_port())] if processes > 1 else ["--cpu"]
    how += ["--num_machines", "1", "--num_processes", str(processes), "--mixed_precision", "no"]
    launch = [sys.executable, "-m", "accelerate.commands.launch", *how, "--dynamo_backend", "no"]
    environment = {"PYTHONPATH": str(ROOT), "ACCELERATE_USE_CPU": "true", **environment}
    return subprocess.Popen(
        [*launch, str(ROOT / "training" / "train.py"), *map(str, arguments)], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **environment},
        start_new_session=True,
    )  # fmt: skip


def _port():
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def losses(run):
    """Losses of a run by step, and its evaluations: from the history of its last checkpoint."""
    history = json.loads((Path(run) / "history.json").read_text())
    steps = {one["step"]: one["loss"] for one in history if "loss" in one}
    return steps, [one for one in history if "eval_main" in one]
