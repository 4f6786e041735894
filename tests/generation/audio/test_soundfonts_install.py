"""Known soundfonts: what the list says of them, and getting one through everything that can go wrong."""

import json
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pretty_midi
import pytest

from sousa import main
from sousa.generation.audio import debs, download, fonts
from sousa.generation.errors import RunError, UsageError
from sousa.generation.storage import file_digest
from tests.support.disks import small_disk
from tests.support.font_site import DEB, FAKE, MEMBER, ar, make_deb, serving, sha256, tar_xz

FONT = Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"


@pytest.fixture
def site():
    with serving() as site:
        yield site


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """An empty cache, no system fonts, and no long pauses."""
    monkeypatch.setenv("SOUSA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SOUSA_FONT_PATH", str(tmp_path / "system"))
    monkeypatch.setattr(download, "PAUSE_SEC", 0.01)


@pytest.fixture
def fake(site):
    return known_font(site.address)


def known_font(address, deb=DEB, **more):
    return fonts.KnownFont(
        key="fake", name="Fake", licence="MIT", file="Fake.sf2", size=len(FAKE), sha256=sha256(FAKE),
        package="fake", address=address, package_size=len(deb), package_sha256=sha256(deb), member=MEMBER,
        **more,
    )  # fmt: skip


@pytest.fixture
def known(monkeypatch):
    """A function that makes these fonts the whole catalogue."""
    return lambda **fonts_by_key: monkeypatch.setattr(fonts, "catalogue", lambda: fonts_by_key)


def nothing_else_in(directory):
    return [path.name for path in sorted(directory.iterdir())] == ["Fake.sf2"]


def test_a_font_is_fetched_unpacked_and_verified(fake, site, known, capsys):
    known(fake=fake)
    assert main(["soundfonts", "install", "fake"]) == 0
    goal = fonts.own_directory() / "Fake.sf2"
    assert goal.read_bytes() == FAKE and nothing_else_in(goal.parent)
    said = capsys.readouterr().out
    for part in (str(goal), site.address, "SHA-256 are right", "sousa banks build", "--soundfont"):
        assert part in said
    assert fonts.install(fake) == (goal, "was there already")
    assert len(site.asked) == 1


def test_a_broken_connection_goes_on_from_the_byte_reached(fake, site):
    site.cut_after = [100_000, 50_000]
    lines, shown = [], []

    class Bar:
        def __init__(self, title, total, initial=0):
            shown.append((title, total, initial))

        __enter__ = lambda self: lambda count: None  # noqa: E731
        __exit__ = lambda self, *_: None  # noqa: E731

    path, _ = fonts.install(fake, say=lines.append, progress=Bar)
    assert path.read_bytes() == FAKE
    assert site.ranges_asked() == [None, "bytes=100000-", "bytes=150000-"]
    assert [headers.get("If-Range") for headers in site.asked] == [None, '"one"', '"one"']
    assert len(lines) == 2 and lines[0].startswith("fake_1_all.deb: ") and "going on in" in lines[0]
    assert shown == [("fake_1_all.deb", len(DEB), begin) for begin in (0, 100_000, 150_000)]


def test_the_next_run_goes_on_where_one_gave_up(fake, site):
    site.cut_after = [100_000, 0, 0, 0]
    site.version = None  # as servers without one do
    with pytest.raises(RunError, match="can't fetch"):
        fonts.install(fake)
    assert len(site.asked) == download.TRIES
    site.asked.clear()
    assert fonts.install(fake)[0].read_bytes() == FAKE
    assert site.ranges_asked() == ["bytes=100000-"] and "If-Range" not in site.asked[0]
    assert nothing_else_in(fonts.own_directory())


def test_a_file_changed_on_the_server_is_begun_again(fake, site):
    site.cut_after, site.body = [100_000, 0, 0, 0, 0], b"old" + DEB
    with pytest.raises(RunError):
        fonts.install(fake)
    site.cut_after, site.body, site.version = [], DEB, '"two"'
    assert fonts.install(fake)[0].read_bytes() == FAKE


def test_a_server_without_ranges_begins_again(fake, site):
    site.ranges, site.cut_after = False, [100_000]
    assert fonts.install(fake)[0].read_bytes() == FAKE
    assert site.ranges_asked() == [None, "bytes=100000-"]


def test_a_server_that_always_breaks_at_one_place_is_given_up(fake, site):
    site.ranges, site.cut_after = False, [1000] * 99
    with pytest.raises(RunError, match="apt-get install fake"):
        fonts.install(fake)
    assert len(site.asked) == download.TRIES


