"""Real recordings as test sets: each published layout, errors of a directory, and scores of detectors."""

import mido
import mir_eval
import numpy as np
import pytest
import soundfile
import torch

from sousa.generation import corpora
from sousa.generation.errors import UsageError
from sousa.training import evaluate as program
from sousa.training import tasks, windows
from sousa.training.front_ends import LogMel
from sousa.training.models.compact import Compact, CompactConfig
from sousa.training.models.model import Model
from sousa.training.recordings import baselines, detector, evaluate, read, summary
from sousa.training.recordings.detectors import librosa_onsets, spectral_flux
from sousa.training.recordings.labels import INSTRUMENTS, instrument_of
from sousa.training.recordings.layouts import layout_of
from sousa.training.roles import Known

RATE = 8000
XML = """<?xml version="1.0" encoding="UTF-8"?>
<instrumentRecording><globalParameter><audioFileName>{name}.wav</audioFileName></globalParameter>
<transcription>{events}</transcription></instrumentRecording>"""
EVENT = "<event><pitch>1</pitch><onsetSec>{}</onsetSec><instrument>{}</instrument></event>"


def sound(path, seconds=2.0, at=(), rate=RATE):
    """A sound of silence with bursts of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    audio, rng = np.zeros(round(seconds * rate), np.float32), np.random.default_rng(0)
    for second in at:
        start = round(second * rate)
        size = len(audio[start : start + rate // 20])
        audio[start : start + size] = rng.uniform(-0.8, 0.8, size) * np.linspace(1, 0, size)
    soundfile.write(path, audio, rate)
    return path


def text(path, content, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding=encoding)
    return path


def mdb(root):
    for name in ("MusicDelta_Rock", "MusicDelta_Punk"):
        sound(root / f"audio/drum_only/{name}_Drum.wav")
        sound(root / f"audio/full_mix/{name}_MIX.wav")
        text(
            root / f"annotations/class/{name}_class.txt",
            "0.100000 \t KD \n0.500000 \t SD \n1.000000 \t SD \n",
        )
        lines = "0.100000 \t KD \n0.500000 \t SD \n1.000000 \t SDG \n1.200000 \t SDNS \n1.300000 \t SST \n"
        text(root / f"annotations/subclass/{name}_subclass.txt", lines)


def idmt(root):
    for name in ("MIX", "SD", "KD", "SD#train"):
        sound(root / f"audio/RealDrum01_00#{name}.wav")
    events = "".join(EVENT.format(*event) for event in ((1.5, "SD"), (0.25, "SD"), (0.5, "KD"), (0.5, "HH")))
    text(root / "annotation_xml/RealDrum01_00#MIX.xml", XML.format(name="RealDrum01_00#MIX", events=events))


def groove(root):
    head = "drummer,session,id,style,bpm,beat_type,time_signature,midi_filename,audio_filename,duration"
    rows = [f"{head},split,kit_name"]
    for number, split in ((1, "train"), (2, "test")):
        stem = f"drummer1/session1/{number}_funk_80_beat_4-4_1"
        sound(root / f"{stem}.wav", at=(0.5,))
        track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1_000_000)])
        for note, wait in ((36, 0), (38, 240), (40, 240), (37, 240), (42, 0)):  # a quarter of a second each
            track.append(mido.Message("note_on", channel=9, note=note, velocity=90, time=wait))
            track.append(mido.Message("note_off", channel=9, note=note, velocity=64, time=0))
        file = mido.MidiFile(ticks_per_beat=960)
        file.tracks.append(track)
        file.save(root / f"{stem}.midi")
        rows.append(
            f"drummer1,drummer1/session1,drummer1/session1/{number},funk,80,beat,4-4,{stem}.midi,{stem}.wav,2.0,"
            f"{split},Acoustic Kit"
        )
    rows.append(
        "drummer1,drummer1/session1,drummer1/session1/3,funk,80,beat,4-4,x.midi,,2.0,test,Acoustic Kit"
    )
    text(root / "e-gmd-v1.0.0.csv", "\n".join(rows) + "\n")


def enst(root):
    name = "107_minus-one_salsa_sticks"
    for version in ("wet_mix", "dry_mix", "snare", "kick"):
        sound(root / f"drummer_1/audio/{version}/{name}.wav")
    lines = "0.1 bd\n0.2 sd\n0.4 sd-\n0.6 rs\n0.8 cs\n1.0 c1\n1.2 rc2\n1.4 sweep\n"
    text(root / f"drummer_1/annotation/{name}.txt", lines)


def folder(root):
    sound(root / "a.wav", at=(0.5, 1.0))
    text(root / "a.txt", "0.5\n1.0\n")
    sound(root / "b.flac")
    text(root / "b.csv", "seconds,label\n0.25,R\n0.5,kick\n1.5,snare\n")
    sound(root / "more/c.wav")
    text(root / "more/c.txt", "0.250000\t0.250000\tflam\n\\\t100.0\t200.0\n0.750000\t0.800000\t\n")
    text(root / "README.txt", "my drums")


MAKERS = {"mdb": mdb, "idmt": idmt, "groove": groove, "enst": enst, "folder": folder}
EXPECTED = {
    "mdb": ([0.5, 1.0, 1.2], ("SD", "SDG", "SDNS"), {"drum_only", "full_mix"}, 4),
    "idmt": ([0.25, 1.5], ("SD", "SD"), {"MIX", "SD"}, 2),
    "groove": ([0.25, 0.5, 0.75], ("38", "40", "37"), {"Acoustic Kit"}, 2),
    "enst": ([0.2, 0.4, 0.6, 0.8], ("sd", "sd-", "rs", "cs"), {"wet_mix", "dry_mix", "snare"}, 3),
    "folder": ([0.5, 1.0], ("", ""), {"audio"}, 3),
}


@pytest.fixture(params=MAKERS)
def layout(request, tmp_path):
    MAKERS[request.param](tmp_path)
    return request.param


def problems(directory, **options):
    with pytest.raises(UsageError) as error:
        read(directory, **options)
    return error.value.problems


def test_layouts_are_found_and_read(layout, tmp_path):
    onsets, labels, versions, count = EXPECTED[layout]
    assert layout_of(tmp_path) == layout
    recordings = read(tmp_path)
    assert len(recordings) == count and {r.version for r in recordings} == versions
    first = recordings[0]
    assert first.path.is_file() and first.layout == layout and first.onsets_sec.dtype == np.float64
    assert np.allclose(first.onsets_sec, onsets, atol=1e-6) and first.labels == labels
    assert (first.duration_sec, first.sample_rate) == (2.0, RATE)
    assert [r.labels for r in read(tmp_path, layout)] == [r.labels for r in recordings]


def test_all_instruments_and_single_labels(layout, tmp_path):
    everything = read(tmp_path, instruments=None)
    assert not [r for r in everything if r.has_other_drums and r.version != "full_mix"]
    assert all(np.all(np.diff(r.onsets_sec) >= 0) and len(r.labels) == len(r.onsets_sec) for r in everything)
    label = {"mdb": "SDG", "idmt": "HH", "groove": "42", "enst": "sweep", "folder": "R"}[layout]
    kept = {name for r in read(tmp_path, instruments=[label]) for name in r.labels}
    assert kept == {label}
    kicks = read(tmp_path, instruments="kick")
    assert all(len(r.onsets_sec) <= 1 for r in kicks if layout != "folder")


def test_other_instruments_are_told_of(tmp_path):
    idmt(tmp_path)
    assert {r.version: r.has_other_drums for r in read(tmp_path)} == {"MIX": True, "SD": False}
    mdb(tmp_path / "MDB Drums")
    clone = read(tmp_path, "mdb")  # the collection lies in a folder of the repository
    assert len(clone) == 4 and all(r.has_other_drums for r in clone)


def test_classes_are_read_where_there_are_no_subclasses(tmp_path):
    mdb(tmp_path)
    for path in (tmp_path / "annotations" / "subclass").iterdir():
        path.unlink()
    assert read(tmp_path)[0].labels == ("SD", "SD")


def test_splits(tmp_path):
    groove(tmp_path)
    assert [r.split for r in read(tmp_path)] == ["train", "test"]
    assert [r.group for r in read(tmp_path, split="test")] == ["drummer1/session1/2"]
    assert problems(tmp_path, split="tset") == [
        "there is no split 'tset' (did you mean test?); choose from test, train"
    ]
    (tmp_path / "drummer1/session1/1_funk_80_beat_4-4_1.wav").unlink()
    assert len(read(tmp_path, split="test")) == 1 and "there is no file" in problems(tmp_path)[0]


def test_a_folder_takes_labels_that_name_no_instrument(tmp_path):
    folder(tmp_path)
    a, b, c = read(tmp_path)
    assert (b.labels, b.has_other_drums) == (("R", "snare"), True)
    assert (c.labels, c.onsets_sec.tolist(), c.group) == (("flam", ""), [0.25, 0.75], "more/c")
    assert not a.has_other_drums


@pytest.mark.parametrize("line, label", [("0.5 38", "38"), ("0.5;38", "38"), ("0.5\t0.6\tsnare", "snare"),
                                         ('0.5,"R hand"', "R hand"), ("0.5 0.75", "")])  # fmt: skip
def test_lines_of_a_folder(tmp_path, line, label):
    sound(tmp_path / "a.wav")
    text(tmp_path / "a.txt", f"{line}\r\n# a remark\r\n\r\n", "utf-8-sig")
    (recording,) = read(tmp_path)
    assert recording.labels == (label,) and recording.onsets_sec.tolist() == [0.5]


def test_labels_name_instruments():
    assert instrument_of("enst", "CR12") == "cymbal" and instrument_of("enst", "sticks") == "other"
    assert instrument_of("mdb", "TMB") == "other" and instrument_of("folder", "accent") is None
    assert {instrument_of("groove", str(note)) for note in range(20, 60)} == set(INSTRUMENTS)


def test_problems_of_a_directory_are_said_together(tmp_path):
    sound(tmp_path / "alone.wav")
    text(tmp_path / "silent.txt", "0.5\n")
    sound(tmp_path / "bad.wav")
    text(tmp_path / "bad.txt", "0.5\nabout one\n1.5\n1.2\nnan\n")
    sound(tmp_path / "late.wav")
    text(tmp_path / "late.txt", "-0.5\n2.04\n7\n")
    text(tmp_path / "noise.wav", "no sound")
    text(tmp_path / "noise.txt", "")
    sound(tmp_path / "two.wav")
    text(tmp_path / "two.txt", "1\n")
    text(tmp_path / "two.csv", "1\n")
    said = "\n".join(problems(tmp_path))
    for sentence in (
        f"{tmp_path}/alone.wav has no annotation alone.txt or .csv; add it",
        f"{tmp_path}/silent.txt has no sound of that name; add the sound, or remove the annotation",
        f"{tmp_path}/bad.txt:2: 'about one' does not begin with a time in seconds such as 1.25",
        f"{tmp_path}/bad.txt:4: 1.2 s comes after 1.5 s; put the lines in order of time",
        f"{tmp_path}/bad.txt:5: 'nan' does not begin with a time",
        f"{tmp_path}/late.txt:1: -0.5 s is before the sound; give 0 or more",
        f"{tmp_path}/late.txt:3: 7 s is after the end of late.wav at 2.000 s",
        f"{tmp_path}/noise.wav can't be read as sound",
        "two.txt and two.csv differ only in their ending",
    ):
        assert sentence in said
    assert len(said.splitlines()) == 9


def test_published_layouts_that_are_incomplete(tmp_path):
    mdb(tmp_path / "m")
    (tmp_path / "m/annotations/subclass/MusicDelta_Rock_subclass.txt").write_text("0.5 \t SD \nSD\n")
    sound(tmp_path / "m/audio/drum_only/Extra_Drum.wav")
    text(tmp_path / "m/annotations/subclass/Gone_subclass.txt", "0.5 SD\n")
    said = "\n".join(problems(tmp_path / "m"))
    assert "Rock_subclass.txt:2: 'SD' is not a time in seconds and a label" in said
    assert "Extra_Drum.wav has no annotation annotations/subclass/Extra_subclass.txt" in said
    assert "Gone_subclass.txt has no sound of that name" in said and len(said.splitlines()) == 3

    groove(tmp_path / "g")
    table = tmp_path / "g/e-gmd-v1.0.0.csv"
    row = "d,s,s/4,funk,80,beat,4-4,{},{},2.0,test,Kit\n"
    text(tmp_path / "g/broken.midi", "MThd")
    table.write_text(
        table.read_text() + row.format("../x.midi", "a.wav") + row.format("gone.midi", "gone.wav")
        + row.format("broken.midi", "drummer1/session1/1_funk_80_beat_4-4_1.wav")
    )  # fmt: skip
    said = "\n".join(problems(tmp_path / "g"))
    assert "e-gmd-v1.0.0.csv:5: '../x.midi' leads out of" in said
    assert "csv:6: there is no file gone.midi in" in said and "csv:6: there is no file gone.wav in" in said
    assert "broken.midi can't be read as MIDI" in said and len(said.splitlines()) == 4


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_with_entities_is_refused(tmp_path, encoding):
    idmt(tmp_path)
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
    text(tmp_path / "annotation_xml/RealDrum01_00#MIX.xml", bomb, encoding)
    (sentence,) = problems(tmp_path)
    assert "it has a DOCTYPE, which is not read" in sentence
    text(
        tmp_path / "annotation_xml/RealDrum01_00#MIX.xml", XML.format(name="", events=EVENT.format("x", "SD"))
    )
    assert "event 1 has onsetSec 'x' and instrument 'SD'" in problems(tmp_path)[0]


def test_requests_that_can_not_be_met(tmp_path):
    assert "has no layout that is known (mdb: annotations/class" in problems(tmp_path)[0]
    assert "is no directory" in problems(tmp_path / "nix")[0]
    folder(tmp_path)
    assert "layout is 'mbd' (did you mean mdb?); choose from auto" in problems(tmp_path, layout="mbd")[0]
    assert "has no recording in the layout mdb" in problems(tmp_path, layout="mdb")[0]
    assert "instruments: 'snar' (did you mean snare?)" in problems(tmp_path, instruments=["snar"])[0]
    assert "instruments is empty" in problems(tmp_path, instruments=())[0]
    assert (
        "split is 'test', and the layout folder has none; leave it out" in problems(tmp_path, split="test")[0]
    )


def test_what_files_say_can_not_write_on_a_terminal(tmp_path):
    sound(tmp_path / "a\x1b[2J.wav")
    text(tmp_path / "a\x1b[2J.txt", "\x1b]0;title\x07\n")
    assert "\x1b" not in "".join(problems(tmp_path)) and "\\x1b]0;title" in "".join(problems(tmp_path))


def test_scores_are_those_of_mir_eval(tmp_path):
    rng, guesses = np.random.default_rng(1), {}
    for number in range(4):
        times = np.sort(rng.uniform(0, 1.9, 12))
        sound(tmp_path / f"{number}.wav", rate=RATE + number)
        text(tmp_path / f"{number}.txt", "".join(f"{time:.6f}\n" for time in times))
        guesses[RATE + number] = times[:9] + rng.normal(0, 0.03, 9)
    recordings = read(tmp_path)
    heard = []

    def detect(audio, rate):
        heard.append((audio.dtype, len(audio), rate))
        return guesses[rate][::-1]

    result = evaluate(recordings, detect, (0.02, 0.05), resamples=50)
    assert heard == [(np.float32, 2 * (RATE + number), RATE + number) for number in range(4)]
    for window in (0.02, 0.05):
        scores = [
            mir_eval.onset.f_measure(r.onsets_sec, np.sort(guesses[r.sample_rate]), window)
            for r in recordings
        ]
        for row, score in zip(result["recordings"], scores, strict=True):
            values = row["windows"][f"{window:g}"]
            assert np.allclose([values["f1"], values["precision"], values["recall"]], score)
        means = result["windows"][f"{window:g}"]
        for key, value in zip(("f1", "precision", "recall"), np.mean(scores, axis=0), strict=True):
            assert np.isclose(means[key]["value"], value)
            assert means[key]["low"] <= value <= means[key]["high"]
        assert 0 < means["pooled_f1"]["value"] < 1
    assert (result["num_rows"], result["num_groups"], result["num_onsets"]) == (4, 4, 48)
    assert result["subsets"] == {}


def test_versions_of_a_performance_are_scored_apart_and_drawn_together(tmp_path):
    mdb(tmp_path)
    result = evaluate(read(tmp_path), lambda audio, rate: [0.5, 1.0], resamples=20)
    assert (result["num_rows"], result["num_groups"]) == (4, 2)
    assert {name: part["num_rows"] for name, part in result["subsets"].items()} == {
        "drum_only": 2,
        "full_mix": 2,
    }
    said = summary({"mine": result})
    assert said.startswith("mine: F1 0.800") and "mine, full_mix: F1 0.800 (0.800–0.800) within 50 ms" in said


@pytest.mark.parametrize(
    "value, sentence", [(["x"], "returned list; return seconds"), ([np.nan], "returned nan")]
)
def test_detectors_that_return_something_else(tmp_path, value, sentence):
    folder(tmp_path)
    with pytest.raises(UsageError, match=sentence):
        evaluate(read(tmp_path), lambda audio, rate: value)
    with pytest.raises(UsageError, match="no recordings"):
        evaluate([], lambda audio, rate: [])
    with pytest.raises(UsageError, match="not above 0"):
        evaluate(read(tmp_path), lambda audio, rate: [], (0.0,))


def test_baselines_find_bursts_in_parts_as_in_the_whole(tmp_path):
    at = np.arange(0.5, 130, 0.7)
    path = sound(tmp_path / "a.wav", 131, at, 22050)
    text(tmp_path / "a.txt", "".join(f"{time}\n" for time in at))
    for detect in baselines().values():
        assert evaluate(read(tmp_path), detect, (0.05,))["windows"]["0.05"]["f1"]["value"] > 0.95
    from sousa.training.audio import resample
    from sousa.training.features import ONSET_MEL, onsets

    audio = soundfile.read(path, dtype="float32")[0]
    whole = onsets(resample(audio, 22050, ONSET_MEL.sample_rate))
    assert np.allclose(spectral_flux(audio, 22050), whole, atol=1e-9)


def test_librosa_is_named_where_it_is_missing(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(UsageError, match="pip install librosa"):
        librosa_onsets(np.zeros(800, np.float32), RATE)


def model_of(task, **auxiliary):
    torch.manual_seed(0)
    known = Known(corpora.get("rudiments").columns(), corpora.get("rudiments"))
    sizes = {"channels": 8, "wide_channels": 8, "fine_dilations": [1], "dilations": [1, 2]}
    front_end = LogMel(n_mels=16)
    targets = tasks.make_targets(known, task, auxiliary=auxiliary)
    reported = [target.name for target in targets if target.name not in auxiliary]
    encoder = Compact(CompactConfig(**sizes), front_end.num_features)
    return Model(task, targets, reported, front_end, encoder, 2.0).eval()


def test_a_model_hears_long_recordings(tmp_path):
    model = model_of("strokes")
    model.save_pretrained(tmp_path / "model")
    rate, target = model.front_end.sampling_rate, model.reported_targets[0]
    audio = np.random.default_rng(0).uniform(-0.5, 0.5, 7 * rate).astype(np.float32)
    target.threshold = 0.1  # untrained
    outputs = windows.outputs(model, audio)[target.name]
    wanted = [event["onset_sec"] for event in target.decode(outputs, model.frame_sec, 7.0)]
    times = detector(model)(audio, rate)
    assert len(times) and times.tolist() == wanted and times.max() < 7.0
    # resampled, and of a saved model
    assert np.all(detector(str(tmp_path / "model"))(audio[::2], rate // 2) <= 7.0)
    beside = model_of("rudiment", strokes=0.3)
    assert beside.reported == ["rudiment_slug"]
    assert np.all(detector(beside)(audio, rate) < 7.0)
    with pytest.raises(UsageError, match="no events with an onset"):
        detector(model_of("rudiment"))


def test_the_program_scores_a_model_and_baselines(tmp_path, capsys):
    model_of("strokes").save_pretrained(tmp_path / "model")
    folder(tmp_path / "mine")
    arguments = [str(tmp_path / "model"), "--recordings", str(tmp_path / "mine"), "--resamples", "10"]
    assert program.main([*arguments, "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "model: F1" in said and "spectral flux, alone: F1" in said
    assert {"recordings.json", "recordings.csv"} == {path.name for path in (tmp_path / "out").iterdir()}
    assert program.main([*arguments, "--layout", "mbd"]) == 2
    assert "layout is 'mbd'" in capsys.readouterr().err
    assert program.main([*arguments, "--data", "x", "--workers", "2", "--name", "small"]) == 2
    assert "--recordings reads no dataset; leave --data, --name, --workers out" in capsys.readouterr().err
