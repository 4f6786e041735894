"""Building pianos out of soundfonts.

Conventions
-----------
The piano of a font is its first preset (bank 0, program 0). Velocities that play the same samples are one
layer; a key takes its gain and envelope from the highest velocity of the layer, its release from a middle
one, 64. Of two sides in stereo the mean is taken where they have the same loop, else the left one.

Fonts of synthesizers, too, make pianos: a sound that would never die away falls by LEAST_DECAY_DB_SEC, and
no damper is faster than MOST_RELEASE_DB_SEC.

Fonts also have low-pass filters. One that is the same for all velocities is applied to the recording, which
then needs no loop; those that follow velocity are left out, because every piano here is given brightness by
the law of ``voicing``.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from soundfile import LibsndfileError

from sousa.generation.audio import soundfonts
from sousa.generation.console import SILENT
from sousa.generation.corpus import Say
from sousa.generation.errors import RunError
from sousa.generation.piano.sampler import pianos, sf2
from sousa.generation.piano.sampler.pianos import HIGHEST, KEY, LOWEST, Layer, Recording
from sousa.generation.piano.sampler.sf2 import Font, Zone, seconds
from sousa.generation.storage import file_digest
from sousa.generation.text import counted, one_line

LOUDNESS_DB = -16.0  # RMS of the first LOUD_SEC at the highest velocity, mean of the middle keys
LOUD_SEC, MIDDLE = 0.2, (36, 84)
_ATTENUATION = 0.04  # dB a centibel: fonts are made for synthesizers that take it for less than it says
LEAST_DECAY_DB_SEC, MOST_RELEASE_DB_SEC = 6.0, 400.0
_DEAD_CB = 600  # an envelope that ends so far down ends in silence
_FULL_DB = 100.0  # an envelope's time is for so many dB
_OPEN_CENTS = 12000  # a filter from here on (8.4 kHz) does nothing
_TYPICAL_VELOCITY, _MOST_CENTS = 64, 6000
_LONGEST_SEC, _FADE_SEC = 8.0, 0.5  # of a recording with a filter
_FILTER_STEP = 64


def build(
    path: str | Path,
    directory: str | Path | None = None,
    progress: Say = SILENT.say,
    licence_id: str | None = None,
) -> Path:
    """Build a piano from a font.

    Args:
        path: the font.
        directory: where to put it; by default the user's cache, under a name that holds the font's digest.
        progress: called with a line of text.
        licence_id: SPDX identifier of the font's licence, if the user knows it.

    Raises: RunError when the font has no piano, or can't be used.
    """
    font, sha, stem = Font(path), file_digest(path), _slug(Path(path).stem)
    texts = soundfonts.info(path)
    if not directory:
        directory, stem = pianos.cache_dir(), f"{stem}_{sha[:8]}"
    recordings: dict[tuple, Recording] = {}
    try:
        layers = [Layer(highest, _keys(font, span, recordings)) for highest, span in _layers(font)]
    except (LookupError, ValueError, LibsndfileError) as error:
        raise RunError(
            f"soundfont {path} can't be used ({one_line(str(error))}); choose another one"
        ) from None
    heard = [r for r in recordings.values() if r.samples.any()]
    if len(heard) < len(recordings):
        raise RunError(f"{path} has a piano with silent keys; choose another font")
    name = f"{stem}_{_slug(font.preset)}"
    about = {
        "soundfont": texts.get("INAM") or Path(path).stem,
        "preset": font.preset,
        "licence": texts.get("ICOP") or "not stated in the font",
        "licence_id": licence_id,
        "source": {"font_file": Path(path).name, "font_sha256": sha},
    }
    made = list(recordings.values())
    out = pianos.save(directory, name, made, layers, loudness(made, layers[-1]), **about)
    size = sum(file.stat().st_size for file in out.iterdir())
    parts = f"{counted(len(made), 'recording')}, {counted(len(layers), 'layer')}"
    progress(f"{name}: {parts}, {size / 1e6:.1f} MB")
    return out


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _layers(font: Font) -> Iterator[tuple[int, range]]:
    """``(highest, velocities)`` of each layer; velocities under the lowest that sounds join it."""
    samples = [
        tuple(sorted({(z.keys, z.sample.number) for z in font.zones if _within(v, z.velocities)}))
        for v in range(128)
    ]
    usual = max(len(played) for played in samples)
    first = None
    for velocity in range(1, 128):
        if len(samples[velocity]) < usual // 2:  # a font may play nothing, or little, there
            continue
        first = velocity if first is None else first
        if velocity == 127 or samples[velocity + 1] != samples[velocity]:
            yield velocity, range(first, velocity + 1)
            first = None


def _within(value: int, span: tuple[int, int]) -> bool:
    return span[0] <= value <= span[1]


def _keys(font: Font, velocities: range, recordings: dict[tuple, Recording]) -> np.ndarray:
    """Rows of KEY of a layer; recordings not yet there are added."""
    keys = np.zeros(HIGHEST - LOWEST + 1, dtype=KEY)
    typical = min(max(_TYPICAL_VELOCITY, velocities[0]), velocities[-1])
    for row, key in zip(keys, range(LOWEST, HIGHEST + 1), strict=True):
        zones = _playing(font, key, velocities[-1])
        zone, usual = zones[0], _playing(font, key, typical)[0]
        filtered = zone[sf2.FILTER] < _OPEN_CENTS and zone.velocities == (0, 127)
        # a filter stays where it is in Hz, whatever key is played
        middle = (zone.keys[0] + zone.keys[1]) // 2 if filtered else None
        row["cents"] = _transposed(zone, key)
        if abs(row["cents"]) > _MOST_CENTS or not 1000 <= zone.sample.rate <= 200_000:
            raise ValueError(f"key {key} plays a sample {row['cents']:.0f} cents away")
        name = (*(z.sample.number for z in zones), middle)
        if name not in recordings:
            recordings[name] = _record(font, zones, partial(_transposed, zone, middle) if middle else None)
        row["recording"] = list(recordings).index(name)
        row["gain_db"] = -_ATTENUATION * zone[sf2.ATTENUATION]
        row["hold_sec"] = seconds(zone[sf2.HOLD])
        dies = zone[sf2.SUSTAIN] >= _DEAD_CB
        row["decay_db_sec"] = _FULL_DB / seconds(zone[sf2.DECAY]) if dies else LEAST_DECAY_DB_SEC
        row["release_db_sec"] = min(_FULL_DB / seconds(usual[sf2.RELEASE]), MOST_RELEASE_DB_SEC)
    return keys


def _playing(font: Font, key: int, velocity: int) -> list[Zone]:
    """The zone that plays a key, or both sides of it, left first.

    Where zones lie over each other the first one counts; a key that none plays is taken from the next one.
    """
    zones = [zone for zone in font.zones if _within(velocity, zone.velocities)]
    distance = min(max(z.keys[0] - key, key - z.keys[1], 0) for z in zones)
    zones = [z for z in zones if max(z.keys[0] - key, key - z.keys[1], 0) == distance]
    first = zones[0]
    others = [z for z in zones[1:] if z.sample.number == first.sample.linked or _sides(first, z)]
    return sorted([first, *others[:1]], key=lambda zone: zone[sf2.PAN])


def _sides(a: Zone, b: Zone) -> bool:
    """Whether two zones are panned to different sides and play samples of one pitch."""
    return a[sf2.PAN] * b[sf2.PAN] < 0 and a[sf2.ROOT_KEY] == b[sf2.ROOT_KEY] and a.keys == b.keys


def _transposed(zone: Zone, key: int) -> float:
    """How many cents a key plays the sample of its zone higher than it was recorded."""
    root = zone[sf2.ROOT_KEY] if zone[sf2.ROOT_KEY] >= 0 else zone.sample.root
    tuning = 100 * zone[sf2.COARSE_TUNE] + zone[sf2.FINE_TUNE] + zone.sample.correction_cents
    return float((key - root) * zone[sf2.SCALE_TUNE] + tuning)


def _record(font: Font, zones: list[Zone], filtered_at: partial | None) -> Recording:
    """The recording of a zone, to the end of its loop; ``filtered_at``: cents, where a filter is applied."""
    sides = []
    for zone in zones:
        sound, rate = font.read(zone.sample)
        start, end = zone.sample.loop_start, min(zone.sample.loop_end, len(sound))
        sides.append((sound, start, end))
    sound, start, end = sides[0]
    if len(sides) == 2 and sides[1][1:] == (start, end):
        size = min(len(side[0]) for side in sides)
        sound = (sides[0][0][:size] + sides[1][0][:size]) / 2.0
    looped = zones[0][sf2.LOOP_MODE] % 2 == 1 and 0 <= start < end - 1
    if looped:
        sound = sound[:end]
    if filtered_at:
        ratio = 2.0 ** (filtered_at() / 1200.0)
        if looped:
            repeats = int(_LONGEST_SEC * rate * ratio - start) // (end - start) + 1
            sound = np.concatenate([sound[:start], np.tile(sound[start:], max(repeats, 1))])
        sound, looped = _filtered(sound, zones[0], rate, ratio), False
    first = pianos.onset_of(sound, rate)
    if looped and first >= start:
        raise RunError("a sample of the font begins inside its loop; choose another font")
    samples = np.rint(np.clip(sound[first:] * 32768.0, -32768, 32767)).astype(np.int16)
    return Recording(samples, rate, start - first if looped else None)


def _filtered(sound: np.ndarray, zone: Zone, rate: int, ratio: float) -> np.ndarray:
    """A sound through the low-pass filter of its zone, which its envelope moves, and faded at its end.

    Args:
        ratio: how much faster it is played; the filter is stated for what is heard.
    """
    from scipy.signal import lfilter

    out, state = np.empty_like(sound), np.zeros(2)
    hold = seconds(zone[sf2.MOD_HOLD]) + seconds(zone[sf2.MOD_ATTACK])
    lowest = 1.0 - zone[sf2.MOD_SUSTAIN] / 1000.0
    for at in range(0, len(sound), _FILTER_STEP):
        elapsed = max(at / (rate * ratio) - hold, 0.0)
        level = max(1.0 - elapsed / seconds(zone[sf2.MOD_DECAY]), lowest)
        cents = zone[sf2.FILTER] + zone[sf2.MOD_TO_FILTER] * level
        w = 2.0 * np.pi * min(8.176 * 2.0 ** (cents / 1200.0) / (rate * ratio), 0.45)
        # Bristow-Johnson, Cookbook formulae for audio EQ biquad filters: a low-pass without resonance
        alpha, cosine = np.sin(w) / np.sqrt(2.0), np.cos(w)
        b = np.array([1.0 - cosine, 2.0 * (1.0 - cosine), 1.0 - cosine]) / (2.0 * (1.0 + alpha))
        a = np.array([1.0 + alpha, -2.0 * cosine, 1.0 - alpha]) / (1.0 + alpha)
        part = slice(at, at + _FILTER_STEP)
        out[part], state = lfilter(b, a, sound[part], zi=state)
    fade = min(int(_FADE_SEC * rate * ratio), len(out))
    out[-fade:] *= np.linspace(1.0, 0.0, fade)
    return out


def loudness(recordings: list[Recording], layer: Layer) -> float:
    """The gain that makes the keys of a layer as loud as LOUDNESS_DB says."""
    power = []
    for row in layer.keys[MIDDLE[0] - LOWEST : MIDDLE[1] - LOWEST + 1]:
        recording = recordings[row["recording"]]
        sound = recording.samples[: int(LOUD_SEC * recording.rate)] / 32768.0
        power.append((sound**2).mean() * 10.0 ** (row["gain_db"] / 10.0))
    return round(LOUDNESS_DB - 10.0 * float(np.log10(np.mean(power))), 2)
