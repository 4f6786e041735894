"""The configurations of DSGenerator: its generation of 2021-07 and the later one, unchanged.

Conventions: both are one JSON object. The later generation divides a signal by ``numChunks``, has
``computeSR``, ``datafileSR``, ``rngseed`` and ``examples``, and names rows without fixed parameters.
Normalised values (``synth_units`` norm) are even in natural ones between the ends of the declared range, as
they were there. A label (``user_*``) and what the synthesizer gets (``synth_*``) are two evenly spaced rows
of ``user_nvals`` values, matched one by one.
"""

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from sousa.generation.errors import UsageError
from sousa.generation.models import Model, Number, Text, Whole, shown, validated
from sousa.generation.textures.options import Duration, Examples, SampleRate, Seed, ShardMiB
from sousa.generation.textures.schema.request import (
    DEFAULT_SEED,
    AxisRequest,
    FixedRequest,
    Request,
    SoundRequest,
    drawn_seed,
)
from sousa.generation.textures.settings import DEFAULT_SHARD_MIB, Level, Splits

LATER = ("numChunks", "computeSR", "datafileSR", "rngseed", "examples")
_OLDEST = {"pname", "minval", "maxval", "nvals", "formula"}
_FORMATS = {"params": "params", "0": "params", "nsjson": "nsjson", "1": "nsjson", "tfrecords": "tfrecords",
            "tfrecord": "tfrecords", "2": "tfrecords"}  # fmt: skip
_UNITS = {"natural": "natural", "norm": "norm", "normalized": "norm", "normalised": "norm"}


def _format(value):
    word = str(value).strip().lower()
    if isinstance(value, bool) or not isinstance(value, (str, int)) or word not in _FORMATS:
        raise ValueError("choose from params, nsjson, tfrecords, or 0, 1, 2")
    return _FORMATS[word]


def _units(value):
    if not isinstance(value, str) or value.strip().lower() not in _UNITS:
        raise ValueError("choose from natural, norm")
    return _UNITS[value.strip().lower()]


Units = Annotated[str, BeforeValidator(_units)]


class Param(Model):
    REQUIRED: ClassVar[tuple] = (
        "user_pname", "user_minval", "user_maxval", "user_nvals",
        "synth_pname", "synth_minval", "synth_maxval",
    )  # fmt: skip
    user_pname: Text | None = None
    user_minval: Number | None = None
    user_maxval: Number | None = None
    user_nvals: Whole | None = None
    user_doc: str | None = None
    synth_pname: Text | None = None
    synth_minval: Number | None = None
    synth_maxval: Number | None = None
    synth_units: Units | None = None


class FixedParam(Model):
    REQUIRED: ClassVar[tuple] = ("synth_pname", "synth_val")
    user_doc: str | None = None
    synth_pname: Text | None = None
    synth_val: Number | None = None
    synth_units: Units | None = None


class File(Model):
    REQUIRED: ClassVar[tuple] = ("soundname", "soundDuration", "params")
    IGNORED: ClassVar[tuple] = ("outPath", "format", "numVariations", "description", "paramRange")
    soundname: Text | None = None
    samplerate: SampleRate | None = None
    chunkSecs: Number | None = None
    soundDuration: Duration | None = None
    recordFormat: Annotated[str, BeforeValidator(_format)] | None = None
    tftype: Text | None = None
    shard_size: ShardMiB | None = None
    params: list[Any] | None = None
    fixedParams: list[Any] | None = None
    numChunks: Examples | None = None
    computeSR: Whole | None = None
    datafileSR: SampleRate | None = None
    rngseed: Seed | None = None
    examples: Examples | None = None
    outPath: Any = None
    format: Any = None
    numVariations: Any = None
    description: Any = None
    paramRange: Any = None


