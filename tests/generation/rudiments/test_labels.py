"""Label tables: names people know, one meaning a column, null where not applicable."""

import math

import numpy as np
import pyarrow.parquet as pq
import pytest

from sousa.generation.rudiments import corpus, definitions
from sousa.generation.rudiments.columns import columns
from sousa.generation.rudiments.settings import make_config

# column names of existing loaders, which must be able to read our tables
KNOWN = {
    "samples": """sample_id profile_id rudiment_slug tempo_bpm duration_sec num_cycles skill_tier
        skill_tier_binary dominant_hand midi_path audio_path num_strokes num_measures soundfont
        augmentation_preset augmentation_group_id split category seed data_version pcm_digest bank
        tempo_low_bpm tempo_high_bpm aug_soundfont aug_room_type aug_room_wet_dry aug_mic_distance
        aug_mic_type aug_compression_ratio aug_noise_level_db aug_bit_depth aug_sample_rate""",
    "exercises": """sample_id timing_accuracy timing_consistency tempo_stability subdivision_evenness
        velocity_control accent_differentiation accent_accuracy hand_balance weak_hand_index
        flam_quality diddle_quality roll_sustain groove_feel_proxy overall_score tier_confidence""",
    "measures": """sample_id index stroke_start stroke_end timing_mean_error_ms timing_std_ms
        timing_max_error_ms velocity_mean velocity_std velocity_consistency lr_velocity_ratio
        lr_timing_diff_ms""",
    "strokes": """sample_id index hand stroke_type intended_time_ms actual_time_ms timing_error_ms
        intended_velocity actual_velocity velocity_error is_grace_note is_accent diddle_position
        flam_spacing_ms parent_stroke_index buzz_count onset_sample intended_sample position cycle lead
        beat_group""",
}


@pytest.fixture(scope="module")
def rows():
    """All forms by a beginner and a professional, without audio."""
    config = make_config("small", with_audio=False)
    forms = list(definitions.load().values())
    return corpus.make_rows(config, [(p, f, 1) for p in (1, 3) for f in forms], 0).to_pylist()


@pytest.mark.parametrize("table", KNOWN)
def test_tables_have_the_known_columns(small, table):
    file = pq.ParquetFile(small[0] / "labels" / f"{table}.parquet")
    assert set(KNOWN[table].split()) <= set(file.schema_arrow.names)


def meant(row):
    """Strokes but those that were not meant."""
    return [s for s in row["strokes"] if s["stroke_type"] != "stray"]


def test_nothing_is_nan_and_times_are_not_negative(rows):
    for row in rows:
        for record in (row, *row["strokes"], *row["measures"]):
            for name, value in record.items():
                if isinstance(value, float):
                    assert not math.isnan(value), name
                if name.endswith(("_sample", "_time_ms")) and value is not None:
                    assert value >= 0, name


def test_timing_error_is_actual_minus_intended_for_every_stroke(rows):
    for row in rows:
        for s in meant(row):
            assert s["timing_error_ms"] == pytest.approx(
                s["actual_time_ms"] - s["intended_time_ms"], abs=1e-9
            )
            assert s["actual_time_ms"] == pytest.approx(s["onset_sample"] * 1000 / 44100, abs=1e-9)
            assert s["velocity_error"] == s["actual_velocity"] - s["intended_velocity"]


def test_columns_are_null_exactly_where_they_do_not_apply(rows):
    for row in rows:
        for s in row["strokes"]:
            kind = s["stroke_type"]
            spacings = [s["flam_spacing_ms"], s["drag_spacing_ms"]]
            assert (
                [spacing is not None for spacing in spacings].count(True)
                == (kind == "grace")
                == s["is_grace_note"]
            )
            assert (s["parent_stroke_index"] is not None) == (kind in ("grace", "bounce"))
            assert (s["buzz_count"] is not None) == (kind == "buzz")
            assert s["diddle_position"] in (None, 1, 2)
            assert s["is_accent"] <= (kind in ("accent", "buzz"))


def test_every_written_stroke_is_played_or_left_out_once(rows):
    kinds = set()
    for row in rows:
        played = [s["written_index"] for s in row["strokes"] if s["written_index"] is not None]
        left_out = [o["written_index"] for o in row["omissions"]]
        assert sorted(played + left_out) == list(range(row["num_written"])) and played == sorted(played)
        assert row["num_omissions"] == len(left_out)
        wrong = [s["mistake"] for s in row["strokes"] if s["mistake"]]
        assert row["num_mistakes"] == len(wrong) + len(left_out)
        kinds |= {*wrong, *(o["mistake"] for o in row["omissions"])}
        for s in row["strokes"]:
            stray = s["stroke_type"] == "stray"
            names = (
                "written_hand",
                "intended_sample",
                "timing_error_ms",
                "velocity_error",
                "intended_velocity",
            )
            assert all((s[name] is None) == stray for name in names)
            assert (s["mistake"] in ("double", "touch")) == stray
            assert (s["written_index"] is None) == (stray or s["stroke_type"] == "bounce")
            if not s["mistake"]:
                assert s["hand"] == s["written_hand"] and s["is_accent"] == s["is_accent_played"]
    assert len(kinds) > 9


