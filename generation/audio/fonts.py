"""Free soundfonts known by name: where they are on this machine, and how to get them.

Conventions
-----------
``soundfonts.toml`` lists the fonts. A file is a known font only if its size and SHA-256 are the ones
listed there, wherever it lies and whatever it is called. Fonts that ``sousa soundfonts install``
brings lie in the user's cache, beside the banks; those of system packages are used where they are.
Only ``download`` touches the network.
"""

import fcntl
import hashlib
import os
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sousa.generation import environment, licences
from sousa.generation.audio import banks, debs, download, one_shots, packs, soundfonts
from sousa.generation.audio.banks import Bank
from sousa.generation.console import SILENT
from sousa.generation.corpus import Say
from sousa.generation.errors import RunError, UsageError, collected, one_of, raise_all
from sousa.generation.outside import expanded, opened, read_json, status_of
from sousa.generation.storage import LocalStorage, atomic_file, explain, file_digest, output_path, write_json

_CATALOGUE = Path(__file__).with_name("soundfonts.toml")
_SHARE = ("sounds/sf2", "sounds/sf3", "soundfonts")
_PREFIXES = ("/usr", "/usr/local", "/opt/homebrew", "/home/linuxbrew/.linuxbrew")


@dataclass(frozen=True)
class KnownFont:
    """A font of the catalogue; ``soundfonts.toml`` says what its fields are."""

    key: str
    name: str
    licence: str
    file: str
    size: int
    sha256: str
    package: str
    address: str
    package_size: int
    package_sha256: str
    member: str
    spdx: str | None = None
    homepage: str | None = None
    note: str | None = None


@cache
def catalogue() -> dict[str, KnownFont]:
    """The known fonts, by key."""
    fonts = {}
    for key, table in tomllib.loads(_CATALOGUE.read_text(encoding="utf-8")).items():
        file, deb = table.pop("file"), table.pop("deb")
        fonts[key] = KnownFont(
            key=key, file=file["name"], size=file["size"], sha256=file["sha256"],
            package=deb["package"], address=deb["address"], package_size=deb["size"],
            package_sha256=deb["sha256"], member=deb["member"], **table,
        )  # fmt: skip
    return fonts


def spdx_of(path: str | Path) -> str | None:
    """Identifier of the licence of a font file, if it is a known font with a clear one, else None."""
    return next((font.spdx for font in catalogue().values() if is_font(path, font)), None)


def own_directory() -> Path:
    """Where this user's fonts are kept: beside the banks of the cache."""
    return environment.cache() / "soundfonts"


def is_own(path: Path) -> bool:
    """Whether a font lies there."""
    with suppress(environment.NoCacheError):
        return path.parent == own_directory()
    return False


def system_directories() -> list[Path]:
    """Where system packages put fonts; ``$SOUSA_FONT_PATH`` (directories with ``:``) replaces them."""
    if "SOUSA_FONT_PATH" in os.environ:
        return [Path(place) for place in os.environ["SOUSA_FONT_PATH"].split(os.pathsep) if place]
    prefixes = dict.fromkeys((*_PREFIXES, os.environ.get("HOMEBREW_PREFIX") or "/usr/local"))
    return [Path(prefix, "share", place) for prefix in prefixes for place in _SHARE]


def is_font(path: str | Path, font: KnownFont) -> bool:
    """Whether a file is this font: size and SHA-256 are right."""
    try:
        return os.path.getsize(path) == font.size and file_digest(path) == font.sha256
    except OSError:
        return False


def where(font: KnownFont) -> Path | None:
    """Path of a font on this machine, the user's own first, or None."""
    directories = system_directories()
    with suppress(environment.NoCacheError):
        directories.insert(0, own_directory())
    for directory in filter(os.path.isdir, directories):
        files = [p for p in directory.glob("[!.]*") if p.suffix.lower() in (".sf2", ".sf3")]
        for path in sorted(files, key=lambda p: (p.name != font.file, p.name)):
            if is_font(path, font):
                return path
    return None


def resolve(name: str | Path) -> str | Path:
    """The path a person means: as given if something is there, else that of the font of this key.

    Raises: UsageError for the key of a font that is not on this machine.
    """
    font = catalogue().get(str(name))
    if font is None or os.path.lexists(name):
        return name
    if path := where(font):
        return path
    raise UsageError(
        f"soundfont {font.key} is not on this machine; get it with 'sousa soundfonts install {font.key}'"
    )


