"""Scores of the user: MusicXML and MIDI files, what is taken from them, and what is said of others."""

import io
import re
import sys
import zipfile
from fractions import Fraction
from pathlib import Path

import mido
import pytest

from sousa.generation.errors import RunError, UsageError
from sousa.generation.piano import score as written
from sousa.generation.piano import scores
from sousa.generation.piano.scores import arranging, reading, stored

music21 = pytest.importorskip("music21")
CORPUS = Path(music21.__file__).parent / "corpus"


def note(step, octave, duration, extra="", voice=1, staff=1, alter="", chord=False, notations=""):
    """A note of MusicXML."""
    alter = f"<alter>{alter}</alter>" if alter else ""
    chord = "<chord/>" if chord else ""
    length = f"<duration>{duration}</duration>" if duration else ""
    grace = "" if duration else "<grace/>"
    notations = f"<notations>{notations}</notations>" if notations else ""
    return (
        f"<note>{grace}{chord}<pitch><step>{step}</step>{alter}<octave>{octave}</octave></pitch>{length}{extra}"
        f"<voice>{voice}</voice><staff>{staff}</staff>{notations}</note>"
    )


TIE = ('<tie type="start"/>', '<tied type="start"/>'), ('<tie type="stop"/>', '<tied type="stop"/>')
SLUR = '<slur type="start" number="1"/>', '<slur type="stop" number="1"/>'
# an upbeat, a repeated bar with two endings, a tie, a grace note, a trill, a slur; four divisions a quarter
BARS = (
    '<measure number="0" implicit="yes"><attributes><divisions>4</divisions><key><fifths>1</fifths>'
    "<mode>major</mode></key><time><beats>3</beats><beat-type>4</beat-type></time><staves>2</staves>"
    '<clef number="1"><sign>G</sign><line>2</line></clef><clef number="2"><sign>F</sign><line>4</line></clef>'
    "</attributes><direction><direction-type><dynamics><p/></dynamics></direction-type></direction>"
    '<direction><sound tempo="84"/></direction>'
    f"{note('D', 5, 4)}<backup><duration>4</duration></backup>{note('D', 3, 4, voice=5, staff=2)}</measure>"
    '<measure number="1"><barline location="left"><repeat direction="forward"/></barline>'
    f"{note('A', 5, 0)}{note('G', 5, 8, notations=SLUR[0])}"
    f"{note('F', 5, 4, alter='1', notations=SLUR[1] + '<ornaments><trill-mark/></ornaments>')}"
    f"<backup><duration>12</duration></backup>{note('G', 3, 12, TIE[0][0], 5, 2, notations=TIE[0][1])}"
    f"{note('B', 3, 12, '', 5, 2, chord=True)}</measure>"
    '<measure number="2"><barline location="left"><ending number="1" type="start"/></barline>'
    f"{note('A', 5, 12)}<backup><duration>12</duration></backup>"
    f"{note('G', 3, 12, TIE[1][0], 5, 2, notations=TIE[1][1])}"
    '<barline location="right"><ending number="1" type="stop"/>'
    '<repeat direction="backward"/></barline></measure>'
    '<measure number="3"><barline location="left"><ending number="2" type="start"/></barline>'
    f"{note('G', 5, 6, notations='<articulations><staccato/></articulations>')}{note('B', 5, 6)}"
    f"<backup><duration>12</duration></backup>{note('G', 2, 12, '', 5, 2)}"
    '<barline location="right"><ending number="2" type="stop"/></barline></measure>'
)
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
DOCTYPE = (
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">\n'
)
XML = (
    '<score-partwise version="4.0"><work><work-title>Song</work-title></work><identification>'
    '<creator type="composer">Fryderyk Chopin</creator><rights>CC0</rights></identification><part-list>'
    '<score-part id="P1"><part-name>Piano</part-name></score-part></part-list>'
    f'<part id="P1">{BARS}</part></score-partwise>'
)
WHOLE = HEAD + DOCTYPE + XML


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.musicxml"
    path.write_text(WHOLE, encoding="utf-8")
    return scores.read_score(path)


