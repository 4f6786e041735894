"""The command line: what it makes, and what it says to bad input."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys

import mido
import pyarrow.parquet as pq
import pytest
import soundfile

from sousa.generation.manifest import sealed
from tests.conftest import ROOT, TINY
from tests.support.disks import fill, small_disk


def one_sentence(done, status, *parts):
    """The right exit status and one clear line, without a traceback."""
    assert done.returncode == status, done.stderr
    text = done.stderr.strip()
    assert "Traceback" not in text
    assert text.splitlines()[-1].startswith("sousa: ")
    for part in parts:
        assert part in text, text


@pytest.mark.parametrize(
    "arguments, parts",
    [
        (["--size", "smal"], ["unknown size 'smal'", "did you mean small?"]),
        (["--preset", "smal"], ["unknown size 'smal'", "did you mean small?"]),
        (["--rudiments", "flamm"], ["unknown rudiment 'flamm'", "did you mean flam?"]),
        (["--rudiments", "flam:x"], ["unknown variant of flam"]),
        (["--rudiments", ","], ["--rudiments is empty"]),
        (["--tiers", "expert"], ["unknown tier 'expert'", "beginner, intermediate, advanced, professional"]),
        (["-p", "0"], ["--profiles is 0; give a whole number from 1"]),
        (["-p", "-1"], ["--profiles is -1"]),
        (["-t", "0"], ["--tempos is 0"]),
        (["-a", "-3"], ["--augmentations is -3"]),
        (["--seed", "-5"], ["--seed is -5"]),
        (["-w", "-2"], ["--workers is -2"]),
        (["--duration", "0"], ["--duration is 0; give a number from 1 to 60 s"]),
        (["--duration", "nan"], ["--duration is nan"]),
        (["--sample-rate", "1"], ["--sample-rate is 1"]),
        (["--audio-format", "mp3"], ["--audio-format is 'mp3'; choose from flac, wav"]),
        (["--soundfont", "/nonexistent.sf2"], ["soundfont /nonexistent.sf2 does not exist"]),
        (["--soundfont", "README.md"], ["not a soundfont"]),
        (["--soundfont", "tests"], ["no .sf2 or .sf3 file in tests"]),
        (["--no-audio", "--soundfont", "x.sf2"], ["--soundfont has no use without audio"]),
        (["pianos"], ["unknown corpus 'pianos'"]),
        (["-o", "README.md"], ["README.md is a file"]),
        (["-o", "/proc/x"], ["can't write to /proc/x"]),
        (["-o", "tests"], ["tests holds other files"]),
    ],
)
def test_bad_requests_get_one_sentence_and_write_nothing(sousa, tmp_path, arguments, parts):
    place = [] if "-o" in arguments else ["-o", tmp_path / "d"]
    done = sousa("generate", *arguments, *place, cwd=ROOT)
    one_sentence(done, 2, *parts)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    "arguments, parts",
    [
        (["generate", "--sead", 1], ["unknown option '--sead' (did you mean --seed?)"]),
        (["generate", "--flies"], ["unknown option '--flies' (did you mean --files?)"]),
        (["generate", "--configfile", "x"], ["'--configfile'", "; it is an option of textures"]),
        (["generate", "--list"], ["'--list'", "; it is an option of textures"]),
        (["generate", "textures", "--tiers=beginner"], ["'--tiers'", "; it is an option of rudiments"]),
        (
            ["generate", "-q", "textures"],
            ["'textures'; name the corpus first: 'sousa generate textures"],
        ),
        (["generate", "rudiments", "flam"], ["unrecognized argument 'flam'"]),
        (["validate", "x", "--work", 2, "--al"], None),
        (["validate", "x", "--worker-count", 2], ["'--worker-count' (did you mean --workers?)"]),
        (["banks", "list", "--kit"], ["unknown option '--kit'"]),
        (["banks", "build", "x", "--kitz", "0"], ["unknown option '--kitz' (did you mean --kits?)"]),
    ],
)
def test_an_unknown_option_says_which_is_meant(sousa, tmp_path, arguments, parts):
    done = sousa(*arguments, cwd=tmp_path)
    if parts is None:  # abbreviations are known
        one_sentence(done, 1, "no dataset in x")
    else:
        one_sentence(done, 2, *parts)
    assert not os.listdir(tmp_path)


def test_all_problems_are_named_together(sousa, tmp_path):
    done = sousa(
        "generate", "-p", 0, "-t", -1, "--tiers", "x", "--rudiments", "y", "-w", -1, "-o", tmp_path / "d",
        "--configfile", "z", "--foo",
    )  # fmt: skip
    assert done.returncode == 2
    for part in (
        "7 problems",
        "unknown option '--configfile'",
        "unknown option '--foo'",
        "--profiles is 0",
        "--tempos is -1",
        "unknown tier",
        "unknown rudiment",
        "--workers",
    ):
        assert part in done.stderr


def test_numbers_that_are_none_are_refused_by_the_parser(sousa, tmp_path):
    assert sousa("generate", "-p", "abc", "-o", tmp_path / "d").returncode == 2


def test_a_soundfont_that_is_damaged_inside_is_refused(sousa, tmp_path):
    font = tmp_path / "bad.sf2"
    font.write_bytes(b"RIFF\x00\x10\x00\x00sfbkLIST" + b"\x07" * 4096)
    done = sousa("generate", "--soundfont", font, "-o", tmp_path / "d")
    one_sentence(done, 1, "FluidSynth can't load")
    assert not (tmp_path / "d").exists()


def test_a_directory_of_another_config_is_refused(tiny, sousa):
    before = (tiny / "manifest.json").read_bytes()
    done = sousa("generate", "-p", 3, "-t", 2, "--rudiments", "flam", "-o", tiny)
    one_sentence(done, 2, "made with other settings", "tempos: 1 there, 2 now", "choose another directory")
    assert (tiny / "manifest.json").read_bytes() == before


def test_a_second_writer_is_refused(tiny, sousa):
    import fcntl

    lock = os.open(tiny, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        one_sentence(sousa(*TINY, "-o", tiny), 2, "another sousa is writing")
    finally:
        os.close(lock)


def test_too_little_space_is_said_before_anything_is_made(sousa, tmp_path):
    with small_disk(tmp_path / "full", "2m") as place:
        done = sousa("generate", "-o", place / "d")
        one_sentence(done, 1, "MB are needed but only", "free some")
        assert not list(place.rglob("*.parquet"))


def test_a_disk_that_fills_up_leaves_nothing_half_written(sousa, tmp_path):
    """A limit on file size stands in for the end of the disk: the write itself fails."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    def child():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        limit()

    done = sousa(*TINY, "-o", tmp_path / "d", "-w", 1, preexec=child)
    one_sentence(done, 1, "can't write")
    assert done.stderr.rstrip().endswith(".parquet: File too large"), done.stderr
    assert not list((tmp_path / "d").rglob("*.parquet")) and not list((tmp_path / "d").rglob("*.tmp"))
    done = sousa(*TINY, "-o", tmp_path / "d", "-w", 1)
    assert done.returncode == 0, done.stderr


