"""The ``sousa banks`` commands."""

import io
import json
from pathlib import Path

import numpy as np
import soundfile

from generation.audio import banks, fonts, mix, soundfonts
from generation.errors import UsageError, one_of
from generation.shards import atomic_file, write_json


def fonts_to_banks(path, say):
    """Banks of a font, or of all fonts in a directory, built where this user has none yet.

    ``path`` may also be the key of a known font.

    A font's drums are always all its distinct snares, whatever single ones were built before: a
    finished build leaves a list of its banks, and only such a list is used again.

    Returns: loaded banks.
    Raises: UsageError when there is no font; RunError when one can't be used.
    """
    out = []
    for font in soundfonts.find_fonts(fonts.resolve(path)):
        record = banks.cache_dir() / f"font_{soundfonts.file_sha256(font)}.json"
        made = _recorded(record)
        if made and any(bank.digest == made[0].digest for bank in out):
            continue  # a copy of a font that is already there
        if made is None:
            say(f"building note banks from {font}")
            made = [banks.load(place) for place in soundfonts.build(font, progress=say)]
            write_json(record, [[bank.path.name, bank.digest] for bank in made])
        out += made
    return out


def _recorded(record):
    """The banks of a finished build, or None when it must be done (again)."""
    try:
        made = [
            (banks.load(record.parent / name), digest)
            for name, digest in json.loads(record.read_text(encoding="utf-8"))
        ]
    except (OSError, ValueError, TypeError, banks.BankError):
        return None
    return [bank for bank, _ in made] if all(bank.digest == digest for bank, digest in made) else None


def list_banks(say):
    """Print every bank: name, layers, where it comes from and under which licence."""
    for name, path in banks.available().items():
        bank = banks.load(path)
        parts = ", ".join(f"{n} ({len(p.layers)} layers)" for n, p in bank.articulations.items())
        place = "shipped" if Path(path).parent == banks.SHIPPED_DIR else str(path)
        say(f"{name}\n    {parts}; {bank.soundfont}, kit {bank.preset}; {bank.licence}")
        say(f"    {bank.digest[:16]}  {place}")


def build(path, kits, output, licence_id, say):
    """Build banks from fonts; ``kits`` is ``program:key,...`` or None for all distinct snares.

    ``path`` is a file, a directory or the key of a known font.
    """
    wanted = None
    if kits:
        try:
            wanted = [tuple(int(n) for n in part.split(":")) for part in kits.split(",")]
            assert all(len(pair) == 2 for pair in wanted)
        except (ValueError, AssertionError):
            raise UsageError(f"--kits is {kits!r}; write PROGRAM:KEY,... such as 0:38,48:38") from None
    for font in soundfonts.find_fonts(fonts.resolve(path)):
        for made in soundfonts.build(font, output, wanted, say, licence_id):
            say(f"  {made}")


def play(name, output, velocities, articulation):
    """Write single strokes of a bank to a sound file, half a second apart."""
    bank = banks.by_name(name)
    if articulation not in bank.articulations:
        raise UsageError(f"{name} has no articulation {one_of(articulation, bank.articulations)}")
    if not velocities or not all(1 <= v <= 127 for v in velocities):
        raise UsageError(f"velocities are {velocities}; give numbers from 1 to 127")
    sound = banks.voiced(bank, banks.BANK_RATE, 0, 2)[articulation]
    onset = np.arange(len(velocities)) * (banks.BANK_RATE // 2) + banks.BANK_RATE // 10
    length = int(onset[-1]) + banks.BANK_RATE
    pcm, _ = mix.render(sound, onset, np.array(velocities), length, 0.0, banks.BANK_RATE)
    if Path(output).suffix.lower().lstrip(".") not in ("wav", "flac"):
        raise UsageError(f"{output}: name a .wav or .flac file")
    buffer = io.BytesIO()
    soundfile.write(buffer, pcm, banks.BANK_RATE, format=Path(output).suffix.lstrip(".").upper())
    with atomic_file(output) as file:
        file.write(buffer.getvalue())
