"""The preview page in a browser: sound and labels are where they belong, and the page can be worked."""

import hashlib
import json
import shutil
from itertools import pairwise

import numpy as np
import pytest

from sousa.generation.audio import encode
from sousa.generation.preview import page
from sousa.generation.reopen import open_dataset
from tests.conftest import run_sousa
from tests.generation.rudiments.test_preview import read_page, rows_of, same_row
from tests.support.browser import Browser, needs_chromium


@pytest.fixture(scope="module")
def made(tiny, tmp_path_factory):
    """The page of the tiny dataset."""
    return page.write(open_dataset(tiny), tmp_path_factory.mktemp("page") / "page.html")[0]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A stereo WAV dataset of two renderings each, and its page."""
    root = tmp_path_factory.mktemp("pairs") / "dataset"
    rows = ("-p", 2, "-t", 1, "-a", 2, "--rudiments", "flam,drag", "--duration", 2, "--skip-validation")
    sound = ("--stereo", "--audio-format", "wav", "--sample-rate", 48000)
    done = run_sousa("generate", *rows, *sound, "-o", root, "-w", 1)
    assert done.returncode == 0, done.stderr
    done = run_sousa("preview", root, "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return root, root / "preview.html"


def checksum(samples):
    """Checksum of int16 samples that the page computes the same way: sum of x * 31^(n-1-i)."""
    powers = np.cumprod(np.full(len(samples), 31, np.uint32), dtype=np.uint32)
    powers = np.concatenate([[np.uint32(1)], powers[:-1]])[::-1]
    return int((samples.astype(np.int64).astype(np.uint32) * powers).sum(dtype=np.uint32))


def test_a_page_replaces_pages_alone(tiny, tmp_path):
    copy = shutil.copytree(tiny, tmp_path / "d")
    shard = next((copy / "data").rglob("*.parquet"))
    (tmp_path / "link").symlink_to(copy / "splits.json")
    for target in (copy / "manifest.json", shard, tmp_path / "link", copy, "/dev/null"):
        done = run_sousa("preview", copy, "-o", target, "--rows", 1, "-q")
        assert done.returncode == 2 and "was not made by this command" in done.stderr, done.stderr
    assert run_sousa("validate", copy, "-q", "-w", 1).returncode == 0
    for _ in range(2):
        assert run_sousa("preview", copy, "-o", tmp_path / "p.html", "--rows", 1, "-q").returncode == 0


EXAMINE = """(async () => {
  const out = [];
  for (const row of rows) {
    await choose(row);
    fit();
    const { pen, size } = fitCanvas(byId("picture")), rate = row.facts.sample_rate;
    const one = { id: row.facts.sample_id, drawn: drawPicture(byId("picture"), state, colours).length };
    one.length = state.sound.buffer.length;
    one.rate = state.sound.buffer.sampleRate;
    one.sums = state.sound.channels.map(
      (c) => c.reduce((sum, x) => (Math.imul(sum, 31) + Math.round(x * 32768)) >>> 0, 0));
    const first = row.strokes.onset_sample[0], sound = state.sound.channels[0];
    one.before = sound.slice(0, first).reduce((m, x) => Math.max(m, Math.abs(x)), 0);
    one.after = sound.slice(first, first + rate / 200).reduce((m, x) => Math.max(m, Math.abs(x)), 0);
    one.found = [];
    for (let i = 0; i < row.strokeCount; i += Math.ceil(row.strokeCount / 6)) {
      // where is the coloured line, in pixels of the screen, when each sample is many of them?
      setView(row.strokes.onset_sample[i] - 17, 41);
      drawPicture(byId("picture"), state, colours);
      const low = Math.round((size.height - 2) * size.scale);
      const pixels = pen.getImageData(0, low, byId("picture").width, 1).data;
      const colour = row.strokes.hand[i] === "R" ? colours.right : colours.left;
      const rgb = [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16));
      const hits = [];
      for (let x = 0; x < pixels.length / 4; x++)
        if (rgb.every((value, k) => pixels[4 * x + k] === value)) hits.push(x);
      const middle = (hits[0] + hits[hits.length - 1]) / 2 / size.scale;
      one.found.push([i, Math.round(sampleAt(middle)), hits.length]);
    }
    // the same for a sound of one loud sample, far out and close
    one.impulse = [];
    for (const span of [row.facts.num_samples, 5000, 1000, 60]) {
      const at = row.strokes.onset_sample[1], fake = new Float32Array(row.facts.num_samples);
      fake[at] = 1;
      setView(span === row.facts.num_samples ? 0 : at - span / 3, span);
      pen.fillStyle = "#fff";
      pen.fillRect(0, 0, size.width, size.height);
      drawWave(pen, [fake], state.view, size, 1, { ...colours, wave: "#000" });
      const high = (RULER + LANE + 12) * size.scale;
      const shot = pen.getImageData(0, high, byId("picture").width, 1).data;
      const dark = [];
      for (let x = 0; x < shot.length / 4; x++) if (shot[4 * x] < 200) dark.push(x);
      const place = (dark[0] + dark[dark.length - 1]) / 2 / size.scale;
      one.impulse.push((sampleAt(place) - at) / state.view.step);
    }
    out.push(one);
  }
  return out;
})()"""


@needs_chromium
def test_what_is_drawn_is_what_is_labelled(tiny, made, tmp_path):
    stored = rows_of(tiny)
    with Browser(tmp_path) as browser:
        browser.open(made)
        seen = browser.evaluate(EXAMINE)
        assert browser.complaints() == []
    assert {one["id"] for one in seen} == set(stored)
    for one in seen:
        row = stored[one["id"]]
        pcm, rate = encode.decode(row["audio"]["bytes"])
        assert (one["length"], one["rate"]) == (row["num_samples"], rate)
        assert one["sums"] == [checksum(pcm[:, 0])]  # the browser has every sample as it is stored
        assert one["drawn"] == row["num_strokes"] == len(row["strokes"])
        if row["augmentation_preset"] == "clean":
            assert one["before"] == 0 and one["after"] > 0.005
        for index, sample, pixels in one["found"]:
            assert sample == row["strokes"][index]["onset_sample"] and 0 < pixels < 5
        assert max(map(abs, one["impulse"])) <= 1.5, one["impulse"]


CLICKS = """(async () => {
  await choose(rows[0]);
  const row = state.row, mix = async (clicks) => {
    const context = new OfflineAudioContext(2, row.facts.num_samples, row.facts.sample_rate);
    for (const source of connect(context, row, state.sound, clicks).sources) source.start(0);
    return context.startRendering();
  };
  const [plain, clicked] = [await mix(false), await mix(true)];
  const starts = [], right = clicked.getChannelData(1), before = plain.getChannelData(1);
  let left = 0, last = -1e9;
  for (let i = 0; i < right.length; i++) {
    left = Math.max(left, Math.abs(clicked.getChannelData(0)[i] - plain.getChannelData(0)[i]));
    if (Math.abs(right[i] - before[i]) > 0.01) { if (i - last > 100) starts.push(i); last = i; }
  }
  return { id: row.facts.sample_id, starts, left };
})()"""


@needs_chromium
def test_clicks_are_at_the_labels_in_the_right_channel(tiny, made, tmp_path):
    with Browser(tmp_path) as browser:
        browser.open(made)
        heard = browser.evaluate(CLICKS)
    onsets = [stroke["onset_sample"] for stroke in rows_of(tiny)[heard["id"]]["strokes"]]
    apart = [onsets[0]] + [b for a, b in pairwise(onsets) if b - a > 500]
    assert heard["left"] == 0 and set(apart) <= set(heard["starts"]) <= set(onsets)


@needs_chromium
def test_keys_mouse_and_filters(made, tmp_path):
    with Browser(tmp_path) as browser:
        browser.open(made)
        names = browser.evaluate("listed.map(row => row.facts.sample_id)")
        now = "state.row.facts.sample_id"
        assert len(names) == 9 and browser.evaluate(now) == names[0]
        for key, place in (("j", 1), ("ArrowRight", 2), ("k", 1), ("ArrowLeft", 0), ("k", 0)):
            browser.key(key)
            browser.evaluate("new Promise(done => setTimeout(done, 100))")
            assert browser.evaluate(now) == names[place], key
        total = browser.evaluate("state.row.facts.num_samples")
        browser.key("+")
        assert browser.evaluate("state.span") == total / 2
        browser.key("0")
        assert browser.evaluate("[state.view.start, state.span]") == [0, total]
        x, y, width = browser.evaluate(
            "(b => [b.left, b.top, b.width])(byId('picture').getBoundingClientRect())"
        )
        browser.page.mouse.move(x + 300, y + 200)
        for _ in range(25):
            browser.page.mouse.wheel(0, -900)
        browser.settle()
        assert browser.evaluate("state.span") == 24  # down to single samples
        middle = browser.evaluate("sampleAt(300)")
        assert abs(middle - total * 300 / width) < 1
        browser.key("0")
        browser.page.mouse.click(x + width / 4, y + 200)
        browser.settle()
        assert abs(browser.evaluate("player.place") / total - 0.25) < 0.002
        browser.key(" ")
        assert browser.evaluate("document.getElementById('play').textContent") == "Pause"
        browser.evaluate("new Promise(done => setTimeout(done, 400))")
        browser.key(" ")
        assert 0.26 < browser.evaluate("player.place") / total < 0.6
        assert browser.evaluate("document.getElementById('play').textContent") == "Play"
        browser.evaluate("document.querySelector('#list button').focus()")
        for text in ("Pause", "Play"):  # space plays, wherever the focus is
            browser.key(" ")
            assert browser.evaluate("byId('play').textContent") == text
        browser.key(".")
        assert browser.evaluate("state.row.strokes.onset_sample.includes(player.place)")
        browser.key("s")
        assert browser.evaluate("state.spectrum")
        browser.evaluate(
            "const f = filters[0]; f.value = 'flam'; f.dispatchEvent(new Event('input', {bubbles: true}))"
        )
        assert browser.evaluate("document.querySelectorAll('#list li').length") == 3
        browser.evaluate("byId('search').value = 'beginner FLAM'; byId('filters').oninput()")
        assert browser.evaluate("document.getElementById('count').textContent") == "1 of 9 rows"
        assert browser.complaints() == []


@needs_chromium
def test_renderings_of_a_take_and_hostile_facts(pairs, tmp_path):
    root, path = pairs
    _, rows, sounds, _ = read_page(path)
    assert len(rows) == 8 and all(sound[:4] == b"RIFF" for sound in sounds)
    with Browser(tmp_path, size=(700, 800)) as browser:
        browser.open(path)
        seen = browser.evaluate(EXAMINE)
        stored = rows_of(root)
        for one in seen:
            pcm, rate = encode.decode(stored[one["id"]]["audio"]["bytes"])
            assert one["rate"] == rate == 48000 and one["sums"] == [checksum(pcm[:, c]) for c in (0, 1)]
            for index, sample, _ in one["found"]:
                assert sample == stored[one["id"]]["strokes"][index]["onset_sample"]
        buttons = browser.evaluate("document.querySelectorAll('#renderings button').length")
        assert buttons == 2
        group = browser.evaluate("state.row.facts.augmentation_group_id")
        browser.evaluate("document.querySelector('#renderings button[aria-pressed=false]').click()")
        browser.evaluate("new Promise(done => setTimeout(done, 100))")
        assert browser.evaluate("state.row.facts.augmentation_group_id") == group
        # columns that hold JSON are unpacked; texts never become elements
        record = json.dumps(
            {"room": {"size_m": [3, 4, 2.5], "name": "<img src=x>"}, "stages": [{"type": "eq"}]}
        )
        text = browser.evaluate(
            f"showFacts({{...state.row, facts: {{...state.row.facts, bank: {json.dumps(record)}}}}});"
            "byId('facts').innerText"
        )
        assert "<img src=x>" in text and "3, 4, 2.5" in text and "{" not in text
        assert browser.evaluate("document.querySelectorAll('img').length") == 0
        assert browser.evaluate("document.documentElement.scrollWidth") <= 700
        assert browser.complaints() == []


@needs_chromium
def test_the_picture_is_not_blank(made, tmp_path):
    from matplotlib.image import imread

    shots = {}
    with Browser(tmp_path / "profile") as browser:
        for scheme in ("light", "dark"):
            browser.page.emulate_media(color_scheme=scheme)
            for show in ("waveform", "spectrogram"):
                browser.open(made, f"show={show}")
                browser.settle()
                browser.page.screenshot(path=tmp_path / "shot.png")
                shots[scheme, show] = imread(tmp_path / "shot.png")[..., :3]
    for (scheme, _), pixels in shots.items():
        assert pixels.shape == (800, 1200, 3)
        assert (pixels.mean() > 0.7) == (scheme == "light")
        inside = (pixels[110:460, 320:1180] * 255).astype(int)
        assert len(np.unique(inside @ [65536, 256, 1])) > 20
    assert len({hashlib.md5(pixels.tobytes()).hexdigest() for pixels in shots.values()}) == 4


@pytest.fixture(scope="module")
def silent(tmp_path_factory):
    """The page of a dataset without audio."""
    root = tmp_path_factory.mktemp("silent") / "dataset"
    what = ["-p", "1", "-t", "1", "--rudiments", "flam", "--no-audio", "--skip-validation", "-q", "-w", "1"]
    assert run_sousa("generate", *what, "-o", root).returncode == 0
    done = run_sousa("preview", root)
    assert done.returncode == 0, done.stderr
    return root, root / "preview.html"


def test_a_dataset_without_audio_has_a_page_without_sound(silent):
    root, path = silent
    meta, rows, sounds, _ = read_page(path)
    assert not meta["with_audio"] and not sounds and len(rows) == 1
    same_row(rows[0], next(iter(rows_of(root).values())))


@needs_chromium
def test_a_page_without_sound_shows_strokes_and_says_so(silent, tmp_path):
    with Browser(tmp_path) as browser:
        browser.open(silent[1])
        assert browser.evaluate("state.drawn.length === state.row.strokeCount && state.sound === null")
        assert "no sound" in browser.evaluate("document.getElementById('notice').innerText")
        assert browser.complaints() == []


@needs_chromium
def test_the_browser_tells_errors_and_requests(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        "<script>let ready = 1; console.error('first'); setTimeout(() => { throw Error('second') })</script>"
        "<img src='http://127.0.0.1:9/third.png'>"
    )
    with Browser(tmp_path / "profile") as browser:
        browser.open(page)
        complaints = browser.complaints()
    for part in ("first", "second", "http://127.0.0.1:9/third.png"):
        assert any(part in text for text in complaints), complaints
