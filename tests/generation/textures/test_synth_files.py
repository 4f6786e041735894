"""Synthesizers of our protocol in a file that the user names."""

import pytest
import yaml

from sousa.generation.errors import RunError, UsageError
from sousa.generation.textures.dsgenerator import old_style

PING = """
import numpy as np
from sousa.generation.textures.values import Parameter


class Base:
    def render(self, params, samples, rate, rng):
        raise NotImplementedError


class Ping(Base):
    name, version, about = "ping", "1.2.0", "Clicks at random times."
    parameters = (Parameter("rate", 0.1, 50, 2, "events/s", "how many a second", "log"),)

    def render(self, params, samples, rate, rng):
        onsets = np.sort(rng.integers(0, samples, rng.poisson(params["rate"] * samples / rate)))
        audio = np.zeros(samples, dtype=np.float32)
        audio[onsets] = 0.5
        return audio, onsets
"""
SPACE = {
    "synth": "ping", "sample_rate": 8000, "duration_sec": 4, "chunk_sec": 2,
    "parameters": {"rate": {"min": 4, "max": 16, "count": 4, "scale": "log"}},
}  # fmt: skip


@pytest.fixture
def ping(tmp_path):
    path = tmp_path / "Ping.py"
    path.write_text(PING)
    return path


def test_rows_are_made_checked_and_made_again(sousa, ping, tmp_path):
    space, place = tmp_path / "space.yaml", tmp_path / "pings"
    space.write_text(yaml.safe_dump(SPACE))
    named = ("--synth-file", ping)
    done = sousa("generate", "textures", "--configfile", space, *named, "-o", place, "-w", 2)
    assert done.returncode == 0, done.stderr
    done = sousa("verify", place, *named, "--all")
    assert done.returncode == 0 and "is the same" in done.stdout + done.stderr
    # its sound depends on the file, so an edited one is another synthesizer
    ping.write_text(PING.replace("0.5", "0.4"))
    done = sousa("verify", place, *named)
    assert done.returncode != 0 and "Traceback" not in done.stderr


def test_its_version_has_its_own_and_the_files(ping):
    (synth,) = old_style.load(ping)
    assert synth.name == "ping" and synth.version.startswith("1.2.0+file-")
    ping.write_text(PING + "\n# edited\n")
    assert old_style.load(ping)[0].version != synth.version


@pytest.mark.parametrize(
    "change, error, said",
    [
        (("name, version, about =", "version, about, other ="), RunError, "has no name"),
        (('"ping", "1.2.0"', '"My Ping", "1.2.0"'), RunError, "lower-case letters"),
        (("parameters = (", "parameters = None and ("), UsageError, "holds no synthesizer"),
        (("class Ping(Base):", "class Ping(Base):\n    def __init__(self):\n        1 / 0\n"), RunError,
         "ZeroDivisionError"),
    ],
)  # fmt: skip
def test_what_does_not_keep_the_protocol_is_named(ping, change, error, said):
    ping.write_text(PING.replace(*change))
    with pytest.raises(error, match=said) as caught:
        old_style.load(ping)
    assert str(ping) in str(caught.value)
