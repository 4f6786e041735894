"""The JSON of captioned rows: strict, an object at a time, and the same in and out."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sousa.generation.captions import unified_json
from sousa.generation.errors import RunError

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.dictionaries(st.text(), PLAIN, max_size=5), max_size=6), st.integers(1, 9),
    st.sampled_from([None, 1, "\t"]), st.booleans(),
)  # fmt: skip
def test_any_array_is_read_as_json_reads_it(data, size, indent, escaped):
    text = json.dumps(data, indent=indent, ensure_ascii=escaped)
    blocks = [text[i : i + size] for i in range(0, len(text), size)]
    assert list(unified_json._elements(iter(blocks))) == data


@pytest.mark.parametrize(
    "text, problem",
    [
        ("{}", "{ stands where [ or ] should"), ("", "the end stands where [ or ]"),
        ("[OBJECT,]", "] stands where an object should"), ("[1]", "1 stands where an object should"),
        ("[OBJECT {}]", "{ stands where ,"), ("[OBJECT] x", "x stands after the array"),
        ('[{"a": NaN}]', "NaN is no JSON"),
        ('[{"a": -Infinity}]', "-Infinity is no JSON"), ('[{"a": 1, "a": 2}]', "a key is there twice"),
        ("[OBJECT", "the end stands where ,"), ('[{"a', "Unterminated string"),
        ('[{"a": [', "Expecting value"),
        ('[{"a": ' * 5000, "deep"), ("[", "the end stands where an object"), ('[{"a" 1}]', "Expecting ':'"),
    ],
)  # fmt: skip
def test_what_is_no_json_array_is_refused(tmp_path, text, problem):
    (tmp_path / "x.json").write_text(text.replace("OBJECT", json.dumps(ENTRY)))
    with pytest.raises(RunError, match="can't be read as a JSON array") as error:
        list(unified_json.read(tmp_path / "x.json"))
    assert problem in str(error.value)


ENTRY = {"id": "song_describer_1", "audio_path": "/a/1.mp3", "caption": "A calm song", "duration": 125.3}


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"caption": ""}, "has no caption"), ({"id": None, "duration": None}, "has no id, duration"),
        ({"duration": "3"}, 'duration is "3", which is of another kind'),
        ({"duration": -1}, "duration is -1"),
        ({"duration": True}, "duration is true"), ({"alt_captions": "x"}, "alt_captions is"),
        ({"tags": [1]}, "lists of texts"),
    ],
)  # fmt: skip
def test_every_object_is_checked(tmp_path, change, problem):
    (tmp_path / "x.json").write_text(json.dumps([ENTRY, ENTRY | {"more": {"of": "theirs"}}, ENTRY | change]))
    objects = unified_json.read(tmp_path / "x.json")
    assert next(objects) == ENTRY and next(objects)["more"] == {"of": "theirs"}
    with pytest.raises(RunError, match="object 2: ") as error:
        next(objects)
    assert problem in str(error.value)


def test_a_byte_order_mark_and_the_example_of_the_format(tmp_path):
    whole = ENTRY | {
        "alt_captions": ["An acoustic piece"], "dataset": "song_describer", "artist": "A", "title": "T",
        "tags": ["acoustic"], "license": "CC-BY-4.0",
    }  # fmt: skip
    (tmp_path / "x.json").write_bytes(b"\xef\xbb\xbf" + json.dumps([whole], indent=2).encode())
    assert list(unified_json.read(tmp_path / "x.json")) == [whole]
