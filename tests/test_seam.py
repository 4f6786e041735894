"""No code but a corpus's own knows it: neither its name nor its columns, their aliases and their values."""

import ast
import re
import tempfile
from dataclasses import fields
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

from sousa.builders import unified
from sousa.generation import corpora
from sousa.generation.captions.readers import READERS
from sousa.generation.columns import SPLITS, kinds
from sousa.generation.corpus import is_generated
from tests.conftest import ROOT
from tests.support.captioned import usual_options

# where a corpus may be known: its folder, its builder's file, its card, and the one line by which it is found
OWN = ("generation/{name}/*", "builders/{name}.py", "benchmarks/{name}/*", "benchmarks/{name}.py")
# what hears what only this corpus knows
LISTENERS = {"rudiments": ("training/listening/*",)}
# builders of what a corpus is read from, one each
OWN_BUILDERS = {"captions": ("captioned", "unifying", *READERS)}
REGISTRY = "generation/corpora.py"
# each of one corpus, or of all that are built in
STUDIES = ("training/examples/*", "benchmarks/documents.py", "benchmarks/captions/own_rows.py")
TEXTS = (".py", ".js", ".css", ".html")
# what a corpus is about, where its columns don't say it
NOUNS = {
    "rudiments": "rudiment drum drums snare snares sticking",
    "textures": "texture",
    "piano": "pianos pianist",
}
# columns that every corpus has or may have, and fields of the records that roles describe
EVERY = """
    sample_id split duration_sec num_samples sample_rate data_version pcm_digest audio midi seed events title
    dataset group_id artist licence url
"""
RECORDS = "name role natural norm unit frame sample value text source language start_sec end_sec"
# words of a corpus that other code has in a sense of its own, and where
OTHER_SENSES = {
    "generation/audio/*": (  # sounds and rooms for every corpus; drums, so far
        "drum drums snare snares strokes bank banks bank_digest soundfont position variant measures gain_db "
        "clean acoustics user synth right bass key beats"
    ),
    "generation/audio/packs.py": "roll flam drag",  # that recordings of single strokes are not
    "generation/audio/velocities.py": "medium",  # a loudness
    # crops, augmentation, figures
    "training/*": (
        "start_sample random gain_db cycle left right sound notes num_notes key minor "
        "model meta tags captions other sounds"
    ),
    "training/muon.py": "params",  # of optimisers
    "training/projection/trainer.py": "params",
    "training/embedding/*": "index root",  # of what is in files, and of folders
    "training/search/*": "piano drums",  # what people look for
    "training/recordings/*": "drums snare",  # of collections that others have published
    # what generated corpora say of their rows, what is beside columns, and words of licences and pages
    "generation/*": "captions meta other tags model",
    "builders/*.py": "tags meta other template",
    "benchmarks/*": "model tags",
    "benchmarks/captions/*": "piano",
    "training/projection/*": "piano measures",
    "builders/*": "default notes key major minor repeated",  # of YAML, exports, versions and croissants
    "generation/options.py": "repeated",
    # of pictures of any corpus: what Marks names, sides of a page, the wave, and crops of loaders
    "generation/plot/*": "bar beat beats left right sound start_sample",
    "generation/midi.py": "metre beats lead_in_beats right",  # of any MIDI file
    # notes become written music, whatever played them
    "generation/notation/*": "major minor chords voice notes",
    "training/transcription/*": "beat beats bass chords metre key root voice hand right stop",
    "generation/piano/composition/*": "textures",  # of music
}
# words of everyday speech: as a name or in a sentence they are anybody's, and only alone in quotes a column
EVERYDAY = (
    "hand accent user draws random index sound sounds clean position default bar bass key major medium minor "
    "notes quality repeated root sample style title value voice model tags meta other template captions"
)


@cache
def files():
    """Everything that is installed and runs, and the benchmarks: dict of path to text."""
    folders = ("generation", "builders", "training", "benchmarks")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    texts = [path for path in [*paths, ROOT / "sousa.py"] if path.suffix in TEXTS]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in texts}


def shared():
    """Names that generic code itself declares."""
    schema = {column.name for column in (*unified.COLUMNS, *unified.EVENT)}
    attributes = [field for role in kinds() for field in fields(role)]
    usual = [field.default for field in attributes if isinstance(field.default, tuple)]
    words = [value for role in kinds() for name, value in vars(role).items() if name.isupper()]
    roles = {field.name for field in attributes}.union(*usual, words)
    return {*EVERY.split(), *RECORDS.split(), *SPLITS} | schema | roles


@cache
def words_of(name):
    """What only this corpus says: ``(nouns, names, values, entries)``, sets of words.

    Nouns are its own name and what it is about; names those of columns, fields of records, and their aliases;
    values the classes and the like that roles list; entries texts that stand in rows.
    """
    corpus = corpora.get(name)
    columns = corpus.columns()
    columns += tuple(field for column in columns if column.nested for field in column.type)
    nouns = {name, *NOUNS.get(name, "").split()}
    names = {word for column in columns for word in (column.name, column.alias)}
    values = set()
    for role in filter(None, (column.role for column in columns)):
        listed = [getattr(role, field, ()) for field in ("names", "known")]
        listed += [[getattr(role, "clean", "")], *getattr(role, "flags", ())]
        values |= {value for part in listed for value in part if isinstance(value, str)}
    out = (nouns, names, values, entries(corpus))
    return tuple({word for word in words if word} - shared() for words in out)