def rows(score, *fields):
    return [tuple(n[field].item() for field in fields) for n in score.notes]


def test_bars_are_those_that_are_played(song):
    assert [(bar.onset_beat, bar.length_beat, bar.metre) for bar in song.bars] == [
        (0, 1, "3/4"), (1, 3, "3/4"), (4, 3, "3/4"), (7, 3, "3/4"), (10, 3, "3/4"),
    ]  # fmt: skip


def test_notes_ties_and_hands(song):
    left = [
        row[:3]
        for row in rows(song, "onset_beat", "duration_beat", "pitch", "hand")
        if row[3] == written.LEFT
    ]
    assert left == [(0, 1, 50), (1, 3, 59), (1, 6, 55), (7, 3, 59), (7, 3, 55), (10, 3, 43)]
    right = [
        row[:3]
        for row in rows(song, "onset_beat", "duration_beat", "pitch", "hand")
        if row[3] == written.RIGHT
    ]
    assert right == [
        (0, 1, 74), (1, 0, 81), (1, 2, 79), (3, 1, 78), (4, 3, 81),
        (7, 0, 81), (7, 2, 79), (9, 1, 78), (10, 1.5, 79), (11.5, 1.5, 83),
    ]  # fmt: skip
    assert (song.notes["melody"] == (song.notes["hand"] == written.RIGHT)).all()
    assert set(song.notes["voice"].tolist()) == {1}


def test_marks_are_kept(song):
    marks = [
        (n["pitch"], written.ORNAMENTS[n["ornament"]], written.ARTICULATIONS[n["articulation"]])
        for n in song.notes
        if n["ornament"] or n["articulation"]
    ]
    grace, trill = (81, "grace", "none"), (78, "trill", "none")
    assert marks == [grace, trill, grace, trill, (79, "none", "staccato")]
    assert song.notes["fifths"][song.notes["pitch"] == 78].tolist() == [6, 6]
    slurred = song.notes["slur"] >= 0
    assert song.notes["pitch"][slurred].tolist() == [81, 79, 78, 81, 79, 78]
    assert song.dynamics[0] == written.Dynamic(0.0, 45.0)


def test_what_a_file_says_of_itself(song):
    assert (song.title, song.style, song.complexity) == ("Song", "romantic", "unrated")
    assert (song.source, song.licence) == ("song.musicxml", "CC0")
    assert (song.tempo_bpm, song.keys) == (84.0, ((0.0, "G major"),))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_and_compression_make_no_difference(tmp_path, song, encoding):
    path = tmp_path / "other.xml"
    path.write_bytes(WHOLE.replace("UTF-8", encoding[:6].rstrip("-")).encode(encoding))
    packed = tmp_path / "packed.mxl"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "META-INF/container.xml",
            '<container><rootfiles><rootfile full-path="a/b.xml"/></rootfiles></container>',
        )
        archive.writestr("other.xml", "<nothing/>")
        archive.writestr("a/b.xml", path.read_bytes())
    for file in (path, packed):
        assert rows(scores.read_score(file), *written.NOTE.names) == rows(song, *written.NOTE.names)


