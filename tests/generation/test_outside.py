"""Hostile files, given to every command that reads them: one sentence, nothing left behind, within limits."""

import os
import resource
import socket
import struct
import subprocess
import sys
import tarfile
import threading
import time

import pytest

import sousa
from sousa import main
from sousa.generation import outside, pace
from sousa.generation.audio import debs, download, encode
from sousa.generation.errors import RunError, UsageError
from tests.support.font_site import ar, make_deb

DEEP = "[" * 100_000
BOMB = "0: &a0 [x, x]\n" + "".join(f"{i + 1}: &a{i + 1} [*a{i}, *a{i}]\n" for i in range(20))
HUGE = "HUGE"  # a sparse file


def wav(channels=1, rate=44100, size=100, claimed=None):
    block = 2 * channels
    rates = rate, rate * block & 0xFFFFFFFF
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, *rates, block & 0xFFFF, 16)
    body = b"WAVE" + head + b"data" + struct.pack("<I", claimed or size) + bytes(size)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def flac(samples):
    """A head of FLAC that names a number of samples, and nothing after it."""
    about = (44100 << 44) | (1 << 41) | (15 << 36) | samples
    sizes = struct.pack(">HH", 4096, 4096) + bytes(6)
    return b"fLaC\x80\0\0\x22" + sizes + about.to_bytes(8, "big") + bytes(16)


def tar_with(entry_type, size):
    entry = tarfile.TarInfo("x")
    entry.type, entry.size = entry_type, size
    return entry.tobuf(tarfile.GNU_FORMAT)


def negative(deb):
    """A package whose first member has the size -60."""
    return deb[:56] + b"-60       " + deb[66:]


CONFIGS = {
    "deep.json": DEEP, "deep.yaml": DEEP, "deep_objects.json": '{"a":' * 50_000, "bomb.yaml": BOMB,
    "deep_enough.json": "[" * 150 + "]" * 150,
    "deep_block.yaml": "".join(" " * i + "a:\n" for i in range(300)),
    "huge.json": HUGE, "huge.yaml": HUGE, "empty.yaml": "", "cut.json": '{"sounds": [', "nul.yaml": "a: \0",
    "digits.json": '{"seed": ' + "9" * 10_000 + "}", "tag.yaml": "a: !!python/object:os.system x",
    "bytes.json": b"\xff\xfe\x00", "list.json": "[1]", "twice.json": '{"a": 1, "a": 2}',
}  # fmt: skip
MANIFESTS = {
    "deep": DEEP, "huge": HUGE, "list": "[]", "cut": "{", "bytes": b"\xff", "null": "null",
    "deep_config": '{"config":' + "[" * 150 + "]" * 150 + "}",
}  # fmt: skip
FONTS = {
    "negative.deb": negative(make_deb()), "cut.deb": make_deb()[:300],
    "pax.deb": ar({"data.tar": tar_with(tarfile.XHDTYPE, 3 << 30)}),
    "global_pax.deb": ar({"data.tar": tar_with(tarfile.XGLTYPE, 3 << 30)}),
    "long_name.deb": ar({"data.tar": tar_with(tarfile.GNUTYPE_LONGNAME, 3 << 30)}),
    "bomb.deb": ar({"data.tar": tar_with(tarfile.REGTYPE, 6 << 30)}),
    "far.deb": b"!<arch>\n" + f"{'x':<48}{9_999_999_999:<10}`\n".encode(),
    "letters.deb": b"!<arch>\n" + f"{'x':<48}{'abc':<10}`\n".encode(), "empty.deb": b"",
}  # fmt: skip
SOUNDFONTS = {
    "cut.sf2": b"RIFF\xff\xff\xff\xffsfbk", "other.sf2": b"MThd" * 9, "empty.sf2": b"",
}  # fmt: skip
NOISES = {
    "flac.flac": flac((1 << 36) - 1), "cut.wav": wav()[:30], "rate.wav": wav(rate=4_000_000_000),
    "none.wav": b"", "other.flac": b"fLaC" + bytes(9), "ogg.ogg": b"OggS" + bytes(99),
}  # fmt: skip


def put(path, content):
    if content is HUGE:
        with open(path, "wb") as file:
            file.truncate(1 << 40)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def special(path, kind):
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    return path


