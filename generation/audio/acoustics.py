"""From named acoustics to a row's sound: drawing the values, and the signal path.

Conventions
-----------
A *record* is plain data and says everything that was done to a row: with it, the drum, the strokes as
played and the gain, :func:`perform` makes the same sound again. Values
are drawn once, rounded, and used as they stand in the record.

Values come in two groups. A *session* (a player under some acoustics) has one drum, room, microphone and
EQ: everything linear, folded into a wet voice. Every row has its own preamp, compressor and degradations.

The path: strokes mixed from the wet voice > preamp > compressor > metronome or backing track > tape >
dropouts > noise and hum > level > clipping > sample rate > bit depth. No step has a delay; tape and sample-
rate reduction move sound by stated amounts, and :func:`moved` moves labels with it. Levels of noise, hum
and accompaniment are relative to the RMS of the row's signal from its first stroke on; the record also has
them in dB of full scale, before the row's ``gain_db``.
"""

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from sousa.generation.audio import (
    accompaniment,
    chain,
    degrade,
    microphones,
    mix,
    named_acoustics,
    noise,
    rooms,
)
from sousa.generation.audio.banks import BANK_RATE
from sousa.generation.audio.named_acoustics import Acoustics
from sousa.generation.audio.noise import NoiseFile
from sousa.generation.audio.rooms import Response
from sousa.generation.audio.voices import Voice
from sousa.generation.seeds import within

Draw = Callable[[str], float]
Record = dict[str, Any]
Strokes = tuple[np.ndarray, np.ndarray, np.ndarray]
Beats = tuple[np.ndarray, np.ndarray]

# part of the digest: to be raised when the code of the path changes what it makes
PATH_VERSION = 1
TILT_DB = 1.5
FADE_SEC = 0.1
ALIGNED = 64  # whole blocks of the compressor, wherever the first stroke is


@cache
def digest() -> str:
    """SHA-256 of all that decides acoustics besides a row's coordinates: tables, rooms, version."""
    tables = [
        {name: vars(ranges) for name, ranges in named_acoustics.load().items()},
        {name: vars(mic) for name, mic in microphones.load().items()},
        {name: [response.digest for response in rooms.pool(name)] for name in rooms.stated()},
        PATH_VERSION,
    ]
    return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()


def _whole(draw: Draw, name: str, span: Sequence[int]) -> int:
    return span[0] + int(draw(name) * (span[1] - span[0] + 1))


def _choice(draw: Draw, name: str, values: Sequence[Any]) -> Any:
    return values[int(draw(name) * len(values))]


def session_record(ranges: Acoustics, draw: Draw, responses: Sequence[Response]) -> Record:
    """Room, microphone and EQ of a session.

    Args:
        ranges: of any acoustics but clean.
        draw: function of a name giving a uniform number in [0, 1), always the same.
        responses: impulse responses to choose from; empty for acoustics without a room.

    Returns: dict, the first part of a record.
    """
    record: Record = {"preset": ranges.name, "room": None}
    known = None
    assert ranges.microphone and ranges.eq, "all but clean have both"
    if responses:
        heard = _choice(draw, "impulse response", responses)
        about = {n: heard.about[n] for n in ("room_type", "distance_m", "rt60_sec", "drr_db", "c50_db")}
        record["room"] = {"response": heard.name, "digest": heard.digest, **about}
        known = heard.about["distance_m"]  # None in a user's room
    distance = known
    if distance is None:
        span = ranges.microphone.get("distance_m") or rooms.stated()[ranges.name]["distance_m"]
        distance = within(draw, "microphone distance", span)
    record["microphone"] = {
        "type": ranges.microphone["type"],
        "distance_m": known if responses else distance,
        "proximity_m": distance,
        "tilt_db": within(draw, "microphone tilt", (-TILT_DB, TILT_DB), 2),
    }
    record["eq"] = {name: within(draw, name, ranges.eq[name], 1) for name in ("highpass_hz", "lowpass_hz")}
    return record


