"""Values from outside in place of a file's."""

from typing import Any

from sousa.generation.textures.schema import own
from sousa.generation.textures.schema.words import Model, Number, Whole, validated

OPTIONS = {
    "seed": "--seed", "sample_rate": "--sample-rate", "audio_format": "--audio-format",
    "duration_sec": "--duration", "chunk_sec": "--chunk", "examples": "--examples", "records": "--records",
    "shard_mib": "--shard-mib", "level": "--level",
}  # fmt: skip


class _Values(Model):
    seed: Whole | None = None
    sample_rate: Whole | None = None
    duration_sec: Number | None = None
    chunk_sec: Number | None = None
    examples: Whole | None = None
    shard_mib: Number | None = None
    audio_format: str | None = None
    records: Any = None
    level: Any = None


def override(request, values, words, problems):
    """Put values into a request.

    Args:
        request: is changed; a value that is wrong is None in it.
        values: dict by field; None is not given. ``shard_mib`` may be ``"single"``: a file a row.
        words: what the user calls the fields.
        problems: list that sentences are added to.
    """
    given = {name: value for name, value in values.items() if value is not None}
    unknown = [name for name in given if name not in OPTIONS]
    if unknown:
        raise TypeError(f"there is no override {unknown[0]}")
    request.words |= {name: words[name] for name in given}
    single = given.get("shard_mib") == "single"
    if single:
        given["shard_mib"] = None
    checked = validated(_Values, given, "", wrong := [])
    for text in wrong:  # they begin with the names of fields
        name, _, rest = text.partition(" ")
        problems.append(f"{words[name]} {rest}")
    for name in given:
        setattr(request, name, getattr(checked, name))
    if "level" in given:
        request.level = own.level(given["level"], words["level"], problems)
    if "records" in given:
        request.records = own.records(given["records"], words["records"], problems)
    if "chunk_sec" in given:
        request.num_chunks = None
