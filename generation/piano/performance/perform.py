"""From a score and a player to notes on samples."""

import numpy as np
from numpy.random import Generator

from sousa.generation.piano.performance import dynamics, onsets, pedal, touch
from sousa.generation.piano.performance.mistakes import Mistakes, mistakes
from sousa.generation.piano.performance.ornaments import GRACE, Strikes, strikes
from sousa.generation.piano.performance.players import Player
from sousa.generation.piano.performance.pulse import BEFORE, Pulse, Repeat, counted_beats, pulse, written
from sousa.generation.piano.played import KINDS, NOTE, Performance, sounding_ends
from sousa.generation.piano.score import Score
from sousa.generation.seeds import stream

WRITTEN, ORNAMENT, WRONG, EXTRA, REPEATED = range(len(KINDS))
LEAD_IN_SEC = (0.2, 0.6)  # before the first key
TAIL_SEC = (1.5, 2.5)  # after the last sound's damping begins
KEY_UP_SEC = 0.020  # a key is up this long before it is struck again
LEAST_HELD_SEC = 0.015
LAST_HELD_SEC = 0.060  # the last strike of a trill, mordent or turn
SOONEST_SEC = 0.050  # a key can't be struck again sooner
LONGEST_WAIT_SEC = 0.100  # for which a note that can't be struck yet is put off
GRACE_QUARTERS = 0.125  # a grace note of a deadpan performance

# a key that goes down and up, in seconds; an extra one has the note that it is struck with
EVENT = np.dtype(
    [("note", "i4"), ("onset", "f8"), ("key_up", "f8"), ("pitch", "i2"), ("velocity", "f8"), ("kind", "i1")]
)


def perform(
    score: Score, player: Player, seed: int, piece_index: int, performance_index: int, sample_rate: int
) -> Performance:
    """What a player makes of a score.

    Args:
        seed, piece_index, performance_index: coordinates of the performance. The tempo curve of the piece
            depends on the first two alone, so it is shared by all who play it.
        sample_rate: Hz.
    """
    of_piece = stream(seed, "piano", "interpretation", piece_index)
    rng = stream(seed, "piano", "performance", piece_index, performance_index)
    beats = counted_beats(score)
    beating = pulse(score, player, beats, of_piece, rng)
    velocity = dynamics.velocities(score, player, beating, rng)
    onset = onsets.onsets(score, player, beating, beats, velocity, rng)
    notes = score.notes
    begin, finish = notes["onset_beat"], notes["onset_beat"] + notes["duration_beat"]
    # what is notated as ending at a stop ends before it
    length = np.maximum(beating.at(finish - BEFORE) - beating.at(begin), 0.02)
    struck, onset = strikes(score, player, onset, length, rng)
    last_sec = float((onset + length).max())
    down, up = pedal.strokes(score, player, beating, onset, last_sec, rng)
    held = pedal.is_down(down, up, onset + length)
    key_up = touch.key_ups(score, player, onset, length, held, rng)
    faults = mistakes(score, player, rng)
    events = _events(score, struck, key_up, velocity, faults, rng)
    for repeat in beating.repeats:
        events = _again(events, repeat, score, beating, player, rng)
    lead_in, tail = (float(round(rng.uniform(*limits), 6)) for limits in (LEAD_IN_SEC, TAIL_SEC))
    return _assembled(score, events, beating, beats, (down, up), lead_in, tail, sample_rate, rng)


def _events(
    score: Score, struck: Strikes, key_up: np.ndarray, velocity: np.ndarray, faults: Mistakes, rng: Generator
) -> np.ndarray:
    """Keys that go down and up, as an array of EVENT, in no order."""
    notes = score.notes
    out = np.zeros(len(struck.note), EVENT)
    out["note"], out["onset"], out["pitch"] = struck.note, struck.onset, struck.pitch
    # inside an ornament a key is up a little before the next one goes down
    inside = struck.onset + 0.9 * (struck.end - struck.onset)
    last = np.maximum(key_up[struck.note], np.where(struck.part, struck.onset + LAST_HELD_SEC, -np.inf))
    out["key_up"] = np.where(np.isinf(struck.end), last, inside)
    out["velocity"] = velocity[struck.like] * struck.ratio
    out["kind"] = np.where(struck.part, ORNAMENT, WRITTEN)
    position = np.full(len(notes), -1)
    position[struck.note] = np.arange(len(struck.note))
    wrong = position[faults.wrong]
    out["pitch"][wrong], out["kind"][wrong] = faults.wrong_pitch, WRONG
    extra = out[position[faults.extra]]
    extra["pitch"], extra["kind"] = faults.extra_pitch, EXTRA
    late, softer, share = rng.random((3, len(extra)))
    extra["onset"] += 0.03 * late - 0.01
    extra["velocity"] *= 0.5 + 0.4 * softer
    held = (extra["key_up"] - extra["onset"]).clip(0.04, 0.5)
    extra["key_up"] = extra["onset"] + (0.3 + 0.6 * share) * held
    played = np.ones(len(notes), dtype=bool)
    played[faults.missed] = False
    return np.concatenate([out[played[out["note"]]], extra])


