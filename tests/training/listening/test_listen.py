"""``sousa listen``: what the shipped model finds in takes it never heard, other sounds, and files."""

import csv
import json
import shutil
from itertools import pairwise
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

import sousa
from sousa.generation.errors import UsageError
from sousa.generation.parquet import parquet_table
from sousa.generation.rudiments.listening.heard import Heard
from sousa.training.listening import describing, hearing, listener, page
from sousa.training.listening import files as writers
from sousa.training.listening.command import FORMATS, listen
from sousa.training.models.model import Model
from sousa.training.models.places import SHIPPED
from tests.support.axe import faults
from tests.support.browser import Browser, needs_chromium

RATE = 44100


@pytest.fixture(scope="module")
def model():
    return Model.from_pretrained("listen")


@pytest.fixture(scope="module")
def takes(tmp_path_factory):
    """A few takes of professionals, clean: their rows, and their sounds as files."""
    root = tmp_path_factory.mktemp("takes")
    sousa.generate(
        "rudiments", root / "data", profiles=1, tempos=1, tiers=["professional"], seed=4711, check=False,
        rudiments=["single_paradiddle", "flam_accent", "nine_stroke_roll", "single_ratamacue"],
    )  # fmt: skip
    rows = [
        row
        for file in sorted((root / "data").glob("*/*.parquet"))
        + sorted((root / "data").glob("data/*/*.parquet"))
        for row in parquet_table(file).to_pylist()
        if "audio" in row  # other files have labels alone
    ]
    for row in rows:
        row["file"] = root / f"{row['rudiment_slug']}.flac"
        row["file"].write_bytes(row["audio"]["bytes"])
    return rows


def onsets(row):
    return np.array([stroke["onset_sample"] for stroke in row["strokes"]]) / row["sample_rate"]


def test_the_shipped_model_is_small_and_says_how_it_was_made():
    assert sum(path.stat().st_size for path in SHIPPED["listen"].iterdir()) < 5e6
    card = (SHIPPED["listen"] / "README.md").read_text()
    assert "muon_lr" in card and "/tmp" not in card and "/work" not in card


def test_strokes_rudiment_and_tempo_of_takes_it_never_heard(model, takes):
    import mir_eval

    right = []
    for row in takes:
        (heard,) = listen(row["file"], model, None)
        data = heard.data
        times = np.array([stroke["onset_sec"] for stroke in data["strokes"]])
        assert mir_eval.onset.f_measure(onsets(row), times, 0.02)[0] > 0.95, row["rudiment_slug"]
        right.append(data["rudiment"]["slug"] == row["rudiment_slug"])
        (named,) = listen(row["file"], model, None, rudiment=row["rudiment_slug"], tempo=row["tempo_bpm"])
        assert named.data["tempo_bpm"] == row["tempo_bpm"] and named.data["tempo_was_given"]
        (free,) = listen(row["file"], model, None, rudiment=row["rudiment_slug"])
        assert free.data["tempo_bpm"] == pytest.approx(row["tempo_bpm"], rel=0.02)
        assert free.data["scores"]["tempo_stability"] is None
        assert named.data["scores"]["tempo_stability"] is not None
    assert np.mean(right) >= 0.75


