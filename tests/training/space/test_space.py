"""The Space: its client and a browser find what the dataset has, and a recording's notes."""

import importlib.util

import numpy as np
import pytest
import soundfile
import yaml
from PIL import Image

import sousa
from make import chromium
from tests.conftest import ROOT
from tests.support.browser import needs_chromium

gradio_client = pytest.importorskip("gradio_client")


@pytest.fixture(scope="module")
def app():
    """The page's module, which lies outside every package."""
    spec = importlib.util.spec_from_file_location("space_app", ROOT / "space" / "app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A few pieces, of which two players and two levels are heard."""
    place = tmp_path_factory.mktemp("space") / "pieces"
    sousa.generate("piano", place, samples=8, complexity=["simple"], max_duration_sec=8, check=False)
    return place


@pytest.fixture(scope="module")
def served(app, place):
    """An address on loopback."""
    page = app.build(str(place))
    _, address, _ = page.launch(prevent_thread_lock=True, quiet=True, share=False)
    yield address
    page.close()


@pytest.fixture(scope="module")
def client(served):
    return gradio_client.Client(served, verbose=False)


def test_rows_are_browsed(client, app, place):
    rows = app.Rows(str(place))
    table, said = client.predict(1, *[""] * len(rows.filters), api_name="/rows")
    assert len(table["data"]) == 8 and said == "8 rows, page 1 of 1"
    place_of = [control.column.name for control in rows.filters].index("split")
    filters = ["train" if i == place_of else "" for i in range(len(rows.filters))]
    table, said = client.predict(1, *filters, api_name="/rows")
    column = table["headers"].index("split")
    assert {row[column] for row in table["data"]} == {"train"}


def test_a_row_has_its_sound_its_picture_and_its_labels(client, app, place):
    sound, drawing, facts = client.predict(3, api_name="/row")
    row = app.Rows(str(place)).row(3)
    info = soundfile.info(sound)
    assert (info.frames, info.samplerate) == (row["num_samples"], row["sample_rate"])
    assert Image.open(drawing).size == (990, 495) and f"`{row['sample_id']}`" in facts


def test_rows_that_differ_in_one_thing(client, app, place):
    rows = app.Rows(str(place))
    name = rows.pairs[0]
    numbers = rows.beside(0, name)
    values = [rows.row(number)[name] for number in numbers]
    assert numbers[0] == 0 and len(set(values)) == len(values) > 1
    out = client.predict(0, name, api_name="/compare")
    assert [text.split("**")[1] for text in out[: len(values)]] == values
    assert all(out[4 : 4 + len(values)]) and not any(out[4 + len(values) : 8])


def test_a_recording_is_transcribed(client, app, place, tmp_path):
    row = app.Rows(str(place)).row(0)
    rate, samples = app._sound(row)
    soundfile.write(tmp_path / "mine.wav", samples, rate)
    sent = gradio_client.handle_file(tmp_path / "mine.wav")
    roll, files, said = client.predict(sent, api_name="/transcribe")
    assert Image.open(roll).width > 500 and " notes in " in said
    assert {name.rpartition(".")[2] for name in files} == {"mid", "musicxml", "csv", "html"}
    count = int(said.split()[0])
    assert 0.5 * row["num_notes"] < count < 2 * row["num_notes"]


def test_a_drummer_is_heard(client, tmp_path):
    place = tmp_path / "take"
    sousa.generate(
        "rudiments",
        place,
        profiles=1,
        tempos=1,
        rudiments=["flam_accent"],
        tiers=["professional"],
        check=False,
    )
    row = sousa.load(place, split="all", cache_dir=tmp_path / "cache")[0]
    soundfile.write(tmp_path / "mine.wav", row["audio"]["array"], row["audio"]["sampling_rate"])
    sent = gradio_client.handle_file(tmp_path / "mine.wav")
    for rudiment, tempo in (("", 0), ("flam_accent", row["tempo_bpm"])):
        said, files = client.predict(sent, rudiment, tempo, api_name="/listen")
        assert "Flam Accent" in said and "overall_score" in said
        assert {name.rpartition(".")[2] for name in files} == {"csv", "mid", "html"}


@pytest.mark.parametrize(("seconds", "said"), [(0.0, "^.a.wav has 0.00 s"), (601.0, "up to 600 s")])
def test_what_can_not_be_transcribed_is_said(client, app, seconds, said, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(int(seconds * 8000), np.int16), 8000)
    with pytest.raises(Exception, match=said):
        app.transcription(str(tmp_path / "a.wav"))
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(Exception, match=r"text\.wav"):
        app.transcription(str(tmp_path / "text.wav"))


def test_a_row_that_is_not_there_is_said(app, place):
    with pytest.raises(Exception, match="There is no row 8; give 0 to 7"):
        app.Rows(str(place)).row(8)


def test_rows_without_sound_and_events_are_shown_too(app, tmp_path):
    sousa.generate("rudiments", tmp_path / "d", profiles=1, tempos=1, rudiments=["flam"], with_audio=False)
    rows = app.Rows(str(tmp_path / "d"))
    sound, drawing, facts = rows.shown(0)
    assert sound is None and drawing is not None and "flam" in facts
    assert rows.picture({"sample_id": "a"}) is None


def test_without_a_dataset_one_is_made_and_a_release_is_shown(app, place, tmp_path, monkeypatch):
    monkeypatch.setattr(app, "_SMALL", {"profiles": 1, "tempos": 1, "rudiments": ["flam"]})
    made = app.dataset(None)
    assert app.Rows(made).source.facts["num_rows"] == 1 and app.dataset(str(place)) == str(place)
    sousa.release(place, tmp_path / "v1", version="1.0.0")
    assert app.Rows(str(tmp_path / "v1")).shown(0)[0]


def test_its_card_is_that_of_a_space():
    text = (ROOT / "space" / "README.md").read_text()
    card = yaml.safe_load(text.split("---")[1])
    assert card["sdk"] == "gradio" and (ROOT / "space" / card["app_file"]).is_file()
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    assert f"gradio=={card['sdk_version']}" in pins and len(card["short_description"]) <= 60


@needs_chromium
def test_it_is_used_in_a_browser(served):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 375, "height": 800})
        complaints = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(served)
        page.locator("[data-row='2'][data-col='1']").last.click()
        page.wait_for_selector("img[src*='/file=']", timeout=60_000)
        page.click("button[role=tab]:has-text('Piano')")
        page.wait_for_selector("button.primary:has-text('Transcribe')", timeout=60_000)
        assert not complaints
        width = page.evaluate("document.documentElement.scrollWidth")
        browser.close()
    assert width <= 375
