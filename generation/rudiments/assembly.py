"""From played primaries to strokes on integer samples: graces, bounces, strokes left out and added.

Conventions
-----------
Arrays are flat over all strokes of all takes, in take order and inside a take in time order;
``take`` says whose. A take's result depends on that take alone: nothing here mixes takes, so any
batch gives the same strokes. Times are drawn in ms and quantised once, to samples.

*Written strokes* are the primaries of a take and their graces, numbered from 0 in the order in which they
are written; a bounce of a press is none of them, nor is an unintended stroke. Each written stroke is
either among the strokes, with its number, or among the omissions.
"""

from dataclasses import dataclass, fields

import numpy as np

from sousa.generation.audio.voices import VARIANTS
from sousa.generation.rudiments import mistakes, ornaments
from sousa.generation.rudiments.performance import TAP_VELOCITY, Primaries, play_primaries, traits
from sousa.generation.seeds import stream

TAP, GRACE, BUZZ, BOUNCE, STRAY = 0, 1, 2, 3, 4

GRACE_RATIO = 0.55
BOUNCE_RATIO = 0.8
FLAT_LEAD_MS, FLAT_RATIO = (1.6, 5.0), 0.92  # of a grace that falls on its primary
ADDED_RATIO = {"double": (0.30, 0.62), "touch": (0.16, 0.40)}  # velocity over that of a tap

LEAD_IN_SEC = 0.4  # at least; always whole beats
FIRST_STROKE_MS = 20.0  # no stroke before this
RING_OUT_SEC = 0.5


@dataclass
class Omissions:
    """Written strokes of a batch that were not played: M of them, in take order and as they are written."""

    start: np.ndarray  # int64 (T+1,), those of take t are start[t]:start[t+1]
    take: np.ndarray  # int64 (M,)
    kind: np.ndarray  # int8 (M,), TAP, GRACE or BUZZ
    hand: np.ndarray  # int8 (M,), written: 0 right, 1 left
    accent: np.ndarray  # bool (M,)
    diddle: np.ndarray  # int8 (M,), 1, 2 or 0
    position: np.ndarray  # int64 (M,), as of strokes
    cycle: np.ndarray  # int64 (M,)
    beat: np.ndarray  # float64 (M,)
    child: np.ndarray  # int8 (M,)
    graces: np.ndarray  # int8 (M,), written graces of the primary
    written: np.ndarray  # int64 (M,), number among the written strokes of the take
    mistake: np.ndarray  # int8 (M,), see :data:`.mistakes.KINDS`
    intended_sample: np.ndarray  # int64 (M,)


@dataclass
class Performances:
    """Strokes of a batch of T takes: N strokes, in take order and inside a take in time order."""

    takes: list
    start: np.ndarray  # int64 (T+1,), first stroke of each take; those of take t are start[t]:start[t+1]
    lead_in_beats: np.ndarray  # int64 (T,); the grid begins after the lead-in
    lead_in_samples: np.ndarray  # int64 (T,)
    num_samples: np.ndarray  # int64 (T,)
    num_written: np.ndarray  # int64 (T,), written strokes
    dynamic: np.ndarray  # float64 (T,), velocity added to the written level of the take
    drift_ms: np.ndarray  # float64 (T,), displacement by tempo drift at the end of the take
    omissions: Omissions
    take: np.ndarray  # int64 (N,)
    kind: np.ndarray  # int8 (N,), TAP, GRACE, BUZZ, BOUNCE or STRAY: unintended
    hand: np.ndarray  # int8 (N,), that plays: 0 right, 1 left
    written_hand: np.ndarray  # int8 (N,), -1 for unintended strokes
    accent: np.ndarray  # bool (N,), written as an accent
    accent_played: np.ndarray  # bool (N,), played as one
    diddle: np.ndarray  # int8 (N,), 1, 2 or 0
    position: np.ndarray  # int64 (N,), place of the stroke's primary in the cycle
    cycle: np.ndarray  # int64 (N,), cycle of the primary
    primary: np.ndarray  # int64 (N,), number of the primary among those of the batch
    beat: np.ndarray  # float64 (N,), of the primary, from the first beat of the figure
    slot_ms: np.ndarray  # float64 (N,), written time since the primary before
    child: np.ndarray  # int8 (N,), 1-based number of a grace or bounce under its primary, else 0
    parent: np.ndarray  # int64 (N,), index in the take of the primary of a grace or bounce, else -1
    written: np.ndarray  # int64 (N,), number among the written strokes of the take, -1 for none
    mistake: np.ndarray  # int8 (N,), see :data:`.mistakes.KINDS`
    onset_sample: np.ndarray  # int64 (N,)
    intended_sample: np.ndarray  # int64 (N,), -1 for unintended strokes
    intended_lead_ms: np.ndarray  # float64 (N,), written lead of a grace before its primary, else 0
    velocity: np.ndarray  # int16 (N,)
    intended_velocity: np.ndarray  # int16 (N,), 0 for unintended strokes
    variant: np.ndarray  # int64 (N,), round-robin variant of the drum's sound that a rendering plays


