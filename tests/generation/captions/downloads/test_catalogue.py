"""Catalogues that are wrong say where; names and checksums are of the known kinds."""

import hashlib
import subprocess

import pytest

from sousa.generation.captions.downloads.catalogue import read
from sousa.generation.captions.downloads.digests import digest_of, is_digest
from sousa.generation.captions.downloads.names import is_left_out, matches, unfit
from sousa.generation.errors import UsageError
from tests.support.small_catalogue import toml

GOOD = {"where": "https://example.org", "names": ["a.csv"], "bytes": 1}


@pytest.mark.parametrize(
    "change, part",
    [
        ({"where": "ftp://example.org"}, "'ftp://example.org' is no address"),
        ({"where": "sums:https://example.org/sums"}, "'' is no address"),
        ({"names": ["../a.csv"]}, "'../a.csv' leads out of its folder"),
        ({"names": ["/a.csv"]}, "begins at the root of the disk"),
        ({"into": "a/../.."}, "leads out of its folder"),
        ({"unpack": "/"}, "'/' begins at the root"),
        ({"unpack": "."}, "unpack is for files that end with .zip, .tar, .tar.gz, .tgz"),
        ({"names": ["*.csv"]}, "* stands in names; that needs a listing"),
        ({"digest": "md5:abc"}, "digest is 'md5:abc'; give md5:, sha1:, sha256: or git: and the digits"),
        ({"digest": f"md5:{'0' * 32}", "names": ["a", "b"]}, "digest is that of one file"),
        ({"bytes": -1}, "bytes and content are 0 or more"),
        ({"bytes": "many"}, "bytes"),
        ({"bites": 3}, "unknown key"),
        ({"names": None}, "missing key names"),
    ],
)
def test_wrong_entries_are_named(tmp_path, change, part):
    path = tmp_path / "catalogue.toml"
    entry = {key: value for key, value in (GOOD | change).items() if value is not None}
    path.write_text(toml("https://example.org", {"fma": [GOOD, entry]}))
    with pytest.raises(UsageError) as caught:
        read(path)
    assert part in str(caught.value) and f"{path}: fma: files[1]" in str(caught.value)


@pytest.mark.parametrize(
    "text, part",
    [
        ("[servers]\n", "missing keys zenodo, github, raw, hub"),
        ("", "missing keys"),
        ("[fmaa]\n", "unknown corpus 'fmaa' (did you mean fma?)"),
        ("fma = 3\n", "fma is 3; give a mapping"),
        ("[fma\n", "can't be read"),
        ("\0", "can't be read"),
        ("a = " + "[" * 5000, "can't be read"),
        (toml("nowhere"), "servers: zenodo is 'nowhere'; give http://... or https://..."),
    ],
)
def test_wrong_catalogues_are_named(tmp_path, text, part):
    path = tmp_path / "catalogue.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read(path)
    assert part in str(caught.value) and str(path) in str(caught.value)


def test_checksums_are_those_of_other_tools(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 9000)
    for kind in ("md5", "sha1", "sha256"):
        expected = subprocess.run([f"{kind}sum", path], capture_output=True, text=True, check=True).stdout
        counts = []
        assert digest_of(path, kind, counts.append) == f"{kind}:{expected.split()[0]}"
        assert sum(counts) == path.stat().st_size
    command = ["git", "hash-object", path]
    expected = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert digest_of(path, "git") == f"git:{expected.strip()}"


def test_what_is_a_checksum():
    good = {kind: hashlib.new(kind, b"x").hexdigest() for kind in ("md5", "sha1", "sha256")}
    assert all(is_digest(f"{kind}:{digits}") for kind, digits in good.items())
    assert is_digest(f"git:{good['sha1']}")
    for text in ("", "md5", "md5:", f"md5:{good['sha1']}", f"sha512:{good['md5']}", f"md5:{'G' * 32}"):
        assert not is_digest(text)
    assert not is_digest(f"md5:{good['md5'].upper()}") and not is_digest(f"md5:{good['md5']}\n")


def test_which_names_may_be_used():
    for name in ("a", "a/b.mp3", "a b/é, (1).mp3", "-x", "a..b", "...a"):
        assert unfit(name) is None, name
    wrong = ("", ".", "..", "/a", "a/", "a//b", "./a", "a/../b", "a\\b", "a\nb", "a\0b", "a\x7f", "\udc8a")
    for name in wrong:
        assert unfit(name), name
    assert unfit("é" * 127) is None and unfit("é" * 128) and unfit("a/" * 499 + "a") is None


def test_which_names_are_left_out_and_which_fit_a_pattern():
    assert all(is_left_out(name) for name in ("._a", "a/.b", ".a/b", "__MACOSX/a", ".DS_Store"))
    assert not is_left_out("a.b/c") and not is_left_out("a/b._c")
    assert matches("data/a.parquet", "data/*.parquet") and matches("a", "a")
    assert not matches("data/a/b.parquet", "data/*.parquet") and not matches("data/a.jsonl", "*.jsonl")