def test_a_score_is_kept_and_comes_back_the_same(tmp_path, song):
    (tmp_path / "set" / "more").mkdir(parents=True)
    for name in ("b.xml", "more/a.musicxml"):
        (tmp_path / "set" / name).write_text(WHOLE)
    (tmp_path / "set" / "notes.txt").write_text("not a score")
    found = scores.read_scores(tmp_path / "set")
    assert [name for name, _ in found] == ["b.xml", "more/a.musicxml"]
    (tmp_path / "set" / "more" / "b.xml").write_bytes((tmp_path / "set" / "b.xml").read_bytes())
    assert scores.read_scores(tmp_path / "set") == found  # a copy of a piece is no piece of its own
    again = scores.kept(found[0][1])
    assert stored.encode(again) == stored.encode(scores.read_score(tmp_path / "set" / "b.xml"))
    assert again.notes.dtype == written.NOTE and again.bars == song.bars and again.keys == song.keys
    with pytest.raises(RunError, match="is not on this machine; run 'sousa generate"):
        scores.kept("0" * 64)
    scores.path_of(found[0][1]).write_text("{}")
    with pytest.raises(RunError, match="has changed"):
        scores.kept(found[0][1])


def packed_with_lzma():
    """A compressed file whose content was damaged."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.xml", WHOLE)
    data = bytearray(packed.getvalue())
    data[45:60] = bytes(255 - byte for byte in data[45:60])
    return bytes(data)


BOMB = HEAD + '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]>' + XML
BAD = {
    "entities.xml": (BOMB.encode(), "it declares entities"),
    "empty.musicxml": (b"", "no MusicXML"),
    "cut.musicxml": (WHOLE[:900].encode(), "music21 can't read it"),
    "other.xml": (b"<html/>", "no MusicXML"),
    "binary.xml": (bytes(range(128, 256)), "no XML in UTF-8"),
    "silent.xml": ((HEAD + XML.replace(BARS, '<measure number="1"/>')).encode(), "no notes in it"),
    "low.xml": (
        WHOLE.replace("<octave>2</octave>", "<octave>-1</octave>").encode(),
        "pitch 7 is not on a piano",
    ),
    "zip.mxl": (b"PK\x03\x04 and then nothing", "damaged"),
    "lzma.mxl": (packed_with_lzma(), "damaged"),
    "text.mid": (b"MThd but no more", "no MIDI file"),
    "endless.mid": (
        b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\1\x30" + b"\xff" * 296 + b"\x7f\x90\x3c\x40\0\x80\x3c\0",
        "more than 1,000,000 quarter notes",
    ),
    "long.mid": (bytes((4 << 20) + 1), "4,194,305 bytes, of at most 4,194,304"),
}


def test_all_problems_of_a_directory_are_said_together(tmp_path):
    for name, (data, _) in BAD.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError) as error:
        scores.read_scores(tmp_path)
    assert len(error.value.problems) == len(BAD)
    for (name, (_, said)), problem in zip(sorted(BAD.items()), error.value.problems, strict=True):
        assert problem.startswith(str(tmp_path / name)) and said in problem and "\n" not in problem


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_BYTES", 10_000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", b" " * 1_000_000)
    (tmp_path / "a.mxl").write_bytes(packed.getvalue())
    with pytest.raises(UsageError, match="more than 10,000 bytes when unpacked"):
        scores.read_score(tmp_path / "a.mxl")


def test_a_directory_without_scores_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no score"):
        scores.read_scores(tmp_path)
    with pytest.raises(UsageError, match="is no directory of scores"):
        scores.read_scores(tmp_path / "absent")


def midi_file(path, tracks, head=()):
    """A MIDI file of 480 ticks: tracks of ``(onset, length, pitch)`` in ticks, after a track of messages."""
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(mido.MidiTrack(head))
    for notes in tracks:
        events = sorted(
            [(t + d, 0, p) for t, d, p in notes] + [(t, 80, p) for t, _, p in notes], key=lambda e: e[:2]
        )
        track, at = mido.MidiTrack(), 0
        for tick, velocity, pitch in events:
            track.append(mido.Message("note_on", note=pitch, velocity=velocity, time=tick - at))
            at = tick
        file.tracks.append(track)
    file.save(path)
    return path


def test_a_midi_file_keeps_its_metre_tempo_and_key(tmp_path):
    head = [
        mido.MetaMessage("time_signature", numerator=6, denominator=8),
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(90)),
        mido.MetaMessage("key_signature", key="Bm"),
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(60), time=1440),
    ]
    low = [(0, 1430, 47), (1440, 1440, 42)]
    high = [(0, 160, 71), (160, 160, 73), (320, 150, 74), (481, 479, 70), (1440, 1440, 74)]
    score = scores.read_score(midi_file(tmp_path / "a.mid", [low, high], head))
    assert rows(score, "onset_beat", "duration_beat", "pitch", "fifths", "hand") == [
        (0.0, 0.333333, 71, 5, 0), (0.0, 3.0, 47, 5, 1), (0.333333, 0.333333, 73, 7, 0),
        (0.666667, 0.333333, 74, 2, 0), (1.0, 1.0, 70, 10, 0), (3.0, 3.0, 74, 2, 0), (3.0, 3.0, 42, 6, 1),
    ]  # fmt: skip
    assert score.tempo_bpm == 90 and score.tempi == ((3.0, 60.0),) and score.keys == ((0.0, "B minor"),)
    assert [(bar.onset_beat, bar.metre) for bar in score.bars] == [(0.0, "6/8"), (3.0, "6/8")]


def test_one_track_is_split_between_hands(tmp_path):
    notes = [(i * 240, 240, p) for i, p in enumerate((72, 74, 76, 77, 79, 77, 76, 74))]
    notes += [(i * 480, 480, p) for i, p in enumerate((48, 52, 55, 52))]
    score = scores.read_score(midi_file(tmp_path / "a.midi", [notes]))
    assert ((score.notes["pitch"] < 60) == (score.notes["hand"] == written.LEFT)).all()
    assert score.keys == ((0.0, "C major"),) and score.tempo_bpm == 120


@pytest.mark.parametrize(
    ("file", "notes", "bars", "key"),
    [
        ("joplin/maple_leaf_rag.mxl", 2308, 130, "Ab major"),
        ("bach/bwv66.6.mxl", 154, 10, "F# minor"),
        ("mozart/k545/movement1_exposition.mxl", 191, 12, "C major"),
    ],
)
def test_real_pieces_have_the_notes_that_music21_counts(file, notes, bars, key):
    score = scores.read_score(CORPUS / file)
    whole = music21.corpus.parse(CORPUS / file).expandRepeats()
    counted = {
        (round(float(element.offset), 6), pitch.midi)
        for part in whole.parts
        for element in part.stripTies().flatten().notes
        for pitch in element.pitches
    }
    here = set(rows(score, "onset_beat", "pitch"))
    assert len(counted) == notes and counted <= here and len(here - counted) <= 2
    assert len(score.bars) == bars and score.keys[0][1] == key
    assert {int(hand) for hand in score.notes["hand"]} == {written.RIGHT, written.LEFT}


def test_tempi_that_nobody_plays_are_left_out(tmp_path):
    head = [
        mido.MetaMessage("set_tempo", tempo=1),
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(80), time=480),
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(70), time=480_000),  # after the last note
    ]
    score = scores.read_score(midi_file(tmp_path / "a.mid", [[(0, 960, 60), (960, 960, 62)]], head))
    assert score.tempo_bpm == 120 and score.tempi == ((1.0, 80.0),)


def test_too_many_notes_are_refused_before_hands_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(arranging, "MOST_NOTES", 9)
    monkeypatch.setattr(arranging, "_hands", None)
    path = midi_file(tmp_path / "a.mid", [[(480 * i, 480, 60) for i in range(10)]])
    with pytest.raises(UsageError, match="10 notes, of at most 9"):
        scores.read_score(path)


def test_a_tempo_of_zero_is_left_out(tmp_path):
    mark = "<metronome><beat-unit>quarter</beat-unit><per-minute>0</per-minute></metronome>"
    text = WHOLE.replace("<dynamics><p/></dynamics>", mark)
    assert text != WHOLE
    (tmp_path / "a.xml").write_text(text)
    assert scores.read_score(tmp_path / "a.xml").tempo_bpm == 84


NUMBERS = {
    "beats": ("0", "-3", "65", "1000", "x", "", "3+62", "2.5"),
    "beat-type": ("0", "3", "-4", "256", "2.5", "x", ""),
    "octave": ("99999", "-100", "9"),
    "voice": ("-100", "x"),
}


@pytest.mark.parametrize(("tag", "value"), [(tag, value) for tag in NUMBERS for value in NUMBERS[tag]])
def test_numbers_that_no_score_has_are_refused_at_once(tmp_path, tag, value):
    (tmp_path / "a.xml").write_text(re.sub(f"<{tag}>[^<]*<", f"<{tag}>{value}<", WHOLE))
    try:
        assert scores.read_score(tmp_path / "a.xml") and tag == "voice"
    except UsageError as error:
        said = {"octave": "is not on a piano", "beats": "metre", "beat-type": "metre"}[tag]
        assert said in str(error) and str(error).count(";") == 1


@pytest.mark.parametrize("times", ["-3", "0", "x", "1.5", "9" * 5000])
def test_repeats_are_of_a_number_of_times(tmp_path, times):
    text = WHOLE.replace('direction="backward"/>', f'direction="backward" times="{times}"/>')
    assert text != WHOLE
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(UsageError, match=f"a repeat of '{times[:38]}.* times; give 1 or more"):
        scores.read_score(tmp_path / "a.xml")


def test_metres_of_midi_files_are_those_that_can_be_written(tmp_path):
    notes = [[(0, 480, 60)]]
    for count, unit in ((0, 4), (65, 4), (4, 256), (3, 2**40)):
        head = [mido.MetaMessage("time_signature", numerator=count, denominator=unit)]
        with pytest.raises(UsageError, match=f"its metre is '{count}/{unit}'; give 1 to 64 beats"):
            scores.read_score(midi_file(tmp_path / "a.mid", notes, head))


def test_what_is_said_twice_at_one_beat_counts_as_it_was_said_last(tmp_path):
    head = [mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm)) for bpm in (90, 60)]
    head += [mido.MetaMessage("time_signature", numerator=n, denominator=4) for n in (4, 3)]
    score = scores.read_score(midi_file(tmp_path / "a.mid", [[(0, 480, 60)]], head))
    assert (score.tempo_bpm, score.bars[0].metre) == (60, "3/4")


def test_a_number_without_end_is_refused_at_once(tmp_path):
    track = b"\xff" * (3 << 20)
    data = b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk" + len(track).to_bytes(4, "big") + track
    (tmp_path / "a.mid").write_bytes(data)
    with pytest.raises(UsageError, match="a number in it does not end"):
        scores.read_score(tmp_path / "a.mid")


def test_more_voices_than_can_be_numbered_share_the_last_one():
    notes = [arranging.FileNote(Fraction(n), Fraction(1), 60, 0, 0, voice=n + 1) for n in range(200)]
    assert arranging.arrange(notes)["voice"].tolist() == [*range(1, 127), *[127] * 74]


def test_a_repeat_of_a_million_times_is_played_as_written(tmp_path):
    text = WHOLE.replace('<repeat direction="backward"/>', '<repeat direction="backward" times="1000000"/>')
    assert text != WHOLE
    (tmp_path / "a.xml").write_text(text)
    assert len(scores.read_score(tmp_path / "a.xml").bars) == 4


def test_that_music21_is_not_installed_is_said_once(tmp_path, monkeypatch):
    for name in ("a.xml", "b.xml"):
        (tmp_path / name).write_text(WHOLE)
    monkeypatch.setitem(sys.modules, "music21", None)
    with pytest.raises(UsageError) as error:
        scores.read_scores(tmp_path)
    assert len(error.value.problems) == 1 and "[scores]" in error.value.problems[0]
