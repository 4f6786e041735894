"""Every column of the piano corpus."""

from sousa.generation import columns as roles
from sousa.generation.audio import named_acoustics
from sousa.generation.columns import ACOUSTICS, AUDIO, Column, split_column
from sousa.generation.piano import played, score

IDENTITY = (
    Column("sample_id", "string", "", "unique, readable name of the row"),
    Column("piece_id", "string", "", "piece", role=roles.Group("piece", "pieces")),
    Column("title", "string", "", "of the piece"),
    split_column("piece"),
    Column("complexity", "string", "", "simple, medium or complex; unrated for scores of the user",
           role=roles.Classes((*score.COMPLEXITIES, "unrated"), balance=True, breakdown=True, main=True)),
    Column("style", "string", "", "what tempo, touch and pedal follow",
           role=roles.Classes(score.STYLES, balance=True)),
    Column("skill_tier", "string", "", "of the player: beginner, intermediate or professional",
           role=roles.Classes(played.TIERS, balance=True, breakdown=True)),
    Column("key", "string", "", "key of the piece", role=roles.Classes(tuple(score.KEYS))),
    Column("metre", "string", "", "time signature at the beginning", role=roles.Breakdown()),
    Column("tempo_bpm", "float64", "quarter notes/min", "written tempo", role=roles.Breakdown(band=20)),
    Column("performed_tempo_bpm", "float64", "quarter notes/min", "median of what is played"),
    Column("duration_sec", "float64", "s", "length of the audio"),
    Column("num_samples", "int64", "samples", "length of the audio"),
    Column("sample_rate", "int32", "Hz", "rate of the audio and of every *_sample column"),
    Column("num_notes", "int64", "count", "notes that are heard"),
    Column("num_bars", "int64", "count", "bars of the piece"),
    Column("max_polyphony", "int64", "count", "most notes that sound at once"),
    Column("pedal_share", "float64", "0-1", "share of the time in which the pedal is down"),
    Column("score_source", "string", "", "composed, or the name of the user's file"),
    Column("score_licence", "string", "", "licence of the user's file; null for composed pieces"),
    Column("seed", "int64", "", "corpus seed"),
    Column("piece_index", "int32", "", "coordinate: piece", role=roles.Coordinate()),
    Column("performance_index", "int32", "", "coordinate: performance of the piece",
           role=roles.Coordinate()),
    Column("augmentation_index", "int32", "", "coordinate: rendering of the performance",
           role=roles.Coordinate()),
    Column("augmentation_group_id", "string", "", "shared by all renderings of one performance",
           role=roles.Renditions("augmentation_preset", named_acoustics.CLEAN)),
    Column("augmentation_preset", "string", "", "acoustics of the rendering", alias="acoustics",
           role=roles.Breakdown(condition=ACOUSTICS, known=named_acoustics.names())),
    Column("data_version", "string", "", "version of the audio and labels"),
)  # fmt: skip
NOTE = (
    Column("onset_sample", "int64", "samples", "where the note begins to sound"),
    Column("key_up_sample", "int64", "samples", "where the key is let go"),
    Column("end_sample", "int64", "samples",
           "where the damper begins to stop it: key_up_sample, or where the pedal comes up (controller 64 "
           "below 64) or the key is struck again; keys above 89 have no damper and ring on"),
    Column("pitch", "int32", "MIDI note number", "21-108"),
    Column("velocity", "int32", "MIDI velocity", "1-127"),
    Column("hand", "string", "", "right or left"),
    Column("voice", "int32", "", "within the hand, from 1, the highest first"),
    Column("kind", "string", "", "written, ornament (part of one), wrong (another key), extra or repeated"),
    Column("note_index", "int32", "", "number of the written note in the score; null for one that is not"),
    Column("onset_beat", "float64", "quarter notes", "where it is written; null where it is not"),
    Column("duration_beat", "float64", "quarter notes", "as notated; null where it is not"),
    Column("name", "string", "", "its name as written, such as F#4; null where it is not"),
)  # fmt: skip
PEDAL = (
    Column("sample", "int64", "samples", "when the pedal moves"),
    Column("value", "int32", "0-127", "controller 64 from then on; dampers are lifted from 64 up"),
)
BEAT = (
    Column("onset_sample", "int64", "samples", "when the beat is heard"),
    Column("beat", "float64", "quarter notes", "its place in the score"),
    Column("bar", "int32", "", "number of its bar, from 0"),
    Column("position", "int32", "", "number of the beat in its bar, from 0: a downbeat"),
)
CHORD = (
    Column("onset_sample", "int64", "samples", "when the harmony begins"),
    Column("onset_beat", "float64", "quarter notes", "its place in the score"),
    Column("duration_beat", "float64", "quarter notes", "how long it lasts"),
    Column("numeral", "string", "", "Roman numeral in the local key, with figures"),
    Column("local_key", "string", "", "key it is read in"),
    Column("root", "int32", "pitch class", "0-11"),
    Column("bass", "int32", "pitch class", "0-11"),
    Column("quality", "string", "", "such as major, minor or dominant7"),
)
NESTED = (
    Column("notes", NOTE, "", "notes that are heard, in order of onset", role=roles.Notes(
        offset="end_sample", pitch="pitch", velocity="velocity", kind="kind", part="hand",
        key_up="key_up_sample", pedal="pedal")),
    Column("pedal", PEDAL, "", "messages of the sustain pedal"),
    Column("beats", BEAT, "", "beats, as they are counted, and the end of the last one"),
    Column("chords", CHORD, "", "harmonies; empty for scores of the user without any"),
    Column("missed_notes", (
        Column("note_index", "int32", "", "number of the written note in the score"),
        Column("onset_beat", "float64", "quarter notes", "where it is written"),
        Column("pitch", "int32", "MIDI note number", "its pitch"),
    ), "", "written notes that are not played"),
)  # fmt: skip
SOUND = (
    Column("piano", "string", "", "piano that is played; null without audio",
           role=roles.Breakdown(condition="instrument")),
    Column("piano_digest", "string", "", "SHA-256 of its samples and tables; null without audio"),
    Column("tuning_cents", "int32", "cents", "piano tuned up or down"),
    Column("brightness_db", "float64", "dB", "tilt of its colour at 4 kHz"),
    Column("gain_db", "float64", "dB", "gain over the piano's own level", rendered=True),
    Column("pcm_digest", "string", "",
           "MD5 of the decoded samples, 16-bit little-endian, as FLAC signs them", rendered=True),
    Column("aug_room_response", "string", "", "impulse response of the room; null without one"),
    Column("aug_rt60_sec", "float64", "s", "reverberation time of the response, measured; null without"),
    Column("aug_mic_type", "string", "", "kind of microphone; null without one"),
    Column("aug_record", "string", "JSON", "everything that was done to the sound; null for clean",
           rendered=True),
)  # fmt: skip
MIDI = (Column("midi", "binary", "", "Standard MIDI file of the performance"),)
SOUND_FILE = (Column("audio", AUDIO, "", "encoded audio"),)


def columns(with_audio: bool = True) -> tuple[Column, ...]:
    """Columns of a shard, in order. Rows without sound have no audio column."""
    return (*IDENTITY, *SOUND, *NESTED, *MIDI, *(SOUND_FILE if with_audio else ()))
