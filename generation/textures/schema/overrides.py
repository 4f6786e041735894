"""Values from outside in place of a file's."""

from collections.abc import Mapping
from typing import Any

from sousa.generation.textures.schema import own
from sousa.generation.textures.schema.request import Request


def override(
    request: Request, values: Mapping[str, Any], words: Mapping[str, str], problems: list[str]
) -> None:
    """Put values into a request.

    Args:
        request: is changed; a value that is wrong is None in it.
        values: dict by field, checked as options are; None is not given. ``shard_mib`` may be ``"single"``: a
            file a row.
        words: what the user calls the fields; problems: list that sentences are added to.
    """
    given = {name: value for name, value in values.items() if value is not None}
    request.words |= {name: words[name] for name in given}
    for name, value in given.items():
        setattr(request, name, None if (name, value) == ("shard_mib", "single") else value)
    if "level" in given:
        request.level = own.level(given["level"], words["level"], problems)
    if "records" in given:
        request.records = own.records(given["records"], words["records"], problems)
    if "chunk_sec" in given:
        request.num_chunks = None
