"""What the environment says is checked before it is used, and nothing is written where nobody asked."""

import os
import pwd
import subprocess
import sys

import pytest

from sousa.builders.hub import remote
from sousa.generation import environment, outside
from sousa.generation.audio import banks, fonts
from sousa.generation.errors import UsageError
from tests.conftest import ROOT, TINY

# as for a user whom the system does not know, in a process without HOME
STRANGER = """
import os, pwd, runpy, sys
def unknown(who): raise KeyError(who)
pwd.getpwuid = pwd.getpwnam = unknown
sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def stranger(monkeypatch):
    """This process without a home directory and a cache."""

    def unknown(who):
        raise KeyError(who)

    for name in ("HOME", "SOUSA_CACHE", "XDG_CACHE_HOME", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(pwd, "getpwnam", unknown)


def bare(place, *arguments, program=("-c", STRANGER, str(ROOT / "sousa.py")), **more):
    """A command with this environment and no other, in a directory; its status, errors, and what it left."""
    place.mkdir()
    command = [sys.executable, *program, *map(str, arguments)]
    path = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    done = subprocess.run(command, cwd=place, env=path | more, capture_output=True, text=True, timeout=600)
    return done.returncode, done.stderr.strip(), sorted(os.listdir(place))


def test_a_stranger_makes_and_reads_a_dataset(tmp_path):
    done = bare(tmp_path / "a", *TINY, "-o", "out", "-w", 1, "-q")
    assert done == (0, "", ["out"])
    assert bare(tmp_path / "b", "banks", "list") == (0, "", [])
    assert bare(tmp_path / "c", "soundfonts", "list") == (0, "", [])


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["generate", "-p", "1", "-o", "~/out"], "~/out: there is no home directory for ~; write"),
        (["generate", "-p", "1", "-o", "~nobody/out"], "no home directory for ~nobody"),
        (["validate", "~/out"], "~/out: there is no home directory"),
        (["release", "~/d", "-o", "r", "--version", "1.0.0"], "~/d: there is no home directory"),
        (["generate", "textures", "--config", "~/space.yaml"], "~/space.yaml: there is no home directory"),
        (["soundfonts", "install", "timgm6mb", "--from", "/nonexistent"], "set SOUSA_CACHE to an absolute"),
        (["publish", "r", "org/name"], ""),
        (["diff", "org/one", "org/two"], "set HF_HOME to the absolute path of one"),
    ],
)  # fmt: skip
def test_a_stranger_leaves_no_folder_called_tilde(tmp_path, arguments, word):
    status, errors, left = bare(tmp_path / "d", *arguments)
    assert (status, left, errors.count("\n")) == (2, [], 0)
    assert errors.startswith("sousa: ") and word in errors


@pytest.mark.parametrize(
    ("name", "value"),
    [("HOME", ""), ("HOME", "rel"), ("SOUSA_CACHE", "rel"), ("XDG_CACHE_HOME", "~/x"),
     ("MPLCONFIGDIR", "rel"), ("TQDM_NCOLS", "wide"), ("TQDM_MININTERVAL", "often")],
)  # fmt: skip
def test_every_command_names_what_can_not_be_used(tmp_path, name, value):
    status, errors, left = bare(tmp_path / "d", *TINY, "-o", "out", **{name: value})
    assert (status, left, errors.count("\n")) == (2, [], 0)
    assert errors.startswith(f"sousa: {name}")


def test_odd_values_that_do_no_harm(tmp_path, tiny):
    odd = {"LC_ALL": "xx_YY.nothing", "LANG": "tr_TR", "OMP_NUM_THREADS": "many", "MPLBACKEND": "none",
           "TZ": "No/Where", "COLUMNS": "-3", "SOUSA_CACHE": "/proc/none", "SSL_CERT_FILE": "/none",
           "REQUESTS_CA_BUNDLE": "/none", "CURL_CA_BUNDLE": "/none", "HF_ENDPOINT": "none",
           "http_proxy": "none://"}  # fmt: skip
    assert bare(tmp_path / "d", *TINY, "-o", "out", "-q", "-w", 1, **odd) == (0, "", ["out"])


@pytest.mark.parametrize(
    ("value", "why"),
    [("rel", "absolute"), ("/proc", "can't be written to"), (f"/tmp/{'x' * 90}", "longer than sockets")],
)
def test_temporary_directories(tmp_path, tiny, value, why):
    status, errors, left = bare(tmp_path / "d", "verify", tiny, "-q", TMPDIR=value)
    assert (status, errors) == (0, "")  # needs none
    status, errors, left = bare(tmp_path / "e", "validate", tiny, "-q", "-w", 2, TMPDIR=value)
    assert (status, left) == (2, []) and errors.startswith(f"sousa: TMPDIR is '{value}'") and why in errors


def test_the_cache(monkeypatch, stranger):
    with pytest.raises(environment.NoCacheError, match="set SOUSA_CACHE"):
        environment.cache()
    assert set(banks.available()) == set(banks.find(banks.SHIPPED_DIR))
    fonts.where(next(iter(fonts.catalogue().values())))
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert str(environment.cache()) == "/x/sousa"
    monkeypatch.setenv("SOUSA_CACHE", "~/y")
    with pytest.raises(UsageError, match="SOUSA_CACHE is '~/y'"):
        environment.cache()
    monkeypatch.setenv("HOME", "/h")
    assert str(environment.cache()) == "/h/y"
    assert outside.expanded("~/z") == "/h/z" and outside.expanded("./~") == "./~"


@pytest.mark.parametrize(
    ("name", "value"),
    [("HF_HOME", "rel"), ("HF_HOME", ""), ("HF_DATASETS_CACHE", "~/x"), ("HF_ENDPOINT", "huggingface.co"),
     ("HF_ENDPOINT", ""), ("HF_HUB_ETAG_TIMEOUT", "soon"), ("HF_TOKEN", "hf_\u00e9"), ("HTTPS_PROXY", "ftp://a:1"),
     ("all_proxy", "http://u:secret@:8080"), ("http_proxy", "http://a:port"), ("ALL_PROXY", "socks5://a:1"),
     ("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_FILE", "/dev/zero"), ("SSL_CERT_FILE", "/etc/hostname"),
     ("SSL_CERT_DIR", "/nonexistent")],
)  # fmt: skip
def test_of_the_hub(monkeypatch, name, value):
    for other in [other for other in os.environ if other.lower().endswith("_proxy") or "SSL_CERT" in other]:
        monkeypatch.delenv(other)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    remote.check_environment(network=True)
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=name) as raised, remote.hub_errors("org/name", "reading"):
        pytest.fail("it went on")
    assert "secret" not in str(raised.value) and len(raised.value.problems) == 1


def test_a_cache_of_the_hub_that_can_not_be_written(tmp_path, tiny):
    (tmp_path / "file").touch()
    script = f"import sousa\ntry: sousa.load({str(tiny)!r})\nexcept Exception as e: print(type(e), e)"
    more = {"HF_HOME": str(tmp_path / "h"), "HF_DATASETS_CACHE": str(tmp_path / "file")}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env={**os.environ, **more}, capture_output=True, text=True)
    assert done.stdout.startswith("<class 'sousa.generation.errors.RunError'> loading"), done
    assert f"{tiny}: {tmp_path / 'file'}" in done.stdout and "HF_DATASETS_CACHE" in done.stdout


@pytest.mark.parametrize("name", ["RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_PORT"])
@pytest.mark.parametrize("value", ["first", "", "-1", "1.5"])
def test_ranks(monkeypatch, name, value):
    monkeypatch.setenv("RANK", "3")
    assert environment.rank() == 3
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=f"{name} is '{value}'"):
        environment.rank()
