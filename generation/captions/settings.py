"""From options to a configuration: corpora are read, rows chosen, and those written down that are kept."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sousa.generation.captions import choosing, index
from sousa.generation.captions.evaluation_sets import held_out
from sousa.generation.captions.gathering import Gathered, Part, gather
from sousa.generation.captions.hashing import digests
from sousa.generation.captions.options import CaptionsOptions
from sousa.generation.captions.passing_on import may_be_passed_on
from sousa.generation.captions.readers import READERS, Wanted, reader
from sousa.generation.captions.readers.generated import Generated, NoCaptions, is_dataset
from sousa.generation.captions.taking import Taker
from sousa.generation.captions.workspace import workspace
from sousa.generation.columns import SPLITS
from sousa.generation.console import silent
from sousa.generation.errors import UsageError, collected, one_of, raise_all
from sousa.generation.outside import CONFIG_BYTES, expanded, is_directory, read, read_json


@dataclass(frozen=True)
class Config:
    """Which rows there are.

    Attributes:
        datasets: corpora that rows are from.
        chosen: digest of all chosen rows, in their order, without their sound.
        rows: how many, by split.
        choice: the options that led there, as plain data: for documents.
        with_audio: some rows have their sound.
        root: where the corpora lie, on this machine; empty where rows are only read.
    """

    datasets: tuple[str, ...]
    chosen: str
    rows: tuple[int, int, int]
    choice: str
    with_audio: bool
    root: str = field(default="", compare=False)
    size: str = "custom"
    sample_rate: None = None
    audio_format: str = ""

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return sum(self.rows)

    def identity(self) -> dict[str, Any]:
        """What decides the bytes of the dataset, as plain data."""
        from sousa.generation.captions import Captions

        return {
            "corpus": Captions.name, "data_version": Captions.data_version, "datasets": list(self.datasets),
            "chosen": self.chosen, "rows": dict(zip(SPLITS, self.rows, strict=True)),
            "choice": json.loads(self.choice), "with_audio": self.with_audio,
        }  # fmt: skip


def restore(identity: Mapping[str, Any], size: str, rows_only: bool) -> Config:
    """The Config of an identity; rows are written again only while what was chosen is known here."""
    if not re.fullmatch("[0-9a-f]{64}", identity["chosen"]):
        raise ValueError("chosen is no digest")
    counts = tuple(identity["rows"][split] for split in SPLITS)
    if not all(isinstance(count, int) and count >= 0 for count in counts):
        raise ValueError("rows are no counts")
    names = tuple(map(str, identity["datasets"]))
    choice = json.dumps(dict(identity["choice"]), sort_keys=True)
    rows, heard = (counts[0], counts[1], counts[2]), bool(identity["with_audio"])
    root = "" if rows_only else index.root_of(identity["chosen"])
    return Config(names, identity["chosen"], rows, choice, heard, root)


def config_of(options: CaptionsOptions, say: Any = lambda text: None, progress: Any = silent) -> Config:
    """The configuration that checked options ask for: all corpora are read, and rows chosen.

    Raises: UsageError with every problem of the request; RunError when a corpus can't be read.
    """
    problems: list[str] = []
    root = Path(expanded(options.root))
    parts = _parts(options, root, problems, say)
    excluded = _excluded(options, problems)
    if options.weights and not options.stratify_by:
        problems.append(
            f"{options.called('weights')} has no use without {options.called('stratify_by')}; leave it out"
        )
    low, high = options.min_duration_sec or 0.0, options.max_duration_sec
    if high is not None and high < low:
        least, most = options.called("min_duration_sec"), options.called("max_duration_sec")
        problems.append(f"{least} is {low:g} and {most} {high:g}; no sound is that long")
    raise_all(problems)
    wanted = Wanted(options.fma_size, options.mtg_split, options.seed, options.metadata_only)
    strata = options.stratify_by if options.stratify_by in ("genre", "licence") else None
    with workspace() as work:
        rows = gather(root, parts, wanted, strata, work, progress)
        _reject(rows, options, root, excluded)
        taken = Taker(rows, options, root)
        taken.run(progress)
        names = [part.name for part in rows.parts]
        account = index.Account(rows.ledger.account(names), rows.ledger.left_out(names))
        if not taken.order:
            raise UsageError(f"no row is left: {account.text()}")
        kept = index.write(rows, taken, account, root, work)
    return Config(
        tuple(sorted({part.name for part in rows.parts})), kept.digest, kept.rows, _choice(options),
        bool(taken.measured), str(root),
    )  # fmt: skip


def _choice(options: CaptionsOptions) -> str:
    """Options that decide which rows there are, as JSON."""
    plain = {name: value for name, value in options.plain().items() if name not in ("root", "size")}
    plain["datasets"] = sorted(options.datasets or ())
    plain["exclude"] = [os.path.basename(path) for path in options.exclude or ()]
    return json.dumps({name: value for name, value in plain.items() if value}, sort_keys=True)


def _parts(options: CaptionsOptions, root: Path, problems: list[str], say: Any) -> list[Part]:
    """The corpora that are wanted and there."""
    if not is_directory(root):
        problems.append(
            f"{options.called('root')} is {str(root)!r}, which is no directory; name one with a folder for "
            "each corpus, as 'sousa download' leaves it"
        )
        return []
    folders = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    made = [name for name in folders if is_dataset(root / name)]
    names = options.datasets or [name for name in folders if name in READERS or name in made]
    if not names:
        problems.append(
            f"{root} has no folder of a corpus; bring one with 'sousa download', or call its folder one of "
            f"{', '.join(READERS)}"
        )
    parts = []
    for name in dict.fromkeys(names):
        if name in made:
            with collected(problems):
                try:
                    generated = Generated(root / name)
                except NoCaptions as error:
                    if options.datasets:
                        raise
                    say(f"left out: {error}")
                else:
                    parts.append(Part(generated.name, name, generated))
        elif name not in READERS:
            problems.append(f"unknown corpus {one_of(name, [*READERS, *made])}")
        elif name not in folders:
            problems.append(f"{root} has no folder {name}; bring it with 'sousa download --datasets {name}'")
        else:
            parts.append(Part(name, name, reader(name)))
    return parts


def _excluded(options: CaptionsOptions, problems: list[str]) -> list[str]:
    """Ids to leave out, of all files that were named."""
    ids: list[str] = []
    for path in options.exclude or ():
        try:
            if path.endswith(".json"):
                content = read_json(path, CONFIG_BYTES)
                lines = content if isinstance(content, list) else None
            else:
                lines = read(path, CONFIG_BYTES).decode("utf-8").splitlines()
        except (OSError, ValueError) as error:
            problems.append(f"{options.called('exclude')}: {path} can't be read ({error})")
            continue
        if lines is None or not all(isinstance(line, str) for line in lines):
            problems.append(f"{options.called('exclude')}: {path} is no list of texts; give an id a line")
            continue
        ids += [line.strip() for line in lines if line.strip()]
    return ids


def _reject(rows: Gathered, options: CaptionsOptions, root: Path, excluded: list[str]) -> None:
    """Reject what can't be used or is not wanted, whatever its sound is like."""
    ledger = rows.ledger
    if excluded:
        listed = pa.array(excluded, pa.string())
        out = np.isin(ledger.key, digests(listed, options.seed)) | np.isin(ledger.native, digests(listed))
        ledger.reject(out, "on a list of rows to leave out")
    choosing.reject_repeated(ledger, "its id is there twice")
    _look_at_licences(rows, options)
    sets = held_out(root)
    near = any(part.reader.may_overlap for part in rows.parts)
    if sets.problem and near and not options.evaluation_overlap:
        raise UsageError(
            f"{sets.problem}; bring them with 'sousa download --evaluation-lists', or give "
            f"{options.called('evaluation_overlap')} to train on what models are evaluated with"
        )
    training = ledger.split != SPLITS.index("test")
    ids, artists, people = (
        digests(pa.array(sorted(part), pa.string())) for part in (sets.ids, sets.artists, sets.names)
    )
    ledger.reject(training & np.isin(ledger.native, ids), "in an evaluation set")
    artists = np.isin(ledger.artist, artists) | np.isin(ledger.artist_name, people)
    ledger.reject(training & artists, "its artist is in an evaluation set")
    choosing.assign_splits(ledger, options.seed)


