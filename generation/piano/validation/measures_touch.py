"""Articulation, pedal, ornaments and density of a performance; conventions are those of ``measures``."""

from itertools import pairwise
from typing import Any

import numpy as np

from sousa.generation.piano.played import KINDS, PEDAL_DOWN
from sousa.generation.piano.score import ARTICULATIONS, LEFT, ORNAMENTS, RIGHT
from sousa.generation.piano.validation.measures import Figures, Played

WRITTEN, ORNAMENT = KINDS.index("written"), KINDS.index("ornament")
GRACE, TRILL, ARPEGGIO = (ORNAMENTS.index(name) for name in ("grace", "trill", "arpeggio"))
OVERLAP_MS = (0, 120, 250, 500, 4000)
LOW, HIGH = 20, 100  # of controller 64, between which its travel is timed


def articulation(p: Played, beat_sec: np.ndarray, out: Figures) -> None:
    """How long keys are held, by hand and mark."""
    heard = np.isfinite(beat_sec)
    written = p.plain & (p.length > 0) & (p.beat + p.length <= p.beats[heard][-1] + 1e-6)
    seconds = np.interp(p.beat + p.length, p.beats[heard], beat_sec[heard])
    seconds -= np.interp(p.beat, p.beats[heard], beat_sec[heard])
    ratio = (p.key_up - p.onset) / np.maximum(seconds, 1e-3)
    for hand, name in ((RIGHT, "right"), (LEFT, "left")):
        mine = written & (p.hand == hand)
        if mine.sum() > 15:
            for q in (10, 25, 50, 75, 90):
                out[f"ratio_{name}_p{q}"] = np.percentile(ratio[mine], q)
    if p.marks:
        stopped = p.marks["articulation"] == ARTICULATIONS.index("staccato")
        slurred = p.marks["slur"] >= 0
        kinds = {
            "slurred": slurred & ~p.marks["last"] & ~stopped,
            "last_of_slur": p.marks["last"] & ~stopped,
            "unmarked": ~slurred & (p.marks["articulation"] == 0),
            "staccato": stopped,
        }
        for name, here in kinds.items():
            if (written & here).sum() > 7:
                for q in (10, 50, 90):
                    out[f"ratio_{name}_p{q}"] = np.percentile(ratio[written & here], q)
        if (written & stopped).sum() > 7:
            out["staccato_ms"] = 1000.0 * np.median((p.key_up - p.onset)[written & stopped])
    _overlaps(p, written, out)


def _overlaps(p: Played, written: np.ndarray, out: Figures) -> None:
    """Overlaps with the next note of the same hand and voice, and gaps before a key is struck again."""
    chosen = np.flatnonzero(written)
    voice = p.hand[chosen].astype(int) * 64 + p.voice[chosen]
    order = chosen[np.lexsort((-p.pitch[chosen], p.beat[chosen], voice))]
    voice = p.hand[order].astype(int) * 64 + p.voice[order]
    # the highest of its place
    alone = np.append(True, (np.diff(p.beat[order]) > 1e-9) | (np.diff(voice) != 0))
    order, voice = order[alone], voice[alone]
    first, then = order[:-1], order[1:]
    # one follows the other when the first one ends, as notated, where the next begins
    follows = (np.diff(voice) == 0) & (np.abs(p.beat[first] + p.length[first] - p.beat[then]) < 1e-6)
    first, then = first[follows], then[follows]
    again = p.pitch[first] == p.pitch[then]
    if again.sum() > 3:
        out["repeat_gap_ms"] = 1000.0 * np.median((p.onset[then] - p.key_up[first])[again])
    first, then = first[~again], then[~again]
    ioi, overlap = p.onset[then] - p.onset[first], p.key_up[first] - p.onset[then]
    kept = ioi > 0.02
    first, ioi, overlap = first[kept], ioi[kept], overlap[kept]
    right = p.hand[first] == RIGHT
    shares = {"right": right, "left": ~right}
    if p.marks:
        slurred = (p.marks["slur"][first] >= 0) & ~p.marks["last"][first]
        unmarked = (p.marks["slur"][first] < 0) & (p.marks["articulation"][first] == 0)
        shares |= {"slurred": slurred, "unmarked": unmarked}
        for name, here in (("slurred", slurred), ("unmarked", unmarked)):
            for low, high in pairwise(OVERLAP_MS):
                part = here & (ioi * 1000.0 >= low) & (ioi * 1000.0 < high)
                if part.sum() > 7:
                    out[f"overlap_{name}_{low}_ms"] = 1000.0 * np.median(overlap[part])
    for name, here in shares.items():
        if here.sum() > 15:
            out[f"overlap_share_{name}"] = (overlap[here] > 0).mean()
    at = np.searchsorted(p.pedal[:, 0], p.key_up[first], side="right") - 1
    down = (at >= 0) & (p.pedal[at, 1] >= PEDAL_DOWN)
    for name, here in (("down", down), ("up", ~down)):
        if here.sum() > 15:
            out[f"overlap_over_ioi_pedal_{name}"] = np.median((overlap / ioi)[here])


