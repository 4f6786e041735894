"""The card of a dataset directory: what makes ``load_dataset(directory)`` work, and what it says.

The YAML block lists the files of each config and split, so presets are views over the same shards.
"""

from pathlib import Path

import yaml

from builders.features import table
from generation import DATA_VERSION
from generation.audio import presets
from generation.rudiments import corpus, reopen
from generation.rudiments.columns import columns
from generation.rudiments.players import SPLITS
from generation.shards import atomic_file

TEMPLATE = Path(__file__).parent.parent / "dataset_cards" / "rudiments.md"
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def size_category(rows):
    """The Hub's name for a number of rows."""
    return next((name for limit, name in _SIZES if rows < limit), "1M<n<10M")


def licence_id(config):
    """The Hub's licence identifier: MIT if no drum asks for more, else ``other``; never a guess."""
    known = {corpus.load_bank(ref).licence_id for ref in config.banks}
    return "mit" if known <= {"MIT", "CC0-1.0"} else "other"


def metadata(config, records):
    """YAML metadata of a rudiments dataset, as plain data."""
    by_name = {f"{r['split']}/{Path(r['file']).stem}": r for r in records}
    views = reopen.views(config)
    default = max(views, key=lambda name: len(views[name]))
    configs = []
    for name, shards in views.items():
        files = {}
        for shard in shards:
            files.setdefault(by_name[shard]["split"], []).append(by_name[shard]["file"])
        order = [split for split in SPLITS if split in files]
        entry = {
            "config_name": name,
            "version": DATA_VERSION,
            "data_files": [{"split": split, "path": files[split]} for split in order],
        }
        configs.append(entry | ({"default": True} if name == default else {}))
    return {
        "pretty_name": "SOUSA rudiments",
        "license": licence_id(config),
        "task_categories": ["audio-classification"],
        "tags": ["audio", "music", "drums", "snare-drum", "rudiments", "synthetic", "midi"],
        "size_categories": [size_category(sum(r["rows"] for r in records))],
        "configs": configs,
    }


def render(root, config, records):
    """The card as text: YAML metadata and the filled template."""
    rows = sum(record["rows"] for record in records)
    counts = {s: sum(r["rows"] for r in records if r["split"] == s) for s in SPLITS}
    licences = reopen.licences(config) if config.with_audio else []
    values = {
        "rows": f"{rows:,}",
        "hours": f"{reopen.seconds_of(root, records) / 3600:.2f}",
        "splits": ", ".join(f"{name} {count:,}" for name, count in counts.items()),
        "players": f"{config.profiles:,}",
        "forms": f"{len(config.forms)}",
        "seed": str(config.seed),
        "version": DATA_VERSION,
        "audio": _audio_format(config),
        "drums": "\n".join(f"- {font}: {licence}" for font, licence in licences) or "- none",
        "acoustics": _acoustics(config),
        "columns": table(columns(config.with_audio)),
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    head = yaml.safe_dump(metadata(config, records), sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{head}---\n{text}"


def _acoustics(config):
    """What the renderings sound like, in Markdown."""
    if not config.with_audio:
        return "No sound."
    lines = [f"- `{name}`: {presets.load()[name].about}" for name in config.presets]
    return "\n".join(lines)


def _audio_format(config):
    if not config.with_audio:
        return "none: labels and MIDI only"
    channels = "mono" if config.channels == 1 else "stereo"
    return f"{config.sample_rate} Hz, {channels}, 16-bit {config.audio_format.upper()}"


def write(root, config, records):
    """Write ``README.md`` of a dataset directory."""
    text = render(root, config, records)
    with atomic_file(Path(root) / "README.md") as file:
        file.write(text.encode())