def _again(
    events: np.ndarray, repeat: Repeat, score: Score, beating: Pulse, player: Player, rng: Generator
) -> np.ndarray:
    """Events with those of some beats played again."""
    place = np.where(events["kind"] == EXTRA, np.inf, score.notes["onset_beat"][events["note"]])
    first = np.flatnonzero((place >= repeat.start - 1e-6) & (place < repeat.end - 1e-6))
    if not len(first):
        return events
    copies = events[first]
    copies["kind"] = REPEATED
    wrong = events["kind"][first] == WRONG  # the right key is found this time
    copies["pitch"][wrong] = score.notes["pitch"][copies["note"][wrong]]
    jitter = player.finger_ms / 1000.0 * rng.standard_normal(len(copies)).clip(-2.5, 2.5)
    copies["onset"] += repeat.shift + jitter
    copies["key_up"] = np.maximum(copies["key_up"] + repeat.shift, copies["onset"] + 0.05)
    copies["velocity"] += 4.0 * rng.standard_normal(len(copies))
    # the hands leave what they began before they begin again
    stopped = float(beating.at(np.array(repeat.start))) + repeat.shift - 0.05
    events["key_up"][first] = np.minimum(
        events["key_up"][first], np.maximum(stopped, events["onset"][first] + LEAST_HELD_SEC)
    )
    return np.concatenate([events, copies])


def separated(events: np.ndarray) -> np.ndarray:
    """Events of which no two hold one key: it goes up before it is struck again.

    Of strikes sooner after each other than fingers can follow, one that is not written gives way; otherwise
    the later one waits, or is missed if it would have to wait too long.
    """
    events = events[np.lexsort((events["onset"], events["pitch"]))]
    same = np.diff(events["pitch"]) == 0
    if (np.diff(events["onset"])[same] < SOONEST_SEC).any():
        events = _followed(events)
        same = np.diff(events["pitch"]) == 0
    latest = np.where(same, events["onset"][1:] - KEY_UP_SEC, np.inf)
    events["key_up"][:-1] = np.minimum(events["key_up"][:-1], latest)
    events["key_up"] = np.maximum(events["key_up"], events["onset"] + LEAST_HELD_SEC)
    return events


def _followed(events: np.ndarray) -> np.ndarray:
    """Events, in order of pitch and onset, with SOONEST_SEC at least between two of one key."""
    onset, pitch = events["onset"].tolist(), events["pitch"].tolist()
    kind, note = events["kind"].tolist(), events["note"].tolist()
    strikes = np.bincount(events["note"]).tolist()

    def gives_way(i: int) -> bool:
        return kind[i] in (EXTRA, REPEATED) or (kind[i] == ORNAMENT and strikes[note[i]] > 1)

    kept: list[int] = []
    for i, intended in enumerate(onset):
        while kept and pitch[kept[-1]] == pitch[i] and onset[i] - onset[kept[-1]] < SOONEST_SEC - 1e-9:
            if not gives_way(i) and gives_way(kept[-1]):
                strikes[note[kept.pop()]] -= 1
                continue
            onset[i] = onset[kept[-1]] + SOONEST_SEC
            if gives_way(i) or onset[i] - intended > LONGEST_WAIT_SEC:
                strikes[note[i]] -= 1
                break
        else:
            kept.append(i)
    events["onset"] = onset
    return events[kept]


def _assembled(
    score: Score,
    events: np.ndarray,
    beating: Pulse,
    beats: np.ndarray,
    strokes: tuple[np.ndarray, np.ndarray],
    lead_in: float,
    tail: float,
    sample_rate: int,
    rng: Generator,
) -> Performance:
    """Everything on samples, after the silence before the first key."""
    events = separated(events)
    heard = beating.at(beats)
    first = float(heard[0])
    if len(events):
        first = min(first, float(events["onset"].min()))
    shift = lead_in - first
    last = float(max(heard[-1], events["key_up"].max(initial=0.0), strokes[1].max(initial=0.0))) + shift + 0.3
    moves = pedal.curve(strokes[0] + shift, strokes[1] + shift, last + 0.6, rng)
    messages = np.column_stack([_samples(moves[:, 0], sample_rate), moves[:, 1].astype(np.int64)])
    onset, key_up = (_samples(events[name] + shift, sample_rate) for name in ("onset", "key_up"))
    beat_samples = _samples(heard + shift, sample_rate)
    return _performance(score, events, onset, key_up, messages, beats, beat_samples, tail, sample_rate)