def play(takes, sample_rate):
    """Play a batch of takes.

    Args:
        takes: non-empty list of :class:`sousa.generation.rudiments.score.Take`.
        sample_rate: corpus rate in Hz.

    Returns: :class:`Performances`.
    """
    p, trait = Primaries(takes), traits(takes)
    played, wrong = play_primaries(p, trait)
    kept, delay, delay_written = ornaments.bounces(p, trait, played.time_ms)
    leads = _grace_leads(p, trait, played.time_ms, wrong)
    added = _added(p, played.time_ms, wrong, leads)
    events = _events(p, played, wrong, trait, leads, (kept, delay, delay_written), added)
    return _on_samples(p, played, events, sample_rate)


def _grace_leads(p, trait, time_ms, wrong):
    """Leads of graces before their primary, played and written, ms: those that fall on it nearly none."""
    first, last, first_written, last_written = ornaments.grace_leads(p, trait, time_ms)
    low, high = FLAT_LEAD_MS
    flat = wrong.graces == mistakes.number("flat_grace")
    return np.where(flat, low + (high - low) * wrong.draw[:, 1], first), last, first_written, last_written


def _added(p, time_ms, wrong, leads):
    """Time after its primary of each stroke that is added, ms; 0 for none."""
    graces = np.where(wrong.graces == mistakes.number("dropped_grace"), 0, p.graces)
    begins = np.where(graces > 0, time_ms - leads[0], time_ms)
    # of strokes that are left out nothing is heard, but what is added keeps clear of them all the same
    following = np.append(begins[1:], np.inf)
    following[p.start[1:] - 1] = np.inf
    return mistakes.added_ms(p, wrong, time_ms, following)