def test_every_file_says_the_same(model, takes, tmp_path):
    file = tmp_path / "my take.flac"
    shutil.copy(takes[0]["file"], file)
    (heard,) = listen(file, model, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        f"my take.{kind}" for kind in FORMATS
    )
    data = json.loads(heard.files["json"].read_text())
    assert data == heard.data == json.loads(json.dumps(heard.data))
    rows = list(csv.DictReader(heard.files["csv"].open()))
    assert [float(row["onset_sec"]) for row in rows] == [s["onset_sec"] for s in data["strokes"]]
    times, now = [], 0.0
    for message in mido.MidiFile(heard.files["mid"]):
        now += message.time
        if message.type == "note_on" and message.velocity:
            times.append((now, message.note, message.velocity))
    assert [velocity for _, _, velocity in times] == [s["velocity"] for s in data["strokes"]]
    assert {note for _, note, _ in times} == {38}
    np.testing.assert_allclose([t for t, *_ in times], [s["onset_sec"] for s in data["strokes"]], atol=2e-5)
    jams = json.loads(heard.files["jams"].read_text())
    by_kind = {part["namespace"]: part["data"] for part in jams["annotations"]}
    assert [item["time"] for item in by_kind["onset"]] == [s["onset_sec"] for s in data["strokes"]]
    assert by_kind["tempo"][0]["value"] == data["tempo_bpm"] and by_kind["tag_open"]
    steps = np.diff([item["time"] for item in by_kind["beat"]])
    np.testing.assert_allclose(steps, 60 / data["tempo_bpm"], atol=1e-5)
    # once more over its own files, and over nobody else's
    listen(file, model, tmp_path / "out")
    (tmp_path / "out" / "my take.csv").write_text("mine,not yours\n")
    with pytest.raises(UsageError, match="was not made by this command"):
        listen(file, model, tmp_path / "out")
    assert (tmp_path / "out" / "my take.csv").read_text() == "mine,not yours\n"


@pytest.mark.parametrize("rate, channels, kind", [(22050, 1, "WAV"), (48000, 2, "FLAC"), (44100, 2, "MP3")])
def test_any_rate_and_number_of_channels(model, takes, tmp_path, rate, channels, kind):
    import soxr

    audio, own = soundfile.read(takes[0]["file"])
    audio = soxr.resample(audio, own, rate)
    file = tmp_path / f"take.{kind.lower()}"
    soundfile.write(file, np.repeat(audio[:, None], channels, axis=1), rate, format=kind)
    (plain,), (other,) = listen(takes[0]["file"], model, None), listen(file, model, None)
    assert len(other.data["strokes"]) == pytest.approx(len(plain.data["strokes"]), abs=2)
    assert other.data["rudiment"]["slug"] == plain.data["rudiment"]["slug"]


def test_a_long_recording_is_heard_like_its_parts(model, takes, tmp_path):
    audio, rate = soundfile.read(takes[0]["file"])
    silence = np.zeros(round(1.0 * rate))
    soundfile.write(tmp_path / "long.flac", np.concatenate([audio, silence] * 4), rate)
    (one,), (four,) = listen(takes[0]["file"], model, None), listen(tmp_path / "long.flac", model, None)
    times = np.array([s["onset_sec"] for s in one.data["strokes"]])
    shift = len(audio) / rate + 1.0
    expected = np.concatenate([times + k * shift for k in range(4)])
    guess = np.array([s["onset_sec"] for s in four.data["strokes"]])
    near = np.abs(guess[:, None] - expected).min(0)
    assert np.mean(near < 0.01) > 0.95 and abs(len(guess) - len(expected)) <= 12


def noise(seconds=4.0):
    return 0.1 * np.random.default_rng(0).standard_normal(round(seconds * RATE))


