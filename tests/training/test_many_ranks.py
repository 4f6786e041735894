"""Sixty-four ranks and other numbers of them, simulated in one process with the real loader over real rows.

Conventions: ``dealt[rank][step]`` is a list of row numbers, what that rank reads at that step.
"""

import itertools
import json
import multiprocessing
import os
import pickle
import socket
import time
import tracemalloc
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
import torch
from accelerate import PartialState, skip_first_batches
from transformers import TrainerCallback, TrainingArguments

from sousa.generation.errors import UsageError
from sousa.training import config, sources, train
from sousa.training.batches import rows_for
from sousa.training.front_ends import LogMel
from sousa.training.order import Order
from sousa.training.spectra import SpectrumRows
from sousa.training.stream import Loader, Rows
from sousa.training.trainer import StreamTrainer
from tests.support.runs import SMALL, merged

RANKS = 64
MILLION = 1_000_000
# just enough rows, one more, one less than a step of 2, one step, one more, and the rest of the split
COUNTS = (64, 65, 127, 128, 129, 193, 840)


@pytest.fixture(scope="module")
def labels(small):
    """Rows without sound."""
    return Rows(small[0], "train", audio=None)


@pytest.fixture(scope="module")
def clips(small):
    """Rows with sound, of random crops."""
    return Rows(small[0], "train", crop_sec=0.02, crop="random")


def loaders(rows, batch_size, ranks=RANKS, state=None, **options):
    """The loader of each rank, after it has taken up a state."""
    out = [Loader(rows, batch_size, seed=3, rank=rank, world_size=ranks, **options) for rank in range(ranks)]
    for loader in out if state else ():
        loader.load_state_dict(state)
    return out


def read(each, steps=None):
    """What loaders of all ranks read, in so many steps or to the end of the epoch."""
    return [[batch["row"] for batch in itertools.islice(loader, steps)] for loader in each]


def flat(dealt):
    return [row for batches in dealt for batch in batches for row in batch]


def state_of(each):
    """The state that all ranks agree on, as it is after a round trip through a file."""
    states = [loader.state_dict() for loader in each]
    assert all(state == states[0] for state in states)
    return json.loads(json.dumps(states[0]))


@pytest.mark.parametrize("ranks", [RANKS, 48, 8, 1])
@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_equal_steps_and_every_row_once(labels, ranks, batch_size):
    for count in COUNTS:
        each = loaders(labels.select(range(count)), batch_size, ranks)
        steps = {len(loader) for loader in each}
        dealt = read(each)
        assert len(steps) == 1 and {len(batches) for batches in dealt} == steps
        assert sorted(flat(dealt)) == list(range(count))
        sizes = np.array([[len(batch) for batch in batches] for batches in dealt])
        assert sizes.min() >= 1 and np.ptp(sizes, axis=0).max() <= 1
        assert (sizes[:, :-1] == batch_size).all() and sizes.max() <= batch_size + 1
        following = read(each)  # the next epoch: as whole, in another order
        assert sorted(flat(following)) == list(range(count)) and following != dealt
        assert state_of(each)["epoch"] == 2


