"""Measuring one shard: everything that later checks need, in a few numbers a row.

Conventions: ``examine_shard`` is a task of :mod:`sousa.generation.runners`; it reads the shard's files only,
returns plain arrays (one element a row unless said), and never raises for bad data: what is wrong is
counted under a name in ``problems``. A *signal* is one long signal, whose rows follow each other.
"""

import hashlib
from functools import cache
from pathlib import Path

import numpy as np

from sousa.generation import reopen, tables
from sousa.generation.errors import RunError
from sousa.generation.storage import damage
from sousa.generation.textures import corpus, synth
from sousa.generation.textures.validation import expectations, labels, sound
from sousa.generation.textures.validation.labels import numpy
from sousa.generation.validation.findings import Problems

# what is kept of every row
TEXTS = ("sample_id", "setting_id", "sound", "split", "held_out", "level_policy")
NUMBERS = (
    "setting_index", "example_index", "chunk_index", "duration_sec", "num_events", "gain_db", "peak_db",
    "rms_db", "clipped_samples",
)  # fmt: skip
_SOUND = ("num_samples", "sample_rate", "pcm_digest", "synth")
FEWEST_EVENTS = 4  # of which one can say that two rows have the same
INTERVALS = 32  # kept of a signal
_HEARD_SEC = 0.05  # after which an event is more than silence