def part_file(address=""):
    """Where the part file of the font is, said to be begun by us where an address is given."""
    fonts.own_directory().mkdir(parents=True)
    path = fonts.own_directory() / ".fake_1_all.deb.part"
    if address:
        Path(f"{path}.version").write_text(json.dumps([address, ""]))
    return path


def test_a_part_file_that_is_whole_is_used(fake, site):
    part_file(fake.address).write_bytes(DEB)
    assert fonts.install(fake)[0].read_bytes() == FAKE
    assert site.ranges_asked() == [f"bytes={len(DEB)}-"]


def test_a_part_file_that_is_too_long_is_begun_again(fake, site):
    part_file(fake.address).write_bytes(DEB + b"more")
    assert fonts.install(fake)[0].read_bytes() == FAKE
    assert site.ranges_asked() == [f"bytes={len(DEB) + 4}-", None]


@pytest.mark.parametrize(
    "kind", ["file", "link", "link of ours", "hard link", "directory", "fifo", "package"]
)
def test_what_others_put_where_parts_are_kept_is_left_alone(fake, site, tmp_path, kind):
    part, theirs = part_file(fake.address if kind == "link of ours" else ""), tmp_path / "theirs"
    theirs.write_bytes(b"dear")
    if kind.startswith("link"):
        part.symlink_to(theirs)
    elif kind == "hard link":
        Path(f"{part}.version").write_text(json.dumps([fake.address, ""]))
        part.hardlink_to(theirs)
    elif kind == "directory":
        part.mkdir()
    elif kind == "fifo":
        os.mkfifo(part)
    else:
        (part if kind == "file" else part.with_suffix("")).write_bytes(b"dear")
    before = sorted(part.parent.iterdir())
    with pytest.raises(UsageError, match="is there and was not made by this command; remove it"):
        fonts.install(fake)
    assert theirs.read_bytes() == b"dear" and sorted(part.parent.iterdir()) == before and not site.asked


def test_a_link_where_the_version_is_kept_is_not_followed(fake, site, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"dear")
    Path(f"{part_file()}.version").symlink_to(theirs)
    assert fonts.install(fake)[0].read_bytes() == FAKE
    assert theirs.read_bytes() == b"dear" and nothing_else_in(fonts.own_directory())


def test_a_server_error_is_tried_again_but_a_missing_file_is_not(fake, site):
    site.statuses = [500, 503]
    assert fonts.install(fake)[0].read_bytes() == FAKE
    assert len(site.asked) == 3
    fonts.install(fake)[0].unlink()
    site.statuses = [404]
    with pytest.raises(RunError, match=r"answers 404 .*apt-get install fake.* --from"):
        fonts.install(fake)
    assert len(site.asked) == 4


def test_wrong_bytes_are_named_and_not_kept(fake, site):
    site.body = DEB[:-1] + b"X"
    with pytest.raises(RunError) as caught:
        fonts.install(fake)
    for part in (fake.package_sha256, sha256(site.body), "expected", "got", "not kept", "apt-get"):
        assert part in str(caught.value)
    assert not list(fonts.own_directory().iterdir())


def test_more_bytes_than_expected_stop_the_transfer(fake, site):
    site.body = bytes(3_000_000)
    with pytest.raises(RunError, match="sends more than"):
        fonts.install(fake)
    assert not list(fonts.own_directory().iterdir())


