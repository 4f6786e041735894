"""What must not be asked for: over all commands, one sentence, the right status, and nothing left behind.

A case is ``(command line, status, words that the sentence holds)``, in the yard that a fixture lays out.
"""

import contextlib
import os
import shlex
import shutil
import signal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from huggingface_hub import constants

from sousa import main
from tests.support.releases import release

LONG = "x" * 300
TEXTURE = (
    '{"synth": "pop", "sample_rate": 8000, "duration_sec": 0.2, '
    '"parameters": {"cf": {"min": 200, "max": 400, "count": 3}}}'
)
GENERATE = [  # options of the default corpus
    ("--size smal", "small?"), ("--size ''", "size"), ("--size 5", "unknown size"),
    ("--seed -1", "--seed is -1"), ("--seed 9223372036854775808", "sensible size"), ("--seed nan", "--seed"),
    ("--seed ''", "--seed"), ("--seed 99999999999999999999999999", "--seed"),
    ("--seed \u0663\u0664x", "--seed"), ("-p 0", "--profiles is 0"), ("-p -3", "--profiles is -3"),
    ("-p 100001", "100000"), ("-p 1.5", "--profiles"), ("-p many", "--profiles"), ("-p inf", "--profiles"),
    ("-p ''", "--profiles"), ("-p", "argument"), ("-t 0", "--tempos"), ("-t 101", "100"),
    ("-t NaN", "--tempos"), ("-a -1", "--augmentations"), ("-a 1e9", "--augmentations"),
    ("-a x", "--augmentations"), ("--rudiments flamm", "flam?"), ("--rudiments ''", "--rudiments"),
    ("--rudiments ,", "--rudiments"), ("--rudiments flam:nope", "variant"),
    ("--rudiments /etc", "unknown rudiment"), (f"--rudiments {LONG}", "unknown rudiment"),
    ("--tiers pro", "tier"), ("--tiers ,,", "--tiers"), ("--tiers beginner,beginner,x", "tier"),
    ("--duration 0", "--duration"), ("--duration 61", "60"), ("--duration nan", "nan"),
    ("--duration inf", "inf"), ("--duration -1e400", "--duration"), ("--duration 5s", "--duration"),
    ("--acoustics nope", "acoustics"), ("--acoustics ''", "--acoustics"), ("--presets clean,nope", "nope"),
    ("--impulse-responses none", "none is no directory"), ("--impulse-responses file", "no directory"),
    ("--impulse-responses folder", "no sound file"),
    ("--impulse-responses notsound", "can't be read as sound"),
    ("--impulse-responses fifos", "no regular file"), (f"--impulse-responses {LONG}", "too long"),
    ("--impulse-responses ''", "impulse"), ("--noise-files none", "no directory"),
    ("--noise-files notsound", "can't be read as sound"), ("--noise-files folder", "no sound file"),
    ("--noise-files fifos", "no regular file"), ("--noise-files devices", "no regular file"),
    ("--noise-files loop", "symbolic links"), ("--noise-files ~nosuchuser/x", "no home directory"),
    ("--soundfont none.sf2", "does not exist"), ("--soundfont file", "not a soundfont"),
    ("--soundfont a.wav", "not a soundfont"), ("--soundfont folder", "no .sf2"),
    ("--soundfont notsound", "can't be read as sound"),
    ("--soundfont fifo", "a named pipe"), ("--soundfont /dev/zero", "a device"),
    ("--soundfont ''", "soundfont"), (f"--soundfont {LONG}", "too long"),
    ("--soundfont a,b", "unknown bank 'a'"),
    (f"--soundfont {','.join(['y' * 50, 'z' * 50] * 5)}", "unknown bank"),
    ("--soundfont loop", "symbolic links"), ("--soundfont file/x", "does not exist"),
    ("--no-audio --soundfont x.sf2", "without audio"), ("--sample-rate 7999", "8000"),
    ("--sample-rate 96001", "96000"), ("--sample-rate 44.1k", "--sample-rate"),
    ("--sample-rate nan", "--sample-rate"), ("--audio-format mp3", "flac, wav"),
    ("--audio-format ''", "--audio-format"), ("-w -1", "--workers is -1"), ("-w two", "workers"),
    ("-w 1.0", "workers"), ("-o ''", "--output is empty"), ("-o ' '", "--output is ' '"),
    ("-o 'a\tb'", "can't be seen"), ("-o 'a\x1b[2Jb'", "can't be seen"), ("-o file", "is a file"),
    ("-o folder2", "holds other files"), ("-o /dev/null", "/dev/null"), ("-o /proc/x", "/proc/x"),
    ("-o /proc", "/proc"), (f"-o {LONG}", "too long"), ("-o loop/x", "symbolic links"),
    ("-o ~nosuchuser/x", "no home directory"), ("-o file/x", "file/x"), ("-o d", "holds"),
    ("-o r", "is a release"), ("-o fifo", "fifo"), ("--nope", "unknown option '--nope'"),
    ("word", "unknown corpus 'word'"), ("--configfile file", "option of textures"),
    ("\u202ex", "unknown corpus"),
]  # fmt: skip
TEXTURES = [
    ("--size huge", "size"), ("--seed -1", "--seed"), ("--sample-rate 0", "--sample-rate"),
    ("--duration 0", "--duration"), ("--duration 3601", "3600"), ("--duration nan", "--duration"),
    ("--chunk 0", "--chunk"), ("--chunk -1", "--chunk"), ("--chunk inf", "--chunk"),
    ("--examples 0", "--examples"), ("--examples 1.5", "--examples"), ("--level loud", "--level"),
    ("--level peak:", "--level"), ("--level rms:nan", "--level"), ("--level peak:1e9", "--level"),
    ("--audio-format ogg", "--audio-format"), ("--records all", "records"),
    ("--records params,nope", "nope"), ("--shard-mib 0", "--shard-mib"), ("--shard-mib 1e9", "10240"),
    ("--shard-mib nan", "--shard-mib"), ("--configfile none", "does not exist"),
    ("--configfile folder", "is a directory"), ("--configfile empty", "is empty"),
    ("--configfile fifo", "a named pipe"), ("--configfile /dev/zero", "a device"),
    ("--configfile latin.json", "not UTF-8"), ("--configfile half.json", "half.json"),
    ("--configfile list.json", "list.json"), ("--configfile deep.json", "100 levels"),
    ("--configfile twice.json", "twice"), ("--configfile nan.json", "min is nan"),
    ("--configfile huge.json", "huge.json"), ("--configfile alias.yaml", "aliases"),
    ("--configfile tag.yaml", "tag.yaml"), ("--configfile tab.yaml", "tab.yaml"),
    ("--configfile a.wav", "UTF-8"), ("--configfile other.parquet", "UTF-8"),
    ("--configfile theirs.json", "theirs.json"), (f"--configfile {LONG}", "too long"),
    ("--configfile loop", "symbolic links"), ("--configfile ''", "a path is empty"),
    ("--configfile no.json", "synth"), ("--configfile many.json", "many.json"),
    ("--configfile name.json", "control characters"), ("--synth-file none.py", "is no file"),
    ("--synth-file folder", "is no file"), ("--synth-file fifo", "is no file"),
    ("--synth-file half.json", "half.json"), ("--synth-file exits.py", "exits.py"),
    ("--synth-file wrong.py", "wrong"), ("--synth-file nothing.py", "no synthesizer"),
    (f"--synth-file {LONG}", "too long"), ("--set Q=1", "--derive"), ("--derive none", "none"),
    ("--derive d --set Q=1", "rudiments"), ("--derive r --set Q=1", "is a release"),
    ("--derive file --set Q=1", "file"), ("--derive halfway --set Q=1", "halfway"),
    ("--derive ''", "a path is empty"), ("--size small --configfile t.json", "leave all but one out"),
    ("--list --configfile t.json", "leave out"), ("--configfile t.json --chunk 9", "chunk"),
    ("--profiles 3", "option of rudiments"),
]  # fmt: skip
DIRECTORY = [  # what no command takes for a dataset
    ("none", "none"), ("file", "file"), ("folder", "folder"), ("''", "empty"), ("fifo", "fifo"),
    ("loop", "symbolic links"), (LONG, "too long"), ("~nosuchuser/x", "no home directory"),
    ("halfway", "halfway"), ("listed", "listed"), ("piped", "named pipe"), ("theirs", "theirs"),
    ("/dev/null", "/dev/null"), ("/proc", "/proc"),
]  # fmt: skip
OTHERS = [
    ("nope", 2, "unknown command"), ("--nope", 2, ""), ("generat", 2, "did you mean generate?"),
    *[(f"validate {place} -q", (1, 2), word) for place, word in DIRECTORY],
    *[(f"verify {place} -q", (1, 2), word) for place, word in DIRECTORY],
    *[(f"preview {place} -q", (1, 2), word) for place, word in DIRECTORY],
    *[(f"release {place} -o out --version 1.0.0 -q", (1, 2), word) for place, word in DIRECTORY],
    *[(f"export {place} -o out --to csv -q", (1, 2), word) for place, word in DIRECTORY],
    *[(f"publish {place} org/name -q", (1, 2), word) for place, word in DIRECTORY],
    *[(f"diff r {place}", (1, 2), word) for place, word in DIRECTORY], ("validate", 2, "required"),
    ("validate d e", 2, "'e'"), ("validate d -w -2", 2, "--workers is -2"),
    ("validate d --plugin none.py", 2, "plug-in"), ("validate r -q", 2, "is a release"),
    ("verify d --rows 0", 2, "rows"), ("verify d --rows -1", 2, "rows"), ("verify d --rows x", 2, "rows"),
    ("verify d --seed -1", 2, "seed"), ("verify d --seed x", 2, "seed"), ("verify d --nope", 2, "--nope"),
    ("preview d --rows 0", 2, "rows is 0"), ("preview d --rows 1e3", 2, "rows"),
    ("preview d --seed -1", 2, "seed"), ("preview d -o ''", 2, "output is empty"),
    ("preview d -o file", 2, "not made by this command"),
    ("preview d -o folder", 2, "not made by this command"),
    ("preview d -o d/manifest.json", 2, "not made by this"),
    ("preview d -o fifo", 2, "not made by this command"), ("preview d -o /dev/null", 2, "not made by this"),
    ("preview d -o file/x -q", 1, "file/x"), ("preview d -o /proc/x.html -q", 1, "/proc/x.html"),
    ("preview d -o 'a\nb'", 2, "can't be seen"), (f"preview d -o {LONG}", 2, "too long"),
    ("preview d --where x", 2, "FILTER=VALUES"), ("preview d --where nope=1", 2, "nope"),
    ("preview d --where tempo_bpm=nan,1", 2, "tempo_bpm"),
    ("preview d --where tempo_bpm=9,1", 2, "tempo_bpm"), ("preview d --where skill_tier=nope", 2, "nope"),
    ("preview d --where ''", 2, "--where"), ("preview d --skill-tier", 2, "skill-tier"),
    ("preview d --nope 3", 2, "nope"), ("preview r", 2, "is a release"), ("release d -o out", 2, "required"),
    ("release d --version 1.0.0", 2, "required"), ("release d -o out --version 1.0", 2, "1.0"),
    ("release d -o out --version 01.0.0", 2, "01.0.0"), ("release d -o out --version ''", 2, "version"),
    ("release d -o out --version '1.0.0\n'", 2, "version"),
    (f"release d -o out --version 1.0.{'9' * 5000}", 2, "version"),
    ("release d -o d/out --version 1.0.0", 2, "inside"),
    ("release d -o '' --version 1.0.0", 2, "output is empty"),
    ("release d -o file --version 1.0.0", 2, "is a file"),
    ("release d -o folder2 --version 1.0.0", 2, "holds other files"),
    ("release d -o r --version 2.0.0", 2, "another"),
    ("release d -o out --version 1.0.0 --repo x", 2, "repository"),
    ("release d -o out --version 1.0.0 -w -1", 2, "-1"),
    ("release d -o out --version 1.0.0 --repo ../../x", 2, "repository"),
    ("release d -o out --version 1.0.0 --note 'a\nb'", 2, "note"),
    ("release d -o out --version 1.0.0 --note ''", 2, ""),
    ("release d -o out --version 1.0.0 --previous r", 2, "1.0.0"),
    ("release r -o out --version 2.0.0", 2, "release"),
    ("release d -o out --version 2.0.0 --previous none", 2, "none"),
    ("release d -o out --version 2.0.0 --previous d", 2, "is a dataset"),
    ("release d -o out --version 2.0.0 --previous ''", 2, ""),
    ("export d -o out --to pdf", 2, "unknown format"), ("export d -o out --to ''", 2, "unknown format"),
    ("export d -o out --to csv --split dev", 2, "unknown split"),
    ("export d -o d/out --to csv", 2, "inside"), ("export d -o '' --to csv", 2, "output is empty"),
    ("export d -o file --to csv", 2, "is a file"), ("export d -o folder2 --to csv", 2, "holds other files"),
    ("export d -o r --to csv", 2, "holds"), ("export d -o out --to csv --where x=1", 2, "x"),
    ("export d -o out --to csv -w x", 2, "workers"), ("export d --to csv", 2, "required"),
    ("publish r", 2, "required"), ("publish r name", (1, 2), "name"),
    ("publish d org/name", 2, "is a dataset"), ("publish r ''", (1, 2), ""),
    ("publish r ../x", (1, 2), "../x"), ("publish r org/name --previous r", 2, "--dry-run"),
    ("publish r org/name --redistribute nope", (1, 2), "nope"),
    ("publish r org/name -q --dry-run --previous none", (1, 2), "none is not a directory"),
    ("publish r org/name -q", 1, ""), ("publish r org/name --revision ''", (1, 2), ""),
    ("diff r", 2, "1 arguments"), ("diff a b c d", 2, "4 arguments"),
    ("diff r org/name@v1.0.0", 1, "HF_HUB_OFFLINE"), ("banks build a.wav --licence 'a\nb'", 2, "--licence"),
    ("banks build file --licence ''", 2, "--licence"), ("preview d --plugin none.py", 2, "plug-in"),
    ("export d -o out --to csv --plugin none.py", 2, "plug-in"),
    ("release d -o out --version 1.0.0 --plugin file", 2, "plug-in"),
    ("verify d --plugin none.py", 2, "plug-in"), ("export r -o out --to csv --plugin none.py", 2, "plug-in"),
    ("diff org/name v1 v2", 1, "HF_HUB_OFFLINE"), ("banks", 2, "required"),
    ("banks nope", 2, "invalid choice"), ("banks build none", 2, "does not exist"),
    ("banks build file", 2, "not a soundfont"), ("banks build cut.sf2", 2, "cut short"),
    ("banks build fifo", 2, "pipe"), ("banks build file --kits x", 2, "PROGRAM:KEY"),
    ("banks build file --kits 1:2:3", 2, "PROGRAM:KEY"),
    ("banks build file --character x", 2, "unknown character"),
    ("banks build folder", 2, "no sound file"), ("banks build notsound", 2, "can't be read as sound"),
    ("banks build notsound --kits 0:38", 2, "--kits"), ("banks build cut.sf2 --name a", 2, "cut short"),
    ("banks build file -o ''", 2, "--output is empty"), ("banks play nope a.flac", 2, "unknown bank"),
    ("banks play folder a.flac", 2, "unknown bank"), ("banks play BANK out.mp3", 2, ".wav or .flac"),
    ("banks play BANK a.wav", 2, "not made by this command"), ("banks play BANK ''", 2, "output is empty"),
    ("banks play BANK x.wav --velocities 0", 2, "1 to 127"),
    ("banks play BANK x.wav --velocities 1,x", 2, "numbers"),
    ("banks play BANK x.wav --articulation rim", 2, "rim"),
    ("banks play BANK x.wav --velocities ''", 2, "velocities"),
    ("banks play BANK none/../file/x.wav", 2, "none isn't there"),
    ("banks play BANK file/x.wav", 1, "file/x.wav"), ("banks play BANK /proc/x.wav", 1, "/proc/x.wav"),
    (f"banks play {LONG} x.wav", 2, "too long"),
    (f"banks play BANK x.wav --velocities {'9' * 5000}", 2, "velocities"), ("soundfonts", 2, "required"),
    ("soundfonts install", 2, "required"), ("soundfonts install nope", 2, "unknown soundfont"),
    ("soundfonts install opl3_fm --from none", 2, "does not exist"),
    ("soundfonts install opl3_fm --from folder", 2, "there is no"),
    ("soundfonts install opl3_fm --from file", 1, "is not"),
    ("soundfonts install opl3_fm --from fifo", 1, "pipe"),
    ("soundfonts install opl3_fm --from cut.deb", 1, "cut.deb"),
    ("soundfonts install opl3_fm --from ''", 2, "empty"),
    ("soundfonts install opl3_fm --address ftp://x", 2, "http"),
    ("soundfonts install opl3_fm --output file", 1, "file"),
    ("soundfonts install opl3_fm --address http://", 2, "http"), ("acoustics nope", 2, "unknown acoustics"),
    ("soundfonts install opl3_fm --from file --address http://x", 2, "two sources"),
    ("acoustics --build-rooms ''", 2, "empty"), ("acoustics clean --build-rooms out", 2, "no room to build"),
    ("acoustics gym --build-rooms made", 2, "is there already"), ("rudiments nope", 2, "nope"),
    ("rudiments ''", 2, ""), ("acoustics gym --build-rooms file", 1, "file"),
    (f"acoustics gym --build-rooms {LONG}", 2, "too long"), ("generate", 2, "SEED", {"SOUSA_CACHE": "SEED"}),
    ("validate d", 2, "HOME", {"HOME": "x"}), ("verify d", 2, "XDG_CACHE_HOME", {"XDG_CACHE_HOME": "x"}),
    ("publish r org/name", 2, "HF_HOME", {"HF_HOME": "x"}),
    ("publish r org/name", 2, "HF_ENDPOINT", {"HF_ENDPOINT": "x"}),
    ("diff r org/x", 2, "HF_TOKEN", {"HF_TOKEN": "\n\x01"}),
    ("publish r org/name", 2, "HTTPS_PROXY", {"HTTPS_PROXY": "x://y", "HF_HUB_OFFLINE": "0"}),
    ("diff r org/x", 2, "SSL_CERT_FILE", {"SSL_CERT_FILE": "none", "HF_HUB_OFFLINE": "0"}),
    ("release d -o out --version 1.0.0", 2, "SOURCE_DATE", {"SOURCE_DATE_EPOCH": "now"}),
    ("release d -o out --version 1.0.0 -w 2 -q", 2, "TMPDIR", {"TMPDIR": "none"}),
    ("soundfonts install opl3_fm --address http://127.0.0.1:9/x", 2, "SSL_CERT", {"SSL_CERT_FILE": "file"}),
]  # fmt: skip
CASES = [
    *[(f"generate {options} {'-w 1 -p 1 -t 1' if '-o' in options else '--dry-run'}", 2, word)
      for options, word in GENERATE],
    *[(f"generate textures {options} --dry-run", (1, 2), word) for options, word in TEXTURES], *OTHERS,
]  # fmt: skip


