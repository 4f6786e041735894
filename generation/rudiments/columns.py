"""Every column of the rudiments corpus."""

from sousa.generation import columns as roles
from sousa.generation.audio import named_acoustics
from sousa.generation.columns import ACOUSTICS, AUDIO, Column, split_column
from sousa.generation.rudiments import definitions, mistakes, players

_RUDIMENTS = tuple(dict.fromkeys(form.slug for form in definitions.main_forms()))
IDENTITY = (
    Column("sample_id", "string", "", "unique, readable name of the row"),
    Column("profile_id", "string", "", "player: first letters of the tier and the profile number",
           role=roles.Group("player", "players")),
    Column("rudiment_slug", "string", "", "rudiment",
           role=roles.Classes(_RUDIMENTS, breakdown=True, main=True)),
    Column("rudiment_name", "string", "", "its PAS name"),
    Column("rudiment_number", "int32", "", "its PAS number"),
    Column("variant", "string", "", "published variant played; null for the main form"),
    Column("category", "string", "", "roll, diddle, flam or drag", alias="categories",
           role=roles.Classes(definitions.CATEGORIES, balance=True)),
    split_column("player"),
    Column("skill_tier", "string", "", "beginner, intermediate, advanced or professional", alias="tiers",
           role=roles.Classes(players.tiers(), balance=True, breakdown=True, of_group=True)),
    Column("skill_tier_binary", "string", "", "novice (first two tiers) or skilled",
           role=roles.Classes(("novice", "skilled"), of_group=True)),
    Column("tempo_bpm", "int64", "quarter notes/min", "tempo of the grid", role=roles.Breakdown(band=20)),
    Column("tempo_low_bpm", "int64", "quarter notes/min", "slowest tempo this player may be given here"),
    Column("tempo_high_bpm", "int64", "quarter notes/min", "fastest tempo this player may be given here"),
    Column("metre", "string", "", "time signature"),
    Column("duration_sec", "float64", "s", "length of the audio"),
    Column("num_samples", "int64", "samples", "length of the audio"),
    Column("sample_rate", "int32", "Hz", "rate of the audio and of every *_sample column"),
    Column("lead_in_beats", "int32", "beats", "silence before the first beat of the figure"),
    Column("lead_in_sample", "int64", "samples", "position of that beat"),
    Column("num_cycles", "int64", "count", "cycles of the rudiment played"),
    Column("num_strokes", "int64", "count", "strokes that are heard: graces, bounces and strays too"),
    Column("num_written", "int64", "count", "primary strokes and graces that are written"),
    Column("num_omissions", "int64", "count", "written strokes that were not played"),
    Column("num_mistakes", "int64", "count", "strokes with a mistake, and omissions"),
    Column("num_measures", "int64", "count", "bars of the metre begun"),
    Column("dominant_hand", "string", "", "right or left"),
    Column("lead_hand", "string", "", "hand that begins: R or L"),
    Column("dynamic_offset", "float64", "MIDI velocity", "how much louder than usual this take is written"),
    Column("drift_ms", "float64", "ms", "displacement by tempo drift at the end of the take"),
    Column("seed", "int64", "", "corpus seed"),
    Column("profile_index", "int32", "", "coordinate: player", role=roles.Coordinate()),
    Column("tempo_index", "int32", "", "coordinate: tempo", role=roles.Coordinate()),
    Column("augmentation_index", "int32", "", "coordinate: rendering of the take", role=roles.Coordinate()),
    Column("augmentation_group_id", "string", "", "shared by all renderings of one take",
           role=roles.Renditions("augmentation_preset", named_acoustics.CLEAN)),
    Column("practice_id", "string", "",
           "shared by what a player played in one sitting: every rudiment once"),
    Column("mistakes", "string", "", "how many mistakes players make: as_played, few or none"),
    Column("augmentation_preset", "string", "",
           "acoustics of the rendering; clean is the drum alone, and none in exports to sousa-1",
           alias="acoustics", role=roles.Breakdown(condition=ACOUSTICS, known=named_acoustics.names())),
    Column("data_version", "string", "", "version of the audio and labels"),
)  # fmt: skip
PLAYER = tuple(
    Column(f"player_{d.name}", "float64", d.unit, f"{d.meaning} ({d.status})") for d in players.dimensions()
)
SCORE_MEANING = {
    "timing_accuracy": "closeness of primary strokes to the grid",
    "timing_consistency": "smallness of the spread of timing errors around their trend",
    "tempo_stability": "absence of tempo drift",
    "subdivision_evenness": "evenness of the intervals between neighbouring primaries",
    "velocity_control": "smallness of velocity errors among strokes of one kind",
    "accent_differentiation": "size of the step from taps to accents; null without both",
    "accent_accuracy": "accents and taps each on their side of the step; null without both",
    "hand_balance": "likeness of the two hands in velocity and timing",
    "weak_hand_index": "which hand is less steady: over 50 the right, under 50 the left",
    "flam_quality": "flam leads as intended; null without flams",
    "drag_quality": "both gaps of drags as intended; null without drags",
    "diddle_quality": "evenness of diddles in time and velocity; null without diddles",
    "roll_sustain": "level of taps held to the end of a roll; null outside rolls",
    "buzz_quality": "evenness and length of press strokes; null without them",
    "stroke_accuracy": "smallness of the share of written strokes with a mistake",
    "groove_feel_proxy": "steady, connected placement, a proxy",
    "overall_score": "weighted mean of the scores that apply",
    "tier_confidence": "probability of the labelled tier given overall_score",
}
UNSEEN = ("seen_sound", "unseen_drum", "unseen_room", "unseen_drum_and_room")
SCORE_NAMES = tuple(SCORE_MEANING)
SCORE_TOP = dict.fromkeys(SCORE_NAMES, 100) | {"groove_feel_proxy": 1, "tier_confidence": 1}
SCORES = tuple(
    Column(name, "float64", f"0-{SCORE_TOP[name]}", meaning, role=roles.Score(0.0, SCORE_TOP[name]))
    for name, meaning in SCORE_MEANING.items()
)
SOUND = (
    Column("soundfont", "string", "", "font or collection the drum comes from; null without audio",
           role=roles.Breakdown()),
    Column("bank", "string", "", "note bank of the drum; null without audio", alias="banks",
           role=roles.Breakdown(condition="drum", shown=False)),
    Column("bank_digest", "string", "", "SHA-256 of the bank's samples and gains"),
    Column("bank_tuning_cents", "int32", "cents", "drum tuned up or down"),
    Column("drum_setup", "string", "JSON", "what else was done to the drum, and how each hand sounds"),
    Column("unseen_sound", "string", "",
           "whether drum or room are in no row for training: seen_sound, unseen_drum, unseen_room or "
           "unseen_drum_and_room", role=roles.Breakdown(known=UNSEEN)),
    Column("gain_db", "float64", "dB", "gain over the bank's own level", rendered=True),
    Column("pcm_digest", "string", "",
           "MD5 of the decoded samples, 16-bit little-endian, as FLAC signs them", rendered=True),
)  # fmt: skip
AUGMENTATION = (
    Column("aug_soundfont", "string", "", "the same as soundfont, under the name loaders know"),
    Column("aug_room_type", "string", "", "room; null without one"),
    Column("aug_room_wet_dry", "float64", "0-1", "share of reflections in the energy; null without a room"),
    Column("aug_room_response", "string", "", "impulse response of the room; null without one"),
    Column("aug_rt60_sec", "float64", "s", "reverberation time of the response, measured; null without"),
    Column("aug_drr_db", "float64", "dB", "direct over reflected energy, measured; null without a room"),
    Column("aug_c50_db", "float64", "dB", "clarity: first 50 ms over the rest, measured; null without"),
    Column("aug_mic_distance", "float64", "m",
           "microphone to drum; null without a microphone, or in a room of the user"),
    Column("aug_mic_type", "string", "", "kind of microphone; null without one"),
    Column("aug_compression_ratio", "float64", "ratio", "compressor; null without one"),
    Column("aug_noise_level_db", "float64", "dB", "noise added, relative to the signal's RMS; null without"),
    Column("aug_click_level_db", "float64", "dB",
           "metronome, relative to the signal's RMS; null without"),
    Column("aug_backing_level_db", "float64", "dB",
           "backing track, relative to the signal's RMS; null without"),
    Column("aug_bit_depth", "int32", "bits", "depth the sound was reduced to; null if it was not"),
    Column("aug_sample_rate", "int32", "Hz", "rate the sound was reduced to; null if it was not"),
    Column("aug_record", "string", "JSON", "everything that was done to the sound; null for clean",
           rendered=True),
)  # fmt: skip
SOUND = (*SOUND, *AUGMENTATION)
MEASURE = (
    Column("index", "int32", "", "bar, from 0"),
    Column("stroke_start", "int32", "", "first stroke of the bar"),
    Column("stroke_end", "int32", "", "one past its last stroke"),
    Column("start_sample", "int64", "samples", "where the bar begins on the grid"),
    Column("is_complete", "bool", "", "the take goes on to the end of the bar"),
    Column("timing_mean_error_ms", "float64", "ms", "mean timing error of primaries; null without"),
    Column("timing_std_ms", "float64", "ms", "standard deviation of it; null for one primary"),
    Column("timing_max_error_ms", "float64", "ms", "largest absolute timing error of a primary"),
    Column("velocity_mean", "float64", "MIDI velocity", "mean velocity of primaries; null without"),
    Column("velocity_std", "float64", "MIDI velocity", "standard deviation of it; null for one primary"),
    Column("velocity_consistency", "float64", "", "1 - standard deviation / mean of velocity"),
    Column("lr_velocity_ratio", "float64", "ratio", "mean velocity left / right; null for one hand"),
    Column("lr_timing_diff_ms", "float64", "ms", "mean timing error left - right; null for one hand"),
)
STROKE = (
    Column("index", "int32", "", "number in the take, in order of time"),
    Column("measure_index", "int32", "", "bar of the stroke; graces and bounces: of their primary"),
    Column("cycle", "int32", "", "cycle of the rudiment, from 0"),
    Column("position", "int32", "", "place of the primary in the sticking of a cycle, from 0"),
    Column("lead", "string", "", "hand that leads this half of the cycle"),
    Column("beat", "float64", "quarter-note beats", "written place of the primary, from the first beat"),
    Column("beat_group", "string", "", "part of the figure, such as paradiddle or diddle"),
    Column("beat_group_index", "int32", "", "number of that part in the cycle"),
    Column("hand", "string", "", "that plays: R or L"),
    Column("written_hand", "string", "", "that is written: R or L; null for strays"),
    Column("stroke_type", "string", "",
           "as written: tap, accent, diddle, grace, buzz (a press), bounce (of one); or stray: unintended"),
    Column("mistake", "string", "",
           f"{', '.join(mistakes.HEARD[:-1])} or {mistakes.HEARD[-1]}; null for none"),
    Column("written_index", "int32", "",
           "number among the written strokes of the take; null for bounces and strays"),
    Column("onset_sample", "int64", "samples", "where the stroke is heard"),
    Column("intended_sample", "int64", "samples",
           "where it is written; graces: a stated lead before; null for strays"),
    Column("intended_time_ms", "float64", "ms", "intended_sample as time; null for strays"),
    Column("actual_time_ms", "float64", "ms", "onset_sample as time"),
    Column("timing_error_ms", "float64", "ms", "actual - intended; null for strays"),
    Column("intended_velocity", "int32", "MIDI velocity", "written loudness; null for strays"),
    Column("actual_velocity", "int32", "MIDI velocity", "played loudness, 1-127"),
    Column("velocity_error", "int32", "MIDI velocity", "actual - intended; null for strays"),
    Column("is_grace_note", "bool", "", "a grace of a flam or drag; bounces are not"),
    Column("is_accent", "bool", "", "written as an accent"),
    Column("is_accent_played", "bool", "",
           "played as one: a written one that is made, or a misplaced one"),
    Column("diddle_position", "int32", "", "1 or 2 in a diddle, else null"),
    Column("flam_spacing_ms", "float64", "ms", "graces of flams: time to their primary, as played"),
    Column("drag_spacing_ms", "float64", "ms", "graces of drags: time to their primary, as played"),
    Column("parent_stroke_index", "int32", "", "graces and bounces: index of their primary"),
    Column("ornament_index", "int32", "", "graces and bounces: number under their primary, from 1"),
    Column("round_robin", "int32", "",
           "which variant of the drum's sound is heard, never the same twice running"),
    Column("buzz_count", "int32", "count", "presses: contacts heard, the first included"),
)  # fmt: skip
OMISSION = (
    Column("written_index", "int32", "", "number among the written strokes of the take"),
    Column("mistake", "string", "", f"{', '.join(mistakes.LEFT_OUT[:-1])} or {mistakes.LEFT_OUT[-1]}"),
    Column("measure_index", "int32", "", "bar of the stroke; graces: of their primary"),
    Column("cycle", "int32", "", "as of strokes"),
    Column("position", "int32", "", "as of strokes"),
    Column("beat", "float64", "quarter-note beats", "as of strokes"),
    Column("written_hand", "string", "", "R or L"),
    Column("stroke_type", "string", "", "tap, accent, diddle, grace or buzz"),
    Column("intended_sample", "int64", "samples", "where it is written"),
    Column("intended_time_ms", "float64", "ms", "intended_sample as time"),
)  # fmt: skip
BEAT = (
    Column("onset_sample", "int64", "samples", "where the beat is on the grid"),
    Column("beat", "float64", "quarter-note beats", "from the first beat of the figure"),
    Column("is_downbeat", "bool", "", "the first of a bar"),
)  # fmt: skip
_EVENTS = roles.Events(
    velocity="actual_velocity", kind="stroke_type", part="hand",
    flags=(("hand", "L", "hand"), ("is_accent_played", True, "accent"), ("is_grace_note", True, "grace"),
           ("stroke_type", "bounce", "bounce"), ("mistake", mistakes.HEARD, "mistake")),
    earlier_flags=(("hand", "L", "hand"), ("is_accent", True, "accent"), ("is_grace_note", True, "grace")),
)  # fmt: skip
NESTED = (
    Column("measures", MEASURE, "", "bars, in order"),
    Column("strokes", STROKE, "", "strokes that are heard, in order of time", role=_EVENTS),
    Column("omissions", OMISSION, "", "written strokes that were not played, as they are written"),
    Column(
        "beats",
        BEAT,
        "",
        "beats of the grid, as a metronome has them: dotted quarters in compound time",
        role=roles.Events(flags=(("is_downbeat", True, "downbeat"),)),
    ),
)
MIDI = (Column("midi", "binary", "", "Standard MIDI file of the take"),)
SOUND_FILE = (Column("audio", AUDIO, "", "encoded audio"),)

# labels without sound, as files of their own
TABLES = {
    "samples": tuple(column.name for column in (*IDENTITY, *SOUND, *PLAYER)),
    "exercises": tuple(column.name for column in SCORES),
    "measures": ("measures",),
    "strokes": ("strokes",),
    "omissions": ("omissions",),
}


def columns(with_audio: bool = True) -> tuple[Column, ...]:
    """Columns of a shard, in order. Rows without sound have no audio column."""
    return (*IDENTITY, *SCORES, *SOUND, *PLAYER, *NESTED, *MIDI, *(SOUND_FILE if with_audio else ()))