def row_record(ranges: Acoustics, draw: Draw, rate: int, noise_files: Sequence[NoiseFile] = ()) -> Record:
    """What a row has of its own: preamp, compressor, degradations.

    Args:
        draw: as in :func:`session_record`, but the row's.
        rate: of the corpus; it is never reduced to a higher one.
        noise_files: a user's noises, used in place of the stated colour.

    Returns: dict, the second part of a record; stages that the acoustics lack are None.
    """
    record: Record = dict.fromkeys(("preamp", "compressor", "tape", "dropouts", "noise", "hum", "clip"))
    if ranges.preamp:
        drive_db = within(draw, "drive", ranges.preamp["drive_db"], 2)
        record["preamp"] = {"kind": ranges.preamp["kind"], "drive_db": drive_db}
    if ranges.compressor:
        settings = {name: within(draw, name, span, 2) for name, span in ranges.compressor.items()}
        settings["makeup_db"] = chain.makeup_db(settings["threshold_db"], settings["ratio"])
        record["compressor"] = settings
    if ranges.tape:
        record["tape"] = {name: within(draw, name, span, 6) for name, span in ranges.tape.items()}
        for name in ("wow", "flutter"):
            record["tape"][f"{name}_phase"] = within(draw, f"{name} phase", (0.0, 1.0), 4)
    if ranges.dropouts:
        record["dropouts"] = [
            {
                "start": within(draw, f"dropout start {i}", (0.0, 1.0), 4),
                "length_ms": within(draw, f"dropout length {i}", ranges.dropouts["length_ms"], 1),
                "depth_db": within(draw, f"dropout depth {i}", ranges.dropouts["depth_db"], 2),
            }
            for i in range(_whole(draw, "dropout count", ranges.dropouts["count"]))
        ]
    if ranges.noise:
        record["noise"] = {
            "colour": "user" if noise_files else ranges.noise["colour"],
            "level_db": within(draw, "noise level", ranges.noise["level_db"], 2),
            "offset": int(draw("noise offset") * noise.TABLE_SIZE),
        }
        if noise_files:
            file = _choice(draw, "noise file", noise_files)
            record["noise"] |= {"file": file.name, "digest": file.digest}
    if ranges.hum:
        record["hum"] = {
            "frequency_hz": _choice(draw, "hum frequency", ranges.hum["frequency_choices_hz"]),
            "level_db": within(draw, "hum level", ranges.hum["level_db"], 2),
            "phase": within(draw, "hum phase", (0.0, 1.0), 4),
        }
    if ranges.clip_db:
        record["clip"] = {"under_peak_db": within(draw, "clip", ranges.clip_db, 2)}
    reduced = ranges.sample_rate_choices_hz and _choice(draw, "sample rate", ranges.sample_rate_choices_hz)
    record["sample_rate_hz"] = reduced if reduced and reduced < rate else None
    record["bit_depth"] = ranges.bit_depth and _whole(draw, "bit depth", ranges.bit_depth)
    return record


def response(record: Record, rate: int = BANK_RATE) -> np.ndarray:
    """Everything linear in a record as one filter: float32 (taps,) at a rate."""
    mic, eq = record["microphone"], record["eq"]
    kind = microphones.load()[mic["type"]]
    amplitude = microphones.response(kind, mic["proximity_m"], mic["tilt_db"], rate)
    amplitude = amplitude * microphones.band(eq["highpass_hz"], eq["lowpass_hz"], rate)
    taps = microphones.minimum_phase(amplitude)
    if record["room"] is None:
        return taps.astype(np.float32)
    room = rooms.at_rate(rooms.sound(record["room"]["digest"]), BANK_RATE, rate)
    return microphones.convolve(room, taps)


def moves(record: Record | None) -> bool:
    """Whether a record moves sound in time."""
    return bool(record and (record["tape"] or record["sample_rate_hz"]))


def moved(record: Record | None, positions: np.ndarray, rate: int, num_samples: int) -> np.ndarray:
    """Where positions before tape and sample-rate reduction are heard after them.

    Args:
        positions: int array of samples, within the row.

    Returns: int64 array; never before the position by more than the tape's wow.
    """
    positions = np.asarray(positions, dtype=np.int64)
    if record and record["tape"]:
        positions = degrade.moved_by_tape(positions, record["tape"], rate, num_samples)
    if record and record["sample_rate_hz"]:
        positions = degrade.moved_by_hold(positions, record["sample_rate_hz"], rate)
    return positions


