"""Published files, read a line at a time."""

import pytest

from sousa.generation.captions import clips, files
from sousa.generation.captions.files import (
    byte_lines,
    csv_rows,
    followed,
    json_lines,
    json_object,
    meta,
    needed,
    number,
    tab_rows,
    text,
)
from sousa.generation.errors import RunError, UsageError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table.csv"


def test_lines_are_given_with_their_places(path):
    path.write_bytes(b"one\r\ntwo\n\nthree")
    assert list(byte_lines(path)) == [(0, b"one\r\n"), (5, b"two\n"), (9, b"\n"), (10, b"three")]


def test_a_line_that_never_ends_is_refused(path, monkeypatch):
    monkeypatch.setattr(files, "LINE_BYTES", 8)
    path.write_bytes(b"1234567\n1234567")
    assert len(list(byte_lines(path))) == 2
    path.write_bytes(b"12345678\n")
    with pytest.raises(RunError, match=r"table\.csv: a line has more than 8 bytes"):
        list(byte_lines(path))


def test_csv_with_a_mark_quotes_line_breaks_and_short_rows(path):
    path.write_bytes('\ufeffa,b,c\r\n1,"x ""y""\r\nz",é\r\n\r\n2\n3,4,5,6\n'.encode())
    assert list(csv_rows(path, "a", "b")) == [
        {"a": "1", "b": 'x "y"\r\nz', "c": "é"}, {"a": "2", "b": "", "c": ""}, {"a": "3", "b": "4", "c": "5"},
    ]  # fmt: skip


def test_csv_that_is_none(path):
    path.write_text('a,b\n1,"' + "x" * 200_000)
    with pytest.raises(RunError, match=r"table\.csv is not CSV: field larger than field limit"):
        list(csv_rows(path))
    path.write_text("")
    with pytest.raises(RunError, match="has no column a; it has none"):
        list(csv_rows(path, "a"))


def test_bytes_that_are_no_text_are_shown_as_such(path):
    path.write_bytes(b"a,b\n1,caf\xe9\n")
    assert next(csv_rows(path))["b"] == "caf\ufffd"


def test_quotes_mean_nothing_between_tabs(path):
    path.write_bytes(b'a\t"b\tc\r\n\r\nd\t\n')
    assert list(tab_rows(path)) == [["a", '"b', "c"], ["d", ""]]


def test_objects_of_json(path):
    path.write_bytes(b'{"a": 1}\n\n[1]\n{"a": NaN}\n{"b": "\\ud800"}\n{"b": "\\ud83d\\ude00"}\nx\xff\n{"a"')
    values = [value for _, value in json_lines(path)]
    assert values == [{"a": 1}, None, {"a": None}, None, {"b": "\U0001f600"}, None, None]


def test_json_that_is_nested_too_deep():
    assert json_object(b'{"a":' * 90 + b"1" + b"}" * 90) is not None
    assert json_object(b'{"a":' * 200 + b"1" + b"}" * 200) is None
    assert json_object(b'{"a":' * 100_000) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1.5", 1.5), (0, 0.0), (10**400, None), ("nan", None), ("inf", None), (-1, None), (True, None),
     (None, None), ("x", None), ([1], None)],
)  # fmt: skip
def test_numbers(value, expected):
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("x", "x"), (" x ", " x "), ("", None), (" \n", None), (7, "7"), (True, None), (1.5, None), ([], None)],
)
def test_texts(value, expected):
    assert text(value) == expected


def test_meta_is_strict_json_of_what_is_known():
    assert meta(a=None, b="", c=[], d={}) is None
    assert meta(a=0, b=False, c=float("nan"), d="é") == '{"a": 0, "b": false, "c": null, "d": "é"}'


def test_a_file_that_is_needed(tmp_path):
    (tmp_path / "b").write_text("")
    assert needed(tmp_path, "Tunes", "a", "b") == tmp_path / "b"
    with pytest.raises(UsageError, match="does not hold Tunes: there is no c or d; name the folder"):
        needed(tmp_path, "Tunes", "c", "d")


@pytest.mark.parametrize(
    ("content", "target"),
    [("there.tsv", "there.tsv"), ("there.tsv\n", "there.tsv"), ("gone.tsv", None), ("a\tb", "link.tsv"),
     ("../there.tsv", "link.tsv"), ("", "link.tsv"), ("x" * 300, "link.tsv")],
)  # fmt: skip
def test_a_link_that_was_unpacked_as_a_file(tmp_path, content, target):
    (tmp_path / "there.tsv").write_text("a\tb\n")
    link = tmp_path / "link.tsv"
    link.write_text(content)
    assert followed(link) == (target and tmp_path / target)


def test_what_is_not_there_leads_nowhere(tmp_path):
    assert followed(tmp_path / "none.tsv") is None


def test_a_quote_that_never_ends_is_told(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,caption\n1,"a tune\n2,another\n')
    with pytest.raises(RunError, match=r"a\.csv is not CSV: .*get the file again"):
        list(files.csv_rows(path, "id"))


def test_a_table_of_too_many_columns_is_refused_in_few_words(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(",".join(f"column{i}" for i in range(2000)) + "\n")
    with pytest.raises(RunError, match="has 2,000 columns, of at most 1,000"):
        list(files.csv_rows(path, "id"))
    path.write_text(",".join(f"column{i}" for i in range(500)) + "\n")
    with pytest.raises(RunError) as error:
        list(files.csv_rows(path, "id"))
    assert len(str(error.value)) < 400


def test_what_is_there_and_no_file_is_told_apart_from_what_is_not(tmp_path):
    assert not files.there(tmp_path / "none.csv")
    (tmp_path / "link.csv").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder.csv").mkdir()
    for name in ("link.csv", "folder.csv"):
        with pytest.raises(RunError, match=rf"{name} can't be read"):
            files.there(tmp_path / name)


def test_a_link_that_leads_to_itself_hides_nothing(tmp_path):
    for name in ("a.wav", "c.wav"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "b.wav").symlink_to("b.wav")
    assert set(clips.sound_files(tmp_path)) == {"a", "c"}