SPECIAL = ("pipe", "socket", "device", "directory")


def refused(capsys, tmp_path, *command):
    """Runs a command that has to fail; what it says."""
    before = set(tmp_path.rglob("*"))
    status = main([str(part) for part in command])
    said = capsys.readouterr().err
    assert status in (1, 2) and "Traceback" not in said and said.startswith("sousa")
    assert {path for path in tmp_path.rglob("*") if "cache" not in path.parts} - before == set()
    return said


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    monkeypatch.setenv("SOUSA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SOUSA_FONT_PATH", str(tmp_path / "system"))


def generate(file, tmp_path, option="--configfile"):
    kind = ["textures"] if option == "--configfile" else ["rudiments", "-p", "1"]
    return ["generate", *kind, option, file, "-o", tmp_path / "out"]


@pytest.mark.parametrize("name", CONFIGS)
def test_configurations(name, tmp_path, capsys):
    file = put(tmp_path / name, CONFIGS[name])
    assert str(file) in refused(capsys, tmp_path, *generate(file, tmp_path))


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifests(name, tmp_path, capsys):
    (tmp_path / "d").mkdir()
    put(tmp_path / "d" / "manifest.json", MANIFESTS[name])
    assert str(tmp_path / "d") in refused(capsys, tmp_path, "validate", tmp_path / "d")


@pytest.mark.parametrize("name", FONTS)
def test_packages_of_fonts(name, tmp_path, capsys):
    file = put(tmp_path / name, FONTS[name])
    command = ("soundfonts", "install", "fluid_r3_gm", "--from", file, "--output", tmp_path)
    assert str(file) in refused(capsys, tmp_path, *command)


@pytest.mark.parametrize("name", SOUNDFONTS)
def test_soundfonts(name, tmp_path, capsys):
    file = put(tmp_path / name, SOUNDFONTS[name])
    assert str(file) in refused(capsys, tmp_path, *generate(file, tmp_path, "--soundfont"))


@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("option", ("--noise-files", "--impulse-responses"))
def test_sounds(name, option, tmp_path, capsys):
    (tmp_path / "d").mkdir()
    file = put(tmp_path / "d" / name, NOISES[name])
    assert str(file) in refused(capsys, tmp_path, *generate(tmp_path / "d", tmp_path, option))


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize("option", ("--configfile", "--soundfont", "--from", "manifest"))
def test_what_is_no_regular_file_is_refused_without_waiting(kind, option, tmp_path, capsys):
    if option == "manifest":
        (tmp_path / "d").mkdir()
        special(tmp_path / "d" / "manifest.json", kind)
        command, place = ("validate", tmp_path / "d"), tmp_path / "d"
    else:
        place = special(tmp_path / "x", kind)
        command = generate(place, tmp_path, option)
        if option == "--from":
            command = ("soundfonts", "install", "fluid_r3_gm", option, place, "--output", tmp_path)
    assert str(place) in refused(capsys, tmp_path, *command)


@pytest.mark.parametrize("reader", ("parse_json", "parse_yaml"))
def test_depth_is_bounded_whatever_reads(reader):
    read = getattr(outside, reader)
    assert read("[" * 90 + "]" * 90)
    for text in ("[" * 150 + "]" * 150, DEEP + "]" * 100_000):
        with pytest.raises(ValueError, match="levels inside one another"):
            read(text)
    with pytest.raises(ValueError, match="levels"):
        outside.parse_yaml(DEEP, outside.fast_loader())  # libyaml's loader would end the process
    with pytest.raises(ValueError, match="aliases such as \\*a0"):
        outside.parse_yaml(BOMB, outside.fast_loader())


def test_a_sound_whose_head_names_too_many_samples_gets_no_room():
    with pytest.raises(encode.TooLong, match="at most"):
        encode.decode(flac((1 << 36) - 1))


