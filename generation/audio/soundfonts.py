"""Cutting note banks out of SF2 and SF3 soundfonts with FluidSynth.

Conventions
-----------
FluidSynth is used as an instrument maker only. Its reverb and chorus are off, output is float, and
each note is played from a block boundary after the same note has been played for one block and cut
off: the state it finds is then always the same, so a note does not depend on those before it.

Drum kits are the presets of bank 128, or of bank 0 in fonts that have nothing there. The snare is key
38 (acoustic) or 40 (electric in General MIDI, often a second acoustic one), side stick is key 37; in
a kit with another layout it is the first key that sounds like one. Whether a key is a snare is
measured: short, noisy, neither as low as a tom nor as high as a cymbal.

Velocity layers are found by measuring: neighbouring velocities whose sounds differ by a factor only
(residual under -60 dB) share one.
"""

import ctypes
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from sousa.generation.audio import banks, characters
from sousa.generation.audio.banks import BANK_RATE, Articulation
from sousa.generation.console import SILENT
from sousa.generation.corpus import Say
from sousa.generation.errors import RunError, UsageError
from sousa.generation.outside import UnfitFile, expanded, opened, status_of
from sousa.generation.storage import file_digest
from sousa.generation.text import as_line, counted

SNARE_KEYS = (38, 40)
SIDE_STICK_KEY = 37
DRUM_BANK = 128
_BLOCK = 64
_NOTE_SEC = 1.5
_ONSET_DB, _TAIL_DB = -20.0, -60.0
_SAME_LAYER = 1e-3
_FADE_SAMPLES = 256
_REFERENCE_VELOCITY = 100
_REFERENCE_RMS = 10 ** (-21.5 / 20)  # of the first 50 ms at the reference velocity
_MOST_PEAK = 0.89  # at the highest velocity, however short the sound
_SILENT = 1e-5
_OTHER_KEYS = range(24, 100)
# what a snare measures: decay by 20 dB, centre of its spectrum, flatness from 200 Hz to 12 kHz
_SNARE_DECAY_SEC, _SNARE_CENTRE_HZ, _SNARE_FLATNESS = 0.4, (280.0, 7000.0), 0.012
# kits that say they are of something else, whatever some of their keys measure
_OTHER_DRUMS = ("bass", "cymbal", "metronome", "sfx", "tenor")
Wanted = Sequence[tuple[int, int]] | None  # programs and keys


@dataclass(frozen=True)
class Kit:
    """A drum kit of a font: ``program`` and ``name`` of a preset in ``bank``."""

    program: int
    name: str
    bank: int = DRUM_BANK


def _is_soundfont(path: Path) -> bool:
    try:
        with opened(path) as file:
            head, size = file.read(12), os.fstat(file.fileno()).st_size
    except UnfitFile as error:
        raise UsageError(f"soundfont {path} is {error}; name an .sf2 or .sf3 file") from None
    except OSError:
        return False
    # FluidSynth reads as much as the head says
    whole = int.from_bytes(head[4:8], "little") <= size - 8
    return head[:4] == b"RIFF" and head[8:12] == b"sfbk" and whole


def find_fonts(path: str | Path) -> list[Path]:
    """Fonts at a path: a file, or all ``.sf2``/``.sf3`` in a directory.

    Raises: UsageError when there is none, or the file is no soundfont.
    """
    path = Path(expanded(path))
    if status_of(path) is None:
        raise UsageError(
            f"soundfont {path} does not exist; name an .sf2 or .sf3 file, a directory of them, "
            "or a key that 'sousa soundfonts list' shows"
        )
    if not os.access(path, os.R_OK):
        raise UsageError(f"soundfont {path} can't be read: no permission")
    fonts = [path]
    if path.is_dir():
        fonts = sorted(file for file in path.iterdir() if file.suffix.lower() in (".sf2", ".sf3"))
    if not fonts:
        raise UsageError(f"no .sf2 or .sf3 file in {path}; put a soundfont there or name another one")
    broken = [str(font) for font in fonts if not _is_soundfont(font)]
    if broken:
        raise UsageError(
            f"not a soundfont (no SF2 header), or cut short: {', '.join(broken)}; replace or remove it"
        )
    return fonts