def test_a_real_full_disk(sousa, tmp_path):
    with small_disk(tmp_path / "full", "9m") as place:
        # fits by the estimate, then something else fills the disk
        arguments = ("generate", "--no-audio", "-o", place / "d", "-w", 1, "--skip-validation")
        (place / "ballast").write_bytes(bytes(300_000))
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "sousa.py"), *map(str, arguments)], stderr=subprocess.PIPE, text=True
        )
        while process.poll() is None and not list(place.rglob("data/*/[!.]*.parquet")):
            pass
        # stopped meanwhile, so that it never ends before the disk is full
        process.send_signal(signal.SIGSTOP)
        fill(place / "more")
        process.send_signal(signal.SIGCONT)
        errors = process.communicate()[1]
        assert process.returncode == 1 and "no space left" in errors and "Traceback" not in errors, errors
        assert not list(place.rglob("*.tmp"))
        for path in place.rglob("data/*/*.parquet"):
            pq.ParquetFile(path)
        (place / "more").unlink()
        (place / "ballast").unlink()
        assert sousa(*arguments).returncode == 0


def test_dry_run_says_what_would_be_made(sousa, tmp_path):
    done = sousa("generate", "--preset", "full", "--dry-run", "-o", tmp_path / "d")
    assert done.returncode == 0 and "100,000 rows (20,000 takes, 5 renderings each)" in done.stdout
    for part in ("hours of audio", "MB", "minutes", "nothing was made"):
        assert part in done.stdout
    assert not os.listdir(tmp_path)


def test_dry_run_estimates_are_near(small, sousa, tmp_path):
    root, _ = small
    said = sousa("generate", "--dry-run", "-o", tmp_path / "d").stdout
    hours = sum(pq.read_table(root / "labels/samples.parquet")["duration_sec"].to_pylist()) / 3600
    size = sum(f.stat().st_size for f in root.rglob("*.parquet")) / 1e6
    words = said.replace(",", "").split()
    assert abs(float(words[words.index("hours") - 1]) / hours - 1) < 0.05
    assert abs(float(words[words.index("MB") - 1]) / size - 1) < 0.25


