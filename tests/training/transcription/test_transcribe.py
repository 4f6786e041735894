"""``sousa transcribe``: files of all kinds in, files of all kinds out, and what is said of what can't be."""

import json
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
import torch

import sousa
from sousa.generation.errors import RunError, UsageError
from sousa.training.front_ends import LogMel
from sousa.training.models import places
from sousa.training.models.cnn import Cnn, CnnConfig
from sousa.training.models.model import Model
from sousa.training.tasks import column_target
from sousa.training.transcription import hearing, page, recordings
from sousa.training.transcription.command import transcribe
from tests.support import tone_notes
from tests.support.axe import faults
from tests.support.browser import Browser, needs_chromium

RATE = 16000
COLUMN = next(column for column in tone_notes.COLUMNS if column.name == "tones")


@pytest.fixture(scope="module")
def model():
    """A small network that nobody has trained, so easily sure that it hears notes everywhere."""
    torch.manual_seed(0)
    mel = LogMel(sampling_rate=RATE, n_fft=1024, hop_length=320, n_mels=64, f_max_hz=8000)
    target = column_target(COLUMN)
    target.onset_threshold = target.frame_threshold = 0.02
    sizes = CnnConfig(stem_channels=(4, 4), frame_channels=16, frame_dilations=(1, 2))
    model = Model("tones", [target], ["tones"], mel, Cnn(sizes, mel.num_features), 2.0).eval()
    with torch.no_grad():
        for head in model.heads.values():
            head.weight *= 3
    return model


def tune(seconds=4.0, rate=44100, channels=1):
    """Decaying tones, one each half second."""
    time = np.arange(round(seconds * rate)) / rate
    wave = np.zeros_like(time)
    for k in range(int(seconds * 2)):
        since = time - k / 2
        wave += np.where(since >= 0, np.exp(-6 * np.maximum(since, 0)), 0) * np.sin(
            2 * np.pi * (220 + 60 * k) * since
        )
    return np.repeat(0.3 * wave[:, None], channels, axis=1)


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    place = tmp_path_factory.mktemp("model")
    model.save_pretrained(place / "run" / "model")
    return place / "run"


def test_the_command_writes_every_kind_of_file(saved, tmp_path, capsys):
    file = tmp_path / "my tune.wav"
    soundfile.write(file, tune(channels=2), 44100)
    out = tmp_path / "out"
    words = [
        "transcribe",
        str(file),
        "--model",
        str(saved),
        "-o",
        str(out),
        "--device",
        "cpu",
        "--metre",
        "3/4",
    ]
    assert sousa.main([*words, "--key", "A minor", "--tempo", "120"]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        f"my tune.{kind}" for kind in ("csv", "html", "json", "mid", "musicxml")
    ]
    told = json.loads((out / "my tune.json").read_text())
    assert (
        told["count"] == len(told["notes"]) > 0 and told["signature"] == "3/4" and told["called"] == "A minor"
    )
    assert told["duration_sec"] == pytest.approx(4.0, abs=1e-3)
    read = mido.MidiFile(out / "my tune.mid")
    assert (
        sum(m.type == "note_on" and m.velocity > 0 for track in read.tracks for m in track) == told["count"]
    )
    assert "my tune.json" in capsys.readouterr().out
    assert (out / "my tune.html").read_bytes()[:1000].count(page.MARK) == 1


def test_rates_channels_and_formats_give_the_same_sound(tmp_path):
    heard = []
    for name, rate, channels in (
        ("a.flac", 16000, 1),
        ("b.wav", 44100, 2),
        ("c.ogg", 48000, 1),
        ("d.mp3", 22050, 2),
    ):
        soundfile.write(tmp_path / name, tune(rate=rate, channels=channels), rate)
        heard.append(recordings.read(tmp_path / name, RATE))
    for other in heard[1:]:
        size = min(len(heard[0]), len(other))
        assert abs(len(other) - len(heard[0])) < 0.1 * RATE and other.dtype == np.float32
        assert np.corrcoef(heard[0][:size], other[:size])[0, 1] > 0.98


