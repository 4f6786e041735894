"""What every corpus promises, whoever made it: one contract over all that are registered."""

import argparse
import json
import pickle
import re
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import islice, pairwise

import pyarrow as pa
import pytest

from sousa import COMMANDS
from sousa.generation import corpora, make
from sousa.generation.columns import (
    Classes,
    Coordinate,
    Events,
    Group,
    Parameters,
    Score,
    fitted,
    having,
    stored_columns,
)
from sousa.generation.console import silent
from sousa.generation.corpus import Packaging, is_generated
from sousa.generation.errors import RunError, UsageError
from sousa.generation.filters import Filter
from sousa.generation.manifest import UNFINISHED
from sousa.generation.options import (
    RESERVED,
    SeedOptions,
    add_arguments,
    from_arguments,
    option,
    option_table,
)
from sousa.generation.shards import write_shard
from sousa.generation.storage import LocalStorage
from tests.conftest import ROOT
from tests.support.captioned import usual_options

# all that are registered here, one of a package, and one whose rows are read
ALL = list(dict.fromkeys([*corpora.names(), "tones", "recorded"]))
GENERATED = ["tones", *(corpus.name for corpus in corpora.every() if is_generated(corpus))]
MADE_AGAIN = pytest.mark.parametrize("corpus", GENERATED, indirect=True)
NEEDED = {"sample_id", "split", "duration_sec", "num_samples", "sample_rate", "data_version"}
ROWS = 6


@pytest.fixture
def registered(tones, monkeypatch):
    """The registry with all of them."""
    monkeypatch.setitem(corpora.BUILT_IN, "recorded", "tests.support.recorded:Recorded")
    corpora.places.cache_clear()


@pytest.fixture(params=ALL)
def corpus(request, registered):
    """Each corpus."""
    return corpora.get(request.param)


@pytest.fixture
def config(corpus, tmp_path_factory):
    """Its usual configuration."""
    folder = tmp_path_factory.mktemp("published")
    return corpus.config(corpus.Options.read(usual_options(corpus, folder)), print)


