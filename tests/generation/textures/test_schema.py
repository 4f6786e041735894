"""Configuration files: what they mean, and that what is wrong with them is said before anything is done."""

import copy
import json
import re

import pytest

from sousa.generation.errors import UsageError
from sousa.generation.textures import schema, synth
from sousa.generation.textures.options import TexturesOptions
from sousa.generation.textures.schema import files
from sousa.generation.textures.settings import RECORDS, Fixed, Level, Moving, Splits
from tests.support.texture_ping import config, own, ping, theirs  # noqa: F401
from tests.support.textures import size

FILES = "tests/data/texture_configs"


def problems(data, **overrides):
    """What is said of a configuration that is refused."""
    with pytest.raises(UsageError) as caught:
        schema.parse(data, "f", TexturesOptions.read(overrides, "command"))
    return str(caught.value)


# --- DSGenerator's files ---


def test_the_documents_example_loads_unchanged():
    made, notices = schema.read(f"{FILES}/seed.json")
    sound = made.sounds[0]
    assert (sound.name, sound.synth, sound.method) == ("PopPatternSynth", "pop", "grid")
    assert [(a.name, a.user_name, a.count) for a in sound.axes] == [
        ("irreg_exp", "Irregularity", 4), ("cf", "center frequency", 2)
    ]  # fmt: skip
    # half of -10 to 10 is 0: one pop a second
    assert sound.fixed[0] == Fixed("rate_exp", 0.0, 0.5, "norm", "pops a second")
    assert (len(made.settings), made.num_rows, made.records) == (8, 16, ("nsjson",))
    assert (made.sample_rate, made.chunk_samples, made.long_samples) == (16000, 32000, 64000)
    assert made.level == Level("none", 0) and made.audio_format == "wav" and made.naming == "values"
    assert made.splits == Splits(0.15, 0.15, 0, (), ()) and made.seed == 42 and notices == []


def test_the_documents_arithmetic():
    made, _ = schema.read(f"{FILES}/readme.json")
    assert (len(made.settings), made.num_rows) == (125, 625)
    assert len(made.settings) * made.duration_sec == 1250
    assert made.num_rows * made.chunk_samples * 2 == 40_000_000  # bytes, 16 bits a sample


def test_the_later_generation_loads_unchanged():
    made, notices = schema.read(f"{FILES}/later.json")
    assert (made.chunk_sec, made.chunks, made.naming) == (2, 2, "later")
    assert (made.records, made.shard_mib, made.sample_rate) == (("tfrecords",), 2, 16000)
    assert notices == []


@pytest.mark.parametrize(
    "given, meant",
    [("params", "params"), ("Tfrecords", "tfrecords"), ("TFRECORDS", "tfrecords"), ("nsJSON", "nsjson"),
     (0, "params"), (1, "nsjson"), (2, "tfrecords"), ("2", "tfrecords")],
)  # fmt: skip
def test_record_formats_in_any_case_or_as_numbers(given, meant):
    assert config(theirs(recordFormat=given)).records == (meant,)


@pytest.mark.parametrize("given", ["norm", "Norm", "Normalized", "NORMALISED"])
def test_normalised_units_in_any_case_are_even_in_natural_ones(given):
    made = config(theirs(each=({}, {"synth_minval": 0, "synth_maxval": 0.5, "synth_units": given})))
    axis = made.sounds[0].axes[1]
    # as it was in DSGenerator: cf of ping has a scale log, which it did not know
    assert (axis.minimum, axis.maximum, axis.scale) == (100, 100 + 0.5 * 9900, "linear")
    assert (axis.units, axis.given_min, axis.given_max) == ("norm", 0, 0.5)


def test_keys_that_may_be_left_out():
    both = {"user_doc": "absent", "synth_units": "absent"}
    made = config(theirs(each=(both, both), fixedParams="absent", recordFormat="absent"))
    assert made.sounds[0].fixed == () and made.records == ()
    assert made.sounds[0].axes[0].units == "natural"


