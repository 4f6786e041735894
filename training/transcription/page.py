"""A page to look at what was found in a recording, and to hear both: one HTML file that needs no other."""

import base64
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import soundfile

from sousa.generation.text import html, script
from sousa.training.transcription.files import note_rows, summary
from sousa.training.transcription.sheet import Sheet

MOST_BYTES = 200_000_000  # browsers read a page into memory whole
MARK = b'content="sousa transcribe"'
_HERE = Path(__file__).parent
# what pages about recordings have in common
STYLE, SCRIPT = _HERE / "page.css", _HERE / "recording.js"
_LOWEST, _KEYS, _BANDS = 21, 88, 3  # bands of the picture a key
_COLUMNS_SEC, _TILE = 25, 4096  # columns of the picture a second, and of a part of it
_FRAME_SEC, _RANGE_DB = 0.128, 70.0


def encode(
    name: str, sheet: Sheet, notes: np.ndarray, pedal: np.ndarray, audio: np.ndarray, rate: int
) -> bytes:
    """The page.

    Args:
        name: of the recording.
        audio: float32 (samples,) at ``rate``.

    Raises: ValueError when it would be larger than browsers read.
    """
    facts = summary(sheet, notes, pedal, len(audio) / rate) | {"name": name, "columns": _COLUMNS_SEC}
    facts["notes"] = [
        [row["onset_sec"], row["offset_sec"], row["pitch"], row["velocity"], int(row["staff"] == "lower")]
        for row in note_rows(sheet, notes)
    ]
    sound = io.BytesIO()
    soundfile.write(sound, np.clip(audio, -1.0, 1.0), rate, format="FLAC", subtype="PCM_16")
    facts["sound"] = _base64(sound.getvalue())
    facts["tiles"] = [_base64(tile) for tile in tiles(audio, rate)]
    text = (_HERE / "page.html").read_text("utf-8")
    parts = {"TITLE": html(name), "STYLE": STYLE.read_text("utf-8"),
             "SCRIPT": SCRIPT.read_text("utf-8") + (_HERE / "page.js").read_text("utf-8"),
             "DATA": script(facts)}  # fmt: skip
    before, *rest = text.split("@@")
    page = before + "".join(parts.get(part, part) for part in rest)
    data = page.encode()
    if len(data) > MOST_BYTES:
        raise ValueError(f"it would have {len(data) / 1e6:.0f} MB, of at most {MOST_BYTES / 1e6:.0f}")
    return data


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def tiles(audio: np.ndarray, rate: int) -> list[bytes]:
    """The spectrogram over the keys, in parts of up to 4096 columns: PNG, loudness as alpha."""
    size = 1 << int(np.ceil(np.log2(_FRAME_SEC * rate)))
    window = np.hanning(size).astype(np.float32)
    centres = 440.0 * 2 ** ((np.arange(_KEYS * _BANDS) / _BANDS + _LOWEST - 69 - 1 / 3) / 12)
    bins = centres * size / rate
    inside = bins < size / 2 - 1
    count = max(int(np.ceil(len(audio) / rate * _COLUMNS_SEC)), 1)
    starts = np.round(np.arange(count) * rate / _COLUMNS_SEC).astype(int) - size // 2
    out, loudest = [], 1e-9
    picture = np.zeros((len(centres), count), np.float32)
    for first in range(0, count, 256):
        here = starts[first : first + 256]
        begin, end = max(int(here[0]), 0), int(here[-1]) + size
        sound = audio[begin:end]
        sound = np.pad(sound, (begin - int(here[0]), end - begin - len(sound)))
        frames = np.lib.stride_tricks.sliding_window_view(sound, size)[here - here[0]] * window
        power = np.abs(np.fft.rfft(frames)) ** 2
        low = bins[inside].astype(int)
        part = bins[inside] - low
        picture[inside, first : first + len(frames)] = (
            power[:, low] * (1 - part) + power[:, low + 1] * part
        ).T
    loudest = max(float(picture.max()), loudest)
    for first in range(0, count, _TILE):
        part = picture[:, first : first + _TILE] / loudest
        level = np.clip(1 + 10 * np.log10(part + 1e-12) / _RANGE_DB, 0, 1)
        out.append(_png(np.rint(255 * level**1.5).astype(np.uint8)[::-1]))
    return out


def _png(alpha: np.ndarray) -> bytes:
    """A picture of white with an alpha channel."""
    height, width = alpha.shape
    pixels = np.full((height, width, 2), 255, np.uint8)
    pixels[..., 1] = alpha
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 4, 0, 0, 0)
    data = zlib.compress(rows.tobytes(), 6)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
