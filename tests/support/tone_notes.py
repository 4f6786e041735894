"""A small dataset of notes as strangers bring it: decaying tones in Parquet, roles in the schema."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from sousa.generation.columns import AUDIO, Classes, Column, Group, Notes, schema, split_column

RATE = 16000
LEVELS = ("easy", "hard")
TONE = (
    Column("begin", "int64", "samples", "onset"),
    Column("stop", "int64", "samples", "where it is damped"),
    Column("release", "int64", "samples", "where the finger leaves"),
    Column("height", "int32", "", "MIDI note number"),
    Column("force", "int32", "", "1-127"),
)
COLUMNS = (
    Column("sample_id", "string", "", "name"),
    Column("song", "string", "", "group", role=Group("song", "songs")),
    split_column("song"),
    Column("level", "string", "", "how hard", role=Classes(LEVELS, breakdown=True, main=True, target=False)),
    Column("tones", TONE, "", "what is heard", role=Notes(
        onset="begin", offset="stop", pitch="height", velocity="force", key_up="release", pedal="foot")),
    Column("foot", (Column("sample", "int64", "", ""), Column("value", "int32", "", "")), "", "pedal"),
    Column("audio", AUDIO, "", "FLAC"),
)  # fmt: skip


def song(rng, seconds, rate=RATE, low=48, high=84, density=4.0):
    """``(notes, pedal messages, audio)``: lists of records, float32 (samples,)."""
    samples = round(seconds * rate)
    messages, at = [], 0.5
    while at < seconds - 1.2:  # pressed for half of the time
        messages += [(round(at * rate), 100), (round((at + 0.6) * rate), 0)]
        at += 1.2
    notes, busy = [], {}
    for onset in np.sort(rng.uniform(0.05, seconds - 0.5, round(density * seconds))):
        height, begin = int(rng.integers(low, high)), round(onset * rate)
        if begin < busy.get(height, -1) + 0.05 * rate:
            continue
        release = begin + round(rng.uniform(0.1, 0.5) * rate)
        down = [(a, b) for (a, _), (b, _) in zip(messages[::2], messages[1::2], strict=True)]
        stop = next((b for a, b in down if a <= release < b), release)
        busy[height] = stop = min(stop, samples)
        force = int(rng.integers(30, 120))
        notes.append({"begin": begin, "stop": stop, "release": release, "height": height, "force": force})
    audio = np.zeros(samples + rate)
    for note in notes:
        size = note["stop"] - note["begin"] + rate // 20
        time = np.arange(size) / rate
        hz = 440.0 * 2 ** ((note["height"] - 69) / 12)
        partials = [k for k in range(1, 7) if k * hz < rate / 2.2]
        tone = sum(np.sin(2 * np.pi * k * hz * time) * np.exp(-(1 + k) * time) / k for k in partials)
        tone[-rate // 20 :] *= np.exp(-np.arange(rate // 20) / (0.01 * rate))
        audio[note["begin"] : note["begin"] + size] += tone * 0.12 * (note["force"] / 127) ** 1.5
    foot = [{"sample": sample, "value": value} for sample, value in messages]
    return notes, foot, audio[:samples].astype(np.float32)


def write(place, counts=(3, 2, 2), seconds=6.0, seed=0, **more):
    """Write so many songs of each split into a directory of Parquet files. Returns: the directory."""
    rng = np.random.default_rng(seed)
    place.mkdir(parents=True, exist_ok=True)
    for split, count in zip(("train", "validation", "test"), counts, strict=True):
        rows = []
        for number in range(count):
            notes, foot, audio = song(rng, seconds, **more)
            file = io.BytesIO()
            soundfile.write(file, np.clip(audio, -1, 1), more.get("rate", RATE), format="FLAC")
            name = f"{split}-{number}"
            rows.append({
                "sample_id": name, "song": name, "split": split, "level": LEVELS[number % 2], "tones": notes,
                "foot": foot, "audio": {"bytes": file.getvalue(), "path": None},
            })  # fmt: skip
        table = pa.Table.from_pylist(rows, schema(COLUMNS, more.get("rate", RATE)))
        path = place / f"{split}-00000-of-00001.parquet"
        pq.write_table(table, path, compression="none", use_dictionary=False)
    return place
