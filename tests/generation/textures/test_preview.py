"""The preview page of textures: its rows are the dataset's, and a browser draws them where they belong."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sousa.generation.audio import encode
from sousa.generation.errors import UsageError
from sousa.generation.filters import Filter
from sousa.generation.preview import choose, page
from sousa.generation.preview.source import Source
from sousa.generation.reopen import open_dataset
from sousa.generation.storage import LocalStorage
from sousa.generation.textures.columns import AFTER, BEFORE
from sousa.generation.textures.preview import preview
from tests.conftest import run_sousa
from tests.generation.preview.test_page import checksum
from tests.generation.rudiments.test_preview import read_page, rows_of
from tests.generation.textures.test_validation import MIXED
from tests.support import textures
from tests.support.browser import Browser, needs_chromium
from tests.test_sousa import one_sentence


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A dataset of four sounds and its page, of 20 rows."""
    root = textures.made(tmp_path_factory.mktemp("mixed") / "dataset", MIXED, records=["nsjson"])
    done = run_sousa("preview", root, "--rows", 20)
    assert done.returncode == 0 and "20 rows" in done.stdout, done.stderr
    return root, root / "preview.html"


def test_a_page_holds_rows_of_the_dataset(made):
    root, path = made
    meta, rows, sounds, rest = read_page(path)
    stored = rows_of(root)
    assert (meta["num_rows"], meta["shown"], len(rows), len(sounds)) == (56, 20, 20, 20)
    assert meta["sounds"] == ["pops", "drip", "fm", "gale"] and meta["frame_rate_hz"] == 75
    for shown, data in zip(rows, sounds, strict=True):
        row = stored[shown["facts"]["sample_id"]]
        assert shown["facts"] == {name: row[name] for name in shown["facts"]}
        for one, given in zip(shown["params"], row["params"], strict=True):
            assert one == given
        events = [e["onset_sample"] for e in row["events"] or ()]
        assert shown["events"]["onset_sample"] == events
        for name, curve in shown["curves"].items():
            frames = [f for f in row["curves"] if f["name"] == name]
            assert curve["natural"] == [f["natural"] for f in frames] and len(frames) == 75
            assert curve["norm"] == [f["norm"] for f in frames]
        assert set(shown["curves"]) == {f["name"] for f in row["curves"]}
        assert encode.pcm_digest(encode.decode(data)[0]) == row["pcm_digest"]
    assert {len(row["curves"]) for row in rows} == {0, 1}
    assert "http://" not in rest and "https://" not in rest and "default-src 'none'" in rest


def test_every_declared_column_is_told(made):
    meta = read_page(made[1])[0]
    told = {name for group in meta["groups"] for name, *_ in group["columns"]}
    lists = {"params", "curves", "events", "audio"}
    assert told == {column.name for column in (*BEFORE, *AFTER)} - lists


def test_sounds_and_settings_are_covered_evenly(made, tmp_path):
    facts = [row["facts"] for row in read_page(made[1])[1]]
    counts = Counter(f["sound"] for f in facts)
    assert counts == {"pops": 6, "drip": 5, "fm": 5, "gale": 4}  # of gale there are no more
    assert len({f["setting_id"] for f in facts if f["sound"] == "pops"}) == 6

    def shown(**options):
        path = page.write(open_dataset(made[0]), tmp_path / "p", **options)[0]
        return [row["facts"]["sample_id"] for row in read_page(path)[1]]

    fm = shown(where={"sounds": ["fm"]}, rows=8)
    assert len({name.rsplit("--v", 1)[0] for name in fm}) == 8  # every setting once
    assert shown(rows=9, seed=1) == shown(rows=9, seed=1) != shown(rows=9, seed=2)
    assert len(shown(rows=1000)) == 56


