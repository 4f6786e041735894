"""Configuration files as plain data: JSON or YAML, without surprises.

Conventions: YAML is its safe part without tags, aliases and duplicate keys, and with numbers such as 1e-3.
JSON is as its standard has it, but for NaN and Infinity, which are passed on to be refused by name.
"""

import json
import re
from collections import Counter
from pathlib import Path

import yaml

from sousa.generation.errors import UsageError, first_line
from sousa.generation.outside import (
    CONFIG_BYTES,
    YAML_BYTES,
    AliasError,
    UnfitFile,
    expanded,
    parse_json,
    parse_yaml,
    read,
    shortened,
)


def load(path):
    """The plain data of a configuration file.

    ``.json`` is JSON, ``.yaml`` and ``.yml`` are YAML, and others are JSON when they begin with a brace.

    Raises: UsageError with the line and column of what can't be read.
    """
    path = Path(expanded(path))
    text = _text(path)
    if not text.strip():
        raise UsageError(f"{path} is empty; write a configuration into it")
    kind = path.suffix.lower()
    if kind == ".json" or (kind not in (".yaml", ".yml") and text.lstrip().startswith("{")):
        return _json(text, path)
    if len(text) > YAML_BYTES:
        raise UsageError(f"{path} has {len(text):,} letters of YAML, of at most {YAML_BYTES:,}; write JSON")
    return _yaml(text, path)


def _text(path):
    try:
        return read(path, CONFIG_BYTES).decode("utf-8-sig")
    except IsADirectoryError:
        raise UsageError(f"{path} is a directory; name a configuration file") from None
    except UnfitFile as error:
        raise UsageError(f"{path} is {error}; name a configuration file") from None
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist; name a configuration file") from None
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not UTF-8 text: byte {error.start} can't be read; save it as UTF-8"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{shortened(path)} can't be read: {reason}; name another file") from None


def _json(text, where):
    def unique(pairs):
        keys = Counter(key for key, _ in pairs)
        if len(keys) < len(pairs):
            key = keys.most_common(1)[0][0]
            raise UsageError(f"{where}: the key {key!r} is there twice in one object; leave one out")
        return dict(pairs)

    try:
        return parse_json(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        before, found = text[: error.pos].rstrip(), text[error.pos : error.pos + 1]
        hint = "; take out the comma before it" if before.endswith(",") and found and found in "]}" else ""
        raise UsageError(
            f"{where} is not JSON: line {error.lineno}, column {error.colno}: {error.msg[0].lower()}"
            f"{error.msg[1:]}, found {repr(found) if found else 'the end of the file'}{hint}"
        ) from None
    except ValueError as error:  # nested too deeply, or a number of thousands of digits
        raise UsageError(f"{where} can't be read as JSON: {first_line(error)}") from None


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node, deep=False):
        keys = set()
        for key, _ in node.value:
            name = getattr(key, "value", None)
            if isinstance(name, str) and name in keys:
                text = f"the key {name!r} is there twice; leave one out"
                raise yaml.constructor.ConstructorError(None, None, text, key.start_mark)
            keys.add(str(name))
        found = super().construct_mapping(node, deep)
        for key, (place, _) in zip(found, node.value, strict=False):
            if not isinstance(key, str):
                text = f"the key {place.value} is no text; write it in quotes"
                raise yaml.constructor.ConstructorError(None, None, text, place.start_mark)
        return found


# YAML 1.1 takes 1e-3, without a point or sign, for text
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def _yaml(text, where):
    try:
        return parse_yaml(text, _Loader)
    except AliasError as error:
        raise UsageError(f"{where} is not YAML: {error}") from None
    except yaml.MarkedYAMLError as error:
        mark, problem = error.problem_mark or error.context_mark, error.problem or error.context
        if "could not determine a constructor for the tag" in problem:
            problem = f"the tag {problem.split()[-1]} is not read; write plain values"
        at = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise UsageError(f"{where} is not YAML: {at}{problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise UsageError(f"{where} can't be read as YAML: {first_line(error)}") from None