def speech(seconds=6.0):
    """Syllables: bursts of harmonics whose pitch and colour wander."""
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * time) + 10 * np.sin(2 * np.pi * 3.1 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    loud = np.clip(np.sin(2 * np.pi * 2.3 * time) + 0.4 * np.sin(2 * np.pi * 3.7 * time), 0, 1)
    colour = 4 + 2 * np.sin(2 * np.pi * 1.3 * time)
    return 0.1 * loud * sum(np.exp(-((k - colour) ** 2) / 8) * np.sin(k * phase) for k in range(1, 20))


@pytest.mark.parametrize(
    "sound", [np.zeros(RATE), np.zeros(RATE // 10), noise(), speech(), 0.3 * np.sin(np.arange(RATE) / 16)],
    ids=["silence", "a tenth of a second", "noise", "speech", "tone"],
)  # fmt: skip
def test_other_sounds_are_called_what_they_are(model, sound, tmp_path, capsys):
    soundfile.write(tmp_path / "sound.wav", sound, RATE)
    assert sousa.main(["listen", str(tmp_path / "sound.wav"), "-o", str(tmp_path / "out"), "--quiet"]) == 0
    data = json.loads((tmp_path / "out" / "sound.json").read_text())
    assert data["notes"] and data["notes"][0].startswith(
        ("No snare drum", "Too few strokes", "The strokes hardly")
    )
    assert sorted(p.suffix for p in (tmp_path / "out").iterdir()) == [
        ".csv",
        ".html",
        ".jams",
        ".json",
        ".mid",
    ]


def test_a_folder_is_heard_file_by_file_and_a_damaged_one_stops_no_other(takes, tmp_path, capsys):
    folder = tmp_path / "practice"
    for row in takes[:2]:
        (folder / row["rudiment_slug"]).mkdir(parents=True)
        shutil.copy(row["file"], folder / row["rudiment_slug"] / "take.flac")
    (folder / "broken.wav").write_bytes(b"RIFF no sound")
    (folder / "notes.txt").write_text("not a recording")
    out = tmp_path / "out"
    assert sousa.main(["listen", str(folder), "-o", str(out), "--formats", "json"]) == 2
    said = capsys.readouterr()
    assert "broken.wav can't be read as sound" in said.err and "recordings" in said.out
    names = {path.name for path in out.iterdir()}
    assert names == {f"{row['rudiment_slug']}-take-flac.json" for row in takes[:2]}


def test_results_of_one_name_go_to_files_of_their_own(takes, tmp_path, monkeypatch):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(takes[0]["file"], tmp_path / folder / "take.flac")
    shutil.copy(takes[0]["file"], tmp_path / "a-take-flac.flac")
    monkeypatch.chdir(tmp_path)
    files = ["a/take.flac", tmp_path / "b" / "take.flac", "a-take-flac.flac"]
    out = listen(files, output="out", formats=["json"])
    assert len({result.files["json"] for result in out}) == 3
    assert [json.loads(result.files["json"].read_text())["file"] for result in out] == [
        "take.flac", "take.flac", "a-take-flac.flac",
    ]  # fmt: skip


def test_a_minute_is_heard_with_progress_and_a_place_that_cannot_be_written_is_known_before(
    takes, tmp_path, capsys
):
    audio, rate = soundfile.read(takes[0]["file"])
    soundfile.write(tmp_path / "minute.flac", np.resize(audio, 60 * rate), rate)
    assert sousa.main(["listen", str(tmp_path / "minute.flac"), "-o", str(tmp_path / "out")]) == 0
    assert "minute.flac  60.0 s" in capsys.readouterr().out
    (tmp_path / "file").write_text("in the way")
    words = ["listen", str(tmp_path / "minute.flac"), "-o", str(tmp_path / "file" / "out")]
    assert sousa.main(words) != 0
    said = capsys.readouterr()
    assert "hearing" not in said.err and str(tmp_path / "file") in said.err


@pytest.mark.parametrize("seconds", [0.5, 7.0, 7.1, 12.0, 61.0])
def test_every_second_is_heard_and_told_once(model, seconds):
    told = []
    out = hearing.hear(model, np.zeros(round(seconds * RATE), np.float32), told.append)
    assert sum(told) == pytest.approx(seconds) and out.duration_sec == pytest.approx(seconds)
    starts = hearing._starts(model, round(seconds * RATE))
    frame = round(model.frame_sec * RATE)
    ends = [hearing._own(starts, k, model.num_samples, frame) for k in range(len(starts))]
    assert ends[0][0] == 0 and all(a[1] == b[0] for a, b in pairwise(ends))


def test_few_strokes_and_ornaments_alone_are_no_rudiment(model, takes):
    row = takes[0]
    audio, rate = soundfile.read(row["file"], dtype="float32")
    fifth = row["strokes"][4]["onset_sample"]
    few = listener.listen_to(model, audio[: fifth + rate // 50], "few")
    assert few.judged is None and not few.tier and "Too few strokes" in few.notes[0]
    data = describing.data_of(few)
    assert data["rudiment"] is None and data["num_strokes"] == len(data["strokes"]) > 0
    assert all(writers.encode(kind, few) for kind in writers.MARKS)
    assert listener.together([few]) == {}


def test_lines_are_short_enough_for_a_terminal(model, takes):
    (heard,) = listen(takes[1]["file"], model, None)
    text = describing.text_of(heard.listening)
    assert max(map(len, text.splitlines())) <= 80
    for part in ("rudiment", "tempo", "timing", "strokes", "tier", "overall_score"):
        assert part in text


@pytest.mark.parametrize(
    "words, said",
    [
        (["none.wav"], "none.wav is no file"),
        (["{file}", "--rudiment", "flan"], "unknown rudiment 'flan'"),
        (["{file}", "--rudiment", "flam_tap:*"], "name one form"),
        (["{file}", "--tempo", "0"], "--tempo is 0.0"),
        (["{file}", "--tempo", "nan"], "--tempo is nan"),
        (["{file}", "--formats", "pdf"], "--formats"),
        (["{file}", "--formats", ","], "--formats is empty"),
        (["{file}", "--model", "notes"], "the model does not tell"),
        (["{empty}"], "holds no recording"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(takes, tmp_path, capsys, words, said):
    (tmp_path / "empty").mkdir()
    places = {"file": takes[0]["file"], "empty": tmp_path / "empty"}
    words = [word.format(**places) for word in words]
    assert sousa.main(["listen", *words, "-o", str(tmp_path / "out")]) != 0
    assert said in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_two_sounds_are_told_from_one():
    rng = np.random.default_rng(0)
    one = rng.standard_normal((40, 24)) + rng.standard_normal(24) * 3
    two = np.where(np.arange(40)[:, None] % 2, one, one[::-1] + rng.standard_normal(24) * 8)
    values = [listener.two_sounds(Heard(*np.full((6, 40), 0.4), colour=colour)) for colour in (one, two)]
    assert values[0] < listener.TWO_DRUMS < values[1]


def test_tiers_of_several_takes_are_joined(model, takes):
    all_of_them = [listen(row["file"], model, None)[0].listening for row in takes]
    share = listener.together(all_of_them)
    assert sum(share.values()) == pytest.approx(1.0) and listener.together([]) == {}
    assert max(share.values()) >= np.mean([max(one.tier.values()) for one in all_of_them]) - 0.05


@needs_chromium
def test_the_page_draws_and_plays(model, takes, tmp_path):
    (heard,) = listen(takes[0]["file"], model, tmp_path / "out", formats=["html"])
    with Browser(tmp_path / "profile") as browser:
        shown = browser.page
        shown.goto(heard.files["html"].as_uri())
        assert heard.data["rudiment"]["name"] in shown.inner_text("#about")
        assert shown.evaluate("beats.length > 3 && document.querySelectorAll('#tables table').length >= 4")
        shown.check("#click")
        shown.click("#play")
        while not shown.evaluate("Boolean(started) && here() > 0.3"):  # the alarm of the browser ends it
            shown.wait_for_timeout(50)
        assert shown.evaluate("sound.buffer.duration") == pytest.approx(heard.data["duration_sec"], abs=0.01)
        shown.click("#play")
        assert not browser.complaints()
    assert faults([heard.files["html"].as_uri()]) == []


def test_names_cannot_leave_the_page(model, takes, tmp_path):
    file = tmp_path / "<script>alert(1)</script>.flac".replace("/", "")
    shutil.copy(takes[0]["file"], file)
    (heard,) = listen(file, model, tmp_path / "out", formats=["html"])
    text = Path(heard.files["html"]).read_text()
    assert "<script>alert" not in text and page.MARK.decode() in text
    assert set(writers.MARKS) | {"html"} == set(FORMATS)