@pytest.fixture(scope="module")
def yard(tiny, tmp_path_factory):
    """A directory with everything that the cases name."""
    place = tmp_path_factory.mktemp("hostile") / "yard"
    place.mkdir()
    shutil.copytree(tiny, place / "d")
    release(place / "d", place / "r")
    pq.write_table(pa.table({"x": [1]}), place / "other.parquet")
    texts = {
        "file": "some text\n", "empty": "", "half.json": '{"synth": "po', "list.json": "[1, 2]",
        "t.json": TEXTURE, "deep.json": "[" * 9999 + "]" * 9999,
        "twice.json": '{"synth": "pop", "synth": "pop"}', "nan.json": TEXTURE.replace("200", "NaN"),
        "huge.json": TEXTURE.replace("200", "1" + "0" * 400), "alias.yaml": "a: &a [1]\nb: *a\n",
        "tag.yaml": "a: !!python/object/apply:os.system [ls]\n", "tab.yaml": "a:\n\tb: 1\n",
        "theirs.json": '{"name": "package", "dependencies": {}}', "no.json": "{}",
        "many.json": TEXTURE.replace('"count": 3', '"count": 99999999999'),
        "exits.py": "raise SystemExit(0)\n", "name.json": TEXTURE.replace("{", '{"name": "a\\u0000b", ', 1),
        "wrong.py": "import wrong_module\n", "nothing.py": "x = 1\n", "cut.deb": "!<arch>\ndebian-binary   ",
        "folder2/x": "x", "made/gym/pool.json": "[]", "notsound/a.wav": "RIFF\x10\0\0\0WAVE",
        "halfway/manifest.json": '{"format_version": 3, "conf', "listed/manifest.json": "[1]",
        "theirs/manifest.json": '{"name": "app", "icons": [], "version": 3}',
        "cut.sf2": "RIFF\xff\xff\0\0sfbk",
    }  # fmt: skip
    for name, text in texts.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    for name in ("folder", "fifos", "devices", "piped"):
        (place / name).mkdir()
    for name in ("fifo", "fifos/a.wav", "piped/manifest.json"):
        os.mkfifo(place / name)
    (place / "devices" / "a.wav").symlink_to("/dev/zero")
    (place / "loop").symlink_to(place / "loop")
    (place / "latin.json").write_bytes(b'{"name": "caf\xe9"}')
    soundfile.write(place / "a.wav", np.zeros(800), 8000)
    return place