@pytest.mark.parametrize("ranks", [RANKS, 48, 8, 1])
def test_drop_last_leaves_out_less_than_a_step(labels, ranks):
    for count, batch_size in itertools.product(COUNTS, (1, 2, 5)):
        rows = labels.select(range(count))
        if count < ranks * batch_size:
            with pytest.raises(UsageError, match="too few for"):
                loaders(rows, batch_size, ranks, drop_last=True)
            continue
        dealt = read(loaders(rows, batch_size, ranks, drop_last=True))
        assert {len(batch) for batches in dealt for batch in batches} == {batch_size}
        assert len({len(batches) for batches in dealt}) == 1
        seen = flat(dealt)
        assert len(set(seen)) == len(seen) > count - ranks * batch_size


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("ranks", [RANKS, 48, 8, 1])
def test_interrupted_at_any_step_and_taken_up_by_any_fewer(labels, count, ranks):
    rows = labels.select(range(count))
    whole = read(loaders(rows, 2))
    for steps in range(len(whole[0]) + 1):
        each = loaders(rows, 2)
        iterators = [iter(loader) for loader in each]
        first = [[next(batches)["row"] for _ in range(steps)] for batches in iterators]
        state = state_of(each)
        assert state["consumed_rows"] == len(flat(first))
        rest = loaders(rows, 2, ranks, state)
        if steps == len(whole[0]):
            assert {loader.order.epoch for loader in rest} == {1}
            continue
        dealt = read(rest)
        assert sorted(flat(first) + flat(dealt)) == list(range(count))
        assert len({len(batches) for batches in dealt}) == 1
        if ranks == RANKS:
            assert [a + b for a, b in zip(first, dealt, strict=True)] == whole
        plain = loaders(rows, 2, ranks)
        for loader in plain:
            loader.set_epoch(1)
        assert read(rest) == read(plain)  # the next epoch knows nothing of it


def test_a_stream_goes_from_hand_to_hand_within_an_epoch(labels):
    seen, state = [], None
    for ranks, steps in ((64, 3), (48, 2), (64, 1), (1, 20), (8, 5), (3, None)):
        each = loaders(labels, 2, ranks, state)
        seen += flat(read(each, steps))
        state = state_of(each) if steps else None
    assert sorted(seen) == list(range(len(labels)))


def test_a_stream_that_is_begun_anew_stands_where_it_was_taken_up(labels):
    (loader,) = loaders(labels, 2, 1)
    loader.load_state_dict(loader.state_dict() | {"consumed_rows": 256})
    first = read([loader], 3)
    assert state_of([loader])["consumed_rows"] == 262
    assert read([loader], 2) == [first[0][:2]] and state_of([loader])["consumed_rows"] == 260


def test_more_ranks_than_rows_left_leave_those_out_and_nobody_waits(labels):
    rows = labels.select(range(200))
    for steps in range(13):
        each = loaders(rows, 2, 8)
        first = flat(read(each, steps))
        rest = loaders(rows, 2, RANKS, state_of(each))
        assert len({len(loader) for loader in rest}) == 1
        left = 200 - len(first)
        dealt = flat(read(rest)) if left >= RANKS else []
        assert {loader.order.epoch for loader in rest} == {1}
        assert sorted(first + dealt) == sorted(range(200) if left >= RANKS else first)
        assert sorted(flat(read(rest))) == list(range(200))


@pytest.mark.parametrize("rank", [0, 31, 63])
def test_workers_change_nothing(clips, rank):
    def sounds(workers, state=None, steps=None):
        more = {"num_workers": workers} | ({"prefetch_factor": 3} if workers else {})
        loader = Loader(clips, 2, seed=3, rank=rank, world_size=RANKS, **more)
        if state:
            loader.load_state_dict(state)
        read = [(batch["row"], [clip.tobytes() for clip in batch["audio"]])
                for batch in itertools.islice(loader, steps)]  # fmt: skip
        return read, loader.state_dict()

    whole, _ = sounds(0)
    assert len(whole) == 7 and sounds(1)[0] == whole
    for steps in (2, 5):
        first, state = sounds(2, steps=steps)
        assert state["consumed_rows"] == steps * 2 * RANKS  # not what workers have read ahead
        assert first + sounds(1, state)[0] == whole


@dataclass
class RankArguments(TrainingArguments):
    """Arguments of the Trainer as rank ``simulated_rank`` of 64 has them."""

    simulated_rank: int = 0
    process_index = property(lambda self: self.simulated_rank)
    world_size = property(lambda self: RANKS)


class Seen(Rows):
    """Rows that keep what was asked of them."""

    def __getitems__(self, indices):
        self.seen.append([row for _, row in indices])
        return super().__getitems__(indices)