def info(path: str | Path) -> dict[str, str]:
    """Texts of a font's INFO list.

    Returns: dict of chunk id (``INAM`` name, ``ICOP`` copyright, ``IENG`` engineer, ``ICMT`` ...) to str.
    """
    with opened(path) as file:
        head = file.read(24)
        if head[12:16] != b"LIST" or head[20:] != b"INFO":
            return {}
        body = file.read(min(max(int.from_bytes(head[16:20], "little") - 4, 0), 1 << 20))
    texts = {}
    while len(body) >= 8:
        tag, size = body[:4].decode("ascii", "replace"), int.from_bytes(body[4:8], "little")
        texts[tag] = as_line(body[8 : 8 + size].split(b"\0")[0].decode("utf-8", "replace"))
        body = body[8 + size + size % 2 :]
    return texts


class Player:
    """Plays single notes of one font.

    Raises: RunError when FluidSynth is missing or can't load the font.
    """

    def __init__(self, path: str | Path):
        try:
            import fluidsynth
        except (ImportError, OSError):
            raise RunError(
                "building a bank needs the FluidSynth library: install it with 'apt-get install "
                "libfluidsynth3' (as root) or 'brew install fluid-synth'; the banks that come with sousa "
                "need nothing"
            ) from None
        self.synth = fluidsynth.Synth(gain=1.0, samplerate=float(BANK_RATE))
        for name in ("synth.reverb.active", "synth.chorus.active"):
            self.synth.setting(name, 0)
        self.synth.setting("synth.dynamic-sample-loading", 1)
        self.font = self.synth.sfload(str(path))
        if self.font < 0:
            self.close()
            raise RunError(f"FluidSynth can't load {path}; the file is damaged or no soundfont")
        library = fluidsynth._fl
        pointer, number = ctypes.c_void_p, ctypes.c_int
        self._write = library.fluid_synth_write_float
        self._write.argtypes = [pointer, number, pointer, number, number, pointer, number, number]
        library.fluid_version_str.restype = ctypes.c_char_p
        self.version = library.fluid_version_str().decode()

    def close(self) -> None:
        self.synth.delete()

    def kits(self) -> list[Kit]:
        """Drum kits of the font."""
        for bank in (DRUM_BANK, 0):
            names = [self.synth.sfpreset_name(self.font, bank, program) for program in range(128)]
            texts = [name.decode("utf-8", "replace") if isinstance(name, bytes) else name for name in names]
            if kits := [Kit(program, as_line(text), bank) for program, text in enumerate(texts) if text]:
                return kits
        return []

    def _render(self, samples: int) -> np.ndarray:
        out = np.zeros((samples, 2), dtype=np.float32)
        at = out.ctypes.data
        self._write(self.synth.synth, samples, at, 0, 2, at, 1, 2)
        return out

    def _silence(self) -> None:
        self.synth.all_sounds_off(9)
        for _ in range(64):
            if not np.abs(self._render(_BLOCK)).max():
                return

    def note(self, kit: Kit, key: int, velocity: int) -> np.ndarray:
        """One note from rest: float32 (samples, 2), not trimmed."""
        self.synth.program_select(9, self.font, kit.bank, kit.program)
        for blocks in (1, 1, int(_NOTE_SEC * BANK_RATE) // _BLOCK):
            self._silence()
            self.synth.noteon(9, key, velocity)
            out = self._render(blocks * _BLOCK)
        self._silence()
        return out


def trim(sound: np.ndarray) -> np.ndarray:
    """Cut a note at its onset, and where its tail has died away, with a short fade there."""
    level = np.abs(sound.mean(axis=1))
    peak = level.max()
    onset = int(np.argmax(level >= peak * 10 ** (_ONSET_DB / 20)))
    left = np.cumsum((sound[::-1] ** 2).sum(1))[::-1]
    end = int(np.argmax(left < left[onset] * 10 ** (_TAIL_DB / 10)))
    note = sound[onset : end or len(sound)].copy()
    fade = min(_FADE_SAMPLES, len(note))
    note[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=note.dtype)[:, None]
    return note


def sounds_like_snare(sound: np.ndarray) -> bool:
    """Whether a note is heard and measures like a snare; see the module's constants."""
    if np.abs(sound).max() < _SILENT:
        return False
    note = trim(sound).mean(axis=1)
    left = np.cumsum(note[::-1] ** 2)[::-1]
    if not left[0] or np.argmax(left < left[0] * 0.01) > _SNARE_DECAY_SEC * BANK_RATE:
        return False
    power = np.abs(np.fft.rfft(note[:8192] * np.hanning(2 * 8192)[8192:][: len(note[:8192])], 8192)) ** 2
    f = np.fft.rfftfreq(8192, 1 / BANK_RATE)
    low, high = _SNARE_CENTRE_HZ
    heard = power[(f > 200) & (f < 12000)] + 1e-20
    flatness = np.exp(np.log(heard).mean()) / heard.mean()
    return low <= (f * power).sum() / power.sum() <= high and flatness >= _SNARE_FLATNESS


def _articulation(player: Player, kit: Kit, key: int, character: str | None = None) -> Articulation | None:
    """One key with float layers, loudest first, or None if it is silent."""
    if np.abs(player.note(kit, key, 127)).max() < _SILENT:
        return None
    layers, layer_of, gain = [], np.zeros(128, dtype=int), np.zeros(128)
    top = None
    for velocity in range(127, 0, -1):
        sound = player.note(kit, key, velocity).astype(np.float64)
        if top is not None:
            factor = (sound * top).sum() / (top * top).sum()
            apart = np.sqrt(((sound - factor * top) ** 2).sum() / max((sound**2).sum(), 1e-30))
        if top is None or apart > _SAME_LAYER:
            top, factor = sound, 1.0
            note = trim(sound)
            layers.append(note if character is None else trim(characters.apply(character, note)))
        layer_of[velocity], gain[velocity] = len(layers) - 1, factor
    return Articulation(layers, layer_of, gain)


def loudness(note: np.ndarray) -> float:
    """Level of a note (samples, channels): root of the energy of its first 50 ms."""
    return float(np.sqrt((note[: BANK_RATE // 20] ** 2).sum()))


def _rise(part: Articulation) -> None:
    """Make loudness rise strictly with velocity: fonts step back at some layer borders."""
    level, least = np.array([loudness(layer) for layer in part.layers])[part.layer_of], 0.0
    for velocity in range(1, 128):
        loud = max(part.gain[velocity] * level[velocity], least)
        part.gain[velocity] = loud / level[velocity]
        least = loud * 10 ** (0.02 / 20)


def finished(parts: dict[str, Articulation]) -> dict[str, Articulation]:
    """Articulations as banks hold them, in place: at the usual level, rising, with int16 layers.

    Args:
        parts: with float layers (samples, 2) that are trimmed; ``centre``, which sets the level, among them.
    """
    centre = parts["centre"]
    note = centre.layers[centre.layer_of[_REFERENCE_VELOCITY]].mean(axis=1)[: BANK_RATE // 20]
    scale = _REFERENCE_RMS / (centre.gain[_REFERENCE_VELOCITY] * np.sqrt((note**2).mean()))
    hardest = centre.gain[127] * np.abs(centre.layers[centre.layer_of[127]]).max()
    scale = min(scale, _MOST_PEAK / hardest)
    for part in parts.values():
        _rise(part)
        hardest = part.gain[127] * np.abs(part.layers[part.layer_of[127]]).max() * scale
        if hardest > 1.0:  # a side stick that was recorded closer
            part.gain[:] *= _MOST_PEAK / hardest
        for i, layer in enumerate(part.layers):
            peak = np.abs(layer).max()
            part.layers[i] = np.rint(layer / peak * 32000.0).astype(np.int16)
            part.gain[part.layer_of == i] *= peak * 32768.0 / 32000.0 * scale
        part.gain[0] = 0.0
    return parts


def cut(player: Player, kit: Kit, key: int, character: str | None = None) -> dict[str, Articulation]:
    """Cut the bank of one kit: centre from ``key``, side stick where the kit has one.

    Args:
        key: one that sounds.
        character: name of :data:`sousa.generation.audio.characters.CHARACTERS` to give the drum, or None.

    Returns: dict of Articulation with int16 layers.
    """
    centre = _articulation(player, kit, key, character)
    assert centre, "the key sounds"
    parts = {"centre": centre}
    if key in SNARE_KEYS and character is None:
        side_stick = _articulation(player, kit, SIDE_STICK_KEY)
        parts |= {"side_stick": side_stick} if side_stick else {}
    return finished(parts)


def slug(text: str) -> str:
    """A text as it stands in the name of a bank."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def build(
    path: str | Path,
    directory: str | Path | None = None,
    wanted: Wanted = None,
    progress: Say = SILENT.say,
    licence_id: str | None = None,
    character: str | None = None,
) -> list[Path]:
    """Build banks from a font: one for each distinct snare in its drum kits.

    Args:
        path: the font.
        directory: where to put them; by default the user's cache, under names that hold the font's
            digest, so that fonts of one name don't replace each other's banks.
        wanted: ``[(program, key), ...]`` to build only those, alike or not.
        progress: called with a line of text for each bank.
        licence_id: SPDX identifier of the font's licence, if the user knows it.
        character: as in :func:`cut`.

    Raises: RunError when the font has no drum kit with a snare, or can't be used.
    """
    texts = info(path)
    sha, stem = file_digest(path), slug(Path(path).stem)
    about = {
        "soundfont": texts.get("INAM") or Path(path).stem,
        "licence": texts.get("ICOP") or "not stated in the font",
        "licence_id": licence_id,
    }
    if not directory:
        directory, stem = banks.cache_dir(), f"{stem}_{sha[:8]}"
    paths = {}
    with closing(Player(path)) as player:
        for kit, key in _distinct(player, wanted):
            name = f"{stem}_{slug(kit.name)}_{key}"
            if name in paths:  # two kits of one name
                name = f"{stem}_{slug(kit.name)}_{kit.program}_{key}"
            source = {
                "font_file": Path(path).name, "font_sha256": sha, "program": kit.program, "key": key,
                "fluidsynth": player.version,
            }  # fmt: skip
            if character:
                name, source["character"] = f"{name}_{character}", character
            parts = cut(player, kit, key, character)
            paths[name] = banks.save(directory, name, parts, preset=kit.name, source=source, **about)
            progress(f"{name}: {counted(sum(len(p.layers) for p in parts.values()), 'layer')}")
    if not paths:
        raise RunError(f"{path} has no drum kit with a snare; choose another font")
    return list(paths.values())


def _distinct(player: Player, wanted: Wanted) -> Iterator[tuple[Kit, int]]:
    """``(kit, key)`` of the wanted drums, or of every snare that sounds unlike those before it."""
    kits = player.kits()
    if wanted is not None:
        by_program = {kit.program: kit for kit in kits}
        missing = [
            f"{program}:{key}"
            for program, key in wanted
            if program not in by_program
            or not 0 <= key < 128
            or np.abs(player.note(by_program[program], key, 110)).max() < _SILENT
        ]
        if missing:
            programs = ", ".join(f"{kit.program} {kit.name}" for kit in kits)
            raise UsageError(
                f"no such drums: {', '.join(missing)}; snares are mostly keys 38 and 40, "
                f"programs are {programs}"
            )
        yield from ((by_program[program], key) for program, key in wanted)
        return
    seen: list[np.ndarray] = []
    for kit in kits:
        for key, probe in _snares(player, kit, alone=len(kits) == 1):
            shape = trim(probe)[:8192] / np.abs(probe).max()
            if not any(_alike(shape, other) for other in seen):
                seen.append(shape)
                yield kit, key


def _snares(player: Player, kit: Kit, alone: bool) -> list[tuple[int, np.ndarray]]:
    """``(key, note)`` of the snares of a kit: the usual keys, else the first one that measures so.

    Other layouts are looked for in the only kit of a font, and in kits named after a snare.
    """
    name = kit.name.lower()
    if any(word in name for word in _OTHER_DRUMS):
        return []

    def heard(keys: Iterable[int]) -> Iterator[tuple[int, np.ndarray]]:
        return ((key, note) for key in keys if sounds_like_snare(note := player.note(kit, key, 110)))

    return list(heard(SNARE_KEYS)) or list(islice(heard(_OTHER_KEYS), alone or "snare" in name))


def _alike(a: np.ndarray, b: np.ndarray) -> bool:
    size = min(len(a), len(b))
    return np.abs(a[:size] - b[:size]).max() < 0.02
