"""The preview page of piano: its rows are those of the dataset, and it draws them without complaint."""

import pytest

from sousa.generation.piano.score import COMPLEXITIES
from tests.conftest import run_sousa
from tests.generation.rudiments.test_preview import read_page, rows_of
from tests.support.browser import Browser, needs_chromium


@pytest.fixture(scope="module")
def page(tiny_piano, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    done = run_sousa("preview", tiny_piano, "-o", path)
    assert done.returncode == 0, done.stderr
    return path


def test_the_page_has_the_rows(tiny_piano, page):
    meta, rows, sounds, _ = read_page(page)
    stored = rows_of(tiny_piano)
    assert meta["levels"] == [*COMPLEXITIES, "unrated"] and len(rows) == len(sounds) == 12
    for shown in rows:
        row = stored[shown["facts"]["sample_id"]]
        assert shown["notes"]["onset_sample"] == [note["onset_sample"] for note in row["notes"]]
        assert shown["notes"]["hand"] == "".join(note["hand"][0] for note in row["notes"])
        assert shown["pedal"] == [[move["sample"], move["value"]] for move in row["pedal"]]
        assert [beat[0] for beat in shown["beats"]] == [beat["onset_sample"] for beat in row["beats"]]
        assert [chord[1] for chord in shown["chords"]] == [chord["numeral"] for chord in row["chords"]]


@needs_chromium
def test_the_page_draws_notes_in_both_hands_colours(page, tmp_path):
    # softer notes are paler than the colour of their hand
    pixels = """(() => {
      const canvas = document.getElementById("picture"), box = canvas.getContext("2d");
      const data = box.getImageData(0, 0, canvas.width, canvas.height).data, found = {};
      const part = (c, k) => parseInt(c.slice(1 + 2 * k, 3 + 2 * k), 16);
      const near = (i, c) => [0, 1, 2].every((k) => Math.abs(data[i + k] - part(c, k)) < 90);
      for (const hand of ["right", "left"]) {
        found[hand] = 0;
        for (let i = 0; i < data.length; i += 4) found[hand] += near(i, colours[hand]);
      }
      return found;
    })()"""
    with Browser(tmp_path / "profile") as browser:
        for scheme in ("light", "dark"):
            browser.page.emulate_media(color_scheme=scheme)
            browser.open(page)
            for _ in range(2):  # over the waveform, then over the spectrogram
                assert all(count > 100 for count in browser.evaluate(pixels).values())
                browser.key("s")
        notes = browser.evaluate("state.row.onsets.length")
        assert browser.evaluate("state.drawn.length") == notes
        browser.evaluate("seek(state.row.onsets[0])")
        browser.settle()
        assert browser.evaluate("byId('label').textContent").startswith("note 0: ")
        browser.evaluate("seek(state.row.beats[1][0])")
        browser.settle()
        assert "bar 1, beat 2" in browser.evaluate("byId('label').textContent")
        assert browser.complaints() == []