def _look_at_licences(rows: Gathered, options: CaptionsOptions) -> None:
    """Reject sounds whose licence forbids what is wanted, or note that they stay out; unknown ones do."""
    kind, ledger, first = options.licences, rows.ledger, 0
    if kind == "any" and not options.publishable:
        return
    for batch in rows.batches("licence", "licence_nc", "dataset"):
        numbers = first + np.arange(len(batch))
        first += len(batch)
        from_youtube = np.array([rows.parts[i].reader.audio_from_youtube for i in ledger.dataset[numbers]])
        licences = batch["licence"].dictionary_encode()
        stated = licences.dictionary.to_pylist()
        known = np.array([*map(may_be_passed_on, stated), False])
        codes = licences.indices.fill_null(len(stated)).to_numpy()
        free = known[codes] & ~from_youtube
        if options.publishable:
            ledger.leave_out(numbers[from_youtube], "cut from YouTube")
            for code in np.unique(codes[~free & ~from_youtube]).tolist():
                why = stated[code] if code < len(stated) else "no known licence"
                ledger.leave_out(numbers[(codes == code) & ~from_youtube], why)
        if kind == "commercial":
            free = batch["licence_nc"].to_numpy(zero_copy_only=False) == False  # noqa: E712 - null is not
        if kind != "any":
            ledger.reject(numbers[~free.astype(bool)], f"its licence is not {kind}")