def entries(corpus):
    """Every short text in some rows of a corpus, in records and outside."""
    with tempfile.TemporaryDirectory() as folder:
        options = corpus.Options.read(usual_options(corpus, Path(folder)))
        return _entries(corpus, corpus.config(options, print))


def _entries(corpus, config):
    shards = corpus.plan(config)
    texts = set()

    def walk(value):
        if isinstance(value, str) and value.isidentifier() and len(value) > 2:  # shorter ones are units
            texts.add(value)
        elif isinstance(value, (list, dict)):
            for part in value.values() if isinstance(value, dict) else value:
                walk(part)

    for shard in shards[:: max(1, len(shards) // 20)]:
        if is_generated(corpus):
            addresses = next(iter(corpus.addresses(config, shard))).slice(0, 2)
            walk(corpus.remake(config, addresses, render=False).to_pylist())
        else:
            walk(next(iter(corpus.rows(config, shard))).slice(0, 2).to_pylist())
    return texts


def said(source):
    """``(line, text, is_name)``: the strings of a program but for documentation, and the names in it."""
    tree = ast.parse(source)
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
        and isinstance(node.body[0].value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield node.lineno, node.value, False
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = [getattr(node, "module", "") or "", *(alias.name for alias in node.names)]
            yield from ((node.lineno, part, True) for module in modules for part in module.split("."))
        else:
            for field in ("id", "attr", "arg", "name"):
                if isinstance(text := getattr(node, field, None), str):
                    yield node.lineno, text, True


def knowledge(corpus, path, text):
    """``(line, word, what says it)`` for everything that a file says of a corpus."""
    (nouns, names, values, rows), everyday = words_of(corpus), set(EVERYDAY.split())
    allowed = {
        word for place, words in OTHER_SENSES.items() if fnmatch(path, place) for word in words.split()
    }
    if path.endswith(".py"):
        texts = said(text)
    else:  # in other languages names of one word are anybody's
        texts = ((number, part, False) for number, part in enumerate(text.splitlines(), 1))
        names, values, rows = {name for name in names if "_" in name}, set(), set()
    for line, part, is_name in texts:
        if is_name:
            known = {part} & (names - everyday) | {*part.lower().split("_")} & nouns
        else:
            words = set(re.findall(r"\w+", part)) - (everyday - {part})
            known = words & (names | values) | {word.lower() for word in words} & nouns | {part} & rows
        yield from ((line, word, part) for word in sorted(known - allowed))


@pytest.mark.parametrize("corpus", corpora.BUILT_IN)
def test_no_other_code_knows_a_corpus(corpus):
    places = {
        name: [pattern.format(name=part) for pattern in OWN for part in (name, *OWN_BUILDERS.get(name, ()))]
        + list(LISTENERS.get(name, ()))
        for name in corpora.BUILT_IN
    }  # fmt: skip
    own = [*places.pop(corpus), *STUDIES]
    others = [pattern for patterns in places.values() for pattern in patterns]  # these only name it not
    told = [
        f"{path}:{line}: {word} in {part!r}"
        for path, text in files().items()
        if not any(fnmatch(path, pattern) for pattern in own)
        for line, word, part in knowledge(corpus, path, text)
        if not (path == REGISTRY and word in corpora.BUILT_IN)
        and (word == corpus or not any(fnmatch(path, pattern) for pattern in others))
    ]
    assert not told, "\n".join(told)


PROGRAM = """
def f(row, skill_tier=None):
    '''rudiments are not looked for here'''
    from sousa.generation import rudiments
    select(tiers=row.rudiment_slug)
    raise ValueError("such as stroke_type: [flam]; hold_notes", "beginner", "rate_exp", "rate_exp num_bars")
    SNARE_NOTE = row["hand"], hand, "by hand"
"""
KNOWN = {
    "rudiments": {(2, "skill_tier"), (4, "rudiments"), (5, "tiers"), (5, "rudiment"), (5, "rudiment_slug"),
                  (6, "stroke_type"), (6, "flam"), (6, "beginner"), (7, "snare"), (7, "hand")},
    "textures": {(6, "rate_exp")},
    "piano": {(2, "skill_tier"), (6, "beginner"), (6, "num_bars"), (7, "hand")},
    "captions": set(),
}  # fmt: skip


@pytest.mark.parametrize("corpus", corpora.BUILT_IN)
def test_the_search_finds_what_it_is_for(corpus):
    assert {(line, word) for line, word, _ in knowledge(corpus, "training/x.py", PROGRAM)} == KNOWN[corpus]
    script = "a = row.skill_tier + row.setting_id + row.album_id"
    assert [word for _, word, _ in knowledge(corpus, "x.js", script)] == [
        {"rudiments": "skill_tier", "textures": "setting_id", "piano": "skill_tier", "captions": "album_id"}[
            corpus
        ]
    ]


def test_the_search_goes_over_all_code_and_knows_all_words():
    assert len(files()) > 170 and any(path.endswith(".js") for path in files())
    assert {"generation/preview/page.py", "training/train.py", "sousa.py"} <= files().keys()
    for name in corpora.BUILT_IN:
        nouns, names, values, rows = words_of(name)
        assert name in nouns and len(names) > 15 and len(rows) > 5 and values, name
    # an exception that nothing needs any more is to be taken out
    for place, words in OTHER_SENSES.items():
        texts = " ".join(text for path, text in files().items() if fnmatch(path, place)).lower()
        assert set(words.split()) <= set(re.findall(r"[a-z_]+", texts)), place
