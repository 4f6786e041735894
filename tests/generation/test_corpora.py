"""What every corpus promises, whoever made it: one contract over all that are registered."""

import argparse
import json
import pickle
from itertools import pairwise

import pyarrow as pa
import pytest

from sousa import COMMANDS
from sousa.generation import corpora, make
from sousa.generation.columns import Classes, Coordinate, Group, Score, fitted, having, stored_columns
from sousa.generation.corpus import is_generated
from sousa.generation.errors import RunError, UsageError
from sousa.generation.options import add_arguments, from_arguments, option_table

ALL = [*corpora.BUILT_IN, "tones"]
NEEDED = {"sample_id", "split", "duration_sec", "num_samples", "sample_rate", "data_version"}
ROWS = 6


@pytest.fixture(params=ALL)
def corpus(request, tones):
    """Each corpus, one of another package among them."""
    return corpora.get(request.param)


@pytest.fixture
def config(corpus):
    """Its usual configuration."""
    return corpus.config(corpus.Options.read({}), print)


def some_addresses(corpus, config, count=ROWS):
    """Addresses of rows from every third of the plan."""
    shards = corpus.plan(config)
    parts = [
        next(corpus.addresses(config, shard)).slice(0, 2) for shard in shards[:: max(1, len(shards) // 3)]
    ]
    return pa.concat_tables(parts).slice(0, count)


def test_all_are_found(tones):
    assert set(corpora.names()) == set(ALL)
    assert [corpus.name for corpus in corpora.every()] == corpora.names()


def test_texts_are_whole(corpus):
    assert corpus.title and corpus.summary and not corpus.summary.endswith(".") and corpus.sound
    assert corpora.problem_with(corpus, corpus.name) is None
    assert corpus.card is None or "{" in corpus.card.read_text(encoding="utf-8")


def test_columns_are_declared(corpus, config):
    columns = corpus.columns(config)
    names = [column.name for column in columns]
    assert len(set(names)) == len(names) and set(names) >= NEEDED
    assert having(columns, Group), "splits go by a group"
    assert [c.name for c in having(columns, Classes) if c.role.names == ("train", "validation", "test")]
    assert all(column.meaning for column in columns)
    if config.with_audio:
        assert {"audio", "pcm_digest"} <= set(names)
    assert set(names) <= {c.name for c in corpus.columns()} or "*" in str([c.name for c in corpus.columns()])


def test_roles_are_told_in_the_file_itself(corpus, config):
    columns, schema = corpus.columns(config), corpus.schema(config)
    told = {column.name: column.role for column in stored_columns(schema)}
    assert told == {column.name: column.role for column in columns if column.role or column.alias}
    assert [c.name for c in fitted(columns, schema)] == schema.names
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == schema.names


def test_tasks_are_columns_that_can_be_learnt(corpus, config):
    columns = {column.name: column for column in corpus.columns(config)}
    for task, names in corpus.tasks.items():
        assert set(names) <= columns.keys() and (task not in columns or names == (task,))
        assert all(columns[name].role is not None for name in names)


def test_options_are_said_once(corpus):
    """The command line, Python and the documents take the same names, limits and defaults."""
    import argparse

    parser = argparse.ArgumentParser()
    add_arguments(parser, corpus.Options)
    assert from_arguments(corpus.Options, parser.parse_args([])) == {}
    table = option_table(corpus.Options)
    for name, field in corpus.Options.model_fields.items():
        assert f"`{name}`" in table and field.description
    for example, about in corpus.examples:
        known, rest = parser.parse_known_args(example.split())
        assert about and all(flag in ("-o", "--files") or not flag.startswith("-") for flag in rest)
        corpus.Options.read(from_arguments(corpus.Options, known), "command")
    with pytest.raises(UsageError, match="sises"):
        corpus.Options.read({"sises": 1, "size": "enormous"})


def test_a_configuration_is_its_identity(corpus, config):
    identity = json.loads(json.dumps(config.identity()))
    assert identity["corpus"] == corpus.name and identity["data_version"] == corpus.data_version
    again = corpus.restore(identity, config.size, rows_only=False)
    assert again == config and pickle.loads(pickle.dumps(config)) == config
    assert json.loads(json.dumps(again.identity())) == identity
    for broken in ({}, {"corpus": corpus.name}):
        with pytest.raises((RunError, UsageError, KeyError, TypeError, ValueError)):
            corpus.restore(broken, config.size, rows_only=True)


def test_plans_are_whole_and_sizes_lie_inside_each_other(corpus, config):
    shards = corpus.plan(config)
    assert shards == corpus.plan(config) and sum(shard.rows for shard in shards) == config.num_rows
    assert len({shard.name for shard in shards}) == len(shards)
    assert {shard.split for shard in shards} <= {"train", "validation", "test"}
    assert all(shard.name.startswith(f"{shard.split}/") and shard.rows > 0 for shard in shards)
    sizes = {size: corpus.resized(config, size) for size in corpus.Options.SIZES}
    assert all(made is not None for made in sizes.values())
    for size, rows in corpus.Options.SIZES.items():
        assert sizes[size].num_rows == rows and sizes[size].size == size
    plans = [{(s.name, s.split, s.rows) for s in corpus.plan(made)} for made in sizes.values()]
    assert all(smaller < larger for smaller, larger in pairwise(plans))
    assert list(make.views(corpus, config, shards))[-1] == config.size


def test_rows_are_functions_of_their_addresses(corpus, config):
    """In any company and order, with sound and without, a row is the same."""
    assert is_generated(corpus)
    assert set(corpus.address) <= {c.name for c in corpus.columns(config)}
    shard = min(corpus.plan(config), key=lambda shard: shard.rows)
    assert sum(len(group) for group in corpus.addresses(config, shard)) == shard.rows
    addresses = some_addresses(corpus, config)
    together = corpus.remake(config, addresses)
    assert together.schema.equals(corpus.schema(config), check_metadata=True)
    assert together.select(list(corpus.address)).to_pylist() == addresses.to_pylist()
    backwards = list(range(len(addresses)))[::-1]
    assert corpus.remake(config, addresses.take(backwards)).take(backwards).equals(together)
    alone = pa.concat_tables([corpus.remake(config, addresses.slice(i, 1)) for i in range(len(addresses))])
    assert alone.equals(together)
    silent = corpus.remake(config, addresses, render=False)
    for column in corpus.columns(config):
        if column.rendered or column.name == "audio":
            assert silent[column.name].null_count == len(silent), column.name
        else:
            assert silent[column.name].equals(together[column.name]), column.name


def test_values_keep_to_their_roles(corpus, config):
    table = corpus.remake(config, some_addresses(corpus, config))
    for column in corpus.columns(config):
        values = [value for value in table[column.name].to_pylist() if value is not None]
        if isinstance(column.role, Classes):
            assert set(values) <= set(column.role.names)
        if isinstance(column.role, Score):
            assert all(column.role.low <= value <= column.role.high for value in values)
        if isinstance(column.role, Coordinate):
            assert len(values) == len(table) or column.name == "variant"
    assert table["data_version"].to_pylist() == [corpus.data_version] * len(table)
    assert len(set(table["sample_id"].to_pylist())) == len(table)


def test_what_is_said_of_a_dataset(corpus, config):
    what = corpus.estimate(config)
    assert what.audio_sec > 0 and what.num_bytes > 0 and f"{config.num_rows:,} rows" in what.about
    names = {column.name for column in corpus.columns(config)}
    tables = corpus.label_tables(config)
    assert "samples" in tables and {name for columns in tables.values() for name in columns} <= names
    assert corpus.preview(config).groups and corpus.validation().media_rows > 0
    facts = corpus.facts_problem({})
    assert facts is None or facts


@pytest.mark.parametrize(
    "changes, problem",
    [
        ({"name": "Tones"}, "calls itself 'Tones'"),
        ({"data_version": "1"}, "data_version is '1'"),
        ({"plan": None}, "it has no plan"),
    ],
)
def test_what_is_no_corpus_says_why(tones, changes, problem):
    class Broken:
        pass

    for name in dir(type(corpora.get("tones"))):
        if not name.startswith("_") and changes.get(name, "") is not None:
            setattr(Broken, name, changes.get(name, getattr(corpora.get("tones"), name)))
    assert problem in corpora.problem_with(Broken(), "tones")


def test_help_says_what_a_switch_does_and_documents_what_a_key_is():
    kind, parser = corpora.get("rudiments").Options, argparse.ArgumentParser()
    add_arguments(parser, kind)
    helps = {flag: action.help for action in parser._actions for flag in action.option_strings}
    assert helps["--no-audio"] == "labels and MIDI only" and helps["--with-audio"] == "the default"
    assert helps["--stereo"] == "two channels"
    table = option_table(kind)
    assert "| `with_audio` | whether to make audio, or labels and MIDI only (default: true) |" in table
    assert "| `channels` | 1 or 2 channels (default: 1) |" in table


def test_commands_for_one_corpus_are_its_own():
    assert {place.partition(":")[0] for place, _ in COMMANDS.values()} == {"sousa.builders.commands"}
    assert corpora.get("rudiments").commands.keys() == {"banks", "soundfonts", "acoustics", "rudiments"}
