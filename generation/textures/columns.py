"""Every column of the textures corpus."""

from collections.abc import Iterable

from sousa.generation import columns as roles
from sousa.generation.columns import AUDIO, Column, split_column

FRAME_RATE_HZ = 75  # of curves
HELD_OUT = ("random", "interpolation", "extrapolation")

PARAM = (
    Column("name", "string", "", "parameter of the synthesizer"),
    Column("role", "string", "", "swept, fixed, default, or moving: it changes in time, see curves"),
    Column("natural", "float64", "unit", "value in the parameter's own unit; null where it moves"),
    Column("norm", "float64", "0-1", "value over the declared range, on its scale; null where it moves"),
    Column("unit", "string", "", "of the natural value"),
    Column("user_name", "string", "", "what the configuration calls a swept parameter; null otherwise"),
    Column("user", "float64", "", "the configuration's own label for the value; null where not swept"),
)
CURVE = (
    Column("name", "string", "", "parameter that moves"),
    Column("frame", "int32", "frames", "75 a second from the beginning of the row"),
    Column("natural", "float64", "unit", "value in the middle of the frame"),
    Column("norm", "float64", "0-1", "the same over the declared range, on its scale"),
)
EVENT = (
    Column("onset_sample", "int64", "samples", "where an event begins, from the beginning of the row"),
    Column("kind", "string", "", "of the event, in the words of its synthesizer; null without"),
    Column("velocity", "int32", "1-127", "how loud it is; null where the synthesizer does not say"),
)
BEFORE = (
    Column("sample_id", "string", "", "unique, readable name of the row"),
    Column("setting_id", "string", "", "shared by all rows of one parameter setting",
           role=roles.Group("setting", "settings")),
    Column("sound", "string", "", "what the configuration calls the sound", alias="sounds",
           role=roles.Breakdown(balance=True, shown=False)),
    Column("synth", "string", "", "synthesizer", role=roles.Breakdown(main=True)),
    Column("synth_version", "string", "", "its version"),
    split_column("setting"),
    Column("held_out", "string", "", "of test rows: random, interpolation or extrapolation; null otherwise",
           role=roles.Classes(HELD_OUT, breakdown=True, target=False)),
    Column("setting_index", "int32", "", "coordinate: setting, in the order of its sound's enumeration",
           role=roles.Coordinate()),
    Column("example_index", "int32", "", "coordinate: rendering of the setting", role=roles.Coordinate()),
    Column("chunk_index", "int32", "", "coordinate: chunk of the long signal", role=roles.Coordinate()),
    Column("start_sample", "int64", "samples", "where the row begins in its long signal"),
    Column("duration_sec", "float64", "s", "length of the audio"),
    Column("num_samples", "int64", "samples", "length of the audio"),
    Column("sample_rate", "int32", "Hz", "rate of the audio and of every *_sample value"),
)  # fmt: skip
AFTER = (
    Column("params", PARAM, "", "every parameter of the synthesizer, in its order",
           role=roles.Parameters("curves", FRAME_RATE_HZ, "synth")),
    Column("curves", CURVE, "", "values of parameters that move, frame by frame; empty where none does"),
    Column("events", EVENT, "", "events that begin in the row; null where the synthesizer has none",
           role=roles.Events(velocity="velocity", kind="kind"), rendered=True),
    Column("num_events", "int64", "count", "events that begin in the row; null where it has none",
           rendered=True),
    Column("level_policy", "string", "", "none, peak or rms: what the gain makes equal"),
    Column("gain_db", "float64", "dB", "applied to the whole long signal", rendered=True),
    Column("peak_db", "float64", "dBFS",
           "highest sample of the row before rounding to 16 bits; null: silence", rendered=True),
    Column("rms_db", "float64", "dBFS", "level of the row before rounding to 16 bits; null: silence",
           rendered=True),
    Column("clipped_samples", "int64", "samples", "how many were beyond full scale and cut off",
           rendered=True),
    Column("seed", "int64", "", "corpus seed"),
    Column("draws", "string", "", "coordinates that chance is drawn by, besides seed and example"),
    Column("data_version", "string", "", "version of the audio and labels"),
    Column("pcm_digest", "string", "", "MD5 of the decoded samples, 16-bit", rendered=True),
    Column("audio", AUDIO, "", "encoded audio"),
)  # fmt: skip


def columns(swept: Iterable[tuple[str, str]]) -> tuple[Column, ...]:
    """All columns of a corpus; ``swept``: ``(name, unit)`` of parameters that some sound sweeps, in order."""
    meaning, role = "natural value of {}; null where not swept", roles.Breakdown(shown=False)
    flat = (Column(f"param_{name}", "float64", unit, meaning.format(name), role=role) for name, unit in swept)
    return (*BEFORE, *flat, *AFTER)
