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
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sousa.generation.audio import banks, debs, download
from sousa.generation.audio.soundfonts import file_sha256
from sousa.generation.errors import RunError, UsageError
from sousa.generation.storage import atomic_file, explain

_CATALOGUE = Path(__file__).with_name("soundfonts.toml")
_SHARE = ("sounds/sf2", "sounds/sf3", "soundfonts")
_PREFIXES = ("/usr", "/usr/local", "/opt/homebrew", "/home/linuxbrew/.linuxbrew")


@dataclass(frozen=True)
class KnownFont:
    """A font of the catalogue.

    Attributes:
        key: its name on the command line.
        name: as its makers call it.
        licence: as its makers state it; ``spdx``: identifier of it where there is a clear one.
        file: name of the font file, with its ``size`` in bytes and ``sha256``.
        package: Debian package that holds it under the path ``member``, fetched from ``address``;
            ``package_size`` and ``package_sha256`` are of the package file.
        homepage: where it comes from, if that is known.
        note: what a person should know before fetching it, if anything.
    """

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


@lru_cache(maxsize=4)
def catalogue(path=_CATALOGUE):
    """The known fonts, by key."""
    tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    fonts = {}
    for key, table in tables.items():
        file, deb = table.pop("file"), table.pop("deb")
        fonts[key] = KnownFont(
            key=key, file=file["name"], size=file["size"], sha256=file["sha256"],
            package=deb["package"], address=deb["address"], package_size=deb["size"],
            package_sha256=deb["sha256"], member=deb["member"], **table,
        )  # fmt: skip
    return fonts


def spdx_of(path):
    """Identifier of the licence of a font file, if it is a known font with a clear one, else None."""
    size = os.path.getsize(path)
    return next((f.spdx for f in catalogue().values() if f.size == size and is_font(path, f)), None)


def own_directory():
    """Where this user's fonts are kept: beside the banks of the cache."""
    return banks.cache_dir().parent / "soundfonts"


def system_directories():
    """Where system packages put fonts; ``$SOUSA_FONT_PATH`` (directories with ``:``) replaces them."""
    if "SOUSA_FONT_PATH" in os.environ:
        return [Path(place) for place in os.environ["SOUSA_FONT_PATH"].split(os.pathsep) if place]
    prefixes = dict.fromkeys((*_PREFIXES, os.environ.get("HOMEBREW_PREFIX") or "/usr/local"))
    return [Path(prefix, "share", place) for prefix in prefixes for place in _SHARE]


def is_font(path, font):
    """Whether a file is this font: size and SHA-256 are right."""
    try:
        return os.path.getsize(path) == font.size and file_sha256(path) == font.sha256
    except OSError:
        return False


def where(font):
    """Path of a font on this machine, the user's own first, or None."""
    for directory in (own_directory(), *system_directories()):
        files = [p for p in directory.glob("[!.]*") if p.suffix.lower() in (".sf2", ".sf3")]
        for path in sorted(files, key=lambda p: (p.name != font.file, p.name)):
            if is_font(path, font):
                return path
    return None


def resolve(name, known=None):
    """The path a person means: as given if something is there, else that of the font of this key.

    Raises: UsageError for the key of a font that is not on this machine.
    """
    font = (catalogue() if known is None else known).get(str(name))
    if font is None or os.path.lexists(os.path.expanduser(name)):
        return name
    path = where(font)
    if path is None:
        raise UsageError(
            f"soundfont {font.key} is not on this machine; get it with 'sousa soundfonts install {font.key}'"
        )
    return path


def install(font, output=None, source=None, address=None, keep=False, say=None, progress=None):
    """Put a known font on this machine, unless it is there.

    A font of a system package is left where it is, unless ``output``, ``source`` or ``address`` asks
    for a file of one's own.

    Args:
        font: a KnownFont.
        output: directory to put it into; by default ``own_directory()``.
        source: local font file, package or directory of them to take it from.
        address: where to fetch the package, or the font itself, instead of ``font.address``.
        keep: leave the fetched package for another font that is in it.
        say: called with a line of text.
        progress: see ``download.fetch``; by default nothing is shown.

    Returns: ``(path, how)``: where it is, and a few words on how it got there.
    Raises: UsageError when ``source`` or ``output`` is of no use; RunError when the font can't be had,
        or what was found is not what the catalogue lists.
    """
    directory = Path(os.path.expanduser(output)) if output else own_directory()
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
        for left in directory.glob(f".{font.file}.*.tmp"):  # of an install that was killed
            left.unlink(missing_ok=True)
        if source:
            source = _local(font, source)
            _take(font, source, goal)
            return goal, f"taken from {source}"
        try:
            package = _fetch(font, directory, address or font.address, say, progress)
            _take(font, package, goal)
        except RunError as error:
            raise RunError(f"{error}; {_another_way(font)}") from None
        if not keep:
            package.unlink()
    return goal, f"fetched from {address or font.address}"


def _another_way(font):
    return (
        f"or, as root on Debian, 'apt-get install {font.package}', or fetch {font.address} elsewhere "
        "and name the file with --from"
    )


@contextmanager
def _locked(directory):
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


def _local(font, source):
    """The file to take a font from: ``source`` itself, or the one in that directory."""
    source = Path(os.path.expanduser(source))
    if not os.access(source, os.R_OK):
        raise UsageError(f"--from {source} does not exist or can't be read; name a file or directory")
    if not source.is_dir():
        return source
    for path in (source / font.file, *sorted(source.glob(f"{font.package}_*.deb"))):
        if path.is_file():
            return path
    raise UsageError(f"there is no {font.file} and no {font.package}_*.deb in {source}; name the file itself")


def _fetch(font, directory, address, say, progress):
    """The package of a font, whole and verified, in the directory; goes on with one begun before."""
    # hidden, so that no package of the user's own has this name
    package = directory / f".{font.address.rsplit('/', 1)[-1]}"
    part = package.with_name(f"{package.name}.part")
    wanted = (font.package_sha256, font.sha256)  # another address may give the font itself
    if package.exists() and file_sha256(package) in wanted:
        return package
    limit = max(font.package_size, font.size)
    download.fetch(address, part, limit, say or (lambda text: None), progress or _no_progress)
    got = file_sha256(part)
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


def _no_progress(title, total, initial=0):
    return nullcontext(lambda count: None)


def _take(font, source, goal):
    """Copy a font out of a file or package to its place, checking every byte on the way."""
    try:
        opened = debs.member(source, font.member) if debs.is_deb(source) else open(source, "rb")  # noqa: SIM115
    except OSError as error:
        raise RunError(f"can't read {source}: {error.strerror}") from None
    with opened as stream, atomic_file(goal) as out:
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
