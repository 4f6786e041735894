"""A catalogue of small files in true layouts, of every kind of place, and a server that publishes them."""

import io
import json
import random
import tarfile
import zipfile

from tests.support.publisher import digest

NOISE = {number: random.Random(number).randbytes(30_000) for number in range(12)}
SOUNDS = {f"audio/{n:02}/{n}.2min.mp3": data for n, data in NOISE.items()}
CLIPS = {f"fma_small/000/{n:06}.mp3": data for n, data in NOISE.items()}
TABLES = {"fma_metadata/tracks.csv": b"a table\n" * 100, "fma_metadata/genres.csv": b"genres\n"}
WAVES = {f"datashare/data_aug2/{n}.wav": data for n, data in NOISE.items()}
TRACKS = {number: {f"{number:02}/{number}.low.mp3": NOISE[number]} for number in range(3)}
DESCRIBED = {
    "song_describer.csv": b"caption_id,track_id\n1,2\n",
    "song_describer_14_04_23.mtg-jamendo.tsv": b"track_2\tartist_1\n",
}
SPLITS = {"data/splits/split-0/autotagging-test.tsv": b"TRACK_ID\r\n", "audio_licenses.txt": b"licences\n"}
CAPTIONS = {"final_caption30sec.jsonl": b'{"id": "1"}\n', "2008-01-01.jsonl": b'{"id": "1"}\n'}
SHARDS = {f"data/train-{n:05}-of-00003.parquet": NOISE[n] for n in range(3)}


def zipped(files, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(files, mode="w"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


AUDIO_ZIP, SMALL_ZIP, METADATA_ZIP = zipped(SOUNDS), zipped(CLIPS), zipped(TABLES)

CORPORA = {
    "song_describer": [
        {"where": "zenodo:1", "names": ["song_describer.csv"], "bytes": 24, "lists": True,
         "digest": digest("md5", DESCRIBED["song_describer.csv"])},
        {"where": "zenodo:1", "names": ["song_describer_14_04_23.mtg-jamendo.tsv"], "bytes": 17,
         "lists": True},
        {"where": "zenodo:1", "names": ["audio.zip"], "bytes": 361_000, "sound": True, "unpack": "."},
    ],
    "fma": [
        {"where": "AT/fma", "names": ["fma_metadata.zip"], "bytes": 500, "unpack": ".",
         "digest": digest("sha1", METADATA_ZIP)},
        {"where": "AT/fma", "names": ["fma_small.zip"], "bytes": 361_000, "unpack": ".", "choice": "small",
         "sound": True, "digest": digest("sha1", SMALL_ZIP)},
        {"where": "AT/fma", "names": ["fma_full.zip"], "bytes": 9 * 10**15, "unpack": ".", "choice": "full",
         "sound": True},
    ],
    "mtg_jamendo": [
        {"where": "github:MTG/tags@abc", "names": ["data/splits/split-0/autotagging-test.tsv"], "bytes": 10,
         "lists": True},
        {"where": "github:MTG/tags@abc", "names": ["audio_licenses.txt"], "bytes": 10},
        {"where": "sums:AT/sums.txt", "base": "AT/low", "names": ["low-*.tar"], "bytes": 100_000,
         "sound": True, "choice": "low", "unpack": "audio"},
    ],
    "jamendo_max_caps": [
        {"where": "hub:amaai/caps@main", "names": ["*.jsonl"], "bytes": 24},
        {"where": "hub:amaai/caps@main", "names": ["data/*.parquet"], "bytes": 90_000, "sound": True},
    ],
    "musicbench": [
        {"where": "hub:amaai/bench@main", "names": ["MusicBench_train.json"], "bytes": 10},
        {"where": "hub:amaai/bench@main", "names": ["MusicBench.tar.gz"], "bytes": 361_000, "sound": True,
         "unpack": "."},
    ],
    "musiccaps": [{"where": "hub:google/caps@main", "names": ["musiccaps-public.csv"], "bytes": 10}],
}  # fmt: skip


def toml(address, corpora=CORPORA):
    """The text of a catalogue; AT stands for the address of the server."""
    lines = ["[servers]", *(f'{name} = "AT"' for name in ("zenodo", "github", "raw", "hub"))]
    for name, files in corpora.items():
        note = ['note = "its sound is on YouTube"'] if name == "musiccaps" else []
        lines += [f"[{name}]", 'sound = "several"', *note]
        for entry in files:
            values = [f"{key} = {json.dumps(value)}" for key, value in entry.items()]
            lines += [f"[[{name}.files]]", *values]
    return "\n".join(lines).replace("AT", address) + "\n"


def publish(publisher, folder):
    """Publish everything, and write the catalogue of it into a folder; returns the catalogue's path."""
    publisher.zenodo("1", {**DESCRIBED, "audio.zip": AUDIO_ZIP})
    publisher.files |= {"/fma/fma_metadata.zip": METADATA_ZIP, "/fma/fma_small.zip": SMALL_ZIP}
    publisher.github("MTG/tags", "abc", {**SPLITS, "data/other.tsv": b"other"})
    tars = {f"low-{n:02}.tar": tarred(files) for n, files in TRACKS.items()}
    publisher.files |= {f"/low/{name}": data for name, data in tars.items()}
    lines = [f"{digest('sha256', data).removeprefix('sha256:')} {name}\n" for name, data in tars.items()]
    publisher.files["/sums.txt"] = "".join(lines).encode()
    publisher.hub("amaai/caps", {**CAPTIONS, **SHARDS, "README.md": b"card"})
    bench = {"MusicBench_train.json": b'{"location": "a"}\n', "MusicBench.tar.gz": tarred(WAVES, "w:gz")}
    publisher.hub("amaai/bench", bench)
    publisher.hub("google/caps", {"musiccaps-public.csv": b"ytid,start_s\r\n"})
    path = folder / "catalogue.toml"
    path.write_text(toml(publisher.address))
    return path