def pedal(p: Played, beat_sec: np.ndarray, out: Figures) -> None:
    """How much the pedal is down, how it moves, and when it is changed."""
    music = p.end.max(initial=0.0)
    moves = p.pedal[p.pedal[:, 0] < music]
    if not len(moves):
        return
    times, values = moves[:, 0], moves[:, 1]
    lasting = np.diff(times, append=music)
    down = values >= PEDAL_DOWN
    out["pedal_share"] = lasting[down].sum() / music
    for low, high in ((0, 15), (16, 63), (64, 111), (112, 127)):
        out[f"pedal_time_{low}_{high}"] = lasting[(values >= low) & (values <= high)].sum() / music
    edges = np.flatnonzero(np.diff(down.astype(int), prepend=0))
    press, release = times[edges[down[edges]]], times[edges[~down[edges]]]
    if len(press) < 3:
        return
    heard = np.isfinite(beat_sec)
    playing = beat_sec[heard][-1] - beat_sec[heard][0]
    out["presses_per_bar"], out["presses_per_minute"] = len(press) / len(p.bars), 60.0 * len(press) / playing
    size = min(len(press), len(release))
    out["stroke_sec"] = np.median(release[:size] - press[:size])
    used = lasting[values > 15].sum()
    out["pedal_messages_per_sec"] = len(times) / used if used else np.nan
    out["notes_lengthened"] = (p.end > p.key_up + 1e-9).mean()
    for name, sign in (("down", 1), ("up", -1)):
        travels = _travels(times, sign * values, *((LOW, HIGH) if sign > 0 else (-HIGH, -LOW)))
        if len(travels) > 2:
            out[f"pedal_{name}_travel_ms"] = 1000.0 * np.median(travels)
    _pedal_changes(p, press, release, times, values, beat_sec[heard], out)