def some_addresses(corpus, config, count=ROWS):
    """Addresses of rows from every third of the plan."""
    shards = corpus.plan(config)
    parts = [
        next(corpus.addresses(config, shard)).slice(0, 2) for shard in shards[:: max(1, len(shards) // 3)]
    ]
    return pa.concat_tables(parts).slice(0, count)


def some_rows(corpus, config):
    """Rows from every third of the plan."""
    shards = corpus.plan(config)
    tables = (next(iter(corpus.rows(config, shard))) for shard in shards[:: max(1, len(shards) // 3)])
    return pa.concat_tables(table.slice(0, 2) for table in islice(tables, ROWS))


def test_all_are_found(registered):
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
    for column in columns:
        patterns = [c for c in corpus.columns() if fnmatchcase(column.name, c.name)]
        declared = replace(patterns[0], name=column.name, unit=column.unit, meaning=column.meaning)
        assert column == declared and (column in patterns or "*" in patterns[0].name)


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
        assert names and len(set(names)) == len(names)
        assert set(names) <= columns.keys() and (task not in columns or names == (task,))
        for name in names:
            role = columns[name].role
            assert isinstance(role, (Classes, Score, Events, Parameters)) and getattr(role, "target", True)


def test_options_are_said_once(corpus):
    """The command line, Python and the documents take the same names, limits and defaults."""
    import argparse

    parser = argparse.ArgumentParser()
    add_arguments(parser, corpus.Options)
    assert from_arguments(corpus.Options, parser.parse_args([])) == {}
    table = option_table(corpus.Options)
    for name, field in corpus.Options.model_fields.items():
        assert (f"`{name}`" in table) == (name in corpus.Options.known()) and field.description
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
    options, sizes = corpus.Options, corpus.Options.SIZES
    if not sizes:  # rows are read, and there are as many as there are
        assert not is_generated(corpus) and list(make.views(corpus, config, shards)) == ["custom"]
        return
    configs = [corpus.config(options.read({"size": size}), print) for size in sizes]
    assert config == configs[0]
    assert [(config.size, config.num_rows) for config in configs] == list(sizes.items())
    views = make.views(corpus, config, shards)
    assert list(views.values())[-1] == [shard.name for shard in shards]
    resized = [corpus.resized(config, size) for size in sizes]
    if is_generated(corpus) or any(resized):
        assert [(config.size, config.num_rows) for config in resized] == list(sizes.items())
        plans = [{(s.name, s.split, s.rows) for s in corpus.plan(config)} for config in resized]
        assert all(smaller < larger for smaller, larger in pairwise(plans))
        assert resized[0] == config and list(views)[-1] == config.size


def test_rows_are_those_of_the_plan(corpus, config):
    shard = min(corpus.plan(config), key=lambda shard: shard.rows)
    tables = list(corpus.rows(config, shard))
    rows, schema = pa.concat_tables(tables), corpus.schema(config)
    assert len(rows) == shard.rows and all(len(table) for table in tables)
    assert all(table.schema.equals(schema, check_metadata=True) for table in tables)
    assert set(rows["split"].to_pylist()) == {shard.split}
    assert rows.equals(pa.concat_tables(corpus.rows(config, shard)))


@MADE_AGAIN
def test_rows_are_functions_of_their_addresses(corpus, config):
    """In any company and order, with sound and without, a row is the same."""
    assert is_generated(corpus) and corpus.address
    assert {column.name for column in having(corpus.columns(config), Coordinate)} <= set(corpus.address)
    assert set(corpus.address) <= {c.name for c in corpus.columns(config)}
    shard = min(corpus.plan(config), key=lambda shard: shard.rows)
    whole = pa.concat_tables(corpus.rows(config, shard))
    planned = pa.concat_tables(corpus.addresses(config, shard))
    assert whole.select(list(corpus.address)).to_pylist() == planned.to_pylist()
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
    table = some_rows(corpus, config)
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
    assert corpus.preview(config, corpus.columns(config)).groups and corpus.validation().media_rows > 0


def test_what_stands_beside_is_plain_and_fits(corpus, config, tmp_path):
    """Facts survive the manifest, are found right there, and say what a release is made of."""
    shard = min(corpus.plan(config), key=lambda shard: shard.rows)
    LocalStorage(str(tmp_path)).write_json(f"{UNFINISHED}/manifest.json", {})
    _, record = write_shard(corpus, config, shard, LocalStorage(str(tmp_path)))
    place = LocalStorage(str(tmp_path)).inside(UNFINISHED)
    facts = corpus.beside(config, place, [record], {}, silent)
    stored = json.loads(json.dumps(facts))
    assert stored == facts and corpus.facts_problem(stored) is None
    assert isinstance(corpus.packaging(config, stored), Packaging)
    splits = corpus.splits(config)
    assert json.loads(json.dumps(splits)) == splits
    # edited by hand: it is said in words, now or when it is packaged
    for name in facts if corpus.name in corpora.BUILT_IN else ():
        broken = {**stored, name: 7}
        if not corpus.facts_problem(broken):
            with pytest.raises(RunError, match="manifest"):
                corpus.packaging(config, broken)


@pytest.mark.parametrize("data", [5, "split: ["])
def test_a_filter_that_is_none_gets_an_example_of_the_dataset(corpus, config, data):
    columns = corpus.columns(config)
    with pytest.raises(UsageError) as error:
        Filter.parse(data, columns, corpus)
    example = re.search("'(split: .*?)'", str(error.value))[1]
    assert Filter.parse(example, columns, corpus).columns == ["split"]


@pytest.mark.parametrize(
    "changes, problem",
    [
        ({"name": "Tones"}, "calls itself 'Tones'"),
        ({"data_version": "1"}, "data_version is '1'"),
        ({"title": None, "address": None}, "it has no title, address"),
    ],
)
def test_what_is_no_corpus_says_why(tones, changes, problem):
    from sousa.generation.corpus import Generated

    members = {**vars(type(corpora.get("tones"))), **changes}
    kind = type("Broken", (Generated,), {k: v for k, v in members.items() if v is not None})
    assert problem in corpora.problem_with(kind(), "tones")


def test_a_corpus_inherits_and_has_every_member(tones):
    members = {**vars(type(corpora.get("tones")))}
    alike = type("Alike", (), {k: v for k, v in members.items() if not k.startswith("__")})
    assert "Alike is no subclass of Generated or Corpus" in corpora.problem_with(alike(), "tones")
    base = type(corpora.get("tones")).__bases__[0]
    with pytest.raises(TypeError, match=r"abstract.*plan"):
        type("Short", (base,), {k: v for k, v in members.items() if k != "plan"})()


@pytest.mark.parametrize(
    "field, sizes, problem",
    [
        ({"files": option(1)}, {}, "files': this name"),
        ({"number": option(1, flags=("--workers",))}, {}, "workers': this name"),
        ({"number": option(1, flags=("--number", "-q"))}, {}, "q': this name"),
        ({"quiet_": option(1, switches={"--dry-run": 2})}, {}, "dry_run': this name"),
        ({"seed_sec": option(1)}, {}, "seed': this name"),
        ({"number": 5}, {}, "number': declare it by option"),
        ({}, {"extra-large": 5}, "extra-large': a size"),
        ({}, {"custom": 5}, "custom': a size"),
    ],
)
def test_an_option_has_a_name_of_its_own(field, sizes, problem):
    members = {"__annotations__": dict.fromkeys(field, int), "__module__": __name__, "SIZES": sizes, **field}
    with pytest.raises(RunError, match=f"^Bad can't have '{problem}"):
        type(SeedOptions)("Bad", (SeedOptions,), members)


def test_what_the_command_and_the_builders_call_something_is_reserved():
    import argparse
    import dataclasses
    import inspect

    import datasets

    import sousa
    from sousa.builders import generating

    parser = argparse.ArgumentParser()
    generating.generate(parser, ["generate", "rudiments"])
    ours = parser._subparsers._group_actions[0].choices["rudiments"]._option_string_actions
    flags = set(ours) - set(corpora.get("rudiments").Options.flags())
    taken = {flag.lstrip("-").replace("-", "_") for flag in flags}
    taken |= inspect.signature(sousa.generate).parameters.keys() - {"options"}
    taken |= {field.name for field in dataclasses.fields(datasets.BuilderConfig)}
    taken |= inspect.signature(datasets.DatasetBuilder.__init__).parameters.keys() - {"self", "config_kwargs"}
    assert taken <= RESERVED


def test_what_only_the_command_has_is_no_option_elsewhere(tmp_path):
    import sousa
    from sousa.builders import Textures

    options = corpora.get("textures").Options
    assert options.read({"list_synths": True}, "command").list_synths
    for surface in ("python", "yaml"):
        with pytest.raises(UsageError, match="unknown key 'list_synths'"):
            options.read({"list_synths": True}, surface)
    with pytest.raises(UsageError, match="unknown key 'list_synths'"):
        sousa.generate("textures", tmp_path / "d", list_synths=True)
    with pytest.raises(ValueError, match="unknown option 'list_synths'"):
        Textures(config_name="small", list_synths=True)
    assert not (tmp_path / "d").exists()


def test_a_wrong_call_names_every_problem_in_its_own_words(tmp_path):
    import sousa

    with pytest.raises(UsageError) as error:
        sousa.generate("rudiments", "", workers=-1, configfile="x", tiers=["y"])
    problems = error.value.problems
    assert len(problems) == 4 and "-" not in "".join(problems[:2]).replace("-1", "")
    assert problems[0].startswith("workers is -1") and problems[1].startswith("output is empty; name")
    assert problems[2].endswith("; it is an option of textures") and "unknown tier 'y'" in problems[3]
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", ROOT / "tests"):
        with pytest.raises(UsageError) as error:
            sousa.generate("rudiments", place, profiles=1)
        assert " -o" not in str(error.value)


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
    assert {place.partition(":")[0] for place, *_ in COMMANDS.values()} == {
        "sousa.builders.browse",
        "sousa.builders.commands",
        "sousa.builders.export.command",
        "sousa.builders.generating",
        "sousa.builders.merging",
        "sousa.builders.plot",
        "sousa.generation.completion",
        "sousa.training.embedding.command",
        "sousa.training.pipeline.command",
        "sousa.training.projection.command",
        "sousa.training.search.command",
        "sousa.training.transcription.command",
    }
    assert corpora.get("rudiments").commands.keys() == {
        "banks", "soundfonts", "acoustics", "rudiments", "listen",
    }  # fmt: skip
