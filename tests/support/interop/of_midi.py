"""Readers of MIDI files: notes are the strokes, and the first metre is the music's."""

from made import reader


def compare_notes(made, read, names):
    """Notes ``(seconds, velocity)`` of files against the strokes of rows; returns the largest difference."""
    worst = 0.0
    for name in names:
        row, notes = made.rows[name], sorted(read(made.midi_file(name)))
        strokes = [(s["onset_sample"] / row["sample_rate"], s["actual_velocity"]) for s in row["strokes"]]
        strokes.sort()
        assert len(notes) == len(strokes), f"{name}: {len(notes)} notes, {len(strokes)} strokes"
        assert [v for _, v in notes] == [v for _, v in strokes], f"{name}: velocities"
        away = max(abs(t - s) for (t, _), (s, _) in zip(notes, strokes, strict=True)) * row["sample_rate"]
        assert away <= 1, f"{name}: {away:.2f} samples away"
        worst = max(worst, away)
    return f"{len(names)} files, at most {worst:.2f} samples away"


def require_metre(made, first, names):
    """The first time signature of files, ``(count, unit)``, has to be the metre of the row."""
    found = {name: "{}/{}".format(*first(made.midi_file(name))) for name in names}
    wrong = [name for name, metre in found.items() if metre != made.rows[name]["metre"]]
    assert not wrong, f"{len(wrong)} of {len(names)} files begin with another metre, such as {wrong[0]}"
    return f"{len(names)} files"


@reader("mido: notes")
def mido_notes(made):
    import mido

    def read(path):
        now = 0.0
        for message in mido.MidiFile(path):
            now += message.time
            if message.type == "note_on" and message.velocity:
                yield now, message.velocity

    return compare_notes(made, read, made.rows)


@reader("mido: first metre")
def mido_metre(made):
    import mido

    def first(path):
        found = next(m for m in mido.MidiFile(path).merged_track if m.type == "time_signature")
        return found.numerator, found.denominator

    return require_metre(made, first, made.rows)


@reader("pretty_midi: notes")
def pretty_midi_notes(made):
    import pretty_midi

    def read(path):
        return [(n.start, n.velocity) for i in pretty_midi.PrettyMIDI(path).instruments for n in i.notes]

    return compare_notes(made, read, made.rows)


@reader("miditoolkit: notes")
def miditoolkit_notes(made):
    import miditoolkit

    def read(path):
        file = miditoolkit.MidiFile(path)
        seconds = file.get_tick_to_time_mapping()
        return [(seconds[n.start], n.velocity) for i in file.instruments for n in i.notes]

    return compare_notes(made, read, made.rows)


@reader("symusic: notes")
def symusic_notes(made):
    import symusic

    def read(path):
        score = symusic.Score(path, ttype="second")
        return [(float(note.time), note.velocity) for track in score.tracks for note in track.notes]

    return compare_notes(made, read, made.rows)


@reader("partitura: notes")
def partitura_notes(made):
    import partitura

    def read(path):
        notes = partitura.load_performance_midi(path).note_array()
        return [(float(n["onset_sec"]), int(n["velocity"])) for n in notes]

    return compare_notes(made, read, made.some)


def music21_score(path):
    from music21 import converter

    return converter.parse(path, format="midi", forceSource=True, quantizePost=False)


@reader("music21: notes")
def music21_notes(made):
    for name, row in made.some.items():
        strokes = sorted((s["onset_sample"], s["actual_velocity"]) for s in row["strokes"])
        for sounding in music21_score(made.midi_file(name)).flatten().secondsMap:
            # close notes are a chord, at the time of the first; a bar line ties two halves of a note
            notes = getattr(sounding["element"], "notes", [sounding["element"]])
            notes = [n for n in notes if not (getattr(n, "tie", None) and n.tie.type in ("stop", "continue"))]
            if heard := [note.volume.velocity for note in notes if getattr(note, "volume", None)]:
                own, strokes = strokes[: len(heard)], strokes[len(heard) :]
                assert abs(own[0][0] - sounding["offsetSeconds"] * row["sample_rate"]) <= 1, name
                assert sorted(heard) == sorted(velocity for _, velocity in own), name
        assert not strokes, f"{name}: {len(strokes)} strokes are not there"
    return f"{len(made.some)} files"


@reader("music21: first metre")
def music21_metre(made):
    def first(path):
        found = music21_score(path).recurse().getElementsByClass("TimeSignature").first()
        return found.numerator, found.denominator

    return require_metre(made, first, made.some)