def _events(p, played, wrong, trait, leads, bounces, added):
    """All strokes, written and played: dict of arrays (E,), those left out among them (``omitted``)."""
    kept, delay, delay_written = bounces
    stray = added > 0.0
    size = p.graces + 1 + kept.sum(1) + stray
    first = np.concatenate([[0], np.cumsum(size)])
    place = first[:-1] + p.graces  # of the primary itself
    primary = np.repeat(np.arange(len(p.take)), size)
    offset = np.arange(first[-1]) - place[primary]  # <0 graces, 0 primary, >0 bounces and what is added
    is_stray = stray[primary] & (np.arange(first[-1]) == (first[1:] - 1)[primary])
    kinds = is_grace, is_bounce, is_stray = offset < 0, (offset > 0) & ~is_stray, is_stray
    child = np.where(is_grace, offset + p.graces[primary] + 1, np.where(is_bounce, offset, 0)).astype(np.int8)
    is_child = is_grace | is_bounce

    lead1, lead2, written1, written2 = leads
    second = is_grace & (child == 2)
    lead = np.where(second, lead2[primary], lead1[primary])
    lead_written = np.where(second, written2[primary], written1[primary])
    step = np.where(is_bounce, offset - 1, 0)
    at = played.time_ms[primary]
    at = np.select(kinds, (at - lead, at + delay[primary, step], at + added[primary]), at)
    more = np.select((is_grace, is_bounce), (-lead_written, delay_written[step]), 0.0)

    t = p.take[primary]
    z_child = p.z[primary, np.where(is_bounce, 9 + ornaments.MAX_BOUNCES + step, np.where(second, 7, 6))]
    flat = (wrong.graces == mistakes.number("flat_grace"))[primary]
    graces_ratio = np.where(flat, FLAT_RATIO, trait["grace_velocity_ratio"][t]) * (1.0 + 0.12 * z_child)
    bounces_ratio = _powers(trait["buzz_decay"])[t, step] * (1.0 + 0.06 * z_child)
    ratio = np.select((is_grace, is_bounce), (graces_ratio, bounces_ratio), 1.0)
    bounces_written = _powers(np.array([BOUNCE_RATIO]))[0, step]
    ratio_written = np.select((is_grace, is_bounce), (GRACE_RATIO, bounces_written), 1.0)
    loud = played.velocity[primary] * ratio
    loud = np.where(is_stray, _added_velocity(wrong, played, p.take)[primary], loud)
    touch = (wrong.added == mistakes.number("touch"))[primary] & is_stray
    hand, written_hand = p.hand[primary], p.written_hand[primary]
    written_hand = np.where(is_stray, -1, np.where(is_grace, 1 - written_hand, written_hand))
    swapped = np.where(wrong.swapped, mistakes.number("wrong_hand"), 0)[primary]
    mistake = np.select(
        (is_stray, is_grace, is_bounce),
        # a bounce is no written stroke: what is wrong with a press counts once
        (wrong.added[primary], np.where(wrong.graces[primary] > 0, wrong.graces[primary], swapped), 0),
        wrong.kind[primary],
    )
    left_out = wrong.omitted[primary]
    dropped = is_grace & (wrong.graces == mistakes.number("dropped_grace"))[primary]
    return {
        "take": t, "primary": primary, "child": child, "graces": p.graces[primary],
        "kind": np.select((*kinds, p.buzz[primary]), (GRACE, BOUNCE, STRAY, BUZZ), TAP).astype(np.int8),
        "hand": np.where(is_grace | touch, 1 - hand, hand).astype(np.int8),
        "written_hand": written_hand.astype(np.int8),
        "accent": p.accent[primary] & ~is_child & ~is_stray,
        "accent_played": wrong.accent[primary] & ~is_child & ~is_stray,
        "diddle": np.where(is_child | is_stray, 0, p.diddle[primary]).astype(np.int8),
        **{name: getattr(p, name)[primary] for name in ("position", "cycle", "beat", "slot_ms")},
        "is_child": is_child, "is_written": ~is_bounce & ~is_stray, "is_stray": is_stray,
        "mistake": np.where(left_out > 0, left_out, mistake).astype(np.int8),
        "omitted": (left_out > 0) | dropped,
        "time_ms": at, "target_beat": p.beat[primary], "target_ms": more,
        "draw": _variant_draws(p, primary, child, is_grace, is_bounce, is_stray, wrong),
        "intended_lead_ms": np.where(is_grace, lead_written, 0.0),
        "velocity": _bend(loud),
        "intended_velocity": _bend(played.intended_velocity[primary] * ratio_written) * ~is_stray,
    }  # fmt: skip


def _added_velocity(wrong, played, take):
    """Velocity of the stroke that is added after each primary: softer than a tap."""
    out = np.zeros(len(take))
    for kind, (low, high) in ADDED_RATIO.items():
        ratio = low + (high - low) * wrong.draw[:, 1]
        out = np.where(wrong.added == mistakes.number(kind), ratio, out)
    return out * (np.minimum(played.intended_velocity, TAP_VELOCITY + played.dynamic[take]))


