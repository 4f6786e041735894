"""Archives are unpacked whole and again, and those that could do harm are not."""

import gzip
import io
import os
import random
import stat
import struct
import tarfile
import zipfile
import zlib
from types import SimpleNamespace

import pytest

from sousa.generation.captions.downloads import archives
from sousa.generation.console import silent
from sousa.generation.errors import RunError

FILES = {f"tracks/{n:03}/{n:06}.mp3": random.Random(n).randbytes(5000) for n in range(20)}
KINDS = ("zip", "tar", "tar.gz")


def zipped(entries, method=zipfile.ZIP_DEFLATED):
    """A zip of ``(name, bytes)``, with names as they are given; a text is the target of a link."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in entries:
            info = zipfile.ZipInfo("x")
            info.filename, info.compress_type = name, method
            if isinstance(data, str):
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, data)
    return buffer.getvalue()


def tarred(entries, packed=False):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz" if packed else "w") as archive:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            if isinstance(data, str):
                info.type, info.linkname = tarfile.SYMTYPE, data
                archive.addfile(info)
            else:
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def packed(kind, entries):
    entries = entries.items() if isinstance(entries, dict) else entries
    return zipped(entries) if kind == "zip" else tarred(entries, kind == "tar.gz")


def written(place, kind, data):
    path = place / f"archive.{kind}"
    path.write_bytes(data)
    return path


def content(folder):
    """All files in a folder, by path."""
    paths = [path for path in folder.rglob("*") if path.is_file() or path.is_symlink()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.parametrize("kind", KINDS)
def test_everything_in_an_archive_is_unpacked(tmp_path, kind):
    path = written(tmp_path, kind, packed(kind, FILES))
    names = archives.unpack(path, tmp_path / "out", silent)
    assert content(tmp_path / "out") == FILES
    assert dict(names) == {name: len(data) for name, data in FILES.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_whole_is_not_written_again_and_what_is_not_is(tmp_path, kind):
    path, out = written(tmp_path, kind, packed(kind, FILES)), tmp_path / "out"
    archives.unpack(path, out, silent)
    names = list(FILES)
    before = {name: os.stat(out / name).st_ino for name in names}
    (out / names[0]).unlink()
    (out / names[1]).write_bytes(FILES[names[1]][:-1])
    (out / names[2]).write_bytes(FILES[names[2]][:-1] + b"?")  # of the right size
    with pytest.raises(RunError, match=r"is there and is not what is in archive\."):
        archives.unpack(path, out, silent)
    archives.unpack(path, out, silent, lambda path: True)
    assert content(out) == FILES
    assert all(os.stat(out / name).st_ino == before[name] for name in names[3:])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name",
    ["../out", "a/../../out", "/out", "a/./b", "a//b", "a\\..\\out", "a/\x01b", "x" * 300, "a/" * 600 + "a"],
)
def test_a_name_that_could_lead_out_refuses_the_archive(tmp_path, kind, name):
    path = written(tmp_path, kind, packed(kind, [*FILES.items(), (name, b"x")]))
    with pytest.raises(RunError, match=r"is not unpacked: the name '.*in it .*"):
        archives.unpack(path, tmp_path / "out", silent)
    assert not (tmp_path / "out").exists() and [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_name_with_a_nul_is_not_cut_short(tmp_path):
    data = zipped([("tracks/a?b", b"x")]).replace(b"a?b", b"a\0b")
    with pytest.raises(RunError, match="control characters"):
        archives.unpack(written(tmp_path, "zip", data), tmp_path / "out", silent)


@pytest.mark.parametrize("kind", KINDS)
def test_links_refuse_the_archive(tmp_path, kind):
    path = written(tmp_path, kind, packed(kind, [*FILES.items(), ("link", "/etc/passwd")]))
    with pytest.raises(RunError, match="'link' in it is a link or a device"):
        archives.unpack(path, tmp_path / "out", silent)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("type_", [tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_hard_links_and_devices_do_too(tmp_path, type_):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("odd")
        info.type, info.linkname = type_, "other"
        archive.addfile(info)
    with pytest.raises(RunError, match="is a link or a device"):
        archives.unpack(written(tmp_path, "tar", buffer.getvalue()), tmp_path / "out", silent)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", KINDS)
def test_two_files_of_one_name_refuse_the_archive(tmp_path, kind):
    path = written(tmp_path, kind, packed(kind, [("a", b"1"), ("b", b"2"), ("a", b"3")]))
    with pytest.raises(RunError, match="two files in it have the name 'a'"):
        archives.unpack(path, tmp_path / "out", silent)
    path = written(tmp_path, kind, packed(kind, [("a", b"1"), ("a/b", b"2")]))
    with pytest.raises(RunError, match="'a' in it is a file and a folder"):
        archives.unpack(path, tmp_path / "out", silent)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_bomb_is_not_unpacked(tmp_path, kind):
    path = written(tmp_path, kind, packed(kind, {f"zeros{n}": bytes(40 << 20) for n in range(2)}))
    assert path.stat().st_size < 200_000
    with pytest.raises(RunError, match="it unpacks to 83,886,080 bytes or more, of at most 67,108,864"):
        archives.unpack(path, tmp_path / "out", silent)
    assert not (tmp_path / "out").exists()


def test_a_size_that_is_a_lie_does_not_fill_the_disk(tmp_path):
    """The list of files says 1,000 bytes where 2,000,000 come out."""
    data = bytearray(zipped([("a", bytes(2_000_000))]))
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(signature) + at, 1000)
    with pytest.raises(RunError, match="is damaged"):
        archives.unpack(written(tmp_path, "zip", bytes(data)), tmp_path / "out", silent)
    assert not content(tmp_path / "out")


def test_a_list_of_files_of_no_sensible_size_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_DIRECTORY", 1000)
    with pytest.raises(RunError, match=r"its list of files has [0-9,]+ bytes, of at most 1,000"):
        archives.unpack(written(tmp_path, "zip", zipped(FILES.items())), tmp_path / "out", silent)


def test_a_header_of_no_sensible_size_is_not_read(tmp_path):
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 40
    data = info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)
    with pytest.raises(RunError, match="a header in it has 1,099,511,627,776 bytes"):
        archives.unpack(written(tmp_path, "tar", data), tmp_path / "out", silent)


def test_a_password_and_an_unknown_packing_refuse_the_archive(tmp_path):
    data = bytearray(zipped([("a", b"x" * 100)]))
    for flag, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(flag) + at] |= 1
    with pytest.raises(RunError, match="'a' in it needs a password"):
        archives.unpack(written(tmp_path, "zip", bytes(data)), tmp_path / "out", silent)
    data = bytearray(zipped([("a", b"x" * 100)]))
    for flag, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(flag) + at] = 9  # Deflate64
    with pytest.raises(RunError, match=r"is damaged \(That compression method is not supported"):
        archives.unpack(written(tmp_path, "zip", bytes(data)), tmp_path / "out", silent)


def test_a_wrong_crc_leaves_no_such_file(tmp_path):
    data = zipped(FILES.items(), zipfile.ZIP_STORED)
    names = list(FILES)
    data = data.replace(FILES[names[5]][100:200], bytes(100))
    with pytest.raises(RunError, match=r"is damaged \(Bad CRC-32 for file 'tracks/005/000005.mp3'"):
        archives.unpack(written(tmp_path, "zip", data), tmp_path / "out", silent)
    there = content(tmp_path / "out")
    assert there == {name: FILES[name] for name in names[:5]}  # whole ones, and no temporary file


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.999])
def test_an_archive_that_was_cut_short_is_damaged(tmp_path, kind, keep):
    data = packed(kind, FILES)
    if kind == "tar":
        data = data.rstrip(b"\0")  # what a tar ends with may be missing
    with pytest.raises(RunError, match=r"archive\.(zip|tar|tar\.gz) is damaged"):
        archives.unpack(written(tmp_path, kind, data[: int(len(data) * keep)]), tmp_path / "out", silent)
    if kind != "tar":
        assert not content(tmp_path / "out")


def test_a_gzip_whose_content_is_not_what_was_packed_is_not_unpacked(tmp_path):
    data = bytearray(gzip.compress(tarred(FILES.items()), 0))  # stored, so nothing but its CRC-32 tells
    at = bytes(data).index(FILES["tracks/007/000007.mp3"][:50])
    data[at] ^= 1
    with pytest.raises(RunError, match="CRC check failed"):
        archives.unpack(written(tmp_path, "tar.gz", bytes(data)), tmp_path / "out", silent)
    assert not (tmp_path / "out").exists()


def test_a_broken_header_is_not_taken_for_the_end_of_a_tar(tmp_path):
    data = bytearray(tarred(FILES.items()))
    at = bytes(data).index(b"tracks/003")
    data[at + 148 : at + 156] = b"9999999\0"
    with pytest.raises(RunError, match="a header in it can't be read"):
        archives.unpack(written(tmp_path, "tar", bytes(data)), tmp_path / "out", silent)


@pytest.mark.parametrize("kind", KINDS)
def test_hidden_files_are_left_out_and_folders_are_made(tmp_path, kind):
    entries = {"a/._000001.mp3": b"mac", "__MACOSX/a/b": b"mac", ".DS_Store": b"mac", "a/b.mp3": b"sound"}
    path = written(tmp_path, kind, packed(kind, entries))
    assert archives.unpack(path, tmp_path / "out", silent) == [("a/b.mp3", 5)]
    assert content(tmp_path / "out") == {"a/b.mp3": b"sound"}


def test_names_that_begin_with_a_dot_and_folders_of_their_own_are_read(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in (".", "./00"):
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE
            archive.addfile(info)
        info = tarfile.TarInfo("./00/1.mp3")
        info.size = 5
        archive.addfile(info, io.BytesIO(b"sound"))
    assert archives.unpack(written(tmp_path, "tar", buffer.getvalue()), tmp_path, silent) == [("00/1.mp3", 5)]
    data = zipped([("a/", b""), ("./a/é ü, 1.mp3", b"sound")])
    assert archives.unpack(written(tmp_path, "zip", data), tmp_path, silent) == [("a/é ü, 1.mp3", 5)]
    assert (tmp_path / "a" / "é ü, 1.mp3").read_bytes() == b"sound"


def test_zips_beyond_four_gigabytes_or_65535_files_and_bzip2_are_read(tmp_path, monkeypatch):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("big", "w", force_zip64=True) as file:
        file.write(b"z" * 1000)
    assert archives.unpack(written(tmp_path, "zip", buffer.getvalue()), tmp_path, silent) == [("big", 1000)]
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)  # beyond it the end of a zip is of another form
    data = zipped([(f"{number}", b"x") for number in range(5)], zipfile.ZIP_BZIP2)
    assert b"PK\x06\x06" in data
    assert len(archives.unpack(written(tmp_path, "zip", data), tmp_path, silent)) == 5


def test_what_is_in_the_way_is_said_and_left_alone(tmp_path):
    path, out = written(tmp_path, "zip", zipped([("a/b", b"x")])), tmp_path / "out"
    out.mkdir()
    (out / "a").write_bytes(b"theirs")
    with pytest.raises(RunError, match=r"can't write .*out/a/b"):
        archives.unpack(path, out, silent)
    assert content(out) == {"a": b"theirs"}


def test_a_link_in_place_of_a_file_is_replaced_and_not_followed(tmp_path):
    path, out, theirs = written(tmp_path, "zip", zipped([("a", b"x")])), tmp_path / "out", tmp_path / "theirs"
    out.mkdir()
    theirs.write_bytes(b"dear")
    (out / "a").symlink_to(theirs)
    with pytest.raises(RunError, match="is there and is not what is in"):
        archives.unpack(path, out, silent)
    assert (out / "a").is_symlink()
    archives.unpack(path, out, silent, lambda path: True)
    assert theirs.read_bytes() == b"dear" and not (out / "a").is_symlink()
    assert (out / "a").read_bytes() == b"x"


def test_too_little_room_is_said_before_anything_is_written(tmp_path, monkeypatch):
    path = written(tmp_path, "zip", zipped(FILES.items()))
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda place: SimpleNamespace(free=60_000))
    with pytest.raises(RunError, match=r"unpacks to 0\.1 MB that are not there yet, but only 0\.1 MB are"):
        archives.unpack(path, tmp_path / "out", silent)
    assert not (tmp_path / "out").exists()
    for name in list(FILES)[:10]:
        (tmp_path / "out" / name).parent.mkdir(parents=True)
        (tmp_path / "out" / name).write_bytes(FILES[name])
    archives.unpack(path, tmp_path / "out", silent)  # half of it is there
    assert content(tmp_path / "out") == FILES


def test_crc_is_that_of_zip():
    assert archives._crc(io.BytesIO(b"x" * 3_000_000)) == zlib.crc32(b"x" * 3_000_000)
