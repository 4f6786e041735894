"""Build the note banks that come with the package again, from what shipped_banks.toml names. Run::

    sousa soundfonts install fluid_r3_gm fluid_r3_mono_gm musescore_general
    (cd DIR && apt-get download sonic-pi-samples hydrogen-drumkits)
    python benchmarks/rudiments/shipped_banks.py DIR [-o generation/audio/bank_data]

The same version of FluidSynth makes the same digests; only of the practice pad, on another processor, the
last bit of some samples may differ. Afterwards it prints a table: of each bank its size, the centre of the
spectrum and the decay by 20 dB at velocity 100, its layers, and the bank it is most like, with the
correlation of the first 100 ms, aligned.
"""

import argparse
import json
import shutil
import tempfile
import tomllib
from pathlib import Path

import numpy as np
from scipy.signal import correlate

from sousa.generation.audio import banks, debs, fonts, soundfonts
from sousa.generation.audio.banks import BANK_RATE, SHIPPED_DIR
from sousa.generation.columns import markdown
from sousa.generation.storage import file_digest

SOURCES = Path(__file__).with_suffix(".toml")
HEAD = ("bank", "licence", "kB", "centre, Hz", "decay, ms", "layers", "most like", "correlation")
COMPARED_SEC = 0.1


def sources():
    """What banks are built from; shipped_banks.toml says what its fields are."""
    return tomllib.loads(SOURCES.read_text(encoding="utf-8"))


def from_font(entry, directory):
    """Cut the banks of one entry of ``fonts``."""
    pairs = (drum.split(":") for drum in entry["drums"])
    wanted = [(int(number), int(note)) for number, note in pairs]
    soundfonts.build(
        fonts.resolve(entry["key"]), directory, wanted, print, entry["licence_id"], entry.get("character")
    )


def from_recordings(entry, package, archive, directory):
    """Cut the bank of one entry of ``recordings`` out of the Debian package ``archive``."""
    from sousa.generation.audio import one_shots

    with tempfile.TemporaryDirectory() as place:
        for file in entry["files"]:
            name = f"{package['folder']}/{file}"
            with debs.member(archive, name) as content, (Path(place) / Path(file).name).open("wb") as out:
                shutil.copyfileobj(content, out)
        (path,) = one_shots.build(
            place, directory, name=entry["name"], progress=print, licence_id=entry["licence_id"]
        )
    table = path / "bank.json"
    meta = json.loads(table.read_text(encoding="utf-8"))
    meta |= {key: entry[key] for key in ("soundfont", "preset", "licence")}
    meta["source"] |= {"package": package["file"], "package_sha256": package["sha256"]}
    table.write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")


def note(bank):
    """The stroke of velocity 100: float array (samples,)."""
    part = bank.articulations["centre"]
    return part.layers[part.layer_of[100]].mean(axis=1).astype(float)


def centre_and_decay(sound):
    """Centre of a note's spectrum in Hz, and the time in which 20 dB of its energy are gone, in ms."""
    power = np.abs(np.fft.rfft(sound[:16384], 32768)) ** 2
    frequency = np.fft.rfftfreq(32768, 1 / BANK_RATE)
    left = np.cumsum(sound[::-1] ** 2)[::-1]
    decay = np.argmax(left < left[0] * 0.01) / BANK_RATE * 1000
    return (frequency * power).sum() / power.sum(), decay


def likeness(a, b):
    """Largest correlation of the first 100 ms of two notes, whatever their delay and sign."""
    size = int(COMPARED_SEC * BANK_RATE)
    a, b = (sound[:size] / np.sqrt((sound[:size] ** 2).sum()) for sound in (a, b))
    return np.abs(correlate(a, b)).max()


def rows(drums):
    """A row of the table for each bank."""
    notes = {bank.name: note(bank) for bank in drums}
    for bank in drums:
        centre, decay = centre_and_decay(notes[bank.name])
        like = {name: likeness(notes[bank.name], other) for name, other in notes.items() if name != bank.name}
        nearest = max(like, key=like.__getitem__)
        size = sum(file.stat().st_size for file in bank.path.iterdir()) / 1000
        layers = ", ".join(f"{name} {len(part.layers)}" for name, part in bank.articulations.items())
        yield (bank.name, bank.licence_id, f"{size:.0f}", f"{centre:.0f}", f"{decay:.0f}", layers, nearest,
               f"{like[nearest]:.2f}")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("packages", metavar="DIR", help="where the Debian packages of recordings are")
    parser.add_argument("-o", "--output", default=SHIPPED_DIR, help="where to (default: %(default)s)")
    arguments = parser.parse_args()
    wanted = sources()
    packages, archives = wanted["packages"], {}
    for name, package in packages.items():
        archives[name] = archive = Path(arguments.packages, package["file"])
        if not archive.is_file() or file_digest(archive) != package["sha256"]:
            parser.error(f"{archive} is not there or another file; get it with 'apt-get download {name}'")
    for entry in wanted["fonts"]:
        from_font(entry, arguments.output)
    for entry in wanted["recordings"]:
        name = entry["package"]
        from_recordings(entry, packages[name], archives[name], arguments.output)
    drums = [banks.load(path) for path in banks.find(arguments.output).values()]
    print(markdown(HEAD, list(rows(drums))))


if __name__ == "__main__":
    main()