def test_what_small_leaves_behind(small):
    root, done = small
    for name in (
        "manifest.json", "splits.json", "README.md", "validation_report.json", "validation_report.html",
        "validation_report.txt", "labels/samples.parquet", "labels/strokes.parquet",
    ):  # fmt: skip
        assert (root / name).exists(), name
    assert "1,200 rows" in done.stdout and f'sousa.load("{root}")' in done.stdout
    manifest = json.loads((root / "manifest.json").read_text())
    assert manifest["complete"] and manifest["num_rows"] == 1200
    splits = json.loads((root / "splits.json").read_text())
    assert [len(splits[s]) for s in ("train", "validation", "test")] == [7, 2, 1]
    assert sum(sum(t.values()) for t in splits["players_by_tier"].values()) == 10
    # readers of the earlier layout put all rows into train where they miss these
    for key, split in (("train", "train"), ("val", "validation"), ("test", "test")):
        assert splits[f"{key}_profile_ids"] == splits[split]


def test_loose_files_are_those_of_the_rows(tiny):
    samples = pq.read_table(tiny / "labels" / "samples.parquet").to_pylist()
    assert len(samples) == 9
    for row in samples:
        pcm, rate = soundfile.read(tiny / row["audio_path"], dtype="int16")
        assert (len(pcm), rate) == (row["num_samples"], row["sample_rate"])
        assert mido.MidiFile(tiny / row["midi_path"]).length > 1
        assert row["audio_path"] == f"audio/{row['sample_id']}.flac"


def test_options_change_what_they_say(sousa, tmp_path):
    what = ("-p", 2, "-t", 1, "-a", 2, "--rudiments", "flam:*,drag", "--tiers", "professional", "--seed", 7)
    sound = ("--stereo", "--sample-rate", 22050, "--audio-format", "wav", "--duration", 3)
    done = sousa("generate", *what, *sound, "-o", tmp_path / "d")
    assert done.returncode == 0, done.stderr
    rows = [row for f in (tmp_path / "d" / "data").rglob("*.parquet") for row in pq.read_table(f).to_pylist()]
    assert len(rows) == 2 * 1 * 2 * 3
    assert {row["skill_tier"] for row in rows} == {"professional"}
    forms = {(row["rudiment_slug"], row["variant"]) for row in rows}
    assert forms == {("flam", None), ("flam", "eighths"), ("drag", None)}
    for row in rows:
        assert row["audio"]["bytes"][:4] == b"RIFF" and row["sample_rate"] == 22050 and row["seed"] == 7
        assert row["duration_sec"] < 6
    pairs = {}
    for row in rows:
        pairs.setdefault(row["augmentation_group_id"], []).append(row)
    for a, b in pairs.values():
        assert a["pcm_digest"] != b["pcm_digest"] and a["strokes"] == b["strokes"] and a["midi"] == b["midi"]


