"""What stands around the code: valid by its own tools, in step with the package, and without dead links."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from trove_classifiers import classifiers

from sousa.generation import PACKAGE_VERSION
from tests.conftest import ROOT
from tests.support import wheel_smoke

DOCUMENTS = ("CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "SECURITY.md")
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = [GITHUB / "ISSUE_TEMPLATE" / f"{name}.yml" for name in ("bug", "corpus_request", "wrong_label")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PLACEHOLDER = re.compile(r"NAME|NUMBER|SLUG|DIR|FILE|<|\*")


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def content(path: Path) -> Any:
    """A YAML file, read as strings: ``on`` is no truth value."""
    return yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)


def constraints() -> list[str]:
    return (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    "schema, paths",
    [
        ("github-workflows", WORKFLOWS),
        ("github-issue-forms", FORMS),
        ("github-issue-config", [GITHUB / "ISSUE_TEMPLATE" / "config.yml"]),
        ("citation-file-format", [ROOT / "CITATION.cff"]),
    ],
)
def test_files_keep_their_schemas(schema: str, paths: list[Path]) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*command, *map(str, paths)], capture_output=True, text=True)
    assert paths and done.returncode == 0, done.stdout + done.stderr


def test_all_forms_are_checked() -> None:
    assert names(sorted((GITHUB / "ISSUE_TEMPLATE").iterdir())) == sorted([*names(FORMS), "config.yml"])


@pytest.mark.skipif(not shutil.which("actionlint"), reason="actionlint is not installed")
def test_actionlint_finds_nothing() -> None:
    done = subprocess.run(["actionlint", *map(str, WORKFLOWS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=names(WORKFLOWS))
def test_workflows_may_do_little_and_end(path: Path) -> None:
    workflow = content(path)
    assert workflow["permissions"] == {"contents": "read"} and workflow["concurrency"]["group"]
    assert "secrets" not in path.read_text(encoding="utf-8")
    for job in workflow["jobs"].values():
        assert "permissions" not in job and int(job["timeout-minutes"]) <= 150
        used = [step["uses"] for step in job["steps"] if "uses" in step]
        assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", action) for action in used), used


def test_the_wheel_is_tried_on_every_python_that_is_promised() -> None:
    told = [re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", c) for c in PROJECT["classifiers"]]
    matrix = content(GITHUB / "workflows" / "wheel.yml")["jobs"]["smoke"]["strategy"]["matrix"]
    assert matrix["python"] == [match[1] for match in told if match]
    assert PROJECT["requires-python"] == f">={matrix['python'][0]}"
    assert {system.split("-")[0] for system in matrix["os"]} == {"ubuntu", "macos"}


def test_the_script_of_the_wheel_test_works(tmp_path: Path) -> None:
    assert wheel_smoke.check("rudiments", tmp_path / "dataset") == 3


def test_metadata_of_the_package() -> None:
    assert set(PROJECT["classifiers"]) <= set(classifiers)
    assert not any(classifier.startswith("License ::") for classifier in PROJECT["classifiers"])
    assert PROJECT["authors"] and PROJECT["keywords"] and PROJECT["urls"]
    assert all((ROOT / path).is_file() for path in [PROJECT["readme"], *PROJECT["license-files"]])


def test_citation_and_changelog_are_of_this_version() -> None:
    citation = content(ROOT / "CITATION.cff")
    assert citation["version"] == PACKAGE_VERSION and citation["license"] == PROJECT["license"]
    assert citation["authors"] == PROJECT["authors"]
    assert citation["url"] == PROJECT["urls"]["Homepage"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.*?)\]", changelog, re.MULTILINE)
    latest = changelog.split("\n## ")[1]
    assert headings[0] == PACKAGE_VERSION or (headings[0] == "Unreleased" and PACKAGE_VERSION in latest)


def test_the_changelog_has_the_data_versions() -> None:
    from sousa.generation import corpora

    told = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("Data versions: ")[1].split(".\n")[0]
    assert told == ", ".join(f"{corpus.name} {corpus.data_version}" for corpus in corpora.every())


def anchors(path: Path) -> set[str]:
    """Fragments of a Markdown file's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_resolve(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for address in re.findall(r"\]\((?!https://)(.*?)\)", text):
        path, _, fragment = address.partition("#")
        goal = ROOT / (path or name)
        assert goal.exists(), address
        assert not fragment or fragment in anchors(goal), address


@pytest.mark.parametrize("name", DOCUMENTS)
def test_paths_in_the_text_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    tops = "|".join(
        re.escape(path.name) for path in ROOT.iterdir() if path.is_dir() and path.name != "output"
    )
    for path in re.findall(rf"(?<![\w./-])((?:{tops})/[\w./*<>-]*)", text):
        assert PLACEHOLDER.search(path) or (ROOT / path.rstrip(".")).exists(), path


def test_tests_that_are_named_are_there() -> None:
    named = re.findall(r"`(test_\w+)`", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    known = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert named and all(f"def {name}(" in known for name in named)


def test_hooks_have_the_exact_versions_of_the_development_tools() -> None:
    hooks = content(ROOT / ".pre-commit-config.yaml")["repos"][0]["hooks"]
    needed = {need for hook in hooks for need in hook["additional_dependencies"]}
    assert all("==" in need for need in needed)
    assert {need for need in needed if need.startswith("ruff")} <= set(constraints())


def test_constraints_are_exact_and_in_order() -> None:
    lines = constraints()
    assert lines == sorted(lines, key=str.lower) and all(re.fullmatch(r"\S+==\S+", line) for line in lines)


def test_the_image_has_a_python_that_will_do() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    pythons = re.findall(r"^FROM python:3\.(\d+)", text, re.MULTILINE)
    assert pythons and all(int(minor) >= 11 for minor in pythons)
    assert 'ENTRYPOINT ["sousa"]' in text and 'CMD ["make", "test"]' in text
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {".git", "output", ".venv*"} <= set(ignored)