def test_sections_of_a_long_recording_meet_without_a_seam(model, monkeypatch):
    audio = recordings_of_noise(9.0)
    whole, _ = hearing.hear(model, audio)
    monkeypatch.setattr(hearing, "_SECTION_SEC", 3.0)
    monkeypatch.setattr(hearing, "_OVERLAP_SEC", 2.0)
    told = []
    parts, _ = hearing.hear(model, audio, told.append)
    assert sum(told) == pytest.approx(9.0) and len(told) == 3
    # windows lie elsewhere, so a network without a memory of them differs by what their edges do
    assert abs(len(parts) - len(whole)) <= 0.1 * len(whole)
    assert (np.diff(parts["onset_sec"]) >= 0).all() and len(parts)
    near = np.abs(parts["onset_sec"][:, None] - whole["onset_sec"][None]) < 0.03
    same = near & (parts["pitch"][:, None] == whole["pitch"][None])
    assert same.any(1).mean() > 0.85


def recordings_of_noise(seconds):
    return np.random.default_rng(1).standard_normal(round(seconds * RATE)).astype(np.float32) * 0.1


def test_bad_files_are_one_sentence_each(saved, tmp_path, capsys):
    (tmp_path / "text.wav").write_text("not a sound")
    soundfile.write(tmp_path / "short.wav", np.zeros(10), RATE)
    broken = tune()
    broken[100] = np.nan
    soundfile.write(tmp_path / "broken.wav", broken, 44100, subtype="FLOAT")
    bad = {"text.wav": "can't be read as sound", "short.wav": "give a recording",
           "broken.wav": "no numbers", "absent.wav": "is no file", ".": "is no file"}  # fmt: skip
    for name, said in bad.items():
        out = tmp_path / "out"
        assert sousa.main(["transcribe", str(tmp_path / name), "--model", str(saved), "-o", str(out)]) == 2
        error = capsys.readouterr().err.strip()
        assert said in error and error.count("\n") == 0 and not out.exists()


def test_all_problems_of_a_call_are_said_together(model, tmp_path):
    with pytest.raises(UsageError) as error:
        transcribe(
            "a.wav", model, tmp_path, formats="mid,pdf", metre="3/5", tempo=-1, key="H", divisions="1,x",
            shortest=3, align_sec=1, batch_size=0,
        )  # fmt: skip
    assert len(error.value.problems) == 8


def test_files_of_others_are_not_replaced(model, tmp_path):
    soundfile.write(tmp_path / "tune.wav", tune(), 44100)
    first = transcribe(tmp_path / "tune.wav", model, tmp_path).files
    again = transcribe(tmp_path / "tune.wav", model, tmp_path).files  # ours are
    assert first == again and len(again) == 5
    theirs = {
        "mid": b"MThd\0\0\0\6\0\1\0\3\1\xe0",
        "json": b"{}",
        "csv": b"a,b\n",
        "musicxml": b"<a/>",
        "html": b"",
    }
    for kind, data in theirs.items():
        again[kind].write_bytes(data)
    with pytest.raises(UsageError) as error:
        transcribe(tmp_path / "tune.wav", model, tmp_path)
    assert len(error.value.problems) == 5
    assert all(again[kind].read_bytes() == data for kind, data in theirs.items())


def test_silence_and_models_of_other_things_are_refused(model, tmp_path):
    soundfile.write(tmp_path / "tune.wav", tune(), 44100)
    quiet = column_target(COLUMN)
    silent = Model("tones", [quiet], ["tones"], model.front_end, model.encoder, 2.0).eval()
    with pytest.raises(RunError, match="no notes were heard"):
        transcribe(tmp_path / "tune.wav", silent, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# of some points of the picture
COLOURS = """(() => {
  const dots = picture.getContext("2d").getImageData(0, 0, picture.width, picture.height).data;
  return new Set(Array.from({length: 500}, (_, k) => dots.slice(4 * 997 * k, 4 * 997 * k + 3).join())).size;
})()"""


@needs_chromium
def test_the_page_draws_and_plays(model, tmp_path):
    # long enough not to end while a busy machine looks at it
    soundfile.write(tmp_path / "a <b> & c.wav", tune(60.0), 44100)
    out = transcribe(tmp_path / "a <b> & c.wav", model, tmp_path / "out", formats=["html"])
    with Browser(tmp_path / "profile") as browser:
        page = browser.page
        page.goto(out.files["html"].as_uri())
        page.evaluate("ready")
        assert page.inner_text("h1") == "a <b> & c.wav"
        assert page.evaluate("data.notes.length") == len(out.notes)
        assert page.evaluate(COLOURS) > 3
        page.click("#play")
        while not page.evaluate("Boolean(started) && here() > 0.3"):  # the alarm of the browser ends it
            page.wait_for_timeout(50)
        assert page.evaluate("sound.buffer.duration") == pytest.approx(60.0, abs=0.01)
        assert page.inner_text("#play") == "Pause"
        page.click("#play")
        assert not browser._complaints
    assert faults([out.files["html"].as_uri()]) == []


def test_a_pipelines_directory_stands_for_the_model_of_its_run(tmp_path):
    for place in ("quick/run/model", "alone/model", "bare"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "config.json").write_text("{}")
    for name, model in {"quick": "quick/run/model", "quick/run": "quick/run/model", "alone": "alone/model",
                        "bare": "bare", "nothing": "nothing"}.items():  # fmt: skip
        assert places.place_of(str(tmp_path / name)) == tmp_path / model


def test_a_model_that_is_shipped_goes_by_its_name_and_a_directory_here_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert places.place_of("notes") == places.SHIPPED["notes"]
    (tmp_path / "notes" / "model").mkdir(parents=True)
    (tmp_path / "notes" / "model" / "config.json").write_text("{}")
    assert places.place_of("notes") == Path("notes/model")


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (11025, 8), (96000, 2), (192000, 8)])
def test_any_rate_and_number_of_channels_is_the_same_tune(rate, channels, tmp_path):
    soundfile.write(tmp_path / "a.wav", tune(rate=16000), 16000)
    soundfile.write(tmp_path / "b.wav", tune(rate=rate, channels=channels), rate)
    plain, other = (recordings.read(tmp_path / name, RATE) for name in ("a.wav", "b.wav"))
    assert abs(len(plain) - len(other)) <= 2
    size = min(len(plain), len(other))
    assert np.corrcoef(plain[:size], other[:size])[0, 1] > 0.97