def test_tftype_single_is_a_file_a_row_and_anything_else_shards():
    single = config(theirs(recordFormat="tfrecords", tftype="Single", shard_size=3))
    assert single.shard_mib is None
    assert config(theirs(recordFormat="tfrecords", tftype="shards", shard_size=3)).shard_mib == 3
    assert config(theirs(recordFormat="tfrecords")).shard_mib > 0


def test_fractions_of_seconds():
    made = config(theirs(soundDuration=2.5, chunkSecs=0.5))
    assert (made.chunks, made.chunk_samples) == (5, 8000)
    thirds = config(theirs(chunkSecs="absent", numChunks=3))
    assert thirds.chunks == 3 and thirds.long_samples >= 3 * thirds.chunk_samples


def test_a_remainder_is_announced():
    made, notices = schema.parse(theirs(soundDuration=5), "f")
    assert made.chunks == 2 and "the last 1 s" in notices[0]


def test_keys_of_old_files_are_read_and_named():
    old = {"outPath": "x", "format": "wav", "numVariations": 2, "description": "x", "paramRange": "Norm"}
    made, notices = schema.parse(theirs(**old), "f")
    assert made.num_rows == 16 and all(key in notices[0] for key in old)


def test_rates_of_the_later_generation():
    made, notices = schema.parse(theirs(computeSR=44100, datafileSR=22050), "f")
    assert made.sample_rate == 22050
    assert any("computeSR" in text for text in notices) and any("samplerate" in text for text in notices)


def test_seeds_of_the_later_generation():
    assert config(theirs(rngseed=7)).seed == 7
    drawn = [schema.parse(theirs(rngseed=None), "f") for _ in range(2)]
    assert drawn[0][0].seed != drawn[1][0].seed
    for made, notices in drawn:
        assert str(made.seed) in notices[0]
    assert config(theirs(examples=3)).rows_per_setting == 6


def test_the_oldest_generation_is_refused_with_what_to_write():
    old = [{"pname": "rate", "minval": 0, "maxval": 1, "nvals": 2, "units": "x", "formula": "2**args[0]"}]
    text = problems({"soundname": "pop", "samplerate": 16000, "params": old, "soundDuration": 4})
    assert "\n" not in text and "params[0]" in text and "formula" in text
    assert "user_nvals" in text and "synth_minval" in text


# --- our own ---


def test_every_key_of_ours():
    made, notices = schema.read(f"{FILES}/every_key.yaml")
    pops, drips, fm = made.sounds
    assert (made.seed, made.sample_rate, made.duration_sec, made.chunk_sec) == (7, 22050, 3, 1.5)
    assert (made.examples, made.level, made.audio_format) == (2, Level("peak", -3), "wav")
    assert (made.records, made.shard_mib, made.naming) == (("params", "tfrecords"), 16, "index")
    assert made.splits.extrapolation == ((("cf", 1500, 2000),),)
    assert made.splits.interpolation == ((("cf", 500, 700), ("rate_exp", 1, 3)),)
    assert (pops.name, pops.method, pops.count) == ("pops", "sobol", 32)
    assert (pops.axes[0].user_name, pops.axes[0].user_doc, pops.axes[0].maximum) == ("Rate", "how many", 5)
    assert pops.moving == (Moving("irreg_exp", "random", (), 0, 1, 0, 5, "linear"),)
    assert (drips.name, drips.method, drips.count) == ("grid of drips", "grid", None)
    assert drips.axes[1].values == (0, 1.5, 4) and drips.fixed == (
        Fixed("irreg_exp", 0.5, 0.01, "norm", "nearly even"),
    )
    assert drips.moving[1].points == ((0, 0.2), (1.5, 1), (3, 0.1)) and drips.moving[1].scale == "log"
    assert fm.name == "fm" and fm.points == ((440, 0), (880, 10))
    assert "fm has 2 settings" in notices[0]