@pytest.mark.parametrize("count", [1, 7, 24, 100, 240, 500])
def test_rows_are_chosen_all_over_each_sound(tmp_path, count):
    sound = np.repeat(["a", "b", "c"], [400, 20, 200]).astype(object)
    setting = np.concatenate([np.arange(400) // 4, np.arange(20) // 4, np.arange(200) // 4])
    made = pa.table({"sample_id": sound, "sound": sound, "setting_index": setting})
    pq.write_table(made, tmp_path / "rows.parquet")
    columns = tuple(column for column in BEFORE if column.name in ("sound", "setting_index"))
    records, storage = [{"file": "rows.parquet", "rows": 620}], LocalStorage(str(tmp_path))
    source = Source(storage, records, columns, preview(textures.config_of(MIXED), columns), {})
    rows = choose.choose(source, Filter.parse(None), count, 3)
    assert rows == sorted(set(rows)) and len(rows) == count
    counts = Counter(sound[rows])
    assert counts["b"] == min(20, max(counts["b"], count // 3))
    assert abs(counts["a"] - counts["c"]) <= 1 or counts["c"] == 200
    per_setting = Counter(setting[[r for r in rows if sound[r] == "a"]].tolist())
    if counts["a"] >= 100:
        assert len(per_setting) == 100 and max(per_setting.values()) - min(per_setting.values()) <= 1
    elif counts["a"] > 1:
        gaps = np.diff(sorted(per_setting))
        assert gaps.max() <= 2 * 100 / counts["a"] + 1


def test_filters_that_have_no_use_are_refused(made):
    for option in ("--rudiments", "--tiers", "--presets"):
        one_sentence(
            run_sousa("preview", made[0], option, "x"),
            2,
            f"unknown filter '{option[2:]}'",
            "choose from setting_id, sound, sounds, ",
        )
    one_sentence(
        run_sousa("preview", made[0], "--sounds", "pop"), 2,
        "sounds: unknown 'pop' (did you mean pops?); choose from pops, drip, fm, gale",
    )  # fmt: skip
    with pytest.raises(UsageError, match="sounds is empty, which keeps no row"):
        page.write(open_dataset(made[0]), where={"sounds": []})
    with pytest.raises(UsageError, match="no row of this dataset has all that is asked for"):
        page.write(open_dataset(made[0]), where={"sounds": "gale", "setting_id": "pops"})


EXAMINE = """(async () => {
  const out = [];
  for (const row of rows) {
    await choose(row);
    fit();
    const { pen, size } = fitCanvas(byId("picture")), channel = state.sound.channels[0];
    const one = { id: row.facts.sample_id, drawn: drawPicture(byId("picture"), state, colours).length };
    // Chromium makes 32767 and -32768 to 1 and -1
    const stepOf = (x) => Math.round(x * (x > 0 ? 32767 : 32768));
    one.sum = channel.reduce((sum, x) => (Math.imul(sum, 31) + stepOf(x)) >>> 0, 0);
    const width = byId("picture").width;
    const is = (pixels, at, colour) =>
      [1, 3, 5].every((k, c) => Math.abs(pixels[4 * at + c] - parseInt(colour.slice(k, k + 2), 16)) < 50);
    one.found = [];
    for (const onset of row.onsets.filter((o, i) => i % Math.ceil(row.onsets.length / 4) === 0)) {
      setView(onset - 17, 41);
      drawPicture(byId("picture"), state, colours);
      const { data } = pen.getImageData(0, Math.round((size.height - 2) * size.scale), width, 1), hits = [];
      for (let x = 0; x < width; x++) if (is(data, x, colours.right)) hits.push(x);
      one.found.push([onset, Math.round(sampleAt((hits[0] + hits.at(-1)) / 2 / size.scale))]);
    }
    // height of the curve, as a share of the declared range, a quarter and three quarters along the row
    one.curve = [];
    fit();
    drawPicture(byId("picture"), state, colours);
    const top = RULER + LANE + 4, high = size.height - top - 4;
    for (const part of [0.25, 0.75]) {
      const x = Math.round(part * size.width * size.scale);
      const column = pen.getImageData(x, top * size.scale, 1, high * size.scale), hits = [];
      for (let y = 0; y < column.height; y++) if (is(column.data, y, colours.head)) hits.push(y);
      one.curve.push(hits.length ? 1 - (hits[0] + hits.at(-1)) / 2 / column.height : null);
    }
    out.push(one);
  }
  return out;
})()"""


@needs_chromium
def test_what_is_drawn_is_what_is_labelled(made, tmp_path):
    stored = rows_of(made[0])
    with Browser(tmp_path) as browser:
        browser.open(made[1])
        seen = browser.evaluate(EXAMINE)
        assert browser.complaints() == []
    assert len(seen) == 20
    for one in seen:
        row = stored[one["id"]]
        assert one["sum"] == checksum(encode.decode(row["audio"]["bytes"])[0][:, 0])
        assert one["drawn"] == (row["num_events"] or 0)
        assert all(onset == found for onset, found in one["found"])
        if row["curves"]:
            norm = [frame["norm"] for frame in row["curves"]]
            for part, height in zip((0.25, 0.75), one["curve"], strict=True):
                assert height == pytest.approx(np.interp(part * 75 - 0.5, np.arange(75), norm), abs=0.03)
        else:
            assert one["curve"] == [None, None]
    assert sum(bool(one["found"]) for one in seen) >= 8


@needs_chromium
def test_filters_parameters_and_keys(made, tmp_path):
    with Browser(tmp_path) as browser:
        browser.open(made[1])
        assert browser.evaluate("document.querySelectorAll('#list li').length") == 20
        order = browser.evaluate("listed.map((row) => row.facts.sound)")
        assert order == sorted(order, key=["pops", "drip", "fm", "gale"].index)
        browser.evaluate(
            "for (const f of filters) if (f.dataset.column === 'sound') f.value = 'drip';"
            "byId('filters').oninput()"
        )
        assert browser.evaluate("document.getElementById('count').textContent") == "5 of 20 rows"
        tests = sum(row["facts"]["split"] == "test" for row in read_page(made[1])[1])
        browser.evaluate(
            "for (const f of filters) f.value = f.dataset.column === 'split' ? 'test' : '';"
            "byId('filters').oninput()"
        )
        assert browser.evaluate("byId('count').textContent") == f"{tests} of 20 rows" and tests
        browser.evaluate("for (const f of filters) f.value = ''; byId('filters').oninput()")
        browser.evaluate("choose(rows.find((row) => row.facts.sound === 'pops' && row.onsets.length > 2))")
        shown = browser.evaluate("byId('facts').innerText")
        for part in ("cf", "Hz", "irreg_exp", "swept", "fixed", "Rate"):
            assert part in shown
        browser.evaluate("byId('stage').focus()")
        browser.key(".")
        assert browser.evaluate("state.row.onsets.includes(player.place)")
        text = browser.evaluate("byId('label').textContent")
        assert text.startswith("event 1 of") or text.startswith("event 2 of")
        browser.evaluate("choose(rows.find((row) => row.facts.sound === 'gale'))")
        browser.settle()
        assert "strength 0." in browser.evaluate("byId('label').textContent")
        browser.key("s")
        assert browser.evaluate("state.spectrum")
        browser.key(" ")
        assert browser.evaluate("byId('play').textContent") == "Pause"
        assert browser.complaints() == []
