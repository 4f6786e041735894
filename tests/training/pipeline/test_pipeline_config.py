"""What a pipeline is told reaches data and training: every flag, YAML below it, defaults below that."""

import pytest
import yaml

from sousa.generation.errors import UsageError
from sousa.training.pipeline import PipelineConfig
from sousa.training.pipeline.config import read
from sousa.training.pipeline.running import resolved


def of(**values):
    return PipelineConfig.of("piano", **values)


OPTIONS = {
    "samples": (7, "samples", 7),
    "complexity": ("complex", "complexity", ["complex"]),
    "min_notes": (11, "min_notes", 11),
    "max_notes": (40, "max_notes", 40),
    "min_duration": (5.0, "min_duration_sec", 5.0),
    "max_duration": (12.0, "max_duration_sec", 12.0),
    "key_signatures": (["C", "a"], "keys", ["C major", "A minor"]),
    "time_signatures": (["3/4"], "metres", ["3/4"]),
    "sample_rate": (22050, "sample_rate", 22050),
    "seed": (9, "seed", 9),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_of_the_data_reach_the_corpus(name):
    value, own, wanted = OPTIONS[name]
    config = of(**{name: value})
    assert getattr(config.options, own) == wanted
    assert config.settings.data.generate[own] == wanted and config.settings.data.generate["corpus"] == "piano"


SETTINGS = {
    "n_mels": (96, "front_end", "n_mels"),
    "batch_size": (3, "train", "per_device_train_batch_size"),
    "epochs": (4, "train", "num_train_epochs"),
    "lr": (0.5e-3, "train", "learning_rate"),
    "warmup_steps": (17, "train", "warmup_steps"),
    "num_workers": (2, "train", "dataloader_num_workers"),
    "gradient_accumulation_steps": (4, "train", "gradient_accumulation_steps"),
    "early_stopping_patience": (6, "train", "early_stopping_patience"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_words_of_training_reach_its_settings(name):
    value, section, key = SETTINGS[name]
    assert getattr(getattr(of(**{name: value}).settings, section), key) == value
    assert getattr(getattr(of().settings, section), key) != value


def test_epochs_go_before_the_steps_of_a_recipe():
    assert of().settings.train.max_steps > 0
    train = of(epochs=4).settings.train
    assert "max_steps" not in train.model_fields_set and "eval_steps" not in train.model_fields_set


def test_a_learning_rate_is_that_of_all_weights():
    assert of().settings.train.muon_lr > 0 and of(epochs=2, encoder="ast").settings.train.muon_lr > 0
    assert of(learning_rate=1e-4).settings.train.muon_lr is None
    assert of(encoder="MIT/ast-finetuned").settings.train.muon_lr is None


def test_the_rate_of_the_data_is_that_of_the_front_end():
    assert of(sample_rate=22050).settings.front_end.sampling_rate == 22050


def test_the_seed_is_of_data_and_training():
    assert of(seed=5).settings.seed == 5 and of().settings.seed == of().options.seed == 42


def test_models_by_name():
    model = of(encoder="ast", hidden_size=48).settings.model
    assert (model.kind, model.hidden_size) == ("ast", 48)
    model = of(encoder="MIT/ast-finetuned", freeze_encoder=True).settings.model
    assert (model.kind, model.path, model.freeze) == ("pretrained", "MIT/ast-finetuned", True)
    decoder = of(num_decoder_layers=3).settings.decoder
    assert (decoder.layers, decoder.tokenizer) == (3, "quadruples")
    assert of().settings.decoder.tokenizer is None


def test_switches():
    assert of().evaluate and not of(enabled=False).evaluate
    assert of(visualizations={"enabled": False}).plots == () and of().plots is None
    assert of(use_mixed_precision=False).settings.train.bf16 is False
    plain = of(augmentation=False).settings
    assert not plain.augment.model_fields_set and not plain.spec_augment.model_fields_set


FILE = {
    "seed": 7,
    "dataset": {"samples": 30, "complexity": "medium", "min_notes": 10, "synthesize_audio": True},
    "model": {"hidden_size": 48, "encoder_name": "ast", "device": "cpu"},
    "training": {
        "batch_size": 24, "num_epochs": 75, "learning_rate": 5e-5, "weight_decay": 0.2,
        "use_mixed_precision": False,
    },
    "evaluation": {
        "enabled": True, "onset_tolerance": 0.05, "visualizations": {"plot_types": ["dashboard"]},
    },
    "augment": {"gain_db": 3},
}  # fmt: skip


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text(yaml.safe_dump(FILE))
    return path


def test_a_file_goes_before_defaults_and_the_call_before_a_file(file):
    config = read("piano", file, {"epochs": 2, "samples": 5}, ["--train.weight_decay", "0.4"])
    train = config.settings.train
    assert (config.options.samples, config.options.complexity, config.options.seed) == (5, ["medium"], 7)
    assert (train.num_train_epochs, train.per_device_train_batch_size, train.weight_decay) == (2, 24, 0.4)
    assert (config.settings.model.kind, config.settings.model.hidden_size, config.device) == (
        "ast",
        48,
        "cpu",
    )
    assert config.plots == ("dashboard",) and config.settings.augment.gain_db == 3


def test_what_was_resolved_is_read_again(file, tmp_path):
    config = read("piano", file, {"epochs": 2, "name": "again"})
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(resolved(config)))
    again = read("piano", tmp_path / "config.yaml")
    assert again.options.plain() == config.options.plain() and again.name == "again"
    assert again.settings.model_dump() == config.settings.model_dump()
    assert (again.plots, again.evaluate, again.device) == (config.plots, config.evaluate, config.device)


def test_unknown_keys_are_named_and_all_problems_told_together(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(
        "dataset: {sampels: 3}\nmodel: {sise: 1}\ntraining: {epochs: -1}\n"
        "evaluation: {onset_tolerance: 0.07}\nextra: 1\nname: ../up\n"
    )
    with pytest.raises(UsageError) as error:
        read("piano", path, {"no_such": 1, "synthesize_audio": False})
    told = "\n".join(error.value.problems)
    for part in (
        "sampels",
        "did you mean samples",
        "model.'sise'",
        "'extra'",
        "0.07",
        "'../up'",
        "'no_such'",
    ):
        assert part in told, (part, told)
    assert "training.epochs is -1" in told and "num_train_epochs" not in told


WRONG = {
    "epochs": (-1, "epochs", "epochs"), "lr": ("x", "lr", "lr"),
    "batch_size": (0, "batch-size", "batch_size"),
    "n_mels": (-5, "n-mels", "n_mels"), "hidden_size": (0, "hidden-size", "hidden_size"),
    "num_decoder_layers": (-2, "num-decoder-layers", "num_decoder_layers"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_problems_are_said_in_the_words_of_the_user(name):
    value, flag, word = WRONG[name]
    for surface, wanted in (("command", f"--{flag} is "), ("python", f"{word} is ")):
        with pytest.raises(UsageError) as error:
            read("piano", None, {name: value, "encoder": "ast"}, surface=surface)
        assert any(text.startswith(wanted) for text in error.value.problems), error.value.problems
        assert not any("train." in text or "front_end.n" in text for text in error.value.problems)


def test_problems_of_a_run_name_its_flags(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("dataset: {samples: -1}\ntraining: {weight_decay: x}\nevaluation: {enabled: false}\n")
    values = {"eval_only": True, "freeze_encoder": True, "name": "a/b", "log_dir": "", "min_notes": 0}
    with pytest.raises(UsageError) as error:
        read("piano", path, values, surface="command")
    starts = [text.partition(" is ")[0] for text in error.value.problems]
    assert {"dataset.samples", "training.weight_decay", "--name", "--log-dir", "--min-notes"} <= set(starts)
    told = "\n".join(error.value.problems)
    assert "--freeze-encoder needs an encoder" in told
    assert "--eval-only and evaluation.enabled contradict each other" in told


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"freeze_encoder": True}, "needs an encoder that has learnt"),
        ({"eval_only": True, "enabled": False}, "eval_only and enabled contradict each other"),
        ({"model_path": "x"}, "is for eval_only"),
        ({"encoder": "ast", "n_mels": 64}, "front_end"),
    ],
)
def test_what_contradicts_itself_is_refused(values, said):
    with pytest.raises(UsageError, match=said):
        of(**values)


def test_a_config_can_be_changed_before_it_is_run():
    config = of(samples=10)
    config.settings.train.num_train_epochs = 200
    config.options.samples = 15
    assert resolved(config)["training"]["num_train_epochs"] == 200
    assert resolved(config)["dataset"]["samples"] == 15
