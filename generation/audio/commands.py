"""The ``sousa banks`` and ``sousa acoustics`` commands."""

import json
from pathlib import Path

import numpy as np

from sousa.generation.audio import banks, encode, fonts, mix, presets, rooms, soundfonts, voices
from sousa.generation.audio.characters import CHARACTERS
from sousa.generation.errors import UsageError, one_of, raise_all
from sousa.generation.storage import atomic_file, write_json


def fonts_to_banks(path, say):
    """Banks of a font, or of all fonts in a directory, built where this user has none yet.

    ``path`` may also be the key of a known font, or names of banks with commas.

    A font's drums are always all its distinct snares, whatever single ones were built before: a
    finished build leaves a list of its banks, and only such a list is used again.

    Returns: loaded banks.
    Raises: UsageError when there is no font; RunError when one can't be used.
    """
    here = banks.available()
    named = [name.strip() for name in str(path).split(",")]
    if all(name in here for name in named):
        return [banks.load(here[name]) for name in dict.fromkeys(named)]
    out = []
    for font in soundfonts.find_fonts(fonts.resolve(path)):
        record = banks.cache_dir() / f"font_{soundfonts.file_sha256(font)}.json"
        made = _recorded(record)
        if made and any(bank.digest == made[0].digest for bank in out):
            continue  # a copy of a font that is already there
        if made is None:
            say(f"building note banks from {font}")
            made = [
                banks.load(place)
                for place in soundfonts.build(font, progress=say, licence_id=fonts.spdx_of(font))
            ]
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
        say(f"{name}\n    {parts}; {bank.soundfont}, kit {bank.preset}; {bank.licence_text}")
        say(f"    {bank.digest[:16]}  {place}")


def build(path, kits, output, licence_id, character, say):
    """Build banks from fonts; ``kits`` is ``program:key,...`` or None for all distinct snares.

    ``path`` is a file, a directory or the key of a known font.
    """
    if character is not None and character not in CHARACTERS:
        raise UsageError(f"unknown character {one_of(character, CHARACTERS)}")
    wanted = None
    if kits:
        try:
            wanted = [tuple(int(n) for n in part.split(":")) for part in kits.split(",")]
            assert all(len(pair) == 2 for pair in wanted)
        except (ValueError, AssertionError):
            raise UsageError(f"--kits is {kits!r}; write PROGRAM:KEY,... such as 0:38,48:38") from None
    for font in soundfonts.find_fonts(fonts.resolve(path)):
        for made in soundfonts.build(font, output, wanted, say, licence_id or fonts.spdx_of(font), character):
            say(f"  {made}")


def play(name, output, velocities, articulation):
    """Write single strokes of a bank to a sound file, half a second apart."""
    bank = banks.by_name(name)
    if articulation not in bank.articulations:
        raise UsageError(f"{name} has no articulation {one_of(articulation, bank.articulations)}")
    if not velocities or not all(1 <= v <= 127 for v in velocities):
        raise UsageError(f"velocities are {velocities}; give numbers from 1 to 127")
    drum = voices.dry(bank, banks.BANK_RATE, 0, 2, articulation)
    onset = np.arange(len(velocities)) * (banks.BANK_RATE // 2) + banks.BANK_RATE // 10
    length = int(onset[-1]) + banks.BANK_RATE
    variant = np.arange(len(velocities)) % voices.VARIANTS
    pcm, _ = mix.quantise(mix.add_up(drum, onset, np.array(velocities), variant, length), 0.0)
    if Path(output).suffix.lower().lstrip(".") not in ("wav", "flac"):
        raise UsageError(f"{output}: name a .wav or .flac file")
    with atomic_file(output) as file:
        file.write(encode.encode(pcm, banks.BANK_RATE, Path(output).suffix.lower().lstrip(".")))


_STATED = {
    "rt60_sec": "RT60 in s", "drr_db": "direct over reverberant in dB", "c50_db": "C50 in dB",
    "distance_m": "microphone in m",
}  # fmt: skip


def acoustics(names, rooms_into, say):
    """Show presets with their ranges, or make the rooms of presets."""
    unknown = [name for name in names if name not in presets.names()]
    raise_all(f"unknown preset {one_of(name, presets.names())}" for name in unknown)
    if rooms_into == "":
        raise UsageError("--build-rooms is empty; name a directory")
    if rooms_into is not None:
        from sousa.generation.audio import room_builder

        wanted = [name for name in names or rooms.stated() if name in rooms.stated()]
        if not wanted:
            raise UsageError(
                f"{', '.join(names)}: no room to build; presets with one are {', '.join(rooms.stated())}"
            )
        return room_builder.build(rooms_into, wanted, progress=say)
    for name in names or presets.names():
        preset = presets.load()[name]
        say(f"{name}: {preset.about}")
        if name in rooms.stated():
            room, pool = rooms.stated()[name], rooms.pool(name)
            stated = ", ".join(f"{label} {_span(room[key])}" for key, label in _STATED.items())
            say(f"    room: {room['room_type']}, {len(pool)} responses; {stated}")
        for stage, values in vars(preset).items():
            if stage not in ("name", "about") and values is not None:
                say(f"    {stage.replace('_choices', '')}: {_stage(stage, values)}")


def _stage(name, values):
    if isinstance(values, dict):
        parts = ((key, _stage(key, value)) for key, value in values.items())
        return ", ".join(f"{key.replace('_choices', '')} {text}" for key, text in parts)
    return " or ".join(f"{one:g}" for one in values) if "_choices" in name else _span(values)


def _span(value):
    if not isinstance(value, list):
        return str(value)
    return f"{value[0]:g}" if len(set(value)) == 1 else " to ".join(f"{one:g}" for one in value)
