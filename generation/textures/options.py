"""What can be asked for of a textures corpus."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from sousa.generation.errors import UsageError
from sousa.generation.models import Number
from sousa.generation.options import FORMAT, SIZE, Options, option
from sousa.generation.textures.limits import Duration, Examples, Layout, SampleRate, Seed, ShardMiB

_FILE, _DERIVED = "a configuration of your own", "the same dataset with something changed"
_RENDERED, _RECORDS = "what is rendered", "other formats"


class TexturesOptions(Options):
    """Options of the corpus; those that are not given are the configuration's."""

    SIZES: ClassVar[Mapping[str, int]] = {"small": 528, "medium": 5_280, "full": 52_800}

    configfile: str | None = option(
        None, "what to make: DSGenerator JSON, or our YAML", metavar="FILE", group=_FILE
    )
    synth_files: list[str] | None = option(
        None, "run this Python file and use its classes as synthesizers: those with render, or old-style "
        "ones (setParam, getParam, getParams, generate)",
        flags=("--synth-file",), metavar="FILE", repeated=True, group=_FILE,
    )  # fmt: skip
    list_synths: bool = option(
        False, "show the synthesizers and stop", switches={"--list": True}, command_only=True, group=_FILE
    )
    derive: str | None = option(
        None, "make this dataset again with --set: same draws, same splits", metavar="DATASET", group=_DERIVED
    )
    changes: list[str] | None = option(
        None, "what --derive changes, such as Q=20", flags=("--set",), metavar="KEY=VALUE",
        repeated=True, group=_DERIVED,
    )  # fmt: skip
    seed: Seed | None = option(None, "seed of every random choice, by default 42 or the file's", group=SIZE)
    sample_rate: SampleRate | None = option(
        None, "sample rate, by default 44100 or the file's", metavar="HZ", group=FORMAT
    )
    duration_sec: Duration | None = option(
        None, "length of the long signals in seconds", metavar="SEC", group=_RENDERED
    )
    chunk_sec: Number | None = option(
        None, "length of a row in seconds", metavar="SEC", gt=0, group=_RENDERED
    )
    examples: Examples | None = option(
        None, "renderings of each setting, which differ by chance alone", group=_RENDERED
    )
    level: Any = option(None, "none, peak:DB or rms:DB (default: peak:-1)", metavar="POLICY", group=_RENDERED)
    audio_format: Literal["flac", "wav"] | None = option(
        None, "flac or wav, by default flac or the file's", group=FORMAT
    )
    records: list[str] | None = option(
        None,
        "also write params, nsjson, tfrecords, frames or nsynth, separated by commas; or none. nsynth has "
        "the keys of tfds' nsynth, whose feature spec takes 4 s at 16 kHz and NSynth's eleven families alone",
        group=_RECORDS,
    )
    shard_mib: ShardMiB | Literal["single"] | None = option(
        None, "size of TFRecord files, by default 64 MiB; single is one a row", flags=("--shard-mib",),
        metavar="MIB", group=_RECORDS,
    )  # fmt: skip
    layout: Layout | None = option(
        None, "TFRecord files in a folder a split, or flat: in one folder, each split listed in a text file",
        group=_RECORDS,
    )  # fmt: skip

    def further_problems(self) -> list[str]:
        """What is wrong in the configuration file; files of synthesizers are not run."""
        from sousa.generation.textures import schema

        if self.configfile is not None and not self.synth_files:
            try:
                schema.read(self.configfile, self)
            except UsageError as error:
                return error.problems
        return []