def _travels(times: np.ndarray, values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Seconds from the last value of at most ``low`` to the first of at least ``high``, each way up."""
    before, after = np.flatnonzero(values <= low), np.flatnonzero(values >= high)
    if not len(before) or not len(after):
        return np.zeros(0)
    ends = after[np.append(True, np.searchsorted(before, after[1:]) != np.searchsorted(before, after[:-1]))]
    k = np.searchsorted(before, ends) - 1
    # the last message at the bottom holds until the next one is sent
    starts = times[(before[k[k >= 0]] + 1)]
    return times[ends[k >= 0]] - starts


def _pedal_changes(
    p: Played, press: np.ndarray, release: np.ndarray, times: np.ndarray, values: np.ndarray,
    beat_sec: Any, out: Figures,
) -> None:  # fmt: skip
    """Releases and presses around attacks of the bass on a beat."""
    left = p.plain & (p.hand == LEFT)
    on_beat = np.isin(np.rint(p.beat * 1e6), np.rint(p.beats * 1e6))
    _, first = np.unique(p.beat[left & on_beat], return_index=True)
    attacks = p.onset[left & on_beat][first]
    if len(attacks) < 3 or len(release) < 4:
        return
    after = press[np.searchsorted(press, release).clip(max=len(press) - 1)]
    quick = (after > release) & (after - release < 0.5)
    k = np.searchsorted(attacks, release).clip(1, len(attacks) - 1)
    nearest = np.where(release - attacks[k - 1] < attacks[k] - release, attacks[k - 1], attacks[k])
    change = quick & (np.abs(release - nearest) < 0.3)
    out["pedal_legato_share"] = change.mean()
    if change.sum() < 4:
        return
    late, again = release - nearest, after - nearest
    out["pedal_release_ms"], out["pedal_press_ms"] = (1000.0 * np.median(x[change]) for x in (late, again))
    out["pedal_gap_ms"] = 1000.0 * np.median((after - release)[change])
    out["pedal_release_sd_ms"] = 1000.0 * late[change].std()
    lowest = [
        values[(times >= r) & (times <= a)].min() for r, a in zip(release[change], after[change], strict=True)
    ]
    out["pedal_change_below_20"] = (np.array(lowest) < 20).mean()


def ornaments(p: Played, out: Figures) -> None:
    """Trills, single graces and broken chords."""
    kind = p.marks["ornament"]
    rates, counts, cvs, quickening = [], [], [], []
    for note in np.unique(p.note[(kind == TRILL) & (p.kind == ORNAMENT)]):
        steps = np.diff(np.sort(p.onset[(p.note == note) & (p.kind == ORNAMENT)]))
        if len(steps) >= 4:
            rates.append(1.0 / steps.mean())
            counts.append(len(steps) + 1)
            cvs.append(steps.std() / steps.mean())
            quickening.append(steps[:3].mean() / steps[-3:].mean())
    if rates:
        out["trill_rate"], out["trill_notes"] = np.median(rates), np.median(counts)
        out["trill_cv"], out["trill_quickening"] = np.median(cvs), np.median(quickening)
    lasting, ratios, against = [], [], []
    graces = np.flatnonzero((kind == GRACE) & (p.note >= 0))
    for i in graces:
        here = (p.beat == p.beat[i]) & (kind != GRACE) & (p.kind == WRITTEN)
        mine = here & (p.hand == p.hand[i]) & (p.voice == p.voice[i])
        alone = ((p.beat[graces] == p.beat[i]) & (p.hand[graces] == p.hand[i])).sum() == 1
        if alone and mine.any():
            lasting.append(1000.0 * (p.onset[mine].min() - p.onset[i]))
            ratios.append(p.velocity[i] / p.velocity[mine].max())
            other = here & (p.hand != p.hand[i])
            if other.any():
                against.append(1000.0 * (p.onset[i] - p.onset[other].mean()))
    if lasting:
        out["grace_ms"], out["grace_velocity_ratio"] = np.median(lasting), np.median(ratios)
    if against:
        out["grace_after_other_hand_ms"] = np.median(against)
    broken_steps: list[float] = []
    spans: list[float] = []
    upward: list[bool] = []
    broken = (kind == ARPEGGIO) & (p.kind == WRITTEN)
    for place in np.unique(p.beat[broken]):
        members = np.flatnonzero(broken & (p.beat == place))
        members = members[np.argsort(p.pitch[members])]
        if len(members) > 2:
            t = 1000.0 * p.onset[members]
            spans.append(float(np.ptp(t)))
            broken_steps.append(spans[-1] / (len(members) - 1))
            upward.append(t[-1] > t[0])
    if broken_steps:
        out["broken_step_ms"] = float(np.median(broken_steps))
        out["broken_span_ms"] = float(np.median(spans))
        out["broken_upward"] = float(np.mean(upward))


def texture(p: Played, out: Figures) -> None:
    """Keys and strings that sound at once, and silence, weighted by time."""
    for name, ends in (("key", p.key_up), ("sound", p.end)):
        times = np.concatenate([p.onset, ends])
        order = np.argsort(times, kind="stable")
        held = np.cumsum(np.repeat([1, -1], len(ends))[order])[:-1]
        time = np.diff(times[order])
        out[f"no_{name}"] = time[held <= 0].sum() / time.sum()
        by_count = np.argsort(held, kind="stable")
        share = np.cumsum(time[by_count]) / time.sum()
        for q in (50, 90, 99):
            out[f"{name}s_p{q}"] = held[by_count][np.searchsorted(share, q / 100.0)]