def test_graces_and_bounces_know_their_primary(rows):
    for row in rows:
        strokes = row["strokes"]
        for s in strokes:
            if s["stroke_type"] == "grace":
                primary = strokes[s["parent_stroke_index"]]
                graces = sum(t["parent_stroke_index"] == primary["index"] for t in strokes)
                spacing_ms = s["flam_spacing_ms" if graces == 1 else "drag_spacing_ms"]
                assert primary["actual_time_ms"] - s["actual_time_ms"] == pytest.approx(spacing_ms)
            if s["stroke_type"] == "buzz":
                own = [b for b in strokes if b["parent_stroke_index"] == s["index"]]
                assert {b["stroke_type"] for b in own} <= {"bounce"} and s["buzz_count"] == len(own) + 1


def test_measures_are_bars_of_the_metre(rows):
    for row in rows:
        count, unit = (int(part) for part in row["metre"].split("/"))
        bar = count * 4 / unit
        edges = [m["stroke_start"] for m in row["measures"]] + [row["measures"][-1]["stroke_end"]]
        assert edges[0] == 0 and edges[-1] == len(row["strokes"]) == row["num_strokes"]
        assert [m["stroke_end"] for m in row["measures"]] == edges[1:]
        assert len(row["measures"]) == row["num_measures"]
        for m in row["measures"]:
            own = row["strokes"][m["stroke_start"] : m["stroke_end"]]
            assert all(m["index"] * bar <= s["beat"] < (m["index"] + 1) * bar for s in own)
            assert all(s["measure_index"] == m["index"] for s in own)
            errors = [
                s["timing_error_ms"] for s in own if s["stroke_type"] not in ("grace", "bounce", "stray")
            ]
            if not errors:
                assert m["timing_mean_error_ms"] is m["timing_max_error_ms"] is m["velocity_mean"] is None
                continue
            assert m["timing_mean_error_ms"] == pytest.approx(np.mean(errors), abs=1e-5)
            assert m["timing_max_error_ms"] == pytest.approx(np.abs(errors).max(), abs=1e-5)
            if len(errors) > 1:
                assert m["timing_std_ms"] == pytest.approx(np.std(errors, ddof=1), abs=1e-5)
            else:
                assert m["timing_std_ms"] is None


def test_beats_are_those_of_the_grid(rows):
    for row in rows:
        samples = 60 / row["tempo_bpm"] * row["sample_rate"]
        count, unit = (int(part) for part in row["metre"].split("/"))
        quarters = 1.5 if unit == 8 and count in (6, 9, 12) else 4 / unit
        beats = row["beats"]
        assert [b["beat"] for b in beats] == [i * quarters for i in range(len(beats))]
        for b in beats:
            assert abs(b["onset_sample"] - row["lead_in_sample"] - b["beat"] * samples) <= 1
        bars = {m["start_sample"] for m in row["measures"]}
        assert {b["onset_sample"] for b in beats if b["is_downbeat"]} <= bars
        assert row["num_samples"] - beats[-1]["onset_sample"] > 0


def test_beat_groups_positions_and_leads(rows):
    by_form = {(r["rudiment_slug"], r["variant"], r["skill_tier"]): r for r in rows}
    row = by_form["paradiddle_diddle", None, "professional"]
    assert [s["beat_group"] for s in row["strokes"][:6]] == ["paradiddle"] * 4 + ["diddle"] * 2
    assert [s["beat_group_index"] for s in row["strokes"][:6]] == [0] * 4 + [1] * 2
    row = by_form["flam_tap", None, "beginner"]
    primaries = [s for s in row["strokes"] if not s["is_grace_note"]]
    other = "L" if row["lead_hand"] == "R" else "R"
    assert [s["lead"] for s in primaries[:4]] == [row["lead_hand"]] * 2 + [other] * 2
    assert [s["position"] for s in primaries[:5]] == [0, 1, 2, 3, 0]
    assert [s["cycle"] for s in primaries[:5]] == [0, 0, 0, 0, 1]


def test_every_column_says_what_it_is():
    def walk(cols):
        for column in cols:
            yield column
            if isinstance(column.type, tuple):
                yield from walk(column.type)

    for column in walk(columns()):
        assert column.meaning, column.name
        if column.name.endswith("_ms"):
            assert column.unit == "ms", column.name
        if column.name.endswith("_sample"):
            assert column.unit == "samples", column.name


def test_everything_that_made_the_row_is_in_it(rows):
    for name in ("seed", "profile_index", "tempo_index", "augmentation_index", "data_version", "drift_ms"):
        assert all(row[name] is not None for row in rows)
    assert sum(name.startswith("player_") for name in rows[0]) >= 20
