"""The ``sousa banks``, ``soundfonts`` and ``acoustics`` commands: their arguments and their work."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sousa.generation import commandline
from sousa.generation.audio import encode, fonts, mix, named_acoustics, one_shots, packs, rooms, voices
from sousa.generation.audio.banks import BANK_RATE, SHIPPED_DIR, available, by_name, load
from sousa.generation.audio.characters import CHARACTERS
from sousa.generation.audio.soundfonts import build
from sousa.generation.audio.velocities import MODES
from sousa.generation.errors import UsageError, collected, one_of, raise_all
from sousa.generation.storage import atomic_file, output_path, refuse_others_file
from sousa.generation.text import counted, one_line, shell

_BANKS = """examples:
  sousa banks list
      all banks with source and licence
  sousa banks build FluidR3_GM.sf2 --kits 0:38,48:38 --licence MIT
      cut two drums out of a soundfont
  sousa banks build ~/samples/my-snare --name my_snare --licence CC0-1.0
      make a drum of recordings of single strokes
  sousa banks build RealKit.h2drumkit
      make drums of the snares of a Hydrogen kit
  sousa banks play fluidr3_gm_brush_38 strokes.wav --velocities 30,60,90,120
      hear a bank, from soft to loud"""
_FONTS = """examples:
  sousa soundfonts list
      the keys of known fonts, their licences and where they are
  sousa soundfonts install timgm6mb
      download a font of the list and verify it
  sousa soundfonts install timgm6mb --from ~/Downloads
      take it from a folder in place of downloading it"""
_ACOUSTICS = """examples:
  sousa acoustics
      all acoustics
  sousa acoustics clean NAME
      two of them
  sousa acoustics NAME --build-rooms output/rooms
      make the impulse responses of one of them again; this needs pyroomacoustics"""


def banks(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """``sousa banks list|build|play``."""
    add = commandline.verbs(parser, _BANKS)
    sub = add("list", "list all banks with source and licence")
    sub.set_defaults(work=_list_banks)
    sub = add("build", "cut banks out of a soundfont or of recordings of single strokes")
    sub.add_argument(
        "font",
        metavar="PATH",
        help=".sf2 or .sf3 file or a directory of them; a directory of recordings, one folder a drum; a "
        "Hydrogen kit (folder or .h2drumkit); or a key of 'soundfonts list'",
    )
    sub.add_argument(
        "--kits", metavar="PROGRAM:KEY,...", help="only these of a soundfont (default: every distinct snare)"
    )
    sub.add_argument(
        "--velocities",
        metavar="BY",
        help=f"velocities of recordings by their file names or levels: {', '.join(MODES)} (default: auto, by "
        "names that say them, otherwise by levels)",
    )
    sub.add_argument("--name", help="name of the bank made of recordings (default: that of the folder)")
    sub.add_argument("--output", "-o", help="directory (default: this user's cache)")
    sub.add_argument(
        "--licence", metavar="SPDX", help="identifier of the licence of the font or recordings, such as MIT"
    )
    sub.add_argument("--character", metavar="NAME", help="make practice_pad or marching drums of them")
    sub.set_defaults(work=_build_banks)
    sub = add("play", "write strokes of a bank to a sound file")
    sub.add_argument("bank", help="as 'sousa banks list' shows it")
    sub.add_argument("output", help=".wav or .flac")
    sub.add_argument(
        "--velocities", default="20,40,60,80,100,120", help="MIDI velocities (default: %(default)s)"
    )
    sub.add_argument("--articulation", default="centre", help="where it is struck (default: %(default)s)")
    sub.set_defaults(work=_play)


def _list_banks(arguments: argparse.Namespace, console: Any) -> None:
    for name, path in available().items():
        bank = load(path)
        parts = ", ".join(f"{n} ({counted(len(p.layers), 'layer')})" for n, p in bank.articulations.items())
        place = "shipped" if path.parent == SHIPPED_DIR else path
        licence = ", ".join(dict.fromkeys(filter(None, (bank.licence_id, bank.licence))))
        facts = f"{parts}; {bank.soundfont}, kit {bank.preset}; {licence}"  # as their makers say
        console.print(f"{one_line(name)}\n    {one_line(facts)}")
        console.print(f"    {bank.digest[:16]}  {place}")


def _build_banks(arguments: argparse.Namespace, console: Any) -> None:
    kits, character = arguments.kits, arguments.character
    problems: list[str] = []
    if character is not None and character not in CHARACTERS:
        problems.append(f"unknown character {one_of(character, CHARACTERS)}")
    try:
        pairs = [part.split(":") for part in kits.split(",")] if kits else None
        wanted = pairs and [(int(program), int(key)) for program, key in pairs]
    except ValueError:
        problems.append(f"--kits is {kits!r}; write PROGRAM:KEY,... such as 0:38,48:38")
    output, licence, found = fonts.to_build(arguments, problems, fonts.fonts_or_packs)
    by, name = arguments.velocities, arguments.name
    if by is not None and by not in MODES:
        problems.append(f"--velocities is {one_of(by, MODES)}")
    with collected(problems):
        name = None if name is None else one_shots.named(name)
    is_pack = bool(found) and packs.is_pack(found[0])
    options = {"--kits": kits} if is_pack else {"--velocities": by, "--name": name}
    kind = "soundfonts" if is_pack else "recordings"
    wrong = [option for option, value in options.items() if found and value is not None]
    problems += [f"{option} is for {kind}, and {arguments.font} has none; leave it out" for option in wrong]
    raise_all(problems)
    if is_pack:
        mode = by or MODES[0]
        for path in one_shots.build(found[0], output, mode, name, console.print, licence, character):
            console.print(f"  {path}")
        return
    if sounds := packs.beside_fonts(arguments.font):
        console.say(
            f"{counted(sounds, 'sound file')} beside soundfonts in {arguments.font}: only fonts are used; "
            "move recordings to a directory of their own to build them"
        )
    for font in found:
        for path in build(font, output, wanted, console.print, licence or fonts.spdx_of(font), character):
            console.print(f"  {path}")


def _play(arguments: argparse.Namespace, console: Any) -> None:
    """Write single strokes, half a second apart."""
    bank, articulation = by_name(arguments.bank), arguments.articulation
    if articulation not in bank.articulations:
        raise UsageError(f"{arguments.bank} has no articulation {one_of(articulation, bank.articulations)}")
    try:
        velocity = np.array([int(text) for text in arguments.velocities.split(",")])
    except ValueError:
        raise UsageError(f"--velocities is {arguments.velocities!r}; write numbers with commas") from None
    if not ((velocity >= 1) & (velocity <= 127)).all():
        raise UsageError(f"velocities are {velocity.tolist()}; give numbers from 1 to 127")
    output = output_path(arguments.output)
    kind = Path(output).suffix.lower().lstrip(".")
    if kind not in encode.FORMATS:
        raise UsageError(f"{output}: name a .wav or .flac file")
    refuse_others_file(output)
    number = np.arange(len(velocity))
    onset = number * (BANK_RATE // 2) + BANK_RATE // 10
    drum = voices.dry(bank, BANK_RATE, 0, 2, articulation)
    sound = mix.add_up(drum, onset, velocity, number % voices.VARIANTS, int(onset[-1]) + BANK_RATE)
    with atomic_file(output) as file:
        file.write(encode.encode(mix.quantise(sound, 0.0)[0], BANK_RATE, kind))
    console.print(output)


def soundfonts(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """``sousa soundfonts list|install``."""
    add = commandline.verbs(parser, _FONTS)
    sub = add("list", "list known fonts with licence, and whether they are on this machine")
    sub.set_defaults(work=_list_fonts)
    sub = add("install", "put known fonts on this machine, verified by their SHA-256")
    sub.add_argument("keys", nargs="+", metavar="KEY", help="as 'sousa soundfonts list' shows them")
    sub.add_argument("--from", dest="source", metavar="PATH", help="font, .deb or directory of them to take")
    sub.add_argument("--output", "-o", help="directory (default: this user's cache)")
    sub.add_argument("--address", metavar="URL", help="fetch the package from here, such as a mirror")
    commandline.quiet(sub)
    sub.set_defaults(work=_install_fonts)


def _list_fonts(arguments: argparse.Namespace, console: Any) -> None:
    for key, font in fonts.catalogue().items():
        place = f"not on this machine: sousa soundfonts install {key}"
        if path := fonts.where(font):
            by = "by sousa" if fonts.is_own(path) else "on this machine"
            place = f"installed {by}: {path}"
        identifier = f" [{font.spdx}]" if font.spdx else ""
        lines = [
            f"{font.name}, {font.size / 1e6:.1f} MB; {font.licence}{identifier}", place,
            f"package {font.package}, {font.package_size / 1e6:.1f} MB: {font.address}",
            font.homepage, font.note and f"note: {font.note}",
        ]  # fmt: skip
        console.print("\n    ".join([key, *filter(None, lines)]))


def _install_fonts(arguments: argparse.Namespace, console: Any) -> None:
    known, keys = fonts.catalogue(), list(dict.fromkeys(arguments.keys))
    output, source, address = arguments.output, arguments.source, arguments.address
    problems = [f"unknown soundfont {one_of(key, known)}" for key in keys if key not in known]
    options = {"--from": source, "--address": address, "--output": output}
    problems += [f"{o} is empty; give a value or leave it out" for o, value in options.items() if value == ""]
    if source and address:
        problems.append("--from and --address are two sources; leave one out")
    if address and not address.startswith(("http://", "https://")):
        problems.append(f"--address is {address!r}; give http://... or https://..., and --from for a file")
    wanted = [known[key] for key in keys if key in known]
    packages = len({font.package for font in wanted})
    if address and packages > 1:
        problems.append(f"--address is for one package, and these are {packages}; install one at a time")
    raise_all(problems)
    output = None if output is None else output_path(output, "--output")
    progress = partial(console.progress, unit="B", unit_scale=True)
    for number, font in enumerate(wanted, 1):
        keep = any(later.package_sha256 == font.package_sha256 for later in wanted[number:])
        path, how = fonts.install(font, output, source, address, keep, console.say, progress)
        console.tell(f"{font.key}: {path}\n    {how}; size and SHA-256 are right")
        usage = f"next: sousa banks build {shell(path)}\n      or: sousa generate --soundfont {shell(path)}"
        console.tell(f"    note: {font.note}" if font.note else f"    {usage}")


def acoustics(parser: argparse.ArgumentParser, argv: list[str]) -> Callable[[argparse.Namespace, Any], None]:
    """``sousa acoustics``."""
    parser.epilog = _ACOUSTICS
    parser.add_argument("names", nargs="*", metavar="NAME", help="acoustics (default: all)")
    parser.add_argument("--build-rooms", metavar="DIR", help="make the impulse responses again, into DIR")
    return _acoustics


_STATED = {
    "rt60_sec": "RT60 in s", "drr_db": "direct over reverberant in dB", "c50_db": "C50 in dB",
    "distance_m": "microphone in m",
}  # fmt: skip


def _acoustics(arguments: argparse.Namespace, console: Any) -> None:
    names, directory, stated = arguments.names, arguments.build_rooms, rooms.stated()
    known = named_acoustics.names()
    raise_all(f"unknown acoustics {one_of(name, known)}" for name in names if name not in known)
    if directory is not None:
        from sousa.generation.audio import room_builder

        wanted = [name for name in names or stated if name in stated]
        if not wanted:
            have = ", ".join(stated)
            raise UsageError(f"{', '.join(names)}: no room to build; acoustics with one are {have}")
        room_builder.build(directory, wanted, console.print)
        return
    for name in names or known:
        ranges = named_acoustics.load()[name]
        console.print(f"{name}: {ranges.about}")
        if room := stated.get(name):
            measures = ", ".join(f"{label} {_span(room[key])}" for key, label in _STATED.items())
            console.print(
                f"    room: {room['room_type']}, {counted(len(rooms.pool(name)), 'response')}; {measures}"
            )
        for stage, values in vars(ranges).items():
            if stage not in ("name", "about") and values is not None:
                console.print(f"    {stage.replace('_choices', '')}: {_stage(stage, values)}")


def _stage(name: str, values: Any) -> str:
    if isinstance(values, dict):
        return ", ".join(f"{key.replace('_choices', '')} {_stage(key, v)}" for key, v in values.items())
    return " or ".join(f"{value:g}" for value in values) if "_choices" in name else _span(values)


def _span(value: Any) -> str:
    if not isinstance(value, list):
        return str(value)
    return " to ".join(f"{number:g}" for number in dict.fromkeys(value))
