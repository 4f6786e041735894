"""Which rendering a row is, and that it depends on its coordinates alone."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from sousa.generation.audio import held_out, named_acoustics
from sousa.generation.errors import UsageError
from sousa.generation.rudiments import corpus, definitions, players
from sousa.generation.rudiments.columns import UNSEEN
from sousa.generation.rudiments.renderings import acoustics_of, rendering
from sousa.generation.rudiments.score import plan_take
from sousa.generation.rudiments.settings import make_config

FORMS = ("flam", "single_paradiddle", "five_stroke_roll")


@pytest.fixture(scope="module")
def config():
    return make_config("small", augmentations=12, rudiments=FORMS)


def take(profile, form="flam", tempo=0):
    return plan_take(42, players.player(42, profile), definitions.load()[form], tempo, 6.0)


def rows(config, augmentation, profiles=(0, 1), render=True):
    address = [(p, definitions.load()[form], 0) for p in profiles for form in FORMS]
    return corpus.make_rows(config, address, augmentation, render).to_pylist()


def test_every_take_meets_clean_first_and_all_other_acoustics_once(config):
    orders = set()
    for profile in range(6):
        for form in FORMS:
            order = [acoustics_of(config, take(profile, form), a) for a in range(12)]
            assert order[0] == "clean" and sorted(order) == sorted(named_acoustics.names())
            orders.add(tuple(order))
    assert len(orders) == 18


def test_clean_rows_do_not_depend_on_acoustics(config, tmp_path):
    alone = make_config("small", rudiments=FORMS)
    fewer = make_config("small", augmentations=3, rudiments=FORMS, acoustics=["clean", "gym"])
    assert rows(config, 0) == rows(alone, 0) == rows(fewer, 0)


def test_rows_do_not_depend_on_the_other_acoustics(config):
    few = make_config("small", augmentations=2, rudiments=FORMS, acoustics=["clean", "garage"])
    assert {row["augmentation_preset"] for row in rows(few, 1)} == {"garage"}
    two = make_config("small", augmentations=5, rudiments=FORMS, acoustics=["clean", "gym", "garage"])
    order = [acoustics_of(two, take(0), a) for a in range(5)]
    assert order[0] == "clean" and sorted(order[1:3]) == sorted(order[3:5]) == ["garage", "gym"]


def test_a_session_is_one_drum_and_place_and_rows_have_values_of_their_own(config):
    found = {}
    for profile in (0, 1, 2):
        for form in FORMS:
            for augmentation in range(1, 12):
                one = rendering(config, take(profile, form), augmentation)
                found.setdefault((profile, one.acoustics), []).append(one)
    for renderings in found.values():
        assert len({(r.bank.name, r.setup) for r in renderings}) == 1
        assert (
            len({json.dumps([r.record["room"], r.record["microphone"], r.record["eq"]]) for r in renderings})
            == 1
        )
    assert len({r.record["compressor"]["ratio"] for r in found[0, "gym"]}) == len(FORMS)
    assert len({found[p, "gym"][0].record["room"]["response"] for p in range(3)}) > 1


def test_what_is_held_out_is_heard_in_the_test_split_alone(config):
    names = held_out.names()
    heard = {split: Counter() for split in ("train", "validation", "test")}
    for profile in range(40):
        split = players.assignment(profile)[1]
        for tempo in range(3):
            for augmentation in range(12):
                r = rendering(config, take(profile, tempo=tempo), augmentation)
                drum = r.bank.name in names["banks"]
                room = bool(
                    r.record and r.record["room"] and r.record["room"]["response"] in names["responses"]
                )
                assert r.unseen == UNSEEN[drum + 2 * room]
                heard[split][r.unseen] += 1
    assert set(heard["train"]) == set(heard["validation"]) == {"seen_sound"}
    assert set(heard["test"]) == set(UNSEEN)


def test_few_players_have_most_drums_and_no_two_alike(config):
    own = [rendering(config, take(p, tempo=t), 0) for p in range(20) for t in range(3)]
    assert len({r.bank.name for r in own}) > 0.8 * len(config.banks)
    assert len({r.setup for r in own}) == len(own)


def test_labels_of_moved_rows_follow_the_sound(config):
    """Tape and sample-rate reduction move strokes; everything else stays the player's."""
    plain = {row["augmentation_group_id"]: row for row in rows(config, 0)}
    moved = Counter()
    for augmentation in range(1, 12):
        for row in rows(config, augmentation, render=False):
            clean, kind = plain[row["augmentation_group_id"]], row["augmentation_preset"]
            shift = [
                a["onset_sample"] - b["onset_sample"]
                for a, b in zip(row["strokes"], clean["strokes"], strict=True)
            ]
            moves = any(shift)
            moved[kind] += moves
            assert moves or row["midi"] == clean["midi"]
            assert max(map(abs, shift)) < 100 and row["overall_score"] == clean["overall_score"]
            assert row["num_samples"] == clean["num_samples"]
            for a, b in zip(row["strokes"], clean["strokes"], strict=True):
                # tape stretches errors by its speed; ticks of the sample rate round them
                if a["stroke_type"] != "stray":
                    assert a["timing_error_ms"] == pytest.approx(b["timing_error_ms"], rel=0.005, abs=0.1)
                assert a["round_robin"] == b["round_robin"]
    assert {name for name, count in moved.items() if count} == {"vintage_tape", "lo_fi"}


