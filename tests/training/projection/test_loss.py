"""The contrastive loss against a plain reading of its definition, in one process and in two."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from sousa.training.projection.loss import contrastive
from sousa.training.projection.model import ProjectionConfig, ProjectionModel

CONFIG = {"audio": {"dim": 6}, "text": {"dim": 5}, "dim": 4, "hidden_dim": 8, "dropout": 0.0}


def _batch(pairs=9, seed=0):
    """Vectors, with a sound that is there with two parts, one that is there twice, and texts said again."""
    generator = torch.Generator().manual_seed(seed)
    sounds, parts = torch.arange(pairs), torch.arange(pairs)
    sounds[1], sounds[7], parts[7] = 0, 4, 4
    words = torch.arange(pairs)
    words[[2, 5, 8]] = 2
    audio = torch.randn(pairs, 6, generator=generator)
    audio[7] = audio[4]
    text = torch.randn(pairs, 5, generator=generator)
    return {"audio": audio, "text": text, "sounds": sounds, "parts": parts, "words": words}


def _by_definition(audio, text, scale, sounds, parts, words):
    total, count = 0.0, len(audio)
    for direction in range(2):
        for i in range(count):
            scores, belongs = {}, []
            for j in range(count):
                same = parts[i] == parts[j] or words[i] == words[j]
                if sounds[i] == sounds[j] and not same:
                    continue
                pair = (text[i], audio[j]) if direction == 0 else (audio[i], text[j])
                scores[j] = scale * float(np.dot(*pair))
                belongs += [j] if same else []
            whole = np.logaddexp.reduce(list(scores.values()))
            total -= np.mean([scores[j] - whole for j in belongs])
    return total / 2 / count


def test_it_is_what_its_definition_says():
    batch, unit = _batch(), torch.nn.functional.normalize
    audio, text = unit(batch["audio"][:, :4]), unit(batch["text"][:, :4])
    numbers = [batch[name] for name in ("sounds", "parts", "words")]
    loss = contrastive(audio, text, torch.tensor(7.0), *numbers)
    expected = _by_definition(audio.numpy(), text.numpy(), 7.0, *(n.tolist() for n in numbers))
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_one_pair_has_no_loss_and_masks_matter():
    batch = _batch()
    model = ProjectionModel(ProjectionConfig(**CONFIG))
    single = {name: values[:1] for name, values in batch.items()}
    assert model(**single)["loss"].item() == pytest.approx(0, abs=1e-6)
    apart = batch | {name: torch.arange(9) for name in ("sounds", "parts", "words")}
    assert model(**batch)["loss"].item() != pytest.approx(model(**apart)["loss"].item(), rel=1e-3)


def test_temperature_and_both_heads_learn():
    model = ProjectionModel(ProjectionConfig(**CONFIG))
    model(**_batch())["loss"].backward()
    gradients = {name: float(p.grad.abs().sum()) for name, p in model.named_parameters()}
    assert all(value > 0 for value in gradients.values()), gradients


def _process(rank, place, sizes, out):
    dist.init_process_group("gloo", f"file://{place}", rank=rank, world_size=len(sizes))
    torch.manual_seed(0)
    model = torch.nn.parallel.DistributedDataParallel(ProjectionModel(ProjectionConfig(**CONFIG)))
    first = sum(sizes[:rank])
    mine = {name: values[first : first + sizes[rank]] for name, values in _batch().items()}
    loss = model(**mine)["loss"]
    loss.backward()
    mean = loss.detach().clone()
    dist.all_reduce(mean)
    if rank == 0:
        gradients = {name: p.grad.numpy() for name, p in model.module.named_parameters()}
        np.savez(out, loss=mean.numpy() / len(sizes), **gradients)
    # gloo, when it is taken down, sometimes waits for ever: leave without, when neither needs the other
    Path(f"{place}-{rank}").touch()
    while not all(Path(f"{place}-{other}").exists() for other in range(len(sizes))):
        time.sleep(0.01)
    os._exit(0)


@pytest.mark.parametrize("sizes", [(5, 4)])
def test_two_processes_learn_as_one_with_the_whole_batch(tmp_path, sizes):
    out = tmp_path / "two.npz"
    # a fork of a process whose threads have computed something may wait for them for ever
    mp.spawn(_process, (str(tmp_path / "meeting"), sizes, str(out)), nprocs=len(sizes), daemon=True)
    two = np.load(out)
    torch.manual_seed(0)
    model = ProjectionModel(ProjectionConfig(**CONFIG))
    loss = model(**_batch())["loss"]
    loss.backward()
    assert float(two["loss"]) == pytest.approx(loss.item(), rel=1e-5)
    for name, parameter in model.named_parameters():
        assert np.allclose(two[name], parameter.grad.numpy(), atol=1e-5), name