def perform(
    record: Record | None,
    drum: Voice,
    strokes: Strokes,
    num_samples: int,
    gain_db: float,
    beats: Beats | None = None,
) -> tuple[np.ndarray, float]:
    """Play a row.

    Args:
        record: of the row, or None for clean. Levels in dBFS that it lacks are measured and added.
        drum: its Voice, heard through :func:`response`.
        strokes: ``(onset_sample, velocity, variant)``, int arrays; onsets before they are moved.
        num_samples: length of the row.
        gain_db: wanted gain over the bank's own level.
        beats: samples of the beats and which of them begin a bar; for records with a click or a backing.

    Returns: ``(pcm, gain_db)``: int16 (samples, channels), and the gain really used.
    """
    if record is None:
        return mix.quantise(mix.add_up(drum, *strokes, num_samples), gain_db)
    sound = mix.add_up(drum, *strokes, num_samples, FADE_SEC)
    first = int(strokes[0][0]) if len(strokes[0]) else num_samples
    return recorded(record, sound, first, drum.rate, gain_db, beats)


def recorded(
    record: Record, sound: np.ndarray, first: int, rate: int, gain_db: float, beats: Beats | None = None
) -> tuple[np.ndarray, float]:
    """Everything of a record that comes after its linear part.

    Args:
        record: as in :func:`perform`, but not None.
        sound: float32 (channels, samples), mixed and heard through :func:`response`; it is used up.
        first: sample before which nothing sounds.
        gain_db: wanted gain.
        beats: as of :func:`perform`.

    Returns: as :func:`perform`.
    """
    played = sound[:, first // ALIGNED * ALIGNED :]  # nothing sounds before it
    if record["preamp"] and played.size:
        played[:] = chain.saturate(played, **record["preamp"])
    if record["compressor"] and played.size:
        played[:] = chain.compress(played, record["compressor"], rate)
    for name, playing in (("click", accompaniment.click), ("backing", accompaniment.backing)):
        if stage := record.get(name):
            assert beats is not None, "beats are needed for a click or a backing track"
            _measure([stage], sound, first)
            sound += playing(stage, *beats, sound.shape[1], rate) * _linear(stage["rms_db_before_gain"])
    if record["tape"]:
        sound = degrade.tape(sound, record["tape"], rate)
    if record["dropouts"]:
        sound = degrade.drop_out(sound, record["dropouts"], rate)
    stages = [(record[name], make) for name, make in (("noise", _noise), ("hum", _hum)) if record[name]]
    _measure([stage for stage, _ in stages], sound, first)
    for stage, make in stages:
        added = make(stage, sound.shape, rate)
        added *= _linear(stage["rms_db_before_gain"])
        sound += added
    gain_db = mix.safe_gain(sound, gain_db)
    sound *= np.float32(mix.linear_gain(gain_db))
    if stage := record["clip"]:
        if "level_dbfs" not in stage:
            peak = mix.peak_of(sound)
            stage["level_dbfs"] = round(20.0 * math.log10(peak) - stage["under_peak_db"], 2)
        limit = _linear(stage["level_dbfs"])
        np.clip(sound, -limit, limit, out=sound)
    if record["sample_rate_hz"]:
        sound = degrade.hold(sound, record["sample_rate_hz"], rate)
    return mix.to_pcm(sound, record["bit_depth"] or 16), gain_db


def _measure(stages: list[Record], sound: np.ndarray, first: int) -> None:
    """Add levels in dB of full scale, before the row's gain, to stages that lack them."""
    if any("rms_db_before_gain" not in stage for stage in stages):
        signal = sound[:, first:]
        signal_db = 10.0 * math.log10(float(np.square(signal).sum()) / signal.size + 1e-20)
        for stage in stages:
            stage.setdefault("rms_db_before_gain", round(signal_db + stage["level_db"], 2))


def drawn(record: Record | None) -> Record | None:
    """A record without the levels that were measured while playing."""
    measured = ("rms_db_before_gain", "level_dbfs")
    return record and {
        stage: {k: v for k, v in values.items() if k not in measured} if isinstance(values, dict) else values
        for stage, values in record.items()
    }


def _linear(level_db: float) -> np.float32:
    return np.float32(round(10.0 ** (level_db / 20.0), 9))


def _noise(stage: Record, shape: tuple[int, int], rate: int) -> np.ndarray:
    user = stage["colour"] == "user"
    table = noise.user_table(stage["digest"], rate) if user else noise.table(stage["colour"], rate)
    return noise.piece(table, stage["offset"], *shape)


def _hum(stage: Record, shape: tuple[int, int], rate: int) -> np.ndarray:
    return np.tile(noise.hum(stage["frequency_hz"], stage["phase"], shape[1], rate), (shape[0], 1))