def test_defaults_of_ours():
    made = config(
        {"synth": "ping", "duration_sec": 2, "parameters": {"cf": {"min": 200, "max": 400, "count": 3}}}
    )
    assert (made.sample_rate, made.chunks, made.examples, made.seed) == (44100, 1, 1, 42)
    assert (made.level, made.audio_format, made.naming) == (Level("peak", -1), "flac", "values")
    assert config(own(level="rms")).level == Level("rms", -20)
    assert config(own(level="none")).level.policy == "none"
    assert config(own(level="rms:-30")).level == Level("rms", -30)
    assert config(own(records="none")).records == config(own(records=["none"])).records == ()
    assert config(own(tfrecords="single")).shard_mib is None
    assert config({**own(), "shard_mib": None}).shard_mib is None
    assert config(own(splits={"interpolation": 0.1})).splits.interpolation_share == 0.1


def test_ours_as_json_and_by_aliases(tmp_path):
    path = tmp_path / "a.json"
    data = own(synth="PingPatternSynth")
    data["parameters"]["pitch"] = data["parameters"].pop("cf")
    path.write_text(json.dumps(data))
    made, _ = schema.read(path)
    assert made.sounds[0].synth == "ping" and [a.name for a in made.sounds[0].axes] == ["rate", "cf"]
    path = tmp_path / "no_extension"
    path.write_text(json.dumps(data, indent="\t"))
    assert schema.read(path)[0] == made


def test_norms_of_ours_are_on_the_parameters_own_scale():
    data = own(sample_rate=44100)
    data["parameters"]["cf"] = {"min": 0, "max": 1, "units": "norm", "count": 3}
    assert [one.natural[1] for one in config(data).settings[:3]] == pytest.approx([100, 1000, 10000])


def test_overrides_come_before_the_file():
    options = TexturesOptions(
        seed=9, sample_rate=22050, audio_format="flac", duration_sec=6.0, chunk_sec=1.5, examples=2,
        records=["frames"], shard_mib=5.0, level="peak:-3",
    )  # fmt: skip
    made, _ = schema.parse(theirs(numChunks=2, rngseed=3), "f", options)
    assert (made.seed, made.sample_rate, made.audio_format, made.duration_sec) == (9, 22050, "flac", 6)
    assert (made.chunks, made.examples, made.records, made.shard_mib) == (4, 2, ("frames",), 5)
    assert made.level == Level("peak", -3)
    assert schema.parse(own(), "f", TexturesOptions(shard_mib="single"))[0].shard_mib is None
    assert schema.parse(own(), "f", TexturesOptions.read({"seed": None}))[0] == config()


# --- sizes ---


def test_sizes_cover_every_synthesizer_and_are_nested():
    small, medium = size("small"), size("medium")
    assert {one.synth for one in small.sounds} == set(synth.BUILT_IN) - {"pop_documented"}
    assert all(2 <= len(one.axes) <= 4 for one in small.sounds)
    assert small.size == "small" and small.sample_rate == 44100 and small.chunks == 2
    for number in range(len(small.sounds)):
        few, many = ([one for one in made.settings if one.sound == number] for made in (small, medium))
        assert len(few) == 24 and few == many[:24]
        assert {one.split for one in few} == {"train", "validation", "test"}
    full = size("full", seed=3)
    assert len(full.settings) == 2400 * 11 and full.seed == 3
    with pytest.raises(UsageError, match=r"'smal' \(did you mean small\?\)"):
        size("smal")


# --- files ---