@pytest.mark.parametrize("seconds", [0.06, 0.09, 0.3])
def test_very_short_recordings_are_written_or_said_to_have_no_notes(model, tmp_path, seconds):
    soundfile.write(tmp_path / "short.wav", tune(0.5)[: round(seconds * 44100)], 44100)
    try:
        out = transcribe(tmp_path / "short.wav", model, tmp_path / "out")
    except RunError as error:
        assert "no notes were heard" in str(error) and not (tmp_path / "out").exists()
    else:
        assert len(out.files) == 5 and len(out.notes) == len(out.sheet.notes) > 0


def test_one_note_is_a_score(tmp_path):
    from sousa.training.transcription import files, notes_of, sheet

    written = sheet.write_down(notes_of([0.01], [0.04], [60], [64]))
    assert len(written.bars) == 1 and written.beats.sec[0] <= 0.02 < written.beats.sec[-1]
    for kind in files.MARKS:
        assert files.encode(kind, written, notes_of([0.01], [0.04], [60], [64]), np.zeros((0, 2)), 0.06)


def test_a_long_recording_takes_no_more_memory_than_a_short_one(tmp_path):
    import tracemalloc

    peaks = []
    for minutes in (1, 60):
        path = tmp_path / "long.flac"
        with soundfile.SoundFile(path, "w", 8000, 1) as file:
            for _ in range(minutes):
                file.write(np.zeros(60 * 8000, np.float32))
        tracemalloc.start()
        audio = recordings.read(path, RATE)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(audio) == pytest.approx(minutes * 60 * RATE, abs=2)
    assert peaks[1] < peaks[0] + 2e6


def test_wrong_models_and_outputs_are_one_sentence_each(saved, tmp_path, capsys):
    soundfile.write(tmp_path / "tune.wav", tune(), 44100)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "empty").mkdir()
    cases = [
        (["--model", str(tmp_path / "nothing here")], "nothing here"),
        (["--model", str(tmp_path / "empty")], "empty"),
        (["--model", str(tmp_path / "file")], "file"),
        (["--model", str(saved), "-o", str(tmp_path / "file")], "file"),
        (["--model", str(saved), "--device", "tpu9"], "give cpu or cuda"),
    ]
    for words, said in cases:
        argv = ["transcribe", str(tmp_path / "tune.wav"), "-o", str(tmp_path / "out"), *words]
        assert sousa.main(argv) == 2
        error = capsys.readouterr().err.strip()
        assert said in error and error.count("\n") == 0 and "Traceback" not in error
        assert not (tmp_path / "out").exists() and (tmp_path / "file").read_text() == "mine"


def test_digital_silence_is_read_and_has_a_page(tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros((RATE, 2)), RATE)
    audio = recordings.read(tmp_path / "silent.wav", RATE)
    assert len(audio) == RATE and not audio.any() and len(page.tiles(audio, RATE)) == 1
