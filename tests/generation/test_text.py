"""A user's text is never markup: hostile names go through what writes, and every output is opened."""

import base64
import json
import re
import shlex
import warnings
from html.parser import HTMLParser

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sousa import main
from sousa.builders import api
from sousa.builders.release import layout
from sousa.generation import errors, text, webpage
from sousa.generation.console import Console
from sousa.generation.errors import UsageError
from sousa.generation.validation import report
from tests.support import textures

HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "[x](javascript:alert(1))", "a | b",
    "`a|b`", r"$\frac$", "a$x_$b", "a\\", "| ---", "- item", "# head", "*a* _b_ __c__", "{{licences}}",
    "1. one", "---", "license: mit", "&lt;b&gt;", "https://example.org www.example.org", "😀 \u4e2d",
    "x" * 300,
]  # fmt: skip
CONTROLS = [
    "a\x00", "a\nlicense: mit", "a\x1b[2J", "a\u202eb", "a\ud800", "a\u2028b", "a\rb", "\x9b31m", "a\tb",
]  # fmt: skip
PIECES = st.sampled_from([*HOSTILE, *CONTROLS, *"<>&|`$\\_*[](){}#:-'\"", " ", "a", "é"])
TEXTS = st.lists(PIECES, min_size=1, max_size=5).map("".join)
QUICK = settings(
    max_examples=150, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip


class Page(HTMLParser):
    """Elements with their attributes, and the texts between them."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(attrs)))

    def handle_data(self, data):
        self.texts.append(data)


def cells(line):
    """Cells of a row of a Markdown table, as GitHub splits it: at bars without a backslash before them."""
    assert line.startswith("| ") and line.endswith(" |")
    return re.split(r"(?<!\\)(?:\\\\)*\|", line[1:-1])


@QUICK
@given(TEXTS)
def test_html_has_no_element_of_a_text(name):
    page = Page(webpage.table(["head"], [[name]]))
    assert [tag for tag, _ in page.tags] == ["div", "table", "tr", "th", "tr", "td"]
    assert page.texts == ["head", text.one_line(name)]
    (tag, (attribute,)), *others = Page(f'<a title="{text.html(name)}">').tags
    assert tag == "a" and attribute == ("title", text.one_line(name)) and not others
    assert json.loads(text.script({name: name})) == {name: name}
    inside = Page(f"<script>{text.script([name])}</script><i>")
    assert [tag for tag, _ in inside.tags] == ["script", "i"]


@QUICK
@given(TEXTS)
@example("a\\")
def test_markdown_keeps_its_lines_and_columns(name):
    for cell in (text.markdown(name), text.code(name)):
        assert "\n" not in cell and not re.search(r"(?<!\\)(\\\\)*\|", cell)
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text.markdown(name)) == text.one_line(name)
    assert not re.search(r"(?<!\\)(\\\\)*[\[\]<>`*]", text.markdown(name))
    first, *_, last = text.block(name).splitlines()
    assert first == last and set(first) == {"`"} and text.block(name).count(first) == 2


@QUICK
@given(TEXTS)
def test_terminals_shells_and_python_get_the_text_alone(name):
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", text.visible(name))
    assert shlex.split(text.shell(name)) == [name]
    assert eval(text.visible(text.python(name)), {"__builtins__": {}}) == name


@settings(QUICK, max_examples=8)
@given(TEXTS)
@example(r"$\frac$")
@example("a$x_$b")
@example("😀" * 80)
def test_pictures_draw_a_text_without_a_warning(name):
    def draw(sheet):
        axis = sheet.subplots()
        axis.plot([1, 10], [1, 10], label="a")
        axis.set_xscale("log")
        axis.set_title(text.drawn(name))
        axis.set_xticks([1], [text.drawn(name)])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = report.figure(draw, 2, 2, name)
    ((_, image),) = [entry for entry in Page(made).tags if entry[0] == "img"]
    assert dict(image)["alt"] == text.one_line(name)
    assert base64.b64decode(dict(image)["src"].partition(",")[2]).startswith(b"\x89PNG")


def test_a_console_emits_no_control_characters(capsys):
    Console().warn("a\x1b[2J\u202e\udc80\nb\tc")
    assert capsys.readouterr().err == "a\\x1b[2J\\u202e\\udc80\nb\tc\n"
    with pytest.raises(SystemExit):
        main(["generate", "textures", "--s\x1b[2J"[:3], "-q", "\x1b"])
    assert "\x1b" not in capsys.readouterr().err


CONFIG = {"sample_rate": 8000, "duration_sec": 0.05, "seed": 1}
SOUND = {"synth": "pop", "parameters": {"cf": {"min": 200, "max": 400, "count": 2}}}


def sounds():
    """A sound of each hostile name, with settings of its own."""
    ends = [{"min": 200 + i, "max": 400 + i, "count": 2} for i in range(len(HOSTILE))]
    return [
        {"synth": "pop", "name": name, "parameters": {"cf": cf}}
        for name, cf in zip(HOSTILE, ends, strict=True)
    ]


@pytest.mark.parametrize("name", CONTROLS)
def test_control_characters_in_names_are_refused_where_they_are_read(name, tmp_path):
    with pytest.raises(UsageError, match=r"give (one line of text|text in Unicode)") as caught:
        textures.config_of(CONFIG | SOUND | {"name": name})
    assert text.one_line(str(caught.value)) == str(caught.value)
    with pytest.raises(UsageError, match="give one line of text"):
        api.release(tmp_path / "data", tmp_path / "out", "1.0.0", notes=[name])


@pytest.mark.parametrize("repo", ["org/name\n", "org/a b", "org/<b>", "org/a`b"])
def test_a_repository_has_no_markup_in_its_name(repo):
    assert layout.repo_problem(repo)


def test_hostile_sounds_go_through_every_output(tmp_path, capfd):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(CONFIG | {"sounds": sounds()}))
    data, out = tmp_path / "it's <b> $x$", tmp_path / "out"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        command = ["generate", "textures", "--configfile", str(config), "-o", str(data), "-w", "1", "-q"]
        assert main([*command, "--skip-validation"]) == 0
        main(["validate", "-q", str(data), "-w", "1"])  # so few rows may fail a check
        assert main(["preview", "-q", str(data)]) == 0
        notes = [f"--note={note}" for note in HOSTILE]
        assert main(["release", str(data), "-o", str(out), "--version", "1.0.0", "-w", "1", *notes]) == 0
    said = capfd.readouterr()
    assert "Warning" not in said.err and f"sousa publish {shlex.quote(str(out))}" in said.out
    for file in (data / "preview.html", data / "validation_report.html"):
        page = Page(file.read_text())
        assert not [attrs for tag, attrs in page.tags for key, value in attrs if key.startswith("on")]
        sources = [dict(attrs).get("src", "") for tag, attrs in page.tags if tag == "img"]
        assert all(source.startswith("data:image/png;base64,") for source in sources)
        assert "b" not in [tag for tag, _ in page.tags]
    json.loads((data / "validation_report.json").read_text(), parse_constant=pytest.fail)
    for root in (data, out):
        _, head, body = (root / "README.md").read_text().split("---\n", 2)
        assert yaml.safe_load(head)["license"] == "mit"
        assert "<script>" not in body and "](javascript:" not in body
        body = re.sub(r"```.*?```", "", body, flags=re.DOTALL)
        width = 0
        for line in body.splitlines():
            width = len(cells(line)) if line.startswith("|") and not width else width * line.startswith("|")
            assert not width or len(cells(line)) == width, line


def test_a_title_is_one_line_and_nouns_agree_with_numbers():
    assert text.as_line(" a\n b\t\x00c ") == "a b \\x00c"
    assert [text.counted(n, "row") for n in (0, 1, 2000)] == ["0 rows", "1 row", "2,000 rows"]
    assert errors.one_of("x", ["a\nb", "c\td"]) == "'x'; choose from a\\nb, c\\td"
