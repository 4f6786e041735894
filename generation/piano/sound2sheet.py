"""The export format ``sound2sheet``: folders and manifests as earlier transcription pipelines have them.

Conventions
-----------
``{train,val,test}/audio/<split>_<number>.flac`` (or ``.wav``) and ``…/midi/<split>_<number>.mid``; beside
these folders ``train_manifest.json``, ``val_manifest.json`` and ``test_manifest.json``: each a list of one
object a row, with paths from the export's directory. ``key_signature`` and ``time_signature`` are texts such
as ``F# minor`` and ``6/8``; ``tempo`` is in quarter notes a minute and ``duration`` in seconds.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from sousa.generation.columns import SPLITS
from sousa.generation.exporting import Format, Groups
from sousa.generation.storage import LocalStorage

SHORT = {split: split.replace("validation", "val") for split in SPLITS}
_SAME = {
    "id": "sample_id", "complexity": "complexity", "tempo": "tempo_bpm", "time_signature": "metre",
    "key_signature": "key", "num_measures": "num_bars", "duration": "duration_sec",
}  # fmt: skip


def _paths(row: Mapping[str, Any], number: int) -> dict[str, str]:
    """Where audio and MIDI of a row go, as far as it has them."""
    split, out = SHORT[row["split"]], {}
    name = f"{split}_{number:05}"
    if row.get("audio") is not None:
        out["audio"] = f"{split}/audio/{name}{PurePosixPath(row['audio']['path'] or '').suffix}"
    if row.get("midi") is not None:
        out["midi"] = f"{split}/midi/{name}.mid"
    return out


class Sound2Sheet(Format):
    """That layout."""

    def reads(self) -> tuple[str, ...]:
        """Sound and the split."""
        return ("sample_id", "split", *self.media)

    def files(self, row: Mapping[str, Any], number: int) -> dict[str, bytes]:
        """Audio and MIDI of a row."""
        content: dict[str, Any] = {"audio": (row.get("audio") or {}).get("bytes"), "midi": row.get("midi")}
        return {path: content[kind] for kind, path in _paths(row, number).items()}

    def finish(self, groups: Groups, storage: LocalStorage) -> list[str]:
        """Write the manifests."""
        manifests: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
        sound = ["audio.path" if name == "audio" else name for name in self.media]
        for split, table, numbers in groups(["split", *_SAME.values(), *sound]):
            for row, number in zip(table.to_pylist(), numbers, strict=True):
                paths = {f"{kind}_path": path for kind, path in _paths(row, number).items()}
                entry = {name: row[column] for name, column in _SAME.items()}
                manifests[split].append(entry | paths | {"split": SHORT[split]})
        for split, entries in manifests.items():
            storage.write_json(f"{SHORT[split]}_manifest.json", entries)
        return [f"{short}_manifest.json" for short in SHORT.values()]

    def notes(self) -> tuple[str, ...]:
        """What readers have to know."""
        return ("the split validation is called val",)

    def load(self, output: str) -> str:
        """With json."""
        return f'json.load(open("{output}/train_manifest.json"))'
