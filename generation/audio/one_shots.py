"""Cutting note banks out of recordings of single strokes: folders of sound files, and kits of Hydrogen.

Conventions
-----------
Which recordings are one drum is said in :mod:`sousa.generation.audio.packs`, and which velocities they play
in :mod:`sousa.generation.audio.velocities`. A note is float64 (samples, 2) at the bank rate. As those of
fonts, it begins at its onset, the first sample within 20 dB of the peak, and ends where its tail has died
away. Only the first 10 seconds of a file count. Every file is read before the first bank is written.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from sousa.generation import licences
from sousa.generation.audio import banks, characters, packs, soundfonts, velocities
from sousa.generation.audio.banks import BANK_RATE, Articulation
from sousa.generation.audio.packs import Drum, Recording
from sousa.generation.console import SILENT
from sousa.generation.corpus import Say
from sousa.generation.errors import RunError, UsageError, collected, one_of, raise_all, told
from sousa.generation.outside import ANY_BYTES, opened
from sousa.generation.storage import file_digest
from sousa.generation.text import counted

LONGEST_SEC = 10
NOT_STATED = "not stated"
_RATES = (8000, 384_000)
_SILENT, _LOUDEST = 1e-5, 1e6
_UNKNOWN_SIZE = 0x7FFF0000  # programs that write into a pipe give such sizes
_COMMONS = re.compile(r"creativecommons\.org/licenses/([a-z-]+)/(\d\.\d)", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")


def read(recording: Recording) -> np.ndarray:
    """The note of a recording; see the module's conventions.

    Raises: UsageError when it can't be used.
    """
    path = recording.shown
    try:
        with opened(recording.path, ANY_BYTES) as data:
            head, size = os.pread(data.fileno(), 8, 0), os.fstat(data.fileno()).st_size
            with soundfile.SoundFile(data.fileno(), closefd=False) as file:
                rate, channels, frames = file.samplerate, file.channels, file.frames
                if not _RATES[0] <= rate <= _RATES[1]:
                    raise UsageError(f"{path} has {rate} samples a second; give {_RATES[0]} to {_RATES[1]}")
                if channels > 2:
                    raise UsageError(f"{path} has {channels} channels; give a mono or stereo file")
                sound = file.read(LONGEST_SEC * rate, "float64", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        reason = getattr(error, "error_string", None) or told(error)
        raise UsageError(f"{path} can't be read as sound ({reason}); replace or remove it") from None
    if len(sound) < min(frames, LONGEST_SEC * rate) or _cut_short(head, size):
        raise UsageError(f"{path} is cut short: its head names more sound than it has; replace or remove it")
    if not (np.abs(sound) < _LOUDEST).all():
        raise UsageError(f"{path} has samples that are no numbers, or far beyond 1; replace or remove it")
    mono = np.abs(sound.mean(axis=1))
    if not len(sound) or mono.max() < _SILENT:
        cancel = len(sound) and np.abs(sound).max() >= _SILENT
        why = "has two channels that cancel each other" if cancel else "is silent"
        raise UsageError(f"{path} {why} in its first {LONGEST_SEC} seconds; replace or remove it")
    onset = int(np.argmax(mono >= mono.max() * 0.1))
    sound = sound[onset:]  # before resampling, so that no ringing comes before it
    sound = np.repeat(sound, 3 - sound.shape[1], axis=1)  # mono is heard from both sides
    if (ratio := round(rate / BANK_RATE * recording.ratio, 9)) != 1.0:
        layers = [np.ascontiguousarray(sound.T, dtype=np.float32)]
        sound = banks.resample(layers, ratio)[0].T.astype(np.float64)
        if np.abs(sound.mean(axis=1)).max() < _SILENT:
            raise UsageError(f"{path} is silent at {BANK_RATE} samples a second; replace or remove it")
    return soundfonts.trim(sound) * recording.gain


def _cut_short(head: bytes, size: int) -> bool:
    order: dict[bytes, Any] = {b"RIFF": "little", b"FORM": "big"}
    if head[:4] not in order:
        return False
    stated = int.from_bytes(head[4:8], order[head[:4]])
    return stated < _UNKNOWN_SIZE and stated + 8 > size + 1  # some leave out the last byte, which fills up


def named(text: str) -> str:
    """The name that ``--name`` gives banks; raises UsageError for one that can't be."""
    if not _NAME.fullmatch(text):
        raise UsageError(
            f"--name is {text!r}; give up to 80 letters, digits, '.', '_' and '-', a letter or digit first"
        )
    if text in banks.find(banks.SHIPPED_DIR):
        raise UsageError(f"--name is {text!r}, a bank that comes with sousa; choose another name")
    return text


def _names(drums: list[Drum], mode: str, character: str | None, name: str | None, cached: bool) -> list[str]:
    """Names of the banks; in the cache with the digest of what they are made of, unless the user chose."""
    out: list[str] = []
    for drum in drums:
        parts = [name or soundfonts.slug(drum.pack) or "drum", soundfonts.slug(drum.name)]
        if cached and not name:
            files = {part: [[r.name, r.range, r.gain, r.ratio, file_digest(r.path)] for r in recordings]
                     for part, recordings in drum.parts.items()}  # fmt: skip
            parts.append(hashlib.sha256(json.dumps([files, mode]).encode()).hexdigest()[:8])
        text = "_".join(part[:80] for part in [*parts, character] if part)
        same = sum(other == text or other.startswith(f"{text}__") for other in out)
        out.append(f"{text}__{same + 1}" if same else text)
    return out


