"""Every option has an effect, and what can't be met is said in the words of where it was written."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import soundfile

from sousa.generation import corpora
from sousa.generation.errors import UsageError
from sousa.generation.piano import corpus
from sousa.generation.piano.options import PianoOptions, key_named
from sousa.generation.piano.score import KEYS
from sousa.generation.piano.scores import keep, read_score
from sousa.generation.piano.settings import ScoreRef, config_of, make_config, restore


def rows_of(config, count=12, render=False):
    """Rows of the first pieces of a configuration, as dicts."""
    parts = []
    for shard in corpus.plan(config):
        parts += list(corpus.addresses(config, shard))
    addresses = pa.concat_tables(parts).sort_by("piece_index").slice(0, count)
    return corpus.remake(config, addresses, render).to_pylist()


def labels_of(**options):
    return rows_of(make_config(with_audio=False, **options))


def written_sec(row):
    quarters = row["beats"][-1]["beat"]
    return quarters * 60 / row["tempo_bpm"]


@pytest.mark.parametrize(
    "text, key",
    [
        ("C", "C major"), ("c", "C minor"), ("Am", "A minor"), ("F#m", "F# minor"), ("Bb major", "Bb major"),
        ("Bb", "Bb major"), ("b", "B minor"), ("e flat", None), ("D# minor", "Eb minor"), ("H", None),
        ("C# major", "Db major"), ("Cb", "B major"), ("G♯ minor", "G# minor"), ("A-minor", "A minor"),
        ("Dbmaj", "Db major"), ("", None), ("C lydian", None),
    ],
)  # fmt: skip
def test_names_of_keys(text, key):
    if key is None:
        with pytest.raises(ValueError, match="is no key; give a name such as C, F#m or Bb major"):
            key_named(text)
    else:
        assert key_named(text) == key and key in KEYS


def test_every_key_is_called_by_its_name():
    assert [key_named(name) for name in KEYS] == list(KEYS)


def test_numbers_of_rows():
    config = make_config(samples=7, performances=2, augmentations=3)
    assert config.num_rows == 42 == sum(shard.rows for shard in corpus.plan(config))
    assert config.size == "custom" and make_config("medium").num_rows == 4000


def test_levels():
    both = labels_of(samples=4, complexity=["simple", "complex"])
    assert {row["complexity"] for row in both} == {"simple", "complex"}
    assert {row["complexity"] for row in labels_of(samples=2, complexity="intermediate")} == {"medium"}
    other_names = PianoOptions.read({"complexity": ["beginner", "advanced"]}).complexity
    assert other_names == ["simple", "complex"]


def test_a_level_uses_the_pieces_that_all_levels_have():
    medium = labels_of(samples=2, complexity="medium")
    everything = {row["piece_id"]: row for row in labels_of(samples=6)}
    assert all(everything[row["piece_id"]]["notes"] == row["notes"] for row in medium)


def test_notes():
    rows = labels_of(samples=9, min_notes=40, max_notes=60)
    counts = [
        len({n["note_index"] for n in row["notes"] if n["note_index"] is not None}) + len(row["missed_notes"])
        for row in rows
    ]
    assert all(40 <= count <= 60 for count in counts) and len(set(counts)) > 1


def test_durations():
    rows = labels_of(samples=9, min_duration_sec=4, max_duration_sec=9)
    assert all(4 <= written_sec(row) <= 9 for row in rows)
    assert all(written_sec(row) >= 60 for row in labels_of(samples=3, min_duration_sec=60))


def test_keys_and_metres():
    rows = labels_of(samples=9, keys=["F#m", "Eb"], metres=["3/4", "6/8"], max_duration_sec=10)
    assert {row["key"] for row in rows} == {"F# minor", "Eb major"}
    assert {row["metre"] for row in rows} == {"3/4", "6/8"}
    assert len({row["key"] for row in labels_of(samples=12, max_duration_sec=10)}) > 4


def test_tiers():
    rows = labels_of(samples=4, tiers=["professional"])
    assert {row["skill_tier"] for row in rows} == {"professional"}
    assert len({row["skill_tier"] for row in labels_of(samples=9)}) == 3


def test_performances_differ():
    first, second, *_ = labels_of(samples=1, performances=2)
    assert first["piece_id"] == second["piece_id"] and first["notes"] != second["notes"]
    assert [beat["beat"] for beat in first["beats"]] == [beat["beat"] for beat in second["beats"]]


def test_seed():
    assert labels_of(samples=1)[0]["notes"] != labels_of(samples=1, seed=7)[0]["notes"]


def test_sound_options():
    options = {"sample_rate": 22050, "channels": 2, "audio_format": "wav"}
    (row,) = rows_of(make_config(samples=1, max_duration_sec=4, **options), render=True)
    assert row["sample_rate"] == 22050 and row["audio"]["path"].endswith(".wav")
    assert row["audio"]["bytes"][:4] == b"RIFF" and row["audio"]["bytes"][22] == 2
    assert row["duration_sec"] == row["num_samples"] / 22050
    assert "audio" not in labels_of(samples=1)[0]


def test_acoustics_rooms_and_noises(tmp_path):
    rows = rows_of(make_config(samples=2, augmentations=2, acoustics=["clean", "gym"]))
    assert [row["augmentation_preset"] for row in rows] == ["clean", "gym"] * 2
    places = {name: tmp_path / name for name in ("rooms", "noises")}
    sound = np.r_[1.0, 0.3 * np.random.default_rng(0).standard_normal(4000) * np.exp(-np.arange(4000) / 800)]
    for place in places.values():
        place.mkdir()
    soundfile.write(places["rooms"] / "mine.wav", 0.9 * sound / np.abs(sound).max(), 16000)
    hiss = 0.1 * np.random.default_rng(1).standard_normal(16000)
    soundfile.write(places["noises"] / "hiss.wav", hiss, 16000)
    own = {"impulse_responses": str(places["rooms"]), "noise_files": str(places["noises"])}
    (row,) = rows_of(make_config(samples=1, acoustics=["lo_fi"], max_duration_sec=4, **own), render=True)
    assert row["aug_room_response"] == "mine.wav" and '"file":"hiss.wav"' in row["aug_record"]


def test_scores_of_the_user(score_files):
    config = make_config(scores=str(score_files), score_licence="CC0-1.0", performances=2, with_audio=False)
    rows = rows_of(config)
    assert config.num_rows == len(rows) == 6
    assert {row["complexity"] for row in rows} == {"unrated"}
    assert {row["score_source"] for row in rows} == {f"piece {i}.mid" for i in range(3)}
    assert {row["score_licence"] for row in rows} == {"CC0-1.0"}
    first = make_config(scores=str(score_files), samples=2, with_audio=False)
    assert {row["score_licence"] for row in rows_of(first)} == {"not stated"} and first.num_rows == 2
    told = config.identity()["scores"]
    assert not config.complexity and told == [[ref.name, ref.digest] for ref in config.scores]


@pytest.mark.parametrize(
    "options, problem",
    [
        ({"min_notes": 50, "max_notes": 10}, "--min-notes is 50, above --max-notes 10"),
        ({"keys": ["H", "x"]}, "'H' is no key"),
        ({"metres": ["11/8"]}, "unknown metre '11/8'"),
        ({"complexity": ["hard"]}, "unknown complexity 'hard'"),
        ({"max_duration_sec": 2, "min_notes": 1000}, "--min-notes is 1000, more than simple pieces have"),
        ({"score_licence": "MIT"}, "--score-licence has no use without --scores"),
        ({"scores": ""}, "--scores is empty"),
        ({"scores": "x", "complexity": ["simple"], "min_notes": 5}, "--min-notes has no use for scores"),
        ({"pianos": ["grand"]}, "unknown piano 'grand'"),
        ({"soundfont": "x.sf2", "with_audio": False}, "--soundfont has no use without audio"),
        ({"acoustics": ["clean", "gym"]}, "one rendering of each performance makes clean rows only"),
    ],
)
def test_what_can_not_be_met_is_said(options, problem):
    with pytest.raises(UsageError) as error:
        config_of(PianoOptions.read(options, "command"))
    assert any(text.startswith(problem) or problem in text for text in error.value.problems)


def test_more_samples_than_scores(score_files):
    with pytest.raises(UsageError, match=r"samples is 5, and .* has 3 scores"):
        make_config(scores=str(score_files), samples=5)


def test_a_soundfont_is_no_piano_of_the_configuration_until_it_is_built(tmp_path):
    with pytest.raises(UsageError):
        make_config(soundfont=str(tmp_path / "none.sf2"))
    assert make_config(samples=1).pianos == make_config(pianos=[make_config().pianos[0].name]).pianos


def test_the_last_piano_is_the_one_for_tests_and_others_may_be_named_twice(monkeypatch, tmp_path):
    monkeypatch.setenv("SOUSA_CACHE", str(tmp_path))
    grand, said = make_config(samples=1).pianos[0].name, []
    options = PianoOptions.read({"samples": 1, "pianos": [grand, "modelled_4", grand, "modelled_2"]})
    assert [ref.name for ref in config_of(options, said.append).pianos] == options.pianos
    computed = ("modelled_4", "modelled_2")
    assert said == [f"computing the piano {name}, once for this user" for name in computed]
    with pytest.raises(UsageError, match="pianos names 'modelled_4' last, which is kept for test rows"):
        make_config(samples=1, pianos=["modelled_4", grand, "modelled_4"])


def test_sizes_are_told_apart_by_all_that_was_chosen():
    piano = corpora.get("piano")
    assert piano.resized(make_config("full"), "small") == make_config("small")
    for changes in ({"keys": ["C"]}, {"max_notes": 100}, {"tiers": ["beginner"]}, {"complexity": ["medium"]}):
        assert piano.resized(make_config("medium", **changes), "small") is None


@pytest.mark.parametrize(
    "change",
    [{"complexity": []}, {"complexity": ["beginner"]}, {"keys": ["C"]}, {"metres": ["9/99"]}, {"pianos": []},
     {"scores": [["a.mid", "0" * 64]]}],
)  # fmt: skip
def test_an_identity_that_no_configuration_has_is_refused(change):
    identity = make_config("small").identity()
    assert restore(identity, "small", rows_only=True) == make_config("small")
    with pytest.raises(ValueError):
        restore(identity | change, "small", rows_only=True)


def test_the_licence_that_a_score_states_is_in_its_rows(score_files, tmp_path, monkeypatch):
    monkeypatch.setenv("SOUSA_CACHE", str(tmp_path))
    score = read_score(score_files / "piece 0.mid")
    ref = ScoreRef("a.xml", keep(replace(score, licence="CC BY 4.0")))
    config = make_config(scores=str(score_files), samples=1, with_audio=False)
    assert [row["score_licence"] for row in rows_of(replace(config, scores=(ref,)))] == ["CC BY 4.0"]