def fonts_or_packs(path: str | Path) -> list[Path]:
    """Paths of the fonts, or of the one directory or kit of recordings, that drums are to be cut out of.

    Raises: UsageError when there are neither.
    """
    path = resolve(path)
    if packs.is_pack(path):
        packs.require(path)
        return [Path(expanded(path))]
    return soundfonts.find_fonts(path)


def to_build(
    arguments: Any, problems: list[str], find: Callable[[str | Path], list[Path]] | None = None
) -> tuple[str | None, str | None, list[Path]]:
    """``(output, licence, fonts)`` of a command that builds out of a font; its problems are added.

    Args:
        arguments: with ``font``, ``licence`` and ``output``.
        find: function of ``font`` that gives the paths to build from; by default only fonts are.
    """
    output, licence, found = arguments.output, None, []
    with collected(problems):
        licence = licences.of_option(arguments.licence)
    with collected(problems):
        output = None if output is None else output_path(output, "--output")
    with collected(problems):
        found = (find or (lambda path: soundfonts.find_fonts(resolve(path))))(arguments.font)
    return output, licence, found


def banks_or_fonts(path: str | Path) -> tuple[list[Path], list[Path]]:
    """Paths of the banks that are named, or else of the fonts or recordings that banks are to be cut out of.

    Raises: UsageError when there are neither.
    """
    available = banks.available()
    names = dict.fromkeys(name.strip() for name in str(path).split(","))
    if names.keys() <= available.keys():
        return [available[name] for name in names], []
    # one of several is no path: together they may be longer than one can be
    if "," in str(path) and not os.path.lexists(path):
        raise_all(f"unknown bank {one_of(name, available)}" for name in names if name not in available)
    return [], fonts_or_packs(path)


def banks_of(path: str | Path, say: Say) -> list[Bank]:
    """Banks of a font, of all fonts in a directory, or of recordings, built where this user has none yet.

    A font's drums are always all its distinct snares, whatever single ones were built before: a finished
    build leaves a list of its banks, and only such a list is used again.

    Args:
        path: a font, a directory of fonts or recordings, a kit of Hydrogen, the key of a known font, or
            names of banks separated by commas.

    Raises: UsageError when there is no font; RunError when one can't be used.
    """
    paths_of_banks, paths_of_fonts = banks_or_fonts(path)
    out = [banks.load(place) for place in paths_of_banks]
    for font in paths_of_fonts:
        if packs.is_pack(font):
            # all files are read before anything is said: what is wrong with them comes first
            out += one_shots.built(font) or [banks.load(p) for p in one_shots.build(font, progress=say)]
            continue
        record = banks.cache_dir() / f"font_{file_digest(font)}.json"
        drums = _recorded(record)
        if drums and any(bank.digest == drums[0].digest for bank in out):
            continue  # a copy of a font that is already there
        if drums is None:
            say(f"building note banks from {font}")
            paths = soundfonts.build(font, progress=say, licence_id=spdx_of(font))
            drums = [banks.load(path) for path in paths]
            write_json(record, [[bank.path.name, bank.digest] for bank in drums])
        out += drums
    return out


def _recorded(record: Path) -> list[Bank] | None:
    """The banks of a finished build, or None when it has to be done (again)."""
    try:
        digests = dict(read_json(record))
        drums = [banks.load(record.parent / name) for name in digests]
    except (OSError, ValueError, TypeError, banks.BankError):
        return None
    return drums if [bank.digest for bank in drums] == list(digests.values()) else None