def built(path: str | Path) -> list[banks.Bank]:
    """The banks of a pack that :func:`build` has put into the user's cache as they are now; else empty."""
    with packs.drums_of(path) as drums, suppress(OSError, banks.BankError):
        return [banks.load(banks.cache_dir() / name) for name in _names(drums, "auto", None, None, True)]
    return []


def build(
    path: str | Path,
    directory: str | Path | None = None,
    mode: str = "auto",
    name: str | None = None,
    progress: Say = SILENT.say,
    licence_id: str | None = None,
    character: str | None = None,
) -> list[Path]:
    """Build banks from recordings of single strokes: one for each drum.

    Args:
        path: a directory of recordings, of directories of them, or of kits; or a ``.h2drumkit`` file.
        directory: where to put them; by default the user's cache, under names that hold the digest of the
            recordings.
        mode: where velocities come from, one of :data:`sousa.generation.audio.velocities.MODES`.
        name: of the bank; of several, what their names begin with. By default that of the folder or kit.
        progress: called with a line of text for each bank.
        licence_id: SPDX identifier of the licence, if the user knows it.
        character: name of :data:`sousa.generation.audio.characters.CHARACTERS` to give the drums, or None.

    Raises: UsageError naming every problem, before anything is written; RunError when a bank can't be.
    """
    if mode not in velocities.MODES:
        raise UsageError(f"unknown velocities {one_of(mode, velocities.MODES)}")
    with packs.drums_of(path) as drums:
        problems: list[str] = []
        plans = [_plan(drum, mode, problems) for drum in drums]
        raise_all(problems)
        paths = []
        names = _names(drums, mode, character, name, directory is None)
        for drum, plan, bank in zip(drums, plans, names, strict=True):
            parts = {part: _articulation(drum.parts[part], plan[part], character) for part in plan}
            digests = {r.name: file_digest(r.path) for r in drum.recordings}
            source = {
                "files": digests, "velocities": {part: plan[part].by for part in plan}, **drum.about,
                **({"character": character} if character else {}),
            }  # fmt: skip
            about = {
                "soundfont": drum.pack, "preset": drum.name or drum.pack, "source": source,
                "licence": drum.licence or licence_id or NOT_STATED,
                "licence_id": licence_id or _identifier(drum.licence),
            }  # fmt: skip
            paths.append(
                banks.save(directory or banks.cache_dir(), bank, soundfonts.finished(parts), **about)
            )
            left = sum(len(drum.parts[part]) - len(plan[part].order) for part in plan)
            omitted = (
                f"; {counted(left, 'recording')} left out, of more than {velocities.MOST}" if left else ""
            )
            layers = counted(sum(len(part.layers) for part in parts.values()), "layer")
            progress(f"{bank}: {layers}, velocities by {plan['centre'].by}{omitted}")
    return paths


def _identifier(licence: str) -> str | None:
    """The SPDX identifier that a kit states itself, where it is a known one."""
    text = {"CC0": "CC0-1.0"}.get(licence.upper(), licence.replace(" ", "-"))
    if found := _COMMONS.search(licence):
        text = f"CC-{found[1]}-{found[2]}"
    known: dict[str, str] = {name.lower(): name for name in licences.known()}
    return known.get(text.lower())


def _plan(drum: Drum, mode: str, problems: list[str]) -> dict[str, velocities.Arrangement]:
    """How the recordings of each articulation are arranged; every one is read."""
    plan = {}
    for part, recordings in drum.parts.items():
        levels, before = [], len(problems)
        for recording in recordings:
            with collected(problems):
                levels.append(20.0 * np.log10(soundfonts.loudness(read(recording))))
        if len(problems) > before:
            continue
        ranges = [r.range for r in recordings if r.range is not None]
        stems = [Path(recording.name).stem for recording in recordings]
        try:
            plan[part] = velocities.arrange(stems, levels, mode, ranges or None)
        except velocities.UnnamedError as error:
            problems.append(
                f"{os.path.dirname(recordings[0].shown)}: {error}; name files such as snare_v064.wav, "
                "snare_pp.wav or snare_soft.wav, or give --velocities levels"
            )
    return plan


def _articulation(
    recordings: list[Recording], plan: velocities.Arrangement, character: str | None
) -> Articulation:
    """The recordings as layers, with float layers whose gains follow the levels of the plan."""
    change: Callable[[np.ndarray], np.ndarray] = (
        (lambda note: note)
        if character is None
        else (lambda note: soundfonts.trim(characters.apply(character, note)))
    )
    try:
        layers = [change(read(recordings[i])) for i in plan.order]
    except UsageError as error:
        raise RunError(f"a recording changed while it was used: {error.problems[0]}") from None
    loud = np.array([soundfonts.loudness(layer) for layer in layers])
    return Articulation(layers, plan.layer_of.copy(), 10.0 ** (plan.level_db / 20.0) / loud[plan.layer_of])
