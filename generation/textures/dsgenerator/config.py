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
from sousa.generation.textures.limits import Duration, Examples, SampleRate, Seed, ShardMiB
from sousa.generation.textures.schema import request
from sousa.generation.textures.settings import DEFAULT_SHARD_MIB, Level, Splits

LATER = ("numChunks", "computeSR", "datafileSR", "rngseed", "examples")
# our names of keys that messages speak of
WORDS = {"synth": "soundname", "min": "synth_minval", "max": "synth_maxval", "count": "user_nvals",
         "value": "synth_val"}  # fmt: skip
_OLDEST = {"pname", "minval", "maxval", "nvals", "formula"}
_FORMATS = {"params": "params", "0": "params", "nsjson": "nsjson", "1": "nsjson", "tfrecords": "tfrecords",
            "tfrecord": "tfrecords", "2": "tfrecords"}  # fmt: skip
_UNITS = {"natural": "natural", "norm": "norm", "normalized": "norm", "normalised": "norm"}


def _word(table, words):
    """A validator of the words of a table, in any case: what they stand for."""

    def check(value):
        word = str(value).strip().lower()
        if isinstance(value, bool) or not isinstance(value, (str, int)) or word not in table:
            raise ValueError(f"choose from {words}")
        return table[word]

    return BeforeValidator(check)


Units = Annotated[str, _word(_UNITS, "natural, norm")]


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
    recordFormat: Annotated[str, _word(_FORMATS, "params, nsjson, tfrecords, or 0, 1, 2")] | None = None
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


def read(data, problems, notices):
    """What the plain data of a file asks for; ``problems``, ``notices``: lists that sentences are added to.

    Raises: UsageError for the oldest generation's files.
    """
    params = data.get("params")
    for i, param in enumerate(params if isinstance(params, list) else []):
        old = sorted(_OLDEST & param.keys()) if isinstance(param, dict) else []
        if old and "synth_pname" not in param:
            raise UsageError(
                f"params[{i}] has {', '.join(old)}, keys of the first DSGenerator, whose formulas were run "
                "as code; write user_pname, user_minval, user_maxval, user_nvals for the labels, and "
                "synth_pname, synth_minval, synth_maxval, synth_units for what the synthesizer gets"
            )
    file = validated(File, data, "", problems)
    if data.get("samplerate") is None and data.get("datafileSR") is None:
        problems.append("missing key samplerate")
    if data.get("chunkSecs") is None and data.get("numChunks") is None:
        problems.append("missing key chunkSecs (or numChunks)")
    words = {
        "seed": "rngseed", "duration_sec": "soundDuration", "records": "recordFormat",
        "sample_rate": "samplerate" if file.datafileSR is None else "datafileSR",
        "chunk_sec": "chunkSecs" if file.numChunks is None else "numChunks", "shard_mib": "shard_size",
    }  # fmt: skip
    rate = getattr(file, words["sample_rate"])
    _notices(file, rate, notices)
    seed = request.DEFAULT_SEED if file.rngseed is None else file.rngseed
    if file.has("rngseed") and file.rngseed is None:
        seed = request.drawn_seed("rngseed", notices)
    values = {
        "seed": seed,
        "sample_rate": rate,
        "duration_sec": file.soundDuration,
        "chunk_sec": file.chunkSecs,
        "examples": file.examples or 1,
        "level": Level("none", 0.0),
        "splits": Splits(0.15, 0.15, 0.0, (), ()),
        "audio_format": "wav",
        "records": (file.recordFormat,) if file.recordFormat else (),
        "shard_mib": None if str(file.tftype).lower() == "single" else file.shard_size or DEFAULT_SHARD_MIB,
        "naming": "later" if any(key in data for key in LATER) else "values",
    }
    return request.Request([_sound(file, problems)], values, words, file.numChunks)


def _notices(file, rate, notices):
    unused = [key for key in file.IGNORED if file.has(key)]
    if unused:
        are = "are keys" if len(unused) > 1 else "is a key"
        notices.append(f"{', '.join(unused)} {are} of old files and not used")
    reasons = (
        ("computeSR", True, f"rendering is at the rate of the files, {shown(rate)} Hz"),
        ("samplerate", file.samplerate != rate, f"datafileSR {rate} is the rate of the files"),
        ("chunkSecs", file.numChunks is not None, f"numChunks {file.numChunks} divides the signal"),
    )
    notices += [
        f"{key} {shown(value)} is not used: {reason}"
        for key, is_unused, reason in reasons
        if is_unused and (value := getattr(file, key)) is not None
    ]


def _sound(file, problems):
    parameters = []
    for i, data in enumerate(file.params or []):
        if param := validated(Param, data, place := f"params[{i}]", problems):
            label = request.LabelKeys.model_construct(
                name=param.user_pname, min=param.user_minval, max=param.user_maxval, doc=param.user_doc
            )
            keys = request.AxisKeys.model_construct(
                min=param.synth_minval, max=param.synth_maxval, count=param.user_nvals, scale="linear",
                units=param.synth_units, label=label,
            )  # fmt: skip
            parameters.append(request.ParameterRequest(place, param.synth_pname, keys))
    for i, data in enumerate(file.fixedParams or []):
        if param := validated(FixedParam, data, place := f"fixedParams[{i}]", problems):
            keys = request.FixedKeys.model_construct(
                value=param.synth_val, units=param.synth_units, doc=param.user_doc
            )
            parameters.append(request.ParameterRequest(place, param.synth_pname, keys))
    return request.SoundRequest("", file.soundname, file.soundname, parameters, linear_norm=True, words=WORDS)