def test_a_users_own_soundfont(sousa, tmp_path):
    from tests.generation.audio.test_banks import FONT

    fonts = tmp_path / "fonts"
    fonts.mkdir()
    shutil.copy(FONT, fonts / "mine.sf2")
    arguments = (
        "generate",
        "-p",
        2,
        "-t",
        1,
        "--rudiments",
        "flam",
        "--soundfont",
        fonts,
        "-o",
        tmp_path / "d",
    )
    done = sousa(*arguments, SOUSA_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    assert "building note banks" in done.stderr
    rows = pq.read_table(tmp_path / "d" / "labels" / "samples.parquet").to_pylist()
    assert all(row["bank"].startswith("mine_") for row in rows)
    again = sousa(*arguments, SOUSA_CACHE=str(tmp_path / "cache"))
    assert "building note banks" not in again.stderr and again.returncode == 0


def test_verify(tiny, sousa, tmp_path):
    done = sousa("verify", tiny, "--all")
    assert done.returncode == 0 and "9 rows made again" in done.stdout
    one_sentence(sousa("verify", tmp_path), 1, "no dataset in")
    one_sentence(sousa("verify", tiny, "--rows", 0), 2, "rows is 0; give 1 or more")
    copy = tmp_path / "copy"
    shutil.copytree(tiny, copy)
    next((copy / "data").rglob("*.parquet")).unlink()
    one_sentence(sousa("verify", copy), 1, "is missing", "sousa generate")


def test_no_audio(sousa, tmp_path):
    done = sousa(
        "generate", "-p", 2, "-t", 1, "--rudiments", "flam", "--no-audio", "-o", tmp_path / "d", "--files"
    )
    assert done.returncode == 0, done.stderr
    row = pq.read_table(next((tmp_path / "d" / "data").rglob("*.parquet"))).to_pylist()[0]
    assert "audio" not in row and row["pcm_digest"] is None and row["bank"] is None
    assert len(list((tmp_path / "d" / "midi").iterdir())) == 2 and not (tmp_path / "d" / "audio").exists()


def test_works_from_another_directory(sousa, tmp_path):
    done = sousa("generate", "-p", 1, "-t", 1, "--rudiments", "flam", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "output" / "rudiments" / "manifest.json").exists()


def test_rudiments_are_shown_in_notation(sousa):
    done = sousa("rudiments", "flam_accent", "flam:*")
    assert done.returncode == 0 and "lR> L R" in done.stdout and "flam:eighths" in done.stdout
    assert len(sousa("rudiments").stdout.splitlines()) == 40 * 3
    one_sentence(sousa("rudiments", "nosuch"), 2, "unknown rudiment")


def test_a_directory_with_other_files_is_left_alone(sousa, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / ".draft.tmp").write_text("mine")
    one_sentence(sousa("generate", "-o", tmp_path), 2, "holds other files")
    assert (tmp_path / "data" / ".draft.tmp").read_text() == "mine"


@pytest.mark.parametrize("rate", [8000, 48000, 96000])
def test_every_rate_makes_a_dataset_that_validates(sousa, tmp_path, rate):
    arguments = ("-p", 4, "-t", 1, "--rudiments", "drag,flam_tap,single_stroke_roll", "--sample-rate", rate)
    done = sousa("generate", *arguments, "-o", tmp_path / "d")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"shards": 3}', "null"])
def test_a_damaged_manifest_gets_one_sentence_everywhere(tiny, sousa, tmp_path, text):
    shutil.copytree(tiny, tmp_path / "d")
    (tmp_path / "d" / "manifest.json").write_text(text)
    for command in ((*TINY, "-o"), ("validate",), ("verify",)):
        one_sentence(sousa(*command, tmp_path / "d"), 1, "manifest")


def test_a_manifest_can_not_point_outside(tiny, sousa, tmp_path):
    shutil.copytree(tiny, tmp_path / "d")
    manifest = json.loads((tmp_path / "d" / "manifest.json").read_text())
    next(iter(manifest["shards"].values()))["file"] = "../../etc/passwd"
    (tmp_path / "d" / "manifest.json").write_text(json.dumps(manifest))
    one_sentence(sousa("verify", tmp_path / "d"), 1, "../../etc/passwd")


def test_unfinished_until_everything_is_there(tiny, sousa, tmp_path):
    shutil.copytree(tiny, tmp_path / "d")
    manifest = json.loads((tmp_path / "d" / "manifest.json").read_text())
    manifest["complete"] = False
    (tmp_path / "d" / "manifest.json").write_text(json.dumps(sealed(manifest)))
    (tmp_path / "d" / "README.md").unlink()
    one_sentence(sousa("validate", tmp_path / "d"), 1, "is unfinished")
    assert sousa(*TINY, "-o", tmp_path / "d", "--files").returncode == 0
    assert (tmp_path / "d" / "README.md").exists()
    assert sousa("validate", tmp_path / "d", "-q").returncode == 0


def test_a_fonts_drums_do_not_depend_on_what_was_built_before(sousa, tmp_path):
    from tests.generation.audio.test_banks import FONT

    digests = []
    for before in (None, "0:38"):
        cache = str(tmp_path / f"cache{before}")
        if before:
            assert sousa("banks", "build", FONT, "--kits", before, SOUSA_CACHE=cache).returncode == 0
        root = tmp_path / f"d{before}"
        arguments = ("generate", "-p", 2, "-t", 1, "--rudiments", "flam", "--soundfont", FONT, "-o", root)
        done = sousa(*arguments, "-q", SOUSA_CACHE=cache)
        assert done.returncode == 0, done.stderr
        digests.append(pq.read_table(root / "labels" / "samples.parquet")["pcm_digest"].to_pylist())
    assert digests[0] == digests[1]
    # the licence of this font is not known to be MIT, and the card does not pretend
    assert "license: other" in (root / "README.md").read_text()