def _on_samples(p, played, events, sample_rate):
    """Put events on samples, and part strokes from omissions: Performances."""
    count, t = len(p.takes), events["take"]
    start = np.concatenate([[0], np.cumsum(np.bincount(t, minlength=count))])
    written = np.cumsum(events["is_written"])
    written = np.where(events["is_written"], written - np.append(0, written)[start[t]] - 1, -1)
    num_written = np.bincount(t, weights=events["is_written"], minlength=count).astype(np.int64)
    there = ~events["omitted"]
    when = np.where(there, events["time_ms"], np.inf)
    earliest = np.minimum(np.minimum.reduceat(when, start[:-1]), 0.0)
    lead_in_beats = np.ceil(np.maximum(LEAD_IN_SEC * 1000.0, FIRST_STROKE_MS - earliest) / p.beat_ms - 1e-9)
    lead_in_ms = lead_in_beats * p.beat_ms
    per_ms = sample_rate / 1000.0
    onset = np.rint((lead_in_ms[t] + events["time_ms"]) * per_ms).astype(np.int64)
    place = events["target_beat"], p.beat_ms[t]
    target = grid_sample(lead_in_beats[t], *place, sample_rate, events["target_ms"])
    target = np.where(events["is_stray"], -1, target)

    out = np.flatnonzero(there)
    take = t[out]
    begins = np.concatenate([[0], np.cumsum(np.bincount(take, minlength=count))])
    # where the primary of each stroke is among those of its take; it is there where its children are
    main = np.full(len(p.take), -1)
    is_main = there & ~events["is_child"] & ~events["is_stray"]
    index = np.cumsum(there) - 1 - begins[t]
    main[events["primary"][is_main]] = index[is_main]
    parent = np.where(events["is_child"], main[events["primary"]], -1)
    names = {field.name for field in fields(Performances)} & events.keys()
    strokes = {name: events[name][out] for name in names}
    left = np.flatnonzero(~there & events["is_written"])
    of_take = np.concatenate([[0], np.cumsum(np.bincount(t[left], minlength=count))])
    kept = {field.name for field in fields(Omissions)} & events.keys()
    missing = {name: events[name][left] for name in kept - {"hand"}}
    return Performances(
        takes=p.takes,
        start=begins,
        lead_in_beats=lead_in_beats.astype(np.int64),
        lead_in_samples=grid_sample(lead_in_beats, 0.0, p.beat_ms, sample_rate),
        num_samples=onset[out][begins[1:] - 1] + round(RING_OUT_SEC * sample_rate),
        num_written=num_written,
        dynamic=played.dynamic,
        drift_ms=played.drift_ms,
        omissions=Omissions(
            start=of_take,
            hand=events["written_hand"][left],
            written=written[left],
            intended_sample=target[left],
            **missing,
        ),
        **strokes,
        parent=parent[out],
        written=written[out],
        onset_sample=onset[out],
        intended_sample=target[out],
        variant=_round_robin(events["draw"][out], begins),
    )


def _bend(velocity):
    """Bend velocities softly into 2-126: the rails are approached, not hit."""
    over, under = np.maximum(velocity - 108.0, 0.0), np.maximum(14.0 - velocity, 0.0)
    bent = np.clip(velocity, 14.0, 108.0) + 18.0 * over / (over + 18.0) - 12.0 * under / (under + 12.0)
    return np.clip(np.rint(bent), 1, 127).astype(np.int16)


def num_mistakes(p: Performances) -> np.ndarray:
    """Strokes with a mistake, and omissions, of each take: int64 (T,)."""
    return np.bincount(p.take[p.mistake > 0], minlength=len(p.takes)) + np.diff(p.omissions.start)


def grid_sample(lead_in_beats, beat, beat_ms, sample_rate, more_ms=0.0):
    """Sample of a place on the grid: the one way from beats to samples.

    Args:
        lead_in_beats: before the first beat of the figure.
        beat: from that beat on, in quarter notes.
        beat_ms: length of a quarter note.
        more_ms: what is added to it.
    """
    time_ms = lead_in_beats * beat_ms + (beat * beat_ms + more_ms)
    return np.rint(time_ms * (sample_rate / 1000.0)).astype(np.int64)


def _variant_draws(p, primary, child, is_grace, is_bounce, is_stray, wrong):
    """A draw from 0 to VARIANTS - 1 for each event, the same whatever else happens in the take."""
    width = 3 + ornaments.MAX_BOUNCES
    draws = np.concatenate(
        [
            stream(t.seed, "round robin", t.player.index, t.form.form, t.tempo_index).integers(
                0, VARIANTS, (count, width)
            )
            for t, count in zip(p.takes, p.count.tolist(), strict=True)
        ]
    )
    place = np.where(is_grace, child - 1, np.where(is_bounce, 2 + child, 2))
    own = draws[primary, place]
    return np.where(is_stray, (wrong.draw[primary, 1] * VARIANTS).astype(np.int64), own)


def _round_robin(draws, start):
    """A variant of the drum's sound for each stroke that is heard, never the same twice running."""
    out, begins, before = [], set(start.tolist()), -1
    for i, draw in enumerate(draws.tolist()):
        if i in begins:
            before = -1
        before = (draw + 1) % VARIANTS if draw == before else draw
        out.append(before)
    return np.array(out, dtype=np.int64)


def _powers(base):
    """Powers 1 to MAX_BOUNCES of each element, by multiplication: the same on every machine."""
    return np.cumprod(np.repeat(base[:, None], ornaments.MAX_BOUNCES, axis=1), axis=1)
