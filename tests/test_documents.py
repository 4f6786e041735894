"""README and documentation: blocks run as printed, tables are as they are, links lead somewhere."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest
import yaml

import sousa
from benchmarks import documents
from sousa.generation import commandline, corpora
from sousa.generation.rudiments import definitions
from sousa.generation.textures import schema
from tests.support import pages
from tests.support.pages import DOCS, PAGES, ROOT

README = ROOT / "README.md"
RUN = [
    page
    for page in (README, *PAGES)
    if any(b.kind in ("sh", "python") and not b.reason and not b.training for b in pages.blocks(page))
]
MAKING = ("make ", "python3 -m venv", "source ", "pip install", "python3 make.py")
LATER = ("training/train.py", "sousa transcribe")  # in README's training environment


def named(page):
    return str(Path(page).relative_to(ROOT))


@pytest.mark.parametrize("page", RUN, ids=named)
def test_blocks_run_as_printed(page, small, tmp_path):
    environment = [*MAKING, *LATER] if page == README else []
    if "output/rudiments" in page.read_text():  # what the first command of README and tutorial makes
        shutil.copytree(small[0], tmp_path / "output" / "rudiments")
    done = pages.run(page, tmp_path, chosen=lambda block: not any(word in block.text for word in environment))
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("page", [README, *PAGES], ids=named)
def test_commands_that_are_not_run_are_commands(page):
    known = commandline.with_those_of_corpora(sousa.COMMANDS)
    for block in pages.blocks(page):
        assert block.kind in ("sh", "python", "yaml", "toml", "sql"), (page, block.line)
        if block.kind != "sh":
            continue
        for words in pages.commands(block):
            if words[0] == "sousa" and not {"tones", "--help"} & set(words):
                argv = words[1:]
                parsed, rest = commandline.parser_of(known, "0", argv).parse_known_args(argv)
                assert hasattr(parsed, "rest") or not rest, words
            if "make" in words[:1] or words[:2] == ["python3", "make.py"]:
                assert words[-1] in ("small", "training", "interop", "test"), words
            configs = [word for word in words if word.endswith(".yaml") and word.startswith("training/")]
            assert all((ROOT / word).is_file() for word in configs), words


def test_readme_is_short_and_names_both_commands():
    text = README.read_text()
    assert len(text.splitlines()) <= 150
    assert "make small" in text and "make test" in text


def test_links_of_readme_and_contributing_lead_somewhere():
    for page in (README, ROOT / "CONTRIBUTING.md"):
        for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
            assert "://" in link or (page.parent / link).exists(), link


def test_tables_are_as_they_are():
    for page, tables in documents.tables().items():
        text = (DOCS / page).read_text()
        for name, content in tables.items():
            assert documents.replace(text, name, content) == text, f"{page}: python benchmarks/documents.py"
    assert set(corpora.BUILT_IN) == {name.split()[-1] for name in documents.tables()["reference/columns.md"]}


def test_configurations_and_definitions_shown_are_valid(tmp_path):
    (space,) = [b for b in pages.blocks(DOCS / "corpora/textures.md") if b.title == "space.yaml"]
    config, notices = schema.parse(yaml.safe_load(space.text), "space.yaml")
    assert (len(config.settings), config.rows_per_setting, notices) == (5 * 7 * 3, 5, [])
    held_out = {setting.held_out for setting in config.settings}
    assert {None, "interpolation", "extrapolation"} <= held_out
    assert set(config.records) == {"params", "tfrecords"}
    (shown,) = [b for b in pages.blocks(DOCS / "corpora/rudiments.md") if b.kind == "toml"]
    stored = (ROOT / "generation/rudiments/definitions/21_flam_accent.toml").read_text()
    assert tomllib.loads(shown.text) == tomllib.loads(stored)
    (other,) = [b for b in pages.blocks(DOCS / "how-to/rudiment.md") if b.kind == "toml"]
    (tmp_path / "41_flam_roll.toml").write_text(other.text)
    assert definitions.load(tmp_path)["flam_roll"].number == 41


def test_files_named_are_there():
    for page in (README, *PAGES):
        for path in re.findall(
            r"`(?:python3? )?((?:training|generation|benchmarks|tests|builders)/[\w./]+)", page.read_text()
        ):
            assert (ROOT / path.rstrip(".")).exists(), f"{page}: {path}"