def listing(*places):
    """Every path below directories, with size and time."""
    found = {}
    for place in places:
        for folder, _, names in os.walk(place):
            for path in (folder, *(os.path.join(folder, name) for name in names)):
                facts = os.lstat(path)
                found[path] = facts.st_size, facts.st_mtime_ns
    return found


@contextlib.contextmanager
def within(seconds):
    """What takes longer fails."""

    def over(*_):
        raise AssertionError(f"it took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0][:60].encode("unicode_escape").decode())
def test_one_sentence_and_nothing_left(yard, tmp_path, monkeypatch, capfd, case):
    line, statuses, word, environment = (*case, {})[:4]
    for name in [name for name in os.environ if name.lower().endswith("_proxy") or "SSL_CERT" in name]:
        monkeypatch.delenv(name)
    for name, value in ({"HOME": str(tmp_path)} | environment).items():
        monkeypatch.setenv(name, value)
    # read from the environment before it was set, where other tests have imported it
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.chdir(yard)
    before = listing(yard, tmp_path)
    with within(60):
        try:
            status = main(shlex.split(line.replace("BANK", "fluidr3_gm_brush_38")))
        except SystemExit as ended:  # of the parser
            status = ended.code
    said = capfd.readouterr().err
    assert listing(yard, tmp_path) == before, said
    allowed = statuses if isinstance(statuses, tuple) else (statuses,)
    assert "Traceback" not in said and status in allowed, said
    lines = said.strip().splitlines()
    if said.startswith("usage: "):
        assert ": error: " in lines[-1]
    else:
        assert lines and lines[0].startswith("sousa: ") and len(lines[0]) < 1500, said
        assert len(lines) == 1 or " problems:" in lines[0], said
    assert word in said, said


@pytest.mark.parametrize(
    ("file", "content"),
    [("data", "other.parquet"), ("data", "a.wav"), ("data", "fifo"), ("data", "folder"), ("data", None),
     ("labels", "t.json"), ("labels", "fifo"), ("splits.json", "fifo")],
)  # fmt: skip
def test_what_others_put_in_place_of_our_files(yard, tmp_path, monkeypatch, capfd, file, content):
    """Other programs' files, a pipe, a directory or nothing in place of a shard, a table and others."""
    place = tmp_path / "d"
    shutil.copytree(yard / "d", place)
    victim = min((place / file).rglob("*.parquet")) if (place / file).is_dir() else place / file
    victim.unlink()
    if content == "fifo":
        os.mkfifo(victim)
    elif content == "folder":
        victim.mkdir()
    elif content:
        victim.write_bytes((yard / content).read_bytes())
    monkeypatch.chdir(tmp_path)
    lines = ["verify d", "preview d -o p.html", "release d -o out --version 1.0.0", "export d -o e --to csv"]
    for line in ["validate d", *(lines if file == "data" else ())]:
        with within(60):
            status = main([*line.split(), "-q"])
        said = capfd.readouterr().err.strip()
        assert status == 1 and "Traceback" not in said, (line, said)
        assert said.splitlines()[-1].startswith("sousa: "), (line, said)