@pytest.mark.parametrize("name", ("pax.deb", "global_pax.deb", "huge.yaml", "bomb.yaml", "deep.json"))
def test_memory_stays_bounded(name, tmp_path):
    file = put(tmp_path / name, {**CONFIGS, **FONTS}[name])
    read = "debs.member(f, 'x').__enter__()" if name in FONTS else "schema.read(f)"
    code = (
        "import sys\nfrom sousa.generation.audio import debs\n"
        "from sousa.generation.errors import SousaError\n"
        f"from sousa.generation.textures import schema\nf = sys.argv[1]\ntry:\n    {read}\n"
        "except SousaError as error:\n    print(error)\n"
    )

    def limited():
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))

    made = subprocess.run(
        [sys.executable, "-c", code, file], preexec_fn=limited, capture_output=True, text=True, timeout=600
    )
    assert (made.returncode, made.stderr) == (0, "") and str(file) in made.stdout


def test_every_member_of_a_package_advances(tmp_path):
    file = put(tmp_path / "p.deb", FONTS["negative.deb"])
    with pytest.raises(RunError, match="a member has -60 bytes"), debs.member(file, "x"):
        pass


@pytest.mark.parametrize("part", ("head", "body"))
def test_a_server_that_sends_a_byte_now_and_then_is_left_when_the_time_is_over(part, tmp_path, monkeypatch):
    monkeypatch.setattr(pace, "GRACE_SEC", 0.5)
    ended = threading.Event()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n"

    def serve(server):
        while not ended.is_set():
            try:
                client, _ = server.accept()
            except OSError:
                return
            client.recv(10_000)
            with client:
                try:
                    client.sendall(head + (b"\r\n" if part == "body" else b"X-Long: "))
                    while not ended.wait(0.05):
                        client.sendall(b"x")
                except OSError:
                    pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        begin = time.monotonic()
        with pytest.raises(RunError, match=r"too slow\); what came is kept"):
            address = f"http://127.0.0.1:{server.getsockname()[1]}/x"
            download.fetch(address, tmp_path / "x.part", 100_000, print, _no_progress)
        assert time.monotonic() - begin < 600  # at this pace the whole answer takes over an hour
        ended.set()


def _no_progress(*_, **__):
    from contextlib import nullcontext

    return nullcontext(lambda done: None)


def test_there_are_enough_of_them():
    tables = (CONFIGS, MANIFESTS, FONTS, SOUNDFONTS, NOISES)
    assert sum(map(len, tables)) + 4 * len(SPECIAL) >= 40


def test_a_header_of_safetensors_is_bounded_before_it_is_read(tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes((90 << 20).to_bytes(8, "little") + b"{}")
    with pytest.raises(outside.UnfitFile, match="its header has 94,371,840 bytes, of at most 1,048,576"):
        outside.require_small_header(file)
    file.write_bytes((2).to_bytes(8, "little") + b"{}")
    outside.require_small_header(file)


def test_a_directory_that_was_meant_is_named(tmp_path, monkeypatch):
    (tmp_path / "output" / "dataset").mkdir(parents=True)
    (tmp_path / "output" / "datasete").write_text("a file")
    monkeypatch.chdir(tmp_path)
    assert outside.meant("output/dataste") == " (did you mean output/dataset?)"
    assert outside.meant("outptu/dataset") == " (did you mean output/dataset?)"
    assert outside.meant(tmp_path / "outpu") == f" (did you mean {tmp_path}/output?)"
    there = ("output/dataset", "output/datasete")
    for name in (*there, "output/else", "outptu/nothing", "org/name", "", "a" * 5000):
        assert outside.meant(name) == "", name


@pytest.mark.parametrize(
    "words",
    [
        ["validate", "s3://bucket/data"], ["release", "s3://bucket/data", "--version", "1.0.0", "-o", "out"],
        ["open", "s3://bucket/data"], ["export", "s3://bucket/data", "--to", "csv", "-o", "out"],
        ["preview", "s3://bucket/data"], ["diff", "s3://bucket/data", "s3://bucket/other"],
        ["verify", "s3://bucket/data"], ["publish", "s3://bucket/data", "org/name"],
        ["plot", "s3://bucket/data", "-o", "x.png"],
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_an_address_is_no_place_to_read_from_and_what_to_do_is_said(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "s3://bucket/data is an address, and rows are read from directories; copy it to one, with " in said
    assert "'aws s3 sync'" in said and not list(tmp_path.iterdir())


def test_an_address_is_refused_by_functions_too():
    with pytest.raises(
        UsageError, match=r"^gs://bucket/data is an address.* with the tools of its store, and"
    ):
        sousa.load("gs://bucket/data")