def install(
    font: KnownFont,
    output: str | Path | None = None,
    source: str | Path | None = None,
    address: str | None = None,
    keep: bool = False,
    say: Say = SILENT.say,
    progress: Any = SILENT.progress,
) -> tuple[Path, str]:
    """Put a known font on this machine, unless it is there.

    A font of a system package is left where it is, unless ``output``, ``source`` or ``address`` asks
    for a file of one's own.

    Args:
        output: directory to put it into; by default ``own_directory()``.
        source: local font file, package or directory of them to take it from.
        address: where to fetch the package, or the font itself, instead of ``font.address``.
        keep: leave the fetched package for another font that is in it.
        say, progress: see ``download.fetch``; by default nothing is shown.

    Returns: ``(path, how)``: where it is, and a few words on how it got there.
    Raises: UsageError when ``source`` or ``output`` is of no use; RunError when the font can't be had,
        or what was found is not what the catalogue lists.
    """
    directory = Path(output) if output else own_directory()
    goal = directory / font.file
    if is_font(goal, font):
        return goal, "was there already"
    if output and os.path.lexists(goal):
        raise UsageError(f"{goal} is another file than {font.key}; remove it or choose another --output")
    if not source and not address and (found := where(font)):
        if not output:
            return found, "was on this machine already, and is used where it is"
        source = found
    with _locked(directory):
        LocalStorage(str(directory)).sweep()  # of an install that was killed
        if source:
            source = _local(font, source)
            _take(font, source, goal)
            return goal, f"taken from {source}"
        try:
            package = _fetch(font, directory, address or font.address, say, progress)
            _take(font, package, goal)
        except RunError as error:
            raise RunError(
                f"{error}; or, as root on Debian, 'apt-get install {font.package}', or fetch {font.address} "
                "elsewhere and name the file with --from"
            ) from None
        if not keep:
            package.unlink()
    return goal, f"fetched from {address or font.address}"


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Make a directory, and let nobody else install into it meanwhile."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory, os.O_RDONLY)
    except OSError as error:
        raise explain(error, directory) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise RunError(f"another sousa is installing into {directory}; wait for it to end") from None
    finally:
        os.close(handle)


def _local(font: KnownFont, source: str | Path) -> Path:
    """The file to take a font from: ``source`` itself, or the one in that directory."""
    source = Path(expanded(source))
    if not status_of(source) or not os.access(source, os.R_OK):
        raise UsageError(f"--from {source} does not exist or can't be read; name a file or directory")
    if not source.is_dir():
        return source
    for path in (source / font.file, *sorted(source.glob(f"{font.package}_*.deb"))):
        if path.is_file():
            return path
    raise UsageError(f"there is no {font.file} and no {font.package}_*.deb in {source}; name the file itself")


def _fetch(font: KnownFont, directory: Path, address: str, say: Say, progress: Any) -> Path:
    """The package of a font, whole and verified, in the directory; goes on with one begun before."""
    # hidden, so that no package of the user's own has this name
    package = directory / f".{font.address.rsplit('/', 1)[-1]}"
    part = package.with_name(f"{package.name}.part")
    wanted = (font.package_sha256, font.sha256)  # another address may give the font itself
    if package.exists() and file_digest(package) in wanted:
        return package
    if os.path.lexists(package):
        raise UsageError(f"{package} is there and was not made by this command; remove it")
    download.fetch(address, part, max(font.package_size, font.size), say, progress)
    got = file_digest(part)
    if got not in wanted:
        size = part.stat().st_size
        download.forget(part)
        raise RunError(
            f"{address} gave another file than expected, which was not kept: expected SHA-256 "
            f"{font.package_sha256} ({font.package_size:,} bytes), got {got} ({size:,} bytes)"
        )
    os.replace(part, package)
    download.forget(part)
    return package


def _take(font: KnownFont, source: Path, goal: Path) -> None:
    """Copy a font out of a file or package to its place, checking every byte on the way."""
    try:
        content = debs.member(source, font.member) if debs.is_deb(source) else opened(source)
    except OSError as error:
        raise RunError(f"can't read {source}: {error.strerror or error}") from None
    with content as stream, atomic_file(goal) as out:
        sha, size = hashlib.sha256(), 0
        while size <= font.size and (block := stream.read(1 << 20)):
            size += len(block)
            sha.update(block)
            out.write(block)
        if size > font.size:
            raise RunError(f"{source} is not {font.name}: expected {font.size:,} bytes, it has more")
        if (size, sha.hexdigest()) != (font.size, font.sha256):
            raise RunError(
                f"{source} is not {font.name}: expected SHA-256 {font.sha256} ({font.size:,} bytes), "
                f"got {sha.hexdigest()} ({size:,} bytes)"
            )
