"""The YAML head of a dataset's card: which files each of its configs reads."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from sousa.generation.errors import UsageError, one_of
from sousa.generation.outside import YAML_BYTES, fast_loader, parse_yaml, read_text


def read(card: Path) -> dict[str, Any]:
    """The head of a card; empty when it has none that can be read, or there is no card."""
    head = None
    with suppress(OSError, ValueError, yaml.YAMLError):
        match = re.match(r"---\n(.*?)\n---\n", read_text(card, YAML_BYTES), re.DOTALL)
        head = parse_yaml(match[1], fast_loader()) if match else None
    return head if isinstance(head, dict) else {}


def config(head: Mapping[str, Any], name: str | None, where: str) -> dict[str, Any] | None:
    """The config asked for; None when the card lists none.

    Args:
        name: of the config, None for the default one.
        where: the dataset, for messages.

    Raises: UsageError when there is no such config.
    """
    try:
        configs = {entry["config_name"]: entry for entry in head["configs"]}
        whole = all({"split", "path"} <= set(part) for c in configs.values() for part in c["data_files"])
    except (TypeError, KeyError):
        return None  # a card of another kind: what it means is left to datasets
    if not whole or not configs:
        return None
    if name is None:
        chosen = [c for c in configs.values() if c.get("default")] or list(configs.values())[:2]
        if len(chosen) != 1:
            raise UsageError(f"{where} has no default config; name one of {', '.join(configs)}")
        return chosen[0]
    if name not in configs:
        raise UsageError(f"{where} has no config {one_of(name, configs)}")
    return configs[name]