def request(data, problems, notices):
    """What a file asks for.

    Args:
        data: its plain data; problems, notices: lists that sentences are added to.

    Raises: UsageError for the oldest generation's files.
    """
    params = data.get("params")
    for i, one in enumerate(params if isinstance(params, list) else []):
        old = sorted(_OLDEST & one.keys()) if isinstance(one, dict) else []
        if old and "synth_pname" not in one:
            raise UsageError(
                f"params[{i}] has {', '.join(old)}, keys of the first DSGenerator, whose formulas were run "
                "as code; write user_pname, user_minval, user_maxval, user_nvals for the labels, and "
                "synth_pname, synth_minval, synth_maxval, synth_units for what the synthesizer gets"
            )
    file = validated(File, data, "", problems)
    later = any(key in data for key in LATER)
    _missing(data, problems)
    _notices(file, notices)
    records = (file.recordFormat,) if file.recordFormat else ()
    single = str(file.tftype).lower() == "single"
    words = {
        "sample_rate": "datafileSR" if file.datafileSR is not None else "samplerate",
        "duration_sec": "soundDuration", "seed": "rngseed",
        "chunk_sec": "numChunks" if file.numChunks is not None else "chunkSecs",
        "shard_mib": "shard_size", "records": "recordFormat", "num_chunks": "numChunks",
    }  # fmt: skip
    return Request(
        sounds=[_sound(file, problems)],
        seed=_seed(file, notices, later),
        sample_rate=file.samplerate if file.datafileSR is None else file.datafileSR,
        duration_sec=file.soundDuration,
        chunk_sec=None if file.numChunks is not None else file.chunkSecs,
        num_chunks=file.numChunks,
        examples=1 if file.examples is None else file.examples,
        level=Level("none", 0.0),
        splits=Splits(0.15, 0.15, 0.0, (), ()),
        audio_format="wav",
        records=records,
        shard_mib=None if single else DEFAULT_SHARD_MIB if file.shard_size is None else file.shard_size,
        naming="later" if later else "values",
        words=words,
    )


def _missing(data, problems):
    if data.get("samplerate") is None and data.get("datafileSR") is None:
        problems.append("missing key samplerate")
    if data.get("chunkSecs") is None and data.get("numChunks") is None:
        problems.append("missing key chunkSecs (or numChunks)")


def _notices(file, notices):
    unused = [key for key in file.IGNORED if file.given(key)]
    if unused:
        notices.append(
            f"{', '.join(unused)} {'are keys' if len(unused) > 1 else 'is a key'} of old files and not used"
        )
    if file.computeSR is not None:
        rate = file.samplerate if file.datafileSR is None else file.datafileSR
        notices.append(
            f"computeSR {file.computeSR} is not used: rendering is at the rate of the files, {shown(rate)} Hz"
        )
    if file.datafileSR is not None and file.samplerate not in (None, file.datafileSR):
        notices.append(
            f"samplerate {file.samplerate} is not used: datafileSR {file.datafileSR} is the rate of the files"
        )
    if file.numChunks is not None and file.chunkSecs is not None:
        notices.append(
            f"chunkSecs {shown(file.chunkSecs)} is not used: numChunks {file.numChunks} divides the signal"
        )


def _seed(file, notices, later):
    if file.given("rngseed") and file.rngseed is None:
        return drawn_seed("rngseed", notices)
    return DEFAULT_SEED if file.rngseed is None else file.rngseed


def _sound(file, problems):
    wanted = []
    for i, one in enumerate(file.params or []):
        place = f"params[{i}]"
        if (param := validated(Param, one, place, problems)) is None:
            continue
        wanted.append(
            AxisRequest(
                place, param.synth_pname, param.synth_minval, param.synth_maxval, param.user_nvals, "linear",
                param.synth_units or "natural", None, param.user_pname, param.user_doc or "",
                param.user_minval, param.user_maxval, ("synth_minval", "synth_maxval", "user_nvals"),
            )
        )  # fmt: skip
    for i, one in enumerate(file.fixedParams or []):
        place = f"fixedParams[{i}]"
        if (param := validated(FixedParam, one, place, problems)) is None:
            continue
        wanted.append(
            FixedRequest(
                place, param.synth_pname, param.synth_val, param.synth_units or "natural",
                param.user_doc or "", "synth_val",
            )
        )  # fmt: skip
    return SoundRequest("", file.soundname, file.soundname, wanted, linear_norm=True, synth_word="soundname")
