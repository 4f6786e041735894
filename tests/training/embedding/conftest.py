"""Sounds with captions, in a unified JSON file and in a dataset directory, and small encoders."""

import json

import numpy as np
import pytest
import soundfile

from sousa.generation.columns import AUDIO, Classes, Column, Group, Text, schema, split_column

RATE = 22050
SOURCES = ("human", "model", "template")
OTHER = tuple(Column(name, "string", "", "") for name in ("text", "source", "language"))
COLUMNS = (
    Column("sample_id", "string", "", ""),
    split_column("group"),
    Column("band", "string", "", "", role=Group("group", "groups")),
    Column("words", "string", "", "", role=Text("who", "tongue", "more_words")),
    Column("who", "string", "", "", role=Classes(SOURCES, target=False, breakdown=True)),
    Column("tongue", "string", "", ""),
    Column("more_words", OTHER, "", ""),
    Column("duration_sec", "float64", "s", ""),
    Column("audio", AUDIO, "", "", rendered=True),
)
SCHEMA = schema(COLUMNS, RATE)


def tone(number, seconds):
    """A chord of its own for each number, in two channels of which one is silent."""
    time = np.arange(round(seconds * RATE)) / RATE
    audio = sum(0.1 * np.sin(2 * np.pi * 110 * (number + k) * time) for k in (1, 2, 3))
    return np.stack([audio, np.zeros_like(audio)], axis=1)


def unified(folder, rows=12, seconds=2.0, **more):
    """Write sounds and a unified JSON file that names them; returns the file and its objects."""
    folder.mkdir(exist_ok=True)
    entries = []
    for i in range(rows):
        path = folder / f"{i}.wav"
        soundfile.write(path, tone(i, seconds), RATE)
        entry = {"id": f"row_{i:02d}", "audio_path": str(path), "caption": f"a calm piece of music {i}",
                 "duration": seconds, "dataset": "toys", "artist": f"artist {i // 2}"}  # fmt: skip
        if i % 3 == 0:
            entry["alt_captions"] = ["low tones", "a bright noise ."]
        entries.append(entry | more)
    return write_json(folder, entries), entries


def write_json(folder, entries):
    path = folder / "unified.json"
    path.write_text(json.dumps(entries))
    return path


@pytest.fixture(scope="session")
def encoders(tmp_path_factory):
    """Words for ``--encoders`` and ``--text``."""
    from tests.support import tiny_encoders  # torch is not there where only collecting is done

    root = tmp_path_factory.mktemp("encoders")
    for name in ("ast", "bert", "clap", "mert", "whisper"):
        (root / name).mkdir()
        getattr(tiny_encoders, name)(root / name)
    return {
        "ast": f"ast={root / 'ast'}", "bert": f"sentence={root / 'bert'}", "clap": f"clap={root / 'clap'}",
        "mert": f"mert={root / 'mert'}", "whisper": f"whisper={root / 'whisper'}",
    }  # fmt: skip
