"""Muon: directions of matrices, which parameters it moves, and runs with it that are resumed."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from sousa.training import muon, train
from sousa.training.trainer import last_checkpoint
from tests.support.runs import write


@pytest.mark.parametrize("shape", [(24, 24), (8, 40), (40, 8)])
def test_directions_keep_singular_vectors_and_level_singular_values(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    values = (u.T @ muon.directions(matrix) @ v.T).numpy()
    levels = values.diagonal()
    assert levels.min() > 0.5 and levels.max() < 1.3
    assert abs(values - torch.diag(torch.tensor(levels)).numpy()).max() < 1e-4
    assert muon.directions(torch.zeros(shape)).abs().max() == 0


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Embedding(5, 4), nn.Conv1d(4, 6, 3), nn.Linear(6, 6))
        self.heads = nn.ModuleDict({"notes": nn.Linear(6, 2)})


def test_matrices_alone_are_moved_by_it():
    model = Small()
    model.encoder[2].bias.requires_grad_(False)
    groups = muon.groups_of(model, 0.02, 1e-3, 0.1)
    sets = [{id(weight) for weight in group["params"]} for group in groups]
    assert [group["lr"] for group in groups] == [0.02, 1e-3, 1e-3]
    assert sets[0] == {id(model.encoder[1].weight), id(model.encoder[2].weight)}
    assert sets[1] == {id(model.encoder[0].weight), id(model.heads["notes"].weight)}
    assert sets[2] == {id(model.encoder[1].bias), id(model.heads["notes"].bias)}
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    optimizer = muon.Muon(groups, betas=(0.9, 0.99))
    model.encoder[1].weight.grad = torch.ones(6, 4, 3)
    model.heads["notes"].weight.grad = torch.ones(2, 6)
    optimizer.step()
    moved = {name for name, weight in model.named_parameters() if not torch.equal(weight, before[name])}
    assert moved == {"encoder.1.weight", "heads.notes.weight"}
    # a gradient of rank 1 moves the matrix by one direction of length 1, and decay by its share
    step = (before["encoder.1.weight"] * (1 - 0.02 * 0.1) - model.encoder[1].weight).flatten(1)
    assert torch.linalg.matrix_norm(step, 2).item() == pytest.approx(0.02, rel=0.35)


def test_large_matrices_are_moved_in_blocks_of_rows():
    torch.manual_seed(1)
    weight = nn.Parameter(torch.zeros(600, 520))
    weight.grad = torch.randn(600, 520)
    moved = muon.Muon([{"params": [weight], "lr": 0.5, "weight_decay": 0.0, "muon": True}])
    gradient = weight.grad.clone()
    moved.step()
    for rows in (slice(0, 256), slice(256, 512), slice(512, 600)):
        assert torch.allclose(weight[rows], -0.5 * muon.directions(gradient[rows]), atol=1e-4)


def test_a_run_with_it_is_resumed_exactly(tmp_path):
    file = str(write(tmp_path, report=False, train={"num_train_epochs": 2, "muon_lr": 0.01}))
    assert train.main([file]) == 0
    root = tmp_path / "run"
    last = Path(last_checkpoint(root))
    expected = load_file(last / "model.safetensors")
    groups = torch.load(last / "optimizer.pt")["param_groups"]
    assert [group["muon"] for group in groups] == [True, False, False]
    shutil.rmtree(last)
    shutil.rmtree(root / "model")
    assert train.main([file, "--resume", "true"]) == 0
    again = load_file(last / "model.safetensors")
    assert expected.keys() == again.keys()
    assert all(torch.equal(expected[name], again[name]) for name in expected)