def test_columns_tell_what_was_done(config):
    for augmentation in range(12):
        for row in rows(config, augmentation, profiles=(3,)):
            kind = named_acoustics.load()[row["augmentation_preset"]]
            record = json.loads(row["aug_record"]) if row["aug_record"] else None
            assert (record is None) == (kind.name == "clean")
            assert row["aug_soundfont"] == row["soundfont"]
            assert row["aug_mic_type"] == (kind.microphone and kind.microphone["type"])
            assert (row["aug_compression_ratio"] is None) == (kind.compressor is None)
            assert (row["aug_noise_level_db"] is None) == (kind.noise is None)
            assert (row["aug_rt60_sec"] is None) == (record is None or record["room"] is None)
            if record and record["room"]:
                assert row["aug_room_wet_dry"] == pytest.approx(
                    1 / (1 + 10 ** (row["aug_drr_db"] / 10)), abs=1e-4
                )
            if row["aug_compression_ratio"]:
                low, high = kind.compressor["ratio"]
                assert low <= row["aug_compression_ratio"] <= high


def test_unknown_acoustics_and_useless_choices_are_refused(tmp_path):
    room, noise = tmp_path / "rooms", tmp_path / "noise"
    for folder in (room / "garage", noise):
        folder.mkdir(parents=True)
        sound = np.random.default_rng(0).normal(0, 0.1, 44100)
        sound[0] = 0.9
        soundfile.write(folder / "a.wav", sound, 44100)

    def refused(match, **options):
        with pytest.raises(UsageError, match=match):
            make_config(**options)

    refused(r"unknown acoustics 'gim' .did you mean gym", size="medium", acoustics=["gim"])
    refused("makes clean rows only", acoustics=["clean", "gym"])
    refused("acoustics is empty; give at least one", acoustics=[])
    refused("acoustics has no use without audio", size="medium", acoustics=["gym"], with_audio=False)
    refused("noise_files has no use", noise_files=str(noise))
    refused(
        "impulse_responses has no use for garage",
        size="medium",
        acoustics=["gym"],
        impulse_responses=str(room),
    )
    assert make_config(acoustics="gym").acoustics == ("gym",)
    assert make_config(presets=["gym"]).acoustics == ("gym",)  # what it was called before
    assert make_config("medium", with_audio=False).acoustics == ("clean",)


def test_new_acoustics_move_as_few_rows_as_they_can():
    """No row changes but those that get the new ones, and these are its share."""
    names = [name for name in named_acoustics.names() if name != "clean"]
    takes = [take(profile, form) for profile in range(60) for form in FORMS]
    for renderings in (2, 5, len(names)):
        fewer = replace(make_config(augmentations=renderings), acoustics=("clean", *names[:-1]))
        more = replace(fewer, acoustics=("clean", *names))
        before, after = (
            [acoustics_of(c, t, a) for t in takes for a in range(1, renderings)] for c in (fewer, more)
        )
        assert {new for old, new in zip(before, after, strict=True) if new != old} == {names[-1]}
        assert 0.6 / len(names) < after.count(names[-1]) / len(after) < 1.5 / len(names)


def test_sounds_of_any_size_make_a_column(monkeypatch):
    """One that offsets of 32 bits can't address is left to Arrow."""
    files, paths = [b"ab", b"", b"c"], ["1.flac", "2.flac", "3.flac"]
    column = corpus._audio_array([*files], paths)
    column.validate(full=True)
    assert column.to_pylist() == [{"bytes": f, "path": p} for f, p in zip(files, paths, strict=True)]
    monkeypatch.setattr(corpus, "_MAX_OFFSET", 2)
    assert corpus._audio_array(files, paths).equals(column)