@pytest.mark.parametrize(
    "name, content, said",
    [
        ("a.json", b"", "empty"),
        ("a.yaml", b"\n \n", "empty"),
        ("a.json", b'{"a": 1,\n "b" 2}', "line 2, column 6"),
        ("a.json", b'{\n\t"a": [1, 2,],\n}', "line 2, column"),
        ("a.json", b'{"a": 1', "found the end of the file"),
        ("a.json", b'{"soundname": "a", "soundname": "b"}', "'soundname' is there twice"),
        ("a.json", b'[1, 2]', "holds a list"),
        ("a.json", b'"synth"', "holds 'synth'"),
        ("a.json", b'{"a": "\xff"}', "not UTF-8"),
        ("a.json", b"[" * 100_000, "can't be read as JSON"),
        ("a.json", b'{"seed": ' + b"9" * 5000 + b"}", "can't be read as JSON"),
        ("a.yaml", b"synth: pop\nsynth: drip\n", "line 2, column 1: the key 'synth' is there twice"),
        ("a.yaml", b"a: [1, 2\nb: 3", "line 2"),
        ("a.yaml", b"a: !!python/object/apply:os.system ['true']", "the tag"),
        ("a.yaml", b"a: &x [1]\nb: *x\n", "aliases such as *x"),
        ("a.yaml", b"a: 1\nno: x\n", "line 2, column 1: the key no is no text; write it in quotes"),
        ("a.yaml", b"synth: \xff\xfe", "not UTF-8"),
        ("a.yaml", b"a: \x00", "can't be read as YAML"),
    ],
)  # fmt: skip
def test_files_that_can_not_be_read(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        schema.read(path)
    assert said in str(caught.value) and str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_none(tmp_path):
    for path, said in ((tmp_path / "none.json", "does not exist"), (tmp_path, "is a directory")):
        with pytest.raises(UsageError, match=said):
            schema.read(path)
    with pytest.raises(UsageError, match="can't be read"):
        schema.read("a\0.json")


def test_numbers_of_yaml_without_a_point(tmp_path):
    path = tmp_path / "a.yml"
    path.write_text("synth: ping\nduration_sec: 1\nparameters: {cf: {min: 2e2, max: 1e+3, count: 3}}\n")
    axis = schema.read(path)[0].sounds[0].axes[0]
    assert (axis.minimum, axis.maximum) == (200, 1000)


# --- what is wrong ---

THEIRS = [
    ({"samplerat": 1}, "unknown key 'samplerat' (did you mean samplerate?)"),
    ({"samplerate": "absent", "soundDuration": "absent"}, "missing key soundDuration"),
    ({"samplerate": "absent"}, "missing key samplerate"),
    ({"chunkSecs": "absent"}, "missing key chunkSecs (or numChunks)"),
    ({"samplerate": "16000"}, "samplerate is '16000'; give a whole number"),
    ({"samplerate": True}, "samplerate is true; give a whole number"),
    ({"samplerate": 16000.5}, "samplerate is 16000.5; give a whole number"),
    ({"samplerate": 7999}, "samplerate is 7999; give a whole number from 8000 to 96000 Hz"),
    ({"samplerate": 96001}, "samplerate is 96001; give a whole number from 8000 to 96000 Hz"),
    ({"datafileSR": 1}, "datafileSR is 1; give a whole number from 8000 to 96000 Hz"),
    ({"soundDuration": False}, "soundDuration is false; give a number"),
    ({"soundDuration": float("nan")}, "soundDuration is nan; give a number above 0, up to 3600 s"),
    ({"soundDuration": float("inf")}, "soundDuration is inf; give a number above 0, up to 3600 s"),
    ({"soundDuration": 10**400}, "give a number of a sensible size"),
    ({"soundDuration": 0}, "soundDuration is 0; give a number above 0, up to 3600 s"),
    ({"soundDuration": 3601}, "soundDuration is 3601; give a number above 0, up to 3600 s"),
    ({"chunkSecs": 4.5}, "chunkSecs is 4.5, longer than the signal (soundDuration 4 s)"),
    ({"chunkSecs": -1}, "chunkSecs is -1; give more than 0 s"),
    ({"chunkSecs": 1e-5}, "shorter than one sample at 16000 Hz"),
    ({"numChunks": 0}, "numChunks is 0; give a whole number of 1 or more"),
    ({"numChunks": 10**7}, "shorter than one sample"),
    ({"recordFormat": "wav"}, "recordFormat is 'wav'; choose from params, nsjson, tfrecords, or 0, 1, 2"),
    ({"recordFormat": 3}, "recordFormat is 3; choose from"),
    ({"recordFormat": True}, "recordFormat is true; choose from"),
    ({"shard_size": 0}, "shard_size is 0; give a number above 0, up to 10240 MiB"),
    ({"examples": 0}, "examples is 0; give a whole number of 1 or more"),
    ({"rngseed": -1}, "rngseed is -1; give a whole number from 0"),
    ({"soundname": "Pingg"}, "soundname: unknown synthesizer 'Pingg' (did you mean ping?)"),
    ({"soundname": ""}, "soundname is ''; give some text"),
    ({"soundname": "../ping"}, "soundname: unknown synthesizer '../ping'"),
    ({"params": 3}, "params is 3; give a list"),
    ({"params": ["x"]}, "params[0] is 'x'; give a mapping of keys to values"),
    ({"params": [None]}, "params[0] is null; give a mapping"),
    ({"fixedParams": 3}, "fixedParams is 3; give a list"),
    ({"fixedParams": [{"synth_pname": "width"}]}, "fixedParams[0]: missing key synth_val"),
    ({"fixedParams": [{"synth_pname": "width", "synth_val": 2}]},
     "fixedParams[0]: synth_val is 2; width of ping goes from 0 to 1"),
    ({"fixedParams": [{"synth_pname": "cf", "synth_val": 220}]},
     "fixedParams[0]: cf is given a second time; it is in params[1] already"),
]  # fmt: skip
OF_ONE = [
    ({"user_nval": 4}, "params[1]: unknown key 'user_nval' (did you mean user_nvals?)"),
    ({"user_nvals": "absent", "user_pname": "absent"}, "params[1]: missing keys user_pname, user_nvals"),
    ({"user_nvals": 0}, "params[1]: user_nvals is 0; give 1 or more"),
    ({"user_nvals": 2.5}, "params[1]: user_nvals is 2.5; give a whole number"),
    ({"user_nvals": 10**12}, "rows of 4,000,000,000,000 settings are asked for; at most 10,000,000"),
    ({"user_minval": None}, "params[1]: missing key user_minval"),
    ({"user_minval": "low"}, "params[1]: user_minval is 'low'; give a number"),
    ({"synth_minval": 50}, "params[1]: synth_minval is 50; cf of ping goes from 100 Hz to 10000 Hz"),
    ({"synth_maxval": 1e5}, "params[1]: synth_maxval is 100000; cf of ping goes from 100 Hz to 10000 Hz"),
    ({"synth_maxval": 8000}, "params[1]: synth_maxval is 8000 Hz; it has to be below half the sample rate,"),
    ({"synth_minval": 440}, "params[1]: synth_minval and synth_maxval are both 440"),
    ({"synth_pname": "cff"}, "params[1]: unknown parameter of ping 'cff' (did you mean cf?)"),
    ({"synth_pname": "rate", "synth_minval": 1, "synth_maxval": 2}, "params[1]: rate is given a second time"),
    ({"synth_units": "Hz"}, "params[1]: synth_units is 'Hz'; choose from natural, norm"),
    ({"synth_units": "norm", "synth_maxval": 1.5, "synth_minval": 0},
     "params[1]: synth_maxval is 1.5; normalised values go from 0 to 1"),
]  # fmt: skip
OWN = [
    ({"synht": "ping"}, "unknown key 'synht' (did you mean synth?)"),
    ({"synth": None}, "missing key synth (or sounds, a list of them)"),
    ({"duration_sec": None, "chunk_sec": None}, "missing key duration_sec"),
    ({"sounds": []}, "sounds is empty"),
    ({"sounds": [{"synth": "ping"}]}, "synth, parameters and sounds are both given"),
    ({"enumeration": "gird"}, "enumeration is 'gird'; choose from grid, sobol, latin_hypercube, random,"),
    ({"settings": 3}, "settings has no use with enumeration grid"),
    ({"points": [{"width": 1}]}, "points have no use with enumeration grid"),
    ({"level": "loud"}, "level: policy is 'loud'; choose from none, peak, rms"),
    ({"level": "peak:loud"}, "level is peak:loud; give decibels"),
    ({"level": {"policy": "rms", "target_db": 3}}, "level: target_db is 3; give -80 to 0 dB"),
    ({"level": {"policy": "none", "target_db": 0}}, "target_db has no use with policy none"),
    ({"level": 3}, "level is 3; give a mapping"),
    ({"records": ["param"]}, "records: unknown format 'param' (did you mean params?)"),
    ({"records": 5}, f"records is 5; give a list of {', '.join(RECORDS)}"),
    ({"audio_format": "mp3"}, "audio_format is 'mp3'; choose from flac, wav"),
    ({"shard_mib": -1}, "shard_mib is -1; give a number above 0, up to 10240 MiB"),
    ({"splits": {"test": 1.5}}, "splits: test is 1.5; give a share from 0 to 1"),
    ({"splits": {"test": 0.6, "validation": 0.4}}, "validation 0.4 and test 0.6 leave nothing for train"),
    ({"splits": {"interpolation": 2}}, "splits: interpolation is 2; give 0 to 1, or boxes"),
    ({"splits": {"interpolation": "x"}}, "splits: interpolation is 'x'; give a number"),
    ({"splits": {"interpolation": {"cf": [200, 900]}}}, "cf 200 to 900 reaches an end of 200 to 3200"),
    ({"splits": {"extrapolation": {"cff": [1, 2]}}}, "extrapolation: 'cff' is not swept; swept are cf, rate"),
    ({"splits": {"extrapolation": {"Q": [1, 2]}}}, "splits: extrapolation: 'Q' is not swept"),
    ({"splits": {"extrapolation": {"cf": [900, 300]}}}, "cf is 900 to 300; give the lower one first"),
    ({"splits": {"extrapolation": {"cf": [900]}}}, "cf is a list; give two numbers"),
    ({"splits": {"extrapolation": [{}]}}, "splits: extrapolation[0] is empty"),
    ({"splits": {"extrapolation": {"cf": [410, 420]}}}, "extrapolation: no setting has cf 410 to 420"),
    ({"splits": {"extrapolation": {"cf": [0, 9000]}}}, "extrapolation: all settings have cf 0 to 9000"),
    ({"splits": {"extrapolation": [{"cf": [0, 1000]}, {"cf": [800, 9000]}]}}, "no setting of ping for train"),
    ({"splits": {"tests": 0.1}}, "splits: unknown key 'tests' (did you mean test?)"),
    ({"examples": 10**9}, "at most 10,000,000"),
    ({"sample_rate": 16000, "chunk_sec": 0.000_01}, "shorter than one sample"),
]  # fmt: skip
OF_CF = [
    ("high", "cf is 'high'; give a number"),
    (None, "cf is null; give a number"),
    (True, "cf is true; give a number"),
    (9000, "cf is 9000 Hz; it has to be below half the sample rate, 8000 Hz"),
    ({"value": 5}, "cf: value is 5; cf of ping goes from 100 Hz to 10000 Hz"),
    ({"min": 200, "max": 400}, "cf: missing key count"),
    ({"min": 200, "count": 3}, "cf: missing max (or values, value, curve)"),
    ({"min": 200, "max": 400, "count": 0}, "cf: count is 0; give 1 or more"),
    ({"min": 200, "max": 400, "count": 3, "scal": "log"}, "cf: unknown key 'scal' (did you mean scale?)"),
    ({"min": 200, "max": 400, "count": 3, "scale": "cubic"}, "cf: scale is 'cubic'; choose from linear, log"),
    ({"min": 200, "max": 400, "count": 3, "label": {"min": 1}}, "label: give both min and max"),
    ({"values": []}, "cf: values is empty; give at least one"),
    ({"values": [200, "x"]}, "cf: values[1] is 'x'; give a number"),
    ({"values": [200, 300, 200]}, "cf: values has 200 twice"),
    ({"values": [200, 20]}, "cf: values[1] is 20; cf of ping goes from"),
    ({"values": [200], "count": 1}, "cf: values and count are both given"),
    ({"curve": "square"}, "cf: curve is 'square'; give [seconds, value] pairs, sine, or random"),
    ({"curve": [[0, 200]]}, "cf: curve has 1; give 2 to 10000"),
    ({"curve": [[0, 200], [0, 300]]}, "cf: curve: its times have to grow"),
    ({"curve": [[2, 200], [1, 300]]}, "cf: curve: its times have to grow, and they are 2, 1"),
    ({"curve": [[0, 200], [4.5, 300]]}, "cf: curve has a point at 4.5 s; the signal goes from 0 to 4 s"),
    ({"curve": [[-1, 200], [1, 300]]}, "cf: curve has a point at -1 s"),
    ({"curve": [[0, 200], [1, 30]]}, "cf: curve[1] is 30; cf of ping goes from"),
    ({"curve": [[0, 200], [1]]}, "cf: curve[1] is a list; give two numbers"),
    ({"curve": [[0, 200], [1, 9000]]}, "cf is 9000 Hz; it has to be below half"),
    ({"curve": "sine", "min": 200, "max": 300}, "cf: missing cycles of the curve sine"),
    ({"curve": "sine", "min": 200, "max": 300, "cycles": 0}, "cf: cycles is 0"),
    ({"curve": "random", "min": 200, "max": 300, "points": 1}, "cf: points is 1; give 2 to 10000"),
    ({"curve": "random", "min": 200, "max": 300, "points": 4, "cycles": 1}, "cycles has no use with"),
]  # fmt: skip


@pytest.mark.parametrize("change, said", THEIRS)
def test_what_is_wrong_with_theirs(change, said):
    text = problems(theirs(**change))
    assert said in text and text.count("f: ") >= 1


@pytest.mark.parametrize("change, said", OF_ONE)
def test_what_is_wrong_with_a_parameter_of_theirs(change, said):
    assert said in problems(theirs(each=({}, change)))


@pytest.mark.parametrize("change, said", OWN)
def test_what_is_wrong_with_ours(change, said):
    assert said in problems(own(**change))


@pytest.mark.parametrize("cf, said", OF_CF)
def test_what_is_wrong_with_a_parameter_of_ours(cf, said):
    data = own()
    data["parameters"]["cf"] = cf
    assert "parameters: " + said in problems(data) or said in problems(data)


def test_further_problems_of_ours():
    flat = own()
    flat["parameters"]["width"] = {"curve": [[0, 0], [1, 1]]}
    assert "width of ping can't change in time; rate, cf can" in problems(flat)
    log = own()
    log["parameters"]["rate"] = {"min": 0, "max": 4, "count": 3, "scale": "log"}
    assert "rate: scale log needs values above 0, and there is 0" in problems(log)
    drawn = own(enumeration="sobol")
    text = problems(drawn)
    assert "missing key settings" in text and "rate: count has no use with enumeration sobol" in text
    assert "settings is 0; give 1 or more" in problems(own(enumeration="random", settings=0))
    assert "missing key points" in problems(own(enumeration="list", parameters={}))
    points = [{"cf": 200}, {"cf": 300, "rate": 1}, 5, {"cf": "x"}]
    text = problems(own(enumeration="list", parameters={}, points=points))
    assert "points[2] is 5" in text and "points[3]: cf is 'x'" in text and "points[1] has cf, rate" in text
    low = problems(own(sample_rate=8000, parameters={"rate": {"min": 0, "max": 1, "count": 3}, "cf": 4000}))
    assert "cf is 4000 Hz; it has to be below half the sample rate, 4000 Hz" in low


def test_settings_that_are_the_same():
    points = [{"cf": 200, "rate": 1}, {"cf": 300, "rate": 1}, {"rate": 1, "cf": 200}]
    text = problems(own(enumeration="list", parameters={}, points=points))
    assert "settings ping[0], ping[2] are the same (cf 200, rate 1)" in text
    one = {"synth": "ping", "parameters": {"rate": {"values": [1, 2]}}}
    text = problems({"sounds": [one, {**one, "name": "other"}], "duration_sec": 1})
    assert "settings ping[0], other[0] are the same" in text
    assert "two sounds are named ping" in problems({"sounds": [one, one], "duration_sec": 1})


def test_all_problems_are_told_at_once_each_in_a_sentence(tmp_path):
    data = theirs(
        each=({"synth_pname": "rat", "user_nval": 1}, {"synth_maxval": 10**6}), samplerate="x", chunkSecs=9
    )
    file = tmp_path / "f.json"
    file.write_text(json.dumps(data))
    options = {"configfile": str(file), "seed": -1, "level": "loud", "records": ["x"]}
    with pytest.raises(UsageError) as caught:
        TexturesOptions.read(options, "command")
    lines = str(caught.value).splitlines()
    assert lines[0] == "8 problems:" and len(lines) == 9
    for said in (
        "samplerate",
        "user_nval",
        "'rat'",
        "synth_maxval",
        "chunkSecs",
        "--seed",
        "--level",
        "--records",
    ):
        assert any(said in line for line in lines[1:]), said


@pytest.mark.parametrize(
    "overrides, said",
    [
        ({"sample_rate": 1}, "--sample-rate is 1; give a whole number from 8000 to 96000 Hz"),
        ({"duration_sec": 1.0}, "chunkSecs is 2, longer than the signal (--duration 1 s)"),
        ({"chunk_sec": 5.0}, "--chunk is 5, longer"),
        ({"examples": True}, "--examples is true; give a whole number"),
        ({"audio_format": "ogg"}, "--audio-format is 'ogg'; choose from flac, wav"),
        ({"shard_mib": 0.0}, "--shard-mib is 0; give a number above 0, up to 10240 MiB, or single"),
    ],
)
def test_what_is_wrong_with_overrides(overrides, said):
    text = problems(theirs(), **overrides)
    assert said in text
    assert not re.match(r"f: --", text)


def test_what_a_record_format_can_not_hold_is_refused_before_rendering():
    fixed = {"synth": "ping", "duration_sec": 1, "records": ["frames"], "parameters": {"cf": 300}}
    assert "ping: frames records need a swept or moving parameter" in problems(fixed)


def test_odd_names_are_taken(tmp_path):
    data = theirs(each=({"user_pname": "a/b"}, {"user_pname": "c d"}))
    assert [axis.user_name for axis in config(data).sounds[0].axes] == ["a/b", "c d"]


JUNK = (
    None, True, -1, 0, 1.5, 10**30, float("nan"), 1e300, "", "x", "2020", "\ud800", b"x", [], {}, [1, 2],
    [[]], [None], {"a": 1}, {None: 1}, [{"cf": [1, 2]}],
)  # fmt: skip


def _places(data, place=()):
    yield place
    for key, value in (
        data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    ):
        yield from _places(value, (*place, key))


def _without(data, place, junk):
    if not place:
        return junk
    data = copy.deepcopy(data)
    inner = data
    for key in place[:-1]:
        inner = inner[key]
    if junk == "out":
        del inner[place[-1]]
    else:
        inner[place[-1]] = junk
    return data


@pytest.mark.parametrize("name", ["every_key.yaml", "later.json", "seed.json"])
def test_whatever_stands_anywhere_is_taken_or_refused_in_words(name):
    data = files.load(f"{FILES}/{name}")
    data |= {"settings": 6} if name == "every_key.yaml" else {}
    refused = 0
    for place in _places(data):
        for junk in (*JUNK, "out"):
            try:
                schema.parse(_without(data, place, junk), "f")
            except UsageError as error:
                refused += 1
                assert "Input should" not in str(error), (place, junk)
    assert refused > 400