def test_no_network_is_one_sentence_with_a_way_out(site):
    with socket.socket() as taken:  # bound but not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        fake = known_font(f"http://127.0.0.1:{taken.getsockname()[1]}/fake_1_all.deb")
        with pytest.raises(RunError) as caught:
            fonts.install(fake)
    for part in ("can't fetch", "refused", "apt-get install fake", "--from"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    # the same, from another address
    path, how = fonts.install(fake, address=site.address)
    assert path.read_bytes() == FAKE and site.address in how


def test_another_address_may_give_the_font_itself(fake, site):
    site.body = FAKE
    assert fonts.install(fake, address=site.address)[0].read_bytes() == FAKE


def test_a_full_disk_is_one_sentence_and_the_next_run_goes_on(fake, site, tmp_path):
    with small_disk(tmp_path / "small", "200k") as place:
        with pytest.raises(RunError, match=r"no space left while writing .*apt-get install fake"):
            fonts.install(fake, output=place)
        assert len(site.asked) == 1
        subprocess.run(["mount", "-o", "remount,size=2m", place], check=True)
        path, _ = fonts.install(fake, output=place)
        assert path.read_bytes() == FAKE and nothing_else_in(place)
        assert site.ranges_asked()[1] not in (None, "bytes=0-")


@pytest.mark.parametrize("kind", ["font", "package", "directory of a font", "directory of a package"])
def test_a_local_file_is_verified_and_copied(site, fake, tmp_path, kind):
    local = tmp_path / "local"
    local.mkdir()
    file = local / ("Fake.sf2" if "font" in kind else "fake_2_all.deb")
    file.write_bytes(FAKE if "font" in kind else make_deb())
    path, how = fonts.install(fake, source=local if "directory" in kind else file)
    assert path.read_bytes() == FAKE and str(file) in how
    assert nothing_else_in(path.parent) and not site.asked and file.exists()


def test_local_files_that_are_of_no_use_are_named(fake, tmp_path):
    with pytest.raises(UsageError, match="nothing does not exist"):
        fonts.install(fake, source=tmp_path / "nothing")
    with pytest.raises(UsageError, match=r"no Fake\.sf2 and no fake_\*\.deb"):
        fonts.install(fake, source=tmp_path)
    file = tmp_path / "x"
    for data, text in [
        (FAKE[:-1], "expected SHA-256"),
        (FAKE + b"x", "it has more"),
        (make_deb(FAKE[:-1] + b"?"), "expected SHA-256"),
        (make_deb(FAKE + bytes(2 << 20)), "it has more"),
        (DEB[:-3000], "damaged"),
        (ar({"debian-binary": b"2.0\n"}), "no data archive"),
        (ar({"data.tar.xz": tar_xz([("other", b"x")])}), f"holds no {MEMBER}"),
        (ar({"data.tar.xz": tar_xz([(MEMBER, "/etc/passwd")])}), "no plain file"),
        (ar({"data.tar.zst": b"x"}), "dpkg-deb -x"),
    ]:
        file.write_bytes(data)
        with pytest.raises(RunError, match=text.replace("*", r"\*")):
            fonts.install(fake, source=file)
        assert not list(fonts.own_directory().iterdir())


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="needs dpkg-deb")
@pytest.mark.parametrize("kind", ["xz", "gzip", "none"])
def test_packages_of_debians_own_tool_are_read(tmp_path, kind):
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x>\nDescription: x\n"
    )
    (tree / "font").write_bytes(FAKE)
    package = tmp_path / "x.deb"
    subprocess.run(["dpkg-deb", f"-Z{kind}", "-b", tree, package], check=True, capture_output=True)
    with debs.member(package, "font") as stream:
        assert stream.read() == FAKE


def test_a_font_of_the_system_is_used_where_it_is(fake, site, tmp_path):
    system = tmp_path / "system"
    system.mkdir()
    (system / "Fake.sf2").write_bytes(FAKE[:-1] + b"?")  # right name and size
    (system / "renamed.sf2").write_bytes(FAKE)
    assert fonts.install(fake)[0] == system / "renamed.sf2"
    assert not fonts.own_directory().exists()
    path, _ = fonts.install(fake, output=tmp_path / "mine")
    assert path == tmp_path / "mine" / "Fake.sf2" and path.read_bytes() == FAKE
    assert not site.asked


def test_a_damaged_font_in_the_cache_is_replaced_but_a_persons_file_is_not(fake, tmp_path):
    fonts.own_directory().mkdir(parents=True)
    (fonts.own_directory() / "Fake.sf2").write_bytes(b"damaged")
    assert fonts.install(fake)[0].read_bytes() == FAKE
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "Fake.sf2").write_bytes(b"mine")
    with pytest.raises(UsageError, match="another file than fake"):
        fonts.install(fake, output=mine)
    assert (mine / "Fake.sf2").read_bytes() == b"mine"


def test_fonts_of_one_package_are_fetched_together(site, known, capsys):
    other = b"RIFF\x00\x00\x00\x00sfbk" + bytes(1000)
    site.body = deb = ar({"data.tar.xz": tar_xz([(MEMBER, FAKE), ("usr/Other.sf2", other)])})
    one = known_font(site.address, deb)
    two = fonts.KnownFont(
        "other", "Other", "MIT", "Other.sf2", len(other), sha256(other), "fake", site.address,
        len(deb), sha256(deb), "usr/Other.sf2", note="not a drum",
    )  # fmt: skip
    known(fake=one, other=two)
    assert main(["soundfonts", "install", "fake", "other", "fake"]) == 0
    assert len(site.asked) == 1 and len(list(fonts.own_directory().iterdir())) == 2
    assert "note: not a drum" in capsys.readouterr().out


def test_two_installs_into_one_directory_do_not_mix(fake):
    with (
        fonts._locked(fonts.own_directory()),
        pytest.raises(RunError, match="another sousa is installing into"),
    ):
        fonts.install(fake)