def trainer_of(small, place, rank=0, rows=None, **more):
    settings = config.Settings(**merged(SMALL, {"data": {"path": str(small[0]), "generate": None}}))
    model = train.make_model(settings)
    arguments = RankArguments(
        output_dir=str(place), per_device_train_batch_size=2, seed=3, use_cpu=True, disable_tqdm=True,
        report_to="none", simulated_rank=rank, remove_unused_columns=False, **more,
    )  # fmt: skip
    if rows is None:
        rows = rows_for(model, small[0], "train", learnt=True)
        rows.__class__, rows.seen = Seen, []
    return StreamTrainer(model, arguments, rows, rows, measure=lambda table: {})


@pytest.mark.parametrize("accumulated", [1, 2, 3])
def test_the_trainer_deals_out_and_skips_alike(small, labels, tmp_path, accumulated):
    """What accelerate skips on a resume is what the state of the stream says was read."""
    trainer = trainer_of(small, tmp_path, rows=labels, gradient_accumulation_steps=accumulated)
    epoch_steps = -(-7 // accumulated)
    for global_step in range(2 * epoch_steps + 1):
        epoch, steps = divmod(global_step, epoch_steps)
        by_trainer, states = [], []
        for rank in range(RANKS):
            trainer.args.simulated_rank = rank
            states.append(trainer.stream_state(global_step))
            loader = trainer.get_train_dataloader()
            skipping = skip_first_batches(loader, steps * accumulated)
            skipping.batch_sampler.batch_sampler.set_epoch(epoch)  # as the Trainer does
            by_trainer.append(list(skipping.batch_sampler))
        assert all(state == states[0] for state in states)
        ours = [list(loader.order) for loader in loaders(labels, 2, state=states[0])]
        assert by_trainer == ours and {at for at, _ in flat(ours)} == {epoch}
        assert len(flat(ours)) == len(labels) - states[0]["consumed_rows"]


class Stop(TrainerCallback):
    """Ends training after a step, with a checkpoint, which rank 0 writes."""

    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **_):
        if state.global_step == self.step:
            control.should_training_stop = control.should_save = True
            args.simulated_rank = 0


@pytest.mark.parametrize(("rank", "step"), [(0, 1), (31, 3), (63, 5)])
def test_a_rank_really_trained_reads_its_part_before_and_after_a_stop(small, tmp_path, rank, step):
    options = {"rank": rank, "num_train_epochs": 2, "gradient_accumulation_steps": 2}
    first = trainer_of(small, tmp_path, **options)
    first.add_callback(Stop(step))
    first.train()
    resumed = trainer_of(small, tmp_path, **options)
    checkpoint = str(tmp_path / f"checkpoint-{step}")
    resumed.check_resume(checkpoint)
    resumed.train(resume_from_checkpoint=checkpoint)
    read = first.train_dataset.seen + resumed.train_dataset.seen
    plain = Loader(resumed.train_dataset, 2, seed=3, rank=rank, world_size=RANKS).order
    expected = []
    for epoch in (0, 1):
        plain.set_epoch(epoch)
        expected += [[row for _, row in batch] for batch in plain]
    assert read == expected and resumed.state.global_step == 8


def test_a_million_rows_cost_a_rank_one_array():
    """The peak over two epochs is two orders, the old one and the next: 16 MB, whatever the ranks."""
    for rank, shuffle in ((0, True), (31, True), (63, False)):
        order = Order(MILLION, 32, 3, shuffle, rank, RANKS)
        tracemalloc.start()
        try:
            for epoch in (0, 1):
                order.set_epoch(epoch)
                assert sum(map(len, order)) == MILLION // RANKS
            size, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert order.rows(1).nbytes == 8 * MILLION
        assert size < 8.1 * MILLION and peak < 16.2 * MILLION


