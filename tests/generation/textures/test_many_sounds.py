"""A file with many sounds: its work grows as the file does."""

import sys
from dataclasses import replace

import numpy as np

from sousa.generation import corpora, make
from sousa.generation.textures import schema
from sousa.generation.textures.validation import population


def configuration(number, settings):
    """A file's plain data, with a number of sounds that have no setting in common."""
    rate = {"min": 1, "max": 4, "count": settings}
    sounds = [
        {"name": f"sound {i}", "synth": "pop", "parameters": {"rate_exp": rate, "cf": 220 + i / 10, "Q": 20}}
        for i in range(number)
    ]
    return {"duration_sec": 2, "chunk_sec": 1, "sample_rate": 16000, "sounds": sounds}


def _steps(work):
    """How many instructions of the interpreter a piece of work takes."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def _checked(number):
    config, _ = schema.parse(configuration(number, settings=4), "f")
    corpus = corpora.get("textures")
    corpus.columns(config)
    corpus.plan(config)
    corpus.estimate(config)
    make.num_files(corpus, config, False)
    return config


def test_work_grows_as_the_number_of_sounds():
    _checked(2)  # loads what is loaded once
    few, many = (_steps(lambda number=number: _checked(number)) for number in (50, 200))
    assert few > 10_000 and 3 < many / few < 4.5


def test_columns_are_worked_out_once_however_many_groups_of_rows_are_made():
    config, _ = schema.parse(configuration(300, settings=1) | {"splits": {"validation": 0, "test": 0}}, "f")
    corpus = corpora.get("textures")
    shards = corpus.plan(config)

    def made(shards):
        return lambda: [list(corpus.remake(config, next(corpus.addresses(config, s)), False)) for s in shards]

    made(shards[:1])()
    one, ten = _steps(made(shards[1:2])), _steps(made(shards[2:12]))
    assert ten < 15 * one
    assert one < _steps(lambda: replace(config).swept) * 3


def test_rows_of_sounds_are_found_in_one_pass():
    class Findings:
        config, _ = schema.parse(configuration(3, settings=1) | {"splits": {"validation": 0, "test": 0}}, "f")
        rows = {"sound": np.array(["sound 2", "sound 0", "sound 2"], object)}

    found = {sound.name: rows.tolist() for sound, rows in population.by_sound(Findings)}
    assert found == {"sound 0": [1], "sound 1": [], "sound 2": [0, 2]}