def _performance(
    score: Score,
    events: np.ndarray,
    onset: np.ndarray,
    key_up: np.ndarray,
    messages: np.ndarray,
    beats: np.ndarray,
    beat_samples: np.ndarray,
    tail: float,
    sample_rate: int,
) -> Performance:
    """The notes in order, with their ends, and the length of the recording."""
    notes = np.zeros(len(events), NOTE)
    notes["onset_sample"], notes["key_up_sample"] = onset, np.maximum(key_up, onset + 1)
    notes["pitch"], notes["kind"] = events["pitch"], events["kind"]
    notes["velocity"] = np.rint(events["velocity"]).clip(1, 127)
    of = score.notes[events["note"]]
    notes["hand"], notes["voice"] = of["hand"], of["voice"]
    notes["note"] = np.where(events["kind"] == EXTRA, -1, events["note"])
    notes = notes[np.lexsort((notes["pitch"], notes["onset_sample"]))]
    longest = int(max(notes["key_up_sample"].max(initial=0), messages[-1, 0], beat_samples[-1])) + 1
    ends = sounding_ends(notes["onset_sample"], notes["key_up_sample"], notes["pitch"], messages, longest)
    notes["end_sample"] = ends
    num_samples = max(int(ends.max(initial=0)), int(beat_samples[-1])) + round(tail * sample_rate)
    messages = messages[messages[:, 0] < num_samples]
    missed = np.ones(len(score.notes), dtype=bool)
    missed[notes["note"][notes["note"] >= 0]] = False
    return Performance(notes, np.flatnonzero(missed), messages, beats, beat_samples, num_samples, sample_rate)


def _samples(seconds: np.ndarray, sample_rate: int) -> np.ndarray:
    """Seconds, in whole microseconds, on samples."""
    return np.rint(np.rint(seconds * 1e6) * (sample_rate / 1e6)).astype(np.int64)


def deadpan(score: Score, sample_rate: int, velocity: int = 64) -> Performance:
    """Exactly what is written: its tempi, no pedal, one velocity, and each note as long as notated.

    Ornaments but graces are left out; graces come before their note. A key may be struck again at the very
    sample where it goes up.
    """
    beats, notes = counted_beats(score), score.notes
    plain = written(score, beats)
    begin = notes["onset_beat"].copy()
    finish = begin + notes["duration_beat"]
    ahead = np.zeros(len(notes))
    later: dict[tuple, int] = {}
    for i in np.flatnonzero(notes["ornament"] == GRACE)[::-1].tolist():
        place = (float(begin[i]), int(notes["hand"][i]), int(notes["voice"][i]))
        later[place] = later.get(place, 0) + 1
        ahead[i] = later[place] * GRACE_QUARTERS
    finish = np.where(ahead > 0, begin - ahead + GRACE_QUARTERS, finish)
    begin = begin - ahead
    lead_in = max(0.0, -float(begin.min(initial=0.0))) * 60.0 / score.tempo_bpm
    kept = np.flatnonzero(~_doubled(begin, finish, notes["pitch"]))
    events = np.zeros(len(kept), EVENT)
    events["note"], events["pitch"], events["velocity"] = kept, notes["pitch"][kept], velocity
    events["kind"] = np.where(ahead[kept] > 0, ORNAMENT, WRITTEN)
    quarter = 60.0 / score.tempo_bpm  # of what is before the first bar
    times = [plain.at(at) + np.minimum(at, 0.0) * quarter + lead_in for at in (begin[kept], finish[kept])]
    onset, key_up = (_samples(seconds, sample_rate) for seconds in times)
    order = np.lexsort((onset, events["pitch"]))
    same = events["pitch"][order][1:] == events["pitch"][order][:-1]
    key_up[order[:-1][same]] = np.minimum(key_up[order[:-1][same]], onset[order[1:][same]])
    return _performance(
        score, events, onset, key_up, np.zeros((1, 2), np.int64), beats,
        _samples(plain.at(beats) + lead_in, sample_rate), 2.0, sample_rate,
    )  # fmt: skip


def _doubled(begin: np.ndarray, finish: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Notes on a key that a longer note strikes at the same time."""
    order = np.lexsort((-finish, begin, pitch))
    out = np.zeros(len(begin), dtype=bool)
    out[order[1:]] = (np.diff(pitch[order]) == 0) & (np.diff(begin[order]) == 0)
    return out