def test_a_million_rows_are_dealt_out_once():
    counts, steps = np.zeros(MILLION, np.int64), set()
    for rank in range(RANKS):
        order = Order(MILLION, 33, 3, rank=rank, world_size=RANKS)
        order.start = 64 * 33 * 400  # of 473 steps
        rows = np.fromiter((row for batch in order for _, row in batch), np.int64)
        counts[rows] += 1
        steps.add(len(order))
    assert len(steps) == 1 and counts.max() == 1 and counts.sum() == MILLION - 64 * 33 * 400
    assert not counts[order.rows(0)[: 64 * 33 * 400]].any()


def test_a_rank_holds_its_columns_once(small):
    """Columns are those of the table, not copies: of rows of many files, and of chosen rows."""
    rows = Rows(small[0], columns=["overall_score", "strokes.onset_sample"], audio=None)
    assert len(rows.files) > 1
    for some in (rows, rows.select(range(5, 900))):
        score, strokes = some.table["overall_score"], some.table["strokes"]
        assert score.num_chunks == strokes.num_chunks == 1
        (field,) = strokes.chunk(0).values.flatten()
        pairs = (
            (score.chunk(0), some.columns["overall_score"]),
            (field, some.columns["strokes"].fields["onset_sample"]),
        )
        for stored, held in pairs:
            assert stored.buffers()[-1].address == held.buffers()[-1].address


def test_the_index_of_a_release_is_cut_by_file():
    rng, files = np.random.default_rng(0), 40
    row = np.tile(np.arange(25), files)
    names = np.repeat([f"train/{number:02d}.parquet" for number in rng.permutation(files)], 25)
    offset, none = rng.permutation(1000), rng.random(1000) < 0.1
    mixed = rng.permutation(1000)
    table = pa.table({
        "file": names[mixed], "row": row[mixed], "audio_offset": pa.array(offset[mixed], mask=none[mixed]),
        "audio_bytes": pa.array(offset[mixed] + 1, mask=none[mixed]),
    })  # fmt: skip
    ranges = sources._by_file(table)
    assert len(ranges) == files
    for name, (offsets, lengths) in ranges.items():
        here = names == name
        assert offsets.tolist() == np.where(none, -1, offset)[here].tolist()
        assert lengths.tolist() == np.where(none, 0, offset + 1)[here].tolist()


def test_a_worker_that_is_spawned_maps_kept_spectra_itself(small, tmp_path):
    whole = Rows(small[0], "test").select(range(40))
    rows = SpectrumRows(whole, LogMel(), 2.0, directory=tmp_path, quiet=True)
    state = pickle.dumps(rows)
    assert len(state) < len(pickle.dumps(whole)) + 20_000 < rows.frames.nbytes
    again = pickle.loads(state)
    assert isinstance(again.frames, np.memmap) and len(again) == 40
    assert all(torch.equal(again[row]["spectrum"], rows[row]["spectrum"]) for row in range(40))


def make_once(place, rank, port, ranks=4, of_machine=2):
    """A rank of several machines, which makes a file that its machine lacks, and notes that it did."""
    local = {"LOCAL_RANK": rank % of_machine, "LOCAL_WORLD_SIZE": of_machine}
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "RANK": rank, "WORLD_SIZE": ranks}
    os.environ |= {name: str(value) for name, value in (local | address).items()}
    PartialState._reset_state()
    state = PartialState(cpu=True)
    file = place / f"machine-{rank // of_machine}" / "file"
    with train.once_on_each_machine():
        if not file.exists():
            time.sleep(0.5)  # so that ranks which do not wait for each other both make it
            file.write_text("made")
            (place / f"made-by-{rank}").touch()
    state.wait_for_everyone()
    state.destroy_process_group()


def test_what_a_machine_keeps_is_made_by_one_of_its_ranks(tmp_path):
    for machine in range(2):
        (tmp_path / f"machine-{machine}").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = multiprocessing.get_context("fork").Process
    processes = [start(target=make_once, args=(tmp_path, rank, port), daemon=True) for rank in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * 4
    assert sorted(path.name for path in tmp_path.glob("made-by-*")) == ["made-by-0", "made-by-2"]
