"""Bad input to training and evaluation: one clear sentence, a status, nothing half-written."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sousa.training import evaluate, train
from tests.conftest import ROOT
from tests.support.runs import SMALL, start, write


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A dataset, and a model of it."""
    place = tmp_path_factory.mktemp("refusals")
    assert train.main([str(write(place, train={"num_train_epochs": 1}, report=False))]) == 0
    return place


_SIZES = dict.fromkeys(("channels", "wide_channels", "dilations", "fine_dilations"))
PRETRAINED = {"model": {"kind": "pretrained", **_SIZES}, "front_end": None}
CASES = {
    "wrong task": ({"task": "rudimant"}, (), "unknown task 'rudimant' (did you mean rudiment?)"),
    "wrong target": ({"targets": ["skil_tier"]}, (), "unknown target 'skil_tier' (did you mean skill_tier?)"),
    "typo of a key": ({"tarin": {}}, (), "unknown key 'tarin' (did you mean train?)"),
    "key in the wrong place": ({"learning_rate": 1}, (), "it belongs under train"),
    "typo in a section": ({"train": {"learning_rte": 1}}, (), "unknown key 'learning_rte'"),
    "typo on the command line": ({}, ("--learning_rte", "1"), "--learning_rte is not known (did you mean"),
    "ambiguous on the command line": ({}, ("--kind", "compact"), "--kind is model.kind or front_end.kind"),
    "no value": ({}, ("--seed",), "--seed has no value"),
    "no option": ({}, ("seed",), "'seed' is no option"),
    "wrong generate": ({"data": {"generate": {"profils": 2}}}, (), "unknown key 'profils' (did you mean"),
    "wrong filter": ({"data": {"where": {"tiers": ["expert"]}}}, (), "'expert'"),
    "empty filter": ({"data": {"where": {"tempo_bpm": [500, 600]}}}, (), "no row of split train is left"),
    "missing split": ({"data": {"validation": "dev"}}, (), "has no split 'dev'"),
    "wrong model": (
        {"model": {"kind": "big"}}, (), "model.kind is 'big'; choose from compact, cnn, ast, pretrained"
    ),
    "no path of a model": (PRETRAINED, (), "model.path is missing"),
    "no such pretrained model": (
        {**PRETRAINED, "model": {**PRETRAINED["model"], "path": "nowhere/nothing"}}, (),
        "nowhere/nothing can't be loaded",
    ),
    "wrong weights": (
        {"train": {"class_weights": "even"}}, (), "train.class_weights is 'even'; choose from balanced"
    ),
    "wrong warm-up": ({"train": {"warmup_ratio": 2}}, (), "train.warmup_ratio is 2"),
    "push without a name": ({"train": {"push_to_hub": True}}, (), "push_to_hub needs train.hub_model_id"),
    "another dataset there": (
        {"data": {"generate": {"profiles": 4}}}, (), "holds another dataset than data.generate asks for"
    ),
    "a token": ({"train": {"hub_token": "hf_x"}}, (), "unknown key 'hub_token'"),
    "no way to resume": ({"train": {"save_only_model": True}}, (), "unknown key 'save_only_model'"),
    "text for a number": ({"train": {"learning_rate": "abc"}}, (), "train.learning_rate is 'abc'; give a"),
    "not a number": ({"train": {"weight_decay": float("nan")}}, (), "train.weight_decay is nan; give a"),
    "half a row": ({"train": {"per_device_train_batch_size": 1.5}}, (), "give a whole number of 1 or more"),
    "number for text": ({"data": {"crop": 5}}, (), "data.crop is 5; choose from start, random, centre"),
    "seed": ({"seed": -1}, (), "seed is -1; give a whole number from 0"),
    "text for a flag": ({"resume": "no thanks"}, (), "resume is 'no thanks'; give true or false"),
    "one for a list": ({"model": {"dilations": 3}}, (), "model.dilations is 3; give a list"),
    "list for keys": ({"data": {"generate": [1]}}, (), "data.generate is a list; give a mapping of keys"),
    "a section as a value": ({}, ("--train", "5"), "--train is '5'; give one of its keys"),
    "negative weight": ({"weights": {"rudiment_slug": -1}}, (), "weights.rudiment_slug is -1; give a"),
    "named twice": ({"targets": ["skill_tier", "skill_tier"]}, (), "skill_tier is named twice"),
    "unknown scheduler": ({"train": {"lr_scheduler_type": "x"}}, (), "train: x is not a valid SchedulerType"),
    "scheduler without its arguments": (
        {"train": {"lr_scheduler_type": "cosine_with_min_lr"}}, (), "train: One of min_lr"
    ),
    "masks": ({"spec_augment": {"band_masks": -1}}, (), "spec_augment.band_masks is -1; give a whole"),
    "bands": ({"front_end": {"f_max_hz": 40000}}, (), "mel bands from 30 to 40000 Hz"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_request_is_one_sentence_and_leaves_nothing(data, tmp_path, case, capsys):
    changes, arguments, sentence = CASES[case]
    changes = dict(changes)
    given = dict(changes.pop("data", {}))
    if not {"generate"} <= given.keys():
        given["generate"] = SMALL["data"]["generate"]
    path = write(tmp_path, data={"path": str(data / "data"), **given}, **changes)
    assert train.main([str(path), *arguments]) == 2
    said = capsys.readouterr().err
    assert sentence in said and "Traceback" not in said and len(said.strip().splitlines()) == 1, said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("there", ["file", "other", "dataset"])
def test_an_output_that_is_something_else_is_left_alone(data, tmp_path, there, capsys):
    output = tmp_path / "run"
    if there == "file":
        output.write_text("mine")
    elif there == "other":
        (output / "checkpoint-7").mkdir(parents=True)
        (output / "checkpoint-7" / "notes").write_text("mine")
    else:
        shutil.copytree(data / "data", output)
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    path = write(tmp_path, data={"path": str(data / "data")})
    assert train.main([str(path)]) == 2
    assert "choose another directory" in capsys.readouterr().err
    assert sorted(str(one) for one in tmp_path.rglob("*") if one != path) == before


def test_all_problems_are_reported_together(tmp_path, capsys):
    path = write(tmp_path, task="rudimant", model={"kind": "big"}, train={"warmup_ratio": 3})
    assert train.main([str(path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("3 problems:") and all(
        word in said for word in ("rudimant", "big", "warmup_ratio")
    )


def test_sections_are_models_of_the_settings_and_stored_as_they_were_written(tmp_path):
    from sousa.training import config

    text = {"learning_rate": "1e-3", "num_train_epochs": None}
    changes = {"front_end": None, "augment": {"gain_db": None}, "model": {"dropout": "5e-1"}}
    path = write(tmp_path, train=text, weights={"skill_tier": "2"}, targets="skill_tier", **changes)
    settings = config.read(path, ["--model.wide_channels", "null"])
    assert isinstance(settings.train, config.TrainSettings) and isinstance(
        settings.model, config.CompactConfig
    )
    assert (settings.train.learning_rate, settings.train.num_train_epochs) == (1e-3, 5)
    assert (settings.model.dropout, settings.model.wide_channels, settings.model.channels) == (0.5, 160, 8)
    stored = settings.model_dump()
    assert (
        stored["front_end"] == {"kind": "log_mel"}
        and stored["augment"] == {}
        and "wide_channels" not in stored["model"]
    )
    assert stored["weights"] == {"skill_tier": 2.0} and stored["targets"] == ["skill_tier"]


def test_problems_of_every_section_are_reported_together_and_once(tmp_path, capsys):
    path = write(
        tmp_path, model={"kind": "big", "path": "x"}, front_end={"f_max_hz": 90000},
        weights={"x": True, "y": -1}, train={"learning_rate": 0, "fp16": True, "bf16": True},
        spec_augment=5, augment={"noise_db": [1]}, data={"crop": 1, "live": "x"}, zeal=1, crop="start",
    )  # fmt: skip
    assert train.main([str(path)]) == 2
    said = sorted(line.strip("- ") for line in capsys.readouterr().err.strip().splitlines()[1:])
    assert [line.partition(";")[0] for line in said] == [
        "augment.noise_db is a list",
        "data.crop is 1",
        "data.live is 'x'",
        "mel bands from 30 to 90000 Hz at 44100 Hz",
        "model.kind is 'big'",
        "spec_augment is 5",
        "train.learning_rate is 0",
        "unknown key 'crop'",
        "unknown key 'zeal'",
        "weights.x is true",
        "weights.y is -1",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"), [("a: [", "is not YAML"), ("- 1", "holds list"), (None, "can't be read")]
)
def test_files_that_hold_no_settings(tmp_path, text, sentence, capsys):
    path = tmp_path / "x.yaml"
    if text is not None:
        path.write_text(text)
    assert train.main([str(path)]) == 2
    assert sentence in capsys.readouterr().err


def test_a_launched_run_ends_with_the_sentence_too(tmp_path):
    process = start(write(tmp_path, task="rudimant"))
    text, _ = process.communicate(timeout=600)
    assert process.returncode != 0 and "unknown task 'rudimant'" in text


def test_a_damaged_clip_ends_training_with_one_sentence(data, tmp_path, capsys):
    from sousa.builders.row_index import byte_ranges

    copy = shutil.copytree(data / "data", tmp_path / "data")
    file = sorted(copy.glob("data/train/*.parquet"))[0]
    offsets, lengths = byte_ranges(file)
    content = bytearray(file.read_bytes())
    for offset, length in zip(offsets, lengths, strict=True):
        content[offset : offset + length] = bytes(int(length))
    file.write_bytes(content)
    for workers in (0, 1):
        more = {"train": {"dataloader_num_workers": workers}, "output": f"run{workers}"}
        path = write(tmp_path, data={"path": str(copy), "generate": None}, **more)
        assert train.main([str(path)]) == 1
        said = capsys.readouterr().err.strip().splitlines()[-1]
        assert said.startswith("row ") and file.name in said and "can't be decoded" in said


MODEL_CASES = {
    "no model": (["{tmp}/nothing"], "there is no model at"),
    "an empty directory": (["{tmp}"], "holds no saved model (no config.json)"),
    "another task": (["{run}", "--task", "strokes"], "is a model of task rudiment, not strokes"),
    "missing split": (["{run}", "--split", "tets"], "has no split 'tets' (did you mean test?)"),
    "no dataset": (["{run}", "--data", "{tmp}/nix"], "neither a directory or Parquet file"),
    "wrong filter": (["{run}", "--where", "{{tier: [x]}}"], "tier"),
    "no YAML": (["{run}", "--where", "[a"], "a filter can't be read as YAML"),
}


@pytest.mark.parametrize("case", MODEL_CASES)
def test_a_wrong_evaluation_is_one_sentence(data, tmp_path, case, capsys):
    arguments, sentence = MODEL_CASES[case]
    arguments = [one.format(tmp=tmp_path, run=data / "run") for one in arguments]
    assert evaluate.main([*arguments, "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert sentence in said and "Traceback" not in said and not (tmp_path / "out").exists()


def test_a_model_of_something_else_is_refused(tmp_path, capsys):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    assert evaluate.main([str(tmp_path), "--data", "x"]) == 2
    assert "is not of a model that training/train.py saved" in capsys.readouterr().err


def test_help_says_of_every_key_what_it_means_its_default_and_its_limits(capsys):
    from sousa.training import config

    assert train.main(["--help"]) == 0
    said = capsys.readouterr().out.partition("Keys")[2].splitlines()[1:]
    keys = [line.strip().removeprefix("--").removesuffix(".TARGET") for line in said[::2]]
    open_ones = ("weights", "auxiliary")
    assert keys == [key for key in config.known_keys() if key not in config.SECTIONS or key in open_ones]
    about = dict(zip(keys, said[1::2], strict=True))
    assert all(text.startswith("      ") and text.strip() for text in about.values())
    for key, text in {
        "data.max_sec": "clips are cut and padded to it, seconds (from 0.1 to 600; default: 7.0)",
        "train.learning_rate": "The initial learning rate for the optimizer (above 0; default: 0.002)",
        "train.class_weights": "balanced: rare classes weigh more in the loss",
        "model.dilations": "of the convolutions over coarse frames, one each (default: 1, 2, 4, 8, 16, 1)",
        "report": "evaluate the test split at the end (default: true)",
    }.items():
        assert about[key].strip() == text


@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_programs_are_run_by_file_or_by_module(name, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for how in ([str(ROOT / "training" / f"{name}.py")], ["-m", f"sousa.training.{name}"]):
        done = subprocess.run(
            [sys.executable, *how, "--help"], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0 and "--data" in done.stdout, done.stderr


def test_every_configuration_in_the_repository_is_valid():
    from sousa.training import config

    found = sorted(Path(config.__file__).parent.glob("configs/*.yaml"))
    assert found
    for path in found:
        settings = config.read(path)
        assert yaml.safe_load(yaml.safe_dump(settings.model_dump()))["task"] == settings.task
