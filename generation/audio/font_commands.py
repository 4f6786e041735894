"""The ``sousa soundfonts`` commands."""

from sousa.generation.audio import fonts
from sousa.generation.errors import one_of, raise_all


def list_fonts(say, known=None):
    """Print every known font: licence, size, whether and where it is on this machine, its package."""
    for key, font in (fonts.catalogue() if known is None else known).items():
        path = fonts.where(font)
        if path is None:
            place = f"not on this machine: sousa soundfonts install {key}"
        elif path.parent == fonts.own_directory():
            place = f"installed by sousa: {path}"
        else:
            place = f"installed on this machine: {path}"
        identifier = f" [{font.spdx}]" if font.spdx else ""
        say(f"{key}\n    {font.name}, {font.size / 1e6:.1f} MB; {font.licence}{identifier}\n    {place}")
        say(f"    package {font.package}, {font.package_size / 1e6:.1f} MB: {font.address}")
        if font.homepage:
            say(f"    {font.homepage}")
        if font.note:
            say(f"    note: {font.note}")


def install(keys, output, source, address, say, notice, progress, known=None):
    """Install fonts by their keys; prints where each is and what to do with it.

    Args:
        keys: of the catalogue.
        output, source, address, progress: see ``fonts.install``.
        say: called with lines about each font; ``notice``: about the transfer.
        known: catalogue, by default the one that comes with sousa.

    Raises: UsageError for unknown keys and options that don't go together, before anything is done.
    """
    known = fonts.catalogue() if known is None else known
    keys = list(dict.fromkeys(keys))
    problems = [f"unknown soundfont {one_of(key, known)}" for key in keys if key not in known]
    for option, value in (("--from", source), ("--address", address), ("--output", output)):
        if value == "":
            problems.append(f"{option} is empty; give a value or leave it out")
    if source and address:
        problems.append("--from and --address are two sources; leave one out")
    if address and not address.startswith(("http://", "https://")):
        problems.append(f"--address is {address!r}; give http://... or https://..., and --from for a file")
    wanted = [known[key] for key in keys if key in known]
    packages = list(dict.fromkeys(font.package for font in wanted))
    if address and len(packages) > 1:
        problems.append(f"--address is for one package, and these are {len(packages)}; install one at a time")
    raise_all(problems)
    for number, font in enumerate(wanted, 1):
        keep = any(later.package_sha256 == font.package_sha256 for later in wanted[number:])
        path, how = fonts.install(font, output, source, address, keep, notice, progress)
        say(f"{font.key}: {path}\n    {how}; size and SHA-256 are right")
        if font.note:
            say(f"    note: {font.note}")
        else:
            say(f"    next: sousa banks build '{path}'\n      or: sousa generate --soundfont '{path}'")