def examine_shard(root, config, record, media_every, remade, loose_files=False):
    """Measure a shard.

    Args:
        root: dataset directory. config: its Config. record: manifest record of the shard.
        media_every: read the sound of each signal whose number is a multiple of this.
        remade: how many of its signals to make again.
        loose_files: the dataset says that it has audio files as well.

    Returns: dict with ``rows`` (dict of arrays), ``media`` (a dict for each row that was heard), ``borders``
        (differences across borders of heard rows, and the largest beside them), ``trains`` (gaps of the
        events of heard signals), ``again`` (names of rows that were made again) and ``problems``.
    """
    out = {"rows": {}, "media": [], "borders": [], "trains": [], "again": [], "problems": Problems()}
    wrong = damage(root, record)
    if wrong:
        out["problems"].add("damaged_shard", wrong)
        return out
    config = _first(config)
    wanted = _coordinates(config, record)
    again = _spread(len(wanted) // max(config.chunks, 1), remade)
    kept, first, walk = [], 0, _Walk(root, config, out, media_every, again, loose_files)
    try:
        for group in tables.row_groups(Path(root) / record["file"]):
            here = wanted[first : first + len(group)]
            lists = labels.check(config, group, here, out["problems"])
            kept.append(_kept(config, group, lists))
            walk.group(group, lists, first)
            first += len(group)
    except RunError as error:
        out["problems"].add("damaged_shard", error)
    if first != len(wanted):
        out["problems"].add("rows_not_in_plan", record["file"], abs(first - len(wanted)))
    out["rows"] = {name: np.concatenate([part[name] for part in kept]) for name in kept[0]} if kept else {}
    return out


def _coordinates(config, record):
    """``(position of the setting, example, chunk)`` of each row that is planned for a shard, in order."""
    return [
        (position, example, chunk)
        for position in _planned(config).get(record["file"], ())
        for example in range(config.examples)
        for chunk in range(config.chunks)
    ]


@cache
def _first(config):
    """The first configuration equal to this one: it knows its settings, a copy would make them again."""
    return config


@cache
def _planned(config):
    """Positions of the settings of each shard, by file."""
    return {shard.file: shard.key["settings"] for shard in corpus.plan(config)}


def _spread(total, count):
    """Numbers below ``total``, at most ``count``, evenly spread."""
    return set(np.linspace(0, total - 1, min(count, total)).round().astype(int).tolist()) if total else set()


def _kept(config, group, lists):
    """What is kept of each row of a group: dict of arrays."""
    out = {name: numpy(group[name]) for name in TEXTS}
    out |= {name: numpy(group[name]).astype(float) for name in NUMBERS}
    out |= {f"param_{name}": numpy(group[f"param_{name}"]).astype(float) for name, _ in corpus.swept(config)}
    out["pcm_digest"] = _digests(group["pcm_digest"].to_pylist())
    out["draws"] = _digests(group["draws"].to_pylist())
    onset = numpy(lists["events"].fields["onset_sample"])
    rows = [onset[lists["events"].of(i)] for i in range(len(group))]
    out["onsets"] = np.array([_digest(o.tobytes()) if _irregular(o) else 0 for o in rows], np.int64)
    out["promised_events"] = _promised(group, lists)
    return out


def _digest(data):
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little", signed=True)


def _digests(texts):
    known = {text: _digest(str(text).encode()) for text in set(texts)}
    return np.array([known[text] for text in texts], np.int64)


def _irregular(onset):
    """Whether events come at times of chance: an even train is given by its rate and its beginning."""
    return len(onset) >= FEWEST_EVENTS and np.ptp(np.diff(onset)) > 2


def _promised(group, lists):
    """Events that each row should have on average by its parameters; NaN where nothing says so."""
    out, seconds = np.full(len(group), np.nan), numpy(group["duration_sec"])
    for row, name in enumerate(group["synth"].to_pylist()):
        rate = expectations.rate_parameter(synth.get(name))
        natural = naturals(lists["params"], row)
        factor = expectations.rate_factor(name, natural)
        if rate is None or factor is None:
            continue
        parameter, per_second = rate
        if parameter.name in natural:
            out[row] = factor * per_second(natural[parameter.name]) * seconds[row]
        else:
            curves = lists["curves"]
            own = curves.of(row)
            mine = numpy(curves.fields["name"][own]) == parameter.name
            moving = numpy(curves.fields["natural"][own]).astype(float)[mine]
            if len(moving):
                out[row] = factor * per_second(moving).mean() * seconds[row]
    return out


def naturals(params, row):
    """Natural values of a row by parameter, without those that move."""
    own = params.of(row)
    pairs = zip(
        params.fields["name"][own].to_pylist(), params.fields["natural"][own].to_pylist(), strict=True
    )
    return {name: value for name, value in pairs if value is not None}


class _Walk:
    """Going through the rows of a shard in order, and hearing some."""

    def __init__(self, root, config, out, media_every, again, loose_files):
        self.root, self.config, self.out = Path(root), config, out
        self.media_every, self.again, self.loose_files = media_every, again, loose_files
        self.last = None  # (signal, chunk, samples) of the row before
        self.positions = {(s.sound, s.index): i for i, s in enumerate(config.settings)}
        self.sounds = {one.name: i for i, one in enumerate(config.sounds)}
        self.remade = {}

    def group(self, group, lists, first):
        """Hear the rows of a group; ``first`` is the number of its first one in the shard."""
        numbers = first + np.arange(len(group))
        signal = numbers // max(self.config.chunks, 1)
        heard = signal % self.media_every == 0
        flat = {n: group[n].to_pylist() for n in (*TEXTS, *NUMBERS, *_SOUND)} if heard.any() else {}
        onsets = numpy(lists["events"].fields["onset_sample"])
        for i in range(len(group)):
            if int(signal[i]) in self.again:
                self._compare(group.slice(i, 1))
            if heard[i]:
                row = {name: values[i] for name, values in flat.items()}
                data = group["audio"][i]
                self._hear(row, data["bytes"].as_py(), int(signal[i]), onsets[lists["events"].of(i)],
                           naturals(lists["params"], i))  # fmt: skip
                if self.loose_files:
                    self._file(data.as_py())

    def _compare(self, one):
        """Make a row again, with the rest of its signal, and compare it."""
        row = one.to_pylist()[0]
        position = self.positions.get((self.sounds.get(row["sound"]), row["setting_index"]))
        key = (position, row["example_index"])
        if position is None or row["chunk_index"] not in range(self.config.chunks):
            self.out["problems"].add("row_not_in_plan", row["sample_id"])
            return
        if key not in self.remade:
            self.remade = {key: list(corpus.make_rows(self.config, *key))}
        try:
            lines = reopen.compare(self.config, row, self.remade[key][row["chunk_index"]])
        except Exception as error:  # any reader's complaint means the same here
            lines = [f"{row['sample_id']}: its audio can't be read ({error})"]
        for line in lines:
            self.out["problems"].add("row_differs_from_made_again", line)
        self.out["again"].append(row["sample_id"])

    def _hear(self, row, data, signal, onset, natural):
        problems = self.out["problems"]
        pcm = sound.decode(row, data, problems)
        before, self.last = self.last, None
        if pcm is None:
            return
        sound.check_level(row, pcm, problems)
        one = {"sound": row["sound"], "signal": signal, "samples": len(pcm), "silent": not pcm.any()}
        has_events = row["num_events"] is not None
        if has_events and _inside(onset, len(pcm)):
            one["errors"], one["allowed"] = sound.onset_errors(pcm, onset, row["sample_rate"])
            # one that begins with the last samples, or softer than half a step, is silent rightly
            early = len(onset) and onset[0] < len(pcm) - _HEARD_SEC * row["sample_rate"]
            if early and one["silent"] and row["peak_db"] is None:
                problems.add("event_without_sound", row["sample_id"])
            if row["chunk_index"] == 0 and not _rate_moves(row["synth"], natural):
                self._train(row, onset)
        one["centre"] = expectations.centre_error(row["synth"], natural, pcm, row["sample_rate"])
        if before is not None and before[:2] == (signal, row["chunk_index"] - 1):
            begins = has_events and bool((onset <= 1).any())
            short = min(len(before[2]), len(pcm)) <= sound.NEIGHBOURS
            if not begins and not short:  # an event may begin with a jump, there as anywhere
                self.out["borders"].append((row["sample_id"], *sound.border(before[2], pcm)))
        self.last = (signal, row["chunk_index"], pcm)
        self.out["media"].append(one)

    def _train(self, row, onset):
        gaps = np.diff(onset)[:INTERVALS]
        if len(gaps) >= 2 * FEWEST_EVENTS and np.ptp(gaps) > 2:
            self.out["trains"].append((row["sound"], row["setting_id"], gaps.astype(np.float32)))

    def _file(self, audio):
        path = self.root / "audio" / Path(audio["path"]).name
        if not path.exists() or path.read_bytes() != audio["bytes"]:
            self.out["problems"].add("loose_file_missing_or_other", path.name)


def _rate_moves(synth_name, natural):
    """Whether the rate of events may move in time: signals that move alike have a trend in common."""
    made_by = synth.get(synth_name)
    rate = expectations.rate_parameter(made_by)
    return rate[0].name not in natural if rate else len(natural) < len(made_by.parameters)


def _inside(onset, size):
    """Whether onsets can be looked for: those that are wrong are reported elsewhere."""
    return not len(onset) or bool(onset[0] >= 0 and onset[-1] < size and (np.diff(onset) >= 0).all())