def test_a_reader_that_goes_away_does_not_change_the_status(tiny, tmp_path):
    shutil.copytree(tiny, tmp_path / "d")
    path = next((tmp_path / "d" / "data").rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-10])
    for place, status in ((tmp_path / "d", 1), (tiny, 0)):
        command = (
            f"{sys.executable} {ROOT / 'sousa.py'} validate {place} -w 1 2>&1 | true; echo ${{PIPESTATUS[0]}}"
        )
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
        assert done.stdout.strip() == str(status)
    for closed in ("2>&-", ">&-", "> /dev/full"):
        command = f"{sys.executable} {ROOT / 'sousa.py'} generate --dry-run -p 1 -t 1 --no-audio {closed}"
        assert subprocess.run(["bash", "-c", command], capture_output=True).returncode == 0


@pytest.mark.parametrize("harm", ["no shards", "one shard less", "rows", "num_rows", "format", "forms"])
def test_a_manifest_that_does_not_fit_its_settings_is_refused(tiny, sousa, tmp_path, harm):
    shutil.copytree(tiny, tmp_path / "d")
    manifest = json.loads((tmp_path / "d" / "manifest.json").read_text())
    first = next(iter(manifest["shards"]))
    if harm == "no shards":
        manifest["shards"] = {}
    elif harm == "one shard less":
        del manifest["shards"][first]
    elif harm == "rows":
        manifest["shards"][first]["rows"] = 10**30
    elif harm == "num_rows":
        manifest["num_rows"] = -4
    elif harm == "format":
        manifest["format_version"] = 99
    else:
        manifest["config"]["forms"] = ["nosuch"]
    (tmp_path / "d" / "manifest.json").write_text(json.dumps(manifest))
    for command in ("validate", "verify"):
        one_sentence(sousa(command, tmp_path / "d"), 1)


def test_empty_options_are_refused(sousa, tmp_path):
    one_sentence(sousa("generate", "-o", ""), 2, "--output is empty")
    one_sentence(sousa("generate", "--soundfont", "", "-o", tmp_path / "d"), 2, "--soundfont is empty")
    one_sentence(sousa("validate", tmp_path, "-w", -1), 2, "--workers is -1")
    one_sentence(sousa("generate", "-p", 100000, "-t", 100, "-a", 100, "--dry-run"), 2, "at most 10,000,000")


def test_validation_of_a_dataset_that_can_not_be_written_is_still_shown(tiny, sousa, tmp_path):
    shutil.copytree(tiny, tmp_path / "d")
    for name in ("json", "txt", "html"):
        (tmp_path / "d" / f"validation_report.{name}").unlink()
    (tmp_path / "d" / "validation_report.json").mkdir()  # a directory in the way, also for root
    done = sousa("validate", tmp_path / "d", "-w", 1)
    assert done.returncode == 0 and "checks passed" in done.stdout
    assert "the report could not be kept" in done.stderr and "Traceback" not in done.stderr


def test_files_in_the_way_get_one_sentence(tiny, sousa, tmp_path):
    shutil.copytree(tiny, tmp_path / "d")
    shutil.rmtree(tmp_path / "d" / "labels")
    (tmp_path / "d" / "labels").write_text("a file")
    one_sentence(sousa(*TINY, "-o", tmp_path / "d", "-w", 1), 1, "can't write")


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"digest": 5}', "{", '{"articulations": {"centre": {"gain": "x"}}}']
)
def test_a_damaged_bank_of_the_user_gets_one_sentence(sousa, tmp_path, tiny, text):
    place = tmp_path / "cache" / "banks" / "odd"
    place.mkdir(parents=True)
    (place / "bank.json").write_text(text)
    cache = str(tmp_path / "cache")
    one_sentence(sousa("banks", "list", SOUSA_CACHE=cache), 1, "build it again")
    assert sousa("verify", tiny, "-q", SOUSA_CACHE=cache).returncode == 0


def test_banks_do_not_replace_other_directories(sousa, tmp_path):
    from tests.generation.audio.test_banks import FONT

    mine = tmp_path / "timgm6mb_standard_38"
    mine.mkdir()
    (mine / "notes").write_text("mine")
    one_sentence(sousa("banks", "build", FONT, "--kits", "0:38", "-o", tmp_path), 1, "is of no bank")
    assert (mine / "notes").read_text() == "mine"
    one_sentence(sousa("banks", "build", FONT, "--kits", "0:38,99:38", "-o", tmp_path / "b"), 2, "99:38")


def test_a_python_without_the_packages_says_what_to_do(tmp_path):
    command = [sys.executable, "-I", "-S", str(ROOT / "sousa.py"), "generate"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1 and "run 'make small' once" in done.stderr and "Traceback" not in done.stderr