def test_a_key_stands_for_its_font(fake, tmp_path, monkeypatch, known):
    known(fake=fake)
    with pytest.raises(UsageError, match="not on this machine; get it with 'sousa soundfonts install fake'"):
        fonts.resolve("fake")
    path, _ = fonts.install(fake)
    assert fonts.resolve("fake") == path
    assert fonts.resolve("other") == "other"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fake").touch()  # a file of that name is what is meant
    assert fonts.resolve("fake") == "fake"


@pytest.mark.parametrize("arguments", [("generate", "--soundfont"), ("banks", "build")])
def test_commands_take_keys_and_say_how_to_get_the_font(sousa, tmp_path, arguments):
    done = sousa(*arguments, "timgm6mb", "-o", tmp_path / "d")
    assert done.returncode == 2 and not (tmp_path / "d").exists()
    assert "sousa: soundfont timgm6mb is not on this machine" in done.stderr
    assert "sousa soundfonts install timgm6mb" in done.stderr


def test_a_key_builds_the_banks_of_its_font(monkeypatch, tmp_path, known):
    monkeypatch.setenv("SOUSA_FONT_PATH", str(FONT.parent))
    table = {**vars(known_font("")), "size": FONT.stat().st_size, "sha256": file_digest(FONT)}
    known(fake=fonts.KnownFont(**table))
    assert main(["banks", "build", "fake", "--kits", "0:38", "-o", str(tmp_path / "banks")]) == 0
    assert (tmp_path / "banks" / "timgm6mb_standard_38" / "bank.json").exists()


@pytest.mark.parametrize(
    "arguments, parts",
    [
        (["timgm6"], ["unknown soundfont 'timgm6' (did you mean timgm6mb?)", "fluid_r3_gm", "opl3_fm"]),
        (["timgm6mb", "--from", ""], ["--from is empty"]),
        (["timgm6mb", "--from", "/nowhere"], ["--from /nowhere does not exist"]),
        (["timgm6mb", "--address", "ftp://x/y"], ["--address is 'ftp://x/y'; give http://"]),
        (["timgm6mb", "--address", "http://x:port/"], ["is no address"]),
        (["timgm6mb", "--from", "x", "--address", "http://x/y"], ["leave one out"]),
        (["timgm6mb", "fluid_r3_gm", "--address", "http://x/y"], ["--address is for one package"]),
    ],
)
def test_bad_requests_get_one_sentence(capsys, arguments, parts):
    assert main(["soundfonts", "install", *arguments]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("sousa: ") and len(said.splitlines()) == 1
    for part in parts:
        assert part in said


def test_list_shows_every_font_and_where_it_is(sousa, fake, known, capsys):
    done = sousa("soundfonts", "list")
    assert done.returncode == 0
    for key, font in fonts.catalogue().items():
        for part in (key, font.name, font.licence, font.package, font.address):
            assert part in done.stdout
    known(fake=fake)
    assert main(["soundfonts", "list"]) == 0
    assert "not on this machine: sousa soundfonts install fake" in capsys.readouterr().out
    path, _ = fonts.install(fake)
    assert main(["soundfonts", "list"]) == 0
    assert f"installed by sousa: {path}" in capsys.readouterr().out


def test_the_catalogue_is_complete():
    known = fonts.catalogue()
    assert known
    for key, font in known.items():
        assert re.fullmatch(r"[a-z0-9_]+", key)
        assert font.licence and font.name and font.package
        assert font.spdx is None or re.fullmatch(r"[A-Za-z0-9.-]+", font.spdx)
        for number, digest in ((font.size, font.sha256), (font.package_size, font.package_sha256)):
            assert number > 100_000 and re.fullmatch(r"[0-9a-f]{64}", digest)
        assert re.fullmatch(r"https?://\S+\.deb", font.address)
        assert font.address.rsplit("/", 1)[-1].startswith(f"{font.package}_")
        assert font.member.endswith(f"/{font.file}") and not font.member.startswith("/")
    assert len({font.sha256 for font in known.values()}) == len(known)


@pytest.mark.parametrize("font", fonts.catalogue().values(), ids=lambda font: font.key)
def test_fonts_of_system_packages_are_those_of_the_catalogue(font, monkeypatch):
    monkeypatch.delenv("SOUSA_FONT_PATH")
    same = [p / font.file for p in fonts.system_directories() if (p / font.file).is_file()]
    same = [path for path in same if path.stat().st_size == font.size]
    if not same:
        pytest.skip(f"{font.package} is not installed, or another version of it")
    assert file_digest(same[0]) == font.sha256
